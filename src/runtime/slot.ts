/** What a runtime knows of one kernel: for each of its backends whether it has it. */
import type { Kernel } from "../../fusion/ir.js";
import { hasLoops } from "../../fusion/traverse.js";
import type { CompiledKernel } from "../backends/backend.js";
import type { Member } from "./member.js";
import type { SlotChoices } from "./selection/adaptive.js";

/** What is known of one kernel on one backend. */
export interface Tier {
  readonly member: Member;
  readonly kernel: Kernel;
  compiled: CompiledKernel | null;
  /** `new`: the cache has not been asked. `lost`: the backend will not be tried again for this kernel. */
  state: "new" | "cold" | "compiling" | "ready" | "lost";
  /** With `lost`: why. Otherwise: why the last run that was meant for it ran elsewhere; empty if none did. */
  reason: string;
}

/** What is known of one kernel in one runtime. */
export interface KernelSlot {
  readonly kernel: Kernel;
  /** Loops make few elements expensive. */
  readonly heavy: boolean;
  /** How many runs a better backend might have had, if it had had the kernel. */
  runs: number;
  /** Of the backends that the runtime chooses among, in its order; js stands behind them all. */
  readonly tiers: readonly Tier[];
  /** The first of them. */
  readonly first: Tier;
  /** Of those that only a query's `.on()` uses. */
  readonly others: readonly Tier[];
  /** What the selector that learns knows of it. */
  choices: SlotChoices | null;
}

const newTier = (member: Member, kernel: Kernel): Tier => ({ member, kernel, compiled: null, state: "new", reason: "" });

export function newSlot(kernel: Kernel, order: readonly Member[], others: readonly Member[]): KernelSlot {
  const tiers = order.map(member => newTier(member, kernel));
  return { kernel, heavy: hasLoops(kernel.body), runs: 0, tiers, first: tiers[0] as Tier, others: others.map(member => newTier(member, kernel)), choices: null };
}
