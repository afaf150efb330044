/** The selector that learns: of the backends that have a kernel, the one that is likely to run so many elements in the least time. */
import type { BackendName } from "../../backends/backend.js";
import { inOrder, LARGE, type Choice, type Selector } from "../selector.js";
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
}

/** A backend that should take so many times as long as another is not even compiled for. */
const WORTH_COMPILING = 30;

export function adaptive(selection: Selection): Selector {
  const choicesOf = (slot: KernelSlot): SlotChoices => {
    const signature = signatureOf(slot);
    const known = slot.choices;
    if (known?.signature === signature) return known;
    const tiers = slot.tiers.filter(isPossible);
    const choices = selection.choices(slot.kernel, tiers.map(({ member }) => member));
    return (slot.choices = { choices, tiers, signature });
  };

  return {
    pick(slot, length, ready) {
      for (;;) {
        const { choices, tiers, signature } = choicesOf(slot);
        const name = choices.next(length);
        const tier = named(tiers, name ?? choices.timed(length));
        if (!ready(tier)) {
          // It was not asked before, and has not got it; or it has just failed, and another is looked for.
          if (signatureOf(slot) !== signature) continue;
          return inOrder.pick(slot, length, ready);
        }
        return name === null && tier.compiled !== null ? { ...tier, compiled: selection.timed(tier.compiled, choices) } : tier;
      }
    },

    compile(slot, length, picked) {
      for (const tier of slot.tiers) if (tier.state === "cold" && tier.member.up) return wanted(slot, tier, length, picked);
      return null;
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

/** Differs whenever other tiers are possible. */
function signatureOf({ tiers }: KernelSlot): number {
  let signature = 1;
  for (const tier of tiers) signature = 3 * signature + (!tier.member.up ? 0 : tier.compiled !== null ? 2 : tier.state === "new" ? 1 : 0);
  return signature;
}

function named(tiers: readonly Tier[], name: BackendName): Tier {
  for (const tier of tiers) if (tier.member.name === name) return tier;
  return tiers[tiers.length - 1] as Tier;
}
