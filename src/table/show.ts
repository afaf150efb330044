/** What happens to tables between kernels, in words. */
import { isValidity, validColumn } from "../../fusion/columns.js";
import type { Columns, KeptPart, TableStep } from "../../fusion/query.js";
import { typeInWords, type ColumnType } from "../../fusion/types.js";

/** What a column holds. */
export const columnInWords = (columns: Columns, name: string): string => `${typeInWords(columns.get(name) as ColumnType)}${columns.has(validColumn(name)) ? " with nulls" : ""}`;

/** `limit`: how many rows of a sort are wanted. `native`: whether the addon moves rows. */
export function showStep(step: TableStep, limit: number, native: boolean): string {
  const here = "on the calling thread";
  const moved = `${here}, ${native ? "native" : "as JavaScript"}`;
  switch (step.kind) {
    case "keep":
      return `keep: ${KEPT[step.part]}, views, nothing is copied, ${here}`;
    case "slice":
      return `slice: views, nothing is copied, ${here}`;
    case "chunk":
      return `chunk: copies what stands at each of ${step.size} places to a column, without what is left over at the end, ${here}`;
    case "window":
      return step.edge === "valid" ? `window: views at ${step.offsets.length} offsets, nothing is copied, ${here}` : `window: views at ${step.offsets.length} offsets of a copy with what stands beyond its ends, ${here}`;
    case "reverse":
      return `reverse: copies, ${moved}`;
    case "distinct":
      return `distinct: a hash table, ${moved}`;
    case "flatten":
      return step.varied ? `flatMap: counts what the lists hold, and copies it, ${here}` : `flatMap: copies the places of the lists between one another, ${here}`;
    case "tap":
      return `tap: calls the function with every element, ${here}`;
    case "concat":
      return `concat: runs the other query and copies, ${here}`;
    case "zip":
      return `zip: runs the other quer${step.others === 1 ? "y" : "ies"}; views, nothing is copied, ${here}`;
    case "join":
      return `${step.outer ? "leftJoin" : "join"}: runs the other query, then a hash table of its keys, ${moved}`;
    case "groupJoin":
      return `groupJoin: runs the other query's groups, then a hash table of their keys, ${moved}`;
    case "match":
      return `${step.keep ? "semiJoin" : "antiJoin"}: runs the other query's keys, then a hash table of them, ${moved}`;
    case "set":
      return `${step.verb}: runs the other query, then a hash table of both, ${moved}`;
    case "sort": {
      const count = step.keys.filter(({ column }) => !isValidity(column)).length;
      const keys = count === 1 ? "one key" : `${count} keys`;
      return step.limit === null ? `sort: a stable radix sort by ${keys}, ${moved}` : `top ${limit} of a stable order by ${keys}: candidates are sorted, all rows only where many are wanted, ${moved}`;
    }
    case "group": {
      const shown = step.aggregates.filter(({ name }) => !isValidity(name)).map(({ name, terminal }) => `${name} (${terminal})`);
      return `group: a hash table and a counting sort, then ${shown.join(", ")} of each group by itself, ${moved}`;
    }
    default:
      return step satisfies never;
  }
}

const KEPT: Readonly<Record<KeptPart, string>> = {
  head: "the first row",
  tail: "the last row",
  at: "the row that was found",
  through: "the rows up to the one that was found",
  before: "what lies before the place that was found",
  from: "what lies behind the place that was found, and there",
};
