/** Runs a kernel on the backend that its tier chooses; where that one fails, there again, or on the next. */
import { BackendError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { bringHome, bringHomeLater } from "../backends/home.js";
import type { CompiledKernel, KernelCall, KernelResult } from "../backends/backend.js";
import { Recovery } from "../runtime/recovery.js";
import type { KernelSlot } from "../runtime/slot.js";
import type { Tiers } from "../runtime/tiers.js";
import { later } from "../runtime/waiting.js";
import type { BackendName } from "../backends/backend.js";
import { within, type Watch } from "../runtime/watch.js";

/** On this thread. `watch`: null if nobody listens. */
export function runHere(tiers: Tiers, slot: KernelSlot, call: KernelCall, insists: BackendName | null, watch: Watch | null): KernelResult {
  let recovery: Recovery | null = null;
  for (let compiled = tiers.choose(slot, call.length, insists, call.resident !== undefined); ; ) {
    try {
      if (call.resident !== undefined && !tiers.readsBuffers(compiled)) bringHome(call);
      const result = watch === null ? compiled.run(call) : watch.kernel(compiled, call, slot.kernel);
      if (tiers.troubled) tiers.succeeded(compiled);
      return result;
    } catch (error) {
      recovery ??= new Recovery(tiers, slot, call, insists);
      ({ compiled } = recovery.next(compiled, error));
    }
  }
}

/** Off the main thread. `chosen`: what `chooseAsync` gave for the slot. `piecesOf`: the kernel of the plan that runs once for each piece. */
export async function startKernel(tiers: Tiers, slot: KernelSlot, chosen: CompiledKernel, call: KernelCall, insists: BackendName | null, signal: AbortSignal | undefined, watch: Watch | null, piecesOf: Kernel | null = null): Promise<KernelResult> {
  let recovery: Recovery | null = null;
  tiers.runs.begin();
  try {
    for (let compiled = chosen; ; ) {
      try {
        if (call.resident !== undefined && !tiers.readsBuffers(compiled)) await within(watch, () => bringHomeLater(call));
        const result = await (watch === null ? compiled.start(call, signal) : watch.kernelLater(compiled, call, piecesOf ?? slot.kernel, piecesOf !== null, signal));
        if (tiers.troubled) tiers.succeeded(compiled);
        return result;
      } catch (error) {
        // Whether it would have been tried again does not matter to who has called it off.
        if (signal?.aborted === true) throw error instanceof BackendError ? signal.reason : error;
        const failed = compiled;
        const after = (recovery ??= new Recovery(tiers, slot, call, insists));
        const next = within(watch, () => after.next(failed, error));
        if (next.delay > 0) await later(next.delay, signal, tiers.ending);
        ({ compiled } = next);
      }
    }
  } finally {
    tiers.runs.end();
  }
}
