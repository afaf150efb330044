/** What happens to tables between kernels: rows are chosen, moved and grouped. */
import { isValidity, rightColumn, shownNames } from "../../fusion/columns.js";
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import { isSpread, MATCHED, SINGLE, type KeptPart, type KeyPart, type TableStep } from "../../fusion/query.js";
import { storedAs, type ElementType } from "../../fusion/types.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { checkAttached } from "../query/given.js";
import { translated, type Dictionary } from "./dictionary.js";
import { givenColumns, type Encoding } from "./given.js";
import { flatLength, flattened } from "./flatten.js";
import { comparable } from "./join.js";
import { aggregated, codesOf, commonPlaces, firstsOf, grouped, matches, matching, reversed, rowsAt, rowsOrZerosAt, sortedPlaces, sortedValues, spreadOf, type Moving } from "./move.js";
import { aggregatedPresent, withoutNulls } from "./nulls.js";
import { around, chunks, windows } from "./window.js";
import { appended, columnOf, elementsOr, NONE, without, type Table } from "./table.js";

export interface Rows {
  readonly table: Table;
  readonly length: number;
}

export interface StepContext {
  /** The values of a stage, in the order of its names: a slice's start and end. A top's last is how many. */
  readonly valuesOf: (stage: number) => readonly unknown[];
  /** What the query gives that is this value of a stage, counted from the end. */
  readonly otherOf: (stage: number, fromEnd: number) => Rows;
  /** The keys of what that gives: the query of them is the last value of a join. */
  readonly keysOf: (stage: number, right: Rows) => Rows;
  /** The strings whose codes the tables hold. */
  readonly dictionary: Dictionary;
}

/** `found`: the place that the kernel before the step has found; -1 for none. */
export function* applyStep(step: TableStep, { table, length }: Rows, found: number, context: StepContext): Moving<Rows> {
  switch (step.kind) {
    case "slice": {
      const [start, end] = context.valuesOf(step.stages[0] as number) as [number, number];
      return between({ table, length }, placeOf(start, length), placeOf(end, length));
    }
    case "keep":
      return between({ table, length }, ...keptPlaces(step.part, found, length));
    case "chunk":
      return chunks(step.size, columnOf(table, SINGLE), length);
    case "window":
      return (step.apart ? windows : around)(step.offsets, step.edge, columnOf(table, SINGLE), length, () => context.valuesOf(step.stages[0] as number).at(-1));
    case "reverse":
      return { table: yield* reversed(table, length), length };
    case "distinct": {
      const firsts = yield* firstsOf([...table.values()], length);
      return { table: yield* rowsAt(table, firsts), length: firsts.length };
    }
    case "sort": {
      // Strings are ordered by their places in the order of all.
      const keys = step.keys.map(({ column, descending, strings }) => ({ array: strings ? translated(columnOf(table, column) as Uint32Array, context.dictionary.ranks()) : columnOf(table, column), descending }));
      const rest = without(table, step.keys.map(({ column }) => column));
      const limit = step.limit === null ? length : Math.min(length, context.valuesOf(step.limit).at(-1) as number);
      const which = [...rest].map(([name, array]) => [name, keys.findIndex(key => key.array === array)] as const);
      if (rest.size > 0 && which.every(([, key]) => key >= 0)) {
        const sorted = yield* sortedValues(keys, length, limit);
        return { table: new Map(which.map(([name, key]) => [name, sorted[key] as AnyTypedArray])), length: limit };
      }
      return { table: yield* rowsAt(rest, yield* sortedPlaces(keys, length, limit)), length: limit };
    }
    case "concat":
      return concatenated({ table, length }, context.otherOf(step.stages[0] as number, 1));
    case "set": {
      const right = context.otherOf(step.stages[0] as number, 1);
      if (step.verb === "union") {
        const both = concatenated({ table, length }, right);
        const firsts = yield* firstsOf([...both.table.values()], both.length);
        return { table: yield* rowsAt(both.table, firsts), length: firsts.length };
      }
      const names = [...table.keys()];
      const columns = comparable(keysIn(table, names), keysIn(right.table, names));
      const places = yield* commonPlaces({ ...columns, leftLength: length, rightLength: right.length }, step.verb === "intersect");
      return { table: yield* rowsAt(table, places), length: places.length };
    }
    case "zip": {
      const others = Array.from({ length: step.others }, (_, at) => context.otherOf(step.stages[0] as number, step.others - at));
      const shortest = Math.min(length, ...others.map(other => other.length));
      const all = [...table, ...others.flatMap((other, at) => onTheRight(other.table, at + 1))].map(([name, array]) => [name, array.subarray(0, shortest)] as const);
      return { table: new Map(all), length: shortest };
    }
    case "flatten": {
      const total = flatLength(table, length, step.columns[0]?.from.length ?? 0, step.varied);
      return { table: new Map(step.columns.map(({ name, from }) => [name, flattened(table, from, length, total, step.varied)])), length: total };
    }
    case "tap":
      tap(context.valuesOf(step.stages[0] as number)[0] as Tapped, { table, length }, { columns: step.columns, dictionary: context.dictionary });
      return { table, length };
    case "join": {
      const right = context.otherOf(step.stages[0] as number, 2);
      const rightKeys = context.keysOf(step.stages[0] as number, right);
      const keys = keysOfBoth(table, step.keys, rightKeys.table);
      const pairs = yield* matches({ ...keys, leftLength: length, rightLength: right.length }, step.outer);
      const lefts = yield* rowsAt(withoutKeys(table, step.keys), pairs.left);
      const rights = yield* (step.outer ? rowsOrZerosAt : rowsAt)(right.table, pairs.right);
      const matched = step.outer ? [[MATCHED, matchedOf(pairs.right)] as const] : [];
      return { table: new Map([...lefts, ...onTheRight(rights), ...matched]), length: pairs.left.length };
    }
    case "groupJoin":
      return yield* withGroups(step, { table, length }, context.otherOf(step.stages[0] as number, 1));
    case "match": {
      const right = context.otherOf(step.stages[0] as number, 1);
      const keys = keysOfBoth(table, step.keys, right.table);
      const places = yield* matching({ ...keys, leftLength: length, rightLength: right.length }, step.keep);
      return { table: yield* rowsAt(withoutKeys(table, step.keys), places), length: places.length };
    }
    case "group":
      return yield* group(step, { table, length });
    default:
      return step satisfies never;
  }
}

/** Views of the rows from one place to before another. What windows reach for behind the last row stays behind it. */
function between({ table, length }: Rows, from: number, to: number): Rows {
  const end = Math.max(from, to);
  return { table: new Map([...table].map(([name, array]) => [name, array.subarray(from, array.length - length + end)])), length: end - from };
}

/** From which place to before which other. */
export function keptPlaces(part: KeptPart, found: number, length: number): readonly [number, number] {
  switch (part) {
    case "head":
      return [0, Math.min(1, length)];
    case "tail":
      return [Math.max(0, length - 1), length];
    case "at":
      return found < 0 ? [0, 0] : [found, found + 1];
    case "through":
      return [0, found + 1];
    case "before":
      return [0, found < 0 ? length : found];
    case "from":
      return [found < 0 ? length : found, length];
    default:
      return part satisfies never;
  }
}

const keysIn = (table: Table, keys: readonly string[]): readonly AnyTypedArray[] => keys.map(key => columnOf(table, key));

/** The keys of both, fields of the same name together. */
function keysOfBoth(table: Table, keys: readonly KeyPart[], right: Table) {
  const values = keys.filter(({ column }) => !isValidity(column));
  const left = keysIn(table, values.map(({ column }) => column));
  const names = values.map(({ name }) => name);
  const others = new Map([...right].filter(([name]) => !isValidity(name)));
  if (left.length === others.size && left.length > 1 && !names.every(name => others.has(name))) {
    throw new QueryError("DC305", `the key of a join has the fields ${names.join(", ")} on the left and ${[...others.keys()].join(", ")} on the right`, "Give both keys fields of the same names.");
  }
  const both = comparable(left, left.length === others.size && left.length > 1 ? keysIn(others, names) : [...others.values()]);
  return withoutNulls(both, new Map(keys.map(({ column }) => [column, columnOf(table, column)])), right);
}

const withoutKeys = (table: Table, keys: readonly KeyPart[]): Table => without(table, keys.map(({ column }) => column));

/** The columns as those of another query. */
export const onTheRight = (table: Table, others = 1): readonly (readonly [string, AnyTypedArray])[] => [...table].map(([name, array]) => [rightColumn(name, others), array]);

export type Tapped = (element: unknown, place: number) => unknown;

/** `base`: the place of the first row. */
export function tap(f: Tapped, { table, length }: Rows, encoding: Encoding | null, base = 0): void {
  const columns = givenColumns(table, encoding);
  const single = columns.find(([name]) => name === SINGLE)?.[1];
  for (let at = 0; at < length; at += 1) {
    f(single === undefined ? Object.fromEntries(columns.map(([name, column]) => [name, column.at(at)])) : single.at(at), base + at);
    for (const [name, array] of table) if (array.length < length) checkAttached(array, name === SINGLE ? "what tap() is called with" : `the column ${shownNames([name])[0] ?? name}`);
  }
}

/** Keys occur once among the groups, so that rows stay where they are. */
function* withGroups(step: TableStep & { readonly kind: "groupJoin" }, { table, length }: Rows, groups: Rows): Moving<Rows> {
  const keys = keysOfBoth(table, step.keys, without(groups.table, step.aggregates.map(({ name }) => name)));
  const { right: places } = yield* matches({ ...keys, leftLength: length, rightLength: groups.length }, true);
  const joined = step.aggregates.map(({ name, element, nothing }) => [name, elementsOr(nothing, storedAs(element), columnOf(groups.table, name), places)] as const);
  return { table: new Map([...withoutKeys(table, step.keys), ...joined]), length };
}

/** Whether a left row has a right one. */
function matchedOf(right: Uint32Array): Uint8Array {
  const matched = new Uint8Array(right.length);
  for (let at = 0; at < right.length; at += 1) matched[at] = Number(right[at] !== NONE);
  return matched;
}

function concatenated(left: Rows, right: Rows): Rows {
  const table = [...left.table].map(([name, array]) => [name, appended(elementTypeOf(array) as ElementType, array, left.length, columnOf(right.table, name), right.length)] as const);
  return { table: new Map(table), length: left.length + right.length };
}

/** As `slice` counts: from the end where it is negative. */
export const placeOf = (place: number, length: number): number => (place < 0 ? Math.max(0, length + place) : Math.min(place, length));

function* group(step: TableStep & { readonly kind: "group" }, { table, length }: Rows): Moving<Rows> {
  const by = step.keys.map(({ column }) => columnOf(table, column));
  const whole = step.aggregates.flatMap(({ name, terminal, column, valid }) => (valid !== null || isSpread(terminal) ? [] : [{ name, terminal, values: column === null ? null : columnOf(table, column) }]));
  const spreads = step.aggregates.flatMap(({ name, terminal, column, valid, argument }) => (valid === null && isSpread(terminal) ? [{ name, terminal, values: columnOf(table, column as string), argument: argument as number }] : []));
  const values = whole.map(({ terminal, values: own }) => ({ terminal, values: own }));
  // Where nulls are left out, or elements are put side by side, rows are asked for their group once more.
  const found = whole.length < step.aggregates.length ? yield* codesOf(by, length) : null;
  const { firsts, results } = found === null ? yield* grouped(by, length, values) : { firsts: found.firsts, results: yield* aggregated(found, values) };
  const keys = yield* rowsAt(new Map(step.keys.map(({ column, name }) => [name, columnOf(table, column)])), firsts);
  const known = new Map(whole.map(({ name }, at) => [name, results[at] as AnyTypedArray]));
  if (found !== null) {
    const spread = yield* spreadOf(found, spreads);
    for (const [at, { name }] of spreads.entries()) known.set(name, spread[at] as AnyTypedArray);
    for (const { name, terminal, column, valid, element, argument = 0 } of step.aggregates) {
      if (valid === null) continue;
      const own = columnOf(table, column as string);
      known.set(name, yield* aggregatedPresent(found, isSpread(terminal) ? { terminal, values: own, argument } : { terminal, values: own }, columnOf(table, valid), storedAs(element)));
    }
  }
  const named = step.aggregates.map(({ name, element }) => {
    const result = known.get(name) as AnyTypedArray;
    if (elementTypeOf(result) !== storedAs(element)) throw new CompilerBug(`the aggregate ${name} was planned as ${element}, but is stored as ${elementTypeOf(result)}`);
    return [name, result] as const;
  });
  return { table: new Map([...keys, ...named]), length: firsts.length };
}
