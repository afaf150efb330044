/** Runtimes with their backends, and the one that `compute` uses. */
import type { ArrowTable, ArrowVector } from "../arrow/read.js";
import { QueryError } from "../../fusion/errors.js";
import { BACKEND_NAMES, QUOTED_BACKENDS, type BackendName } from "../backends/backend.js";
import { createCpuBackend } from "../backends/cpu/backend.js";
import { TARGETS } from "../backends/cpu/levels.js";
import { threadsFor } from "../backends/cpu/threads.js";
import { createCudaBackend } from "../backends/cuda/backend.js";
import { createJsBackend } from "../backends/js/backend.js";
import { makeBuffer, type Buffer } from "../memory/buffer.js";
import { checkEnvironment } from "../memory/memory.js";
import { queryOf, type Query } from "../query/query.js";
import type { Rows } from "../query/rows.js";
import { describe, quote } from "../query/given.js";
import { checkOptions as checkNames } from "../query/options.js";
import type { ArrayConstructor, ArrayOf, Elements, QueryOptions, QuerySource, Row, RowColumns, SourceArray, Stream, TableColumns, TableOf, Tabular, TypedArray } from "../query/types.js";
import type { Accelerator } from "./tiers.js";
import { RuntimeCore, type Backends, type RuntimeOptions } from "./runtime.js";

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
   * Resolves when all kernels that were being compiled in the background are ready, so that the next run is native.
   *
   * @example
   * compute(signal).sum().value();
   * await runtime.settled();
   */
  settled(): Promise<void>;
  /**
   * The backends: which are there, and why the others are not. Asking loads the libraries of those that have not been needed yet.
   *
   * @example
   * for (const { name, available, reason } of runtime.accelerators()) console.log(name, available ? "is there" : reason);
   */
  accelerators(): readonly Accelerator[];
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
  return runtimeOn(options, {
    js: createJsBackend,
    cpu: () => createCpuBackend({ cacheFolder: options.cacheFolder, compiler: options.compiler, threads: options.threads, target: options.target, code: options.compile }),
    cuda: () => createCudaBackend({ cacheFolder: options.cacheFolder, code: options.compile, ...options.cuda }),
  });
}

/** A runtime on given backends. @internal */
export function runtimeOn(options: RuntimeOptions, backends: Backends): Runtime {
  checkOptions(options);
  const core = new RuntimeCore(options, backends);
  return { compute: (source: unknown, options?: QueryOptions) => queryOf(core, source, options) as never, buffer: (holds: unknown, length?: unknown) => makeBuffer(core, holds, length) as never, settled: () => core.tiers.settled(), accelerators: () => core.tiers.accelerators() };
}

const OPTIONS = { cacheFolder: "string", compiler: "string", threads: "number", log: "function", onRun: "function", compile: "object", cuda: "object" } as const;
const COMPILE_OPTIONS = { optimisation: "number", debug: "boolean", fastMath: "boolean" } as const;
const CUDA_OPTIONS = { driver: "string", nvrtc: "string", device: "number", capability: "string" } as const;
const WORDS = { string: "a text", function: "a function", object: "an object", number: "a number", boolean: "true or false" } as const;

function checkOptions(options: RuntimeOptions): void {
  checkNames(options, "createRuntime", ["backend", "target", ...namesOf(OPTIONS)], 'Write createRuntime({ backend: "js" }), or leave them out.');
  checkKinds(options, OPTIONS, "");
  const { backend, compile = {}, cuda = {}, threads, target = "native" } = options;
  if (!TARGETS.includes(target)) {
    throw new QueryError("DC305", `the option target of createRuntime() is one of ${TARGETS.map(name => `"${name}"`).join(", ")}, not ${quote(target)}`, "Leave it out for kernels of this very processor.");
  }
  checkNames(compile, "createRuntime", namesOf(COMPILE_OPTIONS), "Write compile: { optimisation: 1, debug: true }, or leave it out.", "compile.");
  checkKinds(compile, COMPILE_OPTIONS, "compile.");
  if (![undefined, 0, 1, 2, 3].includes(compile.optimisation)) {
    throw new QueryError("DC305", `the option compile.optimisation of createRuntime() is 0, 1, 2 or 3, not ${describe(compile.optimisation)}`, "Leave it out for the fastest kernels, 3.");
  }
  if (threads !== undefined) threadsFor(threads);
  if (backend !== undefined) checkBackends(backend);
  checkNames(cuda, "createRuntime", namesOf(CUDA_OPTIONS), "Leave cuda out for what the system finds.", "cuda.");
  checkKinds(cuda, CUDA_OPTIONS, "cuda.");
  const { device = 0, capability = "8.0" } = cuda;
  if (!/^\d{1,2}\.\d$/.test(capability)) {
    throw new QueryError("DC305", `the option cuda.capability of createRuntime() is a compute capability such as "8.0", not ${quote(capability)}`, "Leave it out for kernels of the very device.");
  }
  if (!Number.isInteger(device) || device < 0) {
    throw new QueryError("DC305", `the option cuda.device of createRuntime() is a device's number, 0, 1 …, not ${describe(device)}`, "Leave it out for the first device.");
  }
}

const namesOf = <Name extends string>(options: Readonly<Record<Name, unknown>>): readonly Name[] => Object.keys(options) as Name[];

function checkKinds(given: object, kinds: Readonly<Record<string, keyof typeof WORDS>>, of: string): void {
  for (const [name, kind] of Object.entries(kinds)) {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined || (typeof value === kind && value !== null)) continue;
    throw new QueryError("DC305", `the option ${of}${name} of createRuntime() is ${WORDS[kind]}, not ${describe(value)}`, "Leave it out for the usual.");
  }
}

function checkBackends(backend: unknown): void {
  const names: readonly unknown[] = Array.isArray(backend) ? backend : [backend];
  const unknown = names.find(name => !BACKEND_NAMES.includes(name as BackendName));
  if (unknown !== undefined) {
    throw new QueryError("DC305", `there is no backend ${quote(unknown)}`, `The backends are ${QUOTED_BACKENDS}; leave the option out to let the runtime choose.`);
  }
  if (names.length === 0 || new Set(names).size < names.length) {
    const told = names.length === 0 ? "none" : "the same backend twice";
    throw new QueryError("DC305", `the option backend of createRuntime() names ${told}`, 'Write backends in order of preference, ["cuda", "cpu"], or leave the option out.');
  }
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
