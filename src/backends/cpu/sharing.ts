/** How threads share the run of a kernel: the kernel's side of native/parallel.cpp. */
import type { Kernel } from "../../../fusion/ir.js";
import { sizeOf } from "../../../fusion/emit/size.js";
import { alwaysYields } from "../../../fusion/traverse.js";
import { BLOCK } from "../../../fusion/types.js";
import type { Sharing } from "./addon.js";

/** What runs from left to right goes through one pair of hands. */
export function sharingOf(kernel: Kernel): Sharing | null {
  const { sink } = kernel;
  switch (sink.kind) {
    case "array":
      return alwaysYields(kernel) ? "map" : "filter";
    case "several":
      return sink.sinks[0]?.kind === "reduce" ? "reduce" : alwaysYields(kernel) ? "map" : "filter";
    case "reduce":
    case "count":
    case "first":
    case "last":
      return sink.kind;
    case "fold":
      return sink.combine === null ? null : "fold";
    case "scan":
      return sink.order.kind === "left" ? null : "scan";
    case "stores":
      return sink.order === "any" ? "map" : null;
    default:
      return sink satisfies never;
  }
}

/** About how many operations an element takes. */
export const weightOf = ({ body }: Kernel): number => sizeOf(body);

/** How many elements make a run long enough to be shared; Infinity for one that never is. Mirrors `partOf` and WORTH_SHARING of native/parallel.cpp. */
export function sharedFrom(kernel: Kernel): number {
  if (sharingOf(kernel) === null) return Infinity;
  const wanted = LIGHT / Math.max(1, weightOf(kernel) / LIGHTEST);
  return WORTH_SHARING * Math.max(BLOCK, 2 ** Math.floor(Math.log2(wanted)));
}

/** Whether a run over so many elements is long enough to be shared. */
export const isShared = (kernel: Kernel, length: number): boolean => length >= sharedFrom(kernel);

const LIGHT = 16 * BLOCK;
const LIGHTEST = 8;
const WORTH_SHARING = 8;

/** So many rows are moved by several threads: mirrors WORTH_SHARING of native/table-share.hpp. */
export const SHARED_ROWS = 2 ** 17;
