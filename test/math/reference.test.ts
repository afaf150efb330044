/** The references themselves, judged by decimal.js: another program, with other algorithms and other constants. */
import { Decimal } from "decimal.js";
import { describe, expect, it } from "vitest";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { add, exponentOf, fromNumber, isZero, ulpsBetween, type Big } from "./reference/big.js";
import { REFERENCES } from "./reference/functions.js";
import { randomNumbers } from "./points.js";
import { TRIALS } from "./trials.js";

const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];
const COUNT = 600;

type Judge = (x: Decimal, y: Decimal) => Decimal;

const JUDGES: Readonly<Record<ElementaryName, Judge>> = {
  exp: x => x.exp(),
  exp2: x => new (x.constructor as typeof Decimal)(2).pow(x),
  expm1: x => x.exp().minus(1),
  log: x => x.ln(),
  log1p: x => x.plus(1).ln(),
  log2: x => x.log(2),
  log10: x => x.log(10),
  sin: x => x.sin(),
  cos: x => x.cos(),
  tan: x => x.sin().dividedBy(x.cos()),
  asin: x => x.asin(),
  acos: x => x.acos(),
  atan: x => x.atan(),
  sinh: x => x.exp().minus(x.negated().exp()).dividedBy(2),
  cosh: x => x.cosh(),
  tanh: x => {
    const e = x.times(2).exp();
    return e.minus(1).dividedBy(e.plus(1));
  },
  asinh: x => x.asinh(),
  acosh: x => x.acosh(),
  atanh: x => x.atanh(),
  cbrt: x => x.cbrt(),
  atan2: (y, x) => (y.constructor as typeof Decimal).atan2(y, x),
  hypot: (x, y) => x.times(x).plus(y.times(y)).sqrt(),
  pow: (x, y) => x.pow(y),
};

/** Numbers of `digits` digits, and of any size. */
const decimals = (digits: number): typeof Decimal => Decimal.clone({ precision: digits, maxE: 9e15, minE: -9e15 });

/** Exactly: no float has more digits. */
const Exact = decimals(1200);
const exactly = ({ m, e }: Big): Decimal => new Exact(2).pow(e).times(m.toString());

/** What is computed here from numbers near 1, so that small arguments lose digits. */
const LOSING: readonly ElementaryName[] = ["expm1", "log1p", "sinh", "tanh"];

/** Digits enough to compare thirty. */
const digitsFor = (name: ElementaryName, args: readonly number[]): number =>
  60 + (LOSING.includes(name) ? Math.max(0, ...args.map(x => (x === 0 ? 0 : -Math.ceil(exponentOf(fromNumber(x)) * 0.31)))) : 0);

/** Where the references stop counting, far beyond every float. */
const BOUNDED: readonly ElementaryName[] = ["exp", "exp2", "expm1", "sinh", "cosh", "tanh"];
const isOutside = (name: ElementaryName, args: readonly number[]): boolean => BOUNDED.includes(name) && Math.abs(args[0] as number) > 1000;

/** Whether decimal.js would take long: only some of these are judged. */
const isFar = (args: readonly number[]): boolean => args.some(x => x !== 0 && Math.abs(exponentOf(fromNumber(x))) > 100);

describe("the references", () => {
  it.each(NAMES)("%s agrees with decimal.js in thirty digits", name => {
    const random = randomNumbers(NAMES.indexOf(name) + 1);
    const { points } = TRIALS[name];
    const wrong: string[] = [];
    let judged = 0;
    for (let count = 0; count < COUNT; count += 1) {
      const args = (points[count % points.length] as (typeof points)[number])(random, "f64");
      if (!args.every(Number.isFinite) || isOutside(name, args) || (isFar(args) && count % 10 !== 0)) continue;
      const truth = REFERENCES[name](...args);
      if (truth === undefined || isZero(truth) || Math.abs(exponentOf(truth)) > 1400) continue;
      const Digits = decimals(digitsFor(name, args));
      const [x, y] = args.map(value => new Digits(exactly(fromNumber(value))));
      const expected = JUDGES[name](x as Decimal, (y ?? x) as Decimal);
      const off = new Digits(exactly(truth)).minus(expected).dividedBy(expected).abs();
      judged += 1;
      if (!off.lessThan(1e-30)) wrong.push(`${name}(${args.join(", ")}): off by ${off.toPrecision(3)}`);
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(judged).toBeGreaterThan(200);
  });
});

describe("an error in units of the last place", () => {
  const plus = (x: number, e: number): Big => add(fromNumber(x), { m: 1n, e });

  it.each([
    ["half of one above 1", 1, plus(1, -53), "f64", 0.5],
    ["the next float's", 1 + 2 ** -52, plus(1, -60), "f64", 1 - 2 ** -8],
    ["a wider one's, above 2", -2, { m: -(2n ** 53n + 1n), e: -52 }, "f64", 0.5],
    ["a subnormal's", 5e-324, { m: 3n, e: -1075 }, "f64", 0.5],
    ["nothing's where something was below all floats", 0, { m: 1n, e: -3000 }, "f64", 0],
    ["of f32", 1, plus(1, -24), "f32", 0.5],
    ["of a subnormal f32", 2 ** -149, { m: 3n, e: -150 }, "f32", 0.5],
    ["an infinity's where it is right", Infinity, { m: 1n, e: 1024 }, "f64", 0],
    ["an infinity's where the largest float was right", Infinity, fromNumber(Number.MAX_VALUE), "f64", 1],
    ["the largest float's where an infinity was right", Number.MAX_VALUE, { m: 1n, e: 1024 }, "f64", 1],
    ["the wrong infinity's", -Infinity, { m: 1n, e: 3000 }, "f64", Infinity],
    ["NaN's", NaN, fromNumber(1), "f64", Infinity],
    ["an f32 infinity's where it is right", Infinity, { m: 1n, e: 128 }, "f32", 0],
  ] as const)("%s", (_, found, truth, format, ulps) => {
    expect(ulpsBetween(found, truth, format)).toBeCloseTo(ulps, 8);
  });
});
