/**
 * Sorting by keys: a stable radix sort from the least significant digit up (Knuth, The Art of Computer Programming 3, 5.2.5), which
 * moves places and not elements. Keys are turned into unsigned words whose order is the keys' own: -0 before 0, NaN last.
 */
import type { AnyTypedArray } from "../../fusion/values.js";

export interface Key {
  readonly array: AnyTypedArray;
  readonly descending: boolean;
}

const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
const WORD_BITS = 32;

/** The places of 0 … length - 1 in the order of the first key, among equals of the second, and so on; then in their own order. */
export const sortedPlaces = (keys: readonly Key[], length: number): Uint32Array => placesByWords(wordsOfKeys(keys, length), length);

/** From how many on all places are sorted: one in so many. */
const MANY = 8;
/** Fewer candidates than these are not worth a sort. */
const LEAST = 4 * DIGITS;

/**
 * The first `limit` of those places. Candidates are collected until there are twice as many, and sorted; the last one of those that
 * stay turns most of the other places away.
 */
export function firstPlaces(keys: readonly Key[], length: number, limit: number): Uint32Array {
  if (limit * MANY > length) return sortedPlaces(keys, length).subarray(0, limit);
  const words = wordsOfKeys(keys, length);
  const highest = words.at(-1) as Uint32Array;
  const candidates = new Uint32Array(Math.max(2 * limit, LEAST));
  let count = 0;
  let last = -1;
  let highestOfLast = 0xffffffff;
  const select = (): void => {
    const found = candidates.slice(0, count);
    const order = placesByWords(words.map(word => wordsAt(word, found)), count);
    count = Math.min(count, limit);
    for (let at = 0; at < count; at += 1) candidates[at] = found[order[at] as number] as number;
    if (count < limit || limit === 0) return;
    last = candidates[limit - 1] as number;
    highestOfLast = highest[last] as number;
  };
  for (let at = 0; at < length; at += 1) {
    // Of equals the later one comes behind.
    if ((highest[at] as number) > highestOfLast || (last >= 0 && !isBefore(words, at, last))) continue;
    candidates[count++] = at;
    if (count === candidates.length) select();
  }
  select();
  return candidates.slice(0, limit);
}

/** Whether the words of one place are below those of another. */
function isBefore(words: readonly Uint32Array[], one: number, other: number): boolean {
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const word = words[at] as Uint32Array;
    const [a, b] = [word[one] as number, word[other] as number];
    if (a !== b) return a < b;
  }
  return false;
}

function wordsAt(word: Uint32Array, places: Uint32Array): Uint32Array {
  const found = new Uint32Array(places.length);
  for (let at = 0; at < places.length; at += 1) found[at] = word[places[at] as number] as number;
  return found;
}

/** Those of all keys, from the low word of the last key to the high one of the first. */
const wordsOfKeys = (keys: readonly Key[], length: number): readonly Uint32Array[] => keys.toReversed().flatMap(key => wordsOf(key, length));

function placesByWords(words: readonly Uint32Array[], length: number): Uint32Array {
  let places = new Uint32Array(length);
  for (let at = 0; at < length; at += 1) places[at] = at;
  let room = new Uint32Array(length);
  // Each pass keeps what the one before has ordered.
  for (const word of words) {
    for (let shift = 0; shift < WORD_BITS; shift += DIGIT_BITS) if (pass(word, shift, places, room)) [places, room] = [room, places];
  }
  return places;
}

/** Orders by one digit; false if all have the same, and nothing was done. */
function pass(word: Uint32Array, shift: number, places: Uint32Array, sorted: Uint32Array): boolean {
  const counts = new Uint32Array(DIGITS);
  for (let at = 0; at < word.length; at += 1) (counts[((word[at] as number) >>> shift) & (DIGITS - 1)] as number)++;
  if (counts.includes(word.length)) return false;
  let before = 0;
  for (let digit = 0; digit < DIGITS; digit += 1) {
    const count = counts[digit] as number;
    counts[digit] = before;
    before += count;
  }
  for (let at = 0; at < places.length; at += 1) {
    const place = places[at] as number;
    const digit = ((word[place] as number) >>> shift) & (DIGITS - 1);
    sorted[(counts[digit] as number)++] = place;
  }
  return true;
}

/** A key as unsigned words, the low one first. */
function wordsOf({ array, descending }: Key, length: number): readonly Uint32Array[] {
  const flip = descending ? 0xffffffff : 0;
  if (array instanceof Float64Array) return doubles(array, length, flip);
  if (array instanceof Float32Array) return [singles(array, length, flip)];
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
    const halves = new Uint32Array(array.buffer, array.byteOffset, length * 2);
    const sign = array instanceof BigInt64Array ? 0x80000000 : 0;
    const [low, high] = [new Uint32Array(length), new Uint32Array(length)];
    for (let at = 0; at < length; at += 1) {
      low[at] = (halves[2 * at] as number) ^ flip;
      high[at] = (halves[2 * at + 1] as number) ^ sign ^ flip;
    }
    return [low, high];
  }
  // Negative integers come before the others once the sign is turned round.
  const sign = array instanceof Int8Array || array instanceof Int16Array || array instanceof Int32Array ? 0x80000000 : 0;
  const words = new Uint32Array(length);
  for (let at = 0; at < length; at += 1) words[at] = (array[at] as number) ^ sign ^ flip;
  return [words];
}

/** Bits of positive floats are in the floats' order; those of negative ones in the opposite, and below. */
function doubles(array: Float64Array, length: number, flip: number): readonly Uint32Array[] {
  const halves = new Uint32Array(array.buffer, array.byteOffset, length * 2);
  const [low, high] = [new Uint32Array(length), new Uint32Array(length)];
  for (let at = 0; at < length; at += 1) {
    const bits = halves[2 * at + 1] as number;
    if (Number.isNaN(array[at])) {
      low[at] = high[at] = 0xffffffff;
      continue;
    }
    const negative = bits >>> 31 === 1;
    low[at] = (halves[2 * at] as number) ^ (negative ? 0xffffffff : 0) ^ flip;
    high[at] = bits ^ (negative ? 0xffffffff : 0x80000000) ^ flip;
  }
  return [low, high];
}

function singles(array: Float32Array, length: number, flip: number): Uint32Array {
  const words = new Uint32Array(array.buffer, array.byteOffset, length);
  const keys = new Uint32Array(length);
  for (let at = 0; at < length; at += 1) {
    const bits = words[at] as number;
    keys[at] = Number.isNaN(array[at]) ? 0xffffffff : bits ^ (bits >>> 31 === 1 ? 0xffffffff : 0x80000000) ^ flip;
  }
  return keys;
}
