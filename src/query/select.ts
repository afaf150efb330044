/** Quantiles, from the values that stand at some places of an order. */
import type { AnyTypedArray } from "../../fusion/values.js";
import { moveNow, selected, type Mover } from "../table/move.js";
import { scriptMover } from "../table/script.js";

/** Where a quantile lies among so many elements: between the one at `place` and the next, as far as `fraction`. */
interface Position {
  readonly place: number;
  readonly fraction: number;
}

function positionOf(quantile: number, length: number): Position {
  const at = (length - 1) * quantile;
  const place = Math.floor(at);
  return { place, fraction: at - place };
}

/**
 * The quantiles of values, each interpolated between its two neighbours in their order; NaN of nothing, and if there is a NaN.
 * The values are left in another order.
 */
export function quantilesIn(values: AnyTypedArray, quantiles: readonly number[], mover: Mover = scriptMover): readonly number[] {
  const { length } = values;
  if (length === 0) return quantiles.map(() => NaN);
  const positions = quantiles.map(quantile => positionOf(quantile, length));
  const places = Float64Array.from(new Set(positions.flatMap(({ place, fraction }) => (fraction === 0 ? [place] : [place, place + 1])))).sort();
  const found = moveNow(selected(values, [...places]), mover);
  const at = (place: number): number => found[places.indexOf(place)] as number;
  return positions.map(({ place, fraction }) => between(at(place), at(fraction === 0 ? place : place + 1), fraction));
}

/** The difference of infinities is no number, so where nothing lies between, nothing is subtracted. Zero has no sign here, for `<` puts 0 and -0 in no order. */
function between(low: number, high: number, fraction: number): number {
  if (low === high || (low === -Infinity && high < Infinity)) return low + 0;
  return low + (high - low) * fraction;
}
