/** What needs the elements of groups side by side: how far they are spread, and their quantiles. Of each, the bits that the terminal gives for its elements alone. */
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import type { ElementType } from "../../fusion/types.js";
import { sumOf } from "./aggregate.js";
import { byCode } from "./codes.js";
import type { SpreadValues } from "./move.js";
import { quantilesBy } from "./quantile.js";
import { selectedFrom } from "./select.js";
import { elementsAt } from "./table.js";

export function spreadsOf(codes: Uint32Array, count: number, aggregates: readonly SpreadValues[]): readonly Float64Array[] {
  const { places, offsets } = byCode(codes, count);
  return aggregates.map(({ terminal, values, argument }) => {
    const grouped = elementsAt(values, places) as Float64Array;
    const of = terminal === "median" || terminal === "quantile" ? quantileOf(argument) : varianceOf(elementTypeOf(values) as ElementType, argument, terminal === "standardDeviation");
    return Float64Array.from({ length: count }, (_, code) => of(grouped.subarray(offsets[code], offsets[code + 1])));
  });
}

const quantileOf = (quantile: number) => (group: AnyTypedArray): number => quantilesBy(group.length, [quantile], places => selectedFrom(Float64Array.from(group as Float64Array), places))[0] as number;

/** The squares of what is left of each element without the mean, less what the mean is off, over so much `less` than their count. */
function varianceOf(element: ElementType, less: number, root: boolean): (group: Float64Array) => number {
  return group => {
    const mean = sumOf(element, group) / group.length;
    const deviations = Float64Array.from(group, x => x - mean);
    const rest = sumOf("f64", deviations);
    const squares = sumOf("f64", deviations.map(x => x * x));
    const variance = Math.max(0, squares - (rest * rest) / group.length) / Math.max(0, group.length - less);
    return root ? Math.sqrt(variance) : variance;
  };
}
