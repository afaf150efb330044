/** What moves rows, as data: done natively by the addon where it is there, and by JavaScript where it is not. */
import type { GroupColumn, SpreadTerminal } from "../../fusion/query.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { Codes } from "./codes.js";
import type { Key } from "./sort.js";
import type { Table } from "./table.js";

type Columns = readonly AnyTypedArray[];

/** The columns of a move have at least as many elements as it speaks of. */
export type Move =
  /** The places of the first `limit` rows in the order of the keys, the first key first. */
  | { readonly kind: "sort"; readonly keys: readonly Key[]; readonly length: number; readonly limit: number }
  /** The keys of these rows. */
  | { readonly kind: "order"; readonly keys: readonly Key[]; readonly length: number; readonly limit: number }
  /** As doubles what stands at these places, which ascend, when the values are in order; NaN if one is NaN. */
  | { readonly kind: "select"; readonly values: AnyTypedArray; readonly places: readonly number[] }
  /** Equal rows' numbers, and the first row of each. */
  | { readonly kind: "codes"; readonly columns: Columns; readonly length: number }
  /** The first of equal rows each, in their order. */
  | { readonly kind: "firsts"; readonly columns: Columns; readonly length: number }
  /** The rows by code: places, and where in them each code's begin. */
  | { readonly kind: "buckets"; readonly codes: Uint32Array; readonly count: number }
  /** The pairs of places, left and right, whose keys are the same. `outer`: left ones that match none are paired with `NONE`. */
  | ({ readonly kind: "join"; readonly outer: boolean } & Sides)
  /** The places on the left that have a match on the right; or that have none. */
  | ({ readonly kind: "match"; readonly keep: boolean } & Sides)
  /** The places on the left, each key's first, whose key is on the right, too; or is not. */
  | ({ readonly kind: "common"; readonly keep: boolean } & Sides)
  /** The elements at these places. `zeros`: 0 where the place is `NONE`. */
  | { readonly kind: "rows"; readonly columns: Columns; readonly places: Uint32Array; readonly zeros: boolean }
  | { readonly kind: "reverse"; readonly columns: Columns; readonly length: number }
  /** The first row of each group, and what the groups come to, an array for each aggregate. */
  | { readonly kind: "group"; readonly keys: Columns; readonly length: number; readonly aggregates: readonly GroupValues[] }
  /** What the groups come to. Every code occurs. */
  | { readonly kind: "aggregate"; readonly codes: Uint32Array; readonly count: number; readonly aggregates: readonly GroupValues[] }
  /** The same for what needs a group's elements side by side. */
  | { readonly kind: "spread"; readonly codes: Uint32Array; readonly count: number; readonly aggregates: readonly SpreadValues[] };

/** Keys, of the same types on both sides. */
interface Sides {
  readonly left: Columns;
  readonly leftLength: number;
  readonly right: Columns;
  readonly rightLength: number;
}

export interface GroupValues {
  readonly terminal: Exclude<GroupColumn["terminal"], SpreadTerminal>;
  /** Null for counts. */
  readonly values: AnyTypedArray | null;
}

export interface SpreadValues {
  readonly terminal: SpreadTerminal;
  readonly values: AnyTypedArray;
  /** See `Aggregate`. */
  readonly argument: number;
}

/** Does moves: now, or off the calling thread. */
export interface Mover {
  readonly now: (move: Move) => Columns;
  readonly later: (move: Move) => Promise<Columns>;
}

/** What a step does between its moves; it is told what each of them gave. */
export type Moving<T> = Generator<Move, T, Columns>;

/** A step, with all its moves, now. */
export function moveNow<T>(step: Moving<T>, mover: Mover): T {
  let next = step.next();
  while (next.done !== true) next = step.next(mover.now(next.value));
  return next.value;
}

/** The same, off the calling thread. `check` throws where the step should not go on after a move. */
export async function moveLater<T>(step: Moving<T>, mover: Mover, check: () => void): Promise<T> {
  let next = step.next();
  while (next.done !== true) {
    const moved = await mover.later(next.value);
    check();
    next = step.next(moved);
  }
  return next.value;
}

export function* sortedPlaces(keys: readonly Key[], length: number, limit: number): Moving<Uint32Array> {
  const [places] = yield { kind: "sort", keys, length, limit };
  return places as Uint32Array;
}

export function* sortedValues(keys: readonly Key[], length: number, limit: number): Moving<Columns> {
  return yield { kind: "order", keys, length, limit };
}

export function* selected(values: AnyTypedArray, places: readonly number[]): Moving<Float64Array> {
  const [found] = yield { kind: "select", values, places };
  return found as Float64Array;
}

export function* codesOf(columns: Columns, length: number): Moving<Codes> {
  const [codes, firsts] = yield { kind: "codes", columns, length };
  return { codes: codes as Uint32Array, firsts: firsts as Uint32Array };
}

export function* firstsOf(columns: Columns, length: number): Moving<Uint32Array> {
  const [firsts] = yield { kind: "firsts", columns, length };
  return firsts as Uint32Array;
}

export function* matches(sides: Sides, outer: boolean): Moving<{ readonly left: Uint32Array; readonly right: Uint32Array }> {
  const [left, right] = yield { kind: "join", ...sides, outer };
  return { left: left as Uint32Array, right: right as Uint32Array };
}

export function* matching(sides: Sides, keep: boolean): Moving<Uint32Array> {
  const [places] = yield { kind: "match", ...sides, keep };
  return places as Uint32Array;
}

export function* commonPlaces(sides: Sides, keep: boolean): Moving<Uint32Array> {
  const [places] = yield { kind: "common", ...sides, keep };
  return places as Uint32Array;
}

/** New arrays of the rows at these places, in their order. */
export function* rowsAt(table: Table, places: Uint32Array, zeros = false): Moving<Table> {
  const columns = table.size === 0 ? [] : yield { kind: "rows", columns: [...table.values()], places, zeros };
  return named(table, columns);
}

/** The same, with zeros where the place is `NONE`. */
export const rowsOrZerosAt = (table: Table, places: Uint32Array): Moving<Table> => rowsAt(table, places, true);

export function* reversed(table: Table, length: number): Moving<Table> {
  return named(table, yield { kind: "reverse", columns: [...table.values()], length });
}

export function* grouped(keys: Columns, length: number, aggregates: readonly GroupValues[]): Moving<{ readonly firsts: Uint32Array; readonly results: Columns }> {
  const [firsts, ...results] = yield { kind: "group", keys, length, aggregates };
  return { firsts: firsts as Uint32Array, results };
}

export function* aggregated({ codes, firsts }: Codes, aggregates: readonly GroupValues[]): Moving<Columns> {
  return yield { kind: "aggregate", codes, count: firsts.length, aggregates };
}

export function* spreadOf({ codes, firsts }: Codes, aggregates: readonly SpreadValues[]): Moving<Columns> {
  return aggregates.length === 0 ? [] : yield { kind: "spread", codes, count: firsts.length, aggregates };
}

const named = (table: Table, columns: Columns): Table => new Map([...table.keys()].map((name, at) => [name, columns[at] as AnyTypedArray]));
