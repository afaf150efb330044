/** What `explain({ format: "json" })` gives: how a query runs, as data. The other formats are printed from it. */
import type { BackendName } from "../backends/backend.js";
import type { UnusualCode } from "../runtime/runtime.js";
import type { Prediction } from "../runtime/selection/selection.js";

/** In words, or as a Mermaid flowchart. */
export interface ExplainInWords {
  readonly format?: "text" | "mermaid" | undefined;
}

export interface ExplainAsData {
  readonly format: "json";
}

export type ExplainOptions = ExplainInWords | ExplainAsData;

export interface Explanation {
  /** The source as it would be written: `Float32Array(1000)`, `{ price: Float64Array } × 3`. */
  readonly source: string;
  /** Whether `fastMath` is on. */
  readonly fastMath: boolean;
  /** How its runtime compiles kernels, as far as that is not the usual; left out where nothing is. */
  readonly compiled?: UnusualCode;
  /** The verbs, in order. */
  readonly stages: readonly VerbExplanation[];
  readonly terminal: VerbExplanation;
  /** What the planner changed, in words; it never changes a result. */
  readonly rewritten: readonly string[];
  /** In the order in which they run; almost always one. */
  readonly kernels: readonly KernelExplanation[];
  /** What happens between kernels: rows are chosen and moved. */
  readonly steps: readonly StepExplanation[];
  /** Of terminals among several: what their results are called. */
  readonly results?: readonly string[];
  /** Why one of several terminals runs by itself. */
  readonly reason?: string;
  /** What runs behind it, where a value takes several queries: `minBy` finds the key first, then the element. */
  readonly behind: readonly Explanation[];
}

export interface VerbExplanation {
  /** `map` */
  readonly verb: string;
  /** As it would be written: `map((x) => x * k, { k: 0.5 })`. */
  readonly text: string;
}

export interface KernelExplanation {
  /** What is fused into it: `["map", "filter", "sum"]`. */
  readonly fuses: readonly string[];
  /** The places of its verbs among `stages`. */
  readonly stages: readonly number[];
  /** What it reads: 0 is the source, 1 what the kernels that read 0 have stored, and so on. */
  readonly table: number;
  /** The columns that it stores; none where it gives single values. */
  readonly stores: readonly string[];
  /** What it reads, in words. */
  readonly reads: string;
  /** The columns that it reads. */
  readonly columns: readonly string[];
  /** The places of the kernels whose results it reads; none where it reads the source. */
  readonly from: readonly number[];
  /** What it does with what arrives, in words. */
  readonly gives: string;
  /** Of the last kernel over a stream, whose pieces it is run on: how they come to one result, in words. */
  readonly joins?: string;
  /** Why the chain was cut behind it; null where it was not. */
  readonly barrier: string | null;
  /** Why it need not run at all; null where it must. */
  readonly shortcut: string | null;
  /** Where it would run now, and why. */
  readonly backend: BackendName;
  readonly reason: string;
  /** In a runtime that chooses by them: how long each backend should take, the quickest first. */
  readonly predictions?: readonly Prediction[];
}

export interface StepExplanation {
  /** The places of its verbs among `stages`. */
  readonly stages: readonly number[];
  /** What it does and where, in words. */
  readonly text: string;
  /** The place of the kernel before which it happens. */
  readonly before: number;
  /** The other queries that it runs first; not those that are a source alone. */
  readonly others: readonly Explanation[];
}
