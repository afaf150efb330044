/** flatMap: lists of one length and of several, of values and of rows, against `Array.prototype.flatMap`. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, LambdaError, range, type Query, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const js = createRuntime({ backend: "js" });
const BACKENDS: readonly (readonly [string, string | null, () => Runtime])[] = [
  ["js", null, () => js],
  ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })],
];
const SPECIAL = [NaN, -0, Infinity, 5e-324, 1.5, -2, 0];
const lut = Float64Array.of(10, 20, 30);
const k = 3;
const twice = (x: number): number => x * 2;

describe.each(BACKENDS)("on %s", (_, missing, make) => {
  const runtime = missing === null ? make() : null;
  it.skipIf(missing !== null)("flatMap gives what that of arrays gives", { timeout: 120_000 }, () => {
    const { compute } = runtime as Runtime;
    for (const length of [0, 1, 33, 1025, 3000]) {
      const a = Float64Array.from({ length }, (_value, i) => (i % 5 === 0 ? (SPECIAL[i % 7] as number) : i / 4));
      const list = [...a];
      const flat = (f: (x: number, i: number) => number[]): Float64Array => Float64Array.from(list.flatMap(f));
      expect(compute(a).flatMap(x => [x, -x]).toArray()).toEqual(flat(x => [x, -x]));
      expect(compute(a).flatMap(x => (x > 100 ? [x] : [])).toArray()).toEqual(flat(x => (x > 100 ? [x] : [])));
      expect(compute(a).filter(x => x > 0).flatMap((x, i) => (i % 3 === 0 ? [x, k, twice(x)] : i % 3 === 1 ? [] : [i]), { k, twice }).map((x, i) => x + i).toArray()).toEqual(
        Float64Array.from(list.filter(x => x > 0).flatMap((x, i) => (i % 3 === 0 ? [x, 3, x * 2] : i % 3 === 1 ? [] : [i])).map((x, i) => x + i)),
      );
      const early = compute(a).flatMap((x, i) => {
        if (i % 4 === 0) return [];
        const half = x / 2;
        if (i % 4 === 1) return [half];
        for (let n = 0; n < 3; n++) if (n * 2 > i % 5) return [n, half, x];
        return x > 0 ? [x, x] : [1, 2, 3, 4];
      });
      expect(early.toArray()).toEqual(flat((x, i) => {
        if (i % 4 === 0) return [];
        const half = x / 2;
        if (i % 4 === 1) return [half];
        for (let n = 0; n < 3; n++) if (n * 2 > i % 5) return [n, half, x];
        return x > 0 ? [x, x] : [1, 2, 3, 4];
      }));
      // What stands in lists that are not given is not read.
      expect(compute(range(length)).flatMap(i => (i < lut.length ? [lut[i]!, 1] : [i]), { lut }).toArray()).toEqual(Float64Array.from([...list.keys()].flatMap(i => (i < 3 ? [lut[i] as number, 1] : [i]))));
      const rows = { a, n: Int32Array.from(list.keys(), i => i * 3), big: BigInt64Array.from(list.keys(), BigInt) };
      expect(compute(rows).flatMap(r => [r.n, r.n + 1, 7]).toArray()).toEqual(Float64Array.from([...list.keys()].flatMap(i => [i * 3, i * 3 + 1, 7])));
      expect(compute(rows).flatMap(r => [r.n, r.n]).toArray()).toEqual(Int32Array.from([...list.keys()].flatMap(i => [i * 3, i * 3])));
      expect(compute(rows).flatMap(r => (r.n % 2 === 0 ? [r.big, -r.big] : [])).toArray()).toEqual(BigInt64Array.from([...list.keys()].flatMap(i => (i % 2 === 0 ? [BigInt(i), -BigInt(i)] : []))));
      const all = list.flatMap((x, i) => [{ n: i * 3, x: x * i, big: BigInt(i) }, { n: i * 3, x: -1, big: 1n }]).filter(r => r.x < 50);
      expect(compute(rows).flatMap((r, i) => [{ n: r.n, x: r.a * i, big: r.big }, { n: r.n, big: 1n, x: -1 }]).filter(r => r.x < 50).toColumns()).toEqual({ n: Int32Array.from(all, r => r.n), x: Float64Array.from(all, r => r.x), big: BigInt64Array.from(all, r => r.big) });
    }
  });

  it.skipIf(missing !== null)("flatMap keeps the element type, or takes another", { timeout: 60_000 }, () => {
    const { compute } = runtime as Runtime;
    const bytes = Uint8Array.of(1, 200, 255);
    expect(compute(bytes).flatMap(x => [x, x + 1]).toArray()).toEqual(Uint8Array.of(1, 2, 200, 201, 255, 0));
    expect(compute(bytes).flatMap(x => [x / 2, x > 100], Float32Array).toArray()).toEqual(Float32Array.of(0.5, 0, 100, 1, 127.5, 1));
    expect(compute(Float32Array.of(0.1, 2)).flatMap(x => (x > 1 ? [x * 0.1] : [x, x / 3])).toArray()).toEqual(Float32Array.of(Math.fround(0.1), Math.fround(Math.fround(0.1) / 3), Math.fround(0.2)));
    expect(compute(bytes).flatMap(x => [{ x, half: x / 2 }, { x, half: 0 }], { half: Float32Array }).toColumns()).toEqual({ x: Uint8Array.of(1, 1, 200, 200, 255, 255), half: Float32Array.of(0.5, 0, 100, 0, 127.5, 0) });
    expect(compute(BigUint64Array.of(1n, 2n ** 64n - 1n)).flatMap(x => (x > 1n ? [x, x + 1n] : [x])).toArray()).toEqual(BigUint64Array.of(1n, 2n ** 64n - 1n, 0n));
  });
});

describe("flatMap", () => {
  const a = Float64Array.of(1, 2, 3);
  it("says where it cuts, and how the results are put behind one another", () => {
    const text = js.compute(a).map(x => x + 1).flatMap(x => [x, -x]).sum().explain();
    expect(text).toMatch(/kernel 1 of 2: map, flatMap\n {2}reads the Float64Array\n {2}stores the columns item 0: Float64Array, item 1: Float64Array\n {2}barrier: flatMap puts what each element gives behind one another\n/);
    expect(text).toMatch(/flatMap: copies the places of the lists between one another, on the calling thread\nkernel 2 of 2: sum\n {2}reads what the step before it gives\n/);
    expect(js.compute(a).flatMap(x => (x > 1 ? [x] : [])).explain()).toContain("flatMap: counts what the lists hold, and copies it, on the calling thread");
  });

  it("can be stored, and awaited", async () => {
    const query = js.compute(a).flatMap((x, i) => (i > 0 ? [x * k] : [x, x]), { k }).flatMap(x => [x], Float32Array);
    expect(await query.toArrayAsync()).toEqual(Float32Array.of(1, 1, 6, 9));
    expect(fromJSON<Query<Float32Array>>(JSON.stringify(query), a, { runtime: js }).toArray()).toEqual(Float32Array.of(1, 1, 6, 9));
  });

  const loose = (f: unknown, ...more: unknown[]): unknown => (js.compute(a).flatMap as (...all: unknown[]) => Query<Float64Array>)(f, ...more);
  const some = [1, 2];
  it.each<[string, () => unknown, string]>([
    ["a number", () => loose((x: number) => x), "DC102: the lambda of flatMap gives something else than a list that is written out"],
    ["a number on one path", () => loose((x: number) => (x > 1 ? [x] : x)), "Give an array literal on every path: [x, x * 2], [x], or [] for nothing"],
    ["a variable", () => loose((x: number) => { const list = [x]; return list; }), "DC102: the lambda of flatMap gives something else"],
    ["nothing at all", () => loose(() => []), "DC102: flatMap gives no element on any path"],
    ["a spread", () => loose(() => [...some]), "DC102: arguments cannot be spread"],
    ["a list in a list", () => loose((x: number) => [[x]]), "DC102: a kernel cannot build arrays"],
    ["rows and values", () => loose((x: number) => [{ x }, x]), "DC112: one path gives a row, another a single value"],
    ["rows of other columns", () => loose((x: number) => [{ x }, { y: x }]), "DC112: one path gives the columns x, another y"],
    ["rows in lists of two lengths", () => loose((x: number) => (x > 1 ? [{ x }] : [])), "DC112: lists of rows differ in length"],
    ["a list from a map", () => js.compute(a).map(((x: number) => [x]) as unknown as (x: number) => number), "DC102: a kernel cannot build arrays"],
    ["a named column of values", () => loose((x: number) => [x], { x: Float32Array }), "DC305: flatMap() was told columns to make, but its lambda gives single values"],
    ["a named column that there is not", () => loose((x: number) => [{ x }], { y: Float32Array }), "DC305: flatMap() was told what to store the column y as"],
    ["no function", () => loose(3), "DC305: flatMap() takes a function, not 3"],
    ["a fraction in integers", () => js.compute(Int8Array.of(1)).flatMap(x => [x / 2]).toArray(), "DC202"],
  ])("refuses %s", (_, work, words) => {
    expect(work).toThrow(words);
    if (words.startsWith("DC1")) expect(work).toThrow(LambdaError);
  });
});
