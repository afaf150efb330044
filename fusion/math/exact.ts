/** What rounding took away from a sum or a product, exactly: numbers held as an unevaluated sum of two. */
import { head } from "./bits.js";

/** `a + b - sum` exactly, for `sum = a + b` (Knuth, TwoSum). */
export const sumError = (a: number, b: number, sum: number): number => {
  const other = sum - a;
  return a - (sum - other) + (b - other);
};

/** `a + b - sum` exactly, for `sum = a + b` where |a| ≥ |b| or a is 0 (Dekker, FastTwoSum). */
export const smallSumError = (a: number, b: number, sum: number): number => b - (sum - a);

/**
 * `a * b - product` for `product = a * b`, to within 2 ** -106 of the product (Dekker; exact but for the last bit of the
 * product of the tails). Finite numbers of a size from 2 ** -480 to 2 ** 480.
 */
export const productError = (a: number, b: number, product: number): number => {
  const aHead = head(a);
  const bHead = head(b);
  const aTail = a - aHead;
  const bTail = b - bHead;
  return aHead * bHead - product + aHead * bTail + aTail * bHead + aTail * bTail;
};
