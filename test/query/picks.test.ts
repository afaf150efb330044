/** Terminals that pick one element or row, against arrays of objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batch, createRuntime, fromJSON, range, type LazyValue, type Rows, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const js = createRuntime({ backend: "js" });
const BACKENDS: readonly (readonly [string, string | null, () => Runtime])[] = [
  ["js", null, () => js],
  ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })],
];

/** Named in lambdas, and handed over. */
declare const wanted: number;

interface Row {
  readonly a: number;
  readonly b: number;
}
type Table = { readonly a: Float64Array; readonly b: Int32Array };
const tableOf = (rows: readonly Row[]): Table => ({ a: Float64Array.from(rows, row => row.a), b: Int32Array.from(rows, row => row.b) });

/** The obvious loop. */
function best<T>(items: readonly T[], key: (item: T, i: number) => number, better: (x: number, y: number) => boolean): T | undefined {
  let [found, least] = [items[0], NaN];
  items.forEach((item, i) => {
    const own = key(item, i);
    if (better(own, least) || (Number.isNaN(least) && !Number.isNaN(own))) [found, least] = [item, own];
  });
  return found;
}
const less = (x: number, y: number): boolean => x < y;
const more = (x: number, y: number): boolean => x > y;

/** What may come before a terminal. */
const BEFORE: readonly (readonly [string, (rows: Rows<Table>) => Rows<Table>, (rows: readonly Row[]) => readonly Row[]])[] = [
  ["nothing", r => r, r => r],
  ["a filter", r => r.filter(x => x.b > 0), r => r.filter(x => x.b > 0)],
  ["a map", r => r.map(x => ({ a: x.a + x.b, b: x.b })) as unknown as Rows<Table>, r => r.map(x => ({ a: x.a + x.b, b: x.b }))],
  ["a map with places", r => r.map((x, i) => ({ a: i - x.a, b: x.b })) as unknown as Rows<Table>, r => r.map((x, i) => ({ a: i - x.a, b: x.b }))],
  ["a map with places, filtered", r => r.map((x, i) => ({ a: i - x.a, b: x.b })).filter(x => x.b > -1) as unknown as Rows<Table>, r => r.map((x, i) => ({ a: i - x.a, b: x.b })).filter(x => x.b > -1)],
  ["an order and a slice", r => r.orderBy(x => x.b).skip(2), r => r.toSorted((x, y) => x.b - y.b).slice(2)],
  ["a cut", r => r.filter(x => x.b > 0).filter((_, i) => i % 2 === 0), r => r.filter(x => x.b > 0).filter((_, i) => i % 2 === 0)],
];

function check(query: Rows<Table>, rows: readonly Row[]): void {
  const at = 3;
  expect(query.first().value()).toEqual(rows[0]);
  expect(query.last().value()).toEqual(rows.at(-1));
  expect(query.first(x => x.b === at, { at }).value()).toEqual(rows.find(x => x.b === 3));
  expect(query.find((x, i) => i > 1 && x.b < 2).value()).toEqual(rows.find((x, i) => i > 1 && x.b < 2));
  expect(query.last((x, i) => x.a !== i).value()).toEqual(rows.findLast((x, i) => x.a !== i));
  for (const place of [0, 1, 5, -1, -2, -30]) expect(query.elementAt(place).value()).toEqual(rows.at(place));
  expect(query.minBy(x => x.a).value()).toEqual(best(rows, x => x.a, less));
  expect(query.maxBy((x, i) => x.a * at - i, { at }).value()).toEqual(best(rows, (x, i) => x.a * 3 - i, more));
  expect(query.maxBy(x => x.b > 1).value()).toEqual(best(rows, x => Number(x.b > 1), more));
  const values = query.column("a");
  const list = rows.map(x => x.a);
  expect(values.first(x => x > 1).value()).toBe(list.find(x => x > 1));
  expect(values.find(x => x > 1).value()).toBe(list.find(x => x > 1));
  expect(values.last(x => x > 1).value()).toBe(list.findLast(x => x > 1));
  for (const place of [0, 1, -1, -3]) expect(values.elementAt(place).value()).toBe(list.at(place));
  expect(values.minBy(x => Math.abs(x - 1)).value()).toBe(best(list, x => Math.abs(x - 1), less));
  expect(values.maxBy((x, i) => (i % 3) * x).value()).toBe(best(list, (x, i) => (i % 3) * x, more));
  if (rows.length === 1) expect(query.single().value()).toEqual(rows[0]);
  else expect(() => query.single().value()).toThrow(`DC312: single() needs exactly one element, but there are ${rows.length === 0 ? "no" : rows.length} elements`);
}

describe("one row", () => {
  it("is what arrays of objects pick", { timeout: 120_000 }, () => {
    const anyRow = fc.record({ a: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(NaN, -0, Infinity, -Infinity, 5e-324)), b: fc.integer({ min: -4, max: 4 }) });
    fc.assert(
      fc.property(fc.nat(BEFORE.length - 1), fc.array(anyRow, { maxLength: 12 }), (at, rows) => {
        const [, query, oracle] = BEFORE[at] as (typeof BEFORE)[number];
        check(query(js.compute(tableOf(rows))), oracle(rows));
      }),
      { numRuns: process.env["DOTCOMPUTE_LONG"] === undefined ? 150 : 2_000, seed: SEED },
    );
  });

  it.each(BACKENDS)("of many, on %s", { timeout: 120_000 }, (_, missing, make) => {
    if (missing !== null) return;
    for (const length of [0, 1, 31, 33, 1024, 5000]) {
      const rows = Array.from({ length }, (_row, i): Row => ({ a: i % 7 === 3 ? NaN : ((i * 7919) % 1009) / 8 - 60, b: ((i * 31) % 11) - 5 }));
      for (const [, query, oracle] of BEFORE.slice(4, 5)) check(query(make().compute(tableOf(rows))), oracle(rows));
    }
  });

  it("by keys of every kind", () => {
    const ids = BigInt64Array.of(5n, -(2n ** 63n), 2n ** 62n, -(2n ** 63n));
    expect(js.compute(ids).minBy(x => x).value()).toBe(-(2n ** 63n));
    const negated = js.compute(ids).maxBy(x => -x);
    expect(negated.explain()).toContain(".maxBy(");
    expect(negated.source("cpp")).toContain("extern");
    const both = js.compute(ids).aggregate({ most: q => q.maxBy(x => x * 2n), sum: q => q.sum() });
    expect(both.explain()).toContain("maxBy");
    expect(fromJSON<typeof both>(JSON.stringify(both), ids).value()).toEqual(both.value());
    expect(js.compute({ ids, n: Int8Array.of(1, 2, 3, 4) }).minBy(r => r.ids).value()).toEqual({ ids: -(2n ** 63n), n: 2 });
    expect(js.compute(BigUint64Array.of(1n, 2n ** 64n - 1n)).maxBy(x => x).value()).toBe(2n ** 64n - 1n);
    const f = Float32Array.of(0.1, 0.3, 0.2);
    expect(js.compute({ f }).maxBy(r => r.f * 3).value()).toEqual({ f: f[1] });
    expect(js.compute(f).maxBy(x => x / 3).value()).toBe(f[1]);
    expect(js.compute(Float64Array.of(NaN, NaN)).minBy(x => x).value()).toBe(NaN);
    expect(js.compute({ x: Float64Array.of(NaN, Infinity), n: Int8Array.of(1, 2) }).minBy(r => r.x).value()).toEqual({ x: Infinity, n: 2 });
    expect(js.compute({ x: Float64Array.of(0, -0) }).minBy(r => r.x).value()).toEqual({ x: 0 });
    expect(js.compute(range(10, 0, -2)).minBy(x => x * x).value()).toBe(2);
    expect(js.compute(range(5)).map(x => ({ x, y: x * x })).last(r => r.y < 10).value()).toEqual({ x: 3, y: 9 });
  });

  it("can be awaited", async () => {
    const rows = js.compute(tableOf([{ a: 1, b: 2 }, { a: 3, b: 4 }]));
    expect(await rows.first()).toEqual({ a: 1, b: 2 });
    expect(await rows.maxBy(r => r.a)).toEqual({ a: 3, b: 4 });
    expect(await rows.filter(r => r.a > 1).single().run()).toEqual({ a: 3, b: 4 });
    await expect(rows.single(r => r.a > 5).run()).rejects.toThrow("there are no elements for which the lambda is true\nWhere there may be none, ask for first()");
    await expect(rows.maxBy(r => r.a).run({ signal: AbortSignal.abort(new Error("no more")) })).rejects.toThrow("no more");
  });

  it("can be asked for by a stored query", () => {
    const table = tableOf([{ a: 1, b: 2 }, { a: NaN, b: 3 }, { a: -1, b: 4 }]);
    const [rows, k] = [js.compute(table), -1] as const;
    for (const value of [rows.minBy(r => r.a), rows.maxBy(r => r.b * k, { k }), rows.find(r => r.b > 2), rows.last(), rows.filter(r => r.b > 3).single()]) {
      expect(fromJSON<LazyValue<unknown>>(JSON.stringify(value), table, { runtime: js }).value()).toEqual(value.value());
    }
    expect(() => fromJSON<LazyValue<unknown>>(JSON.stringify(rows.single()), table, { runtime: js }).value()).toThrow("DC312");
  });

  it("is looked for before its columns are read", () => {
    const rows = js.compute(tableOf([]));
    const text = rows.map(r => ({ ...r, c: r.a * 2 })).filter(r => r.c > 3).first().explain();
    expect(text).toMatch(/kernel 1 of 2: map, filter, first\n {2}reads the column a\n {2}stops at the first that matches\n {2}barrier: the place of the first row is found before its columns are read\n/);
    expect(text).toMatch(/keep: the row that was found, views, nothing is copied, on the calling thread\nkernel 2 of 2: map, filter, first\n/);
    expect(rows.first().explain()).toMatch(/keep: the first row, views/);
    expect(rows.map((r, i) => ({ c: r.a + i })).last(r => r.c > 0).explain()).toContain("keep: the rows up to the one that was found");
    expect(rows.minBy(r => r.a).explain()).toMatch(/ {2}\.minBy\(\(?r\)? => r\.a\)\n[^]*kernel 1 of 1: minBy\n[^]*folds with min[^]*\.first\(whose key, by \(?r\)? => r\.a, is the one found\)\n\nkernel 1 of 2: first\n/);
    expect(rows.minBy(r => r.a).source("js")).toContain("kernel 1 of 1: minBy");
    expect(rows.filter(r => r.a > 0).filter((_, i) => i > 2).first(r => r.b > 0).explain()).toContain("reads what kernel 1 stored");
  });

  it.each<[string, () => unknown, string]>([
    ["a fraction of a place", () => js.compute(range(3)).elementAt(0.5), "DC305: elementAt() takes a place, a whole number, not 0.5"],
    ["an endless place", () => js.compute(range(3)).elementAt(Infinity), "DC305: elementAt() takes a place"],
    ["no function", () => js.compute(range(3)).minBy(3 as never), "DC305: minBy() takes a function, not 3"],
    ["an unknown name", () => js.compute(range(3)).maxBy(x => x * unknown), 'DC104: "unknown" is not known'],
    ["an unused capture", () => js.compute(range(3)).minBy(x => x, { unknown }), "DC303: the capture unknown of minBy() is not used"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
const unknown = 3;

describe.each(BACKENDS)("what is behind a barrier is computed once, on %s", (_, why, runtime) => {
  it.skipIf(why !== null)("and read twice", async () => {
    const rows = Array.from({ length: 40 }, (_none, i) => ({ a: ((i * 7) % 13) + i / 8, b: (i * 5) % 11, name: i % 3 === 0 ? null : `n${i % 4}` }));
    let seen = 0;
    const query = runtime().compute(rows).tap(() => (seen += 1)).filter(r => r.a > 2);
    const kept = rows.filter(r => r.a > 2);
    const once = async <T>(value: LazyValue<T>): Promise<T> => {
      const before = seen;
      const now = value.value();
      expect(await value.run()).toEqual(now);
      expect(seen - before).toBe(2 * rows.length);
      return now;
    };
    const mean = kept.reduce((sum, r) => sum + r.a, 0) / kept.length;
    const variance = kept.reduce((sum, r) => sum + (r.a - mean) ** 2, 0) / kept.length;
    expect(await once(query.minBy(r => r.b))).toEqual(kept.toSorted((x, y) => x.b - y.b)[0]);
    expect(await once(query.maxBy(r => r.name ?? ""))).toEqual(kept.find(r => r.name === "n3"));
    expect(await once(query.single(r => r.a === wanted, { wanted: kept[5]!.a }))).toEqual(kept[5]);
    expect(await once(query.variance(r => r.a))).toBeCloseTo(variance, 10);
    expect(await once(query.map((r, i) => r.a * i).standardDeviation())).toBe(runtime().compute(Float64Array.from(kept, (r, i) => r.a * i)).standardDeviation().value());
    expect(await once(query.orderBy(r => r.b).minBy(r => -r.b))).toEqual(kept.toSorted((x, y) => y.b - x.b)[0]);
    const several = await once(query.aggregate({ v: q => q.variance(r => r.a), least: q => q.minBy(r => r.b), n: q => q.filter(r => r.name === "n1").count(), m: q => q.median(r => r.b) }));
    expect(several).toEqual({ v: query.variance(r => r.a).value(), least: query.minBy(r => r.b).value(), n: kept.filter(r => r.name === "n1").length, m: query.median(r => r.b).value() });
    const values = query.map(r => r.a);
    expect(await once(batch([values.variance(), values.filter(x => x < 9).sum()]))).toEqual([values.variance().value(), values.filter(x => x < 9).sum().value()]);
    const explained = query.minBy(r => r.b).explain();
    expect(explained).toContain("all up to tap is computed once, and the queries behind it read what it gives");
    expect(explained.match(/tap: calls/g)).toHaveLength(1);
    expect(query.aggregate({ v: q => q.variance(r => r.a), n: q => q.count() }).explain().match(/tap: calls/g)).toHaveLength(1);
    expect(runtime().compute(rows).orderBy(r => r.a).single(r => r.a === 0).explain()).not.toContain("computed once");
  });
});
