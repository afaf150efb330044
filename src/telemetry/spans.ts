/** Runs as spans: a query, and within it what was compiled and transferred for it, and its kernels. */
import type { Listener, RuntimeEvent, Timed } from "../runtime/events.js";
import type { Attributes, OpenTelemetry, Span, Time, Tracer } from "./api.js";
import { errorType } from "./attributes.js";

/** OpenTelemetry's code of an error. */
const ERROR = 2;

/** What a compiler works on when a run has ended still belongs to that: so many runs that have ended are remembered. */
const MOST_ENDED = 1000;

/** As long as no SDK is registered the API's provider has nobody to delegate to. */
export function isTraced({ trace }: OpenTelemetry, name: string): boolean {
  const provider = trace.getTracerProvider() as { readonly getDelegateTracer?: (name: string) => unknown };
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer(name) !== undefined;
}

interface Run {
  readonly span: Span;
  /** In which other spans are its children. */
  readonly context: never;
}

export function spanListener({ trace, context }: OpenTelemetry, tracer: Tracer): Listener {
  const running = new Map<number, Run>();
  const ended = new Map<number, never>();
  const contextOf = (run: number | null): never => (run === null ? undefined : (running.get(run)?.context ?? ended.get(run))) ?? (context.active() as never);
  const add = (name: string, { begin, end }: Timed, run: number | null, attributes: Attributes, error: unknown = null): void => {
    const span = tracer.startSpan(name, { attributes, startTime: timeOf(begin) }, contextOf(run));
    finish(span, end, error);
  };
  return event => {
    switch (event.kind) {
      case "begin": {
        const within = contextOf(event.parent);
        const span = tracer.startSpan(`dotcompute ${event.terminal}`, { attributes: { "dotcompute.terminal": event.terminal }, startTime: timeOf(event.begin) }, within);
        running.set(event.run, { span, context: trace.setSpan(within, span as never) as never });
        return;
      }
      case "query": {
        const run = running.get(event.run);
        if (run === undefined) return;
        running.delete(event.run);
        ended.set(event.run, run.context);
        if (ended.size > MOST_ENDED) ended.delete(ended.keys().next().value as number);
        if (event.backend !== null) run.span.setAttribute("dotcompute.backend", event.backend);
        finish(run.span, event.end, event.error);
        return;
      }
      case "kernel":
        return add("dotcompute kernel", kernelTimes(event), event.run, { "dotcompute.backend": event.backend }, event.error);
      case "compile":
        return add("dotcompute compile", event, event.run, { "dotcompute.backend": event.backend }, event.error);
      case "transfer":
        return add("dotcompute transfer", event, event.run, { "dotcompute.backend": event.backend, "dotcompute.transfer.direction": event.direction });
      default:
        return;
    }
  };
}

function finish(span: Span, end: number, error: unknown): void {
  if (error !== null) {
    span.setAttribute("error.type", errorType(error));
    span.setStatus({ code: ERROR });
  }
  span.end(timeOf(end));
}

/** From the first to the last that a device's own clock has seen; otherwise from the call to its end. */
function kernelTimes({ begin, end, spans }: RuntimeEvent & { readonly kind: "kernel" }): Timed {
  const own = spans.filter(({ what }) => what === "kernel");
  if (own.length === 0) return { begin, end };
  return { begin: begin + Math.min(...own.map(({ from }) => from)), end: begin + Math.max(...own.map(({ from, milliseconds }) => from + milliseconds)) };
}

/** Of performance.now(). */
function timeOf(milliseconds: number): Time {
  const since = performance.timeOrigin + milliseconds;
  const seconds = Math.floor(since / 1000);
  return [seconds, Math.round((since - seconds * 1000) * 1e6)];
}
