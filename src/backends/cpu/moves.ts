/** Moves by the native addon (native/table.hpp), which takes arrays and numbers. */
import type { SpreadTerminal } from "../../../fusion/query.js";
import type { AnyTypedArray } from "../../../fusion/values.js";
import type { GroupValues, Move, Mover } from "../../table/move.js";
import type { NativeAddon } from "./addon.js";

/** `threads`: by how many a move may be shared. */
export const nativeMover = (addon: NativeAddon, threads = 1): Mover => ({
  now: move => addon.move(move.kind, ...argumentsOf(move), threads),
  later: async move => addon.moveLater(move.kind, ...argumentsOf(move), threads),
});

/** Mirrors `Terminal` of native/table-terminal.hpp. */
const TERMINALS: readonly GroupValues["terminal"][] = ["count", "sum", "average", "min", "max", "first", "last"];
/** Mirrors `Spread` of native/table-spread.hpp. */
const SPREADS: readonly SpreadTerminal[] = ["variance", "standardDeviation", "median", "quantile"];

function argumentsOf(move: Move): readonly [arrays: readonly AnyTypedArray[], numbers: readonly number[]] {
  switch (move.kind) {
    case "sort":
    case "order":
      return [move.keys.map(({ array }) => array), [move.length, move.limit, ...move.keys.map(({ descending }) => Number(descending))]];
    case "select":
      return [[move.values], move.places];
    case "codes":
    case "firsts":
    case "reverse":
      return [move.columns, [move.length]];
    case "buckets":
      return [[move.codes], [move.count]];
    case "join":
      return [[...move.left, ...move.right], [move.leftLength, move.rightLength, Number(move.outer)]];
    case "match":
    case "common":
      return [[...move.left, ...move.right], [move.leftLength, move.rightLength, Number(move.keep)]];
    case "rows":
      return [[move.places, ...move.columns], [Number(move.zeros)]];
    case "group": {
      const { columns, which } = aggregatesIn(move.aggregates);
      return [[...move.keys, ...columns], [move.length, move.keys.length, ...which]];
    }
    case "aggregate": {
      const { columns, which } = aggregatesIn(move.aggregates);
      return [[move.codes, ...columns], [move.count, ...which]];
    }
    case "spread":
      return [[move.codes, ...move.aggregates.map(({ values }) => values)], [move.count, ...move.aggregates.flatMap(({ terminal, argument }) => [SPREADS.indexOf(terminal), argument])]];
    default:
      return move satisfies never;
  }
}

/** The columns, and of each aggregate the terminal and which of them it is of. */
function aggregatesIn(aggregates: readonly GroupValues[]): { readonly columns: readonly AnyTypedArray[]; readonly which: readonly number[] } {
  const columns = [...new Set(aggregates.flatMap(({ values }) => (values === null ? [] : [values])))];
  return { columns, which: aggregates.flatMap(({ terminal, values }) => [TERMINALS.indexOf(terminal), values === null ? 0 : columns.indexOf(values)]) };
}
