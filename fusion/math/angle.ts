/**
 * Arguments of the trigonometric functions, reduced: x = m π + r, or x = m π / 2 + r, with r as an unevaluated sum of two.
 *
 * Up to 102943 as Cody and Waite do ("Software Manual for the Elementary Functions", 1980), with π in three parts, the first two
 * short enough for their products with m to be exact. Beyond that as Payne and Hanek do ("Radian reduction for trigonometric
 * functions", 1983): of x · 2/π only those digits are computed that do not make whole turns.
 */
import { exponent, scale, significand, twoOverPi } from "./bits.js";
import { productError, sumError } from "./exact.js";

/**
 * x - m π, but for what `reducedLow` adds and `reducedExcess` takes away. m: a multiple of a half, not beyond 32768. The first
 * product is exact; so is the first difference, but where m π is more than twice x.
 */
export const reducedHigh = (x: number, m: number): number => x - m * 3.1415926535846666 - m * 5.1266883031679116e-12;

/** What rounding took away from the second difference of `reducedHigh`, and the rest of m π. */
export const reducedLow = (x: number, m: number): number => {
  const first = x - m * 3.1415926535846666;
  const second = m * 5.1266883031679116e-12;
  // Exact: where the second part is the larger one, the difference has so few bits that nothing was taken away.
  return first - (first - second) - second - m * 2.1125998133974855e-23;
};

/** What rounding added to the first difference of `reducedHigh`: something only where m is a half. */
export const reducedExcess = (x: number, m: number): number => {
  const whole = m * 3.1415926535846666;
  return x - whole + whole - x;
};

/** Where in the digits of 2/π those begin that matter for x: |x| ≥ 64. */
export const digitPlace = (x: number): number => Math.floor((exponent(x) - 5.5) * 0.041666666666666664);

/** x / 4, the digits before `place` shifted out: from 2 ** 4 to 2 ** 28 in size, so without bits below 2 ** -48. */
export const shifted = (x: number, place: number): number => scale(significand(x), exponent(x) - 2 - 24 * place);

/** A column of the product of `y` with the digits of 2/π from `place` on, both in base 2 ** 24: an integer below 2 ** 53. */
export const column = (y: number, place: number, at: number): number => {
  const high = Math.trunc(y);
  const rest = (y - high) * 16777216;
  const middle = Math.trunc(rest);
  const low = (rest - middle) * 16777216;
  return high * twoOverPi(place + at) + middle * twoOverPi(place + (at - 1)) + low * twoOverPi(place + (at - 2));
};

/** x / (2π) less whole turns, the part of it that has no bits below 2 ** -48; less than 20. `y` is `shifted(x, place)`. */
export const turn = (y: number, place: number): number => {
  const first = column(y, place, 0) * 5.960464477539063e-8;
  return first - Math.trunc(first) + column(y, place, 1) * 3.552713678800501e-15;
};

/** What follows on `turn`: below 2 ** -20, with bits down to 2 ** -72. */
export const turnThird = (y: number, place: number): number => column(y, place, 2) * 2.117582368135751e-22;

/** What follows on that: below 2 ** -44, with bits down to 2 ** -96. */
export const turnFourth = (y: number, place: number): number => column(y, place, 3) * 1.262177448353619e-29;

/** What follows on that, to 2 ** -119: no f64 comes nearer to a multiple of a quarter turn than 2 ** -64 turns. */
export const turnLast = (y: number, place: number): number => {
  const sixth = column(y, place, 5) * 4.484155085839415e-44 + Math.trunc(y) * twoOverPi(place + 6) * 2.6727647100921956e-51;
  return column(y, place, 4) * 7.52316384526264e-37 + sixth;
};

/** The sum of four numbers, of which each one adds digits to those before it. */
export const sumHigh = (first: number, third: number, fourth: number, last: number): number => first + (third + (fourth + last));

/** What rounding took away from `sumHigh`. */
export const sumLow = (first: number, third: number, fourth: number, last: number): number => {
  const rest = fourth + last;
  const tail = third + rest;
  return sumError(first, tail, first + tail) + (sumError(third, rest, tail) + sumError(fourth, last, rest));
};

/** A turn's fraction as an angle, but for what `radiansLow` adds. */
export const radiansHigh = (turns: number): number => turns * 6.283185307179586;

/** What rounding took away from `radiansHigh`, and the angle of `low` turns. */
export const radiansLow = (turns: number, low: number): number =>
  productError(turns, 6.283185307179586, turns * 6.283185307179586) + (turns * 2.4492935982947064e-16 + low * 6.283185307179586);

/** x / (2π) less whole turns for an f32, the part of it that has no bits below 2 ** -43; less than 2. `y` is `shifted(x, place)`. */
export const singleTurn = (y: number, place: number): number => {
  const first = y * twoOverPi(place - 1);
  const second = y * twoOverPi(place) * 5.960464477539063e-8;
  return first - Math.trunc(first) + (second - Math.trunc(second));
};

/** What follows on `singleTurn`: below 16, with bits down to 2 ** -67. */
export const singleTurnRest = (y: number, place: number): number => y * twoOverPi(place + 1) * 3.552713678800501e-15;

/** What follows on that, to 2 ** -68. */
export const singleTurnLast = (y: number, place: number): number =>
  y * (twoOverPi(place + 2) * 2.117582368135751e-22 + twoOverPi(place + 3) * 1.262177448353619e-29);
