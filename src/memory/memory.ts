/** The memory of results, as a program sees it: one pool for the whole process (native/pool.hpp). */
import { QueryError } from "../../fusion/errors.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import type { MemoryUsage } from "../backends/cpu/addon.js";
import { describe, quote } from "../query/given.js";
import type { TypedArray } from "../query/types.js";
import { addonOfMemory } from "./room.js";

export type { MemoryUsage };

const addon = (): ReturnType<typeof addonOfMemory> => {
  checkEnvironment();
  return addonOfMemory();
};

/** The memory of results: that of arrays of a megabyte and more is kept for the next ones when they are collected. */
export interface Memory {
  /**
   * What is in use, what is kept, and how often that was of use. All zeros where there is no native addon.
   *
   * @example
   * const { used, kept } = memory.usage();
   */
  usage(): MemoryUsage;
  /**
   * Keeps at most so many bytes for later results; `0` keeps none. What is in use does not count.
   *
   * @example
   * memory.limit(256 * 2 ** 20);
   */
  limit(bytes: number): void;
  /**
   * Gives all that is kept back to the system, for a program that has ended its queries, or a part of them.
   *
   * @example
   * memory.trim();
   */
  trim(): void;
  /**
   * Takes the memory of results back at once, rather than when the engine finds that they are garbage: the arrays, and all others
   * over their buffers, are empty from then on. In a loop over large results the same memory then serves every turn.
   *
   * @example
   * const smooth = compute(signal).window(5).average().toArray();
   * await socket.write(smooth);
   * memory.release(smooth);
   */
  release(...arrays: readonly TypedArray[]): void;
}

const NOTHING: MemoryUsage = { limit: 0, used: 0, peak: 0, kept: 0, reused: 0, fresh: 0, copied: 0 };

export const memory: Memory = {
  usage: () => addon()?.memory() ?? NOTHING,

  limit(bytes) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new QueryError("DC305", `memory.limit() takes a number of bytes, not ${describe(bytes)}`, "Write memory.limit(256 * 2 ** 20), or memory.limit(0) to keep nothing.");
    addon()?.limitMemory(bytes);
  },

  trim() {
    addon()?.trimMemory();
  },

  release(...arrays) {
    if (arrays.length === 0) throw new QueryError("DC305", "memory.release() was given nothing to release", "Hand it what a query gave: memory.release(result). All that is kept for later results is given back by memory.trim().");
    // All of them, or none.
    for (const buffer of arrays.map(wholeBuffer)) releaseBuffer(buffer);
  },
};

function wholeBuffer(array: AnyTypedArray): ArrayBuffer {
  const remedy = "Release what a query gave: memory.release(result), or memory.release(...Object.values(columns)).";
  if (elementTypeOf(array) === undefined) throw new QueryError("DC305", `memory.release() takes typed arrays, not ${describe(array)}`, remedy);
  const { buffer, byteLength } = array;
  if (!(buffer instanceof ArrayBuffer)) throw new QueryError("DC305", "memory.release() was given an array of shared memory, which others may use", remedy);
  if (byteLength !== buffer.byteLength) throw new QueryError("DC305", `memory.release() was given ${byteLength} of the ${buffer.byteLength} bytes of a buffer, whose rest others may use`, remedy);
  return buffer;
}

function releaseBuffer(buffer: ArrayBuffer): void {
  const native = addon();
  if (native === null) structuredClone(buffer, { transfer: [buffer] });
  else if (!native.release(buffer)) throw new QueryError("DC305", "memory.release() was given memory that its owner holds fast", "Leave the memory of WebAssembly modules to them.");
}

/** The limit that the environment sets, which the addon reads: a mistake in it is told, not passed over. */
export function checkEnvironment({ DOTCOMPUTE_POOL_BYTES: bytes }: { readonly DOTCOMPUTE_POOL_BYTES?: string | undefined } = process.env): void {
  if (bytes === undefined || bytes === "" || /^\d{1,15}$/.test(bytes)) return;
  throw new QueryError("DC305", `the environment variable DOTCOMPUTE_POOL_BYTES is a number of bytes, not ${quote(bytes)}`, "Write DOTCOMPUTE_POOL_BYTES=268435456, or 0 to keep no memory for later results.");
}
