/** Values that take several queries, one after the other: what the first gives decides what the next looks for. */
import { QueryError } from "../../fusion/errors.js";
import type { BoundTerminal } from "./bound.js";
import { explainTerminal, sourceOf, type SourceLanguage } from "./explain.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { checkRunOptions } from "./arguments.js";
import { finished } from "./finish.js";
import { LazyValue, type Work } from "./lazy.js";
import { notPrepared } from "./prepared.js";
import { runAsync, runNow } from "./run.js";
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
      throw new QueryError("DC310", `${calledAs(node.terminal)}() reads its elements twice, and a stream is read once`, "Collect them first: compute(await query.toArrayAsync()), or toColumnsAsync().");
    }
    super(named);
  }

  override get terminals(): readonly BoundTerminal[] {
    return [this.first, ...this.behind()];
  }

  override work(): Work<T> {
    return this.begin();
  }

  override value(): T {
    const work = this.begin();
    let next = work.next();
    while (next.done !== true) next = work.next(finished(next.value, runNow(next.value, null)));
    return next.value;
  }

  override async run(options: RunOptions = {}): Promise<T> {
    const { signal } = checkRunOptions(options, "run");
    const work = this.begin();
    let next = work.next();
    while (next.done !== true) next = work.next(finished(next.value, await runAsync(next.value, null, signal)));
    return next.value;
  }

  override explain(options?: ExplainInWords): string;
  override explain(options: ExplainAsData): Explanation;
  override explain(options: ExplainOptions = {}): string | Explanation {
    return explainTerminal(this.first, options, this.behind());
  }

  override prepare(): never {
    throw notPrepared(this.bound, "runs several queries, of which one decides what the next looks for", "Build the query anew for each source.");
  }

  override source(language: SourceLanguage): string {
    return this.terminals.map(terminal => sourceOf(terminal, language)).join("\n");
  }
}
