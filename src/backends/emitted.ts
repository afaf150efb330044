/** What a backend's emitter makes of a kernel, once it is known: found out here, or by an earlier process. */
import type { Kernel } from "../../fusion/ir.js";

const texts = new WeakMap<Kernel, string>();

/** The kernel as a C++ file; null if nobody has asked for it yet. */
export const knownText = (kernel: Kernel): string | null => texts.get(kernel) ?? null;

export function learnText(kernel: Kernel, text: string): void {
  texts.set(kernel, text);
}

/** `emit`: makes it where it is not known. */
export function textOf(kernel: Kernel, emit: () => string): string {
  const known = texts.get(kernel);
  if (known !== undefined) return known;
  const made = emit();
  texts.set(kernel, made);
  return made;
}
