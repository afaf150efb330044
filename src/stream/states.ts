/** What groups have come to so far, carried from piece to piece: in the end the bits of each group's elements alone. See table/aggregate.ts. */
import { CompilerBug } from "../../fusion/errors.js";
import { BLOCK, ELEMENTS, isBigType, LANES, type ElementType } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import type { GroupValues } from "../table/move.js";
import { foldLanes, sumTree, type PairwiseTree } from "../table/pairwise.js";

/** One aggregate of all groups. */
export interface GroupState {
  /** Takes the next elements, each with the number of its group; those are below `groups`. */
  add(numbers: Uint32Array, values: AnyTypedArray, groups: number): void;
  /** Of so many groups; of one without elements what there is of nothing, or 0. */
  results(groups: number): AnyTypedArray;
}

export function stateOf(terminal: GroupValues["terminal"], element: ElementType): GroupState {
  const big = isBigType(ELEMENTS[element].scalar);
  switch (terminal) {
    case "count":
      return new Counts();
    case "sum":
      if (big) return new BigSums(element);
      return ELEMENTS[element].integer ? new ExactSums() : new CanonicalSums();
    case "average":
      return new Averages(element);
    case "min":
      return new Kept(element, big ? (a, b) => (b < a ? b : a) : (Math.min as Better));
    case "max":
      return new Kept(element, big ? (a, b) => (b > a ? b : a) : (Math.max as Better));
    case "first":
      return new Kept(element, a => a);
    case "last":
      return new Kept(element, (_a, b) => b);
    default:
      return terminal satisfies never;
  }
}

/** At least so long, by doubling. */
export function grown<A extends AnyTypedArray>(array: A, length: number, fill = 0): A {
  if (array.length >= length) return array;
  const element = elementTypeOf(array);
  if (element === undefined) throw new CompilerBug("a state is no typed array");
  const more = newArray(element, Math.max(length, 2 * array.length)) as Float64Array;
  more.set(array as Float64Array);
  // Of others they are zeros already.
  if (!Object.is(fill, 0)) more.fill(fill, array.length);
  return more as AnyTypedArray as A;
}

class Counts implements GroupState {
  private counts = new Uint32Array(16);

  add(numbers: Uint32Array, _values: AnyTypedArray, groups: number): void {
    const counts = (this.counts = grown(this.counts, groups));
    for (let at = 0; at < numbers.length; at += 1) (counts[numbers[at] as number] as number) += 1;
  }
  results(groups: number): Uint32Array {
    return grown(this.counts, groups).slice(0, groups);
  }
}

type Better = <V extends number | bigint>(before: V, now: V) => V;

/** One of a group's own elements. */
class Kept implements GroupState {
  private kept: AnyTypedArray;
  private seen = new Uint8Array(16);

  constructor(
    element: ElementType,
    private readonly better: Better,
  ) {
    this.kept = newArray(element, 16);
  }

  add(numbers: Uint32Array, values: AnyTypedArray, groups: number): void {
    const { better } = this;
    const kept = (this.kept = grown(this.kept, groups)) as Float64Array;
    const seen = (this.seen = grown(this.seen, groups));
    for (let at = 0; at < numbers.length; at += 1) {
      const group = numbers[at] as number;
      const value = values[at] as number;
      kept[group] = seen[group] === 1 ? better(kept[group] as number, value) : value;
      seen[group] = 1;
    }
  }
  results(groups: number): AnyTypedArray {
    return grown(this.kept, groups).slice(0, groups);
  }
}

/** They wrap at 64 bits, as the arrays do. */
class BigSums implements GroupState {
  private sums: AnyTypedArray;

  constructor(element: ElementType) {
    this.sums = newArray(element, 16);
  }

  add(numbers: Uint32Array, values: AnyTypedArray, groups: number): void {
    const sums = (this.sums = grown(this.sums, groups)) as BigInt64Array;
    for (let at = 0; at < numbers.length; at += 1) (sums[numbers[at] as number] as bigint) += values[at] as bigint;
  }
  results(groups: number): AnyTypedArray {
    return grown(this.sums, groups).slice(0, groups);
  }
}

const SAFE = 2 ** 52;

/** Exact, and rounded once: what exceeds the integers that a double holds goes over into BigInts. */
class ExactSums implements GroupState {
  private sums = new Float64Array(16);
  private readonly beyond = new Map<number, bigint>();

  add(numbers: Uint32Array, values: AnyTypedArray, groups: number): void {
    const sums = (this.sums = grown(this.sums, groups));
    for (let at = 0; at < numbers.length; at += 1) {
      const group = numbers[at] as number;
      const sum = (sums[group] as number) + (values[at] as number);
      sums[group] = sum;
      if (sum < SAFE && sum > -SAFE) continue;
      this.beyond.set(group, (this.beyond.get(group) ?? 0n) + BigInt(sum));
      sums[group] = 0;
    }
  }
  results(groups: number): Float64Array {
    const results = grown(this.sums, groups).slice(0, groups);
    for (const [group, beyond] of this.beyond) results[group] = Number(beyond + BigInt(results[group] as number));
    return results;
  }
}

/** In the canonical order: the lanes of the block at hand, and the tree of those before it. Lanes without elements hold -0, which changes no sum. */
class CanonicalSums implements GroupState {
  private lanes = new Float64Array(16 * LANES).fill(-0);
  /** How many elements the block at hand has. */
  private filled = new Uint16Array(16);
  /** Of groups with a block that is complete. */
  private readonly trees = new Map<number, PairwiseTree<number>>();

  add(numbers: Uint32Array, values: AnyTypedArray, groups: number): void {
    const lanes = (this.lanes = grown(this.lanes, groups * LANES, -0));
    const filled = (this.filled = grown(this.filled, groups));
    for (let at = 0; at < numbers.length; at += 1) {
      const group = numbers[at] as number;
      const place = filled[group] as number;
      (lanes[group * LANES + (place % LANES)] as number) += values[at] as number;
      filled[group] = place + 1;
      if (place + 1 === BLOCK) this.endBlock(group);
    }
  }
  results(groups: number): Float64Array {
    return Float64Array.from({ length: groups }, (_, group) => this.sumOf(group));
  }

  private endBlock(group: number): void {
    let tree = this.trees.get(group);
    if (tree === undefined) this.trees.set(group, (tree = sumTree()));
    const block = this.lanes.subarray(group * LANES, (group + 1) * LANES);
    tree.push(foldLanes(block));
    block.fill(-0);
    this.filled[group] = 0;
  }

  /** A sum starts from 0. */
  private sumOf(group: number): number {
    const tree = this.trees.get(group)?.copy() ?? sumTree();
    if ((this.filled[group] ?? 0) > 0) tree.push(foldLanes(this.lanes.slice(group * LANES, (group + 1) * LANES)));
    return 0 + tree.result(-0);
  }
}

class Averages implements GroupState {
  private readonly sums: GroupState;
  private readonly counts = new Counts();

  constructor(element: ElementType) {
    this.sums = stateOf("sum", element);
  }

  add(numbers: Uint32Array, values: AnyTypedArray, groups: number): void {
    this.sums.add(numbers, values, groups);
    this.counts.add(numbers, values, groups);
  }
  results(groups: number): Float64Array {
    const counts = this.counts.results(groups);
    return (this.sums.results(groups) as Float64Array).map((sum, group) => sum / (counts[group] as number));
  }
}
