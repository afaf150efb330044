/**
 * Hyperbolic functions.
 *
 * With |x| = n ln 2 + r, C = cosh r, S = sinh r and t = 4 ** -n: sinh |x| = 2 ** (n - 1) * ((1 - t) C + (1 + t) S), and cosh x is
 * the same with -t for t. So one reduction and an even and an odd polynomial serve both (as for the exponential function of
 * exponential.ts), nothing is divided, nothing overflows before the result does, and near zero, where n is 0, sinh is the odd
 * polynomial.
 */
import { copySign, head, scale } from "./bits.js";
import { productError, smallSumError } from "./exact.js";
import { clamped, nearest, reduced, reducedRest } from "./exponential.js";

/** cosh r - 1 - r ** 2 / 2 for |r| ≤ ln(2) / 2, to within 2 ** -57.3 of cosh r. */
export const coshTail = (r: number): number => {
  const square = r * r;
  const high = 0.0013888888926907351 + square * (0.000024801508541484563 + square * 2.7625242634325466e-7);
  return square * square * (0.041666666666603694 + square * high);
};

/** sinh r - r for |r| ≤ ln(2) / 2, to within 2 ** -61 of sinh r. */
export const sinhTail = (r: number): number => {
  const square = r * r;
  const high = 0.00019841269886468246 + square * (0.000002755724391796839 + square * 2.510912463481851e-8);
  return r * square * (0.16666666666666677 + square * (0.008333333333321466 + square * high));
};

/** 4 ** -n for n up to 32; from there on the difference is lost, and subnormal numbers would be slow. */
export const quarters = (n: number): number => scale(1, n > 32 ? -64 : n * -2);

/** r ** 2 / 2, the part of it that is exact. */
export const halfSquare = (r: number): number => {
  const rHead = head(r);
  return rHead * rHead * 0.5;
};

/** cosh r - 1 - halfSquare(r). */
export const coshRest = (r: number): number => {
  const rHead = head(r);
  return (r - rHead) * (r + rHead) * 0.5 + coshTail(r);
};

/** (1 - t) cosh r + (1 + t) sinh r: its first terms, which may cancel. `square` is halfSquare(r). */
export const combined = (r: number, t: number, square: number): number => 1 - t + (r + t * r) + square * (1 - t);

/** What `combined` lacks: its rounding errors and the terms `even` and `odd`. `less` is to be taken away from r. */
export const combinedRest = (r: number, t: number, square: number, even: number, odd: number, less: number): number => {
  const constant = 1 - t;
  const linear = r + t * r;
  const quadratic = square * constant;
  const sum = constant + linear;
  const first = smallSumError(1, -t, constant) + smallSumError(r, t * r, linear);
  const errors = first + smallSumError(constant, linear, sum) + smallSumError(sum, quadratic, sum + quadratic);
  const slope = (1 + (square + even)) * (1 + t) + (r + odd) * constant;
  return errors + (even * constant + odd * (1 + t) - less * slope);
};

/** sinh x, f64. */
export const sinh64 = (x: number): number => {
  const size = Math.abs(x);
  const bounded = size > 712 ? 712 : size;
  const n = nearest(bounded * 1.4426950408889634);
  const r = reduced(bounded, n);
  const t = quarters(n);
  const square = halfSquare(r);
  const odd = sinhTail(r);
  const large = combined(r, t, square) + combinedRest(r, t, square, coshRest(r), odd, reducedRest(n));
  // For n = 0 that is right as well, but may be too small for `scale`.
  return copySign(n > 0 ? scale(large, n - 1) : r + odd, x);
};

/** cosh x, f64. */
export const cosh64 = (x: number): number => {
  const size = Math.abs(x);
  const bounded = size > 712 ? 712 : size;
  const n = nearest(bounded * 1.4426950408889634);
  const r = reduced(bounded, n);
  const t = -quarters(n);
  const square = halfSquare(r);
  return scale(combined(r, t, square) + combinedRest(r, t, square, coshRest(r), sinhTail(r), reducedRest(n)), n - 1);
};

/**
 * tanh x, f64: sinh x / cosh x, both in two parts. The quotient of the larger parts is corrected by what its product with the
 * divisor misses.
 */
export const tanh64 = (x: number): number => {
  const size = Math.abs(x);
  const bounded = size > 20 ? 20 : size;
  const n = nearest(bounded * 1.4426950408889634);
  const r = reduced(bounded, n);
  const less = reducedRest(n);
  const t = quarters(n);
  const square = halfSquare(r);
  const even = coshRest(r);
  const odd = sinhTail(r);
  const sinh = combined(r, t, square);
  const sinhRest = combinedRest(r, t, square, even, odd, less);
  const cosh = combined(r, -t, square);
  const coshRemainder = combinedRest(r, -t, square, even, odd, less);
  const dividend = sinh + sinhRest;
  const divisor = cosh + coshRemainder;
  const inverse = 1 / divisor;
  const quotient = dividend * inverse;
  const product = quotient * divisor;
  const rests = smallSumError(sinh, sinhRest, dividend) - quotient * smallSumError(cosh, coshRemainder, divisor);
  const missing = dividend - product - productError(quotient, divisor, product) + rests;
  return copySign(quotient + missing * inverse, x);
};

/** cosh r for |r| ≤ ln(2) / 2, to within 2 ** -34. */
export const coshReduced32 = (r: number): number => {
  const square = r * r;
  return 1 + square * (0.5000000077837505 + square * (0.041666270604232294 + square * 0.0013946017087826694));
};

/** sinh r for |r| ≤ ln(2) / 2, to within 2 ** -37. */
export const sinhReduced32 = (r: number): number => {
  const square = r * r;
  return r + r * square * (0.16666666754025242 + square * (0.008333289099271371 + square * 0.00019904872104766118));
};

/** sinh x, f32 through f64: sinh (n ln 2) cosh r + cosh (n ln 2) sinh r. */
export const sinh32 = (x: number): number => {
  const bounded = clamped(x, -91, 91);
  const n = nearest(bounded * 1.4426950408889634);
  const r = bounded - n * 0.6931471805599453;
  const growing = scale(0.5, n);
  const falling = scale(0.5, -n);
  // In this order -0 stays -0.
  return sinhReduced32(r) * (falling + growing) - coshReduced32(r) * (falling - growing);
};

/** cosh x, f32 through f64. */
export const cosh32 = (x: number): number => {
  const bounded = clamped(x, -91, 91);
  const n = nearest(bounded * 1.4426950408889634);
  const r = bounded - n * 0.6931471805599453;
  const growing = scale(0.5, n);
  const falling = scale(0.5, -n);
  return coshReduced32(r) * (falling + growing) - sinhReduced32(r) * (falling - growing);
};

/** tanh x, f32 through f64. */
export const tanh32 = (x: number): number => {
  const bounded = clamped(x, -10, 10);
  const n = nearest(bounded * 1.4426950408889634);
  const r = bounded - n * 0.6931471805599453;
  const growing = scale(0.5, n);
  const falling = scale(0.5, -n);
  const sum = falling + growing;
  const difference = falling - growing;
  const even = coshReduced32(r);
  const odd = sinhReduced32(r);
  return (odd * sum - even * difference) / (even * sum - odd * difference);
};
