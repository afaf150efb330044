/** Arrays of special, small and arbitrary values; each seed makes the same array again. */
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import { specialElements } from "./special.js";

/** Numbers below 2^32 from a seed (splitmix32). */
function randoms(seed: number): () => number {
  let state = (seed + 0x9e3779b9) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

export interface Layout {
  /** Elements between the start of the buffer and the array. */
  readonly offset: number;
  readonly shared: boolean;
}

const PLAIN: Layout = { offset: 0, shared: false };

/**
 * `length` elements: a part special values, a part small integers, a part any bits or plain fractions. Some seeds give arrays
 * of tame values alone, so that sums and loops have something to compute.
 */
export function inputArray(element: ElementType, length: number, seed: number, { offset, shared }: Layout = PLAIN): AnyTypedArray {
  const { bytes, integer, scalar } = ELEMENTS[element];
  const size = (offset + length) * bytes;
  const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
  const array = new ARRAY_CONSTRUCTORS[element](buffer as ArrayBuffer, offset * bytes, length) as AnyTypedArray;
  const next = randoms(seed);
  const special = specialElements(element);
  const big = scalar === "i64" || scalar === "u64";
  const tame = seed % 3 === 0;
  const any = (): number | bigint => {
    if (big) return (BigInt(next()) << 32n) | BigInt(next());
    if (integer) return next() | 0;
    return (next() / 2 ** 32 - 0.5) * 10 ** ((next() % 12) - 4);
  };
  const small = (): number | bigint => {
    const value = (next() % 41) - 20;
    return big ? BigInt(value) : integer || next() % 2 === 0 ? value : value / 8;
  };
  for (let at = 0; at < length; at++) {
    const part = next() % 8;
    const value = tame || part >= 5 ? small() : part >= 3 ? any() : (special[next() % special.length] as number | bigint);
    (array as unknown as (number | bigint)[])[at] = value;
  }
  return array;
}
