/**
 * What a host must know to run an emitted CUDA program, and nothing about kernels: which functions to launch, how often, on
 * how many threads, with which arguments; what the memory that it hands over must hold; and what the state says in the end.
 *
 * A run goes like this, all on one stream:
 *
 * 1. `plan = program.plan(length, device)`. Memory on the device: `source` (the elements; none for a range), `output` (array
 *    sinks: room for `length` elements), `state` (STATE_BYTES), `scratch` (`plan.scratchBytes`, contents undefined), each
 *    captured array; all begin at a multiple of ALIGNMENT. What has no bytes may be at any address, also 0. `stop` is one
 *    32-bit word that the device sees while kernels run (page-locked host memory mapped into it), 0 until the caller wants
 *    the run to end.
 * 2. Every fill of `STATE_FILLS`: so many bytes of one value.
 * 3. The launches of `plan.chunk(0, length)`, also for a length of 0. Or chunk by chunk, in order, so that transfers overlap
 *    kernels or the source need not fit: `plan.chunk(from, count)` with every `from` a multiple of 1024 and no chunk above the
 *    `chunkLength` that the plan was made for. `source` is then the chunk's first element; `output` is the chunk's first element
 *    for a sink with `outputByPlace`. A search is over as soon as `read` finds a position between two chunks of a `first` sink.
 *    For filters `output` is the whole output, as each chunk appends to it. Where that does not fit either: `output` is room
 *    for a chunk's elements, `COUNT_ANEW` is filled in before each chunk but the first, and after each chunk `read` counts what
 *    this chunk has stored, from the output's beginning; so no address is ever outside of its memory. In the end the count is
 *    the last chunk's.
 * 4. The launches of `plan.finish`.
 * 5. `plan.read(state)` says what came of it. The output's first `count` elements are the result.
 *
 * Several devices may share a run: each does 1. and 2. for itself and 3. for stretches of its own, whole blocks of 1024 elements.
 * Then, where there are `blockBytes`, what the blocks of the others have left in their scratch is copied to the same place of the
 * first one's, and that one alone does 4. A scan's stretch is one chunk, of three launches: all do the first at a time, and the third;
 * the second each in turn, when it has the `value` that the one before has left in its state. What `joinStates` makes of all states is read.
 *
 * An output may overlap the source only if `inPlace` says so, and then exactly. A launch has the program's arguments in order, each an
 * 8-byte word except captures by value, which are one argument of `captures.bytes` bytes.
 */
import type { KernelResult } from "../call.js";
import { CompilerBug } from "../errors.js";
import type { Kernel, SingleSink } from "../ir.js";
import { BLOCK, ELEMENTS, LANES, type ScalarType, type ScalarValue } from "../types.js";

/** Threads of a thread block, as in native/rt/device.cuh. */
export const THREADS = 256;
const WARPS = THREADS / LANES;

/** Memory that programs are handed begins at multiples of this. */
export const ALIGNMENT = 16;

/** `State` of native/rt/device.cuh. */
export const STATE_BYTES = 48;
export const STATE_FILLS: readonly Fill[] = [
  { offset: 0, bytes: 16, value: 0xff },
  { offset: 16, bytes: 32, value: 0 },
];

/** Filters: how many elements have been stored so far, as in the beginning. */
export const COUNT_ANEW: Fill = { offset: 16, bytes: 8, value: 0 };

/** `bytes` bytes of the state are to be `value`. */
export interface Fill {
  readonly offset: number;
  readonly bytes: number;
  readonly value: number;
}

export type CudaBuffer = "source" | "output" | "state" | "scratch" | "stop";

export type CudaArgument =
  /** An address: so many bytes from the buffer's beginning. */
  | { readonly kind: "address"; readonly buffer: CudaBuffer; readonly offset: number }
  /** Address 0. */
  | { readonly kind: "null" }
  | { readonly kind: "u64"; readonly value: number }
  /** The captures, as `CapturesLayout` says. */
  | { readonly kind: "captures" };

export interface CudaLaunch {
  /** The function's name in the module. */
  readonly entry: string;
  /** Thread blocks, and threads of each: one dimension. No shared memory beyond the function's own (none). */
  readonly grid: number;
  readonly block: number;
  readonly arguments: readonly CudaArgument[];
}

/**
 * The captures: scalars at multiples of 8 bytes in the order of `kernel.scalars`, each in the low bytes of its word as the C
 * type (a bool is one byte, 0 or 1); then, for each captured array, its address on the device and its number of elements.
 */
export interface CapturesLayout {
  readonly bytes: number;
  readonly scalars: readonly { readonly type: ScalarType; readonly offset: number }[];
  readonly arrays: readonly { readonly offset: number }[];
  /** Whether they are the argument itself; otherwise (there are more than an argument may have) it is the address of device memory that holds them. */
  readonly byValue: boolean;
}

/** What grids are sized by. */
export interface CudaDevice {
  readonly multiprocessors: number;
  /** How many thread blocks of THREADS threads of this function one multiprocessor runs at a time. */
  readonly blocksPerMultiprocessor: (entry: string) => number;
}

export interface CudaPlan {
  readonly scratchBytes: number;
  /** Of what each block of 1024 elements leaves for `finish`, from the scratch's beginning on in order; 0 if nothing. */
  readonly blockBytes: number;
  readonly chunk: (from: number, count: number) => readonly CudaLaunch[];
  readonly finish: readonly CudaLaunch[];
  /** What the state's bytes say. */
  readonly read: (state: Uint8Array) => CudaOutcome;
}

export type CudaOutcome =
  | { readonly status: "done"; readonly result: Omit<KernelResult, "output"> }
  | { readonly status: "stopped" }
  /** As `Status::Failed` of native/rt/abi.hpp: the first failing element; for folds 0. */
  | { readonly status: "failed"; readonly position: number };

/** How a kernel's loops are laid out; what the emitted text and the plan agree on. */
export interface Shape {
  readonly symbol: string;
  readonly sink: SingleSink;
  /** Array sinks and scans: every element yields. */
  readonly map: boolean;
  /** Elements of a vector, and how many vectors or rows are in flight. */
  readonly vector: number;
  readonly unroll: number;
  readonly hasCaptures: boolean;
  readonly hasSource: boolean;
}

/** As the functions of a program are called. */
export const entryOf = (symbol: string, part = ""): string => (part === "" ? symbol : `${symbol}_${part}`);

const blocksOf = (elements: number): number => Math.ceil(elements / BLOCK);

/** How many values each pass of 1024 to one begins with. */
export function levelsOf(values: number): readonly number[] {
  const levels = [values];
  for (let size = values; size > BLOCK; levels.push(size)) size = blocksOf(size);
  return levels;
}

const address = (buffer: CudaBuffer, offset = 0): CudaArgument => ({ kind: "address", buffer, offset });
const word = (value: number): CudaArgument => ({ kind: "u64", value });
const NULL: CudaArgument = { kind: "null" };
const STATE = [address("state"), address("stop")] as const;

const BYTES = { bool: 1, i32: 4, u32: 4, i64: 8, u64: 8, f32: 4, f64: 8 } as const satisfies Record<ScalarType, number>;
/** `Running` of native/rt/fold.cuh. */
const RUNNING_BYTES = 16;

/** Where each level's values begin, and how many bytes all of them take. */
function levelOffsets(levels: readonly number[], bytes: number): { readonly offsets: readonly number[]; readonly total: number } {
  let total = 0;
  const offsets = levels.map(size => {
    const offset = total;
    total += size * bytes;
    return offset;
  });
  return { offsets, total };
}

type Steps = Omit<CudaPlan, "read">;

class Planner {
  constructor(
    private readonly shape: Shape,
    private readonly length: number,
    private readonly device: CudaDevice,
    private readonly chunkLength: number,
  ) {}

  plan(): CudaPlan {
    const { chunk, ...steps } = this.steps();
    const checked = (from: number, count: number): readonly CudaLaunch[] => {
      const fits = from % BLOCK === 0 && count <= this.chunkLength && from + count <= this.length;
      if (!fits) throw new CompilerBug(`elements ${from} to ${from + count} are no chunk of ${this.length} elements in chunks of ${this.chunkLength}`);
      return chunk(from, count);
    };
    return { ...steps, chunk: checked, read: state => readState(this.shape, this.length, state) };
  }

  private steps(): Steps {
    const { sink, map } = this.shape;
    switch (sink.kind) {
      case "array":
        return map ? this.swept([""], ["output"]) : this.filter();
      case "count":
        return this.swept([""]);
      case "first":
        return this.swept(sink.ranked ? ["", "rank", "take"] : ["", "take"]);
      case "last":
        return this.swept(["", "take"]);
      case "reduce":
        return this.blocks(BYTES[sink.type]);
      case "fold":
        return sink.combine === null ? this.ordered() : this.blocks(RUNNING_BYTES);
      case "scan":
        return sink.order.kind === "left" ? this.ordered(["output"]) : this.scan(BYTES[sink.type]);
      case "stores":
        return this.swept([""]);
      default:
        return sink satisfies never;
    }
  }

  /** As many thread blocks as `work` needs, at most as many as the device runs at a time: each goes on to the next work. */
  private grid(entry: string, work: number): number {
    const resident = Math.max(1, this.device.multiprocessors * this.device.blocksPerMultiprocessor(entry));
    return Math.max(1, Math.min(work, resident));
  }

  private launch(part: string, work: number | "one thread", args: readonly CudaArgument[]): CudaLaunch {
    const entry = entryOf(this.shape.symbol, part);
    if (work === "one thread") return { entry, grid: 1, block: 1, arguments: args };
    return { entry, grid: this.grid(entry, work), block: THREADS, arguments: args };
  }

  /** The source's first place and its length, then whatever else, then state and captures. */
  private overSource(from: number, count: number, ...more: readonly CudaArgument[]): readonly CudaArgument[] {
    const { hasSource, hasCaptures } = this.shape;
    return [...(hasSource ? [address("source")] : []), word(from), word(count), ...more, ...STATE, ...(hasCaptures ? [{ kind: "captures" } as const] : [])];
  }

  /** Tiles of vectors, in each of these functions in turn. */
  private swept(parts: readonly string[], buffers: readonly CudaBuffer[] = []): Steps {
    const tile = THREADS * this.shape.vector * this.shape.unroll;
    const chunk = (from: number, count: number): readonly CudaLaunch[] => {
      if (count === 0) return [];
      const args = this.overSource(from, count, ...buffers.map(buffer => address(buffer)));
      return parts.map(part => this.launch(part, part === "take" ? "one thread" : Math.ceil(count / tile), args));
    };
    return { scratchBytes: 0, blockBytes: 0, chunk, finish: [] };
  }

  private filter(): Steps {
    const room = levelOffsets(levelsOf(blocksOf(this.chunkLength)), 8);
    const chunk = (from: number, count: number): readonly CudaLaunch[] => {
      if (count === 0) return [];
      const levels = levelsOf(blocksOf(count));
      const { offsets } = levelOffsets(levels, 8);
      const level = (at: number): CudaArgument => address("scratch", offsets[at]);
      const work = Math.ceil(blocksOf(count) / WARPS);
      return [
        this.launch("count", work, this.overSource(from, count, level(0))),
        ...levels.map((size, at) => {
          const totals = at + 1 < levels.length ? level(at + 1) : NULL;
          return { entry: entryOf(this.shape.symbol, "scan"), grid: warpGrid(size), block: THREADS, arguments: [level(at), word(size), totals, address("state")] };
        }),
        this.launch("", work, this.overSource(from, count, level(0), address("output"))),
      ];
    };
    return { scratchBytes: room.total, blockBytes: 0, chunk, finish: [] };
  }

  /** A total for each block of 1024 elements, what stands before each, and then every element again. */
  private scan(bytes: number): Steps {
    const captures = this.shape.hasCaptures ? ([{ kind: "captures" }] as const) : [];
    const chunk = (from: number, count: number): readonly CudaLaunch[] => {
      if (count === 0) return [];
      const [blocks, totals] = [blocksOf(count), address("scratch")];
      const work = Math.ceil(blocks / WARPS);
      return [
        this.launch("totals", work, this.overSource(from, count, totals)),
        this.launch("carry", 1, [totals, word(blocks), word(from), address("state"), ...captures]),
        this.launch("", work, this.overSource(from, count, totals, address("output"))),
      ];
    };
    return { scratchBytes: blocksOf(this.chunkLength) * bytes, blockBytes: 0, chunk, finish: [] };
  }

  /** A value for each block of 1024 elements; then a tree of them. */
  private blocks(bytes: number): Steps {
    const levels = levelsOf(blocksOf(this.length));
    const { offsets, total } = levelOffsets(levels, bytes);
    const isFold = this.shape.sink.kind === "fold";
    const chunk = (from: number, count: number): readonly CudaLaunch[] => {
      if (count === 0) return [];
      return [this.launch("", Math.ceil(blocksOf(count) / WARPS), this.overSource(from, count, address("scratch", (from / BLOCK) * bytes)))];
    };
    const finish = levels.map((size, at): CudaLaunch => {
      const joined = at + 1 < levels.length ? address("scratch", offsets[at + 1]) : NULL;
      const after = isFold ? [...STATE, ...(this.shape.hasCaptures ? [{ kind: "captures" } as const] : [])] : [address("state")];
      return { entry: entryOf(this.shape.symbol, "join"), grid: warpGrid(size), block: THREADS, arguments: [address("scratch", offsets[at]), word(size), joined, ...after] };
    });
    return { scratchBytes: total, blockBytes: bytes, chunk, finish };
  }

  /** One thread; the first chunk, even if it has no elements, begins with the seed. */
  private ordered(buffers: readonly CudaBuffer[] = []): Steps {
    const chunk = (from: number, count: number): readonly CudaLaunch[] => [this.launch("", "one thread", this.overSource(from, count, ...buffers.map(buffer => address(buffer))))];
    return { scratchBytes: 0, blockBytes: 0, chunk, finish: [] };
  }
}

/** A warp for every 1024 values. */
const warpGrid = (values: number): number => Math.max(1, Math.ceil(Math.ceil(values / BLOCK) / WARPS));

/** `chunkLength`: the most elements that one chunk will have. */
export function planOf(shape: Shape, length: number, device: CudaDevice, chunkLength = length): CudaPlan {
  return new Planner(shape, length, device, chunkLength).plan();
}

/** What the captures of a kernel look like, given how many bytes all of a launch's arguments may have. */
export function capturesOf(kernel: Kernel, room: number): CapturesLayout {
  const scalars = kernel.scalars.map(({ type }, place) => ({ type, offset: place * 8 }));
  const arrays = kernel.arrays.map((_, place) => ({ offset: scalars.length * 8 + place * 16 }));
  const bytes = scalars.length * 8 + arrays.length * 16;
  return { bytes, scalars, arrays, byValue: bytes <= room };
}

/** Whether the output may be the source itself: a map whose elements are equally wide. */
export const mayBeInPlace = ({ source }: Kernel, { sink, map }: Shape): boolean =>
  map && sink.kind === "array" && source.kind === "array" && ELEMENTS[source.element].bytes === ELEMENTS[sink.element].bytes;

/** The value of a type, in the low bytes of the word at `offset`. */
function valueAt(type: ScalarType, view: DataView, offset: number): ScalarValue {
  switch (type) {
    case "f64":
      return view.getFloat64(offset, true);
    case "f32":
      return view.getFloat32(offset, true);
    case "i64":
      return view.getBigInt64(offset, true);
    case "u64":
      return view.getBigUint64(offset, true);
    case "i32":
      return view.getInt32(offset, true);
    case "u32":
      return view.getUint32(offset, true);
    case "bool":
      return view.getUint8(offset) !== 0;
    default:
      return type satisfies never;
  }
}

const NOWHERE = 2n ** 64n - 1n;

const wordsOf = (state: Uint8Array): BigUint64Array => new BigUint64Array(state.slice().buffer);

/**
 * The state of a run whose chunks several devices have seen to, from theirs: each has stretches of whole blocks of 1024 elements, in
 * order. Of sinks that join the values of blocks all are on the first device, which has joined them.
 */
export function joinStates(kind: SingleSink["kind"], states: readonly Uint8Array[]): Uint8Array {
  const all = states.map(wordsOf);
  const found = ([failed, place]: BigUint64Array): boolean => failed !== NOWHERE || place !== NOWHERE;
  const stopped = (words: BigUint64Array): boolean => words[5] !== 0n;
  const [first] = all as [BigUint64Array];
  // A search ends where one finds anything; those behind it may have been stopped.
  const holder = (kind === "first" ? all.find(words => stopped(words) || found(words)) : kind === "last" ? all.findLast(([, place]) => place !== NOWHERE) : kind === "scan" ? all.at(-1) : null) ?? first;
  const joined = holder.slice();
  if (kind !== "first") {
    joined[0] = all.reduce((least, [failed = NOWHERE]) => (failed < least ? failed : least), NOWHERE);
    joined[2] = all.reduce((sum, [, , count = 0n]) => sum + count, 0n);
    joined[5] = all.some(stopped) ? 1n : 0n;
  }
  return new Uint8Array(joined.buffer);
}

function readState({ sink, map }: Shape, length: number, state: Uint8Array): CudaOutcome {
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  const word = (offset: number): bigint => view.getBigUint64(offset, true);
  const [failed, place] = [word(0), word(8)];
  if (word(40) !== 0n) return { status: "stopped" };
  // An element behind the first that yields would never have run.
  const matters = sink.kind !== "first" || failed < place;
  if (failed !== NOWHERE && matters) return { status: "failed", position: sink.kind === "fold" ? 0 : Number(failed) };
  const position = place === NOWHERE ? -1 : Number(place);
  const count = map ? length : Number(word(16));
  const nothing = { count: 0, position: -1, rank: 0, value: undefined };
  const done = (result: Partial<Omit<KernelResult, "output">>): CudaOutcome => ({ status: "done", result: { ...nothing, ...result } });
  switch (sink.kind) {
    case "array":
    case "count":
      return done({ count });
    case "stores":
      return done({ count: length });
    case "scan":
      return done({ count, value: count > 0 ? valueAt(sink.type, view, 32) : undefined });
    case "reduce":
      return done({ count, value: valueAt(sink.type, view, 32) });
    case "fold":
      return done({ count, value: sink.seed === null && count === 0 ? undefined : valueAt(sink.type, view, 32) });
    case "first":
    case "last":
      return position < 0 ? done({}) : done({ position, rank: Number(word(24)), value: valueAt(sink.type, view, 32) });
    default:
      return sink satisfies never;
  }
}
