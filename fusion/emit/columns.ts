/** Columns: arrays that are read at the lanes' own places, or so many places further on. */
import type { Kernel } from "../ir.js";
import { walkKernel } from "../traverse.js";

/** How far on each is read at most; none where there is one read in all. */
export function columnsOf(kernel: Kernel): readonly { readonly array: string; readonly offset: number }[] {
  const furthest = new Map<string, number>();
  let reads = 0;
  walkKernel(kernel, {
    expr(expr) {
      if (expr.kind !== "column") return;
      reads += 1;
      furthest.set(expr.array, Math.max(furthest.get(expr.array) ?? 0, expr.offset ?? 0));
    },
  });
  return reads < 2 ? [] : [...furthest].map(([array, offset]) => ({ array, offset }));
}
