/** What a backend is: it compiles kernels, and compiled kernels run on arrays. */
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import { CudaError } from "./cuda/errors.js";

export type { KernelCall, KernelResult } from "../../fusion/call.js";

/** The library's own. */
export type OwnBackend = "js" | "cpu" | "cuda";

/** The library's own, or a plugin's. (Written so that editors offer the library's own.) */
export type BackendName = OwnBackend | (string & {});

export const OWN_BACKENDS: readonly OwnBackend[] = ["js", "cpu", "cuda"];

export const isOwn = (name: BackendName): name is OwnBackend => (OWN_BACKENDS as readonly BackendName[]).includes(name);

/** `"js", "cpu" and "cuda"`, for messages. */
export const quotedBackends = (names: readonly BackendName[]): string => `${names.slice(0, -1).map(name => JSON.stringify(name)).join(", ")} and ${JSON.stringify(names.at(-1))}`;

export interface CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;
  /** Runs now, on the calling thread. Throws RangeError where the lambda's own reads and divisions do. */
  run(call: KernelCall): KernelResult;
  /** Runs without blocking the calling thread; rejects with the signal's reason once it is aborted. */
  start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult>;
}

/** How much of what a backend might run cannot be run after a failure: this run alone, the kernel, or anything. */
export type Reach = "run" | "kernel" | "backend";

export function reachOf(error: unknown): Reach {
  if (!(error instanceof CudaError)) return "kernel";
  switch (error.kind) {
    case "transient":
    case "resource":
      return "run";
    case "programmer":
      return "kernel";
    case "fatal":
      return "backend";
    default:
      return error.kind satisfies never;
  }
}
