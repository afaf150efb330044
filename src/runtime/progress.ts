/** How far a run is, for whoever asked to be told. */
import { QueryError } from "../../fusion/errors.js";
import { observing } from "./observing.js";

/** How far a run, or a compilation, is. */
export interface Progress {
  /** Elements that kernels are done with, a stream's that were read, or kernels that were compiled. */
  readonly done: number;
  /** Of how many: each kernel of a query counts the elements of the source. Null while a stream's end is not known. */
  readonly total: number | null;
  /** From 0 to 1; never falls. Null while `total` is. */
  readonly fraction: number | null;
}

export type OnProgress = (progress: Progress) => void;

/** How often it is told, at most, in milliseconds. */
const EVERY = 100;

/** A run's progress. Goes with the signal of the run wherever that goes. */
export class Report {
  private done = 0;
  private total = 0;
  /** Whether there is no telling how much there is. */
  private endless = false;
  /** What the kernel at hand counts, and what it is known to have done of it. */
  private weight = 0;
  private part = 0;
  private fraction = 0;
  private told = performance.now();

  private readonly call: OnProgress;

  constructor(
    call: OnProgress,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.call = observing("onProgress", call);
  }

  expect(more: number): void {
    this.total += more;
  }

  expectStream(): void {
    this.endless = true;
  }

  /** A kernel begins that counts so much. */
  begin(weight: number): void {
    this.weight = weight;
    this.part = 0;
  }

  /** How much of the kernel at hand is done, from 0 to 1. One that is run again elsewhere has nothing to say before it is further. */
  within(part: number): void {
    this.part = Math.max(this.part, Math.floor(part * this.weight));
    this.tell();
  }

  advance(by: number): void {
    this.done += by;
    this.begin(0);
    this.tell();
  }

  /** The run has succeeded. */
  finish(): void {
    this.signal?.throwIfAborted();
    const total = this.endless ? this.done : this.total;
    this.call({ done: total, total, fraction: 1 });
  }

  private tell(): void {
    const now = performance.now();
    if (now - this.told < EVERY || this.signal?.aborted === true) return;
    const done = this.done + this.part;
    const total = this.endless ? null : this.total;
    // That all is done is told by `finish`: there may be more to come.
    if (total !== null && done >= total) return;
    this.told = now;
    if (total !== null) this.fraction = Math.max(this.fraction, done / total);
    this.call({ done, total, fraction: total === null ? null : this.fraction });
  }
}

const reports = new WeakMap<AbortSignal, Report>();

/** The signal of a run that tells how far it is: its own, for the one that is given may be that of several runs, and ends it. */
export function reporting(call: OnProgress, given: AbortSignal | undefined): AbortSignal {
  const signal = given === undefined ? new AbortController().signal : AbortSignal.any([given]);
  reports.set(signal, new Report(call, signal));
  return signal;
}

/** Null where nobody asked. */
export const reportOf = (signal: AbortSignal | undefined): Report | null => (signal === undefined ? null : (reports.get(signal) ?? null));

/** A run's result, once it has been told that it is there. */
export function succeeded<T>(result: T, signal: AbortSignal | undefined): T {
  reportOf(signal)?.finish();
  return result;
}

export function checkOnProgress(onProgress: unknown, described: (value: unknown) => string): OnProgress | undefined {
  if (onProgress === undefined || typeof onProgress === "function") return onProgress as OnProgress | undefined;
  throw new QueryError("DC305", `onProgress is a function, not ${described(onProgress)}`, "Write { onProgress: ({ fraction }) => … }.");
}
