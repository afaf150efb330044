/** How much memory a query takes at its peak: run in a process of its own for each measurement. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRuntime } from "dotcompute";
import { WORKLOADS, type Workload } from "./workloads.js";

/** `native`: the kernel is in the cache. `into`: and the output is given. `cold`: the first run ever, on the JavaScript tier. */
export type MemoryMode = "native" | "into" | "cold";

export interface MemoryUse {
  readonly mode: MemoryMode;
  readonly inputs: number;
  readonly outputs: number;
  /** The highest resident set while inputs were made and the query ran, less what was resident before. */
  readonly peak: number;
}

/** The switch by which this program is told to measure and print one MemoryUse. */
export const MEMORY_SWITCH = "--memory";

/** Linux alone says how much was resident at most, and forgets it on demand. */
export const canMeasureMemory = process.platform === "linux";

export function measureMemory(workload: Workload, mode: MemoryMode, n: number, warmCache: string): MemoryUse {
  const folder = mode === "cold" ? mkdtempSync(path.join(os.tmpdir(), "dotcompute-bench-")) : warmCache;
  try {
    const args = ["--expose-gc", process.argv[1] as string, MEMORY_SWITCH, workload.name, mode, String(n), folder];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`measuring the memory of ${workload.name} failed: ${stderr}`);
    return JSON.parse(stdout) as MemoryUse;
  } finally {
    if (mode === "cold") rmSync(folder, { recursive: true, force: true });
  }
}

/** In the child: measures and prints. */
export function memoryChild([name, mode, n, cacheFolder]: readonly string[]): void {
  const workload = WORKLOADS.find(one => one.name === name);
  if (workload === undefined || n === undefined) throw new Error(`there is no workload ${String(name)}`);
  const runtime = createRuntime({ cacheFolder });
  globalThis.gc?.();
  // Forgets the peak so far, which is that of Node's own start.
  writeFileSync("/proc/self/clear_refs", "5");
  const before = statusBytes("VmRSS");
  const { query, into, read } = workload.prepare(runtime, Number(n));
  const result = mode === "into" && into !== null ? into.query() : query();
  const peak = statusBytes("VmHWM") - before;
  const outputs = typeof result === "number" ? 0 : result.byteLength;
  process.stdout.write(JSON.stringify({ mode, inputs: read, outputs, peak }));
}

function statusBytes(field: string): number {
  const match = new RegExp(`^${field}:\\s*(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(match?.[1]) * 1024;
}
