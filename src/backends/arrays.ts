/** The arrays of a call while it runs beside other code, which may detach or resize them. */
import { QueryError } from "../../fusion/errors.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { KernelCall } from "./backend.js";

/** Whether the array's memory can be taken away while another thread uses it. Shared memory only ever grows. */
export function canShrink(array: AnyTypedArray): boolean {
  return (array.buffer as { readonly resizable?: boolean }).resizable === true;
}

/** Whether both are the very same elements of the same memory. */
export const isSameView = (one: AnyTypedArray, other: AnyTypedArray): boolean =>
  one === other || (one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length && one.constructor === other.constructor);

/** What is made of each array, once for arrays that are the same elements. */
export function mapViews<Made>(arrays: readonly AnyTypedArray[], make: (array: AnyTypedArray, place: number) => Made): readonly Made[] {
  const made: Made[] = [];
  arrays.forEach((array, place) => {
    const before = arrays.findIndex(other => isSameView(other, array));
    made.push(before < place ? (made[before] as Made) : make(array, place));
  });
  return made;
}

const arraysOf = ({ source, output, arrays }: KernelCall): readonly AnyTypedArray[] => [source, output, ...arrays].filter(array => array !== null);

export const lengthsOf = (call: KernelCall): readonly number[] => arraysOf(call).map(array => array.length);

/** The run came to no harm. But what it computed is of an array that is no more, if its lengths are not those of its beginning. */
export function checkLengths(call: KernelCall, lengths: readonly number[]): void {
  if (arraysOf(call).every((array, place) => array.length === lengths[place])) return;
  throw new QueryError(
    "DC307",
    "an array was detached or has changed its length while the query ran",
    "Leave its buffer in place until the promise settles, or run the query with .value() or toArray().",
  );
}
