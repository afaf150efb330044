/** Builds the fake CUDA driver of cuda-fake.cpp, tells it how to behave, and reads what it was asked. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { openDriver, openNative, type CudaContext, type CudaDriver } from "../../src/backends/cuda/driver.js";
import { compiler } from "./toolchain.js";

const SOURCE = fileURLToPath(new URL("cuda-fake.cpp", import.meta.url));

/** Why the fake cannot be used here; null if it can. */
export const unavailable: string | null = openNative().reason ?? (compiler === null ? "there is no C++ compiler" : null);

export interface FakeSettings {
  readonly init?: number;
  readonly devices?: number;
  readonly pools?: 0 | 1;
  /** So many questions until work is done. */
  readonly delay?: number;
  /** This call fails with `code`, after so many calls that go well. */
  readonly fail?: string;
  readonly after?: number;
  readonly code?: number;
  /** Bytes of device memory. */
  readonly memory?: number;
  readonly pinned?: 0 | 1;
  /** Work never ends. */
  readonly hang?: 0 | 1;
}

export class Fake {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-cuda-"));
  readonly library = path.join(this.folder, "libcuda.so.1");
  private copies = 0;

  constructor() {
    this.build(this.library);
    this.set({});
    writeFileSync(path.join(this.folder, "log"), "");
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  build(library: string, ...flags: readonly string[]): void {
    execFileSync(compiler as string, ["-std=c++20", "-O1", "-shared", "-fPIC", `-DFOLDER="${this.folder}"`, ...flags, "-o", library, SOURCE], { stdio: "pipe" });
  }

  set(settings: FakeSettings): void {
    writeFileSync(path.join(this.folder, "settings"), Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(""));
  }

  /** A driver of its own: the linker tells libraries apart by their files. */
  copy(): string {
    const file = path.join(this.folder, `libcuda-${++this.copies}.so`);
    copyFileSync(this.library, file);
    return file;
  }

  driver(): CudaDriver {
    const { driver, reason } = openDriver({ driver: this.copy() });
    if (driver === null) throw new Error(reason);
    return driver;
  }

  context(): CudaContext {
    return this.driver().open(0);
  }

  /** The calls since the last time this was asked. */
  calls(): readonly string[] {
    const lines = readFileSync(path.join(this.folder, "log"), "utf8").split("\n").slice(0, -1);
    const calls = lines.slice(this.seen);
    this.seen = lines.length;
    return calls;
  }
  private seen = 0;
}

/** The fake's only kernel adds `value` to `count` doubles. */
export function addParameters(address: bigint, count: number, value: number): Uint8Array {
  const bytes = new ArrayBuffer(24);
  new BigUint64Array(bytes).set([address, BigInt(count)]);
  new Float64Array(bytes)[2] = value;
  return new Uint8Array(bytes);
}

export const IMAGE = new TextEncoder().encode("fake");
export const ONE = { grid: [1, 1, 1], block: [32, 1, 1] } as const;
