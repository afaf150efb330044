/** Verbs that bring two queries together: concat, zip and joins, against arrays of objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, type Query, type Rows } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { anyRows, js, type Row, same, tableOf } from "./join-cases.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);

const listed = (columns: Record<string, ArrayLike<number>>) => Object.fromEntries(Object.entries(columns).map(([name, array]) => [name, Array.from(array)]));
const columns = (rows: readonly Record<string, number>[], names: readonly string[]) => Object.fromEntries(names.map(name => [name, rows.map(row => row[name])]));

describe("two queries", () => {
  it("come together as their rows do", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(anyRows, anyRows, (left, right) => {
        const [l, r] = [js.compute(tableOf(left)), js.compute(tableOf(right))];
        const filtered = right.filter(row => row.v > -3);
        const kept = r.filter(row => row.v > -3);
        expect(listed(l.join(r, a => a.k, b => b.k, (a, b) => ({ k: a.k, left: a.v, right: b.v })).toColumns())).toEqual(
          columns(left.flatMap(a => right.filter(b => same(a.k, b.k)).map(b => ({ k: a.k, left: a.v, right: b.v }))), ["k", "left", "right"]),
        );
        expect(Array.from(l.filter(a => a.v > 0).join(kept, a => ({ x: a.k, y: a.v % 2 }), b => ({ x: b.k, y: b.v % 2 }), (a, b, i) => a.v * b.v + i).toArray())).toEqual(
          left.filter(a => a.v > 0).flatMap(a => filtered.filter(b => same(a.k, b.k) && same(a.v % 2, b.v % 2)).map(b => a.v * b.v)).map((x, i) => x + i),
        );
        const known = (k: number): boolean => filtered.some(b => same(b.v, k));
        expect(listed(l.semiJoin(kept, a => a.k, b => b.v).toColumns())).toEqual(columns(left.filter(a => known(a.k)), ["k", "v"]));
        expect(listed(l.antiJoin(kept, a => a.k, b => b.v).toColumns())).toEqual(columns(left.filter(a => !known(a.k)), ["k", "v"]));
        expect(listed(l.concat(kept).filter((_, i) => i % 2 === 0).toColumns())).toEqual(columns([...left, ...filtered].filter((_, i) => i % 2 === 0), ["k", "v"]));
        expect(Array.from(l.zip(kept, (a, b, i) => a.v - b.v + i).toArray())).toEqual(left.slice(0, Math.min(left.length, filtered.length)).map((a, i) => a.v - (filtered[i] as Row).v + i));
        expect(l.zip(kept, (a, b) => ({ ...a, other: b.k })).orderBy(row => row.other).count().value()).toBe(Math.min(left.length, filtered.length));
      }),
      { numRuns: process.env["DOTCOMPUTE_LONG"] === undefined ? 200 : 2_000, seed: SEED },
    );
  });

  const [few, more] = [Float64Array.of(1, 2, 3), Int32Array.of(10, 20)];

  it("of single values, of rows and both", () => {
    expect(js.compute(few).zip(js.compute(more), (x, y) => x + y).toArray()).toEqual(Float64Array.of(11, 22));
    expect(js.compute(few).zip(js.compute({ more }), (x, r, i) => ({ x, i, twice: r.more * 2 })).toRows()).toEqual([{ x: 1, i: 0, twice: 20 }, { x: 2, i: 1, twice: 40 }]);
    expect(js.compute(few).join(js.compute({ id: Int8Array.of(3, 1), name: Uint16Array.of(300, 100) }), x => x, r => r.id, (x, { name }) => ({ x, name })).toColumns()).toEqual({ x: Float64Array.of(1, 3), name: Uint16Array.of(100, 300) });
    expect(js.compute(few).concat(js.compute(few).map(x => x * scale, { scale })).sum().value()).toBe(18);
    expect(js.compute(few).semiJoin(js.compute(more), x => x * 10, y => y).toArray()).toEqual(Float64Array.of(1, 2));
  });

  it("with captures, which the other query has its own of", () => {
    const k = 2;
    const other = js.compute(few).map(x => x * k, { k: 10 });
    expect(js.compute(few).zip(other, (x, y) => x * k + y, { k }).toArray()).toEqual(Float64Array.of(12, 24, 36));
    expect(js.compute(few).zip(other, (x, y) => x * k + y, { k: 3 }).toArray()).toEqual(Float64Array.of(13, 26, 39));
  });

  it("with itself, again and again", () => {
    const rows = js.compute({ x: few });
    const squares = rows.join(rows, a => a.x, b => b.x, (a, b) => ({ x: a.x * b.x }));
    expect(squares.zip(squares, (a, b) => a.x + b.x).toArray()).toEqual(Float64Array.of(2, 8, 18));
  });

  it("put fields of the same name together, in whatever order they are written", () => {
    const [l, r] = [js.compute({ a: Float64Array.of(1, 2, 2), b: Float64Array.of(2, 1, 2) }), js.compute({ c: Int8Array.of(2, 1, 1), d: Int8Array.of(1, 1, 2) })];
    const wanted = [{ a: 1, d: 2 }, { a: 2, d: 1 }];
    expect(l.join(r, x => ({ p: x.a, q: x.b }), y => ({ q: y.d, p: y.c }), (x, y) => ({ a: x.a, d: y.d })).toRows()).toEqual([{ a: 1, d: 2 }, { a: 2, d: 1 }]);
    expect(l.semiJoin(r, x => ({ q: x.b, p: x.a }), y => ({ p: y.c, q: y.d })).toRows()).toEqual([{ a: 1, b: 2 }, { a: 2, b: 1 }]);
    expect(l.antiJoin(r, x => ({ q: x.b, p: x.a }), y => ({ p: y.c, q: y.d })).toRows()).toEqual([{ a: 2, b: 2 }]);
    expect([...l.groupJoin(r, x => ({ q: x.b, p: x.a }), y => ({ p: y.c, q: y.d }), { n: g => g.count() }).toColumns().n]).toEqual([1, 1, 0]);
    expect(l.leftJoin(r, x => ({ q: x.b, p: x.a }), y => ({ p: y.c, q: y.d }), (x, y) => ({ a: x.a, d: y?.d ?? 0 })).toRows()).toEqual([...wanted, { a: 2, d: 0 }]);
  });

  it("tell keys of several types apart as Map does", () => {
    const [signed, unsigned] = [BigInt64Array.of(-1n, 5n, 2n ** 63n - 1n), BigUint64Array.of(2n ** 64n - 1n, 5n, 2n ** 63n - 1n)];
    expect(js.compute(signed).join(js.compute(unsigned), x => x, y => y, x => x).toArray()).toEqual(BigInt64Array.of(5n, 2n ** 63n - 1n));
    expect(js.compute(Float32Array.of(0.1, -0, NaN, 3)).semiJoin(js.compute(Float64Array.of(0.1, 0, NaN, 3)), x => x, y => y).toArray()).toEqual(Float32Array.of(-0, NaN, 3));
    expect(js.compute(Uint32Array.of(2 ** 32 - 1, 7)).semiJoin(js.compute(Int32Array.of(-1, 7)), x => x, y => y).toArray()).toEqual(Uint32Array.of(7));
  });

  it("of many rows with few keys, and of one key with many rows", () => {
    const [n, m] = [3000, 40];
    const keys = { k: Uint32Array.from({ length: n }, (_, i) => (i % 10 === 0 ? i : 3)), v: Uint32Array.from({ length: n }, (_, i) => i) };
    const few = { k: Uint32Array.from({ length: m }, (_, i) => (i % 2 === 0 ? 3 : i * 10)), w: Uint32Array.from({ length: m }, (_, i) => i) };
    const rows = js.compute(keys).join(js.compute(few), a => a.k, b => b.k, (a, b) => ({ v: a.v, w: b.w })).toRows();
    const wanted = Array.from(keys.v).flatMap(v => Array.from(few.w).filter(w => few.k[w] === keys.k[v]).map(w => ({ v, w })));
    expect(rows).toEqual(wanted);
    expect(rows.length).toBeGreaterThan(50_000);
  });

  it("of queries that are joins and groups themselves", () => {
    const sales = js.compute({ store: Uint8Array.of(1, 2, 1, 3), price: Float64Array.of(10, 20, 30, 40) });
    const stores = js.compute({ id: Uint8Array.of(1, 2, 3), town: Uint8Array.of(7, 8, 7) });
    const byTown = sales.join(stores, s => s.store, t => t.id, (s, t) => ({ town: t.town, price: s.price })).groupBy(r => r.town).aggregate({ total: g => g.sum(r => r.price) });
    const wanted = [{ id: 1, total: 80 }, { id: 2, total: 20 }, { id: 3, total: 80 }];
    expect(stores.join(byTown, s => s.town, t => t.key, (s, t) => ({ id: s.id, total: t.total })).toRows()).toEqual(wanted);
    expect(stores.leftJoin(byTown.filter(t => t.total > 50), s => s.town, t => t.key, (s, t) => ({ id: s.id, total: t?.total ?? -1 })).toRows()).toEqual([wanted[0], { id: 2, total: -1 }, wanted[2]]);
    const [top] = byTown.join(byTown, a => a.key, b => b.key, (a, b) => ({ both: a.total + b.total })).top(1, r => r.both).toRows();
    expect(top).toEqual({ both: 160 });
  });

  it.skipIf(whyNoCpu !== null)("on cpu", { timeout: 60_000 }, async () => {
    const cpu = createRuntime({ backend: "cpu" });
    const ids = Uint16Array.from({ length: 3000 }, (_, i) => (i * 7) % 500);
    const values = Float32Array.from({ length: 500 }, (_, i) => i / 3);
    const joined = cpu.compute({ id: ids }).join(cpu.compute(values).map((x, i) => ({ id: i, x })), a => a.id, b => b.id, (a, b) => ({ id: a.id, third: b.x }));
    const wanted = { id: ids, third: Float32Array.from(ids, id => values[id] as number) };
    expect(joined.toColumns()).toEqual(wanted);
    expect(await joined.toColumnsAsync()).toEqual(wanted);
    expect(cpu.compute(ids).zip(cpu.compute(values), (x, y) => x * y).toArray()).toEqual(Float64Array.from(values, (y, i) => y * (ids[i] as number)));
  });

  it("are explained, with the kernels of both", () => {
    const text = js.compute(few).join(js.compute({ more }).filter(r => r.more > 3), x => x, r => r.more, (x, r) => ({ x, more: r.more })).explain();
    expect(text).toContain("  .join(compute({ more: Int32Array } × 2)…, (x) => x, …, (x, r) => ({ x, more: r.more }))");
    expect(text).toMatch(/join: runs the other query, then a hash table of its keys, on the calling thread, as JavaScript\n {2}\| compute\(\{ more: Int32Array \} × 2\)\n {2}\| {3}\.filter/);
    expect(text).toMatch(/kernel 2 of 2: join, toColumns\n {2}reads what kernel 1 stored\n {2}stores the columns x as it is, more as it is\n/);
  });

  it.each<[string, () => unknown, string]>([
    ["an array", () => js.compute(few).concat(few as unknown as Query<Float64Array>), "DC305: concat() takes another query, not a Float64Array\nStart one: .concat(compute(other))."],
    ["another type", () => js.compute(few).concat(js.compute(more) as unknown as Query<Float64Array>), "DC308: concat() puts a sequence for an Int32Array behind a sequence for a Float64Array"],
    ["other columns", () => js.compute({ few }).concat(js.compute({ more }) as unknown as Rows<{ few: Float64Array<ArrayBuffer> }>), "DC308: concat() puts rows of more (Int32Array) behind rows of few (Float64Array)"],
    ["keys of other fields", () => js.compute(few).join(js.compute(more), x => ({ a: x, b: x }), y => y, x => x).toArray(), "DC305: the keys of a join have 2 values on the left and 1 on the right"],
    ["keys with other fields", () => js.compute(few).join(js.compute(more), x => ({ a: x, b: x }), y => ({ a: y, c: y }), x => x).toArray(), "DC305: the key of a join has the fields a, b on the left and a, c on the right"],
    ["a number and a BigInt as keys", () => js.compute(few).join(js.compute(BigInt64Array.of(1n)), x => x, y => y, x => x).toArray(), "DC305: one key of a join is a number, the other a BigInt"],
    ["a column of the wrong side", () => js.compute({ few }).zip(js.compute({ more }), (a, b) => (a as unknown as { more: number }).more + b.more), "DC112: there is no column more"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
const scale = 2;
