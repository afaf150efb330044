/** Keys by number, carried from piece to piece: equal ones have one number, 0, 1, 2 … in the order in which they first came. */
import type { AnyTypedArray } from "../../fusion/values.js";
import { hashOf, wordsOf } from "../table/codes.js";
import { NONE } from "../table/table.js";

/** Keys as words, two for each column, and a hash table with open addressing of their numbers that doubles when it is half full. */
export class KeyTable {
  size = 0;
  private words = new Uint32Array(0);
  private slots = new Uint32Array(1024).fill(NONE);

  /** The numbers of the keys that these columns hold; those that are new get the next ones. Keys are the same as codes.ts tells them apart. */
  numbersOf(columns: readonly AnyTypedArray[], length: number): Uint32Array {
    const parts = columns.map(column => wordsIn(column, length));
    const width = 2 * parts.length;
    const key = new Uint32Array(width);
    const numbers = new Uint32Array(length);
    for (let at = 0; at < length; at += 1) {
      parts.forEach((part, place) => {
        key[2 * place] = part[2 * at] as number;
        key[2 * place + 1] = part[2 * at + 1] as number;
      });
      numbers[at] = this.numberOf(key);
    }
    return numbers;
  }

  private numberOf(key: Uint32Array): number {
    const mask = this.slots.length - 1;
    let slot = hashOfKey(key, 0, key.length) & mask;
    for (let number = this.slots[slot] as number; number !== NONE; number = this.slots[slot] as number) {
      if (this.isKey(number, key)) return number;
      slot = (slot + 1) & mask;
    }
    const number = this.size;
    this.slots[slot] = number;
    this.size += 1;
    this.keep(key, number);
    if (this.size * 2 > mask) this.grow(key.length);
    return number;
  }

  private isKey(number: number, key: Uint32Array): boolean {
    for (let at = 0, from = number * key.length; at < key.length; at += 1) if (this.words[from + at] !== key[at]) return false;
    return true;
  }

  private keep(key: Uint32Array, number: number): void {
    const from = number * key.length;
    if (from + key.length > this.words.length) {
      const more = new Uint32Array(Math.max(1024, 2 * this.words.length, from + key.length));
      more.set(this.words);
      this.words = more;
    }
    this.words.set(key, from);
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

const wordsIn = (column: AnyTypedArray, length: number): Uint32Array =>
  column instanceof BigInt64Array || column instanceof BigUint64Array ? new Uint32Array(column.buffer, column.byteOffset, length * 2) : wordsOf(column, length);

function hashOfKey(words: Uint32Array, from: number, width: number): number {
  let hash = 0;
  for (let at = from; at < from + width; at += 2) hash = hashOf((words[at] as number) ^ Math.imul(hash, 0x01000193), words[at + 1] as number);
  return hash;
}
