import { describe, expect, it } from "vitest";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { createRuntime, range, type Query } from "../../src/index.js";
import { dataOf, difference } from "../fusion/by-hand.js";
import { ELEMENT_CASES, isBig, listOf, sample } from "./support.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, compute: createRuntime({ backend }).compute }));
const LENGTHS = [0, 1, 31, 32, 33, 1023, 1024, 1025, 5000];

type Value = number | bigint | boolean;
type Join = (a: Value, x: Value) => Value;

/** The canonical scan order, element by element: what is joined to x[at] in its row is found by looking back, doubling by doubling. */
function canonical(terms: readonly Value[], seed: Value | null, join: Join): readonly Value[] {
  const inRow = (row: number, at: number, by: number): Value => {
    if (by === 0) return terms[row + at] as Value;
    const own = inRow(row, at, by >> 1);
    return at < by ? own : join(inRow(row, at - by, by >> 1), own);
  };
  const results: Value[] = [];
  let beforeBlock = seed;
  let beforeRow: Value | null = null;
  terms.forEach((_, place) => {
    const at = place % 32;
    const row = inRow(place - at, at, 16);
    if (place % 1024 === 0) beforeRow = null;
    const inBlock: Value = beforeRow === null ? row : join(beforeRow, row);
    const result: Value = beforeBlock === null ? inBlock : join(beforeBlock, inBlock);
    results.push(result);
    if (at === 31) beforeRow = inBlock;
    if (place % 1024 === 1023) beforeBlock = result;
  });
  return results;
}

function running(terms: readonly Value[], seed: Value | null, join: Join): readonly Value[] {
  let carried = seed;
  return terms.map(term => (carried = carried === null ? term : join(carried, term)));
}

const exclusive = (results: readonly Value[], seed: Value): readonly Value[] => [seed, ...results].slice(0, results.length);

/** As an array of such elements stores them. */
function stored(element: ElementType, values: readonly Value[]): AnyTypedArray {
  const array = newArray(element, values.length) as Float64Array;
  values.forEach((value, at) => (array[at] = (typeof value === "boolean" ? Number(value) : value) as number));
  return array;
}

const queries = (array: AnyTypedArray): readonly Query<Float64Array>[] => RUNTIMES.map(({ compute }) => compute(array as Float64Array));

function expectSame(actual: AnyTypedArray, wanted: AnyTypedArray): void {
  expect(difference(actual, wanted)).toBeNull();
}

interface Case {
  readonly name: string;
  readonly scan: (query: Query<Float64Array>, seed: number | undefined, options: { exclusive?: boolean }) => Query<Float64Array>;
  readonly join: Join;
  readonly seed: number;
  /** Of floats that are no whole numbers, too. */
  readonly floats: boolean;
}

const CASES: readonly Case[] = [
  { name: "add", scan: (q, seed, o) => q.scan((a, x) => a + x, seed as number, {}, o), join: (a, x) => (a as number) + (x as number), seed: 3, floats: true },
  { name: "mul", scan: (q, seed, o) => q.scan((a, x) => x * a, seed as number, {}, o), join: (a, x) => (a as number) * (x as number), seed: 1, floats: true },
  { name: "min", scan: (q, seed, o) => q.scan((a, x) => Math.min(a, x), seed as number, {}, o), join: (a, x) => Math.min(a as number, x as number), seed: 90, floats: true },
  { name: "max", scan: (q, seed, o) => q.scan((a, x) => Math.max(x, a), seed as number, {}, o), join: (a, x) => Math.max(a as number, x as number), seed: -7, floats: true },
  { name: "and", scan: (q, seed, o) => q.scan((a, x) => a & x, seed as number, {}, o), join: (a, x) => (a as number) & (x as number), seed: -1, floats: false },
  { name: "or", scan: (q, seed, o) => q.scan((a, x) => a | x, seed as number, {}, o), join: (a, x) => (a as number) | (x as number), seed: 0, floats: false },
  { name: "xor", scan: (q, seed, o) => q.scan((a, x) => a ^ x, seed as number, {}, o), join: (a, x) => (a as number) ^ (x as number), seed: 5, floats: false },
];

describe.each(ELEMENT_CASES.filter(({ element }) => !isBig(element)))("running values of a $name", ({ element }) => {
  const { integer } = ELEMENTS[element];
  describe.each(CASES.filter(({ floats }) => floats || integer))("by $name", ({ name, scan, join, seed }) => {
    // NaN and huge values soon are all there is: the order shows where there are none.
    it.each(LENGTHS.flatMap(length => [[length, true], [length, false]] as const))("with %i elements, special ones among them: %s", (length, special) => {
      const array = special ? sample(element, length, true) : dataOf(element, length);
      const terms = listOf(array);
      // Sums of integers that are stored as such are exact.
      const fewer = name !== "add" && (name !== "min" || ELEMENTS[element].bytes < 4);
      const exact = integer && element !== "u8c" && name === "add";
      const results = (start: number | null): readonly Value[] => {
        if (!exact) return canonical(terms, start, join);
        const sums = running(terms.map(value => BigInt(value)), start === null ? null : BigInt(start), (a, x) => (a as bigint) + (x as bigint));
        return sums.map(sum => Number(BigInt.asIntN(32, sum as bigint)));
      };
      for (const query of queries(array)) {
        expectSame(scan(query, seed, {}).toArray(), stored(element, results(seed)));
        if (fewer) continue;
        expectSame(scan(query, undefined, {}).toArray(), stored(element, results(null)));
        expectSame(scan(query, seed, { exclusive: true }).toArray(), stored(element, exclusive(results(seed), seed)));
      }
    });
  });
});

describe.each(["i8", "u8", "i16", "u16", "i32"] as const)("least and greatest values so far, of %s", element => {
  it.each(LENGTHS)("begin with the first of %i elements", length => {
    const array = sample(element, length, true);
    const terms = listOf(array);
    for (const query of queries(array)) {
      expectSame(query.scan((a, x) => Math.min(a, x)).toArray(), stored(element, running(terms, null, (a, x) => Math.min(a as number, x as number))));
      expectSame(query.map(x => x >> 1).scan((a, x) => Math.max(x, a)).toArray(), stored(element, running(terms.map(x => (x as number) >> 1), null, (a, x) => Math.max(a as number, x as number))));
      const [kernel] = (query.scan((a, x) => Math.min(a, x)).explain({ format: "json" })).kernels;
      expect(kernel?.gives).toMatch(/i32/);
    }
  });
});

describe.each(["i64", "u64"] as const)("running values of BigInts, %s", element => {
  const wrap = (value: bigint): bigint => (element === "i64" ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value));
  it.each(LENGTHS)("with %i elements", length => {
    const array = sample(element, length);
    const terms = listOf(array);
    const by = (f: (a: bigint, x: bigint) => bigint): Join => (a, x) => wrap(f(a as bigint, x as bigint));
    for (const { compute } of RUNTIMES) {
      const query = compute(array as BigInt64Array);
      expectSame(query.scan((a, x) => a + x, 7n).toArray(), stored(element, running(terms, 7n, by((a, x) => a + x))));
      expectSame(query.scan((a, x) => a * x).toArray(), stored(element, running(terms, null, by((a, x) => a * x))));
      expectSame(query.scan((a, x) => a ^ x, 1n, {}, { exclusive: true }).toArray(), stored(element, exclusive(running(terms, 1n, by((a, x) => a ^ x)), 1n)));
      expectSame(query.scan((a, x) => a - x, 1n).toArray(), stored(element, running(terms, 1n, by((a, x) => a - x))));
    }
  });
});

describe.each(RUNTIMES)("scan on $backend", ({ compute }) => {
  const wild = sample("f64", 2100, true);
  const list = listOf(wild) as number[];

  it.each([0, 1, 33, 2100])("runs other reducers from left to right, over %i elements", length => {
    const array = (wild as Float64Array).subarray(0, length);
    const k = 0.9;
    const terms = list.slice(0, length);
    const average: Join = (a, x) => (a as number) * k + (x as number) * (1 - k);
    const query = compute(array);
    expectSame(query.scan((a, x) => a * k + x * (1 - k), 5, { k }).toArray(), stored("f64", running(terms, 5, average)));
    expectSame(query.scan((a, x) => a * k + x * (1 - k), undefined, { k }).toArray(), stored("f64", running(terms, null, average)));
    expectSame(query.scan((a, x) => a * k + x * (1 - k), 5, { k }, { exclusive: true }).toArray(), stored("f64", exclusive(running(terms, 5, average), 5)));
    expectSame(query.scan((a, x) => a + x, 5, {}, { sequential: true }).toArray(), stored("f64", running(terms, 5, (a, x) => (a as number) + (x as number))));
    expectSame(query.scan((a, x, i) => a + x * i, 0, {}, { sequential: true }).toArray(), stored("f64", running(terms.map((x, i) => x * i), 0, (a, x) => (a as number) + (x as number))));
  });

  it("accumulates floats as doubles", () => {
    const array = Float32Array.from({ length: 1500 }, (_, i) => Math.fround(0.1 * (i % 7)));
    const sums = canonical(listOf(array), 0.1, (a, x) => (a as number) + (x as number));
    expectSame(compute(array).scan((a, x) => a + x, 0.1).toArray(), stored("f32", sums));
    expectSame(compute(array).scan((a, x) => a + x, 0.1, {}, { to: Float64Array }).toArray(), stored("f64", sums));
    const left = running(listOf(array), 0.1, (a, x) => (a as number) * 0.5 + (x as number));
    expectSame(compute(array).scan((a, x) => a * 0.5 + x, 0.1).toArray(), stored("f32", left));
  });

  it("fuses what comes before it, and a lambda with the index", () => {
    const query = compute(wild as Float64Array).map(x => x / 3).scan((a, x, i) => a + x * i, 1);
    expectSame(query.toArray(), stored("f64", canonical(list.map((x, i) => (x / 3) * i), 1, (a, x) => (a as number) + (x as number))));
    expect(query.explain()).toContain("kernel 1 of 1: map, scan, toArray");
    expect(query.explain()).toContain("add as f64 in the canonical scan order: rows of 32 by doubling steps, blocks of 1024");
  });

  it("runs over what a filter lets through", () => {
    const query = compute(wild as Float64Array).filter(x => x > 0).scan((a, x) => Math.max(a, x));
    expectSame(query.toArray(), stored("f64", running(list.filter(x => x > 0), null, (a, x) => Math.max(a as number, x as number))));
    expect(query.explain()).toContain("barrier: a scan behind a filter runs over what it has let through");
    expect(query.explain()).toContain("kernel 2 of 2: scan, toArray");
  });

  it("is followed by a kernel of its own", () => {
    const prices = Float64Array.of(10, 12, 11, 15, 9, 14);
    const highest = compute(prices).scan((a, x) => Math.max(a, x));
    expect(highest.zip(compute(prices), (high, price) => price / high - 1).min().value()).toBe(9 / 15 - 1);
    expect(highest.map(x => x * 2).filter(x => x > 24).toArray()).toEqual(Float64Array.of(30, 30, 30));
    expect(highest.map(x => x * 2).explain()).toContain("barrier: what follows a scan reads its results");
    expect(highest.sum().value()).toBe(10 + 12 + 12 + 15 + 15 + 15);
    expect(highest.slice(2, 4).toArray()).toEqual(Float64Array.of(12, 15));
    expect(highest.scan((a, x) => a + x).toArray()).toEqual(Float64Array.of(10, 22, 34, 49, 64, 79));
    expect(highest.count().value()).toBe(6);
    expect(highest.orderByDescending(x => x).first().value()).toBe(15);
  });

  it("takes ranges, tables' columns and truth values", () => {
    expect(compute(range(6)).scan((a, x) => a + x, 0).toArray()).toEqual(Float64Array.of(0, 1, 3, 6, 10, 15));
    expect(compute({ a: Float64Array.of(1, 2, 3), b: Float64Array.of(5, 5, 5) }).map(r => r.a * r.b).scan((s, x) => s + x, 0).toArray()).toEqual(Float64Array.of(5, 15, 30));
    const flags = compute(Float64Array.of(3, 2, -1, 4)).scan((all, x) => all && x > 0, true, {}, { to: Uint8Array });
    expect(flags.toArray()).toEqual(Uint8Array.of(1, 1, 0, 0));
    expect(compute(Float64Array.of(-3, -2, 1, -4)).scan((any, x) => any || x > 0, false, {}, { to: Uint8Array, exclusive: true }).toArray()).toEqual(Uint8Array.of(0, 0, 0, 1));
  });

  it("stores into the source itself, and off the main thread", async () => {
    for (const options of [{}, { exclusive: true }]) {
      const own = Float64Array.from(wild as Float64Array);
      const wanted = compute(own).scan((a, x) => a + x, 1, {}, options).toArray();
      expectSame(await compute(own).scan((a, x) => a + x, 1, {}, options).toArrayAsync(), wanted);
      compute(own).scan((a, x) => a + x, 1, {}, options).toArray({ into: own });
      expectSame(own, wanted);
      const left = Float64Array.from(wild as Float64Array);
      const folded = compute(left).scan((a, x) => a * 0.5 + x, 1, {}, options).toArray();
      compute(left).scan((a, x) => a * 0.5 + x, 1, {}, options).toArray({ into: left });
      expectSame(left, folded);
    }
  });

  it("fails where an element does", () => {
    const table = Float64Array.of(1, 2, 3);
    const places = Float64Array.from({ length: 1500 }, (_, i) => (i === 1200 ? 3 : i % 3));
    const error = new RangeError("DC401: table[3] is out of range: table has 3 elements");
    expect(() => compute(places).scan((a, x) => a + table[x]!, 0, { table }).toArray()).toThrow(error);
    expect(() => compute(places).scan((a, x) => a * 0.5 + table[x]!, 0, { table }).toArray()).toThrow(error);
    expect(() => compute(BigInt64Array.of(4n, 0n)).scan((a, x) => a / x, 9n).toArray()).toThrow(new RangeError("Division by zero"));
  });

  it("says what it was asked for", () => {
    const k = 0.5;
    const query = compute(Float64Array.of(1)).scan((a, x) => a * k + x, 2, { k }, { exclusive: true, to: Float32Array });
    expect(query.explain()).toMatch(/\.scan\(\(a, ?x\) ?=> ?a ?\* ?k ?\+ ?x, 2, \{ k: 0\.5 \}, \{ exclusive: true, to: Float32Array \}\)/);
    expect(query.explain()).toContain("stores a Float32Array of the running values, from left to right");
    expect(compute(Int32Array.of(1)).scan((a, x) => a + x).explain()).toContain("sums of integers, exact as far as the array keeps them");
    expect(compute(Int32Array.of(1)).scan((a, x) => a + x, 0, {}, { sequential: true }).explain()).toContain("{ sequential: true } asks for it");
  });

  it("refuses what it cannot do, and says what to do", () => {
    const query = compute(Int32Array.of(1, 2));
    expect(() => query.scan((a, x) => a + x, undefined, {}, { exclusive: true })).toThrow(/^DC305: an exclusive scan\(\) begins with its seed/);
    expect(() => query.scan((a, x) => a + x, 0.5).toArray()).toThrow(/^DC305: the seed of scan\(\) is 0.5/);
    expect(() => query.scan((a, x) => a * 0.5 + x, 0).toArray()).toThrow(/^DC202: the result may be a fraction/);
    expect(() => query.scan((a, x) => a + x, 0, { exclusive: true } as never)).toThrow(/^DC303: the option exclusive of scan\(\)/);
    expect(() => query.scan((a, x) => a + x, 0, {}, { exclusive: 1 } as never)).toThrow(/^DC305: exclusive is true or false/);
    expect(() => query.scan((a, x) => a + x, 0, {}, { to: Array } as never)).toThrow(/^DC305: scan\(\) takes a typed array's constructor/);
    expect(() => query.scan((a, x) => a + x, "0" as never)).toThrow(/^DC305: scan\(\) takes a number, a BigInt or a boolean as its seed/);
    expect(() => compute(BigInt64Array.of(1n)).scan((a, x) => a + Number(x), 0).toArray()).toThrow(/DC206: scan gives a number, but a BigInt64Array holds BigInts/);
  });
});
