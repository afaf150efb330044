/** Runtimes with their backends, and the one that `compute` uses. */
import { QueryError } from "../../fusion/errors.js";
import { createCpuBackend } from "../backends/cpu/backend.js";
import { createJsBackend } from "../backends/js/backend.js";
import { queryOf, type Query } from "../query/query.js";
import type { QuerySource, SourceArray } from "../query/types.js";
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
  compute<S extends QuerySource>(source: S): Query<SourceArray<S>>;
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
  });
}

/** A runtime on given backends. @internal */
export function runtimeOn(options: RuntimeOptions, backends: Backends): Runtime {
  const { backend } = options;
  if (backend !== undefined && backend !== "js" && backend !== "cpu") {
    throw new QueryError("DC305", `there is no backend ${JSON.stringify(backend)}`, 'The backends are "js" and "cpu"; leave the option out to let the runtime choose.');
  }
  const core = new RuntimeCore(options, backends);
  return { compute: source => queryOf(core, source), settled: () => core.tiers.settled() };
}

let shared: Runtime | null = null;

/** The runtime behind `compute`, made when it is first used. */
export function defaultRuntime(): Runtime {
  shared ??= createRuntime();
  return shared;
}
