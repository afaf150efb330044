/** `median` and `quantile`, against sorted arrays. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, nullable, stream, type LazyValue, type Query } from "../../src/index.js";
import { quantilesIn } from "../../src/query/select.js";
import { nativeMover } from "../../src/backends/cpu/moves.js";
import { scriptMover } from "../../src/table/script.js";
import { addon } from "../native/fixtures.js";
import { whyNoCpu } from "../laws/backends.js";

/** By sorting all, and by numpy's default rule. */
function sortedQuantile(values: Iterable<number>, q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0 || sorted.some(Number.isNaN)) return NaN;
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number];
  if (low === high || (low === -Infinity && high !== Infinity)) return low + 0;
  return low + (high - low) * (at - Math.floor(at));
}

/** Fixed, and the same every time. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

const QUANTILES = [0, 0.001, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 0.999, 1];

describe.each([
  { name: "as JavaScript", mover: scriptMover, off: false },
  { name: "natively", mover: whyNoCpu === null ? nativeMover(addon) : scriptMover, off: whyNoCpu !== null },
])("selection $name", ({ mover, off }) => {
  const next = random(7);
  const KINDS: Readonly<Record<string, (at: number, length: number) => number>> = {
    random: () => next() * 100 - 50,
    "few values": () => Math.floor(next() * 3),
    "one value": () => 4,
    ascending: at => at,
    descending: at => -at,
    "a saw": at => at % 17,
    "a saw with the teeth of the sample": (at, length) => at % Math.max(1, Math.floor(length / 16384)) + at / length,
    "an organ pipe": (at, length) => Math.min(at, length - at),
    infinities: () => [Infinity, -Infinity, -0, 0, 1.5][Math.floor(next() * 5)] as number,
  };
  it.skipIf(off).each(Object.entries(KINDS))("of %s finds what sorting finds", (_, value) => {
    for (const length of [1, 2, 3, 4, 31, 32, 33, 599, 601, 1024, 1025, 5000, 65_536, 70_000]) {
      const values = Float64Array.from({ length }, (_, at) => value(at, length));
      expect(quantilesIn(values.slice(), QUANTILES, mover), `${length} values`).toEqual(QUANTILES.map(q => sortedQuantile(values, q)));
    }
  });

  it.skipIf(off)("finds a NaN wherever it stands", () => {
    for (const length of [1, 40, 66_000]) {
      for (const place of [0, length >> 1, length - 1]) {
        const values = Float64Array.from({ length }, () => next());
        values[place] = NaN;
        expect(quantilesIn(values, [0, 0.5], mover)).toEqual([NaN, NaN]);
      }
    }
  });

  it.skipIf(off)("takes quantiles in any order, and again", () => {
    const values = Float64Array.from({ length: 3000 }, () => next());
    const wanted = [...QUANTILES.toReversed(), ...QUANTILES, ...Array.from({ length: 100 }, () => next())];
    expect(quantilesIn(values.slice(), wanted, mover)).toEqual(wanted.map(q => sortedQuantile(values, q)));
    expect(quantilesIn(values, [], mover)).toEqual([]);
  });
});

const ARRAYS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array] as const;

describe.each([{ backend: "js", why: null }, { backend: "cpu", why: whyNoCpu }] as const)("on $backend", ({ backend, why }) => {
  const { compute } = createRuntime({ backend });
  const on = it.skipIf(why !== null);

  on.each(ARRAYS)("of a %o", constructor => {
    const next = random(3);
    for (const length of [0, 1, 2, 32, 1023]) {
      const array = (constructor as Float64ArrayConstructor).from({ length }, () => next() * 250 - 125);
      expect(compute(array).median().value()).toBe(sortedQuantile(array, 0.5));
      expect(compute(array).map(x => x).quantile(QUANTILES).value()).toEqual(QUANTILES.map(q => sortedQuantile(array, q)));
    }
  });

  on("of what is left, without changing the source", () => {
    const array = Float64Array.of(5, NaN, 3, -0, Infinity, 8, -2);
    const before = array.slice();
    expect(compute(array).median().value()).toBeNaN();
    expect(compute(array).filter(x => x > 0).map(x => x * 2).median().value()).toBe(13);
    expect(compute(array).filter(x => x === x).quantile(0.5).value()).toBe(4);
    expect(compute(array).filter(x => x > 100 && x < 200).quantile([0, 1]).value()).toEqual([NaN, NaN]);
    expect(compute(array).filter(x => x === x).orderBy(x => x).reverse().quantile(0).value()).toBe(-2);
    expect(compute(array).skip(2).concat(compute(array).take(1)).median().value()).toBe(4);
    expect(compute(array).scan((a, x) => a + x, 0).take(1).median().value()).toBe(5);
    expect(array).toEqual(before);
  });

  on("of zeros is zero, of infinities one of them", () => {
    const median = (...values: readonly number[]): number => compute(Float64Array.from(values)).median().value();
    expect(median(-0)).toBe(0);
    expect(median(-0, 0)).toBe(0);
    expect(median(Infinity)).toBe(Infinity);
    expect(median(-Infinity, -Infinity)).toBe(-Infinity);
    expect(median(-Infinity, 3)).toBe(-Infinity);
    expect(median(3, Infinity)).toBe(Infinity);
    expect(median(1, 2, Infinity)).toBe(2);
    expect(median(-Infinity, Infinity)).toBeNaN();
  });

  on("of rows", async () => {
    const rows = compute({ x: Int32Array.of(4, 1, 3, 2), price: nullable(Float64Array.of(1, 2, 3, 4), Uint8Array.of(1, 0, 1, 1)) });
    expect(rows.median(r => r.x * 2).value()).toBe(5);
    expect(rows.median(r => r.price).value()).toBe(3);
    expect(rows.quantile([0, 1], r => r.x + k, { k: 10 }).value()).toEqual([11, 14]);
    expect(await rows.quantile(0.1, r => r.x)).toBeCloseTo(1.3);
  });
});

declare const k: number;

const { compute } = createRuntime({ backend: "js" });

describe("a quantile", () => {
  it("is awaited, and of a stream", async () => {
    const array = Float64Array.of(3, 1, 2);
    expect(await compute(array).median()).toBe(2);
    expect(await compute(array).quantile([0.5, 1])).toEqual([2, 3]);
    expect(await compute(stream([array, Float64Array.of(9, 8)], Float64Array)).map(x => -x).median()).toBe(-3);
  });

  it("is explained", () => {
    const query = compute(Float64Array.of(3, 1, 2)).map(x => x + 1).orderBy(x => x).quantile([0.25, 0.5]);
    const text = query.explain();
    expect(text).toContain(".quantile([0.25, 0.5])");
    expect(text).toContain("stores a Float64Array; the quantile is selected from it, on the calling thread, as JavaScript");
    expect(text).toContain("quantiles are the same in every order");
    expect(query.explain({ format: "json" }).kernels).toHaveLength(1);
  });

  it("is stored as JSON", () => {
    const array = Float64Array.of(3, 1, 2);
    const again = (query: LazyValue<unknown>): unknown => fromJSON<LazyValue<unknown>>(JSON.stringify(query), array).value();
    expect(again(compute(array).median())).toBe(2);
    expect(again(compute(array).quantile(1))).toBe(3);
    expect(again(compute(array).quantile([0, 0.25]))).toEqual([1, 1.5]);
  });

  it.each([-0.1, 1.1, NaN, "0.5", undefined, 1n, [0.5, 2], [[0.5]], BigInt64Array.of(1n)])("refuses %o", q => {
    expect(() => compute(Float64Array.of(1)).quantile(q as number)).toThrow(/DC305.*quantile\(\) takes numbers from 0 to 1/);
  });

  it("refuses BigInts, with the remedy", () => {
    const ids = BigInt64Array.of(1n, 2n);
    expect(() => (compute(ids) as never as Query<Float64Array>).median()).toThrow(/DC306.*as\(Float64Array\)\.median\(\)/s);
    expect(() => compute({ ids }).median(r => r.ids as never)).toThrow(/DC306/);
    expect(compute({ ids }).median(r => Number(r.ids)).value()).toBe(1.5);
  });
});
