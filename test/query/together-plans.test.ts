/** What aggregate() and batch() are planned as: kernels, what they share, what is said of it; and what they refuse. */
import { describe, expect, it } from "vitest";
import { planQuery } from "../../fusion/passes/plan.js";
import { batch, createRuntime, stream, type Explanation, type LazyValue } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });
const query = compute(Float64Array.of(3, 1, 2));
const table = compute({ price: Float64Array.of(2, 9), quantity: Int32Array.of(3, 1) });
const explain = (value: LazyValue<unknown>): Explanation => value.explain({ format: "json" });
const js = (value: LazyValue<unknown>): string => value.source("js");
const times = (text: string, part: string): number => text.split(part).length - 1;

/** For each kernel the results that it gives. */
const resultsOf = (value: LazyValue<unknown>): readonly (readonly string[])[] => {
  const { results = [], kernels, behind } = explain(value);
  return [...(kernels.length === 0 ? [] : [results]), ...behind.map(one => one.results ?? [])];
};

describe("several terminals", () => {
  it("are one kernel, and what is the same is folded once", () => {
    const value = query.aggregate({ sum: q => q.sum(), mean: q => q.average(), n: q => q.count(), also: q => q.map(x => x).sum(), least: q => q.min() });
    expect(resultsOf(value)).toEqual([["sum", "mean", "n", "also", "least"]]);
    expect(explain(value).kernels[0]?.gives).toBe(
      [
        "gives 5 results in one pass:",
        "    sum, mean, also: folds with add as f64 in the canonical order: 32 lanes, blocks of 1024, a pairwise tree, the same on every backend",
        "    least: folds with min as f64 in the canonical order: 32 lanes, blocks of 1024, a pairwise tree, the same on every backend",
        "    mean, n: counts",
      ].join("\n"),
    );
    expect(times(js(value), "for (let i")).toBe(1);
  });

  it("compute what they have in common once, though it stands in different lambdas", () => {
    const value = table.filter(r => r.quantity > 0).aggregate({
      total: q => q.sum(r => Math.exp(r.price) * r.quantity),
      most: q => q.max(r => Math.exp(r.price) * r.quantity + 1),
      dear: q => q.filter(r => Math.exp(r.price) > 20).sum(r => r.price * 7),
      cheap: q => q.filter(r => Math.exp(r.price) <= 20).sum(r => r.price * 7),
    });
    const code = js(value);
    expect(resultsOf(value)).toEqual([["total", "most", "dear", "cheap"]]);
    expect([times(code, "exp_64("), times(code, "price[i]"), times(code, "quantity[i]"), times(code, "* 7")]).toEqual([1, 1, 1, 1]);
  });

  it("share the loops of the stages that all have", () => {
    const steps = query.map(x => { let n = 0; for (let y = x; y < 100; y *= 2) n++; return n; }).filter(n => n > 2);
    const value = batch([steps.sum(), steps.max(), steps.map(n => n * n).average()]);
    expect(times(js(value), "while (true)") + times(js(value), "for (;;)")).toBe(times(js(steps.sum()), "while (true)") + times(js(steps.sum()), "for (;;)"));
    expect(resultsOf(value)).toEqual([["[0]", "[1]", "[2]"]]);
  });

  it("that need another pass run by themselves, and say why", () => {
    const value = query.map(x => x * 2).aggregate({ n: q => q.count(), list: q => q.median(), high: q => q.max(), left: q => q.reduce((a, x) => a - x, 0), found: q => q.find(x => x > 1), any: q => q.some(x => x > 1), sorted: q => q.orderBy(x => x).skip(1).sum() });
    const { behind, kernels, terminal } = explain(value);
    expect(terminal).toEqual({ verb: "aggregate", text: expect.stringMatching(/^aggregate\(\{ n: q => q\.count\(\), list: q => q\.median\(\)/) as string });
    expect(kernels.map(({ fuses }) => fuses)).toEqual([["map", "count", "max"]]);
    expect(behind.map(({ results, reason }) => [results, reason])).toEqual([
      [["list"], "it needs an array of all elements"],
      [["left"], "it folds from left to right"],
      [["found"], "it looks for one element"],
      [["any"], "it stops at the first element that decides"],
      [["sorted"], "no other one reads what its kernel reads"],
    ]);
    expect(value.explain()).toContain("for n, high, in one pass\nkernel 1 of 1: map, count, max");
    expect(value.explain()).toContain("for list, by itself: it needs an array of all elements");
    expect(value.explain({ format: "mermaid" })).toContain("for left, by itself#58; it folds from left to right");
  });

  it("of which none shares a kernel are queries one after the other", () => {
    const value = query.aggregate({ list: q => q.median(), first: q => q.first() });
    expect(explain(value).kernels).toEqual([]);
    expect(value.explain()).toContain("no kernel gives several of these results: 2 queries run, one after the other");
    expect(value.value()).toEqual({ list: 2, first: 3 });
  });

  it("spread: the deviations are one more pass, for all that need them", () => {
    const value = query.aggregate({ low: q => q.min(), high: q => q.max(), mean: q => q.average(), v: q => q.variance(), sd: q => q.standardDeviation(), sample: q => q.variance({ sample: true }) });
    expect(resultsOf(value)).toEqual([["low", "high", "mean", "v", "sd", "sample"], ["v", "sd", "sample"]]);
    expect(times(js(value), "for (let i")).toBe(2);
    expect(value.value()).toEqual({ low: 1, high: 3, mean: 2, v: 2 / 3, sd: Math.sqrt(2 / 3), sample: 1 });
  });

  it("of which some need no order keep that of the others, if that saves a kernel", () => {
    const sorted = query.orderBy(x => x).map(x => x + 1);
    const both = explain(sorted.aggregate({ n: q => q.count(), s: q => q.sum() }));
    expect([both.rewritten, both.kernels.length, both.behind.length]).toEqual([[], 2, 0]);
    const free = explain(sorted.aggregate({ n: q => q.count(), high: q => q.max() }));
    expect([free.rewritten.length, free.kernels.length, free.steps]).toEqual([2, 1, []]);
  });

  it("insist on backends one by one", () => {
    const value = query.aggregate({ n: q => q.count(), s: q => q.on("js").sum(), h: q => q.max() });
    expect(resultsOf(value)).toEqual([["n", "h"], ["s"]]);
    expect(value.value()).toEqual({ n: 3, s: 6, h: 3 });
  });

  it("are planned once", () => {
    const made = () => table.aggregate({ n: q => q.count(), s: q => q.sum(r => r.price) });
    expect(made().bound.node).toBe(made().bound.node);
    expect(made().bound.node.plan()).toBe(made().bound.node.plan());
    expect(planQuery(made().bound.node.shape()).finish).toEqual({ kind: "together", parts: [{ values: [], count: "all" }, { values: [0], count: null }] });
  });

  it("tell onRun what ran", () => {
    const ran: string[] = [];
    const told = createRuntime({ backend: "js", onRun: ({ terminal, kernels }) => void ran.push(`${terminal} ${kernels.length}`) });
    told.compute(Float64Array.of(1, 2)).aggregate({ a: q => q.sum(), v: q => q.variance(), m: q => q.map(x => x / 2).median() }).value();
    expect(ran).toEqual(["aggregate 1", "median 1", "variance 1"]);
  });
});

describe("refusals", () => {
  it("of what is no branch", () => {
    expect(() => query.aggregate({})).toThrow("DC305: aggregate() takes functions of the query by name");
    expect(() => query.aggregate(null as never)).toThrow("DC305: aggregate() takes functions of the query by name, not null");
    expect(() => query.aggregate({ n: 1 as never })).toThrow("DC305: aggregate() is given 1 as n, not a function");
    expect(() => query.aggregate({ n: ((q: typeof query) => q.map(x => x)) as never })).toThrow("DC305: the function n of aggregate() is");
    expect(() => query.aggregate({ n: () => compute(Float64Array.of(1)).sum() })).toThrow("DC305: the function n of aggregate() gives a value of another query");
    expect(() => query.aggregate({ n: q => q.aggregate({ m: p => p.sum() }) })).toThrow("DC305: the function n of aggregate() is several values by itself");
    expect(() => batch([] as never)).toThrow("DC305: batch() takes values of queries in an array, not an empty one");
    expect(() => batch(query.sum() as never)).toThrow("DC305: batch() takes values of queries in an array");
    expect(() => (batch as (...values: unknown[]) => unknown)(query.sum(), query.max())).toThrow("DC305: batch() was given");
    expect(() => batch([query.sum(), 3] as never)).toThrow("DC305: what batch() is given at 1 is 3");
    expect(() => batch([query.sum(), compute(Float64Array.of(1)).sum()])).toThrow("DC305: batch() is given at 1 a value over another source");
  });

  it("of a stream that would be read twice, or now", () => {
    const chunks = compute(stream([Float64Array.of(1, 2)], Float64Array));
    expect(() => chunks.aggregate({ n: q => q.count(), m: q => q.median() })).toThrow("DC310: aggregate() would read its elements again for m (it needs an array of all elements), and a stream is read once");
    expect(() => chunks.aggregate({ n: q => q.count(), v: q => q.variance() })).toThrow("DC310");
    expect(() => chunks.aggregate({ n: q => q.count(), s: q => q.sum() }).value()).toThrow("DC310: a stream's chunks come later, so aggregate() cannot give its result now");
  });

  it("of arithmetic with what is not computed yet, by name", () => {
    expect(() => Number(query.aggregate({ n: q => q.count() }))).toThrow("DC305: the aggregate has not been computed yet");
    expect(`${String(batch([query.sum()]))}`).toBe("[object LazyValue: batch]");
  });
});
