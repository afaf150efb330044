import { describe, expect, it } from "vitest";
import { createRuntime } from "../../src/runtime/create.js";

const { compute } = createRuntime({ backend: "js" });
const few = Float64Array.of(3, -1, 4, -0, NaN, 5, 3, 9);

describe("a trace", () => {
  it("of maps and filters tells value and place behind each, and where it ends", () => {
    const query = compute(few).map((x) => x * 2).filter((x) => x > 0).map((x, i) => x + i);
    expect(query.trace(2)).toMatchObject({
      index: 2,
      source: 4,
      stages: [
        { text: "map((x) => x * 2)", value: 8, place: 2, note: "" },
        { text: "filter((x) => x > 0)", value: 8, place: 1, note: "" },
        { text: "map((x, i) => x + i)", value: 9, place: 1, note: "" },
      ],
      terminal: null,
    });
    expect(query.trace(4).stages).toEqual([{ text: "map((x) => x * 2)", value: NaN, place: 4, note: "" }, { text: "filter((x) => x > 0)", value: undefined, place: null, note: "left out" }]);
    expect(compute(few).trace(3)).toMatchObject({ source: -0, stages: [] });
  });

  it("is a table of text", () => {
    const text = String(compute(few).map((x) => x * 2).filter((x) => x > 0).orderByDescending((x) => x).sum().trace(0));
    expect(text.split("\n")).toEqual([
      "                             value  place",
      "source                       3          0",
      "map((x) => x * 2)            6          0",
      "filter((x) => x > 0)         6          0",
      "orderByDescending((x) => x)  6          3  moved from 0",
      "sum()                        42            36 before it; 48 in the end",
    ]);
  });

  it("tells of every element what the whole query says, behind each verb that moves or leaves out elements", () => {
    const source = Int32Array.from({ length: 40 }, (_, i) => (i * 7) % 11);
    const queries = [
      compute(source).take(7), compute(source).skip(30), compute(source).slice(-5), compute(source).slice(3, -3), compute(source).reverse(), compute(source).distinct(),
      compute(source).orderBy((x) => x), compute(source).orderByDescending((x) => x % 3).thenBy((x) => x), compute(source).top(4), compute(source).takeWhile((x) => x < 10), compute(source).skipWhile((x) => x < 10),
      compute(source).concat(compute(source)), compute(source).union(compute(Int32Array.of(1, 2))), compute(source).except(compute(Int32Array.of(1, 2))), compute(source).scan((a, x) => a + x, 0),
    ];
    for (const query of queries) {
      const results = query.toArray();
      const places = Array.from(source, (_, at) => query.trace(at).stages.at(-1)?.place ?? null);
      for (const [at, place] of places.entries()) if (place !== null) expect(query.trace(at).stages.at(-1)?.value).toBe(results[place]);
      // Each place is taken by one element at most; where the query only chooses and moves, each by one.
      const taken = places.filter(place => place !== null);
      expect(new Set(taken).size).toBe(taken.length);
      expect(taken.length).toBe(Math.min(results.length, query === queries[11] ? source.length : query === queries[12] ? new Set(source).size : results.length));
    }
  });

  it("goes on through windows, chunks, lists, joins and groups as far as there is a meaning", () => {
    const rows = compute({ city: ["b", "a", "b"], delay: Float64Array.of(1, 2, 4) });
    const grouped = rows.filter(r => r.delay > 1).groupBy(r => r.city).aggregate({ total: g => g.sum(r => r.delay) }).orderBy(r => r.total);
    expect(grouped.trace(2)).toMatchObject({
      source: { city: "b", delay: 4 },
      stages: [
        { value: { city: "b", delay: 4 }, place: 1 },
        { value: { key: "b", total: 4 }, place: 1, note: "joined group 1 of 2, which is followed from here on" },
        { value: { key: "b", total: 4 }, place: 1, note: "" },
      ],
    });
    const other = compute({ city: ["b", "b"], name: ["x", "y"] });
    const joined = rows.join(other, r => r.city, o => o.city, (r, o) => ({ city: r.city, name: o.name }));
    expect(joined.trace(2).stages).toMatchObject([{ value: { city: "b", name: "x" }, place: 2, note: "the first of 2 matches" }]);
    expect(joined.trace(1).stages).toMatchObject([{ place: null, note: "left out: no match" }]);
    expect(compute(few).window(3).sum().trace(1).stages).toMatchObject([{ place: 1, value: 3, note: "one of 3 elements of this window, and of others" }]);
    expect(compute(few).chunk(3).sum().trace(4).stages[0]).toMatchObject({ place: 1 });
    expect(compute(few).chunk(3).sum().trace(7).stages[0]).toMatchObject({ place: null, note: "left out: the last chunk is not full" });
    expect(compute(few).flatMap((x) => [x, -x]).trace(1).stages).toMatchObject([{ place: 2, value: -1, note: "the first of 2 elements" }]);
  });

  it("of a value tells what it was before the element, with it, and in the end", () => {
    expect(compute(few).filter((x) => x > 0).reduce((a, x) => a + x * x, 0).trace(5).terminal).toEqual({ text: "reduce((a, x) => a + x * x, 0)", before: 25, after: 50, result: 140 });
    expect(compute(few).filter((x) => x > 0).reduce((a, x) => Math.max(a, x)).trace(0).terminal).toMatchObject({ before: undefined, after: 3, result: 9 });
    expect(compute(few).map((x) => x + 1).some((x) => x > 4).trace(2).terminal).toMatchObject({ before: false, after: true, result: true });
    expect(compute(few).filter((x) => x > 100).count().trace(2).terminal).toBeNull();
    expect(compute(few).filter((x) => x > 0).count().trace(2).terminal).toMatchObject({ before: 1, after: 2, result: 5 });
  });

  it("calls no tap, and is refused what it cannot follow", () => {
    let calls = 0;
    expect(compute(few).map((x) => x + 1).tap(() => void (calls += 1)).filter((x) => x > 4).trace(2).stages.map(({ place }) => place)).toEqual([2, 2, 0]);
    expect(calls).toBe(0);
    expect(() => compute(few).map((x) => x).trace(8)).toThrow("DC305: trace() follows an element of the source by its place, 0 to 7, not 8");
    expect(() => compute(new Float64Array(0)).trace(0)).toThrow("The source is empty");
  });
});
