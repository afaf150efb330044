/** A query with its data: a chain of verbs, each with the values of its captures, on a source. */
import type { BackendName } from "../backends/backend.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import type { ShapeNode } from "./shape.js";
import type { TerminalNode } from "./terminal.js";
import type { BoundSource } from "./source.js";
import type { Capture } from "./types.js";

export interface BoundQuery {
  readonly runtime: RuntimeCore;
  readonly source: BoundSource;
  /** The query before the last verb; null for the source alone. */
  readonly parent: BoundQuery | null;
  readonly shape: ShapeNode;
  /** Of the last verb's captures, in the order of `shape.way.names`. */
  readonly values: readonly Capture[];
  /** The backend that the query insists on. */
  readonly backend: BackendName | null;
  /** The query whose results, once it has run, take the place of the source: that is empty till then. */
  readonly over?: BoundQuery;
}

/** A query with its terminal: what can be run. */
export interface BoundTerminal {
  readonly query: BoundQuery;
  readonly node: TerminalNode;
  /** Of the terminal's captures, in the order of `node.way.names`, then the seed if there is one. */
  readonly values: readonly Capture[];
  /** Several terminals of the query, each behind stages of its own. */
  readonly branches?: readonly BoundBranch[];
}

/** A terminal among several, and what its result is called. */
export interface BoundBranch {
  readonly name: string;
  readonly terminal: BoundTerminal;
}

/** The terminal as one over pieces, where the source is a stream. */
export const onSource = (bound: BoundTerminal): BoundTerminal => (bound.query.source.kind === "stream" ? inPieces(bound) : bound);

export const inPieces = (bound: BoundTerminal): BoundTerminal => ({ ...bound, node: bound.node.inPieces });

/** The query whose results a query reads; null for one that has a source of its own. */
export function overOf(query: BoundQuery): BoundQuery | null {
  let at = query;
  while (at.parent !== null) at = at.parent;
  return at.over ?? null;
}

/** The values of every stage's captures, the terminal's last; of several terminals those of the first one's own stages and its own, and so on. */
export function stageValues({ query, values, branches }: BoundTerminal): readonly (readonly Capture[])[] {
  const { depth } = query.shape;
  if (branches !== undefined) return [...valuesBehind(query, 0), ...branches.flatMap(({ terminal }) => [...valuesBehind(terminal.query, depth), terminal.values])];
  const all: (readonly Capture[])[] = new Array<readonly Capture[]>(depth + 1);
  all[depth] = values;
  for (let at: BoundQuery | null = query; at !== null && at.parent !== null; at = at.parent) all[at.shape.depth - 1] = at.values;
  return all;
}

/** The values of the stages behind so many. */
function valuesBehind(query: BoundQuery, depth: number): readonly (readonly Capture[])[] {
  const all: (readonly Capture[])[] = [];
  for (let at = query; at.parent !== null && at.shape.depth > depth; at = at.parent) all.unshift(at.values);
  return all;
}
