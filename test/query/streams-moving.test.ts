/** Verbs over streams that look at neighbours, carry something along or change the number of elements: what they give of the whole array. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, stream, type Query } from "../../src/index.js";
import { difference } from "../fusion/by-hand.js";

const PIECE = 65_536;
const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, runtime: createRuntime({ backend }) }));
const scripted = createRuntime({ backend: "js" });

/** The array in chunks of these lengths, again and again; each in memory that the next one overwrites. */
function* cut(array: Float64Array, lengths: readonly number[]): Generator<Float64Array> {
  const reused = new Float64Array(Math.max(...lengths, 1));
  for (let from = 0, turn = 0; from < array.length; turn += 1) {
    const length = lengths[turn % lengths.length] as number;
    const part = array.subarray(from, from + length);
    reused.fill(NaN).set(part);
    yield reused.subarray(0, part.length);
    from += length;
  }
}

const chunkings = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, 1, 31, 1023, 1024, 1025, PIECE - 1, PIECE, PIECE + 1) }, { weight: 1, arbitrary: fc.nat(150_000) }), { minLength: 1, maxLength: 5 })
  .map(lengths => (Math.max(...lengths) < 1000 ? [...lengths, 20_000] : lengths));

const LENGTHS = [0, 1, 2, 5, 1023, 1025, PIECE - 1, PIECE, PIECE + 1, 150_003];
/** Sums of these depend on their order; NaN, -0 and infinities would soon be all there is, so they stand apart. */
const numbers = (length: number): Float64Array => Float64Array.from({ length }, (_, at) => (at % 97 === 0 ? -0 : Math.sin(at) * 10 ** (at % 4)));
const special = (array: Float64Array): Float64Array => array.map((x, at) => (at % 1009 === 7 ? [NaN, Infinity, -Infinity, -0][at % 4] as number : x));

type Verb = (query: Query<Float64Array>) => Query<Float64Array>;

const VERBS: Readonly<Record<string, Verb>> = {
  "a running sum": q => q.scan((a, x) => a + x, 0.5),
  "a running sum without a seed": q => q.scan((a, x) => a + x),
  "a running sum before each": q => q.scan((a, x) => a + x, 1 / 3, {}, { exclusive: true }),
  "a running product": q => q.map(x => 1 + x * 1e-7).scan((a, x) => a * x),
  "a running maximum": q => q.scan((a, x) => Math.max(a, x)),
  "a running minimum before each": q => q.scan((a, x) => Math.min(a, x), 3, {}, { exclusive: true }),
  "running bits": q => q.scan((a, x) => a ^ x, 5),
  "running bits without a seed, as integers": q => q.map(x => x | 0, Int32Array).scan((a, x) => a ^ x).as(Float64Array),
  "an exact running sum": q => q.map(x => x | 0, Int32Array).scan((a, x) => a + x).as(Float64Array),
  "an average that forgets": q => q.scan((a, x) => a * k + x * (1 - k), 5, { k: 0.9 }),
  "an average that forgets, from the first on": q => q.scan((a, x) => a * 0.9 + x * 0.1),
  "an average that forgets, before each": q => q.scan((a, x) => a * 0.9 + x * 0.1, 1, {}, { exclusive: true }),
  "a sequential sum": q => q.scan((a, x) => a + x, 0, {}, { sequential: true }),
  "a running sum with places": q => q.scan((a, x, i) => a + x * i, 0),
  "a running sum of an f32": q => q.map(x => x, Float32Array).scan((a, x) => a + x, 0).as(Float64Array),
  "a running sum behind a filter, and places behind it": q => q.filter(x => x > 0).scan((a, x) => a + x, 0).map((x, i) => x / (i + 1)),
  "a scan of a scan": q => q.scan((a, x) => Math.max(a, x)).scan((a, x) => a + x, 0).filter(x => x > 10),
  "returns": q => q.window(2).map(([before, now]) => now / before - 1),
  "a moving average": q => q.window(7).average(),
  "a moving average, clamped": q => q.window(5, { edge: "clamp" }).average(),
  "a moving maximum, with zeros around": q => q.window(4, { edge: "constant", value: 0 }).max(),
  "windows of one": q => q.window(1).map(([x], i) => x * i),
  "neighbours behind": q => q.neighbours([1, 2]).map(([a, b]) => a - b),
  "neighbours far away": q => q.neighbours([-1000, 0, 70_000]).map(([a, b, c]) => a + 2 * b + 3 * c),
  "neighbours far away, clamped": q => q.neighbours([-70_000, 0, 3]).map(([a, b, c]) => a + 2 * b + 3 * c),
  "neighbours beyond the ends": q => q.neighbours([-70_000, 0, 66_000], { edge: "constant", value: -1 }).map(([a, b, c]) => a + 2 * b + 3 * c),
  "neighbours clamped on one side": q => q.neighbours([-3], { edge: "clamp" }).map(([a]) => a + 1),
  "windows behind a filter": q => q.filter(x => x > 0).window(3).map(([a, b, c], i) => (a + b * c) * (i % 7)),
  "windows of windows": q => q.window(3).sum().window(2, { edge: "clamp" }).map(([a, b]) => a - b).filter(x => x > 0),
  "windows behind a slice": q => q.skip(1000).window(3).sum().take(70_000),
  "chunks of three": q => q.chunk(3).map(([a, b, c], i) => a * b - c * i),
  "sums of seven": q => q.chunk(7).sum(),
  "chunks behind a filter": q => q.filter(x => x > 0).chunk(5).max(),
  "lists": q => q.flatMap(x => [x, -x, x * 2]),
  "lists of several lengths": q => q.flatMap((x, i) => (i % 3 === 0 ? [] : x > 0 ? [x, i] : [x])),
  "places behind lists": q => q.flatMap(x => [x, -x]).map((x, i) => x * i).filter(x => x > 3),
  "lists of windows": q => q.window(2).map(([a, b]) => b - a).flatMap(x => (x > 0 ? [x] : [])).scan((a, x) => a + x, 0),
  "beside another query": q => q.zip(scripted.compute(beside).map(x => x * 2), (x, y, i) => x * y + i).as(Float64Array),
  "beside columns, and another": q => q.filter(x => x > 0).zip(scripted.compute({ a: beside, b: beside }), scripted.compute(beside), (x, r, y) => x + r.a * r.b - y).as(Float64Array),
  "beside fewer": q => q.zip(scripted.compute(Float64Array.of(1, 2, 3)), (x, y) => x * y).as(Float64Array),
  "another query behind them": q => q.map(x => x + 1).concat(scripted.compute(beside).filter(x => x > 0)).map((x, i) => x * (i % 11)),
  "all but the first ones": q => q.map((x, i) => x * i).skip(1030).map((x, i) => x - i),
  "while they are small": q => q.scan((a, x) => Math.max(a, x)).takeWhile(x => x < 990),
  "once they are large": q => q.skipWhile(x => x < 900).scan((a, x) => a + x, 0),
};
declare const k: number;
const beside = Float64Array.from({ length: 70_000 }, (_, at) => Math.cos(at));

describe.each(RUNTIMES)("over a stream, on $backend", ({ runtime }) => {
  describe.each(Object.entries(VERBS))("%s", (_name, verb) => {
    const of = (array: Float64Array, lengths: readonly number[]): Query<Float64Array> => verb(runtime.compute(stream(cut(array, lengths), Float64Array)));

    it("is what it is of the whole array, as an array, as chunks and folded", async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...LENGTHS), fc.boolean(), chunkings, async (length, specials, lengths) => {
          const array = specials ? special(numbers(length)) : numbers(length);
          const expected = verb(scripted.compute(array)).toArray();
          expect(difference(await of(array, lengths).toArrayAsync(), expected)).toBeNull();
          const parts: Float64Array[] = [];
          for await (const part of of(array, lengths)) parts.push(part);
          expect(difference(Float64Array.from(parts.flatMap(part => [...part])), expected)).toBeNull();
          expect(await of(array, lengths).sum()).toBe(verb(scripted.compute(array)).sum().value());
        }),
        { numRuns: 2, seed: 5, examples: [[150_003, false, [PIECE, 1, 1023]]] },
      );
    });
  });
});

describe("what moves over a stream", () => {
  const query = (): Query<Float64Array> => scripted.compute(stream([Float64Array.of(1, 2, 3)], Float64Array));

  it("says how pieces go on", () => {
    expect(query().scan((a, x) => a + x).explain()).toContain("in whole blocks of 1024: each goes on from the last value of the one before, by a second kernel that begins with a value");
    expect(query().scan((a, x) => Math.max(a, x), 0).explain()).toContain("chunk by chunk, as they come: each goes on from the last value of the one before");
    expect(query().window(3).sum().explain()).toContain("window: views at 3 offsets");
  });

  it("gives windows and running maxima as soon as their chunk is there", async () => {
    let asked = 0;
    const chunks = function* (): Generator<Float64Array> { for (; asked < 4; asked += 1) yield new Float64Array(10).fill(asked); };
    const seen: number[] = [];
    for await (const part of scripted.compute(stream(chunks(), Float64Array)).window(3).sum().scan((a, x) => Math.max(a, x))) seen.push(asked, part.length);
    expect(seen).toEqual([0, 8, 1, 10, 2, 10, 3, 10]);
  });

  it("reads no more than it is put beside, and nothing where it is put beside nothing", async () => {
    let asked = 0;
    const chunks = { *[Symbol.iterator](): Generator<Float64Array> { for (asked = 0; ; asked += 1) yield new Float64Array(1000).fill(asked); } };
    const zipped = (other: Float64Array): Promise<Float64Array> => scripted.compute(stream(chunks, Float64Array)).zip(scripted.compute(other), (x, y) => x + y).as(Float64Array).toArrayAsync();
    expect(await zipped(new Float64Array(1500))).toEqual(new Float64Array(1500).fill(1, 1000));
    expect(asked).toBeLessThan(70);
    asked = -1;
    expect(await zipped(new Float64Array(0))).toEqual(new Float64Array(0));
    expect(asked).toBe(-1);
  });

  it("is no longer than what windows reach for, over 200 MB", async () => {
    const chunk = new Float64Array(50_000).fill(1);
    const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const begin = used();
    let peak = 0;
    const chunks = function* (): Generator<Float64Array> {
      for (let at = 0; at < 500; at += 1) {
        peak = Math.max(peak, used() - begin);
        yield chunk;
      }
    };
    const moved = scripted.compute(stream(chunks(), Float64Array)).scan((a, x) => a + x, 0).window(2).map(([a, b]) => b - a).chunk(3).sum().flatMap(x => [x, x]);
    expect(await moved.sum()).toBe(2 * 3 * Math.floor(24_999_999 / 3));
    expect(peak).toBeLessThan(40e6);
  });
});
