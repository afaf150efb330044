/** What a query will do, in words and in code. */
import { cppPreludeOf, emitCpp } from "../../fusion/emit/cpp.js";
import { cudaPrelude, emitCuda } from "../../fusion/emit/cuda.js";
import { emitJs } from "../../fusion/emit/js.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { Kernel, Sink } from "../../fusion/ir.js";
import { SINGLE, TABLE, type Aggregate, type Columns, type Plan, type PlannedKernel, type StageShape, type TableStep, type TerminalShape } from "../../fusion/query.js";
import { BLOCK, ELEMENTS, isBigType, LANES, type ElementType } from "../../fusion/types.js";
import { stageValues, type BoundQuery, type BoundTerminal } from "./bound.js";
import { showCapture } from "./captures.js";
import type { ShapeNode } from "./shape.js";
import { quote } from "./given.js";
import { sourceLength, type BoundSource } from "./source.js";
import { showTable } from "../table/source.js";
import type { Capture } from "./types.js";

/** The expression tree, the kernels it is fused into, and the backend of each. Compiles nothing. */
export function explainTerminal(bound: BoundTerminal): string {
  const { query, node } = bound;
  const plan = node.plan();
  const { stages, terminal } = node.shape();
  const slots = query.runtime.slots(node);
  const kernels = plan.kernels.map((planned, at) => {
    const choice = query.runtime.tiers.preview(slots[at] as (typeof slots)[number], query.backend);
    const lines = [
      ...stepsBefore(plan, at).flatMap(step => [showStep(step), ...otherOf(bound, step)]),
      `${title(plan, at, stages, terminal)}`,
      `  reads ${reads(planned, plan.kernels, query.source)}`,
      `  ${gives(planned.kernel.sink, terminal)}`,
      ...(planned.barrier === null ? [] : [`  barrier: ${planned.barrier}`]),
      ...(planned.kernel.fastMath === true ? [FAST] : []),
      `  ${choice.backend}: ${choice.reason}`,
    ];
    return lines.join("\n");
  });
  return `${tree(bound, stages)}\n\n${kernels.join("\n")}\n`;
}

/** What code is emitted in. */
export type SourceLanguage = "js" | "cpp" | "cuda";

/** The emitted code of all kernels. */
export function sourceOf({ node }: BoundTerminal, language: SourceLanguage): string {
  if (language !== "js" && language !== "cpp" && language !== "cuda") {
    throw new QueryError("DC305", `there is no code in ${quote(language)}`, 'Code is emitted in "js", "cpp" and "cuda".');
  }
  const plan = node.plan();
  const { stages, terminal } = node.shape();
  const kernels = plan.kernels.map(({ kernel }, at) => {
    const code = codeOf(kernel, language, `kernel_${at + 1}`);
    return `// ${title(plan, at, stages, terminal)}\n${code.trim()}\n`;
  });
  const prelude = { js: [], cpp: [cppPreludeOf(plan.kernels.map(planned => planned.kernel))], cuda: [cudaPrelude] }[language];
  return [...prelude, ...kernels].join("\n");
}

function codeOf(kernel: Kernel, language: SourceLanguage, symbol: string): string {
  switch (language) {
    case "js":
      return emitJs(kernel);
    case "cpp":
      return emitCpp(kernel, { symbol });
    case "cuda":
      return emitCuda(kernel, { symbol }).text;
    default:
      return language satisfies never;
  }
}

const FAST = "  fastMath: multiply-adds may round once and elementary functions are the backend's fastest, so bits may differ between backends and machines";

/** The query as it would be written. */
function tree(bound: BoundTerminal, stages: readonly StageShape[]): string {
  const values = stageValues(bound);
  const names: (readonly string[])[] = [];
  for (let at: ShapeNode = bound.query.shape; at.parent !== null; at = at.parent) names.unshift(at.names);
  const verbs = stages.map((stage, at) => `  .${showStage(stage, stage.kind === "slice" ? (values[at] ?? []).map(String) : showCaptures(names[at] ?? [], values[at] ?? []), showOther(values[at] ?? []))}`);
  const options = bound.node.shape().fastMath === true ? ", { fastMath: true }" : "";
  return [`compute(${showSource(bound.query.source)}${options})`, ...verbs, `  .${showTerminal(bound)}`].join("\n");
}

function showSource(source: BoundSource): string {
  const length = sourceLength(source);
  switch (source.kind) {
    case "range":
      return `range(${length})`;
    case "numbers":
      return `Array(${length})`;
    case "array":
      return `${ELEMENTS[source.element].array}(${length})`;
    case "columns":
    case "rows":
      return showTable(source);
    default:
      return source satisfies never;
  }
}

/** As take(), skip() or slice() was called. */
function showSlice(from: boolean, [start = "0", end = "Infinity"]: readonly string[]): string {
  if (!from) return call("take", end);
  return end === "Infinity" ? call("skip", start) : call("slice", start, end);
}

/** What a verb takes another query as. */
function showOther(values: readonly unknown[]): string {
  const other = values.find(isBound);
  return other === undefined ? "" : `compute(${showSource(other.source)})${other.parent === null ? "" : "…"}`;
}

const isBound = (value: unknown): value is BoundQuery => typeof value === "object" && value !== null && "shape" in value && "source" in value;

/** The kernels of the other query that a step runs first. */
function otherOf(bound: BoundTerminal, { stages }: TableStep): readonly string[] {
  const others = stages.flatMap(stage => (stageValues(bound)[stage] as readonly unknown[]).filter(isBound)).filter(({ parent }) => parent !== null);
  return others.flatMap(query => {
    const node = query.shape.plainTerminal(query.shape.columns === null ? "toArray" : "toColumns");
    return explainTerminal({ query, node, values: [] }).trimEnd().split("\n").map(line => `  | ${line}`.trimEnd());
  });
}

/** A stage as its verb is called. */
function verbOf(stage: StageShape): string {
  return stage.kind === "pair" ? (stage.key === null ? "zip" : "join") : stage.kind;
}

function showStage(stage: StageShape, captures: readonly string[], other: string): string {
  switch (stage.kind) {
    case "map":
      return call("map", oneLine(stage.lambda.source.text), ...showTarget(stage.to), ...captures);
    case "filter":
      return call("filter", oneLine(stage.lambda.source.text), ...captures);
    case "as":
      return call("as", ELEMENTS[stage.to].array);
    case "slice":
      return showSlice(stage.from, captures);
    case "reverse":
    case "distinct":
      return call(stage.kind);
    case "concat":
      return call("concat", other);
    case "pair":
      return stage.key === null ? call("zip", other, oneLine(stage.lambda.source.text), ...captures) : call("join", other, oneLine(stage.key.lambda.source.text), "…", oneLine(stage.lambda.source.text), ...captures);
    case "match":
      return call(stage.keep ? "semiJoin" : "antiJoin", other, oneLine(stage.lambda.source.text), "…", ...captures);
    case "sort":
      return call(`${stage.then ? "thenBy" : "orderBy"}${stage.descending ? "Descending" : ""}`, oneLine(stage.lambda.source.text), ...captures);
    case "group":
      return `${call("groupBy", oneLine(stage.lambda.source.text), ...captures)}.aggregate({ ${stage.aggregates.map(showAggregate).join(", ")} })`;
    default:
      return stage satisfies never;
  }
}

function showTerminal({ node, values }: BoundTerminal): string {
  const { terminal } = node;
  const captures = showCaptures(node.names, values);
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
      return call(terminal.kind);
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return call(terminal.kind, oneLine(terminal.lambda.source.text), ...captures);
    case "indexOf":
    case "includes":
      return call(terminal.kind, showCapture(values[0] as Capture));
    case "reduce": {
      const seed = terminal.seed === null ? [] : [showCapture(values.at(-1) as Capture)];
      const options = [
        ...(terminal.combine === null ? [] : [`combine: ${oneLine(terminal.combine.lambda.source.text)}`]),
        ...(terminal.sequential ? ["sequential: true"] : []),
      ];
      const between = seed.length === 0 && captures.length + options.length > 0 ? ["undefined"] : [];
      const none = captures.length === 0 && options.length > 0 ? ["{}"] : [];
      const last = options.length === 0 ? [] : [`{ ${options.join(", ")} }`];
      return call("reduce", oneLine(terminal.lambda.source.text), ...seed, ...between, ...captures, ...none, ...last);
    }
    default:
      return terminal satisfies never;
  }
}

const showAggregate = ({ name, terminal, value }: Aggregate): string => `${name}: g => g.${terminal}(${value === null ? "" : oneLine(value.lambda.source.text)})`;

function showTarget(to: ElementType | Columns | null): readonly string[] {
  if (to === null) return [];
  return [typeof to === "string" ? ELEMENTS[to].array : `{ ${[...to].map(([name, element]) => `${name}: ${ELEMENTS[element].array}`).join(", ")} }`];
}

/** The captures as one argument; none if there are none. */
function showCaptures(names: readonly string[], values: readonly Capture[]): readonly string[] {
  if (names.length === 0) return [];
  return [`{ ${names.map((name, at) => `${name}: ${showCapture(values[at] as Capture)}`).join(", ")} }`];
}

const call = (verb: string, ...args: readonly string[]): string => `${verb}(${args.join(", ")})`;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");

/** The kernel's number, and what is fused into it. */
function title({ kernels }: Plan, at: number, stages: readonly StageShape[], terminal: TerminalShape): string {
  const fused = (kernels[at]?.stages ?? []).flatMap(index => verbOf(stages[index] as StageShape));
  const last = kernels[at]?.table === kernels.at(-1)?.table;
  const all = last ? [...fused, terminal.kind] : fused;
  const column = kernels[at]?.column ?? null;
  return `kernel ${at + 1} of ${kernels.length}: ${[...all, ...(column === null ? [] : [columnInWords(column)])].join(", ")}`;
}

/** Columns of the compiler's own have names that no user's column can have. */
const columnInWords = (name: string): string => (name.startsWith("\0") ? name.slice(1) : `column ${name}`);

function reads({ kernel, table }: PlannedKernel, kernels: readonly PlannedKernel[], source: BoundSource): string {
  const columns = kernel.arrays.filter(({ origin }) => origin.stage === TABLE).map(({ origin }) => origin.name);
  if (table > 0) {
    const before = kernels.flatMap((planned, at) => (planned.table === table - 1 && (planned.column === null || columns.includes(planned.column) || (planned.column === SINGLE && kernel.source.kind === "array")) ? [at + 1] : []));
    if (before.length > 0) return `what kernel${before.length === 1 ? "" : "s"} ${before.join(" and ")} stored`;
  }
  if (columns.length > 0) return `the column${columns.length === 1 ? "" : "s"} ${columns.map(name => name.replace("\0", "")).join(", ")}`;
  if (table > 0 || source.kind === "columns" || source.kind === "rows") return "no column: only how many rows there are";
  if (kernel.source.kind === "range") return "nothing: its elements are their own places";
  return source.kind === "numbers" ? "a Float64Array copied from the array of numbers" : `the ${ELEMENTS[kernel.source.element].array}`;
}

const CANONICAL = `in the canonical order: ${LANES} lanes, blocks of ${BLOCK}, a pairwise tree, the same on every backend`;

/** What happens to a table before the first of its kernels. */
const stepsBefore = ({ steps, kernels }: Plan, at: number): readonly TableStep[] =>
  kernels[at - 1]?.table === kernels[at]?.table ? [] : steps.filter(({ table }) => table === kernels[at]?.table);

function showStep(step: TableStep): string {
  const here = "on the calling thread";
  switch (step.kind) {
    case "slice":
      return `slice: views, nothing is copied, ${here}`;
    case "reverse":
      return `reverse: copies, ${here}`;
    case "distinct":
      return `distinct: a hash table, ${here}`;
    case "concat":
      return `concat: runs the other query and copies, ${here}`;
    case "zip":
      return `zip: runs the other query; views, nothing is copied, ${here}`;
    case "join":
      return `join: runs the other query, then a hash table of its keys, ${here}`;
    case "match":
      return `${step.keep ? "semiJoin" : "antiJoin"}: runs the other query's keys, then a hash table of them, ${here}`;
    case "sort":
      return `sort: a stable radix sort by ${step.keys.length === 1 ? "one key" : `${step.keys.length} keys`}, ${here}`;
    case "group": {
      const shown = step.aggregates.map(({ name, terminal }) => `${name} (${terminal})`);
      return `group: a hash table and a counting sort, then ${shown.join(", ")} of each group by itself, ${here}`;
    }
    default:
      return step satisfies never;
  }
}

/** What the kernel does with what arrives. */
function gives(sink: Sink, terminal: TerminalShape): string {
  switch (sink.kind) {
    case "array":
      return `stores ${withArticle(ELEMENTS[sink.element].array)}`;
    case "count":
      return "counts";
    case "reduce": {
      const exact = isBigType(sink.type) && !isBigType(sink.term);
      return exact ? "adds exactly, in 64-bit integers" : `folds with ${sink.op} as ${sink.type} ${CANONICAL}`;
    }
    case "fold":
      if (sink.combine !== null) return `folds each lane apart and joins them with combine ${CANONICAL}`;
      return `folds from left to right, one element after the other: ${
        terminal.kind === "reduce" && terminal.sequential ? "{ sequential: true } asks for it" : "it has no seed, or is not of the form acc ⊕ f(x), and no combine was given"
      }`;
    case "first":
      return "stops at the first that matches";
    case "last":
      return "keeps the last";
    default:
      return sink satisfies never;
  }
}
