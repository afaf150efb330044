/** One run of a program, on one device or divided among several: its parts, and what they come to. */
import { joinStates, type CudaOutcome } from "../../../fusion/emit/cuda.js";
import type { KernelCall } from "../../../fusion/call.js";
import { CompilerBug } from "../../../fusion/errors.js";
import type { SingleSink } from "../../../fusion/ir.js";
import { storedElement } from "../../../fusion/traverse.js";
import { newArray, type AnyTypedArray } from "../../../fusion/values.js";
import type { ElementType } from "../../../fusion/types.js";
import { checkLengths, lengthsOf } from "../arrays.js";
import { Clock } from "./clock.js";
import { Piece, standFor } from "./copies.js";
import { Harvest } from "./harvest.js";
import type { Lanes } from "./lanes.js";
import { Part, streamsOf, type Lane, type LoadedProgram, type Steps, type Transfers, type Wait } from "./part.js";
import type { Residents } from "./residents.js";
import { isLack, Room } from "./room.js";
import type { Share } from "./shares.js";

/** A device that takes part in a run: its program, what it uses of the device, and which elements it sees to. */
export interface Seat {
  readonly loaded: LoadedProgram;
  readonly lanes: Lanes;
  readonly lane: Lane;
  readonly residents: Residents | null;
  readonly share: Share;
}

/** What came of a run; an array sink's elements are in `output`. */
export interface Ran {
  readonly outcome: CudaOutcome;
  readonly output: AnyTypedArray | null;
}

/** Results on a device, and the room that they are a part of until the run is over. */
interface Kept {
  readonly room: Room;
  readonly piece: Piece;
}

class Run {
  private readonly kind: SingleSink["kind"];
  private readonly element: ElementType | null;
  private readonly byPlace: boolean;
  private readonly first: Part;

  constructor(
    private readonly parts: readonly Part[],
    private readonly call: KernelCall,
    private readonly transfers: Transfers,
    /** The call's output, if it can be written to meanwhile. */
    private readonly output: AnyTypedArray | null,
    private readonly reader: (lanes: Lanes) => Lane,
  ) {
    [this.first] = parts as [Part];
    const { kernel, program } = this.first.loaded;
    if (kernel.sink.kind === "several") throw new CompilerBug("a CUDA program has one result");
    this.kind = kernel.sink.kind;
    this.element = storedElement(kernel.sink);
    this.byPlace = program.outputByPlace;
  }

  /** All commands; then what came of them, once all transfers are over. */
  *steps(): Steps<() => Ran> {
    const { parts, first, transfers } = this;
    const whole = this.prepare();
    if (this.kind === "scan" && parts.length > 1) yield* this.scan();
    else yield* transfers.together(parts.map((part, at) => this.work(part, at)));
    const outcome = yield* this.look();
    const delivered = outcome.status === "done" && !first.room.keeps ? yield* this.deliver(whole, outcome.result.count) : null;
    if (outcome.status === "done" && this.kind === "stores") yield* first.bringWritten();
    yield* transfers.together(parts.map(part => part.settle()));
    const kept = outcome.status === "done" ? yield* this.keep() : [];
    yield* transfers.together(parts.map(part => part.time()));
    return () => {
      first.residents?.bringing.publish();
      if (outcome.status !== "done") return { outcome, output: null };
      if (first.room.keeps) return { outcome, output: this.stand(kept, outcome.result.count) };
      const output = delivered === null ? null : delivered();
      return { outcome: output === null ? outcome : { ...outcome, result: { ...outcome.result, count: output.length } }, output };
    };
  }

  /** Where the elements of array sinks go. Those of filters go where the ones before leave off, or to arrays of their own. */
  private prepare(): AnyTypedArray | null {
    const { parts, element, byPlace, output, call } = this;
    if (element === null || this.first.room.keeps) return null;
    const whole = output ?? (byPlace ? newArray(element, call.length) : null);
    const divided = parts.length > 1;
    for (const part of parts) {
      const { from, count } = part.room.share;
      part.harvest = new Harvest(element, divided && whole !== null ? (byPlace ? whole.subarray(from, from + count) : null) : whole);
    }
    return whole;
  }

  private *work(part: Part, at: number): Steps<void> {
    yield* part.work(this.reader);
    if (this.kind !== "first" || this.parts.length === 1) return;
    const { outcome } = part;
    // What is behind it is of no interest.
    if (outcome.status !== "done" || outcome.result.position >= 0) for (const other of this.parts.slice(at + 1)) other.lane.stop.set(1);
  }

  /** What the blocks come to all devices find at a time; then each in turn what stands before its own, and all the values. */
  private *scan(): Steps<void> {
    const { parts, transfers } = this;
    yield* transfers.together(parts.map(part => part.total(this.reader)));
    let before: Uint8Array | null = null;
    for (const part of parts) {
      yield* part.carry(before);
      before = part.state;
    }
    yield* transfers.together(parts.map(part => part.spread()));
  }

  private *look(): Steps<CudaOutcome> {
    const { parts, first, transfers } = this;
    const joins = first.room.plan.blockBytes > 0 || parts.length === 1;
    yield* transfers.together(parts.filter(part => !joins || part !== first).map(part => part.see()));
    if (joins) {
      yield* this.gatherBlocks();
      first.finish();
      yield* first.see();
    }
    if (parts.length === 1) return first.outcome;
    return first.room.plan.read(joinStates(this.kind, parts.map(({ state }) => state)));
  }

  /** Brings what the blocks of other devices have left to the first one. */
  private *gatherBlocks(): Steps<void> {
    const { first, parts } = this;
    const to = first.room.scratch;
    for (const { room, lanes, lane } of parts.slice(1)) {
      const from = room.scratch;
      if (to === null || from === null) throw new CompilerBug("values of blocks lie nowhere");
      const { offset, bytes } = room.blocks;
      const link = first.lanes.fleet.links.between(lanes.context, first.lanes.context);
      yield* link.copy(first.transfers, first.lane, () => lane, { memory: to, offset }, { memory: from, offset }, bytes);
    }
  }

  /** What stays on the devices of the results, unless something fails after this. */
  private *keep(): Steps<Kept[]> {
    const pieces: Kept[] = [];
    let from = 0;
    for (const { room, count, lanes, lane } of this.parts) {
      const bytes = count * room.elementBytes;
      const kept = room.keep(bytes);
      if (kept === null) continue;
      pieces.push({ room, piece: new Piece(lanes, kept.memory, from, bytes) });
      from += bytes;
      if (kept.copied) yield this.transfers.synchronise(lane.work);
    }
    return pieces;
  }

  private stand(kept: readonly Kept[], count: number): AnyTypedArray {
    const element = this.element as ElementType;
    if (kept.length === 0) return newArray(element, 0);
    for (const { room, piece } of kept) room.leave(piece.memory);
    return standFor(this.first.lanes.fleet, kept.map(({ piece }) => piece), element, count);
  }

  /** The elements that array sinks have stored, once all transfers are over. */
  private *deliver(whole: AnyTypedArray | null, count: number): Steps<(() => AnyTypedArray) | null> {
    const { parts, first, transfers, element } = this;
    if (element === null) return null;
    if (parts.length === 1) {
      yield* first.deliver(count);
      return () => (first.harvest as Harvest).all();
    }
    if (this.byPlace) return () => ofLength(whole as AnyTypedArray, this.call.length);
    const counts = parts.map(part => part.count);
    const total = counts.reduce((sum, more) => sum + more, 0);
    const joined = ofLength(whole ?? newArray(element, total), total);
    let from = 0;
    const places = counts.map(more => joined.subarray(from, (from += more)));
    yield* transfers.together(parts.map((part, at) => part.leave(places[at] as AnyTypedArray)));
    return () => {
      for (const [at, { room, harvest }] of parts.entries()) if (room.inPieces) places[at]?.set(harvest?.all() as never);
      return joined;
    };
  }
}

const ofLength = (array: AnyTypedArray, length: number): AnyTypedArray => (array.length === length ? array : array.subarray(0, length));

/** Buffers that are to stay on the device must not keep a run from having room. */
function roomFor({ loaded, lane, residents, share }: Seat, call: KernelCall): Room {
  try {
    return new Room(loaded, call, lane, residents, share);
  } catch (error) {
    if (residents === null || !isLack(error)) throw error;
    residents.makeRoom();
    return new Room(loaded, call, lane, residents, share);
  }
}

/** The parts of a run, with all the memory that they need. */
class Parts {
  private rooms: Room[] = [];
  private readonly clocks: Clock[] = [];
  /** Of devices that only have elements which others need. */
  private readonly readers = new Map<Lanes, Lane>();

  constructor(
    private readonly seats: readonly Seat[],
    private readonly call: KernelCall,
  ) {
    try {
      this.take();
      if (!this.rooms.some(({ keeps }) => keeps) || this.rooms.every(({ keeps }) => keeps)) return;
      // Results stay on all devices, or on none.
      for (const { residents } of seats) if (residents !== null) residents.keep = false;
      this.giveRooms();
      this.take();
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get lanes(): readonly Lane[] {
    return [...this.seats.map(({ lane }) => lane), ...this.readers.values()];
  }

  /** `output`: the call's, if it can be written to meanwhile. */
  run(transfers: Transfers, output: AnyTypedArray | null): Steps<() => Ran> {
    const { call, seats, rooms } = this;
    const parts = seats.map(({ loaded, lanes, lane, residents }, at) => {
      const clock = call.timing === undefined ? null : new Clock(loaded.context, loaded.context.ordinal, call.timing);
      if (clock !== null) this.clocks.push(clock);
      return new Part(loaded, call, lanes, lane, rooms[at] as Room, timedBy(clock, transfers), residents, clock);
    });
    return new Run(parts, call, transfers, output, lanes => this.readerOf(lanes)).steps();
  }

  release(): void {
    for (const clock of this.clocks) clock.release();
    this.giveRooms();
    this.seats[0]?.residents?.bringing.release();
    for (const [lanes, lane] of this.readers) lanes.give(lane);
    this.readers.clear();
  }

  private take(): void {
    for (const seat of this.seats) this.rooms.push(roomFor(seat, this.call));
  }

  private giveRooms(): void {
    for (const room of this.rooms.splice(0)) room.release();
  }

  private readerOf(lanes: Lanes): Lane {
    const lane = this.seats.find(seat => seat.lanes === lanes)?.lane ?? this.readers.get(lanes) ?? lanes.take();
    if (this.seats.every(seat => seat.lanes !== lanes)) this.readers.set(lanes, lane);
    return lane;
  }
}

/** The same transfers, timed. */
function timedBy(clock: Clock | null, transfers: Transfers): Transfers {
  if (clock === null) return transfers;
  return {
    ...transfers,
    write: (stream, to, from, offset) => clock.around(stream, { what: "upload", name: "", bytes: from.byteLength }, () => transfers.write(stream, to, from, offset)),
    // Those that read from another device for this one are not of its clock.
    read: (stream, from, to, offset) => (stream.context === clock.context ? clock.around(stream, { what: "download", name: "", bytes: to.byteLength }, () => transfers.read(stream, from, to, offset)) : transfers.read(stream, from, to, offset)),
    copyPeer: (stream, to, from, bytes) => clock.around(stream, { what: "peer", name: "", bytes }, () => transfers.copyPeer(stream, to, from, bytes)),
  };
}

const NOW: Transfers = {
  write: (stream, to, from, offset) => (stream.write(to, from, offset), null),
  read: (stream, from, to, offset) => (stream.read(from, to, offset), null),
  copyPeer: (stream, to, from, bytes) => (stream.copyPeer(to.memory, to.offset, from.memory, from.offset, bytes), null),
  synchronise: stream => (stream.synchronise(), null),
  // A piece of each in turn, so that none waits for its device before all have something to do.
  *together<Result>(all: readonly Steps<Result>[]): Steps<Result[]> {
    const results: Result[] = [];
    let open = [...all.entries()];
    while (open.length > 0) {
      open = open.filter(([at, steps]) => {
        const step = steps.next();
        if (step.done === true) results[at] = step.value;
        return step.done !== true;
      });
      yield null;
    }
    return results;
  },
};

/** Runs and waits. Throws CudaError. */
export function runNow(seats: readonly Seat[], call: KernelCall): Ran {
  const parts = new Parts(seats, call);
  try {
    const steps = parts.run(NOW, call.output);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value();
    }
  } catch (error) {
    for (const lane of parts.lanes) {
      quietly(() => lane.stop.set(1));
      for (const stream of streamsOf(lane)) quietly(() => stream.synchronise());
      for (const stream of streamsOf(lane)) if (!quietly(() => stream.synchronise())) lane.isUsable = false;
    }
    throw error;
  } finally {
    parts.release();
  }
}

/**
 * Runs without keeping the calling thread. `pinned`: whether the call's output can be held in place while it is written; else the
 * result is an array of its own. Rejects with the signal's reason once it is aborted, if only between two chunks.
 */
export async function runLater(seats: readonly Seat[], call: KernelCall, pinned: boolean, signal: AbortSignal | undefined): Promise<Ran> {
  const lengths = lengthsOf(call);
  let failure: { readonly error: unknown } | null = null;
  const goingOn = (): void => {
    signal?.throwIfAborted();
    checkLengths(call, lengths);
    if (failure !== null) throw failure.error;
  };
  const transferring = new Set<Promise<void>>();
  const keep = (promise: Promise<void>): Wait => {
    transferring.add(promise);
    const gone = (): void => void transferring.delete(promise);
    promise.then(gone, () => undefined); // what fails stays, and is heard of in the end
    return promise;
  };
  const drive = async <Result>(steps: Steps<Result>): Promise<Result> => {
    let step = steps.next();
    while (step.done !== true) {
      const { value } = step;
      const failed = await (value === null ? null : value.then(() => null, (error: unknown) => ({ error })));
      if (failed === null) goingOn();
      step = failed === null ? steps.next() : steps.throw(failed.error);
    }
    return step.value;
  };
  /** One that fails ends the others, which are waited for. */
  const endAll = (error: unknown): never => {
    failure ??= { error };
    for (const lane of parts.lanes) quietly(() => lane.stop.set(1));
    throw error;
  };
  const transfers: Transfers = {
    write: (stream, to, from, offset) => keep(stream.writeLater(to, from, offset)),
    read: (stream, from, to, offset) => keep(stream.readLater(from, to, offset)),
    copyPeer: (stream, to, from, bytes) => stream.copyPeerLater(to.memory, to.offset, from.memory, from.offset, bytes),
    synchronise: stream => keep(stream.synchroniseLater()),
    *together<Result>(all: readonly Steps<Result>[]): Steps<Result[]> {
      if (all.length === 1) return [yield* all[0] as Steps<Result>];
      const results: Result[] = [];
      const settled = Promise.allSettled(all.map(async (steps, at) => (results[at] = await drive(steps).catch(endAll))));
      yield settled;
      return results;
    },
  };
  const parts = new Parts(seats, call);
  try {
    const end = await drive(parts.run(transfers, pinned ? call.output : null));
    await Promise.all(transferring);
    goingOn();
    return end();
  } catch (error) {
    if (failure === null) for (const lane of parts.lanes) quietly(() => lane.stop.set(1));
    for (const lane of parts.lanes) {
      for (const stream of streamsOf(lane)) await quietlyLater(() => stream.synchroniseLater());
      for (const stream of streamsOf(lane)) if (!(await quietlyLater(() => stream.synchroniseLater()))) lane.isUsable = false;
    }
    throw error;
  } finally {
    parts.release();
  }
}

/**
 * A run that has failed ends what it has on the device, and waits: that needs its memory and its arrays. Its streams are waited
 * for twice: the first time may throw what nobody has heard of yet, the second says whether they can be used again. Gives whether
 * it went well.
 */
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
