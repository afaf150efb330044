/** What terminals give of sequences in pieces: one value, whole arrays, or results as a stream. */
import { QueryError, withArticle } from "../../fusion/errors.js";
import { SINGLE, type Columns, type PlannedKernel } from "../../fusion/query.js";
import { elementsOf } from "../../fusion/several.js";
import { ELEMENTS, storedAs, type ColumnType } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { inPieces, stageValues, type BoundTerminal } from "../query/bound.js";
import { checkAttached, describe } from "../query/given.js";
import { stringsInto } from "../query/into.js";
import type { Outcome } from "../query/run.js";
import { calledAs } from "../query/show.js";
import { readSource, sourceLength, type BoundSource } from "../query/source.js";
import { reportOf } from "../runtime/progress.js";
import type { Watch } from "../runtime/watch.js";
import type { Dictionary } from "../table/dictionary.js";
import { readTable } from "../table/source.js";
import type { Rows } from "../table/steps.js";
import type { Table } from "../table/table.js";
import { chunksOf } from "./chunks.js";
import { passes } from "./piecewise.js";
import { divided, repieced, type Chunked } from "./pieces.js";
import { computeChunks, reduceChunks } from "./run.js";
import type { Beside, Others } from "./steps.js";

/** A terminal over a stream that is told to run now. */
export function notNow({ node }: BoundTerminal): QueryError {
  const kind = calledAs(node);
  const remedy = kind === "toArray" || kind === "toColumns" ? `Write await query.${kind}Async(), or for await (const chunk of query).` : `Await it: await query.${kind}(…).`;
  return new QueryError("DC310", `a stream's chunks come later, so ${kind}() cannot give its result now`, remedy);
}

/** A terminal over a stream. */
export async function runStream(bound: BoundTerminal, into: AnyTypedArray | null, beside: Beside, signal: AbortSignal | undefined): Promise<Outcome> {
  const { dictionary } = beside;
  const { finish, kernels } = bound.node.plan();
  const to = into === null || finish.kind !== "array" ? null : checkInto(into, finish.element);
  const chunks = chunksIn(bound.query.source, dictionary, signal);
  const nothing = { columns: null, length: 0, destination: null, dictionary, watch: beside.watch };
  switch (finish.kind) {
    case "columns":
    case "row":
      return { ...nothing, result: noResult(null), columns: await collect(computeChunks(bound, chunks, beside, true, signal), columnsOf(kernels)) };
    case "array":
    case "quantile": {
      const results = computeChunks(bound, chunks, beside, true, signal);
      const output = to === null ? (await collect(results, new Map([[SINGLE, finish.element]]))).get(SINGLE) : await fill(results, to);
      return { ...nothing, result: noResult(output ?? null) };
    }
    default:
      return { ...nothing, result: await reduceChunks(bound, chunks, beside, signal) };
  }
}

/** What the last kernel stores. */
function columnsOf(kernels: readonly PlannedKernel[]): Columns {
  const { kernel, columns } = kernels.at(-1) as PlannedKernel;
  return new Map(elementsOf(kernel).map((element, place) => [columns?.[place] ?? SINGLE, element]));
}

const noResult = (output: AnyTypedArray | null): Outcome["result"] => ({ count: output?.length ?? 0, position: -1, rank: 0, value: undefined, output });

async function collect(chunks: Chunked, columns: Columns): Promise<Table> {
  const parts: Table[] = [];
  let total = 0;
  for await (const { table, length } of chunks) {
    parts.push(table);
    total += length;
  }
  return new Map([...columns].map(([name, element]) => {
    const whole = newArray(storedAs(element), total);
    let place = 0;
    for (const part of parts) {
      const array = part.get(name) as Float64Array;
      (whole as Float64Array).set(array, place);
      place += array.length;
    }
    return [name, whole];
  }));
}

function checkInto(into: unknown, element: ColumnType): AnyTypedArray {
  if (element === "string") throw stringsInto();
  const wanted = ELEMENTS[element].array;
  if (elementTypeOf(into) !== element) throw new QueryError("DC304", `into is ${describe(into)}, but the results are ${withArticle(wanted)}`, `Give { into: new ${wanted}(length) }, or change the result's type with .as(…).`);
  checkAttached(into as AnyTypedArray, "into");
  return into as AnyTypedArray;
}

/** Gives a view of what was filled. */
async function fill(chunks: Chunked, into: AnyTypedArray): Promise<AnyTypedArray> {
  let place = 0;
  for await (const { table, length } of chunks) {
    if (place + length > into.length) throw new QueryError("DC304", `into has ${into.length} elements, but the stream gives more results`, "Leave into out, or end the stream in time: .take(n).");
    (into as Float64Array).set(table.get(SINGLE) as Float64Array, place);
    place += length;
  }
  return into.subarray(0, place);
}

/**
 * The results of a query as they come. A stream's come with its chunks, those of arrays piece by piece, unless a stage needs all
 * elements first. `whole`, `others`: what is run for that; strings have the codes of the dictionary. `size`: how many in each but the last;
 * null for as many as there are.
 */
export async function* resultsOf(bound: BoundTerminal, whole: () => Promise<Table>, others: () => Promise<Others>, dictionary: Dictionary, size: number | null, signal: AbortSignal | undefined, watch: Watch | null): Chunked {
  const { source } = bound.query;
  const pieces = source.kind === "stream" || comesInPieces(bound) ? inPieces(bound) : null;
  // What cannot be done is refused before anything runs.
  pieces?.node.plan();
  if (source.kind === "stream") reportOf(signal)?.expectStream();
  else if (pieces !== null) reportOf(signal)?.expect(sourceLength(source));
  const results = pieces === null ? divided(later(whole)) : computeChunks(pieces, chunksIn(source, dictionary, signal), { others: await others(), dictionary, watch }, size !== null, signal);
  yield* size === null ? results : repieced(results, size, true);
}

/** The rows of an array or table at once, for whoever reads it to cut. */
function chunksIn(source: BoundSource, dictionary: Dictionary, signal: AbortSignal | undefined): Chunked {
  if (source.kind === "stream") return chunksOf(source.stream, dictionary, signal);
  const single = readSource(source, dictionary);
  return at({ table: single === null ? (readTable(source, dictionary) ?? new Map<string, AnyTypedArray>()) : new Map([[SINGLE, single]]), length: sourceLength(source) });
}

async function* at(rows: Rows): Chunked {
  yield rows;
}

async function* later(whole: () => Promise<Table>): Chunked {
  const table = await whole();
  yield { table, length: [...table.values()][0]?.length ?? 0 };
}

function comesInPieces(bound: BoundTerminal): boolean {
  const values = stageValues(bound);
  const plan = bound.node.plan();
  return passes(plan) && plan.steps.every(step => step.kind !== "slice" || (values[step.stages[0] as number] as readonly number[]).every(place => place >= 0));
}
