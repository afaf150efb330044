/** What a soak's threads run. */
import { inspect } from "node:util";
import type { Runtime } from "../../src/runtime/create.js";
import type { Outcome } from "../laws/run.js";

/** One query that can be run on any runtime, and what it must give. */
export interface Task {
  readonly told: string;
  readonly now: (runtime: Runtime) => unknown;
  readonly later: (runtime: Runtime, signal: AbortSignal | undefined) => Promise<unknown>;
  /** Null where the result is right; otherwise what is wrong with it. */
  readonly fault: (outcome: Outcome) => Promise<string | null>;
}

export const shown = (outcome: Outcome): string => ("error" in outcome ? outcome.error : inspect(outcome.value, { maxArrayLength: 12, breakLength: 200 }));
