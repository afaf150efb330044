/** Events for people: what each is called, and its facts, for logs and traces. */
import { printTitle } from "../../fusion/print.js";
import { messageOf } from "../../fusion/thrown.js";
import type { BackendName } from "../backends/backend.js";
import type { RuntimeEvent } from "./events.js";

export type Facts = Readonly<Record<string, string | number | boolean>>;

/** In one line, without times. */
export function eventInWords(event: RuntimeEvent): string {
  switch (event.kind) {
    case "begin":
      return `${event.terminal} begins`;
    case "query":
      return event.error === null ? `${event.terminal} ran${event.backend === null ? "" : ` on ${event.backend}`}` : `${event.terminal} failed: ${errorInWords(event.error)}`;
    case "kernel":
      return event.error === null ? `a kernel ran on ${event.backend}` : `a kernel failed on ${event.backend}: ${errorInWords(event.error)}`;
    case "phase":
      return event.phase;
    case "compile":
      return event.error === null ? `compiled for ${event.backend}` : `a compiler failed for ${event.backend}: ${errorInWords(event.error)}`;
    case "cache":
      return event.level === null ? `in no cache of ${event.backend}` : `found in the ${event.level} cache of ${event.backend}`;
    case "transfer":
      return `${event.bytes} bytes ${event.direction} of ${event.backend}`;
    case "fallback":
      return `a run of ${event.from} went to ${event.to}: ${event.reason}`;
    case "lost":
      return lostInWords(event.backend, event.instead, event.reason);
    case "retry":
      return `${event.backend} is tried again (attempt ${event.attempt}, after ${event.delay} ms): ${errorInWords(event.error)}`;
    case "breaker":
      return `the breaker of ${event.backend} is ${event.state}: ${event.reason}`;
    case "mismatch":
      return `${event.backends.join(" and ")} differ: ${event.reason}`;
    case "device":
      return `device ${event.device} of ${event.backend} is left out: ${event.reason}`;
    case "leak":
    case "store":
      return event.reason;
    default:
      return event satisfies never;
  }
}

/** What is known of an event, as data that any tool can show: no kernels, no errors' objects. */
export function factsOf(event: RuntimeEvent): Facts {
  const facts: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(event)) {
    if (name === "kind" || name === "begin" || name === "end" || value === null) continue;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") facts[name] = value;
  }
  if ("begin" in event && "end" in event) facts["milliseconds"] = event.end - event.begin;
  if ("error" in event && event.error !== null) facts["error"] = errorInWords(event.error);
  if (event.kind === "kernel") facts["kernel"] = printTitle(event.kernel);
  if (event.kind === "compile") facts["kernels"] = event.kernels.map(printTitle).join("; ");
  if (event.kind === "mismatch") facts["backends"] = event.backends.join(", ");
  return facts;
}

/** `instead`: null where queries insist on the backend. */
export const lostInWords = (backend: BackendName, instead: BackendName | null, reason: string): string =>
  instead === null ? `nothing stands in for the ${backend} backend, which is insisted on: ${reason}` : `the ${instead} backend stands in for the ${backend} backend: ${reason}`;

/** The first line: compilers and drivers go on for pages. */
const errorInWords = (error: unknown): string => messageOf(error).split("\n", 1)[0] as string;
