/**
 * Shapes of queries, interned: a query built again from the same lambda texts, capture types and element types arrives at the
 * same node, with everything that was parsed, planned and compiled for it. So the second run of a query does no compiler work.
 */
import { LambdaError, QueryError } from "../../fusion/errors.js";
import { parseLambda } from "../../fusion/parse/lambda.js";
import { planQuery } from "../../fusion/passes/pipeline.js";
import { captureKinds, type CaptureType, type CaptureTypes, type Plan, type QueryShape, type StageShape, type TerminalShape } from "../../fusion/query.js";
import type { SurfaceLambda } from "../../fusion/parse/surface.js";
import type { ElementType, ScalarType } from "../../fusion/types.js";
import type { KernelSlot } from "../runtime/tiers.js";
import { bringsSingles, captureTypes, checkUsed, matchesCaptures, NO_CAPTURES, textOf, withoutSingles } from "./captures.js";
import type { Captures } from "./types.js";

export type LambdaVerb = "map" | "filter";
export type PlainTerminal = "toArray" | "count" | "sum" | "average" | "min" | "max" | "first" | "last";
export type PredicateTerminal = "some" | "every" | "find" | "findIndex";
export type SearchTerminal = "indexOf" | "includes";
export type SeedKind = "number" | "bigint" | "boolean";

/** How a node is reached: what was called on its predecessor, apart from the lambda's text. */
interface Edge<Node> {
  readonly verb: string;
  /** What else tells it apart: a map's target, a reduce's seed and options. */
  readonly detail: string | null;
  readonly names: readonly string[];
  readonly types: readonly CaptureType[];
  /** Whether it matters which captured numbers are exactly f32. */
  readonly singles: boolean;
  readonly node: Node;
}

/** Edges by lambda text; few have the same text. */
type Edges<Node> = Map<string, Edge<Node>[]>;

function findEdge<Node>(edges: Edges<Node>, text: string, verb: string, detail: string | null, captures: Captures): Node | undefined {
  const candidates = edges.get(text);
  if (candidates === undefined) return undefined;
  for (const edge of candidates) {
    if (edge.verb === verb && edge.detail === detail && matchesCaptures(edge.names, edge.types, edge.singles, captures)) return edge.node;
  }
  return undefined;
}

function addEdge<Node>(edges: Edges<Node>, text: string, edge: Edge<Node>): void {
  const candidates = edges.get(text);
  if (candidates === undefined) edges.set(text, [edge]);
  else candidates.push(edge);
}

/** How many nodes are kept: an application has tens or hundreds; one that makes up lambda texts must not fill the memory. */
const NODE_LIMIT = 20_000;

/** The shapes of one runtime, by source. */
export class Shapes {
  private roots = new Map<string, ShapeNode>();
  private nodes = 0;

  root(kind: "array" | "range", element: ElementType, fastMath: boolean): ShapeNode {
    const key = `${kind === "range" ? "range" : element}${fastMath ? " fast" : ""}`;
    let node = this.roots.get(key);
    if (node === undefined) {
      node = new ShapeNode(this, null, null, kind === "range", element, NO_NAMES, element === "f32", fastMath);
      this.roots.set(key, node);
    }
    return node;
  }

  /** Counts a new node; forgets all shapes when there are too many. Queries that exist keep theirs. */
  grow(): void {
    this.nodes += 1;
    if (this.nodes < NODE_LIMIT) return;
    this.nodes = 0;
    this.roots = new Map();
  }
}

const NO_NAMES: readonly string[] = [];

/** A source and the stages behind it. */
export class ShapeNode {
  readonly depth: number;
  private readonly stages: Edges<ShapeNode> = new Map();
  private readonly terminals: Edges<TerminalNode> = new Map();
  private readonly plain = new Map<PlainTerminal, TerminalNode>();

  constructor(
    private readonly shapes: Shapes,
    readonly parent: ShapeNode | null,
    readonly stage: StageShape | null,
    readonly isRange: boolean,
    /** Of the sequence so far. */
    readonly element: ElementType,
    /** The captures of this stage. */
    readonly names: readonly string[],
    /** Whether an f32 may have taken part so far. */
    private readonly singles: boolean,
    readonly fastMath: boolean,
  ) {
    this.depth = parent === null ? 0 : parent.depth + 1;
  }

  lambdaStage(verb: LambdaVerb, f: unknown, to: ElementType | null, captures: Captures): ShapeNode {
    const text = textOf(f);
    return findEdge(this.stages, text, verb, to, captures) ?? this.addLambdaStage(verb, text, to, captures);
  }

  asStage(to: ElementType): ShapeNode {
    return findEdge(this.stages, "", "as", to, NO_CAPTURES) ?? this.addStage("", { kind: "as", to }, to, to, NO_TYPES, this.singles || to === "f32");
  }

  plainTerminal(kind: PlainTerminal): TerminalNode {
    let node = this.plain.get(kind);
    if (node === undefined) {
      node = this.newTerminal({ kind }, NO_NAMES);
      this.plain.set(kind, node);
    }
    return node;
  }

  predicateTerminal(kind: PredicateTerminal, f: unknown, captures: Captures): TerminalNode {
    const text = textOf(f);
    return findEdge(this.terminals, text, kind, null, captures) ?? this.addPredicate(kind, text, captures);
  }

  /** `captures` holds the searched value, as `value`. */
  searchTerminal(kind: SearchTerminal, captures: Captures): TerminalNode {
    const found = findEdge(this.terminals, "", kind, null, captures);
    if (found !== undefined) return found;
    const types = this.singles ? captureTypes(captures, kind) : withoutSingles(captureTypes(captures, kind));
    return this.addTerminal("", { kind, captures: types }, null, types, this.singles);
  }

  reduceTerminal(f: unknown, seed: SeedKind | null, captures: Captures, combine: unknown, sequential: boolean): TerminalNode {
    const text = textOf(f);
    const combineText = combine === undefined ? null : textOf(combine);
    const detail = combineText === null ? (sequential ? `${String(seed)} sequential` : seed) : `${String(seed)} ${String(sequential)} ${combineText}`;
    return findEdge(this.terminals, text, "reduce", detail, captures) ?? this.addReduce(text, combineText, detail, seed, captures, sequential);
  }

  private addLambdaStage(kind: LambdaVerb, text: string, to: ElementType | null, captures: Captures): ShapeNode {
    const { types, singles } = this.typesOf(kind, text, captures, to === "f32");
    const lambda = parse(text, kind, types, ELEMENT_PARAMETERS);
    checkUsed(types, [lambda], kind);
    const stage: StageShape = kind === "map" ? { kind, to, lambda, captures: types } : { kind, lambda, captures: types };
    return this.addStage(text, stage, to, to ?? this.element, types, singles);
  }

  private addStage(text: string, stage: StageShape, to: ElementType | null, element: ElementType, types: CaptureTypes, singles: boolean): ShapeNode {
    const names = Object.keys(types);
    const node = new ShapeNode(this.shapes, this, stage, this.isRange, element, names, singles, this.fastMath);
    addEdge(this.stages, text, { verb: stage.kind, detail: to, names, types: Object.values(types), singles, node });
    this.shapes.grow();
    return node;
  }

  private addPredicate(kind: PredicateTerminal, text: string, captures: Captures): TerminalNode {
    const { types, singles } = this.typesOf(kind, text, captures, false);
    const lambda = parse(text, kind, types, ELEMENT_PARAMETERS);
    checkUsed(types, [lambda], kind);
    return this.addTerminal(text, { kind, lambda, captures: types }, null, types, singles);
  }

  private addReduce(text: string, combineText: string | null, detail: string | null, seed: SeedKind | null, captures: Captures, sequential: boolean): TerminalNode {
    const { types, singles } = this.typesOf("reduce", `${text} ${combineText ?? ""}`, captures, false);
    const lambda = parse(text, "reduce", types, { least: 1, most: 3 });
    const combine = combineText === null ? null : { lambda: parse(combineText, "combine", types, { least: 2, most: 2 }), captures: types };
    checkUsed(types, combine === null ? [lambda] : [lambda, combine.lambda], "reduce");
    return this.addTerminal(text, { kind: "reduce", lambda, captures: types, seed, combine, sequential }, detail, types, singles);
  }

  private addTerminal(text: string, terminal: TerminalShape, detail: string | null, types: CaptureTypes, singles: boolean): TerminalNode {
    const names = Object.keys(types);
    const node = this.newTerminal(terminal, names);
    addEdge(this.terminals, text, { verb: terminal.kind, detail, names, types: Object.values(types), singles, node });
    return node;
  }

  private newTerminal(terminal: TerminalShape, names: readonly string[]): TerminalNode {
    this.shapes.grow();
    return new TerminalNode(this, terminal, names);
  }

  /** The types of a new stage's captures, and whether f32 numbers count there. */
  private typesOf(verb: string, text: string, captures: Captures, single: boolean): { readonly types: CaptureTypes; readonly singles: boolean } {
    const types = captureTypes(captures, verb);
    const singles = this.singles || single || bringsSingles(text, types);
    return { types: singles ? types : withoutSingles(types), singles };
  }
}

const NO_TYPES: CaptureTypes = {};
const ELEMENT_PARAMETERS = { least: 0, most: 2 } as const;

function parse(text: string, verb: string, types: CaptureTypes, parameters: { readonly least: number; readonly most: number }): SurfaceLambda {
  const label = verb === "combine" ? "the combine function of reduce" : `the lambda of ${verb}`;
  return atCall(() => parseLambda(text, { label, captures: captureKinds(types), parameters }));
}

/** A caller's mistake is found deep in the compiler; its stack begins here, so that the caller's own line is on it. */
function atCall<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof LambdaError || error instanceof QueryError) Error.captureStackTrace(error);
    throw error;
  }
}

/** A capture: its stage, and its place among that stage's values. */
export interface Place {
  readonly stage: number;
  readonly at: number;
  readonly name: string;
}

/** The captures that one kernel takes. */
export interface Binding {
  readonly scalars: readonly (Place & { readonly type: ScalarType })[];
  readonly arrays: readonly Place[];
}

/** A whole query without its data: what is planned, and where compiled kernels are kept. */
export class TerminalNode {
  /** What the runtime keeps for the plan's kernels; empty until the first run. */
  slots: readonly KernelSlot[] = [];
  /** Where the kernels' arguments come from; null until the first run. */
  bindings: readonly Binding[] | null = null;
  private planned: Plan | null = null;

  constructor(
    readonly parent: ShapeNode,
    readonly terminal: TerminalShape,
    /** The captures of the terminal. */
    readonly names: readonly string[],
  ) {}

  /** Throws LambdaError where types do not fit. */
  plan(): Plan {
    this.planned ??= atCall(() => planQuery(this.shape()));
    return this.planned;
  }

  shape(): QueryShape {
    const stages: StageShape[] = [];
    let root = this.parent;
    for (; root.parent !== null; root = root.parent) if (root.stage !== null) stages.unshift(root.stage);
    return { source: root.isRange ? { kind: "range" } : { kind: "array", element: root.element }, stages, terminal: this.terminal, ...(root.fastMath ? { fastMath: true as const } : {}) };
  }
}
