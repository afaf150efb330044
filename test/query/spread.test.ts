/** Variance and standard deviation, against the two-pass algorithm by definition. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, type LazyValue } from "../../src/index.js";
import { elementTypeOf } from "../../fusion/values.js";
import { canonicalFold, ELEMENT_CASES, expectedSum, isBig, sample } from "./support.js";

const js = createRuntime({ backend: "js" });
const cpu = createRuntime({ backend: "cpu" });

function varianceOf(array: Float64Array, less = 0): number {
  const mean = Number(expectedSum(array)) / array.length;
  return (canonicalFold(Array.from(array, x => (x - mean) * (x - mean)), (a, b) => a + b) ?? 0) / Math.max(0, array.length - less);
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
