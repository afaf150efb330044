/** How many kernels, or runs of queries, are at work beside the calling thread. */
export class Running {
  private count = 0;
  private begun = 0;
  private readonly waiting: (() => void)[] = [];

  begin(): void {
    this.count += 1;
    this.begun += 1;
  }

  /** While one kernel is at work alone a number that stays the same; null while none is, or others are, too. */
  get alone(): number | null {
    return this.count === 1 ? this.begun : null;
  }

  get idle(): boolean {
    return this.count === 0;
  }

  end(): void {
    this.count -= 1;
    if (this.count === 0) for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Resolves when none is. */
  over(): Promise<void> {
    return this.count === 0 ? Promise.resolve() : new Promise(resolve => void this.waiting.push(resolve));
  }
}
