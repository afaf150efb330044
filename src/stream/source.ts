/** Streams as sources: chunks of typed arrays, or of columns, that an iterable gives one after another. */
import { QueryError, withArticle } from "../../fusion/errors.js";
import { shownNames, validColumn } from "../../fusion/columns.js";
import { SINGLE, type SequenceShape } from "../../fusion/query.js";
import { ELEMENTS, type ColumnType, type ElementType } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { checkConstructor } from "../query/arguments.js";
import { checkAttached, describe } from "../query/given.js";
import { Stream, type Elements, type TableOf, type TypedArray } from "../query/types.js";
import { arrayOfVector, isArrowTable, isVector, vectorOf } from "../arrow/read.js";
import { Nullable, NullableColumn } from "../table/nullable.js";
import { checkName } from "../table/source.js";
import { Strings } from "../table/strings.js";
import type { Rows } from "../table/steps.js";
import type { StringReader } from "./strings.js";

export type ChunkIterator = AsyncIterator<unknown> | Iterator<unknown>;
type Chunks = AsyncIterable<unknown> | Iterable<unknown>;

/** `stream(chunks, holds)`, checked. */
export function makeStream(chunks: unknown, holds: unknown): Stream<Elements | TableOf> {
  if (ArrayBuffer.isView(chunks)) throw new QueryError("DC301", `stream() takes an iterable of chunks, not ${describe(chunks)}`, "Hand an array to compute() as it is; a stream of one chunk is stream([array], Float64Array).");
  if (!isIterable(chunks)) throw new QueryError("DC301", `stream() takes an iterable of chunks, not ${describe(chunks)}`, "Pass an async iterable (a Readable, an async generator) or an iterable of typed arrays: stream(chunks, Float64Array).");
  return new Stream(chunks as Iterable<TypedArray>, holdsOf(holds));
}

const isIterable = (value: unknown): value is Chunks => typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);

function holdsOf(holds: unknown): SequenceShape {
  if (typeof holds === "function") return { columns: null, element: typeHeld(holds, "stream") };
  const columns = typeof holds === "object" && holds !== null && !(holds instanceof NullableColumn) ? Object.entries(holds) : [];
  if (columns.length > 0) return { columns: new Map(columns.flatMap(([name, held]) => columnsHeld(name, held))) };
  throw new QueryError("DC305", `stream() is told what its chunks hold by ${describe(holds)}`, "Name the arrays, and String for strings: stream(chunks, Float64Array), or stream(chunks, { price: Float64Array, carrier: String }).");
}

/** A column, and beside one with nulls where it has values. */
function columnsHeld(name: string, held: unknown): readonly (readonly [string, ColumnType])[] {
  checkName(name);
  if (!(held instanceof NullableColumn)) return [[name, typeHeld(held, "stream")]];
  return [[name, typeHeld(held.holds, "nullable")], [validColumn(name), "u8"]];
}

const typeHeld = (held: unknown, verb: string): ColumnType => (held === String ? "string" : checkConstructor(held, verb));

/** Iterables and iterators whose chunks have been, or are being, read. */
const read = new WeakSet<object>();

/** Begins to read. Throws QueryError where the chunks come only once and have been asked for before. */
export function openChunks({ chunks }: Stream<Elements | TableOf>): ChunkIterator {
  if (read.has(chunks)) throw readTwice();
  const iterator: ChunkIterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  if (read.has(iterator)) throw readTwice();
  read.add(iterator);
  if (givesOnce(chunks)) read.add(chunks);
  return iterator;
}

/** Streams of Node and of the web have new iterators for what is left. */
const givesOnce = (chunks: object): boolean => "pipe" in chunks || "getReader" in chunks;

const readTwice = (): QueryError =>
  new QueryError("DC301", "the stream has been read before, and its chunks come only once", "Make a new one for each run, or hand over an object whose [Symbol.asyncIterator]() begins anew.");

/** A chunk as a table: single values are a column of their own. Throws QueryError where it is not what the stream was said to hold. */
export function tableOfChunk(chunk: unknown, number: number, holds: SequenceShape, strings: StringReader): Rows {
  const which = `chunk ${number} of the stream`;
  if (holds.columns === null) {
    const { array } = columnIn(chunk, which, "", holds.element, false, strings);
    return { table: new Map([[SINGLE, array]]), length: array.length };
  }
  const shown = shownNames(holds.columns.keys());
  if (typeof chunk !== "object" || chunk === null || elementTypeOf(chunk) !== undefined || isVector(chunk)) {
    throw new QueryError("DC301", `${which} is ${describe(chunk)}, not an object of columns`, `Its chunks are said to hold ${shown.join(", ")}: yield { ${shown.join(", ")} }.`);
  }
  const table = new Map<string, AnyTypedArray>();
  let first: { readonly name: string; readonly length: number } | null = null;
  for (const name of shown) {
    const nulls = holds.columns.has(validColumn(name));
    const given = isArrowTable(chunk) ? vectorOf(chunk, name) : (chunk as Readonly<Record<string, unknown>>)[name];
    const { array, valid } = columnIn(given, which, name, holds.columns.get(name) as ColumnType, nulls, strings);
    first ??= { name, length: array.length };
    if (array.length !== first.length) throw new QueryError("DC308", `in ${which} the column ${first.name} has ${first.length} elements, but ${name} has ${array.length}`, "The columns of a chunk have one length: cut the longer one, with subarray().");
    table.set(name, array);
    if (nulls) table.set(validColumn(name), valid ?? new Uint8Array(array.length).fill(1));
  }
  return { table, length: first?.length ?? 0 };
}

/** A chunk's values, Arrow's and strings too, and where there are some: null where that need not be said. `nulls`: whether any may be missing. */
function columnIn(given: unknown, chunk: string, column: string, type: ColumnType, nulls: boolean, strings: StringReader): { readonly array: AnyTypedArray; readonly valid: Uint8Array | null } {
  const what = named(chunk, column);
  const values = type === "string" ? strings.read(given, what, remedyFor(column, "String")) : isVector(given) ? arrayOfVector(given, what) : given;
  const valid = values instanceof Nullable || values instanceof Strings ? values.valid : null;
  const place = nulls ? -1 : (valid?.indexOf(0) ?? -1);
  if (place >= 0) {
    const [example, held] = column === "" ? ["price", "Float64Array"] : [column, type === "string" ? "String" : ELEMENTS[type].array];
    throw new QueryError("DC308", `${what} has a null, at place ${place}, and the stream is said to hold none there`, `${column === "" ? "Name columns, which may have nulls" : "Say that there may be nulls"}: stream(chunks, { ${example}: nullable(${held}) }).`);
  }
  if (type === "string") return { array: (values as Strings).codes, valid };
  return { array: checkArray(values instanceof Nullable ? values.values : values, type, what, column), valid };
}

const named = (chunk: string, column: string): string => (column === "" ? chunk : `the column ${column} of ${chunk}`);

/** `column`: empty for chunks of single values. */
const remedyFor = (column: string, held: string): string => `Its chunks are said to hold ${held}s, stream(chunks, ${column === "" ? held : `{ ${column}: ${held} }`}): make the two agree.`;

function checkArray(value: unknown, element: ElementType, what: string, column: string): AnyTypedArray {
  const wanted = ELEMENTS[element].array;
  if (elementTypeOf(value) !== element) {
    const found = value === undefined && column !== "" ? "missing" : value instanceof Strings ? "a column of strings" : describe(value);
    throw new QueryError("DC301", `${what} is ${found}, not ${withArticle(wanted)}`, remedyFor(column, wanted));
  }
  checkAttached(value as AnyTypedArray, what);
  return value as AnyTypedArray;
}
