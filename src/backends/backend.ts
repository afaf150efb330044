/** What a backend is: it compiles kernels, and compiled kernels run on arrays. */
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";

export type { KernelCall, KernelResult } from "../../fusion/call.js";

export type BackendName = "js" | "cpu" | "cuda";

export const BACKEND_NAMES: readonly BackendName[] = ["js", "cpu", "cuda"];

/** `"js", "cpu" and "cuda"`, for messages. */
export const QUOTED_BACKENDS = `${BACKEND_NAMES.slice(0, -1).map(name => JSON.stringify(name)).join(", ")} and ${JSON.stringify(BACKEND_NAMES.at(-1))}`;

export interface CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;
  /** Runs now, on the calling thread. Throws RangeError where the lambda's own reads and divisions do. */
  run(call: KernelCall): KernelResult;
  /** Runs without blocking the calling thread; rejects with the signal's reason once it is aborted. */
  start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult>;
}
