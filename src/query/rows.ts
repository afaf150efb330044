/** Queries over rows: tables whose lambdas read columns by name, and whose maps may make new ones. */
import { spread } from "./spread.js";
import { shownNames } from "../../fusion/columns.js";
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import type { Columns } from "../../fusion/query.js";
import { checkBigSeed, checkCaptures, checkCasts, checkColumn, checkFunction, checkReduceOptions, checkRunOptions, checkTargets, seedKind } from "./arguments.js";
import type { ArrowTable } from "../arrow/read.js";
import { arrowTable, loadArrow } from "../arrow/write.js";
import { givenColumns, type GivenColumns } from "../table/given.js";
import { Strings } from "../table/strings.js";
import type { BoundQuery } from "./bound.js";
import { captureValues, mentionedIn, NO_VALUES } from "./captures.js";
import { eachChunk, forEachChunk } from "./chunks.js";
import { explainTerminal, sourceOf } from "./explain.js";
import type { SourceLanguage } from "./code.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { Grouping, type AggregateColumns, type Aggregates } from "./group.js";
import { LazyValue } from "./lazy.js";
import { dropNulls, fillNulls } from "./nulls.js";
import { Picks } from "./picks.js";
import type { Query } from "./query.js";
import { profiled, type Profile, type ProfileAsData, type ProfileAsTrace, type ProfileInWords, type ProfileOptions } from "./profile.js";
import { succeeded } from "../runtime/progress.js";
import type { ChromeTrace } from "../runtime/trace.js";
import { prepare, type Prepared } from "./prepared.js";
import { checkQuantiles, quantileValue } from "./quantile.js";
import { copiedOut, runAsync, runNow, type Outcome } from "./run.js";
import { asValue, boundOf, type JoinKey, type Sequence, type SortKey } from "./sequence.js";
import { asStage, columnStage, groupJoinStage } from "./stages.js";
import type { Accumulator, ArrayConstructor, ArrayOf, Captures, CastColumns, ColumnsOf, ElementsIn, Extreme, Fields, ForEachOptions, NewColumns, NullsOf, PreparedSource, ReduceOptions, RowOf, RunOptions, Single, SpreadOptions, SingleColumn, TableOf, Total, Truth, WithoutNulls } from "./types.js";
import { plainTerminal, plainValue, predicateValue, withLambda, withStage } from "./verbs.js";

/**
 * A chain of verbs over a table, whose result would have the columns `T`. A lambda reads the columns of its row by name,
 * `row => row.price * row.quantity` or `({ price, quantity }) => …`; a kernel touches those that are read, and no others.
 */
export class Rows<T extends TableOf> extends Picks<RowOf<T>, Rows<T>> {
  /** @internal */
  constructor(
    bound: BoundQuery,
    /** A query over single values: what `map` makes of rows. */
    private readonly ofValues: (bound: BoundQuery) => Query<never>,
  ) {
    super(bound);
  }

  protected next(bound: BoundQuery): Rows<T> {
    return new Rows(bound, this.ofValues);
  }
  protected any(bound: BoundQuery): unknown {
    return bound.shape.columns === null ? this.ofValues(bound) : new Rows(bound, this.ofValues);
  }

  /**
   * Every row becomes what the lambda gives for it: an object makes new columns, a value a sequence without columns. Numbers
   * are stored as doubles, unless a column is handed on as it is, the result is f32 or a 32-bit integer by its operator, or
   * the arrays to make are named.
   *
   * @example
   * compute({ price, quantity }).map(r => r.price * r.quantity).sum();
   * compute({ price, quantity }).map(r => ({ ...r, total: r.price * r.quantity })).toColumns();
   * compute({ price, quantity }).map(r => ({ total: r.price * r.quantity }), { total: Float32Array }).toColumns();
   */
  map<F extends Fields>(f: (row: RowOf<T>, i: number) => F, captures?: Captures): Rows<NewColumns<T, F>>;
  map<F extends Fields, C extends { readonly [K in keyof F]?: ArrayConstructor }>(f: (row: RowOf<T>, i: number) => F, to: C, captures?: Captures): Rows<NewColumns<T, F, C>>;
  map<C extends ArrayConstructor>(f: (row: RowOf<T>, i: number) => number | bigint | boolean, to: C, captures?: Captures): Query<ArrayOf<C>>;
  map<V extends Single>(f: (row: RowOf<T>, i: number) => V, captures?: Captures): Query<SingleColumn<V>>;
  map(f: unknown, second?: unknown, third?: unknown): unknown {
    const { to, captures } = checkTargets(second, third);
    return this.any(withLambda(this.bound, "map", f, to, captures));
  }

  /**
   * What the lists hold that the lambda gives for the rows, behind one another: see `Query.flatMap`. Lists of objects make rows.
   *
   * @example
   * compute({ from, to }).flatMap(r => [r.from, r.to]).distinct().toArray();
   * compute({ id, low, high }).flatMap(r => [{ id: r.id, level: r.low }, { id: r.id, level: r.high }]).toColumns();
   */
  flatMap<F extends Fields>(f: (row: RowOf<T>, i: number) => readonly F[], captures?: Captures): Rows<NewColumns<T, F>>;
  flatMap<F extends Fields, C extends { readonly [K in keyof F]?: ArrayConstructor }>(f: (row: RowOf<T>, i: number) => readonly F[], to: C, captures?: Captures): Rows<NewColumns<T, F, C>>;
  flatMap<C extends ArrayConstructor>(f: (row: RowOf<T>, i: number) => readonly (number | bigint | boolean)[], to: C, captures?: Captures): Query<ArrayOf<C>>;
  flatMap<V extends Single>(f: (row: RowOf<T>, i: number) => readonly V[], captures?: Captures): Query<SingleColumn<V>>;
  flatMap(f: unknown, second?: unknown, third?: unknown): unknown {
    const { to, captures } = checkTargets(second, third, "flatMap");
    return this.any(withLambda(this.bound, "flatMap", f, to, captures));
  }

  /**
   * Converts columns, each as a typed array of the kind named would store its values; the others stay as they are.
   *
   * @example
   * compute({ price, quantity }).as({ price: Float32Array }).toColumns();
   */
  as<C extends { readonly [K in keyof T]?: ArrayConstructor }>(to: C): Rows<CastColumns<T, C>> {
    const { columns } = this.bound.shape;
    return new Rows(withStage(this.bound, asStage(this.bound.shape, checkCasts(to, columns as Columns)), NO_VALUES), this.ofValues);
  }

  /**
   * The values of one column, as a sequence without rows.
   *
   * @example
   * compute({ price, quantity }).filter(r => r.quantity > 1).column("price").sum();
   */
  column<K extends keyof T & string>(name: K): Query<ElementsIn<T[K]>> {
    return this.ofValues(withStage(this.bound, columnStage(this.bound.shape, checkColumn(name, this.bound.shape.columns as Columns)), NO_VALUES)) as unknown as Query<ElementsIn<T[K]>>;
  }

  /**
   * Leaves out the rows that have no value in these columns (without names: in any), so that from here on lambdas read them as they
   * read others.
   *
   * @example
   * compute({ price: nullable(prices, valid), quantity }).dropNulls("price").sum(r => r.price * r.quantity);
   */
  dropNulls<K extends NullsOf<T> = NullsOf<T>>(...columns: readonly K[]): Rows<WithoutNulls<T, K>> {
    return new Rows(dropNulls(this.bound, columns), this.ofValues);
  }

  /**
   * Puts a value in place of each column's nulls.
   *
   * @example
   * compute({ price: nullable(prices, valid), quantity }).fillNulls({ price: 0 }).sum(r => r.price * r.quantity);
   */
  fillNulls<F extends { readonly [K in NullsOf<T>]?: NonNullable<RowOf<T>[K]> }>(values: F): Rows<WithoutNulls<T, keyof F>> {
    return new Rows(fillNulls(this.bound, values), this.ofValues);
  }

  /**
   * Rows by a key: a value, or an object of several. `aggregate` says what becomes of each group.
   *
   * @example
   * compute({ carrier, delay }).groupBy(r => r.carrier).aggregate({ n: g => g.count(), delay: g => g.average(r => r.delay) });
   * compute(sales).groupBy(r => ({ year: r.year, month: r.month })).aggregate({ total: g => g.sum(r => r.price) });
   */
  groupBy<K extends SortKey | Fields>(key: (row: RowOf<T>, i: number) => K, captures?: Captures): Grouping<RowOf<T>, K> {
    return new Grouping(this.bound, key, captures, bound => new Rows(bound, this.ofValues));
  }

  /** How many rows have each key: the rows of the columns `key` (or its own fields) and `count`. */
  countBy<K extends SortKey | Fields>(key: (row: RowOf<T>, i: number) => K, captures?: Captures) {
    return this.groupBy(key, captures).aggregate({ count: g => g.count() });
  }

  /**
   * Beside each row what the other query's rows with the same key come to, as `groupBy(…).aggregate(…)` says it. Of no rows at all
   * it is what the terminals give for nothing: 0, NaN, an infinity.
   *
   * @example
   * compute(stores).groupJoin(compute(sales), s => s.id, r => r.store, { n: g => g.count(), total: g => g.sum(r => r.price) });
   */
  groupJoin<R, G extends Aggregates<R>>(
    right: Sequence<R, unknown>,
    key: (row: RowOf<T>, i: number) => JoinKey,
    rightKey: (y: R, i: number) => JoinKey,
    aggregates: G,
    captures?: Captures,
  ): Rows<T & AggregateColumns<G>> {
    const record = checkCaptures(captures, "groupJoin");
    const groups = new Grouping<R, SortKey | Fields>(boundOf(right, "groupJoin"), checkFunction(rightKey, "groupJoin"), mentionedIn(rightKey, record), bound => new Rows(bound, this.ofValues), "groupJoin").aggregate(aggregates);
    const shape = groupJoinStage(this.bound.shape, checkFunction(key, "groupJoin"), groups.bound.shape, record);
    return new Rows(withStage(this.bound, shape, [...captureValues(record), asValue(groups.bound)]), this.ofValues);
  }

  /**
   * Folds the rows to one value: see `Query.reduce`. A seed is needed, for a row is no value.
   *
   * @example
   * compute({ price, quantity }).reduce((total, r) => total + r.price * r.quantity, 0);
   */
  reduce<S extends number | bigint | boolean>(f: (a: Accumulator<S>, row: RowOf<T>, i: number) => Accumulator<S>, seed: S, captures?: Captures, options?: ReduceOptions<Accumulator<S>>): LazyValue<Accumulator<S>> {
    const { bound } = this;
    const record = checkCaptures(captures, "reduce");
    const { combine, sequential } = checkReduceOptions(options);
    const kind = seedKind(seed, "reduce", true);
    checkBigSeed(seed, bound.shape.element, "reduce");
    const node = bound.shape.reduceTerminal(checkFunction(f, "reduce"), kind, record, combine, sequential);
    return new LazyValue({ query: bound, node, values: [...captureValues(record), seed] });
  }

  /**
   * The sum of a value of each row; like other aggregates it leaves nulls out.
   *
   * @example
   * await compute({ price, quantity }).sum(r => r.price * r.quantity);
   */
  sum<V extends number | bigint | null>(f: (row: RowOf<T>, i: number) => V, captures?: Captures): LazyValue<Total<V>> {
    return plainValue(this.valuesOf("sum", f, captures), "sum");
  }

  /** The arithmetic mean of a value of each row; NaN of none. */
  average(f: (row: RowOf<T>, i: number) => number | null, captures?: Captures): LazyValue<number> {
    return plainValue(this.valuesOf("average", f, captures), "average");
  }

  /** The variance of a value of each row: see `Query.variance`. */
  variance(f: (row: RowOf<T>, i: number) => number | null, captures?: Captures, options?: SpreadOptions): LazyValue<number> {
    return spread(this.valuesOf("variance", f, captures), "variance", options);
  }

  /** Its square root. */
  standardDeviation(f: (row: RowOf<T>, i: number) => number | null, captures?: Captures, options?: SpreadOptions): LazyValue<number> {
    return spread(this.valuesOf("standardDeviation", f, captures), "standardDeviation", options);
  }

  /** The smallest value of a row, as `Math.min` finds it, or `<` among strings. */
  min<V extends number | bigint | string | null>(f: (row: RowOf<T>, i: number) => V, captures?: Captures): LazyValue<Extreme<V>> {
    return plainValue(this.valuesOf("min", f, captures), "min");
  }

  /** The largest value of a row, as `Math.max` finds it, or `>` among strings. */
  max<V extends number | bigint | string | null>(f: (row: RowOf<T>, i: number) => V, captures?: Captures): LazyValue<Extreme<V>> {
    return plainValue(this.valuesOf("max", f, captures), "max");
  }

  /** The median of a value of each row: see `Query.quantile`. */
  median(f: (row: RowOf<T>, i: number) => number | null, captures?: Captures): LazyValue<number> {
    return quantileValue(this.valuesOf("median", f, captures), "median");
  }

  /**
   * The quantile, or several in an array, of a value of each row: see `Query.quantile`.
   *
   * @example
   * await compute({ carrier, delay }).quantile(0.95, r => r.delay);
   */
  quantile(q: number, f: (row: RowOf<T>, i: number) => number | null, captures?: Captures): LazyValue<number>;
  quantile(q: readonly number[] | Float64Array, f: (row: RowOf<T>, i: number) => number | null, captures?: Captures): LazyValue<readonly number[]>;
  quantile(q: unknown, f: unknown, captures?: unknown): LazyValue<unknown> {
    const quantiles = checkQuantiles(q);
    return quantileValue(this.valuesOf("quantile", f, captures), "quantile", quantiles);
  }

  /** Whether the lambda is true for any row. */
  some(f: (row: RowOf<T>, i: number) => Truth, captures?: Captures): LazyValue<boolean> {
    return predicateValue(this.bound, "some", f, captures);
  }

  /** Whether the lambda is true for every row. */
  every(f: (row: RowOf<T>, i: number) => Truth, captures?: Captures): LazyValue<boolean> {
    return predicateValue(this.bound, "every", f, captures);
  }

  /** The place of the first row for which the lambda is true; -1 if there is none. */
  findIndex(f: (row: RowOf<T>, i: number) => Truth, captures?: Captures): LazyValue<number> {
    return predicateValue(this.bound, "findIndex", f, captures);
  }

  /**
   * Runs the query now, on this thread: new arrays of one length, by column. A column with nulls is a `Nullable`: its values, and
   * which of them are there. Strings, and nulls among them, are a plain array.
   *
   * @example
   * const { total } = compute({ price, quantity }).map(r => ({ total: r.price * r.quantity })).toColumns();
   */
  toColumns(): ColumnsOf<T> {
    return asColumns(givenBy(this.bound, runNow(plainTerminal(this.bound, "toColumns"), null)));
  }

  /** Runs the query off the main thread. */
  async toColumnsAsync(options: RunOptions = {}): Promise<ColumnsOf<T>> {
    const { signal } = checkRunOptions(options, "toColumnsAsync");
    return succeeded(asColumns(givenBy(this.bound, await runAsync(plainTerminal(this.bound, "toColumns"), null, signal))), signal);
  }

  /**
   * Runs the query off the main thread: an Arrow table, nulls as nulls. It needs the package apache-arrow, which is imported then.
   *
   * @example
   * import type { Table } from "apache-arrow";
   * const table = await compute({ price, quantity }).filter(r => r.quantity > 1).toArrow<Table>();
   */
  async toArrow<Table = ArrowTable>(options: RunOptions = {}): Promise<Table> {
    const { signal } = checkRunOptions(options, "toArrow");
    const arrow = await loadArrow();
    return succeeded(arrowTable(arrow, givenBy(this.bound, await runAsync(plainTerminal(this.bound, "toColumns"), null, signal))) as Table, signal);
  }

  /** Runs the query now: an object for each row, with null where a column has no value. For many rows `toColumns` is much the better. */
  toRows(): RowOf<T>[] {
    const columns = givenBy(this.bound, runNow(plainTerminal(this.bound, "toColumns"), null));
    const length = columns[0]?.[1].length ?? 0;
    return Array.from({ length }, (_, at) => Object.fromEntries(columns.map(([name, column]) => [name, column.at(at)])) as RowOf<T>);
  }

  /**
   * A function that does what `toColumns` does over other columns, or rows, of the same names and types: `f(source, { captures })`. See
   * `Prepared`.
   *
   * @example
   * const late = compute(flights).filter(r => r.delay > limit, { limit }).prepare();
   * for (const day of days) report(late(day, { limit: 30 }));
   */
  prepare<Source extends PreparedSource = PreparedSource>(): Prepared<Source, ColumnsOf<T>, undefined, Rows<T>> {
    return prepare(this as Rows<T>, plainTerminal(this.bound, "toColumns"), false, ({ query }, outcome) => asColumns<T>(givenBy(query, outcome))) as Prepared<Source, ColumnsOf<T>, undefined, Rows<T>>;
  }

  /**
   * Calls a function with the results as they come, columns after columns, and waits for it each time: see `Query.forEach`.
   *
   * @example
   * await compute(stream(batches, { price: Float64Array })).filter(r => r.price > 9).forEach(({ price }) => send(price));
   */
  forEach(f: (chunk: ColumnsOf<T>) => unknown, options: ForEachOptions = {}): Promise<void> {
    return forEachChunk(plainTerminal(this.bound, "toColumns"), (table, encoding) => asColumns<T>(givenColumns(table, encoding)), f, options);
  }

  /** The results as they come, columns after columns. To leave the loop early closes the stream. */
  [Symbol.asyncIterator](): AsyncGenerator<ColumnsOf<T>, void, undefined> {
    return eachChunk(plainTerminal(this.bound, "toColumns"), (table, encoding) => asColumns<T>(givenColumns(table, encoding)), null, undefined);
  }

  /** What `toColumns` would run: the query, its kernels, and which backend runs each, and why; as text, as data or as a flowchart. */
  explain(options?: ExplainInWords): string;
  explain(options: ExplainAsData): Explanation;
  explain(options: ExplainOptions = {}): string | Explanation {
    return explainTerminal(plainTerminal(this.bound, "toColumns"), options);
  }

  /** What the time of `toColumns` goes to, of the first run and of a warm one: see `LazyValue.profile`. The query is run several times. */
  profile(options?: ProfileInWords): Promise<string>;
  profile(options: ProfileAsData): Promise<Profile>;
  profile(options: ProfileAsTrace): Promise<ChromeTrace>;
  profile(options: ProfileOptions = {}): Promise<string | Profile | ChromeTrace> {
    return profiled(plainTerminal(this.bound, "toColumns"), () => this.toColumns(), options);
  }

  /** The code that a backend runs for `toColumns`, all kernels. */
  source(language: SourceLanguage): string {
    return sourceOf(plainTerminal(this.bound, "toColumns"), language);
  }

  /** What it is called, in messages and by consoles. */
  get [Symbol.toStringTag](): string {
    return "Rows";
  }

  /** @internal What an aggregate is of: a value of each row that has one. */
  values(f: unknown, captures: unknown): Query<never> {
    return this.ofValues(this.valuesOf("values", f, captures));
  }

  private valuesOf(terminal: string, f: unknown, captures: unknown): BoundQuery {
    const bound = withLambda(this.bound, "map", checkFunction(f, terminal), null, captures, this.bound.shape.nulls ? "aggregate" : undefined);
    if (bound.shape.columns === null) return bound;
    throw new QueryError("DC305", `${terminal}() takes a value of each row, but its lambda gives rows`, `Give one value: .${terminal}(row => row.${shownNames(bound.shape.columns.keys())[0] ?? "price"}).`);
  }
}

/** The columns of what a run gave. */
const givenBy = (query: BoundQuery, outcome: Outcome): GivenColumns => copiedOut(query, outcome, copied);

function copied({ shape }: BoundQuery, { columns, dictionary }: Outcome): GivenColumns {
  if (columns === null) throw new CompilerBug("a query of rows stored no columns");
  return givenColumns(columns, dictionary && { columns: shape.columns as Columns, dictionary });
}

const asColumns = <T extends TableOf>(columns: GivenColumns): ColumnsOf<T> =>
  Object.fromEntries(columns.map(([name, column]) => [name, column instanceof Strings ? column.toArray() : column])) as ColumnsOf<T>;
