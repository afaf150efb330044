/**
 * Choices: a list of whole numbers that a generator reads from left to right. The same list always makes the same program;
 * 0 is always the simplest choice, so a list with fewer and smaller numbers makes a simpler program. That is all that
 * shrinking needs to know.
 */
import fc from "fast-check";

export class Choices {
  private at = 0;

  constructor(private readonly list: readonly number[]) {}

  /** 0 … count - 1; 0 once the list is at its end. */
  below(count: number): number {
    const next = this.list[this.at++] ?? 0;
    return count <= 1 ? 0 : next % count;
  }

  /** One of a list whose first item is the simplest. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** True in `percent` of 100 cases; false once the list is at its end. */
  chance(percent: number): boolean {
    return this.below(100) >= 100 - percent;
  }

  /** One of several makers, each as likely as its weight. The first is the simplest. */
  weighted<T>(...makers: readonly (readonly [number, () => T])[]): T {
    let left = this.below(makers.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, make] of makers) {
      if (left < weight) return make();
      left -= weight;
    }
    throw new Error("no maker");
  }
}

/** Lists of choices, long enough for a whole program. */
export const choices = (minLength: number, maxLength: number): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.noBias(fc.nat(0xffffff)), { minLength, maxLength, size: "max" });

/**
 * The simplest list that still fails: chunks are dropped and numbers made smaller as long as `fails` says so. Gives up after
 * `budget` tries.
 */
export async function minimise(list: readonly number[], fails: (list: readonly number[]) => boolean | Promise<boolean>, budget = 1500): Promise<readonly number[]> {
  let best = list;
  let tries = 0;
  const attempt = async (candidate: readonly number[]): Promise<boolean> => {
    if (tries++ >= budget || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let before: readonly number[] | null = null; before !== best && tries < budget; ) {
    before = best;
    for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
      for (let at = 0; at < best.length && tries < budget; ) {
        if (!(await attempt([...best.slice(0, at), ...best.slice(at + size)]))) at += size;
      }
    }
    for (let at = 0; at < best.length && tries < budget; at++) {
      const value = best[at] as number;
      for (const smaller of [0, value >> 12, value >> 4, value >> 1, value - 1]) {
        if (smaller >= 0 && smaller < value && (await attempt([...best.slice(0, at), smaller, ...best.slice(at + 1)]))) break;
      }
    }
  }
  return best;
}
