/** What a backend is: it compiles kernels, and compiled kernels run on arrays. */
import type { Kernel } from "../../fusion/ir.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { ScalarValue } from "../../fusion/types.js";

export type BackendName = "js" | "cpu";

export interface KernelCall {
  /** The source's elements; null for a range. */
  readonly source: AnyTypedArray | null;
  /** How many source elements. */
  readonly length: number;
  /** Array sinks: where results go, with room for `length` elements; null to let the backend allocate what it needs. */
  readonly output: AnyTypedArray | null;
  /** In the order of `kernel.scalars`; numbers, bigints and booleans as the parameter's type says. */
  readonly scalars: readonly ScalarValue[];
  /** In the order of `kernel.arrays`. */
  readonly arrays: readonly AnyTypedArray[];
}

export interface KernelResult {
  /** Array, count, fold and counted reduce sinks: how many elements yielded. */
  readonly count: number;
  /** First and last sinks: the yielding element's place in the source, or -1. */
  readonly position: number;
  /** Ranked first sinks: how many elements passed `visit` before the one that yielded. */
  readonly rank: number;
  /** Reduce, fold, first and last sinks. */
  readonly value: ScalarValue | undefined;
  /** Array sinks: exactly the yielded elements (a view of the call's output if one was given). */
  readonly output: AnyTypedArray | null;
}

export interface CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;
  /** Runs now, on the calling thread. Throws RangeError where the lambda's own reads and divisions do. */
  run(call: KernelCall): KernelResult;
  /** Runs without blocking the calling thread; rejects with the signal's reason once it is aborted. */
  start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult>;
}
