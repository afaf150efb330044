/** What the roofline is measured on: queries whose one kernel reads a large array or none, and captures nothing. */
import type { ElementType } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { range } from "../../src/index.js";
import type { Runtime } from "../../src/runtime/create.js";

/** A query, ready to run; `planned` is what the plan is asked of. */
export interface Prepared {
  readonly planned: object;
  readonly run: () => AnyTypedArray | number;
}

export interface Workload {
  readonly name: string;
  /** Of the source; a range has no elements in memory. */
  readonly source: ElementType | null;
  readonly prepare: (runtime: Runtime, source: AnyTypedArray, length: number) => Prepared;
}

const array = (name: string, source: ElementType | null, query: (runtime: Runtime, source: never, length: number) => { toArray(): AnyTypedArray }): Workload => ({
  name,
  source,
  prepare: (runtime, data, length) => {
    const planned = query(runtime, data as never, length);
    return { planned, run: () => planned.toArray() };
  },
});

const value = (name: string, source: ElementType, query: (runtime: Runtime, source: never) => { value(): unknown }): Workload => ({
  name,
  source,
  prepare: (runtime, data) => {
    const planned = query(runtime, data as never);
    return { planned, run: () => planned.value() as number };
  },
});

/** How many turns a point of the plane takes to get away, 100 at most. */
const escapeTime = (i: number): number => {
  const row = Math.floor(i / 4096);
  const re = (i - row * 4096) * (2.6 / 4096) - 2;
  const im = (row % 4096) * (2.6 / 4096) - 1.3;
  let x = 0;
  let y = 0;
  let turns = 0;
  for (; turns < 100; turns++) {
    const xx = x * x;
    const yy = y * y;
    if (xx + yy > 4) break;
    y = 2 * x * y + im;
    x = xx - yy + re;
  }
  return turns;
};

export const WORKLOADS: readonly Workload[] = [
  array("f32 map", "f32", (runtime, data: Float32Array) => runtime.compute(data).map(x => x * 2 + 1)),
  array("f64 map", "f64", (runtime, data: Float64Array) => runtime.compute(data).map(x => x * 2 + 1)),
  array("u8 map", "u8", (runtime, data: Uint8Array) => runtime.compute(data).map(x => 255 - x)),
  value("f64 sum", "f64", (runtime, data: Float64Array) => runtime.compute(data).sum()),
  value("f32 map + filter + sum", "f32", (runtime, data: Float32Array) => runtime.compute(data).map(x => x * 2 + 1).filter(x => x > 0.5).sum()),
  array("f32 filter, half stay", "f32", (runtime, data: Float32Array) => runtime.compute(data).filter(x => x > 0)),
  array("f64 map Math.exp", "f64", (runtime, data: Float64Array) => runtime.compute(data).map(x => Math.exp(x))),
  array("f32 map Math.sin", "f32", (runtime, data: Float32Array) => runtime.compute(data).map(x => Math.sin(x))),
  array("escape time, 100 turns", null, (runtime, _data, length) => runtime.compute(range(length)).map(escapeTime, Uint8Array)),
];

/** Numbers from -1 to 1, or bytes: so many different ones, over and over. */
const PATTERN = 1 << 20;

export function sourceArray(element: ElementType, length: number): AnyTypedArray {
  const filled = newArray(element, length) as Float64Array;
  const different = Math.min(PATTERN, length);
  let state = 12345;
  for (let at = 0; at < different; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    filled[at] = element === "u8" ? state >>> 24 : state / 2 ** 31 - 1;
  }
  for (let done = different; done < length; done *= 2) filled.copyWithin(done, 0, Math.min(done, length - done));
  return filled;
}
