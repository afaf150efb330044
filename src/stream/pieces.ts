/** Rows that come in chunks, cut and put together to the pieces that kernels are given. */
import { CompilerBug } from "../../fusion/errors.js";
import { BLOCK } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { canShrink } from "../backends/arrays.js";
import type { Encoding } from "../table/given.js";
import { tap, type Rows, type Tapped } from "../table/steps.js";
import type { Table } from "../table/table.js";

/** A power of two of blocks: what a piece is folded to is then a node of the canonical tree over all of them. */
export const PIECE = 64 * BLOCK;

/** `base`: its place in the sequence, where that is not known from what came before. */
export interface Chunk extends Rows {
  readonly base?: number;
}

/** Rows come one after another, each valid until the next is asked for; a generator that is left early closes those that it reads. */
export type Chunked = AsyncGenerator<Chunk, void, undefined>;

/** Only these columns: nobody reads the others. */
export async function* withColumns(chunks: Chunked, names: readonly string[]): Chunked {
  for await (const { table, length } of chunks) yield { table: new Map([...table].filter(([name]) => names.includes(name))), length };
}

/** The rows from place `start` to before `end` of all; what comes behind is not asked for. */
export async function* sliced(chunks: Chunked, start: number, end: number): Chunked {
  let place = 0;
  if (start >= end) return;
  for await (const { table, length } of chunks) {
    const [from, to] = [Math.max(0, start - place), Math.min(length, end - place)];
    place += length;
    if (from < to) yield partOf({ table, length }, from, to);
    if (place >= end) return;
  }
}

/** A view of a chunk's rows from one place to before another. */
export const partOf = ({ table, length }: Rows, from: number, to: number): Chunk => (from === 0 && to === length ? { table, length } : { table: views(table, from, to), length: to - from });

/** Calls a function with every row on its way, and its place. */
export async function* tapped(chunks: Chunked, f: Tapped, encoding: Encoding): Chunked {
  let base = 0;
  for await (const chunk of chunks) {
    tap(f, chunk, encoding, base);
    base += chunk.length;
    yield chunk;
  }
}

/** The last row of all. */
export async function* lastRow(chunks: Chunked): Chunked {
  let last: Chunk | null = null;
  for await (const chunk of chunks) if (chunk.length > 0) last = rowAt(chunk, chunk.length - 1, 0);
  if (last !== null) yield last;
}

/** One row of a chunk, `base` elements into the sequence, in memory of its own. */
export const rowAt = ({ table }: Rows, at: number, base: number): Chunk => ({ table: new Map([...table].map(([name, array]) => [name, array.slice(at, at + 1)])), length: 1, base: base + at });

/** No longer than a piece, in memory that does not shrink; otherwise as they come, empty ones left out. */
export async function* divided(chunks: Chunked): Chunked {
  for await (const { table, length } of chunks) {
    for (let from = 0; from < length; from += PIECE) {
      const to = Math.min(from + PIECE, length);
      yield { table: stable(views(table, from, to)), length: to - from };
    }
  }
}

/** Of a multiple of `unit` rows each, but for the last, and at most a piece; as soon as they are there. */
export const aligned = (chunks: Chunked, unit: number): Chunked => inUnits(chunks, unit, unit * Math.floor(PIECE / unit), false);

/** Of exactly `size` rows each, but for the last; put together in memory that is used again and again unless `fresh`. */
export const repieced = (chunks: Chunked, size = PIECE, fresh = false): Chunked => inUnits(chunks, size, size, fresh);

/** Of whole units, at most `most` rows, where they lie; what is not enough for one waits, and is put together in memory for one unit. */
async function* inUnits(chunks: Chunked, unit: number, most: number, fresh: boolean): Chunked {
  let staged: Table = new Map();
  let count = 0;
  for await (const { table, length } of chunks) {
    for (let from = 0; from < length; ) {
      const whole = count > 0 ? 0 : Math.min(most, length - from - ((length - from) % unit));
      if (whole > 0) {
        yield { table: stable(views(table, from, from + whole)), length: whole };
        from += whole;
        continue;
      }
      const some = Math.min(unit - count, length - from);
      staged = stage(staged, table, count, from, some, unit);
      from += some;
      count += some;
      if (count < unit) continue;
      count = 0;
      yield { table: staged, length: unit };
      if (fresh) staged = new Map();
    }
  }
  if (count > 0) yield { table: views(staged, 0, count), length: count };
}

/** Copies some rows to place `to` of memory for so many, which is made at first. */
function stage(staged: Table, table: Table, to: number, from: number, some: number, room: number): Table {
  const memory = staged.size > 0 ? staged : new Map([...table].map(([name, array]) => [name, sameArray(array, room)]));
  for (const [name, array] of table) (memory.get(name) as Float64Array).set((array as Float64Array).subarray(from, from + some), to);
  return memory;
}

/** Where they lie. */
export const views = (table: Table, from: number, to: number): Table => new Map([...table].map(([name, array]) => [name, array.subarray(from, to)]));

const stable = (table: Table): Table => ([...table.values()].some(canShrink) ? new Map([...table].map(([name, array]) => [name, canShrink(array) ? array.slice() : array])) : table);

function sameArray(array: AnyTypedArray, length: number): AnyTypedArray {
  const element = elementTypeOf(array);
  if (element === undefined) throw new CompilerBug("a column is no typed array");
  return newArray(element, length);
}
