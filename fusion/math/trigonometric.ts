/**
 * Sine, cosine and tangent.
 *
 * The sine of any angle is, but for its sign, that of x - n π, and the cosine that of a quarter of a turn more. So both come down
 * to the sine of r from -π/2 to π/2: one polynomial, and nothing to choose from. The polynomials are minimax with coefficients
 * that are floats (Brisebarre and Chevillard, "Efficient polynomial L-infinity approximations", 2007).
 */
import { digitPlace, radiansHigh, radiansLow, reducedHigh, reducedExcess, reducedLow, shifted, singleTurn, singleTurnLast, singleTurnRest, sumHigh, sumLow, turn, turnFourth, turnLast, turnThird } from "./angle.js";
import { copySign, head } from "./bits.js";
import { smallSumError } from "./exact.js";
import { nearest } from "./exponential.js";

/** Whether an integer is odd: adding rounds it to an even one. |n| < 2 ** 51; true for NaN. */
export const isOdd = (n: number): boolean => n + 13510798882111488 - 13510798882111488 !== n;

/**
 * sin(r + low) for r from -π/2 to π/2, with its sign turned where `negative` says so.
 *
 * r - k r³ alone comes within 3 % of the sine. Its roundings would make the result wrong in the last bit, so k r³ is taken of r
 * rounded to 2 ** -15, which with k = 9/64 is exact, and what that leaves out is added to the other small terms.
 */
export const signedSine = (r: number, low: number, negative: boolean): number => {
  const coarse = r + 206158430208 - 206158430208;
  const fine = r - coarse;
  const square = r * r;
  const coarseSquare = coarse * coarse;
  const scaled = coarse * 0.140625;
  const cube = scaled * coarseSquare;
  const main = r - cube;
  const rest = r - main - cube;
  // r³ - coarse³ = (r - coarse) (r² + r coarse + coarse²); and near enough for `low`, this is its own change, too.
  const slope = 0.140625 * (square + coarseSquare) + scaled * r;
  const fourth = square * square;
  const c35 = -0.00937500000000024 + (square - 2) * 0.008333333333333208;
  const c79 = -0.00019841269841213368 + square * 0.000002755731921174438;
  const c1113 = -2.505210692161293e-8 + square * 1.605894190321936e-10;
  const c1517 = -7.643043455807163e-13 + square * 2.721677873027852e-15;
  const tail = square * r * (c35 + fourth * c79 + fourth * fourth * (c1113 + fourth * c1517));
  const sine = main + (tail + (rest + (low - (fine + low) * slope)));
  return copySign(sine, negative ? -r : r);
};

/** sin(x + back π) for `back` 0 or 1/2, f64; `excess` is what `reducedExcess` gives. The sign of a zero is that of x. */
export const sineBack = (x: number, back: number, excess: number): number => {
  const ahead = 0 - back;
  let n = nearest(x * 0.3183098861837907 - ahead);
  let r = reducedHigh(x, n - back);
  let low = reducedLow(x, n - back) - excess;
  if (Math.abs(x) > 102943) {
    const place = digitPlace(x);
    const y = shifted(x, place);
    const turns = turn(y, place);
    const turned = nearest(2 * turns - ahead);
    const first = turns - 0.5 * (turned - back);
    const third = turnThird(y, place);
    const fourth = turnFourth(y, place);
    const last = turnLast(y, place);
    const high = sumHigh(first, third, fourth, last);
    n = turned;
    r = radiansHigh(high);
    // The difference makes the result NaN for an infinite x.
    low = radiansLow(high, sumLow(first, third, fourth, last)) + (x - x);
  }
  return signedSine(r, low, isOdd(n));
};

export const sin64 = (x: number): number => sineBack(x, 0, 0);

export const cos64 = (x: number): number => {
  const size = Math.abs(x);
  const m = nearest(size * 0.3183098861837907 + 0.5) - 0.5;
  return sineBack(size, 0.5, reducedExcess(size, m));
};

/**
 * sin(x + back π) for `back` 0 or 1/2 and an f32 x, through f64, to within 2 ** -35. The sign of a zero is that of x.
 *
 * Two parts of π do here, the first of which has 31 bits.
 */
export const sineBackSingle = (x: number, back: number): number => {
  const ahead = 0 - back;
  let n = nearest(x * 0.3183098861837907 - ahead);
  let r = x - (n - back) * 3.1415926534682512 - (n - back) * 1.2154201013012384e-10;
  if (Math.abs(x) > 5000000) {
    const place = digitPlace(x);
    const y = shifted(x, place);
    const turns = singleTurn(y, place);
    const rest = singleTurnRest(y, place);
    n = nearest(2 * (turns + rest) - ahead);
    r = radiansHigh(turns - 0.5 * (n - back) + rest + singleTurnLast(y, place)) + (x - x);
  }
  const square = r * r;
  const fourth = square * square;
  const c13 = 0.9999999999788317 + square * -0.16666666608786948;
  const c57 = 0.008333330719152068 + square * -0.00019840832647900395;
  const c911 = 0.0000027523962210409357 + square * -2.3868190711729873e-8;
  return (isOdd(n) ? -r : r) * (c13 + fourth * (c57 + fourth * c911));
};

export const sin32 = (x: number): number => sineBackSingle(x, 0);

export const cos32 = (x: number): number => sineBackSingle(x, 0.5);

/** What dividing adds to a quotient: (high + low - quotient * (below + belowLow)) times the reciprocal of `below`. */
export const quotientError = (high: number, low: number, below: number, belowLow: number, quotient: number, reciprocal: number): number => {
  const quotientHead = head(quotient);
  const quotientTail = quotient - quotientHead;
  const belowHead = head(below);
  const belowTail = below - belowHead;
  const rest = high - quotientHead * belowHead - quotientHead * belowTail - quotientTail * belowHead - quotientTail * belowTail;
  return (rest + (low - quotient * belowLow)) * reciprocal;
};

/**
 * tan x, f64: r / (r cot r), or its reciprocal with the other sign, for x = n π / 2 + r. The series of r cot r converges where that of
 * tan r has hardly begun to. Its first term, with r rounded to 2 ** -15, is exact; the quotient is corrected once.
 */
export const tan64 = (x: number): number => {
  let m = nearest(x * 0.6366197723675814) * 0.5;
  let high = reducedHigh(x, m);
  let low = reducedLow(x, m);
  if (Math.abs(x) > 102943) {
    const place = digitPlace(x);
    const y = shifted(x, place);
    const turns = turn(y, place);
    m = nearest(4 * turns) * 0.5;
    const first = turns - 0.5 * m;
    const third = turnThird(y, place);
    const fourth = turnFourth(y, place);
    const last = turnLast(y, place);
    const fraction = sumHigh(first, third, fourth, last);
    high = radiansHigh(fraction);
    // The difference makes the result NaN for an infinite x.
    low = radiansLow(fraction, sumLow(first, third, fourth, last)) + (x - x);
  }
  // Near a pole, so much has been taken away from `high` that `low` is more than its rounding.
  const r = high + low;
  const rest = smallSumError(high, low, r);
  const coarse = r + 206158430208 - 206158430208;
  const square = r * r;
  const fourthPower = square * square;
  const c24 = 0.0000813802083333103 + square * 0.022222222222223996;
  const c68 = 0.002116402116354695 + square * 0.0002116402122686017;
  const c1012 = 0.000021377794370749788 + square * 0.000002164426791759174;
  const c1416 = 2.1919195839182662e-7 + square * 2.2343604164458393e-8;
  const c1820 = 2.099901307200677e-9 + square * 3.2451745610045427e-10;
  const c618 = c68 + fourthPower * (c1012 + fourthPower * (c1416 + fourthPower * c1820));
  const tail = (r - coarse + rest) * (r + coarse) * 0.333251953125 + square * (c24 + fourthPower * c618);
  const main = 1 - coarse * coarse * 0.333251953125;
  const cotangent = main - tail;
  const cotangentLow = main - cotangent - tail;
  const odd = Math.trunc(m) !== m;
  const above = odd ? cotangent : r;
  const below = odd ? r : cotangent;
  const reciprocal = 1 / below;
  const quotient = above * reciprocal;
  const tangent = quotient + quotientError(above, odd ? cotangentLow : rest, below, odd ? rest : cotangentLow, quotient, reciprocal);
  return copySign(tangent, odd ? -high : high);
};

/** tan x of an f32, through f64, to within 2 ** -33. */
export const tan32 = (x: number): number => {
  let m = nearest(x * 0.6366197723675814) * 0.5;
  let r = x - m * 3.1415926534682512 - m * 1.2154201013012384e-10;
  if (Math.abs(x) > 5000000) {
    const place = digitPlace(x);
    const y = shifted(x, place);
    const turns = singleTurn(y, place);
    const rest = singleTurnRest(y, place);
    m = nearest(4 * (turns + rest)) * 0.5;
    r = radiansHigh(turns - 0.5 * m + rest + singleTurnLast(y, place)) + (x - x);
  }
  const square = r * r;
  const c46 = 0.022222080553874108 + square * 0.0021174245439908013;
  const c810 = 0.0002084303934923446 + square * 0.00002587705239892151;
  const cotangent = 1 - square * (0.3333333397267914 + square * (c46 + square * square * c810));
  const odd = Math.trunc(m) !== m;
  return (odd ? -cotangent : r) / (odd ? r : cotangent);
};
