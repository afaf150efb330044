/** Queries on the C++ backend: the same bits as on JavaScript, for every terminal, and in every way of running. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import type { ElementType } from "../../fusion/types.js";
import { createRuntime, range, type LazyValue, type Query, type RunInfo } from "../../src/index.js";
import { isBig, sample } from "./support.js";

const folder = mkdtempSync(path.join(tmpdir(), "dotcompute-query-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ran: string[] = [];
const onRun = ({ kernels }: RunInfo): void => void ran.push(kernels.map(({ backend }) => backend).join(" "));
const native = createRuntime({ backend: "cpu", cacheFolder: folder, onRun });
const scripted = createRuntime({ backend: "js" });

/** Why queries cannot run native here; null if they can. */
function obstacle(): string | null {
  try {
    native.compute(Float64Array.of(1)).sum().value();
    return null;
  } catch (error) {
    if (error instanceof BackendError) return error.message;
    throw error;
  }
}
const reason = obstacle();
const LENGTHS = [0, 1, 33, 1025, 5000];

/** Every terminal, as a function of a query of numbers. */
const SCALARS: Readonly<Record<string, (query: Query<Float64Array>) => LazyValue<unknown>>> = {
  sum: query => query.map(x => x + 1).sum(),
  count: query => query.filter(x => x > 50).count(),
  average: query => query.average(),
  min: query => query.filter(x => x !== 0).min(),
  max: query => query.max(),
  some: query => query.some((x, i) => x > 100 && i > 20),
  every: query => query.every(x => x < 1e9),
  find: query => query.find(x => x > 120),
  "findIndex after a filter": query => query.filter(x => x > 0).findIndex(x => x > 120),
  "indexOf after a filter": query => query.filter(x => x >= 2).indexOf(7),
  includes: query => query.includes(255),
  first: query => query.filter(x => x > 5).first(),
  last: query => query.filter(x => x > 5).last(),
  "reduce in lanes": query => query.reduce((a, x) => a + x * x, 0.5),
  "reduce from left to right": query => query.reduce((a, x) => (x > a ? x : a - 1), 3),
  "reduce with combine": query => query.reduce((a, x) => (x > 3 ? a + 1 : a), 0, {}, { combine: (a, b) => a + b }),
};

const BIG_SCALARS: Readonly<Record<string, (query: Query<BigInt64Array>) => LazyValue<unknown>>> = {
  sum: query => query.sum(),
  max: query => query.filter(x => x !== 0n).max(),
  find: query => query.find(x => x > 2n ** 40n),
  indexOf: query => query.indexOf(0n),
  "reduce in lanes": query => query.reduce((a, x) => a ^ x, 5n),
  "reduce from left to right": query => query.reduce((a, x) => a * 3n + x, 1n),
};

/** What a terminal gives, or the error it throws. */
function resultOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return (error as Error).message;
  }
}

describe("a compiler that is not there", () => {
  it("costs one line, and no query", async () => {
    const lines: string[] = [];
    const runtime = createRuntime({ compiler: "/nonexistent/c++", cacheFolder: path.join(folder, "none"), log: line => void lines.push(line) });
    const array = sample("f64", 5000) as Float64Array;
    for (let run = 0; run < 3; run += 1) {
      expect(runtime.compute(array).map(x => x * 2).toArray()).toEqual(array.map(x => x * 2));
      expect(await runtime.compute(array).max()).toBe(Math.max(...array));
      await runtime.settled();
    }
    expect(lines).toEqual([expect.stringMatching(/^dotcompute: the js backend stands in for the cpu backend: .+$/)]);
    expect(runtime.compute(array).max().explain().split("\n").at(-2)).toBe(`  js: ${lines[0]?.slice("dotcompute: the js backend stands in for the cpu backend: ".length)}`);
    expect(() => runtime.compute(array).on("cpu").max().value()).toThrow(/^DC402: the query insists on the cpu backend, which cannot run it: /);
  });
});

describe.skipIf(reason !== null)(`on the cpu backend${reason === null ? "" : ` (skipped: ${reason.split("\n", 1)[0]})`}`, () => {
  describe.each(["f32", "u8", "f64"] as ElementType[])("terminals of %s", element => {
    it.each(Object.keys(SCALARS))("%s", async name => {
      for (const length of LENGTHS) {
        const array = sample(element, length) as Float64Array;
        const terminal = SCALARS[name]!;
        const expected = resultOf(() => terminal(scripted.compute(array)).value());
        expect(resultOf(() => terminal(native.compute(array)).value())).toEqual(expected);
        expect(await terminal(native.compute(array)).then(value => value, (error: unknown) => (error as Error).message)).toEqual(expected);
      }
      expect(new Set(ran)).toEqual(new Set(["cpu"]));
    });
  });

  describe("terminals of i64", () => {
    it.each(Object.keys(BIG_SCALARS))("%s", async name => {
      for (const length of LENGTHS) {
        const array = sample("i64", length) as BigInt64Array;
        const terminal = BIG_SCALARS[name]!;
        const expected = resultOf(() => terminal(scripted.compute(array)).value());
        expect(resultOf(() => terminal(native.compute(array)).value())).toEqual(expected);
        expect(await terminal(native.compute(array)).then(value => value, (error: unknown) => (error as Error).message)).toEqual(expected);
      }
    });
  });

  it.each(["f32", "f64", "u8", "i16", "i64"] as ElementType[])("a filter of %s by several threads leaves what lies behind its results alone", async element => {
    const array = sample(element, 200_000) as Float64Array;
    // Of hundreds of thousands of elements: toEqual takes its time.
    const same = (found: Float64Array, wanted: Float64Array): boolean => Buffer.from(found.buffer, found.byteOffset, found.byteLength).equals(Buffer.from(wanted.buffer, wanted.byteOffset, wanted.byteLength));
    const zero = (isBig(element) ? 0n : 0) as number;
    // What is kept last lies in the middle; in the last register of all; or is but one element of the last block.
    for (const [threads, until, from] of [[1, 100_001, 0], [1, 200_000, 0], [1, 199_990, 199_989], [2, 100_001, 0], [7, 200_000, 0]] as const) {
      const query = createRuntime({ backend: "cpu", threads }).compute(array).filter((x, i) => x >= zero && i < until && (i < 100_000 || i >= from), { zero, until, from });
      const expected = query.toArray();
      expect(same(expected, array.filter((x, i) => x >= zero && i < until && (i < 100_000 || i >= from)))).toBe(true);
      const into = array.slice();
      for (const run of [() => query.toArray({ into }), () => query.toArrayAsync({ into })]) {
        into.set(array);
        expect(same(await run(), expected)).toBe(true);
        expect(same(into.subarray(expected.length), array.subarray(expected.length))).toBe(true);
      }
      into.set(array);
      expect(same(createRuntime({ backend: "cpu", threads }).compute(into).filter((x, i) => x >= zero && i < until && (i < 100_000 || i >= from), { zero, until, from }).toArray({ into }), expected)).toBe(true);
      expect(same(into.subarray(expected.length), array.subarray(expected.length))).toBe(true);
    }
  });

  it("a long filter into an array tells of the first element that fails, be there others at its end", () => {
    const places = Int32Array.from({ length: 100_000 }, (_, i) => i % 10);
    const table = new Float64Array(10);
    const into = new Int32Array(100_000);
    const run = (backend: "cpu" | "js"): unknown => resultOf(() => createRuntime({ backend, threads: 1 }).compute(places).filter(x => table[x]! === 0, { table }).toArray({ into }));
    expect(run("cpu")).toEqual(places);
    places[99_990] = 11;
    expect(run("cpu")).toEqual(run("js"));
    places[70] = 12;
    expect(run("cpu")).toEqual(run("js"));
    expect(run("js")).toMatch(/12/);
  });

  it.each(["f32", "u8", "i32"] as ElementType[])("arrays of %s, new, given, in place and overlapping", async element => {
    for (const length of LENGTHS) {
      const array = sample(element, length) as Float64Array;
      const plus = (query: Query<Float64Array>) => query.map(x => x + 3);
      const some = (query: Query<Float64Array>) => query.filter(x => x > 20);
      for (const verbs of [plus, some]) {
        const expected = verbs(scripted.compute(array)).toArray();
        expect(verbs(native.compute(array)).toArray()).toEqual(expected);
        expect(await verbs(native.compute(array)).toArrayAsync()).toEqual(expected);
        // What lies behind the results is left alone.
        for (const threads of [1, 2]) {
          const into = new (array.constructor as Float64ArrayConstructor)(length + 5).fill(77);
          expect(verbs(createRuntime({ backend: "cpu", threads }).compute(array)).toArray({ into })).toEqual(expected);
          expect([...into.subarray(expected.length)]).toEqual(new Array(into.length - expected.length).fill(77));
          into.fill(77);
          expect(await verbs(createRuntime({ backend: "cpu", threads }).compute(array)).toArrayAsync({ into })).toEqual(expected);
          expect([...into.subarray(expected.length)]).toEqual(new Array(into.length - expected.length).fill(77));
        }
        const own = array.slice();
        expect(verbs(native.compute(own)).toArray({ into: own })).toEqual(expected);
        expect(own.subarray(expected.length)).toEqual(array.subarray(expected.length));
        const wide = new (array.constructor as Float64ArrayConstructor)(length + 3);
        wide.set(array, 1);
        expect(verbs(native.compute(wide.subarray(1, length + 1))).toArray({ into: wide.subarray(2, length + 2) })).toEqual(expected);
      }
    }
  });

  it("ranges, arrays of numbers, shared memory and barriers", async () => {
    expect(native.compute(range(3000)).map((x, i) => x * 2 + i).sum().value()).toBe(3 * ((2999 * 3000) / 2));
    expect(native.compute([1, 2, 3]).map(x => x / 2).toArray()).toEqual(Float64Array.of(0.5, 1, 1.5));
    const shared = new Int32Array(new SharedArrayBuffer(4000)).fill(3);
    expect(await native.compute(shared).sum()).toBe(3000);
    const array = sample("f64", 3000) as Float64Array;
    const chain = array.filter(x => x > 0).map((x, i) => x + i);
    expect(native.compute(array).filter(x => x > 0).map((x, i) => x + i).toArray()).toEqual(chain);
    expect(await native.compute(array).filter(x => x > 0).map((x, i) => x + i).toArrayAsync()).toEqual(chain);
    expect(ran.at(-1)).toBe("cpu cpu");
  });

  it("captures of every kind", () => {
    const array = sample("f32", 100) as Float32Array;
    const table = Float64Array.from({ length: 50 }, (_, at) => at * at);
    const clamp = (x: number) => Math.min(49, Math.max(0, Math.trunc(x)));
    const query = (runtime: typeof native, factor: number, flag: boolean) =>
      runtime.compute(array).map(x => (flag ? table[clamp(x)]! : x * factor), Float64Array, { flag, table, clamp, factor }).toArray();
    for (const [factor, flag] of [[0.1, true], [0.1, false], [0.5, false], [NaN, false]] as const) expect(query(native, factor, flag)).toEqual(query(scripted, factor, flag));
    const step = 2n ** 63n;
    const bigs = BigUint64Array.of(0n, 1n, 2n ** 64n - 1n);
    expect(native.compute(bigs).map(x => x + step, { step }).toArray()).toEqual(bigs.map(x => x + step));
  });

  it("lambdas that fail: the same RangeError, and a source left as it was", async () => {
    const table = Float64Array.of(1, 2, 3);
    const places = Float64Array.from({ length: 5000 }, (_, at) => (at < 4321 ? at % 3 : 7));
    const query = native.compute(places).map(x => table[x]!, { table });
    const message = "DC401: table[7] is out of range: table has 3 elements";
    expect(() => query.toArray()).toThrow(new RangeError(message));
    await expect(query.toArrayAsync()).rejects.toThrow(new RangeError(message));
    expect(() => query.toArray({ into: places })).toThrow(new RangeError(message));
    expect(places[0]).toBe(0);
    expect(places[2]).toBe(2);
    expect(() => native.compute(BigInt64Array.of(1n, 0n)).map(x => 1n / x).toArray()).toThrow(new RangeError("Division by zero"));
  });

  it("an endless loop ends with its AbortSignal", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const run = native.compute(Float64Array.of(1, 2)).map(x => {
      while (x > 0) x += 1;
      return x;
    }).toArrayAsync({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(run).rejects.toBe(reason);
  });

  it("memory that goes away in flight", async () => {
    const detached = new Float64Array(100_000).fill(1);
    const run = native.compute(detached).map(x => x * 3).sum().run();
    // Either the run holds on to the memory, and detaching fails or makes the run fail, or it had ended already.
    try {
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
    } catch (error) {
      expect((error as Error).name).toBe("DataCloneError");
    }
    const settled = await run.then(value => value, (error: unknown) => (error as Error).message);
    if (typeof settled === "string") expect(settled).toMatch(/^DC307: /);
    else expect(settled).toBe(300_000);
  });

  it("becomes warm by itself, and stays warm for the next process", async () => {
    const seen: string[] = [];
    const cacheFolder = path.join(folder, "tiers");
    const options = { cacheFolder, onRun: ({ backend }: RunInfo) => void seen.push(backend) };
    const array = sample("f64", 5000) as Float64Array;
    const first = createRuntime(options);
    const total = first.compute(array).map(x => x * 2).filter(x => x > 1).sum();
    const cold = total.value();
    expect(total.explain()).toMatch(/\n {2}(js: cold, compiling in the background|cpu: compiled kernel is warm)\n$/);
    await first.settled();
    expect(total.value()).toBe(cold);
    expect(total.explain()).toMatch(/\n {2}cpu: compiled kernel is warm\n$/);
    const second = createRuntime(options);
    expect(await second.compute(array).map(x => x * 2).filter(x => x > 1).sum()).toBe(cold);
    expect(seen).toEqual(["js", "cpu", "cpu"]);
  });
});
