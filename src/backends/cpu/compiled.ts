/** A loaded kernel as the runtime calls it: arguments into the addon's memory, results out of it, failures into errors. */
import { BackendError, CompilerBug } from "../../../fusion/errors.js";
import { resultFor } from "../../../fusion/call.js";
import type { Kernel, Sink } from "../../../fusion/ir.js";
import { elementsOf, isCounted } from "../../../fusion/several.js";
import { alwaysYields, hasLoops, storedElement } from "../../../fusion/traverse.js";
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "../../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, newArray, type AnyTypedArray } from "../../../fusion/values.js";
import { workerThreads } from "../../builtin.js";
import { canShrink, checkLengths, lengthsOf } from "../arrays.js";
import type { CompiledKernel, KernelCall, KernelResult } from "../backend.js";
import { replayFrom } from "../js/backend.js";
import { onAbort } from "../../runtime/aborts.js";
import { reportOf } from "../../runtime/progress.js";
import { heldInPlace, Kept, readPlaces, writtenPlaces } from "../kept.js";
import { CONTROL, LARGE, STATUS, type KernelSignature, type NativeAddon, type NativeKernel, type NativeRun } from "./addon.js";
import { sharingOf, weightOf } from "./sharing.js";

/** Outputs whose length is known are stored in place from this many bytes on. */
const WORTH_PLACING = 1 << 14;

/** Milliseconds between two looks at how far a run is. */
const LOOK_EVERY = 50;

/** Memory seen as each type that a scalar can have. */
interface Slots {
  readonly f64: Float64Array;
  readonly f32: Float32Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly u64: BigUint64Array;
}

const slotsOf = (memory: ArrayBufferLike): Slots => ({
  f64: new Float64Array(memory),
  f32: new Float32Array(memory),
  i32: new Int32Array(memory),
  u32: new Uint32Array(memory),
  i64: new BigInt64Array(memory),
  u64: new BigUint64Array(memory),
});

/** What all kernels of one backend share: the addon, its memory, and a place for small outputs. */
export class Workspace {
  readonly slots: Slots;
  private scratchMemory: ArrayBuffer | null = null;
  private readonly scratches = new Map<ElementType, AnyTypedArray>();

  /** `threads`: by how many a run may be shared. */
  constructor(
    readonly addon: NativeAddon,
    readonly threads: number,
  ) {
    this.slots = slotsOf(addon.control.buffer);
  }

  /** Room for fewer than LARGE bytes, until the next call of this method. */
  scratch(element: ElementType): AnyTypedArray {
    let array = this.scratches.get(element);
    if (array === undefined) {
      this.scratchMemory ??= new ArrayBuffer(LARGE);
      array = new ARRAY_CONSTRUCTORS[element](this.scratchMemory);
      this.scratches.set(element, array);
    }
    return array;
  }
}

export function signatureOf(kernel: Kernel): KernelSignature {
  const { source, sink, scalars, arrays } = kernel;
  return {
    source: source.kind === "array" ? source.element : null,
    output: storedElement(sink),
    ...(sink.kind === "several" ? { outputs: elementsOf(kernel), values: elementsOf(kernel).length > 0 ? 0 : sink.sinks.length } : {}),
    scalars: scalars.length,
    arrays: arrays.map(array => array.element),
    sharing: sharingOf(kernel),
    weight: weightOf(kernel),
    // The main thread cannot be ended by others, short of the whole process.
    watched: mayNotEnd(kernel) && !workerThreads().isMainThread,
  };
}

/** A range may be longer than anybody can wait for; arrays end with the memory. */
const mayNotEnd = ({ source, body, sink }: Kernel): boolean => source.kind !== "array" || hasLoops(body) || (sink.kind === "fold" && sink.combine !== null && hasLoops(sink.combine.body));

export class CpuCompiledKernel implements CompiledKernel {
  readonly backend = "cpu";
  /** What one array sink stores. */
  private readonly element: ElementType | null;
  /** It stores one array or several. */
  private readonly stores: boolean;
  private readonly elementBytes: number;
  /** Every element yields, so the output's length is the source's. */
  private readonly dense: boolean;
  private readonly types: readonly ScalarType[];
  private readonly slots: Slots;
  /** The places of arrays that the body stores into, and of those that it then reads. */
  private readonly written: readonly number[];
  private readonly read: readonly number[];

  constructor(
    readonly kernel: Kernel,
    private readonly native: NativeKernel,
    private readonly workspace: Workspace,
  ) {
    this.element = storedElement(kernel.sink);
    this.elementBytes = this.element === null ? 0 : ELEMENTS[this.element].bytes;
    this.stores = elementsOf(kernel).length > 0;
    this.dense = alwaysYields(kernel);
    this.types = kernel.scalars.map(({ type }) => type);
    this.slots = workspace.slots;
    this.written = writtenPlaces(kernel);
    this.read = this.written.length === 0 ? [] : readPlaces(kernel);
  }

  run(call: KernelCall): KernelResult {
    const { element } = this;
    this.putScalars(call.scalars);
    if (this.written.length > 0) return this.runStores(call);
    if (element === null || call.output !== null) return this.runInto(call, call.output);
    const bytes = call.length * this.elementBytes;
    if (bytes >= LARGE) return this.runInto(call, null);
    if (this.dense && bytes >= WORTH_PLACING) return this.runInto(call, newArray(element, call.length));
    const scratch = this.workspace.scratch(element);
    this.native.run(call.source, call.length, scratch, arraysOf(call));
    const count = this.outcome(call, this.slots);
    return this.stored(call, this.slots, count, scratch.slice(0, count));
  }

  private runStores(call: KernelCall): KernelResult {
    const kept = Kept.of(this.written, this.read, call);
    this.native.run(null, call.length, null, arraysOf(call));
    this.outcome(call, this.slots, kept);
    return resultOf(this.kernel.sink, this.slots, call);
  }

  private async startStores(given: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    // An engine that cannot hold memory in place would have another thread write to copies.
    if (!this.workspace.addon.pins) return this.run(given);
    const { call, bringHome } = heldInPlace(given, this.written);
    const lengths = lengthsOf(given);
    const kept = Kept.of(this.written, this.read, call);
    this.putScalars(call.scalars);
    const { report } = await this.settled(call, () => this.native.start(null, call.length, null, arraysOf(call)), signal);
    checkLengths(given, lengths);
    const slots = slotsOf(report);
    this.outcome(call, slots, kept);
    bringHome();
    return resultOf(this.kernel.sink, slots, call);
  }

  private async settled(call: KernelCall, begin: () => NativeRun, signal: AbortSignal | undefined): NativeRun["promise"] {
    const { addon } = this.workspace;
    const report = reportOf(signal);
    this.slots.f64[CONTROL.watched] = report === null ? 0 : 1;
    const { id, promise } = begin();
    const stop = (): void => addon.stop(id);
    const forget = onAbort(signal, stop);
    const look = report === null ? undefined : setInterval(() => report.within(addon.passed(id) / call.length), LOOK_EVERY);
    const ended = await promise.finally(() => {
      clearInterval(look);
      forget();
    });
    signal?.throwIfAborted();
    return ended;
  }

  async start(call: KernelCall, signal: AbortSignal | undefined): Promise<KernelResult> {
    signal?.throwIfAborted();
    if (this.written.length > 0) return this.startStores(call, signal);
    const { addon } = this.workspace;
    const lengths = lengthsOf(call);
    // Memory that cannot be held in place while a thread writes to it is written at the end.
    const direct = call.output === null || (addon.pins && !canShrink(call.output)) ? call.output : null;
    this.putScalars(call.scalars);
    const begin = () => this.native.start(call.source, call.length, direct, arraysOf(call));
    const { report, output } = await this.settled(call, () => (this.needsRoom(direct) ? withRoom(call, begin) : begin()), signal);
    checkLengths(call, lengths);
    const slots = slotsOf(report);
    const count = this.outcome(call, slots);
    if (!this.stores) return resultOf(this.kernel.sink, slots, call);
    if (output === null) return this.stored(call, slots, count, firstOf(call.output, count));
    if (isList(output)) return arraysResult(count, output);
    if (call.output === null) return this.stored(call, slots, count, output);
    (call.output as Float64Array).set(output as Float64Array);
    return this.stored(call, slots, count, firstOf(call.output, count));
  }

  private runInto(call: KernelCall, output: AnyTypedArray | null): KernelResult {
    const made = this.needsRoom(output) ? this.runInRoom(call) : this.native.run(call.source, call.length, output, arraysOf(call));
    const count = this.outcome(call, this.slots);
    if (!this.stores) return resultOf(this.kernel.sink, this.slots, call);
    return isList(made) ? arraysResult(count, made) : this.stored(call, this.slots, count, made ?? firstOf(output, count));
  }

  private runInRoom(call: KernelCall): ReturnType<NativeKernel["run"]> {
    return withRoom(call, () => this.native.run(call.source, call.length, null, arraysOf(call)));
  }

  /** What one array sink, or a scan, gives. */
  private stored(call: KernelCall, slots: Slots, count: number, output: AnyTypedArray): KernelResult {
    const { sink } = this.kernel;
    return resultFor(call, count, -1, 0, sink.kind === "scan" && count > 0 ? valueOf(slots, sink.type) : undefined, output);
  }

  /** A native filter stores into room for all elements. */
  private needsRoom(output: AnyTypedArray | null): boolean {
    return output === null && this.stores && !this.dense;
  }

  /** How many elements yielded, if the run went well; else throws. */
  private outcome(call: KernelCall, slots: Slots, kept: Kept | null = null): number {
    const status = slots.i32[2 * CONTROL.status];
    if (status === STATUS.failed) {
      kept?.restore();
      this.fail(call, kept === null ? (slots.f64[CONTROL.position] as number) : 0);
    }
    if (status !== STATUS.done) throw new Error("The run was stopped because the process or the worker is ending");
    return slots.f64[CONTROL.count] as number;
  }

  /** Which element failed and how is for the reference to say. */
  private fail(call: KernelCall, position: number): never {
    replayFrom(this.kernel, call, position);
    throw new CompilerBug(`a native kernel failed at element ${position} or later, where its reference does not`);
  }

  private putScalars(values: readonly ScalarValue[]): void {
    const { types, slots } = this;
    slots.f64[CONTROL.threads] = this.workspace.threads;
    for (let i = 0; i < types.length; i++) put(slots, CONTROL.scalars + i, types[i] as ScalarType, values[i] as ScalarValue);
  }
}

/** There may be no room for all of a long range of which few pass: the js backend, which takes only what it needs, can still run it. */
function withRoom<Result>(call: KernelCall, use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BackendError("DC402", `it needs room for all ${call.length} elements, whatever the filter leaves of them (${error.message})`, { kind: "resource", cause: error });
  }
}

function put(slots: Slots, slot: number, type: ScalarType, value: ScalarValue): void {
  switch (type) {
    case "f64":
      slots.f64[slot] = value as number;
      return;
    case "f32":
      slots.f32[2 * slot] = value as number;
      return;
    case "bool":
      slots.i32[2 * slot] = value === true ? 1 : 0;
      return;
    case "i32":
      slots.i32[2 * slot] = value as number;
      return;
    case "u32":
      slots.u32[2 * slot] = value as number;
      return;
    case "i64":
      slots.i64[slot] = value as bigint;
      return;
    case "u64":
      slots.u64[slot] = value as bigint;
      return;
    default:
      return type satisfies never;
  }
}

function valueOf({ f64, f32, i32, u32, i64, u64 }: Slots, type: ScalarType, slot: number = CONTROL.value): ScalarValue {
  switch (type) {
    case "f64":
      return f64[slot] as number;
    case "f32":
      return f32[2 * slot] as number;
    case "bool":
      return i32[2 * slot] !== 0;
    case "i32":
      return i32[2 * slot] as number;
    case "u32":
      return u32[2 * slot] as number;
    case "i64":
      return i64[slot] as bigint;
    case "u64":
      return u64[slot] as bigint;
    default:
      return type satisfies never;
  }
}

const isList = (made: AnyTypedArray | readonly AnyTypedArray[] | null): made is readonly AnyTypedArray[] => Array.isArray(made);
const arraysResult = (count: number, outputs: readonly AnyTypedArray[]): KernelResult => ({ count, position: -1, rank: 0, value: undefined, output: null, outputs });

function resultOf(sink: Sink, slots: Slots, call: KernelCall): KernelResult {
  const { f64 } = slots;
  const count = f64[CONTROL.count] as number;
  const position = f64[CONTROL.position] as number;
  switch (sink.kind) {
    case "reduce":
      return resultFor(call, sink.counted ? count : 0, -1, 0, valueOf(slots, sink.type), null);
    case "count":
    case "stores":
      return resultFor(call, count, -1, 0, undefined, null);
    case "fold":
      return resultFor(call, count, -1, 0, count > 0 || sink.seed !== null ? valueOf(slots, sink.type) : undefined, null);
    case "first":
    case "last": {
      const ranked = sink.kind === "first" && sink.ranked && position >= 0;
      return resultFor(call, 0, position, ranked ? (f64[CONTROL.rank] as number) : 0, position < 0 ? undefined : valueOf(slots, sink.type), null);
    }
    case "several": {
      const values = sink.sinks.flatMap((single, place) => (single.kind === "reduce" ? [valueOf(slots, single.type, CONTROL.values + place)] : []));
      return { count: isCounted(sink) ? count : 0, position: -1, rank: 0, value: undefined, output: null, values };
    }
    case "array":
    case "scan":
      throw new CompilerBug("an array's result is not a scalar");
    default:
      return sink satisfies never;
  }
}

/** The addon takes null for none, which it can tell faster than an empty list. */
const arraysOf = ({ arrays }: KernelCall): readonly AnyTypedArray[] | null => (arrays.length === 0 ? null : arrays);

function firstOf(output: AnyTypedArray | null, count: number): AnyTypedArray {
  if (output === null) throw new CompilerBug("a kernel that stores an array gave none");
  return output.length === count ? output : output.subarray(0, count);
}
