/** The results of a query as a stream: what `for await` and `forEach` read. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import { SINGLE, type Columns, type Plan } from "../../fusion/query.js";
import { resultsOf } from "../stream/results.js";
import { Dictionary } from "../table/dictionary.js";
import type { Encoding } from "../table/given.js";
import type { Table } from "../table/table.js";
import { deadlineOf } from "../runtime/deadline.js";
import { succeeded } from "../runtime/progress.js";
import { checkFunction, checkRunOptions } from "./arguments.js";
import type { BoundTerminal } from "./bound.js";
import { describe } from "./given.js";
import { othersLater, runLater, watchOf } from "./run.js";
import { dictionaryOf } from "./source.js";
import type { ForEachOptions } from "./types.js";

/** What the caller gets of a table. `encoding`: null where there are no strings in it. */
type Given<C> = (table: Table, encoding: Encoding | null) => C;

export async function* eachChunk<C>(bound: BoundTerminal, chunk: Given<C>, size: number | null, signal: AbortSignal | undefined): AsyncGenerator<C, void, undefined> {
  const dictionary = new Dictionary(dictionaryOf(bound.query.source));
  const watch = watchOf(bound);
  const deadline = deadlineOf(signal);
  const whole = async (): Promise<Table> => {
    const { columns, result } = await runLater(bound, null, signal, dictionary, "device", watch);
    if (columns !== null) return columns;
    if (result.output === null) throw new CompilerBug("an array terminal gave no array");
    return new Map([[SINGLE, result.output]]);
  };
  const types = stringsOf(bound.node.plan());
  const encoding = types && { columns: types, dictionary };
  let failure: unknown = null;
  deadline?.begin();
  try {
    for await (const { table } of resultsOf(bound, whole, () => othersLater(bound, dictionary, signal, watch), dictionary, size, signal, watch)) yield chunk(table, encoding);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    deadline?.end();
    watch?.end(failure);
  }
}

/** The columns of what is given, single values as one; null if none holds strings. */
function stringsOf({ finish }: Plan): Columns | null {
  const columns = finish.kind === "columns" ? finish.columns : finish.kind === "array" ? new Map([[SINGLE, finish.element]]) : null;
  return columns !== null && [...columns.values()].includes("string") ? columns : null;
}

/** Calls a function with one chunk after another, and waits for it each time. */
export async function forEachChunk<C>(bound: BoundTerminal, chunk: Given<C>, f: unknown, options: ForEachOptions): Promise<void> {
  const call = checkFunction(f, "forEach") as (chunk: C) => unknown;
  const { signal, chunk: size } = checkRunOptions(options, "forEach");
  if (size !== undefined && !(Number.isSafeInteger(size) && size > 0)) {
    throw new QueryError("DC305", `the option chunk of forEach() is a number of elements, 1, 2, 3 …, not ${describe(size)}`, "Leave it out to get results as they come.");
  }
  for await (const each of eachChunk(bound, chunk, size ?? null, signal)) await call(each);
  succeeded(undefined, signal);
}
