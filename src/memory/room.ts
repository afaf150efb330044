/** Arrays for results that JavaScript makes between kernels. */
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { LARGE, type NativeAddon } from "../backends/cpu/addon.js";
import { ownAddon } from "../backends/cpu/load-addon.js";

/** The addon, whose pool the process shares; null where there is none. */
export const addonOfMemory = (): NativeAddon | null => ownAddon().addon;

/**
 * A new array for a caller that writes all of its elements before anybody else sees it: a large one lies in recycled memory, and
 * holds whatever was there.
 */
export function newRoom(element: ElementType, length: number): AnyTypedArray {
  const large = length * ELEMENTS[element].bytes >= LARGE;
  return (large ? addonOfMemory()?.room(element, length) : undefined) ?? newArray(element, length);
}
