/** Destinations: whether an array given as `into` fits, and whether kernels may write to it directly. */
import { CompilerBug, QueryError, withArticle } from "../../fusion/errors.js";
import type { Plan, TableStep } from "../../fusion/query.js";
import { canFail } from "../../fusion/traverse.js";
import { ELEMENTS } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { canShrink } from "../backends/arrays.js";
import type { KernelResult } from "../backends/backend.js";
import type { StageValues } from "./bind.js";
import { checkAttached, describe } from "./given.js";

export interface Destination {
  readonly array: AnyTypedArray;
  /** The array, if the kernel may write to it; null if results are copied there at the end. */
  readonly direct: AnyTypedArray | null;
  /** Its length when the run began. */
  readonly length: number;
}

/**
 * `sources`: the source, or its columns; `length`: theirs, which no result exceeds. `again`: they are read again if another backend
 * begins anew.
 */
export function prepareInto(into: unknown, plan: Plan, sources: readonly AnyTypedArray[], length: number, values: StageValues, again: boolean): Destination {
  const array = checkInto(into, plan, length);
  return { array, direct: mayWrite(array, plan, sources, arraysIn(values), again) ? array : null, length: array.length };
}

/** Throws QueryError for what results of so many elements cannot go into. */
export function checkInto(into: unknown, plan: Plan, length: number): AnyTypedArray {
  if (plan.element === null) throw new CompilerBug("rows have no single destination");
  if (plan.element === "string") throw stringsInto();
  const wanted = ELEMENTS[plan.element].array;
  const element = elementTypeOf(into);
  if (element !== plan.element) {
    throw new QueryError("DC304", `into is ${describe(into)}, but the results are ${withArticle(wanted)}`, `Give { into: new ${wanted}(${length}) }, or change the result's type with .as(…).`);
  }
  const array = into as AnyTypedArray;
  // Words are made where they are needed: a prepared query leaves nothing behind.
  if (array.length === 0) checkAttached(array, "into", `Give one that is there: { into: new ${wanted}(${length}) }.`);
  if (array.length < length) {
    throw new QueryError("DC304", `into has ${array.length} elements, fewer than the source, which has ${length}`, `It must be as long as the source, whatever the query leaves out: new ${wanted}(${length}).`);
  }
  return array;
}

export const stringsInto = (): QueryError => new QueryError("DC304", "strings cannot be put into an array that is there", "Leave into out: toArray() gives a new array of strings.");

/** Exactly the results: the array that the kernel made, or a view of the destination. */
export function deliver({ result: { output, count }, destination }: { readonly result: KernelResult; readonly destination: Destination | null }): AnyTypedArray {
  if (output === null) throw new CompilerBug("a kernel that stores an array gave none");
  if (destination === null) return output;
  const { array, direct, length: asked } = destination;
  if (array.length < count && array.length >= asked) {
    throw new QueryError("DC304", `into has ${array.length} elements, but there are ${count} results`, `Give an array that has room for all of them: new ${array[Symbol.toStringTag]}(${count}).`);
  }
  if (array.length < count) {
    throw new QueryError("DC307", "into was detached or has become shorter while the query ran", "Leave its buffer in place until the promise settles.");
  }
  if (direct === null) (array as Float64Array).set(output as Float64Array);
  return count === array.length ? array : array.subarray(0, count);
}

/** Whether kernels may store their results there, with these sources and captured arrays, or else elsewhere first. */
export function mayWrite(into: AnyTypedArray, plan: Plan, sources: readonly AnyTypedArray[], captured: readonly AnyTypedArray[], again: boolean): boolean {
  if (canShrink(into)) return false;
  for (const array of captured) if (overlaps(into, array)) return false;
  // Steps may leave views of any array for the last kernel to read, and more rows than the source had.
  const moves = plan.steps.length > 0;
  if (moves && !plan.steps.every(({ kind }) => OF_THE_SOURCE.has(kind))) return false;
  // In place: every element is read before its result is written, for results of the elements' own size. A kernel that may
  // fail runs again from the failing element to say why, so it must find its source as it was; and so must a backend that begins anew.
  let shared = false;
  for (const source of sources) {
    if (!overlaps(into, source)) continue;
    if (moves || into.byteOffset !== source.byteOffset || into.BYTES_PER_ELEMENT !== source.BYTES_PER_ELEMENT) return false;
    shared = true;
  }
  return !shared || (!again && !plan.kernels.some(({ kernel }) => canFail(kernel)));
}

/** Steps that leave views or copies of the source's elements, and no more than there were. */
const OF_THE_SOURCE: ReadonlySet<TableStep["kind"]> = new Set(["slice", "keep", "chunk", "window"]);

function arraysIn(values: StageValues): readonly AnyTypedArray[] {
  let arrays: AnyTypedArray[] | null = null;
  for (const own of values) for (const value of own) if (elementTypeOf(value) !== undefined) (arrays ??= []).push(value as unknown as AnyTypedArray);
  return arrays ?? NO_ARRAYS;
}

const NO_ARRAYS: readonly AnyTypedArray[] = [];

/** Whether two arrays share bytes. */
function overlaps(a: AnyTypedArray, b: AnyTypedArray): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}
