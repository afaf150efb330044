/** Arrays that stand for what a device has, filled with it: for whoever reads the host's memory. */
import type { AnyTypedArray } from "../../fusion/values.js";
import { storageOf } from "../memory/storage.js";
import type { KernelCall } from "./backend.js";

const arraysOf = ({ source, arrays, resident }: KernelCall): readonly AnyTypedArray[] => (resident === undefined ? [] : source === null ? arrays : [source, ...arrays]);

/** What a kernel is called with. */
export function bringHome(call: KernelCall): void {
  for (const array of arraysOf(call)) storageOf(array)?.read();
}

/** The same, without keeping the calling thread. */
export async function bringHomeLater(call: KernelCall): Promise<void> {
  for (const array of arraysOf(call)) await storageOf(array)?.readLater();
}
