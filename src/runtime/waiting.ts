/** Promises that are not waited for any longer. */
import { setTimeout as passed } from "node:timers/promises";

/** The promise's outcome, or the signal's reason if that comes first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** The promise's outcome, or an error if that is not there in time. Does not keep the process alive if it is not `held`. */
export function within<T>(promise: Promise<T>, milliseconds: number, held: boolean, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(error()), milliseconds);
    if (!held) timer.unref();
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Some milliseconds later. Rejects with the signal's reason once it is aborted. */
export async function later(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await unlessAborted(passed(milliseconds), signal);
}
