/** The first elements of an order: top, bottom, and orders of which only the first elements are taken. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, nullable, type Runtime } from "../../src/index.js";
import { firstPlaces, sortedPlaces } from "../../src/table/sort.js";
import { whyNoCpu } from "../laws/backends.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const js = createRuntime({ backend: "js" });
const runtimes: readonly (readonly [string, string | null, () => Runtime])[] = [["js", null, () => js], ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })]];

type Row = { readonly a: number; readonly b: number };
const tableOf = (rows: readonly Row[]) => ({ a: Float64Array.from(rows, row => row.a), b: Int16Array.from(rows, row => row.b) });
const rank = (x: number): number => (Object.is(x, -0) ? -Number.MIN_VALUE : x);
/** NaN last either way, -0 before 0. */
const compare = (x: number, y: number, sign: 1 | -1): number => (Number.isNaN(x) || Number.isNaN(y) ? Number(Number.isNaN(x)) - Number(Number.isNaN(y)) : rank(x) === rank(y) ? 0 : rank(x) < rank(y) ? -sign : sign);

const anyRow = fc.record({ a: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(NaN, -0, Infinity, -Infinity, 0.5)), b: fc.integer({ min: -2, max: 2 }) });

describe.each(runtimes)("on %s", (name, missing, make) => {
  it.skipIf(missing !== null)("top and bottom are the first elements of an order", { timeout: 120_000 }, () => {
    const runtime = make();
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 90 }), fc.nat(6), (rows, k) => {
        const query = runtime.compute(tableOf(rows));
        expect(query.top(k, r => r.a).toColumns()).toEqual(tableOf(rows.toSorted((x, y) => compare(x.a, y.a, -1)).slice(0, k)));
        expect(query.bottom(k, r => r.a).toColumns()).toEqual(tableOf(rows.toSorted((x, y) => compare(x.a, y.a, 1)).slice(0, k)));
        expect(query.filter(r => r.b > -2).orderBy(r => r.b).thenByDescending(r => r.a).take(k).toColumns()).toEqual(
          tableOf(rows.filter(row => row.b > -2).toSorted((x, y) => x.b - y.b || compare(x.a, y.a, -1)).slice(0, k)),
        );
        const values = tableOf(rows).a;
        expect([...runtime.compute(values).top(k).toArray()]).toEqual([...values].sort((x, y) => compare(x, y, -1)).slice(0, k));
      }),
      { numRuns: name === "js" ? 300 : 30, seed: SEED },
    );
  });
});

const bytesOf = (places: Uint32Array): Buffer => Buffer.from(places.buffer, places.byteOffset, places.byteLength);

describe("the first places of an order", () => {
  const lengths = [0, 1, 2, 31, 32, 33, 1023, 1024, 20_000];
  const arrays: readonly (readonly [string, (i: number) => number])[] = [["rising", i => i], ["falling", i => -i], ["equal", () => 1], ["mixed", i => ((i * 7919) % 1009) - (i % 7 === 0 ? NaN : 500)]];

  it.each(arrays)("are those of the whole order: %s", (_, value) => {
    for (const length of lengths) {
      const keys = [
        { array: Float64Array.from({ length }, (_value, i) => Math.trunc(value(i) / 8)), descending: true },
        { array: Float32Array.from({ length }, (_value, i) => value(i)), descending: false },
        { array: BigInt64Array.from({ length }, (_value, i) => BigInt(i % 3) - 1n), descending: true },
      ];
      for (const limit of [0, 1, 7, 100, 2000, length]) {
        for (const some of [keys, keys.slice(1), keys.slice(2)]) expect(bytesOf(firstPlaces(some, length, limit)).equals(bytesOf(sortedPlaces(some, length).subarray(0, limit)))).toBe(true);
      }
    }
  });
});

describe("explain", () => {
  const delays = Float64Array.from({ length: 100 }, (_, i) => (i * 37) % 100);

  it("shows top as it is written, and that it is no whole sort", () => {
    const worst = 3;
    const text = js.compute({ delays }).filter(r => r.delays > 5).top(10, r => Math.abs(r.delays - worst), { worst }).explain();
    expect(text).toContain("  .top(10, (r) => Math.abs(r.delays - worst), { worst: 3 })\n");
    expect(text).toContain("\ntop 10 of a stable order by one key: candidates are sorted, all rows only where many are wanted, on the calling thread, as JavaScript\n");
    expect(js.compute(delays).bottom(3).explain()).toContain("  .bottom(3)\n");
  });

  it("shows that take behind an order is the same", () => {
    const text = js.compute({ delays }).orderBy(r => r.delays).thenBy((_, i) => i).take(4).take(3).map(r => r.delays).explain();
    expect(text).toContain("\ntop 4 of a stable order by 2 keys:");
    expect(text.match(/\nslice: /g)).toHaveLength(1);
    expect(js.compute(delays).orderBy(x => x).skip(4).explain()).toMatch(/\nsort: .*\nslice: /);
  });
});

describe("top", () => {
  const rows = { a: Float64Array.of(3, 1, 2), big: BigInt64Array.of(1n, 5n, -5n) };

  it("goes on as a sequence", () => {
    expect(js.compute(rows).top(2, r => r.big).map((r, i) => r.a + i).toArray()).toEqual(Float64Array.of(1, 4));
    expect(js.compute(rows).top(2, r => r.a).sum(r => r.a).value()).toBe(5);
    expect(js.compute(rows.big).bottom(2).toArray()).toEqual(BigInt64Array.of(-5n, 1n));
    expect(js.compute(Uint8Array.of(200, 3, 250)).top(2).toArray()).toEqual(Uint8Array.of(250, 200));
    expect(js.compute(rows).top(0, r => r.a).count().value()).toBe(0);
    expect(js.compute(rows).filter(r => r.a > 1).top(5, (_, i) => i).toColumns()).toEqual({ a: Float64Array.of(2, 3), big: BigInt64Array.of(-5n, 1n) });
  });

  it("has nulls last, either way", () => {
    const query = js.compute({ id: Uint8Array.of(1, 2, 3, 4), x: nullable(Float64Array.of(5, 9, NaN, 7), [true, false, true, true]) });
    const ids = (rows: { readonly id: number }[]): number[] => rows.map(({ id }) => id);
    expect(ids(query.top(4, r => r.x).toRows())).toEqual([4, 1, 3, 2]);
    expect(ids(query.bottom(4, r => r.x).toRows())).toEqual([1, 4, 3, 2]);
    expect(ids(query.orderBy(r => r.x).take(3).toRows())).toEqual([1, 4, 3]);
  });

  it("of other counts compiles nothing anew, and takes other values", () => {
    const query = (count: number, k: number): number[] => [...js.compute(rows).top(count, r => r.a * k, { k }).toColumns().a];
    expect([query(1, 1), query(2, -1)]).toEqual([[3], [1, 2]]);
  });

  it.each<[string, () => unknown, string]>([
    ["of rows without a key", () => js.compute(rows).top(3), "DC305: top() of rows takes a key\nSay by what: .top(3, row => row.a)."],
    ["of a fraction", () => js.compute(rows).bottom(1.5, r => r.a), "DC305: bottom() takes a number of elements, 0, 1, 2 …, not 1.5\nWrite .bottom(10)."],
    ["by what is no function", () => js.compute(rows).top(3, "a" as never), "DC305: top() takes a function, not a string"],
    ["and thenBy", () => js.compute(rows).top(3, r => r.a).thenBy(r => r.a), "DC305: thenBy() orders what an orderBy() before it found equal"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
