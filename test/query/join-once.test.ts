/** Joins run the other query once, and hand their captures to both keys. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, type Query } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const js = createRuntime({ backend: "js" });
const few = Float64Array.of(1, 2, 3);

describe("the other query of a join", () => {
  it("runs once", async () => {
    let n = 0;
    const counted = () => js.compute(few).tap(() => { n += 1; });
    const joined = () => js.compute(few).join(counted(), x => x, y => y, (x, y) => x + y);
    expect(joined().toArray()).toEqual(Float64Array.of(2, 4, 6));
    expect(n).toBe(3);
    expect(await joined().toArrayAsync()).toEqual(Float64Array.of(2, 4, 6));
    expect(n).toBe(6);
    expect(js.compute(few).leftJoin(counted().map(y => ({ k: y + 1, y })), x => ({ x, same: x % 2 }), r => ({ x: r.k, same: r.k % 2 }), (_, r) => r?.y ?? -1).toArray()).toEqual(Float64Array.of(-1, 1, 2));
    expect(n).toBe(9);
  });

  it("of joins within joins, too", async () => {
    let n = 0;
    let query: Query<Float64Array> = js.compute(few).tap(() => { n += 1; });
    for (let depth = 0; depth < 12; depth += 1) query = js.compute(few).join(query, x => x, y => y, (_, y) => y) as unknown as Query<Float64Array>;
    const start = performance.now();
    expect(query.toArray()).toEqual(few);
    expect(await query.toArrayAsync()).toEqual(few);
    expect(n).toBe(6);
    expect(query.explain().match(/what the other query gives/g)?.length).toBe(11 + 1);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it("is stored once", () => {
    let query: Query<Float64Array> = js.compute(few);
    for (let depth = 0; depth < 12; depth += 1) query = js.compute(few).map(x => x + 0).join(query.map(x => x), x => x, y => y * one, (_, y) => y, { one: 1 }) as unknown as Query<Float64Array>;
    expect(fromJSON<Query<Float64Array>>(JSON.stringify(query), few, { runtime: js }).toArray()).toEqual(few);
  });

  it("has keys of what it gives: booleans, nulls, places, nothing", () => {
    const given = js.compute(few).map(x => x > 1);
    expect(js.compute(few).join(given, x => x - 1, (y, i) => Number(y) + i, (x, y) => x * 10 + Number(y)).toArray()).toEqual(js.compute(few).join(js.compute(Uint8Array.of(0, 1, 1)), x => x - 1, (y, i) => y + i, (x, y) => x * 10 + y).toArray());
    const nulls = js.compute([{ k: 1, v: 1 }, { k: null, v: 2 }, { k: 3, v: 3 }]).filter(r => r.v > 0);
    expect(js.compute(few).leftJoin(nulls, x => x, r => r.k, (x, r) => (r === null ? -x : r.v)).toArray()).toEqual(Float64Array.of(1, -2, 3));
    expect(js.compute(few).join(js.compute(few).filter(x => x > 9), x => x, y => y, x => x).toArray()).toEqual(new Float64Array(0));
  });
});

const backends = whyNoCpu === null ? (["js", "cpu"] as const) : (["js"] as const);
declare const [one, q, helper]: [number, number, (x: number) => number];

describe.each(backends)("the captures of joins on %s", backend => {
  const runtime = createRuntime({ backend });
  const own = () => runtime.compute(few);

  it("reach the right key", () => {
    expect(own().semiJoin(own(), x => x % q, y => y % q, { q: 2 }).toArray()).toEqual(few);
    expect(own().antiJoin(own(), x => x, y => y * q, { q: 2 }).toArray()).toEqual(Float64Array.of(1, 3));
    expect(own().join(own().map(y => y), x => x, y => helper(y), (x, y) => x * 10 + y, { helper: (y: number) => y * q, q: 2 }).toArray()).toEqual(Float64Array.of(21));
    expect(own().leftJoin(own().map(y => y), x => x, y => y * q, (_, y) => y ?? -1, { q: 3 }).toArray()).toEqual(Float64Array.of(-1, -1, 1));
    expect(runtime.compute({ few }).groupJoin(own(), r => r.few, y => y * q, { n: g => g.count() }, { q: 2 }).toColumns()["n"]).toEqual(Uint32Array.of(0, 1, 0));
  });

  it("may have the names of columns", () => {
    const table = runtime.compute({ q: few });
    expect(own().semiJoin(table, x => x + q, r => r.q, { q: 1 }).toArray()).toEqual(Float64Array.of(1, 2));
    expect(runtime.compute({ few }).groupJoin(table, r => r.few + q, r => r.q, { n: g => g.count() }, { q: 1 }).toColumns()["n"]).toEqual(Uint32Array.of(1, 1, 0));
  });

  it("stand behind parameters of the same name", () => {
    expect(own().semiJoin(own(), x => x + one, one => one, { one: 1 }).toArray()).toEqual(Float64Array.of(1, 2));
  });

  it("must be used by one of the lambdas", () => {
    expect(() => own().semiJoin(own(), x => x, y => y, { q: 2 })).toThrow("the capture q of semiJoin() is not used");
    expect(() => own().join(own(), x => x, y => y, x => x, { q: 2 })).toThrow("the capture q of join() is not used");
    expect(() => own().antiJoin(own(), x => x, y => y * q)).toThrow("antiJoin");
  });

  it("are stored", () => {
    const query = own().semiJoin(own(), x => x, y => y * q, { q: 2 });
    expect(fromJSON<Query<Float64Array>>(JSON.stringify(query), few, { runtime }).toArray()).toEqual(Float64Array.of(2));
  });
});
