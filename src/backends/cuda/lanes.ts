/** What runs use of devices, kept for the next ones; and which buffers have been there. */
import type { Storage } from "../../memory/storage.js";
import type { CudaContext } from "./driver.js";
import { Links } from "./links.js";
import { newLane, type Lane } from "./part.js";

/** Each holds up to 48 MiB of page-locked memory. */
const MOST_IDLE = 2;
/** Buffers that are remembered without a thought. */
const FEW = 64;

/** The devices that a runtime uses: a buffer is on them, whichever has which of its elements. */
export class Fleet {
  readonly links = new Links();
  /** Buffers that have been on the devices; they may be forgotten. */
  private readonly stored = new Set<WeakRef<Storage>>();
  /** How many of them there may be before those that have ended are left out. */
  private most = FEW;

  note(storage: Storage): void {
    this.stored.add(new WeakRef(storage));
    if (this.stored.size <= this.most) return;
    for (const reference of this.stored) if (reference.deref()?.isOn(this) !== true) this.stored.delete(reference);
    this.most = Math.max(FEW, 2 * this.stored.size);
  }

  /** Gives up what buffers have there and the host has, too. */
  dropCopies(): void {
    for (const reference of this.stored) {
      const storage = reference.deref();
      if (storage?.dropCopy(this) !== false) this.stored.delete(reference);
    }
  }
}

/** Lanes of a device that wait for their next run. */
export class Lanes {
  private readonly free: Lane[] = [];
  /** Never given back: what is left in them may still look at their flag. */
  private readonly unusable: Lane[] = [];

  constructor(
    readonly context: CudaContext,
    readonly fleet = new Fleet(),
  ) {}

  /** Gives all of them back, of a backend that runs nothing any more. */
  end(): void {
    for (const lane of this.free.splice(0)) releaseLane(lane);
  }

  take(): Lane {
    return this.free.pop() ?? newLane(this.context);
  }

  give(lane: Lane): void {
    if (this.context.lost !== null) return void this.free.splice(0);
    if (!lane.isUsable) return void this.unusable.push(lane);
    lane.stop.set(0);
    if (this.free.length < MOST_IDLE) return void this.free.push(lane);
    releaseLane(lane);
  }
}

function releaseLane({ arrivals, work, departures, stop }: Lane): void {
  for (const part of [arrivals, work, departures, stop]) part.release();
}
