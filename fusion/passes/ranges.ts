/**
 * Range analysis: an interval for every number in a kernel.
 *
 * A local's interval covers all values it is ever given. It is found by walking the body again and again, widening bounds that
 * keep growing to the next landmark, until nothing changes. On the way, comparisons that guard a statement narrow what is
 * read there (`j < 100` inside `while (j < 100)`), until the local is assigned.
 */
import { ANY, I32, RANGE, U32, exactly, integers, sameInterval, union, within, type Interval } from "../interval.js";
import type { Expr, ExprOf, Kernel, Stmt } from "../ir.js";
import { operator } from "../ops.js";
import { assignedIn, leavesOf, leftFold, walkKernel } from "../traverse.js";
import { ELEMENTS, type ElementType } from "../types.js";
import { basesOf } from "./places.js";

/** Counts of elements: no array is longer. */
const PLACE = integers(0, Number.MAX_SAFE_INTEGER);
const PATIENCE = 4;
const LANDMARKS = [0, 1, 255, 256, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER, Infinity];

type Facts = ReadonlyMap<string, Interval>;
const NO_FACTS: Facts = new Map();

export class Ranges {
  private readonly locals = new Map<string, Interval>();
  private readonly elements: ReadonlyMap<string, ElementType>;
  private readonly carried: string | null;
  private readonly bases: ReadonlySet<string>;
  private readonly captured: ReadonlyMap<string, Interval>;
  private readonly landmarks: readonly number[];
  /** What is known of locals where a statement runs that reads or writes an array. */
  private readonly known = new Map<Stmt, Facts>();
  private changed = true;
  private round = 0;

  constructor(private readonly kernel: Kernel) {
    this.elements = new Map(kernel.arrays.map(({ name, element }) => [name, element]));
    this.carried = leftFold(kernel.sink)?.accumulator ?? null;
    this.bases = basesOf(kernel);
    this.captured = new Map(kernel.scalars.flatMap(({ name, range }) => (range === undefined ? [] : [[name, range]])));
    this.landmarks = landmarksOf(kernel);
    while (this.changed) {
      this.changed = false;
      this.round++;
      this.walk(kernel.body, NO_FACTS);
    }
  }

  /** Every value the local ever holds. */
  local(name: string): Interval {
    return this.locals.get(name) ?? ANY;
  }

  /** The interval of a number where a statement runs that reads or writes an array: it may be narrower than that of all its values. */
  at(stmt: Stmt, expr: Expr): Interval {
    return this.of(expr, this.known.get(stmt) ?? NO_FACTS);
  }

  /** The interval of a number (of any number type); `ANY` for other types. */
  of(expr: Expr, facts: Facts = NO_FACTS): Interval {
    switch (expr.kind) {
      case "const":
        return typeof expr.value === "number" ? exactly(expr.value) : ANY;
      case "local":
        if (expr.name === this.carried) return ANY;
        return meet(this.locals.get(expr.name) ?? typeRange(expr), facts.get(expr.name));
      case "capture":
        return this.bases.has(expr.name) ? PLACE : (this.captured.get(expr.name) ?? typeRange(expr));
      case "element":
        return this.kernel.source.kind === "array" ? elementRange(this.kernel.source.element) : PLACE;
      case "index":
      case "axis":
      case "length":
        return PLACE;
      case "column":
      case "read": {
        const element = this.elements.get(expr.array);
        return element === undefined ? ANY : elementRange(element);
      }
      case "apply":
        return this.ofApply(expr, facts);
      case "select":
        return union(this.of(expr.yes, facts), this.of(expr.no, facts));
      default:
        return expr satisfies never;
    }
  }

  private ofApply(expr: ExprOf<"apply">, facts: Facts): Interval {
    const [first, second] = expr.args;
    if (first === undefined) return ANY;
    // A place and what came before it are a place.
    if (expr.op === "add" && second?.kind === "capture" && this.bases.has(second.name)) return PLACE;
    if (expr.op === "convert") return converted(expr, first, first.type === "bool" ? RANGE.boolean() : this.of(first, facts));
    if (first.type === "bool" || first.type === "i64" || first.type === "u64" || expr.type === "bool") return ANY;
    return settled(expr, operator(expr.op).range(...expr.args.map(arg => this.of(arg, facts))));
  }

  /** Walks statements under what guards them; gives the facts that hold after them. */
  private walk(stmts: readonly Stmt[], before: Facts): Facts {
    let facts = before;
    for (const stmt of stmts) facts = this.step(stmt, facts);
    return facts;
  }

  private step(stmt: Stmt, facts: Facts): Facts {
    switch (stmt.kind) {
      case "declare":
        if (stmt.value.kind === "read") this.known.set(stmt, facts);
        this.give(stmt.name, this.of(stmt.value, facts));
        return facts;
      case "assign": {
        if (stmt.value.kind === "read") this.known.set(stmt, facts);
        const interval = this.of(stmt.value, facts);
        this.give(stmt.name, interval);
        return new Map(facts).set(stmt.name, interval);
      }
      case "if": {
        const then = this.walk(stmt.then, this.assume(stmt.test, true, facts));
        const otherwise = this.walk(stmt.otherwise, this.assume(stmt.test, false, facts));
        if (alwaysLeaves(stmt.then)) return otherwise;
        if (alwaysLeaves(stmt.otherwise)) return then;
        return without(facts, assignedIn([stmt]));
      }
      case "loop":
      case "block": {
        const assigned = assignedIn(stmt.body);
        const outside = without(facts, assigned);
        this.walk(stmt.body, stmt.kind === "loop" ? outside : facts);
        return outside;
      }
      case "store":
        this.known.set(stmt, facts);
        return facts;
      case "leave":
      case "visit":
      case "yield":
        return facts;
      default:
        return stmt satisfies never;
    }
  }

  private give(name: string, interval: Interval): void {
    const known = this.locals.get(name);
    const joined = known === undefined ? interval : union(known, interval);
    if (known !== undefined && sameInterval(joined, known)) return;
    this.locals.set(name, known !== undefined && this.round > PATIENCE ? this.widened(known, joined) : joined);
    this.changed = true;
  }

  /** Bounds that still move jump to the next landmark, so that the analysis ends. */
  private widened(from: Interval, to: Interval): Interval {
    const high = to.high > from.high ? (this.landmarks.find(mark => mark >= to.high) ?? Infinity) : to.high;
    const low = to.low < from.low ? -(this.landmarks.find(mark => mark >= -to.low) ?? Infinity) : to.low;
    return { ...to, low, high, integral: to.integral && high < Infinity && low > -Infinity };
  }

  /** What is known of locals where a test came out true or false. */
  private assume(test: Expr, truth: boolean, facts: Facts): Facts {
    if (test.kind !== "apply") return facts;
    const [a, b] = test.args;
    if (test.op === "not" && a?.type === "bool") return this.assume(a, !truth, facts);
    if (a === undefined || b === undefined) return facts;
    if (test.op === (truth ? "and" : "or") && a.type === "bool") return this.assume(b, truth, this.assume(a, truth, facts));
    const bound = BOUNDS[test.op as keyof typeof BOUNDS] as ((x: Interval) => Partial<Interval>) | undefined;
    if (bound === undefined || a.type === "i64" || a.type === "u64") return facts;
    const [x, y] = [this.of(a, facts), this.of(b, facts)];
    // A comparison with NaN is false, so only its truth tells anything of values that may be NaN.
    if (!truth && (x.nan || y.nan)) return facts;
    const op = truth ? test.op : NEGATED[test.op as keyof typeof NEGATED];
    return this.bounded(this.bounded(facts, a, x, op, y), b, y, MIRRORED[op as keyof typeof MIRRORED], x);
  }

  private bounded(facts: Facts, expr: Expr, own: Interval, op: string, other: Interval): Facts {
    const name = localName(expr);
    if (name === null || name === this.carried) return facts;
    const limit = BOUNDS[op as keyof typeof BOUNDS](other, own.integral && other.integral);
    const met = meet(own, { ...ANY, ...limit, nan: false });
    return new Map(facts).set(name, met);
  }
}

const NEGATED = { lt: "ge", le: "gt", gt: "le", ge: "lt" } as const;
const MIRRORED = { lt: "gt", le: "ge", gt: "lt", ge: "le" } as const;
const BOUNDS = {
  lt: (y: Interval, whole = false) => ({ high: whole ? y.high - 1 : y.high }),
  le: (y: Interval) => ({ high: y.high }),
  gt: (y: Interval, whole = false) => ({ low: whole ? y.low + 1 : y.low }),
  ge: (y: Interval) => ({ low: y.low }),
} as const;

/** The local an expression reads, exact conversions aside. */
function localName(expr: Expr): string | null {
  if (expr.kind === "local") return expr.name;
  const [only] = expr.kind === "apply" && expr.op === "convert" && expr.type === "f64" ? expr.args : [];
  return only?.kind === "local" && only.type !== "bool" && only.type !== "i64" && only.type !== "u64" ? only.name : null;
}

function meet(a: Interval, b: Interval | undefined): Interval {
  if (b === undefined) return a;
  const low = Math.max(a.low, b.low);
  const high = Math.min(a.high, b.high);
  if (low > high) return a; // unreachable code: any interval will do
  return { low, high, integral: a.integral || b.integral, nan: a.nan && b.nan, negativeZero: a.negativeZero && b.negativeZero };
}

const without = (facts: Facts, names: ReadonlySet<string>): Facts => new Map([...facts].filter(([name]) => !names.has(name)));

/** Whether control never reaches the end of these statements. */
function alwaysLeaves(stmts: readonly Stmt[]): boolean {
  const last = stmts.at(-1);
  if (last === undefined) return false;
  switch (last.kind) {
    case "leave":
      return true;
    case "if":
      return alwaysLeaves(last.then) && alwaysLeaves(last.otherwise);
    case "loop":
      return !leavesOf(last.body).has(last.label);
    case "block":
      return alwaysLeaves(last.body) && !leavesOf(last.body).has(last.label);
    case "declare":
    case "assign":
    case "store":
    case "visit":
    case "yield":
      return false;
    default:
      return last satisfies never;
  }
}

function typeRange(expr: Expr): Interval {
  return expr.type === "i32" ? I32 : expr.type === "u32" ? U32 : ANY;
}

function elementRange(element: ElementType): Interval {
  const { integer, low, high, scalar } = ELEMENTS[element];
  return integer && scalar !== "i64" && scalar !== "u64" ? integers(low, high) : ANY;
}

function converted({ type }: Expr, from: Expr, interval: Interval): Interval {
  switch (type) {
    case "f64":
      return from.type === "i64" || from.type === "u64" ? { ...ANY, nan: false } : interval;
    case "f32":
      return from.type === "i64" || from.type === "u64" ? { ...ANY, nan: false } : settled({ type }, interval);
    case "i32":
      return within(interval, I32.low, I32.high, true) ? { ...interval, negativeZero: false } : I32;
    case "u32":
      return within(interval, 0, U32.high, true) ? { ...interval, negativeZero: false } : U32;
    case "bool":
    case "i64":
    case "u64":
      return ANY;
    default:
      return type satisfies never;
  }
}

/** An operation's mathematical interval after rounding or wrapping to the result's type. */
function settled({ type }: Pick<Expr, "type">, interval: Interval): Interval {
  switch (type) {
    case "f32": {
      const [low, high] = [Math.fround(interval.low), Math.fround(interval.high)];
      const integral = interval.integral && Math.abs(low) < Infinity && Math.abs(high) < Infinity;
      // A small negative fraction rounds to -0.
      return { low, high, integral, nan: interval.nan, negativeZero: interval.negativeZero || (!interval.integral && interval.low < 0) };
    }
    case "i32":
      return within(interval, I32.low, I32.high, true) ? { ...interval, negativeZero: false } : I32;
    case "u32":
      return within(interval, 0, U32.high, true) ? { ...interval, negativeZero: false } : U32;
    case "f64":
    case "bool":
    case "i64":
    case "u64":
      return interval;
    default:
      return type satisfies never;
  }
}

/** The constants of a kernel are where loops end, so they are good places to stop widening. */
function landmarksOf(kernel: Kernel): readonly number[] {
  const marks = new Set(LANDMARKS);
  walkKernel(kernel, {
    expr: expr => {
      if (expr.kind !== "const" || typeof expr.value !== "number" || !Number.isFinite(expr.value)) return;
      const size = Math.abs(expr.value);
      for (const mark of [size - 1, size, size + 1]) if (mark > 0) marks.add(mark);
    },
  });
  return [...marks].sort((x, y) => x - y);
}
