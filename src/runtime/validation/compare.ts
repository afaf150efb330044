/** Two results of one kernel, compared bit for bit: any NaN equals any NaN, and -0 differs from 0. */
import type { Kernel } from "../../../fusion/ir.js";
import { sinksOf } from "../../../fusion/traverse.js";
import type { ScalarValue } from "../../../fusion/types.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import type { KernelResult } from "../../backends/backend.js";

/** Where two results differ first. */
export interface Difference {
  /** What differs: elements, a value, or how many elements yielded or where. */
  readonly what: "element" | "value" | "count" | "position" | "rank" | "length";
  /** Of several results which, from 0 on. */
  readonly result: number;
  /** Of elements which, from 0 on; null for all else. */
  readonly place: number | null;
  readonly values: readonly [ScalarValue | undefined, ScalarValue | undefined];
}

/** Null where they are the same. */
export function differenceOf(one: KernelResult, other: KernelResult): Difference | null {
  const [arrays, others] = [arraysOf(one), arraysOf(other)];
  for (let result = 0; result < Math.max(arrays.length, others.length); result += 1) {
    const found = differentElement(arrays[result] ?? null, others[result] ?? null, result);
    if (found !== null) return found;
  }
  const [values, expected] = [valuesOf(one), valuesOf(other)];
  for (let result = 0; result < Math.max(values.length, expected.length); result += 1) {
    if (!Object.is(values[result], expected[result])) return { what: "value", result, place: null, values: [values[result], expected[result]] };
  }
  for (const what of ["count", "position", "rank"] as const) {
    if (one[what] !== other[what]) return { what, result: 0, place: null, values: [one[what], other[what]] };
  }
  return null;
}

const arraysOf = ({ output, outputs }: KernelResult): readonly AnyTypedArray[] => outputs ?? (output === null ? [] : [output]);
const valuesOf = ({ value, values }: KernelResult): readonly (ScalarValue | undefined)[] => values ?? [value];

function differentElement(one: AnyTypedArray | null, other: AnyTypedArray | null, result: number): Difference | null {
  if (one === null || other === null || one.length !== other.length) return { what: "length", result, place: null, values: [one?.length, other?.length] };
  // Most results are the same, byte for byte: then no element has to be looked at.
  if (Buffer.compare(bytesOf(one), bytesOf(other)) === 0) return null;
  for (let place = 0; place < one.length; place += 1) {
    if (!Object.is(one[place], other[place])) return { what: "element", result, place, values: [one[place], other[place]] };
  }
  return null;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: AnyTypedArray): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** `-0` and not `0`. */
export const valueInWords = (value: ScalarValue | undefined): string => (typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : String(value));

/** What the results of a kernel are called: nothing where there is one, numbers where there are several, the arrays that it writes to by name. */
export function resultNames(kernel: Kernel): readonly string[] {
  if (kernel.sink.kind === "stores") return kernel.arrays.flatMap(({ name, written }) => (written === true ? [name] : []));
  return numbered(sinksOf(kernel.sink).length);
}

export const numbered = (results: number): readonly string[] => (results < 2 ? [] : Array.from({ length: results }, (_, at) => `result ${at + 1}`));

/** `element 3 is 0.5 on cpu and 0.25 on js`. */
export function differenceInWords({ what, result, place, values }: Difference, names: readonly [string, string], results: readonly string[]): string {
  const called = results[result];
  const of = called === undefined ? "" : ` of ${called}`;
  const subject = what === "element" ? `element ${place ?? 0}${of}` : what === "value" ? `the value${of}` : what === "length" ? `the length${of}` : `the ${what}`;
  return `${subject} is ${valueInWords(values[0])} on ${names[0]} and ${valueInWords(values[1])} on ${names[1]}`;
}
