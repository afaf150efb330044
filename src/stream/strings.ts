/** The strings of a stream: one dictionary for the whole run, which grows by what is new in each chunk, so that a code stays what it is. */
import { QueryError } from "../../fusion/errors.js";
import { arrayOfVector, isVector } from "../arrow/read.js";
import { describe } from "../query/given.js";
import { translated, type Dictionary } from "../table/dictionary.js";
import { encoded, Strings } from "../table/strings.js";

/** Reads the columns of strings of one chunk after another. */
export class StringReader {
  /** What codes of dictionaries that chunks have in common are in that of the run: batches of Arrow share theirs. */
  private readonly known = new WeakMap<Dictionary, { readonly size: number; readonly to: Uint32Array | null }>();

  constructor(readonly dictionary: Dictionary) {}

  /** `what`: the column and its chunk, for messages; `remedy`: what to do where it holds anything else. */
  read(given: unknown, what: string, remedy: string): Strings {
    const values = isVector(given) ? arrayOfVector(given, what) : given;
    if (Array.isArray(values)) return encoded(values, this.dictionary, what);
    if (values instanceof Strings) return new Strings(translated(values.codes, this.codesOf(values.dictionary)), values.valid, this.dictionary);
    throw new QueryError("DC301", `${what} is ${values === undefined ? "missing" : describe(values)}, not an array of strings`, remedy);
  }

  private codesOf(other: Dictionary): Uint32Array | null {
    const before = this.known.get(other);
    if (before?.size === other.size) return before.to;
    const to = this.dictionary.codesOf(other);
    this.known.set(other, { size: other.size, to });
    return to;
  }
}
