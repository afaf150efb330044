/** Order statistics by selection: no more is put in order than is asked for. */

/**
 * What stands at these places, which ascend, when the values are in order; NaN everywhere if one is NaN. The values are left in another
 * order.
 */
export function selectedFrom(values: Float64Array, places: readonly number[]): Float64Array {
  if (values.some(Number.isNaN)) return new Float64Array(places.length).fill(NaN);
  selectAll(values, 0, values.length - 1, Float64Array.from(places));
  return Float64Array.from(places, place => values[place] as number);
}

/** Puts at each of these places, which ascend, what would stand there if the values from `left` to `right` were sorted. */
function selectAll(values: Float64Array, left: number, right: number, places: Float64Array): void {
  if (places.length === 0) return;
  const middle = places.length >> 1;
  const place = places[middle] as number;
  select(values, left, right, place);
  selectAll(values, left, place - 1, places.subarray(0, middle));
  selectAll(values, place + 1, right, places.subarray(middle + 1));
}

/** Below this many values sampling costs more than it saves. */
const SAMPLED = 600;
/** Floyd and Rivest halve what is left in almost every round; values made to defeat them are sorted. */
const ROUNDS = 64;

/** Floyd and Rivest's SELECT: the pivot is the place's own quantile of a sample, so that almost all that is left lies on one side. */
function select(values: Float64Array, from: number, to: number, place: number): void {
  let [left, right] = [from, to];
  for (let round = 0; left < right; round += 1) {
    if (round === ROUNDS) {
      values.subarray(left, right + 1).sort();
      return;
    }
    const count = right - left + 1;
    if (count > SAMPLED) {
      const logarithm = Math.log(count);
      const size = Math.exp((2 * logarithm) / 3) / 2;
      const spread = (Math.sqrt((logarithm * size * (count - size)) / count) / 2) * Math.sign(place - left - count / 2);
      const share = (place - left) / count;
      select(values, Math.max(left, Math.floor(place - share * size + spread)), Math.min(right, Math.floor(place + (1 - share) * size + spread)), place);
    }
    const pivot = values[place] as number;
    let [low, high] = [left, right];
    while (low <= high) {
      while ((values[low] as number) < pivot) low += 1;
      while ((values[high] as number) > pivot) high -= 1;
      if (low > high) break;
      const value = values[low] as number;
      values[low] = values[high] as number;
      values[high] = value;
      low += 1;
      high -= 1;
    }
    if (high < place) left = low;
    if (place < low) right = high;
  }
}
