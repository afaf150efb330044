/** What a query will do, as data, and its code. */
import { cppPreludeOf } from "../../fusion/emit/cpp.js";
import { cudaPrelude } from "../../fusion/emit/constants.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { Kernel, Sink, SinkOf } from "../../fusion/ir.js";
import { countsAll, isChunkColumn, isIdle, isWindowColumn, plainName, SINGLE, TABLE, WINDOWED, type Part, type Plan, type PlannedKernel, type StageShape, type TableStep, type TerminalShape } from "../../fusion/query.js";
import { elementsOf } from "../../fusion/several.js";
import { sinksOf, walkStmts } from "../../fusion/traverse.js";
import { BLOCK, ELEMENTS, isBigType, LANES } from "../../fusion/types.js";
import { isOwn, type BackendName } from "../backends/backend.js";
import { isShared, SHARED_ROWS } from "../backends/cpu/sharing.js";
import { partsOf } from "../backends/parts.js";
import { bufferInWords } from "../memory/show.js";
import { barrierInWords, joinsInWords, readsInWords, streamStepInWords } from "../stream/show.js";
import { showStep } from "../table/show.js";
import { stageValues, type BoundQuery, type BoundTerminal } from "./bound.js";
import { codeOf, type SourceLanguage } from "./code.js";
import { quote } from "./given.js";
import { checkOptions } from "./options.js";
import type { ExplainOptions, Explanation, KernelExplanation, StepExplanation } from "./explanation.js";
import { explanationAsMermaid } from "./explain-mermaid.js";
import { explanationInWords, titleOf } from "./explain-text.js";
import type { ShapeNode } from "./shape.js";
import type { TerminalNode } from "./terminal.js";
import { calledAs, isBound, showVerbs, verbOf } from "./show.js";
import { sourceLength, type BoundSource } from "./source.js";

/** The verbs, the kernels that they are fused into, and the backend of each. Compiles nothing. */
export function explanationOf(bound: BoundTerminal): Explanation {
  const { query, node } = bound;
  const plan = node.plan();
  const { stages } = node.shape();
  const verbs = verbsOf(node);
  const slots = query.runtime.slots(node);
  const kernels = plan.kernels.map((planned, at): KernelExplanation => {
    const { backend, reason, predictions } = query.runtime.tiers.preview(slots[at] as (typeof slots)[number], query.backend, at === 0 && query.source.kind !== "stream" ? sourceLength(query.source) : null);
    const { kernel, barrier, columns } = planned;
    return {
      fuses: fusedInto(plan, at, verbs),
      stages: planned.stages.filter(stage => stage < stages.length),
      table: planned.table,
      stores: (columns ?? []).map(plainName),
      reads: reads(planned, plan.kernels, query.source),
      columns: columnsOf(kernel).map(plainName),
      from: readFrom(planned, plan.kernels),
      gives: givesInWords(bound, plan, at),
      ...(query.source.kind === "stream" && at === plan.kernels.length - 1 ? { joins: joinsInWords(planned) } : {}),
      barrier: query.source.kind === "stream" ? barrierInWords(barrier) : barrier,
      shortcut: shortcutOf(planned),
      backend,
      ...(predictions === undefined ? {} : { predictions }),
      reason: `${reason}${partsInWords(kernel, backend)}${backend === "cpu" ? levelInWords(query) : ""}${backend === "cpu" && at === 0 ? sharedInWords(kernel, query) : ""}`,
    };
  });
  const native = plan.steps.length > 0 && query.runtime.tiers.mover(query.backend).native;
  const steps = plan.steps.map((step): StepExplanation => ({
    stages: step.stages,
    text: `${(query.source.kind === "stream" ? streamStepInWords : showStep)(step, limitOf(bound, step), native)}${native && step.kind === "group" ? groupsShared(query) : ""}`,
    before: plan.kernels.findIndex(({ table }) => table === step.table),
    others: othersOf(bound, step).map(explanationOf),
  }));
  const { unusual } = query.runtime;
  return { ...showVerbs(bound, stages), fastMath: node.shape().fastMath === true, ...(unusual === null ? {} : { compiled: unusual }), rewritten: plan.rewritten, kernels, steps, behind: [] };
}

/** `behind`: terminals that run behind this one. */
export const explainTerminal = (bound: BoundTerminal, options: ExplainOptions, behind: readonly BoundTerminal[] = []): string | Explanation =>
  explained(() => ({ ...explanationOf(bound), behind: behind.map(explanationOf) }), options);

/** In the format that is asked for. */
export function explained(explanation: () => Explanation, options: ExplainOptions): string | Explanation {
  const remedy = 'Write { format: "text" }, { format: "json" } or { format: "mermaid" }.';
  const { format = "text" } = checkOptions(options, "explain", ["format"], remedy);
  switch (format) {
    case "text":
      return explanationInWords(explanation());
    case "json":
      return explanation();
    case "mermaid":
      return explanationAsMermaid(explanation());
    default:
      throw new QueryError("DC305", `explain() is told the format ${quote(format)}`, remedy);
  }
}

/** Why a kernel need not run; null if it must. */
function shortcutOf(planned: PlannedKernel): string | null {
  if (countsAll(planned)) return "nothing runs: all elements count";
  if (!isIdle(planned)) return null;
  return planned.columns === null || planned.columns.length === 1 ? "nothing runs: the array is handed on as it is" : "nothing runs: the arrays are handed on as they are";
}

export function checkLanguage(language: SourceLanguage): void {
  if (language === "js" || language === "cpp" || language === "cuda") return;
  throw new QueryError("DC305", `there is no code in ${quote(language)}`, 'Code is emitted in "js", "cpp" and "cuda".');
}

/** The emitted code of all kernels. */
export function sourceOf({ query, node }: BoundTerminal, language: SourceLanguage): string {
  checkLanguage(language);
  query.runtime.check();
  const plan = node.plan();
  const verbs = verbsOf(node);
  const kernels = plan.kernels.map(({ kernel }, at) => {
    const code = codeOf(kernel, language, `kernel_${at + 1}`);
    return `// ${titleOf(at, plan.kernels.length, fusedInto(plan, at, verbs))}\n${code.trim()}\n`;
  });
  const prelude = { js: [], cpp: [cppPreludeOf(plan.kernels.map(planned => planned.kernel))], cuda: [cudaPrelude] }[language];
  return [...prelude, ...kernels].join("\n");
}

/** What is to be said of a kernel that a backend runs in parts. */
function partsInWords(kernel: Kernel, backend: BackendName): string {
  const { length } = isOwn(backend) ? partsOf(backend, kernel) : [kernel];
  if (length === 1 || kernel.sink.kind !== "several") return "";
  const results = kernel.sink.sinks.length;
  return length === results ? `; each of its ${results} results has launches of its own` : `; its ${results} results are computed in ${length} passes`;
}

/** Which code of a portable kernel runs here. */
function levelInWords({ runtime }: BoundQuery): string {
  const { level } = runtime.tiers;
  return level === null ? "" : `; ${level}`;
}

/** By how many threads the kernel of a source may be shared, if that is long enough. */
function sharedInWords(kernel: Kernel, { source, runtime }: BoundQuery): string {
  const { threads } = runtime.tiers;
  return threads > 1 && source.kind !== "stream" && isShared(kernel, sourceLength(source)) ? `; shared by up to ${threads} threads` : "";
}

/** By how many threads the rows of a source are put into groups, if there are that many. */
function groupsShared({ source, runtime }: BoundQuery): string {
  const { threads } = runtime.tiers;
  return threads > 1 && source.kind !== "stream" && sourceLength(source) >= SHARED_ROWS ? `; shared by up to ${threads} threads` : "";
}

/** How many rows of a sort are wanted. */
const limitOf = (bound: BoundTerminal, step: TableStep): number => (step.kind === "sort" && step.limit !== null ? (stageValues(bound)[step.limit]?.at(-1) as number) : Infinity);

/** The other queries that a step runs first. */
function othersOf(bound: BoundTerminal, { stages }: TableStep): readonly BoundTerminal[] {
  const others = stages.flatMap(stage => (stageValues(bound)[stage] as readonly unknown[]).filter(isBound)).filter(({ parent }) => parent !== null);
  return others.map(query => ({ query, node: query.shape.plainTerminal(query.shape.columns === null ? "toArray" : "toColumns"), values: [] }));
}

interface Verb {
  readonly name: string;
  readonly isTerminal: boolean;
}

/** The verbs of a query by their numbers; of several terminals, each one's own stages and the terminal are behind those of all. */
function verbsOf({ parent, terminal, branches }: TerminalNode): readonly Verb[] {
  const stages = (node: ShapeNode, depth: number): readonly Verb[] => node.shape().stages.slice(depth).map(stage => ({ name: verbOf(stage), isTerminal: false }));
  const own = branches === null ? [terminal] : [];
  return [...stages(parent, 0), ...own.map(last), ...(branches ?? []).flatMap(branch => [...stages(branch.parent, parent.depth), last(branch.terminal)])];
}

const last = (terminal: TerminalShape): Verb => ({ name: calledAs(terminal), isTerminal: true });

/** The verbs that a kernel runs. */
function fusedInto({ kernels }: Plan, at: number, verbs: readonly Verb[]): readonly string[] {
  const ends = at === kernels.length - 1 || kernels[at]?.seeks === "row";
  return verbs.filter(({ isTerminal }, number) => (isTerminal ? ends : kernels[at]?.stages.includes(number))).map(({ name }) => name);
}

/** At how many offsets the column of all windows is read. */
function offsetsIn({ arrays, body }: Kernel): number {
  const array = arrays.find(({ origin }) => origin.stage === TABLE && origin.name === WINDOWED);
  const offsets = new Set<number>();
  if (array !== undefined) walkStmts(body, { expr: expr => void (expr.kind === "column" && expr.array === array.name && offsets.add(expr.offset ?? 0)) });
  return offsets.size;
}

const columnsOf = (kernel: Kernel): readonly string[] => kernel.arrays.filter(({ origin }) => origin.stage === TABLE).map(({ origin }) => origin.name);

/** The table that a kernel's was stored as; undefined for the source. Behind a search the same table is read again. */
const storedAs = ({ table }: PlannedKernel, kernels: readonly PlannedKernel[]): number | undefined => kernels.findLast(planned => planned.table < table && planned.seeks === undefined)?.table;

/** The place of the kernel whose results a kernel reads, if it reads any. */
function readFrom(planned: PlannedKernel, kernels: readonly PlannedKernel[]): readonly number[] {
  const stored = storedAs(planned, kernels);
  if (stored === undefined) return [];
  const [before, columns] = [kernels[stored]?.columns ?? null, columnsOf(planned.kernel)];
  return before === null || before.some(column => columns.includes(column)) || (before.includes(SINGLE) && planned.kernel.source.kind === "array") ? [stored] : [];
}

function reads(planned: PlannedKernel, kernels: readonly PlannedKernel[], source: BoundSource): string {
  const { kernel } = planned;
  const views = columnsOf(kernel).filter(isWindowColumn).length + offsetsIn(kernel);
  if (views > 0) return views === 1 ? "one of the views" : `${views} of the views`;
  const places = columnsOf(kernel).filter(isChunkColumn).length;
  if (places > 0) return places === 1 ? "one place of the chunks" : `${places} places of the chunks`;
  const before = readFrom(planned, kernels);
  if (before.length > 0) return `what kernel ${before.map(at => at + 1).join()} stored`;
  const columns = columnsOf(kernel);
  if (source.kind === "stream") return readsInWords(columns, kernel, source.stream.holds);
  if (storedAs(planned, kernels) !== undefined && kernel.source.kind === "array") return "what the step before it gives";
  if (columns.length > 0) return `the column${columns.length === 1 ? "" : "s"} ${columns.map(plainName).join(", ")}`;
  if (storedAs(planned, kernels) !== undefined || source.kind === "columns" || source.kind === "rows") return "no column: only how many rows there are";
  if (kernel.source.kind !== "array") return "nothing: its elements are their own places";
  if (source.kind === "buffer") return bufferInWords(source.buffer);
  return source.kind === "numbers" ? "a Float64Array copied from the array of numbers" : `the ${ELEMENTS[kernel.source.element].array}`;
}

const CANONICAL = `in the canonical order: ${LANES} lanes, blocks of ${BLOCK}, a pairwise tree, the same on every backend`;

const SCANNED = `in the canonical scan order: rows of ${LANES} by doubling steps, blocks of ${BLOCK}, the same on every backend`;

/** What is done with the array that the last kernel stores. */
const selected = ({ kind }: TerminalShape, native: boolean): string => `; the ${kind} is selected from it, on the calling thread, ${native ? "native" : "as JavaScript"}`;

function stores({ kernel, takes }: PlannedKernel, columns: readonly string[]): string {
  const elements = elementsOf(kernel);
  const shown = columns.map((name, place) => {
    const from = takes?.[place] ?? place;
    if (typeof from === "string") return `${plainName(name)} as it is`;
    const first = takes?.indexOf(from) ?? place;
    return first < place ? `${plainName(name)}, which is ${plainName(columns[first] as string)}` : `${plainName(name)}: ${ELEMENTS[elements[from] ?? "f64"].array}`;
  });
  return `stores the column${shown.length === 1 ? "" : "s"} ${shown.join(", ")}`;
}

/** What a kernel does with what arrives. */
function givesInWords({ query, node, branches }: BoundTerminal, { kernels, finish }: Plan, at: number): string {
  const planned = kernels[at] as PlannedKernel;
  const { terminal, stages } = node.shape();
  if (planned.columns !== null) return stores(planned, planned.columns);
  if (at === kernels.length - 1 && finish.kind === "together") return givesTogether(planned.kernel.sink, finish.parts, (branches ?? []).map(({ name }) => name));
  return gives(planned.kernel.sink, terminal, stages[planned.stages.at(-1) ?? -1] ?? null) + (at === kernels.length - 1 && finish.kind === "quantile" ? selected(terminal, query.runtime.tiers.mover(query.backend).native) : "");
}

/** What becomes of the results of several terminals; some are the same. */
function givesTogether(sink: Sink, parts: readonly Part[], names: readonly string[]): string {
  const sinks = sinksOf(sink);
  const of = (uses: (part: Part) => boolean): string => names.filter((_, at) => uses(parts[at] as Part)).join(", ");
  const counted = of(({ count }) => count === "all");
  const folds = sinks.flatMap((single, place) => {
    const [folded, counting] = [of(({ values }) => values.includes(place)), of(({ count }) => count === place)];
    return [...(single.kind === "reduce" && folded !== "" ? [`${folded}: ${reduces(single)}`] : []), ...(counting === "" ? [] : [`${counting}: counts its own`])];
  });
  return [`gives ${names.length} results in one pass:`, ...[...folds, ...(counted === "" ? [] : [`${counted}: counts`])].map(line => `    ${line}`)].join("\n");
}

function reduces({ op, type, term }: SinkOf<"reduce">): string {
  const exact = op === "add" && isBigType(type) && !isBigType(term);
  return exact ? "adds exactly, in 64-bit integers" : `folds with ${op} as ${type} ${CANONICAL}`;
}

/** What the kernel does with what arrives. */
function gives(sink: Sink, terminal: TerminalShape, last: StageShape | null): string {
  switch (sink.kind) {
    case "array":
      return `stores ${withArticle(ELEMENTS[sink.element].array)}`;
    case "count":
      return "counts";
    case "reduce":
      return reduces(sink);
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
    case "stores":
      return sink.order === "any" ? "stores, all indices at once" : "stores, one index after the other";
    case "several":
      return [`gives ${sink.sinks.length} results in one pass:`, ...(sink.sinks as readonly Sink[]).map(single => `    ${gives(single, terminal, last)}`)].join("\n");
    default:
      return sink satisfies never;
  }
}
