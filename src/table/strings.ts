/** Columns of strings, as they are handed over and given back. */
import { QueryError } from "../../fusion/errors.js";
import { describe } from "../query/given.js";
import { Dictionary } from "./dictionary.js";

/** A column of strings, encoded: what `strings` makes, to be handed to `compute` again and again. */
export class Strings<V extends string | null = string | null> {
  /** For types alone: it does not exist. */
  declare readonly gives?: V;

  /** @internal */
  constructor(
    /** @internal */
    readonly codes: Uint32Array,
    /** @internal 1 where there is a string, 0 where there is null; null where there always is one. */
    readonly valid: Uint8Array | null,
    /** @internal */
    readonly dictionary: Dictionary,
  ) {}

  get length(): number {
    return this.codes.length;
  }

  /** The string of a row, or null. */
  at(row: number): V {
    return (this.valid?.[row] === 0 ? null : this.dictionary.at(this.codes[row] as number)) as V;
  }

  /** The strings, and nulls among them, as a plain array. */
  toArray(): V[] {
    const { codes, valid } = this;
    const { strings } = this.dictionary;
    const array = new Array<string | null>(codes.length);
    for (let at = 0; at < codes.length; at += 1) array[at] = valid !== null && valid[at] === 0 ? null : (strings[codes[at] as number] as string);
    return array as V[];
  }

  get [Symbol.toStringTag](): string {
    return "Strings";
  }
}

/** Strings and nulls by their codes, as they are now. `what`: the array, for messages. */
export function encoded(values: readonly unknown[], dictionary: Dictionary, what: string): Strings {
  const { length } = values;
  const codes = new Uint32Array(length);
  let valid: Uint8Array | null = null;
  for (let at = 0; at < length; at += 1) {
    const value = values[at];
    if (typeof value === "string") codes[at] = dictionary.codeOf(value);
    else if (value === null || value === undefined) (valid ??= new Uint8Array(length).fill(1))[at] = 0;
    else throw notAString(value, `element ${at} of ${what}`);
  }
  return new Strings(codes, valid, dictionary);
}

const notAString = (value: unknown, what: string): QueryError =>
  new QueryError("DC301", `${what} is ${describe(value)}, not a string`, "A plain array holds strings and nulls: turn others into strings first, or leave them out.");

/** `strings`, checked. */
export function makeStrings(values: unknown): Strings {
  if (!Array.isArray(values)) throw new QueryError("DC301", `strings() takes an array of strings, not ${describe(values)}`, 'Write strings(["AA", "UA", null]).');
  return encoded(values, new Dictionary(), "the array given to strings()");
}
