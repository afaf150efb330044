/**
 * Validation: some runs of kernels, or all, are run on a second backend on the same inputs, and the results compared bit for bit. What a
 * query gets is the first backend's result. Where nothing is to be validated no kernel knows of this.
 */
import { BackendError, CompilerBug, MismatchError } from "../../../fusion/errors.js";
import type { Kernel } from "../../../fusion/ir.js";
import { interpret } from "../../../fusion/interpret.js";
import { isOwn, type BackendName, type CompiledKernel, type KernelResult } from "../../backends/backend.js";
import { blamed } from "../../backends/handed.js";
import { codeOn } from "../../query/code.js";
import type { Events } from "../events.js";
import { observing } from "../observing.js";
import { differenceInWords, differenceOf, resultNames, type Difference } from "./compare.js";
import { errorOf, isThrown, ValidatedKernel, ValidatedStores, type Thrown } from "./validated.js";

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
  return compiled => {
    const { fastMath, sink } = compiled.kernel;
    if (fastMath === true) return compiled; // it allows what is compared here
    return sink.kind === "stores" ? new ValidatedStores(compiled, validation) : new ValidatedKernel(compiled, validation);
  };
};

export class Validation {
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
    if (difference !== null) this.report(compiled.kernel, names, difference, differenceInWords(difference, names, resultNames(compiled.kernel)));
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

function interpreted(kernel: Kernel): CompiledKernel {
  return { backend: INTERPRETER, kernel, run: call => interpret(kernel, call), start: async call => interpret(kernel, call) };
}
