/** The elementary functions to more than a hundred bits. Each gives undefined where the function is not a finite number. */
import type { ElementaryName } from "../../../fusion/math/functions.js";
import { add, cubeRoot, divide, exponentOf, fromNumber, isZero, multiply, negated, shifted, size, squareRoot, subtract, toFixed, trimmed, type Big } from "./big.js";
import {
  arcTangent, ASIN, ASINH, ATAN, ATANH, COS, exponential, EXPM1, fixed, HALF_PI, LN2, LOG1P, logarithm, ONE, PI, PLACES, reduced, scaledSeries, series, SIN, SINH,
  times,
} from "./series.js";

export type Reference = (...args: number[]) => Big | undefined;

const one: Big = { m: 1n, e: 0 };
const LN10 = logarithm({ m: 10n, e: 0 }, 3);

/** Whether fixed-point numbers would lose digits of `x`: its functions are then series that begin with `x`. */
const isTiny = (x: number): boolean => Math.abs(x) < 2 ** -20;

const clamped = (x: number, most: number): number => Math.min(Math.max(x, -most), most);

/** e ** x; beyond 2000 every float format has long ended. */
const expOf = (x: number): Big => exponential(toFixed(fromNumber(clamped(x, 2000)), PLACES));

const logOf = (x: Big): Big => fixed(logarithm(trimmed(x), exponentOf(x)));

/** A function of a positive number's logarithm. */
const logarithmTo = (base: bigint): Reference => x => (x > 0 ? divide(logOf(fromNumber(x)), fixed(base)) : undefined);

const squared = (x: number): Big => multiply(fromNumber(x), fromNumber(x));

const tinySeries = (x: number, coefficients: readonly bigint[]): Big => scaledSeries(fromNumber(x), coefficients, squared(x));

/** sin(x + turns · π/2). */
function sine(x: number, turns: number): Big {
  const { r, quadrant } = reduced(x);
  const turned = (quadrant + turns) % 4;
  const square = times(r, r);
  const value = turned % 2 === 0 ? times(r, series(SIN, square)) : series(COS, square);
  return fixed(turned < 2 ? value : -value);
}

/** The angle of a point whose coordinates are not negative, and not both 0. */
function angle(y: Big, x: Big): Big {
  if (isZero(y)) return y;
  if (isZero(x)) return fixed(HALF_PI);
  if (subtract(y, x).m > 0n) return subtract(fixed(HALF_PI), angle(x, y));
  const ratio = divide(y, x);
  if (exponentOf(ratio) < -20) return scaledSeries(ratio, ATAN, multiply(trimmed(ratio), trimmed(ratio)));
  return fixed(arcTangent(toFixed(ratio, PLACES)));
}

const signed = (value: Big, sign: number): Big => (sign < 0 ? negated(value) : value);

/** √(1 - x²) */
const cosineOf = (x: number): Big => squareRoot(subtract(one, squared(x)));

const hyperbolic = (combine: (e: Big, inverse: Big) => Big): ((x: number) => Big) => x => {
  const e = expOf(Math.abs(x));
  return combine(e, divide(one, e));
};
const sinhOf = hyperbolic((e, inverse) => shifted(subtract(e, inverse), -1));
const coshOf = hyperbolic((e, inverse) => shifted(add(e, inverse), -1));
const tanhOf = hyperbolic((e, inverse) => divide(subtract(e, inverse), add(e, inverse)));

/** x ** y of positive x. */
function powerOf(x: number, y: number): Big {
  const product = multiply(logOf(fromNumber(x)), fromNumber(y));
  const isLarge = !isZero(product) && exponentOf(product) > 11;
  return exponential(isLarge ? (product.m < 0n ? -ONE : ONE) * 4000n : toFixed(product, PLACES));
}

const isOdd = (x: number): boolean => Math.abs(x % 2) === 1;

export const REFERENCES: Readonly<Record<ElementaryName, Reference>> = {
  exp: expOf,
  exp2: x => exponential((toFixed(fromNumber(clamped(x, 2000)), PLACES) * LN2) / ONE),
  expm1: x => (isTiny(x) ? scaledSeries(fromNumber(x), EXPM1, fromNumber(x)) : subtract(expOf(x), one)),
  log: x => (x > 0 ? logOf(fromNumber(x)) : undefined),
  log1p: x => (isTiny(x) ? scaledSeries(fromNumber(x), LOG1P, fromNumber(x)) : x > -1 ? logOf(add(one, fromNumber(x))) : undefined),
  log2: logarithmTo(LN2),
  log10: logarithmTo(LN10),
  sin: x => (isTiny(x) ? tinySeries(x, SIN) : sine(x, 0)),
  cos: x => (isTiny(x) ? fixed(series(COS, toFixed(squared(x), PLACES))) : sine(x, 1)),
  tan: x => (isTiny(x) ? divide(tinySeries(x, SIN), fixed(series(COS, toFixed(squared(x), PLACES)))) : divide(sine(x, 0), sine(x, 1))),
  asin: x => (Math.abs(x) > 1 ? undefined : isTiny(x) ? tinySeries(x, ASIN) : signed(angle(size(fromNumber(x)), cosineOf(x)), x)),
  acos: x => {
    if (Math.abs(x) > 1) return undefined;
    const acute = angle(cosineOf(x), size(fromNumber(x)));
    return x < 0 ? subtract(fixed(PI), acute) : acute;
  },
  atan: x => signed(angle(size(fromNumber(x)), one), x),
  atan2: (y, x = NaN) => {
    if (x === 0 && y === 0) return undefined;
    const acute = angle(size(fromNumber(y)), size(fromNumber(x)));
    return signed(x < 0 ? subtract(fixed(PI), acute) : acute, Object.is(y, -0) ? -1 : y);
  },
  sinh: x => (isTiny(x) ? tinySeries(x, SINH) : signed(sinhOf(x), x)),
  cosh: coshOf,
  tanh: x => (isTiny(x) ? divide(tinySeries(x, SINH), coshOf(x)) : signed(tanhOf(clamped(x, 400)), x)),
  asinh: x => {
    if (isTiny(x)) return tinySeries(x, ASINH);
    return signed(logOf(add(size(fromNumber(x)), squareRoot(add(squared(x), one)))), x);
  },
  acosh: x => (x >= 1 ? logOf(add(fromNumber(x), squareRoot(subtract(squared(x), one)))) : undefined),
  atanh: x => {
    if (Math.abs(x) >= 1) return undefined;
    return isTiny(x) ? tinySeries(x, ATANH) : shifted(logOf(divide(add(one, fromNumber(x)), subtract(one, fromNumber(x)))), -1);
  },
  cbrt: x => (x === 0 ? fromNumber(0) : signed(cubeRoot(size(fromNumber(x))), x)),
  hypot: (...xs) => squareRoot(xs.map(squared).reduce(add)),
  pow: (x, y = NaN) => {
    if (y === 0) return one;
    if (x === 0) return y > 0 ? fromNumber(0) : undefined;
    if (x < 0 && !Number.isInteger(y)) return undefined;
    return signed(powerOf(Math.abs(x), y), x < 0 && isOdd(y) ? -1 : 1);
  },
};

