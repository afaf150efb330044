/**
 * The cuda backend among those that programs are compared on: on the stand-in driver (test/cuda-driver) with another schedule for
 * each batch of programs, or with DOTCOMPUTE_TEST_GPU=1 on this machine's driver and device, which must then be there.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Kernel } from "../../fusion/ir.js";
import type { CompiledKernel } from "../../src/backends/backend.js";
import { createCudaBackend, type CudaBackend, type CudaBackendOptions } from "../../src/backends/cuda/backend.js";
import type { StandIn } from "../native/cuda-stand-in.js";

const ON_GPU = process.env["DOTCOMPUTE_TEST_GPU"] === "1";
// Once it is loaded, the linker takes it for the system's library of that name.
const standIns = ON_GPU ? null : await import("../native/cuda-stand-in.js");
const CACHE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../build/laws-cuda-kernels");

/** Who runs when, on the stand-in. A device has its own. */
const SCHEDULES: readonly Readonly<{ told: string; settings: Readonly<Record<string, number | boolean>> }>[] = [
  { told: "in order", settings: {} },
  ...[1, 2, 3, 4, 5].map(seed => ({ told: `warps and blocks at random, seed ${String(seed)}`, settings: { random: true, seed } })),
  { told: "deferred", settings: { deferred: true } },
];
/** Every second batch: most inputs of more than 1024 elements go through the device in several pieces. */
const CHUNK_BYTES = 8192;
const CHUNKINGS: readonly CudaBackendOptions[] = [{}, { chunkBytes: CHUNK_BYTES }];

interface Machine {
  /** One for each of CHUNKINGS. */
  readonly backends: readonly CudaBackend[];
  /** Null for what may be a GPU. */
  readonly standIn: StandIn | null;
}

function newMachine(): Machine {
  const standIn = standIns === null ? null : standIns.newStandIn();
  const make = standIn === null ? createCudaBackend : standIn.backend;
  return { standIn, backends: CHUNKINGS.map(chunking => make({ cacheFolder: CACHE, ...chunking })) };
}

const unavailable = standIns === null ? null : standIns.unavailable;
let machine: Machine | null = unavailable === null ? newMachine() : null;
let turn = 0;
let compiled = new WeakMap<Kernel, CompiledKernel>();

/** Why there is nothing to try; null if there is. */
export const whyNoCuda: string | null = machine === null ? unavailable : backendNow().reason;

if (ON_GPU && whyNoCuda !== null) throw new Error(`DOTCOMPUTE_TEST_GPU=1 is for machines with an NVIDIA GPU, its driver and NVRTC: ${whyNoCuda}`);

function machineNow(): Machine {
  if (machine === null) throw new Error(`there is no cuda backend: ${String(unavailable)}`);
  return machine;
}

function backendNow(): CudaBackend {
  return machineNow().backends[turn % CHUNKINGS.length] as CudaBackend;
}

const scheduleNow = (): (typeof SCHEDULES)[number] => SCHEDULES[turn % SCHEDULES.length] as (typeof SCHEDULES)[number];

/** What is compiled and run from now on has the next schedule, or after the last the first again. */
export function takeTurn(next: number): void {
  turn = next;
  machine?.standIn?.driver.configure({ random: false, deferred: false, ...scheduleNow().settings });
}

/** What runs kernels, and how. */
export function cudaInWords(): string {
  const { backends, standIn } = machineNow();
  const chunked = turn % CHUNKINGS.length === 0 ? "" : `, in chunks of ${String(CHUNK_BYTES)} bytes`;
  return `${backends[0]?.device?.name ?? "a device that is lost"}${standIn === null ? "" : `, ${scheduleNow().told}`}${chunked}`;
}

/** What there is to know of all batches. */
export const cudaSchedules = (): string => {
  const { backends, standIn } = machineNow();
  return `${backends[0]?.device?.name ?? "no device"}${standIn === null ? "" : `, ${String(SCHEDULES.length)} schedules in turn`}`;
};

/** What the stand-in says of the last kernel that ended badly. */
export const lastFault = (): string => machine?.standIn?.driver.lastFault() ?? "";

/** After a device was lost: whether there is another. */
export function cudaGoesOn(): boolean {
  const { backends, standIn } = machineNow();
  if (backends.every(backend => backend.available)) return true;
  if (standIn === null) return false;
  machine = newMachine();
  compiled = new WeakMap();
  takeTurn(turn);
  return true;
}

const compiledNow = (kernel: Kernel): CompiledKernel => {
  const found = compiled.get(kernel) ?? backendNow().compile(kernel);
  compiled.set(kernel, found);
  return found;
};

/** The kernel on the machine of the moment: runtimes keep it for longer than a device that is lost. */
export function cudaKernel(kernel: Kernel): CompiledKernel {
  compiledNow(kernel);
  return { backend: "cuda", kernel, run: call => compiledNow(kernel).run(call), start: async (call, signal) => compiledNow(kernel).start(call, signal) };
}

/** Compiles kernels as one program of NVRTC's, on another thread. `turn`: of the batch that they are for. */
export async function compileTogetherOnCuda(kernels: readonly Kernel[], forTurn: number): Promise<void> {
  const missing = kernels.filter(kernel => !compiled.has(kernel));
  if (missing.length === 0) return;
  const made = await (machineNow().backends[forTurn % CHUNKINGS.length] as CudaBackend).compileBatchAsync(missing);
  missing.forEach((kernel, place) => compiled.set(kernel, made[place] as CompiledKernel));
}

/** As the runtime takes it. */
export const cudaDevice = {
  get available(): boolean {
    return machine !== null && backendNow().available;
  },
  get reason(): string | null {
    return machine === null ? unavailable : backendNow().reason;
  },
  get device(): CudaBackend["device"] {
    return machine === null ? null : backendNow().device;
  },
  cached: (kernel: Kernel): CompiledKernel | null => (compiled.has(kernel) ? cudaKernel(kernel) : null),
  compile: cudaKernel,
  compileAsync: async (kernel: Kernel): Promise<CompiledKernel> => cudaKernel(kernel),
};
