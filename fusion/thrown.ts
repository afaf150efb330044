/** What somebody else's code has thrown, in words. It may be anything: words themselves may fail, of proxies and of objects without a prototype. */

const WORDLESS = "something that cannot be put into words";

/** As `String()` says it: of an error its name and message. */
export function thrownInWords(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return WORDLESS;
  }
}

/** Of an error its message alone. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return WORDLESS;
  }
}

/** Where an error comes from; undefined where nothing says. */
export function stackOf(thrown: unknown): string | undefined {
  try {
    const stack: unknown = thrown instanceof Error ? thrown.stack : undefined;
    return typeof stack === "string" ? stack : undefined;
  } catch {
    return undefined;
  }
}
