/**
 * Windows as one column, which kernels read at offsets from the element's own place; or as columns, views of one array at offsets. Of
 * chunks the columns are copies, for kernels read arrays element after element.
 */
import { CompilerBug } from "../../fusion/errors.js";
import { windowColumn, WINDOWED, type Edge } from "../../fusion/query.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { newRoom } from "../memory/room.js";
import type { Rows } from "./steps.js";

/** One column, which is longer than there are windows. `beyond`: what stands beyond the ends, where that is a constant. */
export function around(offsets: readonly number[], edge: Edge, source: AnyTypedArray, length: number, beyond: () => unknown): Rows {
  const array = source.length === length ? source : source.subarray(0, length);
  let [before, behind] = [0, 0];
  for (const offset of offsets) {
    if (-offset > before) before = -offset;
    if (offset > behind) behind = offset;
  }
  const count = edge === "valid" ? Math.max(0, length - before - behind) : length;
  const whole = edge === "valid" || count === 0 ? array : padded(array, before, behind, edge, beyond);
  return { table: new Map([[WINDOWED, whole]]), length: count };
}

/** A column for each offset. */
export function windows(given: readonly number[], edge: Edge, source: AnyTypedArray, length: number, beyond: () => unknown): Rows {
  const array = source.length === length ? source : source.subarray(0, length);
  let [before, behind] = [0, 0];
  for (const offset of given) {
    const near = within(offset, edge, length);
    if (-near > before) before = -near;
    if (near > behind) behind = near;
  }
  const valid = edge === "valid";
  const count = valid ? Math.max(0, length - before - behind) : length;
  const whole = valid || count === 0 ? array : padded(array, before, behind, edge, beyond);
  const table = new Map<string, AnyTypedArray>();
  for (let at = 0; at < given.length; at += 1) {
    const first = before + within(given[at] as number, edge, length);
    table.set(windowColumn(at, false), whole.subarray(first, first + count));
  }
  return { table, length: count };
}

/** An offset that finds the same and reaches no farther than the array is long. */
function within(offset: number, edge: Edge, length: number): number {
  if (edge === "valid" || Math.abs(offset) <= length) return offset;
  return edge === "wrap" ? offset % Math.max(1, length) : Math.sign(offset) * length;
}

/** What stands at each place of the chunks of so many elements; what is left over is no chunk. */
export function chunks(size: number, source: AnyTypedArray, length: number): Rows {
  const element = elementTypeOf(source);
  if (element === undefined) throw new CompilerBug("chunks of no typed array");
  const count = Math.floor(length / size);
  const from = source as Float64Array;
  const columns = Array.from({ length: size }, (_, place) => {
    const column = newRoom(element, count) as Float64Array;
    for (let at = 0, next = place; at < count; at += 1, next += size) column[at] = from[next] as number;
    return [windowColumn(place, true), column] as const;
  });
  return { table: new Map(columns), length: count };
}

/** A copy with so many elements more at either end. The array is not empty. */
function padded(array: AnyTypedArray, before: number, behind: number, edge: Exclude<Edge, "valid">, beyond: () => unknown): AnyTypedArray {
  const element = elementTypeOf(array);
  if (element === undefined) throw new CompilerBug("windows of no typed array");
  const { length } = array;
  const from = array as Float64Array;
  const whole = newRoom(element, before + length + behind) as Float64Array;
  whole.set(from, before);
  const at = (place: number): number => {
    switch (edge) {
      case "clamp":
        return from[place < 0 ? 0 : length - 1] as number;
      case "wrap":
        return from[((place % length) + length) % length] as number;
      case "constant":
        return beyond() as number;
      default:
        return edge satisfies never;
    }
  };
  for (let place = -before; place < 0; place += 1) whole[before + place] = at(place);
  for (let place = length; place < length + behind; place += 1) whole[before + place] = at(place);
  return whole;
}
