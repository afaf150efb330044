/** Lambdas that fail at some element: the very error of the very element, on every backend, now and later; and only where JavaScript would fail. */
import { describe, expect, it } from "vitest";
import { LambdaError, type LazyValue, type Query } from "../../src/index.js";
import { backendsOf, newBench, outcomeOf, rejectionOf } from "./query-support.js";

const bench = newBench();
const table = Float64Array.of(10, 20, 30);
const DIVISION = new RangeError("Division by zero");
const outOfRange = (at: number): RangeError => new RangeError(`DC401: table[${at}] is out of range: table has 3 elements`);

type Terminal = (query: Query<Float64Array>) => LazyValue<unknown> | ArrayTerminal;
/** Array terminals in the clothes of a lazy value. */
interface ArrayTerminal {
  value(): unknown;
  run(): Promise<unknown>;
}
const toArray: Terminal = query => ({ value: () => query.toArray(), run: () => query.toArrayAsync() });

const LENGTH = 5000;
/** 0, 1, 2, 0 … but for some places, given with what is there. */
function places(bad: Readonly<Record<number, number>>, length = LENGTH): Float64Array {
  const array = Float64Array.from({ length }, (_, at) => at % 3);
  for (const [at, value] of Object.entries(bad)) array[Number(at)] = value;
  return array;
}

/** Two failing elements such that an order by lanes meets the later one first. */
const BAD = { 2088: 7, 2113: 8, 4321: 9 };

const READING: Readonly<Record<string, Terminal>> = {
  "a map": query => toArray(query.map(x => table[x]! + 1, { table })),
  "a map to another array": query => toArray(query.map(x => table[x]!, Float32Array, { table }) as never),
  "a filter": query => toArray(query.filter(x => table[x]! > 15, { table })),
  "a filter and a count": query => query.filter(x => table[x]! > 15, { table }).count(),
  "a map after a filter": query => toArray(query.filter(x => x !== 1).map(x => table[x]!, { table })),
  "a map and a sum": query => query.map(x => table[x]!, { table }).sum(),
  "a map and a max": query => query.map(x => table[x]!, { table }).max(),
  "a reduce in lanes": query => query.reduce((a, x) => a + table[x]!, 0, { table }),
  "a reduce in order": query => query.reduce((a, x) => (x > 0 ? a * 0.5 + table[x]! : a + table[x]!), 0, { table }),
  "a reduce with combine": query => query.reduce((a, x) => (table[x]! > 15 ? a + 1 : a), 0, { table }, { combine: (a, b) => a + b }),
  "a find of nothing": query => query.find(x => table[x]! > 99, { table }),
  "a findIndex of nothing": query => query.findIndex(x => table[x]! > 99, { table }),
  "a some of nothing": query => query.some(x => table[x]! > 99, { table }),
  "an every of all": query => query.every(x => table[x]! < 99, { table }),
  "an indexOf of nothing": query => query.map(x => table[x]!, { table }).indexOf(5),
  "a last": query => query.map(x => table[x]!, { table }).last(),
  "a barrier's first kernel": query => toArray(query.filter(x => table[x]! > 15, { table }).map((x, i) => x + i)),
  "a barrier's second kernel": query => toArray(query.filter(x => x !== 1).map((x, i) => table[x]! + i, { table })),
  "a helper": query => toArray(query.map(x => read(x), { read, table })),
  "a loop": query =>
    toArray(
      query.map(
        x => {
          let total = 0;
          for (let at = 0; at <= x; at += 1) total += table[at]!;
          return total;
        },
        { table },
      ),
    ),
};
const read = (x: number): number => table[x]! * 2;

describe.each(backendsOf(bench))("on $title", ({ name: backend, runtime, skipped }) => {
  describe.skipIf(skipped)("a captured array read out of range", () => {
    it.each(Object.keys(READING))("by %s is the RangeError of the first such element, now and later", async name => {
      const terminal = READING[name]!;
      // A loop runs through every place up to the element's own: the first beyond the table fails.
      const first = name === "a loop" ? 3 : 7;
      const lazy = terminal(runtime.compute(places(BAD)));
      expect(outcomeOf(() => lazy.value())).toEqual(outOfRange(first));
      expect(await rejectionOf(lazy.run())).toEqual(outOfRange(first));
      // And where nothing fails, the same kernel gives what JavaScript gives.
      const expected = terminal(bench.js.compute(places({}))).value();
      expect(terminal(runtime.compute(places({}))).value()).toEqual(expected);
      expect(bench.ran.at(-1)).toBe(backend);
    });

    it.each([
      [0, 3],
      [1, -1],
      [2, 0.5],
      [3, NaN],
      [4, Infinity],
      [31, 2 ** 32],
      [32, -(2 ** 31)],
      [33, 1e300],
      [4096, 2 ** 53],
      [4999, 3],
    ])("at element %i: place %d", async (at, bad) => {
      const query = runtime.compute(places({ [at]: bad })).map(x => table[x]! + 1, { table });
      expect(outcomeOf(() => query.toArray())).toEqual(outOfRange(bad));
      expect(await rejectionOf(query.toArrayAsync())).toEqual(outOfRange(bad));
    });

    it("is no error at -0, which is 0", () => {
      expect(runtime.compute(Float64Array.of(-0)).map(x => table[x]!, { table }).toArray()).toEqual(Float64Array.of(10));
    });

    it("is none where the branch is not taken, or the loop not entered", async () => {
      const array = places(BAD);
      const guarded = runtime.compute(array).map(x => (x < 3 ? table[x]! : -1), { table });
      const expected = array.map(x => (x < 3 ? table[x]! : -1));
      expect(guarded.toArray()).toEqual(expected);
      expect(await guarded.toArrayAsync()).toEqual(expected);
      expect(runtime.compute(array).filter(x => x < 3 && table[x]! > 15, { table }).toArray()).toEqual(array.filter(x => x < 3 && table[x]! > 15));
      expect(runtime.compute(array).filter(x => x < 3).map(x => table[x]!, { table }).sum().value()).toBe(array.filter(x => x < 3).reduce((a, x) => a + table[x]!, 0));
      const statement = runtime.compute(array).map(
        x => {
          let y = 0;
          if (x >= 3) return -1;
          for (let at = 0; at < table.length; at += 1) {
            if (at > x) break;
            y += table[at]!;
          }
          while (y > 1e9) y += table[99]!;
          return y;
        },
        { table },
      );
      expect(statement.toArray()).toEqual(array.map(x => (x >= 3 ? -1 : [10, 30, 60][x]!)));
    });

    it("is none behind the element that a find, a some or an every stops at", async () => {
      const array = places(BAD);
      array[100] = 1.5;
      const steps = (query: Query<Float64Array>): readonly (() => unknown)[] => [
        () => query.find(x => x === 1.5 || table[x]! > 99, { table }).value(),
        () => query.findIndex(x => x === 1.5 || table[x]! > 99, { table }).value(),
        () => query.some(x => x === 1.5 || table[x]! > 99, { table }).value(),
        () => query.every(x => x !== 1.5 && table[x]! < 99, { table }).value(),
        () => query.map(x => (x === 1.5 ? -1 : table[x]!), { table }).indexOf(-1).value(),
        () => query.map(x => table[x]!, { table }).first().value(),
      ];
      expect(steps(runtime.compute(array)).map(step => step())).toEqual([1.5, 100, true, false, 100, 10]);
      expect(await runtime.compute(array).find(x => x === 1.5 || table[x]! > 99, { table })).toBe(1.5);
      // Within the same vector: the element before fails, the element behind does not.
      for (const [bad, outcome] of [[99, outOfRange(7)], [101, 1.5]] as const) {
        const near = places({ [bad]: 7 });
        near[100] = 1.5;
        expect(outcomeOf(() => runtime.compute(near).find(x => x === 1.5 || table[x]! > 99, { table }).value())).toEqual(outcome);
      }
    });

    it("leaves its arrays as they were, and the kernel fit for the next run", async () => {
      const own = places(BAD);
      const query = runtime.compute(own).map(x => table[x]!, { table });
      expect(outcomeOf(() => query.toArray({ into: own }))).toEqual(outOfRange(7));
      expect(await rejectionOf(query.toArrayAsync({ into: own }))).toEqual(outOfRange(7));
      expect(own).toEqual(places(BAD));
      own.set(places({}));
      expect(await query.toArrayAsync({ into: own })).toBe(own);
      expect(own).toEqual(places({}).map(x => table[x]!));
    });

    it("names the array as the lambda does, when a helper reads it, too", () => {
      const lut = Float64Array.of(1);
      const failure = outcomeOf(() => runtime.compute(Float64Array.of(0, 1)).map(x => lut[x]!, { lut }).toArray());
      expect(failure).toEqual(new RangeError("DC401: lut[1] is out of range: lut has 1 element"));
      expect(failure).toBeInstanceOf(RangeError);
    });

    it("of BigInts, too", () => {
      const longs = BigInt64Array.of(5n, 6n);
      const query = runtime.compute(Float64Array.of(0, 1, 2)).map(x => longs[x]! + 1n, BigInt64Array, { longs });
      expect(outcomeOf(() => query.toArray())).toEqual(new RangeError("DC401: longs[2] is out of range: longs has 2 elements"));
    });
  });

  describe.skipIf(skipped)("a BigInt divided by 0n", () => {
    const bigs = (bad: readonly number[], length = 3000): BigInt64Array => BigInt64Array.from({ length }, (_, at) => (bad.includes(at) ? 0n : BigInt((at % 7) + 1)));
    const DIVIDING: Readonly<Record<string, (query: Query<BigInt64Array>) => LazyValue<unknown> | ArrayTerminal>> = {
      "a map by /": query => toArray(query.map(x => 100n / x) as never),
      "a map by %": query => toArray(query.map(x => 100n % x) as never),
      "a filter": query => toArray(query.filter(x => 100n / x > 30n) as never),
      "a sum": query => query.map(x => 100n / x).sum(),
      "a reduce in order": query => query.reduce((a, x) => a * 3n + 100n / x, 0n),
      "a find of nothing": query => query.find(x => 100n / x === 1n),
      "an unsigned map": query => toArray(query.as(BigUint64Array).map(x => 100n / x) as never),
    };

    it.each(Object.keys(DIVIDING))("by %s is JavaScript's RangeError, now and later", async name => {
      const terminal = DIVIDING[name]!;
      for (const bad of [0, 33, 2999]) {
        const lazy = terminal(runtime.compute(bigs([bad])));
        expect(outcomeOf(() => lazy.value())).toEqual(DIVISION);
        expect(await rejectionOf(lazy.run())).toEqual(DIVISION);
      }
      expect(terminal(runtime.compute(bigs([]))).value()).toEqual(terminal(bench.js.compute(bigs([]))).value());
    });

    it("is none where the branch is not taken, and wraps at the least value", async () => {
      const array = bigs([1, 40, 2048]);
      const guarded = runtime.compute(array).map(x => (x === 0n ? -1n : 100n / x));
      const expected = array.map(x => (x === 0n ? -1n : 100n / x));
      expect(guarded.toArray()).toEqual(expected);
      expect(await guarded.toArrayAsync()).toEqual(expected);
      const least = -(2n ** 63n);
      const down = -1n;
      expect(runtime.compute(BigInt64Array.of(least, 7n)).map(x => x / down, { down }).toArray()).toEqual(BigInt64Array.of(least, -7n));
      expect(runtime.compute(BigInt64Array.of(least, 7n)).map(x => x % down, { down }).toArray()).toEqual(BigInt64Array.of(0n, 0n));
    });

    it("is none behind the element that a find stops at", () => {
      expect(runtime.compute(bigs([50])).find(x => 100n / x === 25n).value()).toBe(4n);
      expect(outcomeOf(() => runtime.compute(bigs([2])).find(x => 100n / x === 25n).value())).toEqual(DIVISION);
    });

    it("comes first or second, as the elements do", () => {
      const lengths = (first: number, second: number): unknown => {
        const array = new BigInt64Array(100).fill(1n);
        array[first] = 0n;
        array[second] = 5n;
        return outcomeOf(() => runtime.compute(array).map(x => BigInt(Math.trunc(table[Number(x)]!)) / x, { table }).toArray());
      };
      expect(lengths(70, 65)).toEqual(outOfRange(5));
      expect(lengths(65, 70)).toEqual(DIVISION);
    });

    it("is not the only way to fail: NaN and infinities are no BigInts", () => {
      const query = (array: Float64Array) => runtime.compute(array).map(x => BigInt(Math.trunc(x)), BigInt64Array);
      expect(query(Float64Array.of(1, -5)).toArray()).toEqual(BigInt64Array.of(1n, -5n));
      for (const bad of [NaN, Infinity, -Infinity]) {
        expect(outcomeOf(() => query(Float64Array.of(1, bad)).toArray())).toEqual(outcomeOf(() => BigInt(bad)));
      }
    });
  });
});

it("a lambda that throws is refused when it is given", () => {
  const error = outcomeOf(() =>
    bench.js.compute(Float64Array.of(1)).map(x => {
      if (x > 1) throw new Error("too large");
      return x;
    }),
  );
  expect(error).toBeInstanceOf(LambdaError);
  expect((error as LambdaError).code).toBe("DC102");
  expect((error as Error).message).toMatch(/^DC102: a kernel cannot throw\n.*throw new Error\("too large"\);\n +\^+\nGive NaN back, or filter such elements out before$/s);
});
