/** `memory`: what queries give lies in recycled memory, of which nothing shows. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compute, createRuntime, memory, QueryError, range, type Query, type TypedArray } from "../../src/index.js";
import { loadAddon } from "../../src/backends/cpu/load-addon.js";

const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } } };
const hasAddon = loadAddon().addon !== null;
const cpu = createRuntime({ backend: "cpu" });
/** More than a megabyte of any element, and no whole number of pages. */
const COUNT = 300_011;
const data = Float64Array.from({ length: COUNT }, (_, at) => (at % 97 === 0 ? [NaN, -0, Infinity, -Infinity][at % 4]! : ((at * 7919) % 1013) - 500));
const keys = Int32Array.from(data, (_, at) => (at * 31) % 211);

/** Blocks of every size that the queries below take hold what no query gives. */
function soil(): void {
  memory.trim();
  const soiled = [1, 1, 1, 2, 2, 4, 8].map(times => cpu.compute(range(times * COUNT)).map(() => 6.62607015e-34).toArray());
  memory.release(...soiled);
}

const wholeBuffer = (array: TypedArray): boolean => array.byteOffset === 0 && array.buffer.byteLength === array.byteLength;

const listOf = (result: TypedArray | readonly TypedArray[]): readonly TypedArray[] => (Array.isArray(result) ? result : [result as TypedArray]);

/** Where they differ first; null if they do not. (`toEqual` takes seconds for so many elements.) */
function difference(array: TypedArray, expected: TypedArray): string | null {
  if (array.constructor !== expected.constructor || array.length !== expected.length) return `${array.length} elements of ${array.constructor.name}`;
  const at = array.findIndex((value, at) => !Object.is(value, expected[at]));
  return at < 0 ? null : `${array[at]}, not ${expected[at]}, at ${at}`;
}

describe.skipIf(!hasAddon)("results in memory that held others", () => {
  const running = (): Float64Array => {
    let sum = 0;
    return data.map(x => (sum += Number.isFinite(x) ? x : 0));
  };
  const cases: readonly [string, () => TypedArray | readonly TypedArray[], () => TypedArray | readonly TypedArray[]][] = [
    ["map", () => cpu.compute(data).map(x => x * 2 + 1).toArray(), () => data.map(x => x * 2 + 1)],
    ["map to other elements", () => cpu.compute(data).map(x => (x > 0 ? 1 : 0), Int32Array).toArray(), () => Int32Array.from(data, x => (x > 0 ? 1 : 0))],
    ["filter of half", () => cpu.compute(data).filter(x => x > 0).toArray(), () => data.filter(x => x > 0)],
    ["filter of few", () => cpu.compute(data).filter(x => x === 13).toArray(), () => data.filter(x => x === 13)],
    ["filter of none", () => cpu.compute(data).filter(x => x > 1000 && x < 2000).toArray(), () => new Float64Array(0)],
    ["exact scan", () => cpu.compute(data).map(x => (x - x === 0 ? x : 0)).scan((s, x) => s + x, 0).toArray(), running],
    ["windows", () => cpu.compute(data).window(3).map(([a, b, c]) => a + b + c).toArray(), () => data.subarray(2).map((c, at) => data[at]! + data[at + 1]! + c)],
    ["windows beyond the ends", () => cpu.compute(data).window(3, { edge: "clamp" }).map(([a, b, c]) => a - b + c).toArray(), () => data.map((b, at) => data[Math.max(0, at - 1)]! - b + data[Math.min(COUNT - 1, at + 1)]!)],
    ["chunks", () => cpu.compute(data).chunk(2).map(([a, b]) => a - b).toArray(), () => Float64Array.from({ length: COUNT >> 1 }, (_, at) => data[2 * at]! - data[2 * at + 1]!)],
    ["concat", () => cpu.compute(data).concat(cpu.compute(data)).toArray(), () => Float64Array.from({ length: 2 * COUNT }, (_, at) => data[at % COUNT]!)],
    ["lists", () => cpu.compute(data).flatMap(x => [x, -x]).toArray(), () => Float64Array.from({ length: 2 * COUNT }, (_, at) => (at % 2 === 0 ? data[at >> 1]! : -data[at >> 1]!))],
    ["sort", () => cpu.compute(keys).orderBy(x => x).toArray(), () => keys.slice().sort()],
    [
      "columns",
      () => Object.values(cpu.compute({ data, keys }).filter(r => r.keys > 100).toColumns()),
      () => [data.filter((_, at) => keys[at]! > 100), keys.filter(key => key > 100)],
    ],
  ];

  it.each(cases)("%s", async (_, query, wanted) => {
    query(); // compiled
    for (let turn = 0; turn < 3; turn++) {
      soil();
      const { reused } = memory.usage();
      const result = query();
      expect(memory.usage().reused).toBeGreaterThan(reused);
      const [arrays, expected] = [listOf(result), listOf(wanted())];
      expect(arrays.map((array, at) => difference(array, expected[at]!))).toEqual(expected.map(() => null));
      expect(arrays.map(wholeBuffer)).toEqual(arrays.map(() => true));
      memory.release(...arrays);
    }
  });

  it("larger than the caches: new, recycled, and at any place of a caller's", async () => {
    const count = 2_200_003; // 17 MB
    const large = Float64Array.from({ length: count }, (_, at) => ((at * 7919) % 1013) - 500);
    let sum = 0;
    const wanted = [large.map(x => x * 3 - 1), large.map(x => (sum += x)), large.filter(x => x > 0), large.subarray(1).map((x, at) => x - large[at]!)];
    const query = cpu.compute(large);
    const queries = [query.map(x => x * 3 - 1), query.scan((s, x) => s + x, 0), query.filter(x => x > 0), query.window(2).map(([a, b]) => b - a)];
    const outer = new Float64Array(count + 16);
    memory.trim();
    for (const [at, asked] of queries.entries()) {
      const expected = wanted[at]!;
      for (const run of [() => asked.toArray(), () => asked.toArrayAsync()]) {
        for (let turn = 0; turn < 2; turn++) {
          const result = await run();
          expect(difference(result, expected)).toBe(null);
          memory.release(result);
        }
      }
      for (const from of [at, at + 5]) {
        outer.fill(-7);
        expect(difference(asked.toArray({ into: outer.subarray(from, from + count) }), expected)).toBe(null);
        expect([outer.subarray(0, from).every(x => x === -7), outer.subarray(from + count).every(x => x === -7)]).toEqual([true, true]);
      }
    }
    const own = large.slice();
    expect(difference(cpu.compute(own).map(x => x * 3 - 1).toArray({ into: own }), wanted[0]!)).toBe(null);
    const { x, y } = cpu.compute({ large }).map(r => ({ x: r.large * 3 - 1, y: r.large > 0 ? 1 : 0 })).toColumns() as unknown as { readonly x: Float64Array; readonly y: Float64Array };
    expect([difference(x, wanted[0]!), difference(y, large.map(value => (value > 0 ? 1 : 0)))]).toEqual([null, null]);
  });

  it("off the main thread, too", async () => {
    soil();
    const { reused } = memory.usage();
    const [first, second] = await Promise.all([cpu.compute(data).filter(x => x > 0).toArrayAsync(), cpu.compute(data).map(x => -x).toArrayAsync()]);
    expect(memory.usage().reused).toBe(reused + 2);
    expect([difference(first, data.filter(x => x > 0)), difference(second, data.map(x => -x))]).toEqual([null, null]);
    expect(wholeBuffer(first) && wholeBuffer(second)).toBe(true);
  });

  it("one block serves a loop that releases its results, as sources as well", () => {
    memory.trim();
    const { fresh, used } = memory.usage();
    for (let turn = 0; turn < 20; turn++) {
      const first = cpu.compute(data).map(x => x + 1).toArray();
      const second = cpu.compute(first).map(x => x * 2).toArray();
      expect(second[1]).toBe((data[1]! + 1) * 2);
      memory.release(first, second);
    }
    const after = memory.usage();
    expect([after.fresh - fresh, after.used]).toEqual([2, used]);
  });

  it("nothing is kept beyond the limit", () => {
    const { limit } = memory.usage();
    memory.limit(0);
    memory.release(cpu.compute(data).map(x => x + 1).toArray());
    expect([memory.usage().limit, memory.usage().kept]).toEqual([0, 0]);
    memory.limit(limit);
    memory.release(cpu.compute(data).map(x => x + 1).toArray());
    expect(memory.usage().kept).toBeGreaterThan(0);
    memory.trim();
    expect(memory.usage().kept).toBe(0);
  });
});

describe("memory.release()", () => {
  it("empties arrays of any size, and may be called again", () => {
    const small = compute(Float64Array.of(1, 2)).map(x => x + 1).toArray();
    const view = new Uint8Array(small.buffer);
    memory.release(small);
    expect([small.length, view.length, small.buffer.byteLength]).toEqual([0, 0, 0]);
    memory.release(small, new Float64Array(0));
    expect(() => memory.release()).toThrow("DC305: memory.release() was given nothing to release");
  });

  it("leaves queries over them to say so", () => {
    const array = compute(Float64Array.of(1, 2)).map(x => x + 1).toArray();
    const query = compute(array).sum();
    memory.release(array);
    expect(() => query.value()).toThrow(/^DC307: the source, a Float64Array, has lost its buffer/);
  });

  it("refuses what is not a result, and then releases nothing", () => {
    const whole = new Float64Array(4);
    const refusals: readonly [unknown, string][] = [
      [new Float64Array(8).subarray(1, 3), "memory.release() was given 16 of the 64 bytes of a buffer, whose rest others may use"],
      [new Float64Array(new SharedArrayBuffer(8)), "memory.release() was given an array of shared memory, which others may use"],
      [[1, 2], "memory.release() takes typed arrays, not an array"],
      [{ a: whole }, "memory.release() takes typed arrays, not an object"],
      [null, "memory.release() takes typed arrays, not null"],
    ];
    for (const [given, message] of refusals) {
      expect(() => memory.release(whole, given as TypedArray)).toThrow(QueryError);
      expect(() => memory.release(whole, given as TypedArray)).toThrow(`DC305: ${message}\nRelease what a query gave: memory.release(result), or memory.release(...Object.values(columns)).`);
    }
    expect(whole.length).toBe(4);
    if (hasAddon) expect(() => memory.release(new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer))).toThrow(/^DC305: memory.release\(\) was given memory that its owner holds fast/);
  });
});

describe("limits", () => {
  it.each([-1, 0.5, NaN, Infinity, "1", null])("are numbers of bytes, not %s", bytes => {
    expect(() => memory.limit(bytes as number)).toThrow(/^DC305: memory\.limit\(\) takes a number of bytes, not /);
  });

  describe("of the environment", () => {
    const before = process.env["DOTCOMPUTE_POOL_BYTES"];
    beforeAll(() => void (process.env["DOTCOMPUTE_POOL_BYTES"] = "512M"));
    afterAll(() => {
      if (before === undefined) delete process.env["DOTCOMPUTE_POOL_BYTES"];
      else process.env["DOTCOMPUTE_POOL_BYTES"] = before;
    });

    it("are, too", () => {
      for (const look of [() => createRuntime(), () => memory.usage()]) expect(look).toThrow(
        "DC305: the environment variable DOTCOMPUTE_POOL_BYTES is a number of bytes, not \"512M\"\nWrite DOTCOMPUTE_POOL_BYTES=268435456, or 0 to keep no memory for later results.",
      );
    });
  });
});

it("an awaited query whose source is released before it begins says so", async () => {
  const { compute: start } = createRuntime({ backend: "cpu" });
  for (const move of [(q: Query<Float64Array>) => q.orderBy(x => x), (q: Query<Float64Array>) => q.distinct(), (q: Query<Float64Array>) => q.reverse()]) {
    const source = new Float64Array(400_000);
    const running = move(start(source)).toArrayAsync();
    memory.release(source);
    await expect(running).rejects.toThrow("DC307");
  }
});
