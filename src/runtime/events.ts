/**
 * What a runtime tells of its work. Logs, meters, traces, profiles and what learns from runs all read the same events; where nobody
 * listens none is made. An event that takes time is told when it has ended, with both of its times, so nobody has to pair beginnings with ends.
 */
import type { Kernel } from "../../fusion/ir.js";
import type { BackendName } from "../backends/backend.js";

/** Every event's code, with what it is about. Beside the codes of errors: stable, and never reused. */
export const EVENT_CODES = {
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
} as const satisfies Record<RuntimeEvent["kind"], string>;

export type EventCode = (typeof EVENT_CODES)[RuntimeEvent["kind"]];

/** Milliseconds, of performance.now(). */
export interface Timed {
  readonly begin: number;
  readonly end: number;
}

/** Which run of a query an event belongs to: a number of this process; null for work of no run, or of all that wait for it. */
export interface OfRun {
  readonly run: number | null;
}

export type RuntimeEvent =
  /** A terminal ran, or failed. */
  | (Timed & OfRun & { readonly kind: "query"; readonly terminal: string; readonly backend: BackendName | null; readonly error: unknown })
  /** A kernel ran, or failed. `bytes`: what it had to read and write at least. */
  | (Timed & OfRun & { readonly kind: "kernel"; readonly kernel: Kernel; readonly backend: BackendName; readonly length: number; readonly bytes: number; readonly error: unknown })
  /** A step of making a kernel, or of a run beside its kernels. */
  | (Timed & OfRun & { readonly kind: "phase"; readonly phase: "parse" | "fuse" | "emit" | "load" | "move" | "copy out"; readonly backend: BackendName | null })
  /** A compiler worked on a kernel. */
  | (Timed & OfRun & { readonly kind: "compile"; readonly backend: BackendName; readonly kernels: number; readonly error: unknown })
  /** A compiled kernel was looked for. `level`: where it was found; null if nowhere. */
  | (OfRun & { readonly kind: "cache"; readonly backend: BackendName; readonly level: "memory" | "disk" | "shared" | null })
  /** Elements went from or to a device. */
  | (Timed & OfRun & { readonly kind: "transfer"; readonly backend: BackendName; readonly direction: "to device" | "to host" | "peer" | "staged"; readonly bytes: number })
  /** A kernel ran elsewhere than meant. */
  | (OfRun & { readonly kind: "fallback"; readonly from: BackendName; readonly to: BackendName; readonly reason: string })
  /** A backend will not be tried any more. */
  | { readonly kind: "lost"; readonly backend: BackendName; readonly instead: BackendName; readonly reason: string }
  /** What failed is tried again, after so many milliseconds. */
  | (OfRun & { readonly kind: "retry"; readonly backend: BackendName; readonly attempt: number; readonly delay: number; readonly error: unknown })
  | { readonly kind: "breaker"; readonly backend: BackendName; readonly state: "open" | "half-open" | "closed"; readonly reason: string }
  /** Two backends gave different bits. */
  | (OfRun & { readonly kind: "mismatch"; readonly backends: readonly [BackendName, BackendName]; readonly reason: string });

export type Listener = (event: RuntimeEvent) => void;

/** Those who listen to one runtime. */
export class Events {
  private listeners: readonly Listener[] = [];
  private runs = 0;

  /** Whether anybody listens: asked before an event is made, for the times that it holds cost something. */
  listening = false;

  /** Gives what ends it. */
  listen(listener: Listener): () => void {
    this.listeners = [...this.listeners, listener];
    this.listening = true;
    return () => {
      this.listeners = this.listeners.filter(other => other !== listener);
      this.listening = this.listeners.length > 0;
    };
  }

  /** A listener's own failure is no failure of the query: it is thrown where nobody waits for a result. */
  tell(event: RuntimeEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** The number of a new run. */
  newRun(): number {
    this.runs += 1;
    return this.runs;
  }
}
