/** Runs whose buffers may lie on a device: what they read there, and what they leave there. */
import { QueryError } from "../../fusion/errors.js";
import type { Plan } from "../../fusion/query.js";
import type { KernelResult } from "../backends/backend.js";
import type { Buffer } from "../memory/buffer.js";
import { storageOf } from "../memory/storage.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import type { BoundSource } from "./source.js";

export interface DeviceUse {
  readonly owner: RuntimeCore;
  /** Whether the terminal's results stay, if they can. */
  readonly keep: boolean;
  /** Whether arrays may stand for what the host does not have: nothing but kernels looks at elements. */
  readonly stands: boolean;
  /** What kernels before the last have given. */
  readonly between: KernelResult[];
}

const readsBuffers = (source: BoundSource): boolean => source.kind === "buffer" || (source.kind === "columns" && source.buffers !== null);

/** Where a run's arrays may lie: the host's memory alone; a device, too; or there also its results. */
export type Where = "host" | "device" | "stay";

/** Null for a run that knows nothing of devices. */
export function deviceUseOf({ runtime, source, backend }: BoundQuery, plan: Plan, where: Where): DeviceUse | null {
  const keep = where === "stay";
  if (!(keep || readsBuffers(source)) || where === "host" || !runtime.tiers.usesDevice(backend)) return null;
  return { owner: runtime, keep, stands: plan.steps.every(({ kind, ...step }) => kind === "slice" || kind === "keep" || kind === "zip" || (kind === "window" && "edge" in step && step.edge === "valid")), between: [] };
}

/** Whose buffers may stand for elements, as readSource asks for it. */
export const standsFor = (use: DeviceUse | null): object | null => (use?.stands === true ? use.owner : null);

const buffersOf = (source: BoundSource): readonly Buffer[] => (source.kind === "buffer" ? [source.buffer] : source.kind === "columns" && source.buffers !== null ? [...source.buffers.values()] : []);

/** Whether a device has what the host has not. */
export const isElsewhere = (source: BoundSource): boolean => readsBuffers(source) && buffersOf(source).some(({ storage }) => !storage.isHere);

/** Fetches it for a run that reads it in the host's memory, without keeping the calling thread. */
export async function fetchLater({ query, node }: BoundTerminal, where: Where): Promise<void> {
  if (standsFor(deviceUseOf(query, node.plan(), where)) !== null) return;
  for (const { storage } of buffersOf(query.source)) await storage.readLater();
}

/** Gives back what kernels before the last have left on the device. */
export function giveBack(use: DeviceUse | null): void {
  for (const { output, outputs = [] } of use?.between.splice(0) ?? []) {
    for (const array of output === null ? outputs : [output, ...outputs]) {
      const storage = storageOf(array);
      if (storage?.owner === null) storage.dispose();
    }
  }
}

/** Whether a run failed for what a device had when it was lost. The host may have all that it takes to begin anew. */
export const isLoss = (error: unknown): boolean => error instanceof QueryError && error.code === "DC321";
