/** The fluent query: verbs that extend it, terminals that run it. */
import { QueryError } from "../../fusion/errors.js";
import { SINGLE } from "../../fusion/query.js";
import type { ArrowVector } from "../arrow/read.js";
import { arrowVector, loadArrow } from "../arrow/write.js";
import type { Buffer } from "../memory/buffer.js";
import { succeeded } from "../runtime/progress.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import type { ColumnType } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { Dictionary } from "../table/dictionary.js";
import type { Encoding } from "../table/given.js";
import { Strings } from "../table/strings.js";
import { columnOf, type Table } from "../table/table.js";
import { checkBigSeed, checkCaptures, checkConstructor, checkFunction, checkFastMath, checkReduceOptions, checkRunOptions, checkScanOptions, checkSearched, checkSurplus, checkTargets, fitsElement, seedKind } from "./arguments.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import { captureValues, NO_VALUES } from "./captures.js";
import { eachChunk, forEachChunk } from "./chunks.js";
import { explainTerminal, sourceOf } from "./explain.js";
import type { SourceLanguage } from "./code.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { bufferLater, bufferNow } from "./results.js";
import { deliver } from "./into.js";
import { Grouping } from "./group.js";
import { elementsOfRange } from "./ranges.js";
import { LazyValue } from "./lazy.js";
import { profiled, type Profile, type ProfileAsData, type ProfileAsTrace, type ProfileInWords, type ProfileOptions } from "./profile.js";
import type { ChromeTrace } from "../runtime/trace.js";
import { prepare, type Prepared } from "./prepared.js";
import { Picks } from "./picks.js";
import { Rows } from "./rows.js";
import { checkQuantiles, quantileValue } from "./quantile.js";
import { copiedOut, runAsync, runNow, type Outcome } from "./run.js";
import type { SortKey } from "./sequence.js";
import type { SearchTerminal } from "./shape.js";
import { spread } from "./spread.js";
import { asStage, scanStage } from "./stages.js";
import { checkChunk, checkNeighbours, checkWindow, Windows } from "./windows.js";
import { bindSource, shapeOfSource } from "./source.js";
import type {
  Accumulator,
  ArrayConstructor,
  ArrayOf,
  BigArray,
  Captures,
  ElementOf,
  Elements,
  Fields,
  ForEachOptions,
  IntoBufferOptions,
  IntoOptions,
  NewColumns,
  PreparedSource,
  QueryOptions,
  ReduceOptions,
  ResultOf,
  RunOptions,
  ScanOptions,
  SingleColumn,
  SpreadOptions,
  TableOf,
  Truth,
  TypedArray,
  WindowOptions,
} from "./types.js";
import { plainTerminal, plainValue, predicateValue, withLambda, withStage } from "./verbs.js";

/**
 * A chain of verbs over a source, whose results would be an `A`. Nothing runs until a terminal asks for a result; a query never
 * changes, so it can be kept, run again and extended in several ways.
 *
 * A lambda's text becomes the kernel, so it sees none of the variables around it: hand those over by name, as captures. A
 * lambda that cannot become a kernel throws a LambdaError from the verb it was given to; types that do not fit throw one
 * from the terminal.
 */
export class Query<A extends Elements> extends Picks<ElementOf<A>, Query<A>> {
  /** @internal */
  constructor(bound: BoundQuery) {
    super(bound);
  }

  protected next(bound: BoundQuery): Query<A> {
    return new Query(bound);
  }
  protected any(bound: BoundQuery): unknown {
    return bound.shape.columns === null ? new Query(bound) : newRows(bound);
  }

  /**
   * Every element becomes what the lambda gives for it, stored as the sequence's own element type, or in the array named. A
   * lambda that gives an object makes rows of elements.
   *
   * @example
   * const k = 0.5;
   * compute(signal).map(x => x * k, { k });
   * compute(counts).map((x, i) => x / (i + 1), Float64Array);
   */
  map(f: (x: ElementOf<A>, i: number) => ResultOf<A>, captures?: Captures): Query<A>;
  map<C extends ArrayConstructor>(f: (x: ElementOf<A>, i: number) => ResultOf<ArrayOf<C>>, to: C, captures?: Captures): Query<ArrayOf<C>>;
  map<F extends Fields>(f: (x: ElementOf<A>, i: number) => F, captures?: Captures): Rows<NewColumns<Record<never, never>, F>>;
  map<F extends Fields, C extends { readonly [K in keyof F]?: ArrayConstructor }>(f: (x: ElementOf<A>, i: number) => F, to: C, captures?: Captures): Rows<NewColumns<Record<never, never>, F, C>>;
  map<V extends string>(f: (x: ElementOf<A>, i: number) => V, captures?: Captures): Query<string[]>;
  map<V extends number | bigint | boolean>(this: A extends readonly string[] ? Query<A> : never, f: (x: string, i: number) => V, captures?: Captures): Query<SingleColumn<V>>;
  map(f: unknown, second?: unknown, third?: unknown): Query<Elements> | Rows<TableOf> {
    const { to, captures } = checkTargets(second, third);
    return this.any(withLambda(this.bound, "map", f, to, captures)) as never;
  }

  /**
   * What the lists hold that the lambda gives for the elements, behind one another; stored as `map` stores it. A list is an array
   * literal, which may be of another length on each path, or empty. Lists of objects, all of one length, make rows.
   *
   * @example
   * compute(samples).flatMap(x => [x, -x]);
   * compute(readings).flatMap(x => (x > limit ? [x] : []), { limit });
   */
  flatMap(f: (x: ElementOf<A>, i: number) => readonly ResultOf<A>[], captures?: Captures): Query<A>;
  flatMap<C extends ArrayConstructor>(f: (x: ElementOf<A>, i: number) => readonly ResultOf<ArrayOf<C>>[], to: C, captures?: Captures): Query<ArrayOf<C>>;
  flatMap<F extends Fields>(f: (x: ElementOf<A>, i: number) => readonly F[], captures?: Captures): Rows<NewColumns<Record<never, never>, F>>;
  flatMap<F extends Fields, C extends { readonly [K in keyof F]?: ArrayConstructor }>(f: (x: ElementOf<A>, i: number) => readonly F[], to: C, captures?: Captures): Rows<NewColumns<Record<never, never>, F, C>>;
  flatMap<V extends string>(f: (x: ElementOf<A>, i: number) => readonly V[], captures?: Captures): Query<string[]>;
  flatMap(f: unknown, second?: unknown, third?: unknown): Query<Elements> | Rows<TableOf> {
    const { to, captures } = checkTargets(second, third, "flatMap");
    return this.any(withLambda(this.bound, "flatMap", f, to, captures)) as never;
  }

  /**
   * Converts every element as a typed array of that kind would store it.
   *
   * @example
   * compute(new Uint8Array(pixels)).as(Float32Array).map(x => x / 255);
   */
  as<C extends ArrayConstructor>(to: C): Query<ArrayOf<C>> {
    return new Query(withStage(this.bound, asStage(this.bound.shape, checkConstructor(to, "as")), NO_VALUES));
  }

  /**
   * Elements by a key: a value, or an object of several. `aggregate` makes rows of the groups.
   *
   * @example
   * compute(readings).groupBy(x => Math.floor(x)).aggregate({ n: g => g.count(), mean: g => g.average() }).toRows();
   */
  groupBy<K extends SortKey | Fields>(key: (x: ElementOf<A>, i: number) => K, captures?: Captures): Grouping<ElementOf<A>, K> {
    return new Grouping(this.bound, key, captures, newRows);
  }

  /** How many elements have each key: rows of the columns `key` (or its own fields) and `count`. */
  countBy<K extends SortKey | Fields>(key: (x: ElementOf<A>, i: number) => K, captures?: Captures) {
    return this.groupBy(key, captures).aggregate({ count: g => g.count() });
  }

  /**
   * Folds the sequence to one value. A reducer of the form `a ⊕ f(x)`, with ⊕ one of `+ * & | ^ && || Math.min Math.max`, runs
   * in parallel in an order that is the same on every machine; any other runs from left to right. Without a seed, or with
   * `undefined`, the first element starts the fold, and an empty sequence is a TypeError.
   *
   * @example
   * compute(samples).reduce((a, x) => a + x * x, 0);
   * compute(samples).reduce((a, x) => a * decay + x, 0, { decay });
   * compute(samples).reduce((a, x) => a + x, 0, {}, { sequential: true });
   */
  reduce(f: (a: ElementOf<A>, x: ElementOf<A>, i: number) => ElementOf<A>): LazyValue<ElementOf<A>>;
  reduce(
    f: (a: ElementOf<A>, x: ElementOf<A>, i: number) => ElementOf<A>,
    seed: undefined,
    captures?: Captures,
    options?: ReduceOptions<ElementOf<A>>,
  ): LazyValue<ElementOf<A>>;
  reduce<T extends number | bigint | boolean>(
    f: (a: Accumulator<T>, x: ElementOf<A>, i: number) => Accumulator<T>,
    seed: T,
    captures?: Captures,
    options?: ReduceOptions<Accumulator<T>>,
  ): LazyValue<Accumulator<T>>;
  reduce(f: unknown, seed?: unknown, captures?: unknown, options?: unknown): LazyValue<unknown> {
    const { bound } = this;
    const record = checkCaptures(captures, "reduce");
    const { combine, sequential } = checkReduceOptions(options);
    const kind = seed === undefined ? null : seedKind(seed, "reduce");
    checkBigSeed(seed, bound.shape.element, "reduce");
    const node = bound.shape.reduceTerminal(checkFunction(f, "reduce"), kind, record, combine, sequential);
    const values = captureValues(record);
    return new LazyValue({ query: bound, node, values: kind === null ? values : [...values, seed as number | bigint | boolean] });
  }

  /**
   * The running values of a reducer: for each element what `reduce` gives for all elements as far as this one; with
   * `{ exclusive: true }` for those before it, the seed first. They are stored as the sequence's own element type, or in the array
   * that `to` names. Without a seed the first element is the first result.
   *
   * A reducer of the form `a ⊕ f(x)`, as `reduce` knows them, runs in the canonical scan order, in registers side by side, and gives
   * the same bits everywhere: blocks of 1024 elements, rows of 32. In a row, for d = 1, 2, 4, 8, 16, `x[j] = x[j - d] ⊕ x[j]` for
   * all j ≥ d at once; a row's values are joined behind the last of the row before it, and those of a block behind the last of
   * the block before it. Floats accumulate as doubles; sums of integers stored in an integer array are exact, and wrap as it does.
   * Any other reducer, and any with `{ sequential: true }`, runs from left to right.
   *
   * @example
   * compute(flows).scan((a, x) => a + x, 0);                                    // a balance
   * compute(prices).scan((a, x) => Math.max(a, x));                             // the highest so far
   * compute(prices).scan((a, x) => a * k + x * (1 - k), 100, { k: 0.9 });       // an exponential moving average
   * compute(counts).scan((a, x) => a + x, 0, {}, { exclusive: true });          // where each group begins
   */
  scan(f: (a: ElementOf<A>, x: ElementOf<A>, i: number) => ElementOf<A>, seed?: undefined, captures?: Captures, options?: ScanOptions): Query<A>;
  scan<T extends number | bigint | boolean, C extends ArrayConstructor>(
    f: (a: Accumulator<T>, x: ElementOf<A>, i: number) => Accumulator<T>,
    seed: T | undefined,
    captures: Captures | undefined,
    options: ScanOptions & { readonly to: C },
  ): Query<ArrayOf<C>>;
  scan<T extends number | bigint | boolean>(
    f: (a: Accumulator<T>, x: ElementOf<A>, i: number) => Accumulator<T>,
    seed: T,
    captures?: Captures,
    options?: ScanOptions,
  ): Query<A>;
  scan(f: unknown, seed?: unknown, captures?: unknown, options?: unknown): Query<Elements> {
    const { bound } = this;
    const record = checkCaptures(captures, "scan");
    const how = checkScanOptions(options, seed !== undefined);
    if (seed !== undefined) seedKind(seed, "scan");
    checkBigSeed(seed, bound.shape.element, "scan");
    const start = seed as number | bigint | boolean | undefined;
    const values = start === undefined ? captureValues(record) : [...captureValues(record), start];
    return new Query(withStage(bound, scanStage(bound.shape, checkFunction(f, "scan"), start, how, record), values));
  }

  /**
   * The windows of so many elements, for a lambda to see together: `.map(([a, b, c]) => …)`, or `.sum()`, `.average()`, `.min()`,
   * `.max()`. There is one for every run of `size` elements; with an `edge` one for every element, which it stands in the middle of
   * (behind it, if the size is even, is one element more than before it). They are views of the source: what is computed of them
   * is one kernel with what follows. Behind verbs that compute the kernel is cut first.
   *
   * @example
   * compute(signal).window(5).average();                                          // a moving average
   * compute(prices).window(2).map(([before, now]) => Math.log(now / before)).sum();
   * compute(signal).window(3, { edge: "clamp" }).map(([a, b, c]) => (a + b + c) / 3);
   */
  window<const K extends number>(size: K, options?: WindowOptions<ElementOf<A>>): Windows<A, K> {
    const { how, beyond } = checkWindow(size, options, this.bound.shape.element);
    return new Windows(this.bound, how, beyond, bound => this.any(bound));
  }

  /**
   * The elements at these offsets from each, as `window` has them. The pixels around one in an image of one row behind another are
   * `neighbours([-width - 1, -width, -width + 1, -1, 0, …])`.
   *
   * @example
   * compute(heights).neighbours([-1, 0, 1], { edge: "wrap" }).map(([left, here, right]) => left - 2 * here + right);
   */
  neighbours<const O extends readonly number[]>(offsets: O, options?: WindowOptions<ElementOf<A>>): Windows<A, O["length"]> {
    const { how, beyond } = checkNeighbours(offsets, options, this.bound.shape.element);
    return new Windows(this.bound, how, beyond, bound => this.any(bound));
  }

  /**
   * So many elements, then as many behind them, and so on, for a lambda to see together, or to be folded as windows are. What is left
   * over at the end is no chunk. The elements are copied, those at each place of the chunks to an array; what is computed of them is one
   * kernel with what follows.
   *
   * @example
   * compute(pixels).chunk(3).map(([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b, Float32Array);
   * compute(samples).chunk(60).average();
   */
  chunk<const K extends number>(size: K): Windows<A, K> {
    return new Windows(this.bound, checkChunk(size), undefined, bound => this.any(bound));
  }

  /**
   * The sum, starting from 0. Sums of integers are exact; BigInts wrap at 64 bits.
   *
   * @example
   * await compute(distances).sum();
   */
  sum(...surplus: never[]): LazyValue<ElementOf<A>> {
    checkSurplus(surplus, "sum", "Say of what in a map: .map(f).sum().");
    return plainValue(this.bound, "sum");
  }

  /**
   * The arithmetic mean; NaN of nothing. BigInts have none: `.as(Float64Array)` first.
   *
   * @example
   * await compute(delays).average();
   */
  average(this: A extends BigArray ? never : Query<A>): LazyValue<number>;
  average(...surplus: unknown[]): LazyValue<number> {
    checkSurplus(surplus, "average", "Say of what in a map: .map(f).average().");
    const { element } = this.bound.shape;
    if (element === "i64" || element === "u64") {
      throw new QueryError("DC306", "BigInts have no average: it may be a fraction", "Average them as numbers: .as(Float64Array).average().");
    }
    return plainValue(this.bound, "average");
  }

  /**
   * The mean of the squared deviations from the mean, of a sample by n - 1; NaN of nothing (of a sample, of one element). Two kernels, so
   * that nothing cancels out: the mean in the canonical order, then the sums of what is left of each element and of its squares, in
   * doubles (the corrected two-pass algorithm; Chan, Golub and LeVeque 1983). The bits are the same everywhere.
   *
   * @example
   * await compute(readings).variance({ sample: true });
   */
  variance(options?: SpreadOptions): LazyValue<number> {
    return spread(this.bound, "variance", options);
  }

  /** The square root of the variance: see there. */
  standardDeviation(options?: SpreadOptions): LazyValue<number> {
    return spread(this.bound, "standardDeviation", options);
  }

  /**
   * The smallest element, as `Math.min` finds it: NaN if there is one, Infinity of nothing (for BigInts a TypeError). Of strings the
   * first in the order of `<`, by UTF-16 code units; of none a TypeError.
   *
   * @example
   * await compute(readings).min();
   * compute(["UA", "AA"]).min().value();   // "AA"
   */
  min(...surplus: never[]): LazyValue<ElementOf<A>> {
    checkSurplus(surplus, "min", "Say of what in a map: .map(f).min().");
    return plainValue(this.bound, "min");
  }

  /**
   * The largest element, as `Math.max` finds it: NaN if there is one, -Infinity of nothing (for BigInts a TypeError). Of strings the last
   * in the order of `<`.
   *
   * @example
   * await compute(readings).max();
   */
  max(...surplus: never[]): LazyValue<ElementOf<A>> {
    checkSurplus(surplus, "max", "Say of what in a map: .map(f).max().");
    return plainValue(this.bound, "max");
  }

  /**
   * The median: `quantile(0.5)`. BigInts have none: `.as(Float64Array)` first.
   *
   * @example
   * await compute(delays).filter(x => x > 0).median();
   */
  median(this: A extends BigArray ? never : Query<A>): LazyValue<number>;
  median(): LazyValue<number> {
    return quantileValue(this.bound, "median");
  }

  /**
   * The value below which that part of the elements lies, 0 to 1; of several in an array as many values. In the order of n elements it
   * stands at (n - 1) * q; between two of them it is `low + (high - low) * fraction`, in doubles. NaN of nothing, and if there is a NaN.
   *
   * @example
   * compute(delays).quantile(0.95).value();
   * const [low, middle, high] = await compute(delays).quantile([0.25, 0.5, 0.75]);
   */
  quantile(this: A extends BigArray ? never : Query<A>, q: number): LazyValue<number>;
  quantile(this: A extends BigArray ? never : Query<A>, q: readonly number[] | Float64Array): LazyValue<readonly number[]>;
  quantile(q: unknown): LazyValue<unknown> {
    return quantileValue(this.bound, "quantile", checkQuantiles(q));
  }

  /**
   * Whether the lambda is true for any element.
   *
   * @example
   * compute(readings).some(x => x > limit, { limit }).value();
   */
  some(f: (x: ElementOf<A>, i: number) => Truth, captures?: Captures): LazyValue<boolean> {
    return predicateValue(this.bound, "some", f, captures);
  }

  /**
   * Whether the lambda is true for every element.
   *
   * @example
   * compute(readings).every(x => x >= 0).value();
   */
  every(f: (x: ElementOf<A>, i: number) => Truth, captures?: Captures): LazyValue<boolean> {
    return predicateValue(this.bound, "every", f, captures);
  }

  /**
   * The place of that element in the sequence; -1 if there is none.
   *
   * @example
   * compute(readings).findIndex(x => x > 100).value();
   */
  findIndex(f: (x: ElementOf<A>, i: number) => Truth, captures?: Captures): LazyValue<number> {
    return predicateValue(this.bound, "findIndex", f, captures);
  }

  /**
   * The place of the first element that is `=== value`; -1 if there is none.
   *
   * @example
   * compute(codes).indexOf(404).value();
   */
  indexOf(value: ElementOf<A>, ...surplus: never[]): LazyValue<number> {
    checkSurplus(surplus, "indexOf", "To begin further on leave the others out: .skip(10).indexOf(value).");
    return this.search("indexOf", value, -1);
  }

  /**
   * Whether an element is `value`; unlike `indexOf` it finds NaN.
   *
   * @example
   * compute(codes).includes(NaN).value();
   */
  includes(value: ElementOf<A>, ...surplus: never[]): LazyValue<boolean> {
    checkSurplus(surplus, "includes", "To begin further on leave the others out: .skip(10).includes(value).");
    return this.search("includes", value, false);
  }

  /**
   * Runs the query now, on this thread; the results are a new array, or a view of `into`.
   *
   * @example
   * const scaled = compute(signal).map(x => x * 2).toArray();
   * compute(signal).map(x => x * 2).toArray({ into: signal });   // in place
   */
  toArray(options: IntoOptions<A> = {}): A {
    const { into = null } = checkRunOptions(options, "toArray");
    return delivered<A>(runNow(this.arrayTerminal(), into as AnyTypedArray | null), this.bound.shape.element);
  }

  /**
   * Runs the query off the main thread.
   *
   * @example
   * const scaled = await compute(signal).map(x => x * 2).toArrayAsync({ signal: AbortSignal.timeout(100) });
   */
  async toArrayAsync(options: IntoOptions<A> & RunOptions = {}): Promise<A> {
    const { into = null, signal } = checkRunOptions(options, "toArrayAsync");
    return succeeded(delivered<A>(await runAsync(this.arrayTerminal(), into as AnyTypedArray | null, signal), this.bound.shape.element), signal);
  }

  /**
   * A function that does what `toArray` does over other data, for calls again and again: `f(source, { captures }, { into })`. It is called
   * with the kind of source that the query has; TypeScript checks that where it is told, `prepare<Float32Array>()`. See `Prepared`.
   *
   * @example
   * const louder = compute(frame).map(x => x * gain, { gain }).prepare<Float32Array>();
   * for (const next of frames) louder(next, { gain: 0.5 }, { into: next });
   */
  prepare<Source extends PreparedSource = PreparedSource>(): Prepared<Source, A, IntoOptions<A>, Query<A>> {
    const { element } = this.bound.shape;
    return prepare(this as Query<A>, this.arrayTerminal(), true, (_, outcome) => delivered<A>(outcome, element)) as Prepared<Source, A, IntoOptions<A>, Query<A>>;
  }

  /**
   * Runs the query now, on this thread; the results are a buffer, which holds them until it is disposed of. On the cuda backend they stay
   * on the device until the host reads them, or a query that runs elsewhere. With `into` they are written to a buffer that is
   * there already, from its beginning on; what comes back is it, or, of more elements than there are results, a slice.
   *
   * @example
   * using scaled = compute(signal).map(x => x * 2).toBuffer();
   * const peak = compute(scaled).max().value();
   * compute(state).map(x => x * decay, { decay }).toBuffer({ into: state });   // in place
   */
  toBuffer(this: [A] extends [TypedArray] ? Query<A> : never, options?: IntoBufferOptions<A>): Buffer<Extract<A, TypedArray>>;
  toBuffer(options: IntoBufferOptions<A> = {}): Buffer {
    return bufferNow(this.arrayTerminal(), options);
  }

  /**
   * Runs the query off the main thread: see `toBuffer`.
   *
   * @example
   * using scaled = await compute(signal).map(x => x * 2).toBufferAsync({ signal: AbortSignal.timeout(100) });
   */
  toBufferAsync(this: [A] extends [TypedArray] ? Query<A> : never, options?: IntoBufferOptions<A> & RunOptions): Promise<Buffer<Extract<A, TypedArray>>>;
  async toBufferAsync(options: IntoBufferOptions<A> & RunOptions = {}): Promise<Buffer> {
    return bufferLater(this.arrayTerminal(), options);
  }

  /**
   * Calls a function with the results as they come, one new array after another, and waits for it each time. The next chunk of a stream
   * is asked for only then, so memory stays constant. An array's results come in pieces, too.
   *
   * @example
   * await compute(stream(readable, Float64Array)).map(x => x * gain, { gain }).forEach(chunk => file.write(chunk));
   * await compute(stream(readable, Float64Array)).filter(x => x > 0).forEach(chunk => send(chunk), { chunk: 1000 });
   */
  forEach(f: (chunk: A) => unknown, options: ForEachOptions = {}): Promise<void> {
    return forEachChunk(this.arrayTerminal(), singleOf<A>, f, options);
  }

  /**
   * The results as they come, one new array after another. To leave the loop early closes the stream.
   *
   * @example
   * for await (const chunk of compute(stream(readable, Float64Array)).filter(x => x > limit, { limit })) plot(chunk);
   */
  [Symbol.asyncIterator](): AsyncGenerator<A, void, undefined> {
    return eachChunk(this.arrayTerminal(), singleOf<A>, null, undefined);
  }

  /**
   * Runs the query off the main thread: an Arrow vector. It needs the package apache-arrow, which is imported then.
   *
   * @example
   * import type { Float32, Vector } from "apache-arrow";
   * const vector = await compute(signal).map(x => x * 2).toArrow<Vector<Float32>>();
   */
  async toArrow<Vector = ArrowVector>(options: RunOptions = {}): Promise<Vector> {
    const arrow = await loadArrow();
    const { signal } = checkRunOptions(options, "toArrow");
    const outcome = await runAsync(this.arrayTerminal(), null, signal);
    const array = deliver(outcome);
    return succeeded(arrowVector(arrow, this.bound.shape.element === "string" ? new Strings(array as Uint32Array, null, outcome.dictionary as Dictionary) : array) as Vector, signal);
  }

  /**
   * What `toArray` would run: the query, its fused kernels, why it is cut where it is, and which backend runs each kernel, and
   * why. The lazy values of other terminals explain theirs. `{ format: "json" }` gives the same as data, for tests to look at;
   * `{ format: "mermaid" }` as a flowchart.
   *
   * @example
   * console.log(compute(signal).map(x => x * 2).filter(x => x > 1).explain());
   * expect(compute(signal).map(x => x * 2).explain({ format: "json" }).kernels).toHaveLength(1);
   */
  explain(options?: ExplainInWords): string;
  explain(options: ExplainAsData): Explanation;
  explain(options: ExplainOptions = {}): string | Explanation {
    return explainTerminal(this.arrayTerminal(), options);
  }

  /**
   * What the time of `toArray` goes to, of the first run and of a warm one: see `LazyValue.profile`. The query is run several times.
   *
   * @example
   * const { warm } = await compute(signal).map(x => x * 2).profile({ format: "json" });
   */
  profile(options?: ProfileInWords): Promise<string>;
  profile(options: ProfileAsData): Promise<Profile>;
  profile(options: ProfileAsTrace): Promise<ChromeTrace>;
  profile(options: ProfileOptions = {}): Promise<string | Profile | ChromeTrace> {
    return profiled(this.arrayTerminal(), () => this.toArray(), options);
  }

  /**
   * The code that a backend runs for `toArray`, all kernels.
   *
   * @example
   * console.log(compute(signal).map(x => x * 2).source("cpp"));
   */
  source(language: SourceLanguage): string {
    return sourceOf(this.arrayTerminal(), language);
  }

  /** What a query is called, in messages and by consoles. */
  get [Symbol.toStringTag](): string {
    return "Query";
  }

  private search<T extends number | boolean>(kind: SearchTerminal, searched: unknown, absent: T): LazyValue<T> {
    const { shape } = this.bound;
    const value = checkSearched(searched, shape.element, kind);
    const known = typeof value === "bigint" && !fitsElement(value, shape.element as "i64" | "u64") ? absent : undefined;
    return new LazyValue({ query: this.bound, node: shape.searchTerminal(kind, { value }), values: [value] }, known);
  }

  private arrayTerminal(): BoundTerminal {
    return plainTerminal(this.bound, "toArray");
  }
}

const singleOf = <A extends Elements>(table: Table, encoding: Encoding | null): A => (encoding === null ? columnOf(table, SINGLE) : stringsIn(columnOf(table, SINGLE), encoding.dictionary)) as A;

const stringsIn = (codes: TypedArray, dictionary: Dictionary): readonly string[] => new Strings<string>(codes as Uint32Array, null, dictionary).toArray();

const delivered = <A extends Elements>(outcome: Outcome, element: ColumnType): A => copiedOut(element, outcome, copied) as A;

function copied(element: ColumnType, outcome: Outcome): Elements {
  const array = deliver(outcome);
  return (element === "string" && outcome.dictionary !== null ? stringsIn(array, outcome.dictionary) : array) as Elements;
}

const newRows = (bound: BoundQuery): Rows<TableOf> => new Rows(bound, single => new Query(single) as Query<never>);

/** A query over a source, in a runtime. */
export function queryOf(runtime: RuntimeCore, source: unknown, options?: QueryOptions): Query<never> | Rows<TableOf> {
  const fastMath = checkFastMath(options, runtime.fastMath);
  const bound = bindSource(source);
  const shape = runtime.shapes.root(shapeOfSource(bound), fastMath);
  const query: BoundQuery = { runtime, source: bound, parent: null, shape, values: NO_VALUES, backend: null };
  return shape.columns === null ? new Query(elementsOfRange(query, source)) : newRows(query);
}
