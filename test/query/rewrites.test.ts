/** Rewrites of queries: each alone, with the bits of the query as it was written, and the kernels that it saves. */
import { describe, expect, it } from "vitest";
import { REWRITES } from "../../fusion/passes/rewrite.js";
import { createRuntime, type LazyValue, type Query, type Runtime } from "../../src/index.js";
import { sample } from "./support.js";

const RUNTIMES = [{ name: "js", compute: createRuntime({ backend: "js" }).compute }, { name: "cpu", compute: createRuntime({ backend: "cpu" }).compute }];
/** Reading it might fail, so a query that does is left as it is; a product with 1 keeps every bit. */
const one = Float64Array.of(1);

type Numbers = Query<Float64Array>;
type Result = Numbers | LazyValue<unknown>;

interface Case {
  readonly name: string;
  readonly rule: RegExp;
  readonly build: (query: Numbers) => Result;
  /** Kernels as written, and as rewritten. */
  readonly kernels: readonly [number, number];
  /** Steps, the same. */
  readonly steps: readonly [number, number];
}

const CASES: readonly Case[] = [
  { name: "reverse, reverse", rule: /^a reverse/, build: q => q.map(x => x + 1).reverse().reverse().filter(x => x > 2), kernels: [3, 1], steps: [2, 0] },
  { name: "three times reverse", rule: /^a reverse/, build: q => q.reverse().reverse().reverse(), kernels: [4, 2], steps: [3, 1] },
  { name: "distinct, distinct", rule: /^a distinct/, build: q => q.distinct().distinct().distinct(), kernels: [4, 2], steps: [3, 1] },
  { name: "orderBy, filter", rule: /^a filter/, build: q => q.orderBy(x => x % 3).thenByDescending(x => x).filter(x => x > 1).map((x, i) => x + i), kernels: [3, 2], steps: [1, 1] },
  { name: "reverse, filter, filter", rule: /^a filter/, build: q => q.reverse().filter(x => x > 1).filter(x => x < 9), kernels: [2, 2], steps: [1, 1] },
  { name: "orderBy, filter, take", rule: /^a filter/, build: q => q.orderBy(x => -x).filter(x => x < 5).take(4), kernels: [3, 2], steps: [2, 1] },
  { name: "orderBy, count", rule: /^count/, build: q => q.filter(x => x > 1).orderBy(x => x).thenBy(x => -x).count(), kernels: [2, 1], steps: [1, 0] },
  { name: "orderBy, map, reverse, filter, count", rule: /^count/, build: q => q.orderBy(x => x).map(x => x * 2).reverse().filter(x => x > 3).count(), kernels: [3, 1], steps: [2, 0] },
  { name: "orderBy, distinct, count", rule: /^count/, build: q => q.orderBy(x => x).distinct().count(), kernels: [3, 2], steps: [2, 1] },
  { name: "reverse, min", rule: /^min/, build: q => q.reverse().map(x => x - 1).min(), kernels: [2, 1], steps: [1, 0] },
  { name: "orderBy, max", rule: /^min/, build: q => q.orderBy(x => x).as(Float32Array).max(), kernels: [2, 1], steps: [1, 0] },
  { name: "orderBy, reverse, quantiles", rule: /^quantiles/, build: q => q.orderBy(x => x).reverse().filter(x => x === x).quantile([0.1, 0.5]), kernels: [3, 1], steps: [2, 0] },
  { name: "orderBy, sum of integers", rule: /^an exact sum/, build: q => q.map(x => (x > 1 ? 3 : 5) | 0, Int32Array).orderBy(x => x).sum(), kernels: [2, 1], steps: [1, 0] },
  { name: "reverse, average of integers", rule: /^an exact sum/, build: q => q.map(x => (x > 1 ? 3 : 5) | 0, Int8Array).reverse().average(), kernels: [2, 1], steps: [1, 0] },
];

const resultOf = (query: Result): unknown => ("value" in query ? query.value() : query.toArray());
const planOf = (query: Result) => ("value" in query ? query : query.first()).explain({ format: "json" });
const explained = (query: Result) => ("value" in query ? query.explain({ format: "json" }) : query.explain({ format: "json" }));

describe.each(RUNTIMES)("on $name", ({ compute }: { compute: Runtime["compute"] }) => {
  it.each(CASES)("$name gives the same bits", ({ build }) => {
    for (const length of [0, 1, 2, 31, 32, 33, 1025]) {
      const source = sample("f64", length, true) as Float64Array;
      const asWritten = build(compute(source).map(x => x * one[0]!, { one }));
      expect(resultOf(build(compute(source)))).toEqual(resultOf(asWritten));
    }
  });
});

describe("rewrites", () => {
  const [{ compute }] = RUNTIMES as [(typeof RUNTIMES)[0]];
  const source = Float64Array.of(1, 2);

  it.each(CASES)("$name is told by explain, and saves what it says", ({ rule, build, kernels, steps }) => {
    const [written, rewritten] = [explained(build(compute(source).map(x => x * one[0]!, { one }))), explained(build(compute(source)))];
    expect(written.rewritten).toEqual([]);
    expect(rewritten.rewritten).toHaveLength(1);
    expect(rewritten.rewritten[0]).toMatch(rule);
    expect([written.kernels.length, rewritten.kernels.length]).toEqual(kernels);
    expect([written.steps.length, rewritten.steps.length]).toEqual(steps);
  });

  it("each have a case", () => {
    expect(REWRITES.filter(({ name }) => !CASES.some(({ rule }) => rule.test(name)))).toEqual([]);
  });

  it.each<[why: string, build: (query: Numbers) => Result]>([
    ["a place behind the order", q => q.orderBy(x => x).map((x, i) => x + i).count()],
    ["a place in the filter", q => q.reverse().filter((_, i) => i > 0)],
    ["a place in the key", q => q.orderBy((x, i) => x * i).filter(x => x > 0)],
    ["a place in the second key", q => q.orderBy(x => x).thenBy((_, i) => -i).filter(x => x > 0)],
    ["a place in the first key", q => q.orderBy((_, i) => -i).thenBy(x => x).filter(x => x > 0)],
    ["a sum of floats", q => q.reverse().sum()],
    ["an average of floats", q => q.orderBy(x => x).average()],
    ["a slice behind the order", q => q.orderBy(x => x).skip(1).max()],
    ["which of 0 and -0 is kept", q => q.reverse().distinct().min()],
    ["what is made of the one that is kept", q => q.reverse().distinct().filter(x => 1 / x > 0).count()],
    ["a scan", q => q.reverse().scan((a, x) => a + x, 0).max()],
    ["a reducer that is in order", q => q.reverse().reduce((a, x) => a / 2 + x, 0)],
    ["something that can fail in the filter", q => q.reverse().filter(x => x > one[0]!, { one })],
    ["something that can fail in the key", q => q.orderBy(x => one[x]!, { one }).count()],
  ])("are not made where it matters: %s", (_, build) => {
    expect(planOf(build(compute(source))).rewritten).toEqual([]);
  });

  it("keep the errors of lambdas whose results are not needed", () => {
    expect(() => compute(source).orderBy(x => one[x]!, { one }).count().value()).toThrow(RangeError);
    expect(() => compute(new BigInt64Array(2)).orderBy(x => 1n / x).count().value()).toThrow(RangeError);
    expect(() => compute(source).orderBy(x => BigInt(x) as never).count().explain()).toThrow("DC204");
  });

  it("are shown in the text and in the flowchart", () => {
    const count = compute(source).reverse().count();
    expect(count.explain()).toBe(
      "compute(Float64Array(2))\n  .reverse()\n  .count()\n\nrewritten: count() is the same in every order, so elements are not put in order\nkernel 1 of 1: count\n  reads the Float64Array\n  counts\n  nothing runs: all elements count\n",
    );
    expect(count.explain({ format: "mermaid" })).toContain("rewritten#58; count() is the same in every order");
  });

  it("are made of rows, too", () => {
    const table = compute({ key: Int32Array.of(3, 1, 2), price: Float64Array.of(1, 2, 3) });
    const query = table.orderBy(r => r.key).filter(r => r.price > 1);
    expect(query.explain({ format: "json" }).rewritten).toHaveLength(1);
    expect(query.toRows()).toEqual([{ key: 1, price: 2 }, { key: 2, price: 3 }]);
    expect(table.orderBy(r => r.key).sum(r => r.key).explain({ format: "json" }).kernels).toHaveLength(1);
    expect(table.distinct().reverse().count().value()).toBe(3);
  });
});
