/** Prepared queries: functions that run one query again and again, on other data. */
import { QueryError } from "../../fusion/errors.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { succeeded } from "../runtime/progress.js";
import { checkRunOptions } from "./arguments.js";
import type { BoundTerminal } from "./bound.js";
import { explainTerminal } from "./explain.js";
import type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation } from "./explanation.js";
import { parametersOf, rebound } from "./rebind.js";
import { describe } from "./given.js";
import { ORDINARY, Routine } from "./routine.js";
import { runAsync, runNow, type Outcome } from "./run.js";
import { calledAs } from "./show.js";
import type { Captures, IntoOptions, RunOptions } from "./types.js";

/** Runs now, on this thread. The type of a method, so that what a query of a Float32Array gives is also what one of any array gives. */
type Run<Source, Result, Options> = { run(source?: Source, captures?: Captures, options?: Options): Result }["run"];

/**
 * A query as a function, made by `prepare`: what it was asked for, over whatever source it is called with. Made for calls again and
 * again on small data, since nothing is built, looked up or checked that is the same for all of them.
 *
 * The source holds what the query's own did: elements of the same type, or the same columns; without one the query's own is read.
 * Captures are given by name, with values of the same kind; those that are not given keep the values that they had. Seeds, places
 * and other queries stay as they were.
 *
 * `Source`: what it may be called with. `Options`: those of a call. `Of`: what was prepared.
 */
export interface Prepared<Source, Result, Options, Of> extends Run<Source, Result, Options> {
  /** Runs off the main thread. */
  async(source?: Source, captures?: Captures, options?: RunOptions & (Options extends object ? Options : unknown)): Promise<Result>;
  /** What was prepared: for `source` and `toJSON`. */
  readonly query: Of;
  /** What would run: see `explain` of the query. */
  explain(options?: ExplainInWords): string;
  explain(options: ExplainAsData): Explanation;
}

/** What is made of an outcome. The bound terminal is the one that was run. */
type Finish<Result> = (bound: BoundTerminal, outcome: Outcome) => Result;

/** `stores`: the result is an array, which may go into one of the caller's. */
export function prepare<Result, Of>(of: Of, bound: BoundTerminal, stores: boolean, finish: Finish<Result>): Prepared<unknown, Result, never, Of> {
  if (bound.query.source.kind === "stream") throw notPrepared(bound, "reads a stream, which is over once it has been read", "Build the query anew for each stream.");
  // What is wrong with the query is told here, and not by its first run.
  bound.node.plan();
  const parameters = parametersOf(bound);
  const routine = Routine.of(bound, parameters);

  const run = (source?: unknown, captures?: Captures, options?: IntoOptions<AnyTypedArray>): Result => {
    const into = intoOf(options, stores, "toArray");
    const result = routine === null ? ORDINARY : routine.run(source, captures, into);
    if (result !== ORDINARY) return result as Result;
    const now = rebound(bound, parameters, source, captures);
    return finish(now, runNow(now, into));
  };
  const runLater = async (source?: unknown, captures?: Captures, options: IntoOptions<AnyTypedArray> & RunOptions = {}): Promise<Result> => {
    const { signal } = checkRunOptions(options, stores ? "toArrayAsync" : "run");
    const later = rebound(bound, parameters, source, captures);
    return succeeded(finish(later, await runAsync(later, options.into === undefined ? null : intoOf({ into: options.into }, stores, "toArrayAsync"), signal)), signal);
  };
  const explain = (options: ExplainOptions = {}): string | Explanation => explainTerminal(bound, options);
  return Object.assign(run, { async: runLater, query: of, explain }) as Prepared<unknown, Result, never, Of>;
}

function intoOf(options: IntoOptions<AnyTypedArray> | undefined, stores: boolean, verb: "toArray" | "toArrayAsync"): AnyTypedArray | null {
  if (options === undefined) return null;
  if (stores) return checkRunOptions(options, verb).into ?? null;
  if (verb === "toArray") throw new QueryError("DC305", `a prepared query of one value, or of columns, takes no options, but was given ${describe(options)}`, "Its captures come second: run(array, { k }).");
  return null;
}

export const notPrepared = ({ node }: BoundTerminal, why: string, remedy: string): QueryError => new QueryError("DC305", `${calledAs(node)}() cannot be prepared: it ${why}`, remedy);
