/** Queries over tables, strings, windows and streams for a soak; what they must give is what the JavaScript backend gives undisturbed. */
import { stream } from "../../src/index.js";
import type { Runtime } from "../../src/runtime/create.js";
import { sameBits } from "../laws/run.js";
import { shown, type Task } from "./task.js";

interface Data {
  readonly key: Int32Array;
  readonly price: Float64Array;
  readonly small: Int16Array;
  readonly name: string[];
}

const NAMES = ["AA", "UA", "", "Ünï", "zz", "B6"] as const;

function dataOf(length: number, seed: number): Data {
  const at = (place: number): number => Math.imul(place + seed, 0x9e3779b1) >>> 8;
  return {
    key: Int32Array.from({ length }, (_, place) => at(place) % 97),
    price: Float64Array.from({ length }, (_, place) => (place % 701 === 3 ? (place % 2 === 0 ? NaN : -0) : (at(place) % 2001) / 8 - 100)),
    small: Int16Array.from({ length }, (_, place) => (at(place) % 65_536) - 32_768),
    name: Array.from({ length }, (_, place) => `${NAMES[at(place) % NAMES.length] as string}${at(place) % 211 === 0 ? place : ""}`),
  };
}

type Made = { readonly run: (signal: AbortSignal | undefined) => Promise<unknown>; readonly now: (() => unknown) | null };

const QUERIES: Readonly<Record<string, (runtime: Runtime, data: Data, k: number) => Made>> = {
  groups(runtime, data, k) {
    const query = runtime.compute(data).map(r => ({ ...r, cost: r.price * k }), { k }).groupBy(r => r.key).aggregate({ n: g => g.count(), total: g => g.sum(r => r.cost), least: g => g.min(r => r.price) });
    return { run: signal => query.toColumnsAsync({ signal }), now: () => query.toColumns() };
  },
  "groups of strings": (runtime, data, k) => {
    const query = runtime.compute(data).filter(r => r.price > k && r.name !== "zz", { k }).groupBy(r => r.name).aggregate({ mean: g => g.average(r => r.small) }).orderBy(r => r.key);
    return { run: signal => query.toColumnsAsync({ signal }), now: () => query.toColumns() };
  },
  join(runtime, data, k) {
    const right = runtime.compute({ id: Int32Array.from({ length: 50 }, (_, at) => at * 2), rate: Float64Array.from({ length: 50 }, (_, at) => at / 8) });
    const query = runtime.compute(data).join(right, r => r.key, s => s.id, (r, s) => r.price * s.rate + k, { k }).sum();
    return { run: signal => query.run({ signal }), now: () => query.value() };
  },
  sort(runtime, data, k) {
    const query = runtime.compute(data.price).map(x => x * k, { k }).orderByDescending(x => x).take(1000);
    return { run: signal => query.toArrayAsync({ signal }), now: () => query.toArray() };
  },
  windows(runtime, data, k) {
    const query = runtime.compute(data.price).window(5).average().map(x => x + k, { k }).filter(x => x > 0);
    return { run: signal => query.toArrayAsync({ signal }), now: () => query.toArray() };
  },
  "prefix sums"(runtime, data, k) {
    const query = runtime.compute(data.small).as(Float64Array).map(x => x * k, { k }).scan((a, x) => a + x, 0);
    return { run: signal => query.toArrayAsync({ signal }), now: () => query.toArray() };
  },
  aggregate(runtime, data, k) {
    const query = runtime.compute(data.price).filter(x => x < 90 + k, { k }).aggregate({ sum: q => q.sum(), n: q => q.count(), v: q => q.variance(), m: q => q.median() });
    return { run: signal => query.run({ signal }), now: () => query.value() };
  },
  distinct(runtime, data, k) {
    const query = runtime.compute(data.small).map(x => x % 1000 + (k > 0 ? 1 : 0), { k }).distinct();
    return { run: signal => query.toArrayAsync({ signal }), now: () => query.toArray() };
  },
  "stream"(runtime, data, k) {
    const pieces = (function* () {
      for (let from = 0; from < data.price.length; from += 9973) yield data.price.slice(from, from + 9973);
    })();
    const query = runtime.compute(stream(pieces, Float64Array)).map(x => x - k, { k }).filter(x => x > 0).sum();
    return { run: signal => query.run({ signal }), now: null };
  },
};

/** Equal bits, but for those of NaNs, in columns and values. */
function sameResults(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null || ArrayBuffer.isView(a)) return sameBits(a, b);
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return names.length === others.length && names.every((name, at) => others[at] === name && sameResults((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]));
}

export function makeTableTask(random: () => number, scripted: Runtime): Task {
  const names = Object.keys(QUERIES);
  const name = names[Math.floor(random() * names.length)] as string;
  const length = [0, 1, 999, 5000, 70_000][Math.floor(random() * 5)] as number;
  const seed = Math.floor(random() * 50);
  const k = Math.round(random() * 8) / 2;
  const make = QUERIES[name] as (runtime: Runtime, data: Data, k: number) => Made;
  const data = dataOf(length, seed);
  return {
    told: `${name} of ${length} rows, seed ${seed}, k = ${k}`,
    now(runtime) {
      const { now } = make(runtime, data, k);
      return now === null ? make(scripted, data, k).run(undefined) : now();
    },
    later: (runtime, signal) => make(runtime, data, k).run(signal),
    async fault(outcome) {
      const expected = await make(scripted, data, k).run(undefined);
      return "value" in outcome && sameResults(outcome.value, expected) ? null : `gave ${shown(outcome)} and not ${shown({ value: expected })}`;
    },
  };
}
