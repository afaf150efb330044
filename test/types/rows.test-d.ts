/** The types of queries over tables, as a user's compiler sees them. */
import { compute, nullable, range, repeat, type LazyValue, type Nullable, type NumberArray, type Query, type Rows } from "../../src/index.js";
import { expectType } from "./expect.js";


interface Person {
  age: number;
  member: boolean;
}
interface Prices {
  price: Float64Array;
  quantity: Int32Array;
}
export function interfaces(people: Person[], prices: Prices): void {
  expectType<number>()(compute(people).filter(p => p.member).average(p => p.age).value());
  expectType<number>()(compute(people).median(p => p.age).value());
  expectType<number>()(compute(people).quantile(0.9, p => p.age).value());
  expectType<readonly number[]>()(compute(people).quantile([0.1, 0.9], p => p.age).value());
  expectType<number>()(compute(prices).sum(r => r.price * r.quantity).value());
  const [group] = compute(new BigInt64Array(1)).groupBy(x => x % 2n).aggregate({ sum: g => g.sum(), most: g => g.max() }).toRows();
  expectType<bigint | undefined>()(group?.sum);
  expectType<bigint | undefined>()(group?.most);
}

const sales = { price: new Float64Array(1), quantity: new Int32Array(1), id: new BigInt64Array(1) };

export async function rows(): Promise<void> {
  const table = compute(sales);
  expectType<number>()(await table.sum(r => r.price * r.quantity));
  expectType<bigint>()(table.sum(r => r.id).value());
  expectType<LazyValue<number>>()(table.filter(({ price }) => price > 2).count());
  expectType<Float64Array>()(table.map(r => r.price, Float64Array).toArray());
  expectType<NumberArray>()(table.map(r => r.price).toArray());
  expectType<Uint8Array>()(table.map(r => r.price > 2).toArray());
  expectType<BigInt64Array | BigUint64Array>()(table.map(r => r.id).toArray());
  const { total, late } = table.map(r => ({ ...r, total: r.price * r.quantity, late: r.price > 2 })).toColumns();
  expectType<NumberArray>()(total);
  expectType<Uint8Array>()(late);
  expectType<Float32Array>()(table.map(r => ({ half: r.price / 2 }), { half: Float32Array }).toColumns().half);
  const [first] = table.orderBy(r => r.price).thenByDescending(r => r.id).take(3).toRows();
  expectType<number | undefined>()(first?.price);
  expectType<bigint | undefined>()(first?.id);
  const [group] = table.groupBy(r => r.quantity).aggregate({ n: g => g.count(), most: g => g.max(r => r.id) }).toRows();
  expectType<number | undefined>()(group?.key);
  expectType<number | undefined>()(group?.n);
  expectType<bigint | undefined>()(group?.most);
  const several = table.groupBy(r => ({ dear: r.price > 2, quantity: r.quantity })).aggregate({ n: g => g.count() }).toColumns();
  expectType<Uint8Array>()(several.dear);
  expectType<number>()(compute([{ age: 3, member: true }]).average(p => p.age).value());
  const joined = table.join(compute({ id: new Int32Array(1), name: new Uint16Array(1) }), r => r.quantity, s => s.id, (r, s) => ({ price: r.price, name: s.name }));
  expectType<number | undefined>()(joined.toRows()[0]?.name);
  const outer = table.leftJoin(compute({ id: new Int32Array(1), name: new Uint16Array(1) }), r => r.quantity, s => s.id, (r, s) => ({ price: r.price, name: s?.name ?? NaN, known: s !== null }));
  expectType<number | undefined>()(outer.toRows()[0]?.known);
  const beside = table.groupJoin(compute([{ id: 3, age: 5n }]), r => r.quantity, s => s.id, { n: g => g.count(), total: g => g.sum(s => s.age) });
  expectType<bigint | undefined>()(beside.toRows()[0]?.total);
  expectType<typeof sales.price>()(beside.toColumns().price);
  // @ts-expect-error the other row may be missing
  table.leftJoin(compute(sales), r => r.quantity, s => s.quantity, (_, s) => s.price);
  const zipped: Query<NumberArray> = compute(sales.price).zip(compute(sales.quantity), (x, y) => x * y);
  const same: Rows<typeof sales> = table.concat(table.reverse()).distinct().slice(-3).on("js");
  const sets: Rows<typeof sales> = table.union(table.take(2)).intersect(table).except(table.skip(1)).top(3, r => r.price).bottom(2, r => r.id);
  expectType<Float64Array>()(compute(sales.price).top(3).toArray());
  void [zipped, same, sets];
  // @ts-expect-error there is no such column
  table.map(r => r.prize);
  // @ts-expect-error a row is no number
  table.map(r => r * 2);
  // @ts-expect-error a sum of rows needs a value
  table.sum();
  // @ts-expect-error a BigInt and a number do not mix
  table.map(r => r.id * r.price);
  // @ts-expect-error columns are typed arrays
  compute({ price: [1, 2, 3] });
  // @ts-expect-error rows have no rows in them
  compute([{ name: { first: "x" } }]);
  // @ts-expect-error the other query holds something else
  compute(sales.price).concat(compute(sales.quantity));
  // @ts-expect-error so does this one
  table.union(compute({ price: sales.price }));
}

export function casts(): void {
  const columns: { price: Float64Array; id: BigInt64Array } = { price: new Float64Array(1), id: new BigInt64Array(1) };
  const table = compute(columns);
  expectType<Float32Array>()(table.as({ price: Float32Array }).toColumns().price);
  expectType<BigInt64Array>()(table.as({ price: Float32Array }).toColumns().id);
  expectType<Float64Array>()(table.column("price").toArray());
  expectType<bigint>()(table.column("id").sum().value());
  expectType<BigInt64Array>()(compute(repeat(1n, 3)).toArray());
  expectType<Uint8Array>()(compute(repeat(true, 3)).toArray());
  expectType<Float64Array>()(compute(repeat(0.5, 3)).toArray());
  expectType<Float64Array>()(compute(range(0, 1, 0.1)).toArray());
  // @ts-expect-error there is no such column
  table.column("prize");
  // @ts-expect-error there is no such column
  table.as({ prize: Float32Array });
}

export async function picks(columns: { price: Float64Array; id: BigInt64Array }): Promise<void> {
  const table = compute(columns);
  expectType<{ readonly price: number; readonly id: bigint } | undefined>()(await table.first());
  expectType<{ readonly price: number; readonly id: bigint } | undefined>()(table.minBy(r => r.price).value());
  // @ts-expect-error null is no key of the smallest
  table.minBy(r => (r.price > 0 ? r.price : null));
  expectType<{ readonly price: number; readonly id: bigint }>()(table.single(r => r.price > 2).value());
  expectType<bigint | undefined>()(table.find(r => r.price > 2).value()?.id);
  expectType<number | undefined>()(compute(columns.price).elementAt(-1).value());
  expectType<bigint | undefined>()(compute(columns.id).last(x => x > 2n).value());
  // @ts-expect-error a row is no key
  table.maxBy(r => r);
}

export function zips(a: Float64Array, b: BigInt64Array): void {
  const mixed = compute(a).zip(compute(b), compute({ a }), (x, y, row, i) => ({ sum: x + row.a + i, y }));
  expectType<bigint | undefined>()(mixed.toRows()[0]?.y);
  expectType<number>()(compute(a).zip(compute(a), compute(b), (x, y, z) => x + y + Number(z)).sum().value());
  expectType<bigint | undefined>()(compute({ a, b }).takeWhile(r => r.a > 1).skipWhile(r => r.b < 2n).tap(r => r.b).toRows()[0]?.b);
  // @ts-expect-error an array is no query
  compute(a).zip(compute(b), a, x => x);
}

export function nulls(people: { age: number | null; name: number }[]): void {
  const table = compute({ price: nullable(new Float64Array(1), [true]), id: nullable(new BigInt64Array(1), new Uint8Array(1)), n: new Int32Array(1) });
  expectType<number>()(table.sum(r => r.price).value());
  expectType<bigint>()(table.max(r => r.id).value());
  expectType<number>()(table.dropNulls("price").sum(r => r.price * r.n).value());
  expectType<number>()(table.fillNulls({ price: 0, id: 0n }).map(r => r.price * Number(r.id)).count().value());
  const [first] = table.dropNulls("id").toRows();
  expectType<number | null | undefined>()(first?.price);
  expectType<bigint | undefined>()(first?.id);
  const { price, twice, filled } = table.map(r => ({ ...r, twice: r.price === null ? null : r.price * 2, filled: r.price ?? 0 })).toColumns();
  expectType<NumberArray | Nullable<Float64Array<ArrayBuffer>>>()(price as NumberArray | Nullable<Float64Array<ArrayBuffer>>);
  expectType<number | null>()(twice.at(0));
  expectType<NumberArray>()(filled);
  const [group] = table.groupBy(r => r.price).aggregate({ n: g => g.sum(r => r.id), first: g => g.first(r => r.price) }).toRows();
  expectType<number | null | undefined>()(group?.key);
  expectType<bigint | undefined>()(group?.n);
  expectType<number | null | undefined>()(group?.first);
  expectType<number>()(compute(people).dropNulls().average(p => p.age).value());
  // @ts-expect-error a null is no number
  table.map(r => r.price * 2);
  // @ts-expect-error the column has no nulls
  table.dropNulls("n");
  // @ts-expect-error the column holds BigInts
  table.fillNulls({ id: 0 });
}

export function lists(a: Float64Array, b: BigInt64Array): void {
  expectType<Float64Array>()(compute(a).flatMap(x => (x > 0 ? [x, -x] : [])).toArray());
  expectType<Float32Array>()(compute(a).flatMap(x => [x, x > 1], Float32Array).toArray());
  expectType<BigInt64Array | BigUint64Array>()(compute({ a, b }).flatMap(r => [r.b, 1n]).toArray());
  expectType<bigint | undefined>()(compute({ a, b }).flatMap(r => [{ id: r.b }, { id: 0n }]).toRows()[0]?.id);
  // @ts-expect-error a list of BigInts for numbers
  compute(a).flatMap(() => [1n]);
  // @ts-expect-error no list
  compute(a).flatMap(x => x);
}
