/** In words: how a stream's pieces come to one result. */
import { isValidity } from "../../fusion/columns.js";
import { isOrdered } from "../../fusion/emit/js-state.js";
import type { Kernel, Sink } from "../../fusion/ir.js";
import { plainName, type PlannedKernel, type SequenceShape, type TableStep } from "../../fusion/query.js";
import { sinksOf, storedElement } from "../../fusion/traverse.js";
import { BLOCK, LANES } from "../../fusion/types.js";
import { showStep } from "../table/show.js";
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
    case "stores":
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

/** Why a kernel ends, where rows come in pieces. */
export const barrierInWords = (barrier: string | null): string | null => barrier?.replace(/ needs? all elements first$/, match => (match.includes("needs") ? " is done between kernels, piece by piece" : " are made between kernels, piece by piece")) ?? null;

/** What happens to the rows of a stream between kernels. See `showStep`. */
export function streamStepInWords(step: TableStep, limit: number, native: boolean): string {
  const moved = `on the calling thread, ${native ? "native" : "as JavaScript"}`;
  switch (step.kind) {
    case "distinct":
      return `distinct: piece by piece, ${moved}; then by a table of all that were different so far, as JavaScript`;
    case "set":
      return `${step.verb}: runs the other query${step.verb === "union" ? ", whose rows come last" : ", then piece by piece a hash table of both"}, ${moved}; and by a table of all that were different so far, as JavaScript`;
    case "join":
    case "match":
    case "groupJoin":
      return `${showStep(step, limit, native)}, piece by piece: again for each, so that pieces are at least as long as the other query's rows`;
    case "group": {
      const shown = step.aggregates.filter(({ name }) => !isValidity(name)).map(({ name, terminal }) => `${name} (${terminal})`);
      const sums = step.aggregates.some(({ terminal }) => terminal === "sum" || terminal === "average");
      return `group: piece by piece a hash table, ${moved}; ${["the groups", ...shown].join(", ")} are carried along as JavaScript${sums ? `, of sums ${LANES} lanes and a tree of blocks for each group` : ""}: memory for the groups, not for the stream`;
    }
    case "sort":
      return step.limit === null ? behindGroups(step, limit, native) : `top ${limit} of a stable order, piece by piece: its first ${limit}, and the first of those and of the first so far, ${moved}`;
    case "reverse":
      return behindGroups(step, limit, native);
    case "slice":
    case "keep":
    case "tap":
    case "window":
    case "chunk":
    case "flatten":
    case "zip":
    case "concat":
      return showStep(step, limit, native);
    default:
      return step satisfies never;
  }
}

const behindGroups = (step: TableStep, limit: number, native: boolean): string => `${showStep(step, limit, native)}, once all rows are there that a step before has left`;
