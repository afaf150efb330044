import { describe, expect, it } from "vitest";
import type { AnyTypedArray } from "../../fusion/values.js";
import { compute as computeByDefault, createRuntime, range, type Query } from "../../src/index.js";
import { ELEMENT_CASES, isBig, sample } from "./support.js";

const { compute } = createRuntime({ backend: "js" });
const queryOf = (array: AnyTypedArray): Query<Float64Array> => compute(array as Float64Array);

describe.each(ELEMENT_CASES)("verbs on a $name", ({ element }) => {
  const array = sample(element, 1500) as Float64Array;

  it("map and filter as the array's own methods do", () => {
    if (isBig(element)) {
      const bigs = array as unknown as BigInt64Array;
      const query = compute(bigs);
      expect(query.map(x => x * 3n + 1n).toArray()).toEqual(bigs.map(x => x * 3n + 1n));
      expect(query.filter(x => x % 3n === 0n).toArray()).toEqual(bigs.filter(x => x % 3n === 0n));
      expect(query.map(x => x > 5n).toArray()).toEqual(bigs.map(x => (x > 5n ? 1n : 0n)));
      return;
    }
    const single = element === "f32";
    expect(queryOf(array).map(x => x + 3).toArray()).toEqual(array.map(x => (single ? Math.fround(x + 3) : x + 3)));
    expect(queryOf(array).filter(x => x > 50).toArray()).toEqual(array.filter(x => x > 50));
    expect(queryOf(array).map(x => x > 50).toArray()).toEqual(array.map(x => (x > 50 ? 1 : 0)));
    expect(queryOf(array).map((x, i) => x - i).filter(x => x < 100).map(x => x * 2).toArray()).toEqual(
      array.map((x, i) => x - i).filter(x => x < 100).map(x => x * 2),
    );
  });
});

describe("map to another array", () => {
  it("stores as that array does", () => {
    const bytes = Uint8Array.of(0, 1, 2, 255);
    expect(compute(bytes).map(x => x / 2, Float64Array).toArray()).toEqual(Float64Array.of(0, 0.5, 1, 127.5));
    expect(compute(bytes).map(x => BigInt(x) << 60n, BigInt64Array).toArray()).toEqual(BigInt64Array.from(bytes, x => BigInt(x) << 60n));
    expect(compute(bytes).map((x, i) => x * k + i, Float32Array, { k }).toArray()).toEqual(Float32Array.from(bytes, (x, i) => x * 0.25 + i));
  });
});
const k = 0.25;

describe("as", () => {
  it.each([
    ["Float64Array to Int32Array", Float64Array.of(1.9, -1.9, 2 ** 32 + 5, NaN, Infinity), Int32Array],
    ["Float64Array to Uint8ClampedArray", Float64Array.of(0.5, 1.5, 2.5, 300, -4, NaN), Uint8ClampedArray],
    ["Float64Array to Float32Array", Float64Array.of(0.1, 1e300, -0), Float32Array],
    ["Int32Array to Uint16Array", Int32Array.of(-1, 70000, 3), Uint16Array],
    ["BigInt64Array to BigUint64Array", BigInt64Array.of(-1n, 5n), BigUint64Array],
  ] as const)("%s converts as storing does", (_, from, to) => {
    const query = compute(from as Float64Array).as(to as unknown as Float64ArrayConstructor);
    expect(query.toArray()).toEqual((to as unknown as Float64ArrayConstructor).from(from as Float64Array));
  });
  it("lets bytes become fractions", () => {
    expect(compute(Uint8Array.of(1, 2)).as(Float32Array).map(x => x / 4).toArray()).toEqual(Float32Array.of(0.25, 0.5));
  });
});

describe("range", () => {
  it("is 0, 1, 2 … without an array", () => {
    expect(compute(range(5)).toArray()).toEqual(Float64Array.of(0, 1, 2, 3, 4));
    expect(compute(range(2000)).map(x => x * x).filter(x => x % 2 === 0).sum().value()).toBe(
      Array.from({ length: 2000 }, (_, x) => x * x).filter(x => x % 2 === 0).reduce((a, x) => a + x),
    );
    expect(compute(range(0)).count().value()).toBe(0);
  });
});

describe("an array of numbers", () => {
  it("is read when the terminal runs", () => {
    const numbers = [1, 2, 3];
    const query = compute(numbers).map(x => x / 2);
    expect(query.toArray()).toEqual(Float64Array.of(0.5, 1, 1.5));
    numbers.push(4);
    expect(query.toArray()).toEqual(Float64Array.of(0.5, 1, 1.5, 2));
  });
});

describe("captures", () => {
  it("of numbers, BigInts and booleans are taken by value when the verb is called", () => {
    const captures = { k: 2, on: true };
    const query = compute(Float64Array.of(1, 2)).map(x => (on ? x * k : x), captures);
    captures.k = 100;
    captures.on = false;
    expect(query.toArray()).toEqual(Float64Array.of(2, 4));
    const step = 10n;
    expect(compute(BigInt64Array.of(1n)).map(x => x + step, { step }).toArray()).toEqual(BigInt64Array.of(11n));
  });
  const on = true;

  it("of arrays are taken by reference", () => {
    const table = Float64Array.of(10, 20, 30);
    const query = compute(Uint8Array.of(2, 0)).map(x => table[x]! + table.length, Float64Array, { table });
    expect(query.toArray()).toEqual(Float64Array.of(33, 13));
    table[2] = 99;
    expect(query.toArray()).toEqual(Float64Array.of(102, 13));
  });

  it("of functions are inlined, with the captures they use", () => {
    const clamp = (x: number) => Math.min(high, Math.max(0, x));
    const high = 5;
    expect(compute(Float64Array.of(-1, 3, 9)).map(x => clamp(x) * 2, { clamp, high }).toArray()).toEqual(Float64Array.of(0, 6, 10));
  });

  it("of the same name may differ from stage to stage", () => {
    const one = compute(Float64Array.of(1, 2, 3)).map(x => x * k, { k: 10 });
    expect(one.map(x => x + k, { k: 1 }).filter(x => x > k, { k: 11 }).reduce((a, x) => a + x * k, 0, { k: 2 }).value()).toBe(2 * (21 + 31));
  });

  it("change without another kernel, and with the right precision", () => {
    const array = Float32Array.of(1.1, 2.2, 3.3);
    for (const factor of [0.5, 0.1, 3, 1e-40, NaN, Infinity, -0]) {
      expect(compute(array).map(x => x * factor, { factor }).toArray()).toEqual(array.map(x => Math.fround(x * factor)));
    }
  });

  it("may be called as the kernel's own parameters are", () => {
    const [seed, value, x] = [2, 3, 4];
    const query = compute(Float64Array.of(1, 2, 3));
    expect(query.some(x => x > seed, { seed }).value()).toBe(true);
    expect(query.reduce((a, x) => a + x * seed, undefined, { seed }).value()).toBe(1 + 2 * 2 + 3 * 2);
    expect(query.map(y => y * value + x, { value, x }).indexOf(10).value()).toBe(1);
  });

  it("that are missing are missed, though the same text was complete before", () => {
    const [one, two] = [1, 2];
    const run = (captures: Record<string, number>) => compute(Float64Array.of(5)).map(x => x * one + two, captures).toArray();
    expect(run({ one, two })).toEqual(Float64Array.of(7));
    expect(() => run({ one })).toThrow(/^DC104: "two" is not known inside this lambda/);
    expect(() => run({ two, three: 3 })).toThrow(/^DC104: "one" is not known inside this lambda/);
    expect(() => run({ one, two, three: 3 })).toThrow(/^DC303: the capture three of map\(\) is not used/);
    expect(run({ two, one })).toEqual(Float64Array.of(7));
  });

  it("see a helper of another text as another helper", () => {
    const helpers = [(x: number) => x + 1, (x: number) => x * 10];
    expect(helpers.map(f => compute(Float64Array.of(3)).map(x => f(x), { f }).first().value())).toEqual([4, 30]);
  });
});

describe("a query", () => {
  it("can be kept and extended in several ways", () => {
    const base = compute(Float64Array.of(1, 2, 3, 4)).map(x => x * 10);
    const small = base.filter(x => x < 25);
    const large = base.filter(x => x > 25);
    expect(small.toArray()).toEqual(Float64Array.of(10, 20));
    expect(large.toArray()).toEqual(Float64Array.of(30, 40));
    expect(base.toArray()).toEqual(Float64Array.of(10, 20, 30, 40));
    expect([small.sum().value(), large.sum().value(), base.sum().value()]).toEqual([30, 70, 100]);
  });

  it("reads its source when a terminal runs", () => {
    const array = Float64Array.of(1, 2);
    const total = compute(array).sum();
    array[0] = 40;
    expect(total.value()).toBe(42);
  });

  it("reads shared memory", () => {
    const shared = new Int32Array(new SharedArrayBuffer(16));
    shared.set([1, 2, 3, 4]);
    expect(compute(shared).map(x => x * 2).toArray()).toEqual(Int32Array.of(2, 4, 6, 8));
  });

  it("reads an array that follows a resizable buffer", () => {
    const buffer = new (ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer & { resize(length: number): void })(16, { maxByteLength: 64 });
    const array = new Int32Array(buffer).fill(1);
    const total = compute(array).sum();
    expect(total.value()).toBe(4);
    buffer.resize(32);
    array.fill(2);
    expect(total.value()).toBe(16);
    buffer.resize(4);
    expect(total.value()).toBe(2);
  });

  it("gives the index of its own sequence after a filter", () => {
    const array = Float64Array.of(5, -1, 6, -2, 7);
    const chain = array.filter(x => x > 0).map((x, i) => x * 10 + i);
    expect(compute(array).filter(x => x > 0).map((x, i) => x * 10 + i).toArray()).toEqual(chain);
    expect(compute(array).filter(x => x > 0).map((x, i) => x * 10 + i).filter((_x, i) => i !== 1).sum().value()).toBe(50 + 72);
  });

  it("runs in the default runtime too", async () => {
    expect(await computeByDefault(Float64Array.of(1, 2, 3)).map(x => x * x).sum()).toBe(14);
    expect(computeByDefault(Float64Array.of(1, 2, 3), { runtime: createRuntime({ backend: "js" }) }).sum().value()).toBe(6);
  });
});
