/** Keys by number, carried from piece to piece: equal ones have one number, 0, 1, 2 … in the order in which they first came. */
import type { AnyTypedArray } from "../../fusion/values.js";
import { hashOf, wordsOf } from "../table/codes.js";
import { NONE } from "../table/table.js";
import { grown } from "./states.js";

/** Keys as words, two for each column, and a hash table with open addressing of their numbers that doubles when it is half full. */
export class KeyTable {
  size = 0;
  private words = new Uint32Array(1024);
  private slots = new Uint32Array(1024).fill(NONE);

  /** The numbers of the keys that these columns hold; those that are new get the next ones. Keys are the same as codes.ts tells them apart. */
  numbersOf(columns: readonly AnyTypedArray[], length: number): Uint32Array {
    const keys = sideBySide(columns.map(column => wordsIn(column, length)), length);
    const width = 2 * columns.length;
    const numbers = new Uint32Array(length);
    for (let at = 0; at < length; at += 1) numbers[at] = this.numberOf(keys, at * width, width);
    return numbers;
  }

  /** Of the key that begins at a place, so many words. */
  private numberOf(keys: Uint32Array, from: number, width: number): number {
    const { words, slots } = this;
    const mask = slots.length - 1;
    let slot = hashOfKey(keys, from, width) & mask;
    for (let number = slots[slot] as number; number !== NONE; number = slots[slot] as number) {
      if (isSame(words, number * width, keys, from, width)) return number;
      slot = (slot + 1) & mask;
    }
    const number = this.size;
    slots[slot] = number;
    this.size += 1;
    this.words = grown(words, this.size * width);
    for (let at = 0; at < width; at += 1) this.words[number * width + at] = keys[from + at] as number;
    if (this.size * 2 > mask) this.grow(width);
    return number;
  }

  private grow(width: number): void {
    const mask = this.slots.length * 2 - 1;
    this.slots = new Uint32Array(mask + 1).fill(NONE);
    for (let number = 0; number < this.size; number += 1) {
      let slot = hashOfKey(this.words, number * width, width) & mask;
      while (this.slots[slot] !== NONE) slot = (slot + 1) & mask;
      this.slots[slot] = number;
    }
  }
}

function isSame(words: Uint32Array, start: number, keys: Uint32Array, from: number, width: number): boolean {
  for (let at = 0; at < width; at += 1) if (words[start + at] !== keys[from + at]) return false;
  return true;
}

/** The words of each key behind one another. */
function sideBySide(parts: readonly Uint32Array[], length: number): Uint32Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const keys = new Uint32Array(2 * parts.length * length);
  parts.forEach((part, place) => {
    for (let at = 0, to = 2 * place; at < length; at += 1, to += 2 * parts.length) {
      keys[to] = part[2 * at] as number;
      keys[to + 1] = part[2 * at + 1] as number;
    }
  });
  return keys;
}

const wordsIn = (column: AnyTypedArray, length: number): Uint32Array =>
  column instanceof BigInt64Array || column instanceof BigUint64Array ? new Uint32Array(column.buffer, column.byteOffset, length * 2) : wordsOf(column, length);

function hashOfKey(words: Uint32Array, from: number, width: number): number {
  let hash = 0;
  for (let at = from; at < from + width; at += 2) hash = hashOf((words[at] as number) ^ Math.imul(hash, 0x01000193), words[at + 1] as number);
  return hash;
}
