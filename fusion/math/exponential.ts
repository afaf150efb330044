/**
 * Powers of e and of 2.
 *
 * All reduce the argument as Cody and Waite do ("Software Manual for the Elementary Functions", 1980): x = n ln 2 + r with
 * |r| ≤ ln(2) / 2, the product n ln 2 in two parts of which the first is exact, and e ** x = 2 ** n * e ** r. The polynomials are
 * minimax with coefficients that are floats (Brisebarre and Chevillard, "Efficient polynomial L-infinity approximations", 2007).
 * Arguments are clamped to where results still change; a NaN passes every comparison and then every operation.
 */
import { head, scale, scaleSingle } from "./bits.js";
import { smallSumError, sumError } from "./exact.js";

/** `x` brought to `low` and `high`; NaN stays. */
export const clamped = (x: number, low: number, high: number): number => {
  const below = x > high ? high : x;
  return below < low ? low : below;
};

/** The nearest integer, ties to even, for |x| < 2 ** 51; of -0 it is 0. */
export const nearest = (x: number): number => x + 6755399441055744 - 6755399441055744;

/** The same for an f32 in f32, |x| < 2 ** 22. */
export const nearestSingle = (x: number): number => Math.fround(Math.fround(x + 12582912) - 12582912);

/** x - n ln 2, less the part that `reducedRest` gives: exactly, the first part of ln 2 having 42 bits and n at most 11. */
export const reduced = (x: number, n: number): number => x - n * 0.6931471805598903;

/** What remains to be taken away from `reduced`. */
export const reducedRest = (n: number): number => n * 5.497923018708371e-14;

/** e ** r - 1 - r for |r| ≤ ln(2) / 2, to within 2 ** -57.8 of e ** r. */
export const exponentialTail = (r: number): number => {
  const square = r * r;
  const c23 = 0.5000000000000011 + r * 0.16666666666666424;
  const c45 = 0.041666666666527075 + r * 0.008333333333487054;
  const c67 = 0.0013888888944301233 + r * 0.0001984126952243798;
  const c89 = 0.000024801492499863125 + r * 0.000002755757234752779;
  const c1011 = 2.763043714676062e-7 + r * 2.5004460600083576e-8;
  return square * (c23 + square * (c45 + square * (c67 + square * (c89 + square * c1011))));
};

/**
 * e ** x, f64. The sum 1 + r keeps its rounding error, and the rest of n ln 2 multiplies the whole, so that every rounding but
 * the last is of a small number.
 */
export const exp64 = (x: number): number => {
  const bounded = clamped(x, -746, 710);
  const n = nearest(bounded * 1.4426950408889634);
  const r = reduced(bounded, n);
  const sum = 1 + r;
  const tail = exponentialTail(r);
  const rest = tail - reducedRest(n) * (sum + tail);
  return scale(sum + (smallSumError(1, r, sum) + rest), n);
};

/**
 * e ** x, native f32: f64 would hold half as many lanes. As `exp64`, but that the square is kept apart (halving it is exact),
 * and that the rest of n ln 2 is taken away from r, whose rounding then costs less than the rest's own square would.
 */
export const exp32 = (x: number): number => {
  const bounded = clamped(x, -105, 89);
  const n = nearestSingle(Math.fround(bounded * 1.4426950216293335));
  const high = Math.fround(bounded - Math.fround(n * 0.693145751953125));
  const low = Math.fround(n * 0.000001428606765330187);
  const r = Math.fround(high - low);
  const square = Math.fround(r * r);
  const c34 = Math.fround(Math.fround(r * 0.04166724905371666) + 0.16666534543037415);
  const c56 = Math.fround(Math.fround(r * 0.0013862738851457834) + 0.008367431350052357);
  const cubic = Math.fround(Math.fround(square * r) * Math.fround(Math.fround(square * c56) + c34));
  const tail = Math.fround(Math.fround(square * 0.5) + cubic);
  const sum = Math.fround(high + 1);
  const error = Math.fround(high - Math.fround(sum - 1));
  return scaleSingle(Math.fround(sum + Math.fround(Math.fround(error - low) + tail)), n);
};

/** 2 ** f - 1 - f ln 2 for |f| ≤ 0.5, to within 2 ** -57.9 of 2 ** f. */
export const binaryTail = (f: number): number => {
  const square = f * f;
  const c23 = 0.24022650695910122 + f * 0.05550410866482073;
  const c45 = 0.009618129107597023 + f * 0.001333355814668744;
  const c67 = 0.00015403530454022654 + f * 0.000015252733545535082;
  const c89 = 0.0000013215436629129215 + f * 1.0178185217083271e-7;
  const c1011 = 7.073576119038591e-9 + f * 4.436218688401989e-10;
  return square * (c23 + square * (c45 + square * (c67 + square * (c89 + square * c1011))));
};

/** 2 ** x, f64; exact for integers, for which every term but 1 is zero. */
export const exp2At64 = (x: number): number => {
  const bounded = clamped(x, -1077, 1025);
  const n = nearest(bounded);
  const f = bounded - n;
  // f ln 2 in two parts, the first of them an exact product of 26 bits by 26.
  const fHead = head(f);
  const linear = fHead * 0.6931471675634384;
  const linearRest = fHead * 1.2996506893889889e-8 + (f - fHead) * 0.6931471805599453;
  const sum = 1 + linear;
  return scale(sum + (smallSumError(1, linear, sum) + (linearRest + binaryTail(f))), n);
};

/** 2 ** x, f32 through f64. */
export const exp2At32 = (x: number): number => {
  const bounded = clamped(x, -152, 129);
  const n = nearest(bounded);
  const f = bounded - n;
  const square = f * f;
  const c01 = 1 + f * 0.6931471807045316;
  const c23 = 0.2402265106656095 + f * 0.055504103659933336;
  const c45 = 0.009618038132069899 + f * 0.001333393505426452;
  const c67 = 0.00015466756316336128 + f * 0.00001519615679964047;
  return scale(c01 + square * (c23 + square * (c45 + square * c67)), n);
};

/** (e ** r - 1 - r - r ** 2 / 2) / r ** 3 for |r| ≤ ln(2) / 2, to within 2 ** -61 of (e ** r - 1) / r ** 3. */
export const expMinusOneTail = (r: number): number => {
  const square = r * r;
  const c34 = 0.16666666666666677 + r * 0.04166666666666659;
  const c56 = 0.008333333333321464 + r * 0.0013888888888935922;
  const c78 = 0.0001984126988647339 + r * 0.00002480158721302028;
  const c910 = 0.000002755724391307722 + r * 2.75573737093184e-7;
  const c1112 = 2.5109126136725994e-8 + r * 2.088315703065981e-9;
  return c34 + square * (c56 + square * (c78 + square * (c910 + square * c1112)));
};

/**
 * e ** x - 1, f64: 2 ** n * (1 - 2 ** -n + r + r ** 2 / 2 + …). The terms written out may cancel, so each is kept with its error;
 * the square in two parts, of which the first is exact.
 */
export const expMinusOne64 = (x: number): number => {
  const bounded = clamped(x, -38, 710);
  const n = nearest(bounded * 1.4426950408889634);
  const r = reduced(bounded, n);
  const rHead = head(r);
  const square = rHead * rHead * 0.5;
  const squareRest = (r - rHead) * (r + rHead) * 0.5;
  const tail = squareRest + r * (r * r) * expMinusOneTail(r);
  const one = scale(1, -n);
  const constant = 1 - one;
  const linear = constant + r;
  const sum = linear + square;
  const errors = sumError(1, -one, constant) + smallSumError(constant, r, linear) + smallSumError(linear, square, sum);
  const rest = tail - reducedRest(n) * (1 + (r + (square + tail)));
  // Below this, e ** x - 1 is x, and would be too small for `scale`.
  return Math.abs(x) < 5.551115123125783e-17 ? x : scale(sum + (errors + rest), n);
};

/** e ** x - 1, f32 through f64. */
export const expMinusOne32 = (x: number): number => {
  const bounded = clamped(x, -18, 89);
  const n = nearest(bounded * 1.4426950408889634);
  const r = bounded - n * 0.6931471805599453;
  const square = r * r;
  const c23 = 0.5000000000104897 + r * 0.1666666675387185;
  const c45 = 0.041666665954987366 + r * 0.008333289142547768;
  const c67 = 0.0013888985088548742 + r * 0.00019904845567333328;
  const ratio = 1 + r * (c23 + square * (c45 + square * (c67 + square * 0.000024796383203055958)));
  const one = scale(1, n);
  // In this order -0 stays -0.
  return one * (r * ratio) - (1 - one);
};
