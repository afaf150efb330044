/**
 * What a runtime tells of its work. Logs, meters, traces, profiles and what learns from runs all read the same events; where nobody
 * listens none is made. An event that takes time is told when it has ended, with both of its times, so nobody has to pair beginnings with ends.
 */
import { channel } from "node:diagnostics_channel";
import type { DeviceSpan } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import type { BackendName } from "../backends/backend.js";
import { factsOf } from "./event-words.js";

/** Every event's code, with what it is about. Beside the codes of errors: stable, and never reused. */
export const EVENT_CODES = {
  begin: "DC500",
  query: "DC501",
  kernel: "DC502",
  phase: "DC503",
  compile: "DC504",
  cache: "DC505",
  transfer: "DC506",
  fallback: "DC507",
  lost: "DC508",
  retry: "DC509",
  breaker: "DC510",
  mismatch: "DC511",
  leak: "DC512",
  store: "DC513",
  device: "DC514",
} as const satisfies Record<RuntimeEvent["kind"], string>;

export type EventCode = (typeof EVENT_CODES)[RuntimeEvent["kind"]];

/** Milliseconds, of performance.now(). */
export interface Timed {
  readonly begin: number;
  readonly end: number;
}

/** Which run of a query an event belongs to: a number of this process; null for work of no run. What is compiled in the background belongs to the run that asked first. */
export interface OfRun {
  readonly run: number | null;
}

/** A run of a query, and the run that it is part of; null if of none. */
export interface OneRun {
  readonly run: number;
  readonly parent: number | null;
  readonly terminal: string;
}

export type CacheLevel = "memory" | "disk" | "shared";

export type RuntimeEvent =
  /** A terminal begins to run: the only event that comes before what it tells of, for those who need the caller's context. */
  | (OneRun & { readonly kind: "begin"; readonly begin: number })
  /** A terminal ran, or failed. `backend`: that of the last kernel; null if none ran. */
  | (Timed & OneRun & { readonly kind: "query"; readonly backend: BackendName | null; readonly error: unknown })
  /** A kernel ran, or failed; of a stream over one piece. `bytes`: what it had to read and write at least. `spans`: what a device's own clock says, of those who listen for it. */
  | (Timed & OfRun & { readonly kind: "kernel"; readonly kernel: Kernel; readonly piece: boolean; readonly backend: BackendName; readonly length: number; readonly bytes: number; readonly spans: readonly DeviceSpan[]; readonly error: unknown })
  /** A step of making a kernel, or of a run beside its kernels. */
  | (Timed & OfRun & { readonly kind: "phase"; readonly phase: "parse" | "fuse" | "emit" | "load" | "move" | "copy out"; readonly backend: BackendName | null })
  /** A compiler worked on kernels, or failed. */
  | (Timed & OfRun & { readonly kind: "compile"; readonly backend: BackendName; readonly kernels: readonly Kernel[]; readonly error: unknown })
  /** A compiled kernel was looked for, which the runtime does once for each of its own; or, when it was to be compiled, found after all. `level`: where it was found; null if nowhere. */
  | (OfRun & { readonly kind: "cache"; readonly backend: BackendName; readonly level: CacheLevel | null })
  /** Elements went from or to a device. */
  | (Timed & OfRun & { readonly kind: "transfer"; readonly backend: BackendName; readonly direction: "to device" | "to host" | "peer" | "staged"; readonly bytes: number })
  /** A kernel ran elsewhere than meant. */
  | (OfRun & { readonly kind: "fallback"; readonly from: BackendName; readonly to: BackendName; readonly reason: string })
  /** A backend will not be tried any more. `instead`: null where nothing stands in for it, since it is insisted on. */
  | { readonly kind: "lost"; readonly backend: BackendName; readonly instead: BackendName | null; readonly reason: string }
  /** What failed is tried again, after so many milliseconds. */
  | (OfRun & { readonly kind: "retry"; readonly backend: BackendName; readonly attempt: number; readonly delay: number; readonly error: unknown })
  | { readonly kind: "breaker"; readonly backend: BackendName; readonly state: "open" | "half-open" | "closed"; readonly reason: string }
  /** Two backends gave different bits. */
  | (OfRun & { readonly kind: "mismatch"; readonly backends: readonly [BackendName, BackendName]; readonly reason: string })
  /** A buffer was collected as garbage, and not disposed of: told once for each runtime. */
  | { readonly kind: "leak"; readonly reason: string }
  /** The store of kernels that machines share fails, or gave something that is of no use: each told once. */
  | { readonly kind: "store"; readonly reason: string }
  /** One of several devices cannot be used, and the others do without it. */
  | { readonly kind: "device"; readonly backend: BackendName; readonly device: number; readonly reason: string };

/** What comes seldom, and is told whether or not anybody listens to runs. */
const RARE: ReadonlySet<RuntimeEvent["kind"]> = new Set(["fallback", "lost", "retry", "breaker", "mismatch", "leak", "store", "device"]);

/** All events of all runtimes of the process, as data: subscribe by `diagnostics_channel.subscribe("dotcompute:event", message => …)`. */
const CHANNEL = channel("dotcompute:event");

export const messageOf = (event: RuntimeEvent) => ({ code: EVENT_CODES[event.kind], kind: event.kind, ...factsOf(event), ...("begin" in event ? { begin: event.begin } : {}), ...("end" in event ? { end: event.end } : {}) });

export type Listener = (event: RuntimeEvent) => void;

export type Phase = (RuntimeEvent & { readonly kind: "phase" })["phase"];

export interface ListenOptions {
  /** Whether devices are to time what they do, which they do not for nothing. */
  readonly timing?: boolean;
  /** Whether it hears nothing but of what comes seldom: runs need not tell of themselves for its sake. */
  readonly rare?: boolean;
}

let runs = 0;

/** Those who listen to one runtime. */
export class Events {
  private listeners: readonly { readonly hear: Listener; readonly options: ListenOptions }[] = [];

  private heard = false;
  /** Whether anybody asks for times of devices. */
  timing = false;
  /** The run that work belongs to which begins now. Whoever waits for something must ask before, for others run meanwhile. */
  run: number | null = null;

  /** Whether anybody listens to runs: asked before an event is made, for the times that it holds cost something. */
  get listening(): boolean {
    return this.heard || CHANNEL.hasSubscribers;
  }

  /** Gives what ends it. Those of callers listen by `observing`, for what is thrown here a query throws. */
  listen(hear: Listener, options: ListenOptions = {}): () => void {
    const own = { hear, options };
    this.note([...this.listeners, own]);
    return () => this.note(this.listeners.filter(other => other !== own));
  }

  private note(listeners: Events["listeners"]): void {
    this.listeners = listeners;
    this.heard = listeners.some(({ options }) => options.rare !== true);
    this.timing = listeners.some(({ options }) => options.timing === true);
  }

  tell(event: RuntimeEvent): void {
    if (CHANNEL.hasSubscribers) CHANNEL.publish(messageOf(event));
    for (const { hear, options } of this.listeners) {
      if (options.rare === true && !RARE.has(event.kind)) continue;
      hear(event);
    }
  }

  /** The number of a new run: of the whole process, for listeners may hear of several runtimes. */
  newRun(): number {
    runs += 1;
    return runs;
  }

  /** Does what belongs to a run, or at least begins it. */
  within<T>(run: number | null, work: () => T): T {
    const before = this.run;
    this.run = run;
    try {
      return work();
    } finally {
      this.run = before;
    }
  }

  /** Tells of a step that has just ended and took so many milliseconds. */
  took(phase: Phase, backend: BackendName | null, milliseconds: number): void {
    if (!this.listening) return;
    const end = performance.now();
    this.tell({ kind: "phase", phase, backend, run: this.run, begin: end - milliseconds, end });
  }

  /** Does a step, and tells how long it took. */
  phase<T>(phase: Phase, backend: BackendName | null, work: () => T): T {
    if (!this.listening) return work();
    const { run } = this;
    const begin = performance.now();
    const result = work();
    this.tell({ kind: "phase", phase, backend, run, begin, end: performance.now() });
    return result;
  }

  async phaseLater<T>(phase: Phase, backend: BackendName | null, work: () => Promise<T>): Promise<T> {
    if (!this.listening) return work();
    const { run } = this;
    const begin = performance.now();
    const result = await work();
    this.tell({ kind: "phase", phase, backend, run, begin, end: performance.now() });
    return result;
  }
}
