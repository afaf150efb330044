/** Tables as they are given back: columns with their nulls. */
import { isValidity, shownName, validColumn } from "../../fusion/columns.js";
import type { Column } from "../query/types.js";
import { Nullable } from "./nullable.js";
import type { Table } from "./table.js";

export const givenColumns = (table: Table): readonly (readonly [string, Column])[] =>
  [...table].flatMap(([name, array]) => {
    if (isValidity(name)) return [];
    const valid = table.get(validColumn(name));
    return [[shownName(name), valid === undefined ? array : new Nullable(array, valid as Uint8Array)] as const];
  });
