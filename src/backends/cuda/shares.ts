/** How a run is divided among devices: into whole blocks of the canonical order, so that no result shows it. */
import type { Kernel } from "../../../fusion/ir.js";
import { BLOCK } from "../../../fusion/types.js";

/** The elements of a run that one device sees to. */
export interface Share {
  /** A multiple of BLOCK. */
  readonly from: number;
  readonly count: number;
}

/** Why one device runs all of a kernel; null if it can be divided. */
export function undividedReason({ sink }: Kernel): string | null {
  switch (sink.kind) {
    case "array":
    case "count":
    case "last":
    case "reduce":
      return null;
    case "first":
      return sink.ranked ? "it counts what comes before the element that it finds" : null;
    case "fold":
      return sink.combine === null ? "it goes from left to right" : null;
    case "scan":
      return sink.order.kind === "left" ? "it goes from left to right" : null;
    case "stores":
      return "what it writes to are arrays of one device";
    case "several":
      // Each of them runs by itself.
      return null;
    default:
      return sink satisfies never;
  }
}

/** Equal shares, as far as blocks go, for at most so many devices; none of fewer than `least` elements, unless there is but one. */
export function sharesOf(length: number, devices: number, least: number): readonly Share[] {
  const blocks = Math.ceil(length / BLOCK);
  const shares = Math.max(1, Math.min(devices, blocks, Math.floor(length / Math.max(1, least))));
  const begin = (share: number): number => Math.min(length, Math.floor((blocks * share) / shares) * BLOCK);
  return Array.from({ length: shares }, (_, share) => ({ from: begin(share), count: (share + 1 === shares ? length : begin(share + 1)) - begin(share) }));
}

export const wholeShare = (length: number): Share => ({ from: 0, count: length });
