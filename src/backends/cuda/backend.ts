/**
 * The CUDA backend: kernels as CUDA C, compiled by NVRTC for the device at hand, launched through the driver. All state belongs
 * to the backend's instance; the driver and NVRTC are opened when it is first asked for anything.
 */
import { BackendError } from "../../../fusion/errors.js";
import type { CodeOptions } from "../../../fusion/emit/code.js";
import type { Kernel } from "../../../fusion/ir.js";
import { messageOf } from "../../../fusion/thrown.js";
import { createKernelCache, type KernelCache } from "../../cache/kernels.js";
import type { Events } from "../../runtime/events.js";
import { NO_FOLDER, ownAddon, ownRoot } from "../cpu/load-addon.js";
import type { AcceleratorMemory } from "../accelerator.js";
import type { CompiledKernel } from "../backend.js";
import { partsOf, wholeOf } from "../parts.js";
import type { CudaCompiledKernel } from "./compiled.js";
import { createCudaCompiler, openNvrtc, readCudaHeaders, targetFor } from "./compiler.js";
import { devicesOf, type Device } from "./devices.js";
import { chosen, openDriver, openNative, type CudaDevice, type CudaOptions } from "./driver.js";
import { Fleet, Lanes } from "./lanes.js";
import { Machine, type Site } from "./machine.js";
import type { CodeForm } from "./native.js";
import { undividedReason } from "./shares.js";

export interface CudaBackendOptions extends CudaOptions {
  /** The device's number; 0 by default. */
  readonly device?: number | undefined;
  /** Instead of one: the numbers of several, which share what can be divided. The first runs what cannot. */
  readonly devices?: readonly number[] | undefined;
  /** Where compiled kernels are kept, instead of $DOTCOMPUTE_CACHE, $XDG_CACHE_HOME/dotcompute or ~/.cache/dotcompute. */
  readonly cacheFolder?: string | undefined;
  /** The runtime's, instead of one in that folder. */
  readonly cache?: KernelCache | undefined;
  /** How many loaded kernels are kept at hand. */
  readonly mostKernels?: number | undefined;
  /** How kernels are compiled. */
  readonly code?: CodeOptions | undefined;
  /** Kernels for all devices from this compute capability on, instead of for the one at hand. */
  readonly capability?: string | undefined;
  /** Always this form of code, instead of the device's own where NVRTC can make it. */
  readonly form?: CodeForm | undefined;
  /** Who is told what is looked for, emitted, compiled and loaded. */
  readonly events?: Events | undefined;
  /** Bytes of a chunk that larger inputs go through the device by. */
  readonly chunkBytes?: number | undefined;
  /** Bytes of each device that may be in use. */
  readonly memoryBytes?: number | undefined;
  /** A device's share of a run has at least so many elements. */
  readonly leastShare?: number | undefined;
  /** Is told of each of several devices that cannot be used, when the first is needed: the others do without it. */
  readonly leaveOut?: ((one: LeftOut) => void) | undefined;
}

/** A device that was asked for, beside others, and cannot be used. */
export interface LeftOut {
  readonly device: number;
  readonly reason: string;
}

export interface CudaBackend {
  /** Whether there are a driver, a device and NVRTC, and the device has not been lost. */
  readonly available: boolean;
  /** Why it is not available; null if it is. */
  readonly reason: string | null;
  /** What kernels run on; null if there is none. Of several, the first that is there. */
  readonly device: CudaDevice | null;
  /** Which of several devices it does without, and why; null if it has all. */
  readonly lacks: string | null;
  readonly kind: "device";
  readonly readsBuffers: true;
  memory(): AcceleratorMemory | null;
  /** All of them. */
  devices(): readonly Device[];
  /** Where a kernel runs, to be read in a sentence. */
  inWords(kernel: Kernel): string;
  /** The kernel, if it is compiled already: in memory or on disk. */
  cached(kernel: Kernel): CompiledKernel | null;
  /** Compiles and waits. Throws BackendError. */
  compile(kernel: Kernel): CompiledKernel;
  /** Compiles on another thread; the same kernel only once at a time. */
  compileAsync(kernel: Kernel): Promise<CompiledKernel>;
  /** Many kernels as one program of NVRTC's: much faster than one by one. */
  compileBatch(kernels: readonly Kernel[]): CudaCompiledKernel[];
  compileBatchAsync(kernels: readonly Kernel[]): Promise<CudaCompiledKernel[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createCudaBackend(options: CudaBackendOptions = {}): CudaBackend {
  let opened: Machine | string | null = null;
  const machine = (): Machine | string => {
    if (opened === null) {
      try {
        opened = openMachine(options);
      } catch (error) {
        opened = messageOf(error);
      }
    }
    return opened;
  };
  const reason = (): string | null => {
    const found = machine();
    return typeof found === "string" ? found : found.lost;
  };
  const needed = (): Machine => {
    const found = machine();
    const why = reason();
    if (typeof found === "string" || why !== null) throw new BackendError("DC402", `CUDA cannot be used: ${why}`);
    return found;
  };
  return {
    get available() {
      return reason() === null;
    },
    get reason() {
      return reason();
    },
    get device() {
      const found = machine();
      return typeof found === "string" ? null : (found.there[0] ?? found.sites[0]).context.device;
    },
    get lacks() {
      const found = machine();
      return typeof found === "string" ? null : found.lacks;
    },
    kind: "device",
    readsBuffers: true,
    memory: () => {
      if (reason() !== null) return null;
      const { memory, usage } = (needed().there[0] as Site).context;
      return { ...memory, pool: usage };
    },
    devices() {
      const found = machine();
      return typeof found === "string" ? [] : devicesOf(found.sites.map(({ context }) => context), found.sites[0].lanes.fleet);
    },
    inWords: kernel => whereInWords(needed().there, kernel),
    cached(kernel) {
      if (reason() !== null) return null;
      const parts = partsOf("cuda", kernel).map(part => needed().cached(part));
      return parts.includes(null) ? null : wholeOf(kernel, parts as readonly CudaCompiledKernel[]);
    },
    compile: kernel => wholeOf(kernel, partsOf("cuda", kernel).map(part => needed().compile(part))),
    compileAsync: async kernel => wholeOf(kernel, await Promise.all(partsOf("cuda", kernel).map(part => needed().compileAsync(part)))),
    compileBatch: kernels => needed().compileBatch(kernels),
    compileBatchAsync: async kernels => needed().compileBatchAsync(kernels),
    async [Symbol.asyncDispose]() {
      // What nobody has asked for holds nothing; what is lost gives nothing back.
      if (opened !== null && typeof opened !== "string" && opened.lost === null) opened.end();
    },
  };
}

/** Everything that is needed, or why it is not there. */
function openMachine(options: CudaBackendOptions): Machine | string {
  const root = ownRoot();
  if (root === null) return NO_FOLDER;
  const loaded = options.loaded ?? ownAddon();
  const { native, reason } = openNative(loaded);
  if (native === null) return reason;
  const { driver, reason: driverReason } = openDriver({ ...options, loaded });
  if (driver === null) return driverReason;
  const { nvrtc, reason: nvrtcReason } = openNvrtc(native, chosen(options.nvrtc, "DOTCOMPUTE_NVRTC"));
  if (nvrtc === null) return nvrtcReason;
  const fleet = new Fleet();
  const least = options.capability === undefined ? undefined : numberOf(options.capability);
  const siteOf = (ordinal: number): Site => {
    const context = driver.open(ordinal);
    if (options.memoryBytes !== undefined) context.allow(options.memoryBytes);
    return { context, lanes: new Lanes(context, fleet), target: targetFor(context.device, nvrtc, options.form, least) };
  };
  const [sites, leftOut] = options.devices === undefined ? [[siteOf(options.device ?? 0)], []] : thoseThatOpen(options.devices, siteOf);
  if (sites.length === 0) return `none of the devices can be used: ${leftOut.map(({ device, reason }) => `device ${device}: ${reason}`).join("; ")}`;
  for (const one of leftOut) options.leaveOut?.(one);
  const cache = options.cache ?? createKernelCache({ place: { folder: options.cacheFolder } });
  const compiler = createCudaCompiler(native, nvrtc, cache, readCudaHeaders(root));
  return new Machine(sites as [Site, ...Site[]], compiler, loaded.addon?.pins === true, options, cache, leftOut);
}

function thoseThatOpen(ordinals: readonly number[], siteOf: (ordinal: number) => Site): readonly [Site[], LeftOut[]] {
  const sites: Site[] = [];
  const leftOut: LeftOut[] = [];
  for (const device of ordinals) {
    try {
      sites.push(siteOf(device));
    } catch (error) {
      leftOut.push({ device, reason: messageOf(error) });
    }
  }
  return [sites, leftOut];
}

/** `8.0` as NVRTC has it, 80. */
const numberOf = (capability: string): number => Number(capability.replace(".", ""));

function whereInWords(sites: readonly Site[], kernel: Kernel): string {
  const [first, ...others] = sites.map(({ context }) => context) as [Site["context"], ...Site["context"][]];
  if (others.length === 0) return `on ${first.ordinal === 0 ? "" : `device ${first.ordinal}, `}${first.device.name}`;
  const reason = undividedReason(kernel);
  if (reason !== null) return `on device ${first.ordinal} of ${sites.length}, ${first.device.name}, for ${reason}`;
  const numbers = [first, ...others].map(({ ordinal }) => ordinal);
  const names = [...new Set([first, ...others].map(({ device }) => device.name))];
  return `divided among devices ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}, ${names.join(", ")}`;
}

