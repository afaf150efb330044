/**
 * Logarithms.
 *
 * x = 2^k m with m from √½ to √2; f = m - 1 and s = f / (2 + f), so that log m = 2 atanh s = f - f²/2 + s (f²/2 + R), where
 * R = 2 (atanh s - s) / s is a short polynomial in s² (P. T. P. Tang's form as in Sun's fdlibm, e_log.c).
 * f - f²/2 is formed without rounding errors of its own, which leaves about 0.51 ulp.
 */
import { exponent, head, significand } from "./bits.js";

/** 2 (atanh(s) - s) / s for |s| ≤ 0.1716, relative error 2 ** -51. */
export const atanhRest = (s: number): number => {
  const z = s * s;
  const w = z * z;
  const odd = 0.39999999999899866 + w * (0.2222221113775807 + w * 0.15331717820052013);
  const even = 0.666666666666667 + w * (0.28571428625918166 + w * (0.18182889126128715 + w * 0.1461652197675794));
  return z * even + w * odd;
};

/** The natural logarithm, of f64. */
export const log64 = (x: number): number => {
  const tiny = x < 2.2250738585072014e-308;
  const normal = tiny ? x * 18014398509481984 : x;
  const fraction = significand(normal);
  const large = fraction > 1.4142135623730951;
  const f = (large ? fraction * 0.5 : fraction) - 1;
  const rawExponent = exponent(normal) - (tiny ? 54 : 0);
  const k = large ? rawExponent + 1 : rawExponent;
  const s = f / (2 + f);
  const fHead = head(f);
  const halfHead = 0.5 * fHead;
  const square = halfHead * fHead;
  const squareRest = (f - fHead) * (0.5 * f + halfHead);
  const whole = k * 0.6931471805598903;
  const sum = whole + f;
  const high = sum - square;
  const low = f - (sum - whole) + (sum - high - square) - squareRest;
  const result = high + (low + (k * 5.497923018708371e-14 + s * (square + squareRest + atanhRest(s))));
  return x > 0 ? (x < Infinity ? result : x) : x === 0 ? -Infinity : NaN;
};
