/** From a chain of stages to its plan: fusion, then every pass on every kernel, each result verified. */
import type { Kernel } from "../ir.js";
import { SINGLE, TABLE, type Plan, type PlannedKernel, type QueryShape, type StageShape, type TableStep } from "../query.js";
import type { SurfaceLambda } from "../parse/surface.js";
import { withResults } from "../several.js";
import { verify } from "../verify.js";
import { narrow } from "./narrow.js";
import { inPieces } from "./pieces.js";
import { prune } from "./prune.js";
import { REWRITES, type Placed } from "./rewrite.js";
import { share } from "./share.js";
import { withShortcuts } from "./shortcuts.js";
import { simplify } from "./simplify.js";
import { TableFusion } from "./tables.js";
import { planTerminal } from "./terminals.js";

export interface Pass {
  readonly name: string;
  readonly run: (kernel: Kernel) => Kernel;
}

export const PASSES: readonly Pass[] = [
  { name: "simplify", run: simplify },
  { name: "narrow", run: narrow },
  { name: "simplify again", run: simplify },
  { name: "share", run: share },
  { name: "prune", run: prune },
];

export function optimise(kernel: Kernel): Kernel {
  verify(kernel, "fuse");
  return PASSES.reduce((before, pass) => {
    const after = pass.run(before);
    if (after !== before) verify(after, pass.name);
    return after;
  }, kernel);
}

/**
 * Optimises kernels from the last to the first, so that of each only what the next one reads is left to be stored; but for one
 * column, which says how many rows there are.
 */
function optimised(steps: readonly TableStep[], kernels: readonly PlannedKernel[]): readonly PlannedKernel[] {
  const done: PlannedKernel[] = [];
  for (const planned of kernels.toReversed()) {
    // Behind a search the same table is read again.
    const end = done.findIndex(({ seeks }) => seeks === undefined);
    const readers = done.slice(0, end + 1);
    const isRead = (column: string): boolean => readers.some(({ kernel, table }) => reads(kernel, column) || steps.some(step => step.table === table && stepReads(step, column)));
    const needed = readers.length === 0 ? planned : withoutUnread(planned, isRead);
    done.unshift({ ...needed, kernel: optimise(needed.kernel) });
  }
  return done;
}

const reads = ({ arrays, source }: Kernel, column: string): boolean =>
  arrays.some(({ origin }) => origin.stage === TABLE && origin.name === column) || (column === SINGLE && source.kind === "array");

function withoutUnread(planned: PlannedKernel, isRead: (column: string) => boolean): PlannedKernel {
  const { kernel, columns } = planned;
  if (columns === null || columns.length === 1) return planned;
  const read = columns.flatMap((column, place) => (isRead(column) ? [place] : []));
  const kept = read.length === 0 ? [0] : read;
  return { ...planned, columns: kept.map(place => columns[place] as string), kernel: withResults(kernel, kept) };
}

function runOfSorts(stages: readonly StageShape[], first: number): readonly SurfaceLambda[] {
  const rest = stages.slice(first + 1);
  const end = rest.findIndex(stage => stage.kind !== "sort" || !stage.then);
  return [stages[first], ...rest.slice(0, end < 0 ? undefined : end)].flatMap(stage => (stage?.kind === "sort" ? [stage.lambda] : []));
}

function stepReads(step: TableStep, column: string): boolean {
  switch (step.kind) {
    case "keep":
    case "slice":
    case "reverse":
    case "zip":
      return false;
    case "window":
    case "chunk":
    case "distinct":
    case "concat":
    case "tap":
    case "flatten":
    case "set":
      return true;
    case "join":
    case "groupJoin":
    case "match":
    case "sort":
      return step.keys.some(key => key.column === column);
    case "group":
      return true;
    default:
      return step satisfies never;
  }
}

/** A query's stages and its terminal, each with its number. */
export interface Chain {
  readonly shape: QueryShape;
  readonly stages: readonly Placed[];
  /** The terminal's number. */
  readonly end: number;
}

/** A chain as the planner would have it. */
export interface Rewritten {
  readonly chain: Chain;
  /** What was changed, in words. */
  readonly changes: readonly string[];
  /** Its plan, if that is known already. */
  readonly plan: Plan | null;
}

export function rewritten(chain: Chain): Rewritten {
  const { shape } = chain;
  let result: Rewritten = { chain, changes: [], plan: null };
  // What a stream cannot do is refused as it was written.
  for (const { name, apply, holds } of shape.inPieces === true ? [] : REWRITES) {
    const stages = apply(result.chain.stages, shape.terminal);
    if (stages === null) continue;
    const other = { ...chain, stages };
    const plan = finishedPlan(shape, fusedPlan(other));
    if (holds(plan)) result = { chain: other, changes: [...result.changes, name], plan };
  }
  return result;
}

/** The kernels of a chain, and what becomes of the last one's result. Throws LambdaError or QueryError where types do not fit. */
export function planChain(chain: Chain): Plan {
  const { chain: better, changes, plan } = rewritten(chain);
  return { ...(plan ?? finishedPlan(chain.shape, fusedPlan(better))), rewritten: changes };
}

/** The kernels of a chain as fusion makes them. */
export function fusedPlan({ shape, stages, end }: Chain): Plan {
  const fusion = new TableFusion(shape.source, shape.inPieces === true);
  stages.forEach(({ stage, index, idle }, at) => {
    fusion.settle(idle === true ? null : stage, index);
    if (idle === true) return fusion.idle(stage, index);
    // The keys of a run of sorts are computed by one kernel, so it is cut before the first of them if any needs that.
    if (stage.kind === "sort" && !stage.then) fusion.placeForAny(runOfSorts(stages.map(placed => placed.stage), at), "a sort");
    fusion.stage(stage, index);
  });
  fusion.settle(null, end);
  return planTerminal(fusion, shape.terminal, end);
}

/** The same, optimised. */
export function finishedPlan(shape: QueryShape, plan: Plan): Plan {
  const marked = (kernel: Kernel): Kernel => (shape.fastMath === true ? { ...kernel, fastMath: true } : kernel);
  const kernels = optimised(plan.steps, plan.kernels.map(planned => ({ ...planned, kernel: marked(planned.kernel) })));
  return shape.inPieces === true ? inPieces({ ...plan, kernels }) : { ...plan, kernels: withShortcuts({ ...plan, kernels }) };
}
