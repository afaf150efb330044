/** Kernels that are compiled before they are needed. */
import { QueryError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import type { BackendName } from "../backends/backend.js";
import type { Progress } from "./progress.js";
import { reasonOf } from "./reasons.js";
import type { Tier } from "./slot.js";

export interface PrecompileOptions {
  /** The backend to compile for, instead of all that the runtime chooses among. */
  readonly accelerator?: BackendName | undefined;
  /** Is told how many kernels are compiled, ten times a second at most, and at last that all are. What it throws changes nothing: it is a warning of the process. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What came of one kernel on one backend. */
export interface Precompiled {
  readonly kernel: Kernel;
  readonly backend: BackendName;
  /** `found`: it was there, in memory or on disk. */
  readonly state: "found" | "compiled" | "failed";
  /** Why it could not be compiled; null if it could. */
  readonly reason: string | null;
}

export async function precompiled(tier: Tier, known: (tier: Tier) => unknown, compile: (tier: Tier) => Promise<unknown>): Promise<Precompiled> {
  const of = { kernel: tier.kernel, backend: tier.member.name };
  if (known(tier) !== null) return { ...of, state: "found", reason: null };
  try {
    await compile(tier);
    return { ...of, state: "compiled", reason: null };
  } catch (error) {
    // The runtime has been disposed of.
    if (error instanceof QueryError) throw error;
    return { ...of, state: "failed", reason: reasonOf(error) };
  }
}
