/** What happens to a table between kernels, as its rows come: what a step needs of earlier rows is carried along. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import { SINGLE, type Edge, type TableStep } from "../../fusion/query.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import type { StageValues } from "../query/bind.js";
import type { BoundQuery } from "../query/bound.js";
import type { Watch } from "../runtime/watch.js";
import type { Dictionary } from "../table/dictionary.js";
import { flatLength, flattened } from "../table/flatten.js";
import { applyStep, onTheRight, type Rows, type StepContext, type Tapped } from "../table/steps.js";
import { columnOf } from "../table/table.js";
import { chunks, windows } from "../table/window.js";
import { all, distinct, firstOf, groups, type Move } from "./gathered.js";
import { aligned, divided, lastRow, partOf, PIECE, repieced, sliced, tapped, type Chunk, type Chunked } from "./pieces.js";

/** What other queries give, which have run before. */
export type Others = ReadonlyMap<BoundQuery, Rows>;

/** What a run over pieces has besides them. */
export interface Beside {
  readonly others: Others;
  /** All strings that the run knows so far. */
  readonly dictionary: Dictionary;
  /** Null if nobody listens. */
  readonly watch: Watch | null;
}

/** What steps work with. */
export interface StepRun extends Beside {
  readonly values: StageValues;
  /** How many elements stages leave out at the beginning. */
  readonly bases: Map<number, number>;
  /** In whole pieces; otherwise as soon as there is something. */
  readonly merged: boolean;
  readonly move: Move;
}

function othersOf(others: Others, query: unknown): Rows {
  const rows = others.get(query as BoundQuery);
  if (rows === undefined) throw new CompilerBug("another query has not run before the stream is read");
  return rows;
}

/** `whole`: the step needs all rows, and there are no more than a step before has left. */
export function stepped(step: TableStep, rows: Chunked, run: StepRun, whole: boolean): Chunked {
  const { values, bases, others, dictionary, merged, move } = run;
  const own = values[step.stages[0] as number] ?? [];
  if (whole) return wholly(step, rows, run);
  switch (step.kind) {
    case "slice": {
      const [start, end] = own as readonly [number, number];
      checkPlaces(start, end);
      bases.set(step.stages[0] as number, start);
      return sliced(rows, start, end);
    }
    case "distinct":
      return distinct(pieced(rows, merged), move);
    case "set":
      if (step.verb === "union") return distinct(pieced(concatenated(rows, othersOf(others, own.at(-1))), merged), move);
      return distinct(matched(step, rows, othersOf(others, own.at(-1)), run), move);
    case "match":
    case "groupJoin":
      return matched(step, rows, othersOf(others, own.at(-1)), run);
    case "join":
      return matched(step, rows, othersOf(others, own.at(-2)), run);
    case "group":
      return groups(step, pieced(rows, true), move);
    case "sort":
      return firstOf(step, pieced(rows, true), values[step.limit as number]?.at(-1) as number, dictionary, move);
    case "tap":
      return tapped(rows, own[0] as unknown as Tapped, { columns: step.columns, dictionary });
    case "window":
      return windowed(rows, step.offsets, step.edge, own.at(-1) as number, merged);
    case "chunk":
      return chunked(rows, step.size, merged);
    case "flatten":
      return flat(rows, step);
    case "zip":
      return zipped(rows, own.slice(-step.others).map(query => othersOf(others, query)));
    case "concat":
      return concatenated(rows, othersOf(others, own.at(-1)));
    case "keep":
      return kept(step.part, rows);
    case "reverse":
      throw new CompilerBug("a reverse is done piece by piece");
    default:
      return step satisfies never;
  }
}

/** Rows where they do not move meanwhile: in whole pieces, or no longer than one. */
const pieced = (rows: Chunked, merged: boolean): Chunked => (merged ? repieced(rows) : divided(rows));

/**
 * Piece by piece, against rows of another query: a hash table of those is made each time, so pieces are at least as long as it where that is
 * more than a piece.
 */
async function* matched(step: TableStep, rows: Chunked, { length }: Rows, run: StepRun): Chunked {
  const context = contextOf(run);
  for await (const piece of length > PIECE ? repieced(rows, PIECE * Math.ceil(length / PIECE)) : pieced(rows, run.merged)) {
    const found = await run.move(applyStep(step, piece, -1, context));
    if (found.length > 0) yield found;
  }
}

async function* wholly(step: TableStep, rows: Chunked, run: StepRun): Chunked {
  const given = await all(rows);
  if (given !== null) yield await run.move(applyStep(step, given, -1, contextOf(run)));
}

const contextOf = ({ values, others, dictionary }: StepRun): StepContext => ({
  dictionary,
  valuesOf: stage => values[stage] ?? [],
  otherOf: (stage, fromEnd) => othersOf(others, values[stage]?.at(-fromEnd)),
  keysOf: stage => othersOf(others, values[stage]?.at(-1)),
});

function checkPlaces(start: number, end: number): void {
  const negative = start < 0 ? start : end < 0 ? end : null;
  if (negative === null) return;
  throw new QueryError("DC310", `slice() counts ${negative} from the end, and a stream's end is known only when it is there`, "Collect the stream first, compute(await query.toArrayAsync()).slice(…), or name places from its beginning.");
}

function kept(part: (TableStep & { readonly kind: "keep" })["part"], rows: Chunked): Chunked {
  switch (part) {
    case "head":
      return sliced(rows, 0, 1);
    case "tail":
      return lastRow(rows);
    case "at":
    case "through":
    case "before":
    case "from":
      // The search has left one row, with its place, or those before or behind a place.
      return rows;
    default:
      return part satisfies never;
  }
}

/**
 * The elements are put behind one another in memory that is as long as the windows reach, and whole pieces more; once it is full,
 * those that later windows reach for move to its beginning. What stands beyond an edge is put there like elements.
 */
async function* windowed(rows: Chunked, offsets: readonly number[], edge: Edge, beyond: number, merged: boolean): Chunked {
  const before = offsets.reduce((most, offset) => Math.max(most, -offset), 0);
  const behind = offsets.reduce((most, offset) => Math.max(most, offset), 0);
  const span = before + behind;
  const room = span + PIECE * Math.max(1, Math.ceil(span / PIECE));
  let memory: Float64Array | null = null;
  /** Where the first window that has not been given begins, and where the elements end. */
  let [next, filled] = [0, 0];

  function* put(array: AnyTypedArray, whole: boolean): Generator<Chunk, void, undefined> {
    const into = (memory ??= newMemory(array, room));
    for (let from = 0; from < array.length; ) {
      const some = Math.min(array.length - from, room - filled);
      into.set((array as Float64Array).subarray(from, from + some), filled);
      [from, filled] = [from + some, filled + some];
      if (filled < room && (whole || from < array.length)) continue;
      if (filled - next > span) yield windows(offsets, "valid", into.subarray(next, filled), filled - next, () => beyond);
      next = Math.max(next, filled - span);
      if (filled < room) continue;
      into.copyWithin(0, next, filled);
      [next, filled] = [0, filled - next];
    }
  }
  /** What stands beyond an end. */
  const edges = (nearest: Float64Array, count: number): Float64Array => (newMemory(nearest, count)).fill(edge === "clamp" ? (nearest[0] as number) : beyond);

  let last: Float64Array | null = null;
  for await (const { table, length } of rows) {
    if (length === 0) continue;
    const array = columnOf(table, SINGLE).subarray(0, length) as Float64Array;
    if (last === null && edge !== "valid") yield* put(edges(array, before), true);
    last = array.slice(-1);
    yield* put(array, merged);
  }
  if (last !== null && edge !== "valid") yield* put(edges(last, behind), true);
  if (memory !== null && filled - next > span) yield windows(offsets, "valid", (memory as Float64Array).subarray(next, filled), filled - next, () => beyond);
}

function newMemory(like: AnyTypedArray, length: number): Float64Array {
  const element = elementTypeOf(like);
  if (element === undefined) throw new CompilerBug("windows of no typed array");
  return newArray(element, length) as Float64Array;
}

/** What stands at each place of so many elements; what is left over at the end is no chunk. */
async function* chunked(rows: Chunked, size: number, merged: boolean): Chunked {
  for await (const { table, length } of merged ? repieced(rows, size * Math.floor(PIECE / size)) : aligned(rows, size)) {
    const made = chunks(size, columnOf(table, SINGLE), length);
    if (made.length > 0) yield made;
  }
}

async function* flat(rows: Chunked, { columns, varied }: TableStep & { readonly kind: "flatten" }): Chunked {
  for await (const { table, length } of rows) {
    const total = flatLength(table, length, columns[0]?.from.length ?? 0, varied);
    if (total > 0) yield { table: new Map(columns.map(({ name, from }) => [name, flattened(table, from, length, total, varied)])), length: total };
  }
}

/** Rows side by side, as many as the shortest has; nothing more is read then. */
async function* zipped(rows: Chunked, others: readonly Rows[]): Chunked {
  const shortest = others.reduce((least, { length }) => Math.min(least, length), Infinity);
  let place = 0;
  for await (const chunk of sliced(rows, 0, shortest)) {
    const beside = others.flatMap((other, at) => onTheRight(partOf(other, place, place + chunk.length).table, at + 1));
    place += chunk.length;
    yield { table: new Map([...chunk.table, ...beside]), length: chunk.length };
  }
}

async function* concatenated(rows: Chunked, other: Rows): Chunked {
  yield* rows;
  yield other;
}
