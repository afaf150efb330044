/** OpenTelemetry with its SDK, whose exporters keep everything in memory. Loaded by name: checkouts without these packages can do without its tests. */
import { createRequire } from "node:module";
import type { OpenTelemetry } from "../../src/index.js";

export interface SpanData {
  readonly name: string;
  readonly parentSpanContext?: { readonly spanId: string };
  spanContext(): { readonly spanId: string };
  readonly startTime: readonly [number, number];
  readonly endTime: readonly [number, number];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number };
}

export interface Point {
  readonly value: number | { readonly count: number; readonly sum: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface MetricData {
  readonly descriptor: { readonly name: string; readonly unit: string };
  readonly dataPoints: readonly Point[];
}

export interface Observed {
  spans(): readonly SpanData[];
  forget(): void;
  measured(): Promise<ReadonlyMap<string, { readonly unit: string; readonly points: readonly Point[] }>>;
}

export interface Sdk {
  readonly api: OpenTelemetry;
  /** Runs within a span of the program's own. */
  within<T>(name: string, work: () => Promise<T>): Promise<T>;
  register(): Observed;
  unregister(): void;
}

export function sdk(): Sdk | null {
  const require = createRequire(import.meta.url);
  const load = (name: string) => require(`@opentelemetry/${name}`);
  try {
    load("sdk-metrics");
  } catch {
    return null;
  }
  const [api, metrics, traces, hooks] = [load("api"), load("sdk-metrics"), load("sdk-trace-base"), load("context-async-hooks")];
  return {
    api,
    within: (name, work) => api.trace.getTracer("the program").startActiveSpan(name, (span: { end(): void }) => work().finally(() => span.end())),
    register() {
      const spans = new traces.InMemorySpanExporter();
      const meters = new metrics.InMemoryMetricExporter(metrics.AggregationTemporality.CUMULATIVE);
      const reader = new metrics.PeriodicExportingMetricReader({ exporter: meters, exportIntervalMillis: 1e6 });
      api.trace.setGlobalTracerProvider(new traces.BasicTracerProvider({ spanProcessors: [new traces.SimpleSpanProcessor(spans)] }));
      api.metrics.setGlobalMeterProvider(new metrics.MeterProvider({ readers: [reader] }));
      api.context.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
      return {
        spans: () => spans.getFinishedSpans(),
        forget: () => spans.reset(),
        async measured() {
          await reader.forceFlush();
          const all = (meters.getMetrics().at(-1).scopeMetrics as { readonly metrics: readonly MetricData[] }[]).flatMap(scope => scope.metrics);
          return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, { unit: descriptor.unit, points: dataPoints }]));
        },
      };
    },
    unregister: () => [api.trace, api.metrics, api.context].forEach(part => part.disable()),
  };
}
