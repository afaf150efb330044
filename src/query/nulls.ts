/** The verbs that take nulls out of columns. */
import { shownNames, validColumn } from "../../fusion/columns.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { Columns } from "../../fusion/query.js";
import { ELEMENTS, type ColumnType } from "../../fusion/types.js";
import { checkColumn, fitsElement } from "./arguments.js";
import type { BoundQuery } from "./bound.js";
import { NO_VALUES } from "./captures.js";
import { describe } from "./given.js";
import { nullsStage } from "./stages.js";
import type { Capture } from "./types.js";
import { withStage } from "./verbs.js";

const nullable = (columns: Columns): readonly string[] => shownNames(columns.keys()).filter(name => columns.has(validColumn(name)));

/** `names`: none for all columns with nulls. */
export function dropNulls(bound: BoundQuery, names: readonly unknown[]): BoundQuery {
  const columns = bound.shape.columns as Columns;
  for (const name of names) checkColumn(name, columns);
  const dropped = names.length === 0 ? nullable(columns) : (names as readonly string[]).filter(name => columns.has(validColumn(name)));
  return withStage(bound, nullsStage(bound.shape, dropped, null), NO_VALUES);
}

export function fillNulls(bound: BoundQuery, values: unknown): BoundQuery {
  const columns = bound.shape.columns as Columns;
  if (typeof values !== "object" || values === null || Array.isArray(values)) throw new QueryError("DC305", `fillNulls() takes values by column, not ${describe(values)}`, `Write .fillNulls({ ${nullable(columns)[0] ?? "price"}: 0 }).`);
  for (const name of Object.keys(values)) checkColumn(name, columns);
  const filled = Object.entries(values).filter(([name]) => columns.has(validColumn(name)));
  const fills = filled.map(([name, value]) => checkFill(name, value, columns.get(name) as ColumnType));
  return withStage(bound, nullsStage(bound.shape, filled.map(([name]) => name), fills), fills);
}

/** What nulls become must be what the column holds. */
function checkFill(name: string, value: unknown, element: ColumnType): Capture {
  if (element === "string") {
    if (typeof value === "string") return value;
    throw new QueryError("DC305", `fillNulls() is given ${describe(value)} for ${name}, a column of strings`, `Give a string: .fillNulls({ ${name}: "none" }).`);
  }
  const { array, integer, low, high } = ELEMENTS[element];
  const refused = (what: string, remedy: string): QueryError => new QueryError("DC305", `fillNulls() is given ${what} for ${name}, ${withArticle(array)}`, remedy);
  if (element === "i64" || element === "u64") {
    if (typeof value === "bigint" && fitsElement(value, element)) return value;
    throw refused(describe(value), "Give a BigInt that fits: 0n.");
  }
  const number = element === "u8" && typeof value === "boolean" ? Number(value) : value;
  if (typeof number !== "number") throw refused(describe(value), "Give a number.");
  if (integer && (!Number.isInteger(number) || number < low || number > high)) throw refused(String(number), `Give a whole number from ${low} to ${high}, or widen the column first: .map(r => ({ ...r, ${name}: r.${name} ?? ${number} })).`);
  return number;
}
