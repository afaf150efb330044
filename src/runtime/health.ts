/** Whether an accelerator runs kernels: always, not for a while, or no more. */
import { breakerAdmits, breakerBegan, breakerFailed, breakerSucceeded, CLOSED, type BreakerLimits } from "./breaker.js";

export class Health {
  /** Whether kernels are given to it without a thought: it runs, and has not failed too often lately. */
  up = true;
  /** Why it runs nothing any more; null if it does. */
  gone: string | null = null;
  protected breaker = CLOSED;
  private ended = false;
  /** What it failed with last. */
  private failure = "";
  private inARow = 0;

  /** Whether a run may be given to it now. */
  admits(now: number): boolean {
    return this.gone === null && !this.ended && breakerAdmits(this.breaker, now);
  }

  /** It was given a run that it admitted, as a trial. */
  began(now: number): void {
    this.breaker = breakerBegan(this.breaker, now);
  }

  /** A run failed for a transient reason. Gives whether it gets no more of them for a while. */
  failed(reason: string, now: number, limits: BreakerLimits): boolean {
    const before = this.breaker;
    this.breaker = breakerFailed(before, now, limits);
    this.failure = reason;
    this.inARow += 1;
    this.up &&= this.breaker.kind === "closed";
    return before.kind !== "open" && this.breaker.kind === "open";
  }

  /** Whether a success is to be told to it. */
  get troubled(): boolean {
    return this.inARow > 0;
  }

  /** Gives whether it gets runs again. */
  succeeded(): boolean {
    const closes = this.breaker.kind !== "closed";
    this.breaker = breakerSucceeded();
    this.inARow = 0;
    this.up = this.gone === null && !this.ended;
    return closes;
  }

  /** Why it gets no runs for a while. */
  restInWords(now: number): string {
    const { breaker, failure, inARow } = this;
    if (breaker.kind === "closed") return failure;
    const left = breaker.kind === "half-open" ? "but for one trial" : now < breaker.until ? `for ${Math.ceil(breaker.until - now)} ms` : "until its next run, a trial";
    return `left alone ${left}, for it failed ${inARow} times in a row: ${failure}`;
  }

  /** It runs nothing any more. */
  retire(reason: string): void {
    this.gone = reason;
    this.up = false;
  }

  /** Takes no runs any more. */
  close(): void {
    this.ended = true;
    this.up = false;
  }
}
