/**
 * Integers divided by a constant, in i32: a multiplication and a shift, where the range of the dividend proves it exact.
 *
 * The f64 quotient of two such integers is less than 1 / divisor away from the true one, and so is on the same side of every
 * integer: what Math.floor, Math.round … make of it is what they make of the true quotient. Zeros come out as +0.
 */
import { apply, constant } from "../build.js";
import { I32, RANGE, exactly, within, type Interval } from "../interval.js";
import type { Expr, ExprOf } from "../ir.js";

/** An i32 expression and its values. */
export interface Whole {
  readonly expr: Expr;
  readonly range: Interval;
}

export type Rounding = "floor" | "ceil" | "round" | "trunc";

const int = (value: number): Expr => constant("i32", value);

/** The operands of a division by a positive integer; multiplication by the reciprocal of a power of two is one. */
export function divisionOf(expr: Expr): { readonly dividend: Expr; readonly divisor: number } | null {
  if (expr.kind !== "apply" || (expr.op !== "div" && expr.op !== "mul")) return null;
  const [dividend, by] = expr.args as [Expr, Expr];
  if (by.kind !== "const") return null;
  const divisor = expr.op === "div" ? (by as ExprOf<"const">).value as number : 1 / (by.value as number);
  const exact = expr.op === "div" || Math.log2(divisor) % 1 === 0;
  return exact && Number.isInteger(divisor) && divisor >= 2 && divisor <= 2 ** 30 ? { dividend, divisor } : null;
}

/** `dividend / divisor`, rounded; null where that takes more than 32 bits. */
export function quotient(rounding: Rounding, dividend: Whole, divisor: number): Expr | null {
  switch (rounding) {
    case "floor":
      return below(dividend, divisor);
    case "ceil":
      return below(moved(dividend, 1, divisor - 1), divisor);
    case "round":
      return below(moved(dividend, 2, divisor), 2 * divisor);
    case "trunc":
      return dividend.range.low >= 0 ? below(dividend, divisor) : towardsZero(dividend, divisor);
    default:
      return rounding satisfies never;
  }
}

/** `dividend % divisor`, but for the sign of zero. */
export function remainder(dividend: Whole, divisor: number): Expr | null {
  if (dividend.range.low >= 0 && isPowerOfTwo(divisor)) return apply("and", dividend.expr, int(divisor - 1));
  const whole = quotient("trunc", dividend, divisor);
  return whole && apply("sub", dividend.expr, apply("mul", whole, int(divisor)));
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/** `factor` times it and `more`. */
function moved({ expr, range }: Whole, factor: number, more: number): Whole {
  return {
    expr: apply("add", factor === 1 ? expr : apply("mul", expr, int(factor)), int(more)),
    range: RANGE.add(RANGE.mul(range, exactly(factor)), exactly(more)),
  };
}

/** The largest integer that is not above the quotient. */
function below(dividend: Whole, divisor: number): Expr | null {
  const { expr, range } = dividend;
  if (!within(range, I32.low, I32.high, true)) return null;
  if (isPowerOfTwo(divisor)) return apply("shr", expr, int(Math.log2(divisor)));
  // Up by a multiple of the divisor, so that nothing is negative.
  const up = range.low < 0 ? Math.ceil(-range.low / divisor) : 0;
  const scale = scaleFor(range.high + up * divisor, divisor);
  if (scale === null) return null;
  if (up === 0) return scaled(expr, scale);
  return apply("sub", scaled(apply("add", expr, int(up * divisor)), scale), int(up));
}

function towardsZero({ expr, range }: Whole, divisor: number): Expr | null {
  const negative = apply("shr", expr, int(31));
  if (isPowerOfTwo(divisor)) return apply("shr", apply("add", expr, apply("and", negative, int(divisor - 1))), int(Math.log2(divisor)));
  const scale = scaleFor(Math.max(-range.low, range.high), divisor);
  // The scale is a little more than the reciprocal: a negative product is below the integer that it should reach, by less than one.
  return scale && apply("sub", scaled(expr, scale), negative);
}

interface Scale {
  readonly factor: number;
  readonly shift: number;
}

const scaled = (expr: Expr, { factor, shift }: Scale): Expr => apply("shr", apply("mul", expr, int(factor)), int(shift));

/**
 * What divides integers up to `most`: factor / 2^shift is the reciprocal and a little more. The product's fraction, at most
 * 1 - 1 / divisor, grows by most · excess / (divisor · 2^shift), which must be less than 1 / divisor.
 */
function scaleFor(most: number, divisor: number): Scale | null {
  for (let shift = 1; shift < 31; shift++) {
    const factor = Math.ceil(2 ** shift / divisor);
    if (most * factor > I32.high) return null;
    if (most * (factor * divisor - 2 ** shift) < 2 ** shift) return { factor, shift };
  }
  return null;
}
