/** Blocks in the canonical order: what each folds to, and how they join as a balanced tree. */
import { LANES } from "../../fusion/types.js";

/** Joins values in their order: two runs of the same length become one as soon as they meet, as bits carry in a counter. */
export class PairwiseTree<T> {
  private count = 0;

  constructor(
    private readonly join: (left: T, right: T) => T,
    /** Those that wait for others of their length. */
    private readonly waiting: T[] = [],
  ) {}

  push(value: T): void {
    let run = value;
    for (let carry = this.count; carry % 2 === 1; carry = Math.floor(carry / 2)) run = this.join(this.waiting.pop() as T, run);
    this.waiting.push(run);
    this.count += 1;
  }

  /** `none`: of nothing; joined to a value on its right it must change nothing. */
  result(none: T): T {
    return this.waiting.reduceRight((right, left) => this.join(left, right), none);
  }

  /** To go on with one, and keep the other. */
  copy(): PairwiseTree<T> {
    const copy = new PairwiseTree(this.join, [...this.waiting]);
    copy.count = this.count;
    return copy;
  }
}

export const sumTree = (): PairwiseTree<number> => new PairwiseTree(plus);
const plus = (left: number, right: number): number => left + right;

/** The lanes' sum, by halves. They hold something else afterwards. Lanes without elements hold -0, which changes no sum. */
export function foldLanes(lanes: Float64Array): number {
  for (let half = LANES / 2; half >= 1; half /= 2) for (let lane = 0; lane < half; lane += 1) (lanes[lane] as number) += lanes[lane + half] as number;
  return lanes[0] as number;
}
