/** Failures of backends in words. */
import { BackendError } from "../../fusion/errors.js";
import { messageOf } from "../../fusion/thrown.js";
import type { BackendName } from "../backends/backend.js";

const withoutCodes = (message: string): string => message.replaceAll(/\bDC\d+: /g, "");

/** A failure in one line, without its code: what explain() and the log have room for. A compiler's own words are in later lines. */
export function reasonOf(error: unknown): string {
  const [first = "", ...rest] = withoutCodes(messageOf(error)).split("\n");
  const cause = /\berror\b/i.test(first) ? undefined : rest.find(line => /\berror\b/i.test(line));
  return cause === undefined ? first : `${first}: ${cause.trim()}`;
}

/** One failure as it is; several as the last, on this backend, which carries them all. */
export function together(errors: readonly BackendError[], backend: BackendName): BackendError {
  const last = errors[errors.length - 1] as BackendError;
  if (errors.length === 1) return last;
  const what = `none of ${errors.length} attempts succeeded; the last, on the ${backend} backend: ${reasonOf(last)}`;
  return new BackendError(last.code, what, { kind: last.kind, cause: new AggregateError(errors, `${errors.length} attempts failed, in this order`) });
}

/** What failed while a runtime ended: one failure as it is; several as the first, which carries them all. */
export function endedBadly(errors: readonly BackendError[]): BackendError {
  const [first] = errors as readonly [BackendError];
  if (errors.length === 1) return first;
  const what = `${errors.length} failures at the end of a runtime: ${errors.map(reasonOf).join("; ")}`;
  return new BackendError(first.code, what, { kind: first.kind, cause: new AggregateError(errors, `${errors.length} failures, in this order`) });
}

/** What a query that insists on a backend throws. */
export function refusal(error: unknown, backend: BackendName): unknown {
  if (!(error instanceof BackendError)) return error;
  return new BackendError("DC402", `the query insists on the ${backend} backend, which cannot run it: ${withoutCodes(error.message)}`, { cause: error });
}
