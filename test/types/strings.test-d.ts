/** The types of queries over strings, as a user's compiler sees them. */
import { compute, strings, type LazyValue, type NumberArray, type Query, type Rows } from "../../src/index.js";
import { expectType } from "./expect.js";

interface Flight {
  carrier: string;
  plane: string | null;
  delay: number;
}

export function stringTypes(flights: Flight[], names: string[], maybe: (string | null)[]): void {
  const table = compute({ carrier: names, plane: maybe, delay: new Float64Array(1) });
  expectType<string[]>()(table.toColumns().carrier);
  expectType<(string | null)[]>()(table.toColumns().plane);
  expectType<string>()(table.filter(r => r.carrier === "AA").toRows()[0]!.carrier);
  expectType<string | null>()(table.first().value()!.plane);
  expectType<string[]>()(table.dropNulls("plane").toColumns().plane);
  expectType<string[]>()(table.fillNulls({ plane: "none" }).toColumns().plane);
  expectType<string[]>()(table.map(r => ({ late: r.delay > 15 ? "late" : "on time" })).toColumns().late);
  expectType<Query<string[]>>()(table.map(r => r.carrier));
  expectType<Query<string[]>>()(table.column("carrier"));
  expectType<string>()(table.countBy(r => r.carrier).toRows()[0]!.key);
  expectType<string[]>()(table.groupBy(r => r.delay).aggregate({ first: g => g.first(r => r.carrier) }).toColumns().first);
  expectType<string>()(compute(flights).toRows()[0]!.carrier);
  expectType<string | null>()(compute(flights).orderBy(r => r.plane).toRows()[0]!.plane);
  expectType<Query<string[]>>()(compute(names));
  expectType<string[]>()(compute(names).distinct().toArray());
  expectType<LazyValue<string | undefined>>()(compute(names).first());
  expectType<Query<NumberArray>>()(compute(names).map(x => (x === "AA" ? 1 : 0)));
  expectType<Query<string[]>>()(compute(new Float64Array(1)).map(x => (x > 15 ? "late" : "on time")));
  expectType<string>()(compute({ carrier: strings(names) }).toRows()[0]!.carrier);
  expectType<string | null>()(compute({ plane: strings(maybe) }).toRows()[0]!.plane);
  expectType<Rows<{ readonly carrier: string[] }>>()(compute({ carrier: names }).filter(r => ["AA", "UA"].includes(r.carrier)));
  expectType<LazyValue<string>>()(table.max(r => r.carrier));
  expectType<LazyValue<string>>()(compute(names).min());
  expectType<LazyValue<number>>()(table.max(r => r.delay));
  expectType<boolean>()(table.toRows()[0]!.carrier.startsWith("A"));
  // @ts-expect-error a string is no number
  table.sum(r => r.carrier);
  // @ts-expect-error nor is it filled with one
  table.fillNulls({ plane: 0 });
  // @ts-expect-error numbers among columns are typed arrays
  compute({ delay: [1, 2] });
}
