/**
 * What one device does of a run: transfers and launches, as fusion/emit/cuda-plan.ts says. Large inputs go through a few buffers
 * in chunks, each on its way while the device works on the one before; so they need not fit.
 */
import { COUNT_ANEW, STATE_BYTES, STATE_FILLS, type CudaLaunch, type CudaOutcome, type CudaProgram, type Fill } from "../../../fusion/emit/cuda.js";
import type { KernelCall } from "../../../fusion/call.js";
import type { Kernel } from "../../../fusion/ir.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { canShrink } from "../arrays.js";
import { writtenPlaces } from "../kept.js";
import type { Clock } from "./clock.js";
import type { CudaContext, CudaFlag, CudaFunction, CudaMemory, CudaStream } from "./driver.js";
import type { Harvest } from "./harvest.js";
import { captureBytes, parameterBytes, type Addresses } from "./parameters.js";
import type { Lanes } from "./lanes.js";
import type { Stretch } from "./links.js";
import type { Residents } from "./residents.js";
import type { Place, Room } from "./room.js";

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

/** What has been made before something fails is given back. */
export function newLane(context: CudaContext): Lane {
  const made: { release(): void }[] = [];
  const noted = <Thing extends { release(): void }>(thing: Thing): Thing => {
    made.push(thing);
    return thing;
  };
  try {
    return { arrivals: noted(context.stream()), work: noted(context.stream()), departures: noted(context.stream()), stop: noted(context.flag()), isUsable: true };
  } catch (error) {
    for (const thing of made) thing.release();
    throw error;
  }
}

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

/** Where in the state what a scan has come to is. */
const CARRIED = { from: 32, to: 40 } as const;

/** So many transfers are given ahead: enough for streams not to wait for the calling thread, and few enough to be given up. */
const AHEAD = 64;

/** What is to be waited for; null if it has been done. */
export type Wait = Promise<unknown> | null;

/** Commands; whatever they wait for must have come to pass before they go on. */
export type Steps<Result> = Generator<Wait, Result>;

/** How those commands are given in which the calling thread takes part: waiting, or as promises. */
export interface Transfers {
  write(stream: CudaStream, to: CudaMemory, from: AnyTypedArray, offset?: number): Wait;
  read(stream: CudaStream, from: CudaMemory, to: AnyTypedArray, offset?: number): Wait;
  /** To the stream's device from another that it reaches. What fails is heard of by this wait alone. */
  copyPeer(stream: CudaStream, to: Stretch, from: Stretch, bytes: number): Wait;
  /** Until all is done. Throws what failed meanwhile, if nobody has heard of it. */
  synchronise(stream: CudaStream): Wait;
  /** What several devices do at a time. */
  together<Result>(all: readonly Steps<Result>[]): Steps<Result[]>;
}

/** Some elements of the source, and where on the device they are. */
interface Chunk {
  readonly turn: number;
  readonly from: number;
  readonly count: number;
  readonly place: Place;
}

export class Part {
  /** What the device says at last; once it has been looked at. */
  readonly state = new Uint8Array(STATE_BYTES);
  /** Of array sinks. */
  harvest: Harvest | null = null;
  private looked = false;
  private readonly captures: Uint8Array;

  constructor(
    readonly loaded: LoadedProgram,
    private readonly call: KernelCall,
    readonly lanes: Lanes,
    readonly lane: Lane,
    readonly room: Room,
    readonly transfers: Transfers,
    readonly residents: Residents | null,
    readonly clock: Clock | null,
  ) {
    const arrays = call.arrays.map(({ length }, at) => ({ address: room.arrays[at]?.address ?? 0n, length }));
    this.captures = captureBytes(loaded.program.captures, call.scalars, arrays);
  }

  /** What came of it. */
  get outcome(): CudaOutcome {
    return this.room.plan.read(this.state);
  }

  /** All but what joins the values of blocks. `reader`: a lane of another device. */
  *work(reader: (lanes: Lanes) => Lane): Steps<void> {
    yield* this.prepare(reader);
    yield* this.inChunks();
  }

  private *prepare(reader: (lanes: Lanes) => Lane): Steps<void> {
    const { room, residents } = this;
    STATE_FILLS.forEach(fill => this.fill(fill));
    for (const placed of room.arrays) if (placed !== null && placed.brings !== null) this.write(placed.memory, placed.brings);
    if (residents !== null) yield* residents.prepare(this.transfers, reader);
    this.write(room.captures, this.captures);
  }

  /** The launches of a scan that takes all at once: totals, carries, values. */
  private get scans(): readonly CudaLaunch[] {
    const { plan, share } = this.room;
    return plan.chunk(share.from, share.count);
  }

  /** Of a scan that several devices share: what each block comes to. */
  *total(reader: (lanes: Lanes) => Lane): Steps<void> {
    yield* this.prepare(reader);
    const chunk = this.chunkAt(0) as Chunk;
    void this.bring(chunk);
    this.launchAll(this.scans.slice(0, 1), chunk.place, chunk.from);
  }

  /** What stands before each block; `before`: the state of the device that has what is before its share. */
  *carry(before: Uint8Array | null): Steps<void> {
    const { lane, room, transfers } = this;
    if (before !== null) void transfers.write(lane.work, room.state, before.slice(CARRIED.from, CARRIED.to), CARRIED.from);
    this.launchAll(this.scans.slice(1, 2), null, room.share.from);
    yield* this.look();
    this.looked = false;
  }

  /** The running values. */
  *spread(): Steps<void> {
    const chunk = this.chunkAt(0) as Chunk;
    this.launchAll(this.scans.slice(2), chunk.place, chunk.from);
    yield null;
    if (chunk.place.output !== null) void this.fetch(chunk);
  }

  /** Joins the values of blocks, which are all there. */
  finish(): void {
    this.launchAll(this.room.plan.finish, null, 0);
  }

  /** What came of all so far. */
  *look(): Steps<CudaOutcome> {
    yield this.transfers.read(this.lane.work, this.room.state, this.state);
    this.looked = true;
    return this.outcome;
  }

  /** The same, if nobody has seen to it. */
  *see(): Steps<void> {
    if (!this.looked) yield* this.look();
  }

  /** How many elements it has stored. */
  get count(): number {
    if (this.loaded.program.outputByPlace) return this.room.share.count;
    if (this.room.inPieces) return this.harvest?.length ?? 0;
    return this.outcome.status === "done" ? this.outcome.result.count : 0;
  }

  /** Reads what has gathered on the device to where there is room for exactly that. */
  *leave(place: AnyTypedArray): Steps<void> {
    if (!this.room.inPieces && place.length > 0) yield this.transfers.read(this.lane.work, this.room.whole as CudaMemory, place);
  }

  /** The same, to where the run's results go. */
  *deliver(count: number): Steps<void> {
    const { room, harvest } = this;
    if (harvest !== null && room.whole !== null && count > 0) yield this.transfers.read(this.lane.work, room.whole, harvest.next(count));
  }

  /** Reads what the kernel has stored in its arrays. Where memory cannot be held while it is written to, by way of a copy. */
  *bringWritten(): Steps<void> {
    for (const place of writtenPlaces(this.loaded.kernel)) {
      const array = this.call.arrays[place] as AnyTypedArray;
      const memory = this.room.arrays[place]?.memory ?? null;
      if (memory === null) continue;
      const to = canShrink(array) ? array.slice() : array;
      yield this.transfers.read(this.lane.work, memory, to);
      if (to !== array) array.set(to as never);
    }
  }

  /** What the last commands failed with must be heard, and nothing may be on its way in memory that is given back. */
  *settle(): Steps<void> {
    const { lane, transfers } = this;
    if (this.room.ring.length === 1) return;
    yield transfers.synchronise(lane.arrivals);
    yield transfers.synchronise(lane.departures);
  }

  /** Adds what it took to the call's timing. */
  *time(): Steps<void> {
    if (this.clock === null) return;
    for (const stream of streamsOf(this.lane)) yield this.transfers.synchronise(stream);
    this.clock.read();
  }

  private inChunks(): Steps<void> {
    if (this.loaded.kernel.sink.kind === "first") return this.searched();
    return this.room.inPieces ? this.inPieces() : this.throughout();
  }

  /** All chunks; what they leave behind is joined, and read, in the end. */
  private *throughout(): Steps<void> {
    const { room } = this;
    const given: Wait[] = [];
    const unread: Chunk[] = [];
    for (let chunk = this.chunkAt(0); chunk !== null; chunk = this.chunkAt(chunk.turn + 1)) {
      given.push(this.bring(chunk));
      this.workOn(chunk);
      // What is read on the calling thread keeps it: not before there is more for the device to do.
      if (chunk.place.output !== null && unread.push(chunk) === room.ring.length) given.push(this.fetch(unread.shift() as Chunk));
      while (given.length > AHEAD) yield given.shift() as Wait;
      yield null; // other devices have their turn
    }
    for (const chunk of unread) void this.fetch(chunk);
  }

  /** Until one is found: the rest need not be brought. */
  private *searched(): Steps<void> {
    for (let turn = 0; ; turn++) {
      const chunk = this.chunkAt(turn) as Chunk;
      void this.bring(chunk);
      this.workOn(chunk);
      yield null;
      const outcome = yield* this.look();
      const isOver = outcome.status !== "done" || outcome.result.position >= 0;
      if (isOver || this.chunkAt(turn + 1) === null) return;
    }
  }

  /** A filter without room for all that it keeps: what a chunk kept is known, and leaves, before the next is worked on. */
  private *inPieces(): Steps<void> {
    let chunk = this.chunkAt(0) as Chunk;
    void this.bring(chunk);
    for (;;) {
      if (chunk.turn > 0) this.fill(COUNT_ANEW);
      this.workOn(chunk);
      const next = this.chunkAt(chunk.turn + 1);
      if (next !== null) void this.bring(next); // meanwhile
      yield null;
      const outcome = yield* this.look();
      if (outcome.status !== "done") return;
      if (outcome.result.count > 0) void this.fetch(chunk, outcome.result.count);
      if (next === null) return;
      chunk = next;
    }
  }

  /** Null behind the last one. There is always a first. */
  private chunkAt(turn: number): Chunk | null {
    const { chunkLength, ring, share } = this.room;
    const from = share.from + turn * chunkLength;
    const left = share.from + share.count - from;
    if (turn > 0 && left <= 0) return null;
    return { turn, from, count: Math.min(chunkLength, left), place: ring[turn % ring.length] as Place };
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

  private write(to: CudaMemory | null, from: AnyTypedArray): void {
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

export const streamsOf = ({ arrivals, work, departures }: Lane): readonly CudaStream[] => [arrivals, work, departures];
