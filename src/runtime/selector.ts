/** Which of the backends that have a kernel runs it, and which are to have it. */
import type { BackendName, CompiledKernel } from "../backends/backend.js";
import type { Prediction } from "./selection/selection.js";
import type { KernelSlot, Tier } from "./slot.js";

export interface Choice {
  readonly backend: BackendName;
  /** Why this one, to be read after `cpu: ` or `js: `. */
  readonly reason: string;
  /** How long each backend should take, the quickest first; left out by a selector that does not go by that. */
  readonly predictions?: readonly Prediction[];
}

/** How a runtime chooses, where no query insists on a backend. Asked by every run, so it has to be quick. */
export interface Selector {
  /**
   * The tier of `slot.tiers` that runs so many elements now. `ready`: whether a tier has the kernel and its backend is well, js always;
   * asks the backend's cache, once. Null if none is.
   */
  pick(slot: KernelSlot, length: number, ready: (tier: Tier) => boolean): Tier | null;
  /** What was picked for such lengths before, where there is nothing to be thought about; null, or left out: ask `pick`. */
  quick?(slot: KernelSlot, length: number): CompiledKernel | null;
  /** What is to be compiled in the background for the runs to come, beside what was picked; one whose state is `cold`. */
  compile(slot: KernelSlot, length: number, picked: Tier): Tier | null;
  /** What it would choose, and why, for explain(); null, or left out: the first in order that is ready, because it is. `length`: null if nobody knows. */
  preview?(slot: KernelSlot, length: number | null, ready: (tier: Tier) => boolean): Choice | null;
}

/** From this many elements on, a cold kernel is compiled the first time it runs. */
export const LARGE = 4096;

/** The first in the runtime's order that has the kernel; the first that might have it is to compile it. */
export const inOrder: Selector = {
  pick({ tiers }, _length, ready) {
    for (const tier of tiers) if (ready(tier)) return tier;
    return null;
  },

  compile(slot, length, picked) {
    for (const tier of slot.tiers) {
      if (tier === picked) return null;
      if (tier.state === "lost" || !tier.member.up) continue;
      slot.runs += 1;
      return tier.state === "cold" && (length >= LARGE || slot.heavy || slot.runs >= 2) ? tier : null;
    }
    return null;
  },
};
