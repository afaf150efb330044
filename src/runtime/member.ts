/** An accelerator as a member of one runtime: made when it is first needed, and known to be well or not. */
import { BackendError, QueryError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { messageOf } from "../../fusion/thrown.js";
import type { Accelerator, AcceleratorKind, AcceleratorMemory, CompileHow, Runnable } from "../backends/accelerator.js";
import { isOwn, type BackendName, type CompiledKernel, type KernelCall, type KernelResult } from "../backends/backend.js";
import { overlaid } from "../backends/decorate.js";
import { blamed, checkedAccelerator, checkedMemory, checkedResult, checkedRunnable, failureOf } from "../backends/handed.js";
import { Making } from "../backends/making.js";
import { describe } from "../query/given.js";
import type { BreakerState } from "./breaker.js";
import { Events } from "./events.js";
import { Health } from "./health.js";
import { reasonOf } from "./reasons.js";
import { unlessAborted, within } from "./waiting.js";

/** An accelerator, as a runtime sees it. */
export interface AcceleratorState {
  readonly name: BackendName;
  readonly kind: AcceleratorKind;
  readonly available: boolean;
  /** Why it is not available, or runs nothing any more; of one that is, what it cannot do (without a compiler cpu only runs what has been compiled before); null if there is nothing to say. */
  readonly reason: string | null;
  /** The device's name; null where there is none. */
  readonly device: string | null;
  /** By how many threads one run may be shared. */
  readonly threads: number;
  /** What memory it has, and what it keeps of it; null if it does not say. */
  readonly memory: AcceleratorMemory | null;
  /** Whether it is given runs: `open` not for a while, since it keeps failing; `half-open` one, to see. */
  readonly breaker: BreakerState["kind"];
  /** The place in which this runtime tries it for a kernel, from 0 on; null if only a query's `.on()` uses it. */
  readonly place: number | null;
}

/** Accelerators of a runtime's own are known by what they are made under. */
export type Backend = Omit<Accelerator, "name">;

/** Gives an accelerator for an accelerator: the same, or one around it. */
export type Decorate = (accelerator: Accelerator) => Accelerator;

/** What a runtime does with all its accelerators. */
export interface Treatment {
  readonly decorate?: Decorate | undefined;
  /** Milliseconds after which compilers are given up; null, or left out, for never. */
  readonly compileTimeLimit?: number | null;
  /** Who is told how long plugins compile: the library's own backends tell of themselves. */
  readonly events?: Events | undefined;
  /** What becomes of kernels before anybody runs them. */
  readonly validate?: ((compiled: CompiledKernel) => CompiledKernel) | undefined;
}

export class Member extends Health {
  private made: Backend | null = null;
  private readonly own: boolean;
  private readonly compiling = new Map<Kernel, Promise<CompiledKernel>>();
  /** Those of them that nobody waits for. */
  private readonly abandoned = new WeakSet<Promise<CompiledKernel>>();
  /** What came of stopping its compilers. */
  private stopped: Promise<BackendError | null> = Promise.resolve(null);

  constructor(
    readonly name: BackendName,
    private readonly make: () => Backend,
    private readonly how: Treatment = {},
  ) {
    super();
    this.own = isOwn(name);
  }

  /** Makes it, if it has not been needed yet. One that cannot be made is not available. */
  get accelerator(): Backend {
    if (this.made === null) {
      try {
        const made = this.own ? this.make() : checkedAccelerator(this.make(), this.name, "create()");
        this.made = this.how.decorate === undefined ? made : checked(this.how.decorate(overlaid(made as Accelerator, { name: this.name })));
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
    try {
      const { available = true, reason } = this.accelerator;
      return available ? null : (reason ?? `the ${this.name} backend is not available`);
    } catch (error) {
      return reasonOf(this.thrownBy(error, "telling whether it is available"));
    }
  }

  /** Whether it may fail half way through a run, which another backend then begins anew. */
  get mayStop(): boolean {
    return this.how.decorate !== undefined || (this.name !== "cpu" && this.name !== "js");
  }

  /** The kernel, if there is no need to wait for it. */
  cached(kernel: Kernel): CompiledKernel | null {
    try {
      const accelerator = this.usable();
      if (accelerator.compileAsync === undefined) return this.compile(kernel);
      const found = accelerator.cached?.(kernel) ?? null;
      return found === null ? null : this.adopt(found, kernel, "cached()");
    } catch (error) {
      throw this.thrownBy(error, "cached()", kernel);
    }
  }

  compile(kernel: Kernel): CompiledKernel {
    const accelerator = this.usable();
    if (this.own) return this.compiled(accelerator, kernel);
    return this.making(kernel).compiledNow(() => this.compiled(accelerator, kernel));
  }

  private compiled(accelerator: Backend, kernel: Kernel): CompiledKernel {
    try {
      return this.adopt(accelerator.compile(kernel), kernel, "compile()");
    } catch (error) {
      throw this.thrownBy(error, "compile()", kernel);
    }
  }

  /** As `compileAsync`, for a run. Once that is called off its compiler is not waited for, at the end of the runtime either, if it is a plugin's. */
  async compileFor(kernel: Kernel, signal: AbortSignal | undefined): Promise<CompiledKernel> {
    const work = this.compileAsync(kernel);
    if (this.own) return work;
    try {
      return await unlessAborted(work, signal);
    } catch (error) {
      if (signal?.aborted === true) this.abandoned.add(work);
      throw error;
    }
  }

  /** Asked again while it is at work, it compiles nothing anew. */
  compileAsync(kernel: Kernel, how?: CompileHow): Promise<CompiledKernel> {
    // The C++ compilers' own backend knows itself, and waits for them in the foreground once it is asked to.
    const begun = this.name === "cpu" ? undefined : this.compiling.get(kernel);
    if (begun !== undefined) return begun;
    const work = this.compileAnew(kernel, how).finally(() => this.compiling.delete(kernel));
    this.compiling.set(kernel, work);
    return work;
  }

  private async compileAnew(kernel: Kernel, how: CompileHow | undefined): Promise<CompiledKernel> {
    const accelerator = this.usable();
    if (accelerator.compileAsync === undefined) return this.compile(kernel);
    if (this.own) return this.compiledInTime(accelerator.compileAsync(kernel, how), kernel, how);
    // A plugin's may give its kernel at once.
    return this.making(kernel).compiledLater(() => this.compiledInTime((async () => accelerator.compileAsync?.(kernel, how))(), kernel, how));
  }

  private async compiledInTime(work: Promise<unknown>, kernel: Kernel, how: CompileHow | undefined): Promise<CompiledKernel> {
    try {
      return await this.compiledWithin(work, kernel, how);
    } catch (error) {
      throw this.thrownBy(error, "compileAsync()", kernel);
    }
  }

  private async compiledWithin(work: Promise<unknown>, kernel: Kernel, how: CompileHow | undefined): Promise<CompiledKernel> {
    const { compileTimeLimit: limit = null } = this.how;
    const tooLong = (): BackendError => new BackendError("DC402", `its compiler took longer than ${limit} ms`);
    return this.adopt(await (limit === null ? work : within(work, limit, how?.background !== true, tooLong)), kernel, "compileAsync()");
  }

  private making(kernel: Kernel): Making {
    return new Making(this.how.events ?? new Events(), this.name, [kernel]);
  }

  /** Takes no runs any more, and stops its compilers where it can. */
  override close(): void {
    super.close();
    this.stopped = this.atItsEnd("stop()", () => this.made?.stop?.());
  }

  /** Gives back what it holds, once no compiler is at work that cannot be stopped. It is not made anew. Gives what failed of its end. */
  async end(): Promise<readonly BackendError[]> {
    await Promise.allSettled([...this.compiling.values()].filter(work => !this.abandoned.has(work)));
    const failures = [await this.stopped, await this.atItsEnd("[Symbol.asyncDispose]()", () => this.made?.[Symbol.asyncDispose]?.())];
    return failures.filter(failure => failure !== null);
  }

  /** What fails is given, and not thrown: others have to end, too. */
  private async atItsEnd(what: string, end: () => unknown): Promise<BackendError | null> {
    try {
      await end();
      return null;
    } catch (error) {
      const foreign = !this.own || this.how.decorate !== undefined;
      return new BackendError(foreign ? "DC407" : "DC406", `${foreign ? blamed(this.name) : `the ${this.name} backend`} failed at its end, in ${what}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** `place`: in the order in which the runtime tries backends. */
  state(place: number | null): AcceleratorState {
    const { name, breaker } = this;
    const known = { name, breaker: breaker.kind, place };
    try {
      const { accelerator, kind, reason } = this;
      const { memory, fault } = reason === null ? this.memory() : { memory: null, fault: null };
      return { ...known, kind, available: reason === null, reason: reason ?? fault ?? accelerator.lacks ?? null, device: accelerator.device?.name ?? null, threads: accelerator.threads ?? 1, memory };
    } catch (error) {
      // Whoever asks about all of them is to hear of the others.
      return { ...known, kind: "processor", available: false, reason: reasonOf(this.thrownBy(error, "telling of itself")), device: null, threads: 1, memory: null };
    }
  }

  /** `fault`: what is wrong with what it says of its memory; null if nothing is. */
  private memory(): { readonly memory: AcceleratorMemory | null; readonly fault: string | null } {
    try {
      return { memory: checkedMemory(this.asked(), this.name), fault: null };
    } catch (error) {
      return { memory: null, fault: reasonOf(this.thrownBy(error, "memory()")) };
    }
  }

  private asked(): unknown {
    try {
      return this.accelerator.memory?.();
    } catch (error) {
      // A device that is lost while it is asked has none.
      if (this.isPlain || error instanceof BackendError) return null;
      throw error;
    }
  }

  /** Whether it is one of the library's own backends, as that is. */
  private get isPlain(): boolean {
    return this.own && this.how.decorate === undefined;
  }

  /** What it threw, as it is thrown on. `from`: what threw it. */
  private thrownBy(error: unknown, from: string, kernel: Kernel | null = null): unknown {
    return this.isPlain ? error : failureOf(error, this.name, from, kernel);
  }

  private usable(): Backend {
    const { reason } = this;
    if (reason !== null) throw new BackendError("DC402", reason);
    return this.accelerator;
  }

  /** `from`: what has given it. */
  private adopt(given: unknown, kernel: Kernel, from: string): CompiledKernel {
    const compiled = this.isOwnKernel(given) ? given : new AdoptedKernel(this.name, kernel, checkedRunnable(given, this.name, from), this.own);
    return this.how.validate?.(compiled) ?? compiled;
  }

  /** Whether it comes from one of the library's own backends as it is. */
  private isOwnKernel(given: unknown): given is CompiledKernel {
    return this.own && typeof given === "object" && given !== null && "backend" in given && given.backend === this.name && "kernel" in given;
  }
}

function checked(accelerator: unknown): Accelerator {
  if (typeof accelerator === "object" && accelerator !== null && "compile" in accelerator && typeof accelerator.compile === "function") return accelerator as Accelerator;
  throw new QueryError("DC305", `the option decorate of createRuntime() gave ${describe(accelerator)} for an accelerator`, "Give the accelerator itself, or one around it: plugin.decorated(accelerator, { run: … }).");
}

const notThere = (reason: string): Backend => ({
  available: false,
  reason,
  compile() {
    throw new BackendError("DC402", reason);
  },
});

/** A kernel of a plugin's, or of what goes around an accelerator: completed, and its results checked. */
class AdoptedKernel implements CompiledKernel {
  constructor(
    readonly backend: BackendName,
    readonly kernel: Kernel,
    private readonly runnable: Runnable,
    /** Whether one of the library's own is behind it. */
    private readonly own: boolean,
  ) {}

  run(call: KernelCall): KernelResult {
    try {
      return this.checked(this.runnable.run(call), "run()", call);
    } catch (error) {
      throw failureOf(error, this.backend, "run()", this.kernel);
    }
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    signal?.throwIfAborted();
    try {
      if (this.runnable.start === undefined) return this.run(call);
      const work = this.runnable.start(call, signal);
    // The library's own come to their end, and use the caller's memory until then. Of a plugin nobody knows.
    return this.checked(await (this.own ? work : unlessAborted(Promise.resolve(work), signal)), "start()", call);
    } catch (error) {
      throw signal?.aborted === true && error === signal.reason ? error : failureOf(error, this.backend, "start()", this.kernel);
    }
  }

  private checked(given: unknown, from: string, call: KernelCall): KernelResult {
    return checkedResult(given, this.backend, from, this.kernel, call);
  }
}
