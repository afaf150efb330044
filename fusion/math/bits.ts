/**
 * What the elementary functions need beyond arithmetic: a few functions on the bits of floats.
 *
 * Each is a row of the operator table, and these are their JavaScript forms: called in a lambda of this folder, they become
 * that operator. Each says for which arguments it is defined: there every backend gives the same bits.
 */

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);
const single = new Float32Array(1);
const word = new Int32Array(single.buffer);

// Which of the two words holds sign and exponent depends on the machine's byte order.
double[0] = -0;
const HIGH = words[1] === 0 ? 0 : 1;
const LOW = 1 - HIGH;

const highWord = (x: number): number => {
  double[0] = x;
  return words[HIGH] as number;
};

/** `2 ** n` for integers from -1022 to 1023. */
const powerOfTwo = (n: number): number => {
  words[HIGH] = (n + 1023) << 20;
  words[LOW] = 0;
  return double[0] as number;
};

const powerOfTwoSingle = (n: number): number => {
  word[0] = (n + 127) << 23;
  return single[0] as number;
};

/** The exponent field of an f64, less its bias: floor(log2 |x|) of a normal number; -1023 for zeros and subnormals; 1024 for infinities and NaN. */
export const exponent = (x: number): number => ((highWord(x) >>> 20) & 2047) - 1023;

/** An f64 with its exponent field set to that of 1: of a normal number ± a number from 1 to 2 (less than 2). Not defined for NaN. */
export const significand = (x: number): number => {
  words[HIGH] = (highWord(x) & ~0x7ff00000) | 0x3ff00000;
  return double[0] as number;
};

/**
 * `x * 2 ** n`, rounded once. `n`: an integer from -2044 to 2044 (anything where `x` is NaN); `x`: zero, infinite, NaN, or of a
 * size from 2 ** -64 to 2 ** 64.
 */
export const scale = (x: number, n: number): number => {
  if (n >= -1022 && n <= 1023) return x * powerOfTwo(n);
  const half = Math.trunc(n * 0.5);
  return x * powerOfTwo(half) * powerOfTwo(n - half);
};

/** An f64 with the last 27 bits of its significand cleared: products of two such are exact. Not defined for NaN. */
export const head = (x: number): number => {
  double[0] = x;
  words[LOW] = (words[LOW] as number) & (-1 << 27);
  return double[0] as number;
};

/** The size of `x` with the sign bit of `sign`. Not defined for a `sign` that is NaN. */
export const copySign = (x: number, sign: number): number => {
  const size = Math.abs(x);
  return highWord(sign) < 0 ? -size : size;
};

/** The exponent field of an f32, less its bias: -127 for zeros and subnormals, 128 for infinities and NaN. */
export const exponentSingle = (x: number): number => {
  single[0] = x;
  return (((word[0] as number) >>> 23) & 255) - 127;
};

/** An f32 with its exponent field set to that of 1. Not defined for NaN. */
export const significandSingle = (x: number): number => {
  single[0] = x;
  word[0] = ((word[0] as number) & ~0x7f800000) | 0x3f800000;
  return single[0] as number;
};

/** `x * 2 ** n` as an f32, rounded once. `n`: an integer from -252 to 252; `x`: zero, infinite, NaN, or of a size from 2 ** -8 to 2 ** 8. */
export const scaleSingle = (x: number, n: number): number => {
  if (n >= -126 && n <= 127) return Math.fround(x * powerOfTwoSingle(n));
  const half = Math.trunc(n * 0.5);
  return Math.fround(Math.fround(x * powerOfTwoSingle(half)) * powerOfTwoSingle(n - half));
};

/** 2/π in base 2 ** 24: digits after the point, enough for every f64. */
export const TWO_OVER_PI = [
  0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163, 0xabdebb, 0xc561b7, 0x246e3a, 0x424dd2, 0xe00649,
  0x2eea09, 0xd1921c, 0xfe1deb, 0x1cb129, 0xa73ee8, 0x8235f5, 0x2ebb44, 0x84e99c, 0x7026b4, 0x5f7e41, 0x3991d6, 0x398353, 0x39f49c, 0x845f8b,
  0xbdf928, 0x3b1ff8, 0x97ffde, 0x05980f, 0xef2f11, 0x8b5a0a, 0x6d1f6d, 0x367ecf, 0x27cb09, 0xb74f46, 0x3f669e, 0x5fea2d, 0x7527ba, 0xc7ebe5,
  0xf17b3d, 0x0739f7, 0x8a5292, 0xea6bfb, 0x5fb11f, 0x8d5d08,
] as const;

/** Digit `i` of 2/π in base 2 ** 24, the first after the point being digit 0; 0 for every other integer. Not defined for fractions and NaN. */
export const twoOverPi = (i: number): number => (i >= 0 && i < TWO_OVER_PI.length ? (TWO_OVER_PI[i] as number) : 0);
