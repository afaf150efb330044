/** How long to wait before something is tried again. */
export interface BackoffLimits {
  /** Milliseconds before the first retry, at most; twice as many before the next. */
  readonly baseDelay: number;
  /** But never more than this. */
  readonly maxDelay: number;
}

/** Milliseconds before retry number `retry`, from 1 on. `random`, in [0, 1), spreads those who failed together over the whole of the delay. */
export const backoff = (retry: number, { baseDelay, maxDelay }: BackoffLimits, random: number): number => random * Math.min(maxDelay, baseDelay * 2 ** (retry - 1));
