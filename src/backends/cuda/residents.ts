/** Buffers on a device: copies that outlive the runs that made them, and what one run reads and leaves of them. */
import type { KernelCall, Residence } from "../../../fusion/call.js";
import { ALIGNMENT } from "../../../fusion/emit/cuda.js";
import type { ElementType } from "../../../fusion/types.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { Storage, storageOf, type DeviceCopy } from "../../memory/storage.js";
import type { Lanes } from "./compiled.js";
import type { CudaMemory } from "./driver.js";
import type { Lane } from "./run.js";

/** A buffer's elements in a device's memory, given back when nobody holds it any more. All that was done to it is done. */
export class CudaCopy implements DeviceCopy {
  private holders = 1;

  constructor(
    private readonly lanes: Lanes,
    readonly memory: CudaMemory,
  ) {}

  get device(): object {
    return this.lanes.context;
  }

  get lost(): string | null {
    return this.lanes.context.lost;
  }

  hold(): this {
    this.holders += 1;
    return this;
  }

  release(): void {
    this.holders -= 1;
    if (this.holders > 0) return;
    try {
      this.memory.release();
    } catch {
      // The device is lost, with all that it held.
    }
  }

  read(to: AnyTypedArray): void {
    const lane = this.lanes.take();
    try {
      lane.work.read(this.memory, to);
    } finally {
      this.lanes.give(lane);
    }
  }

  async readLater(to: AnyTypedArray): Promise<void> {
    const lane = this.lanes.take();
    this.hold();
    try {
      await lane.work.readLater(this.memory, to);
    } finally {
      this.release();
      this.lanes.give(lane);
    }
  }
}

/** What a run brings to a device to stay there. */
interface Brought {
  readonly storage: Storage;
  readonly copy: CudaCopy;
  readonly array: AnyTypedArray;
  /** How often the host had written to it. */
  readonly writes: number;
}

/** A view of a copy that begins where no program may, moved. */
interface Moved {
  readonly from: CudaCopy;
  readonly offset: number;
  readonly to: CudaMemory;
}

/** The buffers of one run. */
export class Residents {
  private brings = true;
  private readonly held: CudaCopy[] = [];
  private readonly brought = new Map<Storage, Brought>();
  private readonly moved: Moved[] = [];

  constructor(
    private readonly lanes: Lanes,
    private readonly lane: Lane,
    private readonly residence: Residence,
  ) {}

  static of(lanes: Lanes, lane: Lane, { resident }: KernelCall): Residents | null {
    return resident === undefined ? null : new Residents(lanes, lane, resident);
  }

  /** Whether results stay, if there is room. */
  get keep(): boolean {
    return this.residence.keep;
  }

  /** Where memory is short: nothing is brought to stay, and what is there that the host has, too, is given up. */
  makeRoom(): void {
    this.brings = false;
    this.brought.clear();
    this.moved.splice(0);
    this.lanes.dropCopies();
  }

  /** Where the elements of an array are, or will be before the run begins; null for one that has to be brought for this run alone. `take` throws where memory is short. */
  place(array: AnyTypedArray, take: (bytes: number) => CudaMemory): bigint | null {
    const storage = storageOf(array);
    if (storage === null || array.byteLength === 0 || (storage.owner !== null && storage.owner !== this.residence.owner)) return null;
    const copy = this.copyOf(storage);
    if (copy === null) return null;
    const address = copy.memory.address + BigInt(array.byteOffset);
    if (address % BigInt(ALIGNMENT) === 0n) return address;
    const to = take(array.byteLength);
    this.moved.push({ from: copy, offset: array.byteOffset, to });
    return to.address;
  }

  /** Gives the commands that bring what is not there yet. */
  prepare(write: (to: CudaMemory, from: AnyTypedArray) => void): void {
    for (const { copy, array } of this.brought.values()) write(copy.memory, array);
    for (const { from, offset, to } of this.moved) this.lane.work.copy(to, 0, from.memory, offset, to.bytes);
  }

  /** The run is over, and all that it has brought is there. */
  publish(): void {
    for (const { storage, copy, writes } of this.brought.values()) {
      storage.brought(copy.hold(), writes);
      this.lanes.noteCopy(storage);
    }
  }

  /** What a run has stored, as a buffer's array. */
  kept(memory: CudaMemory, element: ElementType, count: number): AnyTypedArray {
    const storage = Storage.onDevice(new CudaCopy(this.lanes, memory), element, count);
    this.lanes.noteCopy(storage);
    return storage.stand();
  }

  release(): void {
    for (const copy of this.held.splice(0)) copy.release();
  }

  private copyOf(storage: Storage): CudaCopy | null {
    const there = storage.copyOn(this.lanes.context) as CudaCopy | null;
    if (there !== null) {
      this.held.push(there.hold());
      return there;
    }
    const known = this.brought.get(storage);
    if (known !== undefined) return known.copy;
    if (!this.brings) return null;
    const array = storage.read();
    const { work } = this.lane;
    const copy = new CudaCopy(this.lanes, work.allocate(array.byteLength));
    this.held.push(copy);
    this.brought.set(storage, { storage, copy, array, writes: storage.writes });
    return copy;
  }
}
