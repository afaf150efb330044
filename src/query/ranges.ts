/** Sources that no array holds: ranges and repetitions. Their elements are what a map makes of the places 0, 1, 2 … */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import type { BoundQuery } from "./bound.js";
import { describe } from "./given.js";
import { lambdaStage } from "./stages.js";
import { Range, Repeat, type Captures } from "./types.js";
import { withStage } from "./verbs.js";

/** `range(n)`, `range(start, end)` or `range(start, end, step)`, checked. */
export function makeRange(first: unknown, end: unknown, step: unknown): Range {
  if (end === undefined) {
    if (step !== undefined) throw new QueryError("DC305", "range() was given a step, but no end", "Write range(start, end, step).");
    return new Range(checkLength(first, "range"), 0, 1);
  }
  const [from, to, by] = [checkNumber(first, "start"), checkNumber(end, "end"), step === undefined ? 1 : checkNumber(step, "step")];
  if (by === 0) throw new QueryError("DC305", "range() leads nowhere by steps of 0", "Give a step that is not 0, or write repeat(value, count) for the same value again and again.");
  return new Range(lengthOf(from, to, by), from, by);
}

/** `repeat(value, count)`, checked. */
export function makeRepeat<V extends number | bigint | boolean>(value: V, count: unknown): Repeat<V> {
  const kind = typeof value as string;
  if (kind !== "number" && kind !== "bigint" && kind !== "boolean") {
    throw new QueryError("DC305", `repeat() repeats a number, a BigInt or a boolean, not ${describe(value)}`, "Write repeat(0.5, 1000).");
  }
  if (typeof value === "bigint" && BigInt.asIntN(64, value) !== value) {
    throw new QueryError("DC305", `repeat() cannot repeat ${value}n: it does not fit in a BigInt64Array`, "BigInts are signed 64-bit integers here: write BigInt.asIntN(64, value) to wrap it.");
  }
  return new Repeat(value, checkLength(count, "repeat"));
}

function checkLength(length: unknown, verb: string): number {
  if (typeof length === "number" && Number.isSafeInteger(length) && length >= 0) return length;
  throw new QueryError("DC305", `${verb}() takes a whole number of elements, not ${describe(length)}`, verb === "range" ? "Write range(1000) for 0, 1, 2 … 999, or range(start, end, step)." : "Write repeat(0.5, 1000).");
}

function checkNumber(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new QueryError("DC305", `the ${name} of range() is a finite number, not ${describe(value)}`, "Write range(start, end, step), such as range(0, 1, 0.01).");
}

/** The first place whose element has reached the end. Elements never turn back as places grow, so it can be searched for by halves. */
function lengthOf(start: number, end: number, step: number): number {
  const reached = (place: number): boolean => (step > 0 ? start + place * step >= end : start + place * step <= end);
  let [low, high] = [0, Number.MAX_SAFE_INTEGER];
  if (!reached(high)) throw new QueryError("DC305", `range(${start}, ${end}, ${step}) has more elements than can be counted`, "Give a larger step, or a nearer end.");
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (reached(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The source's elements, from their places. */
export function elementsOfRange(places: BoundQuery, source: unknown): BoundQuery {
  if (places.source.kind !== "range" || !places.source.mapped) return places;
  if (source instanceof Range) {
    const { start, step } = source;
    return mapped(places, "i => start + i * step", null, { start, step });
  }
  if (source instanceof Repeat) {
    const { value } = source as Repeat;
    return mapped(places, "() => value", typeof value === "bigint" ? "i64" : typeof value === "boolean" ? "u8" : null, { value });
  }
  throw new CompilerBug("a range of elements that nothing makes");
}

const mapped = (query: BoundQuery, text: string, to: "i64" | "u8" | null, captures: Captures): BoundQuery =>
  withStage(query, lambdaStage(query.shape, "map", text, to, captures), Object.values(captures));
