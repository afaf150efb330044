/** In words: how a stream's pieces come to one result. */
import { isOrdered } from "../../fusion/emit/js-state.js";
import type { Kernel, Sink } from "../../fusion/ir.js";
import { plainName, type PlannedKernel, type SequenceShape } from "../../fusion/query.js";
import { sinksOf, storedElement } from "../../fusion/traverse.js";
import { BLOCK } from "../../fusion/types.js";
import { PIECE } from "./pieces.js";

export const joinsInWords = ({ kernel, onward }: PlannedKernel): string => `${sinkInWords(kernel.sink)}${onward === undefined ? "" : ", by a second kernel that begins with a value"}`;

function sinkInWords(sink: Sink): string {
  switch (sink.kind) {
    case "count":
      return "the pieces' counts add up";
    case "reduce":
      return `the pieces' values join by ${sink.op} as a pairwise tree, ${PIECE / BLOCK} blocks each: the bits of the whole array`;
    case "fold":
      return sink.combine === null ? "each piece goes on from the value of the one before" : `the pieces' values join by combine as a pairwise tree, ${PIECE / BLOCK} blocks each`;
    case "first":
      return "no more of the stream is read then";
    case "last":
      return "of the last piece that has one";
    case "several":
      return sinkInWords(sink.sinks[0] as Sink);
    case "array":
      return "chunk by chunk, as they come: nothing waits for what comes later";
    case "scan":
      return `chunk by chunk, ${isOrdered(sink) ? `in whole blocks of ${BLOCK}` : "as they come"}: each goes on from the last value of the one before`;
    default:
      return sink satisfies never;
  }
}

/** What the kernels of the first table read. */
export const readsInWords = (columns: readonly string[], { sink, source }: Kernel, holds: SequenceShape): string =>
  `${columns.length === 0 ? "" : `the column${columns.length === 1 ? "" : "s"} ${columns.map(plainName).join(", ")} of `}the stream, in pieces of ${storedElement(sinksOf(sink)[0] as Sink) === null ? "" : "at most "}${PIECE} elements${readsStrings(columns, source, holds) ? STRINGS : ""}`;

const STRINGS = ", strings by their codes in one dictionary, which grows by those that are new";

const readsStrings = (columns: readonly string[], source: Kernel["source"], holds: SequenceShape): boolean =>
  holds.columns === null ? source.kind === "array" && holds.element === "string" : columns.some(name => holds.columns.get(name) === "string");
