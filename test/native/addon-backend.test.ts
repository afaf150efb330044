/** The cpu backend: every sink through the compiler, the cache and the addon, against the interpreter; its errors and its ends. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { apply, local, number } from "../../fusion/build.js";
import { QueryError } from "../../fusion/errors.js";
import type { Sink, Stmt } from "../../fusion/ir.js";
import { ELEMENTS } from "../../fusion/types.js";
import { createCpuBackend, type CpuBackend } from "../../src/backends/cpu/backend.js";
import { loadAddon } from "../../src/backends/cpu/load-addon.js";
import type { CpuCompiledKernel } from "../../src/backends/cpu/compiled.js";
import { arrayOf, assign, callOf, capture, dataOf, declare, element, keep, kernelOf, leave, loop, RANGE, read, yields, branch } from "../fusion/by-hand.js";
import { EXAMPLES } from "../fusion/sinks.js";
import { expectInterpreted } from "./example-runs.js";
import { unavailable } from "./fixtures.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-backend-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Little optimisation: these tests are about calls, and a hundred kernels compile in a second or two. */
const backend = createCpuBackend({ cacheFolder: folder, flags: ["-std=c++20", "-O1", "-march=native", "-ffp-contract=off", "-fwrapv", "-fno-exceptions", "-shared", "-fPIC"] });

const x = element("f64");
const stored: Sink = { kind: "array", element: "f64" };
const sum: Sink = { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false };
const positive: readonly Stmt[] = [keep(apply("gt", x, number(0))), yields(x)];
const halves = kernelOf(arrayOf("f64"), stored, [yields(apply("mul", x, capture("f64", "k")))], { scalars: { k: "f64" } });
const filter = kernelOf(arrayOf("f64"), stored, positive);
const total = kernelOf(arrayOf("f64"), sum, positive);
/** Goes on until x is no more than 0, which it never is for a positive x. */
const endless = kernelOf(RANGE, sum, [
  declare("y", number(1), true),
  loop("L", branch(apply("lt", local("f64", "y"), number(0)), [leave("L")]), assign("y", apply("add", local("f64", "y"), number(1)))),
  yields(local("f64", "y")),
]);
const lookup = kernelOf(arrayOf("f64"), stored, [declare("y", read("f64", "table", x)), yields(local("f64", "y"))], { arrays: { table: "f64" } });

describe.skipIf(unavailable !== null)("cpu backend", () => {
  it("is available", () => {
    expect(backend).toMatchObject({ available: true, reason: null, cacheState: { folder, reason: null } });
  });

  describe("gives what the interpreter gives", async () => {
    const halfway = EXAMPLES.length >> 1;
    const batches = [EXAMPLES.slice(0, halfway), EXAMPLES.slice(halfway)].map(examples => examples.map(({ kernel }) => kernel));
    const compiled = unavailable === null ? (await Promise.all(batches.map(batch => backend.compileBatchAsync(batch)))).flat() : [];

    it.each(EXAMPLES.map((example, place) => ({ ...example, place })))("$name", async ({ place, ...example }) => {
      await expectInterpreted(compiled[place] as CpuCompiledKernel, example, [0, 1, 31, 33, 1025, 3000]);
    });
  });

  it("stores outputs of every size in arrays of exactly their length", () => {
    const [scale, keepPositive] = backend.compileBatch([halves, filter]) as [CpuCompiledKernel, CpuCompiledKernel];
    for (const length of [0, 1, 100, 2047, 2048, 2049, 131071, 131072, 131073, 300000]) {
      const source = dataOf("f64", length) as Float64Array;
      const scaled = scale.run(callOf(source, { scalars: [0.5] })).output as Float64Array<ArrayBuffer>;
      expect(scaled.buffer.byteLength).toBe(8 * length);
      expect(Buffer.compare(Buffer.from(scaled.buffer), Buffer.from(source.map(item => item * 0.5).buffer))).toBe(0);
      const kept = keepPositive.run(callOf(source)).output as Float64Array<ArrayBuffer>;
      const expected = source.filter(item => item > 0);
      expect(kept.buffer.byteLength).toBe(expected.byteLength);
      expect(Buffer.compare(Buffer.from(kept.buffer), Buffer.from(expected.buffer))).toBe(0);
    }
  });

  it("never hands out the same memory twice", () => {
    const native = backend.compile(filter);
    const first = native.run(callOf(Float64Array.of(1, 2))).output;
    const second = native.run(callOf(Float64Array.of(3, 4))).output;
    expect([first, second]).toEqual([Float64Array.of(1, 2), Float64Array.of(3, 4)]);
  });

  describe("errors", () => {
    const table = Float64Array.of(10, 20, 30);
    const message = "DC401: table[3] is out of range: table has 3 elements";

    it("of the lambda's own are the reference's, wherever they happen", async () => {
      const native = backend.compile(lookup);
      expect(native.run(callOf(Float64Array.of(2, 0), { arrays: [table] })).output).toEqual(Float64Array.of(30, 10));
      for (const place of [0, 5, 40, 2000]) {
        const source = new Float64Array(3000);
        source[place] = 3;
        source[2900] = 77;
        const call = callOf(source, { arrays: [table] });
        expect(() => native.run(call)).toThrow(new RangeError(message));
        await expect(native.start(call, undefined)).rejects.toThrow(new RangeError(message));
      }
      // What follows is none the worse.
      expect(native.run(callOf(Float64Array.of(1), { arrays: [table] })).output).toEqual(Float64Array.of(20));
    });

    it("name the array as this query's user does, though another query's code is the same", () => {
      const other = { ...lookup, arrays: [{ name: "table", element: "f64" as const, origin: { stage: 0, name: "lut" } }] };
      const call = callOf(Float64Array.of(3), { arrays: [table] });
      expect(() => backend.compile(lookup).run(call)).toThrow(new RangeError(message));
      expect(() => backend.compile(other).run(call)).toThrow(new RangeError("DC401: lut[3] is out of range: lut has 3 elements"));
    });

    it("tell byte arrays of both kinds apart, though their code may be the same", () => {
      for (const type of ["u8", "u8c"] as const) {
        const copy = kernelOf(arrayOf(type), { kind: "array", element: type }, [yields(element("i32"))]);
        const source = dataOf(type, 40);
        expect(backend.compile(copy).run(callOf(source)).output).toEqual(source);
        expect(backend.compile(copy).run(callOf(source)).output?.constructor.name).toBe(ELEMENTS[type].array);
      }
    });
  });

  describe("off the main thread", () => {
    const source = dataOf("f64", 100_000) as Float64Array;

    it("stops an endless kernel when its signal fires, with the signal's reason", async () => {
      const native = await backend.compileAsync(endless);
      const controller = new AbortController();
      const reason = new Error("enough of it");
      const run = native.start(callOf(1000), controller.signal);
      setTimeout(() => controller.abort(reason), 30);
      await expect(run).rejects.toBe(reason);
      await expect(native.start(callOf(1000), AbortSignal.timeout(20))).rejects.toThrow("aborted due to timeout");
      const again = new AbortController();
      again.abort();
      await expect(native.start(callOf(1000), again.signal)).rejects.toThrow("This operation was aborted");
    });

    it("stops only the run that was aborted, and many at once", async () => {
      const native = await backend.compileAsync(endless);
      const summing = await backend.compileAsync(total);
      const controllers = Array.from({ length: 12 }, () => new AbortController());
      const runs = controllers.map(({ signal }) => native.start(callOf(1000), signal).catch((error: unknown) => error));
      controllers.forEach((controller, place) => controller.abort(place));
      expect(await Promise.all(runs)).toEqual(controllers.map((_, place) => place));
      expect(await summing.start(callOf(source), new AbortController().signal)).toEqual(summing.run(callOf(source)));
    });

    it("leaves no listener on the signal", async () => {
      const native = await backend.compileAsync(total);
      const { signal } = new AbortController();
      const listeners = new Set<unknown>();
      const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
      signal.addEventListener = ((type: string, listener: () => void) => (listeners.add(listener), add(type, listener))) as typeof signal.addEventListener;
      signal.removeEventListener = ((type: string, listener: () => void) => (listeners.delete(listener), remove(type, listener))) as typeof signal.removeEventListener;
      await native.start(callOf(source), signal);
      expect(listeners.size).toBe(0);
    });

    it.each<[string, () => { call: ReturnType<typeof callOf>; harm: () => void }]>([
      ["its source is detached", () => { const own = source.slice(); return { call: callOf(own, { scalars: [2] }), harm: () => void structuredClone(own, { transfer: [own.buffer] }) }; }],
      ["its output is detached", () => { const output = new Float64Array(source.length); return { call: callOf(source, { scalars: [2], output }), harm: () => void structuredClone(output, { transfer: [output.buffer] }) }; }],
      ["its source shrinks", () => {
        const buffer = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer & { resize(bytes: number): void })(80_000, { maxByteLength: 80_000 });
        return { call: callOf(new Float64Array(buffer), { scalars: [2] }), harm: () => buffer.resize(8) };
      }],
    ])("is a QueryError if %s in flight", async (_, prepare) => {
      const native = await backend.compileAsync(halves);
      const { call, harm } = prepare();
      const run = native.start(call, undefined);
      harm();
      await expect(run).rejects.toThrow(QueryError);
      await expect(run).rejects.toThrow(/^DC307: an array was detached or has changed its length while the query ran\n/);
    });

    it("writes to outputs that cannot be held in place at the end", async () => {
      const native = await backend.compileAsync(halves);
      const buffer = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(8 * source.length, { maxByteLength: 8 * source.length });
      const output = new Float64Array(buffer);
      const result = await native.start(callOf(source, { scalars: [2], output }), undefined);
      expect(result.output).toBe(output);
      expect(output.every((item, place) => item === source[place]! * 2)).toBe(true);
    });

    it("does so for all outputs where the engine holds no memory", async () => {
      const { addon } = loadAddon();
      const unpinned: CpuBackend = createCpuBackend({ cacheFolder: folder, loaded: { addon: Object.create(addon, { pins: { value: false } }), reason: null } });
      const native = await unpinned.compileAsync(filter);
      const output = new Float64Array(source.length);
      const result = await native.start(callOf(source, { output }), undefined);
      expect(result.output?.buffer).toBe(output.buffer);
      expect(result.output).toEqual(source.filter(item => item > 0));
    });
  });

  it("keeps each kernel once, however it is asked for", async () => {
    const own = path.join(folder, "own");
    const fresh = createCpuBackend({ cacheFolder: own });
    expect(fresh.cached(total)).toBeNull();
    const all = await Promise.all([fresh.compileAsync(total), fresh.compileAsync(total, { background: true }), fresh.compileAsync({ ...total })]);
    expect(new Set(all).size).toBe(1);
    expect(fresh.cached(total)).toBe(all[0]);
    expect(fresh.compile({ ...total })).toBe(all[0]);
    expect(readdirSync(own).filter(name => !name.endsWith(".json")).length).toBe(1);
    // Another process would find it there.
    expect(createCpuBackend({ cacheFolder: own }).cached(total)?.run(callOf(Float64Array.of(1, -2, 3))).value).toBe(4);
  });

  it("forgets the kernels it used longest ago, which the disk still has", () => {
    const small = createCpuBackend({ cacheFolder: folder, mostKernels: 1 });
    const one = small.compile(total);
    const two = small.compile(filter);
    expect(small.compile(filter)).toBe(two);
    expect(small.cached(total)).not.toBe(one);
    expect(small.cached(total)?.run(callOf(Float64Array.of(5))).value).toBe(5);
  });
});

it("says why it is not available", async () => {
  const none = createCpuBackend({ cacheFolder: folder, loaded: { addon: null, reason: "there is no native addon" } });
  expect(none).toMatchObject({ available: false, reason: "there is no native addon" });
  expect(none.cached(total)).toBeNull();
  expect(() => none.compile(total)).toThrow("DC404: there is no native addon");
  expect(() => none.compileBatch([total])).toThrow("DC404: there is no native addon");
  await expect(none.compileAsync(total)).rejects.toThrow("DC404: there is no native addon");
});
