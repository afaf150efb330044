/** The addon's CUDA half on a driver without a device (cuda-fake.cpp): loading, memory, order, errors. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ELEMENT_TYPES } from "../../fusion/types.js";
import { newArray } from "../../fusion/values.js";
import { openDriver, openNative, type CudaContext, type CudaFunction, type CudaStream } from "../../src/backends/cuda/driver.js";
import { openNvrtc } from "../../src/backends/cuda/compiler.js";
import { CudaError } from "../../src/backends/cuda/errors.js";
import type { NativeCuda } from "../../src/backends/cuda/native.js";
import { addParameters, Fake, IMAGE, ONE, unavailable } from "./cuda-fake.js";

const native = openNative().native as NativeCuda;

describe.skipIf(unavailable !== null)("CUDA driver", () => {
  const fake = unavailable === null ? new Fake() : (null as unknown as Fake);
  afterEach(() => fake.set({}));

  describe("is opened by name, and its absence is a reason", () => {
    const reasonOf = (driver: string): string | null => openDriver({ driver }).reason;

    it("for a file that is not there, or is no library", () => {
      expect(reasonOf("/nowhere/libcuda.so.1")).toMatch(/^the CUDA driver's library cannot be opened: .*\/nowhere\/libcuda\.so\.1/);
      const text = path.join(fake.folder, "text.so");
      writeFileSync(text, "no library");
      expect(reasonOf(text)).toMatch(/cannot be opened: .*text\.so/);
    });

    it("for a library that lacks a function", () => {
      const lacking = path.join(fake.folder, "lacking.so");
      fake.build(lacking, "-DLACKING");
      expect(reasonOf(lacking)).toBe(`${lacking} is no CUDA driver that this version can use: it has no function cuEventElapsedTime`);
    });

    it("for a driver that does not start", () => {
      fake.set({ init: 100 });
      expect(reasonOf(fake.copy())).toMatch(/does not start: cuInit failed with CUDA_ERROR_NO_DEVICE \(words of the fake\)$/);
      fake.set({ init: 12345 });
      expect(reasonOf(fake.copy())).toMatch(/cuInit failed with CUresult 12345/);
      fake.set({ fail: "cuDeviceGetCount", code: 999 });
      expect(reasonOf(fake.copy())).toMatch(/cuDeviceGetCount failed/);
      fake.set({ fail: "cuDeviceGetAttribute", code: 999 });
      expect(reasonOf(fake.copy())).toMatch(/cuDeviceGetAttribute failed/);
    });

    it("for a driver without a device", () => {
      fake.set({ devices: 0 });
      expect(reasonOf(fake.copy())).toMatch(/has no device$/);
    });

    it("for NVRTC", () => {
      expect(openNvrtc(native, "/nowhere/libnvrtc.so").reason).toMatch(/^NVRTC's library cannot be opened: .*nowhere/);
      expect(openNvrtc(native, fake.library).reason).toMatch(/is no NVRTC that this version can use: it has no function nvrtcVersion$/);
    });

    it("and the environment may name it", () => {
      const before = process.env["DOTCOMPUTE_CUDA_DRIVER"];
      try {
        process.env["DOTCOMPUTE_CUDA_DRIVER"] = fake.copy();
        expect(openDriver().driver?.path).toBe(process.env["DOTCOMPUTE_CUDA_DRIVER"]);
        expect(openDriver({ driver: "/nowhere.so" }).driver).toBeNull();
      } finally {
        if (before === undefined) delete process.env["DOTCOMPUTE_CUDA_DRIVER"];
        else process.env["DOTCOMPUTE_CUDA_DRIVER"] = before;
      }
    });
  });

  it("describes its devices", () => {
    fake.set({ devices: 2 });
    const { devices, version } = fake.driver();
    expect(version).toBe(13000);
    expect(devices).toHaveLength(2);
    expect(devices[0]).toMatchObject({ name: "Fake (test)", uuid: "GPU-00112233-4455-6677-8899-aabbccddeeff", memoryBytes: 2 ** 30, major: 9, minor: 0, multiprocessors: 4, warpLanes: 32, cacheBytes: 0 });
  });

  it("gives one context for a device, however often it is asked", () => {
    const driver = fake.driver();
    fake.calls();
    driver.open(0);
    driver.open(0);
    expect(fake.calls().filter(call => call === "cuDevicePrimaryCtxRetain")).toHaveLength(1);
    expect(() => driver.open(1)).toThrow(new RangeError("There is no CUDA device 1: the driver has 1"));
  });

  describe.each([
    ["at once", { delay: 0 }],
    ["late", { delay: 5 }],
    ["late, without pools", { delay: 3, pools: 0 }],
    ["late, without pinned memory", { delay: 2, pinned: 0 }],
  ] as const)("whose work is done %s", (_, settings) => {
    let context: CudaContext;
    let stream: CudaStream;
    let add: CudaFunction;
    beforeEach(() => {
      fake.set(settings);
      context = fake.context();
      stream = context.stream();
      add = context.load(IMAGE).function("add");
    });

    it.each(ELEMENT_TYPES)("takes and gives %s", element => {
      const from = newArray(element, 100);
      for (let i = 0; i < 100; i++) from[i] = element === "i64" || element === "u64" ? BigInt(i) : i;
      const memory = stream.allocate(2 * from.byteLength);
      stream.write(memory, from);
      stream.write(memory, from.subarray(50), from.byteLength);
      const to = newArray(element, 150);
      stream.read(memory, to);
      expect(to.subarray(0, 100)).toEqual(from);
      expect(to.subarray(100)).toEqual(from.subarray(50));
    });

    it("moves more than all staging at a time, in both ways", async () => {
      const length = 5 * 2 ** 19 + 3; // 20 MiB
      const from = Float64Array.from({ length }, (_value, i) => i);
      const memory = stream.allocate(from.byteLength);
      const to = new Float64Array(length);
      stream.write(memory, from);
      stream.read(memory, to);
      expect(Buffer.compare(Buffer.from(to.buffer), Buffer.from(from.buffer))).toBe(0);
      to.fill(0);
      from.reverse();
      void stream.writeLater(memory, from);
      await stream.readLater(memory, to);
      expect(Buffer.compare(Buffer.from(to.buffer), Buffer.from(from.buffer))).toBe(0);
    });

    it("has read an array when a write returns", () => {
      const memory = stream.allocate(80);
      const from = new Float64Array(1);
      for (let i = 0; i < 10; i++) {
        from[0] = i;
        stream.write(memory, from, 8 * i);
      }
      const to = new Float64Array(10);
      stream.read(memory, to);
      expect(to).toEqual(Float64Array.from({ length: 10 }, (_value, i) => i));
    });

    it("does what it is given in order, now or later", async () => {
      const memory = stream.allocate(800);
      const to = new Float64Array(100);
      const written = stream.writeLater(memory, new Float64Array(100).fill(1));
      stream.launch(add, ONE, addParameters(memory.address, 100, 2));
      stream.fill(memory, 8, 16, 0);
      stream.copy(memory, 400, memory, 0, 32);
      const read = stream.readLater(memory, to);
      stream.fill(memory, 0, 200, 0, 4);
      const after = new Float64Array(100);
      stream.read(memory, after); // on this thread, after all that
      await Promise.all([written, read]);
      expect(to.slice(0, 4)).toEqual(Float64Array.of(3, 0, 0, 3));
      expect(to.slice(49, 55)).toEqual(Float64Array.of(3, 3, 0, 0, 3, 3));
      expect(after).toEqual(new Float64Array(100));
    });

    it("gives memory back after the commands that use it", async () => {
      const before = context.memory.free;
      for (let round = 0; round < 20; round++) {
        const memory = stream.allocate(8000);
        const to = new Float64Array(1000);
        void stream.writeLater(memory, new Float64Array(1000).fill(round));
        stream.launch(add, ONE, addParameters(memory.address, 1000, 1));
        const read = stream.readLater(memory, to);
        memory.release();
        memory.release();
        expect(() => stream.read(memory, to)).toThrow(new TypeError("argument 2 is not the handle of device memory, or that has been released"));
        await read;
        expect(to.every(x => x === round + 1)).toBe(true);
      }
      await stream.synchroniseLater();
      expect(context.memory.free).toBe(before);
    });

    it("lets one stream wait for another", async () => {
      const other = context.stream();
      const memory = stream.allocate(8);
      const event = context.event();
      void stream.writeLater(memory, Float64Array.of(1));
      for (let i = 0; i < 50; i++) stream.launch(add, ONE, addParameters(memory.address, 1, 1));
      stream.record(event);
      other.wait(event);
      other.launch(add, ONE, addParameters(memory.address, 1, 100));
      const to = new Float64Array(1);
      await other.readLater(memory, to);
      expect(to[0]).toBe(151);
    });

    it("lets two streams wait for each other in turn, by the same two events", async () => {
      const other = context.stream();
      const memory = stream.allocate(8);
      const [here, there] = [context.event(), context.event()];
      void stream.writeLater(memory, Float64Array.of(0));
      for (let i = 0; i < 20; i++) {
        stream.launch(add, ONE, addParameters(memory.address, 1, 1));
        stream.record(here);
        other.wait(here);
        other.launch(add, ONE, addParameters(memory.address, 1, 100));
        other.record(there);
        stream.wait(there);
      }
      const to = new Float64Array(1);
      await stream.readLater(memory, to);
      expect(to[0]).toBe(2020);
    });
  });

  it("measures the time between events", () => {
    const context = fake.context();
    const stream = context.stream();
    const [from, to] = [context.event({ timed: true }), context.event({ timed: true })];
    stream.record(from);
    stream.record(to);
    stream.synchronise();
    expect(to.since(from)).toBe(1.5);
  });

  it("gives a flag that kernels can see", () => {
    const context = fake.context();
    const stream = context.stream();
    const flag = context.flag();
    const memory = stream.allocate(4);
    // The fake's memory is the process's own: the word is read as any other.
    const read = (): number => {
      const to = new Int32Array(1);
      stream.read(memory, to);
      return to[0] as number;
    };
    expect(flag.address).toBeGreaterThan(0n);
    flag.set(1);
    flag.release();
    expect(() => flag.set(0)).toThrow(TypeError);
    expect(read()).toBeTypeOf("number");
  });

  it("holds arrays that are detached in flight, and refuses those whose memory can go", async () => {
    fake.set({ delay: 3 });
    const stream = fake.context().stream();
    const memory = stream.allocate(2 ** 24);
    const from = new Float64Array(2 ** 21).fill(7);
    const written = stream.writeLater(memory, from);
    structuredClone(from, { transfer: [from.buffer] });
    const to = new Float64Array(2 ** 21);
    const read = stream.readLater(memory, to);
    structuredClone(to, { transfer: [to.buffer] });
    await Promise.all([written, read]);
    const check = new Float64Array(2 ** 21);
    stream.read(memory, check);
    expect(check.every(x => x === 7)).toBe(true);
    expect(() => stream.write(memory, from)).toThrow(new TypeError("what is written is detached"));
    const resizable = new Float64Array(new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(80, { maxByteLength: 160 }));
    stream.read(memory, resizable);
    expect(resizable[9]).toBe(7);
    await stream.writeLater(memory, resizable.fill(3));
    expect(() => stream.readLater(memory, resizable)).toThrow(/output may not lie in a resizable ArrayBuffer/);
  });

  describe("refuses", () => {
    const context = unavailable === null ? fake.context() : (null as unknown as CudaContext);
    const stream = unavailable === null ? context.stream() : (null as unknown as CudaStream);
    const memory = unavailable === null ? stream.allocate(100) : (null as never);
    const add = unavailable === null ? context.load(IMAGE).function("add") : (null as never);
    const bytes = new Uint8Array(24);

    it.each<[string, () => unknown, Error]>([
      ["to write past the end", () => stream.write(memory, new Uint8Array(101)), new RangeError("101 bytes from byte 0 are not within the 100 bytes of device memory")],
      ["to read past the end", () => stream.read(memory, new Uint8Array(1), 100), new RangeError("1 bytes from byte 100 are not within the 100 bytes of device memory")],
      ["to read later past the end", () => stream.readLater(memory, new Uint8Array(51), 50), new RangeError("51 bytes from byte 50 are not within the 100 bytes of device memory")],
      ["to copy past the end", () => stream.copy(memory, 50, memory, 0, 51), new RangeError("51 bytes from byte 50 are not within the 100 bytes of device memory")],
      ["to fill past the end", () => stream.fill(memory, 0, 26, 0, 4), new RangeError("104 bytes from byte 0 are not within the 100 bytes of device memory")],
      ["an odd unit", () => stream.fill(memory, 0, 1, 0, 2 as never), new RangeError("a unit has 1 or 4 bytes")],
      ["a value beyond its unit", () => stream.fill(memory, 0, 1, 256), new RangeError("a unit's value must be a whole number from 0 to 255")],
      ["a negative size", () => stream.allocate(-1), new RangeError("bytes of device memory must be a whole number from 0 to 9007199254740991")],
      ["what is no array", () => stream.write(memory, [1] as never), new TypeError("what is written must be a typed array")],
      ["a view without elements", () => stream.write(memory, new DataView(bytes.buffer) as never), new TypeError("what is written must be a typed array")],
      ["an empty grid", () => stream.launch(add, { ...ONE, grid: [0, 1, 1] }, bytes), new RangeError("a grid must be three whole numbers of at least 1")],
      ["a flat block", () => stream.launch(add, { ...ONE, block: [1] as never }, bytes), new RangeError("a block must be three whole numbers of at least 1")],
      ["too many parameters", () => stream.launch(add, ONE, new Uint8Array(4097)), new RangeError("a kernel takes at most 4096 bytes of parameters, not 4097")],
      ["another thing for a function", () => native.launch(stream.handle, memory.handle, [1, 1, 1], [1, 1, 1], 0, bytes), new TypeError("argument 2 is not the handle of a function, or that has been released")],
      ["no image", () => context.load(new Uint8Array(0)), new RangeError("a module's image is empty")],
      ["no path", () => native.openDriver(5 as never), new TypeError("the driver's path must be a string")],
    ])("%s", (_, act, error) => {
      expect(act).toThrow(error);
    });

    it("what belongs to another device", () => {
      const elsewhere = fake.context().stream().allocate(8);
      expect(() => stream.read(elsewhere, new Uint8Array(1))).toThrow(new TypeError("the memory and the stream are of different devices"));
    });
  });

  describe("fails", () => {
    const failing = (act: () => unknown): CudaError => {
      try {
        act();
      } catch (error) {
        expect(error).toBeInstanceOf(CudaError);
        return error as CudaError;
      }
      throw new Error("it did not fail");
    };

    it.each([
      [1, "programmer"], [2, "resource"], [46, "fatal"], [101, "fatal"], [200, "programmer"], [218, "programmer"], [400, "programmer"], [701, "resource"],
      [801, "programmer"], [802, "transient"], [900, "programmer"], [908, "programmer"], [214, "fatal"], [700, "fatal"], [719, "fatal"], [999, "fatal"], [4711, "fatal"],
    ] as const)("with %i, which is of kind %s", (code, kind) => {
      const context = fake.context();
      fake.set({ fail: "cuEventCreate", code });
      const error = failing(() => context.event());
      expect(error).toMatchObject({ code: "DC406", kind, call: "cuEventCreate" });
      expect(context.lost === null).toBe(kind !== "fatal");
    });

    it("with the words of the assembler", () => {
      const error = failing(() => fake.context().load(new TextEncoder().encode("wrong")));
      expect(error).toMatchObject({ kind: "programmer", call: "cuModuleLoadDataEx", log: "line 1: not for this fake" });
      expect(error.message).toContain("line 1: not for this fake");
    });

    it("with the name of a kernel that is not there", () => {
      const module = fake.context().load(IMAGE);
      expect(failing(() => module.function("nobody"))).toMatchObject({ kind: "programmer", result: "CUDA_ERROR_NOT_FOUND" });
    });

    it("for want of memory, and can go on", () => {
      fake.set({ memory: 1000 });
      const stream = fake.context().stream();
      const first = stream.allocate(600);
      expect(failing(() => stream.allocate(600))).toMatchObject({ kind: "resource", result: "CUDA_ERROR_OUT_OF_MEMORY" });
      first.release();
      stream.allocate(600); // what was given back is waited for
    });

    it("later, and says so to whoever comes next", async () => {
      const context = fake.context();
      const stream = context.stream();
      const add = context.load(IMAGE).function("add");
      const memory = stream.allocate(8);
      fake.set({ fail: "cuLaunchKernel", after: 1, code: 701 });
      const to = new Float64Array(1);
      void stream.writeLater(memory, Float64Array.of(1));
      for (let i = 0; i < 3; i++) stream.launch(add, ONE, addParameters(memory.address, 1, 1)); // the second fails, the third is left out
      await expect(stream.readLater(memory, to)).rejects.toMatchObject({ call: "cuLaunchKernel", kind: "resource" });
      expect(to[0]).toBe(0);
      fake.set({});
      await stream.readLater(memory, to);
      expect(to[0]).toBe(2);
    });

    it("for good: the context is abandoned, others are not", async () => {
      const context = fake.context();
      const stream = context.stream();
      const memory = stream.allocate(8);
      const add = context.load(IMAGE).function("add");
      fake.set({ fail: "cuLaunchKernel", code: 700 });
      expect(failing(() => stream.launch(add, ONE, addParameters(memory.address, 1, 1))).kind).toBe("fatal");
      fake.set({});
      expect(context.lost).toMatch(/^cuLaunchKernel failed with CUDA_ERROR_ILLEGAL_ADDRESS/);
      fake.calls();
      expect(failing(() => stream.synchronise())).toMatchObject({ kind: "fatal", message: expect.stringMatching(/The CUDA context of device 0 was abandoned: cuLaunchKernel failed/) });
      await expect(stream.readLater(memory, new Float64Array(1))).rejects.toMatchObject({ kind: "fatal" });
      expect(failing(() => stream.allocate(1)).kind).toBe("fatal");
      memory.release();
      expect(fake.calls()).toEqual([]); // the driver is left alone
      fake.context().stream().synchronise();
    });
  });
});
