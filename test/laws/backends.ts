/** The backends that programs are compared on: the interpreter, JavaScript, and native and CUDA kernels compiled many at a time. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CPP_FLAGS } from "../../fusion/emit/constants.js";
import { interpret } from "../../fusion/interpret.js";
import type { Kernel } from "../../fusion/ir.js";
import type { CompiledKernel } from "../../src/backends/backend.js";
import { createCpuBackend, type CpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, runtimeOn, type Runtime } from "../../src/runtime/create.js";
import { compileTogetherOnCuda, cudaDevice, cudaKernel, whyNoCuda } from "./cuda.js";

export type Tried = "interpreter" | "js" | "cpu" | "cuda";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/**
 * Thousands of kernels: compiled for speed of compilation, in long runs with the optimisation that users get. The disk cache
 * makes the next run of the same programs quick.
 */
const native: CpuBackend = createCpuBackend({
  cacheFolder: path.join(root, "build", "laws-kernels"),
  flags: CPP_FLAGS.map(flag => (flag === "-O3" && process.env["DOTCOMPUTE_LONG"] === undefined ? "-O1" : flag)),
  compileTimeLimit: 300_000,
  mostKernels: 1,
});

function tryCompiler(): string | null {
  if (!native.available) return native.reason;
  try {
    native.compile({ source: { kind: "range" }, scalars: [], arrays: [], body: [{ kind: "yield", values: [] }], sink: { kind: "count" } });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export const whyNoCpu: string | null = tryCompiler();

/** Why a backend cannot be tried here; null if it can. */
export const whyNot: Readonly<Record<Tried, string | null>> = { interpreter: null, js: null, cpu: whyNoCpu, cuda: whyNoCuda };

export const BACKENDS = (Object.keys(whyNot) as Tried[]).filter(backend => whyNot[backend] === null);

/** Those that compile for long. */
export const COMPILED = (["cpu", "cuda"] as const).filter(backend => whyNot[backend] === null);

const interpreted = (kernel: Kernel): CompiledKernel => ({
  backend: "js",
  kernel,
  run: call => interpret(kernel, call),
  start: async call => interpret(kernel, call),
});

const compiled = new WeakMap<Kernel, CompiledKernel>();

const nativeKernel = (kernel: Kernel): CompiledKernel => {
  const found = compiled.get(kernel) ?? native.compile(kernel);
  compiled.set(kernel, found);
  return found;
};

/** Compiles kernels in one translation unit, beside what this thread does. `batch`: its number. */
export async function compileTogether(backend: (typeof COMPILED)[number], kernels: readonly Kernel[], batch: number): Promise<void> {
  if (backend === "cuda") return compileTogetherOnCuda(kernels, batch);
  const missing = kernels.filter(kernel => !compiled.has(kernel));
  if (missing.length === 0) return;
  for (const [at, made] of (await native.compileBatchAsync(missing)).entries()) compiled.set(missing[at] as Kernel, made);
}

/** The backends behind the public API, for one runtime each, so that plans are made once per runtime and kernel. */
const batched = {
  available: true,
  reason: null,
  cached: (kernel: Kernel) => compiled.get(kernel) ?? null,
  compile: nativeKernel,
  compileAsync: async (kernel: Kernel) => nativeKernel(kernel),
};

export interface Runtimes {
  /** Runs `js`, `cpu` and `cuda`, as queries insist. */
  readonly product: Runtime;
  readonly interpreter: Runtime;
}

export const newRuntimes = (): Runtimes => ({
  product: runtimeOn({ log: () => undefined }, { js: createJsBackend, cpu: () => batched as never, cuda: () => cudaDevice }),
  interpreter: runtimeOn({ backend: "js" }, { js: () => ({ compile: interpreted }), cpu: () => batched as never }),
});

/** As users have it, but for CUDA, which runs where the tests run it. */
export const runtimeFor = (backend: Exclude<Tried, "interpreter">): Runtime =>
  backend === "cuda" ? runtimeOn({ backend, log: () => undefined }, { js: createJsBackend, cpu: () => batched as never, cuda: () => cudaDevice }) : createRuntime({ backend, log: () => undefined });

/** A kernel on a backend, without queries around it. */
export function compileOn(backend: Tried, kernel: Kernel): CompiledKernel {
  switch (backend) {
    case "interpreter":
      return interpreted(kernel);
    case "js":
      return createJsBackend().compile(kernel);
    case "cpu":
      return nativeKernel(kernel);
    case "cuda":
      return cudaKernel(kernel);
    default:
      return backend satisfies never;
  }
}
