/** Rows beside what the matching rows of another query come to, against arrays of objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyRows, js, runtimes, same, tableOf } from "./join-cases.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);

const sumOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0);

describe.each(runtimes)("group joins on %s", (name, missing, make) => {
  it.skipIf(missing !== null)("come to what arrays of objects do", { timeout: 180_000 }, () => {
    const runtime = make();
    fc.assert(
      fc.property(anyRows, anyRows, (left, right) => {
        const [l, r] = [runtime.compute(tableOf(left)).filter(row => row.v < 3), runtime.compute(tableOf(right))];
        const joined = l.groupJoin(r, a => a.k, b => b.k, { n: g => g.count(), total: g => g.sum(b => b.v / 2), mean: g => g.average(b => b.v), low: g => g.min(b => b.v), high: g => g.max(b => b.k) });
        const expected = left.filter(row => row.v < 3).map(a => {
          const matches = right.filter(b => same(a.k, b.k));
          const values = matches.map(b => b.v);
          return { ...a, n: values.length, total: sumOf(values) / 2, mean: sumOf(values) / values.length, low: Math.min(...values), high: Math.max(...matches.map(b => b.k)) };
        });
        expect(joined.toRows()).toEqual(expected);
        expect([...joined.filter(row => row.n > 0).map((row, i) => row.total + i).toArray()]).toEqual(expected.filter(row => row.n > 0).map((row, i) => row.total + i));
        const two = l.groupJoin(r, a => ({ x: a.k, y: a.v }), b => ({ x: b.k, y: b.v }), { n: g => g.count() });
        expect([...two.toColumns().n]).toEqual(left.filter(row => row.v < 3).map(a => right.filter(b => same(a.k, b.k) && a.v === b.v).length));
      }),
      { numRuns: name === "js" ? 100 : 3, seed: SEED },
    );
  });
});

describe("group joins", () => {
  const stores = { id: Uint8Array.of(1, 2, 3), size: Float32Array.of(0.5, 1.5, 2.5) };
  const sales = { store: Int16Array.of(3, 1, 3, 9), price: Float32Array.of(10, 20, 30, 40), id: BigInt64Array.of(5n, 6n, 7n, 8n) };
  const join = js.compute(stores);

  it("keep types where nothing needs another", () => {
    const rate = 2;
    const offset = 0;
    const columns = join.groupJoin(js.compute(sales), s => s.id + offset, r => r.store, { n: g => g.count(), ids: g => g.sum(r => r.id), low: g => g.min(r => r.price), most: g => g.max(r => r.store), total: g => g.sum(r => r.price * rate, { rate }) }, { offset }).toColumns();
    expect(columns).toEqual({
      ...stores, n: Uint32Array.of(1, 0, 2), ids: BigInt64Array.of(6n, 0n, 12n), low: Float32Array.of(20, Infinity, 10), most: Float64Array.of(1, -Infinity, 3), total: Float64Array.of(40, 0, 80),
    });
  });

  it("of single values, of nothing, of itself, and again", () => {
    expect(join.groupJoin(js.compute(sales.store), s => s.id, x => x, { n: g => g.count(), sum: g => g.sum() }).toColumns()).toEqual({ ...stores, n: Uint32Array.of(1, 0, 2), sum: Float64Array.of(1, 0, 6) });
    expect([...join.groupJoin(js.compute(sales).filter(r => r.price < 0), s => s.id, r => r.store, { n: g => g.count() }).toColumns().n]).toEqual([0, 0, 0]);
    expect(join.filter(s => s.id > 9).groupJoin(js.compute(sales), s => s.id, r => r.store, { n: g => g.count() }).toRows()).toEqual([]);
    const counted = join.groupJoin(join, s => s.id, s => 4 - s.id, { n: g => g.count() });
    expect([...counted.groupJoin(counted, s => s.n, s => s.n, { m: g => g.count() }).toColumns().m]).toEqual([3, 3, 3]);
  });

  it("are explained as they are written", () => {
    const text = join.groupJoin(js.compute(sales), s => s.id, r => r.store, { n: g => g.count(), total: g => g.sum(r => r.price) }).explain();
    expect(text).toContain("  .groupJoin(compute({ store: Int16Array, price: Float32Array, id: BigInt64Array } × 4)…, (s) => s.id, …, { n: g => g.count(), total: g => g.sum((r) => r.price) })\n");
    expect(text).toContain("\ngroupJoin: runs the other query's groups, then a hash table of their keys, on the calling thread, as JavaScript\n  | compute(");
    expect(text).toContain("  |   .groupBy((r) => r.store).aggregate(");
  });

  const by = (aggregates: Parameters<typeof join.groupJoin>[3]) => () => join.groupJoin(js.compute(sales), s => s.id, r => r.store, aggregates as never);
  it.each<[string, () => unknown, string]>([
    ["a name that the rows have", by({ size: g => g.count() }), "DC308: two columns are called size: one of the rows', and one of what is joined to them"],
    ["the least of BigInts", () => join.groupJoin(js.compute(sales), s => s.id, r => r.store, { low: g => g.min(r => r.id) }), "DC306: the min of no BigInts has no value, and low is that of rows without a match"],
    ["the first", () => join.groupJoin(js.compute(sales), s => s.id, r => r.store, { one: g => g.first(r => r.price) }), "DC306: first of nothing has no value, and one is that of rows without a match"],
    ["no aggregates", by({}), "DC305: aggregate() takes functions of a group by name"],
    ["keys of other fields", () => join.groupJoin(js.compute(sales), s => ({ a: s.id, b: s.id }), r => r.store, { n: g => g.count() }).toColumns(), "DC305: the keys of a join have 2 values on the left and 1 on the right"],
    ["an array", () => join.groupJoin([1] as never, s => s.id, r => Number(r), { n: g => g.count() }), "DC305: groupJoin() takes another query, not an array"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
