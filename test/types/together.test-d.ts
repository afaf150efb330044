/** The types of several values at once. Nothing here runs. */
import { batch, compute, type LazyValue } from "../../src/index.js";
import { expectType } from "./expect.js";

export async function aggregates(): Promise<void> {
  const bigs = compute(new BigInt64Array(1));
  const floats = compute(new Float32Array(1));
  const table = compute({ price: new Float64Array(1), id: new BigInt64Array(1) });
  expectType<LazyValue<{ readonly n: number; readonly most: bigint; readonly any: boolean }>>()(bigs.aggregate({ n: q => q.count(), most: q => q.filter(x => x > 1n).max(), any: q => q.some(x => x > 1n) }));
  const { mean, dear, best, quarters } = await table.filter(r => r.price > 1).aggregate({
    mean: q => q.average(r => r.price),
    dear: q => q.filter(r => r.id > 3n).max(r => r.id),
    best: q => q.maxBy(r => r.price),
    quarters: q => q.quantile([0.25, 0.75], r => r.price),
  });
  expectType<number>()(mean);
  expectType<bigint>()(dear);
  expectType<number | undefined>()(best?.price);
  expectType<readonly number[]>()(quarters);
  // @ts-expect-error there is no such column
  table.aggregate({ mean: q => q.average(r => r.cost) });
  // @ts-expect-error BigInts have no average
  bigs.aggregate({ mean: q => q.average() });
  // @ts-expect-error a query is no value
  floats.aggregate({ twice: q => q.map(x => x * 2) });
  // @ts-expect-error nor is a number
  floats.aggregate({ one: () => 1 });
}

export async function batches(): Promise<void> {
  const floats = compute(new Float32Array(1));
  const bigs = compute(new BigInt64Array(1));
  expectType<LazyValue<[number, boolean, bigint]>>()(batch([floats.sum(), floats.some(x => x > 1), bigs.max()]));
  const [total, first] = await batch([floats.sum(), floats.first()]);
  expectType<number>()(total);
  expectType<number | undefined>()(first);
  const list = [1, 2, 3].map(k => floats.filter(x => x > k, { k }).sum());
  expectType<number[]>()(await batch(list));
  // @ts-expect-error what has been awaited is no value of a query
  batch([1]);
  // @ts-expect-error nor is a query
  batch([floats]);
}

export function groups(): void {
  const table = compute({ price: new Float64Array(1), id: new BigInt64Array(1) });
  const [row] = table.groupBy(r => r.id).aggregate({ v: g => g.variance(r => r.price, {}, { sample: true }), q: g => g.quantile(0.9, r => r.price), m: g => g.median(r => r.price) }).toRows();
  expectType<number | undefined>()(row?.v);
  expectType<number | undefined>()(row?.q);
  compute(new Float32Array(1)).groupBy(x => x > 1).aggregate({ m: g => g.median(), s: g => g.standardDeviation({ sample: true }) });
  // @ts-expect-error of a BigInt there is none
  table.groupBy(r => r.price).aggregate({ v: g => g.variance(r => r.id) });
}
