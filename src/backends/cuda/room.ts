/** What a run takes of a device's memory: all of it before anything runs, in chunks as long as there is room for. */
import { STATE_BYTES, type CudaPlan } from "../../../fusion/emit/cuda.js";
import type { KernelCall } from "../../../fusion/call.js";
import { storedElement } from "../../../fusion/traverse.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { BLOCK, ELEMENTS, type ElementType } from "../../../fusion/types.js";
import type { CudaContext, CudaEvent, CudaMemory } from "./driver.js";
import { mapViews } from "../arrays.js";
import { CudaError } from "./errors.js";
import { storageOf } from "../../memory/storage.js";
import type { Lane, LoadedProgram } from "./part.js";
import type { Residents } from "./residents.js";
import type { Share } from "./shares.js";

/** So many chunks are on the device at a time: one that comes, one that is worked on, one that leaves. */
const RING = 3;
/** Chunks are halved down to this many elements where memory is short. */
const FEWEST = 16 * BLOCK;

/** A chunk's place on the device. */
export interface Place {
  readonly source: CudaMemory | null;
  readonly output: CudaMemory | null;
  /** Null where there is but one place, and all goes by one stream. */
  readonly events: PlaceEvents | null;
}

/** An array on the device, `address`: as if all of it were there. What this run alone has to bring, and where to; null for what is there. */
export interface Placed {
  readonly address: bigint;
  readonly memory: CudaMemory | null;
  readonly brings: AnyTypedArray | null;
}

interface PlaceEvents {
  /** The chunk's elements have come; have been used; its results have left. */
  readonly arrived: CudaEvent;
  readonly used: CudaEvent;
  readonly left: CudaEvent;
}

interface Chunks {
  readonly chunkLength: number;
  readonly plan: CudaPlan;
  readonly scratch: CudaMemory | null;
  readonly ring: readonly Place[];
}

export class Room {
  private readonly taken: { release(): void }[] = [];
  private lack: unknown;
  private readonly source: ElementType | null;
  private readonly sink: ElementType | null;
  private readonly chunks: Chunks;

  readonly state: CudaMemory;
  /** Null for an array of no elements: no memory has no bytes. */
  readonly arrays: readonly (Placed | null)[];
  /** Where the source lies that is a buffer's; null for one that comes in chunks. */
  readonly residentSource: bigint | null = null;
  /** Null if captures are an argument themselves. */
  readonly captures: CudaMemory | null;
  /** Filters, and sinks whose results stay: all that may be stored. Null where that does not fit, and each chunk's results leave before its place is used again. */
  readonly whole: CudaMemory | null = null;
  /** Whether the results stay there. */
  readonly keeps: boolean = false;

  /** Throws CudaError of kind `resource` if there is not enough memory, and has then given all of it back. */
  constructor(
    private readonly loaded: LoadedProgram,
    private readonly call: KernelCall,
    private readonly lane: Lane,
    private readonly residents: Residents | null,
    /** What this device sees to. */
    readonly share: Share,
  ) {
    const { kernel, program } = loaded;
    this.source = kernel.source.kind === "array" ? kernel.source.element : null;
    this.sink = storedElement(kernel.sink);
    const captureBytes = program.captures.byValue ? 0 : program.captures.bytes;
    try {
      this.state = this.take(STATE_BYTES) as CudaMemory;
      this.arrays = mapViews(call.arrays, (array, at) => this.placed(array, kernel.arrays[at]?.column === true));
      if (call.source !== null) this.residentSource = this.resident(call.source, true);
      this.captures = this.take(captureBytes);
      const keep = residents?.keep === true && call.output === null;
      const whole = this.sink === null || (program.outputByPlace && !keep) ? null : this.attempt(() => this.besides(share.count * bytesOf(this.sink)));
      if (whole !== null) [this.whole, this.chunks] = whole;
      else this.chunks = this.divide(0);
      this.keeps = keep && this.whole !== null;
    } catch (error) {
      this.release();
      throw isLack(error) ? this.lacking(error) : error;
    }
  }

  get plan(): CudaPlan {
    return this.chunks.plan;
  }
  get chunkLength(): number {
    return this.chunks.chunkLength;
  }
  get scratch(): CudaMemory | null {
    return this.chunks.scratch;
  }
  get ring(): readonly Place[] {
    return this.chunks.ring;
  }

  /** Where in the scratch what its blocks leave for `finish` lies. */
  get blocks(): { readonly offset: number; readonly bytes: number } {
    const { blockBytes } = this.plan;
    const { from, count } = this.share;
    return { offset: (from / BLOCK) * blockBytes, bytes: Math.ceil(count / BLOCK) * blockBytes };
  }

  /** Whether results leave with their chunks, as many as each has kept. */
  get inPieces(): boolean {
    return this.sink !== null && !this.loaded.program.outputByPlace && this.whole === null;
  }

  /** Commands that were given before still run. */
  release(): void {
    for (const thing of this.taken.splice(0)) thing.release();
    this.residents?.release();
  }

  /** The memory that results are to stay in once `leave` is told so, of which so many bytes are used; by a command that may have to be waited for if most of it is not. */
  keep(bytes: number): { readonly memory: CudaMemory; readonly copied: boolean } | null {
    const { whole, lane } = this;
    if (!this.keeps || whole === null || bytes === 0) return null;
    if (bytes * 2 < whole.bytes) {
      const exact = this.attempt(() => this.take(bytes));
      if (exact !== null) {
        lane.work.copy(exact, 0, whole, 0, bytes);
        return { memory: exact, copied: true };
      }
    }
    return { memory: whole, copied: false };
  }

  /** Memory that is not given back with the rest. */
  leave(memory: CudaMemory): void {
    this.taken.splice(this.taken.indexOf(memory), 1);
  }

  /** Of the results. */
  get elementBytes(): number {
    return bytesOf(this.sink);
  }

  /** Of a source that does not come in chunks, from this element on. */
  sourceAt(from: number): bigint {
    return this.residentSource === null ? 0n : this.residentSource + BigInt(from * bytesOf(this.source));
  }

  /** Filters append to what is there; other sinks store each element in its own place. */
  outputAt(from: number): bigint {
    if (this.whole === null) return 0n;
    return this.whole.address + BigInt(this.loaded.program.outputByPlace ? (from - this.share.from) * this.elementBytes : 0);
  }

  /** Of a column each element is read in its own place. */
  private placed(array: AnyTypedArray, column: boolean): Placed | null {
    const address = this.resident(array, column);
    if (address !== null) return { address, memory: null, brings: null };
    const { from, count } = this.share;
    // It is longer than the source by the largest offset that it is read at.
    const brings = column && count < this.call.length ? array.subarray(from, from + count + array.length - this.call.length) : array;
    const memory = this.take(brings.byteLength);
    return memory === null ? null : { address: memory.address - BigInt(brings.byteOffset - array.byteOffset), memory, brings };
  }

  /** Where a buffer's elements are; null where they have to be brought for this run alone. */
  private resident(array: AnyTypedArray, shared: boolean): bigint | null {
    const { residents } = this;
    if (residents === null) return null;
    const address = this.attempt(() => residents.place(array, shared, bytes => this.take(bytes) as CudaMemory));
    if (address === null) storageOf(array)?.read();
    return address;
  }

  private take(bytes: number): CudaMemory | null {
    if (bytes === 0) return null;
    const { name, memoryBytes } = this.loaded.context.device;
    if (bytes > memoryBytes) throw new CudaError("resource", `${bytes} bytes are more than all memory of ${name}`);
    const memory = this.lane.work.allocate(bytes);
    this.taken.push(memory);
    return memory;
  }

  /** Null where memory is short, and then what was taken meanwhile is given back. */
  private attempt<Taken>(take: () => Taken): Taken | null {
    const before = this.taken.length;
    try {
      return take();
    } catch (error) {
      if (!isLack(error)) throw error;
      this.lack = error;
      for (const thing of this.taken.splice(before)) thing.release();
      return null;
    }
  }

  /** Memory for all results, and chunks that only come. */
  private besides(wholeBytes: number): [CudaMemory | null, Chunks] {
    return [this.take(wholeBytes), this.divide(wholeBytes)];
  }

  /** The longest chunks that there is room for. Throws if even short ones are too much. */
  private divide(wholeBytes: number): Chunks {
    const [longest, shortest] = this.chunkLengths(wholeBytes);
    for (let chunkLength = longest; ; chunkLength = Math.max(shortest, Math.ceil(chunkLength / 2 / BLOCK) * BLOCK)) {
      const chunks = this.attempt(() => this.chunksOf(chunkLength, wholeBytes));
      if (chunks !== null) return chunks;
      if (chunkLength === shortest || this.loaded.chunkBytes === Infinity) throw this.lack;
    }
  }

  private chunkLengths(wholeBytes: number): readonly [longest: number, shortest: number] {
    const { count } = this.share;
    const bytes = Math.max(...this.chunkElementBytes(wholeBytes));
    if (bytes === 0) return [count, count];
    const longest = Math.min(count, Math.max(1, Math.floor(this.loaded.chunkBytes / bytes / BLOCK)) * BLOCK);
    return [longest, Math.min(longest, FEWEST)];
  }

  /** Of an element that comes, and of one that leaves with its chunk. */
  private chunkElementBytes(wholeBytes: number): readonly [source: number, output: number] {
    return [this.residentSource === null ? bytesOf(this.source) : 0, wholeBytes > 0 ? 0 : bytesOf(this.sink)];
  }

  private planOf(chunkLength: number): CudaPlan {
    const { program, context, occupancy } = this.loaded;
    return program.plan(this.call.length, { multiprocessors: context.device.multiprocessors, blocksPerMultiprocessor: occupancy }, chunkLength);
  }

  private placesOf(chunkLength: number): number {
    return Math.min(RING, Math.max(1, Math.ceil(this.share.count / Math.max(1, chunkLength))));
  }

  private chunksOf(chunkLength: number, wholeBytes: number): Chunks {
    const [source, output] = this.chunkElementBytes(wholeBytes);
    const plan = this.planOf(chunkLength);
    const places = this.placesOf(chunkLength);
    const ring = Array.from({ length: places }, (): Place => ({ source: this.take(chunkLength * source), output: this.take(chunkLength * output), events: places > 1 ? this.takeEvents() : null }));
    return { chunkLength, plan, ring, scratch: this.take(plan.scratchBytes) };
  }

  private takeEvents(): PlaceEvents {
    const event = (): CudaEvent => {
      const made = this.loaded.context.event();
      this.taken.push(made);
      return made;
    };
    return { arrived: event(), used: event(), left: event() };
  }

  /** Bytes, with chunks as short as they get. */
  private get least(): number {
    const { program } = this.loaded;
    const [, chunkLength] = this.chunkLengths(0);
    const [source, output] = this.chunkElementBytes(0);
    const arrays = this.call.arrays.reduce((sum, { byteLength }) => sum + byteLength, program.captures.byValue ? 0 : program.captures.bytes);
    return STATE_BYTES + arrays + this.placesOf(chunkLength) * chunkLength * (source + output) + this.planOf(chunkLength).scratchBytes;
  }

  private lacking(cause: CudaError): CudaError {
    const { context } = this.loaded;
    const { name, memoryBytes } = context.device;
    const { most, used } = context.usage;
    const [all, free] = most < memoryBytes ? [`${most} bytes of ${name} that may be used`, most - used] : [`${memoryBytes} bytes of ${name}`, freeBytes(context)];
    const given = cause.call === "" ? "" : ` (${cause.call} gave ${cause.result})`;
    const what = `the run needs ${this.least} bytes of device memory at once; ${free} of the ${all} are free${given}`;
    return new CudaError("resource", `${what}. Sources and results go through in chunks, but captured arrays and what a reduction keeps of each 1024 elements must fit; and what other queries hold meanwhile is not there: run fewer at a time`, cause, { cause });
  }
}

const bytesOf = (element: ElementType | null): number => (element === null ? 0 : ELEMENTS[element].bytes);

export const isLack = (error: unknown): error is CudaError => error instanceof CudaError && error.kind === "resource";

function freeBytes(context: CudaContext): number | "some" {
  try {
    return context.memory.free;
  } catch {
    return "some"; // the driver has other troubles now
  }
}
