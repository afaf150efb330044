/**
 * Arrow's strings: UTF-8 behind one another, or places in a dictionary of such. Of the first every text that is new in a chunk is decoded
 * once; of the second only the dictionary is, and the places are the codes, where they lie, if each text is in it once.
 */
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { Dictionary, translated } from "../table/dictionary.js";
import { Strings } from "../table/strings.js";

/** A chunk of texts: each from one offset to before the next. */
export interface TextChunk {
  readonly length: number;
  readonly valueOffsets: Int32Array | BigInt64Array;
  readonly values: Uint8Array;
}

/** `valid`: 1 where there is a text; null where there always is one. */
export function textsOf(chunks: readonly TextChunk[], valid: Uint8Array | null): Strings {
  const dictionary = new Dictionary();
  const codes = new Uint32Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let from = 0;
  for (const chunk of chunks) {
    encodeTexts(chunk, dictionary, codes.subarray(from, from + chunk.length), valid?.subarray(from, from + chunk.length) ?? null);
    from += chunk.length;
  }
  return new Strings(codes, valid, dictionary);
}

const NONE = 0xffffffff;

/** Equal bytes are found by a hash table with open addressing, which doubles when it is half full. */
function encodeTexts({ length, valueOffsets, values }: TextChunk, dictionary: Dictionary, codes: Uint32Array, valid: Uint8Array | null): void {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const offsets = valueOffsets instanceof Int32Array ? valueOffsets : Float64Array.from(valueOffsets, Number);
  /** The rows in which texts first occur, and their hashes. */
  const [firsts, hashes]: [number[], number[]] = [[], []];
  let mask = 1023;
  let slots = new Uint32Array(mask + 1).fill(NONE);
  const grow = (): void => {
    mask = mask * 2 + 1;
    slots = new Uint32Array(mask + 1).fill(NONE);
    hashes.forEach((hash, text) => {
      let slot = hash & mask;
      while (slots[slot] !== NONE) slot = (slot + 1) & mask;
      slots[slot] = text;
    });
  };
  for (let row = 0; row < length; row += 1) {
    if (valid !== null && valid[row] === 0) continue;
    const [start, end] = [offsets[row] as number, offsets[row + 1] as number];
    const hash = hashOf(values, start, end);
    let slot = hash & mask;
    let text = slots[slot] as number;
    while (text !== NONE) {
      const first = firsts[text] as number;
      if (hashes[text] === hash && areSame(values, start, end, offsets[first] as number, offsets[first + 1] as number)) break;
      slot = (slot + 1) & mask;
      text = slots[slot] as number;
    }
    if (text === NONE) {
      codes[row] = dictionary.codeOf(decoder.decode(values.subarray(start, end)));
      slots[slot] = firsts.push(row) - 1;
      hashes.push(hash);
      if (firsts.length * 2 > mask) grow();
    } else codes[row] = codes[firsts[text] as number] as number;
  }
}

/** FNV-1a, and a last mixing, for the low bits choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function areSame(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let at = start, other = otherStart; at < end; at += 1, other += 1) if (bytes[at] !== bytes[other]) return false;
  return true;
}

/** A chunk of places in a dictionary. */
export interface PlaceChunk {
  readonly length: number;
  readonly places: AnyTypedArray;
  /** Whatever the dictionary is: the same for the same one. */
  readonly dictionary: object;
}

/** What is known of dictionaries, which never change. */
const known = new WeakMap<object, Strings>();

/** `read`: the texts of a dictionary. `valid` as above. */
export function placesOf(chunks: readonly PlaceChunk[], valid: Uint8Array | null, read: (dictionary: object) => Strings): Strings {
  const textsIn = (dictionary: object): Strings => {
    let texts = known.get(dictionary);
    if (texts === undefined) known.set(dictionary, (texts = read(dictionary)));
    return texts;
  };
  const texts = chunks.map(({ dictionary }) => textsIn(dictionary));
  const [first] = texts;
  if (first === undefined) return new Strings(new Uint32Array(0), null, new Dictionary());
  const alone = texts.every(other => other === first);
  const dictionary = alone ? first.dictionary : new Dictionary(first.dictionary);
  const parts = chunks.map(({ places, length }, at) => {
    const of = texts[at] as Strings;
    // The code of each place, where it is not the place itself.
    const inOrder = of.valid === null && of.codes.length === of.dictionary.size;
    const own = asCodes(places, length);
    return translated(inOrder ? own : translated(own, of.codes), dictionary.codesOf(of.dictionary));
  });
  const codes = parts.length === 1 ? (parts[0] as Uint32Array) : joined(parts);
  return new Strings(codes, texts.some(({ valid: there }) => there !== null) ? withoutNullTexts(chunks, texts, valid, codes.length) : valid, dictionary);
}

/** Places of 32 bits are read where they lie. */
function asCodes(places: AnyTypedArray, length: number): Uint32Array {
  if (places instanceof Int32Array || places instanceof Uint32Array) return new Uint32Array(places.buffer, places.byteOffset, length);
  return Uint32Array.from(places.subarray(0, length) as Int8Array, Number);
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const whole = newArray("u32", parts.reduce((sum, { length }) => sum + length, 0)) as Uint32Array;
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Rows whose text in the dictionary is null are null, too. */
function withoutNullTexts(chunks: readonly PlaceChunk[], texts: readonly Strings[], valid: Uint8Array | null, length: number): Uint8Array {
  const result = valid?.slice() ?? new Uint8Array(length).fill(1);
  let from = 0;
  chunks.forEach(({ places, length: rows }, at) => {
    const there = (texts[at] as Strings).valid;
    if (there !== null) for (let row = 0; row < rows; row += 1) if (there[Number(places[row])] === 0) result[from + row] = 0;
    from += rows;
  });
  return result;
}
