/**
 * The inverse trigonometric functions.
 *
 * Arc tangents: of a ratio from 0 to 1, small / big, an angle with a tangent c of 0, ½ or 1 is taken away, which leaves one with the
 * tangent t = (small - c · big) / (big + c · small): no multiple of such a c is rounded, and |t| stays below 0.237. The quotient is a
 * sum of two numbers, as are the angles that are put back. What is rounded besides is t³ times the polynomial, less than 1/50 of the
 * angle. (Reduction by the addition theorem: J.-M. Muller, "Elementary Functions", 2016, chapter 11; the polynomials are minimax, by
 * Sollya.)
 *
 * Arc sines: a polynomial up to ½, and beyond that π/2 - 2 asin √((1 - x) / 2), the error of whose root is put back (W. J. Cody and
 * W. Waite, "Software Manual for the Elementary Functions", 1980).
 *
 * The f32 functions compute in f64 and are to be rounded once.
 */
import { copySign, head } from "./bits.js";
import { smallSumError } from "./exact.js";

/** The c of a ratio: each changes into the next at the tangent of the mean of their angles. */
export const arcCentre = (small: number, big: number): number =>
  small > 0.7207592200561265 * big ? 1 : small > 0.2360679774997897 * big ? 0.5 : 0;

/** The angle of a c: a multiple of 2 ** -51, as π/2 and π are here, so that no sum of those is rounded. */
export const centreAngle = (c: number): number => (c === 1 ? 0.7853981633974483 : c === 0.5 ? 0.4636476090008057 : 0);

/** What `centreAngle` lacks. */
export const centreAngleLow = (c: number): number => (c === 1 ? 3.061616997868383e-17 : c === 0.5 ? 4.1127683607176647e-16 : 0);

/** (atan t) / t³ - 1 / t², for the square of t up to 0.237. */
export const arcTangentTail = (square: number): number => {
  const fourth = square * square;
  const low = 0.19999999999810358 * square + (0.11111107435288645 * square - 0.14285714247765574) * fourth;
  const high = 0.07686104398752765 * square - 0.09090711691188569 + (0.04729845971003955 * square - 0.06552602855270057) * fourth;
  return low + high * (fourth * fourth) - 0.3333333333333301;
};

/** `turns + turnsLow + sign · atan (small / big)`, rounded once, for 0 ≤ small ≤ big, big from 2 ** -900 to 2 ** 1000. */
export const arcOf = (small: number, big: number, turns: number, turnsLow: number, sign: number): number => {
  const c = arcCentre(small, big);
  const cBig = c * big;
  const cSmall = c * small;
  const above = small - cBig;
  const below = big + cSmall;
  const inverse = 1 / below;
  // The quotient's first 26 bits are multiplied back exactly to find the rest.
  const first = head(above * inverse);
  const belowHead = head(below);
  const left = above - first * belowHead - first * (below - belowHead);
  const aboveLow = smallSumError(-cBig, small, above);
  const second = (left + (aboveLow - first * smallSumError(big, cSmall, below))) * inverse;
  const high = sign * first;
  const low = sign * second;
  const t = high + low;
  const square = t * t;
  const base = turns + sign * centreAngle(c);
  const baseLow = turnsLow + sign * centreAngleLow(c);
  const sum = base + high;
  return sum + (smallSumError(base, high, sum) + (baseLow + low) + t * square * arcTangentTail(square));
};

/** The arc tangent of an f64. */
export const atan64 = (x: number): number => {
  const size = Math.abs(x);
  const isSteep = size > 1;
  // Beyond 1e17 the angle is π/2, rounded.
  const big = isSteep ? (size > 1e17 ? 1e17 : size) : 1;
  const arc = arcOf(isSteep ? 1 : size, big, isSteep ? 1.5707963267948966 : 0, isSteep ? 6.123233995736766e-17 : 0, isSteep ? -1 : 1);
  return copySign(arc, x);
};

/**
 * The angle of a point, f64. Both sides are brought to where neither the quotient's divisor overflows nor its remainder underflows;
 * what underflows nevertheless is nothing beside the other side.
 */
export const atan2Of64 = (y: number, x: number): number => {
  const height = Math.abs(y);
  const width = Math.abs(x);
  const isSteep = height > width;
  const isBehind = copySign(1, x) < 0;
  const larger = isSteep ? height : width;
  const smaller = isSteep ? width : height;
  const isEndless = larger === Infinity;
  const unit = larger < 1.2676506002282294e30 ? 8.452712498170644e270 : 9.313225746154785e-10;
  // The sum is one for zeros, which have no quotient.
  const big = isEndless ? 1 : larger * unit + 1e-300;
  // NaN times 0 remains.
  const small = isEndless ? (smaller === Infinity ? 1 : smaller * 0) : smaller * unit;
  const turns = isSteep ? 1.5707963267948966 : isBehind ? 3.141592653589793 : 0;
  const turnsLow = isSteep ? 6.123233995736766e-17 : isBehind ? 1.2246467991473532e-16 : 0;
  return copySign(arcOf(small, big, turns, turnsLow, isSteep === isBehind ? 1 : -1), y);
};

/** `turns + sign · atan (small / big)`, for 0 ≤ small ≤ big, for results that are rounded to f32. */
export const arcOf32 = (small: number, big: number, turns: number, sign: number): number => {
  const c = arcCentre(small, big);
  const t = (small - c * big) / (big + c * small);
  const square = t * t;
  const fourth = square * square;
  const tail = -0.33333327912742505 + 0.1999904728411389 * square + (-0.1423340930199792 + 0.09965126317143952 * square) * fourth;
  return turns + sign * (centreAngle(c) + (t + t * square * tail));
};

/** The arc tangent of an f32, through f64. */
export const atan32 = (x: number): number => {
  const size = Math.abs(x);
  const isSteep = size > 1;
  const big = isSteep ? (size > 1e17 ? 1e17 : size) : 1;
  return copySign(arcOf32(isSteep ? 1 : size, big, isSteep ? 1.5707963267948966 : 0, isSteep ? -1 : 1), x);
};

/** The angle of a point, f32, through f64. */
export const atan2Of32 = (y: number, x: number): number => {
  const height = Math.abs(y);
  const width = Math.abs(x);
  const isSteep = height > width;
  const isBehind = copySign(1, x) < 0;
  const larger = isSteep ? height : width;
  const smaller = isSteep ? width : height;
  const isEndless = larger === Infinity;
  const big = isEndless ? 1 : larger + 1e-300;
  const small = isEndless ? (smaller === Infinity ? 1 : smaller * 0) : smaller;
  const turns = isSteep ? 1.5707963267948966 : isBehind ? 3.141592653589793 : 0;
  return copySign(arcOf32(small, big, turns, isSteep === isBehind ? 1 : -1), y);
};

/** (asin s) / s³ - 1 / s² - ⅛, for the square of an s up to ½. The eighth is added apart: its product is not rounded. */
export const arcSineTail = (square: number): number => {
  const fourth = square * square;
  const eighth = fourth * fourth;
  const low = 0.07499999999970867 * square + (0.04464285717455937 + 0.03038194270993964 * square) * fourth;
  const middle = 0.022372214933961018 + 0.017351612884649172 * square + (0.013980810970570013 + 0.011398984899684038 * square) * fourth;
  const high = 0.01077987180695492 + 0.0037077638034966154 * square + (0.02170432480537779 - 0.02099485776370035 * square) * fourth + 0.03262611099622905 * eighth;
  return 0.0416666666666676 + (low + (middle + high * eighth) * eighth);
};

/** (1 - size) / 2, exactly, beyond ½: NaN's and infinity's too, and negative ones, have no root. */
export const arcSquare = (size: number): number => 0.5 - 0.5 * size;

/** What twice the root of a square from 0 to ¼ lacks: a few of its bits are enough, so a division in f32 is. */
export const arcRootLow = (square: number, root: number): number => {
  const rootHead = head(root);
  const rootTail = root - rootHead;
  const miss = square - rootHead * rootHead - (rootHead + rootHead) * rootTail - rootTail * rootTail;
  return miss * Math.fround(1 / Math.fround(root + 7.888609052210118e-31));
};

/** The arc sine of an f64. */
export const asin64 = (x: number): number => {
  const size = Math.abs(x);
  const isNear = size < 0.5;
  const rest = arcSquare(size);
  const root = Math.sqrt(rest);
  const square = isNear ? size * size : rest;
  const s = isNear ? size : root;
  const cube = s * square;
  const cubic = cube * arcSineTail(square);
  const twice = -(root + root);
  const sum = 1.5707963267948966 + twice;
  const sumLow = smallSumError(1.5707963267948966, twice, sum) + (6.123233995736766e-17 - arcRootLow(rest, root)) - 0.25 * cube;
  const far = sum + (sumLow - (cubic + cubic));
  return copySign(isNear ? s + (0.125 * cube + cubic) : far, x);
};

/** The arc cosine of an f64. */
export const acos64 = (x: number): number => {
  const size = Math.abs(x);
  const isNear = size < 0.5;
  const isBehind = x < 0;
  const rest = arcSquare(size);
  const root = Math.sqrt(rest);
  const square = isNear ? size * size : rest;
  const twice = isNear ? size : root + root;
  const s = isNear === isBehind ? twice : -twice;
  const base = isNear ? 1.5707963267948966 : isBehind ? 3.141592653589793 : 0;
  const baseLow = isNear ? 6.123233995736766e-17 : isBehind ? 1.2246467991473532e-16 : 0;
  const rootLow = isNear ? 0 : arcRootLow(rest, root);
  const cube = s * square;
  const sum = base + s;
  const sumLow = smallSumError(base, s, sum) + (isBehind ? baseLow - rootLow : baseLow + rootLow) + 0.125 * cube;
  return sum + (sumLow + cube * arcSineTail(square));
};

/** asin s, for 0 ≤ s ≤ ½ and its square, for results that are rounded to f32. */
export const arcSine32 = (s: number, square: number): number => {
  const fourth = square * square;
  const low = 0.1666665999128198 + 0.07500504186037023 * square + (0.04451695472675936 + 0.031807722968545435 * square) * fourth;
  return s + s * square * (low + (0.014438585941819227 + 0.03751647816301621 * square) * (fourth * fourth));
};

/** The arc sine of an f32, through f64. */
export const asin32 = (x: number): number => {
  const size = Math.abs(x);
  const isNear = size < 0.5;
  const rest = arcSquare(size);
  const arc = arcSine32(isNear ? size : Math.sqrt(rest), isNear ? size * size : rest);
  return copySign(isNear ? arc : 1.5707963267948966 - (arc + arc), x);
};

/** The arc cosine of an f32, through f64. */
export const acos32 = (x: number): number => {
  const size = Math.abs(x);
  const isNear = size < 0.5;
  const rest = arcSquare(size);
  const arc = arcSine32(isNear ? size : Math.sqrt(rest), isNear ? size * size : rest);
  const isBehind = x < 0;
  const twice = isNear ? arc : arc + arc;
  const base = isNear ? 1.5707963267948966 : isBehind ? 3.141592653589793 : 0;
  return base + (isNear === isBehind ? twice : -twice);
};
