/** Values over streams: the bits of the whole array, however it is cut into chunks. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import type { ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import { createRuntime, stream, type LazyValue, type Query, type Rows, type Runtime } from "../../src/index.js";
import { canonicalFold, expectedSum, listOf, sample } from "./support.js";

const folder = mkdtempSync(path.join(tmpdir(), "dotcompute-streams-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const scripted = createRuntime({ backend: "js" });
const native = createRuntime({ backend: "cpu", cacheFolder: folder, log: () => undefined });

/** Whether queries can run native here. */
function isNative(): boolean {
  try {
    native.compute(Float64Array.of(1)).sum().value();
    return true;
  } catch (error) {
    if (error instanceof BackendError) return false;
    throw error;
  }
}
const BACKENDS = [{ name: "js", runtime: scripted, missing: false }, { name: "cpu", runtime: native, missing: !isNative() }];

/** The array in chunks of these lengths, again and again; each in memory that the next one overwrites. */
function* chunked(array: AnyTypedArray, lengths: readonly number[]): Generator<AnyTypedArray> {
  const longest = Math.max(...lengths, 1);
  const memory = (array.slice(0, 0) as Float64Array).constructor as Float64ArrayConstructor;
  const reused = new memory(longest);
  for (let from = 0, turn = 0; from < array.length; turn += 1) {
    const length = lengths[turn % lengths.length] as number;
    const part = array.subarray(from, from + length) as Float64Array;
    new Uint8Array(reused.buffer).fill(0x55);
    reused.set(part);
    yield reused.subarray(0, part.length);
    from += length;
  }
}

/** Lengths of chunks about those of lanes, blocks and pieces; never all of them 0. */
const chunkings = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, 1, 31, 1023, 1024, 1025, 65_535, 65_536, 65_537) }, { weight: 1, arbitrary: fc.nat(150_000) }), { minLength: 1, maxLength: 6 })
  .map(lengths => (Math.max(...lengths) < 1000 ? [...lengths, 20_000] : lengths));

const numbers = (runtime: Runtime, array: AnyTypedArray, lengths: readonly number[]): Query<Float64Array> => {
  const element = ARRAY_NAMES.get(array[Symbol.toStringTag]) as ElementType;
  return runtime.compute(stream(chunked(array, lengths) as Iterable<Float64Array>, ARRAY_CONSTRUCTORS[element] as Float64ArrayConstructor));
};
const ARRAY_NAMES = new Map(Object.entries(ARRAY_CONSTRUCTORS).map(([element, { name }]) => [name, element]));

const table = Float64Array.from({ length: 300_000 }, (_, at) => Math.cos(at));

/** Every terminal, and lambdas that use places, captured arrays and filters. */
const SCALARS: Readonly<Record<string, (query: Query<Float64Array>) => LazyValue<unknown>>> = {
  sum: query => query.sum(),
  "sum of a map": query => query.map(x => x * 1.5 + 1).sum(),
  "sum behind a filter": query => query.filter(x => x > 0).sum(),
  "sum with places": query => query.map((x, i) => x * i).sum(),
  "sum of places that is exact": query => query.reduce((a, _x, i) => a + (i % 1000), 0),
  "sum of captured elements at the place": query => query.map((x, i) => x + table[i]!, { table }).sum(),
  count: query => query.filter((x, i) => x > 0 && i % 3 === 0).count(),
  "count of all": query => query.count(),
  average: query => query.filter(x => x < 500).average(),
  min: query => query.min(),
  max: query => query.filter(x => x < 100).max(),
  "product without a seed": query => query.map(x => 1 + x * 1e-9).reduce((a, x) => a * x),
  "sum with a seed": query => query.reduce((a, x) => a + x * x, 0.5),
  "bits with a seed": query => query.reduce((a, x) => a ^ x, 5),
  "a left fold": query => query.reduce((a, x) => a * 0.999 + x, 3),
  "a left fold with places": query => query.reduce((a, x, i) => (i % 7 === 0 ? x : a + x), 0),
  "a left fold without a seed": query => query.filter((_x, i) => i > 70_000).reduce((a, x) => a * 0.5 + x),
  "a sequential sum": query => query.reduce((a, x) => a + x, 0, {}, { sequential: true }),
  "a combined fold": query => query.reduce((a, x) => (x > 3 ? a + x : a), 0, {}, { combine: (a, b) => a + b }),
  "a combined fold behind a filter": query => query.filter(x => x > 900).reduce((a, x) => (Math.abs(x) > Math.abs(a) ? x : a), 0, {}, { combine: (a, b) => (Math.abs(b) > Math.abs(a) ? b : a) }),
  "a combine with a capture": query => query.reduce((a, x) => (x > 3 ? a + x : a), 0, { k: 1.0000001 }, { combine: (a, b) => (a + b) * k }),
  "a combine with an elementary function": query => query.reduce((a, x) => (x > 3 ? a + 1 : a), 0, {}, { combine: (a, b) => Math.log(Math.exp(a / 1e9) * Math.exp(b / 1e9)) * 1e9 }),
  "a conjunction": query => query.reduce((a, x) => a && x < 1e9, true),
  some: query => query.some((x, i) => x > 990 && i > 66_000),
  "some, of none": query => query.some(x => x > 1e12),
  every: query => query.every((_x, i) => i < 100_000),
  find: query => query.find((x, i) => x > 0 && i > 65_536),
  findIndex: query => query.findIndex((x, i) => x > 900 && i > 3000),
  "findIndex behind a filter": query => query.filter(x => x > 0).findIndex((x, i) => x > 900 && i > 2000),
  "findIndex of none": query => query.findIndex(x => x > 1e12),
  indexOf: query => query.indexOf(-999.875),
  "indexOf behind a filter": query => query.filter(x => x > 10).indexOf(999.875),
  includes: query => query.includes(999.875),
  first: query => query.filter((_x, i) => i > 65_600).first(),
  last: query => query.filter(x => x > 999).last(),
  "last of none": query => query.filter(x => x > 1e12).last(),
  "places behind a filter": query => query.filter(x => x > 0).map((x, i) => x * i).sum(),
  "a filter behind places behind a filter": query => query.filter(x => x > -900).filter((_x, i) => i % 2 === 1).map((x, i) => x / (i + 1)).sum(),
  "the first ones": query => query.take(66_000).sum(),
  "all but the first ones": query => query.skip(1000).sum(),
  "places of all but the first": query => query.skip(65_537).map((x, i) => x * i).sum(),
  "a slice of a slice": query => query.slice(10, 120_000).skip(500).take(70_001).sum(),
  "the first ones that a filter lets through": query => query.filter(x => x > 0).take(40_000).sum(),
  "a slice between places": query => query.map((x, i) => x + i).skip(3).map((x, i) => x - i).sum(),
  takeWhile: query => query.takeWhile((_x, i) => i < 66_000).sum(),
  "skipWhile behind a filter": query => query.filter(x => x > 0).skipWhile(x => x < 998).map((x, i) => x * i).sum(),
  "nothing at all": query => query.take(0).sum(),
};
declare const k: number;

/** Elements whose sums depend on the order, and none so large that nothing else counts. */
const rounding = (array: Float64Array): Float64Array => array.map((x, at) => (Math.abs(x) > 1e6 || at % 3 !== 0 ? Math.sin(at) * 10 ** (at % 4) : x));

describe.each(BACKENDS)("over a stream, on $name", ({ runtime, missing }) => {
  beforeEach(context => context.skip(missing, "the cpu backend cannot run here"));
  const array = rounding(sample("f64", 170_123) as Float64Array);
  const whole = scripted.compute(array);
  describe.each(Object.entries(SCALARS))("%s", (_name, terminal) => {
    const expected = terminal(whole).value();
    it("is what it is over the whole array", async () => {
      await fc.assert(
        fc.asyncProperty(chunkings, async lengths => {
          expect(await terminal(numbers(runtime, array, lengths))).toBe(expected);
        }),
        { numRuns: 3 },
      );
    });
  });

  it.each([0, 1, 31, 1023, 1025, 65_535, 65_536, 65_537, 131_072, 140_000])("is what the contract says, of %i elements", async length => {
    const thirds = (sample("f64", length) as Float64Array).map(x => (Math.abs(x) > 1e6 ? 1 : x) / 3);
    expect(await numbers(runtime, thirds, [5000, 1, 70_000]).sum()).toBe(expectedSum(thirds));
    for (const element of ["f64", "f32", "i32", "u64"] as const) {
      const some = sample(element, length);
      const list = listOf(some);
      expect(await numbers(runtime, some, [5000, 1, 70_000]).sum()).toBe(expectedSum(some));
      expect(await numbers(runtime, some, [30_000]).last()).toBe(list.at(-1));
      expect(await numbers(runtime, some, [30_000]).count()).toBe(length);
    }
    const floats = sample("f64", length) as Float64Array;
    const larger = (a: number, x: number): number => (Math.abs(x) > Math.abs(a) ? x : a);
    expect(await numbers(runtime, floats, [999, 66_000]).reduce((a, x) => (Math.abs(x) > Math.abs(a) ? x : a), 0, {}, { combine: (a, b) => (Math.abs(b) > Math.abs(a) ? b : a) })).toBe(canonicalFold([...floats], larger) ?? 0);
    expect(await numbers(runtime, floats, [999, 66_000]).reduce((a, x) => (x > a ? x : a - 1), 0)).toBe(floats.reduce((a, x) => (x > a ? x : a - 1), 0));
  });

  it.each([3, 4, 5, 6, 7, 11, 21])("joins %i pieces as the tree that blocks join as", async pieces => {
    const many = Float64Array.from({ length: pieces * 65_536 - 1000 }, (_, at) => Math.sin(at) * 10 ** (at % 3));
    expect(await numbers(runtime, many, [65_536, 65_536, 1000]).sum()).toBe(scripted.compute(many).sum().value());
    expect(await numbers(runtime, many, [131_072]).reduce((a, x) => (x > 0 ? a + x : a), 0, {}, { combine: (a, b) => a + b })).toBe(scripted.compute(many).reduce((a, x) => (x > 0 ? a + x : a), 0, {}, { combine: (a, b) => a + b }).value());
  });

  it("knows NaN, infinities and signed zeros", async () => {
    const special = new Float64Array(70_000).fill(-0);
    expect(await numbers(runtime, special, [65_536]).max()).toBe(-0);
    expect(await numbers(runtime, special, [65_536]).sum()).toBe(0);
    expect(await numbers(runtime, special, [65_536]).reduce((a, x) => a + x)).toBe(-0);
    special[69_999] = 0;
    expect(await numbers(runtime, special, [65_536]).min()).toBe(-0);
    expect(await numbers(runtime, special, [65_536]).max()).toBe(0);
    special.set([Infinity, -Infinity], 65_535);
    expect(await numbers(runtime, special, [1000]).sum()).toBeNaN();
    expect(await numbers(runtime, special, [1000]).min()).toBe(-Infinity);
    special[66_000] = NaN;
    expect(await numbers(runtime, special, [1000]).max()).toBeNaN();
    expect(await numbers(runtime, special, [1000]).includes(NaN)).toBe(true);
    expect(await numbers(runtime, special, [1000]).indexOf(NaN)).toBe(-1);
  });

  it("wraps BigInts and adds 32-bit integers exactly", async () => {
    const bigs = new BigInt64Array(140_000).fill(2n ** 62n - 1n);
    const query = (): Query<BigInt64Array> => runtime.compute(stream(chunked(bigs, [1000, 65_536]) as Iterable<BigInt64Array>, BigInt64Array));
    expect(await query().sum()).toBe(BigInt.asIntN(64, 140_000n * (2n ** 62n - 1n)));
    expect(await query().reduce((a, x) => a * 3n + x, 1n)).toBe(bigs.reduce((a, x) => BigInt.asIntN(64, a * 3n + x), 1n));
    expect(await query().max()).toBe(2n ** 62n - 1n);
    expect(await query().includes(2n ** 80n)).toBe(false);
    const ints = new Int32Array(140_000).fill(2 ** 31 - 1);
    expect(await runtime.compute(stream(chunked(ints, [65_537]) as Iterable<Int32Array>, Int32Array)).sum()).toBe(140_000 * (2 ** 31 - 1));
  });

  it("of nothing is what it is of an empty array", async () => {
    const none = (): Query<Float64Array> => numbers(runtime, new Float64Array(0), [1]);
    expect(await none().sum()).toBe(0);
    expect(await none().average()).toBeNaN();
    expect(await none().min()).toBe(Infinity);
    expect(await none().first()).toBeUndefined();
    expect(await none().reduce((a, x) => a + x, 42)).toBe(42);
    expect(await none().every(x => x > 0)).toBe(true);
    await expect(none().reduce((a, x) => a + x).run()).rejects.toThrow(new TypeError("Reduce of empty array with no initial value"));
    await expect(none().reduce((a, x) => (x > a ? a : x)).run()).rejects.toThrow(new TypeError("Reduce of empty array with no initial value"));
    await expect(numbers(runtime, Float64Array.of(1, 2), [1]).filter(x => x > 5).reduce((a, x) => (x > a ? a : x)).run()).rejects.toThrow(TypeError);
  });
});

type Trade = { readonly price: Float64Array; readonly quantity: Int32Array; readonly flag: Uint8Array };

const TABLES: Readonly<Record<string, (rows: Rows<Trade>) => LazyValue<unknown>>> = {
  sum: rows => rows.sum(r => r.price * r.quantity),
  "sum behind a filter": rows => rows.filter(r => r.quantity > 0).sum(r => r.price),
  "sum with places": rows => rows.map((r, i) => ({ ...r, at: i })).filter(r => r.flag > 100).sum(r => r.at * r.price),
  count: rows => rows.filter(({ flag }) => flag > 7).count(),
  "count of all": rows => rows.count(),
  average: rows => rows.average(r => r.quantity),
  reduce: rows => rows.reduce((a, r, i) => a * 0.5 + r.price * i, 1),
  findIndex: rows => rows.findIndex(r => r.price > 900 && r.quantity > 900),
  "findIndex behind a filter": rows => rows.filter(r => r.flag > 3).findIndex(r => r.price > 990),
  some: rows => rows.some(r => r.price > 1e9),
  first: rows => rows.first(),
  last: rows => rows.last(),
  "first behind a filter": rows => rows.filter(r => r.price > 998 && r.flag > 200).first(),
  "last behind a filter": rows => rows.filter(r => r.price < -990).last(),
  "last with places, behind a filter": rows => rows.map((r, i) => ({ place: i, price: r.price })).filter(r => r.price > 0).last(),
  "find with places": rows => rows.map((r, i) => ({ ...r, place: i })).find(r => r.price > 990 && r.place > 66_000),
  "find of none": rows => rows.find(r => r.price > 1e9),
  elementAt: rows => rows.filter(r => r.flag > 9).elementAt(70_000),
  "behind a filter and a slice": rows => rows.filter(r => r.price > 0).slice(100, 50_000).map((r, i) => r.quantity * i, Float64Array).sum(),
};

describe.each(BACKENDS)("over a stream of columns, on $name", ({ runtime, missing }) => {
  beforeEach(context => context.skip(missing, "the cpu backend cannot run here"));
  const trades: Trade = { price: rounding(sample("f64", 150_001) as Float64Array), quantity: sample("i32", 150_001) as Int32Array, flag: sample("u8", 150_001) as Uint8Array };
  const cut = function* (lengths: readonly number[]): Generator<Trade> {
    for (let from = 0, turn = 0; from < trades.price.length; turn += 1) {
      const to = from + (lengths[turn % lengths.length] as number);
      yield { price: trades.price.slice(from, to), quantity: trades.quantity.slice(from, to), flag: trades.flag.slice(from, to) };
      from = to;
    }
  };
  it.each(Object.entries(TABLES))("%s is what it is over the whole table", async (_name, terminal) => {
    const expected = terminal(scripted.compute(trades)).value();
    await fc.assert(
      fc.asyncProperty(chunkings, async lengths => {
        expect(await terminal(runtime.compute(stream(cut(lengths), { price: Float64Array, quantity: Int32Array, flag: Uint8Array })))).toEqual(expected);
      }),
      { numRuns: 2 },
    );
  });
});

