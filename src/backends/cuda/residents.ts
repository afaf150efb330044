/** Buffers on devices, and what one run reads and leaves of them on one of its devices. */
import type { KernelCall, Residence } from "../../../fusion/call.js";
import { ALIGNMENT } from "../../../fusion/emit/cuda.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { storageOf, type Storage } from "../../memory/storage.js";
import { bytesAt, CudaCopy, type Piece } from "./copies.js";
import type { CudaMemory } from "./driver.js";
import type { Lanes } from "./lanes.js";
import type { Lane, Steps, Transfers } from "./part.js";
import type { Share } from "./shares.js";

/** What a run brings to devices to stay there. */
interface Brought {
  readonly storage: Storage;
  readonly copy: CudaCopy;
  readonly array: AnyTypedArray;
  /** How often the host had written to it. */
  readonly writes: number;
}

/** What all devices of a run bring together: of what is divided each has its share. */
export class Bringing {
  private may = true;
  private readonly brought = new Map<Storage, Brought>();

  constructor(
    /** Whether several devices take part. */
    readonly divided: boolean,
  ) {}

  get isAllowed(): boolean {
    return this.may;
  }

  of(storage: Storage): CudaCopy | null {
    return this.brought.get(storage)?.copy ?? null;
  }

  add(storage: Storage, array: AnyTypedArray, copy: CudaCopy): void {
    this.brought.set(storage, { storage, copy, array, writes: storage.writes });
  }

  /** Nothing is to stay where memory is short; what a device has got of it is given back. */
  stop(lanes: Lanes): void {
    this.may = false;
    for (const { copy } of this.brought.values()) copy.leave(lanes);
  }

  /** The run is over, and all that it has brought is there. */
  publish(): void {
    for (const { storage, copy, writes } of this.brought.values()) {
      if (!this.may || copy.bytes !== storage.bytes) continue;
      storage.brought(copy.hold(), writes);
      copy.fleet.note(storage);
    }
  }

  release(): void {
    for (const { copy } of this.brought.values()) copy.release();
    this.brought.clear();
  }
}

/** Bytes of a copy that begin where no program may, or lie on other devices, put together. */
interface Gathered {
  readonly copy: CudaCopy;
  readonly from: number;
  readonly to: CudaMemory;
}

/** The buffers of one run, as one of its devices sees them. */
export class Residents {
  /** Whether results stay, if there is room. */
  keep: boolean;
  private readonly held: CudaCopy[] = [];
  private readonly written: { readonly to: CudaMemory; readonly array: AnyTypedArray }[] = [];
  private readonly gathered: Gathered[] = [];

  constructor(
    private readonly lanes: Lanes,
    private readonly lane: Lane,
    private readonly residence: Residence,
    private readonly share: Share,
    /** How many elements the run has. */
    private readonly length: number,
    readonly bringing: Bringing,
  ) {
    this.keep = residence.keep;
  }

  static of(lanes: Lanes, lane: Lane, { resident, length }: KernelCall, share: Share, bringing: Bringing): Residents | null {
    return resident === undefined ? null : new Residents(lanes, lane, resident, share, length, bringing);
  }

  /** Where memory is short: nothing is brought to stay, and what is there that the host has, too, is given up. */
  makeRoom(): void {
    this.bringing.stop(this.lanes);
    this.written.splice(0);
    this.gathered.splice(0);
    this.lanes.fleet.dropCopies();
  }

  /**
   * Where the elements of an array are, or will be before the run begins, as if all of them were there; null for one that has to be
   * brought for this run alone. `shared`: no elements but the share's are read. `take` throws where memory is short.
   */
  place(array: AnyTypedArray, shared: boolean, take: (bytes: number) => CudaMemory): bigint | null {
    const storage = storageOf(array);
    if (storage === null || array.byteLength === 0 || this.residence.apart?.has(array.buffer) === true || (storage.owner !== null && storage.owner !== this.residence.owner)) return null;
    const copy = this.copyOf(storage, array, shared);
    if (copy === null) return null;
    const [first, bytes] = this.stretchOf(array, shared);
    const from = array.byteOffset + first;
    const address = this.pieceOf(copy, from, bytes)?.addressOf(from);
    if (address !== undefined && address % BigInt(ALIGNMENT) === 0n) return address - BigInt(first);
    const to = take(bytes);
    this.gathered.push({ copy, from, to });
    return to.address - BigInt(first);
  }

  /** Gives the commands that bring what is not there yet. `reader`: a lane of another device. */
  *prepare(transfers: Transfers, reader: (lanes: Lanes) => Lane): Steps<void> {
    const { lane, lanes } = this;
    for (const { to, array } of this.written) void transfers.write(lane.work, to, array);
    for (const { copy, from, to } of this.gathered) {
      for (const piece of copy.pieces) {
        const begin = Math.max(from, piece.from);
        const bytes = Math.min(from + to.bytes, piece.from + piece.bytes) - begin;
        if (bytes <= 0) continue;
        const [there, here] = [{ memory: piece.memory, offset: begin - piece.from }, { memory: to, offset: begin - from }];
        if (piece.lanes === lanes) lane.work.copy(to, here.offset, piece.memory, there.offset, bytes);
        else yield* lanes.fleet.links.between(piece.lanes.context, lanes.context).copy(transfers, lane, () => reader(piece.lanes), here, there, bytes);
      }
    }
  }

  release(): void {
    this.gathered.splice(0);
    for (const copy of this.held.splice(0)) copy.release();
  }

  /** What is read of an array, in bytes: of a share somewhat more where it is read at offsets, by the largest of which it is longer. */
  private stretchOf({ byteLength, length, BYTES_PER_ELEMENT }: AnyTypedArray, shared: boolean): readonly [from: number, bytes: number] {
    if (!shared || !this.bringing.divided) return [0, byteLength];
    const { from, count } = this.share;
    return [from * BYTES_PER_ELEMENT, (count + length - this.length) * BYTES_PER_ELEMENT];
  }

  private pieceOf(copy: CudaCopy, from: number, bytes: number): Piece | undefined {
    return copy.pieces.find(piece => piece.lanes === this.lanes && piece.holds(from, bytes));
  }

  private copyOf(storage: Storage, array: AnyTypedArray, shared: boolean): CudaCopy | null {
    const { lanes } = this;
    const there = storage.copyOn(lanes.fleet) as CudaCopy | null;
    if (there !== null) {
      this.held.push(there.hold());
      return there;
    }
    const [first, bytes] = this.stretchOf(array, shared);
    const brought = this.bring(storage, array, shared);
    // What another device brings is not there yet: then both bring it.
    return brought !== null && this.pieceOf(brought, array.byteOffset + first, bytes) !== undefined ? brought : null;
  }

  /** Several devices bring what each of them reads a share of, if all shares are the whole; one alone brings all. */
  private bring(storage: Storage, array: AnyTypedArray, shared: boolean): CudaCopy | null {
    const { lanes, bringing, lane } = this;
    if (!bringing.isAllowed) return null;
    const known = bringing.of(storage);
    const brings = !bringing.divided || (shared && array.byteLength === storage.bytes && array.length === this.length);
    if (!brings || known?.pieces.some(piece => piece.lanes === lanes) === true) return known;
    const whole = storage.read();
    const [from, bytes] = bringing.divided ? this.stretchOf(array, true) : [0, storage.bytes];
    const memory = lane.work.allocate(bytes);
    const copy = known ?? new CudaCopy(lanes.fleet, []);
    if (known === null) bringing.add(storage, whole, copy);
    copy.add(lanes, memory, from, bytes);
    this.written.push({ to: memory, array: bytes === whole.byteLength ? whole : bytesAt(whole, from, bytes) });
    return copy;
  }
}
