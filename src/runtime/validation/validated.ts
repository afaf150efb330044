/** Kernels that are run twice, on inputs that the first run cannot have changed. */
import { BackendError } from "../../../fusion/errors.js";
import type { Kernel } from "../../../fusion/ir.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { thrownInWords } from "../../../fusion/thrown.js";
import { checkLengths, lengthsOf, mapViews } from "../../backends/arrays.js";
import type { BackendName, CompiledKernel, KernelCall, KernelResult } from "../../backends/backend.js";
import { bringHome, bringHomeLater } from "../../backends/home.js";
import { bringChanges, writtenPlaces } from "../../backends/kept.js";
import { storageOf } from "../../memory/storage.js";

/** Who says whether a run is to be validated, and on what, and is told of both results. */
export interface Comparison {
  second(compiled: CompiledKernel): CompiledKernel | null;
  compare(compiled: CompiledKernel, second: CompiledKernel, result: KernelResult | Thrown, expected: KernelResult | Thrown): void;
}

export interface Thrown {
  readonly thrown: unknown;
}

export const isThrown = (given: KernelResult | Thrown): given is Thrown => "thrown" in given;
export const errorOf = (given: KernelResult | Thrown): string | null => (isThrown(given) ? `threw ${thrownInWords(given.thrown)}` : null);

/** A kernel some of whose runs, or all, are run on a second backend. */
export class ValidatedKernel implements CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;

  constructor(
    readonly compiled: CompiledKernel,
    private readonly validation: Comparison,
  ) {
    this.backend = compiled.backend;
    this.kernel = compiled.kernel;
  }

  run(call: KernelCall): KernelResult {
    const { compiled, validation } = this;
    const second = validation.second(compiled);
    if (second === null) return compiled.run(call);
    if (call.resident !== undefined) bringHome(call);
    const copy = this.copied(call);
    const result = attempt(() => compiled.run(call));
    if (isThrown(result) && result.thrown instanceof BackendError) throw result.thrown;
    this.compare(second, result, call, attempt(() => second.run(copy)), copy);
    if (isThrown(result)) throw result.thrown;
    return result;
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    const { compiled, validation } = this;
    const second = validation.second(compiled);
    if (second === null) return compiled.start(call, signal);
    if (call.resident !== undefined) await bringHomeLater(call);
    // Whoever called may write to the arrays meanwhile.
    const copy = onCopies(call);
    const own = this.own(call, copy);
    const lengths = lengthsOf(call);
    const result = await attemptLater(() => compiled.start(own, signal));
    if (isThrown(result) && (result.thrown instanceof BackendError || signal?.aborted === true)) throw result.thrown;
    this.bringBack(own, copy, call, lengths);
    const expected = await attemptLater(() => second.start(copy, signal));
    if (signal?.aborted !== true) this.compare(second, result, own, expected, copy);
    if (isThrown(result)) throw result.thrown;
    return result;
  }

  /** What the second run is given, made before the first, which may write to the inputs: then they are copied, too. */
  protected copied(call: KernelCall): KernelCall {
    // A run's own scalars are used again by the next.
    return call.output === null ? { source: call.source, length: call.length, output: null, scalars: [...call.scalars], arrays: call.arrays } : onCopies(call);
  }

  /** What an awaited first run is given. `copy`: the second's. */
  protected own(call: KernelCall, copy: KernelCall): KernelCall {
    return call.resident === undefined && call.output === null ? { ...call, source: copy.source, arrays: copy.arrays } : call;
  }

  /** What an awaited first run has written elsewhere. `before`: what it was given, in the second's copies. */
  protected bringBack(_own: KernelCall, _before: KernelCall, _call: KernelCall, _lengths: readonly number[]): void {}

  /** What a call's run gave, with all that it has stored. */
  protected stored(result: KernelResult, _call: KernelCall): KernelResult {
    return atHome(result);
  }

  private compare(second: CompiledKernel, result: KernelResult | Thrown, own: KernelCall, expected: KernelResult | Thrown, copy: KernelCall): void {
    // What the second cannot run proves nothing.
    if (isThrown(expected) && expected.thrown instanceof BackendError) return;
    const stored = (given: KernelResult | Thrown, call: KernelCall): KernelResult | Thrown => (isThrown(given) ? given : this.stored(given, call));
    this.validation.compare(this.compiled, second, stored(result, own), stored(expected, copy));
  }
}

/** One that writes its results to its caller's arrays, which it may read before. */
export class ValidatedStores extends ValidatedKernel {
  private readonly written = writtenPlaces(this.kernel);

  protected override copied(call: KernelCall): KernelCall {
    return onCopies(call);
  }

  protected override own(call: KernelCall): KernelCall {
    return onCopies(call);
  }

  protected override bringBack(own: KernelCall, before: KernelCall, call: KernelCall, lengths: readonly number[]): void {
    checkLengths(call, lengths);
    for (const place of this.written) bringChanges(call.arrays[place] as AnyTypedArray, before.arrays[place] as AnyTypedArray, own.arrays[place] as AnyTypedArray);
  }

  protected override stored(result: KernelResult, { arrays }: KernelCall): KernelResult {
    return { ...result, outputs: this.written.map(place => arrays[place] as AnyTypedArray) };
  }
}

function attempt(run: () => KernelResult): KernelResult | Thrown {
  try {
    return run();
  } catch (thrown) {
    return { thrown };
  }
}

async function attemptLater(start: () => Promise<KernelResult>): Promise<KernelResult | Thrown> {
  try {
    return await start();
  } catch (thrown) {
    return { thrown };
  }
}

/** The same call with inputs and results of its own. */
function onCopies({ source, length, scalars, arrays, certain }: KernelCall): KernelCall {
  const copies = mapViews(source === null ? arrays : [source, ...arrays], array => array.slice());
  const own = { length, output: null, scalars: [...scalars], ...(certain === undefined ? {} : { certain }) };
  return source === null ? { ...own, source, arrays: copies } : { ...own, source: copies[0] as AnyTypedArray, arrays: copies.slice(1) };
}

/** Results that were left on a device, fetched. */
function atHome(result: KernelResult): KernelResult {
  for (const array of [...(result.output === null ? [] : [result.output]), ...(result.outputs ?? [])]) storageOf(array)?.read();
  return result;
}
