/** aggregate() and batch(): the bits of each terminal alone, in as few kernels as that allows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { batch, createRuntime, fromJSON, range, stream, type Explanation, type LazyValue, type Query, type Rows, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { canonicalFold, ELEMENT_CASES, isBig, sample } from "./support.js";

const folder = mkdtempSync(path.join(tmpdir(), "dotcompute-together-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const js = createRuntime({ backend: "js" });
const cpu = createRuntime({ backend: "cpu", cacheFolder: folder });
const BACKENDS = [{ name: "js", runtime: js, why: null }, { name: "cpu", runtime: cpu, why: whyNoCpu }];

type Numbers = Query<Float64Array>;
type Branches = Readonly<Record<string, (query: Numbers) => LazyValue<unknown>>>;

/** Named in lambdas, and handed over. */
declare const m: number, list: readonly string[];

const numbers = (length: number): Float64Array => sample("f64", length) as Float64Array;
const LENGTHS = [0, 1, 31, 33, 1023, 1025, 5000];
const kernelsOf = (explanation: Explanation): number => explanation.kernels.length + explanation.behind.reduce((sum, one) => sum + kernelsOf(one), 0);
const explain = (value: LazyValue<unknown>): Explanation => value.explain({ format: "json" });

/** Each branch by itself, as JavaScript. */
function alone<Q>(query: Q, branches: Readonly<Record<string, (query: Q) => LazyValue<unknown>>>): unknown {
  return Object.fromEntries(Object.entries(branches).map(([name, f]) => [name, f(query).value()]));
}

describe.skipIf(false).each(BACKENDS)("on $name", ({ runtime, why }) => {
  const on = it.skipIf(why !== null);
  const { compute } = runtime;

  on("is what plain JavaScript computes", () => {
    for (const length of [1, 33, 3000]) {
      const array = numbers(length);
      const kept = Array.from(array, x => x * 2).filter(x => x > 0);
      const found = compute(array).map(x => x * 2).filter(x => x > 0).aggregate({ n: q => q.count(), high: q => q.max(), low: q => q.min(), large: q => q.filter(x => x > 100).count(), any: q => q.some(x => x > 1e9), list: q => q.median() }).value();
      const sorted = kept.toSorted((a, b) => a - b);
      expect(found).toEqual({
        n: kept.length,
        high: Math.max(...kept),
        low: Math.min(...kept),
        large: kept.filter(x => x > 100).length,
        any: kept.some(x => x > 1e9),
        list: kept.length === 0 ? NaN : ((sorted[(kept.length - 1) >> 1] as number) + ((sorted[kept.length >> 1] as number) - (sorted[(kept.length - 1) >> 1] as number)) / 2),
      });
      const sum = canonicalFold(Array.from(array, x => (x * 2 > 0 ? x * 2 : null)), (a, b) => a + b) ?? 0;
      expect(compute(array).map(x => x * 2).filter(x => x > 0).aggregate({ s: q => q.sum(), mean: q => q.average() }).value()).toEqual({ s: sum, mean: sum / kept.length });
    }
  });

  on.each(ELEMENT_CASES)("of a $name", async ({ element }) => {
    const big = isBig(element);
    const branches = {
      n: q => q.count(),
      high: q => q.max(),
      total: q => q.sum(),
      ...(big ? {} : { mean: q => q.average(), spread: q => q.variance(), root: q => q.standardDeviation({ sample: true }) }),
      some: q => q.filter((_, i) => i % 3 === 0).sum(),
      few: q => q.filter((_, i) => i > 40).count(),
      low: q => q.filter((_, i) => i % 2 === 0).min(),
    } satisfies Branches as Branches;
    for (const length of LENGTHS) {
      if (big && length < 2) continue;
      const array = sample(element, length, true) as Float64Array;
      const value = compute(array).aggregate(branches);
      expect(value.value()).toEqual(alone(js.compute(array), branches));
      if (length === 5000) expect(await value).toEqual(alone(js.compute(array), branches));
    }
    expect(kernelsOf(explain(compute(sample(element, 3) as Float64Array).aggregate(branches)))).toBe(big ? 1 : 2);
  });

  on("keeps the sign of zero, and what nothing comes to", () => {
    const zeros = compute(Float64Array.of(-0, -0)).aggregate({ sum: q => q.sum(), plain: q => q.reduce((a, x) => a + x), none: q => q.filter(x => x > 1).reduce((a, x) => a + x, -0), high: q => q.max(), some: q => q.filter((_, i) => i > 0).reduce((a, x) => a + x) });
    expect(zeros.value()).toEqual({ sum: 0, plain: -0, none: -0, high: -0, some: -0 });
    const nothing = compute(Float64Array.of(1, NaN)).filter(x => x > 5).aggregate({ n: q => q.count(), sum: q => q.sum(), mean: q => q.average(), high: q => q.max(), spread: q => q.variance(), least: q => q.minBy(x => x) });
    expect(nothing.value()).toEqual({ n: 0, sum: 0, mean: NaN, high: -Infinity, spread: NaN, least: undefined });
    expect(compute(Float64Array.of(1, NaN)).aggregate({ n: q => q.count(), sum: q => q.sum(), high: q => q.max(), low: q => q.filter(x => x === x).min() }).value()).toEqual({ n: 2, sum: NaN, high: NaN, low: 1 });
    expect(() => compute(Float64Array.of(1)).aggregate({ n: q => q.count(), s: q => q.filter(x => x > 5).reduce((a, x) => a + x) }).value()).toThrow(new TypeError("Reduce of empty array with no initial value"));
    expect(() => compute(BigInt64Array.of(1n)).aggregate({ n: q => q.count(), s: q => q.filter(x => x > 5n).min() }).value()).toThrow("there is no infinite BigInt");
  });

  on("branches have captures of the same names, and strings, of their own", () => {
    const table = compute({ name: ["a", "b", "a", "c"], x: Float64Array.of(1, 2, 3, 4) });
    const [low, high] = [Uint8Array.of(0, 1, 0, 0, 1), Uint8Array.of(0, 0, 1, 1, 1)];
    const branches = {
      one: q => q.filter(r => r.x > k, { k: 1 }).count(),
      two: q => q.filter(r => r.x > k, { k: 3 }).count(),
      three: q => q.filter(r => r.x > k && r.x < m, { k: 0, m: 2 }).sum(r => r.x * k, { k: 7 }),
      four: q => q.filter(r => r.x > k && r.x < m, { k: 1, m: 9 }).sum(r => r.x * k, { k: 5 }),
      low: q => q.filter(r => lut[r.x] === 1, { lut: low }).count(),
      high: q => q.filter(r => lut[r.x] === 1, { lut: high }).count(),
      a: q => q.filter(r => r.name === "a").count(),
      b: q => q.filter(r => r.name === "b").sum(r => r.x),
      listed: q => q.filter(r => list.includes(r.name), { list: ["a", "c"] }).count(),
      others: q => q.filter(r => list.includes(r.name), { list: ["b"] }).count(),
      first: q => q.first(),
    } satisfies Readonly<Record<string, (query: Rows<{ name: string[]; x: Float64Array }>) => LazyValue<unknown>>>;
    const rows = table as unknown as Rows<{ name: string[]; x: Float64Array }>;
    expect(rows.aggregate(branches).value()).toEqual({ one: 3, two: 1, three: 7, four: 45, low: 2, high: 3, a: 2, b: 2, listed: 3, others: 1, first: { name: "a", x: 1 } });
    const shared = rows.filter(r => r.x > k && r.x < m, { k: 1, m: 4 });
    expect(shared.aggregate({ n: q => q.filter(r => r.x > k, { k: 2 }).count(), all: q => q.sum(r => r.x * k + m, { k: 2, m: 1 }) }).value()).toEqual({ n: 1, all: 12 });
  });

  on("branches have loops and captured arrays of their own, which rejected elements do not reach", () => {
    const [low, high] = [Float64Array.of(10, 20, 30, 40), Float64Array.of(5, 6)];
    const branches = {
      all: q => q.sum(),
      low: q => q.filter(x => x >= 0 && x < 4).map(x => table[Math.trunc(x)] as number, { table: low }).sum(),
      high: q => q.filter(x => x >= 0 && x < 2).map(x => table[Math.trunc(x)] as number, { table: high }).max(),
      steps: q => q.filter(x => x > 0).map(x => { let n = 0; for (let y = x; y < 1000; y *= 2) n++; return n; }).filter(n => n > 2).sum(),
      n: q => q.filter(x => x > 0).filter(x => table[Math.trunc(x) % 2] === 6, { table: high }).count(),
    } satisfies Branches as Branches;
    const table = low;
    const array = Float64Array.from({ length: 2100 }, (_, i) => (i % 50) - 10);
    const value = compute(array).filter(x => x < 30).aggregate(branches);
    expect(value.value()).toEqual(alone(js.compute(array).filter(x => x < 30), branches));
    expect(kernelsOf(explain(value))).toBe(1);
    const failing = compute(array).aggregate({ n: q => q.count(), bad: q => q.filter(x => x > 38).map(x => table[x] as number, { table }).sum() });
    expect(() => failing.value()).toThrow(new RangeError("DC401: table[39] is out of range: table has 4 elements"));
  });

  on("rows share the columns that they read", () => {
    const table = { price: numbers(2000), quantity: Int32Array.from({ length: 2000 }, (_, i) => (i % 9) - 2), id: BigInt64Array.from({ length: 2000 }, (_, i) => BigInt(i) << 40n) };
    type Table = Rows<{ price: Float64Array; quantity: Int32Array; id: BigInt64Array }>;
    const branches = {
      total: q => q.sum(r => r.price * r.quantity),
      dear: q => q.filter(r => r.price > limit, { limit: 9 }).sum(r => r.price * r.quantity),
      cheap: q => q.filter(r => r.price < limit, { limit: 2 }).average(r => r.price * r.quantity),
      most: q => q.max(r => r.quantity),
      n: q => q.count(),
      ids: q => q.filter(r => r.quantity === 3).max(r => r.id),
      whole: q => q.sum(r => r.quantity),
    } satisfies Readonly<Record<string, (query: Table) => LazyValue<unknown>>>;
    const limit = 1;
    const value = compute(table).filter(r => r.quantity > 0).aggregate(branches);
    expect(value.value()).toEqual(alone(js.compute(table).filter(r => r.quantity > 0), branches));
    expect(kernelsOf(explain(value))).toBe(1);
  });

  on("columns with nulls, dropped, filled and skipped", () => {
    const rows: { x: number | null; y: number | null }[] = [{ x: 1, y: 2 }, { x: null, y: 3 }, { x: 4, y: null }, { x: 5.5, y: 6 }];
    const value = compute(rows).aggregate({ n: q => q.count(), x: q => q.sum(r => r.x), y: q => q.max(r => r.y), both: q => q.dropNulls().sum(r => r.x * r.y), mean: q => q.average(r => r.y) });
    expect(value.value()).toEqual({ n: 4, x: 10.5, y: 6, both: 35, mean: 11 / 3 });
    expect(kernelsOf(explain(value))).toBe(1);
  });

  on("columns of strings, compared in branches", () => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ carrier: ["AA", "UA", "DL"][i % 3] as string, delay: i, even: i % 2 === 0 ? "yes" : "no" }));
    const name = "UA";
    const value = compute(rows).filter(r => r.carrier !== "DL").aggregate({ n: q => q.count(), aa: q => q.filter(r => r.carrier === "AA").sum(r => r.delay), ua: q => q.filter(r => r.carrier === name, { name }).max(r => r.delay), even: q => q.filter(r => r.even === "yes").count(), first: q => q.first() });
    const kept = rows.filter(r => r.carrier !== "DL");
    expect(value.value()).toEqual({
      n: kept.length,
      aa: kept.reduce((sum, r) => sum + (r.carrier === "AA" ? r.delay : 0), 0),
      ua: Math.max(...kept.filter(r => r.carrier === "UA").map(r => r.delay)),
      even: kept.filter(r => r.even === "yes").length,
      first: rows[0],
    });
    expect(kernelsOf(explain(value))).toBe(explain(value).kernels.length + (explain(value).behind[0]?.kernels.length ?? 0));
  });

  on("behind orders, joins and windows, in one kernel behind what comes before", () => {
    const array = numbers(1500);
    const sorted = (r: Runtime): Numbers => r.compute(array).orderByDescending(x => x).take(900).map(x => x / 3);
    const branches = { n: q => q.count(), total: q => q.sum(), first: q => q.filter((_, i) => i < 10).average(), high: q => q.max() } satisfies Branches as Branches;
    const value = sorted(runtime).aggregate(branches);
    expect(value.value()).toEqual(alone(sorted(js), branches));
    expect(explain(value).kernels.length).toBe(2);
    expect(explain(value).behind).toEqual([]);
    const windows = (r: Runtime): Numbers => r.compute(array).window(3).map(([a, b, c]) => (a + b + c) / 3);
    expect(windows(runtime).aggregate(branches).value()).toEqual(alone(windows(js), branches));
    expect(kernelsOf(explain(windows(runtime).aggregate(branches)))).toBe(1);
  });

  on("batch gives a tuple, over queries that were made apart", async () => {
    const array = numbers(3000);
    const positive = compute(array).filter(x => x > limit, { limit: 0.5 });
    const limit = 0.5;
    const values = batch([compute(array).sum(), positive.max(), positive.filter(x => x > 2).average(), compute(array).filter(x => x > limit, { limit: 0.5 }).count(), positive.first()]);
    const plain = js.compute(array).filter(x => x > limit, { limit });
    const expected = [js.compute(array).sum().value(), plain.max().value(), plain.filter(x => x > 2).average().value(), plain.count().value(), plain.first().value()];
    expect(values.value()).toEqual(expected);
    expect(await values).toEqual(expected);
    expect(kernelsOf(explain(values))).toBe(2);
    expect(batch([compute(range(100)).sum(), compute(range(100)).map(x => x * x).sum()]).value()).toEqual([4950, 328350]);
  });

  on("streams are read once", async () => {
    const array = numbers(200_000);
    const chunks = function* () { for (let at = 0; at < array.length; at += 30_011) yield array.subarray(at, at + 30_011); };
    const branches = { n: q => q.count(), total: q => q.map(x => x * 1.1).sum(), high: q => q.filter((_, i) => i > 65_600).max(), mean: q => q.filter(x => x > 3).average() } satisfies Branches as Branches;
    const query = (r: Runtime) => r.compute(stream(chunks(), Float64Array)).filter(x => x > -900);
    const free = { n: branches["n"], total: branches["total"], mean: branches["mean"] } as Branches;
    expect(await query(runtime).aggregate(free)).toEqual(alone(js.compute(array).filter(x => x > -900), free));
    expect(await runtime.compute(stream(chunks(), Float64Array)).aggregate(branches)).toEqual(alone(js.compute(array), branches));
    const plain = runtime.compute(stream(chunks(), Float64Array));
    expect(await batch([plain.sum(), plain.count()])).toEqual([js.compute(array).sum().value(), array.length]);
  });
});

/** Stages and terminals that random aggregates are made of. */
const STAGES: readonly ((query: Numbers) => Numbers)[] = [
  q => q.map(x => x * 1.5),
  q => q.map(x => Math.sqrt(Math.abs(x)) - k, { k: 2 }),
  q => q.map(x => x + k, { k: 0.25 }),
  q => q.filter(x => x > 0.5),
  q => q.filter(x => x * k < 40, { k: 3 }),
  q => q.filter((_, i) => i % 3 !== 1),
  q => q.map((x, i) => x - i),
  q => q.map(x => { const y = x * x; return y > 100 ? y - 100 : y; }),
  q => q.map(x => (x > 0 ? Math.trunc(x) % 7 : -1)),
  q => q.map(x => { let n = 0; while (n < 5 && x > n * 10) n++; return n; }),
  q => q.skip(3),
  q => q.map(x => lut[x > 0 && x < 1e6 ? Math.trunc(x) % 4 : 0] as number, { lut }),
];
const [k, lut] = [1, Float64Array.of(1, -0, 2.5, 1e9)];
const TERMINALS: readonly ((query: Numbers) => LazyValue<unknown>)[] = [
  q => q.count(),
  q => q.sum(),
  q => q.average(),
  q => q.min(),
  q => q.max(),
  q => q.variance({ sample: true }),
  q => q.reduce((a, x) => a + x * x, 0),
  q => q.reduce((a, x) => a * (x > 1e3 ? 1 : 1.0001), 1),
  q => q.reduce((a, x) => Math.max(a, x), 0),
  q => q.reduce((a, x) => a ^ x, 0),
  q => q.reduce((a, x) => a || x > 1e6, false),
  q => q.reduce((a, x) => a - x, 0),
  q => q.minBy(x => Math.abs(x - 5)),
  q => q.some(x => x > 1e5),
  q => q.first(),
  q => q.median(),
];

describe("random aggregates", () => {
  const chain = (most: number) => fc.array(fc.nat(STAGES.length - 1), { maxLength: most });
  const branch = fc.record({ stages: chain(2), terminal: fc.nat(TERMINALS.length - 1) });
  const cases = fc.record({ before: chain(2), branches: fc.array(branch, { minLength: 2, maxLength: 5 }), length: fc.constantFrom(0, 1, 40, 1030, 2100) });
  const staged = (query: Numbers, stages: readonly number[]): Numbers => stages.reduce((so, stage) => (STAGES[stage] as (typeof STAGES)[number])(so), query);
  const branchesOf = (list: readonly { readonly stages: readonly number[]; readonly terminal: number }[]): Branches =>
    Object.fromEntries(list.map(({ stages, terminal }, at) => [`b${at}`, query => (TERMINALS[terminal] as (typeof TERMINALS)[number])(staged(query, stages))]));
  const seed = Number(process.env["DOTCOMPUTE_SEED"]);

  it.each(BACKENDS)("on $name: the bits of each alone", ({ name, runtime, why }) => {
    if (why !== null) return;
    fc.assert(
      fc.property(cases, ({ before, branches, length }) => {
        const array = sample("f64", length, length > 1000) as Float64Array;
        const all = branchesOf(branches);
        expect(staged(runtime.compute(array), before).aggregate(all).value()).toEqual(alone(staged(js.compute(array), before), all));
      }),
      { seed, numRuns: name === "js" ? 300 : 12 },
    );
  });

  it("come back from JSON", () => {
    fc.assert(
      fc.property(cases, ({ before, branches }) => {
        const array = sample("f64", 100) as Float64Array;
        const value = staged(js.compute(array), before).aggregate(branchesOf(branches));
        const back = fromJSON<LazyValue<unknown>>(JSON.stringify(value), array, { runtime: js });
        expect(JSON.stringify(back)).toBe(JSON.stringify(value));
        expect(back.value()).toEqual(value.value());
      }),
      { seed, numRuns: 60 },
    );
  });
});
