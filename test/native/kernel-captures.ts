/** What the kernels of kernels.ts are called with, beside their source. */
import type { KernelCall } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import type { ElementType, ScalarType, ScalarValue } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";

const SCALARS: Readonly<Record<ScalarType, ScalarValue>> = { bool: false, i32: -7, u32: 4e9, i64: -12345678901234n, u64: 2n ** 63n + 5n, f32: 0.5, f64: 0.1 };

/** Captured arrays: places 0 to 15 lead to one another, to an end, or out of range. */
function captured(type: ElementType, name: string): AnyTypedArray {
  const array = newArray(type, name === "none" ? 0 : 256);
  for (let at = 0; at < array.length; at++) {
    const value = at % 16 === 5 ? 150 : at % 16 === 9 ? 50 : at === 7 ? 220 : at + 1;
    array[at] = typeof array[at] === "bigint" ? BigInt(value) : value;
  }
  return array;
}

export const capturesOf = (kernel: Kernel): Pick<KernelCall, "scalars" | "arrays"> => ({
  scalars: kernel.scalars.map(({ name, type }) => (name === "yes" ? true : name === "m" ? 3.5 : name === "near" ? 5 : SCALARS[type])),
  arrays: kernel.arrays.map(({ element, name }) => captured(element, name)),
});
