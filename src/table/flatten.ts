/** Lists put behind one another: each of their places is a column. */
import { ITEMS } from "../../fusion/query.js";
import type { ElementType } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { newRoom } from "../memory/room.js";
import { columnOf, type Table } from "./table.js";

/** How many elements the lists of so many rows have. `varied`: the column `ITEMS` says how many each has. */
export function flatLength(table: Table, length: number, places: number, varied: boolean): number {
  if (!varied) return length * places;
  let total = 0;
  for (const items of columnOf(table, ITEMS) as Uint32Array) total += items;
  return total;
}

export function flattened(table: Table, from: readonly string[], length: number, total: number, varied: boolean): AnyTypedArray {
  const columns = from.map(name => columnOf(table, name) as Float64Array);
  const flat = newRoom(elementTypeOf(columns[0]) as ElementType, total) as Float64Array;
  if (varied) {
    const counts = columnOf(table, ITEMS) as Uint32Array;
    let next = 0;
    for (let at = 0; at < length; at += 1) {
      const count = counts[at] as number;
      for (let place = 0; place < count; place += 1) flat[next++] = (columns[place] as Float64Array)[at] as number;
    }
    return flat;
  }
  const step = columns.length;
  for (const [place, column] of columns.entries()) for (let at = 0, to = place; at < length; at += 1, to += step) flat[to] = column[at] as number;
  return flat;
}
