/** How nodes of shapes are reached from one another: by what was called, and with captures of which names and types. */
import type { CaptureType } from "../../fusion/query.js";
import { matchesCaptures } from "./captures.js";
import type { Captures } from "./types.js";

export interface Way {
  readonly verb: string;
  /** Of all lambdas. */
  readonly text: string;
  /** What else tells it apart: a map's target, a reduce's seed and options. */
  readonly detail: string | null;
  readonly names: readonly string[];
  readonly types: readonly CaptureType[];
  /** Whether it matters which captured numbers are exactly f32. */
  readonly singles: boolean;
}

/** Of a source, and of a terminal that takes nothing. */
export const NO_WAY: Way = { verb: "", text: "", detail: null, names: [], types: [], singles: false };

interface Edge<Node> {
  readonly way: Way;
  readonly node: Node;
}

/** Edges by lambda text; few have the same text. */
export type Edges<Node> = Map<string, Edge<Node>[]>;

export function findEdge<Node>(edges: Edges<Node>, text: string, verb: string, detail: string | null, captures: Captures): Node | undefined {
  const candidates = edges.get(text);
  if (candidates === undefined) return undefined;
  for (const { way, node } of candidates) {
    if (way.verb === verb && way.detail === detail && matchesCaptures(way.names, way.types, way.singles, captures)) return node;
  }
  return undefined;
}

export function addEdge<Node extends { readonly way: Way }>(edges: Edges<Node>, node: Node): void {
  const { way } = node;
  const candidates = edges.get(way.text);
  if (candidates === undefined) edges.set(way.text, [{ way, node }]);
  else candidates.push({ way, node });
}
