/** Moves as JavaScript: the js backend's, and where there is no addon everybody's. */
import type { AnyTypedArray } from "../../fusion/values.js";
import { aggregatesOf } from "./aggregate.js";
import { byCode, codesOf } from "./codes.js";
import { distinctMatching, matches, matching } from "./join.js";
import type { Move, Mover } from "./move.js";
import { selectedFrom } from "./select.js";
import { firstPlaces, sortedPlaces, type Key } from "./sort.js";
import { spreadsOf } from "./spread.js";
import { elementsAt, elementsOrZerosAt } from "./table.js";

/** It has no thread but the calling one. */
export const scriptMover: Mover = { now: moveInScript, later: async move => moveInScript(move) };

export function moveInScript(move: Move): readonly AnyTypedArray[] {
  switch (move.kind) {
    case "sort":
      return [placesOf(move.keys, move.length, move.limit)];
    case "order": {
      const places = placesOf(move.keys, move.length, move.limit);
      return move.keys.map(({ array }) => elementsAt(array, places));
    }
    case "select":
      return [selectedFrom(Float64Array.from(move.values as Float64Array), move.places)];
    case "codes": {
      const { codes, firsts } = codesOf(move.columns, move.length);
      return [codes, firsts];
    }
    case "firsts":
      return [codesOf(move.columns, move.length).firsts];
    case "buckets": {
      const { places, offsets } = byCode(move.codes, move.count);
      return [places, offsets];
    }
    case "join": {
      const { left, right } = matches(move.left, move.leftLength, move.right, move.rightLength, move.outer);
      return [left, right];
    }
    case "match":
      return [matching(move.left, move.leftLength, move.right, move.rightLength, move.keep)];
    case "common":
      return [distinctMatching(move.left, move.leftLength, move.right, move.rightLength, move.keep)];
    case "rows":
      return move.columns.map(column => (move.zeros ? elementsOrZerosAt : elementsAt)(column, move.places));
    case "reverse":
      return move.columns.map(column => (column.slice(0, move.length) as Float64Array).reverse());
    case "group": {
      const { codes, firsts } = codesOf(move.keys, move.length);
      return [firsts, ...aggregatesOf(codes, firsts.length, move.aggregates)];
    }
    case "aggregate":
      return aggregatesOf(move.codes, move.count, move.aggregates);
    case "spread":
      return spreadsOf(move.codes, move.count, move.aggregates);
    default:
      return move satisfies never;
  }
}

const placesOf = (keys: readonly Key[], length: number, limit: number): Uint32Array => (limit < length ? firstPlaces(keys, length, limit) : sortedPlaces(keys, length));
