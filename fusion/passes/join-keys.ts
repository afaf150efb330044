/** The keys of both sides of a join, as far as their types tell that they never match. */
import { isValidity } from "../columns.js";
import { QueryError } from "../errors.js";
import type { Columns } from "../query.js";
import type { ColumnType } from "../types.js";

const valuesOf = (keys: Columns): readonly (readonly [string, ColumnType])[] => [...keys].filter(([name]) => !isValidity(name));

/** Kernels know strings by number, so what is compared with them must be strings, too. Several fields go together by name. */
export function checkKeys(left: Columns, right: Columns): void {
  const [own, others] = [valuesOf(left), valuesOf(right)];
  own.forEach(([name, type], at) => {
    const other = own.length > 1 ? right.get(name) : others[at]?.[1];
    if (other === undefined || (type === "string") === (other === "string")) return;
    const [one, two] = type === "string" ? ["a string", "a number"] : ["a number", "a string"];
    throw new QueryError("DC305", `${own.length > 1 ? `${name} of the keys of a join` : "the key of a join"} is ${one} on the left and ${two} on the right, and so they are never the same`, "Give both keys values of one type.");
  });
}
