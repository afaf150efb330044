/** What a backend is: it compiles kernels, and compiled kernels run on arrays. */
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";

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
