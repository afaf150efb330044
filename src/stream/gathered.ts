/** Steps that carry along what has come so far, as much as their results are: different rows, groups, the first of an order. */
import { CompilerBug } from "../../fusion/errors.js";
import { isSpread, type GroupColumn, type TableStep } from "../../fusion/query.js";
import { storedAs, type ElementType } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { translated, type Dictionary } from "../table/dictionary.js";
import { codesOf, firstsOf, rowsAt, sortedPlaces, type Moving } from "../table/move.js";
import { appended, columnOf, elementsAt, without, type Table } from "../table/table.js";
import { KeyTable } from "./keys.js";
import { views, type Chunk, type Chunked } from "./pieces.js";
import { grown, stateOf, type GroupState } from "./states.js";

/** Does what a step does between its moves. */
export type Move = <T>(step: Moving<T>) => Promise<T>;

/** Rows that have not come before, as they come. */
export async function* distinct(rows: Chunked, move: Move): Chunked {
  const known = new KeyTable();
  for await (const { table, length } of rows) {
    const firsts = await move(firstsOf([...table.values()], length));
    const own = await move(rowsAt(table, firsts));
    const { fresh } = numbered(known, own, firsts.length);
    if (fresh.length > 0) yield { table: fresh.length === firsts.length ? own : await move(rowsAt(own, fresh)), length: fresh.length };
  }
}

/** The numbers of keys, and where those are that have not come before. */
function numbered(known: KeyTable, keys: Table, length: number): { readonly numbers: Uint32Array; readonly fresh: Uint32Array } {
  const before = known.size;
  const numbers = known.numbersOf([...keys.values()], length);
  return { numbers, fresh: placesWhere(numbers, number => number >= before) };
}

function placesWhere(array: AnyTypedArray, test: (value: number) => boolean): Uint32Array {
  const places = new Uint32Array(array.length);
  let count = 0;
  for (let at = 0; at < array.length; at += 1) if (test(array[at] as number)) places[count++] = at;
  return places.subarray(0, count);
}

/** The groups, once all rows have come: of each its key, and what its aggregates have come to. */
export async function* groups(step: TableStep & { readonly kind: "group" }, rows: Chunked, move: Move): Chunked {
  const known = new KeyTable();
  const keys = new Map<string, AnyTypedArray>();
  const states = new Map<GroupColumn, GroupState>();
  for await (const { table, length } of rows) {
    const { codes, firsts } = await move(codesOf(step.keys.map(({ column }) => columnOf(table, column)), length));
    const own = await move(rowsAt(new Map(step.keys.map(({ column, name }) => [name, columnOf(table, column)])), firsts));
    const before = known.size;
    const { numbers, fresh } = numbered(known, own, firsts.length);
    for (const [name, array] of own) keep(keys, name, elementsAt(array, fresh), before);
    const groupOf = translated(codes, numbers);
    for (const aggregate of step.aggregates) add(states, aggregate, table, groupOf, known.size);
  }
  const columns = step.aggregates.map(aggregate => [aggregate.name, states.get(aggregate)?.results(known.size)] as const);
  if (known.size > 0) yield { table: new Map([...views(keys, 0, known.size), ...columns.map(([name, array]) => [name, checked(array, name, step)] as const)]), length: known.size };
}

/** Puts more of a column behind so many, in room that doubles when it is full. */
function keep(columns: Map<string, AnyTypedArray>, name: string, more: AnyTypedArray, count: number): void {
  const room = grown(columns.get(name) ?? newArray(elementTypeOf(more) as ElementType, 16), count + more.length);
  (room as Float64Array).set(more as Float64Array, count);
  columns.set(name, room);
}

function add(states: Map<GroupColumn, GroupState>, aggregate: GroupColumn, table: Table, groupOf: Uint32Array, groups: number): void {
  const { terminal, column, valid } = aggregate;
  if (isSpread(terminal)) throw new CompilerBug(`the ${terminal} of groups is not carried along`);
  const values = column === null ? groupOf : columnOf(table, column);
  let state = states.get(aggregate);
  if (state === undefined) states.set(aggregate, (state = stateOf(terminal, elementTypeOf(values) as ElementType)));
  if (valid === null) return state.add(groupOf, values, groups);
  const places = placesWhere(columnOf(table, valid), there => there !== 0);
  state.add(elementsAt(groupOf, places) as Uint32Array, elementsAt(values, places), groups);
}

function checked(array: AnyTypedArray | undefined, name: string, { aggregates }: TableStep & { readonly kind: "group" }): AnyTypedArray {
  const element = aggregates.find(aggregate => aggregate.name === name)?.element ?? "f64";
  if (array === undefined || elementTypeOf(array) !== storedAs(element)) throw new CompilerBug(`the aggregate ${name} was planned as ${element}, but is stored otherwise`);
  return array;
}

/** The first rows of an order, so many of those that have come so far; what is equal stays in its order. */
export async function* firstOf({ keys }: TableStep & { readonly kind: "sort" }, rows: Chunked, limit: number, dictionary: Dictionary, move: Move): Chunked {
  const first = async ({ table, length }: Chunk): Promise<Chunk> => {
    // Strings are ordered by their places in the order of all, which new ones change.
    const by = keys.map(({ column, descending, strings }) => ({ array: strings ? translated(columnOf(table, column) as Uint32Array, dictionary.ranks()) : columnOf(table, column), descending }));
    const count = Math.min(limit, length);
    return { table: await move(rowsAt(table, await move(sortedPlaces(by, length, count)))), length: count };
  };
  let best: Chunk | null = null;
  for await (const piece of rows) {
    const own = await first(piece);
    best = best === null ? own : await first(both(best, own));
  }
  if (best !== null && best.length > 0) yield { table: without(best.table, keys.map(({ column }) => column)), length: best.length };
}

const both = (before: Chunk, now: Chunk): Chunk => ({
  table: new Map([...before.table].map(([name, array]) => [name, appended(elementTypeOf(array) as ElementType, array, before.length, columnOf(now.table, name), now.length)])),
  length: before.length + now.length,
});

/** All rows at once, of which there are no more than some step before has left; null if there are none. */
export async function all(rows: Chunked): Promise<Chunk | null> {
  const columns = new Map<string, AnyTypedArray>();
  let count = 0;
  for await (const { table, length } of rows) {
    for (const [name, array] of table) keep(columns, name, array.subarray(0, length), count);
    count += length;
  }
  return count === 0 ? null : { table: views(columns, 0, count), length: count };
}
