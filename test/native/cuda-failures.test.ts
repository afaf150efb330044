/** Runs on the stand-in driver that do not go as planned: aborted, undone by faults of the device, or of their arrays. Each ends with an error, and the next is right. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { QueryError } from "../../fusion/errors.js";
import type { NativeAddon } from "../../src/backends/cpu/addon.js";
import { loadAddon, type LoadedAddon } from "../../src/backends/cpu/load-addon.js";
import { Lanes } from "../../src/backends/cuda/lanes.js";
import { CudaFlag, openDriver } from "../../src/backends/cuda/driver.js";
import { CudaError } from "../../src/backends/cuda/errors.js";
import { nativeCuda, type NativeCuda } from "../../src/backends/cuda/native.js";
import { caseOf, compileCases, drain, expectedOf, expectResult, KERNELS, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn } from "./cuda-stand-in.js";

/** 1024 elements of f64. */
const CHUNK = { chunkBytes: 8192 } as const;
/** Room for three chunks that come and leave and for the captured array, but not for all that a filter may keep. */
const PIECES = { memory: 100_000, deferred: true } as const;
const LENGTH = 12_000;
const CHUNKS = 12;
const KINDS = ["map", "filter", "counted sum", "fold in order", "first", "last", "look-up and filter"] as const satisfies readonly CaseName[];

onStandIn("CUDA runs that fail", () => {
  describe("a query that is aborted", () => {
    const standIn = newStandIn({ deferred: true });
    const native = compileCases(standIn.backend(CHUNK));
    const reason = new Error("enough");

    /** By the one lane that there is. */
    const expectRight = async (name: CaseName): Promise<void> => {
      const call = caseOf(name, LENGTH);
      const expected = expectedOf(name, call);
      expectResult(native(name).run(call), expected);
      expectResult(await native(name).start(call, new AbortController().signal), expected);
    };

    it("before it begins does nothing", async () => {
      const { launches: before, allocations } = standIn.driver.counters();
      await expect(native("map").start(caseOf("map", LENGTH), AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(standIn.driver.counters()).toMatchObject({ launches: before, allocations });
      await expectRight("map");
    });

    it.each(KINDS)("between chunks brings no more of them: %s", async name => {
      const chunks = 300;
      const brought = (): number => standIn.driver.counters().bytesToDevice;
      const before = brought();
      const controller = new AbortController();
      const running = native(name).start(caseOf(name, chunks * 1024), controller.signal);
      controller.abort(reason);
      await expect(running).rejects.toBe(reason);
      expect(brought() - before).toBeLessThan((chunks / 2) * CHUNK.chunkBytes);
      await expectRight(name);
    });

    it("between chunks of a filter in pieces", async () => {
      const short = newStandIn(PIECES);
      const pieces = compileCases(short.backend(CHUNK));
      const call = caseOf("filter", LENGTH);
      const controller = new AbortController();
      const running = pieces("filter").start(call, controller.signal);
      controller.abort(reason);
      await expect(running).rejects.toBe(reason);
      const { launches: some, bytesToHost } = short.driver.counters();
      expect(some).toBeLessThan(3 * CHUNKS);
      const result = await pieces("filter").start(call, undefined);
      expectResult(result, expectedOf("filter", call));
      // In pieces indeed: after each chunk the state, 48 bytes, tells how many.
      expect(short.driver.counters().bytesToHost - bytesToHost).toBe(8 * result.count + 48 * CHUNKS);
    });

    it("in an endless loop", async () => {
      for (let round = 0; round < 2; round++) {
        const controller = new AbortController();
        const running = native("endless").start(caseOf("endless", 10), controller.signal);
        setTimeout(() => controller.abort(reason), 20);
        await expect(running).rejects.toBe(reason);
        await expectRight("map");
      }
    });

    it("when it is over has ended well", async () => {
      const controller = new AbortController();
      const call = caseOf("counted sum", 100);
      expectResult(await native("counted sum").start(call, controller.signal), expectedOf("counted sum", call));
      controller.abort(reason);
      await expectRight("counted sum");
    });
  });

  describe("a query whose arrays go away in flight", () => {
    const standIn = newStandIn({ deferred: true });
    const native = compileCases(standIn.backend(CHUNK));
    const short = newStandIn(PIECES);
    const pieces = compileCases(short.backend(CHUNK));
    const message = /DC307: an array was detached or has changed its length while the query ran/;

    it.each(["map", "filter", "counted sum", "first"] as const)("from among the source's chunks: %s", async name => {
      for (const compiled of [native, pieces]) {
        const call = caseOf(name, LENGTH);
        const running = compiled(name).start(call, undefined);
        structuredClone(call.source, { transfer: [(call.source as Float64Array<ArrayBuffer>).buffer] });
        await expect(running).rejects.toThrow(QueryError);
        await expect(running).rejects.toThrow(message);
        const again = caseOf(name, LENGTH);
        expectResult(await compiled(name).start(again, undefined), expectedOf(name, again));
      }
    });

    it("or from where results go, or from among the captures", async () => {
      const stored = { ...caseOf("map", LENGTH), output: new Float64Array(LENGTH) };
      const running = native("map").start(stored, undefined);
      structuredClone(stored.output, { transfer: [stored.output.buffer] });
      await expect(running).rejects.toThrow(message);
      const table = new Float64Array(5000);
      const looking = native("look-up").start({ ...caseOf("look-up", LENGTH), arrays: [table] }, undefined);
      structuredClone(table, { transfer: [table.buffer] });
      await expect(looking).rejects.toThrow(message);
    });
  });

  it("an element that fails ends a filter in pieces, while the next chunk is on its way", async () => {
    const standIn = newStandIn(PIECES);
    const backend = standIn.backend(CHUNK);
    const native = compileCases(backend)("look-up and filter");
    const right = caseOf("look-up and filter", LENGTH);
    const call = { ...right, source: (right.source as Float64Array).with(20, 5000) };
    const message = "DC401: table[5000] is out of range: table has 5000 elements";
    // In most orders of what is left in streams, nothing shows that the next chunk comes where memory has been given back.
    for (let seed = 1; seed <= 60; seed++) {
      standIn.driver.configure({ seed });
      expect(() => native.run(call)).toThrow(new RangeError(message));
      drain(standIn);
    }
    await expect(native.start(call, undefined)).rejects.toThrow(new RangeError(message));
    expectResult(await native.start(right, undefined), expectedOf("look-up and filter", right));
    expectResult(native.run(right), expectedOf("look-up and filter", right));
    expect(backend.reason).toBeNull();
    expect(standIn.driver.lastFault()).toBe("");
  });

  it("a lane that could not be emptied is not used again, and its kernels are still told to end", () => {
    const { driver } = openDriver({ driver: newStandIn().library });
    const lanes = new Lanes(driver!.open(0));
    const lane = lanes.take();
    lanes.give(lane);
    expect(lanes.take()).toBe(lane);
    const flag = vi.spyOn(lane.stop, "set");
    lane.isUsable = false;
    lanes.give(lane);
    expect(flag).not.toHaveBeenCalled();
    const other = lanes.take();
    expect(other).not.toBe(lane);
    expect(lanes.take()).not.toBe(lane);
    lanes.give(other);
    expect(lanes.take()).toBe(other);
  });

  describe("a launch that the driver refuses", () => {
    it.each(KINDS)("first, second and so on: %s", async name => {
      const flag = vi.spyOn(CudaFlag.prototype, "set");
      for (const settings of [{}, PIECES]) {
        const standIn = newStandIn(settings);
        const native = compileCases(standIn.backend(CHUNK))(name);
        const call = caseOf(name, LENGTH);
        const expected = expectedOf(name, call);
        let refused = 0;
        for (let failLaunch = 1; failLaunch <= 24; failLaunch += failLaunch < 5 ? 1 : 6) {
          for (const later of [false, true]) {
            standIn.driver.configure({ failLaunch, failLaunchResult: 701 });
            flag.mockClear();
            try {
              expectResult(later ? await native.start(call, undefined) : native.run(call), expected);
            } catch (error) {
              refused += 1;
              expect(error).toBeInstanceOf(CudaError);
              expect(error).toMatchObject({ kind: "resource", call: "cuLaunchKernel", result: "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES" });
              standIn.driver.configure({ failLaunch: 0 });
              // What was on its way has been told to end, and the flag is down again.
              expect(flag.mock.calls).toEqual([[1], [0]]);
              // In the same lane, whose streams know nothing of it.
              expectResult(later ? native.run(call) : await native.start(call, undefined), expected);
            }
          }
        }
        expect(refused).toBeGreaterThanOrEqual(8);
      }
    });
  });

  describe.each([
    ["an illegal access", "stickyLaunch", "CUDA_ERROR_ILLEGAL_ADDRESS"],
    ["a device that disappears", "loseDevice", "CUDA_ERROR_DEVICE_UNAVAILABLE"],
  ] as const)("%s", (_, setting, result) => {
    it.each(["map", "filter", "counted sum", "first", "look-up and filter"] as const)("in the midst of a run in chunks ends it, and only this device: %s", async name => {
      const standIn = newStandIn({ ...PIECES, devices: 3 });
      const call = caseOf(name, LENGTH);
      const expected = expectedOf(name, call);
      for (const [device, nth, later] of [[0, 1, true], [1, 5, false], [2, 5, true]] as const) {
        const backend = standIn.backend({ ...CHUNK, device });
        const native = compileCases(backend)(name);
        expectResult(native.run(call), expected);
        standIn.driver.configure({ [setting]: nth });
        const error: unknown = later ? await native.start(call, undefined).catch((thrown: unknown) => thrown) : thrownBy(() => native.run(call));
        expect(error).toBeInstanceOf(CudaError);
        expect(error).toMatchObject({ kind: "fatal" });
        expect(backend.available).toBe(false);
        expect(backend.reason).toMatch(new RegExp(`^the device was lost: .*${result}`));
        // From now on nobody asks the driver.
        const { launches, allocations } = standIn.driver.counters();
        expect(() => native.run(call)).toThrow(/was abandoned/);
        await expect(native.start(call, undefined)).rejects.toMatchObject({ kind: "fatal" });
        expect(() => backend.compile(native.kernel)).toThrow(/DC402: CUDA cannot be used: the device was lost/);
        expect(standIn.driver.counters()).toMatchObject({ launches, allocations });
      }
    });
  });

  describe("a module that does not fit", () => {
    const refusal = { code: "DC406", kind: "resource", call: "cuModuleLoadDataEx", result: "CUDA_ERROR_OUT_OF_MEMORY" };

    it("is an error, and may fit the next time", async () => {
      const standIn = newStandIn();
      const call = caseOf("map", 100);
      const expected = expectedOf("map", call);
      for (const attempt of [() => standIn.backend().compile(KERNELS.map), () => standIn.backend().compileAsync(KERNELS.map), () => standIn.backend().compileBatchAsync([KERNELS.map])]) {
        standIn.driver.configure({ failModule: 1 });
        const error: unknown = await (async () => attempt())().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(CudaError);
        expect(error).toMatchObject(refusal);
        const [compiled] = [await attempt()].flat();
        expectResult(compiled!.run(call), expected);
      }
    });

    it("is an error where it is looked for, and stays in the cache", () => {
      const standIn = newStandIn();
      const backend = standIn.backend();
      backend.compile(KERNELS.map);
      const other = standIn.backend();
      standIn.driver.configure({ failModule: 1 });
      expect(() => other.cached(KERNELS.map)).toThrow(CudaError);
      expect(other.available).toBe(true);
      expect(other.cached(KERNELS.map)).not.toBeNull();
    });
  });

  it("code that NVRTC refuses is an error with NVRTC's words, and other kernels go on", async () => {
    const { addon, ...loaded } = loadAddon();
    const cuda = nativeCuda(addon as NativeAddon) as NativeCuda;
    const worse = { ...cuda, compile: withNonsense(cuda.compile), compileLater: withNonsense(cuda.compileLater) };
    const cacheFolder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-cuda-refused-"));
    try {
      const backend = newStandIn().backend({ cacheFolder, loaded: { ...loaded, addon: { ...addon, cuda: () => worse } } as unknown as LoadedAddon });
      const errors = [thrownBy(() => backend.compile(KERNELS.map)), await backend.compileAsync(KERNELS.map).catch((error: unknown) => error)];
      for (const error of errors) {
        expect(error).toBeInstanceOf(CudaError);
        expect(error).toMatchObject({ kind: "programmer", call: "nvrtcCompileProgram", log: expect.stringMatching(/^kernel\.cu\(\d+\): error: .*nonsense/m) as string });
      }
      expect(backend.available).toBe(true);
      expect(readdirSync(cacheFolder)).toEqual([]);
    } finally {
      rmSync(cacheFolder, { recursive: true });
    }
  });

  it("a device newer than NVRTC runs what NVRTC makes for an older one", () => {
    const standIn = newStandIn({ capability: 150 });
    const backend = standIn.backend({ form: undefined });
    expect(backend).toMatchObject({ available: true, device: { major: 15, minor: 0 } });
    const call = caseOf("filter", 3000);
    expectResult(backend.compile(KERNELS.filter).run(call), expectedOf("filter", call));
  });

  it("a device older than all that NVRTC knows is refused, with what to do", () => {
    const { reason } = newStandIn({ capability: 30 }).backend();
    expect(reason).toMatch(/^DC406: NVRTC \d+\.\d+ \(.*\) cannot compile for a device of compute capability 3\.0: it compiles for \d.*\. Install an NVRTC that can, or name one in \$DOTCOMPUTE_NVRTC$/);
  });
});

/** With a source that is not CUDA C. */
const withNonsense =
  <Arguments extends readonly unknown[], Result>(compile: (compiler: number, source: string, ...rest: Arguments) => Result) =>
  (compiler: number, source: string, ...rest: Arguments): Result =>
    compile(compiler, `${source}\nnonsense nonsense\n`, ...rest);

const thrownBy = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

