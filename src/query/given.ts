/** What callers hand over: how messages call it, and arrays that are gone. */
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { AnyTypedArray } from "../../fusion/values.js";

/** Throws QueryError DC307 if the array's buffer was detached, or has shrunk so that the array no longer fits in it. */
export function checkAttached(array: AnyTypedArray, what: string, remedy = "Run it before the buffer is transferred, or hand over a copy: array.slice()."): void {
  if (array.length === 0 && isGone(array)) {
    throw new QueryError(
      "DC307",
      `${what}, ${withArticle(array[Symbol.toStringTag])}, has lost its buffer: it was transferred elsewhere, or has become too short`,
      remedy,
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
    default:
      return describeObject(value);
  }
}

function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return "an array";
    const name = Object.prototype.toString.call(value).slice(8, -1);
    const maker = (value as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
    const shown = name === "Object" && typeof maker === "string" && maker !== "" ? maker : name;
    return shown === "Object" ? "an object" : withArticle(shown);
  } catch {
    // A proxy answers as it likes, and one that was revoked not at all.
    return "an object";
  }
}
