/** Runs a kernel on the backend that its tier chooses; where that one fails, on the next. */
import type { Kernel } from "../../fusion/ir.js";
import { bringHome, bringHomeLater } from "../backends/home.js";
import type { CompiledKernel, KernelCall, KernelResult } from "../backends/backend.js";
import type { KernelSlot } from "../runtime/slot.js";
import type { Tiers } from "../runtime/tiers.js";
import type { BackendName } from "../backends/backend.js";
import { within, type Watch } from "../runtime/watch.js";

/** On this thread. `watch`: null if nobody listens. */
export function runHere(tiers: Tiers, slot: KernelSlot, call: KernelCall, insists: BackendName | null, watch: Watch | null): KernelResult {
  for (let compiled = tiers.choose(slot, call.length, insists, call.resident !== undefined); ; ) {
    try {
      if (call.resident !== undefined && !tiers.readsBuffers(compiled)) bringHome(call);
      return watch === null ? compiled.run(call) : watch.kernel(compiled, call, slot.kernel);
    } catch (error) {
      compiled = tiers.recover(slot, compiled, error, call.length, insists);
    }
  }
}

/** Off the main thread. `chosen`: what `chooseAsync` gave for the slot. `piecesOf`: the kernel of the plan that runs once for each piece. */
export async function startKernel(tiers: Tiers, slot: KernelSlot, chosen: CompiledKernel, call: KernelCall, insists: BackendName | null, signal: AbortSignal | undefined, watch: Watch | null, piecesOf: Kernel | null = null): Promise<KernelResult> {
  for (let compiled = chosen; ; ) {
    try {
      if (call.resident !== undefined && !tiers.readsBuffers(compiled)) await within(watch, () => bringHomeLater(call));
      return await (watch === null ? compiled.start(call, signal) : watch.kernelLater(compiled, call, piecesOf ?? slot.kernel, piecesOf !== null, signal));
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const failed = compiled;
      compiled = within(watch, () => tiers.recover(slot, failed, error, call.length, insists));
    }
  }
}
