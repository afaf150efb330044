/**
 * Logarithms.
 *
 * x = 2^k m with m from √½ to √2; f = m - 1 and t = 2 f / (2 + f), so that log m = 2 atanh (t / 2) = t + t³ T(t²). The quotient t
 * is a sum of two numbers, which has no error to speak of; of the other term only 2^-7 of its own rounding errors remain. So
 * every function but for its last rounding is right to about 2^-57. (The series: P. T. P. Tang, "Table-driven implementation of
 * the logarithm function in IEEE floating-point arithmetic", 1990. The polynomials are minimax, by Sollya.)
 *
 * The f32 functions compute in f64 and are to be rounded once.
 */
import { copySign, exponent, head, significand } from "./bits.js";
import { smallSumError, sumError } from "./exact.js";

/** A positive f64 as a normal number: subnormal numbers times 2^54, others as they are. */
export const normalized = (x: number): number => (x < 2.2250738585072014e-308 ? x * 18014398509481984 : x);

/** The f of a positive normal number. */
export const logOffset = (x: number): number => {
  const fraction = significand(x);
  return (fraction > 1.4142135623730951 ? fraction * 0.5 : fraction) - 1;
};

/** The k of a positive normal number. */
export const logExponent = (x: number): number => (significand(x) > 1.4142135623730951 ? exponent(x) + 1 : exponent(x));

/** The k of a positive number. */
export const logExponentOf = (x: number): number => logExponent(normalized(x)) - (x < 2.2250738585072014e-308 ? 54 : 0);

/** The first 26 bits of t. */
export const logHigh = (f: number): number => head(f * (2 / (2 + f)));

/** t less `logHigh`: the remainder of the division. */
export const logRemainder = (f: number): number => {
  const high = logHigh(f);
  const half = 0.5 * high;
  const fHead = head(f);
  return (f - high - half * fHead - half * (f - fHead)) * (2 / (2 + f));
};

/** t³ T(t²): log (1 + f) less t. */
export const logCubic = (f: number): number => {
  const t = f * (2 / (2 + f));
  const z = t * t;
  const w = z * z;
  const even = 0.08333333333333337 + w * (0.002232142861415125 + w * (0.00008878364838498892 + w * 0.00000446083217400916));
  const odd = 0.01249999999996858 + w * (0.00043402756069139893 + w * 0.00001871539806082427);
  return t * z * (even + z * odd);
};

/** k log 2 + log (1 + f) + rest, for a small rest: of log 2 the first 42 bits are in here, whose product with k is exact. */
export const logSum = (k: number, f: number, rest: number): number => {
  const whole = k * 0.6931471805598903;
  const high = logHigh(f);
  const sum = whole + high;
  return sum + (smallSumError(whole, high, sum) + (rest + logRemainder(f)) + logCubic(f));
};

/** `result`, the logarithm of x, where x is positive and finite. */
export const logOrSpecial = (x: number, result: number): number => (x > 0 ? (x < Infinity ? result : x) : x === 0 ? -Infinity : NaN);

/** The natural logarithm, f64. */
export const log64 = (x: number): number => {
  const k = logExponentOf(x);
  return logOrSpecial(x, logSum(k, logOffset(normalized(x)), k * 5.497923018708371e-14));
};

/**
 * log (1 + x), f64. What rounding took from 1 + x comes back by the derivative of the logarithm; for small x nothing needs to:
 * there m is 1 + x, and f is x itself.
 */
export const logOnePlus64 = (x: number): number => {
  const sum = 1 + x;
  const k = logExponent(sum);
  const small = Math.abs(x) < 0.25;
  const lost = small ? 0 : sumError(1, x, sum) / sum;
  const result = logSum(k, small ? x : logOffset(sum), k * 5.497923018708371e-14 + lost);
  return logOrSpecial(sum, copySign(result, x));
};

/**
 * The logarithm to another base, f64: k times log 2, and log (1 + f) times `factor`. `whole` and `wholeRest` are log 2 to that
 * base, `whole` of at most 42 bits; `factorHead`, of at most 27 bits, and `factorRest` are the factor.
 */
export const logToBase = (x: number, whole: number, wholeRest: number, factor: number, factorHead: number, factorRest: number): number => {
  const k = logExponentOf(x);
  const f = logOffset(normalized(x));
  const high = logHigh(f);
  const main = high * factorHead;
  const rest = (logRemainder(f) + logCubic(f)) * factor + (high * factorRest + k * wholeRest);
  const exact = k * whole;
  const sum = exact + main;
  return logOrSpecial(x, sum + (smallSumError(exact, main, sum) + rest));
};

/** The logarithm to base 2, f64; exact for powers of two. */
export const log2Of64 = (x: number): number => logToBase(x, 1, 0, 1.4426950408889634, 1.4426950365304947, 4.3584687174185184e-9);

/** The logarithm to base 10, f64; exact for powers of ten. */
export const log10Of64 = (x: number): number =>
  logToBase(x, 0.30102999566395283, 2.8363394551044964e-14, 0.4342944819032518, 0.434294480830431, 1.0728208431540585e-9);

/** What m is near, of 1 ≤ m < 2: 1 or 2. */
export const logCentre = (fraction: number): number => (fraction > 1.4142135623730951 ? 2 : 1);

/**
 * k log 2, for the exponent e of a number of f32 and the k of its `centre`. Only exponents of zeros and infinities (as f64, where
 * they are -1023 and 1024) overflow, and give the infinities that the logarithm needs.
 */
export const singleLogWhole = (e: number, centre: number): number => (e + centre) * 3.511119404027961e305 * 1.9741486995992387e-306 - 0.6931471805599453;

/** 2 atanh(s) for |s| ≤ 0.1716, relative error 2 ** -30. */
export const singleLogPart = (s: number): number => {
  const z = s * s;
  return s * (1.9999999986213246 + z * 0.6666681595128826 + z * z * (0.39974794875732045 + z * 0.2992565203572103));
};

/** The natural logarithm, f32. */
export const log32 = (x: number): number => {
  const fraction = significand(x);
  const centre = logCentre(fraction);
  const result = singleLogWhole(exponent(x), centre) + singleLogPart((fraction - centre) / (fraction + centre));
  return x >= 0 ? result : NaN;
};

/** log (1 + x), f32. Near 0, x itself stands for (1 + x) - 1, which has lost its last bits. */
export const logOnePlus32 = (x: number): number => {
  const sum = 1 + x;
  const fraction = significand(sum);
  const centre = logCentre(fraction);
  const offset = Math.abs(x) < 0.25 ? x * centre : fraction - centre;
  const result = singleLogWhole(exponent(sum), centre) + singleLogPart(offset / (fraction + centre));
  return x >= -1 ? copySign(result, x) : NaN;
};

/** The logarithm to base 2, f32: exact for powers of two, once it is rounded. */
export const log2Of32 = (x: number): number => log32(x) * 1.4426950408889634;

/** The logarithm to base 10, f32: exact for powers of ten, once it is rounded. */
export const log10Of32 = (x: number): number => log32(x) * 0.4342944819032518;
