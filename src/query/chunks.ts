/** The results of a query as a stream: what `for await` and `forEach` read. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import { SINGLE } from "../../fusion/query.js";
import { resultsOf } from "../stream/results.js";
import type { Table } from "../table/table.js";
import { checkFunction, checkRunOptions } from "./arguments.js";
import type { BoundTerminal } from "./bound.js";
import { describe } from "./given.js";
import { runAsync } from "./run.js";
import type { ForEachOptions } from "./types.js";

/** `chunk`: what the caller gets of a table. */
export async function* eachChunk<C>(bound: BoundTerminal, chunk: (table: Table) => C, size: number | null, signal: AbortSignal | undefined): AsyncGenerator<C, void, undefined> {
  const whole = async (): Promise<Table> => {
    const { columns, result } = await runAsync(bound, null, signal);
    if (columns !== null) return columns;
    if (result.output === null) throw new CompilerBug("an array terminal gave no array");
    return new Map([[SINGLE, result.output]]);
  };
  for await (const { table } of resultsOf(bound, whole, size, signal)) yield chunk(table);
}

/** Calls a function with one chunk after another, and waits for it each time. */
export async function forEachChunk<C>(bound: BoundTerminal, chunk: (table: Table) => C, f: unknown, options: ForEachOptions): Promise<void> {
  const call = checkFunction(f, "forEach") as (chunk: C) => unknown;
  const { signal, chunk: size } = checkRunOptions(options, "forEach");
  if (size !== undefined && !(Number.isSafeInteger(size) && size > 0)) {
    throw new QueryError("DC305", `the option chunk of forEach() is a number of elements, 1, 2, 3 …, not ${describe(size)}`, "Leave it out to get results as they come.");
  }
  for await (const each of eachChunk(bound, chunk, size ?? null, signal)) await call(each);
}
