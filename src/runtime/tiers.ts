/**
 * Which backend runs a kernel. A cold kernel runs at once on the JavaScript backend while the compiler works in the background;
 * a warm one runs native. A backend that is missing or fails never takes a query down, unless the query insists on it.
 */
import { BackendError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { hasLoops } from "../../fusion/traverse.js";
import type { BackendName, CompiledKernel } from "../backends/backend.js";

/** The JavaScript backend, as the runtime uses it: it can always run, and compiles in no time. */
export interface ScriptBackend {
  compile(kernel: Kernel): CompiledKernel;
}

/** The C++ backend, as the runtime uses it. */
export interface NativeBackend {
  readonly available: boolean;
  /** Why it is not available; null if it is. */
  readonly reason: string | null;
  /** The kernel, if it is compiled already: in memory or on disk. Never starts a compiler. */
  cached(kernel: Kernel): CompiledKernel | null;
  /** Compiles and waits. Throws BackendError. */
  compile(kernel: Kernel): CompiledKernel;
  /** Compiles in another process; the same kernel only once at a time. With `background` that does not keep this process alive. */
  compileAsync(kernel: Kernel, options?: { readonly background?: boolean }): Promise<CompiledKernel>;
}

/** The CUDA backend, as the runtime uses it: only where it is insisted on. */
export type DeviceBackend = NativeBackend & {
  /** What kernels run on; null if there is none. */
  readonly device: { readonly name: string } | null;
};

/** What is known of one kernel in one runtime. */
export interface KernelSlot {
  readonly kernel: Kernel;
  /** Loops make few elements expensive. */
  readonly heavy: boolean;
  script: CompiledKernel | null;
  native: CompiledKernel | null;
  device: CompiledKernel | null;
  /** `new`: the cache has not been asked. `lost`: the native backend will not be tried again for this kernel. */
  state: "new" | "cold" | "compiling" | "ready" | "lost";
  /** With `lost`: why. */
  reason: string;
  runs: number;
}

export const newSlot = (kernel: Kernel): KernelSlot => ({
  kernel,
  heavy: hasLoops(kernel.body),
  script: null,
  native: null,
  device: null,
  state: "new",
  reason: "",
  runs: 0,
});

export interface Choice {
  readonly backend: BackendName;
  /** Why this one, to be read after `cpu: ` or `js: `. */
  readonly reason: string;
}

/** From this many elements on, a cold kernel is compiled the first time it runs. */
const LARGE = 4096;

export class Tiers {
  /** Kernels that are being compiled in the background. */
  private readonly pending = new Map<Kernel, Promise<void>>();
  private warned = false;
  private scriptBackend: ScriptBackend | null = null;
  private nativeBackend: NativeBackend | null = null;
  private deviceBackend: DeviceBackend | null = null;

  constructor(
    private readonly makeScript: () => ScriptBackend,
    private readonly makeNative: () => NativeBackend,
    private readonly makeDevice: () => DeviceBackend,
    /** What the whole runtime insists on. */
    private readonly insists: BackendName | null,
    private readonly log: (line: string) => void,
  ) {}

  /** The compiled kernel that runs now. `length`: how many elements it will see. */
  choose(slot: KernelSlot, length: number, insists: BackendName | null): CompiledKernel {
    const wanted = insists ?? this.insists;
    if (wanted === null) return slot.native ?? this.chooseCold(slot, length);
    if (wanted === "cuda") return this.onDevice(slot);
    return wanted === "js" ? this.script(slot) : (slot.native ?? this.compileNow(slot));
  }

  /** As `choose`, for a run off the main thread: an insisted-on compile does not block it. */
  async chooseAsync(slot: KernelSlot, length: number, insists: BackendName | null): Promise<CompiledKernel> {
    const wanted = insists ?? this.insists;
    if (wanted === "cuda") return this.onDeviceLater(slot);
    if (wanted !== "cpu" || slot.native !== null) return this.choose(slot, length, insists);
    const cached = this.ask(slot);
    if (cached !== null) return cached;
    try {
      return this.ready(slot, await this.availableNative().compileAsync(slot.kernel));
    } catch (error) {
      throw refusal(error, "cpu");
    }
  }

  /** What a failed native run leaves: the JavaScript kernel, from now on. Rethrows what is not the backend's failure. */
  recover(slot: KernelSlot, error: unknown, insists: BackendName | null): CompiledKernel {
    if (!(error instanceof BackendError) || (insists ?? this.insists) !== null) throw error;
    this.lose(slot, error);
    return this.script(slot);
  }

  /** What a run would choose, and why; compiles nothing. */
  preview(slot: KernelSlot, insists: BackendName | null): Choice {
    const wanted = insists ?? this.insists;
    const by = insists === null ? "this runtime runs everything here" : `the query says .on("${insists}")`;
    if (wanted === "js") return { backend: "js", reason: by };
    if (wanted === "cpu") return { backend: "cpu", reason: by };
    if (wanted === "cuda") return { backend: "cuda", reason: `${by}; ${this.deviceInWords()}` };
    this.ask(slot);
    switch (slot.state) {
      case "ready":
        return { backend: "cpu", reason: "compiled kernel is warm" };
      case "compiling":
        return { backend: "js", reason: "cold, compiling in the background" };
      case "new":
      case "cold":
        return { backend: "js", reason: slot.heavy || slot.runs > 0 ? "cold, compiled by its next run" : `cold, compiled by its second run, or one of ${LARGE} elements` };
      case "lost":
        return { backend: "js", reason: slot.reason };
      default:
        return slot.state satisfies never;
    }
  }

  /** Resolves when no compiler is at work in the background any more. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) {
      // Asking again, in the foreground, keeps the process alive until they are ready; failures are dealt with elsewhere.
      await Promise.allSettled([...this.pending.keys()].map(kernel => this.native().compileAsync(kernel)));
      await Promise.all(this.pending.values());
    }
  }

  private chooseCold(slot: KernelSlot, length: number): CompiledKernel {
    const cached = this.ask(slot);
    if (cached !== null) return cached;
    slot.runs += 1;
    if (slot.state === "cold" && (length >= LARGE || slot.heavy || slot.runs >= 2)) this.compileInBackground(slot);
    return this.script(slot);
  }

  /** Looks for the kernel in the cache, once. */
  private ask(slot: KernelSlot): CompiledKernel | null {
    if (slot.state !== "new") return slot.native;
    try {
      const native = this.native();
      if (!native.available) throw new BackendError("DC402", native.reason ?? "the cpu backend is not available");
      const found = native.cached(slot.kernel);
      if (found !== null) return this.ready(slot, found);
      slot.state = "cold";
    } catch (error) {
      this.lose(slot, error);
    }
    return null;
  }

  private compileInBackground(slot: KernelSlot): void {
    slot.state = "compiling";
    const work = this.native()
      .compileAsync(slot.kernel, { background: true })
      .then(
        compiled => void this.ready(slot, compiled),
        (error: unknown) => {
          // A query that insists may have compiled it meanwhile.
          if (slot.native === null) this.lose(slot, error);
        },
      )
      .finally(() => this.pending.delete(slot.kernel));
    this.pending.set(slot.kernel, work);
  }

  private compileNow(slot: KernelSlot): CompiledKernel {
    const cached = this.ask(slot);
    if (cached !== null) return cached;
    try {
      return this.ready(slot, this.availableNative().compile(slot.kernel));
    } catch (error) {
      throw refusal(error, "cpu");
    }
  }

  /** A device that was lost stays lost, with all that was loaded on it. */
  private onDevice(slot: KernelSlot): CompiledKernel {
    try {
      const device = this.availableDevice();
      return (slot.device ??= device.compile(slot.kernel));
    } catch (error) {
      throw refusal(error, "cuda");
    }
  }

  private async onDeviceLater(slot: KernelSlot): Promise<CompiledKernel> {
    try {
      const device = this.availableDevice();
      return (slot.device ??= await device.compileAsync(slot.kernel));
    } catch (error) {
      throw refusal(error, "cuda");
    }
  }

  private availableDevice(): DeviceBackend {
    this.deviceBackend ??= this.makeDevice();
    if (!this.deviceBackend.available) throw new BackendError("DC402", this.deviceBackend.reason ?? "the cuda backend is not available");
    return this.deviceBackend;
  }

  private deviceInWords(): string {
    try {
      return `on ${this.availableDevice().device?.name ?? "a device without a name"}`;
    } catch (error) {
      return `but ${reasonOf(error)}`;
    }
  }

  private ready(slot: KernelSlot, compiled: CompiledKernel): CompiledKernel {
    slot.native = compiled;
    slot.state = "ready";
    return compiled;
  }

  private lose(slot: KernelSlot, error: unknown): void {
    slot.native = null;
    slot.state = "lost";
    slot.reason = reasonOf(error);
    if (this.warned) return;
    this.warned = true;
    this.log(`dotcompute: the js backend stands in for the cpu backend: ${slot.reason}`);
  }

  private availableNative(): NativeBackend {
    const native = this.native();
    if (!native.available) throw new BackendError("DC402", native.reason ?? "the cpu backend is not available");
    return native;
  }

  private script(slot: KernelSlot): CompiledKernel {
    this.scriptBackend ??= this.makeScript();
    slot.script ??= this.scriptBackend.compile(slot.kernel);
    return slot.script;
  }

  private native(): NativeBackend {
    this.nativeBackend ??= this.makeNative();
    return this.nativeBackend;
  }
}

/** A failure in one line, without its code: what explain() and the log have room for. A compiler's own words are in later lines. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = "", ...rest] = message.replace(/^DC\d+: /, "").split("\n");
  const cause = /\berror\b/i.test(first) ? undefined : rest.find(line => /\berror\b/i.test(line));
  return cause === undefined ? first : `${first}: ${cause.trim()}`;
}

/** What a query that insists on a backend throws. */
function refusal(error: unknown, backend: BackendName): unknown {
  if (!(error instanceof BackendError)) return error;
  return new BackendError("DC402", `the query insists on the ${backend} backend, which cannot run it: ${error.message.replace(/^DC\d+: /, "")}`, { cause: error });
}
