/** Queries in words: as they would be written. */
import { shownNames, validColumn } from "../../fusion/columns.js";
import { EDGE, SEED, type Aggregate, type Columns, type StageShape, type TerminalShape } from "../../fusion/query.js";
import { ELEMENTS, typeInWords, type ColumnType } from "../../fusion/types.js";
import { showTable } from "../table/source.js";
import { overOf, stageValues, type BoundBranch, type BoundQuery, type BoundTerminal } from "./bound.js";
import { showBuffer } from "../memory/show.js";
import { showCapture } from "./captures.js";
import type { Explanation, VerbExplanation } from "./explanation.js";
import type { ShapeNode } from "./shape.js";
import { sourceLength, type BoundSource } from "./source.js";
import type { Capture } from "./types.js";

/** A query as it would be written: its source, its verbs and its terminal. */
export function showVerbs(bound: BoundTerminal, stages: readonly StageShape[]): Pick<Explanation, "source" | "stages" | "terminal"> {
  const values = stageValues(bound);
  const names: (readonly string[])[] = [];
  for (let at: ShapeNode = bound.query.shape; at.parent !== null; at = at.parent) names.unshift(at.way.names);
  const verbs = stages.map((stage, at) => showStage(stage, showValues(stage, names[at] ?? [], values[at] ?? []), showOther(stage, values[at] ?? []), String(values[at]?.at(-1))));
  return { source: overOf(bound.query) === null ? showSource(bound.query.source) : "what the other query gives", stages: verbs.map(named), terminal: named(showTerminal(bound)) };
}

const named = (text: string): VerbExplanation => ({ verb: text.slice(0, text.indexOf("(")), text });

/** The arguments behind a stage's lambdas; of a slice its two places. */
function showValues(stage: StageShape, names: readonly string[], values: readonly Capture[]): readonly string[] {
  if (stage.kind === "slice") return values.map(String);
  if (stage.kind === "window") return showCaptures(names.filter(name => name !== EDGE), values);
  if (stage.kind === "fillNulls") return values.map(showCapture);
  if (stage.kind !== "scan") return showCaptures(names, values);
  const options = [
    ...(stage.exclusive ? ["exclusive: true"] : []),
    ...(stage.sequential ? ["sequential: true"] : []),
    ...(stage.to === null ? [] : [`to: ${ELEMENTS[stage.to].array}`]),
  ];
  return showFolding(stage.seed === null ? null : (values.at(-1) as Capture), showCaptures(names.filter(name => name !== SEED), values), options);
}

/** The arguments behind the reducer of `reduce` and `scan`: what is left out but has others behind it shows as nothing. */
function showFolding(seed: Capture | null, captures: readonly string[], options: readonly string[]): readonly string[] {
  const between = seed === null && captures.length + options.length > 0 ? ["undefined"] : [];
  const none = captures.length === 0 && options.length > 0 ? ["{}"] : [];
  const last = options.length === 0 ? [] : [`{ ${options.join(", ")} }`];
  return [...(seed === null ? [] : [showCapture(seed)]), ...between, ...captures, ...none, ...last];
}

function showSource(source: BoundSource): string {
  switch (source.kind) {
    case "range":
      return `range(${sourceLength(source)})`;
    case "numbers":
      return `Array(${sourceLength(source)})`;
    case "array":
      return `${typeInWords(source.element)}(${sourceLength(source)})`;
    case "buffer":
      return showBuffer(source.buffer);
    case "stream": {
      const { holds } = source.stream;
      return `stream(chunks, ${holds.columns === null ? heldInWords(holds.element) : showHeld(holds.columns)})`;
    }
    case "columns":
    case "rows":
      return showTable(source);
    default:
      return source satisfies never;
  }
}

/** The constructor that says what a stream holds. */
const heldInWords = (type: ColumnType): string => (type === "string" ? "String" : typeInWords(type));

function showHeld(columns: Columns): string {
  const shown = shownNames(columns.keys()).map(name => {
    const held = heldInWords(columns.get(name) as ColumnType);
    return `${name}: ${columns.has(validColumn(name)) ? call("nullable", held) : held}`;
  });
  return `{ ${shown.join(", ")} }`;
}

/** `beyond`: the stage's last value. */
function showWindow(stage: StageShape & { readonly kind: "window" }, captures: readonly string[], beyond: string): string {
  const { verb, offsets, edge, to, fold, lambda } = stage;
  const options = edge === "valid" ? [] : [`{ edge: "${edge}"${edge === "constant" ? `, value: ${beyond}` : ""} }`];
  const windows = call(verb, verb !== "neighbours" ? String(offsets.length) : `[${offsets.join(", ")}]`, ...options);
  return `${windows}.${fold === null ? call("map", oneLine(lambda.source.text), ...showTarget(to), ...captures) : call(fold, ...showTarget(to))}`;
}

/** As take(), skip() or slice() was called. */
function showSlice(from: boolean, [start = "0", end = "Infinity"]: readonly string[]): string {
  if (!from) return call("take", end);
  if (end !== "Infinity") return call("slice", start, end);
  return call(start.startsWith("-") ? "slice" : "skip", start);
}

/** What a verb takes another query as; of a zip, all of them. */
function showOther(stage: StageShape, values: readonly unknown[]): string {
  const others = values.filter(isBound);
  const shown = stage.kind === "pair" && stage.key === null ? others : others.slice(0, 1);
  return shown.map(other => `compute(${showSource(other.source)})${other.parent === null ? "" : "…"}`).join(", ");
}

export const isBound = (value: unknown): value is BoundQuery => typeof value === "object" && value !== null && "shape" in value && "source" in value;

/** The name of the method that makes a stage. */
export function methodOf(stage: StageShape): string {
  switch (stage.kind) {
    case "sort":
      return `${stage.then ? "thenBy" : "orderBy"}${stage.descending ? "Descending" : ""}`;
    case "match":
      return stage.keep ? "semiJoin" : "antiJoin";
    case "group":
      return "groupBy";
    default:
      return verbOf(stage);
  }
}

/** A stage in the title of a kernel. */
export function verbOf(stage: StageShape): string {
  switch (stage.kind) {
    case "pair":
      return stage.key === null ? "zip" : stage.outer ? "leftJoin" : "join";
    case "window":
      return stage.verb;
    case "while":
      return stage.take ? "takeWhile" : "skipWhile";
    case "set":
      return stage.verb;
    case "top":
      return stage.descending ? "top" : "bottom";
    default:
      return stage.kind;
  }
}

/** `limit`: the stage's last value, of a `top` how many; of windows what stands beyond the edges. */
function showStage(stage: StageShape, captures: readonly string[], other: string, limit: string): string {
  switch (stage.kind) {
    case "map":
    case "flatMap":
      return call(stage.kind, oneLine(stage.lambda.source.text), ...showTarget(stage.to), ...captures);
    case "filter":
      return call("filter", oneLine(stage.lambda.source.text), ...captures);
    case "as":
      return call("as", ...showTarget(stage.to));
    case "dropNulls":
      return call("dropNulls", ...stage.columns.map(name => JSON.stringify(name)));
    case "fillNulls":
      return call("fillNulls", `{ ${stage.columns.map((name, at) => `${name}: ${captures[at] ?? ""}`).join(", ")} }`);
    case "slice":
      return showSlice(stage.from, captures);
    case "scan":
      return call("scan", oneLine(stage.lambda.source.text), ...captures);
    case "window":
      return showWindow(stage, captures, limit);
    case "reverse":
    case "distinct":
      return call(stage.kind);
    case "while":
      return call(verbOf(stage), oneLine(stage.lambda.source.text), ...captures);
    case "tap":
      return call("tap", oneLine(limit));
    case "concat":
      return call("concat", other);
    case "set":
      return call(stage.verb, other);
    case "top":
      return call(stage.descending ? "top" : "bottom", limit, ...(stage.key === null ? [] : [oneLine(stage.key.lambda.source.text)]), ...captures);
    case "pair":
      return stage.key === null ? call("zip", other, oneLine(stage.lambda.source.text), ...captures) : call(verbOf(stage), other, oneLine(stage.key.lambda.source.text), "…", oneLine(stage.lambda.source.text), ...captures);
    case "groupJoin":
      return call("groupJoin", other, oneLine(stage.lambda.source.text), "…", `{ ${stage.aggregates.map(showAggregate).join(", ")} }`, ...captures);
    case "match":
      return call(methodOf(stage), other, oneLine(stage.lambda.source.text), "…", ...captures);
    case "sort":
      return call(methodOf(stage), oneLine(stage.lambda.source.text), ...captures);
    case "group":
      return `${call("groupBy", oneLine(stage.lambda.source.text), ...captures)}.aggregate({ ${stage.aggregates.map(showAggregate).join(", ")} })`;
    default:
      return stage satisfies never;
  }
}

/** A terminal as it is called. */
export function calledAs(of: { readonly kind: TerminalShape["kind"]; readonly terminal?: TerminalShape; readonly verb?: string }): string {
  switch (of.kind) {
    case "leastKey":
      return "minBy";
    case "greatestKey":
      return "maxBy";
    case "firstBy":
      return "first";
    case "together":
      return of.verb ?? (of.terminal as TerminalShape & { readonly kind: "together" }).verb;
    default:
      return of.kind;
  }
}

function showTerminal({ query, node, values, branches = [] }: BoundTerminal): string {
  const { terminal } = node;
  const captures = showCaptures(node.way.names, values);
  switch (terminal.kind) {
    case "toArray":
    case "toColumns":
    case "count":
    case "sum":
    case "average":
    case "min":
    case "max":
    case "first":
    case "last":
    case "single":
    case "median":
      return call(terminal.kind);
    case "together":
      return showTogether(terminal.verb, branches, query.shape.depth);
    case "quantile":
      return call("quantile", showQuantiles(values[0]));
    case "variance":
    case "standardDeviation":
      return call(terminal.kind, ...(terminal.sample ? ["{ sample: true }"] : []));
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return call(terminal.kind, oneLine(terminal.lambda.source.text), ...captures);
    case "leastKey":
    case "greatestKey":
      return call(calledAs(terminal), oneLine(terminal.lambda.source.text), ...captures);
    case "firstBy":
      return `first(whose key, by ${oneLine(terminal.lambda.source.text)}, is the one found)`;
    case "indexOf":
    case "includes":
      return call(terminal.kind, showCapture(values[0] as Capture));
    case "reduce": {
      const options = [
        ...(terminal.combine === null ? [] : [`combine: ${oneLine(terminal.combine.lambda.source.text)}`]),
        ...(terminal.sequential ? ["sequential: true"] : []),
      ];
      return call("reduce", oneLine(terminal.lambda.source.text), ...showFolding(terminal.seed === null ? null : (values.at(-1) as Capture), captures, options));
    }
    default:
      return terminal satisfies never;
  }
}

/** Each branch from where it leaves the sequence. */
function showTogether(verb: "aggregate" | "batch", branches: readonly BoundBranch[], depth: number): string {
  const shown = branches.map(({ name, terminal }) => {
    const verbs = showVerbs(terminal, terminal.node.shape().stages);
    const own = ["q", ...[...verbs.stages.slice(depth), verbs.terminal].map(({ text }) => text)].join(".");
    return verb === "batch" ? own : `${name}: q => ${own}`;
  });
  return verb === "batch" ? `batch([${shown.join(", ")}])` : `aggregate({ ${shown.join(", ")} })`;
}

const showQuantiles = (value: Capture | undefined): string => (typeof value === "number" ? String(value) : `[${[...(value as Float64Array)].join(", ")}]`);

function showAggregate({ name, terminal, value, argument }: Aggregate): string {
  const of = [...(terminal === "quantile" ? [String(argument)] : []), ...(value === null ? [] : [oneLine(value.lambda.source.text)])];
  const sample = terminal !== "quantile" && argument === 1 ? [...(value === null ? [] : ["{}"]), "{ sample: true }"] : [];
  return `${name}: g => g.${call(terminal, ...of, ...sample)}`;
}

function showTarget(to: ColumnType | Columns | null): readonly string[] {
  if (to === null) return [];
  return [typeof to === "string" ? typeInWords(to) : `{ ${[...to].map(([name, element]) => `${name}: ${typeInWords(element)}`).join(", ")} }`];
}

/** The captures as one argument; none if there are none. */
function showCaptures(names: readonly string[], values: readonly Capture[]): readonly string[] {
  if (names.length === 0) return [];
  return [`{ ${names.map((name, at) => `${name}: ${showCapture(values[at] as Capture)}`).join(", ")} }`];
}

const call = (verb: string, ...args: readonly string[]): string => `${verb}(${args.join(", ")})`;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");
