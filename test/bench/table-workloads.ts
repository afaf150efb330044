/** What tables are measured by: each workload as a query, as plain JavaScript, and as one would write it for the other libraries. */
import type { createRuntime, TypedArray } from "dotcompute";
import type { KernelSignature } from "../../src/backends/cpu/addon.js";
import type { Polars } from "./peers.js";

type Runtime = ReturnType<typeof createRuntime>;

export interface TableData {
  readonly price: Float64Array;
  readonly discount: Float64Array;
  readonly quantity: Int32Array;
  readonly single: Float32Array;
  /** A thousand different ones, and a million. */
  readonly few: Int32Array;
  readonly many: Int32Array;
  /** For the join: a million ids each, shuffled. */
  readonly leftId: Int32Array;
  readonly left: Float64Array;
  readonly rightId: Int32Array;
  readonly right: Float64Array;
}

export interface TableWorkload {
  readonly name: string;
  /** Null where the library has no such verb yet. */
  query(runtime: Runtime, data: TableData): (() => unknown) | null;
  script(data: TableData): unknown;
  /** Over the frames `rows`, `lefts` and `rights`. */
  polars(pl: Polars, frames: Readonly<Record<"rows" | "lefts" | "rights", Polars>>): unknown;
  /** Over tables of the same names. */
  readonly sql: string;
  /** The loop by hand: its name in handwritten-tables.cpp, and what it is called with. `exact`: the one that has the query's bits, where it is another. */
  readonly cpp: { readonly symbol: string; readonly exact?: string; readonly signature: KernelSignature; readonly source: keyof TableData; readonly arrays: readonly (keyof TableData)[]; output(data: TableData): TypedArray } | null;
}

export function tableData(n: number, joined: number): TableData {
  let state = 12345;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const doubles = (length: number): Float64Array => Float64Array.from({ length }, random);
  const integers = (below: number): Int32Array => Int32Array.from({ length: n }, () => Math.floor(random() * below));
  const shuffled = (): Int32Array => {
    const ids = Int32Array.from({ length: joined }, (_, at) => at * 3);
    for (let at = joined - 1; at > 0; at -= 1) {
      const other = Math.floor(random() * (at + 1));
      [ids[at], ids[other]] = [ids[other] as number, ids[at] as number];
    }
    return ids;
  };
  return { price: doubles(n), discount: doubles(n), quantity: integers(10), single: Float32Array.from({ length: n }, () => random() - 0.5), few: integers(1000), many: integers(1e6), leftId: shuffled(), left: doubles(joined), rightId: shuffled(), right: doubles(joined) };
}

const into = (sql: string): string => `CREATE OR REPLACE TEMP TABLE result AS ${sql}`;
const stores = (source: "f64" | "f32" | "i32", arrays: KernelSignature["arrays"] = [], output: "f64" | "f32" | "i32" = source): KernelSignature => ({ source, output, scalars: 0, arrays });

function groupSums(keys: Int32Array, values: Float64Array): Map<number, number> {
  const sums = new Map<number, number>();
  for (let at = 0; at < keys.length; at += 1) sums.set(keys[at] as number, (sums.get(keys[at] as number) ?? 0) + (values[at] as number));
  return sums;
}

export const TABLE_WORKLOADS: readonly TableWorkload[] = [
  {
    name: "filter + map + sum of 3 columns",
    query: ({ compute }, { price, quantity, discount }) => () => compute({ price, quantity, discount }).filter(r => r.quantity > 3).map(r => r.price * r.quantity * (1 - r.discount)).sum().value(),
    script({ price, quantity, discount }) {
      let sum = 0;
      for (let at = 0; at < price.length; at += 1) if ((quantity[at] as number) > 3) sum += (price[at] as number) * (quantity[at] as number) * (1 - (discount[at] as number));
      return sum;
    },
    polars: (pl, { rows }) => rows.lazy().filter(pl.col("quantity").gt(3)).select(pl.col("price").mul(pl.col("quantity")).mul(pl.lit(1).sub(pl.col("discount"))).sum()).collectSync(),
    sql: into("SELECT sum(price * quantity * (1 - discount)) FROM rows WHERE quantity > 3"),
    cpp: { symbol: "filterMapSum", exact: "filterMapSumInOrder", signature: stores("i32", ["f64", "f64"], "f64"), source: "quantity", arrays: ["price", "discount"], output: ({ price }) => new Float64Array(price.length) },
  },
  {
    name: "min, max, mean, variance",
    query: ({ compute }, { price }) => () => compute(price).aggregate({ low: q => q.min(), high: q => q.max(), mean: q => q.average(), spread: q => q.variance() }).value(),
    script({ price }) {
      let [low, high, sum, squares] = [Infinity, -Infinity, 0, 0];
      for (let at = 0; at < price.length; at += 1) {
        const x = price[at] as number;
        low = Math.min(low, x);
        high = Math.max(high, x);
        sum += x;
        squares += x * x;
      }
      const mean = sum / price.length;
      return [low, high, mean, squares / price.length - mean * mean];
    },
    polars: (pl, { rows }) => rows.select(pl.col("price").min().alias("low"), pl.col("price").max().alias("high"), pl.col("price").mean().alias("mean"), pl.col("price").var().alias("spread")),
    sql: into("SELECT min(price), max(price), avg(price), var_pop(price) FROM rows"),
    cpp: null,
  },
  {
    name: "groupBy 1,000 keys, sum",
    query: ({ compute }, { few, price }) => () => compute({ few, price }).groupBy(r => r.few).aggregate({ total: g => g.sum(r => r.price) }).toColumns(),
    script: ({ few, price }) => groupSums(few, price),
    polars: (pl, { rows }) => rows.groupBy("few").agg(pl.col("price").sum()),
    sql: into("SELECT few, sum(price) FROM rows GROUP BY few"),
    cpp: { symbol: "groupSum", exact: "groupSumInLanes", signature: stores("i32", ["f64"], "f64"), source: "few", arrays: ["price"], output: ({ price }) => new Float64Array(price.length) },
  },
  {
    name: "groupBy 1,000,000 keys, sum",
    query: ({ compute }, { many, price }) => () => compute({ many, price }).groupBy(r => r.many).aggregate({ total: g => g.sum(r => r.price) }).toColumns(),
    script: ({ many, price }) => groupSums(many, price),
    polars: (pl, { rows }) => rows.groupBy("many").agg(pl.col("price").sum()),
    sql: into("SELECT many, sum(price) FROM rows GROUP BY many"),
    cpp: { symbol: "groupSum", exact: "groupSumSideBySide", signature: stores("i32", ["f64"], "f64"), source: "many", arrays: ["price"], output: ({ price }) => new Float64Array(price.length) },
  },
  {
    name: "sort f32",
    query: ({ compute }, { single }) => () => compute(single).orderBy(x => x).toArray(),
    script: ({ single }) => single.slice().sort(),
    polars: (_, { rows }) => rows.getColumn("single").sort(),
    sql: into("SELECT single FROM rows ORDER BY single"),
    cpp: { symbol: "sortSingles", signature: stores("f32"), source: "single", arrays: [], output: ({ single }) => single.slice() },
  },
  {
    name: "sort by 2 keys",
    query: ({ compute }, { few, single }) => () => compute({ few, single }).orderBy(r => r.few).thenByDescending(r => r.single).toColumns(),
    script({ few, single }) {
      const places = Uint32Array.from(few, (_, at) => at).sort((a, b) => (few[a] as number) - (few[b] as number) || (single[b] as number) - (single[a] as number));
      return [Int32Array.from(places, at => few[at] as number), Float32Array.from(places, at => single[at] as number)];
    },
    polars: (pl, { rows }) => rows.select("few", "single").sort([pl.col("few"), pl.col("single")], [false, true]),
    sql: into("SELECT few, single FROM rows ORDER BY few, single DESC"),
    cpp: null,
  },
  {
    name: "first 100 of a sort",
    query: ({ compute }, { single }) => () => compute(single).orderBy(x => x).take(100).toArray(),
    script: ({ single }) => single.slice().sort().subarray(0, 100),
    polars: (_, { rows }) => rows.getColumn("single").sort().head(100),
    sql: into("SELECT single FROM rows ORDER BY single LIMIT 100"),
    cpp: null,
  },
  {
    name: "join 1e6 × 1e6",
    query: ({ compute }, { leftId, left, rightId, right }) => () => compute({ id: leftId, left }).join(compute({ id: rightId, right }), r => r.id, r => r.id, (a, b) => ({ id: a.id, left: a.left, right: b.right })).toColumns(),
    script({ leftId, left, rightId, right }) {
      const known = new Map<number, number>();
      for (const [at, id] of rightId.entries()) known.set(id, at);
      const [ids, lefts, rights]: [number[], number[], number[]] = [[], [], []];
      for (let at = 0; at < leftId.length; at += 1) {
        const match = known.get(leftId[at] as number);
        if (match === undefined) continue;
        ids.push(leftId[at] as number);
        lefts.push(left[at] as number);
        rights.push(right[match] as number);
      }
      return [ids, lefts, rights];
    },
    polars: (_, { lefts, rights }) => lefts.join(rights, { on: "id" }),
    sql: into("SELECT lefts.id, \"left\", \"right\" FROM lefts JOIN rights ON lefts.id = rights.id"),
    cpp: null,
  },
  {
    name: "distinct of 1,000,000",
    query: ({ compute }, { many }) => () => compute(many).distinct().toArray(),
    script: ({ many }) => Int32Array.from(new Set(many)),
    polars: (_, { rows }) => rows.getColumn("many").unique(),
    sql: into("SELECT DISTINCT many FROM rows"),
    cpp: { symbol: "distinctIntegers", signature: stores("i32"), source: "many", arrays: [], output: ({ many }) => many.slice() },
  },
  {
    name: "prefix sum",
    query: ({ compute }, { price }) => () => compute(price).scan((s, x) => s + x, 0).toArray(),
    script({ price }) {
      const out = new Float64Array(price.length);
      let sum = 0;
      for (let at = 0; at < price.length; at += 1) out[at] = sum += price[at] as number;
      return out;
    },
    polars: (_, { rows }) => rows.getColumn("price").cumSum(),
    sql: into("SELECT sum(price) OVER (ROWS UNBOUNDED PRECEDING) FROM rows"),
    cpp: { symbol: "prefixSum", exact: "prefixSumInOrder", signature: stores("f64"), source: "price", arrays: [], output: ({ price }) => price.slice() },
  },
  {
    name: "moving average of 5",
    query: ({ compute }, { price }) => () => compute(price).window(5).average().toArray(),
    script({ price }) {
      const out = new Float64Array(price.length - 4);
      for (let at = 0; at < out.length; at += 1) out[at] = ((price[at] as number) + (price[at + 1] as number) + (price[at + 2] as number) + (price[at + 3] as number) + (price[at + 4] as number)) / 5;
      return out;
    },
    polars: (_, { rows }) => rows.getColumn("price").rollingMean(5),
    sql: into("SELECT avg(price) OVER (ROWS 4 PRECEDING) FROM rows"),
    cpp: { symbol: "movingAverage", signature: stores("f64"), source: "price", arrays: [], output: ({ price }) => price.slice() },
  },
  {
    name: "median",
    query: ({ compute }, { price }) => () => compute(price).quantile(0.5).value(),
    script: ({ price }) => price.slice().sort()[price.length >> 1],
    polars: (_, { rows }) => rows.getColumn("price").quantile(0.5),
    sql: into("SELECT quantile_cont(price, 0.5) FROM rows"),
    cpp: null,
  },
];
