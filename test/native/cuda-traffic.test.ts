/** Bytes that queries move, counted by the stand-in driver: in the device's memory by kernels, and between host and device. */
import { describe, expect, it } from "vitest";
import { STATE_BYTES } from "../../fusion/emit/cuda.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { range, type createRuntime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { onStandIn } from "./cuda-cases.js";
import { newStandIn } from "./cuda-stand-in.js";

const LENGTH = 100_100;
const data = Float64Array.from({ length: LENGTH }, (_, at) => Math.sin(at));
const bytes = Uint8Array.from({ length: LENGTH }, (_, at) => at * 7);
const kept = data.filter(x => x > 0.25).length;

type Runtime = ReturnType<typeof createRuntime>;

interface Traffic {
  /** Of the source. */
  readonly loaded: number;
  readonly stored: number;
  /** Besides a value or a sum for each 1024 elements, and the state: such a share more. */
  readonly more: number;
  readonly toDevice: number;
  readonly toHost: number;
}
const traffic = (loaded: number, stored: number, more: number, toDevice: number, toHost: number): Traffic => ({ loaded, stored, more, toDevice, toHost: toHost + STATE_BYTES });

const table = new Float64Array(256);
const QUERIES: readonly (readonly [string, (runtime: Runtime) => unknown, Traffic])[] = [
  ["a map reads each element once and writes each once", r => r.compute(data).map(x => x * 2).toArray(), traffic(8 * LENGTH, 8 * LENGTH, 0, 8 * LENGTH, 8 * LENGTH)],
  ["so do several maps in a row", r => r.compute(data).map(x => x * 2).map(x => x + 1).map(x => x / 3).toArray(), traffic(8 * LENGTH, 8 * LENGTH, 0, 8 * LENGTH, 8 * LENGTH)],
  ["and one to other elements", r => r.compute(bytes).map(x => x * 0.5, Float64Array).toArray(), traffic(LENGTH, 8 * LENGTH, 0, LENGTH, 8 * LENGTH)],
  ["a range is not read at all", r => r.compute(range(LENGTH)).map(x => x * 2).toArray(), traffic(0, 8 * LENGTH, 0, 0, 8 * LENGTH)],
  ["a reduction reads each element once", r => r.compute(data).map(x => x * x).sum().value(), traffic(8 * LENGTH, 0, 0.01, 8 * LENGTH, 0)],
  ["of those that a filter keeps, too", r => r.compute(data).filter(x => x > 0.25).max().value(), traffic(8 * LENGTH, 0, 0.01, 8 * LENGTH, 0)],
  ["so does a count", r => r.compute(data).filter(x => x > 0.25).count().value(), traffic(8 * LENGTH, 0, 0, 8 * LENGTH, 0)],
  ["a filter reads each element twice and writes what it keeps", r => r.compute(data).filter(x => x > 0.25).toArray(), traffic(16 * LENGTH, 8 * kept, 0.04, 8 * LENGTH, 8 * kept)],
  ["a search reads little more than what is before the place", r => r.compute(data).find(x => x > 0.25).value(), traffic(0, 0, 0.5, 8 * LENGTH, 0)],
  ["a captured array goes to the device once", r => r.compute(bytes).map(x => table[x] as number, Float64Array, { table }).toArray(), traffic(9 * LENGTH, 8 * LENGTH, 0, LENGTH + 8 * 256, 8 * LENGTH)],
];

onStandIn("CUDA's traffic", () => {
  const standIn = newStandIn();
  const runtime = (chunkBytes?: number): Runtime =>
    runtimeOn({ backend: "cuda" }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => standIn.backend({ chunkBytes }) });

  describe.each([
    ["at once", runtime()],
    ["in chunks", runtime(65536)],
  ])("%s", (way, on) => {
    it.each(QUERIES)("%s", (_name, query, { loaded, stored, more, toDevice, toHost }) => {
      query(on); // compiles
      const before = standIn.driver.counters();
      query(on);
      const after = standIn.driver.counters();
      const within = (moved: number, least: number): void => {
        expect(moved).toBeGreaterThanOrEqual(least);
        expect(moved).toBeLessThanOrEqual(least + 8 * LENGTH * more);
      };
      within(after.loads.bytes - before.loads.bytes, loaded);
      within(after.stores.bytes - before.stores.bytes, stored);
      const isSearch = query === QUERIES[8]?.[1];
      // A search brings no more chunks than it needs.
      expect(after.bytesToDevice - before.bytesToDevice).toBe(isSearch && way === "in chunks" ? 65536 : toDevice);
      expect(after.bytesToHost - before.bytesToHost).toBe(toHost);
      expect(after.bytesOnDevice).toBe(0);
    });
  });
});
