/** Tables as they are given back: columns with their nulls. */
import { isValidity, shownName, validColumn } from "../../fusion/columns.js";
import type { Columns } from "../../fusion/query.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { Dictionary } from "./dictionary.js";
import { Nullable } from "./nullable.js";
import { Strings } from "./strings.js";
import type { Table } from "./table.js";

/** A column as callers know it, but that strings are still encoded. */
export type GivenColumn = AnyTypedArray | Nullable | Strings;
export type GivenColumns = readonly (readonly [string, GivenColumn])[];

/** Which columns of a table are codes of strings, and of which strings. */
export interface Encoding {
  readonly columns: Columns;
  readonly dictionary: Dictionary;
}

/** `encoding`: null for a table without strings. */
export const givenColumns = (table: Table, encoding: Encoding | null): GivenColumns =>
  [...table].flatMap(([name, array]): GivenColumns => {
    if (isValidity(name)) return [];
    const valid = table.get(validColumn(name)) as Uint8Array | undefined;
    if (encoding?.columns.get(name) === "string") return [[shownName(name), new Strings(array as Uint32Array, valid ?? null, encoding.dictionary)]];
    return [[shownName(name), valid === undefined ? array : new Nullable(array, valid)]];
  });
