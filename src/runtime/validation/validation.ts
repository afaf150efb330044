/**
 * Validation: some runs of kernels, or all, are run on a second backend on the same inputs, and the results compared bit for bit. What a
 * query gets is the first backend's result. Where nothing is to be validated no kernel knows of this.
 */
import { BackendError, CompilerBug, MismatchError } from "../../../fusion/errors.js";
import type { Kernel } from "../../../fusion/ir.js";
import { interpret } from "../../../fusion/interpret.js";
import { sinksOf } from "../../../fusion/traverse.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { isOwn, type BackendName, type CompiledKernel, type KernelCall, type KernelResult } from "../../backends/backend.js";
import { blamed } from "../../backends/handed.js";
import { bringHome, bringHomeLater } from "../../backends/home.js";
import { codeOn } from "../../query/code.js";
import { storageOf } from "../../memory/storage.js";
import type { Events } from "../events.js";
import { observing } from "../observing.js";
import { differenceInWords, differenceOf, type Difference } from "./compare.js";

/** Two backends that gave different results for one run of a kernel. */
export interface Mismatch {
  /** The one whose result the query has, and the one that was asked for comparison: a backend, or `interpreter`, the reference. */
  readonly backends: readonly [BackendName, BackendName];
  /** What differs, in a line. */
  readonly reason: string;
  /** Where the results differ first, and both values; null where one backend threw what the other did not. */
  readonly difference: Difference | null;
  /** The code that either has run; of a plugin, and of the interpreter, what the kernel says. */
  readonly sources: readonly [string, string];
}

export interface ValidationOptions {
  /** Which share of runs: 1 for all, and kernels that only one backend has are then compiled for another. */
  readonly rate: number;
  readonly onMismatch: "throw" | ((mismatch: Mismatch) => void) | undefined;
  /** Whether the library's own backends are not run as they are. */
  readonly decorated: boolean;
}

/** Those that may be asked: a runtime's members. */
export interface Second {
  readonly name: BackendName;
  readonly up: boolean;
  cached(kernel: Kernel): CompiledKernel | null;
  compile(kernel: Kernel): CompiledKernel;
}

const INTERPRETER = "interpreter";

/** What becomes of a kernel that may be validated. */
export type Validate = (compiled: CompiledKernel) => CompiledKernel;

/** `members`: those that may be asked, in this order. */
export const validating = ({ onMismatch, ...options }: ValidationOptions, members: () => readonly Second[], events: Events, log: (line: string) => void): Validate => {
  const heard = typeof onMismatch === "function" ? observing("the option onMismatch of createRuntime()", onMismatch) : onMismatch;
  const validation = new Validation({ ...options, onMismatch: heard }, members, events, log);
  // fastMath allows what is compared here; and what writes to its caller's arrays cannot be done twice.
  return compiled => (compiled.kernel.fastMath === true || compiled.kernel.sink.kind === "stores" ? compiled : new ValidatedKernel(compiled, validation));
};

class Validation {
  private readonly seconds = new WeakMap<CompiledKernel, CompiledKernel>();
  /** Kernels of which the log has told. */
  private readonly told = new WeakSet<Kernel>();

  constructor(
    private readonly options: ValidationOptions,
    private readonly members: () => readonly Second[],
    private readonly events: Events,
    private readonly log: (line: string) => void,
  ) {}

  /** The kernel on another backend, if this run is one to be validated and there is another. */
  second(compiled: CompiledKernel): CompiledKernel | null {
    const { rate } = this.options;
    if (rate < 1 && Math.random() >= rate) return null;
    let second = this.seconds.get(compiled) ?? null;
    if (second === null) {
      second = this.find(compiled);
      if (second !== null) this.seconds.set(compiled, second);
    }
    return second;
  }

  /** `result` and `expected` are what the two gave, or the error that they threw. */
  compare(compiled: CompiledKernel, second: CompiledKernel, result: KernelResult | Thrown, expected: KernelResult | Thrown): void {
    const names = [compiled.backend, second.backend] as const;
    if (isThrown(result) || isThrown(expected)) {
      const [one, other] = [errorOf(result), errorOf(expected)];
      if (one !== other) this.report(compiled.kernel, names, null, `${names[0]} ${one ?? "gave a result"}, and ${names[1]} ${other ?? "gave a result"}`);
      return;
    }
    const difference = differenceOf(result, expected);
    if (difference !== null) this.report(compiled.kernel, names, difference, differenceInWords(difference, names, sinksOf(compiled.kernel.sink).length));
  }

  private report(kernel: Kernel, backends: readonly [BackendName, BackendName], difference: Difference | null, reason: string): void {
    const sources = [codeOn(kernel, backends[0]), codeOn(kernel, backends[1])] as const;
    const mismatch: Mismatch = { backends, reason, difference, sources };
    this.events.tell({ kind: "mismatch", run: this.events.run, backends, reason });
    const { onMismatch } = this.options;
    if (onMismatch === "throw") throw this.failure(mismatch);
    onMismatch?.(mismatch);
    if (this.told.has(kernel)) return;
    this.told.add(kernel);
    this.log(`dotcompute: two backends disagree: ${reason}`);
  }

  private failure(mismatch: Mismatch): Error {
    const { backends, reason, sources } = mismatch;
    const foreign = backends.filter(name => name !== INTERPRETER && (this.options.decorated || !isOwn(name)));
    const code = backends.map((name, at) => `\n\n${name}:\n${sources[at] as string}`).join("");
    if (foreign.length === 0) return new CompilerBug(`two backends disagree: ${reason}${code}`, { cause: mismatch });
    return new MismatchError(`two backends disagree: ${reason}\nLook first at ${foreign.map(blamed).join(" and ")}, which is not part of dotcompute${code}`, { cause: mismatch });
  }

  /** js for all others; for js the first that has the kernel; the interpreter where there is nobody else. */
  private find(compiled: CompiledKernel): CompiledKernel | null {
    const all = this.options.rate >= 1;
    const { kernel, backend } = compiled;
    const others = this.members().filter(({ name, up }) => name !== backend && up);
    const preferred = [...others.filter(({ name }) => name === "js"), ...others.filter(({ name }) => name !== "js")];
    for (const member of preferred) {
      try {
        const found = member.cached(kernel) ?? (all || member.name === "js" ? member.compile(kernel) : null);
        if (found !== null) return found instanceof ValidatedKernel ? found.compiled : found;
      } catch (error) {
        if (!(error instanceof BackendError)) throw error;
      }
    }
    return all ? interpreted(kernel) : null;
  }
}

interface Thrown {
  readonly thrown: unknown;
}

const isThrown = (given: KernelResult | Thrown): given is Thrown => "thrown" in given;
const errorOf = (given: KernelResult | Thrown): string | null => (isThrown(given) ? `threw ${String(given.thrown)}` : null);

function interpreted(kernel: Kernel): CompiledKernel {
  return { backend: INTERPRETER, kernel, run: call => interpret(kernel, call), start: async call => interpret(kernel, call) };
}

class ValidatedKernel implements CompiledKernel {
  readonly backend: BackendName;
  readonly kernel: Kernel;

  constructor(
    readonly compiled: CompiledKernel,
    private readonly validation: Validation,
  ) {
    this.backend = compiled.backend;
    this.kernel = compiled.kernel;
  }

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
  const known = new Map<AnyTypedArray, AnyTypedArray>();
  const copy = (array: AnyTypedArray): AnyTypedArray => {
    const made = known.get(array) ?? array.slice();
    known.set(array, made);
    return made;
  };
  // A run's own scalars are used again by the next.
  return { source: source === null || !all ? source : copy(source), length, output: null, scalars: [...scalars], arrays: all ? arrays.map(copy) : arrays };
}

/** Results that were left on a device, fetched. */
function atHome(result: KernelResult): KernelResult {
  for (const array of [...(result.output === null ? [] : [result.output]), ...(result.outputs ?? [])]) storageOf(array)?.read();
  return result;
}
