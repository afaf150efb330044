import { describe, expect, it } from "vitest";
import { compute, createRuntime, type LazyValue } from "../../src/index.js";

const array = Float64Array.from({ length: 10_000 }, (_, at) => at);

describe("a lazy value", () => {
  it("runs nothing until it is awaited, and then once", async () => {
    const seen: string[] = [];
    const runtime = createRuntime({ backend: "js", onRun: info => seen.push(info.terminal) });
    const total = runtime.compute(array).sum();
    expect(seen).toEqual([]);
    expect(await total).toBe(49_995_000);
    expect(await total).toBe(49_995_000);
    expect(await Promise.all([total, total])).toEqual([49_995_000, 49_995_000]);
    expect(seen).toEqual(["sum"]);
    total.value();
    expect(seen).toEqual(["sum", "sum"]);
  });

  it("rejects as value() throws", async () => {
    const table = Float64Array.of(1);
    const lazy: LazyValue<number> = compute(array).map(x => table[x]!, { table }).sum();
    const failure = await lazy.then(
      () => null,
      (error: unknown) => error as Error,
    );
    expect(failure).toBeInstanceOf(RangeError);
    expect(() => lazy.value()).toThrow(failure?.message);
    await expect(lazy.run()).rejects.toThrow(failure?.message);
  });
});

describe("an AbortSignal", () => {
  it("that is aborted already rejects at once with its reason", async () => {
    const reason = new Error("no longer wanted");
    const signal = AbortSignal.abort(reason);
    await expect(compute(array).sum().run({ signal })).rejects.toBe(reason);
    await expect(compute(array).toArrayAsync({ signal })).rejects.toBe(reason);
  });

  it("aborted before the run begins rejects with its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const run = compute(array).map(x => x + 1).sum().run({ signal: controller.signal });
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
  });

  it("that never fires does nothing", async () => {
    const { signal } = new AbortController();
    expect(await compute(array).sum().run({ signal })).toBe(49_995_000);
    expect(await compute(array).map(x => -x).toArrayAsync({ signal })).toEqual(array.map(x => -x));
  });
});

describe("memory that changes", () => {
  const resizable = (length: number): Float64Array & { readonly buffer: { resize(bytes: number): void } } =>
    new Float64Array(new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(length * 8, { maxByteLength: length * 16 })) as never;

  it("shrinking while a query is in flight changes no result", async () => {
    const source = resizable(10_000);
    source.set(array);
    const run = compute(source).sum().run();
    source.buffer.resize(8);
    expect(await run).toBe(49_995_000);
  });

  it("of a captured array may shrink too", async () => {
    const table = resizable(100).fill(2);
    const run = compute(Float64Array.of(1, 99)).map(x => table[x]!, { table }).toArrayAsync();
    table.buffer.resize(8);
    expect(await run).toEqual(Float64Array.of(2, 2));
  });

  it("of a destination that is detached is an error, not an empty result", async () => {
    const into = new Float64Array(10_000);
    const run = compute(array).map(x => x + 1).toArrayAsync({ into });
    structuredClone(into.buffer, { transfer: [into.buffer] });
    await expect(run).rejects.toThrow(/^DC307: into, a Float64Array, has lost its buffer/);
  });

  it("detached while a query is in flight is an error, not a result", async () => {
    const source = array.slice();
    const run = compute(source).sum().run();
    structuredClone(source.buffer, { transfer: [source.buffer] });
    await expect(run).rejects.toThrow(/^DC307: .* was detached or has changed its length while the query ran/);
  });
});
