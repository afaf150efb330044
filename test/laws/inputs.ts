/** Arrays of special, small and arbitrary values; each seed makes the same array again. */
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import { specialElements } from "./special.js";

/** Numbers below 2^32 from a seed (splitmix32). */
export function randoms(seed: number): () => number {
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
 * What arrays hold, by their seed. One NaN hides every other value of a sum, and a sum of small integers is exact in any order,
 * so there are arrays of each kind.
 */
const STYLES = ["small", "special", "fractions", "wide", "rarely special", "near one"] as const;

/** `length` elements; the seed says which. Products of numbers near one neither vanish nor overflow. */
export function inputArray(element: ElementType, length: number, seed: number, { offset, shared }: Layout = PLAIN): AnyTypedArray {
  const { bytes, integer, scalar } = ELEMENTS[element];
  const size = (offset + length) * bytes;
  const buffer = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
  const array = new ARRAY_CONSTRUCTORS[element](buffer as ArrayBuffer, offset * bytes, length) as AnyTypedArray;
  const next = randoms(seed);
  const special = specialElements(element);
  const big = scalar === "i64" || scalar === "u64";
  const style = STYLES[seed % STYLES.length] as (typeof STYLES)[number];
  const any = (): number | bigint => {
    if (big) return (BigInt(next()) << 32n) | BigInt(next());
    return integer ? next() | 0 : next() / 2 ** 32 - 0.5;
  };
  /** Over so many binary digits that no sum of some is exact. */
  const wide = (): number | bigint => (integer ? any() : (any() as number) * 2 ** ((next() % 60) - 30));
  const small = (): number | bigint => {
    const value = (next() % 41) - 20;
    return big ? BigInt(value) : integer || next() % 2 === 0 ? value : value / 8;
  };
  const exotic = (): number | bigint => special[next() % special.length] as number | bigint;
  const value = (): number | bigint => {
    switch (style) {
      case "small":
        return small();
      case "special":
        return [exotic, exotic, exotic, wide, small][next() % 5]?.() ?? 0;
      case "fractions":
        return any();
      case "wide":
        return wide();
      case "rarely special":
        return next() % 300 === 0 ? exotic() : next() % 2 === 0 ? wide() : small();
      case "near one":
        return integer ? small() : 1 + (any() as number) / 8;
      default:
        return style satisfies never;
    }
  };
  for (let at = 0; at < length; at++) (array as unknown as (number | bigint)[])[at] = value();
  return array;
}
