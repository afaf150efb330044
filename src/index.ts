/** dotcompute: fluent queries over typed arrays that compile to one fused kernel. */
import type { QueryJson } from "./json/format.js";
import { readQuery, type AnyQuery, type FromJsonOptions } from "./json/read.js";
import type { ArrowTable, ArrowVector } from "./arrow/read.js";
import type { DefineKernel, NamedKernel } from "./kernels/types.js";
import type { Buffer } from "./memory/buffer.js";
import { checkSurplus } from "./query/arguments.js";
import { checkOptions } from "./query/options.js";
import { makeRange, makeRepeat } from "./query/ranges.js";
import type { LazyValue } from "./query/lazy.js";
import type { Query } from "./query/query.js";
import type { Rows } from "./query/rows.js";
import type { ArrayConstructor, ArrayOf, ArraysOf, ChunkOf, Chunks, Elements, HeldColumns, HeldConstructor, QueryOptions, QuerySource, Range, Repeat, ResultsOf, Row, RowColumns, SourceArray, Stream, TableColumns, TableOf, Tabular, TypedArray } from "./query/types.js";
import { batched } from "./query/together.js";
import { makeNullable, NullableColumn, type Nullable } from "./table/nullable.js";
import type { BackendName } from "./backends/backend.js";
import { chosenRuntime, defaultRuntime, type Runtime } from "./runtime/create.js";
import type { Computable, KernelPrecompileOptions } from "./runtime/orchestrate.js";
import type { PrecompileOptions, Precompiled } from "./runtime/precompile.js";
import type { RecordOptions, Recording } from "./runtime/trace.js";
import { makeStream } from "./stream/source.js";
import { makeStrings, type Strings } from "./table/strings.js";

/**
 * Starts a query over a typed array, an array of numbers (read as a Float64Array) or a `range`. Nothing is read or computed
 * until a terminal asks for a result.
 *
 * @example
 * const energy = await compute(signal).map(x => x * 0.5).filter(x => x > 0).reduce((a, x) => a + x * x, 0);
 */
export function compute<S extends QuerySource>(source: S, options?: QueryOptions & { readonly runtime?: Runtime }): Query<SourceArray<S>>;
/**
 * Starts a query over a stream of chunks, in constant memory: its values are awaited, its results too, or read with `for await`.
 *
 * @example
 * const total = await compute(stream(readable, Float64Array)).filter(x => x > 0).sum();
 */
export function compute<A extends Elements>(source: Stream<A>, options?: QueryOptions & { readonly runtime?: Runtime }): Query<A>;
export function compute<T extends TableOf>(source: Stream<T>, options?: QueryOptions & { readonly runtime?: Runtime }): Rows<T>;
/**
 * Starts a query over a table: columns of one length by name, typed arrays or what `nullable` makes; or plain objects with the same
 * fields, some of which may be null; or an Arrow table or record batch, whose columns the caller names for TypeScript.
 *
 * @example
 * const revenue = await compute({ price, quantity }).sum(r => r.price * r.quantity);
 * const total = await compute<{ price: Float64Array }>(tableFromIPC(bytes)).sum(r => r.price);
 */
export function compute<T extends TableOf>(source: ArrowTable, options?: QueryOptions & { readonly runtime?: Runtime }): Rows<T>;
export function compute<A extends TypedArray>(source: ArrowVector & { toArray(): A }, options?: QueryOptions & { readonly runtime?: Runtime }): Query<A>;
export function compute<R extends object & Row<R>>(source: readonly R[], options?: QueryOptions & { readonly runtime?: Runtime }): Rows<RowColumns<R>>;
export function compute<S extends object & Tabular<S>>(source: S, options?: QueryOptions & { readonly runtime?: Runtime }): Rows<TableColumns<S>>;
export function compute(source: unknown, options?: QueryOptions & { readonly runtime?: Runtime }): unknown {
  return chosenRuntime(options).compute(source as QuerySource, options);
}

/**
 * The numbers 0, 1, 2 … length - 1 as a source, without an array that holds them; or start, start + step, start + 2 * step … up to
 * before `end`, each exactly `start + i * step`: a map of places, which is part of the kernel. The step is 1 unless it is given; it may be a
 * fraction, or negative.
 *
 * @example
 * const squares = compute(range(1000)).map(x => x * x).toArray();   // a Float64Array
 * const wave = compute(range(0, 1, 0.001)).map(t => Math.sin(440 * t));
 */
export function range(length: number): Range;
export function range(start: number, end: number, step?: number): Range;
export function range(first: number, end?: number, step?: number): Range {
  return makeRange(first, end, step);
}

/**
 * A number, a BigInt or a boolean, `count` times, as a source, without an array that holds it.
 *
 * @example
 * compute(repeat(0.5, 1000)).zip(compute(signal), (k, x) => k * x);
 */
export function repeat<V extends number | bigint | boolean>(value: V, count: number): Repeat<V> {
  return makeRepeat(value, count);
}

/**
 * Chunks as a source: what an iterable gives one after another (an async generator, a Readable in object mode, an array of arrays), each
 * a typed array of one type, an array of strings (`String`), an object of columns, or a record batch of Apache Arrow. It is told what they
 * hold, of batches the columns that are wanted, since queries are checked before anything is read.
 *
 * A chunk is asked for when the one before has been worked on, so a producer may fill the same memory again, and it is told to stop
 * (by its iterator's `return`) when no more is wanted: at a search's end, an error or an abort. Values of the whole, sums
 * included, are the same as over one array that holds all chunks.
 *
 * @example
 * const mean = await compute(stream(readable, Float64Array)).average();
 * const revenue = await compute(stream(batches, { price: Float64Array, quantity: Int32Array })).sum(r => r.price * r.quantity);
 * const late = await compute(stream(await RecordBatchReader.from(file), { carrier: String, delay: nullable(Int32Array) }))
 *   .filter(r => r.carrier === "AA")
 *   .average(r => r.delay);
 */
export function stream<C extends ArrayConstructor>(chunks: Chunks<ArrayOf<C>>, holds: C): Stream<ArrayOf<C>>;
export function stream(chunks: Chunks<readonly string[] | Strings<string>>, holds: StringConstructor): Stream<string[]>;
export function stream<C extends HeldColumns>(chunks: Chunks<ChunkOf<C> | ArrowTable>, holds: C): Stream<ArraysOf<C>>;
export function stream(chunks: unknown, holds: unknown): unknown {
  return makeStream(chunks, holds);
}

/**
 * A column with nulls: its values, and for each whether it is there, as 1 or 0, as booleans, or (`{ bitmap: true }`) as bits, the
 * lowest of each byte first, which are read now. What `values` holds in place of a null means nothing.
 *
 * @example
 * compute({ price: nullable(Float64Array.of(2.5, 0, 4), [true, false, true]) }).average(r => r.price);   // 3.25
 */
export function nullable<A extends TypedArray>(values: A, valid: Uint8Array | readonly boolean[], options?: { readonly bitmap?: boolean }): Nullable<A>;
/**
 * What a column of a stream holds, where there may be nulls among it.
 *
 * @example
 * await compute(stream(batches, { price: nullable(Float64Array) })).average(r => r.price);
 */
export function nullable<C extends HeldConstructor>(holds: C): NullableColumn<C>;
export function nullable(values: unknown, valid?: unknown, options?: { readonly bitmap?: boolean }): unknown {
  if (typeof values === "function" && valid === undefined) return new NullableColumn(values);
  return makeNullable(values as TypedArray, valid as Uint8Array, options);
}

/**
 * A column of strings, and nulls among them, read and encoded now: each becomes a number. `compute` does the same for a plain array,
 * every time that it is called; a column that several queries read is better encoded once.
 *
 * @example
 * const carrier = strings(flights.map(f => f.carrier));
 * compute({ carrier, delay }).filter(r => r.carrier === "AA").average(r => r.delay);
 */
export function strings(values: readonly string[]): Strings<string>;
export function strings(values: readonly (string | null | undefined)[]): Strings;
export function strings(values: unknown): Strings {
  return makeStrings(values);
}

/**
 * A buffer with a copy of an array's elements, or with so many zeros: a source of queries whose elements stay where they were needed
 * last, in the host's memory or on a device. It belongs to the runtime that is named, or the usual one.
 *
 * @example
 * using readings = buffer(Float32Array.of(1, 2, 3));
 * using frame = buffer(Float32Array, 640 * 480, { runtime });
 */
export function buffer<A extends TypedArray>(elements: A, options?: BufferOptions): Buffer<SourceArray<A>>;
export function buffer<C extends ArrayConstructor>(holds: C, length: number, options?: BufferOptions): Buffer<ArrayOf<C>>;
export function buffer(holds: unknown, second?: unknown, third?: unknown): unknown {
  const [length, options] = typeof holds === "function" ? [second, third] : [undefined, second];
  const { runtime } = checkOptions(options, "buffer", ["runtime"], "Write buffer(array, { runtime }), or buffer(Float64Array, 1000, { runtime }).");
  const made = runtime === undefined ? defaultRuntime() : chosenRuntime({ runtime });
  return made.buffer(holds as ArrayConstructor, length as number);
}

/** Where a buffer belongs. */
export interface BufferOptions {
  readonly runtime?: Runtime | undefined;
}

/**
 * A kernel over an index space, by name: a function whose lambda runs for every index, and reads and writes the arrays that it is called
 * with. Its first parameter (two or three, with `{ dimensions }`) is the index; the others are what it is called with. In one
 * dimension it runs as often as the arrays that it writes are long; `size` says otherwise, and how large a space of more dimensions is.
 *
 * Indices that write to places of their own run at once, on every lane and thread; where that cannot be proved they run one after the
 * other, as JavaScript's own loop would; what is sure to write to one place twice is refused. So the result is the same everywhere. Every
 * place is checked, for reading and writing.
 *
 * @example
 * const saxpy = kernel("saxpy", (i, x: Float32Array, y: Float32Array, out: Float32Array, a: number) => { out[i] = a * x[i] + y[i]; });
 * saxpy(x, y, out, 2);
 * await saxpy.async(x, y, out, 2);
 *
 * const transpose = kernel("transpose", { dimensions: 2, size: (from, to, width) => [width, from.length / width] },
 *   (x, y, from: Float32Array, to: Float32Array, width: number) => { to[x * (from.length / width) + y] = from[y * width + x]; });
 */
export const kernel: DefineKernel = (...given: readonly unknown[]) => (defaultRuntime().kernel as (...given: readonly unknown[]) => never)(...given);

/**
 * Runs the kernel of this name, which `kernel` has defined. Which one that is may be said as a type.
 *
 * @example
 * execute<typeof saxpy>("saxpy", x, y, out, 2);
 */
export function execute<K extends NamedKernel<never, never> = NamedKernel>(name: string, ...args: Parameters<K>): void {
  defaultRuntime().execute<K>(name, ...args);
}

/**
 * Resolves when all kernels that were being compiled in the background are ready, so that the next run of each is native.
 *
 * @example
 * compute(signal).sum().value();   // runs at once, as JavaScript
 * await settled();
 * compute(signal).sum().value();   // runs native
 */
export function settled(): Promise<void> {
  return defaultRuntime().settled();
}

/**
 * Compiles what a query needs before it runs, in the runtime behind `compute`: what is in memory, on the disk or in a shared store already
 * is taken from there. Sources may be empty, since kernels are those of any length.
 *
 * @example
 * await precompile(compute(new Float32Array(0)).map(x => x * gain, { gain }).sum());
 * await precompile(saxpy, { arguments: [x, y, out, 2] });   // a named kernel, for the types of what it will be called with
 */
export function precompile(of: Computable, how?: BackendName | PrecompileOptions): Promise<readonly Precompiled[]>;
export function precompile<K extends NamedKernel<never, never>>(kernel: K, how?: BackendName | KernelPrecompileOptions<K>): Promise<readonly Precompiled[]>;
export function precompile<K extends NamedKernel<never, never> = NamedKernel>(name: string, how?: BackendName | KernelPrecompileOptions<K>): Promise<readonly Precompiled[]>;
export function precompile(of: unknown, how?: unknown): Promise<readonly Precompiled[]> {
  return defaultRuntime().precompile(of as Computable, how as PrecompileOptions);
}

/**
 * Records what all queries of the usual runtime do, as a trace for https://ui.perfetto.dev: see `Runtime.record`.
 *
 * @example
 * const recording = record();
 * await compute(signal).filter(x => x > 0).sum();
 * writeFileSync("queries.json", JSON.stringify(recording.stop()));
 */
export function record(options?: RecordOptions): Recording {
  return defaultRuntime().record(options);
}

/**
 * Several values over one source at once, in their order: in one pass and one kernel as far as each one's meaning allows, the others by
 * themselves; `explain()` says which. For use in place of `Promise.all`, which runs one query for each. Every value has the bits that
 * it has by itself.
 *
 * @example
 * const query = compute(readings).filter(x => x > 0);
 * const [total, high, late] = await batch([query.sum(), query.max(), query.skip(100).average()]);
 */
export function batch<const L extends readonly [LazyValue<unknown>, ...LazyValue<unknown>[]]>(values: L): LazyValue<ResultsOf<L>>;
export function batch<V>(values: readonly LazyValue<V>[]): LazyValue<V[]>;
export function batch(values: unknown, ...surplus: unknown[]): LazyValue<unknown> {
  checkSurplus(surplus, "batch", "Put the values into one array: batch([query.sum(), query.max()]).");
  return batched(values);
}

/**
 * Reads a query that `JSON.stringify(query)` has written, or what `query.toJSON()` gave, and puts it on a source, which must have the
 * element type or the columns of the one it was written for. A lazy value comes back as one. The text may come from anywhere:
 * whatever is wrong with it is a QueryError that names the place, and lambdas are compiled as those of queries are, never evaluated. A
 * query can run for long all the same: run those of strangers with a signal.
 *
 * `Result` is what the caller knows the query to be; nothing checks it.
 *
 * @example
 * const total = fromJSON<LazyValue<number>>(text, prices);
 * const joined = fromJSON<Rows<{ total: Float64Array }>>(text, flights, { others: [airports] });
 */
 
export function fromJSON<Result extends { toJSON(): QueryJson } = AnyQuery>(json: string | object, source: unknown, options: FromJsonOptions = {}): Result {
  return readQuery(json, source, options) as Result;
}

export { Buffer, type BufferState, type BufferStatistics, type HostView } from "./memory/buffer.js";
export { memory, type Memory, type MemoryUsage } from "./memory/memory.js";
export { createRuntime, type Runtime } from "./runtime/create.js";
export { BackendError, CompilerBug, LambdaError, MismatchError, QueryError, type ErrorCode, type FailureKind } from "../fusion/errors.js";
export type { Accelerator, AcceleratorKind, AcceleratorMaker, AcceleratorMemory, CompileHow, Runnable } from "./backends/accelerator.js";
export type { BackendName } from "./backends/backend.js";
export * as plugin from "./plugin.js";
export type { CacheOptions, CacheStatistics } from "./cache/kernels.js";
export type { SharedStore } from "./cache/shared.js";
export type { CompileOptions, KernelRun, RunInfo, RuntimeOptions } from "./runtime/runtime.js";
export type { AcceleratorState, Decorate } from "./runtime/member.js";
export type { Computable, KernelPrecompileOptions, KernelWorkload, OptimalChoice, Workload } from "./runtime/orchestrate.js";
export type { BackoffLimits } from "./runtime/backoff.js";
export type { BreakerLimits } from "./runtime/breaker.js";
export type { ResilienceOptions } from "./runtime/resilience.js";
export type { Progress } from "./runtime/progress.js";
export type { PrecompileOptions, Precompiled } from "./runtime/precompile.js";
export type { Choice } from "./runtime/selector.js";
export type { Device, DeviceMemory, DeviceUsage, PeerLink } from "./backends/cuda/devices.js";
export type { Prediction } from "./runtime/selection/selection.js";
export type { Difference } from "./runtime/validation/compare.js";
export type { Mismatch } from "./runtime/validation/validation.js";
export type { AnyQuery, FromJsonOptions } from "./json/read.js";
export type { ExplainAsData, ExplainInWords, ExplainOptions, Explanation, KernelExplanation, StepExplanation, VerbExplanation } from "./query/explanation.js";
export type { KernelProfile, Profile, ProfileAsData, ProfileAsTrace, ProfileInWords, ProfileOptions, RunProfile, StepTimes } from "./query/profile.js";
export { EVENT_CODES, type EventCode } from "./runtime/events.js";
export type { OpenTelemetry } from "./telemetry/api.js";
export type { LogLevel } from "./telemetry/levels.js";
export type { Logger } from "./telemetry/logger.js";
export type { ChromeTrace, RecordOptions, Recording, TraceEvent } from "./runtime/trace.js";
export type { QueryJson } from "./json/format.js";
export type { ArrowTable, ArrowVector } from "./arrow/read.js";
export type { Nullable, NullableColumn } from "./table/nullable.js";
export type { Strings } from "./table/strings.js";
export type { Query } from "./query/query.js";
export type { Rows } from "./query/rows.js";
export type { Windows } from "./query/windows.js";
export type { AggregateColumns, Aggregated, Aggregates, Group, Grouping, GroupTable } from "./query/group.js";
export type { Sequence, SortKey } from "./query/sequence.js";
export type { LazyValue } from "./query/lazy.js";
export type { Prepared } from "./query/prepared.js";
export type { Trace, TracedStage, TracedTerminal, TracedValue } from "./query/trace.js";
export type { Verification, VerifiedRun, VerifyOptions } from "./query/verify.js";
export type { ArgumentsFor, DefineKernel, Dimensions, ExplainedWith, KernelArgument, KernelAsyncOptions, KernelLambda, KernelOptions, KernelParameter, KernelRunOptions, NamedKernel, SizeOf, SpaceExplanation } from "./kernels/types.js";
export type {
  Accumulator,
  ArrayConstructor,
  ArrayOf,
  ArraysOf,
  BigArray,
  Capture,
  Captures,
  CastColumns,
  Chunks,
  Column,
  ColumnFor,
  ColumnsOf,
  ElementOf,
  Elements,
  ElementsIn,
  Fields,
  ForEachOptions,
  IntoOptions,
  NewColumns,
  NullsOf,
  NumberArray,
  PreparedSource,
  QueryOptions,
  QuerySource,
  Range,
  ReduceOptions,
  Repeat,
  RepeatArray,
  ScanOptions,
  SpreadOptions,
  Window,
  WindowOptions,
  ResultOf,
  Row,
  RowColumns,
  RowOf,
  RunOptions,
  Single,
  SingleColumn,
  SourceArray,
  Stream,
  TableColumns,
  TableOf,
  Tabular,
  Total,
  Truth,
  TypedArray,
  ValueOf,
  WithoutNulls,
} from "./query/types.js";
