/** What is measured: each workload as a query, as the loop one would write by hand, and as a chain of array methods. */
import { range, type createRuntime, type TypedArray } from "dotcompute";
import type { KernelSignature } from "../../src/backends/cpu/addon.js";

type Runtime = ReturnType<typeof createRuntime>;
export type Result = number | TypedArray;

/** One workload at one size, with its data. All of these give the same result. */
export interface Instance {
  /** The whole query, from `compute` on, written anew on every call. */
  query(): Result;
  loop(): Result;
  /** The chain of array methods. */
  chain(): Result;
  /** Array results: the same into memory that is kept. */
  readonly into: { query(): TypedArray; loop(): TypedArray; readonly output: TypedArray } | null;
  /** What the hand-written kernel is called with. */
  readonly source: TypedArray | null;
  readonly scalars: readonly number[];
  /** Bytes of the source. */
  readonly read: number;
}

export interface Workload {
  readonly name: string;
  /** The query, as one would write it. */
  readonly code: string;
  /** The hand-written kernel's name, and what it takes and gives. */
  readonly symbol: string;
  readonly signature: KernelSignature;
  /** Beside another whose query is the same: for tables of times alone. */
  readonly again?: true;
  prepare(runtime: Runtime, n: number): Instance;
}

/** Numbers from -1 to 1, always the same ones. */
function fill<A extends TypedArray>(array: A, make: (unit: number) => number): A {
  let state = 12345;
  for (let at = 0; at < array.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    array[at] = make(state / 2 ** 31 - 1);
  }
  return array;
}
const unit = (value: number): number => value;

const mapFilterSum: Workload = {
  name: "f32 map + filter + sum",
  code: "compute(f32).map(x => x * 2 + 1).filter(x => x > 0.5).sum()",
  symbol: "mapFilterSum",
  signature: { source: "f32", output: null, scalars: 0, arrays: [] },
  prepare(runtime, n) {
    const data = fill(new Float32Array(n), unit);
    return {
      query: () => runtime.compute(data).map(x => x * 2 + 1).filter(x => x > 0.5).sum().value(),
      loop() {
        let sum = 0;
        for (let i = 0; i < data.length; i += 1) {
          const y = Math.fround(Math.fround((data[i] as number) * 2) + 1);
          if (y > 0.5) sum += y;
        }
        return sum;
      },
      chain: () => data.map(x => x * 2 + 1).filter(x => x > 0.5).reduce((sum, x) => sum + x, 0),
      into: null,
      source: data,
      scalars: [],
      read: data.byteLength,
    };
  },
};

const sumSquares: Workload = {
  name: "f64 sum of squares of positives",
  code: "compute(f64).filter(x => x > 0).reduce((sum, x) => sum + x * x, 0)",
  symbol: "sumSquares",
  signature: { source: "f64", output: null, scalars: 0, arrays: [] },
  prepare(runtime, n) {
    const data = fill(new Float64Array(n), unit);
    return {
      query: () => runtime.compute(data).filter(x => x > 0).reduce((sum, x) => sum + x * x, 0).value(),
      loop() {
        let sum = 0;
        for (let i = 0; i < data.length; i += 1) {
          const x = data[i] as number;
          if (x > 0) sum += x * x;
        }
        return sum;
      },
      chain: () => data.filter(x => x > 0).reduce((sum, x) => sum + x * x, 0),
      into: null,
      source: data,
      scalars: [],
      read: data.byteLength,
    };
  },
};

const mapSingles: Workload = {
  name: "f32 map to array",
  code: "compute(f32).map(x => x * 0.5 + 1).toArray()",
  symbol: "mapSingles",
  signature: { source: "f32", output: "f32", scalars: 0, arrays: [] },
  prepare(runtime, n) {
    const data = fill(new Float32Array(n), unit);
    const output = new Float32Array(n);
    const loopInto = (out: Float32Array): Float32Array => {
      for (let i = 0; i < data.length; i += 1) out[i] = Math.fround(Math.fround((data[i] as number) * 0.5) + 1);
      return out;
    };
    return {
      query: () => runtime.compute(data).map(x => x * 0.5 + 1).toArray(),
      loop: () => loopInto(new Float32Array(data.length)),
      chain: () => data.map(x => x * 0.5 + 1),
      into: {
        query: () => runtime.compute(data).map(x => x * 0.5 + 1).toArray({ into: output }),
        loop: () => loopInto(output),
        output,
      },
      source: data,
      scalars: [],
      read: data.byteLength,
    };
  },
};

const filterSingles: Workload = {
  name: "f32 filter to array",
  code: "compute(f32).filter(x => x > 0).toArray()",
  symbol: "filterSingles",
  signature: { source: "f32", output: "f32", scalars: 0, arrays: [] },
  prepare(runtime, n) {
    const data = fill(new Float32Array(n), unit);
    const output = new Float32Array(n);
    const loopInto = (out: Float32Array): number => {
      let count = 0;
      for (let i = 0; i < data.length; i += 1) {
        const x = data[i] as number;
        if (x > 0) {
          out[count] = x;
          count += 1;
        }
      }
      return count;
    };
    return {
      query: () => runtime.compute(data).filter(x => x > 0).toArray(),
      loop() {
        const out = new Float32Array(data.length);
        return out.slice(0, loopInto(out));
      },
      chain: () => data.filter(x => x > 0),
      into: {
        query: () => runtime.compute(data).filter(x => x > 0).toArray({ into: output }),
        loop: () => output.subarray(0, loopInto(output)),
        output,
      },
      source: data,
      scalars: [],
      read: data.byteLength,
    };
  },
};

const mapIntegers: Workload = {
  name: "i32 map to array",
  code: "compute(i32).map(x => (x * 3 + 7) | 0).toArray()",
  symbol: "mapIntegers",
  signature: { source: "i32", output: "i32", scalars: 0, arrays: [] },
  prepare(runtime, n) {
    const data = fill(new Int32Array(n), value => Math.floor(value * 2 ** 31));
    const output = new Int32Array(n);
    const loopInto = (out: Int32Array): Int32Array => {
      for (let i = 0; i < data.length; i += 1) out[i] = ((data[i] as number) * 3 + 7) | 0;
      return out;
    };
    return {
      query: () => runtime.compute(data).map(x => (x * 3 + 7) | 0).toArray(),
      loop: () => loopInto(new Int32Array(data.length)),
      chain: () => data.map(x => (x * 3 + 7) | 0),
      into: {
        query: () => runtime.compute(data).map(x => (x * 3 + 7) | 0).toArray({ into: output }),
        loop: () => loopInto(output),
        output,
      },
      source: data,
      scalars: [],
      read: data.byteLength,
    };
  },
};

const escape: Workload = {
  name: "escape time, at most 100 turns",
  code: "compute(range(n)).map(escapeTime, Uint8Array, { width, step }).toArray()",
  symbol: "escape",
  signature: { source: null, output: "u8", scalars: 2, arrays: [] },
  prepare(runtime, n) {
    // The whole picture at every size.
    const width = Math.ceil(Math.sqrt(n));
    const step = 2.6 / width;
    const output = new Uint8Array(n);
    const pixel = (i: number): number => {
      const row = Math.floor(i / width);
      const re = (i - row * width) * step - 2;
      const im = row * step - 1.3;
      let x = 0;
      let y = 0;
      let turns = 0;
      for (; turns < 100; turns += 1) {
        const xx = x * x;
        const yy = y * y;
        if (xx + yy > 4) break;
        y = 2 * x * y + im;
        x = xx - yy + re;
      }
      return turns;
    };
    const loopInto = (out: Uint8Array): Uint8Array => {
      for (let i = 0; i < out.length; i += 1) out[i] = pixel(i);
      return out;
    };
    return {
      query: () => runtime.compute(range(n)).map(pixel, Uint8Array, { width, step }).toArray(),
      loop: () => loopInto(new Uint8Array(n)),
      chain: () => new Uint8Array(n).map((_, i) => pixel(i)),
      into: {
        query: () => runtime.compute(range(n)).map(pixel, Uint8Array, { width, step }).toArray({ into: output }),
        loop: () => loopInto(output),
        output,
      },
      source: null,
      scalars: [width, step],
      read: 0,
    };
  },
};

/** Whole numbers have the same sums in every order, so that C++ may add them in any. */
const prefixSum = prefixSumOf("f64 prefix sum", "prefixSum", value => Math.floor(value * 1000));
/** Of fractions C++ must add in the query's order. */
const prefixSumInOrder: Workload = { ...prefixSumOf("f64 prefix sum, C++ of the same bits", "prefixSumInOrder", unit), again: true };

function prefixSumOf(name: string, symbol: string, make: (unit: number) => number): Workload {
  return {
    name,
    code: "compute(f64).scan((sum, x) => sum + x, 0).toArray()",
    symbol,
    signature: { source: "f64", output: "f64", scalars: 0, arrays: [] },
    prepare(runtime, n) {
      const data = fill(new Float64Array(n), make);
      const output = new Float64Array(n);
      const loopInto = (out: Float64Array): Float64Array => {
        let sum = 0;
        for (let i = 0; i < data.length; i += 1) out[i] = sum += data[i] as number;
        return out;
      };
      return {
        query: () => runtime.compute(data).scan((sum, x) => sum + x, 0).toArray(),
        loop: () => loopInto(new Float64Array(data.length)),
        chain() {
          let sum = 0;
          return data.map(x => (sum += x));
        },
        into: {
          query: () => runtime.compute(data).scan((sum, x) => sum + x, 0).toArray({ into: output }),
          loop: () => loopInto(output),
          output,
        },
        source: data,
        scalars: [],
        read: data.byteLength,
      };
    },
  };
}

const movingAverage: Workload = {
  name: "f64 moving average of 5",
  code: "compute(f64).window(5).average().toArray()",
  symbol: "movingAverage",
  signature: { source: "f64", output: "f64", scalars: 0, arrays: [] },
  prepare(runtime, n) {
    const data = fill(new Float64Array(n), unit);
    const output = new Float64Array(n);
    const average = (i: number): number => ((data[i] as number) + (data[i + 1] as number) + (data[i + 2] as number) + (data[i + 3] as number) + (data[i + 4] as number)) / 5;
    const loopInto = (out: Float64Array): Float64Array => {
      for (let i = 0; i < out.length; i += 1) out[i] = average(i);
      return out;
    };
    return {
      query: () => runtime.compute(data).window(5).average().toArray(),
      loop: () => loopInto(new Float64Array(data.length - 4)),
      chain: () => data.subarray(4).map((_, i) => average(i)),
      into: {
        query: () => runtime.compute(data).window(5).average().toArray({ into: output }),
        loop: () => loopInto(output.subarray(0, data.length - 4)),
        output,
      },
      source: data,
      scalars: [],
      read: data.byteLength,
    };
  },
};

export const WORKLOADS: readonly Workload[] = [mapFilterSum, sumSquares, mapSingles, filterSingles, mapIntegers, escape, prefixSum, prefixSumInOrder, movingAverage];
