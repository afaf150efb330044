/** Random chains of every verb, over single values and over rows. */
import fc from "fast-check";
import type { NumberArray, Query, Rows, Runtime } from "../../src/index.js";

export const NUMBERS = Float64Array.of(3, -0, 0, NaN, 1.5, 3, -2, Infinity, 1e300, 0.1, 7, 7);
export const TABLE = { key: Int32Array.of(3, 1, 2, 3, 1, 9, 0), price: Float64Array.of(0.5, NaN, -0, 3, 0.1, 7, 2) };
export const OTHER = Int32Array.of(1, 3, 3, 8);

type Compute = Runtime["compute"];
type Singles = Query<Float64Array>;
type Table = Rows<{ key: NumberArray; price: NumberArray }>;

export interface Chain {
  readonly source: unknown;
  /** The query, and the sources of those that it takes. */
  readonly build: (compute: Compute) => readonly [object, unknown[]];
}

/** A verb with its arguments: what it makes of a query; `other` is the query that it may take. */
type Step<Q> = (query: Q, k: number, compute: Compute) => Q;

const places = fc.integer({ min: -8, max: 9 });
const counts = fc.integer({ min: 0, max: 9 });
const numbers = fc.oneof(fc.double(), fc.constantFrom(NaN, -0, Infinity, 0.5, 3));
const lut = Float32Array.of(1, 0.5, -0, NaN);

/** Those that both kinds of queries have. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a verb of either
const both = fc.oneof<fc.Arbitrary<Step<any>>[]>(
  counts.map(count => query => query.take(count)),
  counts.map(count => query => query.skip(count)),
  fc.tuple(places, places).map(([start, end]) => query => query.slice(start, end)),
  fc.constant(query => query.reverse()),
  fc.constant((query, k) => query.takeWhile((_: never, i: number) => i < 5 + k, { k })),
  fc.constant(query => query.skipWhile((_: never, i: number) => i < 2)),
  fc.constant(query => query.distinct()),
);

const ofSingles = fc.oneof<fc.Arbitrary<Step<Singles>>[]>(
  both,
  fc.constant((query, k) => query.map(x => x * k, { k })),
  fc.constant(query => query.map((x, i) => x + lut[i % 4]!, { lut })),
  fc.constant(query => query.map(x => x, Float32Array).as(Float64Array)),
  fc.constant((query, k) => query.flatMap((x, i) => (i % 3 > 0 ? [x * k, i] : []), { k })),
  fc.constant((query, k) => query.filter(x => x > k || x < 1, { k })),
  fc.constant(query => query.orderBy(x => x % 3).thenByDescending(x => x)),
  fc.constant(query => query.orderByDescending((x, i) => x * i).thenBy(x => x)),
  fc.constant((query, _, compute) => query.concat(compute(NUMBERS).map(x => x / 2))),
  fc.constant((query, k, compute) => query.zip(compute(OTHER), (x, y, i) => x + y * k + i, { k }) as Singles),
  fc.constant((query, k, compute) => query.zip(compute(OTHER), compute(NUMBERS).skip(1), (x, y, z, i) => x + y * k + z * i, { k }) as Singles),
  fc.constant((query, k, compute) => query.join(compute(OTHER), x => x % 4, y => y % 4, (x, y) => x * k + y, { k }) as Singles),
  fc.constant((query, k) => query.scan((a, x) => a + x * k, k, { k }, { exclusive: true })),
  fc.constant(query => query.scan((a, x) => a / 2 + x, undefined, {}, { sequential: true })),
  fc.constant(query => query.scan((a, x) => Math.max(a, x), -Infinity, {}, { to: Float64Array })),
  counts.map(count => query => query.top(count)),
  fc.constant((query, k) => query.window(3, { edge: "constant", value: k }).map(([a, b, c], i) => a + b * k - c + i, { k })),
  fc.constant((query, k) => query.chunk(2).map(([a, b]) => a - b * k, { k })),
  fc.constant(query => query.chunk(3).max()),
  fc.constant(query => query.neighbours([-2, 0, 5], { edge: "wrap" }).average()),
  counts.map(count => (query, k) => query.bottom(count, x => x * k, { k })),
  fc.constant((query, _, compute) => query.union(compute(NUMBERS))),
  fc.constant((query, _, compute) => query.intersect(compute(NUMBERS).filter(x => x > 1))),
  fc.constant((query, _, compute) => query.except(compute(OTHER).as(Float64Array))),
  fc.constant((query, k, compute) => query.leftJoin(compute(OTHER), x => x, y => y, (x, y) => x + (y ?? k), { k }) as Singles),
  fc.constant((query, _, compute) => query.semiJoin(compute(OTHER).take(2), x => x, y => y)),
  fc.constant((query, k, compute) => query.antiJoin(compute(NUMBERS), x => x + k, y => y, { k })),
);

const ofRows = fc.oneof<fc.Arbitrary<Step<Table>>[]>(
  both,
  fc.constant((query, k) => query.map(r => ({ key: r.key, price: r.price * k }), { k })),
  fc.constant(query => query.map(({ key, price }) => ({ key: -key, price }), { key: Int32Array }) as unknown as Table),
  fc.constant((query, k) => query.filter(r => r.price < k, { k })),
  fc.constant(query => query.as({ price: Float32Array }).as({ price: Float64Array }) as unknown as Table),
  fc.constant(query => query.orderBy(r => r.key).thenBy(r => r.price)),
  fc.constant((query, _, compute) => query.concat(compute(TABLE).reverse())),
  fc.constant((query, k) => query.groupBy(r => r.key, {}).aggregate({ price: g => g.sum(r => r.price * k, { k }), n: g => g.count() }).map(r => ({ key: r.key, price: r.price + r.n })) as unknown as Table),
  fc.constant((query, k, compute) => query.groupJoin(compute(TABLE).take(3), r => r.key + k, r => r.key, { n: g => g.count(), most: g => g.max(r => r.price * k, { k }) }, { k }).map(r => ({ key: r.key, price: r.price + r.most * r.n })) as unknown as Table),
  fc.constant((query, k, compute) => query.groupJoin(compute(TABLE).filter(r => r.key < 9), r => r.key, r => r.key + 1, { n: g => g.count(), t: g => g.sum(r => r.price * k, { k }) }).map(r => ({ key: r.key, price: r.t + r.n })) as unknown as Table),
  fc.constant((query, _, compute) => query.join(compute(TABLE), r => ({ a: r.key, b: true }), r => ({ a: r.key, b: true }), (r, s) => ({ key: r.key, price: s.price })) as unknown as Table),
);

const chainOf = <Q extends object>(source: unknown, steps: fc.Arbitrary<Step<Q>>, end: (query: Q) => object): fc.Arbitrary<Chain> =>
  fc.array(fc.tuple(steps, numbers), { maxLength: 6 }).map(list => ({
    source,
    build: compute => {
      const others: unknown[] = [];
      // Sources that were seen before are not asked for again.
      const listening = ((other: unknown) => {
        if (other !== source && !others.includes(other)) others.push(other);
        return compute(other as Float64Array);
      }) as unknown as Compute;
      let query = compute(source as Float64Array) as unknown as Q;
      for (const [step, k] of list) query = step(query, k, listening);
      return [end(query), others];
    },
  }));

const whole = <Q>(query: Q): Q => query;

export const chains: fc.Arbitrary<Chain> = fc.oneof(
  chainOf<Singles>(NUMBERS, ofSingles, whole),
  chainOf<Singles>(NUMBERS, ofSingles, query => query.sum()),
  chainOf<Table>(TABLE, ofRows, whole),
  chainOf<Table>(TABLE, ofRows, query => query.sum(r => r.price)),
);
