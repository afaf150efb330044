/** Promises that are not waited for any longer. */
import { onAbort } from "./aborts.js";

/** The promise's outcome, or the signal's reason if that comes first. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(onAbort(signal, abort));
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

/** Some milliseconds later. Rejects at once with a signal's reason when that is aborted. */
export function later(milliseconds: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      for (const forget of waits) forget();
      const aborted = signals.find(signal => signal?.aborted === true);
      if (aborted === undefined) resolve();
      else reject(aborted.reason);
    };
    const timer = setTimeout(end, milliseconds);
    const waits = signals.map(signal => onAbort(signal, end));
    if (signals.some(signal => signal?.aborted === true)) end();
  });
}
