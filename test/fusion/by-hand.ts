/** Kernels built by hand, and data to run them on. */
import type { KernelCall } from "../../fusion/call.js";
import type { Expr, Kernel, Sink, Source, Stmt } from "../../fusion/ir.js";
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";

export const element = (type: ScalarType): Expr => ({ kind: "element", type });
export const index: Expr = { kind: "index", type: "f64" };
export const capture = (type: ScalarType, name: string): Expr => ({ kind: "capture", type, name });
export const read = (type: ScalarType, array: string, at: Expr): Expr => ({ kind: "read", type, array, at });

export const declare = (name: string, value: Expr, mutable = false): Stmt => ({ kind: "declare", name, type: value.type, value, mutable });
export const assign = (name: string, value: Expr): Stmt => ({ kind: "assign", name, value });
export const branch = (test: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt => ({ kind: "if", test, then, otherwise });
export const loop = (label: string, ...body: readonly Stmt[]): Stmt => ({ kind: "loop", label, body });
export const block = (label: string, ...body: readonly Stmt[]): Stmt => ({ kind: "block", label, body });
export const leave = (label = "element"): Stmt => ({ kind: "leave", label });
export const yields = (value: Expr | null): Stmt => ({ kind: "yield", values: value === null ? [] : [value] });
export const yieldsAll = (...values: readonly Expr[]): Stmt => ({ kind: "yield", values });
export const visit: Stmt = { kind: "visit" };
/** Rejects the element unless the test holds. */
export const keep = (test: Expr): Stmt => branch(test, [], [leave()]);

export const RANGE: Source = { kind: "range" };
export const arrayOf = (type: ElementType): Source => ({ kind: "array", element: type });

export interface Parameters {
  readonly scalars?: Readonly<Record<string, ScalarType>>;
  readonly arrays?: Readonly<Record<string, ElementType>>;
}

export function kernelOf(source: Source, sink: Sink, body: readonly Stmt[], { scalars = {}, arrays = {} }: Parameters = {}): Kernel {
  return {
    source,
    scalars: Object.entries(scalars).map(([name, type]) => ({ name, type, origin: { stage: 0, name } })),
    arrays: Object.entries(arrays).map(([name, type]) => ({ name, element: type, origin: { stage: 0, name } })),
    body,
    sink,
  };
}

export const callOf = (source: AnyTypedArray | number, more: Partial<KernelCall> = {}): KernelCall => ({
  source: typeof source === "number" ? null : source,
  length: typeof source === "number" ? source : source.length,
  output: null,
  scalars: [],
  arrays: [],
  ...more,
});

/** Values of every kind that arithmetic treats apart. */
export const SPECIALS: Readonly<Record<ScalarType, readonly ScalarValue[]>> = {
  bool: [false, true],
  i32: [0, 1, -1, 2, -2, 7, -7, 31, 32, 33, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536, 46341, -46341, 123456789, 2 ** 31 - 1, -(2 ** 31)],
  u32: [0, 1, 2, 255, 65536, 123456789, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1],
  i64: [0n, 1n, -1n, 2n, -2n, 7n, -7n, 63n, 64n, 65n, -63n, -64n, -65n, 2n ** 31n, 2n ** 32n + 5n, 2n ** 53n + 1n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n), 3037000500n],
  u64: [0n, 1n, 2n, 7n, 63n, 64n, 65n, 2n ** 31n, 2n ** 32n + 5n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 4294967296n],
  f32: [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 255, 255.5, 256, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -126), 3.4028234663852886e38, 16777216, 2147483648, -2147483648, 4294967296, 0.1, 1e10].map(Math.fround),
  f64: [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, -0.49999999999999994, 4503599627370495.5, 255.5, NaN, Infinity, -Infinity, 5e-324, -(2 ** -1022), 1.7976931348623157e308, 2147483647.5, 2147483648, -2147483649, 4294967296.5, 9007199254740992, 1e21, -1e300, 0.1, Math.PI],
};

/** Elements of every magnitude and sign, the same ones every time; with NaN, infinities and -0 where `wild`. */
export function dataOf(type: ElementType, length: number, wild = false): AnyTypedArray {
  const array = newArray(type, length);
  const { scalar, integer } = ELEMENTS[type];
  let seed = 12345;
  for (let at = 0; at < length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    const unit = (seed >>> 8) / 2 ** 24 - 0.5;
    if (scalar === "i64" || scalar === "u64") array[at] = (BigInt(seed) << 20n) ^ BigInt(at);
    else if (integer) array[at] = seed >> 3;
    else array[at] = wild && (seed & 63) === 0 ? ([NaN, Infinity, -0][at % 3] as number) : unit * 10 ** ((seed >>> 4) % 12);
  }
  return array;
}

/** How two arrays differ, in a few words (a test runner's own comparison of long arrays takes minutes); null if they do not. */
export function difference(actual: AnyTypedArray | null, expected: AnyTypedArray | null): string | null {
  if (actual === null || expected === null) return actual === expected ? null : "one is null";
  if (actual.constructor !== expected.constructor) return `a ${actual.constructor.name}, not a ${expected.constructor.name}`;
  if (actual.length !== expected.length) return `${actual.length} elements, not ${expected.length}`;
  for (let at = 0; at < actual.length; at++) if (!Object.is(actual[at], expected[at])) return `[${at}] is ${String(actual[at])}, not ${String(expected[at])}`;
  return null;
}
