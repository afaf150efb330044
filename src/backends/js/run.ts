/** One run of an emitted kernel, slice by slice. */
import type { KernelCall, KernelResult } from "../../../fusion/call.js";
import { createState, resetState, resultOf, SLICE, type JsState } from "../../../fusion/emit/js-state.js";
import { CompilerBug } from "../../../fusion/errors.js";
import { storedElement } from "../../../fusion/traverse.js";
import type { ElementType } from "../../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../../fusion/values.js";
import type { Program } from "./program.js";
import { replayFrom } from "./replay.js";

const NO_CALL: KernelCall = { source: null, length: 0, output: null, scalars: [], arrays: [] };

/** From this many bytes of room for results on, chunks can be given back one by one: no two copies of a large result exist. */
const LARGE = 1 << 24;

/** Copies what several arrays hold into one, and gives back the memory of those that can do without. */
function concatenated(element: ElementType, chunks: readonly AnyTypedArray[], length: number): AnyTypedArray {
  const whole = newArray(element, length);
  let place = 0;
  for (const chunk of chunks) {
    whole.set(chunk as never, place);
    place += chunk.length;
    const buffer = chunk.buffer as { readonly resizable?: boolean; resize?(bytes: number): void };
    if (buffer.resizable === true) buffer.resize?.(0);
  }
  return whole;
}

/** A copy in memory of its own that can be given back at once, and not only when it is collected. */
function returnable(array: AnyTypedArray): AnyTypedArray {
  // ES2024's ArrayBuffer, which TypeScript's older libraries do not know; where an engine does not either, this is a plain copy.
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { readonly maxByteLength: number }) => ArrayBuffer;
  const Copy = array.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => AnyTypedArray;
  const copy = new Copy(new Resizable(array.byteLength, { maxByteLength: array.byteLength }), 0, array.length);
  copy.set(array as never);
  return copy;
}

/**
 * A run: `begin`, then `advance` until it gives false, then `result`. It can be used again after that, and keeps its memory
 * for that purpose.
 */
export class Run {
  private readonly state: JsState;
  private call: KernelCall = NO_CALL;
  /** How many slices have run, and how many there are. */
  private done = 0;
  private slices = 0;
  /** Filters into new memory: one slice's elements, and copies of the earlier slices'. */
  private scratch: AnyTypedArray | null = null;
  private readonly chunks: AnyTypedArray[] = [];
  /** What the results are, if they are stored. */
  private readonly stores: ElementType | null;
  private readonly collects: boolean;

  constructor(private readonly program: Program) {
    this.state = createState(program.kernel);
    this.stores = storedElement(program.kernel.sink);
    this.collects = this.stores !== null && program.filters;
  }

  begin(call: KernelCall): void {
    resetState(this.program.kernel, call, this.state);
    this.done = 0;
    this.slices = Math.max(1, Math.ceil(call.length / SLICE));
    this.chunks.length = 0;
    const { stores } = this;
    if (stores !== null && call.output === null) this.call = { ...call, output: this.memory(stores, call.length) };
    else this.call = call;
    this.collecting = this.collects && call.output === null;
  }

  /** Whether this call's results go to `chunks` by way of `scratch`. */
  private collecting = false;

  private memory(element: ElementType, length: number): AnyTypedArray {
    if (!this.collects) return newArray(element, length);
    const needed = Math.min(length, SLICE);
    if (this.scratch === null || this.scratch.length < needed) this.scratch = newArray(element, needed);
    return this.scratch;
  }

  /** Runs the next slice; gives whether there is another. */
  advance(): boolean {
    const { program, state, call } = this;
    const slice = program.backwards ? this.slices - 1 - this.done : this.done;
    const start = slice * SLICE;
    if (program.failsOutOfOrder) this.attempt(start, Math.min(start + SLICE, call.length));
    else program.run(call, state, start, Math.min(start + SLICE, call.length));
    if (this.collecting) this.keep();
    this.done++;
    return this.done < this.slices && !(program.stops && state.position >= 0);
  }

  private attempt(start: number, end: number): void {
    try {
      this.program.run(this.call, this.state, start, end);
    } catch (error) {
      replayFrom(this.program.kernel, this.call, start);
      throw new CompilerBug("an element failed, but not when it was run again", { cause: error });
    }
  }

  /** Takes what the slice has stored out of the scratch memory. */
  private keep(): void {
    const scratch = this.scratch as AnyTypedArray;
    const { length } = this.call;
    const large = length * scratch.BYTES_PER_ELEMENT >= LARGE;
    this.chunks.push(large ? returnable(scratch.subarray(0, this.state.count)) : scratch.slice(0, this.state.count));
    this.state.count = 0;
  }

  result(): KernelResult {
    const { program, state, call, chunks, stores } = this;
    this.call = NO_CALL;
    if (stores === null) return resultOf(program.kernel, state, null);
    if (!this.collecting) return resultOf(program.kernel, state, outputOf(call, state.count));
    state.count = chunks.reduce((count, chunk) => count + chunk.length, 0);
    const [only] = chunks;
    const output = chunks.length === 1 && only !== undefined ? only : concatenated(stores, chunks, state.count);
    chunks.length = 0;
    return resultOf(program.kernel, state, output);
  }

  /** Lets go of the arrays of a run that has failed. */
  abandon(): void {
    this.call = NO_CALL;
    this.chunks.length = 0;
  }
}

/** The part of the output that holds results; the very array if that is all of it. */
export function outputOf(call: KernelCall, count: number): AnyTypedArray {
  const { output } = call;
  if (output === null) throw new CompilerBug("an array sink has no output");
  return output.length === count ? output : output.subarray(0, count);
}
