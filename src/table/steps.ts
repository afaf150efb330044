/** What happens to tables between kernels: rows are chosen, moved and grouped, on the calling thread. */
import { keyColumn, MATCHED, rightColumn, type GroupColumn, type KeptPart, type TableStep } from "../../fusion/query.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import type { ElementType, ScalarValue } from "../../fusion/types.js";
import { byCode, codesOf } from "./codes.js";
import { distinctMatching, matches, matching } from "./join.js";
import { firstPlaces, sortedPlaces } from "./sort.js";
import { appended, columnOf, elementsAt, elementsOr, NONE, rowsAt, rowsOrZerosAt, without, type Table } from "./table.js";

export interface Rows {
  readonly table: Table;
  readonly length: number;
}

export interface StepContext {
  /** The values of a stage, in the order of its names: a slice's start and end. A top's last is how many. */
  readonly valuesOf: (stage: number) => readonly unknown[];
  /** What the query gives that is this value of a stage, counted from the end. */
  readonly otherOf: (stage: number, fromEnd: number) => Rows;
  /** What a terminal gives for an array by itself. */
  readonly aggregate: (terminal: GroupColumn["terminal"], array: AnyTypedArray) => ScalarValue;
}

/** `found`: the place that the kernel before the step has found; -1 for none. */
export function applyStep(step: TableStep, { table, length }: Rows, found: number, context: StepContext): Rows {
  switch (step.kind) {
    case "slice": {
      const [start, end] = context.valuesOf(step.stages[0] as number) as [number, number];
      return between({ table, length }, placeOf(start, length), placeOf(end, length));
    }
    case "keep":
      return between({ table, length }, ...keptPlaces(step.part, found, length));
    case "reverse":
      return { table: new Map([...table].map(([name, array]) => [name, (array.slice() as Float64Array).reverse()])), length };
    case "distinct": {
      const { firsts } = codesOf([...table.values()], length);
      return { table: rowsAt(table, firsts), length: firsts.length };
    }
    case "sort": {
      const keys = step.keys.map(({ column, descending }) => ({ array: columnOf(table, column), descending }));
      const rest = without(table, step.keys.map(({ column }) => column));
      const limit = step.limit === null ? length : Math.min(length, context.valuesOf(step.limit).at(-1) as number);
      return { table: rowsAt(rest, limit < length ? firstPlaces(keys, length, limit) : sortedPlaces(keys, length)), length: limit };
    }
    case "concat":
      return concatenated({ table, length }, context.otherOf(step.stages[0] as number, 1));
    case "set": {
      const right = context.otherOf(step.stages[0] as number, 1);
      if (step.verb === "union") {
        const both = concatenated({ table, length }, right);
        const { firsts } = codesOf([...both.table.values()], both.length);
        return { table: rowsAt(both.table, firsts), length: firsts.length };
      }
      const names = [...table.keys()];
      const places = distinctMatching(keysIn(table, names), length, keysIn(right.table, names), right.length, step.verb === "intersect");
      return { table: rowsAt(table, places), length: places.length };
    }
    case "zip": {
      const right = context.otherOf(step.stages[0] as number, 1);
      const shorter = Math.min(length, right.length);
      const both = [...table, ...onTheRight(right.table)].map(([name, array]) => [name, array.subarray(0, shorter)] as const);
      return { table: new Map(both), length: shorter };
    }
    case "join": {
      const [right, rightKeys] = [context.otherOf(step.stages[0] as number, 2), context.otherOf(step.stages[0] as number, 1)];
      const pairs = matches(keysIn(table, step.keys), length, [...rightKeys.table.values()], right.length, step.outer);
      const matched = step.outer ? [[MATCHED, Uint8Array.from(pairs.right, place => Number(place !== NONE))] as const] : [];
      return { table: new Map([...rowsAt(without(table, step.keys), pairs.left), ...onTheRight((step.outer ? rowsOrZerosAt : rowsAt)(right.table, pairs.right)), ...matched]), length: pairs.left.length };
    }
    case "groupJoin":
      return withGroups(step, { table, length }, context.otherOf(step.stages[0] as number, 1));
    case "match": {
      const right = context.otherOf(step.stages[0] as number, 1);
      const places = matching(keysIn(table, step.keys), length, [...right.table.values()], right.length, step.keep);
      return { table: rowsAt(without(table, step.keys), places), length: places.length };
    }
    case "group":
      return group(step, { table, length }, context);
    default:
      return step satisfies never;
  }
}

/** Views of the rows from one place to before another. */
function between({ table }: Rows, from: number, to: number): Rows {
  const end = Math.max(from, to);
  return { table: new Map([...table].map(([name, array]) => [name, array.subarray(from, end)])), length: end - from };
}

function keptPlaces(part: KeptPart, found: number, length: number): readonly [number, number] {
  switch (part) {
    case "head":
      return [0, Math.min(1, length)];
    case "tail":
      return [Math.max(0, length - 1), length];
    case "at":
      return found < 0 ? [0, 0] : [found, found + 1];
    case "through":
      return [0, found + 1];
    default:
      return part satisfies never;
  }
}

const keysIn = (table: Table, keys: readonly string[]): readonly AnyTypedArray[] => keys.map(key => columnOf(table, key));

const onTheRight = (table: Table): readonly (readonly [string, AnyTypedArray])[] => [...table].map(([name, array]) => [rightColumn(name), array]);

/** Keys occur once among the groups, so that rows stay where they are. The groups' key columns come before what they come to. */
function withGroups(step: TableStep & { readonly kind: "groupJoin" }, { table, length }: Rows, groups: Rows): Rows {
  const keys = [...groups.table.values()].slice(0, groups.table.size - step.aggregates.length);
  const { right: places } = matches(keysIn(table, step.keys), length, keys, groups.length, true);
  const joined = step.aggregates.map(({ name, element, nothing }) => [name, elementsOr(nothing, element, columnOf(groups.table, name), places)] as const);
  return { table: new Map([...without(table, step.keys), ...joined]), length };
}

function concatenated(left: Rows, right: Rows): Rows {
  const table = [...left.table].map(([name, array]) => [name, appended(elementTypeOf(array) as ElementType, array, left.length, columnOf(right.table, name), right.length)] as const);
  return { table: new Map(table), length: left.length + right.length };
}

/** As `slice` counts: from the end where it is negative. */
const placeOf = (place: number, length: number): number => (place < 0 ? Math.max(0, length + place) : Math.min(place, length));

function group(step: TableStep & { readonly kind: "group" }, { table, length }: Rows, context: StepContext): Rows {
  const found = codesOf(step.keys.map((_, at) => columnOf(table, keyColumn(at + 1))), length);
  const { places, offsets } = byCode(found);
  const count = found.firsts.length;
  const grouped = new Map<string, AnyTypedArray>(step.keys.map(({ column, name }) => [name, elementsAt(columnOf(table, column), found.firsts)]));
  for (const { name, terminal, column, element } of step.aggregates) {
    const results = newArray(element, count);
    const values = column === null ? null : elementsAt(columnOf(table, column), places);
    for (let code = 0; code < count; code += 1) {
      const [from, to] = [offsets[code] as number, offsets[code + 1] as number];
      (results as Float64Array)[code] = (values === null ? to - from : context.aggregate(terminal, values.subarray(from, to))) as number;
    }
    grouped.set(name, results);
  }
  return { table: grouped, length: count };
}
