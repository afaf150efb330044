/** Kernels compiled and loaded for one device or several: each source once for all that are alike. */
import { BackendError } from "../../../fusion/errors.js";
import type { CodeOptions } from "../../../fusion/emit/code.js";
import { cudaFlagsOf, cudaPrelude, emitCuda, THREADS, type CudaProgram } from "../../../fusion/emit/cuda.js";
import type { Kernel, Sink } from "../../../fusion/ir.js";
import { printTitle } from "../../../fusion/print.js";
import { calledOrigin } from "../../../fusion/texts.js";
import type { KernelCache } from "../../cache/kernels.js";
import { Remembered } from "../../memory/remembered.js";
import { Events } from "../../runtime/events.js";
import { Making } from "../making.js";
import type { CudaBackendOptions, LeftOut } from "./backend.js";
import { CudaCompiledKernel } from "./compiled.js";
import { targetFor, type CudaCompiler, type CudaTarget } from "./compiler.js";
import type { CudaContext, CudaFunction, CudaModule } from "./driver.js";
import { CudaError } from "./errors.js";
import type { Lanes } from "./lanes.js";
import type { LoadedProgram } from "./part.js";

const SYMBOL = "kernel";
/** Long enough for transfers at full speed, short enough that the first is soon there. */
const CHUNK_BYTES = 16 * 2 ** 20;
/** Fewer elements are sooner worked on than divided. */
const LEAST_SHARE = 2 ** 18;

/** Kernels as one source, and what each of them needs. */
interface Unit {
  readonly source: string;
  readonly flags: readonly string[];
  readonly parts: readonly { readonly kernel: Kernel; readonly program: CudaProgram }[];
}

/** A device, and what is compiled for it. */
export interface Site {
  readonly context: CudaContext;
  readonly lanes: Lanes;
  target: CudaTarget;
}

/** Devices with their compiler. */
export class Machine {
  private readonly units = new WeakMap<Kernel, Unit>();
  /** Equal kernels of different queries share what was loaded. */
  private readonly memory;
  private readonly pending = new Map<string, Promise<readonly CudaModule[]>>();
  private readonly events: Events;
  /** What has been loaded: modules and their functions. */
  private readonly loads = new Remembered<CudaModule | CudaFunction>();

  constructor(
    /** In the order in which they take part in runs. */
    readonly sites: readonly [Site, ...Site[]],
    private readonly compiler: CudaCompiler,
    private readonly pins: boolean,
    private readonly options: CudaBackendOptions,
    cache: KernelCache,
    /** Devices that were asked for, and could not be opened. */
    private readonly leftOut: readonly LeftOut[],
  ) {
    this.events = options.events ?? new Events();
    this.memory = cache.memory<CudaCompiledKernel>(options.mostKernels);
  }

  /** Those that are not lost. */
  get there(): readonly Site[] {
    return this.sites.filter(({ context }) => context.lost === null);
  }

  /** Why nothing runs any more; null if something does. */
  get lost(): string | null {
    const lost = this.sites.map(({ context }) => context.lost);
    if (lost.includes(null)) return null;
    return lost.length === 1 ? `the device was lost: ${lost[0]}` : `all devices were lost, the first because: ${lost[0]}`;
  }

  /** Which of the devices it does without, and why; null if it has all, or none. */
  get lacks(): string | null {
    if (this.lost !== null) return null;
    const without = this.leftOut.map(({ device, reason }) => `device ${device} is left out: ${reason}`);
    const lost = this.sites.flatMap(({ context }) => (context.lost === null ? [] : [`device ${context.ordinal} was lost: ${context.lost}`]));
    return without.length + lost.length === 0 ? null : [...without, ...lost].join("; ");
  }

  /** Gives back what it holds: nothing runs any more. */
  end(): void {
    this.memory.clear();
    for (const { lanes } of this.there) {
      lanes.fleet.dropCopies();
      lanes.end();
    }
    for (const part of this.loads.take()) {
      try {
        part.release();
      } catch {
        // Its device is lost, with all that it held.
      }
    }
  }

  cached(kernel: Kernel): CudaCompiledKernel | null {
    const unit = this.unitOf(kernel);
    const making = this.making(unit);
    const ready = this.memory.get(keyOf(unit, kernel));
    if (ready !== undefined) {
      making.found("memory");
      return ready;
    }
    const sites = this.there;
    const codes = sites.map(({ target }) => this.compiler.cached(unit.source, unit.flags, target));
    making.found(codes.includes(null) ? null : "disk");
    if (codes.includes(null)) return null;
    const modules: CudaModule[] = [];
    for (const [at, site] of sites.entries()) {
      try {
        modules.push(this.loadCode(site, codes[at] as Uint8Array));
      } catch (error) {
        if (site.context.lost !== null || !isRefused(error)) throw error;
        this.compiler.discard(unit.source, unit.flags, site.target); // sound by its checksum, but not for this driver
        return null;
      }
    }
    return this.keep(kernel, unit, modules);
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
    let modules = this.pending.get(unit.source);
    if (modules === undefined) {
      modules = this.loadLater(unit).finally(() => this.pending.delete(unit.source));
      this.pending.set(unit.source, modules);
    }
    const loaded = await modules;
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

  private loadCode({ context }: Site, code: Uint8Array): CudaModule {
    return this.noted(this.events.phase("load", "cuda", () => context.load(code)));
  }

  /** Given back at the end, also if what was to be made of it is never complete. */
  private noted<Thing extends CudaModule | CudaFunction>(thing: Thing): Thing {
    this.loads.add(thing);
    return thing;
  }

  private keep(kernel: Kernel, unit: Unit, modules: readonly CudaModule[]): CudaCompiledKernel {
    const [compiled] = this.kernelsOf(unit, modules) as [CudaCompiledKernel];
    this.memory.put(keyOf(unit, kernel), compiled, modules.reduce((sum, { bytes }) => sum + bytes, 0));
    return compiled;
  }

  /** For each device; what is compiled for one serves the others that are like it. */
  private load(unit: Unit): readonly CudaModule[] {
    const making = this.making(unit);
    return this.there.map(site => {
      const compile = (): CudaModule => this.loadCode(site, this.compiler.compile(unit.source, unit.flags, site.target, () => titleOf(unit), making));
      try {
        return compile();
      } catch (error) {
        this.takeOtherTarget(site, error);
        return compile();
      }
    });
  }

  private async loadLater(unit: Unit): Promise<readonly CudaModule[]> {
    const making = this.making(unit);
    const modules: CudaModule[] = [];
    for (const site of this.there) {
      const compile = async (): Promise<CudaModule> => {
        const code = await this.compiler.compileLater(unit.source, unit.flags, site.target, () => titleOf(unit), making);
        return this.noted(await making.within(() => this.events.phaseLater("load", "cuda", () => site.context.loadLater(code))));
      };
      try {
        modules.push(await compile());
      } catch (error) {
        // What another machine has made is compiled here; else another form of code may do.
        if (!isRefused(error) || !this.compiler.discard(unit.source, unit.flags, site.target)) this.takeOtherTarget(site, error);
        modules.push(await compile());
      }
    }
    return modules;
  }

  /** A driver that does not take the device's own code, because it is older than NVRTC or runs another device, may take PTX. Rethrows what that does not mend. */
  private takeOtherTarget(site: Site, error: unknown): void {
    if (!isRefused(error) || this.options.form === "cubin" || site.target.form === "ptx") throw error;
    site.target = targetFor(site.context.device, this.compiler.nvrtc, "ptx");
  }

  private kernelsOf(unit: Unit, modules: readonly CudaModule[]): CudaCompiledKernel[] {
    return unit.parts.map(({ kernel, program }) => {
      const stations = modules.map(module => ({ loaded: this.loaded(kernel, program, module), lanes: this.siteOf(module).lanes }));
      return new CudaCompiledKernel(kernel, stations, this.pins, this.options.leastShare ?? LEAST_SHARE);
    });
  }

  private siteOf(module: CudaModule): Site {
    return this.sites.find(({ context }) => context === module.context) ?? this.sites[0];
  }

  private loaded(kernel: Kernel, program: CudaProgram, module: CudaModule): LoadedProgram {
    const functions = new Map<string, CudaFunction>(program.entries.map(name => [name, this.noted(module.function(name))]));
    const occupancies = new Map<string, number>();
    const entry = (name: string): CudaFunction => functions.get(name) ?? module.function(name);
    return {
      kernel,
      program,
      context: module.context,
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
    case "stores":
      return [sink.kind, sink.order];
    case "several":
      return [sink.kind, sink.sinks];
    default:
      return sink satisfies never;
  }
}

const titleOf = ({ parts }: Unit): string => (parts.length === 1 ? printTitle((parts[0] as Unit["parts"][number]).kernel) : `${parts.length} kernels`);

function unitOfAll(kernels: readonly Kernel[], code: CodeOptions | undefined): Unit {
  if (kernels.some(({ sink }) => sink.kind === "stores" && sink.order === "ascending")) throw new BackendError("DC402", "its indices run one after the other, and a device runs many at once");
  const parts = kernels.map((kernel, place) => ({ kernel, program: emitCuda(kernel, { symbol: kernels.length === 1 ? SYMBOL : `${SYMBOL}_${place}` }) }));
  return { source: cudaPrelude + parts.map(({ program }) => program.text).join("\n"), flags: cudaFlagsOf(kernels, code), parts };
}

/** Whether a driver does not take code, and not for want of memory. */
const isRefused = (error: unknown): boolean => error instanceof CudaError && error.call === "cuModuleLoadDataEx" && error.kind === "programmer";
