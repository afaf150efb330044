/** Kernels that are being compiled while others run them. */
import type { CompiledKernel } from "../backends/backend.js";
import type { Tier } from "./slot.js";

export class Background {
  private readonly pending = new Map<Promise<void>, Tier>();

  /** Compiles the kernel; one of the callbacks is called when that has come to its end. */
  begin(tier: Tier, ready: (compiled: CompiledKernel) => void, failed: (error: unknown) => void): void {
    tier.state = "compiling";
    const work = tier.member
      .compileAsync(tier.kernel, { background: true })
      .then(ready, failed)
      .finally(() => this.pending.delete(work));
    this.pending.set(work, tier);
  }

  /** Resolves when nothing is being compiled any more. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) {
      // Asking again, in the foreground, keeps the process alive until they are ready; failures are dealt with elsewhere.
      await Promise.allSettled([...this.pending.values()].map(({ member, kernel }) => member.compileAsync(kernel)));
      await Promise.all(this.pending.keys());
    }
  }
}
