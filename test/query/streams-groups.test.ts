/** Verbs over streams that tell rows apart, group and join them: what they give of the whole table, in memory for their results alone. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, nullable, stream, type Nullable, type Query, type Rows } from "../../src/index.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, runtime: createRuntime({ backend }) }));
const scripted = createRuntime({ backend: "js" });

const COUNT = 67_003;
const pick = <T>(values: readonly T[], at: number): T => values[at % values.length] as T;
/** One key has almost all rows, some have a few; they come and come back at odd places. */
const key = Float64Array.from({ length: COUNT }, (_, at) => (at % 3 > 0 ? 7 : at % 1009 === 7 ? pick([NaN, -0, 0, Infinity], at) : (at * 7919) % (1 + Math.floor(at / 100))));
const price = Float64Array.from({ length: COUNT }, (_, at) => (Math.sin(at) * 10 ** (at % 4)) / 3);
const single = Float32Array.from(price);
const quantity = Int32Array.from({ length: COUNT }, (_, at) => ((at * 48_271) % 2_000_003) * (at % 2 === 0 ? 1000 : -1));
const id = BigInt64Array.from({ length: COUNT }, (_, at) => BigInt(at % 13) * 2n ** 60n);
const carrier = Array.from({ length: COUNT }, (_, at) => `${pick(["AA", "", "UA", "Ünï"], at * 5)}${at % 31 === 0 ? Math.floor(at / 4000) : ""}`);
const seats = Int16Array.from({ length: COUNT }, (_, at) => (at % 17) - 5);
const known = Uint8Array.from({ length: COUNT }, (_, at) => Number(at % 5 !== 3 && key[at] !== 40));

type Flight = { readonly key: Float64Array; readonly price: Float64Array; readonly single: Float32Array; readonly quantity: Int32Array; readonly id: BigInt64Array; readonly carrier: string[]; readonly seats: Nullable<Int16Array> };
const HOLDS = { key: Float64Array, price: Float64Array, single: Float32Array, quantity: Int32Array, id: BigInt64Array, carrier: String, seats: nullable(Int16Array) } as const;

const rowsFrom = (from: number, to: number): Flight => ({ key: key.slice(from, to), price: price.slice(from, to), single: single.slice(from, to), quantity: quantity.slice(from, to), id: id.slice(from, to), carrier: carrier.slice(from, to), seats: nullable(seats.slice(from, to), known.slice(from, to)) });

function* cut(lengths: readonly number[], count = COUNT): Generator<Flight> {
  for (let from = 0, turn = 0; from < count; turn += 1) {
    const to = Math.min(count, from + (lengths[turn % lengths.length] as number));
    yield rowsFrom(from, to);
    from = to;
  }
}

const chunkings = fc.array(fc.constantFrom(0, 1, 31, 1023, 1025, 9999, 65_536), { minLength: 1, maxLength: 5 }).map(lengths => [...lengths, 20_000]);

type Ask = (rows: Rows<Flight>) => Promise<unknown>;

const GROUPS: Readonly<Record<string, Ask>> = {
  "sums and averages of groups": rows => rows.groupBy(r => r.key).aggregate({ n: g => g.count(), total: g => g.sum(r => r.price), mean: g => g.average(r => r.price), f32: g => g.sum(r => r.single) }).toColumnsAsync(),
  "exact sums, and BigInts that wrap": rows => rows.groupBy(r => r.carrier).aggregate({ exact: g => g.sum(r => r.quantity), mean: g => g.average(r => r.quantity), big: g => g.sum(r => r.id), least: g => g.min(r => r.id), most: g => g.max(r => r.id) }).toColumnsAsync(),
  "the smallest and largest, first and last": rows => rows.groupBy(r => ({ carrier: r.carrier, odd: r.key % 2 })).aggregate({ least: g => g.min(r => r.key), most: g => g.max(r => r.single), first: g => g.first(r => r.carrier), last: g => g.last(r => r.price) }).toColumnsAsync(),
  "nulls, left out and as keys": rows => rows.groupBy(r => ({ seats: r.seats })).aggregate({ n: g => g.count(), sum: g => g.sum(r => r.seats), mean: g => g.average(r => r.seats), least: g => g.min(r => r.seats), first: g => g.first(r => r.seats), last: g => g.last(r => r.seats) }).toColumnsAsync(),
  "groups without any value": rows => rows.groupBy(r => r.key).aggregate({ sum: g => g.sum(r => r.seats), mean: g => g.average(r => r.seats), most: g => g.max(r => r.seats) }).filter(g => g.key > 35 && g.key < 45).toColumnsAsync(),
  "places in lambdas, behind a filter": rows => rows.filter(r => r.price > 0).groupBy((r, i) => i % 7 + (r.key > 9 ? 10 : 0)).aggregate({ places: g => g.sum((_r, i) => i), n: g => g.count() }).toColumnsAsync(),
  "order, take and filter behind groups": rows => rows.groupBy(r => r.carrier).aggregate({ n: g => g.count(), total: g => g.sum(r => r.price) }).filter(g => g.n > 3).orderBy(g => g.key).thenByDescending(g => g.total).take(9).map((g, i) => ({ ...g, i })).toColumnsAsync(),
  "groups of groups, in reverse": rows => rows.groupBy(r => r.key).aggregate({ n: g => g.count() }).groupBy(g => g.n).aggregate({ keys: g => g.count(), spread: g => g.variance(r => r.key) }).reverse().toColumnsAsync(),
  "a value of groups": rows => rows.groupBy(r => r.key).aggregate({ total: g => g.sum(r => r.price) }).sum(g => g.total).run(),
  countBy: rows => rows.countBy(r => r.carrier).toColumnsAsync(),
  "groups of none": rows => rows.filter(r => r.price > 1e9).groupBy(r => r.key).aggregate({ n: g => g.count(), first: g => g.first(r => r.id) }).orderBy(g => g.n).toColumnsAsync(),
};

const whole = scripted.compute(rowsFrom(0, COUNT)) as never as Rows<Flight>;

describe.each(RUNTIMES)("groups over a stream on $backend", ({ runtime }) => {
  it.each(Object.entries(GROUPS))("%s", async (_name, ask) => {
    const expected = await ask(whole);
    await fc.assert(fc.asyncProperty(chunkings, async lengths => {
      expect(await ask(runtime.compute(stream(cut(lengths), HOLDS)))).toEqual(expected);
    }), { numRuns: 1, seed: 11 });
  });

  it.each([0, 1, 31, 33, 1023, 1024, 1025, 2048, 3 * 1024 + 7, 7 * 1024 + 5, 13 * 1024])("of %i elements have the bits of their own sum", async count => {
    const asked = (rows: Rows<Flight>) => rows.groupBy(r => r.id).aggregate({ total: g => g.sum(r => r.price), f32: g => g.average(r => r.single) }).toColumnsAsync();
    const one = new BigInt64Array(count);
    const chunks = [...cut([700, 1], count)].map(chunk => ({ ...chunk, id: new BigInt64Array(chunk.id.length) }));
    const { total } = await asked(runtime.compute(stream(chunks, HOLDS)) as Rows<Flight>);
    expect(total).toEqual(count === 0 ? new Float64Array(0) : Float64Array.of(scripted.compute(price.subarray(0, count)).sum().value()));
    expect(await asked(runtime.compute(stream(chunks, HOLDS)) as Rows<Flight>)).toEqual(await asked(scripted.compute({ ...rowsFrom(0, count), id: one }) as never));
  });

  it("that are different come as they are found", async () => {
    const values = Float64Array.from({ length: COUNT }, (_, at) => pick([NaN, -0, 0, at % 500, at % 50_000, -at], at));
    const asked = (query: Query<Float64Array>) => query.map(x => x / 2).distinct().map((x, i) => x * (i % 5)).toArrayAsync();
    const chunks = [values.subarray(0, 1), values.subarray(1, 40_000), values.subarray(40_000)];
    expect(await asked(runtime.compute(stream(chunks, Float64Array)))).toEqual(await asked(scripted.compute(values)));
    const seen: number[][] = [];
    for await (const chunk of runtime.compute(stream([[1, 2, 1], [2], [3, 1]].map(x => Float64Array.from(x)), Float64Array)).distinct()) seen.push([...chunk]);
    expect(seen).toEqual([[1, 2], [3]]);
    const pairs = (rows: Rows<Flight>) => rows.map(r => ({ carrier: r.carrier, seats: r.seats })).distinct().toColumnsAsync();
    expect(await pairs(runtime.compute(stream(cut([999, 40_000]), HOLDS)))).toEqual(await pairs(whole));
  });
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is still needed: what is only waiting to be collected does not count. */
function held(): number {
  // Memory of arrays is given back by another thread, which the second collection waits for.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe("groups over a stream", () => {
  it("say what is done piece by piece, and refuse what needs all elements", () => {
    const rows = () => scripted.compute(stream([] as Flight[], HOLDS));
    const text = rows().groupBy(r => r.carrier).aggregate({ n: g => g.count(), total: g => g.sum(r => r.price) }).orderBy(g => g.n).explain();
    expect(text).toContain("group: piece by piece a hash table, on the calling thread, as JavaScript; the groups, n (count), total (sum) are carried along as JavaScript, of sums 32 lanes and a tree of blocks for each group: memory for the groups, not for the stream");
    expect(text).toContain("barrier: groups are made between kernels, piece by piece");
    expect(text).toContain("sort: a stable radix sort by one key, on the calling thread, as JavaScript, once all rows are there that a step before has left");
    expect(rows().map(r => r.key).distinct().explain()).toContain("distinct: piece by piece, on the calling thread, as JavaScript; then by a table of all that were different so far, as JavaScript");
    expect(() => rows().groupBy(r => r.carrier).aggregate({ v: g => g.median(r => r.price) }).explain()).toThrow(/^DC310: the median of a group needs all of its elements at once, and a stream has them one after another\nTake count, sum/);
    expect(() => rows().groupBy(r => r.carrier).aggregate({ v: g => g.variance(r => r.price) }).explain()).toThrow(/^DC310: the variance of a group/);
    expect(() => rows().reverse().groupBy(r => r.carrier).aggregate({ n: g => g.count() }).explain()).toThrow(/^DC310: reverse\(\) needs all/);
  });

  it("take memory for the groups, over 90 MB", async () => {
    const chunk = { key: Int32Array.from({ length: 50_000 }, (_, at) => at % 1000), price: new Float64Array(50_000).fill(0.1) };
    const seen: number[] = [];
    const chunks = function* (): Generator<typeof chunk> {
      for (let at = 0; at < 150; at += 1) {
        if (at % 30 === 29) seen.push(held());
        yield chunk;
      }
    };
    const found = await createRuntime({ backend: ["cpu", "js"] }).compute(stream(chunks(), { key: Int32Array, price: Float64Array })).groupBy(r => r.key).aggregate({ n: g => g.count(), total: g => g.sum(r => r.price) }).toColumnsAsync();
    expect(found.key).toHaveLength(1000);
    expect(found.n[7]).toBe(7500);
    expect(found.total[7]).toBe(scripted.compute(new Float64Array(7500).fill(0.1)).sum().value());
    // From the first groups on it grows no more, though 70 MB come.
    expect(Math.max(...seen.slice(1)) - (seen[0] as number)).toBeLessThan(8e6);
  });
});
