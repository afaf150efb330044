/** How an emitted JavaScript kernel is driven: slice by slice, with its progress in plain data. */
import type { KernelCall, KernelResult } from "../call.js";
import { identityOf } from "../interpret.js";
import type { Kernel, Sink } from "../ir.js";
import { isCounted } from "../several.js";
import { isBigType, LANES, type ScalarType, type ScalarValue } from "../types.js";
import type { AnyTypedArray } from "../values.js";

/**
 * The progress of a run. Plain data, so that it can be sent to another thread; one shape for all kernels, so that the code
 * that drives them stays monomorphic. Before the first slice: `resetState`. After the last: `resultOf`.
 */
export interface JsState extends Accumulator {
  /** How many elements yielded; for array sinks that may reject, also where the next element is stored. */
  count: number;
  /** First and last sinks: the place of the yielding element, or -1. The run is over once it is set. */
  position: number;
  /** Ranked first sinks: how many elements were visited before the yielding one (or, until then, at all). */
  rank: number;
  /** Several reductions: that of each. */
  readonly parts: readonly Accumulator[];
}

/** The progress of one reduction, fold or search. */
export interface Accumulator {
  /** The accumulator, or the yielded value. */
  value: ScalarValue;
  /** Reductions and scans in canonical order: the lanes of the block, or the row, at hand. */
  readonly lanes: Float64Array | (ScalarValue | undefined)[];
  /** The values of the runs of blocks that wait to be joined, longest first, and how many there are. */
  readonly tree: Float64Array | (ScalarValue | undefined)[];
  depth: number;
}

/**
 * An emitted kernel. Runs the elements [begin, end); at most SLICE of them, and `begin` is a multiple of BLOCK unless the
 * sink is a count. Slices come in ascending order without gaps (descending for `runsBackwards`), and at least one, be it
 * empty; the one that ends at `call.length` completes a reduction's value.
 */
export type JsKernel = (call: JsCall, state: JsState, begin: number, end: number) => void;

/** What emitted kernels are called with: where results go has been decided. */
export interface JsCall extends KernelCall {
  /** Several array sinks: what `output` is to one, for each. */
  readonly outputs?: readonly AnyTypedArray[];
}

/** The longest slice. A plain number holds the sum of that many 32-bit integers exactly. */
export const SLICE = 65536;

/** What emitted kernels call when they fail: throws. */
export interface JsRuntime {
  outOfRange(name: string, at: number, length: number): never;
}

/** Float sums and products: the only reductions, and scans in the canonical order, whose result depends on the order. */
export function isOrdered(sink: Sink): boolean {
  const op = sink.kind === "reduce" ? sink.op : sink.kind === "scan" && sink.order.kind === "canonical" ? sink.order.op : null;
  return (sink.kind === "reduce" || sink.kind === "scan") && (op === "add" || op === "mul") && (sink.type === "f64" || sink.type === "f32");
}

const zeroOf = (type: ScalarType): ScalarValue => (type === "bool" ? false : isBigType(type) ? 0n : 0);

export function createState({ sink }: Kernel): JsState {
  const parts = sink.kind === "several" ? (sink.sinks as readonly Sink[]).map(accumulatorOf) : [];
  return { count: 0, position: -1, rank: 0, ...accumulatorOf(sink), parts };
}

function accumulatorOf(sink: Sink): Accumulator {
  const combines = sink.kind === "fold" && sink.combine !== null;
  const ordered = isOrdered(sink);
  return {
    value: 0,
    lanes: ordered ? new Float64Array(LANES) : combines ? new Array<undefined>(LANES).fill(undefined) : [],
    // A run of 2^k blocks waits at most once for each k, and no array has 2^64 blocks.
    tree: ordered && sink.kind === "reduce" ? new Float64Array(64) : [],
    depth: 0,
  };
}

/** Makes the state ready for the first slice of a call. */
export function resetState(kernel: Kernel, call: KernelCall, state: JsState): void {
  state.count = 0;
  state.position = -1;
  state.rank = 0;
  state.depth = 0;
  const { sink } = kernel;
  if (sink.kind === "reduce") {
    state.value = identityOf(sink.op, sink.type);
  } else if (sink.kind === "scan" && sink.order.kind === "canonical" && sink.seed === null) {
    state.value = identityOf(sink.order.op, sink.type);
  } else if (sink.kind === "fold" || sink.kind === "scan") {
    // Without a seed the value is only a placeholder, but one of the right type, so that emitted loops keep to numbers.
    const place = kernel.scalars.findIndex(scalar => scalar.name === sink.seed);
    state.value = place < 0 ? zeroOf(sink.type) : (call.scalars[place] as ScalarValue);
  } else if (sink.kind === "first" || sink.kind === "last") {
    state.value = zeroOf(sink.type);
  } else if (sink.kind === "several") {
    sink.sinks.forEach((single, place) => {
      const part = state.parts[place] as Accumulator;
      part.depth = 0;
      if (single.kind === "reduce") part.value = identityOf(single.op, single.type);
    });
  }
}

/** The result of a completed run. `output`, `outputs`: what array sinks have stored. */
export function resultOf(kernel: Kernel, state: JsState, output: KernelResult["output"], outputs: readonly AnyTypedArray[] = []): KernelResult {
  const { sink } = kernel;
  const { position } = state;
  switch (sink.kind) {
    case "array":
      return { count: state.count, position: -1, rank: 0, value: undefined, output };
    case "stores":
      return { count: state.count, position: -1, rank: 0, value: undefined, output: null };
    case "scan":
      return { count: state.count, position: -1, rank: 0, value: state.count > 0 ? state.value : undefined, output };
    case "reduce":
      return { count: sink.counted ? state.count : 0, position: -1, rank: 0, value: state.value, output: null };
    case "count":
      return { count: state.count, position: -1, rank: 0, value: undefined, output: null };
    case "fold":
      return { count: state.count, position: -1, rank: 0, value: state.count > 0 || sink.seed !== null ? state.value : undefined, output: null };
    case "first":
      return { count: 0, position, rank: position < 0 || !sink.ranked ? 0 : state.rank, value: position < 0 ? undefined : state.value, output: null };
    case "last":
      return { count: 0, position, rank: 0, value: position < 0 ? undefined : state.value, output: null };
    case "several": {
      const result = { position: -1, rank: 0, value: undefined, output: null };
      if (sink.sinks[0]?.kind === "array") return { ...result, count: state.count, outputs };
      return { ...result, count: isCounted(sink) ? state.count : 0, values: state.parts.map(({ value }) => value) };
    }
    default:
      return sink satisfies never;
  }
}
