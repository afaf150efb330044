/**
 * What is used of @opentelemetry/api: the caller hands it over, so nothing is imported, and only one copy of it is there. Its own types fit
 * these.
 */

/** Seconds and nanoseconds since 1970. */
export type Time = [number, number];

export type Attributes = Record<string, string | number | boolean>;

export interface OpenTelemetry {
  readonly trace: {
    getTracer(name: string, version?: string): Tracer;
    getTracerProvider(): object;
    setSpan(context: never, span: never): unknown;
  };
  readonly metrics: { getMeter(name: string, version?: string): Meter };
  readonly context: { active(): unknown };
}

export interface Tracer {
  startSpan(name: string, options?: { attributes?: Attributes; startTime?: Time }, context?: never): Span;
}

export interface Span {
  setAttribute(name: string, value: string | number | boolean): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(time?: Time): void;
}

export interface Meter {
  createHistogram(name: string, options?: object): { record(value: number, attributes?: Attributes): void };
  createCounter(name: string, options?: object): { add(value: number, attributes?: Attributes): void };
  createObservableGauge(name: string, options?: object): { addCallback(callback: (result: { observe(value: number, attributes?: Attributes): void }) => void): void };
}
