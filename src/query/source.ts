/** What a query reads: classifies what `compute` was given and gives its elements when a terminal runs. */
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { ElementType } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { Range } from "./types.js";

/** A source whose kind has been checked. Its elements and its length are read when a terminal runs. */
export type BoundSource =
  | { readonly kind: "array"; readonly element: ElementType; readonly array: AnyTypedArray }
  /** Copied into a Float64Array by every run. */
  | { readonly kind: "numbers"; readonly element: "f64"; readonly array: readonly unknown[] }
  | { readonly kind: "range"; readonly element: "f64"; readonly length: number };

const REMEDY = "Pass a typed array, an array of numbers, or range(n): compute(Float64Array.from(values)).";

export function bindSource(source: unknown): BoundSource {
  const element = elementTypeOf(source);
  if (element !== undefined) return { kind: "array", element, array: source as AnyTypedArray };
  if (Array.isArray(source)) return { kind: "numbers", element: "f64", array: source };
  if (source instanceof Range) return { kind: "range", element: "f64", length: source.length };
  throw new QueryError("DC301", `compute() cannot read ${describe(source)}`, remedyFor(source));
}

/** `range(n)`, checked. */
export function makeRange(length: unknown): Range {
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 0) {
    throw new QueryError("DC305", `range() takes a whole number of elements, not ${describe(length)}`, "Write range(1000) for 0, 1, 2 … 999.");
  }
  return new Range(length);
}

/** How many elements there are now. Throws QueryError where the array is gone. */
export function sourceLength(source: BoundSource): number {
  switch (source.kind) {
    case "range":
      return source.length;
    case "numbers":
      return source.array.length;
    case "array":
      checkAttached(source.array, "the source");
      return source.array.length;
    default:
      return source satisfies never;
  }
}

/** The elements as they are now; null for a range. */
export function readSource(source: BoundSource): AnyTypedArray | null {
  switch (source.kind) {
    case "range":
      return null;
    case "numbers":
      return copyNumbers(source.array);
    case "array":
      checkAttached(source.array, "the source");
      return source.array;
    default:
      return source satisfies never;
  }
}

/** Throws QueryError DC307 if the array's buffer was detached, or has shrunk so that the array no longer fits in it. */
export function checkAttached(array: AnyTypedArray, what: string): void {
  if (array.length === 0 && isGone(array)) {
    throw new QueryError(
      "DC307",
      `${what}, ${withArticle(array[Symbol.toStringTag])}, has lost its buffer: it was transferred elsewhere, or has become too short`,
      "Run the query before the buffer is transferred, or hand over a copy: compute(array.slice()).",
    );
  }
}

/** Every array method says so of an array whose buffer is detached or too short; an empty array is neither. */
export function isGone(array: AnyTypedArray): boolean {
  try {
    array.keys();
    return false;
  } catch {
    return true;
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
  if (typeof source === "object" && source !== null && Symbol.iterator in source) return "Collect it first: compute(Float64Array.from(iterable)).";
  return REMEDY;
}

/** As `describe`, but shows what a string says: for names of which there are few. */
export const quote = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : describe(value));

/** How messages name a value of a wrong kind. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  switch (typeof value) {
    case "number":
    case "boolean":
      return String(value);
    case "bigint":
      return `${value}n`;
    case "string":
      return "a string";
    case "symbol":
      return "a symbol";
    case "function":
      return "a function";
    default: {
      if (Array.isArray(value)) return "an array";
      const name = Object.prototype.toString.call(value).slice(8, -1);
      const maker = (value as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
      const shown = name === "Object" && typeof maker === "string" && maker !== "" ? maker : name;
      return shown === "Object" ? "an object" : withArticle(shown);
    }
  }
}
