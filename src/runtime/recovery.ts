/** What comes after a kernel has failed: the same again, another backend, or the end. Made for a run that failed, and kept until it is over. */
import { BackendError } from "../../fusion/errors.js";
import type { BackendName, CompiledKernel, KernelCall } from "../backends/backend.js";
import { rewrites } from "../backends/kept.js";
import { backoff } from "./backoff.js";
import { classOf } from "./failures.js";
import type { Member } from "./member.js";
import { reasonOf, together } from "./reasons.js";
import type { KernelSlot, Tier } from "./slot.js";
import { tierOf, type Tiers } from "./tiers.js";

/** What runs next. */
export interface Next {
  readonly compiled: CompiledKernel;
  /** Milliseconds to wait for first. A run on the calling thread does not: whatever else that thread has to do would wait, too. */
  readonly delay: number;
}

export class Recovery {
  private readonly failures: BackendError[] = [];
  /** On the backend at hand. */
  private attempts = 0;

  constructor(
    private readonly tiers: Tiers,
    private readonly slot: KernelSlot,
    private readonly call: KernelCall,
    private readonly insists: BackendName | null,
  ) {}

  /** Throws what the query fails with: what is nobody's fault but the caller's as it is, and else every attempt's failure. */
  next(failed: CompiledKernel, error: unknown): Next {
    const { tiers, slot, call } = this;
    const failure = classOf(error);
    if (failure === "programmer" || !(error instanceof BackendError)) throw error;
    const { backend } = failed;
    const tier = tierOf(slot, backend);
    const { member } = tier;
    this.failures.push(error);
    this.attempts += 1;
    // Behind js there is nothing: it is never given up.
    const given = backend !== "js";
    if (failure === "transient") {
      if (given) tiers.failed(member, error);
      if (this.mayRetry(member) && !this.isSpoilt(failed)) return { compiled: failed, delay: this.delay(member, error) };
    }
    if (failure === "fatal" && given) member.retire(reasonOf(error));
    if (tiers.isInsisted(this.insists) || !given || this.isSpoilt(failed)) throw this.end(backend);
    if (failure === "kernel" || failure === "fatal") tiers.lose(tier, error);
    const next = this.chooseAfter(tier);
    if (failure === "transient" || failure === "resource") tiers.reports.fallback(tier, next.backend, call.length, error);
    this.attempts = 0;
    return { compiled: next, delay: 0 };
  }

  private chooseAfter(tier: Tier): CompiledKernel {
    const { tiers, slot, call } = this;
    try {
      return tiers.chooseAfter(slot, tier, call.length);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      this.failures.push(error);
      throw this.end("js");
    }
  }

  private mayRetry(member: Member): boolean {
    return this.attempts < this.tiers.resilience.attempts && (member.up || this.tiers.isInsisted(this.insists)) && !writesInPlace(this.call);
  }

  /** Whether the failed run may have changed what another one would read. What ran on a device has not: its arrays are read back at the end. */
  private isSpoilt({ kernel, backend }: CompiledKernel): boolean {
    return backend !== "cuda" && kernel.sink.kind === "stores" && rewrites(kernel, this.call);
  }

  private delay(member: Member, error: BackendError): number {
    const { resilience, reports } = this.tiers;
    const delay = backoff(this.attempts, resilience, resilience.random());
    reports.retry(member, this.attempts + 1, delay, error);
    return delay;
  }

  private end(backend: BackendName): BackendError {
    return together(this.failures, backend);
  }
}

/** What has been written over is not there any more to begin anew from. */
const writesInPlace = ({ source, output, arrays }: KernelCall): boolean => output !== null && [source, ...arrays].some(array => array?.buffer === output.buffer);
