/** A kernel of several results as kernels of fewer, which run in turn over the same arrays, where a backend compiles no more of them at once. */
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import { pruneBody } from "../../fusion/passes/prune.js";
import { elementsOf, withResults } from "../../fusion/several.js";
import type { ScalarValue } from "../../fusion/types.js";
import type { BackendName, CompiledKernel, OwnBackend } from "./backend.js";

/** On cuda each result has launches of its own. The time of C++ compilers grows faster than the number of results: 100 at once take 5 s, 300 a minute. */
const MOST_RESULTS: Readonly<Record<OwnBackend, number>> = { js: Infinity, cpu: 16, cuda: 1 };

const known: Readonly<Record<OwnBackend, WeakMap<Kernel, readonly Kernel[]>>> = { js: new WeakMap(), cpu: new WeakMap(), cuda: new WeakMap() };

/** The kernels to run: each computes what its own results need, and is called as the whole is. */
export function partsOf(backend: OwnBackend, kernel: Kernel): readonly Kernel[] {
  const most = MOST_RESULTS[backend];
  if (kernel.sink.kind !== "several" || kernel.sink.sinks.length <= most) return [kernel];
  const made = known[backend].get(kernel);
  if (made !== undefined) return made;
  const places = kernel.sink.sinks.map((_, place) => place);
  const groups = Array.from({ length: Math.ceil(places.length / most) }, (_, group) => places.slice(group * most, (group + 1) * most));
  const parts = groups.map(group => pruneBody(withResults(kernel, group)));
  known[backend].set(kernel, parts);
  return parts;
}

/** The kernel as one, of its compiled parts. */
export const wholeOf = <Compiled extends CompiledKernel>(kernel: Kernel, parts: readonly Compiled[]): Compiled | PartedKernel =>
  parts.length === 1 ? (parts[0] as Compiled) : new PartedKernel(kernel, parts);

class PartedKernel implements CompiledKernel {
  readonly backend: BackendName;

  constructor(
    readonly kernel: Kernel,
    private readonly parts: readonly CompiledKernel[],
  ) {
    this.backend = (parts[0] as CompiledKernel).backend;
  }

  run(call: KernelCall): KernelResult {
    return this.whole(this.parts.map(part => part.run(call)));
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    const results: KernelResult[] = [];
    for (const part of this.parts) results.push(await part.start(call, signal));
    return this.whole(results);
  }

  private whole(results: readonly KernelResult[]): KernelResult {
    const whole = { count: Math.max(...results.map(({ count }) => count)), position: -1, rank: 0, value: undefined, output: null };
    if (elementsOf(this.kernel).length > 0) return { ...whole, outputs: results.flatMap(({ output, outputs }) => outputs ?? (output === null ? [] : [output])) };
    return { ...whole, values: results.flatMap(({ value, values }) => values ?? [value as ScalarValue]) };
  }
}
