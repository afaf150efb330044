/** One run of an emitted kernel, slice by slice. */
import type { KernelCall, KernelResult } from "../../../fusion/call.js";
import { createState, resetState, resultOf, SLICE, type JsCall, type JsState } from "../../../fusion/emit/js-state.js";
import { CompilerBug } from "../../../fusion/errors.js";
import { elementsOf } from "../../../fusion/several.js";
import type { ElementType } from "../../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../../fusion/values.js";
import type { Program } from "./program.js";
import { replayFrom } from "./replay.js";

const NO_CALL: JsCall = { source: null, length: 0, output: null, scalars: [], arrays: [] };

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
  private call: JsCall = NO_CALL;
  /** How many slices have run, and how many there are. */
  private done = 0;
  private slices = 0;
  /** What each array sink stores. */
  private readonly elements: readonly ElementType[];
  /** Where this call's results go, for each array sink. */
  private outputs: AnyTypedArray[] = [];
  /** Filters into new memory: one slice's elements, and copies of the earlier slices', for each array sink. */
  private readonly scratches: AnyTypedArray[] = [];
  private readonly chunks: AnyTypedArray[][];
  private readonly collects: boolean;

  constructor(private readonly program: Program) {
    this.state = createState(program.kernel);
    this.elements = elementsOf(program.kernel);
    this.collects = this.elements.length > 0 && program.filters;
    this.chunks = this.elements.map(() => []);
  }

  begin(call: KernelCall): void {
    resetState(this.program.kernel, call, this.state);
    this.done = 0;
    this.slices = Math.max(1, Math.ceil(call.length / SLICE));
    for (const chunks of this.chunks) chunks.length = 0;
    this.outputs = call.output === null ? this.elements.map((element, place) => this.memory(element, place, call.length)) : [call.output];
    const [output] = this.outputs;
    this.call = output === undefined || call.output !== null ? call : this.outputs.length === 1 ? { ...call, output } : { ...call, outputs: this.outputs };
    this.collecting = this.collects && call.output === null;
  }

  /** Whether this call's results go to `chunks` by way of `scratches`. */
  private collecting = false;

  private memory(element: ElementType, place: number, length: number): AnyTypedArray {
    if (!this.collects) return newArray(element, length);
    const needed = Math.min(length, SLICE);
    let scratch = this.scratches[place];
    if (scratch === undefined || scratch.length < needed) this.scratches[place] = scratch = newArray(element, needed);
    return scratch;
  }

  /** How much is done, from 0 to 1. */
  get part(): number {
    return this.done / this.slices;
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
    const { length } = this.call;
    this.outputs.forEach((scratch, place) => {
      const large = length * scratch.BYTES_PER_ELEMENT >= LARGE;
      this.chunks[place]?.push(large ? returnable(scratch.subarray(0, this.state.count)) : scratch.slice(0, this.state.count));
    });
    this.state.count = 0;
  }

  result(): KernelResult {
    const { program, state, outputs } = this;
    this.call = NO_CALL;
    this.outputs = [];
    const stored = this.collecting ? this.collected() : outputs.map(output => firstOf(output, state.count));
    return resultOf(program.kernel, state, stored[0] ?? null, stored);
  }

  private collected(): readonly AnyTypedArray[] {
    const { state, chunks, elements } = this;
    state.count = (chunks[0] ?? []).reduce((count, chunk) => count + chunk.length, 0);
    return elements.map((element, place) => {
      const own = (chunks[place] ?? []).splice(0);
      const [only] = own;
      return own.length === 1 && only !== undefined ? only : concatenated(element, own, state.count);
    });
  }

  /** Lets go of the arrays of a run that has failed. */
  abandon(): void {
    this.call = NO_CALL;
    this.outputs = [];
    for (const chunks of this.chunks) chunks.length = 0;
  }
}

/** The part of an output that holds results; the very array if that is all of it. */
export const firstOf = (output: AnyTypedArray, count: number): AnyTypedArray => (output.length === count ? output : output.subarray(0, count));
