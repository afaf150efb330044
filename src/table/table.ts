/** Tables: typed arrays of one length, by column. */
import { CompilerBug } from "../../fusion/errors.js";
import type { ElementType, ScalarValue } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { newRoom } from "../memory/room.js";

export type Table = ReadonlyMap<string, AnyTypedArray>;

/** A column that a kernel or a step asks for. */
export function columnOf(table: Table | null, name: string): AnyTypedArray {
  const column = table?.get(name);
  if (column === undefined) throw new CompilerBug(`a kernel reads the column ${JSON.stringify(name)}, which nothing stored`);
  return column;
}

/** All columns but these. */
export const without = (table: Table, names: readonly string[]): Table => new Map([...table].filter(([name]) => !names.includes(name)));

/** A new array of such elements: so many of the one, and behind them so many of the other. */
export function appended(element: ElementType, left: AnyTypedArray, leftLength: number, right: AnyTypedArray, rightLength: number): AnyTypedArray {
  const whole = newRoom(element, leftLength + rightLength) as Float64Array;
  whole.set((left as Float64Array).subarray(0, leftLength));
  whole.set((right as Float64Array).subarray(0, rightLength), leftLength);
  return whole;
}

/** No place. */
export const NONE = 0xffffffff;

export function elementsAt(array: AnyTypedArray, places: Uint32Array): AnyTypedArray {
  const element = elementTypeOf(array);
  if (element === undefined) throw new CompilerBug("a column is no typed array");
  const from = array as Float64Array;
  const to = newArray(element, places.length) as Float64Array;
  for (let at = 0; at < places.length; at += 1) to[at] = from[places[at] as number] as number;
  return to;
}

/** The same, with zeros for `NONE`. */
export function elementsOrZerosAt(array: AnyTypedArray, places: Uint32Array): AnyTypedArray {
  const element = elementTypeOf(array) as ElementType;
  return elementsOr(element === "i64" || element === "u64" ? 0n : 0, element, array, places);
}

/** A new array of such elements: those at these places, and `nothing` for `NONE`. */
export function elementsOr(nothing: ScalarValue, element: ElementType, array: AnyTypedArray, places: Uint32Array): AnyTypedArray {
  const from = array as Float64Array;
  const to = newArray(element, places.length) as Float64Array;
  for (let at = 0; at < places.length; at += 1) {
    const place = places[at] as number;
    to[at] = place === NONE ? (nothing as number) : (from[place] as number);
  }
  return to;
}
