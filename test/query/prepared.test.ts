/** Prepared queries: what they give is what the query gives, over any source and for any captures; and what they refuse. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BackendError, QueryError } from "../../fusion/errors.js";
import { createRuntime, nullable, range, stream, type LazyValue, type Prepared, type Query, type Runtime, type TypedArray } from "../../src/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "dotcompute-prepared-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const js = createRuntime({ backend: "js" });
const cpu = createRuntime({ backend: "cpu", cacheFolder: folder });

function obstacle(): string | null {
  try {
    cpu.compute(Float64Array.of(1)).sum().value();
    return null;
  } catch (error) {
    if (error instanceof BackendError) return error.message;
    throw error;
  }
}
const reason = obstacle();

const SPECIALS = [0, -0, 1, -1, NaN, Infinity, -Infinity, 0.1, 5e-324, 1.7e308, 2 ** 31, -(2 ** 31), 2 ** 53, 1e-45, 0.5, 3];
/** Special values again and again; another start gives another array. */
const specials = (length: number, start = 0): Float64Array => Float64Array.from({ length }, (_, i) => SPECIALS[(i * 7 + start) % SPECIALS.length] as number);
const LENGTHS = [1, 0, 16, 33, 1025];

/** The bits of results: a number is a list of one. */
const bitsOf = (result: unknown): unknown => (typeof result === "number" ? [Number.isNaN(result) ? "NaN" : Object.is(result, -0) ? "-0" : result] : result);

type Built = Query<TypedArray> | LazyValue<unknown>;

/** Queries of a source and a capture. */
const CASES: Readonly<Record<string, (runtime: Runtime, source: Float64Array, k: number) => unknown>> = {
  sum: (r, a, k) => r.compute(a).map(x => x * k, { k }).sum(),
  "filter, reduce": (r, a, k) => r.compute(a).filter(x => x > k, { k }).reduce((s, x) => s + x * x, 0),
  average: (r, a, k) => r.compute(a).map(x => x - k, { k }).average(),
  min: (r, a, k) => r.compute(a).map(x => x * k, { k }).min(),
  some: (r, a, k) => r.compute(a).some(x => x === k, { k }),
  find: (r, a, k) => r.compute(a).find(x => x > k, { k }),
  findIndex: (r, a, k) => r.compute(a).filter(x => x !== 1).findIndex(x => x > k, { k }),
  count: (r, a, k) => r.compute(a).filter(x => x > k, { k }).count(),
  "count of all": (r, a, k) => r.compute(a).map(x => x * k, { k }).count(),
  map: (r, a, k) => r.compute(a).map((x, i) => x * k + i, { k }),
  "map to bytes": (r, a, k) => r.compute(a).map(x => x > k, Uint8Array, { k }),
  filter: (r, a, k) => r.compute(a).filter(x => x < k, { k }),
  scan: (r, a, k) => r.compute(a).scan((s, x) => s * k + x, 1, { k }),
  window: (r, a, k) => r.compute(a).window(5).map(([p, , q, , s]) => p! + q! * k - s!, { k }),
  "window, unread": (r, a, k) => r.compute(a).window(2).map((_, i) => i * k, { k }),
  "window, reduced": (r, a, k) => r.compute(a).neighbours([-1, 2]).map(([p, q]) => p! * q! + k, { k }).filter(x => x < 9).sum(),
  "window, edges": (r, a, k) => r.compute(a).window(3, { edge: "clamp" }).map(([p, q, s]) => p! + q! * k - s!, { k }),
  "map, window, skip": (r, a, k) => r.compute(a).map(x => x * k, { k }).window(3).average().skip(2),
  orderBy: (r, a, k) => r.compute(a).orderBy(x => x * k, { k }),
  "f32 in between": (r, a, k) => r.compute(a).as(Float32Array).map(x => x * k, { k }).map(x => x + 1).sum(),
  zip: (r, a, k) => r.compute(a).zip(r.compute(specials(40)).map(y => y * k, { k: 3 }), (x, y) => x * y + k, { k }).max(),
};
const build = (name: string, runtime: Runtime, source: Float64Array, k: number): Built => CASES[name]!(runtime, source, k) as Built;
const prepared = (name: string, runtime: Runtime): Prepared<Float64Array, unknown, undefined, unknown> => build(name, runtime, specials(1), 2).prepare() as never;
const resultOf = (built: Built): unknown => bitsOf("value" in built ? built.value() : built.toArray());

describe.each([{ name: "js", runtime: js, reason: null }, { name: "cpu", runtime: cpu, reason }])("on $name", ({ runtime, reason: missing }) => {
  describe.skipIf(missing !== null)(missing ?? "what is prepared", () => {
    it.each(Object.keys(CASES))("gives what the query gives: %s", name => {
      const run = prepared(name, runtime);
      for (const length of LENGTHS) {
        // A class of numbers that f32 arithmetic tells apart is entered and left.
        for (const k of [2, 0.1, -0, NaN, 0.5]) expect(bitsOf(run(specials(length, length), { k }))).toEqual(resultOf(build(name, runtime, specials(length, length), k)));
        expect(bitsOf(run(specials(length)))).toEqual(resultOf(build(name, runtime, specials(length), 2)));
      }
      expect(bitsOf(run())).toEqual(resultOf(build(name, runtime, specials(1), 2)));
    });

    it("runs off the main thread", async () => {
      for (const name of Object.keys(CASES)) {
        expect(bitsOf(await prepared(name, runtime).async(specials(33, 5), { k: 0.1 }))).toEqual(resultOf(build(name, runtime, specials(33, 5), 0.1)));
      }
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(runtime.compute(specials(3)).sum().prepare().async(undefined, {}, { signal })).rejects.toThrow("enough");
    });

    it("puts results into an array of the caller's", async () => {
      const scale = runtime.compute(specials(1)).map(x => x * gain, { gain }).prepare<Float64Array>();
      const into = new Float64Array(40);
      const expected = specials(33).map(x => x * 3);
      const view = scale(specials(33), { gain: 3 }, { into });
      expect(view).toEqual(expected);
      expect(view.buffer).toBe(into.buffer);
      const own = specials(33);
      expect(scale(own, { gain: 3 }, { into: own })).toBe(own);
      expect(own).toEqual(expected);
      // Overlapping its source elsewhere.
      const memory = specials(41);
      expect(scale(memory.subarray(0, 40), { gain: 3 }, { into: memory.subarray(1) })).toEqual(specials(41).subarray(0, 40).map(x => x * 3));
      expect(await scale.async(specials(33), { gain: 3 }, { into: into.subarray(0, 33) })).toEqual(expected);
      const positive = runtime.compute(specials(1)).filter(x => x > 0).prepare<Float64Array>();
      expect(positive(specials(33), {}, { into })).toEqual(specials(33).filter(x => x > 0));
    });

    it("takes columns, in any order, and rows", () => {
      const [price, quantity] = [specials(33), Int32Array.from({ length: 33 }, (_, i) => i - 10)];
      const total = runtime.compute({ price: specials(1), quantity: new Int32Array(1) }).sum(r => r.price * r.quantity + gain, { gain }).prepare();
      expect(bitsOf(total({ price, quantity }))).toEqual(bitsOf(runtime.compute({ price, quantity }).sum(r => r.price * r.quantity + gain, { gain }).value()));
      expect(bitsOf(total({ quantity, price }, { gain: 7 }))).toEqual(bitsOf(runtime.compute({ price, quantity }).sum(r => r.price * r.quantity + gain, { gain: 7 }).value()));
      const late = runtime.compute([{ delay: 1, carrier: "AA" }]).filter(r => r.delay > limit && r.carrier === who, { limit, who }).prepare();
      const day = [{ delay: 40, carrier: "AA" }, { delay: 50, carrier: "DL" }, { delay: 10, carrier: "AA" }];
      expect(late(day)).toEqual({ delay: Float64Array.of(40), carrier: ["AA"] });
      expect(late(day, { limit: 45, who: "DL" })).toEqual({ delay: Float64Array.of(50), carrier: ["DL"] });
      const spread = runtime.compute({ a: specials(1) }).map(r => ({ x: r.a * gain, y: r.a + 1 }), { gain }).prepare();
      expect(spread({ a: specials(16) }, { gain: 3 })).toEqual(runtime.compute({ a: specials(16) }).map(r => ({ x: r.a * gain, y: r.a + 1 }), { gain: 3 }).toColumns());
      const mean = runtime.compute({ a: nullable(Float64Array.of(1, 2), [true, false]) }).average(r => r.a).prepare();
      expect(mean({ a: nullable(Float64Array.of(1, 2, 3), [true, false, true]) })).toBe(2);
    });

    it("takes arrays, BigInts and booleans as captures", () => {
      const look = runtime.compute(Int32Array.of(0)).map(i => table[i]! + (odd ? 1 : 0), Float64Array, { table, odd }).prepare<Int32Array>();
      expect(look(Int32Array.of(2, 0), { table: Float64Array.of(5, 6, 7) })).toEqual(Float64Array.of(8, 6));
      expect(look(Int32Array.of(1), { odd: false })).toEqual(Float64Array.of(20));
      expect(look(Int32Array.of(1))).toEqual(Float64Array.of(21));
      expect(() => look(Int32Array.of(3))).toThrow(RangeError);
      const times = runtime.compute(BigInt64Array.of(1n)).map(x => x * big, { big }).sum().prepare<BigInt64Array>();
      expect(times(BigInt64Array.of(1n, -5n), { big: 10n })).toBe(-40n);
      expect(() => times(BigInt64Array.of(1n), { big: 2n ** 70n })).toThrow(/does not fit in 64 bits/);
      const whole = runtime.compute(Int16Array.of(1)).map(x => x * gain, { gain }).prepare<Int16Array>();
      expect(whole(Int16Array.of(3, -4), { gain: 5 })).toEqual(Int16Array.of(15, -20));
      expect(() => whole(Int16Array.of(3), { gain: 0.5 })).toThrow(/DC202/);
      expect(whole(Int16Array.of(3))).toEqual(Int16Array.of(6));
    });

    it("stays with a range, of which captures can be others", () => {
      const line = runtime.compute(range(0, 1, 0.25)).map(x => x * gain, { gain }).prepare();
      expect(line()).toEqual(Float64Array.of(0, 0.5, 1, 1.5));
      expect(line(undefined, { gain: 4 })).toEqual(Float64Array.of(0, 1, 2, 3));
      expect(() => line(undefined, { step: 1 } as never)).toThrow(/no capture "step"/);
      expect(() => line(range(3))).toThrow(/prepared for a range, and stays with it/);
    });

    it("may be called while it runs", () => {
      const sum = runtime.compute(specials(1)).map(x => x * gain, { gain }).sum().prepare();
      const captures = { get gain(): number { return sum(Float64Array.of(1, 2), { gain: 10 }); } };
      expect(sum(Float64Array.of(1, 1), captures)).toBe(60);
    });

    it("finds out that a buffer is gone, or has become shorter", () => {
      const sum = runtime.compute(specials(1)).map(x => x * gain, { gain }).sum().prepare();
      const gone = new Float64Array(8);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      expect(() => sum(gone)).toThrow(/DC307/);
      const scale = runtime.compute(specials(1)).map(x => x * gain, { gain }).prepare<Float64Array>();
      expect(() => scale(new Float64Array(8), {}, { into: gone })).toThrow(/DC307/);
      expect(() => scale(new Float64Array(8), {}, { into: new Float64Array(7) })).toThrow(/DC304/);
      expect(() => scale(new Float64Array(8), {}, { into: new Float32Array(8) as never })).toThrow(/DC304/);
      const lut = runtime.compute(Int32Array.of(0)).map(i => table[i]!, Float64Array, { table }).prepare<Int32Array>();
      expect(() => lut(Int32Array.of(0), { table: gone })).toThrow(/DC307/);
      expect(sum(new Float64Array(new SharedArrayBuffer(24)).fill(2))).toBe(12);
      const resizable = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer & { resize(bytes: number): void })(32, { maxByteLength: 64 });
      const tracking = new Float64Array(resizable).fill(1);
      expect(sum(tracking)).toBe(8);
      resizable.resize(16);
      expect(sum(tracking)).toBe(4);
      expect(scale(Float64Array.of(1, 2), {}, { into: tracking })).toEqual(Float64Array.of(2, 4));
    });
  });
});

it.skipIf(reason !== null)("leaves nothing behind but its result, of which a number has 16 bytes", () => {
  const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL("prepared-bytes.mjs", import.meta.url)), folder], { encoding: "utf8" });
  expect(stderr).toBe("");
  const bytes = JSON.parse(stdout) as Record<string, number>;
  expect(Object.keys(bytes)).toHaveLength(5);
  for (const [name, least] of Object.entries(bytes)) expect(least, name).toBeLessThan(name.startsWith("a number") ? 20 : 4);
});

const [gain, limit, who, odd, big] = [2, 20, "AA", true, 3n];
const table = Float64Array.of(10, 20, 30);

describe("what a prepared query refuses", () => {
  let sum: Prepared<unknown, number, undefined, unknown>;
  beforeAll(() => {
    sum = js.compute(specials(4)).map(x => x * gain, { gain }).sum().prepare() as never;
  });
  const refused = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(QueryError);
      return (error as Error).message;
    }
    throw new Error("nothing was refused");
  };

  it("sources that hold something else", () => {
    expect(refused(() => sum(new Float32Array(4)))).toMatch(/prepared for a Float64Array, and is given a Float32Array[^]*prepare another query/);
    expect(refused(() => sum({ x: specials(4) }))).toMatch(/is given { x: Float64Array }/);
    expect(refused(() => sum(range(4)))).toMatch(/is given a range/);
    expect(refused(() => sum(stream([], Float64Array)))).toMatch(/is given a stream/);
    expect(refused(() => sum(null))).toMatch(/cannot read null/);
    expect(sum([1, 2])).toBe(6);
    const rows = js.compute({ a: specials(1), b: specials(1) }).sum(r => r.a + r.b).prepare();
    expect(refused(() => rows({ a: specials(1) }))).toMatch(/prepared for { a: Float64Array, b: Float64Array }, and is given { a: Float64Array }/);
    expect(refused(() => rows({ a: specials(1), b: specials(1), c: specials(1) }))).toMatch(/c: Float64Array }/);
    expect(refused(() => rows({ a: specials(1), b: new Int8Array(1) }))).toMatch(/b: Int8Array }/);
    expect(refused(() => rows({ a: specials(1), b: specials(2) }))).toMatch(/DC308/);
  });

  it("captures that the query has not, or of another kind", () => {
    expect(refused(() => sum(specials(1), { volume: 2 }))).toMatch(/no capture "volume"[^]*Its captures are gain\./);
    expect(refused(() => sum(specials(1), { gain: 2n }))).toMatch(/the capture gain is 2n, but the query was prepared for a number/);
    expect(refused(() => sum(specials(1), { gain: undefined } as never))).toMatch(/the capture gain is undefined/);
    expect(refused(() => sum(specials(1), 3 as never))).toMatch(/takes captures as an object of names and values, not 3/);
    expect(refused(() => sum(specials(1), {}, { into: specials(1) } as never))).toMatch(/DC305/);
    expect(refused(() => js.compute(specials(1)).sum().prepare()(specials(1), { gain }))).toMatch(/None of its lambdas has captures/);
    const double = (x: number): number => x * 2;
    expect(refused(() => js.compute(specials(1)).map(x => double(x), { double }).prepare()(specials(1), { double }))).toMatch(/text is part of the prepared kernel/);
  });

  it("a name that means several values; one that means the same everywhere is given once", () => {
    const twice = js.compute(specials(1)).map(x => x * gain, { gain }).filter(x => x > gain, { gain: 3 }).prepare<Float64Array>();
    expect(refused(() => twice(specials(1), { gain: 4 }))).toMatch(/different values in several lambdas[^]*different names/);
    expect(twice(Float64Array.of(1, 2))).toEqual(Float64Array.of(4));
    const once = js.compute(specials(1)).map(x => x * gain, { gain }).filter(x => x > gain, { gain }).prepare<Float64Array>();
    expect(once(Float64Array.of(1, 2), { gain: 3 })).toEqual(Float64Array.of(6));
  });

  it("queries of several, and streams", async () => {
    const query = js.compute(specials(4));
    expect(refused(() => query.variance().prepare())).toMatch(/cannot be prepared[^]*several queries/);
    expect(refused(() => query.aggregate({ n: q => q.count() }).prepare())).toMatch(/cannot be prepared/);
    expect(refused(() => js.compute(stream([], Float64Array)).sum().prepare())).toMatch(/cannot be prepared: it reads a stream/);
    await Promise.resolve();
  });

  it("tells what it would run, and what it was made of", () => {
    const query = js.compute(specials(4)).map(x => x * gain, { gain });
    const run = query.prepare();
    expect(run.query).toBe(query);
    expect(run.explain()).toBe(query.explain());
    expect(run.explain({ format: "json" })).toEqual(query.explain({ format: "json" }));
  });
});
