/** What can be done about a failure. */
import { BackendError, type ErrorCode, type FailureKind } from "../../fusion/errors.js";

/**
 * `transient`: the same may succeed later. `resource`: less would fit, or another backend has room. `kernel`: the backend cannot run this
 * kernel, others can. `fatal`: the backend runs nothing any more. `programmer`: the same anywhere, so it is thrown at once: what a lambda
 * does, a wrong call, a bug, a run that was called off.
 */
export type FailureClass = "transient" | "resource" | "kernel" | "fatal" | "programmer";

/** Of backends that say what can be done. */
const BY_KIND = { transient: "transient", resource: "resource", programmer: "kernel", fatal: "fatal" } as const satisfies Record<FailureKind, FailureClass>;

/** Of those that do not, by the operating system's own words behind the failure. */
const BY_SYSTEM: Readonly<Record<string, FailureClass>> = {
  EAGAIN: "transient",
  EBUSY: "transient",
  EINTR: "transient",
  EMFILE: "transient",
  ENFILE: "transient",
  ETXTBSY: "transient",
  ENOMEM: "resource",
};

/** And by their codes. */
const BY_CODE: Partial<Record<ErrorCode, FailureClass>> = { DC402: "kernel", DC403: "kernel", DC404: "kernel", DC405: "kernel", DC406: "kernel" };

export function classOf(error: unknown): FailureClass {
  if (!(error instanceof BackendError)) return "programmer";
  if (error.kind !== null) return BY_KIND[error.kind];
  return bySystem(error.cause) ?? BY_CODE[error.code] ?? "kernel";
}

function bySystem(cause: unknown): FailureClass | undefined {
  try {
    const system = (cause as { readonly code?: unknown } | null | undefined)?.code;
    return typeof system === "string" && Object.hasOwn(BY_SYSTEM, system) ? BY_SYSTEM[system] : undefined;
  } catch {
    // A plugin may throw anything.
    return undefined;
  }
}
