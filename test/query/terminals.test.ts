import { describe, expect, it } from "vitest";
import { ELEMENTS } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { createRuntime } from "../../src/index.js";
import type { LazyValue, Query } from "../../src/index.js";
import { canonicalFold, ELEMENT_CASES, expectedSum, isBig, listOf, sample } from "./support.js";

const LENGTHS = [0, 1, 2, 31, 33, 1023, 1025, 4097];
const { compute } = createRuntime({ backend: "js" });

/** Types differ by case: the tests look at values. */
const queryOf = (array: AnyTypedArray): Query<Float64Array> => compute(array as Float64Array);

/** Now and off the main thread, which must agree. */
async function both<T>(lazy: LazyValue<T>): Promise<T> {
  const now = lazy.value();
  expect(await lazy).toEqual(now);
  return now;
}

describe.each(ELEMENT_CASES)("terminals of a $name", ({ element }) => {
  const big = isBig(element);
  describe.each(LENGTHS)("with %i elements", length => {
    const array = sample(element, length);
    const list = listOf(array);
    const query = queryOf(array);

    it("copies to a new array", async () => {
      expect(query.toArray()).toEqual(array);
      expect(query.toArray()).not.toBe(array);
      expect(await query.toArrayAsync()).toEqual(array);
    });

    it("counts", async () => {
      expect(await both(query.count())).toBe(length);
      const kept = big ? query.filter(x => (x as unknown as bigint) > 0n) : query.filter(x => x > 0);
      expect(await both(kept.count())).toBe(list.filter(x => x > 0).length);
    });

    it("sums", async () => {
      expect(await both(query.sum())).toEqual(expectedSum(array));
    });

    it("finds the smallest and the largest", async () => {
      if (big && length === 0) {
        expect(() => query.min().value()).toThrow(new TypeError(`The min of an empty ${ELEMENTS[element].array} does not exist: there is no infinite BigInt`));
        await expect(query.max()).rejects.toThrow(TypeError);
        return;
      }
      expect(await both(query.min())).toEqual(big ? list.reduce((a, x) => (x < a ? x : a)) : Math.min(...(list as number[])));
      expect(await both(query.max())).toEqual(big ? list.reduce((a, x) => (x > a ? x : a)) : Math.max(...(list as number[])));
    });

    it("takes the first and the last", async () => {
      expect(await both(query.first())).toEqual(list[0]);
      expect(await both(query.last())).toEqual(list.at(-1));
    });

    it("averages", async () => {
      if (big) {
        expect(() => (query as unknown as { average(): unknown }).average()).toThrow(/^DC306: BigInts have no average/);
        return;
      }
      expect(await both(query.average())).toEqual(Number(expectedSum(array)) / length);
    });

    it("searches by predicate", async () => {
      const half = Math.floor(length / 2);
      const search = (place: number) => {
        const wanted = place < length ? (list[place] as number) : (0 as number);
        const target = big ? (BigInt(wanted) as unknown as number) : wanted;
        return {
          js: (x: unknown, i: number) => x === wanted && i >= place,
          run: <T>(use: (f: (x: number, i: number) => boolean, captures: { target: number; place: number }) => T): T => use((x, i) => x === target && i >= place, { target, place }),
        };
      };
      for (const place of [0, half, length - 1, length]) {
        if (place < 0) continue;
        const { js, run } = search(place);
        expect(await both(run((f, captures) => query.find(f, captures)))).toEqual(list.find(js));
        expect(await both(run((f, captures) => query.findIndex(f, captures)))).toBe(list.findIndex(js));
        expect(await both(run((f, captures) => query.some(f, captures)))).toBe(list.some(js));
      }
      const all = big ? query.every(x => (x as unknown as bigint) < 9000000000000000000n) : query.every(x => x > -1001);
      expect(await both(all)).toBe(list.every(x => (typeof x === "bigint" ? x < 9000000000000000000n : x > -1001)));
    });

    it("searches by value", async () => {
      const values = [...new Set([list[0], list[Math.floor(length / 2)], list.at(-1), big ? 12345678901n : 12345.5, big ? 0n : 0])];
      for (const value of values) {
        if (value === undefined) continue;
        const js = array as unknown as { indexOf(x: unknown): number; includes(x: unknown): boolean };
        expect(await both(query.indexOf(value as number))).toBe(js.indexOf(value));
        expect(await both(query.includes(value as number))).toBe(js.includes(value));
      }
    });

    it("reduces in the canonical order, and from left to right on demand", async () => {
      if (big) {
        const wrap = (x: bigint): bigint => (element === "i64" ? BigInt.asIntN(64, x) : BigInt.asUintN(64, x));
        const bigs = query as unknown as Query<BigInt64Array>;
        expect(await both(bigs.reduce((a, x) => a + x, 5n))).toBe(wrap((list as bigint[]).reduce((a, x) => a + x, 5n)));
        expect(await both(bigs.reduce((a, x) => a ^ x, 0n))).toBe(wrap((list as bigint[]).reduce((a, x) => a ^ x, 0n)));
        expect(await both(bigs.reduce((a, x) => a * 3n + x, 1n))).toBe((list as bigint[]).reduce((a, x) => wrap(a * 3n + x), 1n));
        return;
      }
      const numbers = list as number[];
      const term = (x: number): number => (element === "f32" ? Math.fround(x * x) : x * x);
      expect(await both(query.reduce((a, x) => a + x * x, 0.5))).toEqual(0.5 + (canonicalFold(numbers.map(term), (a, b) => a + b) ?? 0));
      expect(await both(query.reduce((a, x) => a + x, 0.5, {}, { sequential: true }))).toEqual(numbers.reduce((a, x) => a + x, 0.5));
      expect(await both(query.reduce((a, x) => Math.max(a, x), 3))).toEqual(numbers.reduce((a, x) => Math.max(a, x), 3));
      expect(await both(query.reduce((a, x) => (x > a ? x : a - 1), 0))).toEqual(numbers.reduce((a, x) => (x > a ? x : a - 1), 0));
      expect(await both(query.reduce((a, x) => a && x < 1e6, true))).toBe(numbers.reduce((a, x) => a && x < 1e6, true));
      expect(await both(query.reduce((a, _x, i) => a + i, 0))).toBe(numbers.reduce((a, _x, i) => a + i, 0));
    });
  });

  it("refuses to reduce nothing without a seed, in JavaScript's words", async () => {
    const empty = queryOf(newArray(element, 0));
    const message = "Reduce of empty array with no initial value";
    expect(() => empty.reduce((a, x) => a + x).value()).toThrow(new TypeError(message));
    await expect(empty.reduce((a, x) => a + x)).rejects.toThrow(new TypeError(message));
    const none = queryOf(sample(element, 40)).filter(x => x !== x);
    expect(() => none.reduce((a, x) => a + x).value()).toThrow(new TypeError(message));
    expect(() => none.reduce((a, x) => (x > a ? a : x)).value()).toThrow(new TypeError(message));
  });

  it("starts from the first element without a seed", () => {
    const array = sample(element, 100);
    expect(queryOf(array).reduce((a, x) => (x > a ? x : a)).value()).toEqual(listOf(array).reduce((a, x) => (x > a ? x : a)));
  });
});

describe("nothing", () => {
  it("has identities", () => {
    const none = compute(new Float64Array(0));
    expect(none.sum().value()).toBe(0);
    expect(none.average().value()).toBeNaN();
    expect(none.min().value()).toBe(Infinity);
    expect(none.max().value()).toBe(-Infinity);
    expect(none.first().value()).toBeUndefined();
    expect(none.last().value()).toBeUndefined();
    expect(none.find(x => x > 0).value()).toBeUndefined();
    expect(none.findIndex(x => x > 0).value()).toBe(-1);
    expect(none.some(x => x === x).value()).toBe(false);
    expect(none.every(x => x !== x).value()).toBe(true);
    expect(none.reduce((a, x) => a + x, 42).value()).toBe(42);
    expect(none.reduce((a, x) => a & x, 0.5).value()).toBe(0.5);
    expect(compute(new BigUint64Array(0)).sum().value()).toBe(0n);
  });
});

describe("NaN and signed zeros", () => {
  const array = Float64Array.of(3, NaN, -0, 0);
  it("spreads through min, max and sum as through Math's", () => {
    expect(compute(array).min().value()).toBeNaN();
    expect(compute(array).max().value()).toBeNaN();
    expect(compute(array).sum().value()).toBeNaN();
    expect(compute(Float64Array.of(0, -0)).min().value()).toBe(-0);
    expect(compute(Float64Array.of(-0, 0)).max().value()).toBe(0);
  });
  it("is found by includes and not by indexOf", () => {
    expect(compute(array).includes(NaN).value()).toBe(true);
    expect(compute(array).indexOf(NaN).value()).toBe(-1);
    expect(compute(array).indexOf(0).value()).toBe(2);
    expect(compute(array).includes(-0).value()).toBe(true);
    expect(compute(Float64Array.of(1)).includes(NaN).value()).toBe(false);
  });
});

describe("searching after a filter", () => {
  it("counts places in the sequence", async () => {
    const array = sample("i32", 5000) as Int32Array;
    const kept = array.filter(x => x % 2 === 0);
    const query = compute(array).filter(x => x % 2 === 0);
    const late = kept[kept.length - 1] as number;
    expect(await both(query.indexOf(late))).toBe(kept.indexOf(late));
    expect(await both(query.findIndex(x => x > 500))).toBe(kept.findIndex(x => x > 500));
    expect(await both(query.findIndex(x => x > 1e12))).toBe(-1);
    expect(await both(query.last())).toBe(kept.at(-1));
  });
});

describe("BigInts that fit in no array", () => {
  it("are not found", async () => {
    const array = BigUint64Array.of(0n, 1n);
    expect(await both(compute(array).indexOf(2n ** 64n))).toBe(-1);
    expect(await both(compute(array).includes(-1n))).toBe(false);
    expect(await both(compute(BigInt64Array.of(-1n)).includes(2n ** 64n - 1n))).toBe(false);
  });
});

describe("combine", () => {
  it("joins lanes in the canonical order", async () => {
    const array = sample("f64", 5000) as Float64Array;
    // The larger magnitude, the earlier of two equals: associative, and not of the form a ⊕ f(x).
    const larger = (a: number, x: number): number => (Math.abs(x) > Math.abs(a) ? x : a);
    const query = compute(array).reduce((a, x) => (Math.abs(x) > Math.abs(a) ? x : a), 0, {}, { combine: (a, b) => (Math.abs(b) > Math.abs(a) ? b : a) });
    expect(await both(query)).toBe(canonicalFold([...array], larger));
    const total = compute(array).reduce((a, x) => (x > 0 ? a + 1 : a), 0, {}, { combine: (a, b) => a + b });
    expect(await both(total)).toBe(array.filter(x => x > 0).length);
  });
});
