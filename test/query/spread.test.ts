/** Variance and standard deviation, against the two-pass algorithm by definition. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, type LazyValue } from "../../src/index.js";
import { elementTypeOf } from "../../fusion/values.js";
import { canonicalFold, ELEMENT_CASES, expectedSum, isBig, sample } from "./support.js";

const js = createRuntime({ backend: "js" });
const cpu = createRuntime({ backend: "cpu" });

function varianceOf(array: Float64Array, less = 0): number {
  const mean = Number(expectedSum(array)) / array.length;
  const sum = (of: (deviation: number) => number): number => canonicalFold(Array.from(array, x => of(x - mean)), (a, b) => a + b) ?? 0;
  return Math.max(0, sum(x => x * x) - sum(x => x) ** 2 / array.length) / Math.max(0, array.length - less);
}

describe.each([["js", js], ["cpu", cpu]] as const)("on %s", (_, { compute }) => {
  it.each(ELEMENT_CASES.filter(({ element }) => !isBig(element)))("the variance of a $name is that of two passes", async ({ element }) => {
    for (const length of [0, 1, 2, 33, 1025, 5000]) {
      const array = sample(element, length) as Float64Array;
      expect(elementTypeOf(array)).toBe(element);
      const query = compute(array);
      expect(query.variance().value()).toBe(varianceOf(array));
      expect(await query.variance({ sample: true })).toBe(varianceOf(array, 1));
      expect(query.standardDeviation().value()).toBe(Math.sqrt(varianceOf(array)));
    }
  });

  it("what cancels out elsewhere stays", () => {
    const array = Float64Array.from({ length: 4000 }, (_, i) => 1e9 + (i % 2));
    expect(compute(array).variance().value()).toBe(0.25);
    expect(compute({ array }).filter(r => r.array > 0).standardDeviation(r => r.array * 2).value()).toBe(1);
  });

  it("NaN and infinities have none, and of what a filter leaves nothing of there is none", () => {
    expect(compute(Float64Array.of(1, NaN)).variance().value()).toBeNaN();
    expect(compute(Float64Array.of(1, Infinity)).variance().value()).toBeNaN();
    expect(compute(Float64Array.of(1, 2)).filter(x => x > 2).variance().value()).toBeNaN();
    expect(compute(Float64Array.of(5)).variance({ sample: true }).value()).toBeNaN();
    expect(compute(Float64Array.of(5)).standardDeviation().value()).toBe(0);
  });
});

/** A double as the whole number of some power of two that it is. */
function wholeOf(x: number): { readonly whole: bigint; readonly exponent: number } {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0] as bigint;
  const exponent = Number((bits >> 52n) & 2047n);
  const whole = (bits & ((1n << 52n) - 1n)) | (exponent === 0 ? 0n : 1n << 52n);
  return { whole: x < 0 ? -whole : whole, exponent: Math.max(1, exponent) - 1075 };
}

/** How far a variance is from the exact one, as a part of it. */
function errorOf(found: number, array: Float64Array): number {
  const parts = Array.from(array, wholeOf);
  const low = parts.reduce((least, { whole, exponent }) => (whole === 0n ? least : Math.min(least, exponent)), Infinity);
  let [sum, squares] = [0n, 0n];
  for (const { whole, exponent } of parts) {
    const x = whole === 0n ? 0n : whole << BigInt(exponent - low);
    sum += x;
    squares += x * x;
  }
  // Both sides times n² and a power of two that makes them whole.
  const n = BigInt(array.length);
  const { whole, exponent } = wholeOf(found);
  const scale = Math.max(0, -exponent, -2 * low);
  const exact = (n * squares - sum * sum) << BigInt(2 * low + scale);
  const difference = ((whole * n * n) << BigInt(exponent + scale)) - exact;
  return Number(((difference < 0n ? -difference : difference) << 100n) / exact) / 2 ** 100;
}

describe("the variance is within some roundings of the exact one", () => {
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const noise = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  it.each<[string, (i: number) => number]>([
    ["noise", noise],
    ["noise a trillion times smaller than the mean", () => 1e9 + 1e-3 * noise()],
    ["units beside the largest exact integers", () => 1e15 + Math.round(4 * noise())],
    ["a drift", i => i * 1e5 + noise()],
    ["a first block that is far from all others", i => (i < 1024 ? 0 : 1e9 + noise())],
    ["first elements that are far off", i => (i < 3 ? 1e12 : noise())],
    ["all magnitudes", () => noise() * 10 ** (random() * 200 - 100)],
  ])("%s", (_, make) => {
    const array = Float64Array.from({ length: 20_000 }, (__, i) => make(i));
    expect(errorOf(js.compute(array).variance().value(), array)).toBeLessThan(1e-15);
  });

  it("and never below nothing", () => {
    for (const x of [0.1, 1e17 / 3, 1e-300]) expect(js.compute(new Float64Array(1000).fill(x)).variance().value()).toBe(0);
  });
});

describe("spread", () => {
  const query = js.compute(Float64Array.of(2, 4, 4, 4, 5, 5, 7, 9));

  it("is explained as both queries, and stored by its own name", () => {
    const text = query.variance().explain();
    expect(text).toContain(".average()");
    expect(text).toContain(".variance()");
    for (const value of [query.variance(), query.standardDeviation({ sample: true })]) {
      expect(fromJSON<LazyValue<number>>(JSON.stringify(value), Float64Array.of(1, 2, 6), { runtime: js }).value()).toBe(value.toJSON().terminal?.verb === "variance" ? 14 / 3 : Math.sqrt(7));
    }
  });

  it("refuses BigInts and other options", () => {
    expect(() => js.compute(BigInt64Array.of(1n)).variance()).toThrow("DC306: variance does not exist for BigInts");
    expect(() => query.variance({ sample: 1 } as never)).toThrow("DC305: sample is true or false, not 1");
    expect(() => query.variance(true as never)).toThrow("DC305");
  });
});
