/** What runs kernels, as a runtime uses it: the library's own backends and those that a program brings along. */
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import type { Mover } from "../table/move.js";
import type { BackendName } from "./backend.js";
import type { MemoryUsage } from "./cpu/addon.js";
import type { Device } from "./cuda/devices.js";

/** `script`: JavaScript's own engine. `processor`: native code on the host. `device`: something with memory of its own, which may be lost. */
export type AcceleratorKind = "script" | "processor" | "device";

/** A compiled kernel, as an accelerator gives it. */
export interface Runnable {
  /**
   * Runs now, on the calling thread. What a lambda itself does wrong is thrown as it is, a RangeError (`outOfRange`, or the engine's own of
   * BigInts); what the accelerator does as a BackendError, and another one runs the kernel. Whatever else is thrown is taken for the latter: DC407.
   */
  run(call: KernelCall): KernelResult;
  /** Runs without blocking the calling thread; rejects with the signal's reason once it is aborted. Left out: `run` is called. */
  start?(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult>;
}

export interface AcceleratorMemory {
  /** Bytes that the device has; null where it is the host's. */
  readonly total: number | null;
  /** Bytes of them that nobody uses. */
  readonly free: number | null;
  /** The memory that is kept for later results; null where none is. */
  readonly pool: MemoryUsage | null;
}

export interface CompileHow {
  /** Nobody waits for it yet: the process may end meanwhile, and the compiler with it. */
  readonly background?: boolean;
}

/**
 * An accelerator. Only its name and `compile` have to be there: one that leaves `compileAsync` out compiles in no time, so its kernels
 * are ready for their first run; one that has it is compiled for in the background, while others run the kernel.
 *
 * @example
 * const interpreter: Accelerator = { name: "interpreter", compile: kernel => ({ run: call => interpret(kernel, call) }) };
 * const runtime = createRuntime({ plugins: [interpreter], backend: ["interpreter", "cpu"] });
 */
export interface Accelerator {
  /** Which `backend` and `.on()` call it by. */
  readonly name: BackendName;
  /** By default `processor`. */
  readonly kind?: AcceleratorKind;
  /** By default true. */
  readonly available?: boolean;
  /** Why it is not available; null if it is. */
  readonly reason?: string | null;
  /** What it cannot do although it is available, in words that follow its name: compile, for one. Null or left out if nothing. */
  readonly lacks?: string | null;
  /** What kernels run on, where it has a name. */
  readonly device?: { readonly name: string } | null;
  /** All its devices. @internal */
  devices?(): readonly Device[];
  /** Where a kernel runs, `on …`; by default on that device. @internal */
  inWords?(kernel: Kernel): string;
  /** By how many threads a run may be shared; one if left out. */
  readonly threads?: number;
  /** For which instruction set its code is, in words; null or left out where it is for the very machine. */
  readonly level?: string | null;
  /** Its memory; null if it says nothing of it. */
  memory?(): AcceleratorMemory | null;
  /** The kernel, if it is compiled already: in memory or on disk. Never starts a compiler. */
  cached?(kernel: Kernel): Runnable | null;
  /** Compiles and waits. Throws BackendError for a kernel that it cannot run. */
  compile(kernel: Kernel): Runnable;
  /** Compiles beside the calling thread. With `background` that does not keep this process alive. */
  compileAsync?(kernel: Kernel, how?: CompileHow): Promise<Runnable>;
  /** Moves the rows of tables natively, between kernels. @internal */
  readonly mover?: Mover | null;
  /** Whether calls may hold buffers that only it can read (see KernelCall.resident). @internal */
  readonly readsBuffers?: boolean;
  /** Ends the compilers that are at work for it, and starts none from then on: the runtime is being disposed of, and nobody waits for them. Those that go on are waited for. */
  stop?(): void;
  /** Gives back what it holds. */
  [Symbol.asyncDispose]?(): PromiseLike<void>;
}

/** An accelerator that is made when it is first needed. What `create` throws is why it is not available. */
export interface AcceleratorMaker {
  readonly name: BackendName;
  create(): Accelerator;
}
