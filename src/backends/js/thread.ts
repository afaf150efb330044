/**
 * Kernels with loops off the main thread: an element may take for ever, so they run in a worker that can be stopped.
 * The worker is made of text, so it needs no file of its own, whatever this code has been bundled into.
 */
import type { TransferListItem } from "node:worker_threads";
import { outOfRange, type KernelCall, type KernelResult } from "../../../fusion/call.js";
import { createState, resetState, resultOf, SLICE, type JsState } from "../../../fusion/emit/js-state.js";
import { BackendError } from "../../../fusion/errors.js";
import { elementsOf } from "../../../fusion/several.js";
import { ELEMENTS } from "../../../fusion/types.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { checkLengths, lengthsOf, mapViews } from "../arrays.js";
import { bringChanges, writtenPlaces } from "../kept.js";
import { workerThreads } from "../../builtin.js";
import { onAbort } from "../../runtime/aborts.js";
import { moduleText, type Program } from "./program.js";
import { replayText } from "./replay.js";
import { firstOf } from "./run.js";

interface Task {
  readonly text: string;
  /** The program that finds the first failing element of a slice, where the kernel itself may find another. */
  readonly replay: string | null;
  readonly call: KernelCall;
  readonly state: JsState;
  readonly slice: number;
  readonly backwards: boolean;
  readonly stops: boolean;
  /** The constructors of the outputs. */
  readonly outputs: readonly string[];
  /** The places of arrays that the kernel stores into. */
  readonly written: readonly number[];
}

/** A copy of an array that the kernel stores into, as it was before the run and after it; null for shared memory. */
type Written = { readonly before: AnyTypedArray; readonly after: AnyTypedArray } | null;

type Report =
  | { readonly kind: "done"; readonly state: Pick<JsState, "count" | "position" | "rank" | "value" | "parts">; readonly outputs: readonly AnyTypedArray[]; readonly written: readonly Written[] }
  | { readonly kind: "outOfRange"; readonly name: string; readonly at: number; readonly length: number }
  | { readonly kind: "failed"; readonly error: unknown };

/** What the worker runs: takes a Task, posts a Report. */
const WORKER = `
"use strict";
const { parentPort, workerData: task } = require("node:worker_threads");
const rt = { outOfRange(name, at, length) { throw { kind: "outOfRange", name, at, length }; } };
const load = text => new Function("rt", text)(rt);

function run() {
  const kernel = load(task.text);
  const outputs = task.outputs.map(name => new globalThis[name](task.call.length));
  const call = { ...task.call, output: outputs.length === 1 ? outputs[0] : null, outputs };
  const { state, slice } = task;
  const written = task.written.map(place => {
    const after = call.arrays[place];
    return after.buffer instanceof ArrayBuffer ? { before: after.slice(), after } : null;
  });
  const slices = Math.max(1, Math.ceil(call.length / slice));
  for (let done = 0; done < slices && !(task.stops && state.position >= 0); done++) {
    const begin = (task.backwards ? slices - 1 - done : done) * slice;
    const end = Math.min(begin + slice, call.length);
    try {
      kernel(call, state, begin, end);
    } catch (error) {
      if (task.replay !== null) load(task.replay)(call, { ...state, count: 0 }, begin, end);
      throw error;
    }
  }
  const { count, position, rank, value, parts } = state;
  return { kind: "done", state: { count, position, rank, value, parts }, outputs: outputs.map(output => (count === output.length ? output : output.slice(0, count))), written };
}

let report;
try {
  report = run();
} catch (error) {
  report = error.kind === "outOfRange" ? error : { kind: "failed", error };
}
const arrays = [...(report.outputs ?? []), ...(report.written ?? []).flatMap(copies => (copies === null ? [] : [copies.before, copies.after]))];
parentPort.postMessage(report, [...new Set(arrays.map(array => array.buffer))]);
`;

/** An array as the worker gets it: shared memory as it is, of other memory a copy of the part in use. */
function sent(array: AnyTypedArray, transfer: TransferListItem[]): AnyTypedArray {
  if (!(array.buffer instanceof ArrayBuffer)) return array;
  const copy = array.slice();
  transfer.push(copy.buffer);
  return copy;
}

function finished(program: Program, call: KernelCall, report: Report): KernelResult {
  switch (report.kind) {
    case "done": {
      const state = { ...createState(program.kernel), ...report.state };
      const [output = null] = report.outputs;
      writtenPlaces(program.kernel).forEach((place, at) => {
        const written = report.written[at] as Written;
        if (written !== null) bringChanges(call.arrays[place] as AnyTypedArray, written.before, written.after);
      });
      if (output === null || call.output === null) return resultOf(program.kernel, state, output, report.outputs);
      call.output.set(output as never);
      return resultOf(program.kernel, state, firstOf(call.output, output.length));
    }
    case "outOfRange":
      throw outOfRange(report.name, report.at, report.length);
    case "failed":
      throw report.error;
    default:
      return report satisfies never;
  }
}

/** Runs a call in a worker of its own; stops the worker once the signal is aborted. */
export function runInThread(program: Program, call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
  const { kernel } = program;
  const state = createState(kernel);
  resetState(kernel, call, state);
  const lengths = lengthsOf(call);
  const transfer: TransferListItem[] = [];
  const task: Task = {
    text: moduleText(program.text),
    replay: program.failsOutOfOrder ? moduleText(replayText(kernel)) : null,
    call: {
      ...call,
      output: null,
      source: call.source === null ? null : sent(call.source, transfer),
      arrays: mapViews(call.arrays, array => sent(array, transfer)),
    },
    state,
    slice: SLICE,
    backwards: program.backwards,
    stops: program.stops,
    outputs: elementsOf(kernel).map(element => ELEMENTS[element].array),
    written: writtenPlaces(kernel),
  };
  // Loaders and preloaded modules of the main thread are no business of a worker that loads nothing.
  const worker = new (workerThreads().Worker)(WORKER, { eval: true, workerData: task, transferList: transfer, execArgv: [] });
  return new Promise<KernelResult>((resolve, reject) => {
    const end = (settle: () => void): void => {
      forget();
      worker.removeAllListeners();
      // The worker's end is of no interest any more; without a listener an error of it would be thrown.
      worker.on("error", () => undefined);
      void worker.terminate();
      settle();
    };
    const abort = (): void => end(() => reject(signal?.reason as Error));
    const fail = (error: unknown): void => end(() => reject(error));
    worker.once("message", (report: Report) => {
      try {
        checkLengths(call, lengths);
        const result = finished(program, call, report);
        end(() => resolve(result));
      } catch (error) {
        fail(error);
      }
    });
    worker.once("error", fail);
    worker.once("exit", code => fail(new BackendError("DC402", `the thread that ran the kernel ended with code ${code}`)));
    const forget = onAbort(signal, abort);
  });
}
