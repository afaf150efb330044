/** The values that ECMAScript prescribes, and those that are exact: no error at all is allowed there. */
import { describe, expect, it } from "vitest";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { usualArity } from "../../fusion/ops.js";

const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];
const UNARY = NAMES.filter(name => usualArity(name) === 1);
const BINARY = NAMES.filter(name => usualArity(name) === 2);

const signed = (values: readonly number[]): number[] => values.flatMap(x => [x, -x]);
const CORNERS = [NaN, ...signed([0, 1, Infinity])];
const EDGES = {
  f64: signed([5e-324, 2 ** -1022, Number.MAX_VALUE]),
  f32: signed([2 ** -149, 2 ** -126, 2 ** 128 - 2 ** 104]),
} as const;
const OTHERS = signed([0.5, 2, 3, 1.5, 100, 1e10, 2 ** 31, 2 ** 24 - 1]);

const inJavaScript = (name: ElementaryName, args: readonly number[]): number =>
  name === "exp2" ? 2 ** (args[0] as number) : (Math[name] as (...xs: readonly number[]) => number)(...args);

describe.each(["f64", "f32"] as const)("special values in %s", format => {
  const round = format === "f64" ? (x: number): number => x : Math.fround;
  const call = (name: ElementaryName, args: readonly number[]): number => round(FUNCTIONS[name][format](...args));
  const every = [...CORNERS, ...EDGES[format], ...OTHERS];

  /** Each call whose value is not the expected one, in words. */
  const wrongOf = (name: ElementaryName, calls: readonly (readonly [args: readonly number[], expected: number])[]): string[] =>
    calls
      .filter(([args, expected]) => !Object.is(call(name, args), expected))
      .map(([args, expected]) => `${name}(${args.map(x => (Object.is(x, -0) ? "-0" : String(x))).join(", ")}) is ${String(call(name, args))}, not ${String(expected)}`);

  /** What JavaScript says of these calls, where it says NaN, a zero or an infinity. */
  const prescribed = (name: ElementaryName, calls: readonly (readonly number[])[]): (readonly [readonly number[], number])[] =>
    calls.map(args => [args, round(inJavaScript(name, args))] as const).filter(([, expected]) => !Number.isFinite(expected) || expected === 0);

  it.each(UNARY)("%s of special values", name => {
    expect(wrongOf(name, prescribed(name, every.map(x => [x])))).toEqual([]);
  });

  it.each(BINARY)("%s of every pair of special values", name => {
    expect(wrongOf(name, prescribed(name, every.flatMap(x => every.map(y => [x, y]))))).toEqual([]);
  });

  it.each(["expm1", "log1p", "sin", "tan", "asin", "atan", "sinh", "tanh", "asinh", "atanh"] as const)("%s of a number near 0 is that number", name => {
    const tiny = [...EDGES[format].filter(x => Math.abs(x) < 1), ...signed(format === "f64" ? [1e-300, 3e-200, 7e-100] : [1e-40, 3e-30, 7e-20].map(Math.fround))];
    expect(wrongOf(name, tiny.map(x => [[x], x]))).toEqual([]);
  });

  it.each(["exp", "exp2", "cos", "cosh"] as const)("%s of a number near 0 is 1", name => {
    expect(wrongOf(name, [0, -0, 1e-300, -1e-300, ...EDGES[format].filter(x => Math.abs(x) < 1)].map(x => [[round(x)], 1]))).toEqual([]);
  });

  it("gives the angles of the axes and the diagonals", () => {
    const angles = ["atan", "asin", "acos"] as const;
    for (const name of angles) expect(wrongOf(name, [0, -0, 1, -1, Infinity, -Infinity].map(x => [[x], round(inJavaScript(name, [x]))]))).toEqual([]);
    expect(wrongOf("atan2", CORNERS.flatMap(y => CORNERS.map(x => [[y, x], round(Math.atan2(y, x))] as const)))).toEqual([]);
  });

  it("gives exact powers, logarithms and roots", () => {
    const [least, most] = format === "f64" ? [-1074, 1023] : [-149, 127];
    const integers = (low: number, high: number): number[] => Array.from({ length: high - low + 1 }, (_, i) => low + i);
    const digits = format === "f64" ? 53 : 24;
    const powers = integers(least, most).map(n => [n, 2 ** n] as const);
    expect(wrongOf("exp2", powers.map(([n, power]) => [[n], power]))).toEqual([]);
    expect(wrongOf("log2", powers.map(([n, power]) => [[power], n]))).toEqual([]);
    expect(wrongOf("pow", powers.map(([n, power]) => [[2, n], power]))).toEqual([]);
    expect(wrongOf("pow", powers.map(([n, power]) => [[0.5, -n], power]))).toEqual([]);
    expect(wrongOf("log10", integers(0, format === "f64" ? 22 : 10).map(n => [[Number(`1e${String(n)}`)], n]))).toEqual([]);
    const cubes = integers(-200, 200).filter(n => n !== 0);
    expect(wrongOf("cbrt", cubes.map(n => [[n ** 3], n]))).toEqual([]);
    expect(wrongOf("cbrt", integers(Math.ceil(least / 3), Math.floor(most / 3)).map(n => [[2 ** (3 * n)], 2 ** n]))).toEqual([]);
    const small = integers(2, 60).flatMap(x => integers(0, 60).filter(y => y * Math.log2(x) < digits - 0.001).flatMap(y => [x, -x].map(base => [base, y] as const)));
    expect(wrongOf("pow", small.map(([x, y]) => [[x, y], Number(BigInt(x) ** BigInt(y))]))).toEqual([]);
    expect(wrongOf("pow", integers(1, 255).flatMap(n => [[[n * n, 0.5], n], [[n ** 2, 1.5], n ** 3], [[n / 8, 1], n / 8], [[n / 8, 2], (n / 8) ** 2]] as const))).toEqual([]);
    const triples = [[3, 4, 5], [5, 12, 13], [8, 15, 17], [7, 24, 25], [20, 21, 29], [696, 697, 985], [-3, 4, 5], [0, -7, 7]] as const;
    const scales = [1, 2 ** 100, 2 ** -100, format === "f64" ? 2 ** -1070 : 2 ** -145, format === "f64" ? 2 ** 1000 : 2 ** 110];
    expect(wrongOf("hypot", triples.flatMap(([a, b, c]) => scales.map(s => [[a * s, b * s], c * s] as const)))).toEqual([]);
  });
});
