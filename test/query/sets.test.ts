/** Unions, intersections and differences, against arrays of objects. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Query, Rows } from "../../src/index.js";
import { js, type Row, runtimes, same } from "./join-cases.js";
import { listOf } from "./support.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);

const tableOf = (rows: readonly Row[]) => ({ k: Float64Array.from(rows, row => row.k), v: Int8Array.from(rows, row => row.v) });
const alike = (a: Row, b: Row): boolean => same(a.k, b.k) && a.v === b.v;
const distinct = <T>(items: readonly T[], equal: (a: T, b: T) => boolean): T[] => items.filter((item, at) => items.findIndex(other => equal(item, other)) === at);

const oracle = {
  union: <T>(left: readonly T[], right: readonly T[], equal: (a: T, b: T) => boolean) => distinct([...left, ...right], equal),
  intersect: <T>(left: readonly T[], right: readonly T[], equal: (a: T, b: T) => boolean) => distinct(left, equal).filter(a => right.some(b => equal(a, b))),
  except: <T>(left: readonly T[], right: readonly T[], equal: (a: T, b: T) => boolean) => distinct(left, equal).filter(a => !right.some(b => equal(a, b))),
};
const VERBS = ["union", "intersect", "except"] as const;

const anyKey = fc.oneof(fc.integer({ min: -1, max: 2 }), fc.constantFrom(NaN, -0, 0.5, Infinity, -Infinity));
const anyRows = fc.array(fc.record({ k: anyKey, v: fc.integer({ min: -1, max: 1 }) }), { maxLength: 20 });

describe.each(runtimes)("two queries as sets, on %s", (name, missing, make) => {
  it.skipIf(missing !== null)("give what arrays of objects give", { timeout: 120_000 }, () => {
    const runtime = make();
    fc.assert(
      fc.property(anyRows, anyRows, (left, right) => {
        const kept = right.filter(row => row.v >= 0);
        for (const verb of VERBS) {
          const [l, r] = [runtime.compute(tableOf(left)), runtime.compute(tableOf(right)).filter(row => row.v >= 0)];
          expect(l[verb](r).toColumns(), verb).toEqual(tableOf(oracle[verb](left, kept, alike)));
          const [x, y] = [Float64Array.from(left, row => row.k), Float64Array.from(right, row => row.k)];
          expect(listOf(runtime.compute(x)[verb](runtime.compute(y)).toArray()), verb).toEqual(oracle[verb]([...x], [...y], same));
        }
      }),
      { numRuns: name === "js" ? 200 : 30, seed: SEED },
    );
  });

  it.skipIf(missing !== null)("go on as one sequence", () => {
    const runtime = make();
    const [few, more] = [Int32Array.of(3, 1, 3, 2, 1), Int32Array.of(5, 3, 1)];
    expect(runtime.compute(few).union(runtime.compute(more)).map((x, i) => x * 10 + i).toArray()).toEqual(Int32Array.of(30, 11, 22, 53));
    expect(runtime.compute(few).intersect(runtime.compute(more)).sum().value()).toBe(4);
    expect(runtime.compute(few).filter(x => x > 1).except(runtime.compute(more).map(x => x - 3)).toArray()).toEqual(Int32Array.of(3));
    const rows = runtime.compute({ few });
    expect([rows.union(rows).count().value(), rows.intersect(rows).count().value(), rows.except(rows).count().value()]).toEqual([3, 3, 0]);
    const ids = runtime.compute(BigUint64Array.of(2n ** 64n - 1n, 1n, 1n));
    expect(ids.except(runtime.compute(BigUint64Array.of(1n))).toArray()).toEqual(BigUint64Array.of(2n ** 64n - 1n));
  });
});

describe("two queries as sets", () => {
  const [few, more] = [Float64Array.of(1, 2, 3), Int32Array.of(10, 20)];

  it("are explained as they are written, with the kernels of both", () => {
    const text = js.compute(few).map(x => x * 2).intersect(js.compute(few).filter(x => x > 1)).explain();
    expect(text).toContain("  .map((x) => x * 2)\n  .intersect(compute(Float64Array(3))…)\n");
    expect(text).toMatch(/barrier: intersect needs all elements first\n.*\nintersect: runs the other query, then a hash table of both, on the calling thread, as JavaScript\n {2}\| compute/);
  });

  it.each<[string, () => unknown, string]>([
    ["an array", () => js.compute(few).union(few as unknown as Query<Float64Array>), "DC305: union() takes another query, not a Float64Array\nStart one: .union(compute(other))."],
    ["another type", () => js.compute(few).intersect(js.compute(more) as unknown as Query<Float64Array>), "DC308: intersect() compares a sequence for an Int32Array with a sequence for a Float64Array"],
    ["other columns", () => js.compute({ few }).except(js.compute({ more }) as unknown as Rows<{ few: Float64Array<ArrayBuffer> }>), "DC308: except() compares rows of more (Int32Array) with rows of few (Float64Array)"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
