/**
 * The inverse hyperbolic functions: logarithms of `v = x + √(x² ± 1)` and the like, taken as `k · ln 2 + 2 atanh(s)` with
 * s = (v - 2ᵏ) / (v + 2ᵏ). For k = 0 that s has a form without cancellation (x / (1 + √(x² + 1)) for asinh: the tangent of half the
 * area), so numbers near 0 need no polynomial of their own; and s is all that has to be known to more than 53 bits.
 */
import { copySign, exponent, head, scale } from "./bits.js";
import { smallSumError, sumError } from "./exact.js";

/** What `root * root` lacks of `square + squareLow`, exactly but for the last rounding. */
export const rootMiss = (square: number, squareLow: number, root: number): number => {
  const rootHead = head(root);
  const rootTail = root - rootHead;
  return square - rootHead * rootHead - (rootHead + rootHead) * rootTail - rootTail * rootTail + squareLow;
};

/** `x * x - square` for `square = x * x`. */
export const squareError = (x: number, square: number): number => {
  const xHead = head(x);
  const xTail = x - xHead;
  return xHead * xHead - square + (xHead + xHead) * xTail + xTail * xTail;
};

/** The k of the nearest power of two, by ratio: v / 2ᵏ is from √½ to √2. */
export const nearestPower = (v: number): number => exponent(v * 1.4142135623730951);

/** 2 atanh(s) / s³ - 2 / s², for |s| up to (√2 - 1) / (√2 + 1). */
export const atanhTail = (square: number): number => {
  const fourth = square * square;
  const low = 0.666666666666667 + 0.3999999999989857 * square + (0.28571428626594964 + 0.22222211023505756 * square) * fourth;
  return low + (0.1818289750927167 + 0.15331439798076002 * square + 0.14619938123139445 * fourth) * (fourth * fourth);
};

/**
 * `power · ln 2 + 2 atanh((above + aboveLow) / (below + belowLow))`, rounded once, from about 2 ** -57 of the true value.
 * `reciprocal`: about `1 / below`. The quotient's first 26 bits are multiplied back exactly to find the rest.
 */
export const areaOf = (power: number, above: number, aboveLow: number, below: number, belowLow: number, reciprocal: number): number => {
  const first = head(above * reciprocal);
  const belowHead = head(below);
  const left = above - first * belowHead - first * (below - belowHead);
  const second = (left + (aboveLow - first * belowLow)) * reciprocal;
  const s = first + second;
  const square = s * s;
  const tail = s * square * atanhTail(square) + (power * 1.6465949582897082e-12 + (second + second));
  const high = power * 0.6931471805582987;
  const sum = high + (first + first);
  return sum + (smallSumError(high, first + first, sum) + tail);
};

/** The inverse hyperbolic sine of an f64. */
export const asinh64 = (x: number): number => {
  const size = Math.abs(x);
  // The square of a huge number would overflow: x and the 1 beside it are both brought down, and the 1 vanishes.
  const isHuge = size > 1e150;
  const a = isHuge ? size * 2.409919865102884e-181 : size;
  const one = isHuge ? 0 : 1;
  const aSquare = a * a;
  const square = one + aSquare;
  const squareLow = sumError(one, aSquare, square) + squareError(a, aSquare);
  const root = Math.sqrt(square);
  const v = root + a;
  const k = nearestPower(v);
  const unit = scale(1, -k);
  const power = isHuge ? k + 600 : k;
  const isNear = power === 0;
  const base = isNear ? root : v * unit;
  const below = base + 1;
  // One division gives the reciprocals of both.
  const inverse = 1 / (root * below);
  const rootLow = 0.5 * rootMiss(square, squareLow, root) * (below * inverse);
  const baseLow = isNear ? rootLow : (smallSumError(root, a, v) + rootLow) * unit;
  const above = isNear ? a : base - 1;
  const area = areaOf(power, above, isNear ? 0 : baseLow, below, smallSumError(1, base, below) + baseLow, root * inverse);
  // The others: numbers too small to differ from their area, infinities and NaN.
  return size > 3e-9 && size < Infinity ? copySign(area, x) : x;
};

/** The inverse hyperbolic cosine of an f64. */
export const acosh64 = (x: number): number => {
  const isHuge = x > 1e150;
  const a = isHuge ? x * 2.409919865102884e-181 : x;
  // x² - 1 = (x - 1)² + 2 (x - 1), which is accurate near 1.
  const beyond = a - 1;
  const b = isHuge ? a : beyond;
  const twice = isHuge ? 0 : beyond + beyond;
  const bSquare = b * b;
  const square = twice + bSquare;
  const squareLow = sumError(twice, bSquare, square) + squareError(b, bSquare);
  const root = Math.sqrt(square);
  const v = a + root;
  const k = nearestPower(v);
  const unit = scale(1, -k);
  const power = isHuge ? k + 600 : k;
  const isNear = power === 0;
  const base = isNear ? a : v * unit;
  const below = base + 1;
  // The root is 0 only at 1; any other is at least 2 ** -26.
  const inverse = 1 / (root * below + 1e-100);
  const rootLow = 0.5 * rootMiss(square, squareLow, root) * (below * inverse);
  const baseLow = isNear ? 0 : (smallSumError(a, root, v) + rootLow) * unit;
  const above = isNear ? root : base - 1;
  const area = areaOf(power, above, isNear ? rootLow : baseLow, below, smallSumError(1, base, below) + baseLow, root * inverse);
  return x < Infinity ? (x >= 1 ? area : NaN) : x;
};

/** The power of two nearest to `sum / difference` for a sum from 1 to 2, without a division. */
export const quotientPower = (sum: number, difference: number): number => {
  const reduced = exponent(difference);
  const part = scale(difference, -reduced) * 0.7071067811865476;
  return (sum > part + part ? 1 : sum < part ? -1 : 0) - reduced;
};

/** The inverse hyperbolic tangent of an f64: half of the logarithm of (1 + x) / (1 - x). */
export const atanh64 = (x: number): number => {
  const size = Math.abs(x);
  const sum = 1 + size;
  const difference = 1 - size;
  const power = quotientPower(sum, difference);
  const unit = scale(1, power);
  const other = difference * unit;
  const isNear = power === 0;
  const otherLow = smallSumError(1, -size, difference) * unit;
  const sumLow = smallSumError(1, size, sum);
  const above = isNear ? size : sum - other;
  const below = isNear ? 1 : sum + other;
  const belowLow = sumError(sum, other, below) + (sumLow + otherLow);
  const area = 0.5 * areaOf(power, above, isNear ? 0 : sumLow - otherLow, below, isNear ? 0 : belowLow, 1 / below);
  return size > 3e-9 ? (size < 1 ? copySign(area, x) : size === 1 ? x * Infinity : NaN) : x;
};

/** `power · ln 2 + 2 atanh(above / below)`, for results that are rounded to f32. */
export const areaOf32 = (power: number, above: number, below: number): number => {
  const s = above / below;
  const square = s * s;
  const tail = 0.6666666655207921 + 0.40000123517711766 * square + (0.28550650860373933 + 0.23334721362312252 * square) * (square * square);
  return power * 0.6931471805599453 + (s + s + s * square * tail);
};

/** The inverse hyperbolic sine of an f32, through f64. */
export const asinh32 = (x: number): number => {
  const size = Math.abs(x);
  const root = Math.sqrt(1 + size * size);
  const v = size + root;
  const power = nearestPower(v);
  const base = v * scale(1, -power);
  const isNear = power === 0;
  const area = areaOf32(power, isNear ? size : base - 1, 1 + (isNear ? root : base));
  return size > 1e-5 && size < Infinity ? copySign(area, x) : x;
};

/** The inverse hyperbolic cosine of an f32, through f64. */
export const acosh32 = (x: number): number => {
  const root = Math.sqrt((x - 1) * (x + 1));
  const v = x + root;
  const power = nearestPower(v);
  const base = v * scale(1, -power);
  const isNear = power === 0;
  const area = areaOf32(power, isNear ? root : base - 1, 1 + (isNear ? x : base));
  return x < Infinity ? (x >= 1 ? area : NaN) : x;
};

/** The inverse hyperbolic tangent of an f32, through f64. */
export const atanh32 = (x: number): number => {
  const size = Math.abs(x);
  const sum = 1 + size;
  const difference = 1 - size;
  const power = quotientPower(sum, difference);
  const other = difference * scale(1, power);
  const isNear = power === 0;
  const area = 0.5 * areaOf32(power, isNear ? size : sum - other, isNear ? 1 : sum + other);
  return size > 1e-5 ? (size < 1 ? copySign(area, x) : size === 1 ? x * Infinity : NaN) : x;
};
