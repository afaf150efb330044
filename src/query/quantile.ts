/** Medians and quantiles, as terminals. */
import { QueryError } from "../../fusion/errors.js";
import { elementTypeOf } from "../../fusion/values.js";
import { onSource, type BoundQuery } from "./bound.js";
import { NO_VALUES } from "./captures.js";
import { describe } from "./given.js";
import { LazyValue } from "./lazy.js";
import type { Capture } from "./types.js";

/** `quantiles`: what is between 0 and 1, or several in an array; nothing for a median. */
export function quantileValue<T>(query: BoundQuery, kind: "median" | "quantile", quantiles: readonly Capture[] = NO_VALUES): LazyValue<T> {
  const { element, columns } = query.shape;
  if (columns === null && (element === "i64" || element === "u64")) {
    const call = kind === "median" ? "median()" : "quantile(0.9)";
    throw new QueryError("DC306", `BigInts have no ${kind}: it may be a fraction`, `Take it of numbers: .as(Float64Array).${call}, or of rows the ${kind} of Number(row.id).`);
  }
  return new LazyValue(onSource({ query, node: query.shape.plainTerminal(kind), values: quantiles }));
}

/** What `quantile` is given, as the terminal's value. */
export function checkQuantiles(given: unknown): readonly [number] | readonly [Float64Array] {
  const several = Array.isArray(given) || (elementTypeOf(given) !== undefined && !(given instanceof BigInt64Array) && !(given instanceof BigUint64Array));
  const list: readonly unknown[] = several ? Array.from(given as ArrayLike<unknown>) : [given];
  const wrong = list.findIndex(q => typeof q !== "number" || !(q >= 0 && q <= 1));
  if (wrong >= 0) throw new QueryError("DC305", `quantile() takes numbers from 0 to 1, not ${describe(list[wrong])}`, "Write .quantile(0.95), or .quantile([0.25, 0.5, 0.75]).");
  return several ? [Float64Array.from(list as readonly number[])] : [given as number];
}
