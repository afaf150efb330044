/** The CUDA backend: every sink through NVRTC, the cache, the driver and the host, against the interpreter; its errors and its ends. */
import { describe, expect, it } from "vitest";
import { apply, local, number } from "../../fusion/build.js";
import { interpret } from "../../fusion/interpret.js";
import type { Sink } from "../../fusion/ir.js";
import type { CudaBackend } from "../../src/backends/cuda/backend.js";
import type { CudaCompiledKernel } from "../../src/backends/cuda/compiled.js";
import { arrayOf, callOf, capture, dataOf, declare, element, index, kernelOf, RANGE, read, yields } from "../fusion/by-hand.js";
import { EXAMPLES } from "../fusion/sinks.js";
import { caseOf, compileCases, expectedOf } from "./cuda-cases.js";
import { expectInterpreted, expectResult } from "./example-runs.js";
import { newStandIn, unavailable, type StandIn } from "./cuda-stand-in.js";

const x = element("f64");
const stored: Sink = { kind: "array", element: "f64" };
const halves = kernelOf(arrayOf("f64"), stored, [yields(apply("mul", x, capture("f64", "k")))], { scalars: { k: "f64" } });
const squares = kernelOf(RANGE, stored, [yields(apply("mul", x, index))]);
const lookup = kernelOf(arrayOf("f64"), stored, [declare("y", read("f64", "table", x)), yields(local("f64", "y"))], { arrays: { table: "f64" } });

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
    const native = unavailable === null ? compileCases(newStandIn(settings).backend({ chunkBytes: 16384 })) : (null as never);

    it.each(["map", "filter", "counted sum", "fold in order", "scan", "scan in order", "first", "look-up"] as const)("%s", async name => {
      for (const length of [2048, 2049, 6 * 2048 + 1, 20_000]) {
        const call = caseOf(name, length);
        const expected = expectedOf(name, call);
        expectResult(native(name).run(call), expected);
        expectResult(await native(name).start(call, undefined), expected);
        const all = await Promise.all([1, 2, 3].map(() => native(name).start(call, undefined)));
        for (const result of all) expectResult(result, expected);
      }
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
    const compiled = backend.compile(halves);
    expect(backend.cached(halves)).toBe(compiled);
    expect(backend.compile(halves)).toBe(compiled);
    expect(await backend.compileAsync(halves)).toBe(compiled);
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
