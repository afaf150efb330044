/** The JavaScript backend: the reference of every other backend in the product, and the first to run a new kernel. */
import type { KernelCall, KernelResult } from "../../../fusion/call.js";
import type { Kernel } from "../../../fusion/ir.js";
import { Events } from "../../runtime/events.js";
import { reportOf } from "../../runtime/progress.js";
import { checkLengths, lengthsOf } from "../arrays.js";
import type { CompiledKernel } from "../backend.js";
import { programOf, type Program } from "./program.js";
import { Run } from "./run.js";
import { runInThread } from "./thread.js";
import { nextTurn } from "../../builtin.js";

export { replayFrom } from "./replay.js";

/** How long a run may keep the calling thread before it lets others have a turn, in milliseconds. */
const TURN = 4;

class JsCompiledKernel implements CompiledKernel {
  readonly backend = "js";
  readonly kernel: Kernel;
  /** The run that `run` uses again and again. Nothing can call it while it is in use: kernels call no user code. */
  private readonly own: Run;

  constructor(private readonly program: Program) {
    this.kernel = program.kernel;
    this.own = new Run(program);
  }

  run(call: KernelCall): KernelResult {
    const { own } = this;
    try {
      own.begin(call);
      while (own.advance());
      return own.result();
    } catch (error) {
      own.abandon();
      throw error;
    }
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    signal?.throwIfAborted();
    if (this.program.loops) return runInThread(this.program, call, signal);
    const run = new Run(this.program);
    const lengths = lengthsOf(call);
    run.begin(call);
    const report = reportOf(signal);
    let turn = performance.now();
    while (run.advance()) {
      if (performance.now() - turn < TURN) continue;
      report?.within(run.part);
      await nextTurn();
      signal?.throwIfAborted();
      checkLengths(call, lengths);
      turn = performance.now();
    }
    return run.result();
  }
}

/** Compiles a verified kernel. */
export function compileJs(kernel: Kernel): CompiledKernel {
  return new JsCompiledKernel(programOf(kernel));
}

export interface JsBackend {
  readonly kind: "script";
  compile(kernel: Kernel): CompiledKernel;
}

/** `events`: who is told what is emitted. */
export const createJsBackend = (events = new Events()): JsBackend => ({ kind: "script", compile: kernel => events.phase("emit", "js", () => compileJs(kernel)) });
