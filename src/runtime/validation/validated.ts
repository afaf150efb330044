/** Kernels that are run twice, on inputs that the first run cannot have changed. */
import { BackendError } from "../../../fusion/errors.js";
import type { Kernel } from "../../../fusion/ir.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { checkLengths, lengthsOf, mapViews } from "../../backends/arrays.js";
import type { BackendName, CompiledKernel, KernelCall, KernelResult } from "../../backends/backend.js";
import { bringHome, bringHomeLater } from "../../backends/home.js";
import { writtenPlaces } from "../../backends/kept.js";
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
export const errorOf = (given: KernelResult | Thrown): string | null => (isThrown(given) ? `threw ${String(given.thrown)}` : null);

/** A kernel some of whose runs, or all, are run on a second backend. */
export abstract class Validated implements CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;

  constructor(
    readonly compiled: CompiledKernel,
    protected readonly validation: Comparison,
  ) {
    this.backend = compiled.backend;
    this.kernel = compiled.kernel;
  }

  abstract run(call: KernelCall): KernelResult;
  abstract start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult>;
}

/** One that gives its results. */
export class ValidatedKernel extends Validated {
  run(call: KernelCall): KernelResult {
    const { compiled, validation } = this;
    const second = validation.second(compiled);
    if (second === null) return compiled.run(call);
    if (call.resident !== undefined) bringHome(call);
    const copy = copied(call, call.output !== null);
    const result = attempt(() => compiled.run(call));
    if (isThrown(result) && result.thrown instanceof BackendError) throw result.thrown;
    const expected = attempt(() => second.run(copy));
    // What the second cannot run proves nothing.
    if (!isThrown(expected) || !(expected.thrown instanceof BackendError)) validation.compare(compiled, second, isThrown(result) ? result : atHome(result), expected);
    if (isThrown(result)) throw result.thrown;
    return result;
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    const { compiled, validation } = this;
    const second = validation.second(compiled);
    if (second === null) return compiled.start(call, signal);
    if (call.resident !== undefined) await bringHomeLater(call);
    // Whoever called may write to the arrays meanwhile.
    const copy = copied(call, true);
    const own = call.resident === undefined && call.output === null ? { ...call, source: copy.source, arrays: copy.arrays } : call;
    const result = await attemptLater(() => compiled.start(own, signal));
    if (isThrown(result) && (result.thrown instanceof BackendError || signal?.aborted === true)) throw result.thrown;
    const expected = await attemptLater(() => second.start(copy, signal));
    if (signal?.aborted !== true && !(isThrown(expected) && expected.thrown instanceof BackendError)) validation.compare(compiled, second, isThrown(result) ? result : atHome(result), expected);
    if (isThrown(result)) throw result.thrown;
    return result;
  }
}

/** One that writes them to its caller's arrays. */
export class ValidatedStores extends Validated {
  private readonly written = writtenPlaces(this.kernel);

  run(call: KernelCall): KernelResult {
    const { compiled, validation } = this;
    const second = validation.second(compiled);
    if (second === null) return compiled.run(call);
    if (call.resident !== undefined) bringHome(call);
    const copy = onCopies(call);
    const result = attempt(() => compiled.run(call));
    if (isThrown(result) && result.thrown instanceof BackendError) throw result.thrown;
    const expected = attempt(() => second.run(copy));
    this.compare(second, result, call, expected, copy);
    if (isThrown(result)) throw result.thrown;
    return result;
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    const { compiled, validation } = this;
    const second = validation.second(compiled);
    if (second === null) return compiled.start(call, signal);
    if (call.resident !== undefined) await bringHomeLater(call);
    // Whoever called may write to the arrays meanwhile.
    const [own, copy] = [onCopies(call), onCopies(call)];
    const lengths = lengthsOf(call);
    const result = await attemptLater(() => compiled.start(own, signal));
    if (isThrown(result) && (result.thrown instanceof BackendError || signal?.aborted === true)) throw result.thrown;
    const expected = await attemptLater(() => second.start(copy, signal));
    if (signal?.aborted !== true) this.compare(second, result, own, expected, copy);
    checkLengths(call, lengths);
    for (const place of this.written) (call.arrays[place] as AnyTypedArray).set(own.arrays[place] as never);
    if (isThrown(result)) throw result.thrown;
    return result;
  }

  private compare(second: CompiledKernel, result: KernelResult | Thrown, own: KernelCall, expected: KernelResult | Thrown, copy: KernelCall): void {
    if (isThrown(expected) && expected.thrown instanceof BackendError) return;
    const stored = (given: KernelResult | Thrown, { arrays }: KernelCall): KernelResult | Thrown => (isThrown(given) ? given : { ...given, outputs: this.written.map(place => arrays[place] as AnyTypedArray) });
    this.validation.compare(this.compiled, second, stored(result, own), stored(expected, copy));
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

/** The same call with results of its own; `all`: and with inputs of its own, since the first run may write to them. */
function copied({ source, length, scalars, arrays }: KernelCall, all: boolean): KernelCall {
  // A run's own scalars are used again by the next.
  const own = { length, output: null, scalars: [...scalars] };
  if (!all) return { ...own, source, arrays };
  const copies = mapViews(source === null ? arrays : [source, ...arrays], array => array.slice());
  return source === null ? { ...own, source, arrays: copies } : { ...own, source: copies[0] as AnyTypedArray, arrays: copies.slice(1) };
}

/** The same call of a kernel that stores, on arrays of its own. */
const onCopies = ({ source, length, scalars, arrays, certain }: KernelCall): KernelCall => ({
  source,
  length,
  output: null,
  scalars: [...scalars],
  arrays: mapViews(arrays, array => array.slice()),
  ...(certain === undefined ? {} : { certain }),
});

/** Results that were left on a device, fetched. */
function atHome(result: KernelResult): KernelResult {
  for (const array of [...(result.output === null ? [] : [result.output]), ...(result.outputs ?? [])]) storageOf(array)?.read();
  return result;
}
