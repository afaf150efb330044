/** The CUDA backend on the stand-in driver of test/cuda-driver, a PTX interpreter and no GPU: one of its own for each use. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { createCudaBackend, type CudaBackend, type CudaBackendOptions } from "../../src/backends/cuda/backend.js";
import { TestDriver, testDriver } from "../cuda-driver/driver.js";
import { nvrtcForTests } from "../cuda-nvrtc/build.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const built = testDriver();
const nvrtc = nvrtcForTests();

/** Why it cannot be used here; null if it can. */
export const unavailable: string | null = built.driver === null ? built.reason : nvrtc.reason;

export interface StandIn {
  readonly library: string;
  /** What it does and counts. */
  readonly driver: TestDriver;
  backend(options?: CudaBackendOptions): CudaBackend;
}

const folders: string[] = [];
// Once for all, as they are made within tests, too.
afterAll(() => folders.splice(0).forEach(folder => rmSync(folder, { recursive: true, force: true })));

/** A copy of the library: the linker tells libraries apart by their files. */
export function newStandIn(settings: Readonly<Record<string, number | boolean | string>> = {}): StandIn {
  const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-cuda-"));
  folders.push(folder);
  for (const name of ["libcuda.so.1", "control.node"]) copyFileSync(path.join(root, "build", "cuda-driver", name), path.join(folder, name));
  const driver = new TestDriver(folder);
  driver.configure(settings);
  const library = path.join(folder, "libcuda.so.1");
  const kept = path.join(root, "build", "cuda-kernels");
  return {
    library,
    driver,
    // It reads no machine code. Compiled kernels are kept from run to run: they take longer to make than to run.
    backend: options => createCudaBackend({ driver: library, nvrtc: nvrtc.library ?? undefined, form: "ptx", cacheFolder: kept, ...options }),
  };
}
