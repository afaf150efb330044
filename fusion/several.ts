/** Kernels of several results, as kernels of one. */
import { CompilerBug } from "./errors.js";
import type { Kernel, Several, SingleSink } from "./ir.js";
import { mapStmts, sinksOf, storedElement } from "./traverse.js";
import type { ElementType } from "./types.js";

export type SingleKernel = Kernel & { readonly sink: SingleSink };

/** A kernel for each result, called as the whole is; a kernel of one result is itself the only one. */
export function singlesOf(kernel: Kernel): readonly SingleKernel[] {
  return sinksOf(kernel.sink).map((sink, place) => (sink === kernel.sink ? { ...kernel, sink } : { ...withResults(kernel, [place]), sink }));
}

/** The kernel with these of its results, by their places. */
export function withResults(kernel: Kernel, places: readonly number[]): Kernel {
  const { sink } = kernel;
  if (sink.kind !== "several" || places.length === sink.sinks.length) return kernel;
  const pick = <T>(list: readonly T[]): readonly T[] => places.map(place => list[place] as T);
  const [only, ...more] = pick<SingleSink>(sink.sinks);
  if (only === undefined) throw new CompilerBug("a kernel without results");
  const body = mapStmts(kernel.body, { stmt: stmt => (stmt.kind === "yield" ? { ...stmt, values: pick(stmt.values) } : stmt) });
  return { ...kernel, body, sink: more.length === 0 ? only : { ...sink, sinks: [only, ...more] as Several["sinks"] } };
}

/** What is stored, in order; nothing for sinks that give values. */
export const elementsOf = ({ sink }: Kernel): readonly ElementType[] =>
  sinksOf(sink).flatMap(single => {
    const element = storedElement(single);
    return element === null ? [] : [element];
  });

/** Whether several reductions are told how many elements yielded: if any of them is. */
export const isCounted = ({ sinks }: Several): boolean => sinks.some(sink => sink.kind === "reduce" && sink.counted);
