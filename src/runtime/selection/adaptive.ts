/** The selector that learns: of the backends that have a kernel, the one that is likely to run so many elements in the least time. */
import type { BackendName } from "../../backends/backend.js";
import { inOrder, LARGE, type Choice, type Selector } from "../selector.js";
import type { Running } from "../running.js";
import type { KernelSlot, Tier } from "../slot.js";
import type { Choices } from "./choice.js";
import { predictionsInWords } from "./show.js";
import type { Prediction, Selection } from "./selection.js";

/** What a slot knows of its choices. */
export interface SlotChoices {
  readonly choices: Choices;
  /** Which of the slot's tiers they are between. */
  readonly tiers: readonly Tier[];
  /** What the tiers were like when that was found out. */
  readonly signature: number;
  /** Nothing is to be compiled for. */
  readonly settled: boolean;
}

/** A backend that should take so many times as long as another is not even compiled for. */
const WORTH_COMPILING = 30;

/** `runs`: the runtime's kernels that are at work beside the calling thread. */
export function adaptive(selection: Selection, runs: Running): Selector {
  const choicesOf = (slot: KernelSlot): SlotChoices => {
    const signature = signatureOf(slot);
    const known = slot.choices;
    if (known?.signature === signature) return known;
    const tiers = slot.tiers.filter(isPossible);
    const choices = selection.choices(slot.kernel, tiers.map(({ member }) => member));
    return (slot.choices = { choices, tiers, signature, settled: !slot.tiers.some(isCold) });
  };

  return {
    quick({ choices: known }, length) {
      if (known?.settled !== true) return null;
      const at = known.choices.next(length);
      if (at < 0) return null;
      const tier = known.tiers[at] as Tier;
      return tier.member.up ? tier.compiled : null;
    },

    pick(slot, length, ready) {
      for (;;) {
        const { choices, tiers, signature } = choicesOf(slot);
        const next = choices.next(length);
        const tier = tiers[next < 0 ? choices.timed(length) : next] as Tier;
        if (!ready(tier)) {
          // It was not asked before, and has not got it; or it has just failed, and another is looked for.
          if (signatureOf(slot) !== signature) continue;
          return inOrder.pick(slot, length, ready);
        }
        return next < 0 && tier.compiled !== null ? { ...tier, compiled: selection.timed(tier.compiled, choices, runs) } : tier;
      }
    },

    compile(slot, length, picked) {
      const cold = slot.tiers.find(isCold);
      return cold === undefined ? null : wanted(slot, cold, length, picked);
    },

    preview(slot, length, ready): Choice | null {
      if (length === null) return null;
      const tiers = slot.tiers.filter(tier => ready(tier));
      if (tiers.length < 2) return null;
      const predictions = selection.predict(slot.kernel, length, tiers.map(({ member }) => member));
      return { backend: predictions[0]?.backend as BackendName, reason: predictionsInWords(predictions, length), predictions };
    },
  };

  /** When a backend is compiled for, as in order; but not where it would never be chosen. */
  function wanted(slot: KernelSlot, cold: Tier, length: number, { member }: Tier): Tier | null {
    slot.runs += 1;
    if (length < LARGE && !slot.heavy && slot.runs < 2) return null;
    const [quick, slow] = selection.predict(slot.kernel, length, [cold.member, member]) as [Prediction, Prediction];
    return quick.backend === cold.member.name || slow.microseconds < quick.microseconds * WORTH_COMPILING ? cold : null;
  }
}

const isPossible = ({ compiled, state, member }: Tier): boolean => member.up && (compiled !== null || state === "new");

const isCold = ({ state, member }: Tier): boolean => state === "cold" && member.up;

/** Differs whenever other tiers are possible, or to be compiled for. */
function signatureOf({ tiers }: KernelSlot): number {
  let signature = 1;
  for (const tier of tiers) signature = 4 * signature + (!tier.member.up ? 0 : tier.compiled !== null ? 2 : tier.state === "new" ? 1 : tier.state === "cold" ? 3 : 0);
  return signature;
}
