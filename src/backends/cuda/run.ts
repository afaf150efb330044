/**
 * One run of a program on a device: memory, transfers, launches and the result, as fusion/emit/cuda-plan.ts says. Large inputs go
 * through a few buffers in chunks, each on its way while the device works on the one before; so they need not fit.
 */
import { STATE_BYTES, STATE_FILLS, type CudaLaunch, type CudaOutcome, type CudaPlan, type CudaProgram } from "../../../fusion/emit/cuda.js";
import type { KernelCall } from "../../../fusion/call.js";
import type { Kernel } from "../../../fusion/ir.js";
import { BLOCK, ELEMENTS, type ElementType } from "../../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../../fusion/values.js";
import type { CudaContext, CudaEvent, CudaFlag, CudaFunction, CudaMemory, CudaStream } from "./driver.js";
import { CudaError } from "./errors.js";
import { captureBytes, parameterBytes, type Addresses, type Placed } from "./parameters.js";

/** What one run at a time uses of a device. */
export interface Lane {
  /** Arrays go to the device by one, kernels run on the second, and results come back by the third. */
  readonly arrivals: CudaStream;
  readonly work: CudaStream;
  readonly departures: CudaStream;
  /** Ends kernels early. */
  readonly stop: CudaFlag;
}

export const newLane = (context: CudaContext): Lane => ({ arrivals: context.stream(), work: context.stream(), departures: context.stream(), stop: context.flag() });

/** A program whose functions are loaded. */
export interface LoadedProgram {
  readonly kernel: Kernel;
  readonly program: CudaProgram;
  readonly context: CudaContext;
  readonly entry: (name: string) => CudaFunction;
  /** As CudaDevice.blocksPerMultiprocessor of fusion/emit/cuda-plan.ts. */
  readonly occupancy: (name: string) => number;
  /** Bytes of a chunk: the source's, or the output's if there are more. */
  readonly chunkBytes: number;
}

/** What came of a run; an array sink's elements are in `output`. */
export interface Ran {
  readonly outcome: CudaOutcome;
  readonly output: AnyTypedArray | null;
}

/** So many chunks are on the device at a time: one that comes, one that is worked on, one that leaves. */
const RING = 3;
/** Chunks are halved down to this many elements where memory is short. */
const FEWEST = 16 * BLOCK;

/** A chunk's place on the device. */
interface Place {
  readonly source: CudaMemory | null;
  readonly output: CudaMemory | null;
  /** Its elements have come; have been used; have left. */
  readonly arrived: CudaEvent;
  readonly used: CudaEvent;
  readonly left: CudaEvent;
}

/** How transfers are asked for: waiting, or as promises that whoever asks waits for in the end. */
interface Transfers {
  write(stream: CudaStream, to: CudaMemory, from: AnyTypedArray): void;
  read(stream: CudaStream, from: CudaMemory, to: AnyTypedArray): void;
}

class ProgramRun {
  private readonly taken: { release(): void }[] = [];
  private readonly source: ElementType | null;
  private readonly sink: ElementType | null;
  private readonly byPlace: boolean;
  private chunkLength: number;
  private readonly plan: CudaPlan;
  /** Null for no time at all: it has bytes. */
  private readonly state: CudaMemory | null;
  private readonly scratch: CudaMemory | null;
  /** Filters: room for all elements. */
  private readonly whole: CudaMemory | null;
  private readonly ring: Place[] = [];
  private readonly captures: Uint8Array | bigint;
  private readonly elementBytes: number;

  /** Takes all memory. Throws CudaError of kind `resource` if there is not enough, and has then given all of it back. */
  constructor(
    private readonly loaded: LoadedProgram,
    private readonly call: KernelCall,
    private readonly lane: Lane,
    private readonly transfers: Transfers,
    /** Where elements of their own places go. */
    private readonly target: AnyTypedArray | null,
  ) {
    const { kernel, program } = loaded;
    this.source = kernel.source.kind === "array" ? kernel.source.element : null;
    this.sink = kernel.sink.kind === "array" ? kernel.sink.element : null;
    this.byPlace = program.outputByPlace;
    const bytes = Math.max(this.source === null ? 0 : ELEMENTS[this.source].bytes, this.byPlace && this.sink !== null ? ELEMENTS[this.sink].bytes : 0);
    this.elementBytes = bytes;
    const most = bytes === 0 ? call.length : Math.max(1, Math.floor(loaded.chunkBytes / bytes / BLOCK)) * BLOCK;
    this.chunkLength = Math.min(call.length, most);
    try {
      this.whole = this.sink !== null && !this.byPlace ? this.take(call.length * ELEMENTS[this.sink].bytes) : null;
      this.takeRing();
      this.plan = program.plan(call.length, { multiprocessors: loaded.context.device.multiprocessors, blocksPerMultiprocessor: loaded.occupancy }, this.chunkLength);
      this.state = this.take(STATE_BYTES);
      this.scratch = this.take(this.plan.scratchBytes);
      this.captures = this.placeCaptures();
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    for (const thing of this.taken.splice(0)) thing.release();
  }

  /** All commands but the last reads. A search is interrupted between chunks: the rest may not be needed. */
  *steps(): Generator<"look"> {
    const { work } = this.lane;
    for (const { offset, bytes, value } of STATE_FILLS) work.fill(this.state as CudaMemory, offset, bytes, value);
    const { length } = this.call;
    const searches = this.loaded.kernel.sink.kind === "first";
    let from = 0;
    let turn = 0;
    do {
      const count = Math.min(this.chunkLength, length - from);
      this.chunk(from, count, turn++);
      from += count;
      if (searches && from < length) yield "look";
    } while (from < length);
    while (this.unread.length > 0) this.readChunk();
    this.launchAll(this.plan.finish, this.addresses(null));
  }

  /** The state's bytes come with this. */
  readState(to: Uint8Array): void {
    this.transfers.read(this.lane.work, this.state as CudaMemory, to);
  }

  /** What a filter has left over. */
  readOutput(to: AnyTypedArray): void {
    if (this.whole !== null && to.length > 0) this.transfers.read(this.lane.work, this.whole, to);
  }

  outcome(state: Uint8Array): CudaOutcome {
    return this.plan.read(state);
  }

  private take(bytes: number): CudaMemory | null {
    if (bytes === 0) return null;
    const memory = this.lane.work.allocate(bytes);
    this.taken.push(memory);
    return memory;
  }

  private takeRing(): void {
    for (;;) {
      const before = this.taken.length;
      const places = Math.min(RING, Math.max(1, Math.ceil(this.call.length / Math.max(1, this.chunkLength))));
      try {
        for (let i = 0; i < places; i++) this.ring.push(this.takePlace());
        return;
      } catch (error) {
        const smaller = Math.ceil(this.chunkLength / 2 / BLOCK) * BLOCK;
        if (!(error instanceof CudaError) || error.kind !== "resource" || smaller < FEWEST || this.elementBytes === 0) throw error;
        this.ring.length = 0;
        for (const thing of this.taken.splice(before)) thing.release();
        this.chunkLength = smaller;
      }
    }
  }

  private takePlace(): Place {
    const event = (): CudaEvent => {
      const made = this.loaded.context.event();
      this.taken.push(made);
      return made;
    };
    const { chunkLength: length } = this;
    return {
      source: this.source === null ? null : this.take(length * ELEMENTS[this.source].bytes),
      output: this.byPlace && this.sink !== null ? this.take(length * ELEMENTS[this.sink].bytes) : null,
      arrived: event(),
      used: event(),
      left: event(),
    };
  }

  private placeCaptures(): Uint8Array | bigint {
    const { work } = this.lane;
    const placed = this.call.arrays.map((array): Placed => {
      const memory = this.take(array.byteLength);
      if (memory !== null) this.transfers.write(work, memory, array);
      return { address: memory?.address ?? 0n, length: array.length };
    });
    const { captures } = this.loaded.program;
    const bytes = captureBytes(captures, this.call.scalars, placed);
    if (captures.byValue) return bytes;
    const memory = this.take(bytes.length);
    if (memory === null) return 0n;
    this.transfers.write(work, memory, bytes);
    return memory.address;
  }

  private addresses(place: Place | null): Addresses {
    return {
      source: place?.source?.address ?? 0n,
      output: (this.byPlace ? place?.output : this.whole)?.address ?? 0n,
      state: (this.state as CudaMemory).address,
      scratch: this.scratch?.address ?? 0n,
      stop: this.lane.stop.address,
    };
  }

  private launchAll(launches: readonly CudaLaunch[], addresses: Addresses): void {
    for (const launch of launches) {
      const shape = { grid: [launch.grid, 1, 1], block: [launch.block, 1, 1] } as const;
      this.lane.work.launch(this.loaded.entry(launch.entry), shape, parameterBytes(launch, addresses, this.captures));
    }
  }

  /** Chunks whose results are still on the device. */
  private readonly unread: { readonly place: Place; readonly from: number; readonly count: number }[] = [];

  private chunk(from: number, count: number, turn: number): void {
    const { work, arrivals, departures } = this.lane;
    const place = this.ring[turn % this.ring.length] as Place;
    const { source } = this.call;
    const overlapped = this.ring.length > 1;
    // Small inputs use one stream, whose order is enough.
    const bringing = overlapped ? arrivals : work;
    if (overlapped && turn >= this.ring.length) {
      bringing.wait(place.used);
      work.wait(place.left);
    }
    // The memory of one stream may be used on another only from where it was given.
    if (overlapped && turn < this.ring.length) {
      work.record(place.used);
      bringing.wait(place.used);
    }
    if (source !== null && place.source !== null && count > 0) {
      this.transfers.write(bringing, place.source, source.subarray(from, from + count));
      if (overlapped) {
        bringing.record(place.arrived);
        work.wait(place.arrived);
      }
    }
    this.launchAll(this.plan.chunk(from, count), this.addresses(place));
    if (overlapped) work.record(place.used);
    if (place.output === null || count === 0) return;
    if (overlapped) departures.wait(place.used);
    this.unread.push({ place, from, count });
    // What is read on the calling thread keeps it: not before there is more for the device to do.
    if (this.unread.length === this.ring.length) this.readChunk();
  }

  private readChunk(): void {
    const { place, from, count } = this.unread.shift() as (typeof this.unread)[number];
    const departing = this.ring.length > 1 ? this.lane.departures : this.lane.work;
    this.transfers.read(departing, place.output as CudaMemory, (this.target as AnyTypedArray).subarray(from, from + count));
    if (this.ring.length > 1) departing.record(place.left);
  }
}

/** Room for what an array sink stores by place: the call's output if it can be written to meanwhile. */
const targetOf = ({ kernel, program }: LoadedProgram, call: KernelCall, usable: boolean): AnyTypedArray | null => {
  if (kernel.sink.kind !== "array" || !program.outputByPlace) return null;
  return call.output !== null && usable ? call.output : newArray(kernel.sink.element, call.length);
};

/** What an array sink gives, from what is on the device or has been read. */
function outputOf(loaded: LoadedProgram, call: KernelCall, target: AnyTypedArray | null, outcome: CudaOutcome, usable: boolean): AnyTypedArray | null {
  const { sink } = loaded.kernel;
  if (sink.kind !== "array" || outcome.status !== "done") return null;
  const { count } = outcome.result;
  if (target !== null) return target.length === count ? target : target.subarray(0, count);
  return call.output !== null && usable ? call.output.subarray(0, count) : newArray(sink.element, count);
}

/** Runs and waits. Throws CudaError. */
export function runNow(loaded: LoadedProgram, call: KernelCall, lane: Lane): Ran {
  const target = targetOf(loaded, call, true);
  const transfers: Transfers = { write: (stream, to, from) => stream.write(to, from), read: (stream, from, to) => stream.read(from, to) };
  const run = new ProgramRun(loaded, call, lane, transfers, target);
  try {
    const state = new Uint8Array(STATE_BYTES);
    for (const _ of run.steps()) {
      run.readState(state);
      if (isFound(run.outcome(state))) break;
    }
    run.readState(state);
    const outcome = run.outcome(state);
    const output = outputOf(loaded, call, target, outcome, true);
    if (target === null && output !== null) run.readOutput(output);
    return { outcome, output };
  } catch (error) {
    // What is still on its way needs its memory.
    for (const stream of streamsOf(lane)) for (let attempt = 0; attempt < 2; attempt++) quietly(() => stream.synchronise());
    throw error;
  } finally {
    run.release();
  }
}

/** The streams of a run that has failed are waited for twice: the first time may throw what nobody has heard of yet. */
const streamsOf = ({ arrivals, work, departures }: Lane): readonly CudaStream[] => [arrivals, work, departures];

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // It has failed already, and for the same reason.
  }
}

/**
 * Runs without keeping the calling thread. `pinned`: whether the call's output can be held in place while it is written; else the
 * result is an array of its own.
 */
export async function runLater(loaded: LoadedProgram, call: KernelCall, lane: Lane, pinned: boolean): Promise<Ran> {
  const target = targetOf(loaded, call, pinned);
  const transferring: Promise<void>[] = [];
  const keep = (promise: Promise<void>): void => {
    promise.catch(() => {}); // heard of in `settled`
    transferring.push(promise);
  };
  const transfers: Transfers = { write: (stream, to, from) => keep(stream.writeLater(to, from)), read: (stream, from, to) => keep(stream.readLater(from, to)) };
  const settled = async (): Promise<void> => {
    const ended = await Promise.allSettled(transferring.splice(0));
    for (const { status, ...rest } of ended) if (status === "rejected") throw (rest as PromiseRejectedResult).reason;
  };
  const run = new ProgramRun(loaded, call, lane, transfers, target);
  try {
    const state = new Uint8Array(STATE_BYTES);
    for (const _ of run.steps()) {
      run.readState(state);
      await settled();
      if (isFound(run.outcome(state))) break;
    }
    run.readState(state);
    await settled();
    const outcome = run.outcome(state);
    const output = outputOf(loaded, call, target, outcome, pinned);
    if (target === null && output !== null) run.readOutput(output);
    await settled();
    return { outcome, output };
  } catch (error) {
    await Promise.allSettled(transferring);
    for (const stream of streamsOf(lane)) for (let attempt = 0; attempt < 2; attempt++) await stream.synchroniseLater().catch(() => {});
    throw error;
  } finally {
    run.release();
  }
}

/** Between two chunks of a search: whether it is over. */
const isFound = (outcome: CudaOutcome): boolean => outcome.status !== "done" || outcome.result.position >= 0;
