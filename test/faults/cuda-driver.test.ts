/** Every call of the CUDA driver fails in turn, in every way: a reason or an error each time, and never the end of the process. */
import { afterAll, describe, expect, it } from "vitest";
import { openDriver } from "../../src/backends/cuda/driver.js";
import { CudaError } from "../../src/backends/cuda/errors.js";
import { addParameters, Fake, IMAGE, ONE, unavailable } from "../native/cuda-fake.js";

/** The calls whose failure need not matter: without some attributes, a pool's settings or pinned memory it works too, and what is given back is gone. */
const HARMLESS = new Set(["cuDeviceGetAttribute", "cuMemAllocHost", "cuMemFreeAsync", "cuMemFreeHost", "cuModuleUnload", "cuEventDestroy", "cuStreamDestroy", "cuDeviceGetCount", "cuDevicePrimaryCtxRelease"]);

describe.skipIf(unavailable !== null)("a CUDA driver whose calls fail", () => {
  const fake = unavailable === null ? new Fake() : (null as unknown as Fake);
  afterAll(() => fake?.set({}));

  /** Some of everything, in two forms. Gives what was read, or why there is no driver. */
  async function wholeUse(): Promise<readonly number[] | string> {
    const { driver, reason } = openDriver({ driver: fake.copy() });
    if (driver === null) return reason;
    const context = driver.open(0);
    const stream = context.stream();
    const module = await context.loadLater(IMAGE);
    const add = module.function("add");
    add.occupancy(128);
    add.allowSharedBytes(1024);
    expect(context.memory.total).toBeGreaterThan(0);
    const memory = stream.allocate(80);
    const to = new Float64Array(10);
    stream.write(memory, new Float64Array(10).fill(1));
    stream.launch(add, ONE, addParameters(memory.address, 10, 1));
    stream.copy(memory, 0, memory, 40, 8);
    stream.fill(memory, 8, 8, 0);
    stream.fill(memory, 16, 2, 0, 4);
    stream.read(memory, to);
    const event = context.event();
    stream.record(event);
    stream.wait(event);
    event.since(event);
    const written = stream.writeLater(memory, to);
    stream.launch(add, ONE, addParameters(memory.address, 10, 1));
    const read = stream.readLater(memory, to);
    memory.release();
    await Promise.all([written, read]);
    await stream.synchroniseLater();
    stream.synchronise();
    module.release();
    return Array.from(to);
  }

  it("is in order first", async () => {
    expect(await wholeUse()).toEqual([3, 1, 1, 3, 3, 3, 3, 3, 3, 3]);
  });

  it.each([1, 2, 46, 700])("with %i", async code => {
    fake.set({});
    fake.calls();
    await wholeUse();
    const counts = new Map<string, number>();
    for (const call of fake.calls()) counts.set(call, (counts.get(call) ?? 0) + 1);
    expect(counts.size).toBeGreaterThan(25);
    for (const [call, count] of counts) {
      for (const after of new Set([0, Math.floor(count / 2), count - 1])) {
        fake.set({ fail: call, after, code, delay: 2 });
        try {
          const outcome = await wholeUse();
          if (typeof outcome === "string") expect(outcome, call).toContain(`${call} failed`);
          else expect(outcome).toHaveLength(10);
          if (typeof outcome !== "string" && code !== 2) expect(HARMLESS, `${call} after ${after}`).toContain(call);
        } catch (error) {
          expect(error, call).toBeInstanceOf(CudaError);
          expect((error as CudaError).message, call).toMatch(/failed with CUresult|failed with CUDA_ERROR|was abandoned/);
        }
      }
    }
  });
});
