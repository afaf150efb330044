/** Where the elementary functions are tried. The points are the same in every run, so that the limits of error can be tight. */
import { PI_WIDE } from "./reference/series.js";
import type { Format } from "./reference/big.js";

/** A source of numbers of one kind; they are rounded to `format` afterwards. */
export type Source = (random: () => number, format: Format) => number;
/** A source of the arguments of one call. */
export type Arguments = (random: () => number, format: Format) => readonly number[];

export const unary = (...sources: readonly Source[]): readonly Arguments[] => sources.map(source => (random, format) => [source(random, format)]);
export const pairs = (...sources: readonly (readonly [Source, Source])[]): readonly Arguments[] =>
  sources.map(([first, second]) => (random, format) => [first(random, format), second(random, format)]);

/** Numbers from 0 to 1 (Marsaglia's xorshift, 53 bits of it). */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 0x9e3779b1) | 1;
  const word = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return () => (word() * 2 ** 21 + (word() >>> 11)) / 2 ** 53;
}

const words = new BigInt64Array(1);
const double = new Float64Array(words.buffer);
const single = new Float32Array(1);
const singleWord = new Int32Array(single.buffer);

/** Counts floats from 0: a negative one's bits, less its sign, count down. The same sum turns the count back into bits. */
const counted = (word: bigint, least: bigint): bigint => (word < 0n ? least - word : word);

/** The float `steps` places above `x` (below, where negative). Both zeros are one place. */
export function neighbour(x: number, steps: number, format: Format = "f64"): number {
  if (format === "f32") {
    single[0] = x;
    singleWord[0] = Number(counted(counted(BigInt(singleWord[0] as number), -(2n ** 31n)) + BigInt(steps), -(2n ** 31n)));
    return single[0];
  }
  double[0] = x;
  words[0] = counted(counted(words[0] as bigint, -(2n ** 63n)) + BigInt(steps), -(2n ** 63n));
  return double[0];
}

const pick = <T>(values: readonly T[], random: () => number): T => values[Math.floor(random() * values.length)] as T;

export const uniform = (low: number, high: number): Source => random => low + (high - low) * random();

/** Sizes of every exponent from 2 ** low to 2 ** high equally often, of both signs or one. */
export const sizes = (low: number, high: number, sign: 1 | -1 | 0 = 0): Source => random => {
  const exponent = Math.floor(low + (high - low) * random());
  // Two factors: 2 ** -1074 times a fraction would vanish.
  const size = (1 + random()) * 2 ** Math.max(exponent, -1022) * 2 ** Math.min(0, exponent + 1022);
  return (sign === 0 ? (random() < 0.5 ? -1 : 1) : sign) * size;
};

/** Near one of `centres`: as far as 2 to the power of up to `most` units of the last place, near ones as often as far ones. */
export const near = (centres: readonly number[], most = 30): Source => (random, format) => {
  const steps = Math.round(2 ** (random() * (format === "f64" ? most : most * 0.4))) - 1;
  const centre = pick(centres, random);
  return neighbour(format === "f64" ? centre : Math.fround(centre), random() < 0.5 ? -steps : steps, format);
};

export const among = (values: readonly number[]): Source => random => pick(values, random);

export const positive = (source: Source): Source => (random, format) => Math.abs(source(random, format));

/** Any bits of a finite number. */
export const bits: Source = (random, format) => {
  if (format === "f32") {
    do singleWord[0] = Math.floor(random() * 2 ** 32);
    while (!Number.isFinite(single[0] as number));
    return single[0] as number;
  }
  for (;;) {
    words[0] = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
    if (Number.isFinite(double[0] as number)) return double[0] as number;
  }
};

export const signed = (values: readonly number[]): number[] => values.flatMap(x => [x, -x]);

const EDGES = {
  f64: signed([5e-324, 1e-323, 1e-320, 2 ** -1022 - 2 ** -1074, 2 ** -1022, 2 ** -1022 + 2 ** -1074, 2 ** 1023, neighbour(Number.MAX_VALUE, -1), Number.MAX_VALUE]),
  f32: signed([2 ** -149, 2 ** -148, 2 ** -126 - 2 ** -149, 2 ** -126, 2 ** -126 + 2 ** -149, 2 ** 127, 2 ** 128 - 2 ** 104]),
} as const;

/** The ends of the range, and of the normal numbers, with what lies beside them. */
export const edges: Source = (random, format) => pick(EDGES[format], random);

/**
 * The floats nearest to multiples of π/2, by ratio, for each exponent: with `x = m · 2 ** e`, the best m are the denominators of the
 * continued fraction of 2 ** e · 2/π, and small multiples of them.
 */
function nearMultiples(): number[] {
  const found: number[] = [];
  const places = 1270n;
  const twoOverPi = (1n << (1400n + 1n + places)) / PI_WIDE;
  const one = 1n << 140n;
  for (let e = -60; e <= 970; e += 1) {
    const turned = e >= 0 ? twoOverPi << BigInt(e) : twoOverPi >> BigInt(-e);
    let numerator = (turned & ((1n << places) - 1n)) >> (places - 140n);
    let denominator = one;
    let before = 0n;
    let m = 1n;
    while (numerator !== 0n) {
      const quotient = denominator / numerator;
      [denominator, numerator] = [numerator, denominator % numerator];
      [before, m] = [m, quotient * m + before];
      if (m >= 1n << 53n) break;
      // Smaller ones come again with a greater exponent.
      for (let k = 1n; k <= 3n; k += 1n) if (k * m >= 1n << 51n && k * m < 1n << 53n) found.push(Number(k * m) * 2 ** e);
    }
  }
  return found;
}

let multiples: readonly number[] = [];

/** Floats very near to multiples of π/2, as large as they come. */
export const nearMultiplesOfHalfPi: Source = random => {
  if (multiples.length === 0) multiples = nearMultiples();
  return pick(multiples, random) * (random() < 0.5 ? -1 : 1);
};

/** The float nearest to a multiple of π/2 of up to `most`, or one beside it. */
export const besideMultiplesOfHalfPi = (most: number): Source => random => {
  const count = Math.ceil(2 ** (random() * Math.log2(most)));
  return neighbour(Number((PI_WIDE * BigInt(count)) >> (1400n - 200n + 1n)) * 2 ** -200, pick([0, 0, 1, -1, 2, -2], random)) * (random() < 0.5 ? -1 : 1);
};
