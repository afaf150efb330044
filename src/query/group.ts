/** Groups: rows for each key, and what their elements come to. */
import { QueryError } from "../../fusion/errors.js";
import { isReserved, type Aggregate } from "../../fusion/query.js";
import { checkCaptures, checkFunction, checkSurplus } from "./arguments.js";
import type { BoundQuery } from "./bound.js";
import { captureValues } from "./captures.js";
import { describe } from "./given.js";
import { groupStage, type AggregateOf } from "./stages.js";
import { checkQuantiles } from "./quantile.js";
import type { Rows } from "./rows.js";
import { isSample } from "./spread.js";
import type { Capture, Captures, ColumnFor, Fields, Single, SpreadOptions, TableOf } from "./types.js";
import { withStage } from "./verbs.js";

/** What one aggregate is, as a function of a group says it. `V`: what it gives. */
export interface Aggregated<V> extends AggregateOf {
  /** For types alone: it does not exist. */
  readonly gives?: V;
}

/** A group, as the functions given to `aggregate` see it: each of its methods says what to compute, and computes nothing. */
export interface Group<Element> {
  count(): Aggregated<number>;
  /** Of the elements themselves; of rows it takes a lambda, whose index is the place in the sequence that was grouped. */
  sum(): Aggregated<Own<Element>>;
  sum<V extends number | bigint | null>(f: (x: Element, i: number) => V, captures?: Captures): Aggregated<NonNullable<V>>;
  average(f?: (x: Element, i: number) => number | null, captures?: Captures): Aggregated<number>;
  min(): Aggregated<Own<Element>>;
  min<V extends number | bigint | null>(f: (x: Element, i: number) => V, captures?: Captures): Aggregated<V>;
  max(): Aggregated<Own<Element>>;
  max<V extends number | bigint | null>(f: (x: Element, i: number) => V, captures?: Captures): Aggregated<V>;
  /** See `Query.variance`; of rows it takes a lambda first. */
  variance(options?: SpreadOptions): Aggregated<number>;
  variance(f: (x: Element, i: number) => number | null, captures?: Captures, options?: SpreadOptions): Aggregated<number>;
  standardDeviation(options?: SpreadOptions): Aggregated<number>;
  standardDeviation(f: (x: Element, i: number) => number | null, captures?: Captures, options?: SpreadOptions): Aggregated<number>;
  median(f?: (x: Element, i: number) => number | null, captures?: Captures): Aggregated<number>;
  /** See `Query.quantile`; one for each group. */
  quantile(q: number, f?: (x: Element, i: number) => number | null, captures?: Captures): Aggregated<number>;
  first(): Aggregated<Own<Element>>;
  first<V extends Single | null>(f: (x: Element, i: number) => V, captures?: Captures): Aggregated<V>;
  last(): Aggregated<Own<Element>>;
  last<V extends Single | null>(f: (x: Element, i: number) => V, captures?: Captures): Aggregated<V>;
}

/** What an element is by itself; a row is nothing. */
type Own<Element> = Element extends number | bigint | string ? Element : never;

/** The aggregates of a group, by the names of their columns. */
export type Aggregates<Element> = Readonly<Record<string, (group: Group<Element>) => Aggregated<Single | null>>>;

/** The columns of a table of groups: those of the key, and one for each aggregate. */
export type GroupTable<K, G> = { readonly [N in keyof KeyFields<K>]: ColumnFor<KeyFields<K>[N]> } & AggregateColumns<G>;
export type AggregateColumns<G> = { readonly [N in keyof G]: G[N] extends (group: never) => Aggregated<infer V> ? ColumnFor<V> : never };
type KeyFields<K> = K extends Fields ? K : { readonly key: K };

const isKnown = (value: unknown): value is Aggregated<unknown> => typeof value === "object" && value !== null && "terminal" in value && "captures" in value;

/** A query by key, of which aggregates make rows again. */
export class Grouping<Element, K> {
  /** @internal */
  constructor(
    private readonly bound: BoundQuery,
    private readonly key: unknown,
    private readonly captures: unknown,
    private readonly rows: (bound: BoundQuery) => Rows<TableOf>,
    private readonly verb: "groupBy" | "groupJoin" = "groupBy",
  ) {}

  /**
   * A row for each key, in the order in which the keys first occur: the key (as `key`, or under the names of its own fields),
   * then what each function says of the group. Sums are those that `compute(group).sum()` gives for the group's elements alone.
   *
   * @example
   * compute({ carrier, delay })
   *   .groupBy(r => r.carrier)
   *   .aggregate({ flights: g => g.count(), delay: g => g.average(r => r.delay), worst: g => g.max(r => r.delay) })
   *   .toRows();
   */
  aggregate<G extends Aggregates<Element>>(aggregates: G): Rows<GroupTable<K, G>> {
    if (typeof aggregates !== "object" || (aggregates as unknown) === null || Object.keys(aggregates).length === 0) {
      throw new QueryError("DC305", `aggregate() takes functions of a group by name, not ${describe(aggregates)}`, "Write .aggregate({ n: g => g.count(), total: g => g.sum(r => r.price) }).");
    }
    const captures = Object.assign(Object.create(null) as Record<string, Capture>, checkCaptures(this.captures, this.verb));
    const list = Object.entries(aggregates).map(([name, f]) => this.one(name, f, captures));
    const shape = groupStage(this.bound.shape, checkFunction(this.key, this.verb), this.verb, checkCaptures(this.captures, this.verb), list, captures);
    return this.rows(withStage(this.bound, shape, captureValues(captures))) as unknown as Rows<GroupTable<K, G>>;
  }

  private one(name: string, f: unknown, captures: Record<string, Capture>): AggregateOf {
    if (isReserved(name)) throw new QueryError("DC305", `an aggregate has the name ${JSON.stringify(name)}, and names that begin with a NUL are the library's own`, "Give it another name.");
    const told: unknown = (checkFunction(f, "aggregate") as (group: Group<Element>) => unknown)(groupOf(this.bound.shape.columns !== null));
    if (!isKnown(told)) throw new QueryError("DC305", `the aggregate ${name} gives ${describe(told)}`, "Give what one of the group's methods gives: g => g.count(), g => g.sum(r => r.price).");
    for (const [key, value] of Object.entries(told.captures)) {
      if (key in captures && !Object.is(captures[key], value)) throw new QueryError("DC302", `two functions of the groups are handed different values under the name ${key}`, "Give one of them another name.");
      captures[key] = value;
    }
    return { ...told, name };
  }
}

function groupOf<Element>(isRows: boolean): Group<Element> {
  const of = (terminal: Aggregate["terminal"]) => (f?: unknown, captures?: unknown) => {
    if (f === undefined && isRows) throw new QueryError("DC305", `${terminal}() of a group of rows takes a function`, `Say of what: g => g.${terminal}(${terminal === "quantile" ? "0.9, " : ""}r => r.price).`);
    return { name: "", terminal, f: f === undefined ? null : checkFunction(f, terminal), captures: checkCaptures(captures, terminal) };
  };
  // Without a lambda the options come first.
  const spread = (terminal: "variance" | "standardDeviation") => (...given: readonly unknown[]) => {
    const [f, captures, options] = given.length < 2 && typeof given[0] === "object" && given[0] !== null ? [undefined, undefined, given[0]] : given;
    return { ...of(terminal)(f, captures), argument: Number(isSample(terminal, options)) };
  };
  return {
    count: (...surplus: unknown[]) => {
      checkSurplus(surplus, "count", "It counts the elements of a group: add up what is to count, g => g.sum(r => r.delay > 15 ? 1 : 0).");
      return { name: "", terminal: "count", f: null, captures: {} };
    },
    sum: of("sum"),
    average: of("average"),
    min: of("min"),
    max: of("max"),
    variance: spread("variance"),
    standardDeviation: spread("standardDeviation"),
    median: (f?: unknown, captures?: unknown) => ({ ...of("median")(f, captures), argument: 0.5 }),
    quantile: (q?: unknown, f?: unknown, captures?: unknown) => {
      const [argument] = checkQuantiles(q);
      if (typeof argument !== "number") throw new QueryError("DC305", "quantile() of a group takes one number", "Write an aggregate for each: { low: g => g.quantile(0.25), high: g => g.quantile(0.75) }.");
      return { ...of("quantile")(f, captures), argument };
    },
    first: of("first"),
    last: of("last"),
  } as Group<Element>;
}
