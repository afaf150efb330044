/**
 * Kernels run as CUDA programs on the stand-in driver of the tests (a PTX interpreter, not a GPU), and compared with what the
 * interpreter of kernels gives.
 */
import { afterAll, beforeAll, expect } from "vitest";
import type { KernelCall } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import { ELEMENTS } from "../../fusion/types.js";
import { elementsOf } from "../native/elements.js";
import { capturesOf } from "../native/kernel-captures.js";
import { wanted } from "../native/run-kernels.js";
import { callOf, difference } from "./by-hand.js";
import { compilerFor, CudaWorkshop, hasCompiler, standIn, titleOf, type Job, type Outcome, type Traffic } from "./cuda-harness.js";

const nvrtc = compilerFor(75);
/** Why it cannot be done here; null if it can. */
export const unavailable: string | null = hasCompiler ? nvrtc.reason : "there is no C++ compiler";
/** For titles: who compiles, or why nobody does. */
export const compiled = unavailable ?? titleOf(nvrtc);

export interface Named {
  readonly name: string;
  readonly kernel: Kernel;
}

/** Settings of the stand-in driver. */
export type Environment = Readonly<Record<string, string>>;
/** Warps and blocks in a different order each time. */
export const SCHEDULES: readonly Environment[] = [1, 2, 3, 4, 5].map(seed => ({ DOTCOMPUTE_TEST_CUDA_RANDOM: "1", DOTCOMPUTE_TEST_CUDA_SEED: String(seed) }));
/** Nothing is done before somebody waits for it. */
export const DEFERRED: Environment = { DOTCOMPUTE_TEST_CUDA_DEFERRED: "1" };

/** Where a test file runs its kernels. */
export class CudaBench {
  private readonly workshop = new CudaWorkshop();
  private driver = "";

  constructor() {
    beforeAll(async () => void (this.driver = unavailable === null ? await standIn() : ""), 600_000);
    afterAll(() => this.workshop.remove());
  }

  /** All kernels in one module. */
  async run(file: string, kernels: readonly Kernel[], jobs: readonly Job[], environment: Environment = {}): Promise<readonly Outcome[]> {
    return this.workshop.run(this.driver, await this.workshop.compile(file, kernels, 75), kernels, jobs, environment);
  }

  /** What the jobs of the last run have moved. */
  traffic(): readonly Traffic[] {
    return this.workshop.traffic();
  }

  /** Runs the jobs in each environment; gives the first few complaints. */
  async complaints(file: string, named: readonly Named[], jobs: readonly Job[], architecture = 75, environments: readonly Environment[] = [{}]): Promise<readonly string[]> {
    const kernels = named.map(({ kernel }) => kernel);
    const program = await this.workshop.compile(file, kernels, architecture);
    for (const environment of environments) {
      const outcomes = await this.workshop.run(this.driver, program, kernels, jobs, environment);
      const found = jobs.flatMap((job, place) => {
        const { name, kernel } = named[job.kernel] as Named;
        const wrong = complaint(name, kernel, job, outcomes[place] as Outcome);
        return wrong === null ? [] : [`${wrong} ${brief(environment)}`];
      });
      if (found.length > 0) return found.slice(0, 20);
    }
    return [];
  }
}

/** What differs between an outcome and what the interpreter gives, or null. */
function complaint(name: string, kernel: Kernel, job: Job, outcome: Outcome): string | null {
  const what = `${name}, ${job.call.length} elements${job.inPlace === true ? ", in place" : ""}${job.chunk === undefined ? "" : `, in chunks of ${job.chunk}`}`;
  const want = WANTED.get(job.call) ?? wanted(kernel, job.call);
  WANTED.set(job.call, want);
  if (want.status === "failed") {
    const position = kernel.sink.kind === "fold" ? 0 : want.element;
    return outcome.status === "failed" && outcome.position === position ? null : `${what}: ${brief(outcome)} instead of a failure at ${position}`;
  }
  if (outcome.status !== "done") return `${what}: is ${brief(outcome)}`;
  if (!outcome.intact) return `${what}: wrote behind its output`;
  const differs = difference(outcome.result.output, want.result.output);
  if (differs !== null) return `${what}: ${differs}`;
  const [is, should] = [outcome.result, want.result].map(result => ({ ...result, output: null }));
  try {
    expect(is).toEqual(should);
    return null;
  } catch {
    return `${what}: ${brief(is)} instead of ${brief(should)}`;
  }
}
const WANTED = new WeakMap<KernelCall, ReturnType<typeof wanted>>();
const brief = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner)).slice(0, 200);


export const handCall = (kernel: Kernel, length: number): KernelCall =>
  callOf(kernel.source.kind === "array" ? elementsOf(kernel.source.element, length, length % 2 === 1) : length, capturesOf(kernel));

const inPlace = ({ source, sink, body }: Kernel): boolean =>
  sink.kind === "array" && source.kind === "array" && ELEMENTS[source.element].bytes === ELEMENTS[sink.element].bytes && body.length === 1 && body[0]?.kind === "yield";

/** Every kernel at every length, also in place, and in one chunk and several. */
export const jobsOf = (kernels: readonly Named[], lengths: readonly number[]): readonly Job[] =>
  kernels.flatMap(({ kernel }, place) =>
    lengths.flatMap((length): readonly Job[] => {
      const job: Job = { kernel: place, call: handCall(kernel, length) };
      return [job, ...(inPlace(kernel) ? [{ ...job, inPlace: true }] : []), ...(length > 2048 ? [{ ...job, chunk: 1024 }, { ...job, chunk: 2048 }] : [])];
    }),
  );
