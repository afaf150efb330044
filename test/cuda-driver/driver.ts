/**
 * The stand-in CUDA driver of the tests (a PTX interpreter, never a GPU), called as a C program would call a driver.
 * See README.md in this folder.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

type Word = number | bigint | string | NodeJS.TypedArray | ArrayBuffer | null;

interface Control {
  open(library: string): bigint;
  call(library: bigint, name: string, ...words: readonly Word[]): number;
  address(memory: NodeJS.TypedArray): bigint;
}

interface Traffic {
  readonly elements: number;
  readonly bytes: number;
  readonly transactions: number;
}

/** What the stand-in has counted since the last reset; `alive…`, `streams` and so on are of now. */
export interface Counters {
  readonly loads: Traffic;
  readonly stores: Traffic;
  readonly atomics: Traffic;
  readonly instructions: number;
  readonly launches: number;
  readonly allocations: number;
  readonly peakBytes: number;
  readonly modulesLoaded: number;
  readonly bytesToDevice: number;
  readonly bytesToHost: number;
  readonly bytesOnDevice: number;
  /** Of these, from one device to another. */
  readonly bytesBetween: number;
  readonly aliveBytes: number;
  readonly aliveHostBytes: number;
  readonly aliveAllocations: number;
  readonly aliveHostAllocations: number;
  readonly streams: number;
  readonly events: number;
  readonly modules: number;
  readonly contexts: number;
  /** The call that `failCall` has let fail; empty if none. */
  readonly failedCall: string;
}

/** What a device of the stand-in is called. */
export const DEVICE_NAME = "PTX interpreter (test)";

/** A kernel's argument: an array goes to the device and comes back, `u32(…)` and the like are values. */
export type Argument = NodeJS.TypedArray | { readonly value: NodeJS.TypedArray };
export const u32 = (x: number): Argument => ({ value: new Uint32Array([x]) });
export const u64 = (x: bigint): Argument => ({ value: new BigUint64Array([x]) });
export const f32 = (x: number): Argument => ({ value: new Float32Array([x]) });
export const f64 = (x: number): Argument => ({ value: new Float64Array([x]) });

export interface Shape {
  readonly grid?: number;
  readonly block?: number;
  readonly shared?: number;
}

/** What a driver's function failed with. */
export class DriverError extends Error {
  constructor(
    readonly call: string,
    readonly result: number,
    readonly words: string,
  ) {
    super(`${call} gave ${result}: ${words}`);
  }
}

export class TestDriver {
  private readonly control: Control;
  private readonly library: bigint;
  readonly modules = new Map<string, bigint>();

  constructor(folder: string) {
    this.control = createRequire(import.meta.url)(path.join(folder, "control.node")) as Control;
    this.library = this.control.open(path.join(folder, "libcuda.so.1"));
  }

  /** The function's result. */
  result(name: string, ...words: readonly Word[]): number {
    return this.control.call(this.library, name, ...words);
  }

  /** Throws where the result is not 0. */
  call(name: string, ...words: readonly Word[]): void {
    const result = this.result(name, ...words);
    if (result !== 0) throw new DriverError(name, result, this.lastFault());
  }

  /** Calls a function that writes a 64-bit word through its first pointer. */
  get(name: string, ...words: readonly Word[]): bigint {
    const out = new BigUint64Array(1);
    this.call(name, out, ...words);
    return out[0] ?? 0n;
  }

  address(memory: NodeJS.TypedArray): bigint {
    return this.control.address(memory);
  }

  configure(settings: Readonly<Record<string, number | boolean | string>>): void {
    this.call("ptxTestConfigure", JSON.stringify(settings));
  }

  private words(name: string): string {
    const room = new Uint8Array(1 << 16);
    const bytes = this.result(name, room, room.length);
    return Buffer.from(room.subarray(0, Math.min(bytes, room.length) - 1)).toString();
  }

  lastFault(): string {
    return this.words("ptxTestLastFault");
  }

  /** The calls since `failCall` was set, to other than 0. */
  calls(): readonly string[] {
    return this.words("ptxTestCalls").split("\n").slice(0, -1);
  }

  counters(): Counters {
    return JSON.parse(this.words("ptxTestCounters")) as Counters;
  }

  /** Settings and counters as at the start, a fresh context of device 0 as the current one. */
  fresh(settings: Readonly<Record<string, number | boolean | string>> = {}): void {
    this.call("ptxTestReset");
    this.configure({ devices: 3 });
    this.call("cuInit", 0);
    for (let device = 0; device < 3; device++) this.result("cuDevicePrimaryCtxReset_v2", device);
    this.call("ptxTestReset");
    this.configure(settings);
    this.call("cuInit", 0);
    this.modules.clear();
    this.call("cuCtxSetCurrent", this.get("cuDevicePrimaryCtxRetain", 0));
  }

  load(ptx: string): bigint {
    const known = this.modules.get(ptx);
    if (known !== undefined) return known;
    const loaded = this.get("cuModuleLoadDataEx", ptx, 0, null, null);
    this.modules.set(ptx, loaded);
    return loaded;
  }

  function(ptx: string, name: string): bigint {
    return this.get("cuModuleGetFunction", this.load(ptx), name);
  }

  /** Hands the arrays over, runs the kernel, waits, and reads the arrays back into where they were. */
  launch(ptx: string, name: string, shape: Shape, ...given: readonly Argument[]): void {
    const kernel = this.function(ptx, name);
    const arrays: { address: bigint; array: NodeJS.TypedArray }[] = [];
    const values = given.map(argument => {
      if ("value" in argument) return argument.value;
      const address = this.get("cuMemAlloc_v2", Math.max(1, argument.byteLength));
      if (argument.byteLength > 0) this.call("cuMemcpyHtoD_v2", address, argument, argument.byteLength);
      arrays.push({ address, array: argument });
      return new BigUint64Array([address]);
    });
    const pointers = new BigUint64Array(values.map(value => this.address(value)));
    this.call("cuLaunchKernel", kernel, shape.grid ?? 1, 1, 1, shape.block ?? 32, 1, 1, shape.shared ?? 0, null, pointers, null);
    this.call("cuCtxSynchronize");
    for (const { address, array } of arrays) {
      if (array.byteLength > 0) this.call("cuMemcpyDtoH_v2", array, address, array.byteLength);
      this.call("cuMemFree_v2", address);
    }
  }
}

/** Compilers do not run under a sanitizer that is meant for this process. */
const { LD_PRELOAD: _, ...withoutPreload } = process.env;
const HERE = path.dirname(fileURLToPath(import.meta.url));

/** Builds what has changed; gives the stand-in, or says why there is none. */
export function testDriver(): { readonly driver: TestDriver; readonly reason: "" } | { readonly driver: null; readonly reason: string } {
  // Needs libasan loaded beforehand, by LD_PRELOAD.
  const sanitize = process.env["DOTCOMPUTE_TEST_CUDA_SANITIZE"] === "1";
  const { status, stderr } = spawnSync(process.execPath, [path.join(HERE, "build.mjs"), ...(sanitize ? ["--sanitize"] : [])], { encoding: "utf8", env: withoutPreload });
  if (status !== 0) return { driver: null, reason: stderr.trim().split("\n").at(-1) ?? "it could not be built" };
  return { driver: new TestDriver(path.join(HERE, "../../build", sanitize ? "cuda-driver-sanitize" : "cuda-driver")), reason: "" };
}

/** Whether nvcc can compile here: it uses the same front end as NVRTC. */
export const hasNvcc = spawnSync("nvcc", ["--version"]).status === 0;

/** CUDA C to PTX, without fused multiply-add. */
export function compile(text: string, architecture = 75): string {
  const folder = mkdtempSync(path.join(tmpdir(), "dotcompute-ptx-"));
  try {
    const [from, to] = [path.join(folder, "kernel.cu"), path.join(folder, "kernel.ptx")];
    writeFileSync(from, text);
    const { status, stderr } = spawnSync("nvcc", ["-ptx", `-arch=compute_${architecture}`, "--fmad=false", "-std=c++17", from, "-o", to], { encoding: "utf8", env: withoutPreload });
    if (status !== 0) throw new Error(stderr);
    return readFileSync(to, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
