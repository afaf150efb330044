/** Plans: launches cover every element, scratch holds what they store, and all of it holds beyond 2^31 elements. */
import { describe, expect, it } from "vitest";
import { local, number, apply, constant } from "../../fusion/build.js";
import { emitCuda, levelsOf, STATE_BYTES, STATE_FILLS, THREADS, type CudaArgument, type CudaDevice, type CudaLaunch, type CudaPlan } from "../../fusion/emit/cuda.js";
import type { Kernel, Sink } from "../../fusion/ir.js";
import { verify } from "../../fusion/verify.js";
import { parameterBytes } from "../../src/backends/cuda/parameters.js";
import { arrayOf, capture, element, keep, kernelOf, yields } from "./by-hand.js";

const DEVICE: CudaDevice = { multiprocessors: 132, blocksPerMultiprocessor: () => 8 };
const x = element("f64");
const positive = keep(apply("gt", x, number(0)));

const program = (sink: Sink, filtered = false, scalars = {}) =>
  emitCuda(verify(kernelOf(arrayOf("f64"), sink, [...(filtered ? [positive] : []), yields(sink.kind === "count" ? null : x)], { scalars }), "the test"), { symbol: "k" });
const MAP = program({ kind: "array", element: "f64" });
const FILTER = program({ kind: "array", element: "f64" }, true);
const SUM = program({ kind: "reduce", op: "add", type: "f64", term: "f64", counted: false });
const FOLD: Kernel = kernelOf(
  arrayOf("f64"),
  { kind: "fold", type: "f64", accumulator: "total", seed: "seed", first: null, combine: null },
  [yields(apply("sub", x, local("f64", "total")))],
  { scalars: { seed: "f64" } },
);

const words = ({ arguments: list }: CudaLaunch): readonly number[] => list.flatMap(argument => (argument.kind === "u64" ? [argument.value] : []));
const scratchOf = ({ arguments: list }: CudaLaunch): readonly number[] =>
  list.flatMap((argument: CudaArgument) => (argument.kind === "address" && argument.buffer === "scratch" ? [argument.offset] : []));
const names = (launches: readonly CudaLaunch[]): readonly string[] => launches.map(({ entry }) => entry);

const LENGTHS = [1, 1023, 1024, 1025, 2 ** 20, 2 ** 20 + 1, 2 ** 31 - 1, 2 ** 31 + 5, 2 ** 33 + 1, 2 ** 40 + 1023];

describe("a plan", () => {
  it("passes 1024 values to one until one is left", () => {
    expect(levelsOf(0)).toEqual([0]);
    expect(levelsOf(1024)).toEqual([1024]);
    expect(levelsOf(1025)).toEqual([1025, 2]);
    expect(levelsOf(2 ** 30)).toEqual([2 ** 30, 2 ** 20, 1024]);
  });

  it.each(LENGTHS)("is within the limits of launches for %i elements", length => {
    for (const { plan } of [MAP, FILTER, SUM]) {
      const { chunk, finish, scratchBytes } = plan(length, DEVICE);
      for (const launch of [...chunk(0, length), ...finish]) {
        expect(launch.grid).toBeGreaterThanOrEqual(1);
        expect(launch.grid).toBeLessThan(2 ** 31);
        expect(launch.block).toBeLessThanOrEqual(THREADS);
        for (const offset of scratchOf(launch)) expect(offset).toBeLessThan(scratchBytes);
        for (const value of [...words(launch), ...scratchOf(launch)]) expect(Number.isSafeInteger(value)).toBe(true);
      }
    }
  });

  it("sizes grids by the work, and then by what the device runs at a time", () => {
    const grid = (plan: CudaPlan, length: number): number => plan.chunk(0, length)[0]?.grid ?? 0;
    expect(grid(MAP.plan(1, DEVICE), 1)).toBe(1);
    expect(grid(MAP.plan(1e9, DEVICE), 1e9)).toBe(132 * 8);
    expect(grid(SUM.plan(1e9, DEVICE), 1e9)).toBe(132 * 8);
    expect(grid(SUM.plan(8193, DEVICE), 8193)).toBe(2);
    // A device that says it runs nothing is asked all the same.
    expect(grid(MAP.plan(1e9, { multiprocessors: 1, blocksPerMultiprocessor: () => 0 }), 1e9)).toBe(1);
  });

  it("counts, adds up and writes what a filter keeps, with as many sums as there are levels", () => {
    const plan = FILTER.plan(2 ** 31 + 1, DEVICE);
    const launches = plan.chunk(0, 2 ** 31 + 1);
    expect(names(launches)).toEqual(["k_count", "k_scan", "k_scan", "k_scan", "k"]);
    // One level after the other, as filter_place reads them.
    const blocks = 2 ** 21 + 1;
    expect(launches.slice(1, 4).map(words)).toEqual([[blocks], [2049], [3]]);
    expect(launches.slice(1, 4).map(scratchOf)).toEqual([[0, blocks * 8], [blocks * 8, (blocks + 2049) * 8], [(blocks + 2049) * 8]]);
    expect(plan.scratchBytes).toBe((blocks + 2049 + 3) * 8);
  });

  it("gives each chunk of a reduction its own blocks, and joins all of them", () => {
    const plan = SUM.plan(5000, DEVICE, 2048);
    expect(plan.chunk(2048, 2048).map(scratchOf)).toEqual([[16]]);
    expect(plan.chunk(4096, 904).map(words)).toEqual([[4096, 904]]);
    expect(plan.finish.map(words)).toEqual([[5]]);
  });

  it("gives every element of a huge source to one chunk, and every block its own place", () => {
    const length = 2 ** 33 + 1500;
    const chunkLength = 2 ** 21;
    for (const { plan } of [MAP, FILTER, SUM]) {
      const { chunk, scratchBytes } = plan(length, DEVICE, chunkLength);
      const places = new Set<number>();
      const outside: number[] = [];
      let next = 0;
      for (let from = 0; from < length; from += chunkLength) {
        const count = Math.min(chunkLength, length - from);
        const launches = chunk(from, count);
        const [base, of] = words(launches[0] as CudaLaunch);
        expect(base).toBe(next);
        next = (base as number) + (of as number);
        for (const offset of launches.flatMap(scratchOf)) {
          if (plan === SUM.plan) places.add(offset);
          if (!(offset >= 0 && offset < scratchBytes)) outside.push(offset);
        }
      }
      expect(next).toBe(length);
      expect(outside).toEqual([]);
      if (plan !== SUM.plan) continue;
      expect([...places].slice(-2)).toEqual([8 * (2 ** 23 - 2 ** 11), 8 * 2 ** 23]);
      expect(places.size).toBe(4097);
      // The last chunk has two blocks, whose values join those of all others.
      expect(words(plan(length, DEVICE, chunkLength).finish[0] as CudaLaunch)).toEqual([2 ** 23 + 2]);
    }
  });

  it("is handed over without losing a bit", () => {
    const [launch] = SUM.plan(2 ** 53, DEVICE, 2 ** 20).chunk(2 ** 53 - 2 ** 20, 2 ** 20) as readonly [CudaLaunch];
    const addresses = { source: 2n ** 63n + 16n, output: 0n, state: 2n ** 47n, scratch: 2n ** 48n, stop: 4n };
    const bytes = parameterBytes(launch, addresses, new Uint8Array(0));
    expect(Array.from(new BigUint64Array(bytes.buffer))).toEqual([2n ** 63n + 16n, 2n ** 53n - 2n ** 20n, 2n ** 20n, 2n ** 48n + 8n * (2n ** 43n - 2n ** 10n), 2n ** 47n, 4n]);
  });

  it("knows what to do without elements", () => {
    expect(MAP.plan(0, DEVICE).chunk(0, 0)).toEqual([]);
    expect(names(SUM.plan(0, DEVICE).finish)).toEqual(["k_join"]);
    expect(names(emitCuda(FOLD, { symbol: "k" }).plan(0, DEVICE).chunk(0, 0))).toEqual(["k"]);
  });

  it("refuses chunks that do not begin with a block, or are too long", () => {
    const plan = SUM.plan(5000, DEVICE, 2048);
    for (const [from, count] of [[1000, 10], [0, 4096], [4096, 1000]] as const) expect(() => plan.chunk(from, count)).toThrow("no chunk of 5000");
  });

  it("needs room for one chunk of a filter at a time", () => {
    expect(FILTER.plan(2 ** 33, DEVICE, 2 ** 20).scratchBytes).toBe(8 * 1024);
  });
});

describe("the state", () => {
  const initial = (): Uint8Array => {
    const state = new Uint8Array(STATE_BYTES);
    for (const { offset, bytes, value } of STATE_FILLS) state.fill(value, offset, offset + bytes);
    return state;
  };
  const stateOf = (entries: Readonly<Record<number, bigint>>): Uint8Array => {
    const state = initial();
    for (const [offset, value] of Object.entries(entries)) new DataView(state.buffer).setBigUint64(Number(offset), value, true);
    return state;
  };
  const [failed, position, count, stopped] = [0, 8, 16, 40];
  const first = program({ kind: "first", type: "f64", ranked: false }, true).plan(10, DEVICE);

  it("begins as a run that nothing came of", () => {
    expect(MAP.plan(7, DEVICE).read(initial())).toEqual({ status: "done", result: { count: 7, position: -1, rank: 0, value: undefined } });
    expect(FILTER.plan(7, DEVICE).read(initial())).toMatchObject({ result: { count: 0 } });
    expect(first.read(initial())).toMatchObject({ status: "done", result: { position: -1, value: undefined } });
  });

  it("tells failures that matter from those behind what was found", () => {
    expect(first.read(stateOf({ [failed]: 3n, [position]: 5n }))).toEqual({ status: "failed", position: 3 });
    expect(first.read(stateOf({ [failed]: 6n, [position]: 5n }))).toMatchObject({ status: "done", result: { position: 5 } });
    expect(SUM.plan(10, DEVICE).read(stateOf({ [failed]: 2n ** 33n }))).toEqual({ status: "failed", position: 2 ** 33 });
    expect(emitCuda(FOLD, { symbol: "k" }).plan(10, DEVICE).read(stateOf({ [failed]: 6n }))).toEqual({ status: "failed", position: 0 });
  });

  it("says that the run was stopped, whatever else it says", () => {
    expect(first.read(stateOf({ [failed]: 3n, [stopped]: 1n }))).toEqual({ status: "stopped" });
  });

  it("counts beyond 2^32", () => {
    expect(program({ kind: "count" }, true).plan(2 ** 34, DEVICE).read(stateOf({ [count]: 2n ** 33n + 1n }))).toMatchObject({ result: { count: 2 ** 33 + 1 } });
  });
});

describe("captures", () => {
  it("are words at multiples of eight bytes, arrays after scalars", () => {
    const kernel = verify(
      kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [positive, yields(apply("add", capture("f64", "k"), x))], {
        scalars: { k: "f64", b: "bool", single: "f32" },
        arrays: { lut: "u8", other: "f64" },
      }),
      "the test",
    );
    expect(emitCuda(kernel, { symbol: "k" }).captures).toEqual({
      bytes: 56,
      scalars: [{ type: "f64", offset: 0 }, { type: "bool", offset: 8 }, { type: "f32", offset: 16 }],
      arrays: [{ offset: 24 }, { offset: 40 }],
      byValue: true,
    });
  });
});

describe("CUDA C", () => {
  it("adds signed integers so that they wrap, and gives macros' names to nothing", () => {
    const i = element("i32");
    const sum = apply("sub", apply("mul", apply("neg", i), constant("i32", 3)), capture("i32", "CHAR_BIT"));
    const { text } = emitCuda(kernelOf(arrayOf("i32"), { kind: "array", element: "i32" }, [yields(sum)], { scalars: { CHAR_BIT: "i32" } }), { symbol: "k" });
    expect(text).toContain("return result = rt_sub(rt_mul(rt_neg(x), 3), CHAR_BIT_), true;");
  });
});
