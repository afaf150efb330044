/** The driver around the interpreter: contexts, streams, memory, injected failures. */
import { expect, it } from "vitest";
import { DEVICE_NAME, u64 } from "./driver.js";
import { kernel, suite } from "./suite.js";

const NOT_READY = 600;
const OUT_OF_MEMORY = 2;
const UNAVAILABLE = 46;

/** Adds one to the word at the first parameter. */
const INCREMENT = kernel(1, "ld.global.u32 %r1, [%rd0]; add.u32 %r1, %r1, 1; st.global.u32 [%rd0], %r1;");

suite("the stand-in driver", driver => {
  const launch = (stream: bigint | null, address: bigint): number => {
    const parameter = new BigUint64Array([address]);
    const pointers = new BigUint64Array([driver.address(parameter)]);
    return driver.result("cuLaunchKernel", driver.function(INCREMENT, "k"), 1, 1, 1, 1, 1, 1, 0, stream, pointers, null);
  };
  const word = (value = 0): bigint => {
    const address = driver.get("cuMemAlloc_v2", 4);
    driver.call("cuMemcpyHtoD_v2", address, new Uint32Array([value]), 4);
    return address;
  };
  const read = (address: bigint): number => {
    const out = new Uint32Array(1);
    driver.call("cuMemcpyDtoH_v2", out, address, 4);
    return out[0] as number;
  };
  const pinned = (): { address: bigint; write: (value: number) => void; read: () => number } => {
    const address = driver.get("cuMemAllocHost_v2", 4);
    const through = word();
    // The test has no view of that memory: it is written and read through the device.
    return {
      address,
      write: value => {
        driver.call("cuMemcpyHtoD_v2", through, new Uint32Array([value]), 4);
        driver.call("cuMemcpyDtoH_v2", address, through, 4);
      },
      read: () => {
        driver.call("cuMemcpyHtoD_v2", through, address, 4);
        return read(through);
      },
    };
  };

  it("is named as what it is", () => {
    driver.fresh({ devices: 3, capability: 120, memory: "64M", multiprocessors: 7 });
    const name = new Uint8Array(64);
    driver.call("cuDeviceGetName", name, 64, 0);
    expect(Buffer.from(name).toString().replace(/\0.*/, "")).toBe(DEVICE_NAME);
    const attribute = (which: number): number => Number(driver.get("cuDeviceGetAttribute", which, 0));
    expect([attribute(75), attribute(76), attribute(16), attribute(10)]).toEqual([12, 0, 7, 32]);
    expect(driver.get("cuDeviceGetCount")).toBe(3n);
    expect(driver.get("cuDeviceTotalMem_v2", 0)).toBe(2n ** 26n);
  });

  it("runs nothing before cuInit, and nothing without a device", () => {
    driver.fresh();
    driver.configure({ devices: 0 });
    expect(driver.result("cuDeviceGetCount", new Int32Array(1))).toBe(3);
    expect(driver.result("cuInit", 0)).toBe(100);
    driver.configure({ devices: 1, failInit: 999 });
    expect(driver.result("cuInit", 0)).toBe(999);
  });

  it("gives functions by name, with the newest version", () => {
    driver.fresh();
    const found = (name: string): { result: number; function: bigint | undefined } => {
      const out = new BigUint64Array(1);
      return { result: driver.result("cuGetProcAddress_v2", name, out, 13000, 0, null), function: out[0] };
    };
    expect(found("cuMemAlloc")).toEqual(found("cuMemAlloc_v2"));
    expect(found("cuInit").result).toBe(0);
    expect(found("cuNothing")).toEqual({ result: 500, function: 0n });
    expect(driver.result("cuGetExportTable", new BigUint64Array(1), null)).not.toBe(0);
  });

  it("refuses machine code, newer PTX and PTX for newer devices", () => {
    driver.fresh({ capability: 75, driverVersion: 11080 });
    const load = (text: string): number => driver.result("cuModuleLoadDataEx", new BigUint64Array(1), text, 0, null, null);
    expect(load("\x7fELF")).toBe(209);
    expect(load(".version 7.8\n.target sm_75\n.address_size 64\n")).toBe(0);
    expect(load(".version 8.0\n.target sm_75\n.address_size 64\n")).toBe(222);
    expect(load(".version 7.8\n.target sm_90\n.address_size 64\n")).toBe(209);
  });

  it("a thread has a stack of contexts, and needs one", () => {
    driver.fresh();
    const context = driver.get("cuCtxGetCurrent");
    driver.call("cuCtxPopCurrent_v2", null);
    expect(driver.result("cuMemAlloc_v2", new BigUint64Array(1), 4)).toBe(201);
    driver.call("cuCtxPushCurrent_v2", context);
    driver.call("cuDevicePrimaryCtxRelease_v2", 0);
    expect(driver.result("cuMemAlloc_v2", new BigUint64Array(1), 4)).toBe(709);
  });

  it("memory is the device's, and counted", () => {
    driver.fresh({ memory: "1M" });
    const half = driver.get("cuMemAlloc_v2", 600_000);
    expect(driver.result("cuMemAlloc_v2", new BigUint64Array(1), 600_000)).toBe(OUT_OF_MEMORY);
    const total = new BigUint64Array(1);
    expect(driver.get("cuMemGetInfo_v2", total)).toBe(2n ** 20n - 600_000n);
    driver.call("cuMemFree_v2", half);
    expect(driver.result("cuMemFree_v2", half)).toBe(1);
    driver.call("cuMemAlloc_v2", new BigUint64Array(1), 600_000);
    expect(driver.counters()).toMatchObject({ aliveAllocations: 1, aliveBytes: 600_000, peakBytes: 600_000, allocations: 3 });
    expect(driver.result("cuMemcpyHtoD_v2", half, new Uint8Array(8), 8)).toBe(1);
  });

  it("fails the recording that a test names, and questions from the one that it names", () => {
    driver.fresh({ failRecord: 2, failQuery: 2 });
    const [stream, event] = [driver.get("cuStreamCreate", 1), driver.get("cuEventCreate", 2)];
    expect([1, 2, 3].map(() => driver.result("cuEventRecord", event, stream))).toEqual([0, 2, 0]);
    expect([1, 2, 3].map(() => driver.result("cuStreamQuery", stream))).toEqual([0, 2, 2]);
    driver.configure({ failQuery: 0 });
    expect(driver.result("cuStreamQuery", stream)).toBe(0);
  });

  it("fails the allocation, the launch or the module that a test names", () => {
    driver.fresh({ failAllocation: 2 });
    const allocate = (): number => driver.result("cuMemAlloc_v2", new BigUint64Array(1), 4);
    expect([allocate(), allocate(), allocate()]).toEqual([0, OUT_OF_MEMORY, 0]);
    driver.fresh();
    const at = word();
    driver.configure({ failLaunch: 2 });
    expect([launch(null, at), launch(null, at), launch(null, at)]).toEqual([0, 701, 0]);
    expect(read(at)).toBe(2);
    driver.fresh({ failModule: 1 });
    expect(driver.result("cuModuleLoadDataEx", new BigUint64Array(1), INCREMENT, 0, null, null)).toBe(OUT_OF_MEMORY);
  });

  it("a sticky error stays until the context is made anew", () => {
    driver.fresh();
    const at = word();
    driver.configure({ stickyLaunch: 1 });
    expect(launch(null, at)).toBe(0);
    expect(driver.result("cuCtxSynchronize")).toBe(700);
    expect(driver.result("cuStreamCreate", new BigUint64Array(1), 0)).toBe(700);
    driver.call("cuDevicePrimaryCtxRelease_v2", 0);
    driver.call("cuCtxSetCurrent", driver.get("cuDevicePrimaryCtxRetain", 0));
    driver.modules.clear();
    const again = word(4);
    expect(launch(null, again)).toBe(0);
    expect(read(again)).toBe(5);
    expect(driver.counters().aliveAllocations).toBe(1);
  });

  it("a device that is lost stays lost, and another one works", () => {
    driver.fresh({ devices: 2 });
    const at = word();
    driver.configure({ loseDevice: 1 });
    expect(launch(null, at)).toBe(UNAVAILABLE);
    expect(driver.result("cuMemFree_v2", at)).toBe(UNAVAILABLE);
    expect(driver.result("cuDevicePrimaryCtxRetain", new BigUint64Array(1), 0)).toBe(UNAVAILABLE);
    driver.call("cuDevicePrimaryCtxRelease_v2", 0);
    driver.call("cuCtxSetCurrent", driver.get("cuDevicePrimaryCtxRetain", 1));
    driver.modules.clear();
    const other = word(1);
    expect(launch(null, other)).toBe(0);
    expect(read(other)).toBe(2);
  });

  it("keeps devices' memory apart until they are peers", () => {
    driver.fresh({ devices: 2 });
    const at = word();
    const first = driver.get("cuCtxGetCurrent");
    driver.call("cuCtxSetCurrent", driver.get("cuDevicePrimaryCtxRetain", 1));
    driver.call("cuCtxEnablePeerAccess", first, 0);
    driver.modules.clear();
    expect(launch(null, at)).toBe(0);
    driver.call("cuCtxSynchronize");
    driver.call("cuCtxSetCurrent", first);
    expect(read(at)).toBe(1);
    const second = driver.get("cuDevicePrimaryCtxRetain", 1);
    driver.call("cuCtxSetCurrent", second);
    const there = word();
    driver.call("cuCtxSetCurrent", first);
    driver.modules.clear();
    expect(launch(null, there)).toBe(0);
    expect(driver.result("cuCtxSynchronize")).toBe(700);
    expect(driver.lastFault()).toContain("another device");
  });

  it("deferred work runs when something waits for it, in the stream's order", () => {
    driver.fresh({ deferred: 1 });
    const at = word();
    const host = pinned();
    const stream = driver.get("cuStreamCreate", 1);
    host.write(7);
    driver.call("cuMemcpyHtoDAsync_v2", at, host.address, 4, stream);
    expect(launch(stream, at)).toBe(0);
    driver.call("cuMemcpyDtoHAsync_v2", host.address, at, 4, stream);
    // Nothing has run: what the host writes now is what the copy will find.
    host.write(20);
    expect(host.read()).toBe(20);
    driver.call("cuStreamSynchronize", stream);
    expect(host.read()).toBe(21);
  });

  it("deferred work gets on while someone asks for it", () => {
    driver.fresh({ deferred: 1 });
    const at = word();
    const stream = driver.get("cuStreamCreate", 1);
    for (let i = 0; i < 3; i++) launch(stream, at);
    const asked: number[] = [];
    do asked.push(driver.result("cuStreamQuery", stream));
    while (asked.at(-1) === NOT_READY);
    expect(asked).toEqual([NOT_READY, NOT_READY, NOT_READY, 0]);
    expect(read(at)).toBe(3);
  });

  it("a stream that waits for an event comes after it, and one that does not need not", () => {
    const order = (waits: boolean, seed: number): number => {
      driver.fresh({ deferred: 1, seed });
      const from = word(5);
      const to = word(0);
      const [first, second, event] = [driver.get("cuStreamCreate", 1), driver.get("cuStreamCreate", 1), driver.get("cuEventCreate", 2)];
      launch(first, from);
      driver.call("cuEventRecord", event, first);
      if (waits) driver.call("cuStreamWaitEvent", second, event, 0);
      driver.call("cuMemcpyDtoDAsync_v2", to, from, 4, second);
      driver.call("cuStreamSynchronize", second);
      return read(to);
    };
    expect([order(true, 1), order(true, 2)]).toEqual([6, 6]);
    expect(order(false, 1)).toBe(5);
  });

  it("the default stream and blocking streams take turns", () => {
    driver.fresh({ deferred: 1 });
    const at = word();
    const stream = driver.get("cuStreamCreate", 0);
    for (const which of [stream, null, stream, null, stream]) launch(which, at);
    driver.call("cuStreamSynchronize", stream);
    expect(read(at)).toBe(5);
  });

  it("frees in a stream come when the stream gets there; a later use is an error", () => {
    driver.fresh({ deferred: 1 });
    const stream = driver.get("cuStreamCreate", 1);
    const at = driver.get("cuMemAllocAsync", 4, stream);
    driver.call("cuMemsetD32Async", at, 41, 1, stream);
    expect(launch(stream, at)).toBe(0);
    driver.call("cuMemFreeAsync", at, stream);
    expect(driver.counters().aliveBytes).toBe(4);
    driver.call("cuStreamSynchronize", stream);
    expect(driver.counters().aliveBytes).toBe(0);
    expect(launch(stream, at)).toBe(0);
    expect(driver.result("cuStreamSynchronize", stream)).toBe(700);
    expect(driver.lastFault()).toContain("PTX line");
  });

  it("memory of a stream is there for another one only from where it was allocated", () => {
    for (const use of [(at: bigint, stream: bigint) => driver.call("cuMemsetD32Async", at, 41, 1, stream), (at: bigint, stream: bigint) => launch(stream, at)]) {
      for (const waits of [true, false]) {
        driver.fresh({ deferred: 1 });
        const [own, other, event] = [driver.get("cuStreamCreate", 1), driver.get("cuStreamCreate", 1), driver.get("cuEventCreate", 2)];
        const at = driver.get("cuMemAllocAsync", 4, own);
        driver.call("cuEventRecord", event, own);
        if (waits) driver.call("cuStreamWaitEvent", other, event, 0);
        use(at, other);
        expect(driver.result("cuStreamSynchronize", other)).toBe(waits ? 0 : 700);
        if (!waits) expect(driver.lastFault()).toContain("memory that the stream it was allocated in has not come to yet");
      }
    }
  });

  it("measures the time between two events", () => {
    driver.fresh();
    const [start, end] = [driver.get("cuEventCreate", 0), driver.get("cuEventCreate", 0)];
    driver.call("cuEventRecord", start, null);
    driver.call("cuEventRecord", end, null);
    const time = new Float32Array([-1]);
    driver.call("cuEventElapsedTime_v2", time, start, end);
    expect(time[0]).toBeGreaterThanOrEqual(0);
    driver.call("cuEventDestroy_v2", start);
    expect(driver.result("cuEventQuery", start)).toBe(400);
  });

  it("refuses launches that a device would refuse", () => {
    driver.fresh();
    const given = driver.function(kernel(0, ""), "k");
    const shape = (...numbers: number[]): number => driver.result("cuLaunchKernel", given, ...numbers, null, null, null);
    expect(shape(1, 1, 1, 32, 1, 1, 0)).toBe(0);
    expect(shape(0, 1, 1, 32, 1, 1, 0)).toBe(1);
    expect(shape(1, 1, 1, 1025, 1, 1, 0)).toBe(1);
    expect(shape(1, 65536, 1, 32, 1, 1, 0)).toBe(1);
    expect(shape(1, 1, 1, 32, 1, 1, 49153)).toBe(1);
    driver.call("cuFuncSetAttribute", given, 8, 60_000);
    expect(shape(1, 1, 1, 32, 1, 1, 60_000)).toBe(0);
  });

  it("settings that make no sense are refused, with words", () => {
    driver.fresh();
    expect(driver.result("ptxTestConfigure", '{"nothing": 1}')).toBe(1);
    expect(driver.lastFault()).toBe("There is no setting named nothing");
    expect(driver.result("ptxTestConfigure", "memory=lots")).toBe(1);
    expect(() => driver.launch(INCREMENT, "k", { block: 1 }, u64(0n))).toThrow("gave 700");
  });
});
