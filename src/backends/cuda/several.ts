/** A kernel of several results on a device: each has launches of its own, over the same arrays. */
import type { KernelCall, KernelResult } from "../../../fusion/call.js";
import type { Kernel } from "../../../fusion/ir.js";
import { pruneBody } from "../../../fusion/passes/prune.js";
import { elementsOf, singlesOf } from "../../../fusion/several.js";
import type { ScalarValue } from "../../../fusion/types.js";
import type { CompiledKernel } from "../backend.js";

const parts = new WeakMap<Kernel, readonly Kernel[]>();

/** The kernels to launch: each computes what its own result needs, and is called as the whole is. */
export function partsOf(kernel: Kernel): readonly Kernel[] {
  if (kernel.sink.kind !== "several") return [kernel];
  let known = parts.get(kernel);
  if (known === undefined) parts.set(kernel, (known = singlesOf(kernel).map(pruneBody)));
  return known;
}

export class SeveralKernel implements CompiledKernel {
  readonly backend = "cuda";

  constructor(
    readonly kernel: Kernel,
    private readonly compiled: readonly CompiledKernel[],
  ) {}

  run(call: KernelCall): KernelResult {
    return this.whole(this.compiled.map(part => part.run(call)));
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    const results: KernelResult[] = [];
    for (const part of this.compiled) results.push(await part.start(call, signal));
    return this.whole(results);
  }

  private whole(results: readonly KernelResult[]): KernelResult {
    const whole = { count: Math.max(...results.map(({ count }) => count)), position: -1, rank: 0, value: undefined, output: null };
    if (elementsOf(this.kernel).length > 0) return { ...whole, outputs: results.flatMap(({ output }) => (output === null ? [] : [output])) };
    return { ...whole, values: results.map(({ value }) => value as ScalarValue) };
  }
}
