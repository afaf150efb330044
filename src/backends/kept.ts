/** Arrays that kernels write to: what they held before, and copies that stand for them while another thread runs. */
import type { KernelCall } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import { walkKernel } from "../../fusion/traverse.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { canShrink, isSameView, mapViews } from "./arrays.js";

/** The places of the arrays that a kernel stores into. */
export const writtenPlaces = ({ arrays }: Kernel): readonly number[] => arrays.flatMap(({ written }, place) => (written === true ? [place] : []));

/** The places of the arrays that a kernel reads elements of. */
export function readPlaces(kernel: Kernel): readonly number[] {
  const read = new Set<string>();
  walkKernel(kernel, { expr: expr => void (expr.kind === "read" && read.add(expr.array)) });
  return kernel.arrays.flatMap(({ name }, place) => (read.has(name) ? [place] : []));
}

/** Whether a run reads what it writes, so that it cannot be done twice. */
export const rewrites = (kernel: Kernel, { arrays }: KernelCall): boolean => rewritten(writtenPlaces(kernel), readPlaces(kernel), arrays).length > 0;

const rewritten = (written: readonly number[], read: readonly number[], arrays: readonly AnyTypedArray[]): readonly AnyTypedArray[] =>
  written.map(place => arrays[place] as AnyTypedArray).filter(array => read.some(place => isSameView(array, arrays[place] as AnyTypedArray)));

/** What was held by the arrays that a run both reads and writes. Which element fails is found by running all of them again, from there. */
export class Kept {
  private constructor(private readonly copies: readonly (readonly [array: AnyTypedArray, copy: AnyTypedArray])[]) {}

  /** Null where no element can fail, or a run changes nothing that another one would read. */
  static of(written: readonly number[], read: readonly number[], { arrays, certain }: KernelCall): Kept | null {
    if (certain === true) return null;
    const changed = rewritten(written, read, arrays);
    return changed.length === 0 ? null : new Kept(changed.map(array => [array, array.slice()]));
  }

  restore(): void {
    for (const [array, copy] of this.copies) array.set(copy as never);
  }
}

/** Elements are told apart by their bits: no NaN equals itself, and zeros have signs. */
function bitsOf(array: AnyTypedArray): Uint8Array | Uint16Array | Int32Array {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: bytes } = array;
  const Bits = bytes === 1 ? Uint8Array : bytes === 2 ? Uint16Array : Int32Array;
  return new Bits(buffer as ArrayBuffer, byteOffset, byteLength / Bits.BYTES_PER_ELEMENT);
}

/**
 * Stores in an array what a run has changed in a copy of it, `after`, that was `before`; and nothing else: other places may have been
 * written to by others meanwhile.
 */
export function bringChanges(array: AnyTypedArray, before: AnyTypedArray, after: AnyTypedArray): void {
  const [to, old, now] = [bitsOf(array), bitsOf(before), bitsOf(after)];
  if (array.BYTES_PER_ELEMENT < 8) {
    for (let at = 0; at < now.length; at += 1) if (now[at] !== old[at]) to[at] = now[at] as number;
    return;
  }
  for (let at = 0; at < now.length; at += 2) {
    if (now[at] === old[at] && now[at + 1] === old[at + 1]) continue;
    to[at] = now[at] as number;
    to[at + 1] = now[at + 1] as number;
  }
}

/** The call on copies of those written arrays that cannot be held in place; and what brings home what has changed in them. */
export function heldInPlace(call: KernelCall, written: readonly number[]): { readonly call: KernelCall; readonly bringHome: () => void } {
  if (!written.some(place => canShrink(call.arrays[place] as AnyTypedArray))) return { call, bringHome: () => undefined };
  const arrays = mapViews(call.arrays, array => (canShrink(array) ? array.slice() : array));
  const changed = written.flatMap(place => {
    const [array, copy] = [call.arrays[place], arrays[place]] as [AnyTypedArray, AnyTypedArray];
    return array === copy ? [] : [{ array, before: copy.slice(), copy }];
  });
  const bringHome = (): void => changed.forEach(({ array, before, copy }) => bringChanges(array, before, copy));
  return { call: { ...call, arrays }, bringHome };
}
