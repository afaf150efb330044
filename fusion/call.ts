/** What a kernel is called with and what it gives, on every backend; and how a call fails. */
import type { ErrorCode } from "./errors.js";
import type { ScalarValue } from "./types.js";
import type { AnyTypedArray } from "./values.js";

export interface KernelCall {
  /** The source's elements; null for a range. */
  readonly source: AnyTypedArray | null;
  /** How many source elements. */
  readonly length: number;
  /** Array sinks: where results go, with room for `length` elements; null to let the backend allocate what it needs, as it does for several. */
  readonly output: AnyTypedArray | null;
  /** In the order of `kernel.scalars`; numbers, bigints and booleans as the parameter's type says. */
  readonly scalars: readonly ScalarValue[];
  /** In the order of `kernel.arrays`. */
  readonly arrays: readonly AnyTypedArray[];
  /** Of a kernel that stores: no element is out of range, or fails otherwise. */
  readonly certain?: boolean;
  /** A result that nobody needs any more: a backend may fill it anew, and give it instead of another. */
  readonly spare?: SpareResult;
  /** How a backend with memory of its own is to treat buffers; left out where all arrays are to be read, and results are wanted, in the host's. */
  readonly resident?: Residence;
  /** Where a backend with a clock of its own puts what the run took; left out, nothing is measured, and nothing is paid for it. */
  readonly timing?: KernelTiming;
}

/** What runs took on devices: each adds its own. The same record may serve several runs. */
export interface KernelTiming {
  readonly spans: DeviceSpan[];
}

export const newTiming = (): KernelTiming => ({ spans: [] });

/** A command that a device has carried out. Those of one device may overlap, and so may devices. */
export interface DeviceSpan {
  /** The device's number. */
  readonly device: number;
  /** Elements on their way to the device, or from it, or to it from another device; or a kernel at work. */
  readonly what: "upload" | "download" | "peer" | "kernel";
  /** Of kernels, the function's name in the program; else empty. */
  readonly name: string;
  /** Transferred; 0 for kernels. */
  readonly bytes: number;
  /** Milliseconds of the device's clock from the run's first command there to this one's beginning, and to its end from there. */
  readonly from: number;
  readonly milliseconds: number;
}

export interface Residence {
  /** Whose buffers are read there: arrays of theirs may stand for elements that the host does not have. */
  readonly owner: object;
  /** Whether array sinks leave their results there, if there is room: the result's arrays then stand for them. */
  readonly keep: boolean;
  /** Memory of buffers that the kernel writes to: brought for the run, and read back at its end, as other arrays are. */
  readonly apart?: ReadonlySet<ArrayBufferLike>;
}

export interface KernelResult {
  /** Array, count, fold and counted reduce sinks: how many elements yielded (of several reductions, if any is counted); 0 for the others. */
  readonly count: number;
  /** First and last sinks: the yielding element's place in the source, or -1. */
  readonly position: number;
  /** Ranked first sinks: how many elements passed `visit` before the one that yielded; 0 if none did. */
  readonly rank: number;
  /**
   * Reduce, fold, first and last sinks; of scans what elements behind the last one would be joined to, once its row is filled up
   * with identities. Undefined for scans of nothing, for first and last sinks where nothing yielded, and for a fold without a
   * seed over nothing; a fold with a seed then gives the seed, a reduce the operator's identity.
   */
  readonly value: ScalarValue | undefined;
  /** Array sinks: exactly the yielded elements (a view of the call's output if one was given). */
  readonly output: AnyTypedArray | null;
  /** Several array sinks: what `output` is to one, for each. */
  readonly outputs?: readonly AnyTypedArray[];
  /** Several reduce sinks: what `value` is to one, for each. */
  readonly values?: readonly ScalarValue[];
}

export type SpareResult = { -readonly [Name in keyof KernelResult]: KernelResult[Name] };

/** A result; where the call has one to spare, that. */
export function resultFor({ spare }: Pick<KernelCall, "spare">, count: number, position: number, rank: number, value: ScalarValue | undefined, output: AnyTypedArray | null): KernelResult {
  if (spare === undefined) return { count, position, rank, value, output };
  spare.count = count;
  spare.position = position;
  spare.rank = rank;
  spare.value = value;
  spare.output = output;
  return spare;
}

/** The error of reading a captured array, called `name` by the user, where it has no element: RangeError with the code DC401. */
export function outOfRange(name: string, at: number, length: number): RangeError {
  const error = new RangeError(`DC401: ${name}[${Object.is(at, -0) ? 0 : at}] is out of range: ${name} has ${length} element${length === 1 ? "" : "s"}`);
  return Object.defineProperty(error, "code", { value: "DC401" satisfies ErrorCode });
}
