/** What the tests of queries share: arrays of every element type, and JavaScript's own answers. */
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { ELEMENT_TYPES, ELEMENTS, type ElementType } from "../../fusion/types.js";

export const isBig = (element: ElementType): element is "i64" | "u64" => element === "i64" || element === "u64";

/** Every element type with its array's name, for `describe.each`. */
export const ELEMENT_CASES = ELEMENT_TYPES.map(element => ({ element, name: ELEMENTS[element].array }));

const SPECIALS = [0, 1, -1, 2, 100, 127, 128, 255, 256, -128, 32767, 65535, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 7, -7, 3];
const FRACTIONS = [0.5, -0.5, 1.5, 2.5, 0.1, -0, 1e-45, 5e-324, 3.4e38, 1e300, Infinity, -Infinity, 2 ** 53, 1 / 3];

/** An array of `length` elements that holds the type's special values first, then a mixture. NaN only where it is asked for. */
export function sample(element: ElementType, length: number, withNaN = false): AnyTypedArray {
  const array = newArray(element, length);
  const values = ELEMENTS[element].integer ? SPECIALS : [...SPECIALS, ...FRACTIONS.filter(x => Number.isFinite(x)), ...(withNaN ? [NaN, Infinity, -Infinity] : [])];
  let state = 12345 + length;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const value = at < values.length ? (values[at] as number) : (state % 2000) / (ELEMENTS[element].integer ? 1 : 8) - 1000;
    if (isBig(element)) (array as BigInt64Array)[at] = (BigInt(Math.trunc(value)) << 31n) + BigInt(at);
    else (array as Float64Array)[at] = value;
  }
  return array;
}

/** The values of an array as JavaScript numbers or BigInts. */
export const listOf = (array: AnyTypedArray): (number | bigint)[] => Array.from(array as ArrayLike<number | bigint>);

/** A left fold by definition: lanes of 32, blocks of 1024, a pairwise tree; `null` for a place without an element. */
export function canonicalFold<T>(places: readonly (T | null)[], fold: (a: T, b: T) => T): T | null {
  const join = (a: T | null, b: T | null): T | null => (a === null ? b : b === null ? a : fold(a, b));
  const tree = (items: readonly (T | null)[]): T | null => {
    if (items.length <= 1) return items[0] ?? null;
    let half = 1;
    while (half * 2 < items.length) half *= 2;
    return join(tree(items.slice(0, half)), tree(items.slice(half)));
  };
  const blocks: (T | null)[] = [];
  for (let start = 0; start < places.length; start += 1024) {
    let lanes: (T | null)[] = new Array<T | null>(32).fill(null);
    places.slice(start, start + 1024).forEach((value, at) => (lanes[at % 32] = join(lanes[at % 32] as T | null, value)));
    for (let width = 16; width >= 1; width /= 2) lanes = lanes.slice(0, width).map((value, lane) => join(value, lanes[lane + width] as T | null));
    blocks.push(lanes[0] as T | null);
  }
  return tree(blocks);
}

/** The sum that the contract promises. */
export function expectedSum(array: AnyTypedArray): number | bigint {
  const element = elementTypeOf(array) as ElementType;
  const values = listOf(array);
  if (isBig(element)) {
    const total = (values as bigint[]).reduce((a, x) => a + x, 0n);
    return element === "i64" ? BigInt.asIntN(64, total) : BigInt.asUintN(64, total);
  }
  if (ELEMENTS[element].integer) return Number((values as number[]).reduce((a, x) => a + BigInt(x), 0n));
  return 0 + (canonicalFold(values as number[], (a, b) => a + b) ?? 0);
}
