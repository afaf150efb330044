/** The native addon's own interface (native/addon.cpp): thin, typed by the kernel's signature, checked on every call. */
import type { AnyTypedArray } from "../../../fusion/values.js";
import type { ElementType } from "../../../fusion/types.js";

/** Mirrors ABI_VERSION of native/rt/abi.hpp; an addon built for another one is refused. */
export const ABI_VERSION = 5;

/** Mirrors `Status` of native/rt/abi.hpp. */
export const STATUS = { done: 0, stopped: 1, failed: 2 } as const;

/**
 * The memory through which scalars pass without a call for each: eight-byte slots, mirrored by native/control.hpp. The same
 * first slots, and the values of several reductions, make up the report of an asynchronous run.
 */
export const CONTROL = { status: 0, count: 1, position: 2, rank: 3, value: 4, threads: 5, watched: 6, scalars: 8, values: 8, mostScalars: 1016 } as const;

/** How parts of a run become the whole: see native/library.hpp. */
export type Sharing = "map" | "filter" | "reduce" | "fold" | "count" | "first" | "last" | "scan";

/** From this many bytes on results lie in memory of the addon's pool; below, the engine's own arrays are quicker. Mirrors `Storage::LARGE` of native/storage.hpp. */
export const LARGE = 1 << 20;

/** What a kernel takes and gives; the addon checks every call against it. */
export interface KernelSignature {
  /** The source's element type; null for a range. */
  readonly source: ElementType | null;
  /** What an array sink stores; null for other sinks. */
  readonly output: ElementType | null;
  /** What several array sinks store. */
  readonly outputs?: readonly ElementType[];
  /** How many values several reduce sinks give: they come where scalars are handed over. */
  readonly values?: number;
  /** How many scalars are read from the control block. */
  readonly scalars: number;
  readonly arrays: readonly ElementType[];
  /** How several threads may share a run; null where only one can have it. */
  readonly sharing?: Sharing | null;
  /** About how many operations an element takes. */
  readonly weight?: number;
  /** Ends a run on the calling thread when the environment ends: for kernels that may never end by themselves, in workers. */
  readonly watched?: boolean;
  /** The object stays mapped from its file, where debuggers and profilers look for its code; otherwise the process has a copy of its own, which nobody can cut short. */
  readonly mapped?: boolean;
}

/** A run on another thread. It settles with status `stopped` soon after `NativeAddon.stop(id)`. */
export interface NativeRun {
  readonly id: number;
  readonly promise: Promise<{
    /** The first slots of a control block, as they were when the kernel ended. */
    readonly report: ArrayBuffer;
    /** What an array sink stored, if the caller gave no output; what each of several stored. */
    readonly output: AnyTypedArray | readonly AnyTypedArray[] | null;
  }>;
}

type NativeArguments = [source: AnyTypedArray | null, length: number, output: AnyTypedArray | null, arrays: readonly AnyTypedArray[] | null];

/** A loaded kernel. Throws TypeError or RangeError for arguments that do not fit its signature. */
export interface NativeKernel {
  /**
   * Runs now. Scalars are taken from the control block, results are left there. Without an output an array sink's elements
   * come back as a new array of exactly their number; those of several, as an array of such arrays.
   */
  run(...args: NativeArguments): AnyTypedArray | readonly AnyTypedArray[] | null;
  /** Runs on a thread of the addon. Scalars are copied and all memory is held before this returns. */
  start(...args: NativeArguments): NativeRun;
}

/** Bytes and counts of the whole process. */
export interface MemoryUsage {
  /** How many bytes are kept at most for later results. */
  readonly limit: number;
  /** What results hold that are still in use, and queries that are running. */
  readonly used: number;
  /** The most that was used at any time. */
  readonly peak: number;
  /** What is kept for later results. The system may take it back when it is short of memory. */
  readonly kept: number;
  /** How many blocks of memory have been used again. */
  readonly reused: number;
  /** How many had to be new. */
  readonly fresh: number;
  /** How many results had to be copied, for engines that keep all arrays in memory of their own. */
  readonly copied: number;
}

export interface NativeAddon {
  readonly abi: number;
  /** The processor's architecture and feature bits: code compiled for this machine runs on machines that say the same. */
  readonly target: string;
  /** Instruction sets that portable kernels are compiled for and that this processor has, best first. */
  readonly levels: readonly string[];
  /** The control block's bytes. */
  readonly control: Uint8Array<SharedArrayBuffer>;
  /** Opens a compiled kernel; throws with the dynamic linker's words. It is closed when the result is collected. */
  load(path: string, symbol: string, signature: KernelSignature): NativeKernel;
  /** Whether memory can be held in place for a run on another thread. Where not, such a run works on copies and takes no output. */
  readonly pins: boolean;
  /** Does a table operation (native/table.cpp), now, by at most so many threads: one if left out. Throws TypeError or RangeError for arguments that do not fit it. */
  move(operation: string, arrays: readonly AnyTypedArray[], numbers: readonly number[], threads?: number): readonly AnyTypedArray[];
  /** The same on another thread. All memory is held before this returns. */
  moveLater(operation: string, arrays: readonly AnyTypedArray[], numbers: readonly number[], threads?: number): Promise<readonly AnyTypedArray[]>;
  /** A new array that holds whatever was in its memory: for a caller that writes all of it before anybody sees it. */
  room(element: ElementType, length: number): AnyTypedArray;
  memory(): MemoryUsage;
  /** How many bytes are kept at most for later results. Throws RangeError for less than none. */
  limitMemory(bytes: number): void;
  /** Gives what is kept for later results back to the system. */
  trimMemory(): void;
  /** Detaches an ArrayBuffer, whose memory is free at once. False if it cannot be detached. */
  release(buffer: ArrayBuffer): boolean;
  /** In hexadecimal, of a string's UTF-8; null where the process does not show its OpenSSL. */
  sha256(data: string | Uint8Array): string | null;
  stop(id: number): void;
  /** How many elements a run has passed that was started with a control block that says `watched`; 0 once it has ended. */
  passed(id: number): number;
  /** Parts of runs that helping threads have done, and how often a thread had to wait long for one. Of the whole process. */
  team(): { readonly helped: number; readonly stalls: number };
  /** How many runs have been started and not yet settled. */
  inFlight(): number;
  /** Does without what some engines or machines lack, from now on; the tests of the substitutes use it. */
  forgo(what: { readonly pinning?: boolean; readonly stores?: boolean; readonly externals?: boolean; readonly threads?: boolean; readonly pauses?: boolean }): void;
}
