/**
 * One element on its way through a query: what it is after each verb, where, and what it adds to the result. Nothing here computes
 * anything itself: the query is run up to each verb, and where elements are left out also over what comes before the element.
 */
import { QueryError } from "../../fusion/errors.js";
import { SINGLE, type StageShape } from "../../fusion/query.js";
import type { ScalarValue } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { Dictionary } from "../table/dictionary.js";
import { givenColumns } from "../table/given.js";
import { placeOf } from "../table/steps.js";
import type { Table } from "../table/table.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import { NO_VALUES } from "./captures.js";
import { finished } from "./finish.js";
import { describe } from "./given.js";
import { stageAgain, terminalAgain } from "./retype.js";
import { rowsOf, runNow } from "./run.js";
import { showVerbs } from "./show.js";
import { dictionaryOf } from "./source.js";
import { sliceStage } from "./stages.js";
import { traceAsText } from "./trace-text.js";

/** An element, or a row: the values of its columns. */
export type TracedValue = ScalarValue | string | null | undefined | Readonly<Record<string, ScalarValue | string | null>>;

export interface TracedStage {
  /** As it would be written: `map(x => x * 2)`. */
  readonly text: string;
  /** What the element is behind it; undefined if it was left out. */
  readonly value: TracedValue;
  /** Its place behind it; null if it was left out. */
  readonly place: number | null;
  /** What is to be said: why it was left out, what it became part of; empty if nothing. */
  readonly note: string;
}

export interface TracedTerminal {
  readonly text: string;
  /** What the terminal gives of the elements before the traced one, and of those up to it; undefined where it would throw (a `reduce` of none without a seed, a `single` of two). */
  readonly before: unknown;
  readonly after: unknown;
  /** Of all elements. */
  readonly result: unknown;
}

export class Trace {
  constructor(
    /** The place of the element in the source. */
    readonly index: number,
    /** The element. */
    readonly source: TracedValue,
    /** As far as it comes: the last may have left it out. */
    readonly stages: readonly TracedStage[],
    /** What it adds to a terminal's result; null for a query without one, and where it does not come so far. */
    readonly terminal: TracedTerminal | null,
  ) {}

  /** As a table. */
  toString(): string {
    return traceAsText(this);
  }
}

/** A value that a trace follows an element to. */
export interface TracedEnd {
  /** As it is called. */
  readonly bound: BoundTerminal;
  /** What it comes to, when what it asks for is found by `run`: see `LazyValue.computed`. */
  computed(run: (terminal: BoundTerminal) => unknown): unknown;
}

/** `end`: null to follow the element to the end of the stages alone. */
export function traceOf(query: BoundQuery, index: unknown, end: TracedEnd | null): Trace {
  if (query.source.kind === "stream") throw new QueryError("DC310", "trace() reads its elements several times, and a stream is read once", "Collect them first: compute(await query.toArrayAsync()).");
  const chain: BoundQuery[] = [];
  for (let at: BoundQuery | null = query; at !== null; at = at.parent) chain.unshift(at);
  // Here nothing is worth compiling for.
  const source: BoundQuery = { ...(chain[0] as BoundQuery), backend: "js" };
  const length = countOf(source);
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= length) {
    throw new QueryError("DC305", `trace() follows an element of the source by its place, 0 to ${length - 1}, not ${describe(index)}`, length === 0 ? "The source is empty: there is none." : "Places are those of the source.");
  }
  const { stages: texts, terminal: last } = showVerbs(end?.bound ?? { query, node: query.shape.plainTerminal(query.shape.columns === null ? "toArray" : "toColumns"), values: NO_VALUES }, query.shape.shape().stages);
  const stages: TracedStage[] = [];
  let [before, place] = [source, index];
  for (const [at, given] of chain.slice(1).entries()) {
    const stage = given.shape.stage as StageShape;
    const text = texts[at]?.text ?? "";
    // What a tap calls has been told by the query itself, or will be.
    const now = stage.kind === "tap" ? before : again(before, given);
    const step = stage.kind === "tap" ? { place, note: "" } : follow(stage, before, now, given, place);
    if (step.place === null) {
      stages.push({ text, value: undefined, place: null, note: step.note });
      return new Trace(index, valueAt(source, index), stages, null);
    }
    stages.push({ text, value: valueAt(now, step.place), place: step.place, note: step.note });
    [before, place] = [now, step.place];
  }
  return new Trace(index, valueAt(source, index), stages, end === null ? null : added(query, before, end, place, last.text));
}

interface Step {
  readonly place: number | null;
  readonly note: string;
}

/** Where an element of one query is in another, which has one stage more. */
function follow(stage: StageShape, before: BoundQuery, now: BoundQuery, given: BoundQuery, place: number): Step {
  switch (stage.kind) {
    case "map":
      return stage.use === "aggregate" && before.shape.nulls ? left(before, given, place, "left out: null") : { place, note: "" };
    case "as":
    case "fillNulls":
    case "scan":
    case "tap":
    case "concat":
    case "groupJoin":
      return { place, note: "" };
    case "filter":
    case "dropNulls":
      return left(before, given, place, "left out");
    case "while":
      return left(before, given, place, stage.take ? "left out: the end was before it" : "left out: skipped");
    case "distinct":
      return left(before, given, place, "left out: the same element came before");
    case "set":
      // The other's elements come behind, and are among those before it only then.
      if (stage.verb === "union") return moved(before, now, place, "left out: the same element came before");
      return left(before, given, place, `left out: ${stage.verb === "intersect" ? "not in both" : "in the other"}, or the same element came before`);
    case "match":
      return left(before, given, place, stage.keep ? "left out: no match" : "left out: there is a match");
    case "flatMap":
      return left(before, given, place, "gives no elements", "elements");
    case "pair":
      if (stage.key !== null) return left(before, given, place, "left out: no match", "matches");
      return place < countOf(now) ? { place, note: "" } : { place: null, note: "left out: the other query is shorter" };
    case "slice": {
      const [from, to] = given.values as readonly [number, number];
      const length = from < 0 || to < 0 ? countOf(before) : Infinity;
      const [start, end] = [placeOf(from, length), placeOf(to, length)];
      return place >= start && place < end ? { place: place - start, note: "" } : { place: null, note: `left out: only ${start} to before ${Number.isFinite(end) ? end : "the end"} come` };
    }
    case "reverse":
      return { place: countOf(before) - 1 - place, note: "" };
    case "sort":
    case "top":
      return moved(before, now, place, "left out: not among the first of the order");
    case "window": {
      if (stage.verb === "chunk") {
        const chunk = Math.floor(place / stage.offsets.length);
        return chunk < countOf(now) ? { place: chunk, note: `one of ${stage.offsets.length} elements of this chunk` } : { place: null, note: "left out: the last chunk is not full" };
      }
      const count = countOf(now);
      const at = Math.min(place, count - 1);
      return count === 0 ? { place: null, note: "left out: no window is full" } : { place: at, note: `one of ${stage.offsets.length} elements of this window, and of others` };
    }
    case "group":
      return joined(before, given, now, place, stage.aggregates.map(({ name }) => name));
    default:
      return stage satisfies never;
  }
}

/** A stage for which what comes behind an element makes no difference to where that is: so many come before it. `several`: of what it may give several. */
function left(before: BoundQuery, given: BoundQuery, place: number, out: string, several: string | null = null): Step {
  const [first, behind] = [countOf(again(upTo(before, place), given)), countOf(again(upTo(before, place + 1), given))];
  if (behind === first) return { place: null, note: out };
  const count = behind - first;
  return { place: first, note: several !== null && count > 1 ? `the first of ${count} ${several}` : "" };
}

/** A stage that moves rows: those that are the same stay in their order. */
function moved(before: BoundQuery, now: BoundQuery, place: number, out: string): Step {
  const dictionary = new Dictionary(dictionaryOf(before.source));
  const [from, to] = [rowsOf(before, dictionary), rowsOf(now, dictionary)];
  const same = (table: Table, at: number): boolean => [...from.table].every(([name, array]) => Object.is((table.get(name) as AnyTypedArray)[at], array[place]));
  let rank = 0;
  for (let at = 0; at < place; at += 1) if (same(from.table, at)) rank += 1;
  for (let at = 0; at < to.length; at += 1) {
    if (!same(to.table, at)) continue;
    if (rank === 0) return { place: at, note: at === place ? "" : `moved from ${place}` };
    rank -= 1;
  }
  return { place: null, note: out };
}

/** A row for each key: the one with the key of this element. */
function joined(before: BoundQuery, given: BoundQuery, now: BoundQuery, place: number, aggregates: readonly string[]): Step {
  const keyOf = (value: TracedValue): string => JSON.stringify(Object.entries(value as Readonly<Record<string, unknown>>).filter(([name]) => !aggregates.includes(name)), (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : typeof part === "number" && !Number.isFinite(part) ? String(part) : part));
  const key = keyOf(valueAt(again(sliced(before, place, place + 1), given), 0));
  const count = countOf(now);
  const dictionary = new Dictionary(dictionaryOf(now.source));
  const { table } = rowsOf(now, dictionary);
  for (let at = 0; at < count; at += 1) if (keyOf(rowAt(now, table, dictionary, at)) === key) return { place: at, note: `joined group ${at} of ${count}, which is followed from here on` };
  return { place: null, note: "its key depends on its place: no group can be told" };
}

/** What the value is of the elements before, and of those up to this one. `traced`: the query that the element was followed through; `query`: the same, on js. */
function added(traced: BoundQuery, query: BoundQuery, end: TracedEnd, place: number, text: string): TracedTerminal {
  const of = (base: BoundQuery): unknown => end.computed(terminal => {
    const behind = onBase(terminal.query, traced, base);
    const again: BoundTerminal = { ...terminal, query: behind, node: terminalAgain(behind.shape, terminal.node, terminal.values) };
    return finished(again, runNow(again, null));
  });
  return { text, before: of(upTo(query, place)), after: of(upTo(query, place + 1)), result: of(query) };
}

/** The stages that a query has behind the traced one, behind another; taps are not called. */
function onBase(query: BoundQuery, traced: BoundQuery, base: BoundQuery): BoundQuery {
  if (query.shape.depth <= traced.shape.depth) return base;
  const parent = onBase(query.parent as BoundQuery, traced, base);
  return query.shape.kind === "tap" ? parent : again(parent, query);
}

const again = (parent: BoundQuery, given: BoundQuery): BoundQuery => ({ ...given, source: parent.source, parent, backend: parent.backend, shape: stageAgain(parent.shape, given.shape, given.values) });
const sliced = (query: BoundQuery, from: number, to: number): BoundQuery => ({ ...query, parent: query, shape: sliceStage(query.shape, from > 0), values: [from, to] });
const upTo = (query: BoundQuery, count: number): BoundQuery => sliced(query, 0, count);

function countOf(query: BoundQuery): number {
  const terminal: BoundTerminal = { query, node: query.shape.plainTerminal("count"), values: NO_VALUES };
  return finished(terminal, runNow(terminal, null)) as number;
}

function valueAt(query: BoundQuery, place: number): TracedValue {
  const dictionary = new Dictionary(dictionaryOf(query.source));
  return rowAt(query, rowsOf(sliced(query, place, place + 1), dictionary).table, dictionary, 0);
}

function rowAt({ shape }: BoundQuery, table: Table, dictionary: Dictionary, at: number): TracedValue {
  const columns = givenColumns(table, { columns: shape.columns ?? new Map([[SINGLE, shape.element]]), dictionary });
  const values = columns.map(([name, column]) => [name, column.at(at) as ScalarValue | string | null] as const);
  return shape.columns === null ? values[0]?.[1] : Object.fromEntries(values);
}
