/**
 * Shapes of queries, interned: a query built again from the same lambda texts, capture types and element types arrives at the
 * same node, with everything that was parsed, planned and compiled for it. So the second run of a query does no compiler work.
 */
import { CompilerBug } from "../../fusion/errors.js";
import type { LambdaOptions } from "../../fusion/parse/lambda.js";
import { planQuery } from "../../fusion/passes/pipeline.js";
import type { Aggregate, CaptureType, CaptureTypes, Columns, LambdaInput, Plan, QueryShape, SequenceShape, SourceShape, StageShape, TerminalShape } from "../../fusion/query.js";
import type { ElementType, ScalarType } from "../../fusion/types.js";
import type { KernelSlot } from "../runtime/tiers.js";
import { bringsSingles, captureTypes, checkUsed, matchesCaptures, NO_CAPTURES, textOf, withoutSingles } from "./captures.js";
import { atCall, checkTarget, parse } from "./parse.js";
import type { Captures } from "./types.js";

export type LambdaVerb = "map" | "filter";
export type PlainTerminal = "toArray" | "toColumns" | "count" | "sum" | "average" | "min" | "max" | "first" | "last";
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

  root(source: SourceShape, fastMath: boolean): ShapeNode {
    const key = `${source.kind === "columns" ? JSON.stringify([...source.columns]) : source.kind === "range" ? "range" : source.element}${fastMath ? " fast" : ""}`;
    let node = this.roots.get(key);
    if (node === undefined) {
      const sequence = source.kind === "columns" ? { element: "f64" as const, columns: source.columns } : { element: source.kind === "range" ? ("f64" as const) : source.element, columns: null };
      node = new ShapeNode(this, null, null, source, sequence, NO_NAMES, hasSingles(sequence), fastMath);
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

/** What a sequence holds: elements of one type, or rows (whose `element` means nothing). */
interface Sequence {
  readonly element: ElementType;
  readonly columns: Columns | null;
}

const hasSingles = ({ element, columns }: Sequence): boolean => (columns === null ? element === "f32" : [...columns.values()].includes("f32"));

/** A source and the stages behind it. */
export class ShapeNode {
  /** Of the sequence so far; of rows it means nothing. */
  readonly element: ElementType;
  /** The columns of the rows so far; null for a sequence of single values. */
  readonly columns: Columns | null;
  readonly depth: number;
  private readonly stages: Edges<ShapeNode> = new Map();
  private readonly terminals: Edges<TerminalNode> = new Map();
  private readonly plain = new Map<PlainTerminal, TerminalNode>();

  constructor(
    private readonly shapes: Shapes,
    readonly parent: ShapeNode | null,
    readonly stage: StageShape | null,
    readonly source: SourceShape,
    sequence: Sequence,
    /** The captures of this stage. */
    readonly names: readonly string[],
    /** Whether an f32 may have taken part so far. */
    private readonly singles: boolean,
    readonly fastMath: boolean,
  ) {
    this.depth = parent === null ? 0 : parent.depth + 1;
    ({ element: this.element, columns: this.columns } = sequence);
  }

  /** `to`: what a map's results are stored as, or, of rows, some of its columns. */
  lambdaStage(verb: LambdaVerb, f: unknown, to: ElementType | Columns | null, captures: Captures): ShapeNode {
    const text = textOf(f);
    return findEdge(this.stages, text, verb, detailOf(to), captures) ?? this.addLambdaStage(verb, text, to, captures);
  }

  asStage(to: ElementType): ShapeNode {
    return findEdge(this.stages, "", "as", to, NO_CAPTURES) ?? this.addStage("", { kind: "as", to }, to, { element: to, columns: null }, NO_TYPES, this.singles || to === "f32");
  }

  /** `from`: whether the slice may begin elsewhere than at 0. Its values are `start` and `end`. */
  sliceStage(from: boolean): ShapeNode {
    const detail = from ? "from" : null;
    return findEdge(this.stages, "", "slice", detail, SLICE) ?? this.addStage("", { kind: "slice", from, captures: SLICE_TYPES }, detail, this, SLICE_TYPES, this.singles);
  }

  concatStage(): ShapeNode {
    return findEdge(this.stages, "", "concat", null, NO_CAPTURES) ?? this.addStage("", { kind: "concat" }, null, this, NO_TYPES, this.singles);
  }

  /** A zip without a key, a join with one. */
  pairStage(f: unknown, key: unknown, right: ShapeNode, captures: Captures): ShapeNode {
    const [text, keyText] = [textOf(f), key === null ? "" : textOf(key)];
    const detail = JSON.stringify([keyText, right.columns === null ? right.element : [...right.columns]]);
    const whole = `${text}\n${keyText}`;
    const found = findEdge(this.stages, whole, "pair", detail, captures);
    if (found !== undefined) return found;
    const verb = key === null ? "zip" : "join";
    const { types, singles } = this.typesOf(verb, whole, captures, hasSingles(right));
    const names = (node: ShapeNode): readonly string[] | null => (node.columns === null ? null : [...node.columns.keys()]);
    const lambda = parse(text, verb, types, { least: 0, most: 3, rows: [names(this), names(right)] });
    const keyLambda = key === null ? null : parse(keyText, "the key of join", types, this.elementParameters());
    checkUsed(types, keyLambda === null ? [lambda] : [lambda, keyLambda], verb);
    const other: SequenceShape = right.columns === null ? { columns: null, element: right.element } : { columns: right.columns };
    const stage: StageShape = { kind: "pair", lambda, captures: types, key: keyLambda === null ? null : { lambda: keyLambda, captures: types }, right: other };
    const next = this.after(stage);
    return this.addStage(whole, stage, detail, next, types, singles || hasSingles(next));
  }

  /** `keep`: those that match, or those that do not. */
  matchStage(key: unknown, keep: boolean, captures: Captures): ShapeNode {
    const [text, verb] = [textOf(key), keep ? "semiJoin" : "antiJoin"];
    const found = findEdge(this.stages, text, "match", verb, captures);
    if (found !== undefined) return found;
    const { types, singles } = this.typesOf(verb, text, captures, false);
    const lambda = parse(text, verb, types, this.elementParameters());
    checkUsed(types, [lambda], verb);
    return this.addStage(text, { kind: "match", keep, lambda, captures: types }, verb, this, types, singles);
  }

  plainStage(kind: "reverse" | "distinct"): ShapeNode {
    return findEdge(this.stages, "", kind, null, NO_CAPTURES) ?? this.addStage("", { kind }, null, this, NO_TYPES, this.singles);
  }

  sortStage(f: unknown, descending: boolean, then: boolean, captures: Captures): ShapeNode {
    const [text, verb] = [textOf(f), then ? "thenBy" : "orderBy"];
    const detail = `${verb}${descending ? " descending" : ""}`;
    const found = findEdge(this.stages, text, "sort", detail, captures);
    if (found !== undefined) return found;
    const { types, singles } = this.typesOf(verb, text, captures, false);
    const lambda = parse(text, verb, types, this.elementParameters());
    checkUsed(types, [lambda], verb);
    return this.addStage(text, { kind: "sort", descending, then, lambda, captures: types }, detail, this, types, singles);
  }

  /** `captures`: those of the key and of all aggregates; each lambda sees its own. */
  groupStage(f: unknown, keyCaptures: Captures, aggregates: readonly AggregateOf[], captures: Captures): ShapeNode {
    const texts = [textOf(f), ...aggregates.map(({ f: value }) => (value === null ? "" : textOf(value)))];
    const text = texts.join("\n");
    const detail = JSON.stringify([texts.map(({ length }) => length), Object.keys(keyCaptures), aggregates.map(({ name, terminal, captures: own }) => [name, terminal, Object.keys(own)])]);
    const found = findEdge(this.stages, text, "group", detail, captures);
    if (found !== undefined) return found;
    const { types, singles } = this.typesOf("groupBy", text, captures, false);
    const input = (value: unknown, verb: string, own: Captures): LambdaInput => {
      const ownTypes = Object.fromEntries(Object.keys(own).map(name => [name, types[name] as CaptureType]));
      const lambda = parse(textOf(value), verb, ownTypes, this.elementParameters());
      checkUsed(ownTypes, [lambda], verb);
      return { lambda, captures: ownTypes };
    };
    const parsed = aggregates.map(({ name, terminal, f: value, captures: own }) => ({ name, terminal, value: value === null ? null : input(value, terminal, own) }));
    const stage: StageShape = { kind: "group", ...input(f, "groupBy", keyCaptures), aggregates: parsed };
    return this.addStage(text, stage, detail, this.after(stage), types, singles);
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

  private addLambdaStage(kind: LambdaVerb, text: string, to: ElementType | Columns | null, captures: Captures): ShapeNode {
    const { types, singles } = this.typesOf(kind, text, captures, to === "f32" || (to instanceof Map && [...to.values()].includes("f32")));
    const lambda = parse(text, kind, types, this.elementParameters());
    checkUsed(types, [lambda], kind);
    const stage: StageShape = kind === "map" ? { kind, to, lambda, captures: types } : { kind, lambda, captures: types };
    const next = this.after(stage);
    return this.addStage(text, stage, detailOf(to), next, types, singles || hasSingles(next));
  }

  /** What the sequence holds after a stage. */
  private after(stage: StageShape): Sequence {
    if (stage.kind !== "map" && stage.kind !== "group" && stage.kind !== "pair") return this;
    const rows = stage.kind === "group" || stage.lambda.result.kind === "object";
    if (stage.kind === "map") {
      checkTarget(stage, rows);
      if (!rows && typeof stage.to === "string") return { element: stage.to, columns: null };
      if (!rows && this.columns === null) return this;
    }
    // The types of what a lambda makes of rows, or of rows that it makes, are found by inference.
    const { finish } = atCall(() => planQuery({ ...this.shape(), stages: [...this.shape().stages, stage], terminal: { kind: rows ? "toColumns" : "toArray" } }));
    if (finish.kind === "columns") return { element: "f64", columns: finish.columns };
    if (finish.kind === "array") return { element: finish.element, columns: null };
    throw new CompilerBug("a plan of an array gives none");
  }

  private addStage(text: string, stage: StageShape, detail: string | null, next: Sequence, types: CaptureTypes, singles: boolean): ShapeNode {
    const names = Object.keys(types);
    const node = new ShapeNode(this.shapes, this, stage, this.source, next, names, singles, this.fastMath);
    addEdge(this.stages, text, { verb: stage.kind, detail, names, types: Object.values(types), singles, node });
    this.shapes.grow();
    return node;
  }

  private stagesSoFar(): readonly StageShape[] {
    const before = this.parent?.stagesSoFar() ?? [];
    return this.stage === null ? before : [...before, this.stage];
  }

  /** The source and the stages so far. */
  shape(): Omit<QueryShape, "terminal"> {
    const stages = this.stagesSoFar();
    return { source: this.source, stages, ...(this.fastMath ? { fastMath: true as const } : {}) };
  }

  private elementParameters(before = 0, least = 0): LambdaOptions["parameters"] {
    const rows = this.columns === null ? {} : { rows: [...Array.from({ length: before }, () => null), [...this.columns.keys()]] };
    return { least, most: before + 2, ...rows };
  }

  private addPredicate(kind: PredicateTerminal, text: string, captures: Captures): TerminalNode {
    const { types, singles } = this.typesOf(kind, text, captures, false);
    const lambda = parse(text, kind, types, this.elementParameters());
    checkUsed(types, [lambda], kind);
    return this.addTerminal(text, { kind, lambda, captures: types }, null, types, singles);
  }

  private addReduce(text: string, combineText: string | null, detail: string | null, seed: SeedKind | null, captures: Captures, sequential: boolean): TerminalNode {
    const { types, singles } = this.typesOf("reduce", `${text} ${combineText ?? ""}`, captures, false);
    const lambda = parse(text, "reduce", types, this.elementParameters(1, 1));
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
const SLICE: Captures = { start: 0, end: 0 };
const SLICE_TYPES: CaptureTypes = { start: { kind: "number", single: false }, end: { kind: "number", single: false } };

/** An aggregate as a query was given it. */
export interface AggregateOf {
  readonly name: string;
  readonly terminal: Aggregate["terminal"];
  readonly f: unknown;
  readonly captures: Captures;
}

/** Tells the targets of maps apart. */
const detailOf = (to: ElementType | Columns | null): string | null => (to instanceof Map ? JSON.stringify([...to]) : (to as ElementType | null));

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
    return { ...this.parent.shape(), terminal: this.terminal };
  }
}
