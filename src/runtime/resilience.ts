/** How failures of backends are met: options with their defaults. */
import { QueryError } from "../../fusion/errors.js";
import { describe } from "../query/given.js";
import { checkOptions } from "../query/options.js";
import type { BackoffLimits } from "./backoff.js";
import type { BreakerLimits } from "./breaker.js";

export interface ResilienceOptions extends Partial<BackoffLimits> {
  /** How often a run that fails for a transient reason is tried on one backend, the first time included; 3 by default, 1 for never again. */
  readonly attempts?: number;
  /** When a backend that keeps failing is left alone, and for how long. */
  readonly breaker?: Partial<BreakerLimits>;
  /** Milliseconds after which a compiler is given up, be it that it compiles or that it is asked for its version; a minute by default for C++ (half a minute for its version), which is stopped then. */
  readonly compileTimeLimit?: number;
  /** The time in milliseconds, instead of performance.now(). For tests. */
  readonly clock?: () => number;
  /** Instead of Math.random(). For tests. */
  readonly random?: () => number;
}

export interface Resilience extends BackoffLimits {
  readonly attempts: number;
  readonly breaker: BreakerLimits;
  /** Null for each backend's own. */
  readonly compileTimeLimit: number | null;
  readonly clock: () => number;
  readonly random: () => number;
}

/** The longest that timers wait: what is longer they take for nothing. */
const LONGEST = 2 ** 31 - 1;

export const resilienceOf = ({ attempts = 3, baseDelay = 10, maxDelay = 1000, breaker = {}, compileTimeLimit, clock = () => performance.now(), random = Math.random }: ResilienceOptions = {}): Resilience => ({
  attempts,
  baseDelay,
  maxDelay,
  breaker: { failures: 5, rest: 1000, longestRest: 60_000, ...breaker },
  compileTimeLimit: compileTimeLimit === undefined ? null : Math.min(compileTimeLimit, LONGEST),
  clock,
  random,
});

/** Whole numbers from 1 on; milliseconds from 0 on. */
const KINDS = { attempts: "count", baseDelay: "time", maxDelay: "time", breaker: "limits", compileTimeLimit: "time", clock: "function", random: "function" } as const;
const BREAKER_KINDS = { failures: "count", rest: "time", longestRest: "time" } as const;
const WORDS = { count: "a number of 1 or more", time: "a number of milliseconds", limits: "an object", function: "a function" } as const;

export function checkResilience(given: unknown): void {
  const options = checkOptions(given, "createRuntime", Object.keys(KINDS), "Write resilience: { attempts: 5, baseDelay: 20 }, or leave it out.", "resilience.");
  check(options, KINDS, "resilience.");
  check(checkOptions(options["breaker"], "createRuntime", Object.keys(BREAKER_KINDS), "Write breaker: { failures: 3, rest: 5000 }, or leave it out.", "resilience.breaker."), BREAKER_KINDS, "resilience.breaker.");
}

function check(options: Readonly<Record<string, unknown>>, kinds: Readonly<Record<string, keyof typeof WORDS>>, of: string): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const value = options[name];
    if (value === undefined || kind === "limits" || isOf(kind, value)) continue;
    throw new QueryError("DC305", `the option ${of}${name} of createRuntime() is ${WORDS[kind]}, not ${describe(value)}`, "Leave it out for the usual.");
  }
}

function isOf(kind: "count" | "time" | "function", value: unknown): boolean {
  if (kind === "function") return typeof value === "function";
  return typeof value === "number" && (kind === "count" ? Number.isSafeInteger(value) && value >= 1 : value >= 0);
}
