/**
 * Which backend runs a kernel. A cold kernel runs at once on the JavaScript backend while a compiler works in the background;
 * a warm one runs on the first backend of the runtime's order that has it. A backend that is missing or fails never takes a
 * query down, unless the query insists on it: the next in order runs it, and `explain()` and the log say why.
 */
import { BackendError, CompilerBug, QueryError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import type { BackendName, CompiledKernel } from "../backends/backend.js";
import type { Device } from "../backends/cuda/devices.js";
import type { Mover } from "../table/move.js";
import { scriptMover } from "../table/script.js";
import { backoff } from "./backoff.js";
import { Background } from "./background.js";
import { classOf } from "./failures.js";
import type { AcceleratorState, Member } from "./member.js";
import { inOrderInWords, insistedInWords } from "./preview.js";
import type { Report } from "./progress.js";
import { precompiled, type Precompiled } from "./precompile.js";
import { reasonOf, refusal, together } from "./reasons.js";
import type { Reports } from "./reports.js";
import type { Resilience } from "./resilience.js";
import { Running } from "./running.js";
import { inOrder, type Choice, type Selector } from "./selector.js";
import { later, unlessAborted } from "./waiting.js";
import { newSlot, type KernelSlot, type Tier } from "./slot.js";
import { nextTurn } from "../builtin.js";

export class Tiers {
  private readonly background = new Background();
  /** Compilers whose kernels are waited for, or, but for those of plugins, were before their runs were aborted. */
  private readonly awaited = new Running();
  /** The backends that are tried, in order. */
  private readonly order: readonly Member[];
  private readonly others: readonly Member[];
  private readonly insists: BackendName | null;
  private ended = false;
  private closing: AbortController | null = null;
  /** Whether a backend has failed lately, so that its next success is worth telling. */
  troubled = false;

  constructor(
    /** js and cpu are among them. */
    private readonly members: readonly Member[],
    /** What the whole runtime insists on, or prefers in this order. */
    backend: BackendName | readonly BackendName[],
    readonly reports: Reports,
    readonly resilience: Resilience,
    private readonly selector: Selector,
    /** Kernels that run beside the calling thread. */
    readonly runs: Running,
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

  /** As `choose`, for a run off the main thread: an insisted-on compile does not block it, and is not waited for once the signal is aborted. */
  async chooseAsync(slot: KernelSlot, length: number, insists: BackendName | null, signal?: AbortSignal, resident = false): Promise<CompiledKernel> {
    const wanted = insists ?? this.insists;
    if (wanted === null) return this.choose(slot, length, insists, resident);
    const tier = tierOf(slot, wanted);
    try {
      return this.atHand(tier) ?? ready(tier, await unlessAborted(this.compiled(tier, signal), signal));
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

  /** Whether a run must be where it is told. */
  isInsisted(insists: BackendName | null): boolean {
    return (insists ?? this.insists) !== null;
  }

  /** What runs in the place of a tier that failed, of those that come behind it: js comes last. `length`: how many elements it is given. */
  chooseAfter(slot: KernelSlot, failed: Tier, length: number): CompiledKernel {
    const behind = slot.tiers.slice(slot.tiers.indexOf(failed) + 1);
    return this.selected(slot, length, tier => behind.includes(tier) && this.ready(tier));
  }

  /** A backend has failed for a transient reason. */
  failed(member: Member, error: unknown): void {
    const now = this.resilience.clock();
    const opens = member.failed(reasonOf(error), now, this.resilience.breaker);
    this.troubled = true;
    if (opens) this.reports.breaker(member, "open", member.restInWords(now));
  }

  /** A kernel has run, and `troubled` was true. */
  succeeded({ backend }: CompiledKernel): void {
    const member = this.member(backend);
    if (member.troubled && member.succeeded()) this.reports.breaker(member, "closed", "a trial succeeded");
    this.troubled = this.members.some(({ troubled }) => troubled);
  }

  /** What a run would choose, and why; compiles nothing. `length`: null if nobody knows. */
  preview(slot: KernelSlot, insists: BackendName | null, length: number | null = null): Choice {
    const wanted = insists ?? this.insists;
    if (wanted !== null) return insistedInWords(this.member(wanted), slot, insists !== null);
    return this.selector.preview?.(slot, length, this.ready) ?? inOrderInWords(slot, this.ready, this.resilience.clock());
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

  /** Resolves when no compiler is at work any more. */
  async settled(): Promise<void> {
    await this.background.settled();
    await this.awaited.over();
  }

  /** Compiles kernels for the backend that goes with each, or for all that are chosen among. */
  precompile(slots: readonly (readonly [KernelSlot, BackendName | null])[], report: Report | null = null): Promise<readonly Precompiled[]> {
    const tiers = new Set(
      slots.flatMap(([slot, named]) => {
        const wanted = named ?? this.insists;
        return wanted === null ? slot.tiers.filter(({ member }) => member.name !== "js" || slot.tiers.length === 1) : [tierOf(slot, wanted)];
      }),
    );
    report?.expect(tiers.size);
    return Promise.all([...tiers].map(async tier => {
      const made = await precompiled(tier, one => this.known(one), async one => ready(one, await this.compiled(one, undefined)));
      report?.advance(1);
      return made;
    }));
  }

  /** Throws QueryError where the runtime has been disposed of. */
  check(): void {
    if (this.ended) throw hasEnded();
  }

  /** Aborted when the runtime is disposed of; its reason is what those who wait are told. */
  get ending(): AbortSignal {
    if (this.closing === null) {
      this.closing = new AbortController();
      if (this.ended) this.closing.abort(hasEnded());
    }
    return this.closing.signal;
  }

  /** Waits end, compilers are stopped, and kernels and queries that run come to their end; then all that backends hold is given back. Gives what failed of that. */
  async end(queries: Running): Promise<readonly BackendError[]> {
    this.ended = true;
    for (const member of this.members) member.close();
    this.closing?.abort(hasEnded());
    do {
      await this.runs.over();
      await queries.over();
      // What follows from a run, its next kernel or a copy of its result, begins within a turn.
      await nextTurn();
    } while (!this.runs.idle || !queries.idle);
    await this.settled();
    const failures: BackendError[] = [];
    for (const member of this.members) failures.push(...(await member.end()));
    return failures;
  }

  /** Compiles a kernel that is waited for: what fails for a transient reason is tried again. */
  private async compiled(tier: Tier, signal: AbortSignal | undefined): Promise<CompiledKernel> {
    const failures: BackendError[] = [];
    for (;;) {
      try {
        return await unlessAborted(this.compiling(tier, signal), this.ending);
      } catch (error) {
        this.check();
        await later(this.delayAfter(error, failures, tier), signal, this.ending);
      }
    }
  }

  private async compiling(tier: Tier, signal: AbortSignal | undefined): Promise<CompiledKernel> {
    this.awaited.begin();
    try {
      return await tier.member.compileFor(tier.kernel, signal);
    } finally {
      this.awaited.end();
    }
  }

  /** The same at once, without a wait: whatever else this thread has to do would wait, too. */
  private compiledNow(tier: Tier): CompiledKernel {
    const failures: BackendError[] = [];
    for (;;) {
      try {
        return tier.member.compile(tier.kernel);
      } catch (error) {
        this.delayAfter(error, failures, tier);
      }
    }
  }

  /** Milliseconds before a compiler is tried again. Throws what is not mended by that, and all failures when there are too many. */
  private delayAfter(error: unknown, failures: BackendError[], { member }: Tier): number {
    if (classOf(error) !== "transient") throw error;
    failures.push(error as BackendError);
    if (failures.length >= this.resilience.attempts) throw together(failures, member.name);
    const delay = backoff(failures.length, this.resilience, this.resilience.random());
    this.reports.retry(member, failures.length + 1, delay, error);
    return delay;
  }

  private selected(slot: KernelSlot, length: number, usable: (tier: Tier) => boolean, selector = this.selector): CompiledKernel {
    this.check();
    const picked = selector.pick(slot, length, usable);
    if (picked === null || picked.compiled === null) throw new CompilerBug("no backend runs a kernel, not even js");
    if (this.troubled && usable === this.ready) {
      const trial = this.trial(slot, selector === inOrder ? picked : null);
      if (trial !== null) return trial;
    }
    const wanted = selector.compile(slot, length, picked);
    if (wanted !== null) this.compileInBackground(wanted);
    return picked.compiled;
  }

  /** A backend that has been left alone for long enough is given one run, to see; only if it comes before the one that would run, unless that is null. */
  private trial({ tiers }: KernelSlot, before: Tier | null): CompiledKernel | null {
    const now = this.resilience.clock();
    for (const tier of tiers) {
      if (tier === before) return null;
      const { member } = tier;
      if (member.up || !member.admits(now)) continue;
      const found = this.known(tier);
      if (found === null) continue;
      const reason = member.restInWords(now);
      member.began(now);
      this.reports.breaker(member, "half-open", reason);
      return found;
    }
    return null;
  }

  /** Whether the backend is well and has the kernel. The cache is asked once. */
  private readonly ready = (tier: Tier): boolean => {
    const { member } = tier;
    return (member.up || member.gone !== null) && this.known(tier) !== null;
  };

  /** The kernel, if it has been compiled or is in the cache. */
  private known(tier: Tier): CompiledKernel | null {
    const { gone } = tier.member;
    if (gone !== null && tier.state !== "lost") {
      loseQuietly(tier, gone);
      this.reports.lost(tier.member, this.nextAfter(tier.member), gone);
    }
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
      // A query that insists may have compiled it meanwhile; and at the end compilers are stopped.
      if (tier.compiled === null && !this.ended) this.lose(tier, error);
    });
  }

  private insisted(slot: KernelSlot, backend: BackendName): CompiledKernel {
    const tier = tierOf(slot, backend);
    try {
      return this.atHand(tier) ?? ready(tier, this.compiledNow(tier));
    } catch (error) {
      throw refusal(error, backend);
    }
  }

  /** The kernel on a backend that is insisted on. A device may be lost at any time; what is loaded from the disk stays. */
  private atHand(tier: Tier): CompiledKernel | null {
    const { member } = tier;
    if (tier.compiled !== null && !member.mayStop && member.up) return tier.compiled;
    this.check();
    const { reason } = member;
    if (reason !== null) throw new BackendError("DC402", reason);
    return this.known(tier);
  }

  /** The kernel cannot be had on this backend, or, where only something else is in its way, not now. */
  lose(tier: Tier, error: unknown): void {
    const { member } = tier;
    const failure = classOf(error);
    loseQuietly(tier, reasonOf(error));
    if (failure === "transient" || failure === "resource") tier.state = "cold";
    if (failure === "fatal") member.retire(tier.reason);
    this.reports.lost(member, this.nextAfter(member), tier.reason);
  }

  /** What stands in for it; null if nothing does: what is asked to run there has to. */
  private nextAfter(member: Member): BackendName | null {
    if (this.insists !== null || !this.order.includes(member)) return null;
    return (this.order[this.order.indexOf(member) + 1] as Member | undefined)?.name ?? "js";
  }

  private member(name: BackendName): Member {
    const found = this.members.find(member => member.name === name);
    if (found === undefined) throw new CompilerBug(`there is no backend ${name}`);
    return found;
  }
}

export function tierOf({ tiers, others }: KernelSlot, name: BackendName): Tier {
  for (const tier of tiers) if (tier.member.name === name) return tier;
  for (const tier of others) if (tier.member.name === name) return tier;
  throw new CompilerBug(`a kernel was to run on ${name}, which its runtime does not have`);
}

const hasEnded = (): QueryError =>
  new QueryError("DC322", "the runtime has been disposed of", "Run queries before its dispose(), or before the block of its `await using` ends; make another with createRuntime().");

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
