/**
 * Which backend runs a kernel. A cold kernel runs at once on the JavaScript backend while a compiler works in the background;
 * a warm one runs on the first backend of the runtime's order that has it. A backend that is missing or fails never takes a
 * query down, unless the query insists on it: the next in order runs it, and `explain()` and the log say why.
 */
import { BackendError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { hasLoops } from "../../fusion/traverse.js";
import { BACKEND_NAMES, reachOf, type BackendName, type CompiledKernel } from "../backends/backend.js";
import type { Mover } from "../table/move.js";
import { scriptMover } from "../table/script.js";
import type { Events } from "./events.js";

/** The JavaScript backend, as the runtime uses it: it can always run, and compiles in no time. */
export interface ScriptBackend {
  compile(kernel: Kernel): CompiledKernel;
}

/** A backend whose kernels are compiled outside of JavaScript, as the runtime uses it. */
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
  /** Moves the rows of tables natively, between kernels; null or left out if it does not. */
  readonly mover?: Mover | null;
  /** By how many threads a run may be shared; one if left out. */
  readonly threads?: number;
}

/** The CUDA backend, as the runtime uses it. */
export type DeviceBackend = NativeBackend & {
  /** What kernels run on; null if there is none. */
  readonly device: { readonly name: string } | null;
  /** Its number; 0 unless told. */
  readonly ordinal?: number;
};

/** What is known of one kernel on one backend. */
export interface Tier {
  compiled: CompiledKernel | null;
  /** `new`: the cache has not been asked. `lost`: the backend will not be tried again for this kernel. */
  state: "new" | "cold" | "compiling" | "ready" | "lost";
  /** With `lost`: why. Otherwise: why the last run that was meant for it ran elsewhere; empty if none did. */
  reason: string;
}

/** The backends that have to be compiled for. */
export type CompiledBackend = Exclude<BackendName, "js">;

/** What is known of one kernel in one runtime. */
export interface KernelSlot extends Readonly<Record<CompiledBackend, Tier>> {
  readonly kernel: Kernel;
  /** Loops make few elements expensive. */
  readonly heavy: boolean;
  script: CompiledKernel | null;
  /** That found no compiled kernel. */
  runs: number;
}

const newTier = (): Tier => ({ compiled: null, state: "new", reason: "" });

export const newSlot = (kernel: Kernel): KernelSlot => ({ kernel, heavy: hasLoops(kernel.body), script: null, cpu: newTier(), cuda: newTier(), runs: 0 });

/** A backend, as a runtime sees it. */
export interface Accelerator {
  readonly name: BackendName;
  readonly available: boolean;
  /** Why it is not available, or runs nothing any more; null if it is. */
  readonly reason: string | null;
  /** The device's name; null where there is none. */
  readonly device: string | null;
  /** By how many threads one run may be shared. */
  readonly threads: number;
  /** The place in which this runtime tries it for a kernel, from 0 on; null if only a query's `.on()` uses it. */
  readonly place: number | null;
}

export interface Choice {
  readonly backend: BackendName;
  /** Why this one, to be read after `cpu: ` or `js: `. */
  readonly reason: string;
}

/** How a runtime gets its backends; each is made when it is first needed. */
export interface Makers {
  readonly js: () => ScriptBackend;
  readonly cpu: () => NativeBackend;
  readonly cuda: () => DeviceBackend;
}

/** From this many elements on, a cold kernel is compiled the first time it runs. */
const LARGE = 4096;

export class Tiers {
  /** What is being compiled in the background. */
  private readonly pending = new Map<Promise<void>, { readonly backend: CompiledBackend; readonly kernel: Kernel }>();
  /** Of whose loss the log has told. */
  private readonly told = new Set<CompiledBackend>();
  /** Backends that run nothing any more, and why. */
  private readonly gone = new Map<CompiledBackend, string>();
  private readonly made: { js?: ScriptBackend; cpu?: NativeBackend; cuda?: DeviceBackend } = {};
  /** The compiled backends that are tried, in order; then js. */
  private readonly order: readonly CompiledBackend[];
  private readonly first: CompiledBackend | null;

  constructor(
    private readonly makers: Makers,
    /** What the whole runtime insists on, or prefers in this order. */
    backend: BackendName | readonly BackendName[],
    private readonly log: (line: string) => void,
    private readonly events: Events,
  ) {
    const preferred = typeof backend === "string" ? [] : backend;
    this.insists = typeof backend === "string" ? backend : null;
    this.order = (preferred.includes("js") ? preferred.slice(0, preferred.indexOf("js")) : preferred) as readonly CompiledBackend[];
    this.first = this.order[0] ?? null;
  }

  private readonly insists: BackendName | null;

  /** The compiled kernel that runs now. `length`: how many elements it will see. */
  choose(slot: KernelSlot, length: number, insists: BackendName | null): CompiledKernel {
    const wanted = insists ?? this.insists;
    if (wanted === null) return (this.first === null || this.gone.has(this.first) ? null : slot[this.first].compiled) ?? this.preferred(slot, length, 0);
    return wanted === "js" ? this.script(slot) : this.insisted(slot, wanted);
  }

  /** As `choose`, for a run off the main thread: an insisted-on compile does not block it. */
  async chooseAsync(slot: KernelSlot, length: number, insists: BackendName | null): Promise<CompiledKernel> {
    const wanted = insists ?? this.insists;
    if (wanted === null || wanted === "js") return this.choose(slot, length, insists);
    try {
      const backend = this.available(wanted);
      return this.known(slot, wanted) ?? this.ready(slot, wanted, await backend.compileAsync(slot.kernel));
    } catch (error) {
      throw refusal(error, wanted);
    }
  }

  /** Whether a run may go to a device. */
  usesDevice(insists: BackendName | null): boolean {
    const wanted = insists ?? this.insists;
    return wanted === null ? this.order.includes("cuda") : wanted === "cuda";
  }

  /** Whether a run may stop half way and begin anew on another backend: a device can be lost at any time. */
  mayStop(insists: BackendName | null): boolean {
    return (insists ?? this.insists) === null && this.order.includes("cuda");
  }

  /** What runs instead of a kernel that failed. Rethrows what is not the backend's failure. `length`: how many elements it was given. */
  recover(slot: KernelSlot, failed: CompiledKernel, error: unknown, length: number, insists: BackendName | null): CompiledKernel {
    const { backend } = failed;
    if (!(error instanceof BackendError) || (insists ?? this.insists) !== null || backend === "js") throw error;
    const tier = slot[backend];
    const instead = (): CompiledKernel => this.preferred(slot, length, this.order.indexOf(backend) + 1);
    if (reachOf(error) !== "run") {
      this.lose(slot, backend, error);
      return instead();
    }
    const next = instead();
    if (this.events.listening) this.events.tell({ kind: "fallback", run: null, from: backend, to: next.backend, reason: reasonOf(error) });
    // What comes again with every run is told once for each kernel.
    const told = tier.reason !== "";
    tier.reason = `a run of ${length} elements went to the ${next.backend} backend: ${reasonOf(error)}`;
    if (!told) this.log(`dotcompute: ${backend}: ${tier.reason}`);
    return next;
  }

  /** What a run would choose, and why; compiles nothing. */
  preview(slot: KernelSlot, insists: BackendName | null): Choice {
    const wanted = insists ?? this.insists;
    const by = insists === null ? "this runtime runs everything here" : `the query says .on("${insists}")`;
    if (wanted === "cuda") return { backend: "cuda", reason: `${by}; ${this.deviceInWords()}` };
    if (wanted !== null) return { backend: wanted, reason: by };
    const passed: string[] = [];
    for (const backend of this.order) {
      const tier = slot[backend];
      const found = this.known(slot, backend);
      const told = tier.reason === "" ? [] : [tier.reason];
      if (found !== null) return { backend, reason: [`compiled kernel is warm${backend === "cuda" ? `, ${this.deviceInWords()}` : ""}`, ...told, ...passed].join("; ") };
      const why = (tier.state === "lost" ? told : [prospects(slot, tier), ...told]).join("; ");
      passed.push(this.order.length === 1 ? why : `${backend}: ${why}`);
    }
    return { backend: "js", reason: passed.length === 0 ? "this runtime runs everything here" : passed.join("; ") };
  }

  /** All backends. Makes those that have not been needed yet, which loads their libraries. */
  accelerators(): readonly Accelerator[] {
    const tried: readonly BackendName[] = this.insists === null ? [...this.order, "js"] : [this.insists];
    const placeOf = (name: BackendName): number | null => (tried.includes(name) ? tried.indexOf(name) : null);
    return BACKEND_NAMES.map(name => {
      const known = { name, device: null, threads: 1, place: placeOf(name) };
      if (name === "js") return { ...known, available: true, reason: null };
      try {
        const backend = this.backend(name);
        const reason = this.gone.get(name) ?? (backend.available ? null : (backend.reason ?? "it is not available"));
        const device = name === "cuda" ? ((backend as DeviceBackend).device?.name ?? null) : null;
        return { ...known, available: reason === null, reason, device, threads: backend.threads ?? 1 };
      } catch (error) {
        return { ...known, available: false, reason: reasonOf(error) };
      }
    });
  }

  /** By how many threads native kernels may be shared. */
  get threads(): number {
    return this.backend("cpu").threads ?? 1;
  }

  /** What moves rows between kernels: the addon, or, for queries that run as JavaScript and where there is no addon, JavaScript. */
  mover(insists: BackendName | null): { readonly native: boolean; readonly mover: Mover } {
    const wanted = insists ?? this.insists;
    const script = wanted === "js" || (wanted === null && this.order.length === 0);
    const mover = script ? null : (this.backend("cpu").mover ?? null);
    return mover === null ? { native: false, mover: scriptMover } : { native: true, mover };
  }

  /** Resolves when no compiler is at work in the background any more. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) {
      // Asking again, in the foreground, keeps the process alive until they are ready; failures are dealt with elsewhere.
      await Promise.allSettled([...this.pending.values()].map(({ backend, kernel }) => this.backend(backend).compileAsync(kernel)));
      await Promise.all(this.pending.keys());
    }
  }

  /** The first backend of the order, from this place on, that has the kernel; the first that might have it is told to compile it. */
  private preferred(slot: KernelSlot, length: number, from: number): CompiledKernel {
    let cold: CompiledBackend | null = null;
    let found: CompiledKernel | null = null;
    for (let at = from; at < this.order.length && found === null; at += 1) {
      const backend = this.order[at] as CompiledBackend;
      found = this.known(slot, backend);
      if (found === null && slot[backend].state !== "lost") cold ??= backend;
    }
    if (cold !== null) {
      slot.runs += 1;
      if (slot[cold].state === "cold" && (length >= LARGE || slot.heavy || slot.runs >= 2)) this.compileInBackground(slot, cold);
    }
    return found ?? this.script(slot);
  }

  /** The kernel, if it has been compiled or is in the cache. The cache is asked once. */
  private known(slot: KernelSlot, backend: CompiledBackend): CompiledKernel | null {
    const tier = slot[backend];
    if (tier.compiled !== null && this.gone.has(backend)) this.loseQuietly(tier, this.gone.get(backend) as string);
    if (tier.state !== "new") return tier.compiled;
    try {
      const found = this.available(backend).cached(slot.kernel);
      if (found !== null) return this.ready(slot, backend, found);
      tier.state = "cold";
    } catch (error) {
      this.lose(slot, backend, error);
    }
    return null;
  }

  private compileInBackground(slot: KernelSlot, backend: CompiledBackend): void {
    const tier = slot[backend];
    tier.state = "compiling";
    const work = this.backend(backend)
      .compileAsync(slot.kernel, { background: true })
      .then(
        compiled => void this.ready(slot, backend, compiled),
        (error: unknown) => {
          // A query that insists may have compiled it meanwhile.
          if (tier.compiled === null) this.lose(slot, backend, error);
        },
      )
      .finally(() => this.pending.delete(work));
    this.pending.set(work, { backend, kernel: slot.kernel });
  }

  private insisted(slot: KernelSlot, backend: CompiledBackend): CompiledKernel {
    const tier = slot[backend];
    // A device may be lost at any time; what is loaded from the disk stays.
    if (tier.compiled !== null && backend === "cpu") return tier.compiled;
    try {
      const available = this.available(backend);
      return this.known(slot, backend) ?? this.ready(slot, backend, available.compile(slot.kernel));
    } catch (error) {
      throw refusal(error, backend);
    }
  }

  private deviceInWords(): string {
    try {
      const { device, ordinal = 0 } = this.available("cuda") as DeviceBackend;
      return `on ${ordinal === 0 ? "" : `device ${ordinal}, `}${device?.name ?? "without a name"}`;
    } catch (error) {
      return `but ${reasonOf(error)}`;
    }
  }

  private ready(slot: KernelSlot, backend: CompiledBackend, compiled: CompiledKernel): CompiledKernel {
    const tier = slot[backend];
    tier.compiled = compiled;
    tier.state = "ready";
    tier.reason = "";
    return compiled;
  }

  /** The kernel cannot be had on this backend, or, where only something else is in its way, not now. */
  private lose(slot: KernelSlot, backend: CompiledBackend, error: unknown): void {
    const tier = slot[backend];
    const reach = reachOf(error);
    this.loseQuietly(tier, reasonOf(error));
    if (reach === "run") tier.state = "cold";
    if (reach === "backend") this.gone.set(backend, tier.reason);
    if (this.told.has(backend)) return;
    this.told.add(backend);
    const next = this.order[this.order.indexOf(backend) + 1] ?? "js";
    if (this.events.listening) this.events.tell({ kind: "lost", backend, instead: next, reason: tier.reason });
    this.log(`dotcompute: the ${next} backend stands in for the ${backend} backend: ${tier.reason}`);
  }

  private loseQuietly(tier: Tier, reason: string): void {
    tier.compiled = null;
    tier.state = "lost";
    tier.reason = reason;
  }

  private available(name: CompiledBackend): NativeBackend {
    const backend = this.backend(name);
    if (!backend.available) throw new BackendError("DC402", backend.reason ?? `the ${name} backend is not available`);
    return backend;
  }

  private script(slot: KernelSlot): CompiledKernel {
    this.made.js ??= this.makers.js();
    slot.script ??= this.made.js.compile(slot.kernel);
    return slot.script;
  }

  private backend(name: CompiledBackend): NativeBackend {
    return name === "cpu" ? (this.made.cpu ??= this.makers.cpu()) : (this.made.cuda ??= this.makers.cuda());
  }
}

function prospects(slot: KernelSlot, { state }: Tier): string {
  if (state === "compiling") return "cold, compiling in the background";
  return slot.heavy || slot.runs > 0 ? "cold, compiled by its next run" : `cold, compiled by its second run, or one of ${LARGE} elements`;
}

/** A failure in one line, without its code: what explain() and the log have room for. A compiler's own words are in later lines. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = "", ...rest] = message.replaceAll(/\bDC\d+: /g, "").split("\n");
  const cause = /\berror\b/i.test(first) ? undefined : rest.find(line => /\berror\b/i.test(line));
  return cause === undefined ? first : `${first}: ${cause.trim()}`;
}

/** What a query that insists on a backend throws. */
function refusal(error: unknown, backend: BackendName): unknown {
  if (!(error instanceof BackendError)) return error;
  return new BackendError("DC402", `the query insists on the ${backend} backend, which cannot run it: ${error.message.replaceAll(/\bDC\d+: /g, "")}`, { cause: error });
}
