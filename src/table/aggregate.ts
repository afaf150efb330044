/** What groups come to: of each, the bits that the terminal gives for its elements alone. */
import { CompilerBug } from "../../fusion/errors.js";
import { BLOCK, isBigType, LANES, ELEMENTS, type ElementType } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { byCode } from "./codes.js";
import type { GroupValues } from "./move.js";
import { foldLanes, sumTree } from "./pairwise.js";
import { elementsAt } from "./table.js";

export function aggregatesOf(codes: Uint32Array, count: number, aggregates: readonly GroupValues[]): readonly AnyTypedArray[] {
  const { places, offsets } = byCode(codes, count);
  return aggregates.map(({ terminal, values }) => {
    if (values === null) return Uint32Array.from({ length: count }, (_, code) => (offsets[code + 1] as number) - (offsets[code] as number));
    const element = elementTypeOf(values) as ElementType;
    const [grouped, of] = [elementsAt(values, places), valueOf(terminal, element)];
    const results = newArray(resultOf(terminal, element), count) as Float64Array;
    for (let code = 0; code < count; code += 1) results[code] = of(grouped.subarray(offsets[code], offsets[code + 1])) as number;
    return results;
  });
}

/** What an aggregate is stored as. */
function resultOf(terminal: GroupValues["terminal"], element: ElementType): ElementType {
  if (terminal === "count") return "u32";
  if (terminal === "average") return "f64";
  return terminal === "sum" && !isBigType(ELEMENTS[element].scalar) ? "f64" : element;
}

type Numbers = ArrayLike<number>;
type BigInts = ArrayLike<bigint>;

/** What a terminal gives for some elements, of which there is at least one. */
function valueOf(terminal: GroupValues["terminal"], element: ElementType): (group: AnyTypedArray) => number | bigint {
  const big = isBigType(ELEMENTS[element].scalar);
  switch (terminal) {
    case "count":
      return group => group.length;
    case "sum":
      if (big) return group => Array.prototype.reduce.call<BigInts, [(a: bigint, x: bigint) => bigint, bigint], bigint>(group as BigInt64Array, (a, x) => a + x, 0n);
      return group => sumOf(element, group as Float64Array);
    case "average":
      return group => sumOf(element, group as Float64Array) / group.length;
    case "min":
      return big ? group => extreme(group as BigInt64Array, (a, b) => (b < a ? b : a)) : group => extreme(group as Float64Array, Math.min);
    case "max":
      return big ? group => extreme(group as BigInt64Array, (a, b) => (b > a ? b : a)) : group => extreme(group as Float64Array, Math.max);
    case "first":
      return group => group[0] as number | bigint;
    case "last":
      return group => group[group.length - 1] as number | bigint;
    default:
      return terminal satisfies never;
  }
}

function extreme<V extends number | bigint>(group: ArrayLike<V>, better: (a: V, b: V) => V): V {
  let best = group[0];
  if (best === undefined) throw new CompilerBug("a group has no elements");
  for (let at = 1; at < group.length; at += 1) best = better(best, group[at] as V);
  return best;
}

/** A sum starts from 0. */
export const sumOf = (element: ElementType, group: Numbers): number => 0 + (ELEMENTS[element].integer ? exactSum(group) : canonicalSum(group));

const SAFE = 2 ** 52;

/** Exact, and rounded once: what exceeds the integers that a double holds goes over into a BigInt. */
function exactSum(group: Numbers): number {
  let [sum, beyond] = [0, 0n];
  for (let at = 0; at < group.length; at += 1) {
    sum += group[at] as number;
    if (sum < SAFE && sum > -SAFE) continue;
    beyond += BigInt(sum);
    sum = 0;
  }
  return beyond === 0n ? sum : Number(beyond + BigInt(sum));
}

/** In the canonical order: 32 lanes, blocks of 1024, a pairwise tree. Lanes without elements hold -0, which changes no sum. */
function canonicalSum(group: Numbers): number {
  const tree = sumTree();
  for (let start = 0; start < group.length; start += BLOCK) tree.push(blockSum(group, start, Math.min(group.length, start + BLOCK)));
  return tree.result(-0);
}

/** Of the block at hand: what one leaves in them the next one clears. */
const lanes = new Float64Array(LANES);

function blockSum(group: Numbers, start: number, end: number): number {
  lanes.fill(-0);
  for (let at = start; at < end; at += 1) (lanes[(at - start) % LANES] as number) += group[at] as number;
  return foldLanes(lanes);
}
