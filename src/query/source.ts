/** What a query reads: classifies what `compute` was given and gives its elements when a terminal runs. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import type { SourceShape } from "../../fusion/query.js";
import type { ColumnType, ElementType } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { arrayOfVector, isVector, type ArrowVector } from "../arrow/read.js";
import { Buffer } from "../memory/buffer.js";
import { Dictionary, translated } from "../table/dictionary.js";
import { Nullable } from "../table/nullable.js";
import { encoded, Strings } from "../table/strings.js";
import { checkAttached, describe } from "./given.js";
import { bindTable, hasRows, tableLength, type TableSource } from "../table/source.js";
import { Range, Repeat, Stream, type Elements, type TableOf } from "./types.js";

/** A source whose kind has been checked. Its elements and its length are read when a terminal runs. */
export type BoundSource =
  /** Strings as the codes that they have in a dictionary. */
  | { readonly kind: "array"; readonly element: ColumnType; readonly array: AnyTypedArray; readonly dictionary: Dictionary | null }
  /** Copied into a Float64Array by every run. */
  | { readonly kind: "numbers"; readonly element: "f64"; readonly array: readonly unknown[] }
  | { readonly kind: "buffer"; readonly element: ElementType; readonly buffer: Buffer }
  /** `mapped`: its elements are what the first stage, which is its own, makes of the places. */
  | { readonly kind: "range"; readonly element: "f64"; readonly length: number; readonly mapped: boolean }
  | { readonly kind: "stream"; readonly stream: Stream<Elements | TableOf> }
  | TableSource;

const REMEDY = "Pass a typed array, an array of numbers, columns, or range(n): compute(Float64Array.from(values)), compute({ price, quantity }).";

export function bindSource(source: unknown): BoundSource {
  const element = elementTypeOf(source);
  if (element !== undefined) return { kind: "array", element, array: source as AnyTypedArray, dictionary: null };
  if (source instanceof Strings) return bindStrings(source as Strings, "the source");
  if (Array.isArray(source) && typeof firstThere(source) === "string") return bindStrings(encoded(source as readonly unknown[], new Dictionary(), "the source"), "the source");
  if (Array.isArray(source) && !hasRows(source)) return { kind: "numbers", element: "f64", array: source };
  if (source instanceof Buffer) return bindBuffer(source as Buffer);
  if (source instanceof Stream) return { kind: "stream", stream: source as Stream<Elements | TableOf> };
  if (isVector(source)) return bindVector(source);
  const table = bindTable(source);
  if (table !== null) return table;
  if (source instanceof Range) return { kind: "range", element: "f64", length: source.length, mapped: source.start !== 0 || source.step !== 1 };
  if (source instanceof Repeat) return { kind: "range", element: "f64", length: source.length, mapped: true };
  throw new QueryError("DC301", `compute() cannot read ${describe(source)}`, remedyFor(source));
}

const bindBuffer = (buffer: Buffer): BoundSource => ({ kind: "buffer", element: buffer.storage.element, buffer });

/** The first value of a list that begins with nulls; as a rule the first one. */
const firstThere = (list: readonly unknown[]): unknown => (list[0] ?? null) === null ? list.find(value => (value ?? null) !== null) : list[0];

/** Single values have no nulls. */
function bindVector(vector: ArrowVector): BoundSource {
  const array = arrayOfVector(vector, "the source");
  if (array instanceof Strings) return bindStrings(array, "the source");
  if (array instanceof Nullable) throw new QueryError("DC301", "the source is an Arrow vector with nulls, and only columns may have nulls", "Make it a column: compute({ x: vector }).dropNulls().column(\"x\").");
  return { kind: "array", element: elementTypeOf(array) as ElementType, array, dictionary: null };
}

function bindStrings({ codes, valid, dictionary }: Strings, what: string): BoundSource {
  if (valid !== null) throw new QueryError("DC301", `${what} has nulls among its strings, and only columns may have nulls`, 'Make it a column: compute({ x: strings }).dropNulls().column("x").');
  return { kind: "array", element: "string", array: codes, dictionary };
}

/** What a plan needs to know of a source. */
export function shapeOfSource(source: BoundSource): SourceShape {
  switch (source.kind) {
    case "range":
      return { kind: "range" };
    case "array":
    case "numbers":
    case "buffer":
      return { kind: "array", element: source.element };
    case "columns":
    case "rows":
      return { kind: "columns", columns: source.columns };
    case "stream": {
      const { holds } = source.stream;
      return holds.columns === null ? { kind: "array", element: holds.element } : { kind: "columns", columns: holds.columns };
    }
    default:
      return source satisfies never;
  }
}

/** The strings of a source that is encoded before it is read. */
export const dictionaryOf = (source: BoundSource): Dictionary | null => (source.kind === "array" || source.kind === "columns" ? source.dictionary : null);

/** How many elements there are now; of a stream nobody knows. Throws QueryError where the array is gone. */
export function sourceLength(source: BoundSource): number {
  switch (source.kind) {
    case "range":
      return source.length;
    case "numbers":
      return source.array.length;
    case "array":
      checkAttached(source.array, "the source");
      return source.array.length;
    case "buffer":
      source.buffer.check();
      return source.buffer.length;
    case "columns":
    case "rows":
      return tableLength(source);
    case "stream":
      throw new CompilerBug("a stream was asked for its length");
    default:
      return source satisfies never;
  }
}

/** The elements as they are now; null for a range. Strings have the codes of the run's dictionary. `owner`: of a run that may go to a device: see Buffer.view. */
export function readSource(source: BoundSource, dictionary: Dictionary, owner: object | null = null): AnyTypedArray | null {
  switch (source.kind) {
    case "range":
      return null;
    case "numbers":
      return copyNumbers(source.array);
    case "array":
      checkAttached(source.array, "the source");
      return source.dictionary === null ? source.array : translated(source.array as Uint32Array, dictionary.codesOf(source.dictionary));
    case "buffer":
      return source.buffer.view(owner);
    case "columns":
    case "rows":
    case "stream":
      return null;
    default:
      return source satisfies never;
  }
}

function copyNumbers(array: readonly unknown[]): Float64Array {
  const copy = new Float64Array(array.length);
  for (let at = 0; at < array.length; at += 1) {
    const value = array[at];
    if (typeof value !== "number") {
      const found = at in array ? describe(value) : "a hole";
      throw new QueryError(
        "DC301",
        `element ${at} of the source array is ${found}, not a number`,
        typeof value === "bigint" ? "For BigInts use compute(BigInt64Array.from(array))." : "An array given to compute() must hold numbers only.",
      );
    }
    copy[at] = value;
  }
  return copy;
}

function remedyFor(source: unknown): string {
  if (ArrayBuffer.isView(source)) return "Wrap its buffer in a typed array: compute(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).";
  if (source instanceof ArrayBuffer || (typeof SharedArrayBuffer !== "undefined" && source instanceof SharedArrayBuffer)) {
    return "Wrap it in a typed array that says what it holds: compute(new Float64Array(buffer)).";
  }
  if (typeof source === "number") return "For 0, 1, 2 … n - 1 write compute(range(n)).";
  if (typeof source === "object" && source !== null && "bound" in source) return REMEDY;
  if (typeof source === "object" && source !== null && Symbol.asyncIterator in source) return "Say what its chunks hold: compute(stream(iterable, Float64Array)).";
  if (typeof source === "object" && source !== null && Symbol.iterator in source) return "Collect it first: compute(Float64Array.from(iterable)).";
  return REMEDY;
}

/** Whether two sources are the same arrays, or the same stream. */
export function isSameSource(one: BoundSource, other: BoundSource): boolean {
  if (one === other) return true;
  switch (one.kind) {
    case "array":
    case "numbers":
      return "array" in other && one.array === other.array;
    case "buffer":
      return other.kind === "buffer" && one.buffer === other.buffer;
    case "rows":
      return other.kind === "rows" && one.rows === other.rows;
    case "columns":
      return other.kind === "columns" && isSameList([...one.table], [...other.table]) && isSameList([...(one.buffers ?? [])], [...(other.buffers ?? [])]);
    case "stream":
      return other.kind === "stream" && one.stream === other.stream;
    case "range":
      return false;
    default:
      return one satisfies never;
  }
}

type Entries = readonly (readonly [string, AnyTypedArray | Buffer])[];

/** The same in the same order. */
const isSameList = (one: Entries, other: Entries): boolean => one.length === other.length && one.every(([name, array], at) => other[at]?.[0] === name && other[at][1] === array);
