/** What a runtime does, as numbers: durations and counts. Attributes have few values each: backends, terminals, levels; never lengths or texts. */
import type { Listener, RuntimeEvent } from "../runtime/events.js";
import type { Meter } from "./api.js";
import { errorType } from "./attributes.js";

/** Seconds. A kernel may take a microsecond or a minute. */
const KERNEL_BOUNDS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10];
const COMPILE_BOUNDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The memory of results: what is in use, and what is kept for later ones. */
export type PoolBytes = () => { readonly used: number; readonly kept: number };

export type Instruments = ReturnType<typeof instrumentsOf>;

export const instrumentsOf = (meter: Meter) => ({
  kernelDuration: meter.createHistogram("dotcompute.kernel.duration", { unit: "s", description: "How long kernels ran, on devices by their own clock", advice: { explicitBucketBoundaries: KERNEL_BOUNDS } }),
  compileDuration: meter.createHistogram("dotcompute.compile.duration", { unit: "s", description: "How long compilers worked on kernels", advice: { explicitBucketBoundaries: COMPILE_BOUNDS } }),
  executions: meter.createCounter("dotcompute.executions", { unit: "{execution}", description: "Queries that were run, those that failed included" }),
  failures: meter.createCounter("dotcompute.failures", { unit: "{execution}", description: "Queries that failed" }),
  fallbacks: meter.createCounter("dotcompute.fallbacks", { unit: "{fallback}", description: "Kernels that ran elsewhere than meant" }),
  cacheHits: meter.createCounter("dotcompute.cache.hits", { unit: "{kernel}", description: "Compiled kernels that were found, by the level of the cache" }),
  cacheMisses: meter.createCounter("dotcompute.cache.misses", { unit: "{kernel}", description: "Compiled kernels that were found nowhere" }),
  transferred: meter.createCounter("dotcompute.transfer.io", { unit: "By", description: "Bytes that went to devices and came from them" }),
  poolUsage: meter.createObservableGauge("dotcompute.pool.usage", { unit: "By", description: "The memory of results, in use or kept for later ones" }),
});

/** The API's own instruments, which do nothing, are all the same. */
export const isMetered = ({ executions, failures }: Instruments): boolean => executions !== failures;

export function observePool({ poolUsage }: Instruments, pool: PoolBytes): void {
  poolUsage.addCallback(result => {
    const { used, kept } = pool();
    result.observe(used, { "dotcompute.pool.state": "used" });
    result.observe(kept, { "dotcompute.pool.state": "kept" });
  });
}

export function meterListener(instruments: Instruments): Listener {
  const { kernelDuration, compileDuration, executions, failures, fallbacks, cacheHits, cacheMisses, transferred } = instruments;
  return event => {
    switch (event.kind) {
      case "query": {
        const of = { "dotcompute.terminal": event.terminal, ...(event.backend === null ? {} : { "dotcompute.backend": event.backend }) };
        executions.add(1, of);
        if (event.error !== null) failures.add(1, { ...of, "error.type": errorType(event.error) });
        return;
      }
      case "kernel":
        kernelDuration.record(kernelSeconds(event), { "dotcompute.backend": event.backend, ...failed(event.error) });
        return;
      case "compile":
        compileDuration.record((event.end - event.begin) / 1000, { "dotcompute.backend": event.backend, ...failed(event.error) });
        return;
      case "cache":
        if (event.level === null) cacheMisses.add(1, { "dotcompute.backend": event.backend });
        else cacheHits.add(1, { "dotcompute.backend": event.backend, "dotcompute.cache.level": event.level });
        return;
      case "transfer":
        transferred.add(event.bytes, { "dotcompute.backend": event.backend, "dotcompute.transfer.direction": event.direction });
        return;
      case "fallback":
        fallbacks.add(1, { "dotcompute.backend": event.from, "dotcompute.fallback.to": event.to });
        return;
      default:
        return;
    }
  };
}

const failed = (error: unknown) => (error === null ? {} : { "error.type": errorType(error) });

function kernelSeconds({ begin, end, spans }: RuntimeEvent & { readonly kind: "kernel" }): number {
  const own = spans.filter(({ what }) => what === "kernel");
  return (own.length === 0 ? end - begin : own.reduce((sum, { milliseconds }) => sum + milliseconds, 0)) / 1000;
}
