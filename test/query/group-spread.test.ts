/** Variances, medians and quantiles of groups: the bits that the same terminals give for a group's elements alone. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, nullable, type Rows } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { ELEMENT_CASES, isBig, sample } from "./support.js";

const js = createRuntime({ backend: "js" });
const cpu = createRuntime({ backend: "cpu" });

describe.each([{ name: "js", runtime: js, why: null }, { name: "cpu", runtime: cpu, why: whyNoCpu }])("on $name", ({ runtime, why }) => {
  const on = it.skipIf(why !== null);
  const { compute } = runtime;

  on.each(ELEMENT_CASES.filter(({ element }) => !isBig(element)))("of a $name", ({ element }) => {
    // Groups of one element, of 33, of more than a block, and of what is left.
    const groupOf = (i: number): number => (i < 1 ? 0 : i % 5 === 0 && i < 170 ? 1 : i % 2 === 0 ? 2 : 3);
    for (const withNaN of [false, true]) {
      const x = sample(element, 5000, withNaN) as Float64Array;
      const key = Uint8Array.from(x, (_, i) => groupOf(i));
      const rows = compute({ x, key }).groupBy(r => r.key).aggregate({
        n: g => g.count(),
        v: g => g.variance(r => r.x),
        s: g => g.variance(r => r.x, {}, { sample: true }),
        d: g => g.standardDeviation(r => r.x),
        m: g => g.median(r => r.x),
        q: g => g.quantile(0.9, r => r.x),
        low: g => g.quantile(0, r => r.x),
        mean: g => g.average(r => r.x),
      }).toRows();
      expect(rows.map(row => row.key)).toEqual([0, 3, 2, 1]);
      for (const row of rows) {
        const own = js.compute(x.filter((_, i) => groupOf(i) === row.key));
        expect(row).toEqual({
          key: row.key,
          n: own.count().value(),
          v: own.variance().value(),
          s: own.variance({ sample: true }).value(),
          d: own.standardDeviation().value(),
          m: own.median().value(),
          q: own.quantile(0.9).value(),
          low: own.quantile(0).value(),
          mean: own.average().value(),
        });
      }
    }
  });

  on("is what plain JavaScript computes, behind a filter and with captures", () => {
    const x = Float64Array.from({ length: 300 }, (_, i) => ((i * 37) % 101) - 50);
    const k = 3;
    const rows = compute(x).filter(y => y > -40).groupBy(y => y % k === 0, { k }).aggregate({ m: g => g.median(), v: g => g.variance(y => y * k, { k }), s: g => g.standardDeviation({ sample: true }) }).toRows();
    for (const row of rows) {
      const own = Array.from(x).filter(y => y > -40 && Number(y % k === 0) === row.key).toSorted((a, b) => a - b);
      const mean = own.reduce((a, y) => a + y, 0) / own.length;
      const squares = own.reduce((a, y) => a + (y - mean) ** 2, 0);
      expect(row.m).toBe(((own[(own.length - 1) >> 1] as number) + (own[own.length >> 1] as number)) / 2);
      expect(row.v).toBeCloseTo((squares * k * k) / own.length, 8);
      expect(row.s).toBeCloseTo(Math.sqrt(squares / (own.length - 1)), 10);
    }
  });

  on("leaves nulls out, and is NaN of nothing else", () => {
    const table = { key: Int32Array.of(1, 2, 1, 2, 1, 3), x: nullable(Float64Array.of(5, 1, 7, 9, 6, 2), [true, false, true, true, true, false]) };
    const rows = compute(table).groupBy(r => r.key).aggregate({ v: g => g.variance(r => r.x), m: g => g.median(r => r.x), n: g => g.count() }).toRows();
    expect(rows).toEqual([{ key: 1, v: 2 / 3, m: 6, n: 3 }, { key: 2, v: 0, m: 9, n: 2 }, { key: 3, v: NaN, m: NaN, n: 1 }]);
  });

  on("beside rows, of matches or of none", () => {
    const joined = compute({ id: Int32Array.of(1, 2) }).groupJoin(compute({ id: Int32Array.of(1, 1, 1), x: Float32Array.of(1, 2, 6) }), l => l.id, r => r.id, { m: g => g.median(r => r.x), v: g => g.variance(r => r.x), q: g => g.quantile(0.25, r => r.x) }).toRows();
    expect(joined).toEqual([{ id: 1, m: 2, v: 14 / 3, q: 1.5 }, { id: 2, m: NaN, v: NaN, q: NaN }]);
  });

  on("of no groups at all", () => {
    expect(compute(Float64Array.of(1)).filter(x => x > 1).groupBy(x => x).aggregate({ m: g => g.median() }).toRows()).toEqual([]);
  });
});

describe("spreads of groups", () => {
  const { compute } = js;
  const k = 2;
  const table = { key: Int32Array.of(1, 2, 1), x: Float64Array.of(5, 1, 7), id: BigInt64Array.of(1n, 2n, 3n) };
  const query = compute(table).groupBy(r => r.key).aggregate({ s: g => g.variance(r => r.x * k, { k }, { sample: true }), q: g => g.quantile(0.25, r => r.x), m: g => g.median(r => r.x) });

  it("are written as they were called, and stored", () => {
    expect(query.explain()).toContain("aggregate({ s: g => g.variance((r) => r.x * k, {}, { sample: true }), q: g => g.quantile(0.25, (r) => r.x), m: g => g.median((r) => r.x) })");
    const back = fromJSON<Rows<Record<string, Float64Array>>>(JSON.stringify(query), table, { runtime: js });
    expect(JSON.stringify(back)).toBe(JSON.stringify(query));
    expect(back.toRows()).toEqual([{ key: 1, s: 8, q: 5.5, m: 6 }, { key: 2, s: NaN, q: 1, m: 1 }]);
    const json = query.toJSON() as unknown as { stages: { aggregates: Record<string, unknown>[] }[] };
    const changed = (fields: object): unknown => ({ ...json, stages: [{ ...json.stages[0], aggregates: [{ ...json.stages[0]?.aggregates[2], ...fields }] }] });
    expect(() => fromJSON(changed({ sample: true }) as object, table, { runtime: js })).toThrow("DC309: stages[0].aggregates[0].sample");
    expect(() => fromJSON(changed({ quantile: 0.5 }) as object, table, { runtime: js })).toThrow("DC309: stages[0].aggregates[0].quantile");
    expect(() => fromJSON(changed({ terminal: "quantile", quantile: 2 }) as object, table, { runtime: js })).toThrow("quantile() takes numbers from 0 to 1");
  });

  it("refuse BigInts, lists of quantiles, and rows without a lambda", () => {
    const groups = compute(table).groupBy(r => r.key);
    expect(() => groups.aggregate({ v: g => g.variance(r => r.id as never) })).toThrow("DC306: BigInts have no variance: it may be a fraction");
    expect(() => groups.aggregate({ q: g => g.quantile([0.5] as never, r => r.x) })).toThrow("DC305: quantile() of a group takes one number");
    expect(() => groups.aggregate({ q: g => g.quantile(1.5, r => r.x) })).toThrow("DC305: quantile() takes numbers from 0 to 1, not 1.5");
    expect(() => groups.aggregate({ m: g => g.median() })).toThrow("DC305: median() of a group of rows takes a function");
    expect(() => groups.aggregate({ v: g => g.variance({ sample: 1 } as never) })).toThrow("DC305");
    expect(() => groups.aggregate({ v: g => g.variance(r => r.x, {}, { samples: true } as never) })).toThrow("DC305: variance() has no option samples");
  });
});
