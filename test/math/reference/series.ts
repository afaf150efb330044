/** Power series and constants in fixed-point arithmetic, and what reduces an argument to where they converge. */
import { fromNumber, multiply, toFixed, type Big } from "./big.js";

/** The bits after the point. */
export const PLACES = 192;
const P = BigInt(PLACES);
export const ONE = 1n << P;

export const times = (a: bigint, b: bigint): bigint => (a * b) >> P;
export const over = (a: bigint, b: bigint): bigint => (a << P) / b;
export const fixed = (m: bigint): Big => ({ m, e: -PLACES });

/** The sum of `coefficients[n] * x ** n`. */
export function series(coefficients: readonly bigint[], x: bigint): bigint {
  let sum = 0n;
  for (let n = coefficients.length - 1; n >= 0; n -= 1) sum = times(sum, x) + (coefficients[n] as bigint);
  return sum;
}

const coefficients = (count: number, of: (n: number) => bigint): readonly bigint[] => Array.from({ length: count }, (_, n) => of(n));

const factorials = [1n];
for (let n = 1; n < 60; n += 1) factorials.push((factorials[n - 1] as bigint) * BigInt(n));
const inverseFactorial = (n: number): bigint => ONE / (factorials[n] as bigint);
const alternating = (n: number): bigint => (n % 2 === 0 ? 1n : -1n);

/** (e ** x - 1) / x in x. */
export const EXPM1 = coefficients(24, n => inverseFactorial(n + 1));
/** log(1 + x) / x in x. */
export const LOG1P = coefficients(12, n => (alternating(n) * ONE) / BigInt(n + 1));
/** sin(x) / x, cos(x), sinh(x) / x and cosh(x) in x². */
export const SIN = coefficients(24, n => alternating(n) * inverseFactorial(2 * n + 1));
export const COS = coefficients(24, n => alternating(n) * inverseFactorial(2 * n));
export const SINH = coefficients(24, n => inverseFactorial(2 * n + 1));
export const COSH = coefficients(24, n => inverseFactorial(2 * n));
/** atanh(x) / x and atan(x) / x in x². */
export const ATANH = coefficients(16, n => ONE / BigInt(2 * n + 1));
export const ATAN = coefficients(16, n => (alternating(n) * ONE) / BigInt(2 * n + 1));
/** asin(x) / x and asinh(x) / x in x². */
export const ASIN = coefficients(8, n => (ONE * (factorials[2 * n] as bigint)) / ((1n << BigInt(2 * n)) * (factorials[n] as bigint) ** 2n * BigInt(2 * n + 1)));
export const ASINH = ASIN.map((c, n) => alternating(n) * c);

/** atanh(1 / n) or atan(1 / n) with `places` bits after the point. */
function inverseSeries(n: bigint, sign: bigint, places: number): bigint {
  let power = (1n << BigInt(places)) / n;
  let sum = power;
  let s = sign;
  for (let k = 3n; power !== 0n; k += 2n, s *= sign) {
    power /= n * n;
    sum += (s * power) / k;
  }
  return sum;
}

/** ln 2, with some bits more so that large multiples are right (Machin-like: 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749)). */
const LN2_PLACES = 256;
export const LN2_WIDE = 18n * inverseSeries(26n, 1n, LN2_PLACES) - 2n * inverseSeries(4801n, 1n, LN2_PLACES) + 8n * inverseSeries(8749n, 1n, LN2_PLACES);
export const LN2 = LN2_WIDE >> BigInt(LN2_PLACES - PLACES);

/** π with 1,400 bits after the point (Machin). */
const PI_PLACES = 1400;
export const PI_WIDE = 16n * inverseSeries(5n, -1n, PI_PLACES) - 4n * inverseSeries(239n, -1n, PI_PLACES);
export const PI = PI_WIDE >> BigInt(PI_PLACES - PLACES);
export const HALF_PI = PI >> 1n;

const STEPS = 256n;
const lazily = (make: (j: bigint) => bigint): ((j: bigint) => bigint) => {
  const made = new Map<bigint, bigint>();
  return j => {
    let value = made.get(j);
    if (value === undefined) made.set(j, (value = make(j)));
    return value;
  };
};

/** The nearest multiple of 1 / 256 to `x`, in those units. */
const nearestStep = (x: bigint): bigint => (x * STEPS + (ONE >> 1n)) >> P;

const expOfStep = lazily(j => ONE + times((j * ONE) / STEPS, series(coefficients(60 - 1, n => inverseFactorial(n + 1)), (j * ONE) / STEPS)));

/** e ** x, of any fixed-point number. */
export function exponential(x: bigint): Big {
  const n = (x * ONE) / LN2 >> P;
  const r = x - ((n * LN2_WIDE) >> BigInt(LN2_PLACES - PLACES));
  const j = nearestStep(r);
  const z = r - (j * ONE) / STEPS;
  return { m: times(expOfStep(j), ONE + times(z, series(EXPM1, z))), e: Number(n) - PLACES };
}

/** Logarithms of the multiples of 1 / 256 from 1 to 2: log(2) is that very constant, so numbers just below 1 lose nothing. */
const logOfStep: (j: bigint) => bigint = lazily(j => {
  if (j === 0n) return 0n;
  if (j === STEPS) return LN2;
  return logOfStep(j - 1n) + 2n * inverseSeries(2n * (STEPS + j) - 1n, 1n, PLACES);
});

/** The natural logarithm of a positive number: `m * 2 ** e` with the leading bit of m at 2 ** (length - 1). */
export function logarithm(a: Big, exponent: number): bigint {
  const part = toFixed({ m: a.m, e: a.e - exponent }, PLACES);
  const j = nearestStep(part - ONE);
  const step = ONE + (j * ONE) / STEPS;
  const s = over(part - step, part + step);
  return ((BigInt(exponent) * LN2_WIDE) >> BigInt(LN2_PLACES - PLACES)) + logOfStep(j) + 2n * times(s, series(ATANH, times(s, s)));
}

const atanOfStep = lazily(j => {
  // atan(x) = 2 atan(x / (1 + √(1 + x²))) would need roots: halves of the way by the sum of arcs instead.
  if (j === 0n) return 0n;
  const difference = over(ONE / STEPS, ONE + (j * (j - 1n) * ONE) / (STEPS * STEPS));
  return atanOfStep(j - 1n) + times(difference, series(ATAN, times(difference, difference)));
});

/** The arc tangent of a fixed-point number from 0 to 1. */
export function arcTangent(x: bigint): bigint {
  const j = nearestStep(x);
  const z = over(x - (j * ONE) / STEPS, ONE + (x * j) / STEPS);
  return atanOfStep(j) + times(z, series(ATAN, times(z, z)));
}

/** `x` less the nearest multiple of π/2, and that multiple modulo 4. */
export function reduced(x: number): { readonly r: bigint; readonly quadrant: number } {
  const { m, e } = fromNumber(x);
  const places = Math.min(PI_PLACES, PLACES + 64 + Math.max(0, e + 53));
  const halfPi = PI_WIDE >> BigInt(PI_PLACES - places + 1);
  const whole = toFixed({ m, e }, places);
  const count = (whole + (halfPi >> 1n) - (((whole + (halfPi >> 1n)) % halfPi) + halfPi) % halfPi) / halfPi;
  return { r: (whole - count * halfPi) >> BigInt(places - PLACES), quadrant: Number(((count % 4n) + 4n) % 4n) };
}

/** `x` times a series in a small number that tends to 1: for numbers so near 0 that fixed-point ones would lose their digits. */
export const scaledSeries = (x: Big, c: readonly bigint[], z: Big): Big => multiply(x, fixed(series(c, toFixed(z, PLACES))));
