import { describe, expect, it } from "vitest";
import { createRuntime, type Query } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });
const source = (): Float64Array => Float64Array.from({ length: 100 }, (_, at) => at - 50);

describe("toArray({ into })", () => {
  it("gives the array itself where the results fill it", async () => {
    const into = new Float64Array(100);
    expect(compute(source()).map(x => x * 2).toArray({ into })).toBe(into);
    expect(into).toEqual(source().map(x => x * 2));
    into.fill(0);
    expect(await compute(source()).map(x => x * 3).toArrayAsync({ into })).toBe(into);
    expect(into).toEqual(source().map(x => x * 3));
  });

  it("gives a view of exactly the results where they do not", () => {
    const into = new Float64Array(120).fill(-1);
    const result = compute(source()).filter(x => x > 0).toArray({ into });
    expect(result).toEqual(source().filter(x => x > 0));
    expect(result.buffer).toBe(into.buffer);
    expect(result.byteOffset).toBe(into.byteOffset);
    expect([...into.subarray(100)]).toEqual(new Array(20).fill(-1));
  });

  it("may be the source itself", () => {
    const array = source();
    expect(compute(array).map(x => x * 2).filter(x => x > 10).toArray({ into: array })).toEqual(source().map(x => x * 2).filter(x => x > 10));
    const other = source();
    expect(compute(other).map((x, i) => x + i).toArray({ into: other })).toBe(other);
    expect(other).toEqual(source().map((x, i) => x + i));
  });

  it("may overlap the source anywhere", () => {
    for (const [from, to] of [[0, 1], [1, 0], [0, 7], [7, 0]] as const) {
      const memory = new Float64Array(107);
      memory.subarray(from, from + 100).set(source());
      const into = memory.subarray(to, to + 100);
      expect(compute(memory.subarray(from, from + 100)).map(x => x * 2).toArray({ into })).toEqual(source().map(x => x * 2));
    }
  });

  it("may be the source's memory under another element type", () => {
    const doubles = source();
    const into = new Float32Array(doubles.buffer, 0, 100);
    expect(compute(doubles).map(x => x * 2, Float32Array).toArray({ into })).toEqual(Float32Array.from(source(), x => x * 2));
    const floats = new Float32Array(200).fill(3);
    const wide = new Float64Array(floats.buffer, 0, 100);
    expect(compute(floats.subarray(0, 100)).as(Float64Array).toArray({ into: wide })).toEqual(new Float64Array(100).fill(3));
  });

  it("may overlap a captured array", () => {
    const table = source();
    const places = Float64Array.from({ length: 100 }, (_, at) => 99 - at);
    expect(compute(places).map(x => table[x]!, { table }).toArray({ into: table })).toEqual(source().reverse());
  });

  it("leaves the source alone when a lambda fails", () => {
    const table = Float64Array.of(1, 2, 3);
    const array = Float64Array.of(0, 1, 2, 3);
    expect(() => compute(array).map(x => table[x]! * 10, { table }).toArray({ into: array })).toThrow(RangeError);
    expect(array).toEqual(Float64Array.of(0, 1, 2, 3));
  });

  it("may be shared or resizable memory", () => {
    const shared = new Float64Array(new SharedArrayBuffer(800));
    expect(compute(source()).map(x => x + 1).toArray({ into: shared })).toBe(shared);
    expect([...shared]).toEqual([...source().map(x => x + 1)]);
    const resizable = new Float64Array(new (ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer)(800, { maxByteLength: 1600 }));
    compute(source()).map(x => x + 2).toArray({ into: resizable });
    expect([...resizable]).toEqual([...source().map(x => x + 2)]);
  });

  it("may lie over columns, and over what another query reads", () => {
    const memory = Float64Array.from({ length: 201 }, (_, i) => i);
    const fresh = (): Float64Array => (memory.set(Float64Array.from({ length: 201 }, (_, i) => i)), memory);
    const doubled = Float64Array.from({ length: 200 }, (_, i) => i * 2);
    for (const backend of ["js", "cpu"] as const) {
      const run = (into: Float64Array): Float64Array => compute({ x: fresh().subarray(0, 200) }).on(backend).map(r => r.x * 2).toArray({ into } as never) as unknown as Float64Array;
      expect(run(memory.subarray(0, 200)).slice()).toEqual(doubled);
      expect(run(memory.subarray(1)).slice()).toEqual(doubled);
      const other = fresh().subarray(0, 200);
      expect(compute(doubled).zip(compute(other), (x, y) => x - y).on(backend).toArray({ into: memory.subarray(1) } as never).slice()).toEqual(other.map((_, i) => i));
      expect(compute(fresh().subarray(0, 200)).window(2).map(([a, b]) => a + b).on(backend).toArray({ into: memory.subarray(1) } as never).slice()).toEqual(Float64Array.from({ length: 199 }, (_, i) => 2 * i + 1));
    }
  });

  it("takes the results of windows and slices, and nothing behind them", async () => {
    const xs = source();
    const sums = Float64Array.from({ length: 97 }, (_, at) => xs[at]! + xs[at + 1]! + xs[at + 2]! + xs[at + 3]!);
    const cases: readonly [string, (query: Query<Float64Array>) => Query<Float64Array>, Float64Array][] = [
      ["window", query => query.window(4).sum(), sums],
      ["window beyond the edge", query => query.window(3, { edge: "clamp" }).max(), xs.map((x, at) => Math.min(x + 1, xs.at(-1)!, at === 0 ? xs[1]! : Infinity))],
      ["chunk", query => query.chunk(10).max(), Float64Array.from({ length: 10 }, (_, at) => xs[10 * at + 9]!)],
      ["slice", query => query.slice(3, -5).map(x => x * 2), xs.slice(3, -5).map(x => x * 2)],
      ["slice after a filter", query => query.filter(x => x > 0).skip(2).map(x => x * 2), xs.filter(x => x > 0).subarray(2).map(x => x * 2)],
      ["reverse", query => query.reverse().map(x => x + 1), xs.slice().reverse().map(x => x + 1)],
    ];
    for (const backend of ["js", "cpu"] as const) {
      for (const [name, verbs, expected] of cases) {
        const results = [
          (into: Float64Array) => verbs(compute(xs).on(backend)).toArray({ into }),
          (into: Float64Array) => verbs(compute(xs).on(backend)).toArrayAsync({ into }),
        ];
        for (const run of results) {
          const into = new Float64Array(120).fill(-77);
          const result = await run(into);
          expect([name, result.buffer === into.buffer, result]).toEqual([name, true, expected]);
          expect([...into.subarray(expected.length)]).toEqual(new Array(120 - expected.length).fill(-77));
        }
      }
    }
  });

  it("is refused where a query gives more than it holds", () => {
    const into = new Float64Array(100);
    expect(() => compute(source()).concat(compute(source())).map(x => x + 1).toArray({ into })).toThrow("DC304: into has 100 elements, but there are 200 results\nGive an array that has room for all of them: new Float64Array(200).");
    expect(() => compute(source()).flatMap(x => [x, x]).map(x => x + 1).toArray({ into })).toThrow("DC304: into has 100 elements, but there are 200 results\nGive an array that has room for all of them: new Float64Array(200).");
  });

  it("serves a query with a barrier", () => {
    const array = source();
    expect(compute(array).filter(x => x > 0).map((x, i) => x + i).toArray({ into: array })).toEqual(source().filter(x => x > 0).map((x, i) => x + i));
  });
});
