/** Runs a kernel off the main thread, on the backend that its tier chooses; where that one fails, on the next. */
import type { CompiledKernel, KernelCall, KernelResult } from "../backends/backend.js";
import type { KernelSlot, Tiers } from "../runtime/tiers.js";
import type { BackendName } from "../backends/backend.js";

export interface Started {
  readonly result: KernelResult;
  readonly compiled: CompiledKernel;
}

/** `chosen`: what `chooseAsync` gave for the slot. */
export async function startKernel(tiers: Tiers, slot: KernelSlot, chosen: CompiledKernel, call: KernelCall, insists: BackendName | null, signal: AbortSignal | undefined): Promise<Started> {
  for (let compiled = chosen; ; ) {
    try {
      return { result: await compiled.start(call, signal), compiled };
    } catch (error) {
      if (signal?.aborted === true) throw error;
      compiled = tiers.recover(slot, compiled, error, call.length, insists);
    }
  }
}
