/** Windows: neighbours of each element, which a lambda sees together. */
import { QueryError } from "../../fusion/errors.js";
import { EDGE, type Edge, type WindowFold } from "../../fusion/query.js";
import { ELEMENTS, storedAs, type ColumnType } from "../../fusion/types.js";
import { checkCaptures, checkConstructor, checkFunction, checkTargets, fitsElement } from "./arguments.js";
import type { BoundQuery } from "./bound.js";
import { captureValues, NO_CAPTURES, textOf } from "./captures.js";
import { describe, quote } from "./given.js";
import { checkOptions } from "./options.js";
import type { Query } from "./query.js";
import type { Rows } from "./rows.js";
import { windowStage, type WindowHow } from "./stages.js";
import type { ArrayConstructor, ArrayOf, Capture, Captures, ElementOf, Elements, Fields, NewColumns, ResultOf, Window } from "./types.js";
import { withStage } from "./verbs.js";

/**
 * The windows of a query's elements: `map` computes something of each, and so do the methods that fold it. What they give is a
 * query again; it runs in one kernel with what follows.
 */
export class Windows<A extends Elements, K extends number> {
  /** @internal */
  constructor(
    private readonly bound: BoundQuery,
    private readonly how: WindowHow,
    /** What stands beyond the edges, if it is a constant. */
    private readonly beyond: number | bigint | undefined,
    private readonly any: (bound: BoundQuery) => unknown,
  ) {}

  /**
   * What the lambda gives for each window, stored as `map` stores it. The window is taken apart, `([a, b, c]) => …`, or read at
   * places that are written out, `w => w[0] - w[4]`; the second parameter is the result's own index.
   *
   * @example
   * compute(signal).window(3).map(([a, b, c]) => (a + 2 * b + c) / 4);
   * compute(prices).window(2).map(([before, now]) => now / before - 1);
   */
  map(f: (w: Window<ElementOf<A>, K>, i: number) => ResultOf<A>, captures?: Captures): Query<A>;
  map<C extends ArrayConstructor>(f: (w: Window<ElementOf<A>, K>, i: number) => ResultOf<ArrayOf<C>>, to: C, captures?: Captures): Query<ArrayOf<C>>;
  map<F extends Fields>(f: (w: Window<ElementOf<A>, K>, i: number) => F, captures?: Captures): Rows<NewColumns<Record<never, never>, F>>;
  map(f: unknown, second?: unknown, third?: unknown): unknown {
    const { to, captures } = checkTargets(second, third);
    return this.mapped(textOf(checkFunction(f, "map")), { ...this.how, to }, checkCaptures(captures, "map"));
  }

  /**
   * The sum of each window, added from left to right in the arithmetic of the elements.
   *
   * @example
   * compute(counts).window(7).sum(Float64Array);
   */
  sum(): Query<A>;
  sum<C extends ArrayConstructor>(to: C): Query<ArrayOf<C>>;
  sum(to?: unknown): unknown {
    return this.folded("sum", to);
  }

  /** The mean of each window, its sum divided by the number of its elements; of integers a Float64Array. BigInts have none. */
  average(): Query<A extends Float32Array ? A : Float64Array>;
  average<C extends ArrayConstructor>(to: C): Query<ArrayOf<C>>;
  average(to?: unknown): unknown {
    const { element } = this.bound.shape;
    if (isBig(element)) throw new QueryError("DC306", "BigInts have no average: it may be a fraction", `Average them as numbers: .as(Float64Array).${this.how.verb === "chunk" ? "chunk" : "window"}(5).average().`);
    return this.folded("average", to ?? (ELEMENTS[storedAs(element)].integer ? Float64Array : undefined));
  }

  /** The smallest element of each window, as `Math.min` finds it. */
  min(): Query<A> {
    return this.folded("min", undefined) as Query<A>;
  }

  /** The largest element of each window, as `Math.max` finds it. */
  max(): Query<A> {
    return this.folded("max", undefined) as Query<A>;
  }

  private folded(fold: WindowFold, to: unknown): unknown {
    if (this.bound.shape.element === "string") throw new QueryError("DC306", `strings have no ${fold}`, "Say in a map what a window of them gives: .map(([a, b]) => a === b).");
    const text = textOfFold(fold, this.how.offsets.length, isBig(this.bound.shape.element));
    return this.mapped(text, { ...this.how, fold, to: to === undefined ? null : checkConstructor(to, fold) }, NO_CAPTURES);
  }

  private mapped(text: string, how: WindowHow, captures: Captures): unknown {
    const all: Captures = this.beyond === undefined ? captures : { ...captures, [EDGE]: this.beyond };
    return this.any(withStage(this.bound, windowStage(this.bound.shape, text, how, all), captureValues(all)));
  }
}

const isBig = (element: ColumnType): element is "i64" | "u64" => element === "i64" || element === "u64";

/** The fold as a lambda, which is written once for each number of elements. */
const textOfFold = (fold: WindowFold, count: number, big: boolean): string => (big ? foldText(fold, count, big) : (FOLDS[fold][count] ??= foldText(fold, count, big)));
const FOLDS: Readonly<Record<WindowFold, string[]>> = { sum: [], average: [], min: [], max: [] };

function foldText(fold: WindowFold, count: number, big: boolean): string {
  const all = Array.from({ length: count }, (_, at) => `w[${at}]`);
  switch (fold) {
    case "sum":
      return `w => ${all.join(" + ")}`;
    case "average":
      return `w => (${all.join(" + ")}) / ${count}`;
    case "min":
    case "max":
      if (!big) return `w => Math.${fold}(${all.join(", ")})`;
      return `w => { let found = w[0]; ${all.slice(1).map(one => `if (${one} ${fold === "min" ? "<" : ">"} found) found = ${one};`).join(" ")} return found; }`;
    default:
      return fold satisfies never;
  }
}

/** More would be more than a kernel can hold in registers, or C++ compile in a moment. */
const MOST = 256;

/** `window(size)`: with edges each window is centred on its element. */
export function checkWindow(size: unknown, options: unknown, element: ColumnType): { readonly how: WindowHow; readonly beyond: number | bigint | undefined } {
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > MOST) {
    throw new QueryError("DC305", `window() takes a number of elements, 1 to ${MOST}, not ${describe(size)}`, "Write .window(3).map(([a, b, c]) => …). Sums over more elements are differences of running sums: .scan((a, x) => a + x, 0).window(…).");
  }
  const { edge, beyond } = checkEdge(options, "window", element);
  return { how: { verb: "window", offsets: (edge === "valid" ? FORWARDS : AROUND).of(size), edge, to: null, fold: null }, beyond };
}

/** The same offsets for the same size: queries are written again and again. */
class Offsets {
  private readonly known: (readonly number[] | undefined)[] = [];

  constructor(private readonly first: (size: number) => number) {}

  of(size: number): readonly number[] {
    return (this.known[size] ??= Array.from({ length: size }, (_, at) => this.first(size) + at));
  }
}

const FORWARDS = new Offsets(() => 0);
const AROUND = new Offsets(size => -Math.floor((size - 1) / 2));

/** `chunk(size)` */
export function checkChunk(size: unknown): WindowHow {
  if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > MOST) {
    throw new QueryError("DC305", `chunk() takes a number of elements, 1 to ${MOST}, not ${describe(size)}`, "Write .chunk(3).map(([r, g, b]) => …).");
  }
  return { verb: "chunk", offsets: FORWARDS.of(size), edge: "valid", to: null, fold: null };
}

/** `neighbours(offsets)` */
export function checkNeighbours(offsets: unknown, options: unknown, element: ColumnType): { readonly how: WindowHow; readonly beyond: number | bigint | undefined } {
  const list: readonly unknown[] = Array.isArray(offsets) ? offsets : [];
  const wrong = Array.isArray(offsets) ? list.findIndex(offset => !Number.isSafeInteger(offset)) : -1;
  if (list.length === 0 || list.length > MOST || wrong >= 0) {
    const found = !Array.isArray(offsets) ? describe(offsets) : wrong < 0 ? `${list.length} of them` : describe(list[wrong]);
    throw new QueryError("DC305", `neighbours() takes 1 to ${MOST} offsets, whole numbers, not ${found}`, "Write .neighbours([-1, 0, 1]).map(([before, here, behind]) => …).");
  }
  const { edge, beyond } = checkEdge(options, "neighbours", element);
  return { how: { verb: "neighbours", offsets: [...list] as readonly number[], edge, to: null, fold: null }, beyond };
}

const EDGES: readonly unknown[] = ["valid", "clamp", "wrap", "constant"] satisfies readonly Edge[];

function checkEdge(options: unknown, verb: string, element: ColumnType): { readonly edge: Edge; readonly beyond: number | bigint | undefined } {
  const { edge = "valid", value } = checkOptions(options, verb, ["edge", "value"], 'Write { edge: "clamp" }.');
  if (!EDGES.includes(edge)) throw new QueryError("DC305", `there is no edge ${quote(edge)}`, 'Edges are "valid" (no windows that reach beyond the ends), "clamp", "wrap" and "constant".');
  if (edge !== "constant") {
    if (value === undefined) return { edge: edge as Edge, beyond: undefined };
    throw new QueryError("DC305", `${verb}() was given a value for beyond the edges, but its edge is ${quote(edge)}`, 'Write { edge: "constant", value: 0 }.');
  }
  if (element === "string") throw new QueryError("DC305", "no constant can stand beyond the edges of strings", 'Write { edge: "clamp" } or { edge: "wrap" }.');
  const { low, high, integer, array } = ELEMENTS[element];
  const fits = isBig(element) ? typeof value === "bigint" && fitsElement(value, element) : typeof value === "number" && (!integer || (Number.isInteger(value) && value >= low && value <= high));
  if (!fits) throw new QueryError("DC305", `beyond the edges stands ${describe(value)}, which is no element of such ${array === "Int8Array" ? "an" : "a"} ${array}`, `Write { edge: "constant", value: ${isBig(element) ? "0n" : "0"} }.`);
  return { edge, beyond: value as Capture as number | bigint };
}

