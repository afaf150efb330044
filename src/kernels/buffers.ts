/** Buffers among a kernel's arguments: on a device they are read where they lie; what is written is written in the host's memory. */
import type { KernelCall } from "../backends/backend.js";
import { Buffer } from "../memory/buffer.js";
import type { Storage } from "../memory/storage.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { KernelArgument, Scalar } from "./types.js";
import type { RuntimeCore } from "../runtime/runtime.js";

/** An argument as kernels know it. */
export type PlainArgument = AnyTypedArray | Scalar;

export const isBuffer = (arg: unknown): arg is Buffer => arg instanceof Buffer;

/**
 * Arrays in the place of buffers. `standing`: of the runtime's own they may stand for what only a device has, so nothing is brought from
 * there before it is known to be needed.
 */
export function plainArguments(core: RuntimeCore, args: readonly KernelArgument[], standing: boolean): readonly PlainArgument[] {
  if (!args.some(isBuffer)) return args as readonly PlainArgument[];
  return args.map(arg => (isBuffer(arg) ? arg.view(standing ? core : null) : arg));
}

/** A call, and the buffers that it writes to. */
export interface BufferCall {
  readonly call: KernelCall;
  readonly written: readonly Storage[];
}

export const NONE: readonly Storage[] = [];

/** The call as one that finds buffers. `writes`: the arrays that it writes to. */
export function callOnBuffers(core: RuntimeCore, args: readonly KernelArgument[], call: KernelCall, writes: readonly AnyTypedArray[], standing: boolean): BufferCall {
  const storages = new Set(args.filter(isBuffer).map(({ storage }) => storage));
  if (storages.size === 0) return { call, written: NONE };
  const memories = new Set(writes.map(({ buffer }) => buffer));
  const written = [...storages].filter(storage => memories.has(storage.stand().buffer));
  return { call: standing ? { ...call, resident: { owner: core, keep: false, apart: memories } } : call, written };
}

/** Holds buffers in place while a kernel writes to them, until what is given is called. */
export function beginWriting(written: readonly Storage[]): () => void {
  const begun: Storage[] = [];
  const end = (): void => begun.forEach(storage => storage.endWriting());
  try {
    for (const storage of written) {
      storage.beginWriting();
      begun.push(storage);
    }
  } catch (error) {
    end();
    throw error;
  }
  return end;
}
