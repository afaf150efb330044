/** An accelerator as a member of one runtime: made when it is first needed, and known to be well or not. */
import { BackendError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import type { Accelerator, AcceleratorKind, AcceleratorMemory, CompileHow, Runnable } from "../backends/accelerator.js";
import type { BackendName, CompiledKernel, KernelCall, KernelResult } from "../backends/backend.js";
import { reasonOf } from "./reasons.js";

/** An accelerator, as a runtime sees it. */
export interface AcceleratorState {
  readonly name: BackendName;
  readonly kind: AcceleratorKind;
  readonly available: boolean;
  /** Why it is not available, or runs nothing any more; null if it is. */
  readonly reason: string | null;
  /** The device's name; null where there is none. */
  readonly device: string | null;
  /** By how many threads one run may be shared. */
  readonly threads: number;
  /** What memory it has, and what it keeps of it; null if it does not say. */
  readonly memory: AcceleratorMemory | null;
  /** The place in which this runtime tries it for a kernel, from 0 on; null if only a query's `.on()` uses it. */
  readonly place: number | null;
}

/** Accelerators of a runtime's own are known by what they are made under. */
export type Backend = Omit<Accelerator, "name">;

export class Member {
  /** Whether kernels may be given to it. */
  up = true;
  /** Why it runs nothing any more; null if it does. */
  gone: string | null = null;
  /** Whether the log has told of a loss. */
  told = false;
  private made: Backend | null = null;

  constructor(
    readonly name: BackendName,
    private readonly make: () => Backend,
    /** What becomes of its kernels before anybody runs them. */
    private readonly watch: (compiled: CompiledKernel) => CompiledKernel = compiled => compiled,
  ) {}

  /** Makes it, if it has not been needed yet. One that cannot be made is not available. */
  get accelerator(): Backend {
    if (this.made === null) {
      try {
        this.made = this.make();
      } catch (error) {
        this.made = notThere(reasonOf(error));
      }
    }
    return this.made;
  }

  get kind(): AcceleratorKind {
    return this.accelerator.kind ?? "processor";
  }

  /** Why it cannot be used; null if it can. */
  get reason(): string | null {
    if (this.gone !== null) return this.gone;
    const { available = true, reason } = this.accelerator;
    return available ? null : (reason ?? `the ${this.name} backend is not available`);
  }

  /** Whether it may fail half way through a run, which another backend then begins anew. */
  get mayStop(): boolean {
    return this.name !== "cpu" && this.name !== "js";
  }

  /** The kernel, if there is no need to wait for it. */
  cached(kernel: Kernel): CompiledKernel | null {
    const accelerator = this.usable();
    const found = accelerator.compileAsync === undefined ? accelerator.compile(kernel) : (accelerator.cached?.(kernel) ?? null);
    return found === null ? null : this.adopt(found, kernel);
  }

  compile(kernel: Kernel): CompiledKernel {
    return this.adopt(this.usable().compile(kernel), kernel);
  }

  async compileAsync(kernel: Kernel, how?: CompileHow): Promise<CompiledKernel> {
    const accelerator = this.usable();
    return this.adopt((await accelerator.compileAsync?.(kernel, how)) ?? accelerator.compile(kernel), kernel);
  }

  /** It runs nothing any more. */
  retire(reason: string): void {
    this.gone = reason;
    this.up = false;
  }

  /** `place`: in the order in which the runtime tries backends. */
  state(place: number | null): AcceleratorState {
    const { accelerator, name, kind, reason } = this;
    return { name, kind, available: reason === null, reason, device: accelerator.device?.name ?? null, threads: accelerator.threads ?? 1, memory: this.memory(), place };
  }

  private memory(): AcceleratorMemory | null {
    if (this.reason !== null) return null;
    try {
      return this.accelerator.memory?.() ?? null;
    } catch {
      // A device that is lost while it is asked has none.
      return null;
    }
  }

  private usable(): Backend {
    const { reason } = this;
    if (reason !== null) throw new BackendError("DC402", reason);
    return this.accelerator;
  }

  private adopt(runnable: Runnable, kernel: Kernel): CompiledKernel {
    return this.watch(isCompiled(runnable, this.name) ? runnable : new AdoptedKernel(this.name, kernel, runnable));
  }
}

const notThere = (reason: string): Backend => ({
  available: false,
  reason,
  compile() {
    throw new BackendError("DC402", reason);
  },
});

const isCompiled = (runnable: Runnable, backend: BackendName): runnable is CompiledKernel => "backend" in runnable && runnable.backend === backend && "kernel" in runnable && runnable.start !== undefined;

/** A plugin's kernel, completed. */
class AdoptedKernel implements CompiledKernel {
  constructor(
    readonly backend: BackendName,
    readonly kernel: Kernel,
    private readonly runnable: Runnable,
  ) {}

  run(call: KernelCall): KernelResult {
    return this.runnable.run(call);
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    signal?.throwIfAborted();
    return this.runnable.start === undefined ? this.runnable.run(call) : this.runnable.start(call, signal);
  }
}
