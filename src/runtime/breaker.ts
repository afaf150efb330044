/**
 * The circuit breaker of a backend: after so many failures in a row it gets no runs for a while, then one as a trial. A pure state machine:
 * who calls it brings the time along.
 */
export interface BreakerLimits {
  /** So many transient failures in a row open it. */
  readonly failures: number;
  /** Milliseconds before the first trial; each trial that fails doubles them. */
  readonly rest: number;
  /** But they are no more than this. */
  readonly longestRest: number;
}

export type BreakerState =
  | { readonly kind: "closed"; readonly failures: number }
  /** No run is admitted before `until`. */
  | { readonly kind: "open"; readonly rest: number; readonly until: number }
  /** A trial is at work. One that is never heard of again is followed by another at `until`. */
  | { readonly kind: "half-open"; readonly rest: number; readonly until: number };

export const CLOSED: BreakerState = { kind: "closed", failures: 0 };

export const breakerAdmits = (state: BreakerState, now: number): boolean => state.kind === "closed" || now >= state.until;

/** A run that was admitted begins. */
export function breakerBegan(state: BreakerState, now: number): BreakerState {
  return state.kind === "closed" || now < state.until ? state : { kind: "half-open", rest: state.rest, until: now + state.rest };
}

export function breakerFailed(state: BreakerState, now: number, { failures, rest, longestRest }: BreakerLimits): BreakerState {
  switch (state.kind) {
    case "closed":
      return state.failures + 1 < failures ? { kind: "closed", failures: state.failures + 1 } : { kind: "open", rest, until: now + rest };
    case "open":
      // Of a run that began before.
      return state;
    case "half-open": {
      const longer = Math.max(rest, Math.min(longestRest, state.rest * 2));
      return { kind: "open", rest: longer, until: now + longer };
    }
    default:
      return state satisfies never;
  }
}

/** Any success is proof, be it that of a query that insists on the backend. */
export const breakerSucceeded = (): BreakerState => CLOSED;
