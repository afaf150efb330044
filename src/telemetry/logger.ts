/** Events as lines of a program's own log: pino's, or the console's. */
import { EVENT_CODES, type Events, type RuntimeEvent } from "../runtime/events.js";
import { observing } from "../runtime/observing.js";
import { LOG_LEVELS, type LogLevel } from "./levels.js";
import { eventInWords, factsOf } from "../runtime/event-words.js";

/** What pino, bunyan and their like have in common with the console. */
export interface Logger {
  debug(...args: never[]): unknown;
  info(...args: never[]): unknown;
  warn(...args: never[]): unknown;
  error(...args: never[]): unknown;
}

/** `level`: from which on lines are written. Every run is told of on `debug`; above it runs cost no more than without a logger. */
export function writeLog(events: Events, logger: Logger, level: LogLevel): void {
  const write = writerOf(logger);
  const least = LOG_LEVELS.indexOf(level);
  const hear = (event: RuntimeEvent): unknown => {
    const own = levelOf(event);
    return LOG_LEVELS.indexOf(own) < least ? undefined : write(own, event);
  };
  events.listen(observing("the option logger of createRuntime()", hear), { rare: level !== "debug" });
}

/** Loggers that make children take an object before the text; the console takes the text alone. */
function writerOf(logger: Logger): (level: LogLevel, event: RuntimeEvent) => unknown {
  const structured = "child" in logger && typeof logger.child === "function";
  return (level, event) => {
    const code = EVENT_CODES[event.kind];
    const text = `dotcompute ${code}: ${eventInWords(event)}`;
    const args: readonly unknown[] = structured ? [{ code, kind: event.kind, ...factsOf(event) }, text] : [text];
    return logger[level](...(args as never[]));
  };
}

function levelOf(event: RuntimeEvent): LogLevel {
  switch (event.kind) {
    case "begin":
    case "query":
    case "kernel":
    case "phase":
    case "cache":
    case "transfer":
      return "debug";
    case "compile":
      return event.error === null ? "debug" : "warn";
    case "fallback":
    case "retry":
      return "info";
    case "breaker":
      return event.state === "open" ? "warn" : "info";
    case "lost":
    case "leak":
    case "store":
    case "device":
      return "warn";
    case "mismatch":
      return "error";
    default:
      return event satisfies never;
  }
}
