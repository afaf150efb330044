/** Quantiles of what a query has stored. */
import type { AnyTypedArray } from "../../fusion/values.js";
import { moveNow, selected, type Mover } from "../table/move.js";
import { quantilesBy } from "../table/quantile.js";
import { scriptMover } from "../table/script.js";

export const quantilesIn = (values: AnyTypedArray, quantiles: readonly number[], mover: Mover = scriptMover): readonly number[] =>
  quantilesBy(values.length, quantiles, places => moveNow(selected(values, places), mover));
