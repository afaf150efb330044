/**
 * The CUDA backend: kernels as CUDA C, compiled by NVRTC for the device at hand, launched through the driver. All state belongs
 * to the backend's instance; the driver and NVRTC are opened when it is first asked for anything.
 */
import { BackendError } from "../../../fusion/errors.js";
import type { CodeOptions } from "../../../fusion/emit/code.js";
import { cudaFlagsOf, cudaPrelude, emitCuda, THREADS, type CudaProgram } from "../../../fusion/emit/cuda.js";
import type { Kernel, Sink } from "../../../fusion/ir.js";
import { printTitle } from "../../../fusion/print.js";
import { calledOrigin } from "../../../fusion/texts.js";
import { createDiskCache } from "../../cache/disk.js";
import { createMemoryCache } from "../../cache/memory.js";
import { Events } from "../../runtime/events.js";
import { loadAddon, NO_FOLDER, packageRoot } from "../cpu/load-addon.js";
import type { AcceleratorMemory } from "../accelerator.js";
import type { CompiledKernel } from "../backend.js";
import { Making } from "../making.js";
import { partsOf, wholeOf } from "../parts.js";
import { CudaCompiledKernel, Lanes } from "./compiled.js";
import { createCudaCompiler, openNvrtc, readCudaHeaders, targetFor, type CudaCompiler, type CudaTarget } from "./compiler.js";
import { chosen, openDriver, openNative, type CudaContext, type CudaDevice, type CudaFunction, type CudaModule, type CudaOptions } from "./driver.js";
import { CudaError } from "./errors.js";
import type { CodeForm } from "./native.js";
import type { LoadedProgram } from "./run.js";

export interface CudaBackendOptions extends CudaOptions {
  /** The device's number; 0 by default. */
  readonly device?: number | undefined;
  /** Where compiled kernels are kept, instead of $DOTCOMPUTE_CACHE, $XDG_CACHE_HOME/dotcompute or ~/.cache/dotcompute. */
  readonly cacheFolder?: string | undefined;
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
}

export interface CudaBackend {
  /** Whether there are a driver, a device and NVRTC, and the device has not been lost. */
  readonly available: boolean;
  /** Why it is not available; null if it is. */
  readonly reason: string | null;
  /** What kernels run on; null if there is none. */
  readonly device: CudaDevice | null;
  /** Its number. */
  readonly ordinal: number;
  readonly kind: "device";
  readonly readsBuffers: true;
  memory(): AcceleratorMemory | null;
  /** The kernel, if it is compiled already: in memory or on disk. */
  cached(kernel: Kernel): CompiledKernel | null;
  /** Compiles and waits. Throws BackendError. */
  compile(kernel: Kernel): CompiledKernel;
  /** Compiles on another thread; the same kernel only once at a time. */
  compileAsync(kernel: Kernel): Promise<CompiledKernel>;
  /** Many kernels as one program of NVRTC's: much faster than one by one. */
  compileBatch(kernels: readonly Kernel[]): CudaCompiledKernel[];
  compileBatchAsync(kernels: readonly Kernel[]): Promise<CudaCompiledKernel[]>;
}

const SYMBOL = "kernel";
const MOST_KERNELS = 512;
/** Long enough for transfers at full speed, short enough that the first is soon there. */
const CHUNK_BYTES = 16 * 2 ** 20;

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
      return typeof found === "string" ? null : found.context.device;
    },
    ordinal: options.device ?? 0,
    kind: "device",
    readsBuffers: true,
    memory: () => (reason() === null ? { ...needed().context.memory, pool: null } : null),
    cached(kernel) {
      if (reason() !== null) return null;
      const parts = partsOf("cuda", kernel).map(part => needed().cached(part));
      return parts.includes(null) ? null : wholeOf(kernel, parts as readonly CudaCompiledKernel[]);
    },
    compile: kernel => wholeOf(kernel, partsOf("cuda", kernel).map(part => needed().compile(part))),
    compileAsync: async kernel => wholeOf(kernel, await Promise.all(partsOf("cuda", kernel).map(part => needed().compileAsync(part)))),
    compileBatch: kernels => needed().compileBatch(kernels),
    compileBatchAsync: async kernels => needed().compileBatchAsync(kernels),
  };
}

/** Everything that is needed, or why it is not there. */
function openMachine(options: CudaBackendOptions): Machine | string {
  const root = packageRoot();
  if (root === null) return NO_FOLDER;
  const loaded = options.loaded ?? loadAddon(root);
  const { native, reason } = openNative(loaded);
  if (native === null) return reason;
  const { driver, reason: driverReason } = openDriver({ ...options, loaded });
  if (driver === null) return driverReason;
  const { nvrtc, reason: nvrtcReason } = openNvrtc(native, chosen(options.nvrtc, "DOTCOMPUTE_NVRTC"));
  if (nvrtc === null) return nvrtcReason;
  const context = driver.open(options.device ?? 0);
  const compiler = createCudaCompiler(native, nvrtc, createDiskCache({ folder: options.cacheFolder }), readCudaHeaders(root));
  const least = options.capability === undefined ? undefined : numberOf(options.capability);
  return new Machine(context, compiler, targetFor(context.device, nvrtc, options.form, least), loaded.addon?.pins === true, options);
}

/** `8.0` as NVRTC has it, 80. */
const numberOf = (capability: string): number => Number(capability.replace(".", ""));

/** Kernels as one source, and what each of them needs. */
interface Unit {
  readonly source: string;
  readonly flags: readonly string[];
  readonly parts: readonly { readonly kernel: Kernel; readonly program: CudaProgram }[];
}

/** A device with its compiler. */
class Machine {
  private readonly units = new WeakMap<Kernel, Unit>();
  /** Equal kernels of different queries share what was loaded. */
  private readonly memory;
  private readonly pending = new Map<string, Promise<CudaModule>>();
  private readonly lanes: Lanes;
  private readonly events: Events;

  constructor(
    readonly context: CudaContext,
    private readonly compiler: CudaCompiler,
    private target: CudaTarget,
    private readonly pins: boolean,
    private readonly options: CudaBackendOptions,
  ) {
    this.lanes = new Lanes(context);
    this.events = options.events ?? new Events();
    this.memory = createMemoryCache<CudaCompiledKernel>(options.mostKernels ?? MOST_KERNELS);
  }

  get lost(): string | null {
    const { lost } = this.context;
    return lost === null ? null : `the device was lost: ${lost}`;
  }

  cached(kernel: Kernel): CudaCompiledKernel | null {
    const unit = this.unitOf(kernel);
    const making = this.making(unit);
    const ready = this.memory.get(keyOf(unit, kernel));
    if (ready !== undefined) {
      making.found("memory");
      return ready;
    }
    const code = this.compiler.cached(unit.source, unit.flags, this.target);
    making.found(code === null ? null : "disk");
    if (code === null) return null;
    try {
      return this.keep(kernel, unit, this.loadCode(code));
    } catch (error) {
      if (this.lost !== null || !isRefused(error)) throw error;
      this.compiler.discard(unit.source, unit.flags, this.target); // sound by its checksum, but not for this driver
      return null;
    }
  }

  compile(kernel: Kernel): CudaCompiledKernel {
    const unit = this.unitOf(kernel);
    return this.memory.get(keyOf(unit, kernel)) ?? this.keep(kernel, unit, this.load(unit));
  }

  async compileAsync(kernel: Kernel): Promise<CudaCompiledKernel> {
    const unit = this.unitOf(kernel);
    const key = keyOf(unit, kernel);
    const ready = this.memory.get(key);
    if (ready !== undefined) return ready;
    let module = this.pending.get(unit.source);
    if (module === undefined) {
      module = this.loadLater(unit).finally(() => this.pending.delete(unit.source));
      this.pending.set(unit.source, module);
    }
    const loaded = await module;
    return this.memory.get(key) ?? this.keep(kernel, unit, loaded);
  }

  compileBatch(kernels: readonly Kernel[]): CudaCompiledKernel[] {
    const unit = this.unitOfAll(kernels);
    return this.kernelsOf(unit, this.load(unit));
  }

  async compileBatchAsync(kernels: readonly Kernel[]): Promise<CudaCompiledKernel[]> {
    const unit = this.unitOfAll(kernels);
    return this.kernelsOf(unit, await this.loadLater(unit));
  }

  private unitOf(kernel: Kernel): Unit {
    let unit = this.units.get(kernel);
    if (unit === undefined) this.units.set(kernel, (unit = this.unitOfAll([kernel])));
    return unit;
  }

  private unitOfAll(kernels: readonly Kernel[]): Unit {
    return this.events.phase("emit", "cuda", () => unitOfAll(kernels, this.options.code));
  }

  private making({ parts }: Unit): Making {
    return new Making(this.events, "cuda", parts.map(({ kernel }) => kernel));
  }

  private loadCode(code: Uint8Array): CudaModule {
    return this.events.phase("load", "cuda", () => this.context.load(code));
  }

  private keep(kernel: Kernel, unit: Unit, module: CudaModule): CudaCompiledKernel {
    const [compiled] = this.kernelsOf(unit, module) as [CudaCompiledKernel];
    this.memory.put(keyOf(unit, kernel), compiled);
    return compiled;
  }

  private load(unit: Unit): CudaModule {
    const making = this.making(unit);
    try {
      return this.loadCode(this.compiler.compile(unit.source, unit.flags, this.target, () => titleOf(unit), making));
    } catch (error) {
      const target = this.otherTarget(error);
      return this.loadCode(this.compiler.compile(unit.source, unit.flags, target, () => titleOf(unit), making));
    }
  }

  private async loadLater(unit: Unit): Promise<CudaModule> {
    const making = this.making(unit);
    try {
      const code = await this.compiler.compileLater(unit.source, unit.flags, this.target, () => titleOf(unit), making);
      return await making.within(() => this.events.phaseLater("load", "cuda", () => this.context.loadLater(code)));
    } catch (error) {
      const target = this.otherTarget(error);
      const code = await this.compiler.compileLater(unit.source, unit.flags, target, () => titleOf(unit), making);
      return making.within(() => this.events.phaseLater("load", "cuda", () => this.context.loadLater(code)));
    }
  }

  /** A driver that does not take the device's own code, because it is older than NVRTC or runs another device, may take PTX. Rethrows what that does not mend. */
  private otherTarget(error: unknown): CudaTarget {
    if (!isRefused(error) || this.options.form === "cubin" || this.target.form === "ptx") throw error;
    return (this.target = targetFor(this.context.device, this.compiler.nvrtc, "ptx"));
  }

  private kernelsOf(unit: Unit, module: CudaModule): CudaCompiledKernel[] {
    return unit.parts.map(({ kernel, program }) => new CudaCompiledKernel(kernel, this.loaded(kernel, program, module), this.lanes, this.pins));
  }

  private loaded(kernel: Kernel, program: CudaProgram, module: CudaModule): LoadedProgram {
    const functions = new Map<string, CudaFunction>(program.entries.map(name => [name, module.function(name)]));
    const occupancies = new Map<string, number>();
    const entry = (name: string): CudaFunction => functions.get(name) ?? module.function(name);
    return {
      kernel,
      program,
      context: this.context,
      entry,
      occupancy: name => {
        let blocks = occupancies.get(name);
        if (blocks === undefined) occupancies.set(name, (blocks = entry(name).occupancy(THREADS)));
        return blocks;
      },
      chunkBytes: this.options.chunkBytes ?? CHUNK_BYTES,
    };
  }
}

/** The same code serves captures of any name and both kinds of byte arrays; results and errors tell them apart. */
const keyOf = ({ source, flags }: Unit, kernel: Kernel): string =>
  JSON.stringify([source, flags, kernel.source, sinkKey(kernel.sink), kernel.arrays.map(({ element, origin }) => [element, calledOrigin(origin)])]);

/** What of a sink decides how a result is read, and need not show in the text. */
function sinkKey(sink: Sink): readonly unknown[] {
  switch (sink.kind) {
    case "array":
      return [sink.kind, sink.element];
    case "reduce":
      return [sink.kind, sink.type, sink.counted];
    case "fold":
      return [sink.kind, sink.type, sink.seed];
    case "first":
      return [sink.kind, sink.type, sink.ranked];
    case "last":
      return [sink.kind, sink.type];
    case "scan":
      return [sink.kind, sink.type, sink.element, sink.seed];
    case "count":
      return [sink.kind];
    case "several":
      return [sink.kind, sink.sinks];
    default:
      return sink satisfies never;
  }
}

const titleOf = ({ parts }: Unit): string => (parts.length === 1 ? printTitle((parts[0] as Unit["parts"][number]).kernel) : `${parts.length} kernels`);

function unitOfAll(kernels: readonly Kernel[], code: CodeOptions | undefined): Unit {
  const parts = kernels.map((kernel, place) => ({ kernel, program: emitCuda(kernel, { symbol: kernels.length === 1 ? SYMBOL : `${SYMBOL}_${place}` }) }));
  return { source: cudaPrelude + parts.map(({ program }) => program.text).join("\n"), flags: cudaFlagsOf(kernels, code), parts };
}

/** Whether a driver does not take code, and not for want of memory. */
const isRefused = (error: unknown): boolean => error instanceof CudaError && error.call === "cuModuleLoadDataEx" && error.kind === "programmer";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
