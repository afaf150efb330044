/** What leaves out the beginning of a sequence computes nothing of it; places stay what they were. */
import { describe, expect, it } from "vitest";
import { createRuntime, range, stream, type Query } from "../../src/index.js";
import { difference } from "../fusion/by-hand.js";
import { canonicalFold } from "./support.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, compute: createRuntime({ backend }).compute }));
const LENGTHS = [0, 1, 33, 1025, 5000];
const numbers = (length: number): Float64Array => Float64Array.from({ length }, (_, at) => (at % 7 === 3 ? [NaN, -0, Infinity][at % 3] as number : Math.sin(at) * 10 ** (at % 5)));

interface Case {
  readonly name: string;
  readonly query: (query: Query<Float64Array>) => Query<Float64Array>;
  readonly plain: (list: readonly number[]) => readonly number[];
}

const CASES: readonly Case[] = [
  { name: "a skip behind places", query: q => q.map((x, i) => x * i).skip(30), plain: l => l.map((x, i) => x * i).slice(30) },
  { name: "places before and behind a skip", query: q => q.map((x, i) => x * i).skip(30).map((x, i) => x - i), plain: l => l.map((x, i) => x * i).slice(30).map((x, i) => x - i) },
  { name: "skips between places", query: q => q.map((x, i) => x * i).skip(3).map((x, i) => x - i).skip(29).map((x, i) => x + 2 * i), plain: l => l.map((x, i) => x * i).slice(3).map((x, i) => x - i).slice(29).map((x, i) => x + 2 * i) },
  { name: "a slice from the end", query: q => q.map((x, i) => x * i).slice(-10, -2).map((x, i) => x + i), plain: l => l.map((x, i) => x * i).slice(-10, -2).map((x, i) => x + i) },
  { name: "a slice beyond the end", query: q => q.map((x, i) => x * i).slice(9000, 9010), plain: l => l.map((x, i) => x * i).slice(9000, 9010) },
  { name: "slices of slices", query: q => q.map((x, i) => x + i).slice(10, -1).slice(-900, 800).slice(1), plain: l => l.map((x, i) => x + i).slice(10, -1).slice(-900, 800).slice(1) },
  { name: "a filter behind a skip behind places", query: q => q.map((x, i) => x * i).skip(20).filter((x, i) => x > 0 && i % 2 === 0), plain: l => l.map((x, i) => x * i).slice(20).filter((x, i) => x > 0 && i % 2 === 0) },
  { name: "a skipWhile behind places", query: q => q.map((x, i) => x * i).skipWhile((_x, i) => i < 40).map((x, i) => x - i), plain: l => l.map((x, i) => x * i).slice(40).map((x, i) => x - i) },
  { name: "a skip behind a skipWhile behind a skip", query: q => q.map((x, i) => x + i).skip(5).skipWhile((_x, i) => i < 30).skip(2).map((x, i) => x * i), plain: l => l.map((x, i) => x + i).slice(5).slice(30).slice(2).map((x, i) => x * i) },
  { name: "a skipWhile behind a filter and places", query: q => q.map((x, i) => x + i).filter(x => x > 0).skipWhile(x => x < 900), plain: l => { const kept = l.map((x, i) => x + i).filter(x => x > 0); const at = kept.findIndex(x => !(x < 900)); return at < 0 ? [] : kept.slice(at); } },
  { name: "a scan behind a skip behind places", query: q => q.map((x, i) => x * i).skip(3).scan((a, x) => Math.max(a, x)), plain: l => { let most = -Infinity; return l.map((x, i) => x * i).slice(3).map(x => (most = Math.max(most, x))); } },
  { name: "windows behind a skip behind places", query: q => q.map((x, i) => x * i).skip(3).window(2).map(([a, b]) => a - b), plain: l => l.map((x, i) => x * i).slice(3).map((x, i, all) => x - (all[i + 1] as number)).slice(0, -1) },
  { name: "captured elements at places", query: q => q.map((_x, i) => table[i]!, { table }).skip(17), plain: l => l.map((_x, i) => table[i] as number).slice(17) },
  { name: "rows of places", query: q => q.map((x, i) => ({ x, i })).skip(12).map((r, i) => r.x * r.i - i, Float64Array), plain: l => l.map((x, i) => x * i).slice(12).map((x, i) => x - i) },
  { name: "converted rows of places", query: q => q.map((x, i) => ({ x, i })).as({ i: Int32Array }).skip(12).map(r => r.x + r.i, Float64Array), plain: l => l.map((x, i) => x + i).slice(12) },
];
const table = Float64Array.from({ length: 6000 }, (_, at) => at / 3);

describe.each(RUNTIMES)("on $backend", ({ compute }) => {
  describe.each(CASES)("$name", ({ query, plain }) => {
    it.each(LENGTHS)("of %i elements", async length => {
      const array = numbers(length);
      const expected = Float64Array.from(plain([...array]));
      expect(difference(query(compute(array)).toArray(), expected)).toBeNull();
      const ofRange = Float64Array.from(plain(Array.from({ length }, (_, at) => at)));
      expect(difference(query(compute(range(length))).toArray(), ofRange)).toBeNull();
      expect(difference(await query(compute(range(length))).toArrayAsync(), ofRange)).toBeNull();
      expect(query(compute(range(length))).sum().value()).toBe(compute(ofRange).sum().value());
    });
  });

  it("is numbered anew for a reduction: its source begins behind the skip", () => {
    const array = numbers(5000).map(x => (Number.isFinite(x) ? x : 0.1));
    const terms = [...array].map((x, i) => x * i).slice(77);
    expect(compute(array).map((x, i) => x * i).skip(77).sum().value()).toBe(canonicalFold(terms, (a, x) => a + x));
    expect(compute(array).map((x, i) => x * i).skip(77).reduce((a, x) => a * 0.5 + x, 1).value()).toBe(terms.reduce((a, x) => a * 0.5 + x, 1));
  });

  it("takes no time at the end of a long range", () => {
    expect(compute(range(0, 1e12)).skip(1e12 - 10).toArray()).toEqual(Float64Array.from({ length: 10 }, (_, at) => 1e12 - 10 + at));
    expect(compute(range(1e12)).slice(-3).map((x, i) => x + i).toArray()).toEqual(Float64Array.of(1e12 - 3, 1e12 - 1, 1e12 + 1));
    expect(compute(range(5, 5 + 3e12, 3)).elementAt(1e12 - 1).value()).toBe(5 + 3 * (1e12 - 1));
    expect(compute(range(1e12)).map((x, i) => x * 2 + i).elementAt(7e11).value()).toBe(21e11);
    expect(compute(range(1e12)).skip(999_999_999_000).map(x => x % 1000).sum().value()).toBe(499_500);
    expect(compute(range(1e12)).skip(1e12 - 5).skipWhile((_x, i) => i < 2).map((x, i) => x + i).toArray()).toEqual(Float64Array.of(1e12 - 3, 1e12 - 1, 1e12 + 1));
    expect(compute(range(1e12)).skip(1e12 - 5).last().value()).toBe(1e12 - 1);
  });

  it("reads what is left, and nothing else", () => {
    const few = Float64Array.of(1, 2, 3);
    expect(compute(numbers(1000)).map((_x, i) => few[i - 990]!, { few }).slice(990, 993).toArray()).toEqual(few);
    expect(compute(numbers(1000)).map((_x, i) => few[i]!, { few }).elementAt(2).value()).toBe(3);
    const query = compute(range(1000)).map((x, i) => x * i).skip(10);
    expect(query.toArray({ into: new Float64Array(1000) })).toEqual(Float64Array.from({ length: 990 }, (_, at) => (at + 10) ** 2));
    expect(query.explain()).toContain("kernel 1 of 1: map, toArray");
  });

  it("is the same in pieces", async () => {
    const array = numbers(200_000);
    const chunks = [array.subarray(0, 70_001), array.subarray(70_001, 70_003), array.subarray(70_003)];
    const verb = (q: Query<Float64Array>): Query<Float64Array> => q.map((x, i) => x + i).skip(66_000).map((x, i) => x * i).skipWhile((_x, i) => i < 1000).map((x, i) => x - i);
    const expected = Float64Array.from([...array].map((x, i) => x + i).slice(66_000).map((x, i) => x * i).slice(1000).map((x, i) => x - i));
    expect(difference(await verb(compute(stream(chunks, Float64Array))).toArrayAsync(), expected)).toBeNull();
    expect(await verb(compute(stream(chunks, Float64Array))).min()).toBe(verb(compute(array)).min().value());
    const parts: number[] = [];
    for await (const part of verb(compute(range(200_000)))) parts.push(...part);
    expect(parts).toEqual([...verb(compute(range(200_000))).toArray()]);
  });
});
