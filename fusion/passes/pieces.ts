/**
 * Plans for sequences that come in pieces, one after another: kernels see places of the whole sequence, and folds go on from what
 * the pieces before came to. A pass for the end: ranges hold for places of the whole as they do for those of an array, so what
 * earlier passes made of them (exact sums above all) is the same as for an array.
 */
import type { Expr, Kernel, Sink } from "../ir.js";
import { BASE, CARRIED, TABLE, type Plan, type PlannedKernel } from "../query.js";
import { mapKernel, namesOf } from "../traverse.js";
import type { ScalarType } from "../types.js";
import { verify } from "../verify.js";
import { Names } from "./parameters.js";
import { shifted } from "./places.js";

/** The same plan, of kernels that are run piece by piece. */
export const inPieces = (plan: Plan): Plan => ({ ...plan, kernels: plan.kernels.map(kernelInPieces) });

function kernelInPieces(planned: PlannedKernel): PlannedKernel {
  const kernel = verify(rebased(planned.kernel), "pieces");
  const next = onward(kernel);
  return next === null ? { ...planned, kernel } : { ...planned, kernel, onward: verify(next, "pieces") };
}

/** Places in a piece become places in the whole sequence. */
export function rebased(kernel: Kernel): Kernel {
  const name = new Names(namesOf(kernel)).fresh("base");
  const base: Expr = { kind: "capture", type: "f64", name };
  const moved = mapKernel(kernel, { expr: shifted(kernel.source, base) });
  return moved === kernel ? kernel : { ...moved, scalars: [...moved.scalars, { name, type: "f64", origin: { stage: TABLE, name: BASE } }] };
}

/** A fold or a scan that begins with its first element, as one that goes on from a value; null for others. */
function onward(kernel: Kernel): Kernel | null {
  const { sink } = kernel;
  if (sink.kind === "fold") return sink.first === null || sink.combine !== null ? null : from(kernel, sink.type, seed => ({ ...sink, seed, first: null }));
  if (sink.kind !== "scan" || sink.seed !== null) return null;
  const order = sink.order.kind === "left" ? { ...sink.order, first: null } : sink.order;
  return from(kernel, sink.type, seed => ({ ...sink, seed, order }));
}

function from(kernel: Kernel, type: ScalarType, sink: (seed: string) => Sink): Kernel {
  const name = new Names(namesOf(kernel)).fresh("carried");
  return { ...kernel, scalars: [...kernel.scalars, { name, type, origin: { stage: TABLE, name: CARRIED } }], sink: sink(name) };
}
