/** Runtimes with their backends, and the one that `compute` uses. */
import type { ArrowTable, ArrowVector } from "../arrow/read.js";
import { QueryError } from "../../fusion/errors.js";
import { createCpuBackend } from "../backends/cpu/backend.js";
import { createCudaBackend, type LeftOut } from "../backends/cuda/backend.js";
import type { Device } from "../backends/cuda/devices.js";
import { createJsBackend } from "../backends/js/backend.js";
import { createKernelCache, type CacheStatistics, type KernelCache } from "../cache/kernels.js";
import type { Kernels } from "../kernels/registry.js";
import type { DefineKernel, NamedKernel } from "../kernels/types.js";
import { makeBuffer, type Buffer } from "../memory/buffer.js";
import { checkEnvironment } from "../memory/memory.js";
import { queryOf, type Query } from "../query/query.js";
import type { Rows } from "../query/rows.js";
import { quote } from "../query/given.js";
import type { ArrayConstructor, ArrayOf, Elements, QueryOptions, QuerySource, Row, RowColumns, SourceArray, Stream, TableColumns, TableOf, Tabular, TypedArray } from "../query/types.js";
import type { BackendName } from "../backends/backend.js";
import { checkOptions } from "./check-options.js";
import type { Events } from "./events.js";
import { optimalAccelerator, precompile, type Computable, type KernelPrecompileOptions, type KernelWorkload, type OptimalChoice, type Workload } from "./orchestrate.js";
import type { PrecompileOptions, Precompiled } from "./precompile.js";
import type { AcceleratorState } from "./member.js";
import { logOf } from "./observers.js";
import { resilienceOf } from "./resilience.js";
import { RuntimeCore, type RuntimeOptions } from "./runtime.js";
import { recordingOf, type RecordOptions, type Recording } from "./trace.js";

/** Where queries run: its own choice of backend, kernel cache and log. */
export interface Runtime {
  /**
   * Starts a query that runs in this runtime.
   *
   * @example
   * const scripted = createRuntime({ backend: "js" });
   * scripted.compute(signal).sum().value();
   */
  compute<S extends QuerySource>(source: S, options?: QueryOptions): Query<SourceArray<S>>;
  compute<A extends Elements>(source: Stream<A>, options?: QueryOptions): Query<A>;
  compute<T extends TableOf>(source: Stream<T>, options?: QueryOptions): Rows<T>;
  compute<T extends TableOf>(source: ArrowTable, options?: QueryOptions): Rows<T>;
  compute<A extends TypedArray>(source: ArrowVector & { toArray(): A }, options?: QueryOptions): Query<A>;
  compute<R extends object & Row<R>>(source: readonly R[], options?: QueryOptions): Rows<RowColumns<R>>;
  compute<S extends object & Tabular<S>>(source: S, options?: QueryOptions): Rows<TableColumns<S>>;
  /**
   * A buffer that belongs to this runtime: see `buffer`.
   *
   * @example
   * using readings = runtime.buffer(samples);
   */
  buffer<A extends TypedArray>(elements: A): Buffer<SourceArray<A>>;
  buffer<C extends ArrayConstructor>(holds: C, length: number): Buffer<ArrayOf<C>>;
  /**
   * A kernel over an index space that belongs to this runtime: see `kernel`.
   *
   * @example
   * const saxpy = runtime.kernel("saxpy", (i, x: Float32Array, y: Float32Array, out: Float32Array, a: number) => { out[i] = a * x[i] + y[i]; });
   */
  kernel: DefineKernel;
  /**
   * Runs the kernel of this name, now. Which kernel that is may be said as a type: what it is called with is then checked.
   *
   * @example
   * runtime.execute<typeof saxpy>("saxpy", x, y, out, 2);
   */
  execute<K extends NamedKernel<never, never> = NamedKernel>(name: string, ...args: Parameters<K>): void;
  /**
   * Runs the kernel of this name off the main thread.
   *
   * @example
   * await runtime.executeAsync<typeof saxpy>("saxpy", x, y, out, 2, { signal });
   */
  executeAsync<K extends NamedKernel<never, never> = NamedKernel>(name: string, ...args: Parameters<K["async"]>): Promise<void>;
  /**
   * The kernels that have been defined in this runtime, in order.
   *
   * @example
   * for (const one of runtime.kernels()) console.log(one.explain());
   */
  kernels(): readonly NamedKernel[];
  /**
   * Resolves when all kernels that were being compiled in the background are ready, so that the next run is native.
   *
   * @example
   * compute(signal).sum().value();
   * await runtime.settled();
   */
  settled(): Promise<void>;
  /**
   * Records what all queries of this runtime do until the recording is stopped, as a trace for https://ui.perfetto.dev: runs, kernels,
   * compilers, transfers and what devices do, each on tracks of their own. `most`: how many events are kept, the first 100,000 by default.
   *
   * @example
   * const recording = runtime.record();
   * await compute(signal, { runtime }).filter(x => x > 0).sum();
   * writeFileSync("queries.json", JSON.stringify(recording.stop()));
   */
  record(options?: RecordOptions): Recording;
  /**
   * The backends: which are there, and why the others are not. Asking loads the libraries of those that have not been needed yet.
   *
   * @example
   * for (const { name, available, reason } of runtime.accelerators()) console.log(name, available ? "is there" : reason);
   */
  accelerators(): readonly AcceleratorState[];
  /**
   * The devices of the cuda backend, in the order in which they take part in runs: their memory, and how elements get from one to another.
   * None where cuda cannot be used: `accelerators()` says why. Asking loads the driver.
   *
   * @example
   * for (const { number, memory, peers } of runtime.devices()) console.log(number, memory.usage().used, peers.map(({ from, route }) => `${from}: ${route}`));
   */
  devices(): readonly Device[];
  /**
   * What the kernel cache has done so far, at each level, and what it holds.
   *
   * @example
   * const { memory, disk } = runtime.cacheStatistics();
   * console.log(`${disk.hits} of ${disk.hits + disk.misses} kernels were there; ${memory.bytes} bytes are loaded`);
   */
  cacheStatistics(): CacheStatistics;
  /**
   * Which backend a query, or a kernel, would run on now, and why: over its own source, or over so many elements. Compiles nothing.
   *
   * @example
   * const { backend, reason } = runtime.optimalAccelerator(runtime.compute(signal).sum(), { length: 10_000_000 });
   */
  optimalAccelerator(of: Computable, workload?: Workload): OptimalChoice;
  /**
   * The same of a named kernel, or of the one of this name, for what it would be called with.
   *
   * @example
   * runtime.optimalAccelerator(saxpy, { arguments: [x, y, out, 2], length: 1e7 });
   */
  optimalAccelerator<K extends NamedKernel<never, never>>(kernel: K, workload?: KernelWorkload<K>): OptimalChoice;
  optimalAccelerator<K extends NamedKernel<never, never> = NamedKernel>(name: string, workload?: KernelWorkload<K>): OptimalChoice;
  /**
   * Compiles all kernels of a query, of those within it, too, so that its first run is native: for the backend that is named, or for all that
   * the runtime chooses among. Tells of each what came of it; what could not be compiled is no error.
   *
   * @example
   * await runtime.precompile(runtime.compute(new Float32Array(0)).map(x => x * gain, { gain }).sum());
   */
  precompile(of: Computable, how?: BackendName | PrecompileOptions): Promise<readonly Precompiled[]>;
  /**
   * Compiles a named kernel, or the one of this name, for the types of what it would be called with, and for the order of its indices then.
   *
   * @example
   * await runtime.precompile(saxpy, { arguments: [x, y, out, 2], accelerator: "cpu" });
   */
  precompile<K extends NamedKernel<never, never>>(kernel: K, how?: BackendName | KernelPrecompileOptions<K>): Promise<readonly Precompiled[]>;
  precompile<K extends NamedKernel<never, never> = NamedKernel>(name: string, how?: BackendName | KernelPrecompileOptions<K>): Promise<readonly Precompiled[]>;
  /**
   * Ends the runtime: stops its compilers, refuses runs that wait for one or for another attempt, waits for the kernels that are at work
   * beside this thread, and gives back its buffers and what its backends hold. Whatever is asked of it, its queries and its buffers from then on is a QueryError. `await using` does the same.
   * Where a plugin's `stop()` or `[Symbol.asyncDispose]()` fails, all else ends all the same, and then this rejects with a BackendError that
   * names it; asked again, it resolves.
   *
   * @example
   * await using runtime = createRuntime({ threads: 4 });
   */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A runtime of one's own.
 *
 * @example
 * const runtime = createRuntime({ onRun: ({ terminal, backend }) => console.log(`${terminal} ran on ${backend}`) });
 * runtime.compute(signal).map(x => x * 2).toArray();
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  checkEnvironment();
  let made: KernelCache | null = null;
  const cache = (events: Events): KernelCache => {
    if (made === null) {
      const log = logOf(options);
      made = createKernelCache({ ...options.cache, place: { folder: options.cacheFolder } }, reason => {
        events.tell({ kind: "store", reason });
        log(`dotcompute: ${reason}`);
      });
    }
    return made;
  };
  return runtimeOn(options, ({ compiler, threads, target, compile, cuda }) => ({
    js: createJsBackend,
    cpu: events => createCpuBackend({ events, cache: cache(events), compileTimeLimit: resilienceOf(options.resilience).compileTimeLimit ?? undefined, compiler, threads, target, code: compile }),
    cuda: events => createCudaBackend({ events, cache: cache(events), code: compile, leaveOut: one => tellLeftOut(events, one, logOf(options)), ...cuda }),
  }), cache);
}

function tellLeftOut(events: Events, { device, reason }: LeftOut, log: (line: string) => void): void {
  events.tell({ kind: "device", backend: "cuda", device, reason });
  log(`dotcompute: the cuda backend does without device ${device}: ${reason}`);
}

/** A runtime on given backends. @internal */
export function runtimeOn(
  options: RuntimeOptions,
  backends: ConstructorParameters<typeof RuntimeCore>[1],
  cache: (events: Events) => KernelCache = () => createKernelCache(),
  known?: ConstructorParameters<typeof RuntimeCore>[2],
): Runtime {
  checkOptions(options);
  const core = new RuntimeCore(options, backends, known);
  return {
    compute: (source: unknown, options?: QueryOptions) => (core.check(), queryOf(core, source, options) as never),
    buffer: (holds: unknown, length?: unknown) => (core.check(), makeBuffer(core, holds, length) as never),
    kernel: (...given: Parameters<Kernels["define"]>) => (core.check(), core.kernels.define(...given) as never),
    execute: (name: string, ...args: readonly unknown[]) => (core.check(), (core.kernels.named(name) as (...args: readonly unknown[]) => void)(...args)),
    executeAsync: async (name: string, ...args: readonly unknown[]) => (core.check(), core.kernels.named(name).async as (...args: readonly unknown[]) => Promise<void>)(...args),
    kernels: () => (core.check(), core.kernels.list()),
    settled: async () => {
      core.check();
      await core.tiers.settled();
      await cache(core.events).settled();
    },
    record: options => (core.check(), recordingOf(core.events, options)),
    accelerators: () => (core.check(), core.tiers.accelerators()),
    devices: () => (core.check(), core.tiers.devices()),
    cacheStatistics: () => (core.check(), cache(core.events).statistics()),
    optimalAccelerator: (of: unknown, workload?: unknown) => (core.check(), optimalAccelerator(core, of, workload)),
    precompile: async (of: unknown, how?: unknown) => (core.check(), precompile(core, of, how)),
    dispose: () => core.end(),
    [Symbol.asyncDispose]: () => core.end(),
  };
}

/** The runtime that a call of `compute` names, or the usual one. */
export function chosenRuntime(options: unknown): Runtime {
  const named: unknown = typeof options === "object" && options !== null ? (options as { readonly runtime?: unknown }).runtime : options;
  if (named === undefined) return defaultRuntime();
  if (typeof named === "object" && named !== null && "compute" in named && typeof named.compute === "function") return named as Runtime;
  throw new QueryError("DC305", `compute() runs in a runtime, not in ${quote(named)}`, "Write compute(source, { runtime: createRuntime() }), or leave it out.");
}

let shared: Runtime | null = null;

/** The runtime behind `compute`, made when it is first used. */
export function defaultRuntime(): Runtime {
  shared ??= createRuntime();
  return shared;
}
