/** Chunks, against slices of the array. */
import { describe, expect, it } from "vitest";
import { ELEMENTS } from "../../fusion/types.js";
import { createRuntime, fromJSON, type Query } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { sample } from "./support.js";

const chunksOf = (values: Iterable<number>, size: number): number[][] => {
  const all = [...values];
  return Array.from({ length: Math.floor(all.length / size) }, (_, at) => all.slice(at * size, at * size + size));
};

const LENGTHS = [0, 1, 2, 3, 5, 31, 32, 33, 1023, 1024, 3 * 1024 + 2];
const added = (chunk: readonly number[]): number => chunk.slice(1).reduce((a, x) => a + x, chunk[0] as number);

describe.each([{ backend: "js", why: null }, { backend: "cpu", why: whyNoCpu }] as const)("chunks on $backend", ({ backend, why }) => {
  const { compute } = createRuntime({ backend });
  const on = it.skipIf(why !== null);

  on.each(Object.keys(ELEMENTS) as (keyof typeof ELEMENTS)[])("of %s are the elements in their order", element => {
    for (const length of LENGTHS) {
      const array = sample(element, length, true) as Float64Array;
      const wanted = (place: number): Float64Array => array.filter((_, i) => i % 3 === place && i - place + 3 <= length);
      expect(compute(array).chunk(3).map(([a]) => a).toArray()).toEqual(wanted(0));
      expect(compute(array).chunk(3).map(chunk => chunk[2]).toArray()).toEqual(wanted(2));
    }
  });

  on("are folded from left to right", () => {
    for (const size of [1, 2, 7, 100]) {
      const array = sample("f64", 1030, true) as Float64Array;
      const chunks = chunksOf(array, size);
      expect(compute(array).chunk(size).sum().toArray()).toEqual(Float64Array.from(chunks, added));
      expect(compute(array).chunk(size).average().toArray()).toEqual(Float64Array.from(chunks, chunk => added(chunk) / size));
      expect(compute(array).chunk(size).min().toArray()).toEqual(Float64Array.from(chunks, chunk => Math.min(...chunk)));
      expect(compute(array).chunk(size).max().toArray()).toEqual(Float64Array.from(chunks, chunk => Math.max(...chunk)));
    }
  });

  on("have places, captures and rows, and what comes before and behind", () => {
    const array = Float64Array.of(5, 3, NaN, -0, 8, -2, 1);
    const gain = 3;
    expect([...compute(array).chunk(2).map(([a, b], i) => a * gain + b + i, { gain }).toArray()]).toEqual([18, NaN, 24]);
    expect([...compute(array).chunk(2).map(([, b]) => b).toArray()]).toEqual([3, -0, -2]);
    expect(compute(array).chunk(3).map(([a, , c]) => ({ a, c })).toRows()).toEqual([{ a: 5, c: NaN }, { a: -0, c: -2 }]);
    expect([...compute(array).filter(x => x > 0).map(x => x * 2).chunk(2).map(([a, b]) => a - b).filter(x => x > 0).toArray()]).toEqual([4, 14]);
    expect(compute(array).skip(3).chunk(2).map(([a, b]) => a - b).sum().value()).toBe(-8 - 3 + 0);
    expect(compute(new Uint8Array([1, 2, 3, 4, 5, 6, 7])).chunk(3).average().toArray()).toEqual(Float64Array.of(2, 5));
  });
});

describe("chunks", () => {
  const { compute } = createRuntime({ backend: "js" });
  const array = Float64Array.of(1, 2, 3, 4, 5);

  it("are explained", () => {
    const query = compute(array).chunk(2).map(([a, b]) => a + b);
    expect(query.explain()).toContain("chunk(2).map(([a, b]) => a + b)");
    expect(query.explain()).toContain("chunk: copies what stands at each of 2 places to a column, without what is left over at the end, on the calling thread");
    expect(query.explain()).toContain("2 places of the chunks");
    expect(query.filter(x => x > 1).sum().explain({ format: "json" }).kernels.map(({ fuses }) => fuses)).toEqual([["chunk", "filter", "sum"]]);
    expect(compute(array).map(x => x + 1).chunk(2).sum().explain({ format: "json" }).kernels).toHaveLength(2);
  });

  it("are stored as JSON", () => {
    const again = (query: Query<Float64Array>): Float64Array => fromJSON<Query<Float64Array>>(JSON.stringify(query), array).toArray();
    expect(again(compute(array).chunk(2).map(([a, b]) => a - b * k, { k: 2 }))).toEqual(Float64Array.of(-3, -5));
    expect(again(compute(array).chunk(2).max())).toEqual(Float64Array.of(2, 4));
  });

  it.each([0, -1, 1.5, 257, NaN, "2", undefined])("of %o are refused", size => {
    expect(() => compute(array).chunk(size as number)).toThrow(/DC305.*chunk\(\) takes a number of elements, 1 to 256/);
  });

  it("have no average where they hold BigInts", () => {
    expect(() => compute(BigInt64Array.of(1n)).chunk(1).average()).toThrow(/DC306.*chunk\(5\)\.average/s);
  });
});

declare const k: number;
