/** Runtimes with their backends, and the one that `compute` uses. */
import { QueryError } from "../../fusion/errors.js";
import { BACKEND_NAMES, QUOTED_BACKENDS } from "../backends/backend.js";
import { createCpuBackend } from "../backends/cpu/backend.js";
import { createCudaBackend } from "../backends/cuda/backend.js";
import { createJsBackend } from "../backends/js/backend.js";
import { queryOf, type Query } from "../query/query.js";
import { describe, quote } from "../query/source.js";
import type { QueryOptions, QuerySource, SourceArray } from "../query/types.js";
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
  /**
   * Resolves when all kernels that were being compiled in the background are ready, so that the next run is native.
   *
   * @example
   * compute(signal).sum().value();
   * await runtime.settled();
   */
  settled(): Promise<void>;
}

/**
 * A runtime of one's own.
 *
 * @example
 * const runtime = createRuntime({ onRun: ({ terminal, backend }) => console.log(`${terminal} ran on ${backend}`) });
 * runtime.compute(signal).map(x => x * 2).toArray();
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return runtimeOn(options, {
    script: createJsBackend,
    native: () => createCpuBackend({ cacheFolder: options.cacheFolder, compiler: options.compiler }),
    device: () => createCudaBackend({ cacheFolder: options.cacheFolder, ...options.cuda }),
  });
}

/** A runtime on given backends. @internal */
export function runtimeOn(options: RuntimeOptions, backends: Backends): Runtime {
  const { backend } = checkOptions(options);
  if (backend !== undefined && !BACKEND_NAMES.includes(backend)) {
    throw new QueryError("DC305", `there is no backend ${quote(backend)}`, `The backends are ${QUOTED_BACKENDS}; leave the option out to let the runtime choose.`);
  }
  const core = new RuntimeCore(options, backends);
  return { compute: (source, options) => queryOf(core, source, options), settled: () => core.tiers.settled() };
}

const OPTIONS = { cacheFolder: "string", compiler: "string", log: "function", onRun: "function" } as const;
const WORDS = { string: "a text", function: "a function" } as const;

function checkOptions(options: RuntimeOptions): RuntimeOptions {
  const given: unknown = options;
  if (typeof given !== "object" || given === null) {
    throw new QueryError("DC305", `the options of createRuntime() are an object, not ${describe(given)}`, 'Write createRuntime({ backend: "js" }), or leave them out.');
  }
  for (const [name, type] of Object.entries(OPTIONS)) {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined || typeof value === type) continue;
    throw new QueryError("DC305", `the option ${name} of createRuntime() is ${WORDS[type]}, not ${describe(value)}`, "Leave it out for the usual.");
  }
  return options;
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
