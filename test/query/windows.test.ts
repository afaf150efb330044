import { describe, expect, it } from "vitest";
import { createRuntime, range, type Query } from "../../src/index.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { difference } from "../fusion/by-hand.js";
import { ELEMENT_CASES, isBig, listOf, sample } from "./support.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, compute: createRuntime({ backend }).compute }));
type EdgeName = "valid" | "clamp" | "wrap" | "constant";
const EDGES: readonly EdgeName[] = ["valid", "clamp", "wrap", "constant"];

/** What stands at each offset of each element; nothing where `valid` leaves it out. */
function windowsOf<T>(list: readonly T[], offsets: readonly number[], edge: EdgeName, value: T): readonly (readonly T[])[] {
  const n = list.length;
  const at = (place: number): T => {
    if (place >= 0 && place < n) return list[place] as T;
    if (edge === "constant") return value;
    return list[edge === "clamp" ? (place < 0 ? 0 : n - 1) : ((place % n) + n) % n] as T;
  };
  return list.flatMap((_, here) => (edge === "valid" && offsets.some(offset => here + offset < 0 || here + offset >= n) ? [] : [offsets.map(offset => at(here + offset))]));
}

const centred = (size: number, edge: EdgeName): readonly number[] => Array.from({ length: size }, (_, at) => at - (edge === "valid" ? 0 : Math.floor((size - 1) / 2)));

function expectSame(actual: AnyTypedArray, wanted: AnyTypedArray): void {
  expect(difference(actual, wanted)).toBeNull();
}

describe.each(RUNTIMES)("windows on $backend", ({ compute }) => {
  describe.each(ELEMENT_CASES)("of a $name", ({ element }) => {
    it.each(EDGES)("with the edge %s, at every length", edge => {
      const value = isBig(element) ? 7n : 7;
      for (const length of [0, 1, 2, 3, 4, 5, 31, 33, 1030]) {
        const array = sample(element, length, true);
        const query = compute(array as Float64Array).window(3, edge === "constant" ? { edge, value: value as number } : { edge });
        const windows = windowsOf(listOf(array), centred(3, edge), edge, value);
        const wanted = newArray(element, windows.length) as Float64Array;
        windows.forEach(([, b, c], at) => (wanted[at] = (isBig(element) ? BigInt.asIntN(64, (b as bigint) - (c as bigint)) : (b as number) - (c as number)) as number));
        expectSame(query.map(([, b, c]) => b - c).toArray(), wanted);
      }
    });
  });

  it.each([1, 3, 8, 100])("folds windows of %i elements", size => {
    const array = sample("f64", 300, true) as Float64Array;
    for (const edge of ["valid", "clamp"] as const) {
      const query = compute(array).window(size, { edge });
      const windows = windowsOf([...array], centred(size, edge), edge, 0);
      const sums = windows.map(window => window.slice(1).reduce((a, x) => a + x, window[0] as number));
      expectSame(query.sum().toArray(), Float64Array.from(sums));
      expectSame(query.average().toArray(), Float64Array.from(sums, sum => sum / size));
      expectSame(query.min().toArray(), Float64Array.from(windows, window => Math.min(...window)));
      expectSame(query.max().toArray(), Float64Array.from(windows, window => Math.max(...window)));
    }
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])("has a result for each window that fits in %i elements", length => {
    const array = Float64Array.from({ length }, (_, i) => i * i);
    for (const edge of EDGES) {
      const query = compute(array).window(5, edge === "constant" ? { edge, value: -1 } : { edge });
      const windows = windowsOf([...array], centred(5, edge), edge, -1);
      expectSame(query.map(([a, b, c, d, e], i) => a + 10 * b + 100 * c + 1000 * d + 10000 * e + i).toArray(), Float64Array.from(windows, ([a, b, c, d, e], i) => a! + 10 * b! + 100 * c! + 1000 * d! + 10000 * e! + i));
      expect(query.sum().count().value()).toBe(windows.length);
    }
  });

  it("takes offsets of any kind", () => {
    const array = sample("i32", 40) as Int32Array;
    const query = compute(array);
    for (const edge of ["valid", "clamp", "wrap"] as const) {
      const windows = windowsOf([...array], [-7, 0, 2], edge, 0);
      expectSame(query.neighbours([-7, 0, 2], { edge }).map(([a, b, c]) => (a ^ b) + c).toArray(), Int32Array.from(windows, ([a, b, c]) => (a! ^ b!) + c!));
      expectSame(query.neighbours([3, 3], { edge }).max().toArray(), Int32Array.from(windowsOf([...array], [3], edge, 0), ([a]) => a!));
      const far = [-(2 ** 40) - 3, 2 ** 40 + 1];
      expectSame(query.neighbours(far, { edge }).min().toArray(), Int32Array.from(windowsOf([...array], far, edge, 0), window => Math.min(...window)));
      expectSame(query.neighbours([-50, 90], { edge }).min().toArray(), Int32Array.from(windowsOf([...array], [-50, 90], edge, 0), window => Math.min(...window)));
    }
  });

  it("blurs an image of one row behind another", () => {
    const width = 7;
    const image = Float32Array.from({ length: 35 }, (_, i) => (i * i) % 11);
    const blurred = compute(image)
      .neighbours([-width - 1, -width, -width + 1, -1, 0, 1, width - 1, width, width + 1], { edge: "constant", value: 0 })
      .map(([a, b, c, d, e, f, g, h, i]) => (a + c + g + i + 2 * (b + d + f + h) + 4 * e) / 16)
      .toArray();
    const at = (place: number): number => image[place] ?? 0;
    expect(blurred[16]).toBe((at(8) + at(10) + at(22) + at(24) + 2 * (at(9) + at(15) + at(17) + at(23)) + 4 * at(16)) / 16);
  });

  it("is one kernel with what follows", () => {
    const prices = Float64Array.of(10, 12, 9, 9, 15);
    const query = compute(prices).window(2).map(([before, now]) => now / before - 1).filter(x => x > 0);
    expect(query.sum().value()).toBe(0 + (12 / 10 - 1 + (15 / 9 - 1)));
    expect(query.sum().explain()).toContain("kernel 1 of 1: window, filter, sum");
    expect(query.sum().explain()).toContain("window: views at 2 offsets, nothing is copied");
    expect(query.explain()).toContain("reads 2 of the views");
    expect(query.explain()).toMatch(/\.window\(2\)\.map\(\(\[before, ?now\]\) ?=> ?now ?\/ ?before ?- ?1\)/);
    expect(compute(prices).window(4, { edge: "constant", value: 3 }).sum(Float32Array).explain()).toContain('.window(4, { edge: "constant", value: 3 }).sum(Float32Array)');
    expect(compute(prices).neighbours([-1, 1], { edge: "clamp" }).max().explain()).toContain("window: views at 2 offsets of a copy with what stands beyond its ends");
  });

  it("comes behind other verbs, and before them", async () => {
    const array = Float64Array.from({ length: 20 }, (_, i) => (i * 7) % 13);
    const list = [...array];
    const pairs = (from: readonly number[]): number[] => from.slice(1).map((x, i) => x - (from[i] as number));
    const difference2 = (query: Query<Float64Array>): Query<Float64Array> => query.window(2).map(([a, b]) => b - a);
    expect([...difference2(compute(array).map(x => x * 2)).toArray()]).toEqual(pairs(list.map(x => x * 2)));
    expect(difference2(compute(array).map(x => x * 2)).explain()).toContain("barrier: windows reach for the results of what comes before them");
    expect([...difference2(compute(array).filter(x => x > 3)).toArray()]).toEqual(pairs(list.filter(x => x > 3)));
    expect([...difference2(compute(array).take(5)).toArray()]).toEqual(pairs(list.slice(0, 5)));
    expect([...difference2(compute(array).reverse()).toArray()]).toEqual(pairs([...list].reverse()));
    expect([...difference2(compute(array).orderBy(x => x)).toArray()]).toEqual(pairs([...list].sort((a, b) => a - b)));
    expect([...difference2(compute(range(6))).toArray()]).toEqual([1, 1, 1, 1, 1]);
    expect([...difference2(compute(array).scan((a, x) => a + x, 0)).toArray()]).toEqual(list.slice(1));
    expect([...difference2(difference2(compute(array))).toArray()]).toEqual(pairs(pairs(list)));
    expect([...difference2(compute({ a: array, b: array }).map(r => r.a * r.b).as(Float64Array)).toArray()]).toEqual(pairs(list.map(x => x * x)));
    expect([...difference2(compute(array)).skip(2).take(3).toArray()]).toEqual(pairs(list).slice(2, 5));
    expect([...difference2(compute(array)).takeWhile((x, i) => x > -9 && i < 9).skipWhile((x, i) => x > 9 || i < 4).toArray()]).toEqual(pairs(list).slice(4, 9));
    expect(difference2(compute(array)).last().value()).toBe(pairs(list).at(-1));
    expect([...difference2(compute(array)).zip(compute(array), (x, y) => x + y).toArray()]).toEqual(pairs(list).map((x, i) => x + (list[i] as number)));
    expect([...(await difference2(compute(array)).toArrayAsync())]).toEqual(pairs(list));
    const own = Float64Array.from(array);
    compute(own).window(3, { edge: "clamp" }).max().toArray({ into: own });
    expect([...own]).toEqual(windowsOf(list, [-1, 0, 1], "clamp", 0).map(window => Math.max(...window)));
  });

  it("makes rows, and other arrays", () => {
    const array = Int32Array.of(1, 2, 4, 8);
    expect(compute(array).window(2).map(([a, b]) => ({ a, ratio: b / a })).toRows()).toEqual([{ a: 1, ratio: 2 }, { a: 2, ratio: 2 }, { a: 4, ratio: 2 }]);
    expect(compute(array).window(2).average().toArray()).toEqual(Float64Array.of(1.5, 3, 6));
    expect(compute(array).window(2).map(([a, b]) => a / b, Float32Array).toArray()).toEqual(Float32Array.of(0.5, 0.5, 0.5));
    expect(compute(BigInt64Array.of(3n, -5n, 9n)).window(2).min().toArray()).toEqual(BigInt64Array.of(-5n, -5n));
    expect(compute(BigInt64Array.of(3n, -5n, 9n)).window(2).sum().toArray()).toEqual(BigInt64Array.of(-2n, 4n));
  });

  it("reads windows in every way", () => {
    const array = Float64Array.of(1, 2, 4, 8, 16);
    const query = compute(array).window(3);
    const k = 0.5;
    const mean = (w: readonly number[]): number => (w[0]! + w[1]! + w[2]!) / w.length;
    expect(query.map((w, i) => mean(w) * i, { mean }).toArray()).toEqual(Float64Array.of(0, 14 / 3, 56 / 3));
    expect(query.map(([, b]) => b * k, { k }).toArray()).toEqual(Float64Array.of(1, 2, 4));
    expect(query.map(w => { const [a, , c] = w; let [x] = w; x += 1; return a + c + x; }).toArray()).toEqual(Float64Array.of(7, 13, 25));
    expect(query.map(([a]) => { a *= 2; return a; }).toArray()).toEqual(Float64Array.of(2, 4, 8));
  });

  it("refuses what it cannot do, and says what to do", () => {
    const query = compute(Float64Array.of(1, 2, 3));
    const map = (f: unknown) => () => query.window(2).map(f as () => number);
    expect(map((w: number[]) => w[2])).toThrow(/DC111: w has no element 2: it has 2, 0 to 1/);
    expect(map((w: number[]) => w[-1])).toThrow(/DC111: w has no element -1/);
    expect(map((w: number[]) => w[0.5])).toThrow(/DC111: w has no element 0.5/);
    expect(map(([, , c]: number[]) => c)).toThrow(/DC111: the window has no element 2/);
    expect(map((w: number[], i: number) => w[i])).toThrow(/DC111: a place in the window w is not written out as a number/);
    expect(map(([...all]: number[]) => all[0])).toThrow(/DC102: what is left of a window cannot be collected/);
    expect(map((w: number[]) => w)).toThrow(/DC111: w is a window and is used as a number/);
    expect(map((w: number) => w + 1)).toThrow(/DC111: w is a window/);
    expect(() => query.map((([a]: number[]) => a) as never)).toThrow(/DC102: destructuring takes arrays apart, and elements are numbers/);
    expect(() => query.window(0)).toThrow(/^DC305: window\(\) takes a number of elements, 1 to 256, not 0/);
    expect(() => query.window(2.5)).toThrow(/^DC305/);
    expect(() => query.neighbours([] as never)).toThrow(/^DC305: neighbours\(\) takes 1 to 256 offsets, whole numbers, not 0 of them/);
    expect(() => query.neighbours([0, 0.5])).toThrow(/^DC305: neighbours\(\) takes 1 to 256 offsets, whole numbers, not 0.5/);
    expect(() => query.window(2, { edge: "mirror" } as never)).toThrow(/^DC305: there is no edge "mirror"/);
    expect(() => query.window(2, { edge: "constant" })).toThrow(/^DC305: beyond the edges stands undefined/);
    expect(() => query.window(2, { value: 1 })).toThrow(/^DC305: window\(\) was given a value for beyond the edges/);
    expect(() => compute(Uint8Array.of(1)).window(2, { edge: "constant", value: 256 })).toThrow(/^DC305: beyond the edges stands 256/);
    expect(() => compute(BigInt64Array.of(1n)).window(2).average()).toThrow(/^DC306: BigInts have no average/);
    expect(() => compute(Int32Array.of(1)).window(2).map(([a, b]) => a / b).toArray()).toThrow(/^DC202: the result may be a fraction/);
  });
});
