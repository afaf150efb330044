/** Sources that no array holds, and columns taken and converted, against plain JavaScript. */
import { describe, expect, it } from "vitest";
import { createRuntime, range, repeat, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const BACKENDS: readonly (readonly [string, string | null, () => Runtime])[] = [
  ["js", null, () => createRuntime({ backend: "js" })],
  ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })],
];

/** The obvious loop. */
function counted(start: number, end: number, step: number): Float64Array {
  const all: number[] = [];
  for (let i = 0; step > 0 ? start + i * step < end : start + i * step > end; i += 1) all.push(start + i * step);
  return Float64Array.from(all);
}

const RANGES: readonly (readonly [number, number, number])[] = [
  [0, 10, 1], [0, 10, 3], [10, 0, -1], [10, 0, -3], [0, 1, 0.1], [1, 0, -0.1], [0.3, 0.9, 0.2], [5, 5, 1], [5, 4, 1], [4, 5, -1], [-0, 3, 1], [-3, 0, 1], [0, 1, 2 ** -10],
  [1e16, 1e16 + 10, 0.5], [2 ** 53, 2 ** 53 + 8, 1], [0, 5e-324, 5e-324], [-1e308, 1e308, 1e307], [0, 32, 1], [0, 33, 1], [0, 1025, 1], [0, 1, 1e300],
];

describe.each(BACKENDS)("on %s", (_, missing, make) => {
  const runtime = missing === null ? make() : null;
  it.skipIf(missing !== null)("ranges are the numbers that a loop counts", { timeout: 60_000 }, () => {
    for (const [start, end, step] of RANGES) {
      const wanted = counted(start, end, step);
      const query = (runtime as Runtime).compute(range(start, end, step));
      expect(query.toArray(), `${start}, ${end}, ${step}`).toEqual(wanted);
      expect(query.filter(x => x % 2 !== 0).map((x, i) => x * i).toArray()).toEqual(wanted.filter(x => x % 2 !== 0).map((x, i) => x * i));
      expect(query.skip(2).take(3).toArray()).toEqual(wanted.slice(2, 5));
    }
    expect((runtime as Runtime).compute(range(3, 7)).toArray()).toEqual(Float64Array.of(3, 4, 5, 6));
    expect((runtime as Runtime).compute(range(4)).toArray()).toEqual(Float64Array.of(0, 1, 2, 3));
  });

  it.skipIf(missing !== null)("repetitions hold one value", { timeout: 60_000 }, () => {
    const { compute } = runtime as Runtime;
    for (const length of [0, 1, 33, 1025]) {
      for (const value of [0.1, -0, NaN, Infinity]) expect(compute(repeat(value, length)).toArray()).toEqual(new Float64Array(length).fill(value));
      expect(compute(repeat(-(2n ** 63n), length)).toArray()).toEqual(new BigInt64Array(length).fill(-(2n ** 63n)));
      expect(compute(repeat(true, length)).toArray()).toEqual(new Uint8Array(length).fill(1));
      expect(compute(repeat(3, length)).map((x, i) => x * i).sum().value()).toBe(3 * length * Math.max(length - 1, 0) / 2);
    }
    expect(compute(repeat(2, 3)).zip(compute(Float64Array.of(1, 2, 3, 4)), (k, x) => k * x).toArray()).toEqual(Float64Array.of(2, 4, 6));
  });

  it.skipIf(missing !== null)("columns are taken and converted as typed arrays store them", { timeout: 60_000 }, () => {
    const { compute } = runtime as Runtime;
    for (const length of [0, 1, 33, 1025]) {
      const price = Float64Array.from({ length }, (_value, i) => [NaN, -0, Infinity, 1e300, 0.1, -300.5, 2 ** 40][i % 7] as number);
      const quantity = Int32Array.from({ length }, (_value, i) => i * 77777 - 4000);
      const rows = compute({ price, quantity, id: BigInt64Array.from(quantity, BigInt) });
      expect(rows.as({ price: Float32Array, quantity: Uint8Array }).map(r => ({ price: r.price, quantity: r.quantity })).toColumns()).toEqual({ price: Float32Array.from(price), quantity: Uint8Array.from(quantity) });
      expect(rows.as({ price: Uint8ClampedArray, id: Float64Array }).toColumns()).toEqual({ price: Uint8ClampedArray.from(price), quantity, id: Float64Array.from(quantity) });
      expect(rows.filter(r => r.quantity % 2 === 0).as({ price: Int16Array }).column("price").toArray()).toEqual(Int16Array.from(price.filter((_value, i) => (quantity[i] as number) % 2 === 0)));
      expect(rows.as({ quantity: BigInt64Array }).sum(r => r.quantity + r.id).value()).toBe(quantity.reduce((sum, x) => sum + 2n * BigInt(x), 0n));
    }
    expect(compute({ "unit price": Float32Array.of(1.5), b: Int8Array.of(1) }).column("unit price").toArray()).toEqual(Float32Array.of(1.5));
  });
});

describe("they", () => {
  const { compute } = createRuntime({ backend: "js" });
  it("are one kernel, which reads nothing", () => {
    const text = compute(range(1, 3, 0.5)).map(x => x * 2).sum().explain();
    expect(text).toContain("kernel 1 of 1: map, map, sum\n  reads nothing");
    expect(text).toContain("compute(range(4))\n  .map(i => start + i * step, { start: 1, step: 0.5 })\n");
    expect(compute(repeat(7, 3)).sum().explain()).toContain("compute(range(3))\n  .map(() => value, { value: 7 })\n  .sum()");
    expect(compute({ a: Float64Array.of(1) }).as({ a: Int8Array }).explain()).toContain("  .as({ a: Int8Array })\n");
    expect(compute({ a: Float64Array.of(1) }).column("a").explain()).toContain('  .map(row => row["a"])\n');
  });

  const table = { a: Float64Array.of(1), b: Int8Array.of(2) };
  it.each<[string, () => unknown, string]>([
    ["a step of 0", () => range(0, 10, 0), "DC305: range() leads nowhere by steps of 0"],
    ["a step of NaN", () => range(0, 10, NaN), "DC305: the step of range() is a finite number, not NaN"],
    ["no end", () => range(0, Infinity), "DC305: the end of range() is a finite number, not Infinity"],
    ["a text", () => range("1" as never, 2), "DC305: the start of range() is a finite number, not a string"],
    ["a fraction of elements", () => range(1.5), "DC305: range() takes a whole number of elements, not 1.5"],
    ["a step alone", () => range(1, undefined as never, 2), "DC305: range() was given a step, but no end"],
    ["too many", () => range(0, 1e300, 1), "DC305: range(0, 1e+300, 1) has more elements than can be counted"],
    ["steps that are lost", () => range(1, 2, 1e-300), "has more elements than can be counted"],
    ["a repeated text", () => repeat("x" as never, 3), "DC305: repeat() repeats a number, a BigInt or a boolean, not a string"],
    ["a long BigInt", () => repeat(2n ** 63n, 3), "DC305: repeat() cannot repeat 9223372036854775808n"],
    ["fewer than none", () => repeat(1, -1), "DC305: repeat() takes a whole number of elements, not -1"],
    ["no such column", () => compute(table).column("c" as never), "DC308: there is no column c\nThe columns are a, b."],
    ["a cast of no column", () => compute(table).as({ c: Float32Array } as never), "DC308: there is no column c"],
    ["a cast to one array", () => compute(table).as(Float32Array as never), "DC305: as() of rows takes the arrays to make by column, not a function\nName them: .as({ a: Float32Array })."],
    ["a cast to nothing", () => compute(table).as({ a: 3 as never }), "DC305: as() takes a typed array's constructor, not 3"],
    ["fractions as BigInts", () => compute(table).as({ a: BigInt64Array }).toColumns(), "DC305: as(BigInt64Array) cannot take fractions"],
  ])("refuse %s", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
