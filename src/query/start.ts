/** Runs a kernel on the backend that its tier chooses; where that one fails, on the next. */
import { bringHome, bringHomeLater } from "../backends/home.js";
import type { CompiledKernel, KernelCall, KernelResult } from "../backends/backend.js";
import type { KernelRun } from "../runtime/runtime.js";
import type { KernelSlot } from "../runtime/slot.js";
import type { Tiers } from "../runtime/tiers.js";
import type { BackendName } from "../backends/backend.js";

/** On this thread. `runs`: takes what ran it; null if nobody listens. */
export function runHere(tiers: Tiers, slot: KernelSlot, call: KernelCall, insists: BackendName | null, runs: KernelRun[] | null): KernelResult {
  for (let compiled = tiers.choose(slot, call.length, insists, call.resident !== undefined); ; ) {
    try {
      if (call.resident !== undefined && !tiers.readsBuffers(compiled)) bringHome(call);
      const result = compiled.run(call);
      runs?.push({ backend: compiled.backend, length: call.length });
      return result;
    } catch (error) {
      compiled = tiers.recover(slot, compiled, error, call.length, insists);
    }
  }
}

export interface Started {
  readonly result: KernelResult;
  readonly compiled: CompiledKernel;
}

/** Off the main thread. `chosen`: what `chooseAsync` gave for the slot. */
export async function startKernel(tiers: Tiers, slot: KernelSlot, chosen: CompiledKernel, call: KernelCall, insists: BackendName | null, signal: AbortSignal | undefined): Promise<Started> {
  for (let compiled = chosen; ; ) {
    try {
      if (call.resident !== undefined && !tiers.readsBuffers(compiled)) await bringHomeLater(call);
      return { result: await compiled.start(call, signal), compiled };
    } catch (error) {
      if (signal?.aborted === true) throw error;
      compiled = tiers.recover(slot, compiled, error, call.length, insists);
    }
  }
}
