/** The CUDA backend: every sink through NVRTC, the cache, the driver and the host, against the interpreter; its errors and its ends. */
import { describe, expect, it } from "vitest";
import { apply, local, number } from "../../fusion/build.js";
import { QueryError } from "../../fusion/errors.js";
import { interpret } from "../../fusion/interpret.js";
import type { Sink, Stmt } from "../../fusion/ir.js";
import type { CudaBackend } from "../../src/backends/cuda/backend.js";
import type { CudaCompiledKernel } from "../../src/backends/cuda/compiled.js";
import { CudaError } from "../../src/backends/cuda/errors.js";
import { arrayOf, assign, branch, callOf, capture, dataOf, declare, element, index, keep, kernelOf, leave, loop, RANGE, read, yields } from "../fusion/by-hand.js";
import { EXAMPLES } from "../fusion/sinks.js";
import { expectInterpreted } from "./example-runs.js";
import { newStandIn, unavailable, type StandIn } from "./cuda-stand-in.js";

const x = element("f64");
const stored: Sink = { kind: "array", element: "f64" };
const sum: Sink = { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true };
const positive: readonly Stmt[] = [keep(apply("gt", x, number(0))), yields(x)];
const halves = kernelOf(arrayOf("f64"), stored, [yields(apply("mul", x, capture("f64", "k")))], { scalars: { k: "f64" } });
const filter = kernelOf(arrayOf("f64"), stored, positive);
const total = kernelOf(arrayOf("f64"), sum, positive);
const squares = kernelOf(RANGE, stored, [yields(apply("mul", x, index))]);
const search = kernelOf(arrayOf("f64"), { kind: "first", type: "f64", ranked: false }, [keep(apply("gt", x, number(1e6))), yields(x)]);
const lookup = kernelOf(arrayOf("f64"), stored, [declare("y", read("f64", "table", x)), yields(local("f64", "y"))], { arrays: { table: "f64" } });
const ordered = kernelOf(arrayOf("f64"), { kind: "fold", type: "f64", accumulator: "acc", seed: "seed", first: null, combine: null }, [yields(apply("sub", apply("mul", local("f64", "acc"), number(0.5)), x))], { scalars: { seed: "f64" } });
/** Goes on until x is no more than 0, which it never is for a positive x. */
const endless = kernelOf(RANGE, sum, [
  declare("y", number(1), true),
  loop("L", branch(apply("lt", local("f64", "y"), number(0)), [leave("L")]), assign("y", apply("add", local("f64", "y"), number(1)))),
  yields(local("f64", "y")),
]);

describe.skipIf(unavailable !== null)(`cuda backend on the stand-in driver${unavailable === null ? "" : `: ${unavailable}`}`, () => {
  const standIn = unavailable === null ? newStandIn() : (null as unknown as StandIn);
  const backend = unavailable === null ? standIn.backend() : (null as unknown as CudaBackend);

  it("is available, and says that it is no GPU", () => {
    expect(backend).toMatchObject({ available: true, reason: null, device: { name: "PTX interpreter (test)", major: 9, minor: 0 } });
  });

  describe("gives what the interpreter gives", () => {
    const batches: Promise<readonly CudaCompiledKernel[]>[] = [];
    const SIZE = 30;
    const compiled = async (place: number): Promise<CudaCompiledKernel> => {
      const batch = Math.floor(place / SIZE);
      batches[batch] ??= backend.compileBatchAsync(EXAMPLES.slice(batch * SIZE, (batch + 1) * SIZE).map(({ kernel }) => kernel));
      return (await batches[batch])[place % SIZE] as CudaCompiledKernel;
    };

    it.each(EXAMPLES.map((example, place) => ({ ...example, place })))("$name", async ({ place, ...example }) => {
      await expectInterpreted(await compiled(place), example, [0, 1, 33, 1025, 3000]);
    });
  });

  describe.each([
    ["at once", {}],
    ["deferred", { deferred: true }],
    ["deferred, at random", { deferred: true, random: true, seed: 7 }],
    ["without pools", { deferred: true, pools: false }],
  ] as const)("in chunks, on a device that works %s", (_, settings) => {
    const other = unavailable === null ? newStandIn(settings) : standIn;
    const chunked = unavailable === null ? other.backend({ chunkBytes: 16384 }) : backend;

    it.each([
      ["map", halves, [0.5]],
      ["filter", filter, []],
      ["sum", total, []],
      ["fold in order", ordered, [1.5]],
      ["search", search, []],
      ["look-up", lookup, []],
    ] as const)("%s", async (_name, kernel, scalars) => {
      const native = chunked.compile(kernel);
      const table = dataOf("f64", 5000) as Float64Array;
      for (const length of [2048, 2049, 6 * 2048 + 1, 20_000]) {
        const source = kernel === lookup ? Float64Array.from({ length }, (_value, i) => (i * 7) % 5000) : (dataOf("f64", length) as Float64Array);
        if (kernel === search) source.fill(0)[9000] = 1e9;
        const call = callOf(source, { scalars, arrays: kernel === lookup ? [table] : [] });
        const expected = interpret(kernel, call);
        expect(native.run(call)).toEqual(expected);
        expect(await native.start(call, undefined)).toEqual(expected);
        const all = await Promise.all([1, 2, 3].map(() => native.start(call, undefined)));
        for (const result of all) expect(result).toEqual(expected);
      }
    });

    it("leaves nothing behind", async () => {
      const rounds = async (count: number): Promise<number> => {
        for (let round = 0; round < count; round++) {
          chunked.compile(halves).run(callOf(dataOf("f64", 20_000), { scalars: [2] }));
          await chunked.compile(filter).start(callOf(dataOf("f64", 20_000)), undefined);
        }
        return other.driver.counters().aliveBytes;
      };
      // What the last run gave back may still wait in its stream.
      const after = await rounds(2);
      await rounds(10);
      await expect.poll(() => other.driver.counters().aliveBytes).toBeLessThanOrEqual(after);
    });
  });

  it("takes ranges, and stores into outputs in resizable and shared memory", async () => {
    const native = backend.compile(squares);
    const expected = Float64Array.from({ length: 3000 }, (_, i) => i * i);
    expect(native.run(callOf(3000)).output).toEqual(expected);
    const resizable = new Float64Array(new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(24000, { maxByteLength: 48000 }));
    const shared = new Float64Array(new SharedArrayBuffer(24000));
    for (const output of [resizable, shared]) {
      const result = await native.start({ ...callOf(3000), output }, undefined);
      expect(result.output).toEqual(expected);
      expect(result.output?.buffer).toBe(output.buffer);
    }
  });

  it("finds compiled kernels again, and compiles none twice", async () => {
    expect(backend.cached(halves)).toBe(backend.compile(halves));
    expect(await backend.compileAsync(halves)).toBe(backend.compile(halves));
    const again = standIn.backend();
    expect(again.cached(halves)).not.toBeNull();
    const fresh = kernelOf(arrayOf("f64"), stored, [yields(apply("add", x, number(Math.random())))]);
    expect(again.cached(fresh)).toBeNull();
    const [one, two] = await Promise.all([again.compileAsync(fresh), again.compileAsync(fresh)]);
    expect(two).toBe(one);
    expect(standIn.backend().cached(fresh)).not.toBeNull();
  });

  it("says what failed as the reference does", async () => {
    const native = backend.compile(lookup);
    const call = callOf(Float64Array.of(0, 1, 7, 2), { arrays: [new Float64Array(5)] });
    expect(() => native.run(call)).toThrow(new RangeError("DC401: table[7] is out of range: table has 5 elements"));
    await expect(native.start(call, undefined)).rejects.toThrow(new RangeError("DC401: table[7] is out of range: table has 5 elements"));
  });

  it("notices that an array went away in flight", async () => {
    const source = Float64Array.from({ length: 5000 }, (_, i) => i);
    const running = backend.compile(total).start(callOf(source), undefined);
    structuredClone(source, { transfer: [source.buffer] });
    await expect(running).rejects.toThrow(QueryError);
  });

  it("stops when it is told to", async () => {
    // Deferred: a launch does not wait for its end.
    const other = newStandIn({ deferred: true }).backend();
    const native = other.compile(endless);
    const aborted = AbortSignal.abort(new Error("never"));
    await expect(native.start(callOf(10), aborted)).rejects.toThrow("never");
    const controller = new AbortController();
    const running = native.start(callOf(10), controller.signal);
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(running).rejects.toThrow("enough");
    expect(other.compile(total).run(callOf(Float64Array.of(1, 2))).value).toBe(3);
  });

  it.each([
    ["a launch that fails once", { failLaunch: 1 }, "resource", true],
    ["an illegal access", { stickyLaunch: 1 }, "fatal", false],
    ["a device that disappears", { loseDevice: 1 }, "fatal", false],
  ] as const)("survives %s", async (_, settings, kind, goesOn) => {
    for (const later of [false, true]) {
      const faulty = newStandIn({ deferred: true });
      const other = faulty.backend({ chunkBytes: 16384 });
      const native = other.compile(halves);
      const call = callOf(dataOf("f64", 10_000), { scalars: [0.25] });
      const expected = interpret(halves, call);
      faulty.driver.configure(settings);
      if (later) await expect(native.start(call, undefined)).rejects.toMatchObject({ kind });
      else expect(() => native.run(call)).toThrow(CudaError);
      expect(other.available).toBe(goesOn);
      if (goesOn) {
        expect(native.run(call)).toEqual(expected);
        expect(await native.start(call, undefined)).toEqual(expected);
      } else {
        expect(other.reason).toMatch(/^the device was lost: /);
        expect(() => other.compile(total)).toThrow(/DC402: CUDA cannot be used: the device was lost/);
        expect(() => native.run(call)).toThrow(CudaError);
      }
    }
    expect(backend.compile(total).run(callOf(Float64Array.of(1, 2))).value).toBe(3);
  });

  it("says what is missing", () => {
    expect(standIn.backend({ driver: "/nowhere.so" })).toMatchObject({ available: false, device: null, reason: expect.stringContaining("/nowhere.so") });
    expect(standIn.backend({ nvrtc: "/nowhere.so" })).toMatchObject({ available: false, reason: expect.stringMatching(/^NVRTC's library cannot be opened/) });
    expect(standIn.backend({ device: 5 }).reason).toBe("There is no CUDA device 5: the driver has 1");
    expect(newStandIn({ devices: 0 }).backend().reason).toMatch(/has no device|NO_DEVICE/);
    expect(newStandIn({ failInit: 100 }).backend().reason).toMatch(/cuInit failed/);
    expect(newStandIn({ capability: 20 }).backend().reason).toMatch(/cannot compile for a device of compute capability 2\.0/);
    expect(() => standIn.backend({ driver: "/nowhere.so" }).compile(halves)).toThrow(/DC402: CUDA cannot be used: /);
  });

  it("takes PTX where the driver takes no machine code", () => {
    const picky = newStandIn();
    const other = picky.backend({ form: undefined });
    const call = callOf(dataOf("f64", 100), { scalars: [0.25] });
    expect(other.compile(halves).run(call)).toEqual(interpret(halves, call));
  });
});
