/**
 * Intervals of numbers: what range analysis knows of a value. One rule per operator is a column of the operator table.
 *
 * Bounds are computed with the operator's own rounding, and every rule below is monotonic in its bounds, so the result
 * encloses every value that the rounded operation can give.
 */

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Every value is a mathematical integer (an infinity counts as none: then `integral` is false). */
  readonly integral: boolean;
  /** The value may be NaN. */
  readonly nan: boolean;
  /** The value may be -0. */
  readonly negativeZero: boolean;
}

export type RangeRule = (...args: readonly Interval[]) => Interval;

export const ANY: Interval = { low: -Infinity, high: Infinity, integral: false, nan: true, negativeZero: true };
export const I32: Interval = integers(-(2 ** 31), 2 ** 31 - 1);
export const U32: Interval = integers(0, 2 ** 32 - 1);

/** All integers from `low` to `high`, without -0. */
export function integers(low: number, high: number): Interval {
  return { low, high, integral: true, nan: false, negativeZero: false };
}

export function exactly(value: number): Interval {
  if (Number.isNaN(value)) return { ...ANY, low: Infinity, high: -Infinity, integral: true, negativeZero: false };
  return { low: value, high: value, integral: Number.isInteger(value), nan: false, negativeZero: Object.is(value, -0) };
}

/** Values of either interval. */
export function union(a: Interval, b: Interval): Interval {
  return {
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
    integral: a.integral && b.integral,
    nan: a.nan || b.nan,
    negativeZero: a.negativeZero || b.negativeZero,
  };
}

export const sameInterval = (a: Interval, b: Interval): boolean =>
  a.low === b.low && a.high === b.high && a.integral === b.integral && a.nan === b.nan && a.negativeZero === b.negativeZero;

/** Whether every value is an integer within the bounds; -0 is allowed only with `orNegativeZero`. */
export const within = (a: Interval, low: number, high: number, orNegativeZero = false): boolean =>
  a.integral && !a.nan && a.low >= low && a.high <= high && (orNegativeZero || !a.negativeZero);

export const containsZero = (a: Interval): boolean => a.low <= 0 && a.high >= 0;

/** A bound that came out NaN (∞ - ∞, 0 · ∞) bounds nothing. */
function from(low: number, high: number, integral: boolean, nan: boolean, negativeZero: boolean): Interval {
  const bounded = low <= high;
  const least = bounded ? low : -Infinity;
  const most = bounded ? high : Infinity;
  return { low: least, high: most, integral: integral && least > -Infinity && most < Infinity, nan, negativeZero };
}

const infinite = (a: Interval): boolean => a.low === -Infinity || a.high === Infinity;

function corners(a: Interval, b: Interval, f: (x: number, y: number) => number): [number, number] {
  const values = [f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)];
  return values.some(Number.isNaN) ? [-Infinity, Infinity] : [Math.min(...values), Math.max(...values)];
}

/** The operators' rules. They take what the operator takes; missing arguments never happen (arity is verified). */
export const RANGE = {
  any: () => ANY,
  boolean: () => integers(0, 1),
  i32: () => I32,
  u32: () => U32,
  add: (a = ANY, b = ANY) =>
    from(a.low + b.low, a.high + b.high, a.integral && b.integral, a.nan || b.nan || (infinite(a) && infinite(b)), a.negativeZero && b.negativeZero),
  sub: (a = ANY, b = ANY) =>
    from(a.low - b.high, a.high - b.low, a.integral && b.integral, a.nan || b.nan || (infinite(a) && infinite(b)), a.negativeZero && containsZero(b)),
  mul: (a = ANY, b = ANY) => {
    const [low, high] = corners(a, b, (x, y) => x * y);
    // -0 comes of a zero of either sign and a factor of the other.
    const zeroTimesNegative = (containsZero(a) && b.low < 0) || (containsZero(b) && a.low < 0) || (a.negativeZero && b.high >= 0) || (b.negativeZero && a.high >= 0);
    const tiny = !(a.integral && b.integral) && (a.low < 0 || b.low < 0); // a product of fractions may underflow to -0
    const undefinedProduct = (infinite(a) && containsZero(b)) || (infinite(b) && containsZero(a));
    return from(low, high, a.integral && b.integral, a.nan || b.nan || undefinedProduct, zeroTimesNegative || tiny);
  },
  /** By one number that is not zero; other quotients are anything. */
  div: (a = ANY, b = ANY) => {
    if (b.low !== b.high || b.low === 0 || b.nan || infinite(b)) return ANY;
    const [low, high] = corners(a, b, (x, y) => x / y);
    return from(low, high, false, a.nan, a.low < 0 || a.negativeZero || b.low < 0);
  },
  neg: (a = ANY) => from(-a.high, -a.low, a.integral, a.nan, containsZero(a)),
  rem: (a = ANY, b = ANY) => {
    const most = Math.max(Math.abs(b.low), Math.abs(b.high));
    const limit = Math.min(most, Math.max(Math.abs(a.low), Math.abs(a.high)));
    const nan = a.nan || b.nan || containsZero(b) || infinite(a);
    return from(a.low < 0 ? -limit : 0, a.high > 0 ? limit : 0, a.integral && b.integral, nan, a.low < 0 || a.negativeZero);
  },
  abs: (a = ANY) => from(containsZero(a) ? 0 : Math.min(Math.abs(a.low), Math.abs(a.high)), Math.max(Math.abs(a.low), Math.abs(a.high)), a.integral, a.nan, false),
  floor: (a = ANY) => from(Math.floor(a.low), Math.floor(a.high), true, a.nan, a.negativeZero),
  ceil: (a = ANY) => from(Math.ceil(a.low), Math.ceil(a.high), true, a.nan, a.negativeZero || (a.low < 0 && a.high > -1)),
  trunc: (a = ANY) => from(Math.trunc(a.low), Math.trunc(a.high), true, a.nan, a.negativeZero || (a.low < 0 && a.high > -1)),
  round: (a = ANY) => from(Math.floor(a.low), Math.ceil(a.high), true, a.nan, a.negativeZero || (a.low < 0 && a.high > -1)),
  sign: (a = ANY) => from(Math.sign(a.low), Math.sign(a.high), true, a.nan, a.negativeZero),
  sqrt: (a = ANY) => from(a.low >= 0 ? Math.sqrt(a.low) : 0, a.high >= 0 ? Math.sqrt(a.high) : 0, false, a.nan || a.low < 0, a.negativeZero),
  min: (a = ANY, b = ANY) => from(Math.min(a.low, b.low), Math.min(a.high, b.high), a.integral && b.integral, a.nan || b.nan, a.negativeZero || b.negativeZero),
  max: (a = ANY, b = ANY) => from(Math.max(a.low, b.low), Math.max(a.high, b.high), a.integral && b.integral, a.nan || b.nan, a.negativeZero || b.negativeZero),
  /** Bitwise and of 32-bit integers: a non-negative operand bounds the result. */
  and: (a = I32, b = I32) => {
    const bounds = [a, b].filter(x => x.low >= 0).map(x => x.high);
    return bounds.length > 0 ? integers(0, Math.min(...bounds)) : I32;
  },
  ushr: (a = I32, b = I32) => {
    if (b.low !== b.high) return U32;
    const shift = b.low & 31;
    return integers(0, (a.low >= 0 ? Math.min(a.high, 2 ** 32 - 1) : 2 ** 32 - 1) >>> shift);
  },
  shr: (a = I32, b = I32) => (b.low === b.high && a.low >= -(2 ** 31) && a.high < 2 ** 31 ? integers(a.low >> (b.low & 31), a.high >> (b.low & 31)) : I32),
  bits: () => integers(0, 32),
  i8: () => integers(-128, 127),
  u8: () => integers(0, 255),
  i16: () => integers(-32768, 32767),
  u16: () => integers(0, 65535),
  unit: () => ({ low: -1, high: 1, integral: false, nan: true, negativeZero: true }),
} as const satisfies Record<string, RangeRule>;
