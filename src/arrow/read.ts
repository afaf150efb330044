/**
 * Apache Arrow's tables, record batches and vectors as columns. They are known by what they are made of, so the package itself is not
 * imported, and may be any version that lays its data out so. Arrow's data never changes, so it is read when a query is made: as views
 * where a vector has one chunk, and else as a copy of all chunks behind one another.
 */
import { QueryError } from "../../fusion/errors.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { Nullable, unpacked } from "../table/nullable.js";
import type { Strings } from "../table/strings.js";
import { placesOf, textsOf, type TextChunk } from "./text.js";

/** A chunk. `values` begins at the chunk's first element, but bits (`nullBitmap`, and the values of booleans) at `offset`. */
interface Chunk {
  readonly length: number;
  readonly offset: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array | null;
  readonly values: unknown;
  /** Of a chunk of places: what they are places in. */
  readonly dictionary?: unknown;
}

export interface ArrowVector {
  readonly type: unknown;
  readonly length: number;
  readonly data: readonly unknown[];
}

/** A table or a record batch. */
export interface ArrowTable {
  readonly schema: { readonly fields: readonly { readonly name: PropertyKey }[] };
  readonly numRows: number;
  getChildAt(index: number): unknown;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

export const isVector = (value: unknown): value is ArrowVector => isObject(value) && Array.isArray(value["data"]) && isObject(value["type"]) && "typeId" in value["type"] && typeof value["length"] === "number";

export const isArrowTable = (value: unknown): value is ArrowTable => isObject(value) && isObject(value["schema"]) && Array.isArray(value["schema"]["fields"]) && typeof value["getChildAt"] === "function";

export function columnsOfArrow(table: ArrowTable): Readonly<Record<string, unknown>> {
  const names = table.schema.fields.map(({ name }) => String(name));
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new QueryError("DC301", `the Arrow table has two columns called ${twice}`, "Choose its columns by their places, and name them: compute({ a: table.getChildAt(0), b: table.getChildAt(1) }).");
  return Object.fromEntries(names.map((name, at) => [name, table.getChildAt(at)]));
}

/** The column of this name; undefined if there is none. */
export function vectorOf(table: ArrowTable, name: string): unknown {
  const at = table.schema.fields.findIndex(field => field.name === name);
  return at < 0 ? undefined : table.getChildAt(at);
}

/** Arrow's numbers for its types. Dates, times, timestamps and durations are the integers that they are stored as. */
const BOOL = 6;
const FLOAT = 3;
const UTF8 = 5;
const LARGE_UTF8 = 20;
const DICTIONARY = -1;
const STORED_AS_THEY_ARE: readonly unknown[] = [2, FLOAT, 8, 9, 10, 18];

/** `what`: the vector, for messages. */
export function arrayOfVector(vector: ArrowVector, what: string): AnyTypedArray | Nullable | Strings {
  const type = vector.type as { readonly typeId: unknown; readonly precision?: unknown; readonly dictionary?: { readonly typeId: unknown } };
  if (isText(type.typeId) || (type.typeId === DICTIONARY && isText(type.dictionary?.typeId))) return stringsOfVector(vector, what);
  const half = type.typeId === FLOAT && type.precision === 0;
  if (type.typeId !== BOOL && (half || !STORED_AS_THEY_ARE.includes(type.typeId))) {
    throw new QueryError("DC301", `${what} is an Arrow vector of the type ${String(vector.type)}, which no column can hold`, "Columns hold integers and floats of up to 64 bits, booleans, text, dates, times and timestamps: leave it out, table.select([…]), or convert it first.");
  }
  const chunks = vector.data as readonly Chunk[];
  const values = joined(chunks.map(chunk => valuesOf(chunk, type.typeId === BOOL)), vector);
  const valid = validityOf(chunks, vector);
  return valid === null ? values : new Nullable(values, valid);
}

const isText = (typeId: unknown): boolean => typeId === UTF8 || typeId === LARGE_UTF8;

function stringsOfVector(vector: ArrowVector, what: string): Strings {
  const chunks = vector.data as readonly Chunk[];
  const valid = validityOf(chunks, vector);
  if ((vector.type as { readonly typeId: unknown }).typeId !== DICTIONARY) return textsOf(chunks as unknown as readonly TextChunk[], valid);
  const places = chunks.map(({ length, values, dictionary }) => ({ length, places: values as AnyTypedArray, dictionary: dictionary as object }));
  return placesOf(places, valid, dictionary => arrayOfVector(dictionary as ArrowVector, `the dictionary of ${what}`) as Strings);
}

/** Null where there are no nulls. */
const validityOf = (chunks: readonly Chunk[], vector: ArrowVector): Uint8Array | null =>
  chunks.every(({ nullCount }) => nullCount === 0) ? null : (joined(chunks.map(validOf), vector) as Uint8Array);

/** A view of a chunk's values, without what pads its buffer; booleans are a bit each, so they are unpacked. */
function valuesOf({ values, offset, length }: Chunk, bits: boolean): AnyTypedArray {
  return bits ? unpacked(values as Uint8Array, offset, length) : (values as AnyTypedArray).subarray(0, length);
}

function validOf({ nullBitmap, nullCount, offset, length }: Chunk): Uint8Array {
  if (nullCount > 0 && nullBitmap !== undefined && nullBitmap !== null && nullBitmap.length > 0) return unpacked(nullBitmap, offset, length);
  return new Uint8Array(length).fill(nullCount > 0 ? 0 : 1);
}

function joined(chunks: readonly AnyTypedArray[], { length }: ArrowVector): AnyTypedArray {
  const [first, ...more] = chunks;
  if (first === undefined) return new Float64Array(0);
  if (more.length === 0) return first;
  const whole = newArray(elementTypeOf(first) ?? "f64", length) as Float64Array;
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk as Float64Array, at);
    at += chunk.length;
  }
  return whole;
}
