/** Division in 32 bits is JavaScript's division, for every dividend of 8 and 16 bits and at the ends of wider ranges. */
import { expect, it } from "vitest";
import { apply, constant, convert, local, number } from "../../fusion/build.js";
import { integers, within } from "../../fusion/interval.js";
import type { Expr } from "../../fusion/ir.js";
import { forType, operator, type Evaluate } from "../../fusion/ops.js";
import { divisionOf, quotient, remainder, type Rounding } from "../../fusion/passes/divide.js";
import { Ranges } from "../../fusion/passes/ranges.js";
import { RANGE, kernelOf } from "./by-hand.js";

const ROUNDINGS: readonly Rounding[] = ["floor", "ceil", "round", "trunc"];
const DIVISORS = [2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 16, 25, 60, 77, 100, 127, 128, 255, 256, 257, 641, 1000, 1024, 10_000, 32_767, 32_768, 65_535, 65_536, 2 ** 30];
const BOUNDS: readonly (readonly [number, number])[] = [[0, 255], [-128, 127], [0, 65_535], [-32_768, 32_767], [-255, 255], [1000, 5000], [-7, 3], [-40_000, -5], [0, 2 ** 31 - 1], [-(2 ** 31), 2 ** 31 - 1]];

const x = local("i32", "x");

/** The expression as a function of x, with the operator table's meaning. */
function evaluator(expr: Expr): (x: number) => number {
  if (expr.kind === "const") return () => expr.value as number;
  if (expr.kind === "local") return value => value;
  if (expr.kind !== "apply") throw new Error(expr.kind);
  const [a, b] = expr.args.map(evaluator) as [(x: number) => number, (x: number) => number];
  const f = forType<Evaluate>(operator(expr.op).evaluate, "i32") as (a: number, b: number) => number;
  return value => f(a(value), b(value)) | 0;
}

const places = (low: number, high: number): readonly number[] => {
  if (high - low <= 65_535) return Array.from({ length: high - low + 1 }, (_, at) => low + at);
  return [low, low + 1, high - 1, high, ...Array.from({ length: 2000 }, (_, at) => Math.floor(low + ((high - low) / 2000) * at)), ...Array.from({ length: 200 }, (_, at) => Math.max(low, at - 100))];
};

it("is exact wherever it is done", () => {
  let done = 0;
  for (const [low, high] of BOUNDS) {
    for (const divisor of DIVISORS) {
      const whole = { expr: x, range: integers(low, high) };
      const wanted = places(low, high);
      for (const rounding of ROUNDINGS) {
        const expr = quotient(rounding, whole, divisor);
        if (expr === null) continue;
        done++;
        const f = evaluator(expr);
        const wrong = wanted.find(value => f(value) !== 0 + Math[rounding](value / divisor));
        expect(wrong, `${rounding}(x / ${String(divisor)}) in ${String(low)}…${String(high)}`).toBeUndefined();
      }
      const expr = remainder(whole, divisor);
      if (expr === null) continue;
      done++;
      const f = evaluator(expr);
      expect(wanted.find(value => f(value) !== 0 + (value % divisor)), `x % ${String(divisor)} in ${String(low)}…${String(high)}`).toBeUndefined();
    }
  }
  expect(done).toBeGreaterThan(900);
});

it("knows divisions, and multiplications that are some", () => {
  const wide = convert("f64", x);
  expect(divisionOf(apply("div", wide, number(3)))).toEqual({ dividend: wide, divisor: 3 });
  expect(divisionOf(apply("mul", wide, number(0.25)))).toEqual({ dividend: wide, divisor: 4 });
  for (const by of [1 / 3, 3, 0.75, 0, -0.5, NaN, Infinity]) expect(divisionOf(apply("mul", wide, number(by)))).toBeNull();
  for (const by of [0, -3, 2.5, NaN, Infinity, 1]) expect(divisionOf(apply("div", wide, number(by)))).toBeNull();
});

it("has quotients bounded by range analysis", () => {
  const ranges = new Ranges(kernelOf(RANGE, { kind: "count" }, []));
  const byte = convert("f64", apply("and", x, constant("i32", 255)));
  expect(ranges.of(apply("div", byte, number(2)))).toMatchObject({ low: 0, high: 127.5, nan: false, negativeZero: false });
  expect(within(ranges.of(apply("floor", apply("div", byte, number(-3)))), -85, 0, true)).toBe(true);
  expect(ranges.of(apply("div", byte, number(0)))).toMatchObject({ nan: true });
});
