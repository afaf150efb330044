/** What a query will do, in words and in code. */
import { cppPreludeOf, emitCpp } from "../../fusion/emit/cpp.js";
import { cudaPrelude, emitCuda } from "../../fusion/emit/cuda.js";
import { emitJs } from "../../fusion/emit/js.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { Kernel, Sink } from "../../fusion/ir.js";
import { SINGLE, TABLE, type Plan, type PlannedKernel, type StageShape, type TableStep, type TerminalShape } from "../../fusion/query.js";
import { BLOCK, ELEMENTS, isBigType, LANES } from "../../fusion/types.js";
import { showStep } from "../table/show.js";
import { stageValues, type BoundTerminal } from "./bound.js";
import { quote } from "./given.js";
import { calledAs, isBound, showQuery, verbOf } from "./show.js";
import type { BoundSource } from "./source.js";

/** The expression tree, the kernels it is fused into, and the backend of each. Compiles nothing. */
export function explainTerminal(bound: BoundTerminal): string {
  const { query, node } = bound;
  const plan = node.plan();
  const { stages, terminal } = node.shape();
  const slots = query.runtime.slots(node);
  const native = plan.steps.length > 0 && query.runtime.tiers.mover(query.backend).native;
  const kernels = plan.kernels.map((planned, at) => {
    const choice = query.runtime.tiers.preview(slots[at] as (typeof slots)[number], query.backend);
    const lines = [
      ...stepsBefore(plan, at).flatMap(step => [showStep(step, limitOf(bound, step), native), ...otherOf(bound, step)]),
      `${title(plan, at, stages, terminal)}`,
      `  reads ${reads(planned, plan.kernels, query.source)}`,
      `  ${gives(planned.kernel.sink, terminal, stages[planned.stages.at(-1) ?? -1] ?? null)}`,
      ...(planned.barrier === null ? [] : [`  barrier: ${planned.barrier}`]),
      ...(planned.kernel.fastMath === true ? [FAST] : []),
      `  ${choice.backend}: ${choice.reason}`,
    ];
    return lines.join("\n");
  });
  return `${showQuery(bound, stages)}\n\n${kernels.join("\n")}\n`;
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

/** How many rows of a sort are wanted. */
const limitOf = (bound: BoundTerminal, step: TableStep): number => (step.kind === "sort" && step.limit !== null ? (stageValues(bound)[step.limit]?.at(-1) as number) : Infinity);

/** The kernels of the other query that a step runs first. */
function otherOf(bound: BoundTerminal, { stages }: TableStep): readonly string[] {
  const others = stages.flatMap(stage => (stageValues(bound)[stage] as readonly unknown[]).filter(isBound)).filter(({ parent }) => parent !== null);
  return others.flatMap(query => {
    const node = query.shape.plainTerminal(query.shape.columns === null ? "toArray" : "toColumns");
    return explainTerminal({ query, node, values: [] }).trimEnd().split("\n").map(line => `  | ${line}`.trimEnd());
  });
}

/** The kernel's number, and what is fused into it. */
function title({ kernels }: Plan, at: number, stages: readonly StageShape[], terminal: TerminalShape): string {
  const fused = (kernels[at]?.stages ?? []).flatMap(index => verbOf(stages[index] as StageShape));
  const last = kernels[at]?.table === kernels.at(-1)?.table || kernels.slice(at, -1).every(({ seeks, table }) => seeks === true || table === kernels.at(-1)?.table);
  const all = last ? [...fused, calledAs(terminal)] : fused;
  const column = kernels[at]?.column ?? null;
  return `kernel ${at + 1} of ${kernels.length}: ${[...all, ...(column === null ? [] : [columnInWords(column)])].join(", ")}`;
}

/** Columns of the compiler's own have names that no user's column can have. */
const columnInWords = (name: string): string => (name.startsWith("\0") ? name.slice(1) : `column ${name}`);

function reads({ kernel, table }: PlannedKernel, kernels: readonly PlannedKernel[], source: BoundSource): string {
  const columns = kernel.arrays.filter(({ origin }) => origin.stage === TABLE).map(({ origin }) => origin.name);
  // Behind a search the same table is read again.
  const stored = kernels.findLast(planned => planned.table < table && planned.seeks !== true)?.table;
  if (stored !== undefined) {
    const before = kernels.flatMap((planned, at) => (planned.table === stored && (planned.column === null || columns.includes(planned.column) || (planned.column === SINGLE && kernel.source.kind === "array")) ? [at + 1] : []));
    if (before.length > 0) return `what kernel${before.length === 1 ? "" : "s"} ${before.join(" and ")} stored`;
  }
  if (columns.length > 0) return `the column${columns.length === 1 ? "" : "s"} ${columns.map(name => name.replace("\0", "")).join(", ")}`;
  if (stored !== undefined || source.kind === "columns" || source.kind === "rows") return "no column: only how many rows there are";
  if (kernel.source.kind === "range") return "nothing: its elements are their own places";
  return source.kind === "numbers" ? "a Float64Array copied from the array of numbers" : `the ${ELEMENTS[kernel.source.element].array}`;
}

const CANONICAL = `in the canonical order: ${LANES} lanes, blocks of ${BLOCK}, a pairwise tree, the same on every backend`;

const SCANNED = `in the canonical scan order: rows of ${LANES} by doubling steps, blocks of ${BLOCK}, the same on every backend`;

/** What happens to a table before the first of its kernels. */
const stepsBefore = ({ steps, kernels }: Plan, at: number): readonly TableStep[] =>
  kernels[at - 1]?.table === kernels[at]?.table ? [] : steps.filter(({ table }) => table === kernels[at]?.table);

/** What the kernel does with what arrives. */
function gives(sink: Sink, terminal: TerminalShape, last: StageShape | null): string {
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
    case "scan": {
      const stores = `stores ${withArticle(ELEMENTS[sink.element].array)} of the running values`;
      const wraps = sink.order.kind === "canonical" && sink.order.op === "add" && sink.type === "i32";
      if (wraps) return `${stores}: sums of integers, exact as far as the array keeps them`;
      if (sink.order.kind === "canonical") return `${stores}: ${sink.order.op} as ${sink.type} ${SCANNED}`;
      return `${stores}, from left to right, one element after the other: ${last?.kind === "scan" && last.sequential ? "{ sequential: true } asks for it" : "its reducer has no seed, or is not of the form acc ⊕ f(x)"}`;
    }
    case "first":
      return "stops at the first that matches";
    case "last":
      return "keeps the last";
    default:
      return sink satisfies never;
  }
}
