/**
 * How long a kernel should take on a backend, before it has run there: from what it does for each element and what this machine can do.
 * Times are microseconds. What is learned of a kernel (see estimate.ts) is how far such a curve is off.
 */
import type { Work } from "../../../fusion/work.js";
import type { AcceleratorKind } from "../../backends/accelerator.js";
import type { Machine } from "./machine.js";

/** A time as a function of the number of elements: a part for the run, parts for each element, and for each beyond a limit. */
export interface Curve {
  /** Of the run itself. */
  readonly start: number;
  /** Of each element. */
  readonly each: number;
  /** What each element beyond so many takes more, or, of those that threads share, less. */
  readonly bends: readonly [Bend, Bend];
}

export interface Bend {
  readonly from: number;
  readonly more: number;
}

export const timeAt = ({ start, each, bends: [first, second] }: Curve, length: number): number =>
  start + each * length + first.more * Math.max(0, length - first.from) + second.more * Math.max(0, length - second.from);

/**
 * What a backend needs, in nanoseconds, on the machine whose numbers REFERENCE of machine.ts holds; on others what computes is as much
 * quicker or slower as plain JavaScript is there, and what moves memory as copying is.
 */
interface Rates {
  /** The run itself. */
  readonly start: number;
  /** An operation on 64 bits, as vectors do it. */
  readonly operation: number;
  /** The same where each waits for the one before it. */
  readonly step: number;
  readonly division: number;
  readonly function: number;
  readonly lookup: number;
  /** To load or store an element, whatever it holds. */
  readonly element: number;
  /** Narrower types are quicker. */
  readonly vectors: boolean;
}

const RATES: Readonly<Record<AcceleratorKind, Rates>> = {
  script: { start: 60, operation: 0.15, step: 0.7, division: 1.5, function: 15, lookup: 1, element: 0.7, vectors: false },
  processor: { start: 110, operation: 0.02, step: 0.7, division: 0.5, function: 1.2, lookup: 0.8, element: 0.06, vectors: true },
  // A launch, and waiting for it. What a device computes is hidden by what is sent to it: see `transfer`.
  device: { start: 15_000, operation: 0.001, step: 4, division: 0.004, function: 0.02, lookup: 0.01, element: 0.002, vectors: false },
};

/** Nanoseconds for a byte that goes to a device or comes from it, over PCI Express. */
const TRANSFER = 0.08;

/** Nanoseconds for a byte that comes from memory, or goes there. */
const FAR = 0.1;

/** What else is known of where the kernel would run. */
export interface Place {
  readonly kind: AcceleratorKind;
  /** By how many threads a run may be shared. */
  readonly threads: number;
  /** From how many elements on it is shared; Infinity if never. */
  readonly sharedFrom: number;
}

export function curveOf(work: Work, { kind, threads, sharedFrom }: Place, machine: Machine): Curve {
  const rates = RATES[kind];
  const { compute, memory, cache } = machine;
  const vector = rates.vectors && !work.ordered;
  const operation = work.ordered ? rates.step : rates.operation;
  const narrow = vector && work.width === 4 ? 0.5 : 1;
  const computing = compute * narrow * (work.operations * operation + work.divisions * rates.division + work.functions * rates.function) + compute * (work.lookups * rates.lookup + rates.element);
  const bytes = work.read + work.written;
  const sent = kind === "device" ? bytes * TRANSFER : 0;
  const each = computing + sent;
  const isShared = threads > 1 && sharedFrom < Infinity;
  // Beyond the cache memory sets the pace, for all threads together.
  const beyond = Math.max(0, memory * FAR * bytes - each / (isShared ? threads : 1));
  return {
    start: (rates.start * (kind === "device" ? 1 : compute)) / 1000,
    each: each / 1000,
    bends: [
      { from: isShared ? sharedFrom : Infinity, more: isShared ? (each / threads - each) / 1000 : 0 },
      { from: kind === "device" || bytes === 0 ? Infinity : cache / bytes, more: kind === "device" || bytes === 0 ? 0 : beyond / 1000 },
    ],
  };
}
