/** Nulls where rows are moved: rows whose key is null match none, and aggregates leave null out. */
import { isValidity } from "../../fusion/columns.js";
import type { ElementType } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { Codes } from "./codes.js";
import { aggregated, rowsAt, spreadOf, type GroupValues, type Moving, type SpreadValues } from "./move.js";
import { elementsOr, NONE, type Table } from "./table.js";

interface Sides {
  readonly left: readonly AnyTypedArray[];
  readonly right: readonly AnyTypedArray[];
}

/** Keys of both sides, and, where key columns have validities, one more that keeps rows with a null from those of the other side. */
export function withoutNulls(keys: Sides, left: Table, right: Table): Sides {
  const [leftApart, rightApart] = [nullsOf(left, 1), nullsOf(right, 2)];
  return leftApart === null && rightApart === null ? keys : { left: [...keys.left, leftApart ?? zeros(left)], right: [...keys.right, rightApart ?? zeros(right)] };
}

const zeros = (table: Table): Uint8Array => new Uint8Array([...table.values()][0]?.length ?? 0);

/** `mark` in rows of which some column is null, 0 in others; null where no column has nulls. */
function nullsOf(table: Table, mark: number): Uint8Array | null {
  const valid = [...table].flatMap(([name, array]) => (isValidity(name) ? [array] : []));
  if (valid.length === 0) return null;
  const marks = zeros(table);
  for (const array of valid) for (let at = 0; at < array.length; at += 1) if (array[at] === 0) marks[at] = mark;
  return marks;
}

/** What groups come to without the rows in which `valid` is 0; `nothing` is what a group without others comes to. */
export function* aggregatedPresent({ codes, firsts }: Codes, wanted: (GroupValues & { readonly values: AnyTypedArray }) | SpreadValues, valid: AnyTypedArray, element: ElementType): Moving<AnyTypedArray> {
  const numbers = new Uint32Array(firsts.length).fill(NONE);
  const [places, kept] = [new Uint32Array(codes.length), new Uint32Array(codes.length)];
  let [rows, count] = [0, 0];
  for (let at = 0; at < codes.length; at += 1) {
    if (valid[at] === 0) continue;
    const code = codes[at] as number;
    if (numbers[code] === NONE) numbers[code] = count++;
    places[rows] = at;
    kept[rows] = numbers[code] as number;
    rows += 1;
  }
  const present = yield* rowsAt(new Map([["values", wanted.values]]), places.subarray(0, rows));
  const [groups, left] = [{ codes: kept.slice(0, rows), firsts: new Uint32Array(count) }, present.get("values") as AnyTypedArray];
  const [results] = "argument" in wanted ? yield* spreadOf(groups, [{ ...wanted, values: left }]) : yield* aggregated(groups, [{ ...wanted, values: left }]);
  const big = element === "i64" || element === "u64";
  return elementsOr(wanted.terminal === "average" || "argument" in wanted ? NaN : big ? 0n : 0, element, results as AnyTypedArray, numbers);
}
