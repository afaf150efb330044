/**
 * One run of a program on a device: transfers, launches and the result, as fusion/emit/cuda-plan.ts says. Large inputs go
 * through a few buffers in chunks, each on its way while the device works on the one before; so they need not fit.
 */
import { COUNT_ANEW, STATE_BYTES, STATE_FILLS, type CudaLaunch, type CudaOutcome, type CudaProgram, type Fill } from "../../../fusion/emit/cuda.js";
import type { KernelCall } from "../../../fusion/call.js";
import type { Kernel } from "../../../fusion/ir.js";
import { storedElement } from "../../../fusion/traverse.js";
import { newArray, type AnyTypedArray } from "../../../fusion/values.js";
import { checkLengths, lengthsOf } from "../arrays.js";
import { Clock } from "./clock.js";
import type { CudaContext, CudaFlag, CudaFunction, CudaMemory, CudaStream } from "./driver.js";
import { Harvest } from "./harvest.js";
import { captureBytes, parameterBytes, type Addresses } from "./parameters.js";
import type { Residents } from "./residents.js";
import { isLack, Room, type Place } from "./room.js";

/** What one run at a time uses of a device. */
export interface Lane {
  /** Arrays go to the device by one, kernels run on the second, and results come back by the third. */
  readonly arrivals: CudaStream;
  readonly work: CudaStream;
  readonly departures: CudaStream;
  /** Ends kernels early. */
  readonly stop: CudaFlag;
  /** False once a run has left something in it that could not be waited for. */
  isUsable: boolean;
}

export const newLane = (context: CudaContext): Lane => ({ arrivals: context.stream(), work: context.stream(), departures: context.stream(), stop: context.flag(), isUsable: true });

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

/** What came of the commands, and what of the results has stayed. */
interface Done {
  readonly outcome: CudaOutcome;
  readonly kept: CudaMemory | null;
}

/** So many transfers are given ahead: enough for streams not to wait for the calling thread, and few enough to be given up. */
const AHEAD = 64;

/** What is to be waited for; null if it has been done. */
type Wait = Promise<void> | null;

/** How those commands are given in which the calling thread takes part: waiting, or as promises. */
interface Transfers {
  write(stream: CudaStream, to: CudaMemory, from: AnyTypedArray): Wait;
  read(stream: CudaStream, from: CudaMemory, to: AnyTypedArray): Wait;
  /** Until all is done. Throws what failed meanwhile, if nobody has heard of it. */
  synchronise(stream: CudaStream): Wait;
}

/** Some elements of the source, and where on the device they are. */
interface Chunk {
  readonly turn: number;
  readonly from: number;
  readonly count: number;
  readonly place: Place;
}

class ProgramRun {
  private readonly state = new Uint8Array(STATE_BYTES);
  private readonly captures: Uint8Array;

  constructor(
    private readonly loaded: LoadedProgram,
    private readonly call: KernelCall,
    private readonly lane: Lane,
    private readonly room: Room,
    private readonly transfers: Transfers,
    /** Of array sinks. */
    private readonly harvest: Harvest | null,
    private readonly residents: Residents | null,
    private readonly clock: Clock | null,
  ) {
    const arrays = call.arrays.map(({ length }, at) => ({ address: room.arrays[at]?.address ?? 0n, length }));
    this.captures = captureBytes(loaded.program.captures, call.scalars, arrays);
  }

  /** All commands, up to what came of them. Whatever it waits for must have come to pass before it goes on. */
  *steps(): Generator<Wait, Done> {
    const { room, transfers, lane } = this;
    STATE_FILLS.forEach(fill => this.fill(fill));
    this.call.arrays.forEach((array, at) => this.write(room.arrays[at]?.memory, array));
    this.residents?.prepare((to, from) => this.write(to, from));
    this.write(room.captures, this.captures);
    const outcome = yield* this.inChunks();
    if (room.ring.length > 1) {
      // What their last commands failed with must be heard, and nothing may be on its way in memory that is given back.
      yield transfers.synchronise(lane.arrivals);
      yield transfers.synchronise(lane.departures);
    }
    const kept = outcome.status === "done" ? room.keep(outcome.result.count * room.elementBytes) : null;
    if (kept?.copied === true) yield transfers.synchronise(lane.work);
    if (this.clock !== null) {
      for (const stream of streamsOf(lane)) yield transfers.synchronise(stream);
      this.clock.read();
    }
    return { outcome, kept: kept?.memory ?? null };
  }

  private inChunks(): Generator<Wait, CudaOutcome> {
    if (this.loaded.kernel.sink.kind === "first") return this.searched();
    const inPieces = this.harvest !== null && !this.loaded.program.outputByPlace && this.room.whole === null;
    return inPieces ? this.inPieces() : this.throughout();
  }

  /** All chunks; what they leave behind is joined, and read, in the end. */
  private *throughout(): Generator<Wait, CudaOutcome> {
    const { room, harvest } = this;
    const given: Wait[] = [];
    const unread: Chunk[] = [];
    for (let chunk = this.chunkAt(0); chunk !== null; chunk = this.chunkAt(chunk.turn + 1)) {
      given.push(this.bring(chunk));
      this.workOn(chunk);
      // What is read on the calling thread keeps it: not before there is more for the device to do.
      if (chunk.place.output !== null && unread.push(chunk) === room.ring.length) given.push(this.fetch(unread.shift() as Chunk));
      while (given.length > AHEAD) yield given.shift() as Wait;
    }
    for (const chunk of unread) void this.fetch(chunk);
    this.launchAll(room.plan.finish, null, 0);
    const outcome = yield* this.look();
    const count = outcome.status === "done" ? outcome.result.count : 0;
    if (harvest !== null && room.whole !== null && count > 0) yield this.transfers.read(this.lane.work, room.whole, harvest.next(count));
    return outcome;
  }

  /** Until one is found: the rest need not be brought. */
  private *searched(): Generator<Wait, CudaOutcome> {
    for (let turn = 0; ; turn++) {
      const chunk = this.chunkAt(turn) as Chunk;
      void this.bring(chunk);
      this.workOn(chunk);
      const outcome = yield* this.look();
      const isOver = outcome.status !== "done" || outcome.result.position >= 0;
      if (isOver || this.chunkAt(turn + 1) === null) return outcome;
    }
  }

  /** A filter without room for all that it keeps: what a chunk kept is known, and leaves, before the next is worked on. */
  private *inPieces(): Generator<Wait, CudaOutcome> {
    let chunk = this.chunkAt(0) as Chunk;
    void this.bring(chunk);
    for (;;) {
      if (chunk.turn > 0) this.fill(COUNT_ANEW);
      this.workOn(chunk);
      const next = this.chunkAt(chunk.turn + 1);
      if (next !== null) void this.bring(next); // meanwhile
      const outcome = yield* this.look();
      if (outcome.status !== "done") return outcome;
      if (outcome.result.count > 0) void this.fetch(chunk, outcome.result.count);
      if (next === null) return outcome;
      chunk = next;
    }
  }

  /** Null behind the last one. There is always a first. */
  private chunkAt(turn: number): Chunk | null {
    const { chunkLength, ring } = this.room;
    const { length } = this.call;
    const from = turn * chunkLength;
    if (turn > 0 && from >= length) return null;
    return { turn, from, count: Math.min(chunkLength, length - from), place: ring[turn % ring.length] as Place };
  }

  /** What came of all so far. */
  private *look(): Generator<Wait, CudaOutcome> {
    yield this.transfers.read(this.lane.work, this.room.state, this.state);
    return this.room.plan.read(this.state);
  }

  private bring({ turn, from, count, place }: Chunk): Wait {
    const { work, arrivals } = this.lane;
    const { source: to, events } = place;
    if (to === null || count === 0) return null;
    const elements = (this.call.source as AnyTypedArray).subarray(from, from + count);
    if (events === null) return this.transfers.write(work, to, elements);
    // The memory of one stream may be used on another only from where it was given.
    if (turn < this.room.ring.length) work.record(events.used);
    arrivals.wait(events.used);
    const brought = this.transfers.write(arrivals, to, elements);
    arrivals.record(events.arrived);
    return brought;
  }

  private workOn({ turn, from, count, place }: Chunk): void {
    const { work } = this.lane;
    const { events } = place;
    if (events !== null) {
      if (place.source !== null) work.wait(events.arrived);
      if (place.output !== null && turn >= this.room.ring.length) work.wait(events.left);
    }
    this.launchAll(this.room.plan.chunk(from, count), place, from);
    if (events !== null) work.record(events.used);
  }

  /** The first elements of a chunk's results. */
  private fetch({ place, count: all }: Chunk, count = all): Wait {
    const { work, departures } = this.lane;
    const { output, events } = place;
    const room = (this.harvest as Harvest).next(count);
    if (events === null) return this.transfers.read(work, output as CudaMemory, room);
    departures.wait(events.used);
    const read = this.transfers.read(departures, output as CudaMemory, room);
    departures.record(events.left);
    return read;
  }

  private fill({ offset, bytes, value }: Fill): void {
    this.lane.work.fill(this.room.state, offset, bytes, value);
  }

  private write(to: CudaMemory | null | undefined, from: AnyTypedArray): void {
    if (to) void this.transfers.write(this.lane.work, to, from);
  }

  /** `from`: the first element of the chunk. */
  private launchAll(launches: readonly CudaLaunch[], place: Place | null, from: number): void {
    const { room, lane, loaded } = this;
    const addresses: Addresses = {
      source: place?.source?.address ?? room.sourceAt(from),
      output: place?.output?.address ?? room.outputAt(from),
      state: room.state.address,
      scratch: room.scratch?.address ?? 0n,
      stop: lane.stop.address,
    };
    for (const launch of launches) {
      const shape = { grid: [launch.grid, 1, 1], block: [launch.block, 1, 1] } as const;
      const give = (): void => lane.work.launch(loaded.entry(launch.entry), shape, parameterBytes(launch, addresses, room.captures?.address ?? this.captures));
      if (this.clock === null) give();
      else this.clock.around(lane.work, { what: "kernel", name: launch.entry, bytes: 0 }, give);
    }
  }
}

/** Where an array sink's elements go: the call's output if it can be written to meanwhile. */
function harvestOf({ kernel: { sink }, program }: LoadedProgram, { output, length }: KernelCall, usable: boolean): Harvest | null {
  const element = storedElement(sink);
  if (element === null) return null;
  const into = output !== null && usable ? output : program.outputByPlace ? newArray(element, length) : null;
  return new Harvest(element, into);
}

function ranTo({ outcome, kept }: Done, harvest: Harvest | null, room: Room, residents: Residents | null): Ran {
  residents?.publish();
  if (outcome.status === "done" && room.keeps) return { outcome, output: room.resultOn(kept, outcome.result.count) };
  if (harvest === null || outcome.status !== "done") return { outcome, output: null };
  return { outcome: { status: "done", result: { ...outcome.result, count: harvest.length } }, output: harvest.all() };
}

/** Buffers that are to stay on the device must not keep a run from having room. */
function roomFor(loaded: LoadedProgram, call: KernelCall, lane: Lane, residents: Residents | null): Room {
  try {
    return new Room(loaded, call, lane, residents);
  } catch (error) {
    if (residents === null || !isLack(error)) throw error;
    residents.makeRoom();
    return new Room(loaded, call, lane, residents);
  }
}

/** The same transfers, timed. */
function timedBy(clock: Clock | null, transfers: Transfers): Transfers {
  if (clock === null) return transfers;
  return {
    ...transfers,
    write: (stream, to, from) => clock.around(stream, { what: "upload", name: "", bytes: from.byteLength }, () => transfers.write(stream, to, from)),
    read: (stream, from, to) => clock.around(stream, { what: "download", name: "", bytes: to.byteLength }, () => transfers.read(stream, from, to)),
  };
}

const clockFor = ({ context }: LoadedProgram, { timing }: KernelCall): Clock | null => (timing === undefined ? null : new Clock(context, context.ordinal, timing));

/** Runs and waits. Throws CudaError. */
export function runNow(loaded: LoadedProgram, call: KernelCall, lane: Lane, residents: Residents | null = null): Ran {
  const transfers: Transfers = {
    write: (stream, to, from) => (stream.write(to, from), null),
    read: (stream, from, to) => (stream.read(from, to), null),
    synchronise: stream => (stream.synchronise(), null),
  };
  const room = roomFor(loaded, call, lane, residents);
  const clock = clockFor(loaded, call);
  try {
    const harvest = room.keeps ? null : harvestOf(loaded, call, true);
    const steps = new ProgramRun(loaded, call, lane, room, timedBy(clock, transfers), harvest, residents, clock).steps();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return ranTo(step.value, harvest, room, residents);
    }
  } catch (error) {
    quietly(() => lane.stop.set(1));
    for (const stream of streamsOf(lane)) quietly(() => stream.synchronise());
    for (const stream of streamsOf(lane)) if (!quietly(() => stream.synchronise())) lane.isUsable = false;
    throw error;
  } finally {
    clock?.release();
    room.release();
  }
}

/**
 * Runs without keeping the calling thread. `pinned`: whether the call's output can be held in place while it is written; else the
 * result is an array of its own. Rejects with the signal's reason once it is aborted, if only between two chunks.
 */
export async function runLater(loaded: LoadedProgram, call: KernelCall, lane: Lane, pinned: boolean, signal: AbortSignal | undefined, residents: Residents | null = null): Promise<Ran> {
  const transferring = new Set<Promise<void>>();
  const keep = (promise: Promise<void>): Wait => {
    transferring.add(promise);
    const gone = (): void => void transferring.delete(promise);
    promise.then(gone, () => undefined); // what fails stays, and is heard of in the end
    return promise;
  };
  const transfers: Transfers = {
    write: (stream, to, from) => keep(stream.writeLater(to, from)),
    read: (stream, from, to) => keep(stream.readLater(from, to)),
    synchronise: stream => keep(stream.synchroniseLater()),
  };
  const lengths = lengthsOf(call);
  const goingOn = (): void => {
    signal?.throwIfAborted();
    checkLengths(call, lengths);
  };
  const room = roomFor(loaded, call, lane, residents);
  const clock = clockFor(loaded, call);
  try {
    const harvest = room.keeps ? null : harvestOf(loaded, call, pinned);
    const steps = new ProgramRun(loaded, call, lane, room, timedBy(clock, transfers), harvest, residents, clock).steps();
    for (;;) {
      const step = steps.next();
      await (step.done === true ? Promise.all(transferring) : step.value);
      goingOn();
      if (step.done === true) return ranTo(step.value, harvest, room, residents);
    }
  } catch (error) {
    quietly(() => lane.stop.set(1));
    for (const stream of streamsOf(lane)) await quietlyLater(() => stream.synchroniseLater());
    for (const stream of streamsOf(lane)) if (!(await quietlyLater(() => stream.synchroniseLater()))) lane.isUsable = false;
    throw error;
  } finally {
    clock?.release();
    room.release();
  }
}

/**
 * A run that has failed ends what it has on the device, and waits: that needs its memory and its arrays. Its streams are waited
 * for twice: the first time may throw what nobody has heard of yet, the second says whether they can be used again.
 */
const streamsOf = ({ arrivals, work, departures }: Lane): readonly CudaStream[] => [arrivals, work, departures];

/** Whether it went well. */
function quietly(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

async function quietlyLater(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch {
    return false;
  }
}
