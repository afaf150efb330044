/** Verbs that move rows: orders, slices, distinct values and groups, in any combination, against arrays of objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newArray } from "../../fusion/values.js";
import { ELEMENT_TYPES, ELEMENTS, type ElementType } from "../../fusion/types.js";
import { compute, createRuntime, QueryError, range, type Rows, type Runtime } from "../../src/index.js";
import { sortedPlaces } from "../../src/table/sort.js";
import { whyNoCpu } from "../laws/backends.js";
import { isBig } from "./support.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const RUNS = process.env["DOTCOMPUTE_LONG"] === undefined ? 400 : 5_000;

interface Row {
  readonly a: number;
  readonly b: number;
  readonly k: number;
}
type Table = { readonly a: Float64Array; readonly b: Int32Array; readonly k: Uint8Array };

const js = createRuntime({ backend: "js" });

/** NaN last, -0 before 0. */
const ascending = (x: number, y: number): number => (Number.isNaN(x) ? (Number.isNaN(y) ? 0 : 1) : Number.isNaN(y) ? -1 : x < y ? -1 : x > y ? 1 : Object.is(x, y) ? 0 : Object.is(x, -0) ? -1 : 1);
const descending = (x: number, y: number): number => (Number.isNaN(x) || Number.isNaN(y) ? ascending(x, y) : -ascending(x, y));

const distinctRows = (rows: readonly Row[]): Row[] => {
  const seen: Row[] = [];
  const same = (x: number, y: number): boolean => x === y || (Number.isNaN(x) && Number.isNaN(y));
  for (const row of rows) if (!seen.some(other => same(other.a, row.a) && same(other.b, row.b) && same(other.k, row.k))) seen.push(row);
  return seen;
};

/** Where the first is; the length if there is none. */
const firstOf = (rows: readonly Row[], test: (row: Row, i: number) => boolean): number => {
  const found = rows.findIndex(test);
  return found < 0 ? rows.length : found;
};

interface Verb {
  readonly name: string;
  readonly query: (rows: Rows<Table>) => Rows<Table>;
  readonly oracle: (rows: readonly Row[]) => Row[];
}

const VERBS: readonly Verb[] = [
  { name: "filter", query: r => r.filter(x => x.a > 0), oracle: r => r.filter(x => x.a > 0) },
  { name: "filter by place", query: r => r.filter((_, i) => i % 3 !== 1), oracle: r => r.filter((_, i) => i % 3 !== 1) },
  { name: "map", query: r => r.map(x => ({ a: x.a + x.b, b: x.b, k: x.k })) as unknown as Rows<Table>, oracle: r => r.map(x => ({ a: x.a + x.b, b: x.b, k: x.k })) },
  { name: "map with place", query: r => r.map((x, i) => ({ ...x, a: i - x.k })) as unknown as Rows<Table>, oracle: r => r.map((x, i) => ({ ...x, a: i - x.k })) },
  { name: "orderBy", query: r => r.orderBy(x => x.a), oracle: r => r.toSorted((x, y) => ascending(x.a, y.a)) },
  { name: "orderByDescending", query: r => r.orderByDescending(x => x.b), oracle: r => r.toSorted((x, y) => descending(x.b, y.b)) },
  { name: "orderBy thenByDescending", query: r => r.orderBy(x => x.k).thenByDescending(x => x.a), oracle: r => r.toSorted((x, y) => x.k - y.k || descending(x.a, y.a)) },
  { name: "orderByDescending thenBy thenBy", query: r => r.orderByDescending(x => x.k > 1).thenBy(x => x.b).thenBy(x => -x.a), oracle: r => r.toSorted((x, y) => Number(y.k > 1) - Number(x.k > 1) || x.b - y.b || ascending(-x.a, -y.a)) },
  { name: "take", query: r => r.take(7), oracle: r => r.slice(0, 7) },
  { name: "skip", query: r => r.skip(3), oracle: r => r.slice(3) },
  { name: "slice", query: r => r.slice(-9, -2), oracle: r => r.slice(-9, -2) },
  { name: "slice beyond", query: r => r.slice(2, 1000), oracle: r => r.slice(2, 1000) },
  { name: "takeWhile", query: r => r.takeWhile(x => x.b < 3), oracle: r => r.slice(0, firstOf(r, x => !(x.b < 3))) },
  { name: "takeWhile by place", query: r => r.takeWhile((x, i) => i < 9 || x.a > 0), oracle: r => r.slice(0, firstOf(r, (x, i) => !(i < 9 || x.a > 0))) },
  { name: "skipWhile", query: r => r.skipWhile(x => x.a < 2), oracle: r => r.slice(firstOf(r, x => !(x.a < 2))) },
  { name: "skipWhile by place", query: r => r.skipWhile((_, i) => i < 3), oracle: r => r.slice(firstOf(r, (_, i) => !(i < 3))) },
  { name: "tap", query: r => r.tap(() => undefined), oracle: r => [...r] },
  { name: "flatMap", query: r => r.flatMap(x => [{ ...x, b: -x.b }, { ...x }]) as unknown as Rows<Table>, oracle: r => r.flatMap(x => [{ ...x, b: -x.b }, { ...x }]) },
  { name: "reverse", query: r => r.reverse(), oracle: r => r.toReversed() },
  { name: "distinct", query: r => r.distinct(), oracle: distinctRows },
  {
    name: "groupBy",
    query: r => r.groupBy(x => x.k).aggregate({ b: g => g.count(), a: g => g.max(x => x.b) }).map(x => ({ a: x.a, b: x.b, k: x.key })) as unknown as Rows<Table>,
    oracle: r => [...groupsOf(r, x => x.k)].map(([k, group]) => ({ a: Math.max(...group.map(x => x.b)), b: group.length, k })),
  },
];

const tableOf = (rows: readonly Row[]): Table => ({ a: Float64Array.from(rows, x => x.a), b: Int32Array.from(rows, x => x.b), k: Uint8Array.from(rows, x => x.k) });
const columnsOf = (rows: readonly Row[]) => ({ a: rows.map(x => x.a), b: rows.map(x => x.b), k: rows.map(x => x.k) });
const listed = (columns: Record<string, ArrayLike<number>>) => ({ a: Array.from(columns["a"] ?? []), b: Array.from(columns["b"] ?? []), k: Array.from(columns["k"] ?? []) });

const anyRow = fc.record({
  a: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) }, { weight: 1, arbitrary: fc.constantFrom(NaN, -0, Infinity, -Infinity, 5e-324, 0.5) }),
  b: fc.integer({ min: -4, max: 4 }),
  k: fc.integer({ min: 0, max: 3 }),
});

function groupsOf<K, V>(items: readonly V[], key: (item: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

describe("chains of verbs", () => {
  it("give what arrays of objects give", { timeout: 600_000 }, () => {
    const chains = fc.array(fc.nat(VERBS.length - 1), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(chains, fc.array(anyRow, { maxLength: 40 }), (chain, rows) => {
        const verbs = chain.map(at => VERBS[at] as Verb);
        const expected = verbs.reduce<readonly Row[]>((list, verb) => verb.oracle(list), rows);
        const query = verbs.reduce((list, verb) => verb.query(list), js.compute(tableOf(rows)) as Rows<Table>);
        expect(listed(query.toColumns()), verbs.map(({ name }) => name).join(", ")).toEqual(columnsOf(expected));
        expect(query.count().value()).toBe(expected.length);
        expect(query.sum(x => x.b * 2).value()).toBe(expected.reduce((sum, x) => sum + x.b * 2, 0));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  const backends: readonly (readonly [string, string | null, () => Runtime])[] = [["js", null, () => js], ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })]];
  it.each(backends)("over many rows, on %s", { timeout: 120_000 }, (_, missing, make) => {
    if (missing !== null) return;
    const rows = Array.from({ length: 5000 }, (_row, i): Row => ({ a: ((i * 7919) % 1009) / 8 - 60, b: ((i * 31) % 211) - 100, k: (i * 13) % 17 }));
    const query = make().compute(tableOf(rows)).filter(x => x.a > -50).orderBy(x => x.k).thenByDescending(x => x.a).skip(10).map((x, i) => ({ a: x.a * 2, b: x.b, k: x.k, i })).take(4000);
    const expected = rows.filter(x => x.a > -50).toSorted((x, y) => x.k - y.k || descending(x.a, y.a)).slice(10).map((x, i) => ({ a: x.a * 2, b: x.b, k: x.k, i })).slice(0, 4000);
    expect(query.toRows()).toEqual(expected);
  });
});

describe("orders", () => {
  const SPECIAL = [NaN, Infinity, -Infinity, -0, 0, 5e-324, -5e-324, 1, -1, 1e308, -1e308, 0.1, -0.1, 2 ** 31, -(2 ** 31), 255, -128];
  const valuesOf = (element: ElementType): (number | bigint)[] => SPECIAL.concat(SPECIAL).map(x => (isBig(element) ? BigInt(Math.trunc(Number.isFinite(x) ? Math.min(Math.max(x, -(2 ** 62)), 2 ** 62) : 7)) << 1n : x));

  it.each(ELEMENT_TYPES.map(element => ({ element, name: ELEMENTS[element].array })))("$name as sort() does, stably", ({ element }) => {
    const array = newArray(element, valuesOf(element).length);
    valuesOf(element).forEach((value, at) => ((array as Float64Array)[at] = value as number));
    const sorted = (array.slice() as Float64Array).sort();
    const query = (js.compute as unknown as (source: unknown) => { orderBy(f: (x: number) => number): { toArray(): unknown } })(array);
    expect(query.orderBy(x => x).toArray()).toEqual(sorted);
    const places = sortedPlaces([{ array, descending: true }], array.length);
    const values = Array.from(places, place => array[place]);
    const numbers = values.filter(value => !Number.isNaN(value));
    expect(values.slice(numbers.length).every(value => Number.isNaN(value))).toBe(true);
    expect(numbers).toEqual([...(sorted as unknown as number[])].filter(value => !Number.isNaN(value)).reverse());
    // Equal keys stay in their order.
    for (let at = 1; at < places.length; at += 1) if (Object.is(values[at], values[at - 1])) expect(places[at]).toBeGreaterThan(places[at - 1] as number);
  });

  it("thenBy needs an order", () => {
    expect(() => js.compute(tableOf([])).thenBy(x => x.a)).toThrow(QueryError);
    expect(() => js.compute(tableOf([])).orderBy(x => x.a).take(3).thenBy(x => x.a)).toThrow("DC305: thenBy() orders what an orderBy() before it found equal, and there is none");
  });

  it("take captures", () => {
    const pivot = 2;
    expect(js.compute(Float64Array.of(1, 5, 3, 2)).orderBy(x => Math.abs(x - pivot), { pivot }).toArray()).toEqual(Float64Array.of(2, 1, 3, 5));
  });
});

describe("groups", () => {
  const n = 5000;
  const sales = { price: Float64Array.from({ length: n }, (_, i) => ((i * 7919) % 1009) / 7), store: Int16Array.from({ length: n }, (_, i) => ((i * i) % 41) - 20), id: BigInt64Array.from({ length: n }, (_, i) => BigInt(i)) };

  it("are in the order of their first elements, and each comes to what it would alone", () => {
    const rows = js.compute(sales).groupBy(r => r.store).aggregate({ n: g => g.count(), total: g => g.sum(r => r.price / 3), mean: g => g.average(r => r.price), low: g => g.min(r => r.price), last: g => g.last(r => r.id), ids: g => g.sum(r => r.id) }).toRows();
    expect(rows.map(row => row.key)).toEqual([...new Set(sales.store)]);
    for (const { key, n: count, total, mean, low, last, ids } of rows) {
      const prices = sales.price.filter((_, i) => sales.store[i] === key);
      const alone = sales.id.filter((_, i) => sales.store[i] === key);
      expect([count, total, mean, low, last, ids]).toEqual([prices.length, js.compute(prices.map(x => x / 3)).sum().value(), js.compute(prices).average().value(), Math.min(...prices), alone.at(-1), alone.reduce((a, x) => a + x, 0n)]);
    }
  });

  it("by several keys, of single values, and of nothing", () => {
    expect(js.compute(sales).groupBy(r => ({ odd: r.store % 2 !== 0, low: r.price < 70 })).aggregate({ n: g => g.count() }).toRows()).toEqual(
      [...groupsOf(Array.from(sales.store, (store, i) => ({ odd: Number(store % 2 !== 0), low: Number((sales.price[i] as number) < 70) })), row => `${row.odd} ${row.low}`).values()].map(group => ({ ...group[0], n: group.length })),
    );
    expect(js.compute(Float64Array.of(1.5, 2.5, 1.25, NaN, NaN, -0, 0)).countBy(x => Math.floor(x)).toColumns()).toEqual({ key: Float64Array.of(1, 2, NaN, -0), count: Uint32Array.of(2, 1, 2, 2) });
    expect(js.compute(sales).filter(r => r.price < 0).groupBy(r => r.store).aggregate({ n: g => g.count(), total: g => g.sum(r => r.price) }).toRows()).toEqual([]);
  });

  it("know places behind a filter, in a key and in aggregates that read other columns", () => {
    const of = (...values: number[]): Float64Array => Float64Array.from(values);
    const table = js.compute({ a: of(1, 2, 3), b: of(3, 1, 2), c: of(1, 1, 2) });
    const m = 1;
    expect(table.filter(r => r.a > 0).groupBy(r => r.a > r.b).aggregate({ s: g => g.min((r, i) => r.c + i) }).toRows()).toEqual([{ key: 0, s: 1 }, { key: 1, s: 2 }]);
    expect(table.filter(() => m > 0, { m }).groupBy(r => !(r.a > m), { m }).aggregate({ a: g => g.sum((_, i) => i) }).toRows()).toEqual([{ key: 1, a: 0 }, { key: 0, a: 3 }]);
    expect(table.filter(r => r.a > 1).orderBy(r => r.c).thenByDescending((_, i) => i).toRows()).toEqual([{ a: 2, b: 1, c: 1 }, { a: 3, b: 2, c: 2 }]);
  });

  it("see the captures of their own lambda alone, whatever they are called", () => {
    const toString = 1;
    const values = js.compute({ a: Float64Array.of(1, 2), b: Float64Array.of(5, 5) });
    expect(values.groupBy(r => r.b).aggregate({ s: g => g.sum(r => r.a + toString, { toString }) }).toRows()).toEqual([{ key: 5, s: 5 }]);
    expect(() => values.groupBy(r => r.b).aggregate({ s: g => g.sum(r => r.a * k1, { k1 }), t: g => g.sum(r => r.a * k1) })).toThrow('DC104: "k1" is not known inside this lambda');
    expect(() => values.groupBy(r => r.b).aggregate({ s: g => g.sum(r => r.a, { k1 }) })).toThrow("DC303: the capture k1 of sum() is not used by its lambda");
  });

  it("take captures, in the key and in each aggregate", () => {
    const width = 10;
    const rate = 0.5;
    const rows = js.compute(sales).groupBy(r => Math.floor(r.price / width), { width }).aggregate({ total: g => g.sum(r => r.store * rate, { rate }), n: g => g.count() }).toRows();
    expect(rows.reduce((sum, row) => sum + row.total, 0)).toBe(sales.store.reduce((sum, x) => sum + x * rate, 0));
    expect(rows.reduce((sum, row) => sum + row.n, 0)).toBe(n);
  });

  it.each<[string, () => unknown, string]>([
    ["without functions", () => js.compute(sales).groupBy(r => r.store).aggregate({}), "DC305: aggregate() takes functions of a group by name"],
    ["with a number", () => js.compute(sales).groupBy(r => r.store).aggregate({ n: 3 as never }), "DC305: aggregate() takes a function"],
    ["with what is no aggregate", () => js.compute(sales).groupBy(r => r.store).aggregate({ n: (() => 3) as never }), "DC305: the aggregate n gives 3"],
    ["with a sum of rows", () => js.compute(sales).groupBy(r => r.store).aggregate({ n: g => g.sum() }), "DC305: sum() of a group of rows takes a function"],
    ["with the key's name", () => js.compute(sales).groupBy(r => r.store).aggregate({ key: g => g.count() }), "DC308: two columns of the groups are called key"],
    ["with an average of BigInts", () => js.compute(sales).groupBy(r => r.store).aggregate({ m: g => g.average(r => r.id as unknown as number) }), "DC306: BigInts have no average"],
    ["with one name for two values", () => js.compute(sales).groupBy(r => r.store).aggregate({ a: g => g.sum(r => r.price * k1, { k1: 1 }), b: g => g.sum(r => r.price * k1, { k1: 2 }) }), "DC302: two functions of the groups are handed different values under the name k1"],
  ])("%s are refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
const k1 = 1;

describe("slices", () => {
  const array = Float64Array.from({ length: 20 }, (_, i) => i * i);

  it("are those of arrays, whatever comes before", () => {
    for (const [start, end] of [[0, 5], [5, 100], [-3, Infinity], [-5, -2], [7, 3], [30, 40], [-100, 2]] as const) {
      const to = end === Infinity ? undefined : end;
      expect(compute(array).slice(start, end).toArray()).toEqual(array.slice(start, to));
      expect(compute(array).filter(x => x % 2 === 0).slice(start, end).toArray()).toEqual(array.filter(x => x % 2 === 0).slice(start, to));
      expect(compute(array).map((x, i) => x - i).slice(start, end).map((x, i) => x * i).toArray()).toEqual(array.map((x, i) => x - i).slice(start, to).map((x, i) => x * i));
      expect(compute(array).slice(start, end).sum().value()).toBe(array.slice(start, to).reduce((a, x) => a + x, 0));
    }
  });

  it("are shown as they were called", () => {
    expect(compute(array).filter(x => x > 1).take(3).skip(1).slice(-2, 5).explain()).toMatch(/\.take\(3\)\n {2}\.skip\(1\)\n {2}\.slice\(-2, 5\)\n/);
  });

  it("of a range that no memory could hold are short", () => {
    expect(compute(range(2 ** 40)).map(x => x * 2).take(3).toArray()).toEqual(Float64Array.of(0, 2, 4));
    expect(compute(range(10)).skip(7).toArray()).toEqual(Float64Array.of(7, 8, 9));
  });

  it("change no source, though results go into it", () => {
    const copy = array.slice();
    expect(compute(copy).skip(5).map(x => x + 1).toArray({ into: copy })).toEqual(array.slice(5).map(x => x + 1));
    expect(Array.from(copy.subarray(0, 15))).toEqual(Array.from(array.slice(5), x => x + 1));
  });

  it("of a view are the view's", () => {
    expect(compute(array.subarray(4, 10)).skip(2).take(3).toArray()).toEqual(array.slice(6, 9));
    expect(compute(array.subarray(4, 10)).orderByDescending(x => x).toArray()).toEqual(array.slice(4, 10).reverse());
  });

  it.each<[string, () => unknown]>([
    ["take(-1)", () => compute(array).take(-1)],
    ["take(1.5)", () => compute(array).take(1.5)],
    ["skip of a text", () => compute(array).skip("2" as never)],
    ["slice(NaN)", () => compute(array).slice(NaN)],
  ])("%s is refused", (_, work) => {
    expect(work).toThrow("DC305");
  });
});
