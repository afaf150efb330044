/**
 * Numbers for references: `m * 2 ** e`, with as many bits as an operation is asked for and no limit to the exponent.
 *
 * decimal.js, which judges them, takes a millisecond for a function; these take ten microseconds.
 */

export interface Big {
  readonly m: bigint;
  readonly e: number;
}

/** The significant bits that quotients and roots have, at least. */
const BITS = 200;

const double = new Float64Array(1);
const bits = new BigUint64Array(double.buffer);

/** A finite number, exactly. */
export function fromNumber(x: number): Big {
  double[0] = Math.abs(x);
  const word = bits[0] as bigint;
  const field = Number(word >> 52n);
  const fraction = word & 0xfffffffffffffn;
  const m = field === 0 ? fraction : fraction | 0x10000000000000n;
  return { m: x < 0 ? -m : m, e: (field === 0 ? 1 : field) - 1075 };
}

export const isZero = (a: Big): boolean => a.m === 0n;
export const size = (a: Big): Big => (a.m < 0n ? { m: -a.m, e: a.e } : a);
export const negated = (a: Big): Big => ({ m: -a.m, e: a.e });
/** `a * 2 ** n`. */
export const shifted = (a: Big, n: number): Big => ({ m: a.m, e: a.e + n });

/** The number of bits of a positive integer. */
function lengthOf(m: bigint): number {
  const text = m.toString(16);
  return text.length * 4 - (Math.clz32(parseInt(text[0] as string, 16)) - 28);
}

/** floor(log2 |a|) of a number other than 0. */
export const exponentOf = (a: Big): number => lengthOf(a.m < 0n ? -a.m : a.m) + a.e - 1;

/** floor(a * 2 ** places): a fixed-point number. */
export function toFixed(a: Big, places: number): bigint {
  const shift = a.e + places;
  return shift >= 0 ? a.m << BigInt(shift) : a.m >> BigInt(-shift);
}

export function add(a: Big, b: Big): Big {
  const e = Math.min(a.e, b.e);
  return { m: (a.m << BigInt(a.e - e)) + (b.m << BigInt(b.e - e)), e };
}

export const subtract = (a: Big, b: Big): Big => add(a, negated(b));
export const multiply = (a: Big, b: Big): Big => ({ m: a.m * b.m, e: a.e + b.e });

/** With fewer bits, where there are more than a quotient has. */
export function trimmed(a: Big): Big {
  const excess = isZero(a) ? 0 : exponentOf(a) - a.e - BITS;
  return excess > 0 ? { m: a.m >> BigInt(excess), e: a.e + excess } : a;
}

export function divide(a: Big, b: Big): Big {
  const places = Math.max(0, BITS + lengthOf(b.m < 0n ? -b.m : b.m) - lengthOf(a.m < 0n ? -a.m : a.m));
  return { m: (a.m << BigInt(places)) / b.m, e: a.e - b.e - places };
}

/** Newton's steps from an estimate of 50 bits to twice as many, and twice again. */
const refined = (estimate: bigint, step: (root: bigint) => bigint): bigint => step(step(step(estimate)));

/** An estimate of the root of `m`, from the leading bits of `m`; `degree` divides the number of bits left out. */
function estimated(m: bigint, degree: number, root: (x: number) => number): bigint {
  const left = Math.max(0, Math.floor((lengthOf(m) - 60) / degree)) * degree;
  const estimate = BigInt(Math.round(root(Number(m >> BigInt(left))) * 2 ** 30));
  return (estimate << BigInt(left / degree)) >> 30n;
}

/** `a` with an exponent that `degree` divides and enough bits for its root. */
function forRoot(a: Big, degree: number): Big {
  let shift = Math.max(0, degree * BITS - lengthOf(a.m));
  while ((a.e - shift) % degree !== 0) shift += 1;
  return { m: a.m << BigInt(shift), e: a.e - shift };
}

/** The square root of a number that is not negative. */
export function squareRoot(a: Big): Big {
  if (isZero(a)) return a;
  const { m, e } = forRoot(a, 2);
  return { m: refined(estimated(m, 2, Math.sqrt), root => (root + m / root) >> 1n), e: e / 2 };
}

/** The cube root of a positive number. */
export function cubeRoot(a: Big): Big {
  const { m, e } = forRoot(a, 3);
  return { m: refined(estimated(m, 3, Math.cbrt), root => (root + root + m / (root * root)) / 3n), e: e / 3 };
}

export type Format = "f64" | "f32";

const FORMATS = { f64: { digits: 53, least: -1022, most: 1023 }, f32: { digits: 24, least: -126, most: 127 } } as const;

/**
 * How far `found` is from `truth`, in units of the last place of a float of the size of `truth`. An infinity stands where the
 * next float would be, and is right for whatever lies beyond.
 */
export function ulpsBetween(found: number, truth: Big, format: Format): number {
  const { digits, least, most } = FORMATS[format];
  if (Number.isNaN(found)) return Infinity;
  const exponent = isZero(truth) ? least : exponentOf(truth);
  const last = Math.min(Math.max(exponent, least), most) - (digits - 1);
  const isOutside = exponent > most;
  if (Math.abs(found) === Infinity && isOutside) return found > 0 === truth.m > 0n ? 0 : Infinity;
  const number = Math.abs(found) === Infinity ? { m: BigInt(Math.sign(found)), e: most + 1 } : fromNumber(found);
  // Forty bits after the point are enough, and no more are made of numbers far beyond the float.
  const difference = subtract(number, exponent < last - 200 ? { m: 0n, e: 0 } : trimmed(truth));
  return Math.abs(Number(toFixed(difference, 40 - last))) / 2 ** 40;
}
