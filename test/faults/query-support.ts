/** What the tests of queries under bad circumstances share: runtimes, fake compilers, and processes of their own. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import { createRuntime, type RunInfo, type Runtime, type RuntimeOptions } from "../../src/index.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-faults-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runtimes on both backends that compile into a folder of this file's own, and what ran on them. */
export interface Bench {
  readonly folder: string;
  /** The backends of every kernel that has run so far. */
  readonly ran: string[];
  readonly js: Runtime;
  readonly cpu: Runtime;
  /** Why queries cannot run native here; null if they can. */
  readonly obstacle: string | null;
}

export function newBench(): Bench {
  const folder = temporaryFolder();
  const ran: string[] = [];
  const onRun = ({ kernels }: RunInfo): void => void ran.push(...kernels.map(({ backend }) => backend));
  const cpu = createRuntime({ backend: "cpu", cacheFolder: path.join(folder, "cache"), onRun });
  return { folder, ran, js: createRuntime({ backend: "js", onRun }), cpu, obstacle: obstacleOf(cpu) };
}

function obstacleOf(runtime: Runtime): string | null {
  try {
    runtime.compute(Float64Array.of(1)).sum().value();
    return null;
  } catch (error) {
    if (error instanceof BackendError) return error.message.split("\n", 1)[0] ?? "";
    throw error;
  }
}

/** Both backends by name, for `describe.each`; the suites of a backend that cannot run here say why. */
export const backendsOf = (bench: Bench) =>
  (["js", "cpu"] as const).map(name => ({
    name,
    title: name === "cpu" && bench.obstacle !== null ? `cpu (skipped: ${bench.obstacle})` : name,
    skipped: name === "cpu" && bench.obstacle !== null,
    runtime: bench[name],
  }));

/** A runtime that chooses for itself, and what it logs and runs. */
export function watchedRuntime(options: RuntimeOptions = {}): { readonly runtime: Runtime; readonly lines: string[]; readonly ran: string[] } {
  const lines: string[] = [];
  const ran: string[] = [];
  const runtime = createRuntime({ log: line => void lines.push(line), onRun: ({ backend }) => void ran.push(backend), ...options });
  return { runtime, lines, ran };
}

/** What a call gives, or the error it throws. */
export function outcomeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

export const rejectionOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    value => new Error(`it was not rejected, and gave ${String(value)}`),
    (error: unknown) => error,
  );

export type Resizable = ArrayBuffer & { resize(bytes: number): void };

/** TypeScript's library knows them from ES2024 on. */
export const resizableBuffer = (bytes: number, most: number): Resizable =>
  new (ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => Resizable)(bytes, { maxByteLength: most });

export const detach = (array: { readonly buffer: ArrayBufferLike }): void => void structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });

/** A shell script in place of a compiler. It still says its version, unless `all` is set. */
export function fakeCompiler(folder: string, name: string, script: string, all = false): string {
  const file = path.join(folder, name);
  const version = all ? "" : 'for word in "$@"; do if [ "$word" = --version ]; then echo "fake 1.0"; exit 0; fi; done\n';
  writeFileSync(file, `#!/bin/sh\n${version}${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Every file below a folder, without what is there on purpose. */
export const leftBehind = (folder: string): readonly string[] => readdirSync(folder).filter(name => name.startsWith("tmp-"));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** In milliseconds; only for generous limits of liveness. */
  readonly took: number;
}

/** The library as one file, for processes and workers that know no TypeScript. Within the package, so that it finds the addon. */
export function bundledLibrary(): { readonly file: string; readonly url: string; runScript(code: string, options?: ScriptOptions): Promise<Ended> } {
  const folder = path.join(ROOT, "build", "faults");
  const file = path.join(folder, `library-${process.pid}-${Math.random().toString(36).slice(2, 8)}.mjs`);
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    await build({ entryPoints: [path.join(ROOT, "src", "index.ts")], outfile: file, bundle: true, packages: "external", platform: "node", format: "esm", target: "node20", tsconfigRaw: {}, logLevel: "warning" });
  });
  afterAll(() => rmSync(file, { force: true }));
  const url = pathToFileURL(file).href;
  return { file, url, runScript: (code, options) => runScript(`import * as dotcompute from ${JSON.stringify(url)};\n${code}`, options) };
}

export interface ScriptOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Arguments of node. */
  readonly flags?: readonly string[];
  /** A shell command that is run first; it ends in `exec`. */
  readonly shell?: string;
  /** Is called with each piece of output, and may end the process. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs an ES module in a process of its own, which has to end by itself within a minute. */
export function runScript(code: string, { env, flags = [], shell, onOutput }: ScriptOptions = {}): Promise<Ended> {
  const args = [...flags, "--input-type=module", "--eval", code];
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_OPTIONS$|NODE_ENV$)/.test(name)));
    const [program, words] = shell === undefined ? [process.execPath, args] : ["/bin/sh", ["-c", `${shell} "$0" "$@"`, process.execPath, ...args]];
    const child = spawn(program, words, { env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      onOutput?.(text, signal => child.kill(signal));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, took: performance.now() - begun });
    });
  });
}
