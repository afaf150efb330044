/**
 * Which backend runs a kernel. A cold kernel runs at once on the JavaScript backend while a compiler works in the background;
 * a warm one runs on the first backend of the runtime's order that has it. A backend that is missing or fails never takes a
 * query down, unless the query insists on it: the next in order runs it, and `explain()` and the log say why.
 */
import { BackendError, CompilerBug } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { reachOf, type BackendName, type CompiledKernel } from "../backends/backend.js";
import type { Device } from "../backends/cuda/devices.js";
import type { Mover } from "../table/move.js";
import { scriptMover } from "../table/script.js";
import { Background } from "./background.js";
import type { Events } from "./events.js";
import type { AcceleratorState, Member } from "./member.js";
import { inOrderInWords, insistedInWords } from "./preview.js";
import { reasonOf, refusal } from "./reasons.js";
import { inOrder, type Choice, type Selector } from "./selector.js";
import { newSlot, type KernelSlot, type Tier } from "./slot.js";

export class Tiers {
  private readonly background = new Background();
  /** The backends that are tried, in order. */
  private readonly order: readonly Member[];
  private readonly others: readonly Member[];
  private readonly insists: BackendName | null;

  constructor(
    /** js and cpu are among them. */
    private readonly members: readonly Member[],
    /** What the whole runtime insists on, or prefers in this order. */
    backend: BackendName | readonly BackendName[],
    private readonly log: (line: string) => void,
    private readonly events: Events,
    private readonly selector: Selector = inOrder,
  ) {
    const preferred = typeof backend === "string" ? [] : backend;
    this.insists = typeof backend === "string" ? backend : null;
    const tried = preferred.includes("js") ? preferred.slice(0, preferred.indexOf("js")) : preferred;
    this.order = typeof backend === "string" ? [this.member(backend)] : [...tried, "js"].map(name => this.member(name));
    this.others = members.filter(member => !this.order.includes(member));
  }

  slot(kernel: Kernel): KernelSlot {
    return newSlot(kernel, this.order, this.others);
  }

  /** The compiled kernel that runs now. `length`: how many elements it will see. `resident`: buffers may lie on a device, which others would have to fetch first. */
  choose(slot: KernelSlot, length: number, insists: BackendName | null, resident = false): CompiledKernel {
    const wanted = insists ?? this.insists;
    if (wanted !== null) return this.insisted(slot, wanted);
    const { first } = slot;
    const selector = resident ? inOrder : this.selector;
    if (selector === inOrder) return first.compiled !== null && first.member.up ? first.compiled : this.selected(slot, length, this.ready, inOrder);
    return selector.quick?.(slot, length) ?? this.selected(slot, length, this.ready, selector);
  }

  /** As `choose`, for a run off the main thread: an insisted-on compile does not block it. */
  async chooseAsync(slot: KernelSlot, length: number, insists: BackendName | null, resident = false): Promise<CompiledKernel> {
    const wanted = insists ?? this.insists;
    if (wanted === null) return this.choose(slot, length, insists, resident);
    const tier = tierOf(slot, wanted);
    try {
      return this.atHand(tier) ?? ready(tier, await tier.member.compileAsync(slot.kernel));
    } catch (error) {
      throw refusal(error, wanted);
    }
  }

  /** Whether a run may go to a backend that reads buffers where they lie. */
  usesDevice(insists: BackendName | null): boolean {
    const wanted = insists ?? this.insists;
    return wanted === null ? this.order.some(({ name }) => name === "cuda") : wanted === "cuda";
  }

  /** Whether arrays of a kernel's call may stand for what the host does not have. */
  readsBuffers({ backend }: CompiledKernel): boolean {
    return this.member(backend).accelerator.readsBuffers === true;
  }

  /** Whether a run may stop half way and begin anew on another backend: a device can be lost at any time. */
  mayStop(insists: BackendName | null): boolean {
    return (insists ?? this.insists) === null && this.order.some(({ mayStop }) => mayStop);
  }

  /** What runs instead of a kernel that failed. Rethrows what is not the backend's failure. `length`: how many elements it was given. */
  recover(slot: KernelSlot, failed: CompiledKernel, error: unknown, length: number, insists: BackendName | null): CompiledKernel {
    const { backend } = failed;
    if (!(error instanceof BackendError) || (insists ?? this.insists) !== null || backend === "js") throw error;
    const tier = tierOf(slot, backend);
    const later = slot.tiers.slice(slot.tiers.indexOf(tier) + 1);
    const instead = (): CompiledKernel => this.selected(slot, length, other => later.includes(other) && this.ready(other));
    if (reachOf(error) !== "run") {
      this.lose(tier, error);
      return instead();
    }
    const next = instead();
    if (this.events.listening) this.events.tell({ kind: "fallback", run: this.events.run, from: backend, to: next.backend, reason: reasonOf(error) });
    // What comes again with every run is told once for each kernel.
    const told = tier.reason !== "";
    tier.reason = `a run of ${length} elements went to the ${next.backend} backend: ${reasonOf(error)}`;
    if (!told) this.log(`dotcompute: ${backend}: ${tier.reason}`);
    return next;
  }

  /** What a run would choose, and why; compiles nothing. `length`: null if nobody knows. */
  preview(slot: KernelSlot, insists: BackendName | null, length: number | null = null): Choice {
    const wanted = insists ?? this.insists;
    if (wanted !== null) return insistedInWords(this.member(wanted), slot, insists !== null);
    return this.selector.preview?.(slot, length, this.ready) ?? inOrderInWords(slot, this.ready);
  }

  /** All backends. Makes those that have not been needed yet, which loads their libraries. */
  accelerators(): readonly AcceleratorState[] {
    return this.members.map(member => member.state(this.order.includes(member) ? this.order.indexOf(member) : null));
  }

  /** What the cuda backend runs on; nothing where it cannot be used. */
  devices(): readonly Device[] {
    return this.members.find(({ name }) => name === "cuda")?.accelerator.devices?.() ?? [];
  }

  get names(): readonly BackendName[] {
    return this.members.map(({ name }) => name);
  }

  /** Which code of native kernels runs here; null where they are compiled for the very processor. */
  get level(): string | null {
    return this.member("cpu").accelerator.level ?? null;
  }

  /** By how many threads native kernels may be shared. */
  get threads(): number {
    return this.member("cpu").accelerator.threads ?? 1;
  }

  /** What moves rows between kernels: the addon, or, for queries that run as JavaScript and where there is no addon, JavaScript. */
  mover(insists: BackendName | null): { readonly native: boolean; readonly mover: Mover } {
    const wanted = insists ?? this.insists;
    const script = wanted === "js" || (wanted === null && this.order.length === 1);
    const mover = script ? null : (this.member("cpu").accelerator.mover ?? null);
    return mover === null ? { native: false, mover: scriptMover } : { native: true, mover };
  }

  /** Resolves when no compiler is at work in the background any more. */
  settled(): Promise<void> {
    return this.background.settled();
  }

  private selected(slot: KernelSlot, length: number, usable: (tier: Tier) => boolean, selector = this.selector): CompiledKernel {
    const picked = selector.pick(slot, length, usable);
    if (picked === null || picked.compiled === null) throw new CompilerBug("no backend runs a kernel, not even js");
    const wanted = selector.compile(slot, length, picked);
    if (wanted !== null) this.compileInBackground(wanted);
    return picked.compiled;
  }

  /** Whether the backend is well and has the kernel. The cache is asked once. */
  private readonly ready = (tier: Tier): boolean => this.known(tier) !== null;

  /** The kernel, if it has been compiled or is in the cache. */
  private known(tier: Tier): CompiledKernel | null {
    const { gone } = tier.member;
    if (gone !== null && tier.state !== "lost") loseQuietly(tier, gone);
    if (tier.state !== "new") return tier.compiled;
    try {
      const found = tier.member.cached(tier.kernel);
      if (found !== null) return ready(tier, found);
      tier.state = "cold";
    } catch (error) {
      // Behind js there is nothing.
      if (tier.member.name === "js") throw error;
      this.lose(tier, error);
    }
    return null;
  }

  private compileInBackground(tier: Tier): void {
    this.background.begin(tier, compiled => void ready(tier, compiled), error => {
      // A query that insists may have compiled it meanwhile.
      if (tier.compiled === null) this.lose(tier, error);
    });
  }

  private insisted(slot: KernelSlot, backend: BackendName): CompiledKernel {
    const tier = tierOf(slot, backend);
    try {
      return this.atHand(tier) ?? ready(tier, tier.member.compile(slot.kernel));
    } catch (error) {
      throw refusal(error, backend);
    }
  }

  /** The kernel on a backend that is insisted on. A device may be lost at any time; what is loaded from the disk stays. */
  private atHand(tier: Tier): CompiledKernel | null {
    const { member } = tier;
    if (tier.compiled !== null && !member.mayStop) return tier.compiled;
    const { reason } = member;
    if (reason !== null) throw new BackendError("DC402", reason);
    return this.known(tier);
  }

  /** The kernel cannot be had on this backend, or, where only something else is in its way, not now. */
  private lose(tier: Tier, error: unknown): void {
    const { member } = tier;
    const reach = reachOf(error);
    loseQuietly(tier, reasonOf(error));
    if (reach === "run") tier.state = "cold";
    if (reach === "backend") member.retire(tier.reason);
    if (member.told) return;
    member.told = true;
    const backend = member.name;
    const next = (this.order[this.order.indexOf(member) + 1] as Member | undefined)?.name ?? "js";
    if (this.events.listening) this.events.tell({ kind: "lost", backend, instead: next, reason: tier.reason });
    this.log(`dotcompute: the ${next} backend stands in for the ${backend} backend: ${tier.reason}`);
  }

  private member(name: BackendName): Member {
    const found = this.members.find(member => member.name === name);
    if (found === undefined) throw new CompilerBug(`there is no backend ${name}`);
    return found;
  }
}

function tierOf({ tiers, others }: KernelSlot, name: BackendName): Tier {
  for (const tier of tiers) if (tier.member.name === name) return tier;
  for (const tier of others) if (tier.member.name === name) return tier;
  throw new CompilerBug(`a kernel was to run on ${name}, which its runtime does not have`);
}

function ready(tier: Tier, compiled: CompiledKernel): CompiledKernel {
  tier.compiled = compiled;
  tier.state = "ready";
  tier.reason = "";
  return compiled;
}

function loseQuietly(tier: Tier, reason: string): void {
  tier.compiled = null;
  tier.state = "lost";
  tier.reason = reason;
}
