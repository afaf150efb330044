/** How elements get from one device to another: straight, where the driver lets them, else through the host's memory. */
import type { CudaContext, CudaMemory } from "./driver.js";
import { CudaError } from "./errors.js";
import type { Lane, Steps, Transfers } from "./part.js";

/** From one device to another. */
export interface PeerLink {
  /** Their numbers. */
  readonly from: number;
  readonly to: number;
  /** `peer`: straight from memory to memory. `staged`: through the host's. */
  readonly route: "peer" | "staged";
  /** Why it is staged; null if it is not. */
  readonly reason: string | null;
  /** Copies so far, by either route, and their bytes. */
  readonly peerCopies: number;
  readonly peerBytes: number;
  readonly stagedCopies: number;
  readonly stagedBytes: number;
}

/** What a route asks of the driver. */
const OWN_CALLS: readonly string[] = ["cuCtxEnablePeerAccess", "cuMemPoolSetAccess", "cuMemcpyPeerAsync"];

/** Bytes in a device's memory. */
export interface Stretch {
  readonly memory: CudaMemory;
  readonly offset: number;
}

class Link {
  private readonly counts = { peerCopies: 0, peerBytes: 0, stagedCopies: 0, stagedBytes: 0 };
  /** Undefined until somebody asks. */
  private staged: string | null | undefined;

  constructor(
    private readonly from: CudaContext,
    private readonly to: CudaContext,
  ) {}

  get facts(): PeerLink {
    const reason = this.reason;
    return { from: this.from.ordinal, to: this.to.ordinal, route: reason === null ? "peer" : "staged", reason, ...this.counts };
  }

  /** Copies to the other device, `lane`: a lane there; `reader`: gives one of the device that it comes from. */
  *copy(transfers: Transfers, lane: Lane, reader: () => Lane, to: Stretch, from: Stretch, bytes: number): Steps<void> {
    if (this.reason === null) {
      try {
        yield transfers.copyPeer(lane.work, to, from, bytes);
        this.counts.peerCopies += 1;
        this.counts.peerBytes += bytes;
        return;
      } catch (error) {
        this.refuse(error);
      }
    }
    const held = new Uint8Array(bytes);
    yield transfers.read(reader().work, from.memory, held, from.offset);
    yield transfers.write(lane.work, to.memory, held, to.offset);
    this.counts.stagedCopies += 1;
    this.counts.stagedBytes += bytes;
  }

  private get reason(): string | null {
    if (this.staged !== undefined) return this.staged;
    this.staged = null;
    try {
      if (this.to.canReach(this.from)) this.to.reach(this.from);
      else this.staged = "the driver copies nothing straight between these devices";
    } catch (error) {
      this.refuse(error);
    }
    return this.staged;
  }

  /** The other route does as well, unless a device is gone, or this is what an earlier command failed with, of which nobody has heard. */
  private refuse(error: unknown): void {
    if (!(error instanceof CudaError) || error.kind === "fatal" || !OWN_CALLS.includes(error.call)) throw error;
    this.staged = error.message.replace(/^DC\d+: /, "");
  }
}

/** Between all devices of a backend. */
export class Links {
  private readonly known = new Map<CudaContext, Map<CudaContext, Link>>();

  between(from: CudaContext, to: CudaContext): Link {
    let links = this.known.get(from);
    if (links === undefined) this.known.set(from, (links = new Map<CudaContext, Link>()));
    let link = links.get(to);
    if (link === undefined) links.set(to, (link = new Link(from, to)));
    return link;
  }
}
