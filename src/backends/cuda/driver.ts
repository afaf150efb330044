/** The CUDA driver with its devices, typed: what the addon gives as numbers are objects here, given back when they are collected. */
import type { AnyTypedArray } from "../../../fusion/values.js";
import { messageOf } from "../../../fusion/thrown.js";
import { ownAddon, type LoadedAddon } from "../cpu/load-addon.js";
import { guarded, guardedLater } from "./errors.js";
import { nativeCuda, type Extent, type Handle, type NativeCuda, type NativeDevice, type NativeFunction, type NativeUsage } from "./native.js";

export interface CudaOptions {
  /** The driver's library, instead of $DOTCOMPUTE_CUDA_DRIVER or the system's libcuda. */
  readonly driver?: string | undefined;
  /** NVRTC's library, instead of $DOTCOMPUTE_NVRTC or the newest libnvrtc that the system finds. */
  readonly nvrtc?: string | undefined;
  /** Instead of loading the addon. @internal */
  readonly loaded?: LoadedAddon | undefined;
}

/** A started driver, or why there is none. */
export type OpenedDriver = { readonly driver: CudaDriver; readonly reason: null } | { readonly driver: null; readonly reason: string };

/** An option, else an environment variable, else null; empty texts count as none. */
export const chosen = (option: string | undefined, variable: string): string | null => option || process.env[variable] || null;

/** The addon's CUDA half, or why there is none. */
export function openNative(loaded: LoadedAddon = ownAddon()): { readonly native: NativeCuda; readonly reason: null } | { readonly native: null; readonly reason: string } {
  if (loaded.addon === null) return { native: null, reason: loaded.reason };
  const native = nativeCuda(loaded.addon);
  return native === null ? { native, reason: "the native addon was built without its CUDA half; to build it anew: node scripts/build-addon.mjs" } : { native, reason: null };
}

/** Why a library cannot be used, and what to do where it was not found. */
export const orName = (reason: string, what: string, option: string, variable: string): string =>
  reason.includes("cannot be opened") ? `${reason}. Install ${what}, or name its library in $${variable} or createRuntime({ cuda: { ${option} } })` : reason;

export function openDriver(options: CudaOptions = {}): OpenedDriver {
  const { native, reason } = openNative(options.loaded);
  if (native === null) return { driver: null, reason };
  try {
    const opened = native.openDriver(chosen(options.driver, "DOTCOMPUTE_CUDA_DRIVER"));
    if (opened.reason !== null) return { driver: null, reason: orName(opened.reason, "NVIDIA's driver", "driver", "DOTCOMPUTE_CUDA_DRIVER") };
    return { driver: new CudaDriver(native, opened.driver, opened.path, opened.version), reason: null };
  } catch (error) {
    return { driver: null, reason: messageOf(error) };
  }
}

export class CudaDriver {
  /** As of when it was opened. */
  readonly devices: readonly CudaDevice[];

  constructor(
    private readonly native: NativeCuda,
    private readonly handle: Handle,
    readonly path: string,
    /** 13000: it is for CUDA 13.0. */
    readonly version: number,
  ) {
    this.devices = guarded(() => native.devices(handle));
  }

  /** The device's context, one for all who ask. */
  open(ordinal: number): CudaContext {
    const device = this.devices[ordinal];
    if (device === undefined) throw new RangeError(`There is no CUDA device ${ordinal}: the driver has ${this.devices.length}`);
    return new CudaContext(this.native, guarded(() => this.native.context(this.handle, ordinal)), device, ordinal);
  }
}

export type CudaDevice = NativeDevice;

/** Gives back what was collected. It must not hold on to the thing itself. */
const collected = new FinalizationRegistry<{ readonly native: NativeCuda; readonly handle: Handle }>(({ native, handle }) => {
  try {
    native.release(handle);
  } catch {
    // The environment is ending, and gives everything back.
  }
});

/** Something of the driver's that is given back once: now, or when it is collected. */
abstract class Owned {
  protected constructor(
    protected readonly native: NativeCuda,
    readonly handle: Handle,
  ) {
    collected.register(this, { native, handle }, this);
  }

  /** Commands that were given before still run. */
  release(): void {
    collected.unregister(this);
    guarded(() => this.native.release(this.handle));
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

export class CudaContext {
  constructor(
    private readonly native: NativeCuda,
    private readonly handle: Handle,
    readonly device: CudaDevice,
    /** The device's number. */
    readonly ordinal: number,
  ) {}

  /** Why it can no longer be used; null if it can. */
  get lost(): string | null {
    return this.native.lost(this.handle);
  }

  get memory(): { readonly free: number; readonly total: number } {
    return guarded(() => this.native.memory(this.handle));
  }

  get usage(): NativeUsage {
    return this.native.usage(this.handle);
  }

  /** There are never more bytes in use. */
  allow(bytes: number): void {
    guarded(() => this.native.allow(this.handle, bytes));
  }

  /** The driver keeps at most so many bytes that are not in use. */
  limit(bytes: number): void {
    guarded(() => this.native.limit(this.handle, bytes));
  }

  /** Gives back what the driver keeps. */
  trim(): void {
    guarded(() => this.native.trim(this.handle));
  }

  canReach(peer: CudaContext): boolean {
    return guarded(() => this.native.canReach(this.handle, peer.handle));
  }

  /** Lets the device use the peer's memory. Throws CudaError if it may not. */
  reach(peer: CudaContext): void {
    guarded(() => this.native.reach(this.handle, peer.handle));
  }

  /** Commands of different streams may overlap. */
  stream(): CudaStream {
    return new CudaStream(this.native, guarded(() => this.native.stream(this.handle)), this);
  }

  /** CUBIN or PTX. */
  load(image: Uint8Array): CudaModule {
    return new CudaModule(this.native, guarded(() => this.native.module(this.handle, image)), this, image.length);
  }

  async loadLater(image: Uint8Array): Promise<CudaModule> {
    return new CudaModule(this.native, await guardedLater(this.native.moduleLater(this.handle, image)), this, image.length);
  }

  event(options: { readonly timed?: boolean } = {}): CudaEvent {
    return new CudaEvent(this.native, guarded(() => this.native.event(this.handle, options.timed === true)));
  }

  flag(): CudaFlag {
    const { flag, address } = guarded(() => this.native.flag(this.handle));
    return new CudaFlag(this.native, flag, address);
  }
}

export class CudaModule extends Owned {
  constructor(
    native: NativeCuda,
    handle: Handle,
    readonly context: CudaContext,
    /** Of its code. */
    readonly bytes: number,
  ) {
    super(native, handle);
  }

  /** Throws CudaError if it has none of that name. */
  function(name: string): CudaFunction {
    return new CudaFunction(this.native, guarded(() => this.native.function(this.handle, name)));
  }
}

/** Keeps its module. */
export class CudaFunction extends Owned {
  constructor(
    native: NativeCuda,
    readonly attributes: NativeFunction,
  ) {
    super(native, attributes.function);
  }

  /** How many blocks of so many threads a multiprocessor runs at a time. */
  occupancy(blockThreads: number, dynamicSharedBytes = 0): number {
    return guarded(() => this.native.occupancy(this.handle, blockThreads, dynamicSharedBytes));
  }

  /** For launches with more dynamic shared memory than every device gives. */
  allowSharedBytes(bytes: number): void {
    guarded(() => this.native.allowSharedBytes(this.handle, bytes));
  }
}

/** Memory of a device, given back after the commands that its stream was given before. */
export class CudaMemory extends Owned {
  constructor(
    native: NativeCuda,
    handle: Handle,
    readonly address: bigint,
    readonly bytes: number,
  ) {
    super(native, handle);
  }
}

/** A word that kernels see while they run; it becomes 1 when the environment ends. */
export class CudaFlag extends Owned {
  constructor(
    native: NativeCuda,
    handle: Handle,
    readonly address: bigint,
  ) {
    super(native, handle);
  }

  set(value: number): void {
    guarded(() => this.native.raise(this.handle, value));
  }
}

export class CudaEvent extends Owned {
  constructor(native: NativeCuda, handle: Handle) {
    super(native, handle);
  }

  /** Milliseconds since another; both timed, and both have come to pass. */
  since(earlier: CudaEvent): number {
    return guarded(() => this.native.elapsed(earlier.handle, this.handle));
  }
}

/** What a kernel is launched with. */
export interface CudaShape {
  readonly grid: Extent;
  readonly block: Extent;
  readonly sharedBytes?: number;
}

/**
 * Commands in order. Those without `Later` in their name return when the calling thread's part is done, be it after a wait for
 * what was given for later before; a command that fails later throws from the next one that can.
 */
export class CudaStream extends Owned {
  constructor(
    native: NativeCuda,
    handle: Handle,
    readonly context: CudaContext,
  ) {
    super(native, handle);
  }

  /** Throws CudaError of kind `resource` if there is not enough. */
  allocate(bytes: number): CudaMemory {
    const { memory, address } = guarded(() => this.native.allocate(this.handle, bytes));
    return new CudaMemory(this.native, memory, address, bytes);
  }

  /** The array may change as soon as this returns. */
  write(to: CudaMemory, from: AnyTypedArray, offset = 0): void {
    guarded(() => this.native.write(this.handle, to.handle, offset, from));
  }

  /** The array may change once the promise is kept. */
  writeLater(to: CudaMemory, from: AnyTypedArray, offset = 0): Promise<void> {
    return guardedLater(guarded(() => this.native.writeLater(this.handle, to.handle, offset, from)));
  }

  read(from: CudaMemory, to: AnyTypedArray, offset = 0): void {
    guarded(() => this.native.read(this.handle, from.handle, offset, to));
  }

  /** Throws TypeError for an array in a resizable buffer, which could be taken away meanwhile. */
  readLater(from: CudaMemory, to: AnyTypedArray, offset = 0): Promise<void> {
    return guardedLater(guarded(() => this.native.readLater(this.handle, from.handle, offset, to)));
  }

  copy(to: CudaMemory, toOffset: number, from: CudaMemory, fromOffset: number, bytes: number): void {
    guarded(() => this.native.copy(this.handle, to.handle, toOffset, from.handle, fromOffset, bytes));
  }

  /** From another device's memory, which this one reaches. */
  copyPeer(to: CudaMemory, toOffset: number, from: CudaMemory, fromOffset: number, bytes: number): void {
    guarded(() => this.native.copyPeer(this.handle, to.handle, toOffset, from.handle, fromOffset, bytes));
  }

  /** The same; whether it could be given is heard of by the promise alone. */
  copyPeerLater(to: CudaMemory, toOffset: number, from: CudaMemory, fromOffset: number, bytes: number): Promise<void> {
    return guardedLater(guarded(() => this.native.copyPeerLater(this.handle, to.handle, toOffset, from.handle, fromOffset, bytes)));
  }

  /** `count` units of 1 or 4 bytes. */
  fill(memory: CudaMemory, offset: number, count: number, value: number, unit: 1 | 4 = 1): void {
    guarded(() => this.native.fill(this.handle, memory.handle, offset, count, value, unit));
  }

  /** `parameters`: as C lays them out; at most 4096 bytes. */
  launch(fn: CudaFunction, { grid, block, sharedBytes = 0 }: CudaShape, parameters: Uint8Array): void {
    guarded(() => this.native.launch(this.handle, fn.handle, grid, block, sharedBytes, parameters));
  }

  record(event: CudaEvent): void {
    guarded(() => this.native.record(this.handle, event.handle));
  }

  /** What is given from now on waits for the event. */
  wait(event: CudaEvent): void {
    guarded(() => this.native.wait(this.handle, event.handle));
  }

  synchronise(): void {
    guarded(() => this.native.synchronise(this.handle));
  }

  synchroniseLater(): Promise<void> {
    return guardedLater(guarded(() => this.native.synchroniseLater(this.handle)));
  }
}

