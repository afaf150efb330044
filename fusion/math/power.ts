/**
 * Powers.
 *
 * x ** y = e ** (y log x), where log x must be right to about 2^-68, for y log x may be 700: it is a sum of two numbers throughout,
 * each product taken apart by the first 26 bits of its factors (T. J. Dekker, "A floating-point technique for extending the
 * available precision", 1971). With the names of logarithm.ts, log x = k log 2 + t + t³ T(t²), and T starts 1/12 + t²/80.
 */
import { copySign, exponent, head, scale, significand } from "./bits.js";
import { smallSumError } from "./exact.js";
import { nearest } from "./exponential.js";
import { logCentre, logExponentOf, logHigh, logOffset, logRemainder, normalized } from "./logarithm.js";

/** T(z) less its first two terms, over z². */
export const powerLogTail = (z: number): number => {
  const w = z * z;
  const c01 = 0.002232142857142859 + z * 0.00043402777777614473;
  const c23 = 8.877840931022007e-5 + z * 1.8780036993104038e-5;
  const c45 = 4.069277095826369e-6 + z * 8.942920316864484e-7;
  return c01 + w * (c23 + w * (c45 + w * 2.206414658533943e-7));
};

/** (e ** r - 1 - r - r²/2) / r³ for |r| ≤ ln(2) / 2, to within 2 ** -61 of e ** r. */
export const powerExponentialTail = (r: number): number => {
  const z = r * r;
  const c01 = 0.16666666666666669 + r * 0.04166666666666667;
  const c23 = 0.008333333333328868 + r * 0.001388888888888174;
  const c45 = 0.00019841269866669863 + r * 2.4801587331955364e-5;
  const c67 = 2.7557264402928637e-6 + r * 2.755726628838567e-7;
  const c89 = 2.5101902569701937e-8 + r * 2.0917465901320385e-9;
  return c01 + z * c23 + z * z * (c45 + z * c67 + z * z * c89);
};

/** e ** (high + low) for a `low` of the last bits of `high`, rounded once: subnormal results too. NaN of NaN. */
export const exponentialOfSum = (high: number, low: number): number => {
  const large = high > 710;
  const small = high < -746;
  const bounded = large ? 710 : small ? -746 : high;
  const rest = large || small ? 0 : low;
  const n = nearest(bounded * 1.4426950408889634);
  const reduced = bounded - n * 0.6931471805598903;
  const correction = rest - n * 5.497923018708371e-14;
  const r = reduced + correction;
  const lost = smallSumError(reduced, correction, r);
  // 1 + r + r²/2 without rounding errors, and the rest.
  const linear = 1 + r;
  const rHead = head(r);
  const square = 0.5 * rHead * rHead;
  const squareRest = (r - rHead) * (0.5 * r + 0.5 * rHead);
  const sum = linear + square;
  const cubic = r * r * (r * powerExponentialTail(r));
  const tail = smallSumError(1, r, linear) + smallSumError(linear, square, sum) + (lost + squareRest + cubic);
  // Subnormal results have fewer bits: those that `steps` leaves of the sum.
  const steps = n + sum < -1021 ? scale(1, -1022 - n) : 0;
  const stepped = steps + sum;
  return scale(stepped + (smallSumError(steps, sum, stepped) + tail) - steps, n);
};

/** x ** y for x ≥ 0 and y ≠ 0, or x NaN. */
export const positivePower = (x: number, y: number): number => {
  const k = logExponentOf(x);
  const f = logOffset(normalized(x));
  const high = logHigh(f);
  const rest = logRemainder(f);
  // t²
  const square = high * high;
  const squareRest = rest * (high + (high + rest));
  const z = square + squareRest;
  const zHigh = head(square);
  const zLow = square - zHigh + squareRest;
  // 1/80 + t² (…)
  const inner = z * powerLogTail(z);
  const fifth = 0.0125 + inner;
  const fifthHigh = head(fifth);
  const fifthLow = fifth - fifthHigh + (smallSumError(0.0125, inner, fifth) - 6.938893903907228e-19);
  // T = 1/12 + t² (…)
  const product = zHigh * fifthHigh;
  const third = 0.08333333333333333 + product;
  const thirdHigh = head(third);
  const productRest = zHigh * fifthLow + zLow * fifth;
  const thirdLow = third - thirdHigh + (smallSumError(0.08333333333333333, product, third) + (productRest + 4.625929269271485e-18));
  // t² T
  const ratio = zHigh * thirdHigh;
  const ratioRest = zHigh * thirdLow + zLow * (third + productRest);
  const ratioHigh = head(ratio);
  const ratioLow = ratio - ratioHigh + ratioRest;
  // log x: sum + last
  const cubic = high * ratioHigh;
  const cubicRest = high * ratioLow + rest * (ratio + ratioRest);
  const whole = k * 0.6931471805598903;
  const partial = whole + high;
  const sum = partial + cubic;
  const last = smallSumError(whole, high, partial) + smallSumError(partial, cubic, sum) + (rest + (cubicRest + k * 5.497923018708371e-14));
  // y log x; beyond 2^65 every y log x is beyond e's range
  const above = y > 36893488147419103232 ? 36893488147419103232 : y;
  const bounded = above < -36893488147419103232 ? -36893488147419103232 : above;
  const yHigh = head(bounded);
  const logarithmHigh = head(sum);
  const exact = yHigh * logarithmHigh;
  const inexact = yHigh * (sum - logarithmHigh + last) + (bounded - yHigh) * (sum + last);
  const total = exact + inexact;
  const special = (x === 0 ? -Infinity : x) * y;
  return exponentialOfSum(x > 0 && x < Infinity ? total : special, smallSumError(exact, inexact, total));
};

/** `size`, the power of |x|, with the sign of the power of x, or NaN where there is none; 1 for y = 0, whatever x is. */
export const powerOfSign = (size: number, x: number, y: number): number => {
  const integer = Math.trunc(y) === y;
  const half = y * 0.5;
  const odd = integer && Math.trunc(half) !== half;
  const withSign = odd ? copySign(size, x) : size;
  return y === 0 ? 1 : x < 0 && x > -Infinity && !integer ? NaN : withSign;
};

/** x ** y, f64. */
export const power64 = (x: number, y: number): number => {
  const size = positivePower(Math.abs(x), y);
  return powerOfSign(Math.abs(x) === 1 && Math.abs(y) === Infinity ? NaN : size, x, y);
};

/** k of an f32, as `singleLogWhole`. */
export const singleLog2Whole = (e: number, centre: number): number => (e + centre) * 3.511119404027961e305 * 2.848094538889218e-306 - 1;

/** 2 atanh(s) / log(2) for |s| ≤ 0.1716, relative error 2 ** -37. */
export const singleLog2Part = (s: number): number => {
  const z = s * s;
  const c01 = 2.88539008179008 + z * 0.9617966733500105;
  const c23 = 0.5770835832819875 + z * 0.41167282603406463;
  return s * (c01 + z * z * (c23 + z * z * 0.34072802568197114));
};

/** 2 ** f for |f| ≤ 0.5, relative error 2 ** -33. */
export const singleBinary = (f: number): number => {
  const z = f * f;
  const c01 = 0.6931471805537159 + f * 0.24022650922338012;
  const c23 = 0.05550410928764279 + f * 0.009618056670573994;
  const c45 = 0.0013333454539511153 + f * 0.00015461447265029832;
  return 1 + f * (c01 + z * (c23 + z * (c45 + z * 1.531008313781612e-5)));
};

/**
 * x ** y, f32: computed in f64, to be rounded once. Where log |x| is infinite or y is, their product is what it must be; so is
 * NaN for an infinite y and log 1.
 */
export const power32 = (x: number, y: number): number => {
  const size = Math.abs(x);
  const fraction = significand(size);
  const centre = logCentre(fraction);
  const logarithm = singleLog2Whole(exponent(size), centre) + singleLog2Part((fraction - centre) / (fraction + centre));
  const product = (size >= 0 ? logarithm : NaN) * y;
  const above = product > 1000 ? 1000 : product;
  const bounded = above < -1000 ? -1000 : above;
  const n = nearest(bounded);
  return powerOfSign(scale(singleBinary(bounded - n), n), x, y);
};
