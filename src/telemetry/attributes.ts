/** What attributes of telemetry may say. */

const KNOWN: ReadonlySet<string> = new Set(["RangeError", "TypeError", "AbortError", "TimeoutError", "AggregateError", "CompilerBug"]);

/** The `error.type` of OpenTelemetry's conventions: one of the library's codes, or of a few names. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return "_OTHER";
  if ("code" in error && typeof error.code === "string" && /^DC\d{3}$/.test(error.code)) return error.code;
  return KNOWN.has(error.name) ? error.name : "_OTHER";
}
