/** Kernels in the making, and whoever listens: what was found in which cache, how long the compiler took. */
import type { Kernel } from "../../fusion/ir.js";
import { Events, type CacheLevel } from "../runtime/events.js";
import type { BackendName } from "./backend.js";

export class Making {
  /** Asked for by this run. */
  private readonly run: number | null;

  constructor(
    private readonly events: Events,
    private readonly backend: BackendName,
    private readonly kernels: readonly Kernel[],
  ) {
    this.run = events.run;
  }

  /** What else is done for it, after waiting. */
  within<T>(work: () => T): T {
    return this.events.within(this.run, work);
  }

  /** `level`: null for nowhere. */
  found(level: CacheLevel | null): void {
    const { events, run, backend } = this;
    if (events.listening) events.tell({ kind: "cache", run, backend, level });
  }

  compiledNow<T>(compile: () => T): T {
    const begin = performance.now();
    try {
      const made = compile();
      this.compiled(begin, null);
      return made;
    } catch (error) {
      this.compiled(begin, error);
      throw error;
    }
  }

  async compiledLater<T>(compile: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      const made = await compile();
      this.compiled(begin, null);
      return made;
    } catch (error) {
      this.compiled(begin, error);
      throw error;
    }
  }

  private compiled(begin: number, error: unknown): void {
    const { events, run, backend, kernels } = this;
    if (events.listening) events.tell({ kind: "compile", run, backend, kernels, begin, end: performance.now(), error });
  }
}

/** Where nobody listens. */
export const unheard = (backend: BackendName): Making => new Making(new Events(), backend, []);
