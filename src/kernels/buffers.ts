/** Buffers among a kernel's arguments: on a device they are read where they lie; what is written is written in the host's memory. */
import { QueryError } from "../../fusion/errors.js";
import type { KernelCall } from "../backends/backend.js";
import { Buffer } from "../memory/buffer.js";
import { storageOf, type Storage } from "../memory/storage.js";
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

/** Elements of a buffer that a call writes to. */
export interface WrittenPart {
  readonly storage: Storage;
  readonly array: AnyTypedArray;
}

export interface BufferCall {
  readonly call: KernelCall;
  readonly written: readonly WrittenPart[];
}

export const NONE: readonly WrittenPart[] = [];

/** The call as one that finds buffers. `writes`: the arrays that it writes to. */
export function callOnBuffers(core: RuntimeCore, args: readonly KernelArgument[], call: KernelCall, writes: readonly AnyTypedArray[], standing: boolean): BufferCall {
  const storages = new Set(args.filter(isBuffer).map(({ storage }) => storage));
  if (storages.size === 0) return { call, written: NONE };
  const memories = new Set(writes.map(({ buffer }) => buffer));
  const written = writes.flatMap(array => {
    const storage = storageOf(array);
    return storage !== null && storages.has(storage) ? [{ storage, array }] : [];
  });
  return { call: standing ? { ...call, resident: { owner: core, keep: false, apart: memories } } : call, written };
}

/** Holds buffers in place, and keeps others from them, while a kernel writes to them, until what is given is called. */
export function beginWriting(written: readonly WrittenPart[]): () => void {
  const begun: WrittenPart[] = [];
  const end = (): void => begun.forEach(({ storage, array }) => storage.endWriting(array));
  try {
    for (const part of written) {
      part.storage.beginWriting(part.array);
      begun.push(part);
    }
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** What a kernel has written to a buffer that was disposed of meanwhile is nowhere. `name`: the kernel's. */
export function checkKept(written: readonly WrittenPart[], name: string): void {
  const gone = written.find(({ storage }) => storage.disposed)?.storage;
  if (gone !== undefined) throw new QueryError("DC307", `${gone.words} was disposed of while the kernel ${name} wrote to it`, "Await a kernel before its buffers are disposed of.");
}
