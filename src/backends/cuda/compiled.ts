/** A loaded CUDA program as the runtime calls it: a lane of the device, a run, and its outcome as result or error. */
import { CompilerBug } from "../../../fusion/errors.js";
import type { Kernel } from "../../../fusion/ir.js";
import { canShrink } from "../arrays.js";
import type { CompiledKernel, KernelCall, KernelResult } from "../backend.js";
import { replayFrom } from "../js/backend.js";
import type { CudaContext } from "./driver.js";
import { CudaError } from "./errors.js";
import type { Storage } from "../../memory/storage.js";
import { bringHome } from "../home.js";
import { Residents } from "./residents.js";
import { newLane, runLater, runNow, type Lane, type LoadedProgram, type Ran } from "./run.js";

/** Each holds up to 48 MiB of page-locked memory. */
const MOST_IDLE = 2;
/** Buffers that are remembered without a thought. */
const FEW = 64;

/** Lanes of a device that wait for their next run. */
export class Lanes {
  private readonly free: Lane[] = [];
  /** Never given back: what is left in them may still look at their flag. */
  private readonly unusable: Lane[] = [];

  /** Buffers that have been on the device; they may be forgotten. */
  private readonly stored = new Set<WeakRef<Storage>>();
  /** How many of them there may be before those that have ended are left out. */
  private most = FEW;

  constructor(readonly context: CudaContext) {}

  noteCopy(storage: Storage): void {
    this.stored.add(new WeakRef(storage));
    if (this.stored.size <= this.most) return;
    for (const reference of this.stored) if (reference.deref()?.isOn(this.context) !== true) this.stored.delete(reference);
    this.most = Math.max(FEW, 2 * this.stored.size);
  }

  /** Gives up what buffers have on the device and the host has, too. */
  dropCopies(): void {
    for (const reference of this.stored) {
      const storage = reference.deref();
      if (storage?.dropCopy(this.context) !== false) this.stored.delete(reference);
    }
  }

  take(): Lane {
    return this.free.pop() ?? newLane(this.context);
  }

  give(lane: Lane): void {
    if (this.context.lost !== null) return void this.free.splice(0);
    if (!lane.isUsable) return void this.unusable.push(lane);
    lane.stop.set(0);
    if (this.free.length < MOST_IDLE) return void this.free.push(lane);
    for (const part of [lane.arrivals, lane.work, lane.departures, lane.stop]) part.release();
  }
}

export class CudaCompiledKernel implements CompiledKernel {
  readonly backend = "cuda";

  constructor(
    /** As it was given, before it was lowered. */
    readonly kernel: Kernel,
    private readonly loaded: LoadedProgram,
    private readonly lanes: Lanes,
    /** Whether arrays can be held in place for another thread. */
    private readonly pins: boolean,
  ) {}

  run(call: KernelCall): KernelResult {
    const lane = this.lanes.take();
    try {
      return this.result(call, runNow(this.loaded, call, lane, Residents.of(this.lanes, lane, call)));
    } finally {
      this.lanes.give(lane);
    }
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    signal?.throwIfAborted();
    const lane = this.lanes.take();
    const stop = (): void => lane.stop.set(1);
    signal?.addEventListener("abort", stop, { once: true });
    let ran: Ran;
    try {
      ran = await runLater(this.loaded, call, lane, call.output !== null && this.pins && !canShrink(call.output), signal, Residents.of(this.lanes, lane, call));
    } finally {
      signal?.removeEventListener("abort", stop);
      this.lanes.give(lane);
    }
    const result = this.result(call, ran);
    if (result.output === null || call.output === null || result.output.buffer === call.output.buffer) return result;
    // Memory that cannot be held in place while another thread writes to it is written at the end.
    (call.output as Float64Array).set(result.output as Float64Array);
    return { ...result, output: call.output.subarray(0, result.count) };
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
