/**
 * Every pair of verbs: what it gives, against plain arrays, and how many kernels it needs. A pair that stops fusing changes pairs.txt;
 * where that is meant, `npx vitest run test/query/pairs.test.ts -u` writes it anew.
 */
import { describe, expect, it } from "vitest";
import { createRuntime, type Query } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });

type Numbers = Query<Float64Array>;
interface Verb {
  readonly query: (q: Numbers) => unknown;
  readonly oracle: (xs: readonly number[]) => readonly number[];
}

const VALUES = [3, -1, 4, 1, NaN, -0, 5, 9, 2, 6, 0, 5, 3, NaN, 5, -8, 9, 7, 3, 2, -3, 8, 4, 6];
const SOURCE = Float64Array.from(VALUES);
const OTHERS = [5, NaN, 0, 3, 5, -2];
const other = compute(Float64Array.from(OTHERS));

const same = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));
const among = (xs: readonly number[], x: number): boolean => xs.some(y => same(x, y));
const distinct = (xs: readonly number[]): number[] => [...new Map(xs.map(x => [x, xs.find(y => same(x, y)) as number])).values()];
const rank = (x: number): number => (Object.is(x, -0) ? -Number.MIN_VALUE : x);
const sorted = (xs: readonly number[], sign: 1 | -1): number[] => xs.toSorted((x, y) => (Number.isNaN(x) || Number.isNaN(y) ? Number(Number.isNaN(x)) - Number(Number.isNaN(y)) : (rank(x) - rank(y)) * sign));
const running = (xs: readonly number[], f: (a: number, x: number) => number): number[] => {
  let a = 0;
  return xs.map(x => (a = f(a, x)));
};

/** A new verb is a line of its own. */
const VERBS: Readonly<Record<string, Verb>> = {
  map: { query: q => q.map(x => x * 2 - 1), oracle: xs => xs.map(x => x * 2 - 1) },
  "map by place": { query: q => q.map((x, i) => x + i), oracle: xs => xs.map((x, i) => x + i) },
  flatMap: { query: q => q.flatMap(x => (x > 1 ? [x, -x] : [x])), oracle: xs => xs.flatMap(x => (x > 1 ? [x, -x] : [x])) },
  filter: { query: q => q.filter(x => x > 1), oracle: xs => xs.filter(x => x > 1) },
  "filter by place": { query: q => q.filter((_, i) => i % 3 > 0), oracle: xs => xs.filter((_, i) => i % 3 > 0) },
  as: { query: q => q.as(Float32Array).as(Float64Array), oracle: xs => xs },
  take: { query: q => q.take(9), oracle: xs => xs.slice(0, 9) },
  skip: { query: q => q.skip(2), oracle: xs => xs.slice(2) },
  slice: { query: q => q.slice(-8, -1), oracle: xs => xs.slice(-8, -1) },
  takeWhile: { query: q => q.takeWhile(x => x !== 6), oracle: xs => (xs.includes(6) ? xs.slice(0, xs.indexOf(6)) : xs) },
  skipWhile: { query: q => q.skipWhile(x => x > 2), oracle: xs => xs.slice(xs.findIndex(x => !(x > 2)) < 0 ? xs.length : xs.findIndex(x => !(x > 2))) },
  reverse: { query: q => q.reverse(), oracle: xs => xs.toReversed() },
  scan: { query: q => q.scan((a, x) => a + x, 0), oracle: xs => running(xs, (a, x) => a + x) },
  "scan in order": { query: q => q.scan((a, x) => a / 2 + x, 0), oracle: xs => running(xs, (a, x) => a / 2 + x) },
  window: { query: q => q.window(3).map(([a, b, c]) => a - b + c), oracle: xs => xs.slice(2).map((c, i) => (xs[i] as number) - (xs[i + 1] as number) + c) },
  chunk: { query: q => q.chunk(2).map(([a, b]) => a - 2 * b), oracle: xs => xs.flatMap((x, i) => (i % 2 === 1 ? [(xs[i - 1] as number) - 2 * x] : [])) },
  neighbours: { query: q => q.neighbours([0, 2], { edge: "wrap" }).map(([here, later]) => here - later), oracle: xs => xs.map((x, i) => x - (xs[(i + 2) % xs.length] as number)) },
  tap: { query: q => q.tap(() => undefined), oracle: xs => xs },
  orderBy: { query: q => q.orderBy(x => x), oracle: xs => sorted(xs, 1) },
  top: { query: q => q.top(5), oracle: xs => sorted(xs, -1).slice(0, 5) },
  bottom: { query: q => q.bottom(5, x => -x), oracle: xs => sorted(xs.map(x => -x), 1).slice(0, 5).map(x => -x) },
  distinct: { query: q => q.distinct(), oracle: distinct },
  groupBy: { query: q => q.groupBy(x => Math.trunc(x / 2)).aggregate({ n: g => g.count(), most: g => g.max() }).map(r => r.n + r.most, Float64Array), oracle: xs => distinct(xs.map(x => Math.trunc(x / 2))).map(key => xs.filter(x => same(Math.trunc(x / 2), key))).map(group => group.length + Math.max(...group)) },
  concat: { query: q => q.concat(other), oracle: xs => [...xs, ...OTHERS] },
  union: { query: q => q.union(other), oracle: xs => distinct([...xs, ...OTHERS]) },
  intersect: { query: q => q.intersect(other), oracle: xs => distinct(xs).filter(x => among(OTHERS, x)) },
  except: { query: q => q.except(other), oracle: xs => distinct(xs).filter(x => !among(OTHERS, x)) },
  zip: { query: q => q.zip(other, (x, y) => x - y), oracle: xs => xs.slice(0, OTHERS.length).map((x, i) => x - (OTHERS[i] as number)) },
  join: { query: q => q.join(other, x => x, y => y, (x, y) => x * y), oracle: xs => xs.flatMap(x => OTHERS.filter(y => same(x, y)).map(y => x * y)) },
  leftJoin: { query: q => q.leftJoin(other, x => x, y => y, (x, y) => x - (y ?? 10)), oracle: xs => xs.flatMap(x => (among(OTHERS, x) ? OTHERS.filter(y => same(x, y)).map(y => x - y) : [x - 10])) },
  groupJoin: { query: q => q.map(x => ({ x })).groupJoin(other, r => r.x, y => y, { n: g => g.count() }).map(r => r.x + r.n, Float64Array), oracle: xs => xs.map(x => x + OTHERS.filter(y => same(x, y)).length) },
  semiJoin: { query: q => q.semiJoin(other, x => x, y => y), oracle: xs => xs.filter(x => among(OTHERS, x)) },
  antiJoin: { query: q => q.antiJoin(other, x => x, y => y), oracle: xs => xs.filter(x => !among(OTHERS, x)) },
};

const names = Object.keys(VERBS);
const verbOf = (name: string): Verb => VERBS[name] as Verb;
const queryOf = (first: string, second: string): Numbers => verbOf(second).query(verbOf(first).query(compute(SOURCE)) as Numbers) as Numbers;

/** How many kernels a query needs, and how often it is cut where that does not follow from their number. */
function cost(query: Numbers): string {
  const { kernels } = query.bound.shape.plainTerminal("toArray").plan();
  const cuts = kernels.at(-1)?.table ?? 0;
  const words = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
  return kernels.length === cuts + 1 ? words(kernels.length, "kernel") : `${words(kernels.length, "kernel")} and ${words(cuts, "cut")}`;
}

describe("pairs of verbs", () => {
  it.each(names)("%s, and then any other", first => {
    for (const second of names) {
      expect([...queryOf(first, second).toArray()], `${first}, ${second}`).toEqual(verbOf(second).oracle(verbOf(first).oracle(VALUES)));
    }
  });

  it("need the kernels that are written down", async () => {
    const lines = names.flatMap(first => {
      const costs = names.map(second => ({ second, cost: cost(queryOf(first, second)) }));
      const byCost = [...new Set(costs.map(({ cost: of }) => of))].sort();
      return [`${first}, and then`, ...byCost.map(of => `  ${of}: ${costs.filter(pair => pair.cost === of).map(({ second }) => second).join(", ")}`), ""];
    });
    await expect(lines.join("\n")).toMatchFileSnapshot("./pairs.txt");
  });
});
