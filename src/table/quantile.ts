/** Quantiles, from the values that stand at some places of an order. */

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
 * The quantiles of so many values, each interpolated between its two neighbours in their order; NaN of nothing, and if there is a NaN.
 * `select` gives what stands at places, which ascend.
 */
export function quantilesBy(length: number, quantiles: readonly number[], select: (places: readonly number[]) => Float64Array): readonly number[] {
  if (length === 0) return quantiles.map(() => NaN);
  const positions = quantiles.map(quantile => positionOf(quantile, length));
  const places = Float64Array.from(new Set(positions.flatMap(({ place, fraction }) => (fraction === 0 ? [place] : [place, place + 1])))).sort();
  const found = select([...places]);
  const at = (place: number): number => found[places.indexOf(place)] as number;
  return positions.map(({ place, fraction }) => between(at(place), at(fraction === 0 ? place : place + 1), fraction));
}

/** The difference of infinities is no number, so where nothing lies between, nothing is subtracted. Zero has no sign here, for `<` puts 0 and -0 in no order. */
function between(low: number, high: number, fraction: number): number {
  if (low === high || (low === -Infinity && high < Infinity)) return low + 0;
  return low + (high - low) * fraction;
}
