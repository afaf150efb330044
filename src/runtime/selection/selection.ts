/**
 * Which backend is likely to be the quickest: what a runtime asks before a run, what learns from runs, and what explain() and
 * optimalAccelerator() tell. Kernels are known by what they compute (see identity.ts), so that queries written differently learn together.
 */
import { createHash } from "node:crypto";
import type { Kernel } from "../../../fusion/ir.js";
import { identityOf } from "../../../fusion/identity.js";
import { workOf, type Work } from "../../../fusion/work.js";
import type { BackendName, CompiledKernel, KernelCall, KernelResult } from "../../backends/backend.js";
import { sharedFrom } from "../../backends/cpu/sharing.js";
import { partsOf } from "../../backends/parts.js";
import { Choices, newKnown, type Known } from "./choice.js";
import { Estimate } from "./estimate.js";
import type { History, LearnedOf } from "./history.js";
import { curveOf } from "./model.js";

/** How long a run of a kernel should take on a backend. */
export interface Prediction {
  readonly backend: BackendName;
  readonly microseconds: number;
  /** By what share of it that may be wrong. */
  readonly doubt: number;
  /** How many timed runs of this kernel there it was learned from; of 0 it is the model's alone. */
  readonly runs: number;
}

/** What was learned on another day is worth so much. */
const KEPT_BETWEEN = 0.5;

export class Selection {
  private readonly kernels = new WeakMap<Kernel, Known>();
  private readonly byContent = new Map<string, Known>();

  constructor(
    private readonly history: History,
    /** By how many threads a native run may be shared. */
    private readonly threads: () => number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Choices between these backends, all of which can run the kernel. */
  choices(kernel: Kernel, backends: readonly BackendName[]): Choices {
    return new Choices(this.known(kernel), backends);
  }

  /** What runs in place of a compiled kernel whose run is to be timed. */
  timed(compiled: CompiledKernel, choices: Choices): CompiledKernel {
    return new TimedKernel(compiled, choices, this.now);
  }

  /** The quickest first. */
  predict(kernel: Kernel, length: number, backends: readonly BackendName[]): readonly Prediction[] {
    const { estimates } = this.known(kernel);
    const predictions = backends.map((backend): Prediction => {
      const estimate = estimates.get(backend) as Estimate;
      return { backend, microseconds: estimate.at(length), doubt: estimate.doubtAt(length), runs: estimate.runs };
    });
    return predictions.sort((one, other) => one.microseconds - other.microseconds);
  }

  private known(kernel: Kernel): Known {
    let known = this.kernels.get(kernel);
    if (known !== undefined) return known;
    const name = createHash("sha256").update(identityOf(kernel)).digest("hex").slice(0, 24);
    known = this.byContent.get(name) ?? this.begin(kernel, name);
    this.byContent.set(name, known);
    this.kernels.set(kernel, known);
    return known;
  }

  private begin(kernel: Kernel, name: string): Known {
    const learned = this.history.of(name, () => this.learned(known));
    const estimates = new Map<BackendName, Estimate>();
    for (const backend of ["js", "cpu", "cuda"] as const) {
      const place = { backend, threads: backend === "cpu" ? this.threads() : 1, sharedFrom: backend === "cpu" ? sharedFrom(kernel) : Infinity, resident: false };
      const estimate = new Estimate(curveOf(times(workOf(kernel), partsOf(backend, kernel).length), place, this.history.machine), learned[backend]);
      if (learned[backend] !== undefined) estimate.fade(KEPT_BETWEEN);
      estimates.set(backend, estimate);
    }
    const known = newKnown(estimates);
    void this.history.measure();
    return known;
  }

  private learned({ estimates }: Known): LearnedOf {
    return Object.fromEntries([...estimates].flatMap(([backend, estimate]) => (estimate.runs > 0 ? [[backend, estimate.learned]] : [])));
  }
}

/** A kernel that is run in so many parts reads its arrays as often. */
const times = (work: Work, parts: number): Work => (parts === 1 ? work : { ...work, read: work.read * parts });

class TimedKernel implements CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;

  constructor(
    private readonly compiled: CompiledKernel,
    private readonly choices: Choices,
    private readonly now: () => number,
  ) {
    this.backend = compiled.backend;
    this.kernel = compiled.kernel;
  }

  run(call: KernelCall): KernelResult {
    const begin = this.now();
    const result = this.compiled.run(call);
    // What lies on a device already says nothing of what does not.
    if (call.resident === undefined) this.choices.ran(call.length, this.backend, (this.now() - begin) * 1000);
    return result;
  }

  /** Other threads' times, and what it waited for, would be in it. */
  start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    return this.compiled.start(call, signal);
  }
}
