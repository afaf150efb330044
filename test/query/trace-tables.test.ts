/** Every verb and every terminal that there is, traced for every element, against plain JavaScript chains. */
import { describe, expect, it } from "vitest";
import type { StageShape, TerminalShape } from "../../fusion/query.js";
import { batch, nullable } from "../../src/index.js";
import { createRuntime } from "../../src/runtime/create.js";
import type { LazyValue } from "../../src/query/lazy.js";
import type { Query } from "../../src/query/query.js";
import type { Trace } from "../../src/query/trace.js";

const { compute } = createRuntime({ backend: "js" });

/** Whole numbers, so that sums are the same in any order; two of them twice. */
const source = Float64Array.of(3, -1, 4, 12, 5, 3, 9, -1, 2, 6);
const other = Float64Array.of(4, 3, 20);
const prices = nullable(Float64Array.of(3, 0, 4, 8, 0, 1), [true, false, true, true, false, true]);
const priced = Array.from({ length: 6 }, (_, at): Row => ({ id: at, price: prices.at(at) }));

interface Row {
  readonly id: number;
  readonly price: number | null;
}

/** A value, and the places of the elements that it is to be found by. */
interface Item<V> {
  readonly value: V;
  readonly from: readonly number[];
}

const items = <V>(values: ArrayLike<V>): Item<V>[] => Array.from(values, (value, at) => ({ value, from: [at] }));
const added = <V>(values: ArrayLike<V>): Item<V>[] => Array.from(values, value => ({ value, from: [] }));
const mapped = <V, R>(list: readonly Item<V>[], f: (value: V, i: number) => R): Item<R>[] => list.map(({ value, from }, i) => ({ value: f(value, i), from }));
const firsts = <V>(list: readonly Item<V>[]): Item<V>[] => list.filter(({ value }, at) => list.findIndex(one => Object.is(one.value, value)) === at);
const isOther = (value: number): boolean => other.includes(value);

interface Case {
  readonly query: { trace(index: number): Trace };
  readonly gives: readonly Item<unknown>[];
  /** Of its source; by default that of `values`. */
  readonly length?: number;
}

const values = compute(source);
const rows = compute({ id: Int32Array.from(priced, ({ id }) => id), price: prices });
const sorted = items(source).sort((a, b) => a.value - b.value);

const verbs: Record<StageShape["kind"], readonly Case[]> = {
  map: [
    { query: values.map((x, i) => x * 2 + i), gives: mapped(items(source), (x, i) => x * 2 + i) },
    { query: rows.map((r) => r.price ?? -1), gives: mapped(items(priced), ({ price }) => price ?? -1), length: priced.length },
  ],
  flatMap: [{ query: values.flatMap((x) => (x > 3 ? [x, -x] : [])), gives: items(source).flatMap(({ value, from }) => (value > 3 ? [{ value, from }, { value: -value, from: [] }] : [])) }],
  filter: [{ query: values.filter((x) => x > 3), gives: items(source).filter(({ value }) => value > 3) }],
  as: [{ query: values.as(Int8Array), gives: items(Int8Array.from(source)) }],
  scan: [{ query: values.scan((a, x) => a + x, 10), gives: mapped(items(source), (_, i) => source.slice(0, i + 1).reduce((a, x) => a + x, 10)) }],
  window: [
    { query: values.window(4).sum(), gives: Array.from({ length: 7 }, (_, at) => ({ value: source.slice(at, at + 4).reduce((a, x) => a + x), from: at === 6 ? [6, 7, 8, 9] : [at] })) },
    { query: values.chunk(4).sum(), gives: [0, 4].map(at => ({ value: source.slice(at, at + 4).reduce((a, x) => a + x), from: [at, at + 1, at + 2, at + 3] })) },
  ],
  dropNulls: [{ query: rows.dropNulls("price"), gives: items(priced).filter(({ value }) => value.price !== null), length: priced.length }],
  fillNulls: [{ query: rows.fillNulls({ price: 7 }), gives: mapped(items(priced), ({ id, price }) => ({ id, price: price ?? 7 })), length: priced.length }],
  slice: [{ query: values.slice(2, -3), gives: items(source).slice(2, -3) }, { query: values.take(3), gives: items(source).slice(0, 3) }, { query: values.skip(8), gives: items(source).slice(8) }],
  while: [{ query: values.takeWhile((x) => x < 10), gives: items(source).slice(0, 3) }, { query: values.skipWhile((x) => x < 10), gives: items(source).slice(3) }],
  reverse: [{ query: values.reverse(), gives: items(source).reverse() }],
  tap: [{ query: values.tap(() => expect.fail("a tap was called")), gives: items(source) }],
  sort: [{ query: values.orderBy((x) => x), gives: sorted }, { query: values.orderByDescending((x) => x % 2).thenBy((x) => x), gives: [...sorted].sort((a, b) => (b.value % 2) - (a.value % 2)) }],
  distinct: [{ query: values.distinct(), gives: firsts(items(source)) }],
  top: [{ query: values.bottom(4), gives: sorted.slice(0, 4) }],
  concat: [{ query: values.concat(compute(other)), gives: [...items(source), ...added(other)] }],
  set: [
    { query: values.union(compute(other)), gives: firsts([...items(source), ...added(other)]) },
    { query: values.intersect(compute(other)), gives: firsts(items(source)).filter(({ value }) => isOther(value)) },
    { query: values.except(compute(other)), gives: firsts(items(source)).filter(({ value }) => !isOther(value)) },
  ],
  pair: [
    { query: values.zip(compute(other), (x, y) => x - y), gives: mapped(items(source).slice(0, 3), (x, i) => x - (other[i] as number)) },
    { query: values.join(compute(other), (x) => x, (y) => y, (x, y) => x * y), gives: mapped(items(source).filter(({ value }) => isOther(value)), x => x * x) },
  ],
  match: [
    { query: values.semiJoin(compute(other), (x) => x, (y) => y), gives: items(source).filter(({ value }) => isOther(value)) },
    { query: values.antiJoin(compute(other), (x) => x, (y) => y), gives: items(source).filter(({ value }) => !isOther(value)) },
  ],
  groupJoin: [{ query: rows.map((r) => ({ id: r.id })).groupJoin(compute(other), (r) => r.id, (y) => y, { n: (g) => g.count() }), gives: mapped(items(priced), ({ id }) => ({ id, n: other.filter(y => y === id).length })), length: priced.length }],
  group: [
    {
      query: values.groupBy((x) => x % 3).aggregate({ total: (g) => g.sum() }),
      gives: [0, -1, 1, 2].map(key => ({ value: { key, total: source.filter(x => x % 3 === key).reduce((a, x) => a + x) }, from: [...source.keys()].filter(at => (source[at] as number) % 3 === key) })),
    },
  ],
};

describe.each(Object.keys(verbs) as StageShape["kind"][])("a trace through %s", kind => {
  it.each(verbs[kind].map((one, at) => ({ ...one, at })))("tells value and place of every element, or that it is left out ($at)", ({ query, gives, length = source.length }) => {
    for (let index = 0; index < length; index += 1) {
      const place = gives.findIndex(({ from }) => from.includes(index));
      const { value, place: told, note } = query.trace(index).stages.at(-1) ?? expect.fail("no stage");
      expect({ index, place: told }).toEqual({ index, place: place < 0 ? null : place });
      expect(value).toEqual(gives[place]?.value);
      if (place < 0) expect(note).toMatch(/left out|no elements/);
    }
  });
});

/** A terminal of the positive elements; what it gives of so many of them. */
interface End {
  readonly value: (query: Query<Float64Array>) => LazyValue<unknown>;
  readonly of: (elements: readonly number[]) => unknown;
}

const sum = (xs: readonly number[]): number => xs.reduce((a, x) => a + x, 0);
const average = (xs: readonly number[]): number => sum(xs) / xs.length;
/** But for what rounding makes of it, in another order. */
const variance = (xs: readonly number[], less: number): unknown => (xs.length - less <= 0 ? NaN : expect.closeTo(sum(xs.map(x => (x - average(xs)) ** 2)) / (xs.length - less), 10));
const deviation = (xs: readonly number[]): unknown => (xs.length === 0 ? NaN : expect.closeTo(Math.sqrt(sum(xs.map(x => (x - average(xs)) ** 2)) / xs.length), 10));
const median = (xs: readonly number[]): number => {
  const [ordered, at] = [[...xs].sort((a, b) => a - b), (xs.length - 1) / 2];
  return xs.length === 0 ? NaN : ((ordered[Math.floor(at)] as number) + (ordered[Math.ceil(at)] as number)) / 2;
};
const by = (xs: readonly number[], better: (a: number, b: number) => boolean): number | undefined => xs.reduce<number | undefined>((best, x) => (best === undefined || better(x % 4, best % 4) ? x : best), undefined);

const ends: Record<Exclude<TerminalShape["kind"], "toArray" | "toColumns">, readonly End[]> = {
  count: [{ value: q => q.count(), of: xs => xs.length }],
  sum: [{ value: q => q.sum(), of: sum }],
  average: [{ value: q => q.average(), of: average }],
  variance: [{ value: q => q.variance(), of: xs => variance(xs, 0) }, { value: q => q.variance({ sample: true }), of: xs => variance(xs, 1) }],
  standardDeviation: [{ value: q => q.standardDeviation(), of: deviation }],
  min: [{ value: q => q.min(), of: xs => Math.min(...xs) }],
  max: [{ value: q => q.max(), of: xs => Math.max(...xs) }],
  median: [{ value: q => q.median(), of: median }],
  quantile: [{ value: q => q.quantile(0.5), of: median }, { value: q => q.quantile([0, 0.5]), of: xs => (xs.length === 0 ? [NaN, NaN] : [Math.min(...xs), median(xs)]) }],
  first: [{ value: q => q.first(), of: xs => xs[0] }, { value: q => q.first((x) => x > 4), of: xs => xs.find(x => x > 4) }],
  last: [{ value: q => q.last(), of: xs => xs.at(-1) }, { value: q => q.last((x) => x > 4), of: xs => xs.filter(x => x > 4).at(-1) }],
  single: [{ value: q => q.single(), of: xs => (xs.length === 1 ? xs[0] : undefined) }],
  leastKey: [{ value: q => q.minBy((x) => x % 4), of: xs => by(xs, (a, b) => a < b) }],
  greatestKey: [{ value: q => q.maxBy((x) => x % 4), of: xs => by(xs, (a, b) => a > b) }],
  firstBy: [{ value: q => q.minBy((x) => -x), of: xs => (xs.length === 0 ? undefined : Math.max(...xs)) }],
  some: [{ value: q => q.some((x) => x > 8), of: xs => xs.some(x => x > 8) }],
  every: [{ value: q => q.every((x) => x < 9), of: xs => xs.every(x => x < 9) }],
  find: [{ value: q => q.find((x) => x > 4), of: xs => xs.find(x => x > 4) }],
  findIndex: [{ value: q => q.findIndex((x) => x > 4), of: xs => xs.findIndex(x => x > 4) }],
  indexOf: [{ value: q => q.indexOf(5), of: xs => xs.indexOf(5) }],
  includes: [{ value: q => q.includes(5), of: xs => xs.includes(5) }],
  reduce: [{ value: q => q.reduce((a, x) => a * 2 + x, 1), of: xs => xs.reduce((a, x) => a * 2 + x, 1) }, { value: q => q.reduce((a, x) => a - x), of: xs => (xs.length === 0 ? undefined : xs.reduce((a, x) => a - x)) }],
  together: [
    {
      value: q => q.aggregate({ n: q => q.filter((x) => x > 4).count(), spread: q => q.map((x) => x + 1).tap(() => expect.fail("a tap was called")).variance(), best: q => q.maxBy((x) => x % 4), all: q => q.reduce((a, x) => a + x) }),
      of: xs => ({ n: xs.filter(x => x > 4).length, spread: variance(xs, 0), best: by(xs, (a, b) => a > b), all: xs.length === 0 ? undefined : sum(xs) }),
    },
    { value: q => batch([q.sum(), q.skip(1).median()]), of: xs => [sum(xs), median(xs.slice(1))] },
  ],
};

const positive = [...source].map((x, at) => ({ x, at })).filter(({ x }) => x > 0);

describe.each(Object.keys(ends) as (keyof typeof ends)[])("a trace to %s", kind => {
  it.each(ends[kind].map((one, at) => ({ ...one, at })))("tells what it gives before, with and after every element ($at)", ({ value, of }) => {
    const lazy = value(compute(source).filter((x) => x > 0));
    const result = of(positive.map(({ x }) => x));
    for (const index of source.keys()) {
      const place = positive.findIndex(({ at }) => at === index);
      const { stages, terminal } = lazy.trace(index);
      // What first(f) and last(f) leave out is left out there.
      if (place < 0 || stages.at(-1)?.place === null) {
        expect(terminal).toBeNull();
        continue;
      }
      const upTo = (count: number): unknown => of(positive.slice(0, count).map(({ x }) => x));
      expect(terminal).toEqual({ text: expect.stringMatching(/^\w+\(/) as string, before: upTo(place), after: upTo(place + 1), result });
    }
  });
});

describe("a trace to what is taken of a column with nulls", () => {
  const present = priced.flatMap(({ id, price }) => (price === null ? [] : [{ id, price }]));
  const taken = { sum, average, min: (xs: readonly number[]) => Math.min(...xs), max: (xs: readonly number[]) => Math.max(...xs), variance: (xs: readonly number[]) => variance(xs, 0), standardDeviation: deviation, median };
  it.each(Object.keys(taken) as (keyof typeof taken)[])("%s leaves a null out, and says so", name => {
    for (const { id, price } of priced) {
      const { stages, terminal } = (rows[name] as (f: (r: Row) => number | null) => LazyValue<unknown>)((r) => r.price).trace(id);
      const place = present.findIndex(one => one.id === id);
      expect(stages).toEqual([price === null ? { text: "map((r) => r.price)", value: undefined, place: null, note: "left out: null" } : { text: "map((r) => r.price)", value: price, place, note: "" }]);
      const of = (count: number): unknown => taken[name](present.slice(0, count).map(one => one.price));
      expect(terminal).toEqual(price === null ? null : { text: `${name}()`, before: of(place), after: of(place + 1), result: of(present.length) });
    }
  });

  it("is a table of text, of several values, too", () => {
    const text = String(rows.aggregate({ total: q => q.sum((r) => r.price), ends: q => q.quantile([0, 1], (r) => r.price), best: q => q.maxBy((r) => r.id) }).trace(2));
    expect(text.split("\n").map(line => line.replaceAll(/ {2,}/g, "  "))).toEqual([
      "  value  place",
      "source  { id: 2, price: 4 }  2",
      "aggregate({ total: q => q.map((r) => r.price).sum(), ends: q => q.map((r) => r.price).quantile([0, 1]), best: q => q.maxBy((r) => r.id) })  { total: 7, ends: [3, 4], best: { id: 2, price: 4 } }  { total: 3, ends: [3, 3], best: { id: 1, price: null } } before it; { total: 16, ends: [1, 8], best: { id: 5, price: 1 } } in the end",
    ]);
  });
});
