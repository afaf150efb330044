/** takeWhile and skipWhile, tap, and zips of several queries, against arrays. */
import { describe, expect, it } from "vitest";
import { compute, createRuntime, fromJSON, range, repeat, stream, type Query, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const js = createRuntime({ backend: "js" });
const BACKENDS: readonly (readonly [string, string | null, () => Runtime])[] = [
  ["js", null, () => js],
  ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })],
];

const endOf = <T>(items: readonly T[], test: (x: T, i: number) => boolean): number => {
  const found = items.findIndex((x, i) => !test(x, i));
  return found < 0 ? items.length : found;
};

describe.each(BACKENDS)("on %s", (_, missing, make) => {
  const runtime = missing === null ? make() : null;

  it.skipIf(missing !== null)("elements are taken and skipped while the lambda is true", { timeout: 60_000 }, () => {
    for (const length of [0, 1, 31, 33, 1024, 3000]) {
      for (const limit of [-1, 0, 20, 700, 1023, 1024, 1e9]) {
        const array = Float64Array.from({ length }, (_value, i) => (i === 900 ? NaN : i));
        const list = [...array];
        const query = (runtime as Runtime).compute(array);
        const end = endOf(list, x => !(x > limit));
        expect(query.takeWhile(x => !(x > limit), { limit }).toArray()).toEqual(array.slice(0, end));
        expect(query.skipWhile(x => !(x > limit), { limit }).toArray()).toEqual(array.slice(end));
        expect(query.map((x, i) => x * 2 - i).takeWhile((x, i) => x + i <= limit, { limit }).sum().value()).toEqual(js.compute(Float64Array.from(list.map((x, i) => x * 2 - i).slice(0, endOf(list.map((x, i) => x * 2 - i), (x, i) => x + i <= limit)))).sum().value());
        const odd = list.filter(x => x % 2 === 1);
        const oddEnd = endOf(odd, x => x < limit);
        expect(query.filter(x => x % 2 === 1).skipWhile(x => x < limit, { limit }).map((x, i) => x * i).toArray()).toEqual(Float64Array.from(odd.slice(oddEnd).map((x, i) => x * i)));
        expect(query.filter(x => x % 2 === 1).takeWhile(x => x < limit, { limit }).count().value()).toEqual(oddEnd);
        expect((runtime as Runtime).compute(range(length)).skipWhile(x => x < limit, { limit }).take(4).toArray()).toEqual(Float64Array.from({ length }, (_value, i) => i).slice(endOf(Array.from({ length }, (_value, i) => i), x => x < limit)).slice(0, 4));
      }
    }
  });

  it.skipIf(missing !== null)("any number of queries are zipped", { timeout: 60_000 }, () => {
    const { compute: start } = runtime as Runtime;
    for (const length of [0, 1, 33, 1025]) {
      const [a, b] = [Float64Array.from({ length }, (_value, i) => i / 3), Int16Array.from({ length: length + 2 }, (_value, i) => i * 7)];
      const big = BigInt64Array.from(b, BigInt);
      const k = 2;
      expect(start(a).zip(start(b), start(range(length)), (x, y, z, i) => x * k + y - z * i, { k }).toArray()).toEqual(a.map((x, i) => x * 2 + (b[i] as number) - i * i));
      expect(start({ a }).zip(start(b), start({ big, b }), start(repeat(2, length)), (x, y, z, w) => ({ sum: x.a + y + z.b * w, big: z.big })).toColumns()).toEqual({ sum: a.map((x, i) => x + (b[i] as number) + (b[i] as number) * 2), big: big.slice(0, length) });
      expect(start(a).zip(start(b), start(b), start(b), start(a), (x, y, z, w, v) => x + y + z + w + v).toArray()).toEqual(a.map((x, i) => x + (b[i] as number) + (b[i] as number) + (b[i] as number) + x));
    }
  });
});

describe("while", () => {
  it("looks no further than it must, and stores nothing", () => {
    const lut = Float64Array.of(1, 2, 3);
    expect(js.compute(range(1e12)).map(i => i * 2).takeWhile(x => x < 10).toArray()).toEqual(Float64Array.of(0, 2, 4, 6, 8));
    // Behind the end, elements would fail.
    expect(js.compute(range(1000)).takeWhile(i => i < lut.length, { lut }).map(i => lut[i]!, { lut }).toArray()).toEqual(lut);
    expect(js.compute(range(10)).skipWhile(i => lut[i % 4]! < 3, { lut }).toArray()).toEqual(Float64Array.of(2, 3, 4, 5, 6, 7, 8, 9));
    const text = js.compute(Float64Array.of(1)).map(x => x * 2).takeWhile(x => x < 10).sum().explain();
    expect(text).toMatch(/kernel 1 of 2: map, takeWhile\n {2}reads the Float64Array\n {2}stops at the first that matches\n {2}barrier: takeWhile looks for the first element that is otherwise\n/);
    expect(text).toMatch(/keep: what lies before the place that was found, views, nothing is copied, on the calling thread\nkernel 2 of 2: map, sum\n {2}reads the Float64Array\n/);
    expect(js.compute({ a: Float64Array.of(1) }).filter(r => r.a > 0).skipWhile((_, i) => i < 2).explain()).toMatch(/kernel 2 of 3: skipWhile\n {2}reads no column[^]*kernel 3 of 3: toColumns\n {2}reads what kernel 1 stored/);
  });
});

describe("streams", () => {
  const array = Float64Array.from({ length: 50_000 }, (_, i) => i);
  const chunked = () => js.compute(stream([array.subarray(0, 7), array.subarray(7, 20_000), array.subarray(20_000)], Float64Array));

  it("are taken and skipped while the lambda is true, and read no further", async () => {
    for (const limit of [-1, 0, 6, 7, 19_999, 33_333, 1e9]) {
      const end = endOf([...array], x => x < limit);
      expect(await chunked().takeWhile(x => x < limit, { limit }).map((x, i) => x + i).toArrayAsync()).toEqual(array.slice(0, end).map(x => x * 2));
      expect(await chunked().filter(x => x % 2 === 0).skipWhile(x => x < limit, { limit }).sum()).toBe(js.compute(array.slice(end).filter(x => x % 2 === 0)).sum().value());
      expect(await chunked().skipWhile((_, i) => i < limit, { limit }).map((x, i) => x * i).toArrayAsync()).toEqual(array.slice(end).map((x, i) => x * i));
    }
    async function* endless() {
      for (;;) yield array;
    }
    expect(await js.compute(stream(endless(), Float64Array)).takeWhile((_, i) => i < 70_000).count()).toBe(70_000);
  });
});

describe("tap", () => {
  const array = Float64Array.of(3, 1, 2);

  it("is called with every element or row and its place, in order, and changes nothing", async () => {
    const seen: unknown[] = [];
    const query = compute(array).filter(x => x > 1).tap((x, i) => seen.push([x, i])).map(x => x * 2);
    expect(seen).toEqual([]);
    expect(query.toArray()).toEqual(Float64Array.of(6, 4));
    expect(seen).toEqual([[3, 0], [2, 1]]);
    expect(await query.sum()).toBe(10);
    expect(seen.length).toBe(4);
    const rows: unknown[] = [];
    const outer = { toString: () => "not known to any kernel" };
    expect(compute({ a: array, b: BigInt64Array.of(1n, 2n, 3n) }).tap((row, i) => void rows.push({ ...row, i, outer: String(outer) })).count().value()).toBe(3);
    expect(rows).toEqual([{ a: 3, b: 1n, i: 0, outer: outer.toString() }, { a: 1, b: 2n, i: 1, outer: outer.toString() }, { a: 2, b: 3n, i: 2, outer: outer.toString() }]);
  });

  it("lets exceptions through, and says that it cuts the kernel", async () => {
    const query = compute(array).tap(x => {
      if (x === 1) throw new RangeError("one");
    });
    expect(() => query.toArray()).toThrow(new RangeError("one"));
    await expect(query.toArrayAsync()).rejects.toThrow("one");
    expect(compute(array).map(x => x + 1).tap(Math.abs).explain()).toMatch(/\.tap\(function abs\(\) \{ \[native code\] \}\)[^]*barrier: tap calls a JavaScript function with every element\n[^]*\ntap: calls the function with every element, on the calling thread\nkernel 2 of 2/);
  });

  it("gives each query its own function", () => {
    const seen: string[] = [];
    const [one, two] = ["one", "two"].map(name => compute(array).tap(() => seen.push(name)));
    (one as Query<Float64Array>).count().value();
    (two as Query<Float64Array>).count().value();
    expect(seen).toEqual(["one", "one", "one", "two", "two", "two"]);
  });

  it.each<[string, () => unknown, string]>([
    ["no function", () => compute(array).tap(3 as never), "DC305: tap() takes a function, not 3"],
    ["a stored function", () => JSON.stringify(compute(array).tap(() => undefined)), "DC309: a query with tap() cannot be stored"],
    ["a row as a condition", () => compute(array).takeWhile(((x: number) => ({ x })) as never), "DC111: the lambda of takeWhile gives a row"],
    ["a zip with nothing", () => (compute(array).zip as () => unknown)(), "DC305: zip() takes another query, not undefined"],
    ["a zip with an array", () => (compute(array).zip as (...all: unknown[]) => unknown)(compute(array), array, () => 1), "DC305: zip() takes another query, not a Float64Array"],
    ["a zip without a function", () => (compute(array).zip as (...all: unknown[]) => unknown)(compute(array)), "DC305: zip() takes a function, not undefined"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });

  it("zips of several are stored with all their sources", () => {
    const query = js.compute(array).zip(js.compute(range(3)), js.compute(array).reverse(), (x, y, z) => x + y * z).takeWhile(x => x < 7);
    expect(fromJSON<Query<Float64Array>>(JSON.stringify(query), array, { runtime: js, others: [range(3)] }).toArray()).toEqual(query.toArray());
    expect(query.explain()).toContain(".zip(compute(range(3)), compute(Float64Array(3))…, (x, y, z) => x + y * z)");
  });
});
