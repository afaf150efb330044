/** Emitted JavaScript, ready to be called. */
import { emitJs, runsBackwards } from "../../../fusion/emit/js.js";
import { isOrdered, type JsKernel, type JsRuntime } from "../../../fusion/emit/js-state.js";
import { outOfRange } from "../../../fusion/call.js";
import type { Kernel } from "../../../fusion/ir.js";
import { alwaysYields, canFail, hasLoops, mapStmts, sinksOf } from "../../../fusion/traverse.js";

export interface Program {
  readonly kernel: Kernel;
  readonly text: string;
  readonly run: JsKernel;
  /** Slices come in descending order. */
  readonly backwards: boolean;
  /** The run is over once an element has yielded. */
  readonly stops: boolean;
  /** Array sinks: elements may be left out, so that it takes a run to know how many are stored. */
  readonly filters: boolean;
  /** An element may never end. */
  readonly loops: boolean;
  /** Elements may fail, and do not run in order: the exact error takes a second run (see replay.ts). */
  readonly failsOutOfOrder: boolean;
}

const runtime: JsRuntime = {
  outOfRange(name, at, length) {
    throw outOfRange(name, at, length);
  },
};

/** The body of a function of `rt` that gives the kernel. */
export const moduleText = (text: string): string => `"use strict";\n${text}\nreturn kernel;`;

/** Emits a verified kernel and loads it. */
export function programOf(kernel: Kernel): Program {
  const text = emitJs(kernel);
  // The text is the emitter's own: nothing of the lambda's text gets into it but names, which are identifiers.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- compiling is what this backend does
  const load = new Function("rt", moduleText(text)) as (rt: JsRuntime) => JsKernel;
  const backwards = runsBackwards(kernel);
  const { sink, body } = kernel;
  return {
    kernel,
    text,
    run: load(runtime),
    backwards,
    stops: sink.kind === "first" || backwards,
    filters: !alwaysYields(kernel),
    loops: hasLoops(body) || (sink.kind === "fold" && sink.combine !== null && hasLoops(sink.combine.body)),
    failsOutOfOrder: sinksOf(sink).some(single => single.kind === "reduce" && isOrdered(single)) && canFail(kernel),
  };
}

/** What a scan runs from left to right, without the storing. */
export function foldingKernel(kernel: Kernel): Kernel {
  const { sink } = kernel;
  if (sink.kind !== "scan" || sink.order.kind !== "left") return kernel;
  return { ...kernel, sink: { kind: "fold", type: sink.type, accumulator: sink.running, seed: sink.seed, first: sink.order.first, combine: null } };
}

/** The kernel that runs the same elements in order and only counts them: it fails exactly at the first that fails. */
export function countingKernel(kernel: Kernel): Kernel {
  const body = mapStmts(kernel.body, {
    stmt: stmt => (stmt.kind === "visit" ? [] : stmt.kind === "yield" ? { kind: "yield", values: [] } : stmt),
  });
  return { ...kernel, body, sink: { kind: "count" } };
}
