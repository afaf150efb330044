/** Parts of Node that take milliseconds to load, and that most processes never come to. */

export const childProcess = () => process.getBuiltinModule("node:child_process");
export const crypto = () => process.getBuiltinModule("node:crypto");
export const workerThreads = () => process.getBuiltinModule("node:worker_threads");
