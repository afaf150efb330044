/** Values that take several queries, one after the other: what the first gives decides what the next looks for. */
import { QueryError } from "../../fusion/errors.js";
import { succeeded } from "../runtime/progress.js";
import type { BoundTerminal } from "./bound.js";
import { explained, explainTerminal, explanationOf, sourceOf } from "./explain.js";
import type { SourceLanguage } from "./code.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { checkRunOptions } from "./arguments.js";
import { finished } from "./finish.js";
import { LazyValue, type Work } from "./lazy.js";
import { Once } from "./once.js";
import { notPrepared } from "./prepared.js";
import { runAsync, runNow, type Outcome } from "./run.js";
import { calledAs } from "./show.js";
import type { RunOptions } from "./types.js";

export class Sequel<T> extends LazyValue<T> {
  /** @internal */
  constructor(
    /** What it asks for first. */
    private readonly first: BoundTerminal,
    /** What it may ask for then, in order: for `explain` and `source`. */
    private readonly behind: () => readonly BoundTerminal[],
    private readonly begin: () => Work<T>,
    /** What it is called, and stored as. */
    named: BoundTerminal = first,
  ) {
    const { query, node } = named;
    if (query.source.kind === "stream") {
      throw new QueryError("DC310", `${calledAs(node)}() reads its elements twice, and a stream is read once`, "Collect them first: compute(await query.toArrayAsync()), or toColumnsAsync().");
    }
    super(named);
  }

  /** What is computed once, for all that it asks for. */
  private get once(): Once | null {
    return Once.of(this.first.query, this.first.node.kind !== "single");
  }

  override get terminals(): readonly BoundTerminal[] {
    return [this.first, ...this.behind()];
  }

  override work(): Work<T> {
    return this.begin();
  }

  override value(): T {
    const { once } = this;
    const run = once === null ? (terminal: BoundTerminal): Outcome => runNow(terminal, null) : once.now();
    const work = this.begin();
    for (let next = work.next(); ; ) {
      if (next.done === true) return next.value;
      const terminal = once?.terminal(next.value) ?? next.value;
      next = work.next(finished(terminal, run(terminal)));
    }
  }

  override async run(options: RunOptions = {}): Promise<T> {
    const { signal } = checkRunOptions(options, "run");
    const { once } = this;
    const run = once === null ? (terminal: BoundTerminal): Promise<Outcome> => runAsync(terminal, null, signal) : await once.later(signal);
    const work = this.begin();
    for (let next = work.next(); ; ) {
      if (next.done === true) return succeeded(next.value, signal);
      const terminal = once?.terminal(next.value) ?? next.value;
      next = work.next(finished(terminal, await run(terminal)));
    }
  }

  override explain(options?: ExplainInWords): string;
  override explain(options: ExplainAsData): Explanation;
  override explain(options: ExplainOptions = {}): string | Explanation {
    const { once, terminals } = this;
    if (once === null) return explainTerminal(this.first, options, this.behind());
    return explained(() => ({ ...once.explanation(), behind: terminals.map(terminal => explanationOf(once.terminal(terminal))) }), options);
  }

  override prepare(): never {
    throw notPrepared(this.bound, "runs several queries, of which one decides what the next looks for", "Build the query anew for each source.");
  }

  override source(language: SourceLanguage): string {
    const { once, terminals } = this;
    const run = once === null ? terminals : [once.first, ...terminals.map(terminal => once.terminal(terminal))];
    return run.map(terminal => sourceOf(terminal, language)).join("\n");
  }
}
