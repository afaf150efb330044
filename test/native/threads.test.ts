/** Runs shared by threads: the bits of one thread, whatever the number, and the errors. */
import { describe, expect, it } from "vitest";
import { loadAddon, packageRoot } from "../../src/backends/cpu/load-addon.js";
import { threadsFor } from "../../src/backends/cpu/threads.js";
import { createRuntime, range, type Query } from "../../src/index.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { difference } from "../fusion/by-hand.js";

const { addon, reason } = loadAddon(packageRoot());
/** Help is wanted here however busy the machine is. */
addon?.forgo({ pauses: true });

const THREADS = [1, 2, 3, 7, 16];
const runtimes = THREADS.map(threads => createRuntime({ backend: "cpu", threads, log: () => undefined }));
/** Light kernels have parts of 16,384 elements, and are shared from eight of them on. */
const PART = 16_384;
const LENGTHS = [8 * PART - 1, 8 * PART, 9 * PART + 1023, 11 * PART + 1024 + 33];
const MOST = Math.max(...LENGTHS);

const special = [NaN, -0, 0, Infinity, -Infinity, 5e-324, 1.7e308, -1.7e308, 0.1];
const doubles = Float64Array.from({ length: MOST }, (_, i) => (i % 977 === 0 ? (special[(i / 977) % special.length] as number) : Math.sin(i * i) * 10 ** (i % 7)));
const singles = Float32Array.from(doubles, x => x / 1e3);
const integers = Int32Array.from({ length: MOST }, (_, i) => Math.imul(i, 2654435761) >> (i % 20));
const big = BigInt64Array.from({ length: MOST }, (_, i) => BigInt(integers[i] as number) * 3_000_000_019n);
const bytes = Uint8Array.from({ length: MOST }, (_, i) => i * 7);

type Compute = (typeof runtimes)[number]["compute"];
/** What stays in order, joins, is counted or is found. */
const KERNELS: Record<string, (compute: Compute, n: number) => unknown> = {
  map: (c, n) => c(doubles.subarray(0, n)).map(x => x * 1.5 + 1).toArray(),
  "map to bytes": (c, n) => c(integers.subarray(0, n)).map((x, i) => (x ^ i) & 255, Uint8Array).toArray(),
  "map of a range": (c, n) => c(range(n)).map(i => Math.sqrt(i) - i).toArray(),
  "map in place": (c, n) => inPlace(singles.slice(0, n), (q, into) => q.map(x => x * x).toArray({ into }), c),
  filter: (c, n) => c(doubles.subarray(0, n)).filter(x => x > 0.5).toArray(),
  "filter of bytes": (c, n) => c(bytes.subarray(0, n)).filter(x => x % 3 !== 1).toArray(),
  "filter that keeps all": (c, n) => c(integers.subarray(0, n)).filter(x => x === x).toArray(),
  "filter that keeps none": (c, n) => c(integers.subarray(0, n)).filter((_x, i) => i < 0).toArray(),
  "filter that keeps the end": (c, n) => c(integers.subarray(0, n)).filter((_x, i) => i > 100_000 && i % 5 !== 2).toArray(),
  "filter in place": (c, n) => inPlace(singles.slice(0, n), (q, into) => q.filter(x => x > 0).toArray({ into }), c),
  "columns behind a filter": (c, n) => c({ a: doubles.subarray(0, n), b: bytes.subarray(0, n) }).filter(r => r.b < 200).map(r => ({ s: r.a + r.b, b: r.b })).toColumns(),
  columns: (c, n) => c({ a: doubles.subarray(0, n), b: bytes.subarray(0, n) }).map(r => ({ s: r.a * r.b, half: r.b / 2 })).toColumns(),
  "sum of doubles": (c, n) => c(doubles.subarray(0, n)).filter(x => Math.abs(x) < 1e6).sum().value(),
  "sum of singles": (c, n) => c(singles.subarray(0, n)).map(x => x * 0.1).filter(x => Math.abs(x) < 1e6).sum().value(),
  "sum of integers": (c, n) => c(integers.subarray(0, n)).sum().value(),
  "sum of BigInts": (c, n) => c(big.subarray(0, n)).sum().value(),
  product: (c, n) => c(doubles.subarray(0, n)).filter(x => Math.abs(x) > 0.1 && Math.abs(x) < 10).reduce((a, x) => a * (1 + x / 1e5), 1).value(),
  "or of bits": (c, n) => c(integers.subarray(0, n)).reduce((a, x) => a | (x & 0xff00), 0).value(),
  min: (c, n) => c(doubles.subarray(0, n)).filter(x => x === x).min().value(),
  "max with NaN": (c, n) => c(doubles.subarray(0, n)).max().value(),
  average: (c, n) => c(singles.subarray(0, n)).filter(x => x < 50 && x > -50).average().value(),
  variance: (c, n) => c(doubles.subarray(0, n)).filter(x => Math.abs(x) < 1e3).variance().value(),
  "a fold that joins": (c, n) => c(integers.subarray(0, n)).filter(x => x > 7).reduce((a, x) => (a > x ? a : x * 0.5 + a * 0.25), 0, {}, { combine: (a, b) => (a > b ? a - b * 0.125 : b) }).value(),
  "a fold from left to right": (c, n) => c(singles.subarray(0, n)).filter(x => x < 50 && x > -50).reduce((a, x) => a + x, 0, {}, { sequential: true }).value(),
  count: (c, n) => c(doubles.subarray(0, n)).filter(x => x > 3).count().value(),
  "find near the end": (c, n) => c(integers.subarray(0, n)).find((_x, i) => i >= n - 3, { n }).value(),
  "find at once": (c, n) => c(integers.subarray(0, n)).findIndex(x => x > 1000).value(),
  "find nothing": (c, n) => c(doubles.subarray(0, n)).findIndex(x => x > 1.75e308).value(),
  "place among what is kept": (c, n) => c(integers.subarray(0, n)).filter(x => x > 0).findIndex(x => x === 123_457).value(),
  "place of a late one": (c, n) => c(range(n)).filter(i => i % 3 === 0).findIndex(i => i >= n - 10, { n }).value(),
  "some, in several places": (c, n) => c(range(n)).find(i => i % 50_021 === 50_020).value(),
  every: (c, n) => c(bytes.subarray(0, n)).every(x => x < 256).value(),
  last: (c, n) => c(integers.subarray(0, n)).last(x => x % 1009 === 5).value(),
  "last of none": (c, n) => c(integers.subarray(0, n)).last((_x, i) => i < 0).value(),
  "running sums": (c, n) => c(doubles.subarray(0, n)).map(x => (Math.abs(x) < 1e6 ? x : -0)).scan((a, x) => a + x).toArray(),
  "running sums with NaN": (c, n) => c(doubles.subarray(0, n)).scan((a, x) => a + x, 0.5).toArray(),
  "running sums, exclusive": (c, n) => c(singles.subarray(0, n)).map((x, i) => (x < 50 && x > -50 ? x + i : 1)).scan((a, x) => a + x * 0.1, 3, {}, { exclusive: true }).toArray(),
  "running sums in place": (c, n) => inPlace(singles.slice(0, n).map(x => (x < 50 && x > -50 ? x : 1)), (q, into) => q.scan((a, x) => a + x).toArray({ into }), c),
  "running sums of integers": (c, n) => c(integers.subarray(0, n)).scan((a, x) => a + x, 7).toArray(),
  "running sums of BigInts": (c, n) => c(big.subarray(0, n)).scan((a, x) => a + x, 1n << 62n, {}, { exclusive: true }).toArray(),
  "running products": (c, n) => c(doubles.subarray(0, n)).map(x => (Math.abs(x) > 0.1 && Math.abs(x) < 10 ? 1 + x / 1e5 : 1)).scan((a, x) => a * x, 1).toArray(),
  "highest so far": (c, n) => c(doubles.subarray(0, n)).map(x => (x === x ? x : -0)).scan((a, x) => Math.max(a, x)).map(x => x * 2).toArray(),
  "bits so far": (c, n) => c(integers.subarray(0, n)).scan((a, x) => a ^ x, 5).toArray(),
  "running values from left to right": (c, n) => c(singles.subarray(0, n)).scan((a, x) => a - x, 0).toArray(),
  loops: (c, n) => c(bytes.subarray(0, n >> 4)).map(x => { let k = 0; for (let y = x; y > 1 && k < 200; k++) y = y % 2 === 0 ? y / 2 : 3 * y + 1; return k; }, Int32Array).toArray(),
};

function inPlace(array: Float32Array<ArrayBuffer>, run: (query: Query<Float32Array>, into: Float32Array) => Float32Array, compute: Compute): unknown {
  const kept = run(compute(array), array);
  expect(kept.buffer).toBe(array.buffer);
  return kept.slice();
}

function expectSame(actual: unknown, wanted: unknown): void {
  if (ArrayBuffer.isView(wanted)) expect(difference(actual as AnyTypedArray, wanted as AnyTypedArray)).toBeNull();
  else if (typeof wanted === "object" && wanted !== null) for (const [name, column] of Object.entries(wanted)) expectSame((actual as Record<string, unknown>)[name], column);
  else expect(actual).toBe(wanted);
}

describe.skipIf(addon === null)(`threads${addon === null ? `: ${reason}` : ""}`, () => {
  it.each(Object.entries(KERNELS))("%s: the same for any number of them", (_, run) => {
    for (const length of LENGTHS) {
      const [alone, ...shared] = runtimes.map(({ compute }) => run(compute, length));
      for (const result of shared) expectSame(result, alone);
    }
  });

  it("and so of queries that are awaited, many at once", async () => {
    const ask = ({ compute }: (typeof runtimes)[number]) => [
      compute(doubles).filter(x => x > 0.5).toArrayAsync(),
      compute(singles).map(x => x * 2).toArrayAsync(),
      compute(integers).sum().run(),
      compute(integers).filter(x => x > 0).findIndex(x => x === 123_457).run(),
    ];
    const wanted = await Promise.all(ask(runtimes[0] as (typeof runtimes)[number]));
    const all = await Promise.all(Array.from({ length: 12 }, (_, at) => Promise.all(ask(runtimes[at % runtimes.length] as (typeof runtimes)[number]))));
    for (const results of all) results.forEach((result, at) => expectSame(result, wanted[at]));
  });

  it("others do help", () => {
    const before = (addon as NonNullable<typeof addon>).team().helped;
    for (let round = 0; round < 200 && (addon as NonNullable<typeof addon>).team().helped === before; round += 1) runtimes[1]?.compute(doubles).map(x => Math.exp(x)).sum().value();
    expect((addon as NonNullable<typeof addon>).team().helped).toBeGreaterThan(before);
  });

  it.each([
    ["early", 5],
    ["in the last part", MOST - 2],
    ["in several parts", 140_000],
  ])("an element that fails %s is the one that is told", (_, from) => {
    const lut = Float64Array.of(1, 2);
    for (const { compute } of runtimes) {
      for (const query of [compute(range(MOST)).map(i => lut[i >= from ? i : 1] as number, { lut, from }), compute(range(MOST)).filter(i => (lut[i >= from ? i : 1] as number) > 1, { lut, from })]) {
        const words = `DC401: lut[${from}] is out of range: lut has 2 elements`;
        expect(() => query.toArray()).toThrow(new RangeError(words));
        expect(() => query.sum().value()).toThrow(new RangeError(words));
        expect(() => query.scan((a, x) => a + x).toArray()).toThrow(new RangeError(words));
      }
      expect(compute(range(MOST)).find(i => (lut[i >= from ? i : 1] as number) > 3 || i === from - 1, { lut, from }).value()).toBe(from - 1);
    }
  });

  it("a run that is aborted ends, and the next one works", async () => {
    for (const { compute } of runtimes) {
      const gone = new AbortController();
      const run = compute(range(1e13)).map(i => Math.sqrt(i)).sum().run({ signal: gone.signal });
      setTimeout(() => gone.abort(new Error("enough")), 20);
      await expect(run).rejects.toThrow("enough");
      expect(compute(integers).count().value()).toBe(MOST);
    }
  });

  it("says how many may share a kernel", () => {
    expect(createRuntime({ backend: "cpu", threads: 3 }).compute(doubles).map(x => x + 1).explain()).toMatch(/cpu: .*; shared by up to 3 threads\n/);
    expect(createRuntime({ backend: "cpu", threads: 3 }).compute(doubles).countBy(x => Math.floor(x)).explain()).toMatch(/group: .*, native; shared by up to 3 threads\n/);
    expect(createRuntime({ backend: "cpu", threads: 1 }).compute(doubles).map(x => x + 1).explain()).not.toContain("threads");
    expect(createRuntime({ backend: "cpu", threads: 3 }).compute(doubles).reduce((a, x) => a - x, 0).explain()).not.toContain("threads");
  });
});

describe("the number of threads", () => {
  it.each([0, 1.5, -1, 257, NaN, "2", null])("is not %s", threads => {
    expect(() => createRuntime({ threads: threads as never })).toThrow(/^DC305: the option threads of createRuntime\(\) is a number/);
  });

  it("comes from the environment, or from the processors", () => {
    const before = process.env["DOTCOMPUTE_THREADS"];
    try {
      process.env["DOTCOMPUTE_THREADS"] = "5";
      expect(threadsFor(undefined)).toBe(5);
      expect(threadsFor(2)).toBe(2);
      process.env["DOTCOMPUTE_THREADS"] = "many";
      expect(() => threadsFor(undefined)).toThrow('DC305: DOTCOMPUTE_THREADS is a number of threads, not "many"');
      delete process.env["DOTCOMPUTE_THREADS"];
      expect(threadsFor(undefined)).toBeGreaterThanOrEqual(1);
    } finally {
      if (before === undefined) delete process.env["DOTCOMPUTE_THREADS"];
      else process.env["DOTCOMPUTE_THREADS"] = before;
    }
  });
});
