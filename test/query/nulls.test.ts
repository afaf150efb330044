/** Columns with nulls, against arrays of objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, createRuntime, fromJSON, nullable, QueryError, type Nullable, type Rows, type Runtime } from "../../src/index.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { whyNoCpu } from "../laws/backends.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const RUNS = process.env["DOTCOMPUTE_LONG"] === undefined ? 100 : 1_000;
const js = createRuntime({ backend: "js" });

interface Row {
  readonly k: number | null;
  readonly v: number | null;
  readonly n: number;
}

/** What lies under a null means nothing: it is never the same. */
const garbage = (at: number): number => (at % 3 === 0 ? NaN : at * 7.5 - 100);

function tableOf(rows: readonly Row[]) {
  const column = (name: "k" | "v") => nullable(Float64Array.from(rows, (row, at) => row[name] ?? garbage(at)), rows.map(row => row[name] !== null));
  const { values, valid } = column("v");
  return { k: column("k"), v: nullable(Int32Array.from(values), valid), n: Float64Array.from(rows, row => row.n) };
}

const anyKey = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom(NaN, -0, 0.5, null, null));
const anyRows = fc.array(fc.record({ k: anyKey, v: fc.option(fc.integer({ min: -5, max: 5 })), n: fc.integer({ min: 0, max: 9 }) }), { maxLength: 40 });

/** Numbers as `Map` tells them apart. */
const plain = <T>(value: T): T => (Object.is(value, -0) ? (0 as T) : value);
const same = (a: unknown, b: unknown): boolean => Object.is(plain(a), plain(b));
const sum = (values: readonly (number | null)[]): number => values.reduce<number>((a, x) => a + (x ?? 0), 0);
const there = (values: readonly (number | null)[]): number[] => values.filter(x => x !== null);
const last = (x: number | null): number => (x === null ? 2 : Number.isNaN(x) ? 1 : 0);
const byKey = (a: Row, b: Row): number => last(a.k) - last(b.k) || (last(a.k) > 0 ? 0 : Object.is(a.k, b.k) ? 0 : a.k === b.k ? (Object.is(a.k, -0) ? -1 : 1) : (a.k as number) - (b.k as number));

function groupsOf<R>(rows: readonly R[], key: (row: R) => unknown): R[][] {
  const groups = new Map<unknown, R[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups.values()];
}

describe("nulls", { timeout: 60_000 }, () => {
  const check = (property: (rows: Row[], query: Rows<ReturnType<typeof tableOf>>) => void): void =>
    fc.assert(fc.property(anyRows, rows => property(rows, js.compute(tableOf(rows)))), { numRuns: RUNS, seed: SEED });

  it("are dealt with inside lambdas", () => {
    check((rows, query) => {
      expect(query.map(r => (r.v ?? 100) * 2).toArray()).toEqual(Float64Array.from(rows, r => (r.v ?? 100) * 2));
      expect(query.map(r => r.k ?? r.v ?? r.n).toArray()).toEqual(Float64Array.from(rows, r => r.k ?? r.v ?? r.n));
      expect(query.map(r => (r.v === null ? -1 : r.v + r.n)).toArray()).toEqual(Float64Array.from(rows, r => (r.v === null ? -1 : r.v + r.n)));
      expect(query.filter(r => r.v !== null && r.v > 0).count().value()).toBe(rows.filter(r => r.v !== null && r.v > 0).length);
      // eslint-disable-next-line eqeqeq
      expect(query.filter(r => r.v == null || !(r.k != null)).count().value()).toBe(rows.filter(r => r.v == null || !(r.k != null)).length);
      expect(query.filter(r => r.v === 3).count().value()).toBe(rows.filter(r => r.v === 3).length);
      expect(query.filter(r => r.v !== r.k).count().value()).toBe(rows.filter(r => r.v !== r.k).length);
      expect(query.map(({ k, v }) => { if (k === null || v === null) return 0; const twice = k * 2; return twice + v; }).toArray()).toEqual(Float64Array.from(rows, ({ k, v }) => (k === null || v === null ? 0 : k * 2 + v)));
      expect(query.map(r => { const { v } = r; let total = r.n; if (v !== null) total += v; return total; }).toArray()).toEqual(Float64Array.from(rows, r => r.n + (r.v ?? 0)));
      expect(query.map(r => or(r.v, 7), { or }).toArray()).toEqual(Float64Array.from(rows, r => r.v ?? 7));
      expect(query.map(r => (r.v === null ? { a: 0, b: true } : { a: r.v / 2, b: false })).toRows()).toEqual(rows.map(r => ({ a: r.v === null ? 0 : r.v / 2, b: Number(r.v === null) })));
      expect(query.reduce((a, r) => (a * 3 + (r.v ?? 1)) % 101, 5).value()).toBe(rows.reduce((a, r) => (a * 3 + (r.v ?? 1)) % 101, 5));
      expect(query.some(r => r.k === null).value()).toBe(rows.some(r => r.k === null));
    });
  });

  it("are handed on, made, left out and filled", () => {
    check((rows, query) => {
      expect(query.toRows()).toEqual(rows);
      expect(query.map(r => ({ ...r, w: r.v, s: r.n > 4 ? r.v : null, t: r.v === null ? null : r.v * r.n })).toRows()).toEqual(rows.map(r => ({ ...r, w: r.v, s: r.n > 4 ? r.v : null, t: r.v === null ? null : r.v * r.n })));
      expect(query.dropNulls("v").map(r => r.v * 2).toArray()).toEqual(Int32Array.from(there(rows.map(r => r.v)), v => v * 2).length === 0 ? new Float64Array() : Float64Array.from(there(rows.map(r => r.v)), v => v * 2));
      expect(query.dropNulls().toRows()).toEqual(rows.filter(r => r.k !== null && r.v !== null));
      expect(query.fillNulls({ k: -7, v: 9 }).toRows()).toEqual(rows.map(r => ({ ...r, k: r.k ?? -7, v: r.v ?? 9 })));
      expect(query.fillNulls({ v: 9 }).filter(r => r.v > 2).map(r => ({ k: r.k, v: r.v })).toRows()).toEqual(rows.map(r => ({ k: r.k, v: r.v ?? 9 })).filter(r => r.v > 2));
    });
  });

  it("are left out of aggregates", () => {
    check((rows, query) => {
      const values = there(rows.map(r => r.v));
      expect(query.sum(r => r.v).value()).toBe(sum(values));
      expect(query.average(r => r.v).value()).toBe(sum(values) / values.length);
      expect([query.min(r => r.v).value(), query.max(r => r.v).value()]).toEqual([Math.min(...values), Math.max(...values)]);
      expect(query.filter(r => r.n > 3).sum(r => r.v ?? r.k).value()).toEqual(query.filter(r => r.n > 3).map(r => ({ x: r.v ?? r.k })).dropNulls("x").sum(r => r.x).value());
      const wanted = groupsOf(rows, r => r.k).map(([first, ...rest]) => {
        const own = [first as Row, ...rest];
        const present = there(own.map(r => r.v));
        return { key: plain((first as Row).k), n: own.length, total: sum(present), least: present.length === 0 ? null : Math.min(...present), mean: sum(present) / present.length, first: own[0]?.v, last: own.at(-1)?.v };
      });
      const grouped = query.groupBy(r => r.k).aggregate({ n: g => g.count(), total: g => g.sum(r => r.v), least: g => g.min(r => r.v), mean: g => g.average(r => r.v), first: g => g.first(r => r.v), last: g => g.last(r => r.v) }).toRows();
      expect(grouped.map(row => ({ ...row, key: plain(row.key) }))).toEqual(wanted);
      expect(query.groupBy(r => ({ k: r.k, even: r.n % 2 === 0 })).aggregate({ n: g => g.count() }).toRows().map(row => row.n)).toEqual(groupsOf(rows, r => `${String(plain(r.k))} ${r.n % 2}`).map(own => own.length));
    });
  });

  it("are the same to distinct, come last in orders, and match nothing", () => {
    check((rows, query) => {
      expect(query.map(r => ({ k: r.k, v: r.v })).distinct().toRows()).toEqual(rows.map(({ k, v }) => ({ k, v })).filter((row, at, all) => all.findIndex(other => same(other.k, row.k) && other.v === row.v) === at));
      expect(query.orderBy(r => r.k).toRows()).toEqual(rows.toSorted(byKey));
      expect(query.orderByDescending(r => r.v).thenBy(r => r.n).toRows()).toEqual(rows.toSorted((a, b) => Number(a.v === null) - Number(b.v === null) || (b.v ?? 0) - (a.v ?? 0) || a.n - b.n));
      expect(query.bottom(3, r => r.v).toRows()).toEqual(rows.toSorted((a, b) => Number(a.v === null) - Number(b.v === null) || (a.v ?? 0) - (b.v ?? 0)).slice(0, 3));
      const other = query.filter(r => r.n > 4);
      const kept = rows.filter(r => r.n > 4);
      const matched = (a: Row, b: Row): boolean => a.k !== null && b.v !== null && same(a.k, b.v);
      expect(query.join(other, r => r.k, s => s.v, (r, s) => ({ n: r.n, k: s.k, v: s.v })).toRows()).toEqual(rows.flatMap(r => kept.filter(s => matched(r, s)).map(s => ({ n: r.n, k: s.k, v: s.v }))));
      expect(query.semiJoin(other, r => ({ a: r.k, b: r.n }), s => ({ a: s.v, b: s.n })).toRows()).toEqual(rows.filter(r => kept.some(s => matched(r, s) && r.n === s.n)));
      expect(query.antiJoin(other, r => r.k, s => s.v).toRows()).toEqual(rows.filter(r => !kept.some(s => matched(r, s))));
      expect(query.concat(other).reverse().toRows()).toEqual([...rows, ...kept].reverse());
      expect(query.zip(other, (a, b) => ({ a: a.v, b: b.v, sum: (a.v ?? 0) + (b.v ?? 0) })).toRows()).toEqual(kept.map((b, at) => ({ a: rows[at]?.v, b: b.v, sum: (rows[at]?.v ?? 0) + (b.v ?? 0) })));
      expect(query.union(query).count().value()).toBe(query.distinct().count().value());
    });
  });
});
const or = (x: number | null, y: number): number => x ?? y;

/** Around the ends of lanes and blocks. */
const LENGTHS = [0, 1, 31, 33, 1025];
const cuda = unavailable === null ? newStandIn() : null;
const BACKENDS: readonly (readonly [string, string | null, () => Runtime])[] = [
  ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })],
  ["cuda", unavailable, () => runtimeOn({ backend: "cuda" }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => (cuda as NonNullable<typeof cuda>).backend() })],
];

it.each(BACKENDS)("on %s as on js", { timeout: 120_000 }, (_, missing, make) => {
  if (missing !== null) return;
  const runtime = make();
  for (const length of LENGTHS) {
    const rows = Array.from({ length }, (_, at) => ({ k: at % 5 === 0 ? null : at % 7, v: at % 3 === 0 ? null : (at * 7) % 11, n: at % 10 }));
    const both = (query: (rows: Rows<ReturnType<typeof tableOf>>) => unknown): void => expect(query(runtime.compute(tableOf(rows)))).toEqual(query(js.compute(tableOf(rows))));
    both(query => query.filter(r => r.v === null || r.v > r.n).map(r => ({ k: r.k, w: r.k ?? r.v })).toRows());
    both(query => query.sum(r => r.v).value());
    both(query => query.fillNulls({ k: -1 }).orderBy(r => r.v).dropNulls("v").map(r => r.k * r.v).toArray());
    both(query => query.groupBy(r => r.k).aggregate({ total: g => g.sum(r => r.v) }).toColumns());
  }
});

describe("columns with nulls", () => {
  it("of plain objects: null or undefined; a column's first value says what it holds", () => {
    const rows = [{ price: null, big: null, ok: true }, { price: 2.5, big: 7n, ok: undefined }, { price: undefined, big: null, ok: false }];
    expect(js.compute(rows).toRows()).toEqual([{ price: null, big: null, ok: 1 }, { price: 2.5, big: 7n, ok: null }, { price: null, big: null, ok: 0 }]);
    expect(js.compute(rows).sum(r => r.big).value()).toBe(7n);
    expect(js.compute([{ x: null }, { x: null }]).toColumns()).toEqual({ x: nullable(new Float64Array(2), [false, false]) });
    expect(js.compute([{ x: null as number | null }]).sum(r => r.x).value()).toBe(0);
  });

  it("are given back as they are handed over", () => {
    const price = nullable(Float32Array.of(1, 2, 3), Uint8Array.of(1, 0, 255));
    const { price: given } = js.compute({ price }).toColumns();
    expect(given).toEqual(nullable(Float32Array.of(1, 0, 3), [true, false, true]));
    expect([given.length, given.at(0), given.at(1), given.at(9)]).toEqual([3, 1, null, null]);
    expect(js.compute({ price: given }).average(r => r.price).value()).toBe(2);
    expect(nullable(new Int8Array(11), Uint8Array.of(0b10000001, 0b101), { bitmap: true }).valid).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1));
  });

  it("cost nothing where they are not: one kernel that reads the column and its validity", () => {
    const query = js.compute({ price: nullable(Float64Array.of(1), [true]), n: Int32Array.of(1) });
    const text = query.dropNulls("price").map(r => r.price * 2).sum().explain();
    expect(text).toContain("compute({ price: Float64Array with nulls, n: Int32Array } × 1)\n  .dropNulls(\"price\")\n");
    expect(text).toMatch(/kernel 1 of 1: dropNulls, map, sum\n {2}reads the columns price, valid price\n/);
    expect(query.fillNulls({ price: 0.5 }).explain()).toContain("  .fillNulls({ price: 0.5 })\n");
    expect(query.map(r => r.n).explain()).toMatch(/reads the column n\n/);
    expect(query.orderBy(r => r.price).explain()).toContain("sort: a stable radix sort by one key");
  });

  it("are stored as JSON: what takes them out, and what leaves them out", () => {
    const table = { price: nullable(Float64Array.of(1, 2, 3), [true, false, true]), id: nullable(BigInt64Array.of(1n, 2n, 3n), [false, true, true]) };
    const again = (query: { toJSON(): unknown }) => fromJSON(JSON.parse(JSON.stringify(query)) as never, table as never) as unknown as { toRows(): unknown; value(): unknown };
    const query = js.compute(table);
    expect(again(query.dropNulls("price").fillNulls({ id: -7n }).map(r => ({ price: r.price * 2, id: r.id }))).toRows()).toEqual([{ price: 2, id: -7n }, { price: 6, id: 3n }]);
    expect(again(query.sum(r => r.price)).value()).toBe(4);
    expect(again(query.filter(r => (r.price ?? 0) > 1).max(r => r.id)).value()).toBe(3n);
  });

  it("of missing rows and of columns meet in one ??", () => {
    const [left, right] = [js.compute({ id: Int32Array.of(1, 2, 3) }), js.compute({ id: Int32Array.of(1, 2), x: nullable(Float64Array.of(5, 6), [true, false]) })];
    expect(left.leftJoin(right, l => l.id, r => r.id, (l, r) => ({ id: l.id, x: r?.x ?? -1, y: r?.x ?? null, here: r !== null, z: r === null ? null : r.x })).toRows()).toEqual([
      { id: 1, x: 5, y: 5, here: 1, z: 5 },
      { id: 2, x: -1, y: null, here: 1, z: null },
      { id: 3, x: -1, y: null, here: 0, z: null },
    ]);
    expect(left.groupJoin(right, l => l.id, r => r.id, { most: g => g.max(r => r.x), sum: g => g.sum(r => r.x), n: g => g.count() }).toRows()).toEqual([
      { id: 1, most: 5, sum: 5, n: 1 },
      { id: 2, most: null, sum: 0, n: 1 },
      { id: 3, most: null, sum: 0, n: 0 },
    ]);
    expect(right.first().value()).toEqual({ id: 1, x: 5 });
    expect(right.last().value()).toEqual({ id: 2, x: null });
    expect(right.as({ x: Float32Array }).toRows()).toEqual([{ id: 1, x: 5 }, { id: 2, x: null }]);
  });

  it("of other values and of 64 bits compile nothing anew", () => {
    const ran: number[] = [];
    const runtime = createRuntime({ backend: "js", onRun: ({ kernels }) => void ran.push(kernels.length) });
    const query = (fill: bigint) => runtime.compute({ id: nullable(BigInt64Array.of(1n, 2n), [true, false]) }).fillNulls({ id: fill });
    expect(query(5n).toColumns()).toEqual({ id: BigInt64Array.of(1n, 5n) });
    expect(query(-(2n ** 63n)).toColumns()).toEqual({ id: BigInt64Array.of(1n, -(2n ** 63n)) });
    expect(query(1n).bound.shape).toBe(query(2n).bound.shape);
    expect(ran).toEqual([1, 1]);
  });

  const loose = compute as unknown as (source: unknown) => Rows<{ price: Float64Array; n: Int32Array }>;
  const table = loose({ price: nullable(Float64Array.of(1, 2), [true, false]), n: Int32Array.of(1, 2) });

  it.each<[string, () => unknown, string]>([
    ["a read without a thought of them", () => table.filter(r => r.price > 2), "DC208: the column price has nulls, and it is read as if it had none\n  (r) => r.price > 2\n           ^^^^^\nSay what null becomes, row.price ?? 0, or deal with nulls before: .dropNulls(\"price\") or .fillNulls({ price: 0 })"],
    ["the column itself as a value", () => table.map(r => r.price), "DC208: the column price has nulls"],
    ["what may be null", () => table.map(r => ((r.price as number | null) ?? null) as unknown as number), "DC208: this may be null, and it is used as if it never were"],
    ["null itself", () => table.filter(r => r.n + (null as unknown as number) > 1), "DC208: null is no value to compute with"],
    ["a reducer", () => table.reduce((a, r) => a + r.price, 0).value(), "DC208: the column price has nulls"],
    ["a sum of more than the column", () => table.sum(r => r.price * r.n), "DC208: the column price has nulls"],
    ["a fact of another path", () => table.map(r => ((r.price as number | null) === null ? r.price * 2 : 1)), "DC208: the column price has nulls"],
    ["?? where no column has nulls", () => loose({ n: Int32Array.of(1) }).map(r => r.n ?? 0), "DC102: `??` is for missing values, and every number is there"],
    ["no such column", () => table.dropNulls("prize" as never), "DC308: there is no column prize\nThe columns are price, n."],
    ["a fraction for integers", () => loose({ n: nullable(Int32Array.of(1), [true]) }).fillNulls({ n: 0.5 } as never), "DC305: fillNulls() is given 0.5 for n, an Int32Array\nGive a whole number from -2147483648 to 2147483647"],
    ["a string", () => table.fillNulls({ price: "1" } as never), "DC305: fillNulls() is given a string for price, a Float64Array"],
    ["no object", () => table.fillNulls(0 as never), "DC305: fillNulls() takes values by column, not 0\nWrite .fillNulls({ price: 0 })."],
    ["a validity of another length", () => nullable(Float64Array.of(1, 2), [true]), "DC308: the validity has 1 elements for 2 values"],
    ["no validity", () => nullable(Float64Array.of(1, 2), 1 as never), "DC301: nullable() takes the validity as a Uint8Array or as booleans, not 1"],
    ["a short bitmap", () => nullable(new Float64Array(9), Uint8Array.of(1), { bitmap: true }), "DC308: the bitmap has 8 bits for 9 values"],
    ["no values", () => nullable([1] as never, [true]), "DC301: nullable() takes the values as a typed array, not an array"],
    ["rows of which one lacks a column", () => loose([{ n: 1, price: 2 }, { n: 1 }]).count().value(), "DC308: row 1 of the source has no price\nEvery row must have the same columns as the first: null stands for a value that is missing."],
    ["columns with and without nulls compared", () => table.union(loose({ price: Float64Array.of(1), n: Int32Array.of(1) })), "DC308: union() compares rows of price (Float64Array), n (Int32Array) with rows of price (Float64Array with nulls), n (Int32Array)"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });

  it("that came later are refused", () => {
    const rows: { x: number | null }[] = [{ x: 1 }, { x: 2 }];
    const query = js.compute(rows);
    rows[1] = { x: null };
    expect(() => query.toColumns()).toThrow(new QueryError("DC308", "the column x of row 1 is null, but no row had a null when compute() was called", "Call compute() again once the rows have changed."));
  });

  it("types", () => {
    const typed: Rows<{ price: Nullable<Float64Array<ArrayBuffer>>; n: Int32Array<ArrayBuffer> }> = compute({ price: nullable(new Float64Array(1), [true]), n: new Int32Array(1) });
    const dropped: Float64Array = typed.dropNulls().toColumns().price;
    expect(dropped.length).toBe(1);
  });
});
