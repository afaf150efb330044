/**
 * Places in arrays as sums: so many times each axis, and a number. What is exact in doubles, and whole, is what it seems to be; all
 * else is not told.
 */
import type { Interval } from "./interval.js";
import type { Expr, ExprOf } from "./ir.js";
import type { ScalarType } from "./types.js";

/** `by` · the place along each axis, and something from `low` to `high`. All are whole numbers. */
export interface Affine {
  readonly by: readonly [number, number, number];
  readonly low: number;
  readonly high: number;
}

/** What is known where a kernel is called. */
export interface Facts {
  /** Of the space, along each of three axes; 1 along those that it has not. */
  readonly sizes: readonly [number, number, number];
  /** A scalar parameter's value; null if it is no number. */
  readonly scalar: (name: string) => number | null;
  readonly length: (array: string) => number;
  /** What a local that never changes stands for; null for others. */
  readonly meant: (local: string) => Expr | null;
  readonly range: (expr: Expr) => Interval;
}

/** What sums of each type are exact within: doubles far from rounding, integers that do not wrap. */
const LIMITS: Readonly<Partial<Record<ScalarType, readonly [number, number]>>> = { f64: [-(2 ** 52), 2 ** 52], i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] };
const NONE: Affine["by"] = [0, 0, 0];

const number = (value: number | null): Affine | null => (value !== null && Number.isSafeInteger(value) ? { by: NONE, low: value, high: value } : null);
const axis = (which: 0 | 1 | 2): Affine => ({ by: [0, 1, 2].map(one => (one === which ? 1 : 0)) as unknown as Affine["by"], low: 0, high: 0 });
const isNumber = ({ by, low, high }: Affine): boolean => by.every(one => one === 0) && low === high;

/** The least and the greatest place. */
export function extentOf({ by, low, high }: Affine, { sizes }: Pick<Facts, "sizes">): readonly [number, number] {
  let [least, most] = [low, high];
  by.forEach((step, along) => {
    const far = step * ((sizes[along] as number) - 1);
    least += Math.min(0, far);
    most += Math.max(0, far);
  });
  return [least, most];
}

/** A place of this kernel; null where it is not known to be such a sum. */
export function affineOf(expr: Expr, facts: Facts): Affine | null {
  const found = sumOf(expr, facts);
  if (found === null) return null;
  const [least, most] = extentOf(found, facts);
  const [low, high] = LIMITS[expr.type] ?? [0, -1];
  return least >= low && most <= high ? found : null;
}

function sumOf(expr: Expr, facts: Facts): Affine | null {
  switch (expr.kind) {
    case "const":
      return typeof expr.value === "number" ? number(expr.value) : null;
    case "capture":
      return number(facts.scalar(expr.name));
    case "length":
      return number(facts.length(expr.array));
    case "index":
      return axis(0);
    case "axis":
      return axis(expr.axis);
    case "local": {
      const meant = facts.meant(expr.name);
      return (meant === null ? null : affineOf(meant, facts)) ?? between(facts.range(expr));
    }
    case "apply":
      return ofApply(expr, facts) ?? between(facts.range(expr));
    case "select":
      return between(facts.range(expr));
    case "element":
    case "column":
    case "read":
      return null;
    default:
      return expr satisfies never;
  }
}

/** A whole number of which only the bounds are known, where these are near enough to be of any use. */
const between = ({ low, high, integral, nan }: Interval): Affine | null => (integral && !nan && high - low <= 65_536 ? { by: NONE, low, high } : null);

function ofApply({ op, args, type }: ExprOf<"apply">, facts: Facts): Affine | null {
  if (LIMITS[type] === undefined) return null;
  const [a, b] = args.map(arg => affineOf(arg, facts)) as [Affine | null, Affine | null | undefined];
  if (a === null) return null;
  switch (op) {
    case "convert":
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
      return a;
    case "neg":
      return times(a, -1);
    case "add":
      return b ? { by: plus(a.by, b.by), low: a.low + b.low, high: a.high + b.high } : null;
    case "sub":
      return b ? { by: plus(a.by, times(b, -1).by), low: a.low - b.high, high: a.high - b.low } : null;
    case "mul":
      if (!b) return null;
      return isNumber(b) ? times(a, b.low) : isNumber(a) ? times(b, a.low) : null;
    default:
      return null;
  }
}

const plus = (a: Affine["by"], b: Affine["by"]): Affine["by"] => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];

function times({ by, low, high }: Affine, factor: number): Affine {
  const [one, other] = [low * factor, high * factor];
  return { by: [by[0] * factor, by[1] * factor, by[2] * factor], low: Math.min(one, other), high: Math.max(one, other) };
}
