/** Verbs that queries over single values and queries over rows share: they choose and move elements, and compute none. */
import { shownNames, validColumn } from "../../fusion/columns.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { SetVerb } from "../../fusion/query.js";
import { ELEMENTS, type ColumnType } from "../../fusion/types.js";
import type { BackendName } from "../backends/backend.js";
import { columnInWords } from "../table/show.js";
import type { QueryJson } from "../json/format.js";
import { queryJson } from "../json/write.js";
import { checkBackend, checkCaptures, checkFunction, checkPlace, checkSurplus } from "./arguments.js";
import type { BoundQuery } from "./bound.js";
import { captureValues, functionOf, mentionedIn, NO_VALUES } from "./captures.js";
import { describe } from "./given.js";
import type { LazyValue } from "./lazy.js";
import type { Query } from "./query.js";
import type { Rows } from "./rows.js";
import type { ShapeNode } from "./shape.js";
import { keysStage, matchStage, pairStage, plainStage, setStage, sliceStage, sortStage, topStage } from "./stages.js";
import type { Capture, Captures, Fields, NewColumns, Single, SingleColumn } from "./types.js";
import { overResults } from "./over.js";
import { traceOf, type Trace } from "./trace.js";
import { verified, type Verification, type VerifyOptions } from "./verify.js";
import { plainValue, withLambda, withStage } from "./verbs.js";

/** What elements may be ordered by. */
export type SortKey = number | bigint | boolean | string | null;

/** What elements of two queries are joined by: one value, or several. */
export type JoinKey = SortKey | Fields | readonly SortKey[];

/** What a lambda's values or objects make. */
export type Zipped<V> = V extends Fields ? Rows<NewColumns<Record<never, never>, V>> : Query<SingleColumn<V>>;

/** `Element`: what lambdas see. `Self`: what the verbs give. */
export abstract class Sequence<Element, Self> {
  /** @internal */
  constructor(readonly bound: BoundQuery) {}

  protected abstract next(bound: BoundQuery): Self;
  /** A query over rows, or over single values, as its shape says. */
  protected abstract any(bound: BoundQuery): unknown;

  /**
   * Keeps the elements for which the lambda is true.
   *
   * @example
   * compute(delays).filter(x => x > limit, { limit });
   * compute({ delay, distance }).filter(({ delay }) => delay > limit, { limit });
   */
  filter(f: (x: Element, i: number) => boolean | number | bigint, captures?: Captures): Self {
    return this.next(withLambda(this.bound, "filter", f, null, captures));
  }

  /**
   * Insists on a backend, in place of the runtime's choice: one of the library's own, or a plugin of the runtime. A terminal throws a BackendError if it cannot run there; on `cpu` and
   * `cuda` it waits for the compiler.
   *
   * @example
   * compute(signal).map(x => x * 2).on("cpu").toArray();
   */
  on(backend: BackendName): Self {
    return this.next({ ...this.bound, backend: checkBackend(backend, this.bound.runtime.tiers.names) });
  }

  /**
   * The first `count` elements, or all if there are fewer. What comes behind them is not computed, unless a filter comes first.
   *
   * @example
   * compute(readings).filter(x => x > 100).take(10).toArray();
   */
  take(count: number): Self {
    return this.sliced(false, 0, checkCount(count, "take"));
  }

  /** All but the first `count` elements. */
  skip(count: number): Self {
    return this.sliced(true, checkCount(count, "skip"), Infinity);
  }

  /**
   * The elements from `start` to before `end`, as `Array.prototype.slice` counts them: from the end where they are negative.
   *
   * @example
   * compute(readings).slice(-100).average();
   */
  slice(start = 0, end = Infinity): Self {
    return this.sliced(true, checkPlace(start, "slice"), checkPlace(end, "slice"));
  }

  /** The elements from the last to the first. */
  reverse(): Self {
    return this.next(withStage(this.bound, plainStage(this.bound.shape, "reverse"), NO_VALUES));
  }

  /** Each element once, where it first occurs. They are the same as `Set` has it: NaN is itself, -0 is 0; rows, in every column. */
  distinct(...surplus: never[]): Self {
    checkSurplus(surplus, "distinct", "For the first element of each key group them: .groupBy(f).aggregate({ x: g => g.first() }).");
    return this.next(withStage(this.bound, plainStage(this.bound.shape, "distinct"), NO_VALUES));
  }

  /**
   * The elements in the ascending order of a key, which is stable: those with the same key stay in their order. -0 comes before
   * 0, NaN last.
   *
   * @example
   * compute({ carrier, delay }).orderBy(r => r.carrier).thenByDescending(r => r.delay).toColumns();
   */
  orderBy(key: (x: Element, i: number) => SortKey, captures?: Captures): Self {
    return this.sorted(key, false, false, captures);
  }

  /** The same in the descending order; NaN still comes last. */
  orderByDescending(key: (x: Element, i: number) => SortKey, captures?: Captures): Self {
    return this.sorted(key, true, false, captures);
  }

  /** Orders those elements that the sort before it found equal. */
  thenBy(key: (x: Element, i: number) => SortKey, captures?: Captures): Self {
    return this.sorted(key, false, true, captures);
  }

  /** The same in the descending order. */
  thenByDescending(key: (x: Element, i: number) => SortKey, captures?: Captures): Self {
    return this.sorted(key, true, true, captures);
  }

  /**
   * The `count` elements with the largest keys, the largest first: what `orderByDescending(key).take(count)` gives. Without a key
   * elements are compared themselves; rows need one.
   *
   * @example
   * compute({ carrier, delay }).top(10, r => r.delay).toRows();
   * compute(delays).top(10).toArray();
   */
  top(count: number, key?: (x: Element, i: number) => SortKey, captures?: Captures): Self {
    return this.selected(count, key, true, captures);
  }

  /**
   * The `count` elements with the smallest keys, the smallest first: what `orderBy(key).take(count)` gives.
   *
   * @example
   * compute({ carrier, delay }).bottom(10, r => r.delay).toRows();
   */
  bottom(count: number, key?: (x: Element, i: number) => SortKey, captures?: Captures): Self {
    return this.selected(count, key, false, captures);
  }

  /**
   * The elements, and behind them those of another query, of the same type or columns. A column that has nulls in either has nulls.
   *
   * @example
   * compute(january).concat(compute(february)).sum();
   */
  concat(behind: Sequence<Element, Self>, ...surplus: never[]): Self {
    checkSurplus(surplus, "concat", "Put one behind the other: .concat(a).concat(b).");
    const right = boundOf(behind, "concat");
    const [own, other] = [admitting(this.bound, right.shape), admitting(right, this.bound.shape)];
    checkAlike(own.shape, other.shape, "concat() puts", "behind");
    return this.next(withStage(own, plainStage(own.shape, "concat"), [asValue(other)]));
  }

  /**
   * Each element of this query or the other once, where it first occurs: `concat(other).distinct()`.
   *
   * @example
   * compute(january).union(compute(february)).toArray();
   */
  union(other: Sequence<Element, Self>, ...surplus: never[]): Self {
    return this.combined("union", other, surplus);
  }

  /**
   * Each element that the other query has, too, once, where it first occurs. Elements are the same as `distinct` has it.
   *
   * @example
   * compute(january).intersect(compute(february)).count().value();
   */
  intersect(other: Sequence<Element, Self>, ...surplus: never[]): Self {
    return this.combined("intersect", other, surplus);
  }

  /**
   * Each element that the other query has not, once, where it first occurs.
   *
   * @example
   * compute(january).except(compute(february)).toArray();
   */
  except(other: Sequence<Element, Self>, ...surplus: never[]): Self {
    return this.combined("except", other, surplus);
  }

  /**
   * What the lambda gives for the elements of all the queries at the same place, as many as the shortest has: a value, or an object
   * for rows. Any number of queries may come before the lambda.
   *
   * @example
   * compute(prices).zip(compute(quantities), (p, q) => p * q).sum();
   * compute(red).zip(compute(green), compute(blue), (r, g, b) => (r + g + b) / 3).toArray();
   */
  zip<R, F extends Fields>(right: Sequence<R, unknown>, f: (x: Element, y: R, i: number) => F, captures?: Captures): Rows<NewColumns<Record<never, never>, F>>;
  zip<R, V extends Single>(right: Sequence<R, unknown>, f: (x: Element, y: R, i: number) => V, captures?: Captures): Query<SingleColumn<V>>;
  zip<B, C, V extends Single | Fields>(b: Sequence<B, unknown>, c: Sequence<C, unknown>, f: (x: Element, b: B, c: C, i: number) => V, captures?: Captures): Zipped<V>;
  zip<B, C, D, V extends Single | Fields>(b: Sequence<B, unknown>, c: Sequence<C, unknown>, d: Sequence<D, unknown>, f: (x: Element, b: B, c: C, d: D, i: number) => V, captures?: Captures): Zipped<V>;
  zip<B, C, D, E, V extends Single | Fields>(
    b: Sequence<B, unknown>,
    c: Sequence<C, unknown>,
    d: Sequence<D, unknown>,
    e: Sequence<E, unknown>,
    f: (x: Element, b: B, c: C, d: D, e: E, i: number) => V,
    captures?: Captures,
  ): Zipped<V>;
  zip(...given: readonly unknown[]): unknown {
    const place = given.findIndex(value => typeof value === "function");
    const [others, f, captures] = place < 1 ? [[given[0]], given[1], given[2]] : [given.slice(0, place), given[place], given[place + 1]];
    const [first, ...more] = others.map(other => boundOf(other, "zip"));
    const record = checkCaptures(captures, "zip");
    const shape = pairStage(this.bound.shape, "zip", checkFunction(f, "zip"), null, (first as BoundQuery).shape, record, more.map(other => other.shape));
    return this.any(withStage(this.bound, shape, [...captureValues(record), ...[first as BoundQuery, ...more].map(asValue)]));
  }

  /**
   * What the lambda gives for each pair of elements whose keys are the same (as `Map` has it): in the order of these elements, and
   * among the matches of one in the order of the others. A key is a value, or an object of several.
   *
   * @example
   * compute(flights).join(compute(airports), f => f.origin, a => a.id, (f, a) => ({ delay: f.delay, height: a.height }));
   */
  join<R, F extends Fields>(
    right: Sequence<R, unknown>,
    key: (x: Element, i: number) => JoinKey,
    rightKey: (y: R, i: number) => JoinKey,
    f: (x: Element, y: R, i: number) => F,
    captures?: Captures,
  ): Rows<NewColumns<Record<never, never>, F>>;
  join<R, V extends Single>(
    right: Sequence<R, unknown>,
    key: (x: Element, i: number) => JoinKey,
    rightKey: (y: R, i: number) => JoinKey,
    f: (x: Element, y: R, i: number) => V,
    captures?: Captures,
  ): Query<SingleColumn<V>>;
  join(right: Sequence<never, unknown>, key: unknown, rightKey: unknown, f: unknown, captures?: Captures): unknown {
    return this.joined("join", right, key, rightKey, f, captures);
  }

  /**
   * As `join`, and elements without a match come, too: the other one is null there. The lambda tests it, or says what to take
   * instead.
   *
   * @example
   * compute(flights).leftJoin(compute(planes), f => f.plane, p => p.id, (f, p) => ({ ...f, seats: p?.seats ?? NaN }));
   * compute(flights).leftJoin(compute(planes), f => f.plane, p => p.id, (f, p) => (p === null ? 0 : p.seats));
   */
  leftJoin<R, F extends Fields>(
    right: Sequence<R, unknown>,
    key: (x: Element, i: number) => JoinKey,
    rightKey: (y: R, i: number) => JoinKey,
    f: (x: Element, y: R | null, i: number) => F,
    captures?: Captures,
  ): Rows<NewColumns<Record<never, never>, F>>;
  leftJoin<R, V extends SortKey>(
    right: Sequence<R, unknown>,
    key: (x: Element, i: number) => JoinKey,
    rightKey: (y: R, i: number) => JoinKey,
    f: (x: Element, y: R | null, i: number) => V,
    captures?: Captures,
  ): Query<SingleColumn<V>>;
  leftJoin(right: Sequence<never, unknown>, key: unknown, rightKey: unknown, f: unknown, captures?: Captures): unknown {
    return this.joined("leftJoin", right, key, rightKey, f, captures);
  }

  /** The elements whose key is among the keys of another query. */
  semiJoin<R>(right: Sequence<R, unknown>, key: (x: Element, i: number) => JoinKey, rightKey: (y: R, i: number) => JoinKey, captures?: Captures): Self {
    return this.matched(true, right as Sequence<never, unknown>, key, rightKey, captures);
  }

  /** The elements whose key is not among the keys of another query. */
  antiJoin<R>(right: Sequence<R, unknown>, key: (x: Element, i: number) => JoinKey, rightKey: (y: R, i: number) => JoinKey, captures?: Captures): Self {
    return this.matched(false, right as Sequence<never, unknown>, key, rightKey, captures);
  }

  private joined(verb: "join" | "leftJoin", right: unknown, key: unknown, rightKey: unknown, f: unknown, captures: unknown): unknown {
    const other = boundOf(right, verb);
    const record = checkCaptures(captures, verb);
    const [checked, checkedKey] = [checkFunction(f, verb), checkFunction(key, verb)];
    const keys = keysOf(other.parent === null ? other : overResults(other), rightKey, verb, record);
    const shape = pairStage(this.bound.shape, verb, checked, checkedKey, other.shape, record, [], keys.shape);
    return this.any(withStage(this.bound, shape, [...captureValues(record), asValue(other), asValue(keys)]));
  }

  private matched(keep: boolean, right: Sequence<never, unknown>, key: unknown, rightKey: unknown, captures: unknown): Self {
    const verb = keep ? "semiJoin" : "antiJoin";
    const other = boundOf(right, verb);
    const record = checkCaptures(captures, verb);
    const checked = checkFunction(key, verb);
    const keys = keysOf(other, rightKey, verb, record);
    return this.next(withStage(this.bound, matchStage(this.bound.shape, checked, keep, record, keys.shape), [...captureValues(record), asValue(keys)]));
  }

  /**
   * How many elements there are.
   *
   * @example
   * compute(delays).filter(x => x > 30).count().value();
   */
  count(...surplus: never[]): LazyValue<number> {
    checkSurplus(surplus, "count", "Say which in a filter: .filter(f).count().");
    return plainValue(this.bound, "count");
  }

  /**
   * The query as JSON, to be stored or sent: its verbs, the text of its lambdas and the values of their captures, as they are now. Its
   * source is not in it, only what a source must be: `fromJSON` runs it on another.
   *
   * @example
   * const text = JSON.stringify(compute(signal).map(x => x * gain, { gain }));
   * const louder = fromJSON<Query<Float32Array>>(text, another).toArray();
   */
  toJSON(): QueryJson {
    return queryJson({ query: this.bound, node: this.bound.shape.plainTerminal(this.bound.shape.columns === null ? "toArray" : "toColumns"), values: [] });
  }

  /**
   * Follows one element of the source, by its place, through the query: what it is behind each verb, at which place, and where and why it
   * is left out. As data, and as a table: `String(trace)`. Runs the query up to each verb; for looking into a query, not for speed.
   *
   * @example
   * console.log(`${compute(Float64Array.of(3, -1, 4)).map(x => x * 2).filter(x => x > 0).orderByDescending(x => x).trace(0)}`);
   */
  trace(index: number): Trace {
    return traceOf(this.bound, index, null);
  }

  /**
   * Runs the query again and again: on every backend there is, by different numbers of threads, now, later and beside others, with its
   * arrays at different places in memory; and tells whether all runs gave the same bits, or where which differed. The same `seed` draws
   * the same runs. What `tap` calls is called each time.
   *
   * @example
   * const { same, runs } = await compute(signal).map(x => Math.sin(x)).scan((a, x) => a + x, 0).verify({ runs: 20 });
   */
  async verify(options?: VerifyOptions): Promise<Verification> {
    const { bound } = this;
    return verified([{ query: bound, node: bound.shape.plainTerminal(bound.shape.columns === null ? "toArray" : "toColumns"), values: [] }], options);
  }

  private sliced(from: boolean, start: number, end: number): Self {
    return this.next(withStage(this.bound, sliceStage(this.bound.shape, from), [start, end]));
  }

  private combined(verb: SetVerb, other: Sequence<Element, Self>, surplus: readonly unknown[]): Self {
    checkSurplus(surplus, verb, "It compares whole elements: map both to what is compared, or use a join.");
    const right = boundOf(other, verb);
    checkAlike(this.bound.shape, right.shape, `${verb}() compares`, "with");
    return this.next(withStage(this.bound, setStage(this.bound.shape, verb), [asValue(right)]));
  }

  private selected(count: unknown, key: unknown, descending: boolean, captures: unknown): Self {
    const verb = descending ? "top" : "bottom";
    const limit = checkCount(count, verb);
    const { shape } = this.bound;
    if (key === undefined && shape.columns !== null) throw new QueryError("DC305", `${verb}() of rows takes a key`, `Say by what: .${verb}(${limit}, row => row.${shownNames(shape.columns.keys())[0] ?? "price"}).`);
    const record = checkCaptures(captures, verb);
    return this.next(withStage(this.bound, topStage(shape, key === undefined ? key : checkFunction(key, verb), descending, record), [...captureValues(record), limit]));
  }

  private sorted(key: unknown, descending: boolean, then: boolean, captures: unknown): Self {
    const verb = `${then ? "thenBy" : "orderBy"}${descending ? "Descending" : ""}`;
    const { shape } = this.bound;
    if (then && shape.kind !== "sort") throw new QueryError("DC305", `${verb}() orders what an orderBy() before it found equal, and there is none`, "Write .orderBy(f).thenBy(g).");
    const record = checkCaptures(captures, verb);
    return this.next(withStage(this.bound, sortStage(shape, checkFunction(key, verb), descending, then, record), captureValues(record)));
  }
}

/** The query behind what a verb was given. */
export function boundOf(other: unknown, verb: string): BoundQuery {
  if (other instanceof Sequence && other.bound.source.kind === "stream") {
    throw new QueryError("DC310", `${verb}() needs all of the other query, and its source is a stream`, `Collect it first: .${verb}(compute(await other.toArrayAsync())${verb === "concat" ? "" : ", …"}).`);
  }
  if (other instanceof Sequence) return other.bound;
  throw new QueryError("DC305", `${verb}() takes another query, not ${describe(other)}`, `Start one: .${verb}(compute(other)${ALONE.has(verb) ? "" : ", …"}).`);
}

/** Verbs that take another query and nothing else. */
const ALONE = new Set(["concat", "union", "intersect", "except"]);

/** The keys of the other query; its lambda sees nothing but its own row, and the captures that it mentions. */
function keysOf(other: BoundQuery, key: unknown, verb: string, captures: Captures): BoundQuery {
  const own = mentionedIn(checkFunction(key, verb), captures);
  return withStage(other, keysStage(other.shape, key, verb, own), captureValues(own));
}

/** Stages have values; those of one that takes another query are that query, too. */
export const asValue = (query: BoundQuery): Capture => query as unknown as Capture;

/** A query's rows, whose columns may have nulls where those of the other rows have, and hold the same otherwise. */
function admitting(query: BoundQuery, other: ShapeNode): BoundQuery {
  const { columns } = query.shape;
  if (columns === null) return query;
  const names = shownNames(columns.keys());
  const nullable = names.filter(name => !columns.has(validColumn(name)) && other.columns?.has(validColumn(name)) === true);
  if (nullable.length === 0) return query;
  const fields = names.map(JSON.stringify as (name: string) => string).map((name, at) => `${name}: ${nullable.includes(names[at] as string) ? "there ? " : ""}row[${name}]${nullable.includes(names[at] as string) ? " : null" : ""}`);
  const to = new Map(names.map(name => [name, columns.get(name) as ColumnType]));
  return withLambda(query, "map", functionOf(`row => ({ ${fields.join(", ")} })`), to, { there: true });
}

/** Two queries whose elements are put together or compared hold the same. */
function checkAlike(own: ShapeNode, other: ShapeNode, what: string, preposition: string): void {
  if (sequenceInWords(own) === sequenceInWords(other)) return;
  throw new QueryError("DC308", `${what} ${sequenceInWords(other)} ${preposition} ${sequenceInWords(own)}`, "Both must hold the same: convert with .as(…), or map to the same columns.");
}

const sequenceInWords = ({ columns, element }: ShapeNode): string =>
  columns === null ? `a sequence ${element === "string" ? "of strings" : `for ${withArticle(ELEMENTS[element].array)}`}` : `rows of ${shownNames(columns.keys()).map(name => `${name} (${columnInWords(columns, name)})`).join(", ")}`;

const COUNT_REMEDIES: Readonly<Record<string, string>> = { take: "For the last ones write .slice(-10).", skip: "To leave out the last ones write .slice(0, -10)." };

function checkCount(count: unknown, verb: string): number {
  if (typeof count === "number" && Number.isInteger(count) && count >= 0) return count;
  throw new QueryError("DC305", `${verb}() takes a number of elements, 0, 1, 2 …, not ${describe(count)}`, COUNT_REMEDIES[verb] ?? `Write .${verb}(10).`);
}
