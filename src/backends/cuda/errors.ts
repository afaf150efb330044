/** Failures of the CUDA driver and of NVRTC as the library's errors. */
import { BackendError, type FailureKind } from "../../../fusion/errors.js";
import type { NativeCudaError } from "./native.js";

/** The driver, the device or NVRTC refused or failed. `kind` says what can be done about it. */
export class CudaError extends BackendError {
  /** `fatal`: the context is lost with all that is in it, and every later use of it is refused. */
  declare readonly kind: FailureKind;
  /** The function of the driver or of NVRTC that failed; empty if none was called. */
  readonly call: string;
  /** What the library calls its result. */
  readonly result: string;
  /** The words of NVRTC or of the driver's assembler. */
  readonly log: string;

  constructor(kind: FailureKind, what: string, details: { readonly call?: string; readonly result?: string; readonly log?: string } = {}, options?: ErrorOptions) {
    super("DC406", what, { ...options, kind });
    this.call = details.call ?? "";
    this.result = details.result ?? "";
    this.log = details.log ?? "";
  }
}

const isNative = (error: unknown): error is NativeCudaError => error instanceof Error && "kind" in error && "resultName" in error;

/** What to throw instead of what the addon threw; mistakes in its use stay what they are. */
export const cudaErrorOf = (error: unknown): unknown =>
  isNative(error) ? new CudaError(error.kind, `${error.message}${remedyFor(error)}`, { call: error.call, result: error.resultName, log: error.log }, { cause: error }) : error;

/** What follows from a failure, where its own words do not say. */
function remedyFor({ kind, resultName, message }: NativeCudaError): string {
  if (resultName === "CUDA_ERROR_UNSUPPORTED_PTX_VERSION") return ". The driver is older than NVRTC: update it, or name an older NVRTC in $DOTCOMPUTE_NVRTC";
  if (kind !== "fatal" || message.includes("abandoned")) return "";
  const kernel = /ILLEGAL|MISALIGNED|INVALID_PC|ASSERT/.test(resultName) ? " A kernel that ran before has caused it, which is a bug in dotcompute: please report it." : "";
  return `.${kernel} The device is lost to this process: runtimes that prefer cuda run elsewhere from now on, queries that insist on it are refused`;
}

/** Does it, and throws the library's errors. */
export function guarded<Result>(act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw cudaErrorOf(error);
  }
}

export const guardedLater = <Result>(promise: Promise<Result>): Promise<Result> =>
  promise.catch((error: unknown) => {
    throw cudaErrorOf(error);
  });
