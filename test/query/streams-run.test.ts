/** How streams are read: one chunk at a time, no further than needed, and closed whatever happens; and results as streams. */
import { Readable } from "node:stream";
import { setImmediate as nextTurn, setTimeout as after } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, createRuntime, range, stream, type Query, type RunInfo } from "../../src/index.js";
import { sample } from "./support.js";

const scripted = createRuntime({ backend: "js" });
const PIECE = 65_536;

/** A producer that tells what happened to it. */
class Producer implements AsyncIterable<Float64Array> {
  asked = 0;
  opened = 0;
  closed = 0;

  constructor(
    private readonly count: number,
    private readonly length = PIECE,
    private readonly failsAt = Infinity,
  ) {}

  [Symbol.asyncIterator](): AsyncIterator<Float64Array> {
    this.opened += 1;
    let at = 0;
    return {
      next: async () => {
        await nextTurn();
        if (at >= this.count) return { done: true, value: undefined };
        if (at === this.failsAt) throw new Error("the disk is gone");
        this.asked += 1;
        return { done: false, value: new Float64Array(this.length).fill(at++) };
      },
      return: async () => {
        this.closed += 1;
        return { done: true, value: undefined };
      },
    };
  }
}

const over = (chunks: AsyncIterable<Float64Array>): Query<Float64Array> => scripted.compute(stream(chunks, Float64Array));

describe("a stream", () => {
  it("is not touched before a value is asked for, and is read to its end then", async () => {
    const producer = new Producer(3, 100);
    const total = over(producer).sum();
    expect(producer.opened).toBe(0);
    expect(await total).toBe(300);
    expect(await total).toBe(300);
    expect([producer.opened, producer.asked, producer.closed]).toEqual([1, 3, 0]);
  });

  it("is read no further than a search needs, and closed there", async () => {
    const producer = new Producer(100);
    expect(await over(producer).findIndex(x => x === 2)).toBe(2 * PIECE);
    expect([producer.asked, producer.closed]).toEqual([3, 1]);
    const taken = new Producer(100, 1000);
    expect(await over(taken).take(2500).count()).toBe(2500);
    expect([taken.asked, taken.closed]).toEqual([3, 1]);
    const filtered = new Producer(100);
    expect(await over(filtered).filter(x => x > 0).take(10).count()).toBe(10);
    expect([filtered.asked, filtered.closed]).toEqual([2, 1]);
    const none = new Producer(100);
    expect(await over(none).take(0).toArrayAsync()).toEqual(new Float64Array(0));
    expect(none.opened).toBe(0);
  });

  it("is asked for a chunk only when the one before has been worked on", async () => {
    const producer = new Producer(20);
    let worked = 0;
    let ahead = 0;
    await over(producer).map(x => x + 1).forEach(async chunk => {
      await after(1);
      ahead = Math.max(ahead, producer.asked - worked);
      worked += chunk.length / PIECE;
    });
    expect([worked, ahead]).toEqual([20, 1]);
  });

  it("hands errors of its producer to the caller, and needs no closing then", async () => {
    const producer = new Producer(10, 1000, 4);
    await expect(over(producer).sum().run()).rejects.toThrow("the disk is gone");
    await expect(over(new Producer(10, 1000, 4)).toArrayAsync()).rejects.toThrow("the disk is gone");
    expect([producer.asked, producer.closed]).toEqual([4, 0]);
  });

  it("is closed where a lambda fails", async () => {
    const producer = new Producer(10, 1000);
    const table = new Float64Array(2500);
    await expect(over(producer).map((_x, i) => table[i]!, { table }).sum().run()).rejects.toThrow("table[2500] is out of range: table has 2500 elements");
    expect(producer.closed + (producer.asked === 10 ? 1 : 0)).toBe(1);
    const each = new Producer(10, 1000);
    await expect(over(each).map((_x, i) => table[i]!, { table }).forEach(() => undefined)).rejects.toThrow(RangeError);
    expect([each.asked, each.closed]).toEqual([3, 1]);
  });

  it("is closed where a callback fails, and where a loop is left", async () => {
    const producer = new Producer(10, 1000);
    await expect(over(producer).forEach(() => { throw new Error("no more"); })).rejects.toThrow("no more");
    expect([producer.asked, producer.closed]).toEqual([1, 1]);
    const left = new Producer(10, 1000);
    for await (const chunk of over(left).filter(x => x > 0)) {
      expect(chunk).toEqual(new Float64Array(1000).fill(1));
      break;
    }
    expect([left.asked, left.closed]).toEqual([2, 1]);
  });

  it("is closed by an abort: before, between and while chunks are waited for", async () => {
    const before = new Producer(10);
    await expect(over(before).sum().run({ signal: AbortSignal.abort(new Error("not now")) })).rejects.toThrow("not now");
    expect(before.opened).toBe(0);

    const between = new Producer(1000, 10);
    const controller = new AbortController();
    const run = over(between).forEach(() => between.asked === 5 && controller.abort(new Error("enough")), { signal: controller.signal });
    await expect(run).rejects.toThrow("enough");
    expect([between.asked, between.closed]).toEqual([5, 1]);

    let closed = 0;
    const hanging: AsyncIterable<Float64Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined), return: async () => ((closed += 1), { done: true, value: undefined }) }) };
    await expect(over(hanging).sum().run({ signal: AbortSignal.timeout(20) })).rejects.toThrow(/timeout/);
    expect(closed).toBe(1);
  });

  it("of chunks that are there at once can be aborted by a timer", async () => {
    const endless: Iterable<Float64Array> = { *[Symbol.iterator]() { for (;;) yield new Float64Array(10); } };
    await expect(scripted.compute(stream(endless, Float64Array)).sum().run({ signal: AbortSignal.timeout(30) })).rejects.toThrow(/timeout/);
  });

  it("leaves no listener on a signal", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const counted = new Proxy(signal, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === "addEventListener") return (...args: Parameters<AbortSignal["addEventListener"]>) => ((listeners += 1), target.addEventListener(...args));
        if (name === "removeEventListener") return (...args: Parameters<AbortSignal["removeEventListener"]>) => ((listeners -= 1), target.removeEventListener(...args));
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    await over(new Producer(5, 100)).sum().run({ signal: counted });
    expect(listeners).toBe(0);
  });

  it("that gives its chunks once cannot be read twice", async () => {
    const generator = (async function* () { yield Float64Array.of(1); })();
    const query = over(generator);
    expect(await query.sum()).toBe(1);
    await expect(query.sum().run()).rejects.toThrow(/^DC301: the stream has been read before, and its chunks come only once/);
    await expect(over(generator).count().run()).rejects.toThrow(/^DC301: the stream has been read before/);
    const readable = Readable.from([Float64Array.of(2)]);
    expect(await over(readable).sum()).toBe(2);
    await expect(over(readable).sum().run()).rejects.toThrow(/^DC301: the stream has been read before/);
    const again = stream([Float64Array.of(1), Float64Array.of(2)], Float64Array);
    expect(await compute(again).sum()).toBe(3);
    expect(await compute(again).max()).toBe(2);
  });

  it("may be a Readable, which is destroyed when it is left, or aborted while it waits", async () => {
    const readable = Readable.from([Float64Array.of(1, 2), Float64Array.of(3)]);
    expect(await over(readable).first()).toBe(1);
    expect(readable.destroyed).toBe(true);
    const bytes = Readable.from([Buffer.from("ab"), Buffer.from("c")], { objectMode: false });
    expect(await compute(stream(bytes as AsyncIterable<Uint8Array>, Uint8Array)).sum()).toBe(97 + 98 + 99);
    const silent = new Readable({ objectMode: true, read: () => undefined });
    await expect(over(silent).sum().run({ signal: AbortSignal.timeout(20) })).rejects.toThrow(/timeout/);
    expect(silent.destroyed).toBe(true);
  });

  it("takes chunks on memory that may shrink, or is shared", async () => {
    const shrinking = new Float64Array(new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(8 * PIECE, { maxByteLength: 16 * PIECE })).fill(1);
    const shared = new Float64Array(new SharedArrayBuffer(8 * PIECE)).fill(1);
    expect(await scripted.compute(stream([shrinking, shared], Float64Array)).sum()).toBe(2 * PIECE);
    expect(await scripted.compute(stream([shrinking, shared], Float64Array)).map(x => x + 1).toArrayAsync()).toEqual(new Float64Array(2 * PIECE).fill(2));
  });

  it("is tapped with places of the whole", async () => {
    const seen: [number, number][] = [];
    const places = Float64Array.from({ length: 70_000 }, (_, at) => at);
    const query = scripted.compute(stream([places, places], Float64Array)).filter(x => x % 1000 === 0).tap((x, i) => void seen.push([x, i]));
    expect(await query.count()).toBe(140);
    expect(seen).toEqual(Array.from({ length: 140 }, (_, i) => [(i % 70) * 1000, i]));
  });

  it("tells what ran, once", async () => {
    const runs: RunInfo[] = [];
    const runtime = createRuntime({ backend: "js", onRun: info => runs.push(info) });
    await runtime.compute(stream(new Producer(3), Float64Array)).filter(x => x > 0).map((x, i) => x + i).sum();
    expect(runs).toEqual([{ terminal: "sum", backend: "js", kernels: [{ backend: "js", length: 3 * PIECE }, { backend: "js", length: 2 * PIECE }] }]);
  });
});

describe("memory", () => {
  /** 400 MB in one and the same array, and the most that is in use while it is read. */
  const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const watched = (): { readonly query: Query<Float64Array>; readonly peak: () => number } => {
    const chunk = new Float64Array(50_000).fill(1);
    const begin = used();
    let peak = 0;
    const chunks = function* (): Generator<Float64Array> {
      for (let at = 0; at < 1000; at += 1) {
        peak = Math.max(peak, used() - begin);
        yield chunk;
      }
    };
    return { query: scripted.compute(stream(chunks(), Float64Array)), peak: () => peak };
  };

  it("stays constant over 400 MB that come to one value, kernels in between included", async () => {
    const { query, peak } = watched();
    expect(await query.filter(x => x > 0).map((x, i) => x * (i % 2)).sum()).toBe(25_000_000);
    expect(peak()).toBeLessThan(40e6);
  });

  it("is what the collector has not taken back yet where results are new arrays", async () => {
    const { query, peak } = watched();
    let sum = 0;
    await query.filter(x => x > 0).map((x, i) => x + (i % 2)).forEach(part => void (sum += part[0] as number));
    expect(sum).toBeGreaterThan(0);
    expect(peak()).toBeLessThan(150e6);
  });
});

describe("results as a stream", () => {
  const lengths = fc.array(fc.oneof(fc.constantFrom(0, 1, 1024, PIECE), fc.nat(100_000)), { maxLength: 6 });
  const array = sample("f64", 200_000) as Float64Array;
  const cut = (ends: readonly number[]): Float64Array[] => {
    let from = 0;
    return [...ends, 200_000].map(length => array.subarray(from, Math.min(200_000, (from += length))));
  };
  const joined = (parts: readonly Float64Array[]): Float64Array => Float64Array.from(parts.flatMap(part => [...part]));

  it("are the results, by for await, forEach and toArrayAsync, of streams and of arrays", async () => {
    const expected = scripted.compute(array).filter(x => x > 0).map((x, i) => x * i).toArray();
    await fc.assert(
      fc.asyncProperty(lengths, async ends => {
        for (const query of [scripted.compute(stream(cut(ends), Float64Array)), scripted.compute(array)].map(q => q.filter(x => x > 0).map((x, i) => x * i))) {
          const parts: Float64Array[] = [];
          for await (const part of query) parts.push(part);
          expect(joined(parts)).toEqual(expected);
          expect(parts.every(({ length }) => length > 0 && length <= PIECE)).toBe(true);
          expect(await query.toArrayAsync()).toEqual(expected);
        }
      }),
      { numRuns: 4 },
    );
  });

  it("come in chunks of the size that is asked for", async () => {
    const parts: Float64Array[] = [];
    await scripted.compute(stream(cut([10, 70_000, 3]), Float64Array)).map(x => x + 1).forEach(part => parts.push(part), { chunk: 30_000 });
    expect(parts.map(({ length }) => length)).toEqual([30_000, 30_000, 30_000, 30_000, 30_000, 30_000, 20_000]);
    expect(joined(parts)).toEqual(array.map(x => x + 1));
    expect(new Set(parts.map(({ buffer }) => buffer)).size).toBeGreaterThan(1);
  });

  it("come as soon as their chunk does", async () => {
    const seen: number[] = [];
    const producer = new Producer(4, 10);
    for await (const part of over(producer)) seen.push(producer.asked, part.length);
    expect(seen).toEqual([1, 10, 2, 10, 3, 10, 4, 10]);
  });

  it("of arrays come in pieces, behind a stage that needs all of them, too, and from ranges", async () => {
    const sorted: Float64Array[] = [];
    for await (const part of scripted.compute(array).orderBy(x => x)) sorted.push(part);
    expect(sorted.map(({ length }) => length)).toEqual([PIECE, PIECE, PIECE, 200_000 - 3 * PIECE]);
    expect(joined(sorted)).toEqual(scripted.compute(array).orderBy(x => x).toArray());
    const last: Float64Array[] = [];
    for await (const part of scripted.compute(array).slice(-70_000)) last.push(part);
    expect(joined(last)).toEqual(array.slice(-70_000));
    let total = 0;
    for await (const part of scripted.compute(range(200_000)).map((x, i) => x - i + x)) total += await scripted.compute(part).sum();
    expect(total).toBe((200_000 * 199_999) / 2);
    const numbers: Float64Array[] = [];
    for await (const part of scripted.compute([1, 2, 3])) numbers.push(part);
    expect(numbers).toEqual([Float64Array.of(1, 2, 3)]);
  });

  it("are columns of rows", async () => {
    const table = { price: array, place: Int32Array.from(array, (_, at) => at) };
    const chunks = [0, 1, 70_000].map((from, at, all) => ({ price: table.price.slice(from, all[at + 1]), place: table.place.slice(from, all[at + 1]), more: "unread" }));
    const kept = scripted.compute(table).filter(r => r.price > 0).toColumns();
    const query = scripted.compute(stream(chunks, { price: Float64Array, place: Int32Array })).filter(r => r.price > 0);
    expect(await query.toColumnsAsync()).toEqual(kept);
    const prices: Float64Array[] = [];
    const places: number[] = [];
    for await (const { price, place } of query) { prices.push(price); places.push(...place); }
    expect(joined(prices)).toEqual(kept.price);
    expect(Int32Array.from(places)).toEqual(kept.place);
    let rows = 0;
    await scripted.compute(table).forEach(({ price, place }) => { expect(price.length).toBe(place.length); rows += price.length; }, { chunk: 777 });
    expect(rows).toBe(200_000);
    expect(await scripted.compute(stream([] as { price: Float64Array }[], { price: Float64Array })).toColumnsAsync()).toEqual({ price: new Float64Array(0) });
  });

  it("go into an array that is there", async () => {
    const into = new Float64Array(5);
    const query = (): Query<Float64Array> => scripted.compute(stream([Float64Array.of(1, 2), Float64Array.of(3)], Float64Array)).map(x => x * 2);
    const view = await query().toArrayAsync({ into });
    expect(view).toEqual(Float64Array.of(2, 4, 6));
    expect(view.buffer).toBe(into.buffer);
    await expect(query().toArrayAsync({ into: new Float64Array(2) })).rejects.toThrow(/^DC304: into has 2 elements, but the stream gives more results/);
    await expect(query().toArrayAsync({ into: new Int8Array(9) as never })).rejects.toThrow(/^DC304: into is an Int8Array, but the results are a Float64Array/);
  });
});

describe("what is wrong with a stream", () => {
  it("is told where it is made", () => {
    const make = stream as (chunks: unknown, holds?: unknown) => unknown;
    expect(() => make(Float64Array.of(1), Float64Array)).toThrow(/^DC301: stream\(\) takes an iterable of chunks, not a Float64Array/);
    expect(() => make(7, Float64Array)).toThrow(/^DC301: stream\(\) takes an iterable of chunks, not 7/);
    expect(() => make([])).toThrow(/^DC305: stream\(\) is told what its chunks hold by undefined/);
    expect(() => make([], {})).toThrow(/^DC305: stream\(\) is told what its chunks hold by an object/);
    expect(() => make([], Map)).toThrow(/^DC305: stream\(\) takes a typed array's constructor, not Map/);
    expect(() => make([], { price: 7 })).toThrow(/^DC305: stream\(\) takes a typed array's constructor, not 7/);
    expect(() => compute((async function* () {})() as never)).toThrow(/compute\(stream\(iterable, Float64Array\)\)/);
  });

  it("is told with the chunk and the column", async () => {
    const sum = (chunks: unknown[]): Promise<number> => scripted.compute(stream(chunks as Float64Array[], Float64Array)).sum().run();
    await expect(sum([Float64Array.of(1), Float32Array.of(1)])).rejects.toThrow(/^DC301: chunk 1 of the stream is a Float32Array, not a Float64Array/);
    await expect(sum([[1, 2]])).rejects.toThrow(/^DC301: chunk 0 of the stream is an array/);
    await expect(sum([undefined])).rejects.toThrow(/^DC301: chunk 0 of the stream is undefined/);
    const rows = (chunks: unknown[]): Promise<number> => scripted.compute(stream(chunks as { a: Float64Array; b: Int8Array }[], { a: Float64Array, b: Int8Array })).count().run();
    const good = { a: Float64Array.of(1), b: Int8Array.of(1) };
    await expect(rows([good, { a: good.a }])).rejects.toThrow(/^DC301: the column b of chunk 1 of the stream is missing, not an Int8Array/);
    await expect(rows([{ ...good, a: good.b }])).rejects.toThrow(/^DC301: the column a of chunk 0 of the stream is an Int8Array, not a Float64Array/);
    await expect(rows([{ ...good, b: new Int8Array(3) }])).rejects.toThrow(/^DC308: in chunk 0 of the stream the column a has 1 elements, but b has 3/);
    await expect(rows([good.a])).rejects.toThrow(/^DC301: chunk 0 of the stream is a Float64Array, not an object of columns/);
    const gone = Float64Array.of(1);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    await expect(sum([gone])).rejects.toThrow(/^DC307: chunk 0 of the stream, a Float64Array, has lost its buffer/);
  });

  it("is told where results are wanted now", () => {
    const query = over(new Producer(1));
    expect(() => query.sum().value()).toThrow("DC310: a stream's chunks come later, so sum() cannot give its result now\nAwait it: await query.sum(…).");
    expect(() => query.toArray()).toThrow("DC310: a stream's chunks come later, so toArray() cannot give its result now\nWrite await query.toArrayAsync(), or for await (const chunk of query).");
    const rows = scripted.compute(stream([] as { a: Float64Array }[], { a: Float64Array }));
    expect(() => rows.toColumns()).toThrow(/^DC310: a stream's chunks come later, so toColumns\(\)/);
    expect(() => rows.toRows()).toThrow(/^DC310/);
    expect(() => compute(BigInt64Array.of(1n)).includes(2n ** 70n).value()).not.toThrow();
    expect(() => scripted.compute(stream([] as BigInt64Array[], BigInt64Array)).includes(2n ** 70n).value()).toThrow(/^DC310/);
  });

  it("is told with the stage that needs all elements", async () => {
    const query = over(new Producer(1));
    await expect(query.orderBy(x => x).toArrayAsync()).rejects.toThrow(/^DC310: orderBy\(\) needs all elements first, and a stream has them one after another\nCollect what comes before: const all = await query\.toArrayAsync\(\), or toColumnsAsync\(\); then compute\(all\)\.orderBy\(…\)\.$/);
    expect(() => query.single()).toThrow(/^DC310: single\(\) reads its elements twice/);
    expect(() => query.minBy(x => -x)).toThrow(/^DC310: minBy\(\) reads its elements twice, and a stream is read once/);
    expect(() => query.window(3, { edge: "wrap" }).sum().explain()).toThrow(/^DC310: window\(\) with the edge "wrap" begins with what stands at the end, and a stream's end comes last\nTake another edge/);
    await expect(query.reverse().sum().run()).rejects.toThrow(/^DC310: reverse\(\) needs all elements first/);
    await expect(query.slice(-3).sum().run()).rejects.toThrow(/^DC310: slice\(\) counts -3 from the end/);
    await expect(query.slice(1, -3).sum().run()).rejects.toThrow(/^DC310: slice\(\) counts -3 from the end/);
    expect(() => query.orderByDescending(x => x).explain()).toThrow(/^DC310: orderByDescending\(\)/);
    expect(() => compute(Float64Array.of(1)).concat(query)).toThrow(/^DC310: concat\(\) needs all of the other query, and its source is a stream/);
    await expect(query.forEach(7 as never)).rejects.toThrow(/^DC305: forEach\(\) takes a function, not 7/);
    await expect(query.forEach(() => 1, { chunk: 0.5 })).rejects.toThrow(/^DC305: the option chunk of forEach\(\) is a number of elements/);
  });
});
