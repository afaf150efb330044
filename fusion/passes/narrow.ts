/**
 * Narrowing: JavaScript's numbers are f64, but where ranges prove a value to be an integer of 32 bits, the same result can be
 * had from cheaper i32 arithmetic; and where all operands are exactly f32, a rounded f64 operation is the f32 one.
 *
 * Values are narrowed where they are needed as integers (bitwise operators, integer arrays, comparisons, indices, exact sums) or
 * kept in a variable; f64 arithmetic that needs f64 stays as it is.
 */
import { apply, constant, convert, local, select } from "../build.js";
import { I32, within, type Interval } from "../interval.js";
import type { Expr, ExprOf, Kernel, ReduceOp, Scan, SingleSink, Sink, SinkOf, Stmt } from "../ir.js";
import { isUniform, leftFold, mapExpr, mapKernel, sinksOf, walkKernel } from "../traverse.js";
import { divisionOf, quotient, remainder, type Rounding } from "./divide.js";
import { Ranges } from "./ranges.js";
import { simplifyExpr } from "./simplify.js";

/** Every integer up to here is an f32. */
const SINGLE_EXACT = 2 ** 24;

export function narrow(kernel: Kernel): Kernel {
  const narrowing = new Narrowing(kernel);
  return narrowing.narrowSink(narrowing.body());
}

/** The same, but for what becomes of the values. */
export const narrowBody = (kernel: Kernel): Kernel => new Narrowing(kernel).body();

class Narrowing {
  private readonly ranges: Ranges;
  /** Locals that become i32. */
  private readonly whole: ReadonlySet<string>;

  constructor(private readonly kernel: Kernel) {
    this.ranges = new Ranges(kernel);
    this.whole = this.wholeLocals();
  }

  body(): Kernel {
    return mapKernel(this.kernel, {
      expr: expr => simplifyExpr(mapExpr(expr, node => this.node(node))),
      stmt: stmt => this.statement(stmt),
    });
  }

  /**
   * The f64 locals that hold only 32-bit integers, and are only given values that can be computed as such. In a kernel that
   * has nothing of 32 bits besides they stay f64: lanes of one width are cheaper than the narrower type.
   */
  private wholeLocals(): ReadonlySet<string> {
    if (!this.hasNarrowValues()) return new Set();
    const values = new Map<string, Expr[]>();
    const fold = leftFold(this.kernel.sink);
    walkKernel(this.kernel, {
      stmt: stmt => {
        if (stmt.kind !== "declare" && stmt.kind !== "assign") return;
        if (stmt.kind === "declare" && stmt.type !== "f64") return;
        if (stmt.name === fold?.first) return;
        if (stmt.kind === "declare") values.set(stmt.name, [stmt.value]);
        else values.get(stmt.name)?.push(stmt.value);
      },
    });
    const whole = new Set([...values.keys()].filter(name => within(this.ranges.local(name), I32.low, I32.high)));
    for (let before = -1; before !== whole.size; ) {
      before = whole.size;
      for (const name of whole) {
        if (!(values.get(name) ?? []).every(value => this.integer(value, false, whole) !== null)) whole.delete(name);
      }
    }
    return whole;
  }

  private hasNarrowValues(): boolean {
    let found = false;
    const { source, arrays } = this.kernel;
    const wide = (element: string): boolean => element === "f64" || element === "i64" || element === "u64";
    if (source.kind === "array" && !wide(source.element)) found = true;
    if (arrays.some(({ element }) => !wide(element))) found = true;
    walkKernel(this.kernel, { expr: expr => (found ||= expr.type === "f32" || expr.type === "i32" || expr.type === "u32") });
    return found;
  }

  private node(expr: Expr): Expr {
    // Reads of a narrowed local are i32, widened to what the reader expects.
    if (expr.kind === "local") return this.whole.has(expr.name) && expr.type === "f64" ? convert("f64", local("i32", expr.name)) : expr;
    if (expr.kind === "read") return expr.at.type === "f64" ? { ...expr, at: this.integer(expr.at, true) ?? expr.at } : expr;
    if (expr.kind !== "apply") return expr;
    const [a, b] = expr.args;
    switch (expr.op) {
      case "convert":
        return this.conversion(expr, a as Expr);
      case "lt":
      case "le":
      case "gt":
      case "ge":
      case "eq":
      case "ne": {
        if (a?.type !== "f64" || b?.type !== "f64") return expr;
        const [x, y] = [this.integer(a, true), this.integer(b, true)];
        // Where one side is a constant and the other a lone conversion from f32 or the like, nothing is won.
        if (x !== null && y !== null) return apply(expr.op, x, y);
        // Any number can be compared with integers, if it is the same one for all: emitters may have a cheap way.
        if (x !== null && isUniform(b) && isComputed(a)) return apply(expr.op, convert("f64", x), b);
        if (y !== null && isUniform(a) && isComputed(b)) return apply(expr.op, a, convert("f64", y));
        return expr;
      }
      case "clampU8": {
        const whole = a?.type === "f64" ? this.integer(a, true) : null;
        return whole === null ? expr : apply("max", apply("min", whole, constant("i32", 255)), constant("i32", 0));
      }
      default:
        return expr;
    }
  }

  private conversion(expr: ExprOf<"apply">, from: Expr): Expr {
    if (from.type !== "f64") return expr;
    switch (expr.type) {
      case "i32":
      case "u32": {
        const whole = this.congruent(from);
        return whole === null ? expr : convert(expr.type, whole);
      }
      case "bool": {
        const whole = this.integer(from, true);
        return whole === null ? expr : convert("bool", whole);
      }
      case "f32":
        return this.single(from) ?? expr;
      case "f64":
      case "i64":
      case "u64":
        return expr;
      default:
        return expr.type satisfies never;
    }
  }

  /**
   * An f64 value as an i32 expression of the same value; null where that cannot be proved. With `loose`, -0 may become 0: for
   * readers that do not tell them apart.
   */
  private integer(expr: Expr, loose: boolean, whole: ReadonlySet<string> = this.whole): Expr | null {
    switch (expr.kind) {
      case "const": {
        const value = expr.value as number;
        return Number.isInteger(value) && value === (value | 0) && (loose || !Object.is(value, -0)) ? constant("i32", value | 0) : null;
      }
      case "local":
        return whole.has(expr.name) ? local("i32", expr.name) : null;
      case "select": {
        const [yes, no] = [this.integer(expr.yes, loose, whole), this.integer(expr.no, loose, whole)];
        return yes && no ? select(expr.test, yes, no) : null;
      }
      case "apply":
        return this.integerApply(expr, loose, whole);
      case "capture":
      case "element":
      case "index":
      case "axis":
      case "column":
      case "length":
      case "read":
        return null;
      default:
        return expr satisfies never;
    }
  }

  private integerApply(expr: ExprOf<"apply">, loose: boolean, whole: ReadonlySet<string>): Expr | null {
    const [a, b] = expr.args as [Expr, Expr];
    if (expr.op === "convert") {
      if (a.type === "i32") return a;
      if (a.type === "bool") return convert("i32", a);
      return a.type === "u32" && within(this.ranges.of(a), 0, I32.high) ? convert("i32", a) : null;
    }
    if (expr.type !== "f64" || !within(this.ranges.of(expr), I32.low, I32.high, loose)) return null;
    const one = (): Expr | null => this.integer(a, loose, whole);
    const two = (op: "add" | "sub" | "mul" | "min" | "max", looseOperands: boolean): Expr | null => {
      const [x, y] = [this.integer(a, looseOperands, whole), this.integer(b, looseOperands, whole)];
      return x && y ? apply(op, x, y) : null;
    };
    switch (expr.op) {
      case "add":
      case "sub":
      case "mul":
      case "min":
      case "max":
        return two(expr.op, loose);
      case "neg":
      case "abs": {
        const x = one();
        return x && apply(expr.op, x);
      }
      case "floor":
      case "ceil":
      case "trunc":
      case "round":
        return one() ?? this.divided(expr.op, a, whole);
      case "rem": {
        const divisor = b.kind === "const" ? (b.value as number) : 0;
        const x = Number.isInteger(divisor) && divisor >= 2 && divisor <= 2 ** 30 ? this.integer(a, loose, whole) : null;
        return x && remainder({ expr: x, range: this.ranges.of(a) }, divisor);
      }
      default:
        return null;
    }
  }

  /** An integer divided by a constant, and rounded. */
  private divided(rounding: Rounding, expr: Expr, whole: ReadonlySet<string> = this.whole): Expr | null {
    const division = divisionOf(expr);
    const dividend = division && this.integer(division.dividend, true, whole);
    return dividend && quotient(rounding, { expr: dividend, range: this.ranges.of(division.dividend) }, division.divisor);
  }

  /** An i32 expression congruent to ToInt32 of an f64 value: additions and products may wrap if their exact results are exact f64s. */
  private congruent(expr: Expr): Expr | null {
    const same = this.integer(expr, true);
    if (same !== null) return same;
    if (expr.kind === "const" && Number.isFinite(expr.value)) return convert("i32", expr);
    if (expr.kind === "select") {
      const [yes, no] = [this.congruent(expr.yes), this.congruent(expr.no)];
      return yes && no ? select(expr.test, yes, no) : null;
    }
    if (expr.kind !== "apply") return null;
    const truncated = this.divided("trunc", expr);
    if (truncated !== null) return truncated;
    const [a, b] = expr.args as [Expr, Expr];
    if (expr.op === "convert") return a.type === "u32" ? convert("i32", a) : null;
    if (!isExactInteger(this.ranges.of(expr))) return null;
    switch (expr.op) {
      case "add":
      case "sub":
      case "mul": {
        const [x, y] = [this.congruent(a), this.congruent(b)];
        return x && y ? apply(expr.op, x, y) : null;
      }
      case "neg": {
        const x = this.congruent(a);
        return x && apply("neg", x);
      }
      default:
        return null;
    }
  }

  /** f64 arithmetic on exact f32 values, about to be rounded to f32: the f32 operation itself (rounding twice is harmless at these widths). */
  private single(expr: Expr): Expr | null {
    if (expr.kind !== "apply" || !["add", "sub", "mul", "div", "sqrt"].includes(expr.op)) return null;
    const args = expr.args.map(arg => this.exactSingle(arg));
    return args.every(arg => arg !== null) ? apply(expr.op as "add", ...args) : null;
  }

  private exactSingle(expr: Expr): Expr | null {
    if (expr.kind === "const") return Object.is(Math.fround(expr.value as number), expr.value) ? constant("f32", expr.value) : null;
    if (expr.kind === "apply" && expr.op === "convert" && expr.args[0]?.type === "f32") return expr.args[0];
    const whole = this.integer(expr, false);
    return whole !== null && within(this.ranges.of(expr), -SINGLE_EXACT, SINGLE_EXACT) ? convert("f32", whole) : null;
  }

  private statement(stmt: Stmt): Stmt {
    if (stmt.kind === "store") return stmt.at.type === "f64" ? { ...stmt, at: this.integer(stmt.at, true) ?? stmt.at } : stmt;
    if ((stmt.kind !== "declare" && stmt.kind !== "assign") || !this.whole.has(stmt.name)) return stmt;
    const value = this.integer(stmt.value, false) ?? convert("i32", stmt.value);
    return stmt.kind === "declare" ? { ...stmt, type: "i32", value } : { ...stmt, value };
  }

  /** Sums of 32-bit integers are exact in i64; the least and greatest of them need no f64. */
  narrowSink(kernel: Kernel): Kernel {
    const { sink } = kernel;
    const last = kernel.body.at(-1);
    if (sink.kind === "scan") return this.narrowScan(kernel, sink);
    if (last?.kind !== "yield") return kernel;
    const pairs = sinksOf(sink).map((single, place) => this.narrowed(single, last.values[place] ?? null));
    if (pairs.every(pair => pair === null)) return kernel;
    const values = last.values.map((value, place) => pairs[place]?.value ?? value);
    const sinks = sinksOf(sink).map((single, place) => pairs[place]?.sink ?? single);
    return { ...kernel, body: [...kernel.body.slice(0, -1), { kind: "yield", values }], sink: sink.kind === "several" ? { ...sink, sinks: sinks as readonly SinkOf<"reduce">[] } : (sinks[0] as Sink) };
  }

  private narrowed(sink: SingleSink, value: Expr | null): { readonly sink: SinkOf<"reduce">; readonly value: Expr } | null {
    if (sink.kind !== "reduce" || value?.type !== "f64") return null;
    const narrowed = this.narrowTerm(sink.op, value);
    if (narrowed === null) return null;
    const add = sink.op === "add";
    // The least of no i32 is not the identity of i32 but Infinity: the count tells.
    return { value: narrowed, sink: { ...sink, term: narrowed.type, type: add ? "i64" : narrowed.type, counted: sink.counted || !add } };
  }

  /** Running sums of integers that are stored in an integer array: the bits that it keeps are exact in sums that wrap. Least and greatest ones that begin with an element need no f64. */
  private narrowScan(kernel: Kernel, sink: Scan): Kernel {
    const { order, seed, stored } = sink;
    const last = kernel.body.at(-1);
    const wraps = stored.kind === "apply" && stored.op === "convert" && (stored.type === "i32" || stored.type === "u32");
    if (order.kind !== "canonical" || order.term !== "f64" || !wraps || last?.kind !== "yield") return kernel;
    const [value] = last.values;
    const term = value === undefined ? null : this.runningTerm(order.op, value, seed);
    if (term === null) return kernel;
    return {
      ...kernel,
      scalars: kernel.scalars.map(scalar => (scalar.name === seed ? { ...scalar, type: "i32" } : scalar)),
      body: [...kernel.body.slice(0, -1), { kind: "yield", values: [term] }],
      sink: { ...sink, type: "i32", order: { ...order, term: "i32" }, stored: convert(stored.type, local("i32", sink.running)) },
    };
  }

  private runningTerm(op: ReduceOp, value: Expr, seed: string | null): Expr | null {
    if (op === "add") return isExactInteger(this.ranges.of(value)) ? this.congruent(value) : null;
    return (op === "min" || op === "max") && seed === null ? this.integer(value, true) : null;
  }

  private narrowTerm(op: string, value: Expr): Expr | null {
    if (op !== "add" && op !== "min" && op !== "max") return null;
    const whole = this.integer(value, op === "add");
    if (whole !== null || op !== "add") return whole;
    const from = value.kind === "apply" && value.op === "convert" ? value.args[0] : undefined;
    return from?.type === "u32" ? from : null;
  }
}

const isComputed = (expr: Expr): boolean => !(expr.kind === "apply" && expr.op === "convert") && !isUniform(expr);
const isExactInteger = (interval: Interval): boolean => within(interval, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, true);
