/**
 * The kinds of failure, and the one list of their codes.
 *
 * `LambdaError`: the text of a lambda cannot become a kernel. `QueryError`: the library was called wrongly. Both are the
 * caller's to mend and say how. `BackendError`, `MismatchError`: something that kernels run on. `CompilerBug`: ours.
 */
import type { Span } from "./parse/surface.js";

/** Every code, with what it is about. Codes are never reused. 1xx: lambda text. 2xx: types of a lambda. 3xx: queries. 4xx: run time and backends. 9xx: ours. (5xx are events: `EVENT_CODES`.) */
export const ERROR_CODES = {
  DC101: "the function's text cannot be read",
  DC102: "this syntax cannot become a kernel",
  DC103: "the lambda has the wrong parameters",
  DC104: "a name is not known inside the lambda",
  DC105: "a captured constant or parameter is assigned",
  DC106: "this function cannot be called inside a lambda",
  DC107: "a path through the function returns nothing",
  DC108: "a variable may be read before it has a value",
  DC109: "a helper function calls itself",
  DC110: "the text was rewritten by a tool in a way that hides its meaning",
  DC111: "a capture is used as something it is not",
  DC112: "a row has no such column, or its columns do not fit",
  DC113: "what may be missing is used as if it were there",
  DC114: "an index-space kernel writes, or gives back, what it cannot",
  DC201: "numbers and BigInts are mixed",
  DC202: "a fractional result is headed for an integer array",
  DC203: "a signed and an unsigned 64-bit value are mixed",
  DC204: "the operator does not take these types",
  DC205: "a variable holds values of different types",
  DC206: "the result has the wrong type for this stage",
  DC207: "a BigInt literal does not fit the element type",
  DC208: "a value that may be null is used as if there were none",
  DC209: "a string is used for what kernels do not do with strings",
  DC210: "two indices of a kernel write to the same place",
  DC301: "the source cannot be queried",
  DC302: "a capture has a type that kernels cannot take",
  DC303: "a capture was given that the lambda does not use, or under a name that is not an identifier",
  DC304: "the destination array does not fit",
  DC305: "the argument is not what this method takes",
  DC306: "the terminal does not exist for this element type",
  DC307: "the array was detached or has changed its length",
  DC308: "the columns of a table do not fit together",
  DC309: "the stored query cannot be read",
  DC310: "a stream cannot be read in this way",
  DC312: "there is not exactly one element",
  DC313: "a kernel is defined or called in a way that cannot work",
  DC320: "a buffer is used that has been disposed of",
  DC321: "the elements of a buffer were on a device that was lost",
  DC322: "a runtime is used that has been disposed of",
  DC401: "an array was read, or written, out of range",
  DC402: "the backend that the query insists on cannot run it",
  DC403: "the C++ compiler failed",
  DC404: "the native addon cannot be used",
  DC405: "the kernel cache cannot be used",
  DC406: "the CUDA driver, the device or NVRTC failed",
  DC407: "an accelerator of a plugin failed",
  DC408: "who listens to a runtime has failed",
  DC409: "a plugin's accelerator, or a decorated one, gives other bits than another backend",
  DC901: "a bug in dotcompute",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A name as messages mention it: an Int8Array, a Uint8Array. */
export const withArticle = (name: string): string => `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;

/** The source line of a span with carets below it, indented by two spaces. Long lines are cut to a window around the span. */
export function codeFrame(span: Span): string {
  const { text } = span.source;
  const lineStart = text.lastIndexOf("\n", span.start - 1) + 1;
  const newline = text.indexOf("\n", span.start);
  const lineEnd = newline < 0 ? text.length : newline;
  const stop = Math.max(span.start + 1, Math.min(span.end, lineEnd));
  const window = 100;
  const indent = /^[ \t]*/.exec(text.slice(lineStart, lineEnd))?.[0].length ?? 0;
  let from = Math.min(lineStart + indent, span.start);
  if (stop - from > window) from = Math.max(from, span.start - 30);
  const to = Math.min(lineEnd, from + window);
  const head = from > lineStart + indent ? "…" : "";
  const tail = to < lineEnd ? "…" : "";
  const line = head + text.slice(from, to).replaceAll("\t", " ") + tail;
  const carets = " ".repeat(head.length + span.start - from) + "^".repeat(Math.max(1, Math.min(stop, to) - span.start));
  return `  ${line}\n  ${carets}`;
}

/** A lambda that cannot become a kernel: code, source line with carets, and the remedy. */
export class LambdaError extends Error {
  override readonly name = "LambdaError";
  readonly code: ErrorCode;
  /** The text of the function that holds the error. */
  readonly source: string;
  /** The offending stretch of `source`, in characters. */
  readonly start: number;
  readonly end: number;
  readonly remedy: string;

  constructor(code: ErrorCode, what: string, span: Span, remedy: string) {
    super(`${code}: ${what}\n${codeFrame(span)}\n${remedy}`);
    this.code = code;
    this.source = span.source.text;
    this.start = span.start;
    this.end = span.end;
    this.remedy = remedy;
  }
}

/** The library was called in a way that cannot work: what, and what to do instead. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, what: string, remedy: string, options?: ErrorOptions) {
    super(`${code}: ${what}\n${remedy}`, options);
    this.code = code;
  }
}

/**
 * What can be done about a failure of a backend. `transient`: the same may succeed later. `resource`: less would fit. `programmer`: wrong
 * code or arguments, or more than it can do. `fatal`: it runs nothing any more.
 */
export type FailureKind = "transient" | "resource" | "programmer" | "fatal";

/**
 * A backend that was asked for, or is needed, cannot do its work. Carries the compiler's own words where there are any. Of several attempts
 * it is the last one's error, and its `cause` an AggregateError of all of them, in order.
 */
export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly code: ErrorCode;
  /** Null where nobody said. */
  readonly kind: FailureKind | null;

  constructor(code: ErrorCode, what: string, options: ErrorOptions & { readonly kind?: FailureKind | null } = {}) {
    const { kind = null, ...rest } = options;
    super(`${code}: ${what}`, rest);
    this.code = code;
    this.kind = kind;
  }
}

/**
 * Two backends gave different results for one run, and one of them is not the library's own: with `onMismatch: "throw"`. Where both are it is a
 * CompilerBug. Its `cause` is the Mismatch.
 */
export class MismatchError extends Error {
  override readonly name = "MismatchError";
  readonly code = "DC409" satisfies ErrorCode;

  constructor(what: string, options?: ErrorOptions) {
    super(`DC409: ${what}`, options);
  }
}

/** A broken invariant of the compiler: never the caller's fault. */
export class CompilerBug extends Error {
  override readonly name = "CompilerBug";
  readonly code = "DC901" satisfies ErrorCode;

  constructor(what: string, options?: ErrorOptions) {
    super(`This is a bug in dotcompute, not in your code: ${what}`, options);
  }
}
