/** The devices of a runtime, as a program sees them: their memory, and how elements get from one to another. */
import { QueryError } from "../../../fusion/errors.js";
import { describe } from "../../query/given.js";
import type { CudaContext } from "./driver.js";
import type { Fleet } from "./lanes.js";
import type { PeerLink } from "./links.js";
import type { NativeUsage } from "./native.js";

export type { PeerLink };

/** Bytes and counts of a device's memory: of all runtimes of a thread that use the device. */
export interface DeviceUsage extends NativeUsage {
  /** All that the device has. */
  readonly total: number;
}

/** The memory of a device. What results and runs give back is kept by the driver, for those that come next. */
export interface DeviceMemory {
  /**
   * What is in use, the most that ever was, and what is kept.
   *
   * @example
   * const { used, peak, kept } = runtime.devices()[0].memory.usage();
   */
  usage(): DeviceUsage;
  /**
   * Keeps at most so many bytes for what comes next; `0` keeps none. What is in use does not count.
   *
   * @example
   * runtime.devices()[0].memory.limit(2 ** 30);
   */
  limit(bytes: number): void;
  /**
   * Gives all that is kept back to the device.
   *
   * @example
   * for (const { memory } of runtime.devices()) memory.trim();
   */
  trim(): void;
}

/** A device of the cuda backend. */
export interface Device {
  readonly number: number;
  readonly name: string;
  /** Why it can no longer be used; null if it can. */
  readonly lost: string | null;
  readonly memory: DeviceMemory;
  /** How elements get here from each other device of the runtime, and how many have. */
  readonly peers: readonly PeerLink[];
}

export function devicesOf(contexts: readonly CudaContext[], { links }: Fleet): readonly Device[] {
  return contexts.map(context => ({
    number: context.ordinal,
    name: context.device.name,
    lost: context.lost,
    memory: memoryOf(context),
    get peers() {
      return contexts.filter(other => other !== context).map(other => links.between(other, context).facts);
    },
  }));
}

function memoryOf(context: CudaContext): DeviceMemory {
  return {
    usage: () => ({ ...context.usage, total: context.device.memoryBytes }),
    limit(bytes) {
      if (!Number.isSafeInteger(bytes) || bytes < 0) throw new QueryError("DC305", `limit() of a device's memory takes a number of bytes, not ${describe(bytes)}`, "Write limit(2 ** 30), or limit(0) to keep nothing.");
      context.limit(bytes);
    },
    trim: () => context.trim(),
  };
}
