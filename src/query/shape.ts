/**
 * Shapes of queries, interned: a query built again from the same lambda texts, capture types and element types arrives at the
 * same node, with everything that was parsed, planned and compiled for it. So the second run of a query does no compiler work.
 */
import { isValidity, validColumn } from "../../fusion/columns.js";
import { CompilerBug } from "../../fusion/errors.js";
import type { LambdaOptions } from "../../fusion/parse/lambda.js";
import { columnsOfLists } from "../../fusion/parse/lists.js";
import { finishOf, joinsOf, type Joins } from "../../fusion/passes/plan.js";
import type { BranchShape, CaptureType, CaptureTypes, Columns, LambdaInput, QueryShape, SourceShape, StageShape, TerminalShape } from "../../fusion/query.js";
import type { ColumnType } from "../../fusion/types.js";
import { ticks } from "../builtin.js";
import type { Events } from "../runtime/events.js";
import { bringsSingles, captureTypes, checkUsed, textOf, withoutSingles } from "./captures.js";
import { addEdge, findEdge, NO_WAY, type Edges, type Way } from "./edges.js";
import type { KnownQueries } from "./known.js";
import { ByColumns } from "./roots.js";
import { atCall, checkTarget, columnsGiven, parse } from "./parse.js";
import { TerminalNode } from "./terminal.js";
import type { Captures } from "./types.js";

export type PlainTerminal = "toArray" | "toColumns" | "count" | "sum" | "average" | "min" | "max" | "median" | "quantile" | "first" | "last" | "single";
export type PredicateTerminal = "some" | "every" | "find" | "findIndex";
/** What the keys of all elements come to. */
export type KeyTerminal = "leastKey" | "greatestKey";
export type SearchTerminal = "indexOf" | "includes";
export type SeedKind = "number" | "bigint" | "boolean";

/** A stage as a verb asks for it. */
export interface NewStage {
  readonly kind: StageShape["kind"];
  /** For messages. */
  readonly verb: string;
  /** Of all its lambdas. */
  readonly text: string;
  /** What else tells it apart from stages of its kind. */
  readonly detail: string | null;
  readonly captures: Captures;
  /** Whether f32 values come in with it, other than by captures. */
  readonly single?: boolean;
  /** Called when the stage is first looked at: it must not hold on to the values of captures. */
  readonly build: (types: CaptureTypes) => StageShape;
}

/** How many nodes are kept: an application has tens or hundreds; one that makes up lambda texts must not fill the memory. */
const NODE_LIMIT = 20_000;

/** The shapes of one runtime, by source. */
export class Shapes {
  private roots = new Map<string, ShapeNode>();
  private tables = new ByColumns<{ usual?: ShapeNode; fast?: ShapeNode }>();
  private nodes = 0;

  private remembers: KnownQueries | null | undefined;

  constructor(
    readonly events: Events,
    private readonly recall: () => KnownQueries | null,
  ) {}

  /** What earlier processes have found out; null where nothing is remembered. Asked for when the first stage is new, as that needs the addon. */
  get known(): KnownQueries | null {
    if (this.remembers === undefined) this.remembers = this.recall();
    return this.remembers;
  }

  /** Tells how long it took to read lambdas, and gives that. */
  parsed(begin: number): number {
    const took = ticks() - begin;
    this.events.took("parse", null, took);
    return took;
  }

  root(source: SourceShape, fastMath: boolean): ShapeNode {
    if (source.kind === "columns") return this.tableRoot(source, fastMath);
    const element = source.kind === "range" ? "f64" : source.element;
    const key = `${source.kind === "range" ? "range" : element}${fastMath ? " fast" : ""}`;
    let node = this.roots.get(key);
    if (node === undefined) this.roots.set(key, (node = this.newRoot(source, { element, columns: null }, fastMath)));
    return node;
  }

  private tableRoot(source: SourceShape & { readonly kind: "columns" }, fastMath: boolean): ShapeNode {
    const nodes = (this.tables.at(source.columns).known ??= {});
    return (nodes[fastMath ? "fast" : "usual"] ??= this.newRoot(source, { element: "f64", columns: source.columns }, fastMath));
  }

  private newRoot(source: SourceShape, sequence: Sequence, fastMath: boolean): ShapeNode {
    return new ShapeNode(this, null, null, source, sequence, NO_WAY, hasSingles(sequence), fastMath);
  }

  /** Counts a new node; forgets all shapes when there are too many. Queries that exist keep theirs. */
  grow(): void {
    this.nodes += 1;
    if (this.nodes < NODE_LIMIT) return;
    this.nodes = 0;
    this.roots = new Map();
    this.tables = new ByColumns();
  }
}

/** What a sequence holds: elements of one type, or rows (whose `element` means nothing). */
export interface Sequence {
  readonly element: ColumnType;
  readonly columns: Columns | null;
}

/** A quoted text in a lambda or a helper, or a captured one. */
const mayGiveStrings = ({ lambda, captures }: LambdaInput): boolean =>
  /["'`]/.test(lambda.source.text) || Object.values(captures).some(type => type.kind === "string" || (type.kind === "function" && /["'`]/.test(type.text)));

const withoutNulls = (columns: Columns | null, names: readonly string[]): Columns => new Map([...(columns ?? [])].filter(([name]) => !names.some(column => name === validColumn(column))));

export const hasSingles = ({ element, columns }: Sequence): boolean => (columns === null ? element === "f32" : [...columns.values()].includes("f32"));

/** The columns once some of them have been converted. */
const recast = (columns: Columns | null, to: Columns): Columns => new Map([...(columns ?? [])].map(([name, element]) => [name, to.get(name) ?? element]));

/** A source and the stages behind it. */
export class ShapeNode {
  /** Of the sequence so far; of rows it means nothing. */
  readonly element: ColumnType;
  /** The columns of the rows so far; null for a sequence of single values. */
  readonly columns: Columns | null;
  readonly depth: number;
  /** Whether columns have nulls. */
  readonly nulls: boolean;
  /** How long it took to read the lambdas so far, in milliseconds: measured when it happens, for a profile may be asked for later. */
  parseTime = 0;
  private readonly stages: Edges<ShapeNode> = new Map();
  private readonly terminals: Edges<TerminalNode> = new Map();
  private readonly plain = new Map<PlainTerminal, TerminalNode>();
  private readonly together: TerminalNode[] = [];
  private readonly joined: { readonly branches: readonly TerminalNode[]; readonly inPieces: boolean; readonly joins: Joins }[] = [];

  constructor(
    readonly shapes: Shapes,
    readonly parent: ShapeNode | null,
    private made: StageShape | (() => StageShape) | null,
    readonly source: SourceShape,
    sequence: Sequence,
    /** How it is reached, and with it the captures of this stage. */
    readonly way: Way,
    /** Whether an f32 may have taken part so far. */
    private readonly singles: boolean,
    readonly fastMath: boolean,
  ) {
    this.depth = parent === null ? 0 : parent.depth + 1;
    ({ element: this.element, columns: this.columns } = sequence);
    this.nulls = [...(sequence.columns?.keys() ?? [])].some(isValidity);
  }

  /** The stage, its lambdas read; null at the source. */
  get stage(): StageShape | null {
    if (typeof this.made === "function") this.made = this.made();
    return this.made;
  }

  /** The stage's kind, without reading its lambdas. */
  get kind(): StageShape["kind"] | null {
    return this.parent === null ? null : (this.way.verb as StageShape["kind"]);
  }

  /** The node behind a stage that has been added before. */
  find(kind: StageShape["kind"], text: string, detail: string | null, captures: Captures): ShapeNode | undefined {
    return findEdge(this.stages, text, kind, detail, captures);
  }

  /** The node behind a stage that `find` did not find. */
  add(stage: NewStage): ShapeNode {
    const begin = ticks();
    const node = this.added(stage);
    node.parseTime = this.shapes.parsed(begin) + this.parseTime;
    return node;
  }

  private added({ kind, verb, text, detail, captures, single = false, build }: NewStage): ShapeNode {
    const { types, singles } = this.typesOf(verb, text, captures, single);
    const way = { verb: kind, text, detail, names: Object.keys(types), types: Object.values(types), singles };
    const known = this.shapes.known?.sequence(this, way) ?? null;
    // What has been planned once has no mistakes: its lambdas are read when somebody asks for them.
    const stage = known === null ? build(types) : () => build(types);
    const next = known ?? this.after(stage as StageShape);
    const node = new ShapeNode(this.shapes, this, stage, this.source, next, way, singles || hasSingles(next), this.fastMath);
    addEdge(this.stages, node);
    this.shapes.grow();
    return node;
  }

  plainTerminal(kind: PlainTerminal): TerminalNode {
    let node = this.plain.get(kind);
    if (node === undefined) {
      node = this.newTerminal(kind, () => ({ kind }), NO_WAY);
      this.plain.set(kind, node);
    }
    return node;
  }

  predicateTerminal(kind: PredicateTerminal, f: unknown, captures: Captures): TerminalNode {
    const text = textOf(f);
    return findEdge(this.terminals, text, kind, null, captures) ?? this.addLambda(kind, kind, text, null, captures, input => ({ kind, ...input }));
  }

  /** `verb`: for messages. */
  keyTerminal(kind: KeyTerminal, verb: string, f: unknown, captures: Captures): TerminalNode {
    const text = textOf(f);
    return findEdge(this.terminals, text, kind, null, captures) ?? this.addLambda(kind, verb, text, null, captures, input => ({ kind, ...input }));
  }

  /** `key`: the one that is sought, the last of the terminal's values. */
  firstByTerminal(verb: string, f: unknown, captures: Captures, key: number | bigint | string): TerminalNode {
    const text = textOf(f);
    const { key: sought } = captureTypes({ key }, verb) as { readonly key: CaptureType };
    const detail = JSON.stringify(sought);
    return findEdge(this.terminals, text, "firstBy", detail, captures) ?? this.addLambda("firstBy", verb, text, detail, captures, input => ({ kind: "firstBy", sought, ...input }));
  }

  /** Its value is the mean. */
  varianceTerminal(kind: "variance" | "standardDeviation", sample: boolean): TerminalNode {
    const detail = sample ? "sample" : null;
    return findEdge(this.terminals, "", kind, detail, MEAN) ?? this.addTerminal(kind, "", () => ({ kind, sample, captures: MEAN_TYPES }), detail, MEAN_TYPES, false);
  }

  /** `captures` holds the searched value, as `value`. */
  searchTerminal(kind: SearchTerminal, captures: Captures): TerminalNode {
    const found = findEdge(this.terminals, "", kind, null, captures);
    if (found !== undefined) return found;
    const types = this.singles ? captureTypes(captures, kind) : withoutSingles(captureTypes(captures, kind));
    return this.addTerminal(kind, "", () => ({ kind, captures: types }), null, types, this.singles);
  }

  /** Several terminals of the sequence. */
  togetherTerminal(verb: "aggregate" | "batch", branches: readonly TerminalNode[]): TerminalNode {
    let node = this.together.find(({ terminal, branches: own }) => terminal.kind === "together" && terminal.verb === verb && isSameList(own ?? [], branches));
    if (node === undefined) {
      this.shapes.grow();
      const terminal = { kind: "together", verb, branches: branches.map(branch => this.branchShape(branch)) } as const;
      node = new TerminalNode(this, "together", terminal, NO_WAY, null, false, branches);
      this.together.push(node);
    }
    return node;
  }

  /** Which of several terminals share a kernel. */
  joins(branches: readonly TerminalNode[], inPieces: boolean): Joins {
    let known = this.joined.find(one => one.inPieces === inPieces && isSameList(one.branches, branches));
    if (known === undefined) {
      const sequence = inPieces ? { ...this.shape(), inPieces: true as const } : this.shape();
      known = { branches, inPieces, joins: atCall(() => joinsOf(sequence, branches.map(branch => this.branchShape(branch)))) };
      this.joined.push(known);
    }
    return known.joins;
  }

  private branchShape({ parent, terminal }: TerminalNode): BranchShape {
    return { stages: parent.stagesSoFar().slice(this.depth), terminal };
  }

  /** The terminal of another node, here, for captures of these values. */
  terminalLike({ kind, way }: TerminalNode, captures: Captures, build: (types: CaptureTypes) => TerminalShape): TerminalNode {
    if (way === NO_WAY) return this.plainTerminal(kind as PlainTerminal);
    const found = findEdge(this.terminals, way.text, way.verb, way.detail, captures);
    if (found !== undefined) return found;
    const singles = this.singles || way.singles;
    const types = singles ? captureTypes(captures, way.verb) : withoutSingles(captureTypes(captures, way.verb));
    return this.addTerminal(kind, way.text, () => build(types), way.detail, types, singles);
  }

  reduceTerminal(f: unknown, seed: SeedKind | null, captures: Captures, combine: unknown, sequential: boolean): TerminalNode {
    const text = textOf(f);
    const combineText = combine === undefined ? null : textOf(combine);
    const detail = combineText === null ? (sequential ? `${String(seed)} sequential` : seed) : `${String(seed)} ${String(sequential)} ${combineText}`;
    return findEdge(this.terminals, text, "reduce", detail, captures) ?? this.addReduce(text, combineText, detail, seed, captures, sequential);
  }

  /** What the sequence holds after a stage. */
  private after(stage: StageShape): Sequence {
    if (stage.kind === "scan") return { element: stage.to ?? this.element, columns: null };
    if (stage.kind === "as") return typeof stage.to === "string" ? { element: stage.to, columns: null } : { element: this.element, columns: recast(this.columns, stage.to) };
    if (stage.kind === "dropNulls" || stage.kind === "fillNulls") return { element: this.element, columns: withoutNulls(this.columns, stage.columns) };
    if (stage.kind !== "map" && stage.kind !== "flatMap" && stage.kind !== "window" && stage.kind !== "group" && stage.kind !== "groupJoin" && stage.kind !== "pair") {
      // A lambda that takes no notice of nulls is refused where it is given.
      if (this.nulls) atCall(() => finishOf({ ...this.before(stage), terminal: { kind: "count" } }));
      return this;
    }
    const columns = stage.kind === "flatMap" ? columnsOfLists(stage.lambda) : columnsGiven(stage.lambda);
    const rows = stage.kind === "group" || stage.kind === "groupJoin" || (stage.kind === "map" && stage.use === "keys") || columns !== null;
    if (stage.kind === "map" || stage.kind === "flatMap" || stage.kind === "window") {
      checkTarget(stage.to, columns, stage.kind === "window" ? "map" : stage.kind);
      if (!rows && typeof stage.to === "string") return { element: stage.to, columns: null };
      if (!rows && this.columns === null && this.element !== "string" && !mayGiveStrings(stage)) return this;
    }
    // The types of what a lambda makes of rows, or of rows that it makes, are found by inference.
    const finish = atCall(() => finishOf({ ...this.before(stage), terminal: { kind: rows ? "toColumns" : "toArray" } }));
    if (finish.kind === "columns") return { element: "f64", columns: finish.columns };
    if (finish.kind === "array") return { element: finish.element, columns: null };
    throw new CompilerBug("a plan of an array gives none");
  }

  /**
   * A query that ends with this stage: where only the types of what it takes matter, over a source of such elements. What is known
   * of a range, that its elements are whole numbers, is not part of their type; and a thenBy needs the sort before it.
   */
  private before(stage: StageShape): Omit<QueryShape, "terminal"> {
    const { columns, element, source } = this;
    if (source.kind === "range" || (stage.kind === "sort" && stage.then)) return { ...this.shape(), stages: [...this.stagesSoFar(), stage] };
    return { source: columns === null ? { kind: "array", element } : { kind: "columns", columns }, stages: [stage] };
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

  /** What lambdas of elements take: values in front (`before`), the element or row, its place. */
  elementParameters(before = 0, least = 0): LambdaOptions["parameters"] {
    const rows = this.columns === null ? {} : { rows: [...Array.from({ length: before }, () => null), { columns: [...this.columns.keys()], mayBeMissing: false }] };
    return { least, most: before + 2, ...rows };
  }

  private addLambda(kind: TerminalShape["kind"], verb: string, text: string, detail: string | null, captures: Captures, terminal: (input: LambdaInput) => TerminalShape): TerminalNode {
    const { types, singles } = this.typesOf(verb, text, captures, false);
    return this.addTerminal(kind, text, () => {
      const lambda = parse(text, verb, types, this.elementParameters());
      checkUsed(types, [lambda], verb);
      return terminal({ lambda, captures: types });
    }, detail, types, singles);
  }

  private addReduce(text: string, combineText: string | null, detail: string | null, seed: SeedKind | null, captures: Captures, sequential: boolean): TerminalNode {
    const { types, singles } = this.typesOf("reduce", `${text} ${combineText ?? ""}`, captures, false);
    return this.addTerminal("reduce", text, () => {
      const lambda = parse(text, "reduce", types, this.elementParameters(1, 1));
      const combine = combineText === null ? null : { lambda: parse(combineText, "combine", types, { least: 2, most: 2 }), captures: types };
      checkUsed(types, combine === null ? [lambda] : [lambda, combine.lambda], "reduce");
      return { kind: "reduce", lambda, captures: types, seed, combine, sequential };
    }, detail, types, singles);
  }

  private addTerminal(kind: TerminalShape["kind"], text: string, build: () => TerminalShape, detail: string | null, types: CaptureTypes, singles: boolean): TerminalNode {
    const begin = ticks();
    const node = this.newTerminal(kind, build, { verb: kind, text, detail, names: Object.keys(types), types: Object.values(types), singles });
    if (text !== "") node.parseTime += this.shapes.parsed(begin);
    addEdge(this.terminals, node);
    return node;
  }

  private newTerminal(kind: TerminalShape["kind"], build: () => TerminalShape, way: Way): TerminalNode {
    this.shapes.grow();
    const plan = this.shapes.known?.plan(this, kind, way) ?? null;
    return new TerminalNode(this, kind, plan === null ? build() : build, way, plan);
  }

  /** The types of a new stage's captures, and whether f32 numbers count there. */
  private typesOf(verb: string, text: string, captures: Captures, single: boolean): { readonly types: CaptureTypes; readonly singles: boolean } {
    const types = captureTypes(captures, verb);
    const singles = this.singles || single || bringsSingles(text, types);
    return { types: singles ? types : withoutSingles(types), singles };
  }
}

const isSameList = <T>(one: readonly T[], other: readonly T[]): boolean => one.length === other.length && one.every((item, at) => item === other[at]);

const MEAN: Captures = { mean: 0 };
const MEAN_TYPES: CaptureTypes = { mean: { kind: "number", single: false } };
