/** Moves by the addon against the same moves as JavaScript, on columns of every element type; and what the addon refuses. */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ELEMENT_TYPES, ELEMENTS, type ElementType } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { nativeMover } from "../../src/backends/cpu/moves.js";
import { addonCandidates, packageRoot } from "../../src/backends/cpu/load-addon.js";
import { createRuntime } from "../../src/index.js";
import type { Move, SpreadValues } from "../../src/table/move.js";
import { moveInScript } from "../../src/table/script.js";
import { NONE } from "../../src/table/table.js";
import { isBig } from "../query/support.js";
import { addon, unavailable } from "./fixtures.js";

const parameters = { seed: Number(process.env["DOTCOMPUTE_SEED"]), numRuns: process.env["DOTCOMPUTE_LONG"] === undefined ? 150 : 5000 };

/** NaNs are the same whatever their bits; -0 and 0 are not. */
function same(move: Move): void {
  alike(move, nativeMover(addon).now(move), moveInScript(move));
}

function alike(move: Move, native: readonly AnyTypedArray[], script: readonly AnyTypedArray[]): void {
  expect(native.map(elementTypeOf)).toEqual(script.map(elementTypeOf));
  expect(native.map(({ length }) => length)).toEqual(script.map(({ length }) => length));
  for (const [column, array] of native.entries()) {
    const other = script[column] as AnyTypedArray;
    const at = Array.prototype.findIndex.call(array, (value, place) => !Object.is(value, other[place]));
    if (at >= 0) expect.fail(`${move.kind}: element ${at} of column ${column} is ${array[at]}, not ${other[at]}`);
  }
}

const FLOATS = [0, -0, NaN, 1, -1, 0.5, -0.5, 1e-45, 5e-324, -5e-324, Infinity, -Infinity, 3.4e38, 1e300, 2 ** 53, -(2 ** 53), 2 ** 31, 1 / 3];
const INTEGERS = [0, 1, -1, 2, 127, 128, -128, 255, 256, 32767, -32768, 65535, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1];
const BIGS = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 32n, 5n];

/** Numbers in 0 … 1, from a seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** What a column is filled with: one value, few small ones, the special ones, any, or a mixture of all. */
const FILLINGS = ["one", "few", "special", "any", "mixture"] as const;

function valueOf(element: ElementType, filling: (typeof FILLINGS)[number], random: () => number): number | bigint {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const [big, integer] = [isBig(element), ELEMENTS[element].integer];
  switch (filling) {
    case "one":
      return big ? 7n : 7;
    case "few": {
      const few = Math.floor(random() * 7) - 3;
      return big ? BigInt(few) : few;
    }
    case "special":
      return pick<number | bigint>(big ? BIGS : integer ? INTEGERS : FLOATS);
    case "any": {
      const any = Math.floor(random() * 2 ** 32);
      return big ? (BigInt(any) << 31n) ^ BigInt(Math.floor(random() * 2 ** 32)) : integer ? any : (random() - 0.5) * 10 ** Math.floor(random() * 20);
    }
    case "mixture":
      return valueOf(element, pick(FILLINGS.slice(0, -1)), random);
    default:
      return filling satisfies never;
  }
}

function arrayOf(element: ElementType, values: readonly (number | bigint)[]): AnyTypedArray {
  const array = newArray(element, values.length);
  for (const [at, value] of values.entries()) array[at] = value as never;
  return array;
}

/** One to three columns of one length, which is often small. */
const table = fc
  .record({
    length: fc.oneof(fc.nat(5), fc.nat(200), fc.constantFrom(63, 64, 65, 1023, 1025)),
    kinds: fc.array(fc.tuple(fc.constantFrom(...ELEMENT_TYPES), fc.constantFrom(...FILLINGS), fc.nat()), { minLength: 1, maxLength: 3 }),
  })
  .map(({ length, kinds }) => ({
    length,
    columns: kinds.map(([element, filling, seed]) => {
      const random = randomOf(seed);
      return arrayOf(element, Array.from({ length }, () => valueOf(element, filling, random)));
    }),
  }));

describe.skipIf(unavailable !== null)("moves by the addon are those of JavaScript:", () => {
  it("sorts by several keys, whole and in part", () => {
    const given = fc.tuple(table, fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(given, ([{ length, columns }, descending, share]) => {
        const keys = columns.map((array, at) => ({ array, descending: descending[at] === true }));
        for (const limit of [length, Math.floor(length * share), Math.min(length, 3)]) {
          same({ kind: "sort", keys, length, limit });
          same({ kind: "order", keys, length, limit });
        }
      }),
      parameters,
    );
  });

  it("sorts values by themselves", () => {
    fc.assert(
      fc.property(table, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), ({ length, columns: [array] }, descending, share) => {
        for (const limit of [length, Math.floor(length * share), Math.min(length, 3)]) same({ kind: "order", keys: [{ array: array as AnyTypedArray, descending }], length, limit });
      }),
      parameters,
    );
  });

  it("tells rows apart, and puts them in buckets", () => {
    fc.assert(
      fc.property(table, ({ length, columns }) => {
        same({ kind: "codes", columns, length });
        same({ kind: "firsts", columns, length });
        const [codes, firsts] = moveInScript({ kind: "codes", columns, length });
        same({ kind: "buckets", codes: codes as Uint32Array, count: (firsts as Uint32Array).length });
      }),
      parameters,
    );
  });

  it("joins", () => {
    const sides = table.chain(left => fc.record({ left: fc.constant(left), rows: fc.array(fc.nat(Math.max(0, left.length - 1)), { maxLength: 60 }), others: fc.nat(20) }));
    fc.assert(
      fc.property(sides, fc.boolean(), ({ left, rows, others }, keep) => {
        // Some of the left rows, and some whose key is that of no row or another.
        const places = left.length === 0 ? [] : rows;
        const right = left.columns.map((column, at) => arrayOf(elementTypeOf(column) as ElementType, [...places.map((place, row) => column[row < others ? (place * 7 + at) % column.length : place] as number)]));
        const both = { left: left.columns, leftLength: left.length, right, rightLength: places.length };
        same({ kind: "join", ...both, outer: keep });
        same({ kind: "match", ...both, keep });
        same({ kind: "common", ...both, keep });
      }),
      parameters,
    );
  });

  it("takes rows, and turns columns round", () => {
    fc.assert(
      fc.property(table, fc.array(fc.nat(1 << 20), { maxLength: 100 }), ({ length, columns }, places) => {
        same({ kind: "rows", columns, places: Uint32Array.from(length === 0 ? [] : places, place => place % length), zeros: false });
        same({ kind: "rows", columns, places: Uint32Array.from(places, place => (place % 3 === 0 || length === 0 ? NONE : place % length)), zeros: true });
        same({ kind: "reverse", columns, length });
      }),
      parameters,
    );
  });

  it("aggregates", () => {
    fc.assert(
      fc.property(table, ({ length, columns }) => {
        const [codes, firsts] = moveInScript({ kind: "codes", columns: columns.slice(0, 1), length });
        same({ kind: "aggregate", codes: codes as Uint32Array, count: (firsts as Uint32Array).length, aggregates: aggregatesOf(columns) });
        for (let keys = 1; keys <= columns.length; keys += 1) same({ kind: "group", keys: columns.slice(0, keys), length, aggregates: aggregatesOf(columns) });
      }),
      parameters,
    );
  });

  it("spreads", () => {
    fc.assert(
      fc.property(table, fc.double({ min: 0, max: 1, noNaN: true }), ({ length, columns }, argument) => {
        const [codes, firsts] = moveInScript({ kind: "codes", columns: columns.slice(0, 1), length });
        const numbers = columns.filter(column => !(column instanceof BigInt64Array || column instanceof BigUint64Array));
        const of = { kind: "spread", codes: codes as Uint32Array, count: (firsts as Uint32Array).length } as const;
        same({ ...of, aggregates: numbers.flatMap((values): SpreadValues[] => [{ terminal: "variance", values, argument: 0 }, { terminal: "standardDeviation", values, argument: 1 }, { terminal: "quantile", values, argument }, { terminal: "median", values, argument: 0.5 }]) });
      }),
      parameters,
    );
  });

  it.each([1, 20, 3000, 20_000])("many rows in %i groups, one of them much larger than the others", groups => {
    const length = 33_000;
    const random = randomOf(groups);
    const keys = Int32Array.from({ length }, () => (random() < 0.3 ? 0 : Math.floor(random() * groups) * 3 - 5));
    const wide = Float64Array.from(keys, key => key * 0.1);
    const values = ELEMENT_TYPES.map(element => arrayOf(element, Array.from({ length }, () => (isBig(element) ? BigInt(Math.floor(random() * 2 ** 40)) : (random() - 0.5) * (ELEMENTS[element].integer ? 2 ** 31 : 1)))));
    for (const columns of [[keys], [wide], [wide, keys]]) {
      same({ kind: "codes", columns, length });
      same({ kind: "sort", keys: [...columns, values[7] as AnyTypedArray].map((array, at) => ({ array, descending: at === 1 })), length, limit: length });
      const right = columns.map(column => column.slice(0, 5000));
      same({ kind: "match", left: columns, leftLength: length, right, rightLength: 5000, keep: true });
    }
    const [codes, firsts] = moveInScript({ kind: "codes", columns: [keys], length });
    same({ kind: "aggregate", codes: codes as Uint32Array, count: (firsts as Uint32Array).length, aggregates: aggregatesOf(values) });
    const [singles, doubles] = (["f32", "f64"] as const).map(element => values[ELEMENT_TYPES.indexOf(element)] as AnyTypedArray) as [AnyTypedArray, AnyTypedArray];
    for (const by of [[keys], [wide], [Float32Array.from(wide)], [wide, keys]]) {
      same({ kind: "group", keys: by, length, aggregates: aggregatesOf([values[groups % values.length] as AnyTypedArray, singles]) });
      // Floats alone, and none of them: sums that depend on the order have a way of their own.
      same({ kind: "group", keys: by, length, aggregates: [{ terminal: "average", values: doubles }, { terminal: "sum", values: singles }, { terminal: "count", values: null }] });
      same({ kind: "group", keys: by, length, aggregates: [{ terminal: "max", values: doubles }, { terminal: "count", values: null }] });
      same({ kind: "group", keys: by, length, aggregates: [{ terminal: "count", values: null }] });
    }
  });

  it.each([
    { groups: 700, stride: 1 },
    { groups: 30_000, stride: 1 },
    { groups: 30_000, stride: 4096 },
  ])("aggregates $groups groups, $stride apart, by any number of threads", ({ groups, stride }) => {
    addon.forgo({ pauses: true });
    // From 2^17 rows on.
    const length = 2 ** 17 + 77;
    const random = randomOf(groups + stride);
    const keys = Int32Array.from({ length }, () => (random() < 0.2 ? 0 : Math.floor(random() * groups) * stride) - 5);
    const doubles = Float64Array.from(keys, () => (random() < 1e-5 ? (FLOATS[Math.floor(random() * 4)] as number) : (random() - 0.5) * 10 ** Math.floor(random() * 9)));
    const wide = Float64Array.from(keys, key => key * 0.1);
    const aggregates = aggregatesOf([doubles]).concat(aggregatesOf([Float32Array.from(doubles)]).slice(1, 2), aggregatesOf([BigInt64Array.from(keys, BigInt)]).slice(1, 2), aggregatesOf([keys]).slice(1, 3));
    const before = addon.team().helped;
    for (const by of [[keys], [wide], [wide, keys]]) {
      const move = { kind: "group", keys: by, length, aggregates } as const;
      const script = moveInScript(move);
      for (const threads of [1, 2, 3, 7]) alike(move, nativeMover(addon, threads).now(move), script);
    }
    const [codes, firsts] = moveInScript({ kind: "codes", columns: [keys], length });
    const move = { kind: "aggregate", codes: (codes as Uint32Array).map(code => (firsts as Uint32Array).length - 1 - code), count: (firsts as Uint32Array).length, aggregates } as const;
    const spread = { ...move, kind: "spread", aggregates: [{ terminal: "variance", values: doubles, argument: 1 }, { terminal: "median", values: keys, argument: 0.5 }] } as const;
    const places = (codes as Uint32Array).map((code, at) => (code * 7919 + at) % length);
    const rows = { kind: "rows", columns: [keys, doubles], places, zeros: false } as const;
    const select = { kind: "select", values: doubles, places: [3, length >> 1, (length >> 1) + 1, length - 9] } as const;
    for (const also of [move, spread, rows, select]) {
      const script = moveInScript(also);
      for (const threads of [1, 3]) alike(also, nativeMover(addon, threads).now(also), script);
    }
    expect(addon.team().helped).toBeGreaterThan(before);
  });

  it("takes NaNs for one, whatever their bits, and columns together that just fit in a word, or just do not", () => {
    const words = new BigUint64Array([0x7ff8000000000000n, 0xfff8000000000001n, 0x7ff0000000000001n, 0x3ff8000000000000n, 0xbff8000000000000n, 0x7ff8000000000000n]);
    const doubles = new Float64Array(words.buffer);
    const singles = new Float32Array(new Uint32Array([0x7fc00000, 0xffc00001, 0x7f800001, 0x3fc00000, 0xbfc00000, 0x7fc00000]).buffer);
    const bits = Uint8Array.of(0, 0, 1, 1, 1, 0);
    for (const columns of [[doubles], [singles], [doubles, bits], [bits, doubles], [singles, singles], [singles, bits, singles], [words, bits], [bits, words], [Float32Array.from(bits, bit => bit * 0.5), singles, bits]]) {
      same({ kind: "codes", columns, length: 6 });
      same({ kind: "firsts", columns, length: 6 });
      same({ kind: "group", keys: columns, length: 6, aggregates: aggregatesOf([doubles, bits]) });
      same({ kind: "common", left: columns, leftLength: 3, right: columns.map(column => column.slice(3)), rightLength: 3, keep: true });
      for (const limit of [2, 6]) same({ kind: "order", keys: columns.map((array, at) => ({ array, descending: at === 1 })), length: 6, limit });
    }
  });

  it("sums integers exactly, beyond those that a double holds", () => {
    const length = 2 ** 21 + 2 ** 16 + 5;
    const values = new Uint32Array(length).fill(2 ** 32 - 1);
    same({ kind: "group", keys: [new Uint8Array(length)], length, aggregates: [{ terminal: "sum", values }, { terminal: "average", values }] });
  });

  it("begins sums with 0, of few groups and of many, as of nothing but -0", () => {
    for (const length of [5, 20_000]) {
      const keys = Uint32Array.from({ length }, (_, at) => at);
      same({ kind: "group", keys: [keys], length, aggregates: [{ terminal: "sum", values: new Float64Array(length).fill(-0) }, { terminal: "min", values: new Float32Array(length).fill(-0) }] });
    }
  });

  it("on another thread, too, whatever becomes of the arrays meanwhile", async () => {
    const values = Float64Array.from({ length: 100_000 }, (_, at) => Math.sin(at));
    const key = { array: values.slice(), descending: false };
    const later = nativeMover(addon).later({ kind: "order", keys: [key], length: values.length, limit: values.length });
    structuredClone(key.array.buffer, { transfer: [key.array.buffer] });
    expect((await later)[0]).toEqual(values.toSorted());
    await expect(addon.moveLater("rows", [Uint32Array.of(3), values.subarray(0, 3)], [0])).rejects.toThrow(/3 elements, fewer than 4/);
    await expect(addon.moveLater("join", [values, Float32Array.of(1)], [3, 1, 0])).rejects.toThrow(TypeError);
    expect(() => addon.moveLater("shuffle", [], [])).toThrow(/no table operation shuffle/);
  });

  it("from shared memory, and from a worker", async () => {
    const shared = new Float32Array(new SharedArrayBuffer(400));
    shared.set(Array.from({ length: 100 }, (_, at) => Math.sin(at)));
    same({ kind: "order", keys: [{ array: shared, descending: false }], length: 100, limit: 100 });
    const file = addonCandidates(packageRoot() as string)[0] as string;
    const worker = new Worker(`const { parentPort } = require("node:worker_threads"); parentPort.postMessage(require(${JSON.stringify(file)}).move("order", [Int8Array.of(3, -1, 2)], [3, 3, 1]));`, { eval: true });
    const told = await new Promise(resolve => void worker.once("message", resolve));
    expect(told).toEqual([Int8Array.of(3, 2, -1)]);
    await worker.terminate();
  });
});

function aggregatesOf(columns: readonly AnyTypedArray[]) {
  return columns.flatMap(values => (["count", "sum", "average", "min", "max", "first", "last"] as const).filter(terminal => terminal !== "average" || !isBig(elementTypeOf(values) as ElementType)).map(terminal => ({ terminal, values: terminal === "count" ? null : values })));
}

describe.each([
  { name: "as JavaScript", mover: moveInScript, off: false },
  { name: "natively", mover: unavailable === null ? nativeMover(addon).now : moveInScript, off: unavailable !== null },
])("what a group comes to $name", ({ mover, off }) => {
  it.skipIf(off).each(ELEMENT_TYPES)("has the bits of the terminal over its elements alone: %s", element => {
    const { compute } = createRuntime({ backend: "js" });
    const sizes = [1, 2, 8, 9, 16, 17, 31, 32, 33, 64, 1023, 1024, 1025, 5000, 7000];
    const each = sizes.flatMap((size, code) => new Array<number>(size).fill(code));
    const codes = Uint32Array.from(each, (_, at) => each[(at * 7919) % each.length] as number);
    const values = arrayOf(element, each.map((_, at) => (isBig(element) ? BigInt(at) * 0x123456789abcdefn : ELEMENTS[element].integer ? (at * 2654435761) % 2 ** 32 : Math.sin(at) * 10 ** (at % 9))));
    const groups = sizes.map((_, code) => compute(arrayOf(element, Array.from(values as Float64Array).filter((_, at) => codes[at] === code)) as Float64Array));
    const terminals = (["count", "sum", "min", "max", "first", "last", "average"] as const).filter(terminal => terminal !== "average" || !isBig(element));
    // Enough groups for the way of many, too: each of these a group of its own, with one element.
    for (const more of [0, 10_000]) {
      const [longer, wider] = [newArray(element, values.length + more), new Uint32Array(values.length + more)];
      longer.set(values as never, 0);
      wider.set(codes);
      wider.set(Uint32Array.from({ length: more }, (_, at) => sizes.length + at), codes.length);
      const results = mover({ kind: "aggregate", codes: wider, count: sizes.length + more, aggregates: terminals.map(terminal => ({ terminal, values: terminal === "count" ? null : longer })) });
      for (const [at, terminal] of terminals.entries()) {
        expect(Array.from((results[at] as Float64Array).subarray(0, sizes.length))).toEqual(groups.map(group => group[terminal]().value()));
      }
    }
  });
});

describe.skipIf(unavailable !== null)("the addon refuses", () => {
  const floats = Float32Array.of(1, 2, 3);
  const gone = Float32Array.of(1, 2, 3);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  it.each<readonly [string, string, readonly AnyTypedArray[], readonly number[], typeof TypeError | typeof RangeError, RegExp]>([
    ["an operation that it does not know", "shuffle", [floats], [3], TypeError, /no table operation shuffle/],
    ["fewer elements than rows", "codes", [floats], [4], RangeError, /3 elements, fewer than 4/],
    ["a detached array", "order", [gone], [3, 3, 0], RangeError, /0 elements, fewer than 3/],
    ["a missing array", "order", [], [3, 3, 0], TypeError, /array is missing/],
    ["a missing number", "order", [floats], [3, 3], TypeError, /number is missing/],
    ["a fraction of a row", "reverse", [floats], [1.5], RangeError, /1.5/],
    ["a negative length", "reverse", [floats], [-1], RangeError, /-1/],
    ["places beyond the rows", "rows", [Uint32Array.of(0, 3), floats], [0], RangeError, /3 elements, fewer than 4/],
    ["places that are none", "rows", [floats, floats], [0], TypeError, /Uint32Array/],
    ["codes beyond their number", "buckets", [Uint32Array.of(0, 2)], [2], RangeError, /code is too large/],
    ["groups' codes beyond their number", "aggregate", [Uint32Array.of(0, 2), floats], [2, 1, 0], RangeError, /code is too large/],
    ["groups of more rows than values", "aggregate", [Uint32Array.of(0, 1, 1, 1), floats], [2, 1, 0], RangeError, /fewer than 4/],
    ["groups without rows", "aggregate", [Uint32Array.of(0, 2), floats], [3, 1, 0], RangeError, /code does not occur/],
    ["an aggregate that it does not know", "aggregate", [Uint32Array.of(0, 0, 0), floats], [1, 9, 0], RangeError, /9/],
    ["the average of BigInts", "aggregate", [Uint32Array.of(0), BigInt64Array.of(1n)], [1, 2, 0], TypeError, /no such aggregate/],
    ["keys of different types on both sides", "join", [floats, Float64Array.of(1)], [3, 1, 0], TypeError, /same types/],
    ["a key without its other side", "join", [floats], [3, 3, 0], TypeError, /as many keys/],
  ])("%s", (_, operation, arrays, numbers, error, message) => {
    const call = (): unknown => addon.move(operation, arrays, numbers);
    expect(call).toThrow(error);
    expect(call).toThrow(message);
  });

  it("what is neither array nor number", () => {
    expect(() => addon.move("codes", [[1, 2] as never], [2])).toThrow(TypeError);
    expect(() => addon.move("codes", [floats], ["3" as never])).toThrow(TypeError);
    expect(() => addon.move(3 as never, [floats], [3])).toThrow(TypeError);
    expect(() => addon.move("codes", null as never, [3])).toThrow(TypeError);
  });
});
