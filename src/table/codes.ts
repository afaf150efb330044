/** Which rows are the same: equal rows get equal numbers, 0, 1, 2 … in the order in which they first occur. */
import type { AnyTypedArray } from "../../fusion/values.js";

export interface Codes {
  /** Of each row. */
  readonly codes: Uint32Array;
  /** The first row of each code. */
  readonly firsts: Uint32Array;
}

/** Rows are the same whose values are in every column, as `Map` tells values apart: NaN is itself, and -0 is 0. */
export function codesOf(columns: readonly AnyTypedArray[], length: number): Codes {
  let known: Codes | null = null;
  for (const column of columns) known = refined(column, length, known);
  return known ?? { codes: new Uint32Array(length), firsts: new Uint32Array(Math.min(length, 1)) };
}

/** Tells rows apart that a further column tells apart. */
function refined(column: AnyTypedArray, length: number, before: Codes | null): Codes {
  const own = codesOfValues(column, length);
  if (before === null) return own;
  const count = own.firsts.length;
  const pairs = new Float64Array(length);
  // Two numbers below 2^26 make one that a double holds exactly; with more distinct values on both sides there is no memory for them.
  for (let at = 0; at < length; at += 1) pairs[at] = (before.codes[at] as number) * count + (own.codes[at] as number);
  return codesOfValues(pairs, length);
}

function codesOfValues(column: AnyTypedArray, length: number): Codes {
  if (column instanceof Int8Array || column instanceof Uint8Array || column instanceof Uint8ClampedArray || column instanceof Int16Array || column instanceof Uint16Array) return byTable(column, length);
  if (column instanceof BigInt64Array || column instanceof BigUint64Array) return byWords(new Uint32Array(column.buffer, column.byteOffset, length * 2), length);
  return byWords(wordsOf(column, length), length);
}

const NONE = 0xffffffff;

/** Small integers are places in a table. */
function byTable(column: ArrayLike<number>, length: number): Codes {
  const known = new Uint32Array(65536).fill(NONE);
  const codes = new Uint32Array(length);
  const firsts: number[] = [];
  for (let at = 0; at < length; at += 1) {
    const place = (column[at] as number) & 0xffff;
    let code = known[place] as number;
    if (code === NONE) {
      known[place] = code = firsts.length;
      firsts.push(at);
    }
    codes[at] = code;
  }
  return { codes, firsts: Uint32Array.from(firsts) };
}

/** Numbers as two words each, equal where the numbers are the same: -0 is 0, and all NaNs are one. */
export function wordsOf(column: ArrayLike<number>, length: number): Uint32Array {
  const values = new Float64Array(length);
  for (let at = 0; at < length; at += 1) {
    const value = column[at] as number;
    values[at] = value === value ? value + 0 : NaN;
  }
  return new Uint32Array(values.buffer);
}

/** Every bit of both words changes the low bits (the last steps of MurmurHash3). */
export function hashOf(low: number, high: number): number {
  let mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Pairs of words in a hash table with open addressing that doubles when it is half full. */
function byWords(words: Uint32Array, length: number): Codes {
  let mask = 1023;
  let slots = new Uint32Array(mask + 1).fill(NONE);
  const codes = new Uint32Array(length);
  const firsts: number[] = [];
  const grow = (): void => {
    mask = mask * 2 + 1;
    slots = new Uint32Array(mask + 1).fill(NONE);
    for (let code = 0; code < firsts.length; code += 1) {
      const first = firsts[code] as number;
      let slot = hashOf(words[2 * first] as number, words[2 * first + 1] as number) & mask;
      while (slots[slot] !== NONE) slot = (slot + 1) & mask;
      slots[slot] = code;
    }
  };
  for (let at = 0; at < length; at += 1) {
    const [low, high] = [words[2 * at] as number, words[2 * at + 1] as number];
    let slot = hashOf(low, high) & mask;
    let code = slots[slot] as number;
    while (code !== NONE) {
      const first = firsts[code] as number;
      if (words[2 * first] === low && words[2 * first + 1] === high) break;
      slot = (slot + 1) & mask;
      code = slots[slot] as number;
    }
    if (code === NONE) {
      code = firsts.length;
      firsts.push(at);
      slots[slot] = code;
      if (firsts.length * 2 > mask) grow();
    }
    codes[at] = code;
  }
  return { codes, firsts: Uint32Array.from(firsts) };
}

/** Rows by code: the rows of code c are `places[offsets[c]]` to before `places[offsets[c + 1]]`, in their order. */
export function byCode(codes: Uint32Array, count: number): { readonly places: Uint32Array; readonly offsets: Uint32Array } {
  const offsets = new Uint32Array(count + 1);
  for (let at = 0; at < codes.length; at += 1) (offsets[(codes[at] as number) + 1] as number) += 1;
  for (let code = 0; code < count; code += 1) (offsets[code + 1] as number) += offsets[code] as number;
  const next = offsets.slice();
  const places = new Uint32Array(codes.length);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] as number;
    places[next[code] as number] = at;
    (next[code] as number) += 1;
  }
  return { places, offsets };
}
