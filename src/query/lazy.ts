/** Lazy values: what the terminals that give one value return. */
import { QueryError } from "../../fusion/errors.js";
import type { ScalarValue } from "../../fusion/types.js";
import { checkRunOptions } from "./arguments.js";
import { onSource, type BoundTerminal } from "./bound.js";
import { explainTerminal, sourceOf } from "./explain.js";
import type { SourceLanguage } from "./code.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { finished } from "./finish.js";
import { profiled, type Profile, type ProfileAsData, type ProfileAsTrace, type ProfileInWords, type ProfileOptions } from "./profile.js";
import { succeeded } from "../runtime/progress.js";
import type { ChromeTrace } from "../runtime/trace.js";
import { notPrepared, prepare, type Prepared } from "./prepared.js";
import { runAsync, runNow, type Outcome } from "./run.js";
import { traceOf, type Trace } from "./trace.js";
import { verified, type Verification, type VerifyOptions } from "./verify.js";
import { calledAs } from "./show.js";
import { sourceLength } from "./source.js";
import { notNow } from "../stream/results.js";
import type { PreparedSource, RunOptions } from "./types.js";
import type { QueryJson } from "../json/format.js";
import { queryJson } from "../json/write.js";

/** Asks for one terminal after another, and is given what each comes to. */
export type Work<T> = Generator<BoundTerminal, T, unknown>;

/**
 * One value that a query will give. Nothing has run yet: `await` it to run it off the main thread, or call `value()` to run
 * it now.
 *
 * @example
 * const total = compute(prices).map(x => x * 1.2).sum();
 * total.value();      // now
 * await total;        // without blocking
 */
export class LazyValue<T> implements PromiseLike<T> {
  private promise: Promise<T> | null = null;
  readonly bound: BoundTerminal;

  /** @internal */
  constructor(
    bound: BoundTerminal,
    /** The value, where it is known without looking: a BigInt of more than 64 bits is in no array. */
    private readonly known: ScalarValue | undefined = undefined,
  ) {
    this.bound = onSource(bound);
  }

  /**
   * Runs the query now, on this thread, over what its source holds now. Every call runs it again.
   *
   * @example
   * const largest = compute(readings).max().value();
   */
  value(): T {
    if (this.bound.query.source.kind === "stream") throw notNow(this.bound);
    return this.finish(this.known === undefined ? runNow(this.bound, null) : null);
  }

  /**
   * Runs the query off the main thread. Every call runs it again; `await` on the lazy value itself runs it once.
   *
   * @example
   * const mean = await compute(samples).average().run({ signal: AbortSignal.timeout(100) });
   */
  async run(options: RunOptions = {}): Promise<T> {
    const { signal } = checkRunOptions(options, "run");
    signal?.throwIfAborted();
    return succeeded(this.finish(this.known === undefined ? await runAsync(this.bound, null, signal) : null), signal);
  }

  /** Makes the lazy value awaitable: runs the query off the main thread, the first time it is called. */
  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.promise ??= this.run();
    return this.promise.then(onFulfilled, onRejected);
  }

  /**
   * A function that gives this value of other data, for calls again and again: `f(source, { captures })`. It is called with the kind of
   * source that the query has; TypeScript checks that where it is told, `prepare<Float32Array>()`. See `Prepared`.
   *
   * @example
   * const energy = compute(frame).map(x => x * gain, { gain }).reduce((a, x) => a + x * x, 0).prepare<Float32Array>();
   * for (const next of frames) levels.push(energy(next, { gain: 0.5 }));
   */
  prepare<Source extends PreparedSource = PreparedSource>(): Prepared<Source, T, undefined, LazyValue<T>> {
    if (this.known !== undefined) throw notPrepared(this.bound, "is known without looking", "A BigInt of more than 64 bits is in no array.");
    return prepare(this as LazyValue<T>, this.bound, false, finished) as Prepared<Source, T, undefined, LazyValue<T>>;
  }

  /**
   * What would run: the query, its fused kernels, why it is cut where it is, how the value is folded, and which backend
   * runs each kernel, and why. `{ format: "json" }` gives the same as data, `{ format: "mermaid" }` as a flowchart.
   *
   * @example
   * console.log(compute(signal).filter(x => x > 0).sum().explain());
   */
  explain(options?: ExplainInWords): string;
  explain(options: ExplainAsData): Explanation;
  explain(options: ExplainOptions = {}): string | Explanation {
    return explainTerminal(this.bound, options);
  }

  /**
   * Runs the query several times, on this thread, and gives what the time of the first run, with all that is made for it, and that of a
   * warm one went to: as a table. `{ format: "json" }` gives the same as data, in milliseconds; `{ format: "trace" }` all that happened, for
   * https://ui.perfetto.dev.
   *
   * @example
   * console.log(await compute(signal).filter(x => x > 0).sum().profile());
   */
  profile(options?: ProfileInWords): Promise<string>;
  profile(options: ProfileAsData): Promise<Profile>;
  profile(options: ProfileAsTrace): Promise<ChromeTrace>;
  profile(options: ProfileOptions = {}): Promise<string | Profile | ChromeTrace> {
    return profiled(this.bound, () => this.value(), options);
  }

  /**
   * The code that a backend runs for this value, all kernels.
   *
   * @example
   * console.log(compute(signal).sum().source("cpp"));
   */
  source(language: SourceLanguage): string {
    return sourceOf(this.bound, language);
  }

  /**
   * The query with this terminal, as JSON: what `JSON.stringify` takes and `fromJSON` reads. See `Query.toJSON`.
   *
   * @example
   * const text = JSON.stringify(compute(signal).filter(x => x > limit, { limit }).sum());
   */
  toJSON(): QueryJson {
    return queryJson(this.bound);
  }

  /**
   * Follows one element of the source through the query, and tells what it adds to the value: see `trace` of queries. Of `aggregate` and
   * `batch` the verbs are followed that all their values have in common.
   *
   * @example
   * console.log(`${compute(signal).filter(x => x > 0).reduce((a, x) => a + x * x, 0).trace(1000)}`);
   */
  trace(index: number): Trace {
    return traceOf(this.bound.query, index, this);
  }

  /**
   * Whether the value is the same, bit for bit, whoever computes it and how: see `verify` of queries.
   *
   * @example
   * expect(await compute(signal).sum().verify()).toMatchObject({ same: true });
   */
  async verify(options?: VerifyOptions): Promise<Verification> {
    return verified(this.runs, options);
  }

  /** What a lazy value is called, in messages and by consoles. */
  get [Symbol.toStringTag](): string {
    return "LazyValue";
  }

  /** To calculate with it would be to calculate with no number: says so, instead of giving NaN or a text. */
  [Symbol.toPrimitive](hint: "number" | "string" | "default"): string {
    const kind = calledAs(this.bound.node);
    if (hint === "string") return `[object LazyValue: ${kind}]`;
    throw new QueryError("DC305", `the ${kind} has not been computed yet, so it is no number`, `Await it, or call its value(): await query.${kind}(…), or query.${kind}(…).value().`);
  }

  /** @internal What it asks for, as far as it is known before anything has run. */
  get terminals(): readonly BoundTerminal[] {
    return [this.bound];
  }

  /** @internal What is run for it, as far as that is known. */
  get runs(): readonly BoundTerminal[] {
    return this.terminals;
  }

  /** @internal Its value, for whoever runs what it asks for. */
  *work(): Work<T> {
    return this.known === undefined ? ((yield this.bound) as T) : this.finish(null);
  }

  /** @internal What it comes to, when what it asks for is found by `run`; undefined where it is nothing of these elements, and would throw. */
  computed(run: (terminal: BoundTerminal) => unknown): unknown {
    const work = this.work();
    try {
      let next = work.next();
      while (next.done !== true) next = work.next(run(next.value));
      return next.value;
    } catch (error) {
      if (givesNothing(error)) return undefined;
      throw error;
    }
  }

  /** @internal Finds what is wrong with it before it is run. */
  check(): void {
    this.bound.node.plan();
  }

  private finish(outcome: Outcome | null): T {
    const { query } = this.bound;
    if (outcome === null) {
      if (query.source.kind !== "stream") sourceLength(query.source);
      return this.known as T;
    }
    return finished(this.bound, outcome) as T;
  }
}

/** What JavaScript says of a reduce of nothing, and `single` of none or several. */
const givesNothing = (error: unknown): boolean => error instanceof TypeError || (error instanceof QueryError && error.code === "DC312");
