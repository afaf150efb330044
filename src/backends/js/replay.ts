/** The exact error of a run that is known to fail. */
import type { KernelCall } from "../../../fusion/call.js";
import { createState, resetState, SLICE } from "../../../fusion/emit/js-state.js";
import type { Kernel } from "../../../fusion/ir.js";
import { BLOCK } from "../../../fusion/types.js";
import { countingKernel, foldingKernel, programOf, type Program } from "./program.js";

/** Programs that only find errors, made when a kernel first fails. */
const replays = new WeakMap<Kernel, Program>();

function replayOf(kernel: Kernel): Program {
  let program = replays.get(kernel);
  if (program === undefined) {
    // What a fold computes may depend on its accumulator, and where a first sink stops is part of what it does; so is what is stored.
    const folding = foldingKernel(kernel);
    const own = folding.sink.kind === "fold" || folding.sink.kind === "first" || folding.sink.kind === "stores";
    program = programOf(own ? folding : countingKernel(kernel));
    replays.set(kernel, program);
  }
  return program;
}

/** Where a run has to start so that the first failing element, at `position` or later, fails as it does in a whole run. */
function startOf({ sink }: Kernel, position: number): number {
  if (sink.kind === "scan" && sink.order.kind === "left") return 0;
  if (sink.kind !== "fold") return position;
  // Lanes start afresh in every block; a fold in order needs all that came before.
  return sink.combine === null ? 0 : position - (position % BLOCK);
}

/**
 * Runs the elements from `position` on, in order, as far as the first that fails, and throws its error. `position` is at or
 * before that element, and no element before `position` fails. Stores nothing, but for a kernel whose body stores: those elements
 * store (again). Returns normally only if no element fails
 * (or a first sink has its element before).
 */
export function replayFrom(kernel: Kernel, call: KernelCall, position: number): void {
  const program = replayOf(kernel);
  const state = createState(program.kernel);
  resetState(program.kernel, call, state);
  for (let begin = startOf(kernel, position); begin < call.length; begin += SLICE) {
    program.run(call, state, begin, Math.min(begin + SLICE, call.length));
    if (program.stops && state.position >= 0) return;
  }
}

/** The text of the program that `replayFrom` runs. */
export const replayText = (kernel: Kernel): string => replayOf(kernel).text;
