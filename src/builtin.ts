/** Parts of Node that take milliseconds to load, and that most processes never come to. */

export const childProcess = () => process.getBuiltinModule("node:child_process");
export const fileSystem = () => process.getBuiltinModule("node:fs/promises");
export const os = () => process.getBuiltinModule("node:os");
export const crypto = () => process.getBuiltinModule("node:crypto");
export const workerThreads = () => process.getBuiltinModule("node:worker_threads");

/** Milliseconds from some moment on, for differences: `performance` is one of those parts. */
export function ticks(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** Whatever else this thread has to do comes first. */
export const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));
