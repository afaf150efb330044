/** The GPU of this machine, opened as the library opens it: its driver, the device, NVRTC; or why there is none to check. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createCudaCompiler, openNvrtc, readCudaHeaders, targetFor, type CudaCompiler, type CudaTarget, type OpenedNvrtc } from "../../src/backends/cuda/compiler.js";
import { chosen, openDriver, openNative, type CudaContext, type CudaDriver } from "../../src/backends/cuda/driver.js";
import { createKernelCache } from "../../src/cache/kernels.js";
import { DEVICE_NAME } from "../cuda-driver/driver.js";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
/** Of kernels. */
export const CACHE = path.join(ROOT, "build", "gpu-kernels");

export interface Machine {
  readonly driver: CudaDriver;
  readonly context: CudaContext;
  readonly nvrtc: OpenedNvrtc;
  readonly compiler: CudaCompiler;
  readonly target: CudaTarget;
  /** The driver is that of the tests, which interprets PTX: no GPU. */
  readonly isStandIn: boolean;
}

export function openMachine(): Machine | { readonly reason: string } {
  try {
    const { native, reason } = openNative();
    if (native === null) return { reason };
    const { driver, reason: noDriver } = openDriver();
    if (driver === null) return { reason: noDriver };
    if (driver.devices.length === 0) return { reason: `the CUDA driver ${driver.path} has no device` };
    const { nvrtc, reason: noNvrtc } = openNvrtc(native, chosen(undefined, "DOTCOMPUTE_NVRTC"));
    if (nvrtc === null) return { reason: noNvrtc };
    const context = driver.open(0);
    const isStandIn = context.device.name === DEVICE_NAME;
    const compiler = createCudaCompiler(native, nvrtc, createKernelCache({ place: { folder: CACHE } }), readCudaHeaders(ROOT));
    // The stand-in reads no machine code.
    return { driver, context, nvrtc, compiler, isStandIn, target: targetFor(context.device, nvrtc, isStandIn ? "ptx" : undefined) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

const GIB = 2 ** 30;

/** Lines of a name and what is known of it. */
export function describeMachine({ driver, context, nvrtc, target, isStandIn }: Machine): readonly (readonly [string, string])[] {
  const { name, major, minor, multiprocessors } = context.device;
  const { free, total } = context.memory;
  const version = `${Math.floor(driver.version / 1000)}.${Math.floor((driver.version % 1000) / 10)}`;
  const others = driver.devices.length === 1 ? "" : ` (the first of ${driver.devices.length})`;
  const why = isStandIn ? "the only code that this driver reads" : "which the driver compiles, as this NVRTC does not know the device";
  const code = target.form === "cubin" ? `${target.architecture}, the device's own` : `PTX for ${target.architecture}, ${why}`;
  return [
    ["driver", `${driver.path}, for CUDA ${version}`],
    ["device", `${name}${others}: compute capability ${major}.${minor}, ${multiprocessors} multiprocessors, ${(free / GIB).toFixed(1)} of ${(total / GIB).toFixed(1)} GiB free`],
    ["NVRTC", `${nvrtc.major}.${nvrtc.minor}, ${nvrtc.path}`],
    ["code", code],
  ];
}
