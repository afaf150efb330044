/** Roots: the cube root, and the root of a sum of squares of any number of arguments. */
import { copySign, exponent, head, scale, significand } from "./bits.js";

/**
 * The cube root of an f64: monotonic, exact for cubes.
 *
 * A polynomial for the reciprocal of the root and a step of third order (Householder) give 40 bits without a division. The
 * first 26 of them are a number whose cube can be subtracted exactly, and what is left is divided by the slope, which that
 * reciprocal also is: the sum is rounded once, from 2 ** -60 of the true value.
 */
export const cubeRoot64 = (x: number): number => {
  const size = Math.abs(x);
  const isSubnormal = size < 2.2250738585072014e-308;
  const normal = isSubnormal ? size * 18014398509481984 : size;
  const power = exponent(normal);
  const third = (power - 1) * 0.3333333333333333 + 6755399441055744 - 6755399441055744;
  const rest = power - third * 3;
  const part = significand(normal);
  const square = part * part;
  const start = 1.6700067678415078 - 1.1728802063018062 * part + (0.695482741354182 - 0.2212379054977277 * part) * square;
  const guess = (start + 0.028591034188943598 * (square * square)) * (rest === 0 ? 1 : rest === 1 ? 0.7937005259840998 : 0.6299605249474366);
  const cube = scale(part, rest);
  const miss = 1 - cube * guess * (guess * guess);
  const reciprocal = guess + guess * (miss * (0.3333333333333333 + 0.2222222222222222 * miss));
  const inverse = reciprocal * reciprocal;
  const root = cube * inverse;
  const first = head(root);
  const firstSquare = first * first;
  const firstHead = head(firstSquare);
  const left = cube - firstHead * first - (firstSquare - firstHead) * first;
  // The slope between `first` and the root, not at either: cube - first³ = (root - first)(root² + root · first + first²).
  const slope = inverse * 0.3333333333333333 * (1 + (root - first) * reciprocal);
  const result = scale(first + left * slope, isSubnormal ? third - 18 : third);
  return size > 0 && size < Infinity ? copySign(result, x) : x;
};

/** The cube root of an f32, through f64: monotonic, exact for cubes. */
export const cubeRoot32 = (x: number): number => {
  const size = Math.abs(x);
  const power = exponent(size);
  const third = (power - 1) * 0.3333333333333333 + 6755399441055744 - 6755399441055744;
  const rest = power - third * 3;
  const part = significand(size);
  const start = 1.541887014878942 - 0.8099603224666699 * part + (0.31775712366762676 - 0.04993690159201155 * part) * (part * part);
  const guess = start * (rest === 0 ? 1 : rest === 1 ? 0.7937005259840998 : 0.6299605249474366);
  const cube = scale(part, rest);
  const miss = 1 - cube * guess * (guess * guess);
  const reciprocal = guess + guess * (miss * (0.3333333333333333 + 0.2222222222222222 * miss));
  const result = scale(cube * (reciprocal * reciprocal), third);
  return size > 0 && size < Infinity ? copySign(result, x) : x;
};

/** The larger of `largest` and the size of `x`: NaN, which does not compare, is left to the sum, so that an infinity is seen beside it. */
export const hypotLargest = (largest: number, x: number): number => (Math.abs(x) > largest ? Math.abs(x) : largest);

/** The power of two that brings the largest argument to a size from 1 to 2, or as near to it as subnormals come. */
export const hypotFactor = (largest: number): number => scale(1, -exponent(largest));

/**
 * The square of the leading 21 bits below the point. Scaled arguments are less than 2, so these squares are multiples of
 * 2 ** -40 less than 4 and every sum of them is exact, in any order, up to 2,048 arguments.
 */
export const hypotSquare = (scaled: number): number => {
  const leading = scaled + 6442450944 - 6442450944;
  return leading * leading;
};

/** What `hypotSquare` leaves of the square. */
export const hypotRest = (scaled: number): number => {
  const leading = scaled + 6442450944 - 6442450944;
  return (scaled - leading) * (scaled + leading);
};

/** The root of `squares + rests`, scaled back. The root of the rounded sum is corrected by what it and the rounding leave. */
export const hypotRoot = (squares: number, rests: number, largest: number): number => {
  const sum = squares + rests;
  const root = Math.sqrt(sum);
  const rootHead = head(root);
  const rootTail = root - rootHead;
  const left = sum - rootHead * rootHead - (rootHead + rootHead) * rootTail - rootTail * rootTail + (squares - sum + rests);
  // Zeros only have a root of 0, and any divisor will do.
  const result = scale(root + (0.5 * left) / (root + 1e-100), exponent(largest));
  return largest === Infinity ? largest : result;
};

/** The root of a sum of squares of f32 numbers: in f64 those neither overflow nor vanish. */
export const hypotRoot32 = (sum: number, largest: number): number => (largest === Infinity ? largest : Math.sqrt(sum));

const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

/** `f(… f(f(first, x1), x2) …, xn)`, a line for each step: as one expression, many arguments would be nested too deeply. */
const folded = (name: string, first: string, terms: readonly string[], step: (soFar: string, term: string) => string): string =>
  terms.map((term, i) => `  const ${name}${i + 1} = ${step(i === 0 ? first : `${name}${i}`, term)};\n`).join("");

const sum = (soFar: string, term: string): string => `${soFar} + ${term}`;

const largestOf = (xs: readonly string[]): string => folded("largest", "0", xs, (soFar, x) => `hypotLargest(${soFar}, ${x})`);

/** The text of `(x1, …) => …`, the f64 root of the sum of `count` squares, over the functions above. */
export const hypotLambda = (count: number): string => {
  const xs = names("x", count);
  const scaled = names("s", count);
  return `(${xs.join(", ")}) => {
${largestOf(xs)}  const factor = hypotFactor(largest${count});
${scaled.map((s, i) => `  const ${s} = x${i + 1} * factor;\n`).join("")}${folded("squares", "0", scaled.map(s => `hypotSquare(${s})`), sum)}${folded("rests", "0", scaled.map(s => `hypotRest(${s})`), sum)}  return hypotRoot(squares${count}, rests${count}, largest${count});
}`;
};

/** What the text of `hypotLambda(xs.length)` computes. */
export const hypot64 = (...xs: readonly number[]): number => {
  const largest = xs.reduce(hypotLargest, 0);
  const factor = hypotFactor(largest);
  const scaled = xs.map(x => x * factor);
  const sumOf = (part: (s: number) => number): number => scaled.reduce((sum, s) => sum + part(s), 0);
  return hypotRoot(sumOf(hypotSquare), sumOf(hypotRest), largest);
};

/** The text of `(x1, …) => …`, the root of the sum of `count` squares of f32 numbers, through f64. */
export const hypotLambda32 = (count: number): string => {
  const xs = names("x", count);
  return `(${xs.join(", ")}) => {
${largestOf(xs)}${folded("squares", "0", xs.map(x => `${x} * ${x}`), sum)}  return hypotRoot32(squares${count}, largest${count});
}`;
};

/** What the text of `hypotLambda32(xs.length)` computes, before it is rounded to f32. */
export const hypot32 = (...xs: readonly number[]): number => hypotRoot32(
  xs.reduce((sum, x) => sum + x * x, 0),
  xs.reduce(hypotLargest, 0),
);
