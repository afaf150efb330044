/** Checks of stored queries: they may come from anywhere, so every place that is not as it must be is named. */
import { QueryError } from "../../fusion/errors.js";
import { describe } from "../query/given.js";

export type Fields = Readonly<Record<string, unknown>>;

/** `path`: `stages[2].lambda`; empty for the whole. */
export const refused = (path: string, wanted: string, found: unknown): QueryError => malformed(path, `is ${describe(found)}, not ${wanted}`);

export const malformed = (path: string, what: string, options?: ErrorOptions): QueryError =>
  new QueryError("DC309", `${path === "" ? "the stored query" : `${path} of the stored query`} ${what}`, "Store queries with JSON.stringify(query), and read them with the same version of dotcompute or a later one.", options);

/** An object with these fields and no others; null for any. */
export function recordOf(json: unknown, path: string, known: readonly string[] | null, wanted: string): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json) || ArrayBuffer.isView(json)) throw refused(path, wanted, json);
  const unknown = known === null ? undefined : Object.keys(json).find(name => !known.includes(name));
  if (unknown !== undefined) throw malformed(path, `has a field ${JSON.stringify(unknown.slice(0, 40))}, which means nothing there: it has ${known?.join(", ") ?? ""}`);
  // A field is one of its own: nothing is inherited from a prototype.
  return Object.assign(Object.create(null) as Record<string, unknown>, Object.fromEntries(Object.entries(json)));
}

export function listOf(json: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(json)) throw refused(path, "a list", json);
  // Holes are undefined.
  return Array.from(json);
}

export function textIn(json: unknown, path: string): string {
  if (typeof json !== "string") throw refused(path, "a text", json);
  return json;
}
