/** Nothing to work on: every terminal over an empty array, and over an array of which nothing passes, on every element type and backend. */
import { describe, expect, it, beforeAll } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import { CPP_FLAGS } from "../../fusion/emit/constants.js";
import type { Kernel } from "../../fusion/ir.js";
import { ELEMENT_TYPES, type ElementType } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { createCpuBackend, type CpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import type { CompiledKernel } from "../../src/backends/backend.js";
import { range, type LazyValue, type Query, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { backendsOf, newBench, outcomeOf, rejectionOf, temporaryFolder } from "./query-support.js";

const bench = newBench();
const folder = temporaryFolder();

/** A runtime whose kernels are compiled all at once, in one translation unit and in a hurry: `prepare` finds out which they are. */
function batchedRuntime(): { readonly runtime: Runtime; prepare(runAll: () => void): Promise<void> } {
  const ready = new Map<Kernel, CompiledKernel>();
  const asked = new Set<Kernel>();
  const backend: CpuBackend = createCpuBackend({ cacheFolder: folder, flags: CPP_FLAGS.map(flag => (flag === "-O3" ? "-O1" : flag)) });
  const compile = (kernel: Kernel): CompiledKernel => {
    const compiled = ready.get(kernel);
    if (compiled !== undefined) return compiled;
    asked.add(kernel);
    throw new BackendError("DC402", "this kernel has not been prepared");
  };
  const native = { available: true, reason: null, cached: () => null, compile, compileAsync: (kernel: Kernel) => Promise.resolve(kernel).then(compile) };
  const runtime = runtimeOn({ backend: "cpu" }, { js: createJsBackend, cpu: () => native });
  return {
    runtime,
    async prepare(runAll) {
      runAll();
      const kernels = [...asked];
      (await backend.compileBatchAsync(kernels)).forEach((compiled, at) => ready.set(kernels[at] as Kernel, compiled));
    },
  };
}

type Numbers = Query<Float64Array>;
type Bigs = Query<BigInt64Array>;
type Terminal<Q> = readonly [run: (query: Q) => LazyValue<unknown> | { value(): unknown }, expected: unknown];

const NO_INITIAL = new TypeError("Reduce of empty array with no initial value");
const arrayOf = (query: Numbers | Bigs): { value(): unknown } => ({ value: () => query.toArray() });

/** Terminals over nothing, and what JavaScript gives for them: by the methods of an empty array, or by Math.min() and Math.max(). */
const NUMBERS: Readonly<Record<string, Terminal<Numbers>>> = {
  toArray: [arrayOf, []],
  "map to another array": [query => arrayOf(query.map(x => x * 2, Float64Array)), new Float64Array(0)],
  sum: [query => query.sum(), 0],
  count: [query => query.count(), 0],
  average: [query => query.average(), NaN],
  min: [query => query.min(), Math.min()],
  max: [query => query.max(), Math.max()],
  some: [query => query.some(x => x === x), [].some(x => x === x)],
  every: [query => query.every(x => x !== x), [].every(x => x !== x)],
  find: [query => query.find(x => x === x), [].find(x => x === x)],
  findIndex: [query => query.findIndex(x => x === x), [].findIndex(x => x === x)],
  indexOf: [query => query.indexOf(0), -1],
  includes: [query => query.includes(0), false],
  first: [query => query.first(), undefined],
  last: [query => query.last(), undefined],
  "reduce with +": [query => query.reduce((a, x) => a + x), NO_INITIAL],
  "reduce with + from -0": [query => query.reduce((a, x) => a + x, -0), -0],
  "reduce with + from 0.1": [query => query.reduce((a, x) => a + x, 0.1), 0.1],
  "reduce with * from -0": [query => query.reduce((a, x) => a * x, -0), -0],
  "reduce with Math.min": [query => query.reduce((a, x) => Math.min(a, x)), NO_INITIAL],
  "reduce with Math.min from NaN": [query => query.reduce((a, x) => Math.min(a, x), NaN), NaN],
  "reduce with Math.max from -0": [query => query.reduce((a, x) => Math.max(a, x), -0), -0],
  "reduce with & from 2.5": [query => query.reduce((a, x) => a & x, 2.5), 2.5],
  "reduce with | from 0.1": [query => query.reduce((a, x) => a | x, 0.1), 0.1],
  "reduce with ^ from 2 ** 40": [query => query.reduce((a, x) => a ^ x, 2 ** 40), 2 ** 40],
  "reduce with && from true": [query => query.reduce((a, x) => a && x > 1, true), true],
  "reduce with || from false": [query => query.reduce((a, x) => a || x > 1, false), false],
  "reduce in order": [query => query.reduce((a, x) => a * 3 + x), NO_INITIAL],
  "reduce in order from 0.1": [query => query.reduce((a, x) => a * 3 + x, 0.1), 0.1],
  "reduce with combine": [query => query.reduce((a, x) => (x > 1 ? a + 1 : a), 0, {}, { combine: (a, b) => a + b }), 0],
};

const BIGS: Readonly<Record<string, Terminal<Bigs>>> = {
  toArray: [arrayOf, []],
  sum: [query => query.sum(), 0n],
  count: [query => query.count(), 0],
  min: [query => query.min(), expect.any(TypeError)],
  max: [query => query.max(), expect.any(TypeError)],
  some: [query => query.some(x => x === x), false],
  every: [query => query.every(x => x !== x), true],
  find: [query => query.find(x => x === x), undefined],
  findIndex: [query => query.findIndex(x => x === x), -1],
  indexOf: [query => query.indexOf(0n), -1],
  includes: [query => query.includes(0n), false],
  first: [query => query.first(), undefined],
  last: [query => query.last(), undefined],
  "reduce with +": [query => query.reduce((a, x) => a + x), NO_INITIAL],
  "reduce with + from 5n": [query => query.reduce((a, x) => a + x, 5n), 5n],
  "reduce with & from 7n": [query => query.reduce((a, x) => a & x, 7n), 7n],
  "reduce in order": [query => query.reduce((a, x) => a * 3n + x), NO_INITIAL],
  "reduce in order from 7n": [query => query.reduce((a, x) => a * 3n + x, 7n), 7n],
};

const isBig = (element: ElementType): boolean => element === "i64" || element === "u64";
const terminalsOf = (element: ElementType): Readonly<Record<string, Terminal<never>>> => (isBig(element) ? BIGS : NUMBERS);

/** Queries over nothing: as they are, or with a filter that nothing passes. */
const SOURCES: Readonly<Record<string, (runtime: Runtime, element: ElementType) => readonly Numbers[]>> = {
  "an empty array": (runtime, element) => [runtime.compute(newArray(element, 0) as Float64Array)],
  // The same kernel serves the empty array, too.
  "what passes no filter": (runtime, element) =>
    [70, 0].map(length => {
      const array = newArray(element, length);
      if (!isBig(element)) return runtime.compute((array as Float64Array).fill(3)).filter(x => x !== x);
      return runtime.compute((array as BigInt64Array).fill(3n)).filter(x => x !== x) as unknown as Numbers;
    }),
};

/** Without a filter the others' kernels differ from these in nothing but their loads. */
const TELLING: readonly ElementType[] = ["f64", "f32", "u8", "i32", "i64"];
const elementsOf = (backend: string, source: string): readonly ElementType[] => (backend === "cpu" && source === "an empty array" ? TELLING : ELEMENT_TYPES);

const batched = batchedRuntime();
beforeAll(async () => {
  if (bench.obstacle !== null) return;
  await batched.prepare(() => {
    for (const [source, queries] of Object.entries(SOURCES)) {
      for (const element of elementsOf("cpu", source)) for (const [run] of Object.values(terminalsOf(element))) outcomeOf(() => run(queries(batched.runtime, element)[0] as never).value());
    }
  });
});

const targets = backendsOf(bench).map(target => (target.name === "cpu" ? { ...target, runtime: batched.runtime } : target));

describe.each(targets)("on $title", ({ name: backend, runtime, skipped }) => {
  describe.skipIf(skipped).each(Object.entries(SOURCES))("over %s", (source, queries) => {
    it.each(elementsOf(backend, source))("of %s, every terminal gives what JavaScript gives", async element => {
      for (const [name, [run, expected]] of Object.entries(terminalsOf(element))) {
        const wanted = name === "toArray" ? newArray(element, 0) : expected;
        for (const query of queries(runtime, element)) {
          const now = outcomeOf(() => run(query as never).value());
          expect({ name, value: now }).toEqual({ name, value: wanted });
          const lazy = run(query as never);
          if (!("run" in lazy)) continue;
          expect({ name, value: now instanceof TypeError ? await rejectionOf(lazy) : await lazy }).toEqual({ name, value: now });
        }
      }
    });
  });
});

describe.each(backendsOf(bench))("on $title", ({ runtime, skipped }) => {
  describe.skipIf(skipped)("nothing", () => {
    it("in an array of numbers, a range or memory of length 0", async () => {
      expect(runtime.compute([]).map(x => x + 1).toArray()).toEqual(new Float64Array(0));
      expect(runtime.compute([]).map(x => x + 1).sum().value()).toBe(0);
      expect(runtime.compute(range(0)).map(x => x + 1).toArray()).toEqual(new Float64Array(0));
      expect(await runtime.compute(range(0)).max()).toBe(-Infinity);
      expect(runtime.compute(new Float64Array(new SharedArrayBuffer(0))).map(x => x + 1).toArray()).toEqual(new Float64Array(0));
      expect(runtime.compute(new Float64Array(8).subarray(3, 3)).map(x => x + 1).sum().value()).toBe(0);
    });

    it("reads no captured array, and takes an empty one", () => {
      const table = new Float64Array(0);
      const query = (array: AnyTypedArray) => runtime.compute(array as Float64Array).map(x => table[x]!, { table });
      expect(query(new Float64Array(0)).toArray()).toEqual(new Float64Array(0));
      expect(() => query(new Float64Array(1)).toArray()).toThrow(new RangeError("DC401: table[0] is out of range: table has 0 elements"));
    });

    it("goes into an array, and leaves it alone", async () => {
      const into = Float64Array.of(7, 8);
      const result = runtime.compute(new Float64Array(0)).map(x => x + 1).toArray({ into });
      expect(result).toEqual(new Float64Array(0));
      expect(result.buffer).toBe(into.buffer);
      expect(await runtime.compute(Float64Array.of(1, 2)).filter(x => x > 5).toArrayAsync({ into })).toEqual(new Float64Array(0));
      expect(into).toEqual(Float64Array.of(7, 8));
      const none = new Float64Array(0);
      expect(runtime.compute(none).map(x => x + 1).toArray({ into: none })).toBe(none);
    });

    it("passes a barrier", async () => {
      const places = (array: Float64Array) => runtime.compute(array).filter(x => x > 5).map((x, i) => x + i);
      for (const array of [new Float64Array(0), Float64Array.of(1, 2, 3)]) {
        expect(places(array).toArray()).toEqual(new Float64Array(0));
        expect(await places(array).toArrayAsync()).toEqual(new Float64Array(0));
        expect(places(array).sum().value()).toBe(0);
        expect(outcomeOf(() => places(array).reduce((a, x) => a + x).value())).toEqual(NO_INITIAL);
      }
    });

    it("words of a BigInt's min and max", () => {
      const message = "The min of an empty BigInt64Array does not exist: there is no infinite BigInt";
      expect(outcomeOf(() => runtime.compute(new BigInt64Array(0)).min().value())).toEqual(new TypeError(message));
    });
  });
});

describe.each(backendsOf(bench))("on $title", ({ runtime, skipped }) => {
  describe.skipIf(skipped)("NaN", () => {
    const lengths = [1, 31, 33, 1025, 4097];
    /** NaN but for every seventh element. */
    const mostly = (length: number): Float64Array => Float64Array.from({ length }, (_, at) => (at % 7 === 3 ? at - 500 : NaN));
    const all = (length: number): Float64Array => new Float64Array(length).fill(NaN);

    it("is in every result that it is in in JavaScript", () => {
      for (const array of lengths.flatMap(length => [mostly(length), all(length)])) {
        const query = runtime.compute(array);
        expect(query.map(x => x + 1).toArray()).toEqual(array.map(x => x + 1));
        expect(query.map(x => Math.max(x, 0)).toArray()).toEqual(array.map(x => Math.max(x, 0)));
        expect(query.map(x => x | 0, Int32Array).toArray()).toEqual(Int32Array.from(array, x => x | 0));
        expect(query.as(Uint8ClampedArray).toArray()).toEqual(Uint8ClampedArray.from(array));
        expect(query.filter(x => x > 0).toArray()).toEqual(array.filter(x => x > 0));
        expect(query.filter(x => !(x > 0)).toArray()).toEqual(array.filter(x => !(x > 0)));
        expect(query.filter(x => x !== x).count().value()).toBe(array.filter(x => x !== x).length);
        expect(query.sum().value()).toBeNaN();
        expect(query.average().value()).toBeNaN();
        expect(query.min().value()).toBe(Math.min(...array));
        expect(query.max().value()).toBe(Math.max(...array));
        expect(query.reduce((a, x) => Math.min(a, x), -1000).value()).toBeNaN();
        expect(query.reduce((a, x) => (x > a ? x : a), -1000).value()).toBe(array.reduce((a, x) => (x > a ? x : a), -1000));
        expect(query.reduce((a, x) => a | x, 0).value()).toBe(array.reduce((a, x) => a | x, 0));
        expect(query.every(x => x !== x).value()).toBe(array.every(x => x !== x));
        expect(query.find(x => x === x).value()).toBe(array.find(x => x === x));
        expect(query.findIndex(x => x >= 0).value()).toBe(array.findIndex(x => x >= 0));
        expect(query.indexOf(NaN).value()).toBe(-1);
        expect(query.includes(NaN).value()).toBe(true);
        expect(query.first().value()).toEqual(array[0]);
        expect(query.last().value()).toEqual(array.at(-1));
      }
    });

    it("gone by a filter, leaves the numbers alone", () => {
      for (const array of lengths.map(mostly)) {
        const numbers = array.filter(x => !Number.isNaN(x));
        const query = runtime.compute(array).filter(x => !Number.isNaN(x));
        expect(query.toArray()).toEqual(numbers);
        expect(query.min().value()).toBe(Math.min(...numbers));
        expect(query.sum().value()).toBe(numbers.reduce((a, x) => a + x, 0));
      }
    });

    it("is no place in a captured array", () => {
      const table = Float64Array.of(1, 2);
      const query = runtime.compute(mostly(40)).map(x => table[x]!, { table });
      expect(() => query.toArray()).toThrow(new RangeError("DC401: table[NaN] is out of range: table has 2 elements"));
    });
  });
});
