/** A run of a query that somebody listens to: what it does, told as events. Runs that nobody listens to have none of this. */
import { newTiming, type DeviceSpan, type KernelCall, type KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import type { BackendName, CompiledKernel } from "../backends/backend.js";
import type { Events, Phase } from "./events.js";

export class Watch {
  readonly run: number;
  private readonly parent: number | null;
  private readonly begin = performance.now();
  private backend: BackendName | null = null;

  constructor(
    private readonly events: Events,
    private readonly terminal: string,
  ) {
    this.run = events.newRun();
    this.parent = events.run;
    events.tell({ kind: "begin", run: this.run, parent: this.parent, terminal, begin: this.begin });
  }

  /** Does what belongs to the run, or at least begins it. */
  within<T>(work: () => T): T {
    return this.events.within(this.run, work);
  }

  /** The whole run. */
  now<T>(work: () => T): T {
    let result: T;
    try {
      result = this.within(work);
    } catch (error) {
      this.end(error);
      throw error;
    }
    this.end(null);
    return result;
  }

  async later<T>(work: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await this.within(work);
    } catch (error) {
      this.end(error);
      throw error;
    }
    this.end(null);
    return result;
  }

  end(error: unknown): void {
    const { run, parent, terminal, begin, backend } = this;
    this.events.tell({ kind: "query", run, parent, terminal, backend, begin, end: performance.now(), error });
  }

  phase<T>(phase: Phase, work: () => T): T {
    return this.within(() => this.events.phase(phase, null, work));
  }

  phaseLater<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    return this.within(() => this.events.phaseLater(phase, null, work));
  }

  kernel(compiled: CompiledKernel, call: KernelCall, kernel: Kernel): KernelResult {
    const timed = this.timed(call);
    const begin = performance.now();
    let result: KernelResult;
    try {
      result = this.within(() => compiled.run(timed));
    } catch (error) {
      this.tellKernel(compiled, timed, kernel, false, begin, null, error);
      throw error;
    }
    this.tellKernel(compiled, timed, kernel, false, begin, result, null);
    return result;
  }

  /** `kernel`: the one of the plan, where another of the same meaning runs. */
  async kernelLater(compiled: CompiledKernel, call: KernelCall, kernel: Kernel, piece: boolean, signal: AbortSignal | undefined): Promise<KernelResult> {
    const timed = this.timed(call);
    const begin = performance.now();
    let result: KernelResult;
    try {
      result = await this.within(() => compiled.start(timed, signal));
    } catch (error) {
      this.tellKernel(compiled, timed, kernel, piece, begin, null, error);
      throw error;
    }
    this.tellKernel(compiled, timed, kernel, piece, begin, result, null);
    return result;
  }

  private timed(call: KernelCall): KernelCall {
    return this.events.timing ? { ...call, timing: newTiming() } : call;
  }

  private tellKernel({ backend }: CompiledKernel, call: KernelCall, kernel: Kernel, piece: boolean, begin: number, result: KernelResult | null, error: unknown): void {
    const { events, run } = this;
    const end = performance.now();
    const spans: readonly DeviceSpan[] = call.timing?.spans ?? [];
    if (result !== null) this.backend = backend;
    events.tell({ kind: "kernel", run, kernel, piece, backend, length: call.length, bytes: bytesOf(call, result), begin, end, spans, error });
    for (const { what, bytes, from, milliseconds } of spans) {
      // The device's clock runs from the run's first command there, which is given as soon as the run begins.
      if (what !== "kernel") events.tell({ kind: "transfer", run, backend, direction: what === "upload" ? "to device" : "to host", bytes, begin: begin + from, end: begin + from + milliseconds });
    }
  }
}

/** What belongs to a run, if somebody listens to it. */
export const within = <T>(watch: Watch | null, work: () => T): T => (watch === null ? work() : watch.within(work));

function bytesOf({ source, length, arrays }: KernelCall, result: KernelResult | null): number {
  const outputs = result?.outputs ?? (result?.output ? [result.output] : []);
  const read = source === null ? 0 : length * source.BYTES_PER_ELEMENT;
  return [...arrays, ...outputs].reduce((bytes, { byteLength }) => bytes + byteLength, read);
}
