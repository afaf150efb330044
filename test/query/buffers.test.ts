/** Buffers as sources and results of queries, on the host's backends: values, views, disposal, and what is refused. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../src/backends/cpu/load-addon.js";
import { buffer, compute, createRuntime, fromJSON, memory, QueryError, type Buffer, type Query, type TypedArray } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { ELEMENT_CASES, sample } from "./support.js";

// Some buffers below are forgotten on purpose.
const log = (): void => undefined;
const js = createRuntime({ backend: "js", log });
const cpu = createRuntime({ backend: "cpu", log });
const hasAddon = loadAddon().addon !== null;

const NOTHING_MOVED = { uploads: 0, bytesUp: 0, downloads: 0, bytesDown: 0 };
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
async function collectGarbage(): Promise<void> {
  gc();
  await new Promise(resolve => setImmediate(resolve));
}

const message = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof QueryError) return error.message;
  }
  return "nothing was thrown";
};

describe.each([{ name: "js", runtime: js, why: null }, { name: "cpu", runtime: cpu, why: whyNoCpu }])("on $name", ({ name, runtime, why }) => {
  const test = it.skipIf(why !== null);

  // The others differ in nothing that is compiled.
  test.each(ELEMENT_CASES.filter(({ element }) => name === "js" || element === "f32" || element === "i64"))("holds the elements of a $name, and queries give what they give over it", ({ element }) => {
    const array = sample(element, 1030, true);
    using whole = runtime.buffer(array);
    expect(whole.toArray()).toEqual(array);
    expect(whole.host()).toEqual(array);
    const over = (source: never): Query<TypedArray> => runtime.compute(source) as unknown as Query<TypedArray>;
    expect(over(whole as never).reverse().toArray()).toEqual(over(array as never).reverse().toArray());
    expect(over(whole as never).max().value()).toEqual(over(array as never).max().value());
    using copy = over(whole as never).toBuffer();
    expect(copy.toArray()).toEqual(array);
    expect([whole.state, copy.state, copy.statistics]).toEqual(["hostOnly", "hostOnly", NOTHING_MOVED]);
  });

  test.each([0, 1, 31, 33, 1023, 1025])("%i elements, now and later", async length => {
    const array = Float64Array.from({ length }, (_, at) => [NaN, -0, Infinity, at][at % 4] as number);
    using source = runtime.buffer(array);
    const query = runtime.compute(source).filter(x => !(x > 5)).map(x => x * 2);
    const wanted = array.filter(x => !(x > 5)).map(x => x * 2);
    using now = query.toBuffer();
    using later = await query.toBufferAsync();
    expect([now.toArray(), later.toArray(), await later.toArrayAsync(), await query.toArrayAsync()]).toEqual([wanted, wanted, wanted, wanted]);
    expect(await runtime.compute(now).count()).toBe(wanted.length);
  });

  test("columns of a table may be buffers, beside arrays and strings", async () => {
    using price = runtime.buffer(Float64Array.of(2.5, 4, 1.25));
    using quantity = runtime.buffer(Int32Array.of(3, 1, 8));
    const rows = runtime.compute({ price, store: ["a", "b", "a"], quantity, id: Uint8Array.of(1, 2, 3) });
    expect(rows.map(r => ({ ...r, total: r.price * r.quantity })).filter(r => r.store === "a").toRows()).toEqual([
      { price: 2.5, store: "a", quantity: 3, id: 1, total: 7.5 },
      { price: 1.25, store: "a", quantity: 8, id: 3, total: 10 },
    ]);
    expect(await rows.sum(r => r.price * r.id)).toBe(14.25);
    price.edit(x => x.fill(1));
    expect(rows.sum(r => r.price * r.quantity).value()).toBe(12);
    using two = runtime.buffer(Int32Array, 2);
    expect(message(() => runtime.compute({ price, quantity: two }))).toMatch(/^DC308: the column price has 3 elements, but quantity has 2/);
  });

  test("prepared queries take buffers", () => {
    using x = runtime.buffer(Float64Array.of(1, 2));
    const run = runtime.compute(new Float64Array(0)).map(x => x * 2).prepare();
    const rows = runtime.compute({ x }).sum(r => r.x).prepare();
    expect([run(x), run(Float64Array.of(3)), rows(), rows({ x: x.slice(1) })]).toEqual([Float64Array.of(2, 4), Float64Array.of(6), 3, 2]);
  });

  test("other queries may be over buffers", () => {
    using left = runtime.buffer(Float64Array.of(1, 2, 3));
    using right = runtime.buffer(Float64Array.of(3, 4, 1));
    const other = runtime.compute(right);
    expect(runtime.compute(left).zip(other, (x, y) => x - y).toArray()).toEqual(Float64Array.of(-2, -2, 2));
    expect(runtime.compute(left).intersect(other).toArray()).toEqual(Float64Array.of(1, 3));
    expect(runtime.compute(left).join(other, x => x, y => y, (x, y) => x + y).toArray()).toEqual(Float64Array.of(2, 6));
    expect(runtime.compute(left).concat(other.map(x => -x)).toArray()).toEqual(Float64Array.of(1, 2, 3, -3, -4, -1));
  });

  test("results are arrays of their own: changing them changes no buffer", () => {
    using source = runtime.buffer(Float64Array.of(1, 2, 3, 4));
    const all = runtime.compute({ x: source });
    for (const result of [runtime.compute(source).toArray(), runtime.compute(source).take(2).toArray(), all.toColumns().x, all.take(2).column("x").toArray()]) (result as Float64Array).fill(9);
    for (const kept of [runtime.compute(source).toBuffer(), runtime.compute(source).skip(1).toBuffer()]) kept.edit(x => x.fill(9));
    expect(runtime.compute(source).median().value()).toBe(2.5);
    expect(source.toArray()).toEqual(Float64Array.of(1, 2, 3, 4));
  });

  test("results may be written to a buffer that is there, the source itself, too", async () => {
    using state = runtime.buffer(Float64Array.of(1, -2, 3));
    const step = runtime.compute(state).map(x => x * 2);
    expect(step.toBuffer({ into: state })).toBe(state);
    expect(await step.toBufferAsync({ into: state })).toBe(state);
    expect(state.toArray()).toEqual(Float64Array.of(4, -8, 12));
    const few = runtime.compute(state).filter(x => x > 0).toBuffer({ into: state });
    expect([few.toArray(), state.toArray()]).toEqual([Float64Array.of(4, 12), Float64Array.of(4, 12, 12)]);
    runtime.compute(state).take(1).map(x => x + 1).toBuffer({ into: state.slice(1) });
    expect(state.toArray()).toEqual(Float64Array.of(4, 5, 12));
    const long = runtime.compute(Float64Array.of(1, 2, 3, 4));
    expect(message(() => long.toBuffer({ into: state }))).toBe("DC304: into has 3 elements, but there are 4 results\nGive a longer buffer, or leave into out for a new one.");
    expect(message(() => long.as(Float32Array).toBuffer({ into: state as never }))).toMatch(/^DC304: into is a buffer for Float64Array, but the results are a Float32Array/);
    expect(message(() => long.toBuffer({ into: new Float64Array(4) as never }))).toMatch(/^DC304: into is a Float64Array, not a buffer/);
    expect(() => state.edit(() => long.take(3).toBuffer({ into: state }))).toThrow("DC305: buffer(Float64Array, 3) is written to while edit() is at work on it");
    expect(state.toArray()).toEqual(Float64Array.of(4, 5, 12));
  });

  test("a run that fails writes nothing; one that is aborted neither", async () => {
    using state = runtime.buffer(Float64Array.of(0, 1, 2));
    const table = Float64Array.of(7, 7);
    expect(() => runtime.compute(state).map(x => table[x] as number, { table }).toBuffer({ into: state })).toThrow("DC401: table[2] is out of range");
    await expect(runtime.compute(state).map(x => x + 1).toBufferAsync({ into: state, signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
    expect(state.toArray()).toEqual(Float64Array.of(0, 1, 2));
  });

  test("a run in flight reads what was there, or says that it is gone", async () => {
    const source = runtime.buffer(Float64Array.from({ length: 300_000 }, (_, at) => at));
    const query = runtime.compute(source).map(x => Math.sin(x));
    query.toArray();
    for (const change of [() => source.edit(x => x.fill(1)), () => source.dispose()]) {
      const running = query.toArrayAsync();
      change();
      await expect(running).rejects.toThrow(/^DC307: .* (was detached|has lost its buffer)/);
    }
    await expect(query.toArrayAsync()).rejects.toThrow("DC320: buffer(Float64Array, 300000) has been disposed of");
  });
});

describe("a buffer", () => {
  it("begins with zeros, nowhere", () => {
    using zeros = buffer(Float32Array, 3);
    expect([zeros.state, zeros.length, zeros.byteLength]).toEqual(["uninitialized", 3, 12]);
    expect(compute(zeros).explain()).toContain("reads the Float32Array of a buffer, nowhere yet, for nothing has been written to it\n");
    expect(compute(zeros).map(x => x + 1).toArray()).toEqual(Float32Array.of(1, 1, 1));
    expect(zeros.state).toBe("hostOnly");
    using bytes = buffer(Int8Array, 2);
    expect(bytes.slice(1).toArray()).toEqual(Int8Array.of(0));
  });

  it("has a copy of what it was made of", () => {
    const array = Float64Array.of(1, 2, 3, 4);
    using whole = buffer(array.subarray(1, 3));
    array.fill(0);
    expect(whole.toArray()).toEqual(Float64Array.of(2, 3));
    whole.toArray().fill(0);
    expect(whole.toArray()).toEqual(Float64Array.of(2, 3));
  });

  it("is changed by edit() and write(), and by no array that was kept", () => {
    using whole = buffer(Float64Array.of(3, 1, 2));
    const seen = whole.host();
    let kept: Float64Array = new Float64Array(0);
    expect(whole.edit(x => ((kept = x).sort(), x.length))).toBe(3);
    expect([seen.length, kept.length]).toEqual([0, 0]);
    whole.write(Float64Array.of(7), 1);
    whole.slice(2).edit(x => x.fill(9));
    expect(whole.toArray()).toEqual(Float64Array.of(1, 7, 9));
    expect(() => whole.edit(x => { x[0] = 5; throw new Error("half way"); })).toThrow("half way");
    // Edits within edits: arrays live as long as the outermost.
    whole.edit(outer => { whole.edit(inner => inner.fill(4, 1)); outer[2] = 6; });
    expect(whole.toArray()).toEqual(Float64Array.of(5, 4, 6));
    expect(message(() => whole.edit(async x => x.fill(0)))).toMatch(/^DC305: edit\(\) was given a function that gives a promise/);
  });

  it("shares memory and state with its slices", () => {
    using whole = buffer(Float64Array.of(0, 1, 2, 3, 4));
    const part = whole.slice(1, -1);
    const inner = part.slice(-2);
    expect([part.toArray(), inner.toArray(), whole.slice(3, 1).length]).toEqual([Float64Array.of(1, 2, 3), Float64Array.of(2, 3), 0]);
    inner.edit(x => x.fill(8));
    expect(whole.toArray()).toEqual(Float64Array.of(0, 1, 8, 8, 4));
    expect(compute(part).sum().value()).toBe(17);
    expect(compute(part).explain()).toContain("compute(buffer(Float64Array, 3))");
    part.dispose();
    expect(message(() => compute(part).sum().value())).toMatch(/^DC320: a slice of buffer\(Float64Array, 5\) has been disposed of/);
    expect(inner.toArray()).toEqual(Float64Array.of(8, 8));
    whole.dispose();
    expect([part.disposed, inner.disposed]).toEqual([true, true]);
    expect(message(() => inner.toArray())).toMatch(/^DC320: buffer\(Float64Array, 5\) has been disposed of/);
  });

  it("ends by using, by hand, and only once", async () => {
    let ended: Buffer<Float64Array>;
    {
      using whole = buffer(Float64Array.of(1));
      ended = whole;
    }
    {
      await using other = compute(ended.disposed ? Float64Array.of(2) : Float64Array.of(3)).toBuffer();
      expect(other.toArray()).toEqual(Float64Array.of(2));
    }
    ended.dispose();
    for (const use of [() => ended.host(), () => ended.toArray(), () => ended.edit(() => 0), () => ended.write(Float64Array.of(1)), () => ended.slice(), () => ended.state, () => compute(ended).count().value(), () => compute({ x: ended }), () => compute(Float64Array.of(1)).toBuffer({ into: ended })]) {
      expect(message(use)).toBe("DC320: buffer(Float64Array, 1) has been disposed of\nUse a buffer before it is disposed of: await the queries over it first, and keep what is needed longer with toArray().");
    }
    await expect(ended.toArrayAsync()).rejects.toThrow("DC320");
    expect([ended.disposed, ended.length, ended.statistics]).toEqual([true, 1, NOTHING_MOVED]);
  });

  it.skipIf(!hasAddon)("gives its memory back at once", async () => {
    const array = Float64Array.from({ length: 300_000 }, (_, at) => at);
    // What others have left behind must not go meanwhile.
    for (let turn = 0; turn < 3; turn++) await collectGarbage();
    const before = memory.usage().used;
    const whole = buffer(array);
    const result = cpu.compute(whole).map(x => x + 1).toBuffer();
    expect(memory.usage().used - before).toBeGreaterThanOrEqual(2 * array.byteLength);
    result.edit(x => x.fill(0)); // moves it, in the same memory
    cpu.compute(whole).toBuffer({ into: result });
    result.dispose();
    whole.dispose();
    expect(memory.usage().used).toBe(before);
  });

  it("that is forgotten is told of, once for each runtime", async () => {
    const lines: string[] = [];
    const runtime = createRuntime({ backend: "js", log: line => void lines.push(line) });
    const forget = (): void => {
      runtime.buffer(Float64Array, 5).host();
      runtime.compute(Float64Array.of(1, 2)).toBuffer();
      runtime.buffer(Float64Array, 7).dispose();
    };
    forget();
    for (let turn = 0; turn < 50 && lines.length === 0; turn++) {
      await collectGarbage();
    }
    await collectGarbage();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^dotcompute: a buffer, buffer\(Float64Array, [25]\), was collected as garbage, and its memory given back late: end each with dispose\(\), or declare it with using\. This is said once$/);
  });

  it("says so when its memory was transferred or released by other hands, until it is written anew", () => {
    const takes: ((array: Float64Array<ArrayBuffer>) => void)[] = [array => void structuredClone(array, { transfer: [array.buffer] })];
    if (hasAddon) takes.push(array => memory.release(array));
    for (const runtime of hasAddon ? [js, cpu] : [js]) {
      for (const take of takes) {
        using whole = runtime.buffer(Float64Array.of(1, 2, 3));
        const sum = runtime.compute(whole).sum();
        const shifted = runtime.compute({ whole, one: Float64Array.of(1, 1, 1) }).map(r => ({ x: r.whole + r.one }));
        take(whole.host() as Float64Array<ArrayBuffer>);
        for (const act of [() => sum.value(), () => shifted.toColumns(), () => whole.toArray(), () => whole.slice(1).host(), () => whole.write(Float64Array.of(5), 1)]) {
          expect(message(act)).toMatch(/^DC307: buffer\(Float64Array, 3\) has lost its memory/);
        }
        whole.write(Float64Array.of(4, 5, 6));
        expect(sum.value()).toBe(15);
      }
    }
  });

  it("stands in queries that are stored", () => {
    using whole = buffer(Float64Array.of(1, 2, 3));
    const text = JSON.stringify(compute(whole).map(x => x * 2));
    expect(text).toBe(JSON.stringify(compute(Float64Array.of(1)).map(x => x * 2)));
    expect(fromJSON<Query<Float64Array>>(text, whole).toArray()).toEqual(Float64Array.of(2, 4, 6));
  });

  it("refuses what it cannot hold, and says what to write", () => {
    using whole = buffer(Float64Array, 2);
    const refusals: readonly [() => unknown, RegExp][] = [
      [() => buffer([1, 2] as never), /^DC305: buffer\(\) takes a typed array, or the constructor of one, not an array\nWrite buffer\(Float64Array\.from\(values\)\)/],
      [() => buffer(Date as never, 3), /^DC305: buffer\(\) takes a typed array's constructor, not Date\nName the array to make: buffer\(Float64Array, 1000\)/],
      [() => buffer(Float64Array, -1), /^DC305: buffer\(\) takes a number of elements, not -1/],
      [() => buffer(new Float64Array(2), { runtimes: js } as never), /^DC305: buffer\(\) has no option runtimes/],
      [() => whole.write(new Float32Array(2) as never), /^DC304: write\(\) takes Float64Array elements here, not a Float32Array\nConvert them first: Float64Array\.from\(array\)/],
      [() => whole.write(new Float64Array(2), 1), /^DC304: write\(\) was given 2 elements for the place 1, and the buffer has 2/],
      [() => whole.write(new Float64Array(1), 0.5), /^DC305: write\(\) takes a place, 0, 1, 2 …, not 0\.5/],
      [() => whole.edit(1 as never), /^DC305: edit\(\) takes a function, not 1/],
      [() => whole.slice(0.5), /^DC305: slice\(\) takes places, whole numbers, not 0\.5/],
      [() => (compute(["a"]) as unknown as Query<Float64Array>).toBuffer(), /^DC306: toBuffer\(\) gives a buffer of numbers, and these are strings/],
      [() => compute(Float64Array.of(1)).map(x => x * 2, { whole } as never), /^DC302: the capture whole of map\(\) is a Buffer, which a kernel cannot take\nHand over its elements: \{ whole: whole\.toArray\(\) \}\.$/],
      [() => compute(Float64Array.of(1)).toBuffer({ signal: AbortSignal.abort() } as never), /^DC305: toBuffer\(\) has no option signal/],
    ];
    for (const [act, wanted] of refusals) expect(message(act)).toMatch(wanted);
  });
});
