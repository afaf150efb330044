/** Where each elementary function is tried, and the largest error that it may show there. */
import type { ElementaryName } from "../../fusion/math/functions.js";
import {
  among, besideMultiplesOfHalfPi, bits, edges, near, nearMultiplesOfHalfPi, pairs, positive, signed, sizes, unary, uniform, type Arguments, type Source,
} from "./points.js";

export interface Trial {
  readonly points: readonly Arguments[];
  /** For normal results, in units of the last place: what was seen, and a little more. */
  readonly limit: { readonly f64: number; readonly f32: number };
}

const integers = (low: number, high: number): number[] => Array.from({ length: high - low + 1 }, (_, i) => low + i);

const everySize = sizes(-1074, 1024);
const everyPositive = sizes(-1074, 1024, 1);
const subnormals = sizes(-1074, -1022, 1);
const singleSubnormals = sizes(-149, -120);

/** Where a reduction by powers of two changes the power: halves between them, and what is less regular. */
const multiplesOfLn2 = near(integers(-2040, 2040).filter(n => n !== 0).map(n => n * Math.LN2 * 0.5));
const powersOfTwo = near(integers(-1022, 1023).map(n => 2 ** n));
const seamsOfLog = near([...integers(-100, 100).flatMap(n => [Math.SQRT2 * 2 ** n, 4 / 3 * 2 ** n, 1.5 * 2 ** n])], 50);

const logarithm = unary(near([1], 51), uniform(0.5, 2), seamsOfLog, powersOfTwo, everyPositive, positive(bits), subnormals, positive(singleSubnormals), positive(edges));

const trigonometric = unary(
  nearMultiplesOfHalfPi,
  besideMultiplesOfHalfPi(1e3),
  besideMultiplesOfHalfPi(1e9),
  besideMultiplesOfHalfPi(2 ** 60),
  near(integers(1, 2000).map(n => n * Math.PI * 0.25)),
  uniform(-7, 7),
  uniform(-1e3, 1e3),
  sizes(-30, 50),
  everySize,
  bits,
  edges,
);

const arc = unary(uniform(-1, 1), near([1, -1], 51), near(signed([0.5, Math.SQRT1_2, 0.25, 0.75, 0.975]), 50), sizes(-30, 0), sizes(-1074, 0), edges);

const exponents = [uniform(-1, 1), uniform(-30, 30), uniform(-88, 89), multiplesOfLn2, sizes(-60, 9), everySize, bits, edges];

const hyperbolic = (...seams: readonly number[]): readonly Arguments[] =>
  unary(...exponents, uniform(-711, 711), near(signed([710.4758600739439, 709.782712893384, 89.41598629223294, 88.72283, 22, 19.06, 9.01, 1, 0.5, 0.25, ...seams]), 48));

/** `x ** y` about as large as `2 ** of`, wherever x is. */
const powersNear = (of: Source, base: Source): Arguments => (random, format) => {
  const x = base(random, format);
  return [x, of(random, format) / Math.log2(x)];
};

/** Subnormal results may be rounded twice, the second time to fewer bits: at worst to half of a place after a quarter of one. */
export const SUBNORMAL_LIMIT = 0.76;

const limit = (f64: number, f32: number): Trial["limit"] => ({ f64, f32 });

export const TRIALS: Readonly<Record<ElementaryName, Trial>> = {
  exp: { points: unary(...exponents, uniform(-745.2, 709.8), uniform(-745.2, -708), near([709.782712893384, -708.3964185322641, -745.1332191019412, 88.72284, -87.33655, -103.97208])), limit: limit(0.64, 0.7) },
  exp2: { points: unary(...exponents, uniform(-1075, 1024), uniform(-1075, -1021), among(integers(-1080, 1030)), near(integers(-2100, 2040).filter(n => n !== 0).map(n => n / 2))), limit: limit(0.62, 0.505) },
  expm1: { points: unary(...exponents, uniform(-40, 710), near([709.782712893384, -37.42994775023705, -36.7, -17.3, -0.28768, 0.22314, 0.34657, -0.34657], 48)), limit: limit(0.57, 0.505) },
  log: { points: logarithm, limit: limit(0.57, 0.512) },
  log1p: {
    points: unary(uniform(-1, 1), uniform(-1, 10), near([-1], 50), near([1, -0.5, Math.SQRT2 - 1, Math.SQRT1_2 - 1, 1e-5, -1e-5], 50), sizes(-60, 4), positive(everySize), sizes(-1074, 0), edges),
    limit: limit(0.57, 0.515),
  },
  log2: { points: logarithm, limit: limit(0.56, 0.512) },
  log10: { points: [...logarithm, ...unary(near(integers(-307, 308).map(n => 10 ** n), 10))], limit: limit(0.57, 0.512) },
  sin: { points: trigonometric, limit: limit(0.64, 0.505) },
  cos: { points: trigonometric, limit: limit(0.64, 0.505) },
  tan: { points: trigonometric, limit: limit(0.57, 0.505) },
  asin: { points: arc, limit: limit(0.61, 0.505) },
  acos: { points: arc, limit: limit(0.6, 0.505) },
  atan: { points: unary(uniform(-1, 1), uniform(-6, 6), near(signed([1, 0.4375, 0.6875, 1.1875, 2.4375, 0.4142135623730951, 2.414213562373095]), 48), sizes(-60, 60), everySize, bits, edges), limit: limit(0.585, 0.505) },
  sinh: { points: hyperbolic(), limit: limit(0.61, 0.505) },
  cosh: { points: hyperbolic(), limit: limit(0.6, 0.505) },
  tanh: { points: hyperbolic(), limit: limit(0.6, 0.505) },
  asinh: { points: unary(uniform(-1, 1), uniform(-10, 10), near(signed([0.35355339059327373, 1.0606601717798212, 3e-9, 1e-5, 1e150]), 48), sizes(-30, 30), everySize, bits, edges), limit: limit(0.56, 0.505) },
  acosh: { points: unary(uniform(1, 2), uniform(1, 20), near([1], 51), near([1.0606601717798212, 1.5909902576697319], 48), sizes(0, 30, 1), sizes(0, 1024, 1), positive(edges)), limit: limit(0.56, 0.505) },
  atanh: { points: unary(uniform(-1, 1), uniform(-0.2, 0.2), near([1, -1], 51), near(signed([0.1715728752538099, 0.4776, 3e-9, 1e-5]), 48), sizes(-30, 0), sizes(-1074, 0), edges), limit: limit(0.56, 0.505) },
  cbrt: { points: unary(uniform(-8, 8), uniform(1, 8), powersOfTwo, among(integers(-208063, 208063).filter(n => n % 7 === 0).map(n => n ** 3)), everySize, bits, sizes(-1074, -1022), singleSubnormals, edges), limit: limit(0.501, 0.505) },
  atan2: {
    points: pairs(
      [uniform(-1, 1), uniform(-1, 1)],
      [uniform(-1e3, 1e3), uniform(-1, 1)],
      [sizes(-30, 30), sizes(-30, 30)],
      [everySize, everySize],
      [bits, bits],
      [sizes(-1074, -1000), sizes(-60, 60)],
      [sizes(-60, 0), sizes(1000, 1024)],
      [sizes(960, 1024), sizes(-60, 0)],
      [subnormals, sizes(-1074, -1022)],
      [edges, edges],
      [near(signed([1])), near(signed([1, 0.4142135623730951, 2.414213562373095]))],
    ),
    limit: limit(0.76, 0.505),
  },
  hypot: {
    points: pairs(
      [uniform(-1, 1), uniform(-1, 1)],
      [uniform(1, 2), sizes(-30, 0)],
      [near([1, 2]), near([1, 2])],
      [everySize, everySize],
      [sizes(1000, 1023), sizes(990, 1023)],
      [sizes(-1074, -1020), sizes(-1074, -1020)],
      [singleSubnormals, singleSubnormals],
      [among(integers(1, 100)), among(integers(1, 100))],
      [edges, edges],
      [bits, bits],
    ),
    limit: limit(0.51, 0.505),
  },
  pow: {
    points: [
      ...pairs(
        [uniform(0, 10), uniform(-50, 50)],
        [uniform(0, 2), uniform(-1e3, 1e3)],
        [everyPositive, uniform(-1, 1)],
        [everyPositive, sizes(-1074, -8)],
        [positive(bits), sizes(-40, 2)],
        [near([1], 40), sizes(0, 50)],
        [subnormals, uniform(-1, 1)],
        [among(integers(-100, 100).filter(n => n !== 0)), among(integers(-160, 160))],
        [sizes(-1, 1, -1), among(integers(-500, 500))],
        [positive(everySize), among([0.5, -0.5, 1, -1, 2, -2, 3, 1 / 3, 1.5])],
        [bits, bits],
        [edges, edges],
      ),
      powersNear(uniform(-1075, 1024), everyPositive),
      powersNear(uniform(-1075, -1021), uniform(0.1, 0.99)),
      powersNear(uniform(1023, 1024), near([1], 50)),
      powersNear(uniform(-150, 128), sizes(-126, 127, 1)),
    ],
    limit: limit(0.6, 0.51),
  },
};
