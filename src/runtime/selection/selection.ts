/**
 * Which backend is likely to be the quickest: what a runtime asks before a run, what learns from runs, and what explain() and
 * optimalAccelerator() tell. Kernels are known by what they compute (see identity.ts), so that queries written differently learn together.
 */
import type { Kernel } from "../../../fusion/ir.js";
import { identityOf } from "../../../fusion/identity.js";
import { workOf, type Work } from "../../../fusion/work.js";
import type { AcceleratorKind } from "../../backends/accelerator.js";
import { isOwn, type BackendName, type CompiledKernel, type KernelCall, type KernelResult } from "../../backends/backend.js";
import { sharedFrom } from "../../backends/cpu/sharing.js";
import { partsOf } from "../../backends/parts.js";
import { sha256 } from "../../cache/digest.js";
import type { Running } from "../running.js";
import { Choices, newKnown, type Known } from "./choice.js";
import { Estimate } from "./estimate.js";
import { historyIn, type History, type LearnedOf } from "./history.js";
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

/** What there is to choose from: of a runtime's member what a model needs. */
export interface Contender {
  readonly name: BackendName;
  readonly kind: AcceleratorKind;
  readonly accelerator: { readonly threads?: number };
}

/** `before`: what earlier processes have learned. */
type KnownKernel = Known & { readonly before: LearnedOf };

/** What was learned on another day is worth so much. */
const KEPT_BETWEEN = 0.5;

/** What learns for the runtimes that keep their kernels in this folder, or in the usual one. */
export const selectionIn = (cacheFolder: string | undefined): Selection => new Selection(historyIn(cacheFolder));

export class Selection {
  private readonly kernels = new WeakMap<Kernel, KnownKernel>();
  private readonly byContent = new Map<string, KnownKernel>();

  constructor(
    private readonly history: History,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Choices between these backends, all of which can run the kernel. */
  choices(kernel: Kernel, backends: readonly Contender[]): Choices {
    const known = this.known(kernel);
    for (const backend of backends) this.estimate(known, kernel, backend);
    return new Choices(known, backends.map(({ name }) => name));
  }

  /** What runs in place of a compiled kernel whose run is to be timed. */
  timed(compiled: CompiledKernel, choices: Choices, runs: Running): CompiledKernel {
    return new TimedKernel(compiled, choices, runs, this.now);
  }

  /** The quickest first. */
  predict(kernel: Kernel, length: number, backends: readonly Contender[]): readonly Prediction[] {
    const known = this.known(kernel);
    const predictions = backends.map((backend): Prediction => {
      const estimate = this.estimate(known, kernel, backend);
      return { backend: backend.name, microseconds: estimate.at(length), doubt: estimate.doubtAt(length), runs: estimate.runs };
    });
    return predictions.sort((one, other) => one.microseconds - other.microseconds);
  }

  private known(kernel: Kernel): KnownKernel {
    let known = this.kernels.get(kernel);
    if (known !== undefined) return known;
    const name = sha256(identityOf(kernel)).slice(0, 24);
    known = this.byContent.get(name);
    if (known === undefined) {
      const begun = newKnown();
      known = { ...begun, before: this.history.of(name, () => learnedOf(begun)) };
      this.byContent.set(name, known);
      void this.history.measure();
    }
    this.kernels.set(kernel, known);
    return known;
  }

  private estimate({ estimates, before }: KnownKernel, kernel: Kernel, backend: Contender): Estimate {
    const { name } = backend;
    let estimate = estimates.get(name);
    if (estimate !== undefined) return estimate;
    const threads = backend.accelerator.threads ?? 1;
    const parts = isOwn(name) ? partsOf(name, kernel).length : 1;
    const place = { kind: backend.kind, threads, sharedFrom: threads > 1 ? sharedFrom(kernel) : Infinity };
    const learned = before[name];
    estimate = new Estimate(curveOf(times(workOf(kernel), parts), place, this.history.machine), learned);
    if (learned !== undefined) estimate.fade(KEPT_BETWEEN);
    estimates.set(name, estimate);
    return estimate;
  }
}

/** What was learned by now; of a backend that has run nothing, nothing. */
const learnedOf = ({ estimates }: Known): LearnedOf => Object.fromEntries([...estimates].flatMap(([backend, estimate]) => (estimate.runs > 0 ? [[backend, estimate.learned]] : [])));

/** Milliseconds: to be told by another thread that it is done takes some hundredth parts of one. */
const LONG = 0.3;

/** A kernel that is run in so many parts reads its arrays as often. */
const times = (work: Work, parts: number): Work => (parts === 1 ? work : { ...work, read: work.read * parts });

class TimedKernel implements CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;

  constructor(
    private readonly compiled: CompiledKernel,
    private readonly choices: Choices,
    private readonly runs: Running,
    private readonly now: () => number,
  ) {
    this.backend = compiled.backend;
    this.kernel = compiled.kernel;
  }

  run(call: KernelCall): KernelResult {
    const begin = this.now();
    const result = this.compiled.run(call);
    this.took(call, this.now() - begin);
    return result;
  }

  /** Counts if it was the only one at work all the while, and long: then neither others' work nor what waiting takes shows in it. */
  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    const { alone } = this.runs;
    const begin = this.now();
    const result = await this.compiled.start(call, signal);
    const time = this.now() - begin;
    if (time >= LONG && alone !== null && this.runs.alone === alone) this.took(call, time);
    return result;
  }

  private took(call: KernelCall, milliseconds: number): void {
    // What lies on a device already says nothing of what does not.
    if (call.resident === undefined) this.choices.ran(call.length, this.backend, milliseconds * 1000);
  }
}
