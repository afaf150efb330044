/**
 * Common subexpressions: an expression that stands twice is computed once, in a local before its first use, in the innermost
 * list of statements that holds all its uses. Only expressions of values that do not change within an element are shared, and
 * only ones without effects, so computing them earlier (or where a branch would not have) changes nothing.
 *
 * Expressions get numbers, the same number for the same value (Cocke and Schwartz, value numbering).
 */
import { local } from "../build.js";
import type { Expr, Kernel, Stmt } from "../ir.js";
import { assignedIn, bodiesOf, isEffect, mapOperands, mapStmts, namesOf, operandsOf, valuesOf } from "../traverse.js";
import { Names } from "./parameters.js";

export function share(kernel: Kernel): Kernel {
  const body = new Sharing(kernel).list(kernel.body);
  return body === kernel.body ? kernel : { ...kernel, body };
}

/** A value's uses in one list of statements. */
interface Uses {
  count: number;
  readonly expr: Expr;
  /** The index of the first statement that uses it. */
  readonly first: number;
}

class Sharing {
  private readonly changing: ReadonlySet<string>;
  private readonly names: Names;
  /** Numbers of expressions by what they are made of, and of the locals that hold them. */
  private readonly numbers = new Map<string, number>();
  private locals = new Map<string, number>();
  private known = new WeakMap<Expr, number | null>();

  constructor(kernel: Kernel) {
    this.changing = assignedIn(kernel.body);
    this.names = new Names(namesOf(kernel));
  }

  /** Statements with what repeats in them shared; the same array if nothing does. */
  list(stmts: readonly Stmt[]): readonly Stmt[] {
    let changed = false;
    const inner = stmts.map(stmt => {
      const next = this.nested(stmt);
      changed ||= next !== stmt;
      if (next.kind === "declare" && !this.changing.has(next.name)) {
        this.locals.set(next.name, this.number(next.value) ?? this.fresh());
      }
      return next;
    });
    const outer = this.shared(inner);
    return changed || outer !== inner ? outer : stmts;
  }

  private nested(stmt: Stmt): Stmt {
    if (bodiesOf(stmt).length === 0) return stmt;
    if (stmt.kind === "if") {
      const [then, otherwise] = [this.inner(stmt.then), this.inner(stmt.otherwise)];
      return then === stmt.then && otherwise === stmt.otherwise ? stmt : { ...stmt, then, otherwise };
    }
    if (stmt.kind !== "loop" && stmt.kind !== "block") return stmt;
    const body = this.inner(stmt.body);
    return body === stmt.body ? stmt : { ...stmt, body };
  }

  /** A list within a statement: outside of it, its locals are not known. */
  private inner(stmts: readonly Stmt[]): readonly Stmt[] {
    const outer = new Map(this.locals);
    const result = this.list(stmts);
    this.locals = outer;
    this.known = new WeakMap();
    return result;
  }

  private shared(stmts: readonly Stmt[]): readonly Stmt[] {
    const uses = new Map<number, Uses>();
    stmts.forEach((stmt, index) => this.count(stmt, index, uses));
    const repeated = new Set([...uses].filter(([, { count }]) => count > 1).map(([number]) => number));
    if (repeated.size === 0) return stmts;
    /** The locals that hold values by now. */
    const holders = new Map<number, string>();
    const result: Stmt[] = [];
    const replace = (expr: Expr): Expr => {
      const number = this.number(expr);
      const holder = number === null ? undefined : holders.get(number);
      if (holder !== undefined && (expr.kind === "apply" || expr.kind === "select")) return local(expr.type, holder);
      return mapOperands(expr, replace);
    };
    let changed = false;
    stmts.forEach((stmt, index) => {
      const whole = stmt.kind === "declare" && !this.changing.has(stmt.name) ? this.locals.get(stmt.name) : undefined;
      /** Declares what this statement is the first to use, parts before what is made of them. */
      const declare = (expr: Expr): void => {
        operandsOf(expr).forEach(declare);
        const number = this.number(expr);
        if (number === null || number === whole || holders.has(number) || !repeated.has(number) || uses.get(number)?.first !== index) return;
        const name = this.names.fresh("shared");
        result.push({ kind: "declare", name, type: expr.type, value: mapOperands(expr, replace), mutable: false });
        this.locals.set(name, number);
        holders.set(number, name);
        changed = true;
      };
      eachValue(stmt, declare);
      const [replaced] = mapStmts([stmt], { expr: replace });
      result.push(replaced as Stmt);
      changed ||= replaced !== stmt;
      if (whole !== undefined && repeated.has(whole) && !holders.has(whole) && stmt.kind === "declare") holders.set(whole, stmt.name);
    });
    return changed ? result : stmts;
  }

  /** Counts values that a statement uses. What a value is made of counts once, however often the value is used. */
  private count(stmt: Stmt, index: number, uses: Map<number, Uses>): void {
    const visit = (expr: Expr): void => {
      const number = this.number(expr);
      if (number !== null && (expr.kind === "apply" || expr.kind === "select")) {
        const known = uses.get(number);
        if (known !== undefined) {
          known.count++;
          return;
        }
        uses.set(number, { count: 1, expr, first: index });
      }
      operandsOf(expr).forEach(visit);
    };
    eachValue(stmt, visit);
  }

  private fresh(): number {
    const number = this.numbers.size;
    this.numbers.set(`local ${String(number)}`, number);
    return number;
  }

  /** The value's number; null for values that may change, are not known here or may fail. */
  private number(expr: Expr): number | null {
    if (expr.kind === "local") return this.changing.has(expr.name) ? null : (this.locals.get(expr.name) ?? null);
    const known = this.known.get(expr);
    if (known !== undefined) return known;
    const key = isEffect(expr) ? null : this.key(expr);
    let number: number | null = null;
    if (key !== null) {
      number = this.numbers.get(key) ?? this.numbers.size;
      this.numbers.set(key, number);
    }
    this.known.set(expr, number);
    return number;
  }

  private key(expr: Expr): string | null {
    const parts = operandsOf(expr).map(operand => this.number(operand));
    if (parts.includes(null)) return null;
    switch (expr.kind) {
      case "const":
        return `${expr.type}:${Object.is(expr.value, -0) ? "-0" : String(expr.value)}`;
      case "local":
        return null;
      case "capture":
        return `capture ${expr.name}`;
      case "element":
      case "index":
        return expr.kind;
      case "axis":
        return `axis ${expr.axis}`;
      case "column":
        return `column ${expr.array} ${expr.offset ?? 0}`;
      case "length":
        return `length ${expr.array}`;
      case "read":
        return null;
      case "apply":
        return `${expr.type}.${expr.op}(${parts.join()})`;
      case "select":
        return `select(${parts.join()})`;
      default:
        return expr satisfies never;
    }
  }
}

/** The expressions of a statement and of those in it, whole. */
function eachValue(stmt: Stmt, visit: (expr: Expr) => void): void {
  valuesOf(stmt).forEach(visit);
  for (const body of bodiesOf(stmt)) for (const inner of body) eachValue(inner, visit);
}
