/** Runs that are to end in time, and that the process does not end before. */

/** A run's time is told by a timer of its own, which keeps the process alive while the run is at work, and no longer: that of `AbortSignal.timeout` does not, and a process that has nothing else to do would end before it. */
export class Deadline {
  private readonly controller = new AbortController();
  private readonly at: number;
  /** Of a value that takes several, those at work. */
  private runs = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number) {
    this.at = performance.now() + milliseconds;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  begin(): void {
    this.runs += 1;
    if (this.runs > 1 || this.signal.aborted) return;
    const left = Math.ceil(this.at - performance.now());
    const pass = (): void => this.controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    if (left > 0) this.timer = setTimeout(pass, left);
    else pass();
  }

  end(): void {
    this.runs -= 1;
    if (this.runs === 0) clearTimeout(this.timer);
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      return await work();
    } finally {
      this.end();
    }
  }
}

const deadlines = new WeakMap<AbortSignal, Deadline>();

/** The signal of a run goes with its deadline. */
export const endsBy = (signal: AbortSignal, deadline: Deadline): void => void deadlines.set(signal, deadline);

/** Null where there is none. */
export const deadlineOf = (signal: AbortSignal | undefined): Deadline | null => (signal === undefined ? null : (deadlines.get(signal) ?? null));
