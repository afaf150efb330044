/** Several terminals of one sequence in one value: those that can share a pass over the elements do, in one kernel. */
import { QueryError } from "../../fusion/errors.js";
import type { Part } from "../../fusion/query.js";
import type { ScalarValue } from "../../fusion/types.js";
import { notNow } from "../stream/results.js";
import { succeeded } from "../runtime/progress.js";
import { checkRunOptions } from "./arguments.js";
import type { BoundBranch, BoundQuery, BoundTerminal } from "./bound.js";
import { NO_VALUES } from "./captures.js";
import { explained, explanationOf, sourceOf } from "./explain.js";
import type { SourceLanguage } from "./code.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { describe } from "./given.js";
import { finished } from "./finish.js";
import { LazyValue } from "./lazy.js";
import { Once } from "./once.js";
import { notPrepared } from "./prepared.js";
import { runAsync, runNow, type Outcome } from "./run.js";
import { showVerbs } from "./show.js";
import { isSameSource } from "./source.js";
import type { RunOptions } from "./types.js";

/** A value among several, and what its result is called. */
export interface Branch {
  readonly name: string;
  readonly value: LazyValue<unknown>;
}

/** Terminals that are run as one, or one by itself. */
interface Run {
  readonly bound: BoundTerminal;
  /** Of the branches. */
  readonly places: readonly number[];
  /** Why a terminal runs by itself; null for several. */
  readonly reason: string | null;
}

/** A terminal that a branch asks for. */
interface Asked {
  readonly place: number;
  readonly terminal: BoundTerminal;
}

export class Together<T> extends LazyValue<T> {
  /** @internal */
  constructor(
    private readonly base: BoundQuery,
    private readonly verb: "aggregate" | "batch",
    private readonly branches: readonly Branch[],
    private readonly whole: (results: readonly unknown[]) => T,
  ) {
    const nodes = branches.map(({ value }) => value.bound.node);
    const bound = branches.map(({ name, value }): BoundBranch => ({ name, terminal: value.bound }));
    super({ query: base, node: base.shape.togetherTerminal(verb, nodes), values: NO_VALUES, branches: bound });
    if (base.source.kind === "stream") this.checkOnePass();
  }

  override value(): T {
    if (this.base.source.kind === "stream") throw notNow(this.bound);
    const { once } = this;
    const run = once === null ? (bound: BoundTerminal): Outcome => runNow(bound, null) : once.now();
    const steps = this.steps(once);
    let next = steps.next();
    while (next.done !== true) next = steps.next(run(next.value));
    return next.value;
  }

  override async run(options: RunOptions = {}): Promise<T> {
    const { signal } = checkRunOptions(options, "run");
    const { once } = this;
    const run = once === null ? (bound: BoundTerminal): Promise<Outcome> => runAsync(bound, null, signal) : await once.later(signal);
    const steps = this.steps(once);
    let next = steps.next();
    while (next.done !== true) next = steps.next(await run(next.value));
    return succeeded(next.value, signal);
  }

  override explain(options?: ExplainInWords): string;
  override explain(options: ExplainAsData): Explanation;
  override explain(options: ExplainOptions = {}): string | Explanation {
    return explained(() => this.explanation(), options);
  }

  override prepare(): never {
    throw notPrepared(this.bound, "may run several queries", "Prepare its values one by one, or build the query anew for each source.");
  }

  override source(language: SourceLanguage): string {
    const { once } = this;
    return [...(once === null ? [] : [once.first]), ...this.allRuns(once).map(({ bound }) => bound)].map(bound => sourceOf(bound, language)).join("\n");
  }

  override get runs(): readonly BoundTerminal[] {
    return this.allRuns().map(({ bound }) => bound);
  }

  override computed(run: (terminal: BoundTerminal) => unknown): unknown {
    return this.whole(this.branches.map(({ value }) => value.computed(run)));
  }

  override check(): void {
    for (const { bound } of this.allRuns()) bound.node.plan();
  }

  /** What is computed once, where several runs would begin with it. */
  private get once(): Once | null {
    const found = Once.of(this.base, true);
    return found === null || this.allRuns().length === 1 ? null : found;
  }

  /** Gives what is to be run, one after the other, and takes what comes of it. */
  private *steps(once: Once | null): Generator<BoundTerminal, T, Outcome> {
    const works = this.branches.map(({ value }) => value.work());
    const next = works.map(work => work.next());
    for (;;) {
      const asked = next.flatMap((one, place): Asked[] => (one.done === true ? [] : [{ place, terminal: once?.terminal(one.value) ?? one.value }]));
      if (asked.length === 0) return this.whole(next.map(one => one.value));
      for (const { bound, places } of this.runsOf(asked, once)) {
        const outcome = yield bound;
        const { finish } = bound.node.plan();
        for (const [at, place] of places.entries()) {
          const terminal = asked.find(one => one.place === place)?.terminal as BoundTerminal;
          const part = finish.kind === "together" ? finish.parts[at] : undefined;
          next[place] = (works[place] as (typeof works)[number]).next(finished(terminal, part === undefined ? outcome : outcomeOf(outcome, part)));
        }
      }
    }
  }

  /** Terminals that share a kernel first; those that insist on different backends share none. */
  private runsOf(asked: readonly Asked[], once: Once | null): readonly Run[] {
    const base = once?.query(this.base) ?? this.base;
    const backends = [...new Set(asked.map(({ terminal }) => terminal.query.backend))];
    const runs = backends.flatMap(backend => {
      const own = asked.filter(({ terminal }) => terminal.query.backend === backend);
      const { shape, source } = base;
      const { groups, apart } = shape.joins(own.map(({ terminal }) => terminal.node), source.kind === "stream");
      const joined = groups.map((places): Run => {
        const members = places.map(place => own[place] as Asked);
        const node = shape.togetherTerminal(this.verb, members.map(({ terminal }) => terminal.node));
        const branches = members.map(({ place, terminal }) => ({ name: this.nameOf(place), terminal }));
        return { bound: { query: { ...base, backend }, node: source.kind === "stream" ? node.inPieces : node, values: NO_VALUES, branches }, places: members.map(({ place }) => place), reason: null };
      });
      const single = own.flatMap(({ place, terminal }, at): Run[] => {
        const reason = apart[at] ?? null;
        return reason === null ? [] : [{ bound: terminal, places: [place], reason }];
      });
      return [...joined, ...single];
    });
    return [...runs.filter(({ reason }) => reason === null), ...runs.filter(({ reason }) => reason !== null)];
  }

  /** What would run, in order, as far as it is known before anything has. */
  private allRuns(once: Once | null = null): readonly Run[] {
    const longest = Math.max(...this.branches.map(({ value }) => value.terminals.length));
    return Array.from({ length: longest }, (_, round) => this.runsOf(this.branches.flatMap(({ value }, place): Asked[] => {
      const terminal = value.terminals[round];
      return terminal === undefined ? [] : [{ place, terminal: once?.terminal(terminal) ?? terminal }];
    }), once)).flat();
  }

  private nameOf(place: number): string {
    return this.branches[place]?.name ?? "";
  }

  private explanation(): Explanation {
    const { stages } = this.bound.node.shape();
    const { once } = this;
    const runs = this.allRuns(once).map(({ bound, places, reason }): Explanation => ({ ...explanationOf(bound), results: places.map(place => this.nameOf(place)), ...(reason === null ? {} : { reason }) }));
    if (once !== null) return { ...once.explanation(), ...showVerbs(this.bound, stages), behind: runs };
    const [first, ...behind] = runs as [Explanation, ...Explanation[]];
    const own = { ...showVerbs(this.bound, stages), fastMath: first.fastMath };
    return first.reason === undefined ? { ...first, ...own, behind } : { ...own, rewritten: [], kernels: [], steps: [], behind: runs };
  }

  private checkOnePass(): void {
    const [, ...others] = this.allRuns();
    const [other] = others;
    if (other === undefined) return;
    const names = others.flatMap(({ places }) => places.map(place => this.nameOf(place)));
    throw new QueryError("DC310", `${this.verb}() would read its elements again for ${names.join(", ")} (${other.reason ?? "which share no kernel with the others"}), and a stream is read once`, "Ask for it by itself, over a stream of its own, or collect the elements first: compute(await query.toArrayAsync()), or toColumnsAsync().");
  }
}

/** A branch's part of what its kernel gave. */
function outcomeOf({ result, length, dictionary, watch }: Outcome, { values, count }: Part): Outcome {
  const all = result.values ?? [result.value as ScalarValue];
  const own = values.map(place => all[place] as ScalarValue);
  const counted = count === "all" ? result.count : count === null ? 0 : Number(all[count]);
  return { result: { count: counted, position: -1, rank: 0, value: own[0], output: null, values: own }, columns: null, length, destination: null, dictionary, watch };
}

/** The results of several terminals, by name. */
export function aggregate<Self extends { readonly bound: BoundQuery }>(query: Self, branches: unknown): LazyValue<never> {
  const entries: (readonly [string, unknown])[] = typeof branches === "object" && branches !== null ? Object.entries(branches) : [];
  if (entries.length === 0) throw new QueryError("DC305", `aggregate() takes functions of the query by name, not ${describe(branches)}`, "Write .aggregate({ n: q => q.count(), mean: q => q.average() }).");
  const values = entries.map(([name, f]): Branch => {
    if (typeof f !== "function") throw new QueryError("DC305", `aggregate() is given ${describe(f)} as ${name}, not a function`, `Write { ${name}: q => q.sum() }.`);
    const value: unknown = (f as (query: Self) => unknown)(query);
    checkBranch(value, `the function ${name} of aggregate()`, "Give what a terminal of the query gives: q => q.sum(), q => q.filter(f).count().");
    if (value.bound.query.runtime !== query.bound.runtime || commonOf(query.bound, value.bound.query)?.shape !== query.bound.shape) {
      throw new QueryError("DC305", `the function ${name} of aggregate() gives a value of another query`, "Begin with the function's parameter: q => q.filter(f).sum(). Values of several queries are put together by batch([…]).");
    }
    return { name, value };
  });
  return new Together<never>(query.bound, "aggregate", values, results => Object.fromEntries(values.map(({ name }, at) => [name, results[at]])) as never);
}

/** The results of several lazy values over one source, in their order. */
export function batched(values: unknown): LazyValue<never> {
  if (!Array.isArray(values) || values.length === 0) throw new QueryError("DC305", `batch() takes values of queries in an array, not ${Array.isArray(values) ? "an empty one" : describe(values)}`, "Write batch([query.sum(), query.max()]).");
  const branches = (values as readonly unknown[]).map((value, at): Branch => {
    checkBranch(value, `what batch() is given at ${at}`, "Give what terminals give, before it is awaited: batch([query.sum(), query.filter(f).count()]).");
    return { name: `[${at}]`, value };
  });
  const [first, ...others] = branches.map(({ value }) => value.bound.query) as [BoundQuery, ...BoundQuery[]];
  const base = others.reduce((common: BoundQuery, query, at) => {
    const next = query.runtime === first.runtime ? commonOf(common, query) : null;
    if (next === null) throw new QueryError("DC305", `batch() is given at ${at + 1} a value over another source`, "Values over one source are computed together; await the others by themselves, or with Promise.all.");
    return next;
  }, first);
  return new Together<never>(base, "batch", branches, results => [...results] as never);
}

function checkBranch(value: unknown, what: string, remedy: string): asserts value is LazyValue<unknown> {
  if (value instanceof Together) throw new QueryError("DC305", `${what} is several values by itself`, "Name them all in one: { n: q => q.count(), high: q => q.filter(f).max() }.");
  if (!(value instanceof LazyValue)) throw new QueryError("DC305", `${what} is ${describe(value)}, not a value that a query will give`, remedy);
}

/** What two queries have in common: their source, and the stages that are the same from there. Null if they do not read the same. */
function commonOf(one: BoundQuery, other: BoundQuery): BoundQuery | null {
  const [left, right] = [chainOf(one), chainOf(other)];
  const [source, same] = [left[0] as BoundQuery, right[0] as BoundQuery];
  const isRange = source.source.kind === "range" && same.source.kind === "range" && source.source.length === same.source.length;
  if (source.shape !== same.shape || !(isRange || isSameSource(source.source, same.source))) return null;
  let common = source;
  for (const [at, query] of left.entries()) {
    const twin = right[at];
    if (twin?.shape !== query.shape || !query.values.every((value, place) => Object.is(value, twin.values[place]))) break;
    common = query;
  }
  return common;
}

/** The source, and the query behind each verb. */
function chainOf(query: BoundQuery): readonly BoundQuery[] {
  return query.parent === null ? [query] : [...chainOf(query.parent), query];
}
