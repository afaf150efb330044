import { describe, expect, it } from "vitest";
import { apply, constant, convert, local, number } from "../../fusion/build.js";
import { identityOf, interpret } from "../../fusion/interpret.js";
import type { Kernel, Sink, Stmt } from "../../fusion/ir.js";
import { verify } from "../../fusion/verify.js";
import { arrayOf, assign, block, branch, callOf, capture, dataOf, declare, element, index, keep, kernelOf, leave, loop, RANGE, read, visit, yields, type Parameters } from "./by-hand.js";

const kernel = (sink: Sink, body: readonly Stmt[], parameters?: Parameters): Kernel => verify(kernelOf(arrayOf("f64"), sink, body, parameters), "the test");
const x = element("f64");
const stored: Sink = { kind: "array", element: "f64" };
const sum: Sink = { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true };
const positive = keep(apply("gt", x, number(0)));
const some = Float64Array.of(3, -1, 4, -1, 5, -9, 2, 6);

describe("array sinks", () => {
  it("map as arrays do", () => {
    const doubled = kernel(stored, [yields(apply("add", x, x))]);
    expect(interpret(doubled, callOf(some)).output).toEqual(some.map(value => value + value));
  });

  it("filter as arrays do, and count", () => {
    const result = interpret(kernel(stored, [positive, yields(x)]), callOf(some));
    expect(result).toEqual({ count: 5, position: -1, rank: 0, value: undefined, output: Float64Array.of(3, 4, 5, 2, 6) });
  });

  it("store into an output that is given, even the source", () => {
    const own = some.slice();
    const { output } = interpret(kernel(stored, [positive, yields(x)]), callOf(own, { output: own }));
    expect(output).toEqual(Float64Array.of(3, 4, 5, 2, 6));
    expect(output?.buffer).toBe(own.buffer);
    expect(own.subarray(5)).toEqual(some.subarray(5));
  });

  it("store the low bits of integers, in clamped arrays too", () => {
    const bytes = verify(kernelOf(arrayOf("i32"), { kind: "array", element: "u8c" }, [yields(element("i32"))]), "the test");
    expect(interpret(bytes, callOf(Int32Array.of(-1, 256, 300, 7))).output).toEqual(Uint8ClampedArray.of(255, 0, 44, 7));
  });

  it("run on ranges", () => {
    const squares = verify(kernelOf(RANGE, stored, [yields(apply("mul", x, index))]), "the test");
    expect(interpret(squares, callOf(5)).output).toEqual(Float64Array.of(0, 1, 4, 9, 16));
  });
});

/** The definition of the canonical order once more, in other words: exponents of the sums that are added, as text. */
function canonicalText(places: readonly number[], length: number): string {
  const join = (left: string, right: string): string => (left === "" ? right : right === "" ? left : `(${left}+${right})`);
  const tree = (items: readonly string[]): string => {
    if (items.length < 2) return items[0] ?? "";
    const split = 2 ** (Math.ceil(Math.log2(items.length)) - 1);
    return join(tree(items.slice(0, split)), tree(items.slice(split)));
  };
  const blocks = Array.from({ length: Math.ceil(length / 1024) }, (_, block) => {
    const lanes = Array.from({ length: 32 }, (_, lane) =>
      places.filter(place => place >> 10 === block && place % 32 === lane).reduce((left, place) => join(left, String(place)), ""));
    for (let half = 16; half >= 1; half /= 2) for (let lane = 0; lane < half; lane++) lanes[lane] = join(lanes[lane] ?? "", lanes[lane + half] ?? "");
    return lanes[0] ?? "";
  });
  return tree(blocks);
}

const evaluateText = (text: string, values: Float64Array): number => {
  const sumOf = (at: number): [number, number] => {
    if (text[at] !== "(") {
      const digits = /^\d+/.exec(text.slice(at, at + 9))?.[0] ?? "";
      return [values[Number(digits)] ?? NaN, at + digits.length];
    }
    const [left, plus] = sumOf(at + 1);
    const [right, end] = sumOf(plus + 1);
    return [left + right, end + 1];
  };
  return text === "" ? -0 : sumOf(0)[0];
};

describe("reduce sinks", () => {
  it.each([0, 1, 31, 32, 33, 100, 1024, 1025, 3000, 6 * 1024 + 5])("add %i elements in the canonical order", length => {
    const data = dataOf("f64", length) as Float64Array;
    const chosen = Array.from(data.keys()).filter(place => (data[place] ?? 0) > 0);
    const { value, count } = interpret(kernel(sum, [positive, yields(x)]), callOf(data));
    expect(count).toBe(chosen.length);
    expect(value).toEqual(evaluateText(canonicalText(chosen, length), data));
    if (length > 1000) expect(value).not.toBe(data.reduce((total, item) => total + Math.max(item, 0), 0));
  });

  it("skip what has no elements: one negative zero stays negative", () => {
    const zeros = kernel(sum, [keep(apply("eq", index, number(40))), yields(x)]);
    expect(interpret(zeros, callOf(new Float64Array(5000).fill(-0))).value).toBe(-0);
  });

  it("give the identity for nothing", () => {
    for (const [op, value] of [["add", -0], ["mul", 1], ["min", Infinity], ["max", -Infinity]] as const) {
      expect(interpret(kernel({ ...sum, op }, [yields(x)]), callOf(new Float64Array(0))).value).toEqual(value);
    }
    expect(identityOf("and", "bool")).toBe(true);
    expect(identityOf("and", "u64")).toBe(2n ** 64n - 1n);
    expect(identityOf("and", "i32")).toBe(-1);
    expect(identityOf("max", "i64")).toBe(-(2n ** 63n));
    expect(identityOf("min", "u64")).toBe(2n ** 64n - 1n);
  });

  it("sum integers exactly", () => {
    const exact = verify(kernelOf(arrayOf("u32"), { kind: "reduce", op: "add", type: "i64", term: "u32", counted: false }, [yields(element("u32"))]), "the test");
    expect(interpret(exact, callOf(new Uint32Array(3000).fill(2 ** 32 - 1))).value).toBe(3000n * (2n ** 32n - 1n));
  });

  it("let NaN through minima, and order the zeros", () => {
    const least = kernel({ ...sum, op: "min" }, [yields(x)]);
    expect(interpret(least, callOf(Float64Array.of(0, -0, 1))).value).toBe(-0);
    expect(interpret(least, callOf(Float64Array.of(0, NaN, 1))).value).toBe(NaN);
  });
});

describe("fold sinks", () => {
  const acc = local("f64", "acc");
  const fold = { kind: "fold", type: "f64", accumulator: "acc", seed: "seed", first: null, combine: null } as const;
  const step = yields(apply("sub", apply("mul", acc, number(0.5)), x));

  it("fold as arrays do", () => {
    const result = interpret(kernel(fold, [step], { scalars: { seed: "f64" } }), callOf(some, { scalars: [8] }));
    expect(result.value).toBe(some.reduce((total, item) => total * 0.5 - item, 8));
    expect(result.count).toBe(8);
  });

  it("start with the first element that arrives", () => {
    const body = [positive, declare("y", x), yields(apply("sub", apply("mul", acc, number(0.5)), local("f64", "y")))];
    const unseeded = kernel({ ...fold, seed: null, first: "y" }, body);
    expect(interpret(unseeded, callOf(some)).value).toBe(some.filter(item => item > 0).reduce((total, item) => total * 0.5 - item));
    expect(interpret(unseeded, callOf(Float64Array.of(-1, 7)))).toMatchObject({ value: 7, count: 1 });
    expect(interpret(unseeded, callOf(Float64Array.of(-1)))).toMatchObject({ value: undefined, count: 0 });
  });

  it("give the seed for nothing", () => {
    expect(interpret(kernel(fold, [step], { scalars: { seed: "f64" } }), callOf(new Float64Array(0), { scalars: [8] })).value).toBe(8);
  });

  it("combine lanes by halves, and skip the empty ones", () => {
    const combine = { left: "left", right: "right", body: [], value: apply("sub", local("f64", "left"), local("f64", "right")) };
    const lanes = kernel({ ...fold, combine }, [keep(apply("lt", apply("rem", index, number(32)), number(20))), yields(apply("add", acc, x))], { scalars: { seed: "f64" } });
    const data = Float64Array.from({ length: 50 }, (_, place) => 2 ** place);
    // Lane j has 1 + 2^j (+ 2^(j+32)); lanes 0 to 3 have a partner 16 further on.
    const lane = (j: number): number => 1 + 2 ** j + (j + 32 < 50 ? 2 ** (j + 32) : 0);
    const sixteen = Array.from({ length: 16 }, (_, j) => (j < 4 ? lane(j) - lane(j + 16) : lane(j)));
    const halved = (items: readonly number[]): number =>
      items.length === 1 ? (items[0] ?? NaN) : halved(items.slice(0, items.length / 2).map((item, j) => item - (items[j + items.length / 2] ?? NaN)));
    expect(interpret(lanes, callOf(data, { scalars: [1] })).value).toBe(halved(sixteen));
  });
});

describe("first and last sinks", () => {
  const found = [declare("y", x), keep(apply("gt", local("f64", "y"), number(2))), visit, keep(apply("gt", local("f64", "y"), number(4))), yields(apply("mul", local("f64", "y"), number(10)))];

  it("find the first, its place and its rank", () => {
    const first = kernel({ kind: "first", type: "f64", ranked: true }, found);
    expect(interpret(first, callOf(some))).toEqual({ count: 0, position: 4, rank: 2, value: 50, output: null });
    expect(interpret(first, callOf(some.subarray(0, 4)))).toEqual({ count: 0, position: -1, rank: 0, value: undefined, output: null });
  });

  it("find the last", () => {
    const last = kernel({ kind: "last", type: "f64" }, found.filter(stmt => stmt.kind !== "visit"));
    expect(interpret(last, callOf(some))).toMatchObject({ position: 7, value: 60 });
  });
});

describe("statements", () => {
  it("run loops, blocks and jumps: the Collatz steps", () => {
    const y = local("f64", "y");
    const even = apply("eq", apply("rem", y, number(2)), number(0));
    const steps = kernel(stored, [
      declare("y", x, true),
      declare("steps", number(0), true),
      keep(apply("gt", y, number(0))),
      loop(
        "walk",
        branch(apply("eq", y, number(1)), [leave("walk")]),
        block("step", branch(even, [assign("y", apply("div", y, number(2))), leave("step")]), assign("y", apply("add", apply("mul", y, number(3)), number(1)))),
        assign("steps", apply("add", local("f64", "steps"), number(1))),
      ),
      yields(local("f64", "steps")),
    ]);
    expect(interpret(steps, callOf(Float64Array.of(1, 7, -3, 27))).output).toEqual(Float64Array.of(0, 16, 111));
  });

  it("take captures and count", () => {
    const count = kernel({ kind: "count" }, [keep(apply("gt", x, capture("f64", "limit"))), yields(null)], { scalars: { other: "bool", limit: "f64" } });
    expect(interpret(count, callOf(some, { scalars: [true, 2] })).count).toBe(4);
  });
});

describe("errors", () => {
  const lookup = kernel(stored, [declare("y", read("f64", "table", x)), yields(local("f64", "y"))], { arrays: { table: "f64" } });

  it.each([
    [10, "DC401: table[10] is out of range: table has 2 elements"],
    [-1, "DC401: table[-1] is out of range: table has 2 elements"],
    [0.5, "DC401: table[0.5] is out of range: table has 2 elements"],
    [NaN, "DC401: table[NaN] is out of range: table has 2 elements"],
  ])("a read at %d is a RangeError", (place, message) => {
    expect(() => interpret(lookup, callOf(Float64Array.of(0, place), { arrays: [Float64Array.of(1, 2)] }))).toThrow(new RangeError(message));
  });

  it("a read at -0 is one at 0", () => {
    expect(interpret(lookup, callOf(Float64Array.of(-0, 1), { arrays: [Float64Array.of(1, 2)] })).output).toEqual(Float64Array.of(1, 2));
  });

  it("BigInt division by zero is JavaScript's", () => {
    const divide = verify(kernelOf(arrayOf("i64"), { kind: "array", element: "i64" }, [declare("y", apply("div", constant("i64", 6n), element("i64"))), yields(local("i64", "y"))]), "the test");
    expect(interpret(divide, callOf(BigInt64Array.of(-4n, 6n))).output).toEqual(BigInt64Array.of(-1n, 1n));
    expect(() => interpret(divide, callOf(BigInt64Array.of(1n, 0n)))).toThrow(new RangeError("Division by zero"));
  });

  it("BigInt() of a fraction is JavaScript's", () => {
    const whole = kernel({ kind: "array", element: "i64" }, [declare("y", convert("i64", x)), yields(local("i64", "y"))]);
    expect(interpret(whole, callOf(Float64Array.of(3, 1e15))).output).toEqual(BigInt64Array.of(3n, 10n ** 15n));
    expect(() => interpret(whole, callOf(Float64Array.of(1.5)))).toThrow(RangeError);
  });

  it("an element that fails after the first match does not fail, one before the last match does", () => {
    const found = [declare("y", read("f64", "table", x)), keep(apply("gt", local("f64", "y"), number(1))), yields(local("f64", "y"))];
    const call = callOf(Float64Array.of(1, 5, 1), { arrays: [Float64Array.of(1, 2)] });
    expect(interpret(kernel({ kind: "first", type: "f64", ranked: false }, found, { arrays: { table: "f64" } }), call).position).toBe(0);
    expect(() => interpret(kernel({ kind: "last", type: "f64" }, found, { arrays: { table: "f64" } }), call)).toThrow("table[5] is out of range");
  });
});
