/** Data for kernels that are run without queries. */
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";

/** Elements of every magnitude and sign; every so often one that arithmetic treats apart. */
export function elementsOf(type: ElementType, length: number, wild: boolean): AnyTypedArray {
  const array = newArray(type, length);
  const { scalar, integer } = ELEMENTS[type];
  let seed = 12345 + length;
  for (let at = 0; at < length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    const unit = (seed >>> 8) / 2 ** 24 - 0.5;
    if (scalar === "i64" || scalar === "u64") array[at] = at % 97 === 60 && wild ? 0n : (BigInt(seed) << 20n) ^ BigInt(at);
    else if (integer) array[at] = seed >>> ((seed >>> 5) % 24);
    else array[at] = wild && (seed >>> 10) % 40 === 0 ? ([NaN, Infinity, -0, 5e-324, -Infinity][at % 5] as number) : unit * 10 ** ((seed >>> 4) % 13);
  }
  return array;
}
