/** Streams beside tables in memory, and the first of their order: joins, sets, top, piece by piece as at once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, nullable, stream, type Nullable, type Query, type Rows } from "../../src/index.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, runtime: createRuntime({ backend }) }));
const scripted = createRuntime({ backend: "js" });

const COUNT = 66_003;
const pick = <T>(values: readonly T[], at: number): T => values[at % values.length] as T;
const key = Float64Array.from({ length: COUNT }, (_, at) => (at % 101 === 7 ? pick([NaN, -0, 0, Infinity, -Infinity], at) : ((at * 7919) % 3001) - 1000));
const price = Float64Array.from({ length: COUNT }, (_, at) => (at % 997 === 5 ? pick([NaN, -0, 0], at) : Math.round(Math.sin(at) * 500) / 4));
const carrier = Array.from({ length: COUNT }, (_, at) => `${pick(["AA", "", "UA", "zz", "Ünï"], at * 7)}${at % 500 === 0 ? COUNT - at : ""}`);
const seats = Int16Array.from({ length: COUNT }, (_, at) => (at % 17) - 5);
const known = Uint8Array.from({ length: COUNT }, (_, at) => Number(at % 5 !== 3));

type Flight = { readonly key: Float64Array; readonly price: Float64Array; readonly carrier: string[]; readonly seats: Nullable<Int16Array> };
const HOLDS = { key: Float64Array, price: Float64Array, carrier: String, seats: nullable(Int16Array) } as const;
const rowsFrom = (from: number, to: number): Flight => ({ key: key.slice(from, to), price: price.slice(from, to), carrier: carrier.slice(from, to), seats: nullable(seats.slice(from, to), known.slice(from, to)) });

function* cut(lengths: readonly number[]): Generator<Flight> {
  for (let from = 0, turn = 0; from < COUNT; turn += 1) {
    const to = from + (lengths[turn % lengths.length] as number);
    yield rowsFrom(from, to);
    from = to;
  }
}

const chunkings = fc.array(fc.constantFrom(0, 1, 31, 1023, 9999, 65_536), { minLength: 1, maxLength: 5 }).map(lengths => [...lengths, 20_000]);

/** Keys occur several times, in another order, and some not at all on the other side. */
const fleet = { name: ["zz", "UA", "UA", "never", "", "AA500", "65503"], size: Int32Array.of(1, 2, 3, 4, 5, 6, 7) };
const numbers = { at: Float64Array.of(NaN, 0, Infinity, 17, 17, 5000), size: Int32Array.of(1, 2, 3, 4, 5, 6) };
const nulls = { seats: nullable(Int16Array.of(1, 0, 3), [true, false, true]), size: Int32Array.of(1, 2, 3) };
/** Longer than a piece. */
const many = { at: Float64Array.from({ length: 70_000 }, (_, at) => at - 2000), size: Int32Array.from({ length: 70_000 }, (_, at) => at % 100) };
const of = <S extends object>(source: S) => scripted.compute(source as never) as never as Rows<{ readonly name: string[]; readonly at: Float64Array; readonly size: Int32Array; readonly seats: Nullable<Int16Array> }>;

const QUERIES: Readonly<Record<string, (rows: Rows<Flight>) => Promise<unknown>>> = {
  semiJoin: rows => rows.semiJoin(of(fleet), r => r.carrier, f => f.name).map((r, i) => ({ ...r, i })).filter(r => r.price > 115).toColumnsAsync(),
  antiJoin: rows => rows.antiJoin(of(numbers), r => r.key, n => n.at).sum(r => r.price).run(),
  "antiJoin of two keys": rows => rows.antiJoin(of(fleet), r => ({ a: r.carrier, b: r.seats }), f => ({ a: f.name, b: f.size })).count().run(),
  join: rows => rows.join(of(fleet), r => r.carrier, f => f.name, (r, f, i) => ({ ...r, size: f.size, name: f.name, i })).filter(r => r.price > 118).toColumnsAsync(),
  "join of what is computed": rows => rows.map(r => ({ twice: r.key * 2, p: r.price })).filter(r => r.p > 50).join(of(numbers).filter(n => n.size > 1), r => r.twice / 2, n => n.at, (r, n) => r.p * n.size).toArrayAsync(),
  "join of nulls": rows => rows.join(of(nulls), r => r.seats, n => n.seats, (r, n) => ({ p: r.price, size: n.size })).sum(r => r.size).run(),
  "join with more rows than a piece": rows => rows.join(of(many), r => r.key, m => m.at, (r, m) => ({ k: r.key, size: m.size })).filter(r => r.size === 7).toColumnsAsync(),
  leftJoin: rows => rows.leftJoin(of(fleet), r => r.carrier, f => f.name, (r, f) => ({ k: r.key, name: f?.name ?? "none", size: f?.size ?? -1, known: f !== null })).filter(r => r.k > 1800).toColumnsAsync(),
  groupJoin: rows => rows.groupJoin(of(fleet), r => r.carrier, f => f.name, { n: g => g.count(), size: g => g.sum(f => f.size) }).filter(r => r.n > 1 && r.price > 100).toColumnsAsync(),
  "join behind groups, and order": rows => rows.groupBy(r => r.carrier).aggregate({ n: g => g.count() }).join(of(fleet), g => g.key, f => f.name, (g, f) => ({ ...g, size: f.size })).orderByDescending(g => g.size).toColumnsAsync(),
  "groups behind a join": rows => rows.leftJoin(of(fleet), r => r.carrier, f => f.name, (r, f) => ({ p: r.price, size: f?.size ?? 0 })).groupBy(r => r.size).aggregate({ total: g => g.sum(r => r.p), n: g => g.count() }).toColumnsAsync(),
  union: rows => rows.map(r => ({ name: r.carrier })).union(of(fleet).map(f => ({ name: f.name }))).toColumnsAsync(),
  intersect: rows => rows.map(r => ({ name: r.carrier })).intersect(of(fleet).map(f => ({ name: f.name }))).toColumnsAsync(),
  except: rows => rows.map(r => r.key).except(of(many).map(m => m.at)).toArrayAsync(),
  "different ones in order": rows => rows.map(r => r.carrier).distinct().orderBy(x => x).toArrayAsync(),
  "what two have, in reverse": rows => rows.map(r => r.key).intersect(of(many).map(m => m.at)).reverse().window(2, { edge: "wrap" }).sum().toArrayAsync(),
  top: rows => rows.top(100, r => r.price).map((r, i) => ({ ...r, i })).toColumnsAsync(),
  bottom: rows => rows.map(r => r.price).bottom(70_000).take(3000).toArrayAsync(),
  "the first of an order of several keys": rows => rows.orderByDescending(r => r.seats).thenBy(r => r.carrier).thenByDescending(r => r.price).take(999).toColumnsAsync(),
  "the first of none, and none of the first": async rows => [await rows.filter(r => r.price > 1e9).top(3, r => r.price).count(), await rows.top(0, r => r.price).count().run().catch(String)],
  "the first of an order, in reverse, grouped": rows => rows.orderBy(r => r.key).take(2000).reverse().groupBy(r => r.key).aggregate({ first: g => g.first(r => r.price), v: g => g.variance(r => r.price) }).toColumnsAsync(),
};

const whole = scripted.compute(rowsFrom(0, COUNT)) as never as Rows<Flight>;

/** Chunks that can be read again. */
const again = (lengths: readonly number[]): Iterable<Flight> => ({ [Symbol.iterator]: () => cut(lengths) });

describe.each(RUNTIMES)("over a stream on $backend", ({ runtime }) => {
  it.each(Object.entries(QUERIES))("%s", async (_name, query) => {
    const expected = await query(whole);
    await fc.assert(fc.asyncProperty(chunkings, async lengths => {
      expect(await query(runtime.compute(stream(again(lengths), HOLDS)))).toEqual(expected);
    }), { numRuns: 1, seed: 13 });
  });

  it("more different ones than a piece holds are put in order", async () => {
    const values = Float64Array.from({ length: 150_001 }, (_, at) => (at * 7919) % 140_009);
    const chunks = [values.subarray(0, 70_000), values.subarray(70_000)];
    expect(await runtime.compute(stream(chunks, Float64Array)).distinct().reverse().toArrayAsync()).toEqual(Float64Array.from(new Set(values)).reverse());
  });

  it("a join loses no row within a piece, or behind it", async () => {
    const left = Float64Array.from({ length: 140_000 }, (_, at) => at);
    const right = Float64Array.from({ length: 140_000 }, (_, at) => 2 * at);
    const both = runtime.compute(stream([left], Float64Array)).semiJoin(runtime.compute(right), x => x, y => y);
    expect(await both.toArrayAsync()).toEqual(right.subarray(0, 70_000));
  });

  it("joins come with their chunks", async () => {
    const seen: number[][] = [];
    const query: Query<Float64Array> = runtime.compute(stream([Float64Array.of(1, 2), Float64Array.of(3), Float64Array.of(2, 1)], Float64Array)).semiJoin(runtime.compute(Float64Array.of(1, 2)), x => x, y => y);
    for await (const chunk of query) seen.push([...chunk]);
    expect(seen).toEqual([[1, 2], [2, 1]]);
  });
});

describe("over a stream", () => {
  it("joins and tops say that they are done piece by piece", () => {
    const rows = () => scripted.compute(stream([] as Flight[], HOLDS));
    expect(rows().join(of(fleet), r => r.carrier, f => f.name, (r, f) => ({ k: r.key, s: f.size })).explain()).toContain("join: runs the other query, then a hash table of its keys, on the calling thread, as JavaScript, piece by piece: again for each, so that pieces are at least as long as the other query's rows");
    expect(rows().top(5, r => r.price).explain()).toContain("top 5 of a stable order, piece by piece: its first 5, and the first of those and of the first so far, on the calling thread, as JavaScript");
    expect(() => scripted.compute(fleet).semiJoin(rows(), f => f.name, r => r.carrier)).toThrow(/^DC310: semiJoin\(\) needs all of the other query, and its source is a stream/);
  });
});
