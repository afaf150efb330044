/** A loaded CUDA program as the runtime calls it: lanes of one device or several, a run, and its outcome as result or error. */
import { CompilerBug } from "../../../fusion/errors.js";
import type { Kernel } from "../../../fusion/ir.js";
import { canShrink } from "../arrays.js";
import type { CompiledKernel, KernelCall, KernelResult } from "../backend.js";
import { replayFrom } from "../js/backend.js";
import { CudaError } from "./errors.js";
import { bringHome } from "../home.js";
import { Bringing, Residents } from "./residents.js";
import type { Lanes } from "./lanes.js";
import type { LoadedProgram } from "./part.js";
import { runLater, runNow, type Ran, type Seat } from "./run.js";
import { onAbort } from "../../runtime/aborts.js";
import { sharesOf, undividedReason, wholeShare } from "./shares.js";

/** A program on a device. */
export interface Station {
  readonly loaded: LoadedProgram;
  readonly lanes: Lanes;
}

export class CudaCompiledKernel implements CompiledKernel {
  readonly backend = "cuda";
  private readonly divides: boolean;

  constructor(
    /** As it was given, before it was lowered. */
    readonly kernel: Kernel,
    /** In the order in which they take shares. */
    readonly stations: readonly Station[],
    /** Whether arrays can be held in place for another thread. */
    private readonly pins: boolean,
    /** A device's part of a run has at least so many elements. */
    private readonly leastShare: number,
  ) {
    this.divides = stations.length > 1 && undividedReason(kernel) === null;
  }

  run(call: KernelCall, divides = this.divides): KernelResult {
    const seats = this.take(call, divides);
    try {
      return this.result(call, runNow(seats, call));
    } catch (error) {
      if (seats.length > 1 && this.isTooMuch(error)) return this.run(call, false);
      throw this.failure(error);
    } finally {
      this.give(seats);
    }
  }

  async start(call: KernelCall, signal: AbortSignal | undefined, divides = this.divides): Promise<KernelResult> {
    signal?.throwIfAborted();
    const seats = this.take(call, divides);
    const stop = (): void => seats.forEach(({ lane }) => lane.stop.set(1));
    const forget = onAbort(signal, stop);
    let ran: Ran;
    try {
      ran = await runLater(seats, call, call.output !== null && this.pins && !canShrink(call.output), signal);
    } catch (error) {
      if (seats.length > 1 && this.isTooMuch(error)) return await this.start(call, signal, false);
      throw this.failure(error);
    } finally {
      forget();
      this.give(seats);
    }
    const result = this.result(call, ran);
    if (result.output === null || call.output === null || result.output.buffer === call.output.buffer) return result;
    // Memory that cannot be held in place while another thread writes to it is written at the end.
    (call.output as Float64Array).set(result.output as Float64Array);
    return { ...result, output: call.output.subarray(0, result.count) };
  }

  /** Devices for a run, with their shares of it: those that are not lost, if there are any. */
  private take(call: KernelCall, divides: boolean): readonly Seat[] {
    const there = this.there;
    const stations = there.length === 0 ? this.stations.slice(0, 1) : there;
    const shares = divides ? sharesOf(call.length, stations.length, this.leastShare) : [wholeShare(call.length)];
    const bringing = new Bringing(shares.length > 1);
    const seats: Seat[] = [];
    try {
      for (const [at, share] of shares.entries()) {
        const { loaded: program, lanes } = stations[at] as Station;
        // What is before a scan's share is known when all of it has been seen once: it does not come in chunks.
        const loaded = shares.length > 1 && this.kernel.sink.kind === "scan" ? { ...program, chunkBytes: Infinity } : program;
        const lane = lanes.take();
        seats.push({ loaded, lanes, lane, share, residents: Residents.of(lanes, lane, call, share, bringing) });
      }
    } catch (error) {
      this.give(seats);
      throw this.failure(error);
    }
    return seats;
  }

  private give(seats: readonly Seat[]): void {
    for (const { lanes, lane } of seats) lanes.give(lane);
  }

  /** Whether a scan's shares do not fit at once: in chunks the first device goes through all of it. */
  private isTooMuch(error: unknown): boolean {
    return this.kernel.sink.kind === "scan" && error instanceof CudaError && error.kind === "resource";
  }

  private get there(): readonly Station[] {
    return this.stations.filter(({ lanes }) => lanes.context.lost === null);
  }

  /** One of several devices that is lost takes its runs with it, and no later ones. */
  private failure(error: unknown): unknown {
    if (!(error instanceof CudaError) || error.kind !== "fatal" || this.there.length === 0) return error;
    const { call, result, log } = error;
    return new CudaError("transient", `${error.message.replace(/^DC\d+: /, "")}. The other devices go on`, { call, result, log }, { cause: error });
  }

  private result(call: KernelCall, { outcome, output }: Ran): KernelResult {
    switch (outcome.status) {
      case "done":
        return { ...outcome.result, output };
      case "failed":
        // Which element failed and how is for the reference to say; it reads the host's memory.
        bringHome(call);
        replayFrom(this.kernel, call, outcome.position);
        throw new CompilerBug(`a CUDA kernel failed at element ${outcome.position} or later, where its reference does not`);
      case "stopped":
        throw new CudaError("transient", "the run was stopped because the process or the worker is ending");
      default:
        return outcome satisfies never;
    }
  }
}
