/** Stored queries: what JSON they are. A query's source is not stored, only what it must be. */
import type { BackendName } from "../backends/backend.js";
import type { StageJson } from "./verbs.js";
import type { TerminalJson } from "./terminals.js";

/** Of the format. A reader knows those up to its own. */
export const VERSION = 1;

/** A query, or with a terminal a lazy value, as `JSON.stringify` writes it and `fromJSON` reads it. */
export interface QueryJson extends ChainJson {
  readonly dotcompute: typeof VERSION;
  /** What the sources must be: the query's own first, then those of the queries that it joins, puts behind itself … */
  readonly sources: readonly SourceJson[];
  /** The captured arrays, each once. */
  readonly arrays?: readonly ArrayJson[];
  /** Of a lazy value. */
  readonly terminal?: TerminalJson;
}

/** A terminal among several, behind stages of its own. */
export interface BranchJson extends ChainJson {
  /** Of an aggregate's. */
  readonly name?: string;
  readonly terminal: TerminalJson;
}

/** A query that another one takes. */
export interface OtherJson extends ChainJson {
  /** The place of its source in `sources`. */
  readonly source: number;
}

export interface ChainJson {
  readonly stages: readonly StageJson[];
  readonly fastMath?: true;
  /** The backend that it insists on. */
  readonly on?: BackendName;
}

/** What a source must be. Columns with their arrays, in their order; those of strings are `string`. */
export type SourceJson = { readonly array: string } | { readonly range: true } | { readonly columns: readonly (readonly [name: string, array: string])[] };

/** A captured array: its elements' bytes, the least significant of each first. */
export interface ArrayJson {
  readonly array: string;
  readonly base64: string;
}

/** A value that a lambda is handed: what JSON cannot hold has a name. An array is a place in `arrays`. */
export type ValueJson = NumberJson | boolean | string | { readonly bigint: string } | { readonly array: number } | { readonly strings: readonly string[] } | { readonly function: string };
export type NumberJson = number | { readonly number: "NaN" | "Infinity" | "-Infinity" | "-0" };
export type CapturesJson = Readonly<Record<string, ValueJson>>;
