/**
 * The CUDA half of the native addon (native/cuda.hpp): handles are numbers, every call is checked, and what fails throws a
 * `NativeCudaError`, or TypeError and RangeError for wrong arguments. Commands to a stream take effect in the order in which
 * they are given, whichever form they have.
 */
import type { FailureKind } from "../../../fusion/errors.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import type { MemoryUsage, NativeAddon } from "../cpu/addon.js";

/** A driver, compiler, context, stream, memory, module, function or event of this environment. */
export type Handle = number;

export interface NativeCudaError extends Error {
  readonly kind: FailureKind;
  /** The function that failed, by the library's name; empty if none was called. */
  readonly call: string;
  /** What it returned, and what the library calls that. */
  readonly result: number;
  readonly resultName: string;
  /** The words of NVRTC or of the driver's assembler. */
  readonly log: string;
}

export interface NativeDevice {
  readonly name: string;
  readonly uuid: string;
  readonly memoryBytes: number;
  /** Compute capability. */
  readonly major: number;
  readonly minor: number;
  readonly multiprocessors: number;
  readonly warpLanes: number;
  readonly mostBlockThreads: number;
  readonly blockSharedBytes: number;
  // Zero where the driver does not say.
  readonly mostMultiprocessorThreads: number;
  readonly mostBlocks: number;
  readonly blockSharedBytesOptIn: number;
  readonly cacheBytes: number;
  readonly memoryPools: number;
}

/** The memory that a thread's runtimes have of a device; `kept` is what the driver keeps for the whole process, and 0 where it does not say. */
export interface NativeUsage extends MemoryUsage {
  /** How many bytes may be used. */
  readonly most: number;
  /** How many blocks are in use. */
  readonly blocks: number;
}

export interface NativeFunction {
  readonly function: Handle;
  readonly registers: number;
  readonly sharedBytes: number;
  readonly localBytes: number;
  readonly constantBytes: number;
  readonly mostBlockThreads: number;
  /** 90: compiled for compute capability 9.0. */
  readonly binaryVersion: number;
}

export type Extent = readonly [x: number, y: number, z: number];

export type CodeForm = "ptx" | "cubin";

/** Code, as the driver loads it, and what NVRTC had to say. */
export interface NativeCompiled {
  readonly code: Uint8Array<ArrayBuffer>;
  readonly log: string;
}

type CompileArguments = [compiler: Handle, source: string, name: string, headers: Readonly<Record<string, string>>, options: readonly string[], form: CodeForm];

export interface NativeCuda {
  /** Opens and starts the driver at this path, or the system's. */
  openDriver(path: string | null): { readonly reason: string } | { readonly reason: null; readonly driver: Handle; readonly path: string; readonly version: number };
  openCompiler(path: string | null):
    | { readonly reason: string }
    | { readonly reason: null; readonly compiler: Handle; readonly path: string; readonly major: number; readonly minor: number; readonly architectures: readonly number[] };
  devices(driver: Handle): readonly NativeDevice[];

  /** The device's primary context, retained until the environment ends. */
  context(driver: Handle, ordinal: number): Handle;
  /** Why the context was abandoned; null if it was not. All its uses are refused then. */
  lost(context: Handle): string | null;
  memory(context: Handle): { readonly free: number; readonly total: number };
  usage(context: Handle): NativeUsage;
  /** There are never more bytes in use. */
  allow(context: Handle, bytes: number): void;
  /** The driver keeps at most so many bytes that are not in use. */
  limit(context: Handle, bytes: number): void;
  /** Gives back what the driver keeps. */
  trim(context: Handle): void;
  /** Whether the driver copies straight from the peer's memory to this device's. */
  canReach(context: Handle, peer: Handle): boolean;
  /** Lets the device use the peer's memory. Throws if it may not. */
  reach(context: Handle, peer: Handle): void;
  stream(context: Handle): Handle;

  compile(...args: CompileArguments): NativeCompiled;
  compileLater(...args: CompileArguments): Promise<NativeCompiled>;
  /** CUBIN or PTX. */
  module(context: Handle, image: Uint8Array): Handle;
  moduleLater(context: Handle, image: Uint8Array): Promise<Handle>;
  function(module: Handle, name: string): NativeFunction;
  /** How many blocks a multiprocessor runs at a time. */
  occupancy(fn: Handle, blockThreads: number, dynamicSharedBytes: number): number;
  allowSharedBytes(fn: Handle, bytes: number): void;

  /** Memory of the device, given back in the order of this stream. */
  allocate(stream: Handle, bytes: number): { readonly memory: Handle; readonly address: bigint };
  /** Nothing, if it has been released. Memory is given back after the commands that were given before. */
  release(handle: Handle): void;
  /** The array may change as soon as this returns, or the promise is kept. */
  write(stream: Handle, memory: Handle, offset: number, from: AnyTypedArray): void;
  writeLater(stream: Handle, memory: Handle, offset: number, from: AnyTypedArray): Promise<void>;
  read(stream: Handle, memory: Handle, offset: number, to: AnyTypedArray): void;
  /** Refused for arrays whose memory cannot be held: those in resizable buffers. */
  readLater(stream: Handle, memory: Handle, offset: number, to: AnyTypedArray): Promise<void>;
  copy(stream: Handle, to: Handle, toOffset: number, from: Handle, fromOffset: number, bytes: number): void;
  /** From another device that this one reaches. */
  copyPeer(stream: Handle, to: Handle, toOffset: number, from: Handle, fromOffset: number, bytes: number): void;
  /** The promise is kept once the command was given. */
  copyPeerLater(stream: Handle, to: Handle, toOffset: number, from: Handle, fromOffset: number, bytes: number): Promise<void>;
  /** `count` units of 1 or 4 bytes. */
  fill(stream: Handle, memory: Handle, offset: number, count: number, value: number, unit: 1 | 4): void;

  /** `parameters`: as the kernel's parameters lie in memory by C's rules; at most 4096 bytes. */
  launch(stream: Handle, fn: Handle, grid: Extent, block: Extent, sharedBytes: number, parameters: Uint8Array): void;
  synchronise(stream: Handle): void;
  synchroniseLater(stream: Handle): Promise<void>;

  /** A 32-bit word in the host's memory, 0, that kernels see while they run. It becomes 1 when the environment ends. */
  flag(context: Handle): { readonly flag: Handle; readonly address: bigint };
  raise(flag: Handle, value: number): void;

  event(context: Handle, timed: boolean): Handle;
  record(stream: Handle, event: Handle): void;
  wait(stream: Handle, event: Handle): void;
  /** Milliseconds between two timed events. */
  elapsed(from: Handle, to: Handle): number;
}

/** The addon's CUDA half; null in an addon that was built without. */
export function nativeCuda(addon: NativeAddon): NativeCuda | null {
  const { cuda } = addon as NativeAddon & { readonly cuda?: () => NativeCuda };
  return cuda === undefined ? null : cuda.call(addon);
}
