/**
 * Powers of e and of 2.
 *
 * All reduce the argument as Cody and Waite do ("Software Manual for the Elementary Functions", 1980): x = n ln 2 + r with
 * |r| ≤ ln(2) / 2, the product n ln 2 in two parts of which the first is exact, and e ** x = 2 ** n * e ** r. The polynomials are
 * minimax (Brisebarre and Chevillard, "Efficient polynomial L-infinity approximations", 2007: fpminimax of Sollya).
 */
import { scale } from "./bits.js";

/** The nearest integer, for |x| < 2 ** 51; 0 of either sign as `x`. */
export const nearest = (x: number): number => x + 6755399441055744 - 6755399441055744;

/** e ** r - 1 - r for |r| ≤ ln(2) / 2, to within 2 ** -58 of e ** r. */
export const exponentialTail = (r: number): number => {
  const square = r * r;
  const c01 = 0.5000000000000011 + r * 0.16666666666666424;
  const c23 = 0.041666666666527075 + r * 0.008333333333487054;
  const c45 = 0.0013888888944301233 + r * 0.0001984126952243798;
  const c67 = 0.000024801492499863125 + r * 0.000002755757234752779;
  const c89 = 2.763043714676062e-7 + r * 2.5004460600083576e-8;
  return square * (c01 + square * (c23 + square * (c45 + square * (c67 + square * c89))));
};

/**
 * e ** x, f64. The sum 1 + r keeps its rounding error, and the second part of n ln 2 (of ln 2 the first part has 42 bits, so
 * its product with n is exact) multiplies the whole, so that every rounding but the last is of a small number.
 */
export const exp64 = (x: number): number => {
  const below = x > 710 ? 710 : x;
  const bounded = below < -746 ? -746 : below;
  const n = nearest(bounded * 1.4426950408889634);
  const r = bounded - n * 0.6931471805598903;
  const sum = 1 + r;
  const tail = exponentialTail(r);
  const rest = tail - n * 5.497923018708371e-14 * (sum + tail);
  return scale(sum + (r - (sum - 1) + rest), n);
};
