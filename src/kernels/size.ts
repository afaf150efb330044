/** The size of the space that a kernel runs over. */
import { QueryError } from "../../fusion/errors.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { describe } from "../query/given.js";
import type { Dimensions } from "./types.js";

export type Sizes = readonly [number, number, number];

const NAMES = ["width", "height", "depth"] as const;
const SHOWN = { 1: "1000", 2: "[width, height]", 3: "[width, height, depth]" } as const satisfies Record<Dimensions, string>;

/** Checks a size that was given. `whose`: for messages. */
export function checkSize(size: unknown, dimensions: Dimensions, whose: string): Sizes {
  const list: readonly unknown[] = Array.isArray(size) ? size : dimensions === 1 ? [size] : [];
  const remedy = `Give ${dimensions === 1 ? "the number of indices" : "the number of indices along each axis"}: { size: ${SHOWN[dimensions]} }.`;
  if (list.length !== dimensions) throw new QueryError("DC313", `${whose} is ${Array.isArray(size) ? `a list of ${size.length}` : describe(size)}, but its space has ${dimensions} dimension${dimensions === 1 ? "" : "s"}`, remedy);
  for (const [axis, one] of list.entries()) {
    if (typeof one === "number" && Number.isSafeInteger(one) && one >= 0) continue;
    throw new QueryError("DC313", `${whose} is ${describe(one)} ${dimensions === 1 ? "" : `in ${NAMES[axis] as string} `}where a whole number is needed`, remedy);
  }
  const [width = 1, height = 1, depth = 1] = list as readonly number[];
  if (!Number.isSafeInteger(width * height * depth)) throw new QueryError("DC313", `${whose} is more than all indices that there are`, "Run the kernel over parts of the space, one after the other.");
  return [width, height, depth];
}

/** In one dimension without a size: the length of what is written. */
export function writtenLength(name: string, dimensions: Dimensions, written: readonly (readonly [name: string, array: AnyTypedArray])[]): Sizes {
  if (dimensions !== 1) {
    throw new QueryError("DC313", `the kernel ${name} is called without the size of its space`, `Give it with the call, ${name}(…, { size: ${SHOWN[dimensions]} }), or where the kernel is defined: { dimensions: ${dimensions}, size: (…) => ${SHOWN[dimensions]} }.`);
  }
  const [first, ...others] = written;
  if (first === undefined) throw new QueryError("DC313", `the kernel ${name} writes to no array`, "Write to one of its parameters: out[i] = ….");
  const [, { length }] = first;
  const other = others.find(([, array]) => array.length !== length);
  if (other !== undefined) {
    throw new QueryError("DC313", `the arrays that ${name} writes to have different lengths: ${first[0]} has ${length} elements, ${other[0]} ${other[1].length}`, `Give the number of indices with the call, ${name}(…, { size: ${length} }), or where the kernel is defined: { size: (…) => … }.`);
  }
  return [length, 1, 1];
}
