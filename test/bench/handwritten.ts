/** Compiles the hand-written loops with the compiler that the library uses, and runs them through the library's addon. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { TypedArray } from "dotcompute";
import { CONTROL, STATUS, type KernelSignature, type NativeAddon } from "../../src/backends/cpu/addon.js";
import { findCompiler } from "../../src/backends/cpu/compiler.js";
import { loadAddon } from "../../src/backends/cpu/load-addon.js";
import type { Instance, Result, Workload } from "./workloads.js";

/** Those of emitted kernels. */
const FLAGS = ["-std=c++20", "-O3", "-march=native", "-ffp-contract=off"];

const SHARED = ["-shared", "-fPIC"];

export interface Handwritten {
  readonly compiler: string;
  readonly flags: string;
  /** The workload's loop as a function; `output` for array results into memory that is kept; `threads`: on all processors. */
  bind(workload: Workload, instance: Instance, n: number, output: TypedArray | null, threads?: boolean): () => Result;
  /** Compiles one more source to a shared object, linked with these libraries; throws with the compiler's words. */
  library(source: string, ...libraries: readonly string[]): Library;
  /** Seconds of every loop without Node, of reading and copying memory, at this size. */
  standalone(n: number, rounds: number): Readonly<Record<string, number>>;
}

/** Loops of one shared object. */
export interface Library {
  /** A loop that reads the source of so many elements and, where the signature has arrays, those; gives its count. */
  bind(symbol: string, signature: KernelSignature, source: TypedArray | null, n: number, output: TypedArray | null, arrays: readonly TypedArray[]): () => number;
}

export function compileHandwritten(sources: string, folder: string): Handwritten {
  const { found, reason } = findCompiler();
  if (found === null) throw new Error(`The benchmark compares with C++: ${reason}`);
  const { addon, reason: lack } = loadAddon();
  if (addon === null) throw new Error(`The benchmark needs the native addon: ${lack}`);
  mkdirSync(folder, { recursive: true });
  const compile = (source: string, target: string, more: readonly string[] = [], libraries: readonly string[] = []): string => {
    const file = path.join(folder, target);
    run(found.command, [...found.args, ...FLAGS, ...more, path.join(sources, source), "-o", file, ...libraries]);
    return file;
  };
  const object = compile("handwritten-threads.cpp", "handwritten.so", [...SHARED, "-pthread"]);
  const program = compile("standalone.cpp", "standalone", ["-pthread"]);
  return {
    compiler: run(found.command, [...found.args, "--version"]).split("\n", 1)[0] ?? "",
    flags: FLAGS.join(" "),
    bind: (workload, instance, n, output, threads = false) => bind(addon, object, workload, threads ? `${workload.symbol}_threads` : workload.symbol, instance, n, output),
    library(source, ...libraries) {
      const object = compile(source, `${path.parse(source).name}.so`, SHARED, libraries);
      return {
        bind(symbol, signature, from, n, output, arrays) {
          const kernel = addon.load(object, symbol, signature);
          const control = new Float64Array(addon.control.buffer);
          const ended = checkOf(addon, symbol);
          return () => {
            kernel.run(from, n, output, arrays.length === 0 ? null : arrays);
            ended();
            return control[CONTROL.count] as number;
          };
        },
      };
    },
    standalone: (n, rounds) => JSON.parse(run(program, [String(n), String(rounds)])) as Record<string, number>,
  };
}

function bind(addon: NativeAddon, object: string, workload: Workload, symbol: string, instance: Instance, n: number, output: TypedArray | null): () => Result {
  const kernel = addon.load(object, symbol, workload.signature);
  const control = new Float64Array(addon.control.buffer);
  const ended = checkOf(addon, symbol);
  const { source, scalars } = instance;
  return () => {
    for (const [at, value] of scalars.entries()) control[CONTROL.scalars + at] = value;
    const made = kernel.run(source, n, output, null);
    ended();
    if (made !== null) return made as TypedArray;
    if (output === null) return control[CONTROL.value] as number;
    const count = control[CONTROL.count] as number;
    return count === output.length ? output : output.subarray(0, count);
  };
}

/** Throws if the last run did not end well. */
function checkOf(addon: NativeAddon, symbol: string): () => void {
  const status = new Int32Array(addon.control.buffer, CONTROL.status * 8, 1);
  return () => {
    if (status[0] !== STATUS.done) throw new Error(`${symbol} did not end well`);
  };
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}\n${stderr}`);
  return stdout;
}
