/** Buffers' elements in the memory of devices, in pieces that outlive the runs that made them. */
import type { ElementType } from "../../../fusion/types.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import { Storage, type DeviceCopy } from "../../memory/storage.js";
import type { CudaMemory } from "./driver.js";
import type { Fleet, Lanes } from "./lanes.js";

/** Some of a buffer's bytes on a device. */
export class Piece {
  constructor(
    readonly lanes: Lanes,
    readonly memory: CudaMemory,
    /** Its first byte's place in the buffer. */
    readonly from: number,
    readonly bytes: number,
  ) {}

  holds(from: number, bytes: number): boolean {
    return from >= this.from && from + bytes <= this.from + this.bytes;
  }

  /** Of a byte of the buffer. */
  addressOf(from: number): bigint {
    return this.memory.address + BigInt(from - this.from);
  }
}

/** All of a buffer's elements, given back when nobody holds them any more. All that was done to them is done. */
export class CudaCopy implements DeviceCopy {
  private holders = 1;

  constructor(
    readonly fleet: Fleet,
    private readonly parts: Piece[],
  ) {}

  get device(): object {
    return this.fleet;
  }

  get pieces(): readonly Piece[] {
    return this.parts;
  }

  get bytes(): number {
    return this.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get lost(): string | null {
    return this.parts.map(({ lanes }) => lanes.context.lost).find(lost => lost !== null) ?? null;
  }

  add(lanes: Lanes, memory: CudaMemory, from: number, bytes: number): void {
    this.parts.push(new Piece(lanes, memory, from, bytes));
  }

  /** Gives back what a device has of it. */
  leave(lanes: Lanes): void {
    for (const piece of this.parts.filter(part => part.lanes === lanes)) {
      this.parts.splice(this.parts.indexOf(piece), 1);
      giveBack(piece);
    }
  }

  hold(): this {
    this.holders += 1;
    return this;
  }

  release(): void {
    this.holders -= 1;
    if (this.holders === 0) this.parts.splice(0).forEach(giveBack);
  }

  read(to: AnyTypedArray): void {
    for (const { lanes, memory, from, bytes } of this.parts) {
      const lane = lanes.take();
      try {
        lane.work.read(memory, bytesAt(to, from, bytes));
      } finally {
        lanes.give(lane);
      }
    }
  }

  async readLater(to: AnyTypedArray): Promise<void> {
    this.hold();
    const readings = this.parts.map(async ({ lanes, memory, from, bytes }) => {
      const lane = lanes.take();
      try {
        await lane.work.readLater(memory, bytesAt(to, from, bytes));
      } finally {
        lanes.give(lane);
      }
    });
    const ends = await Promise.allSettled(readings);
    this.release();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }
}

export const bytesAt = ({ buffer, byteOffset }: AnyTypedArray, from: number, bytes: number): Uint8Array => new Uint8Array(buffer, byteOffset + from, bytes);

function giveBack({ memory }: Piece): void {
  try {
    memory.release();
  } catch {
    // The device is lost, with all that it held.
  }
}

/** What a run has left on its devices, as a buffer's array. */
export function standFor(fleet: Fleet, pieces: Piece[], element: ElementType, count: number): AnyTypedArray {
  const storage = Storage.onDevice(new CudaCopy(fleet, pieces), element, count);
  fleet.note(storage);
  return storage.stand();
}
