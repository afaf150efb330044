/** Which plans can be run on pieces, one after another, and why others cannot. */
import { QueryError } from "../../fusion/errors.js";
import { isSpread, type Plan, type QueryShape, type StageShape, type TableStep, type TerminalShape } from "../../fusion/query.js";
import { TEXT, tableOf, textMethod } from "../../fusion/texts.js";
import { calledAs, methodOf } from "../query/show.js";

/** Whether a step needs all rows at once; others take them as they come, and carry along no more than their results. */
export function needsAll(step: TableStep): boolean {
  switch (step.kind) {
    case "reverse":
      return true;
    case "sort":
      return step.limit === null;
    case "group":
      return step.aggregates.some(({ terminal }) => isSpread(terminal));
    case "window":
      return wraps(step);
    case "slice":
    case "keep":
    case "tap":
    case "chunk":
    case "flatten":
    case "zip":
    case "concat":
    case "distinct":
    case "set":
    case "join":
    case "match":
    case "groupJoin":
      return false;
    default:
      return step satisfies never;
  }
}

/** Whether no more rows are left than the step has carried along: groups, different rows, the first of an order. Memory may hold those. */
const bounds = (step: TableStep): boolean => step.kind === "group" || step.kind === "distinct" || step.kind === "set" || (step.kind === "sort" && step.limit !== null);

/** The first step that needs all rows of a stream, and not only those that a step before it has left. */
const firstWhole = ({ steps }: Plan): TableStep | undefined => {
  const bounded = steps.findIndex(step => !needsAll(step) && bounds(step));
  return steps.slice(0, bounded < 0 ? steps.length : bounded).find(needsAll);
};

const spreadOf = (step: TableStep | undefined): string | null => (step?.kind === "group" ? (step.aggregates.find(({ terminal }) => isSpread(terminal))?.terminal ?? null) : null);

const wraps = (step: TableStep | undefined): boolean => step?.kind === "window" && step.edge === "wrap";

/** What is first to need all elements at once, as it is called; null if nothing does. */
function wholeVerb(plan: Plan, stages: readonly StageShape[], terminal: TerminalShape): string | null {
  const step = firstWhole(plan);
  if (step === undefined) return null;
  const stage = stages[step.stages[0] ?? Infinity];
  return stage === undefined ? calledAs(terminal) : methodOf(stage);
}

/** The method of strings that makes strings of them; null if there is none. What it makes of every string of the run it would make of what it has made, piece by piece. */
function makesStrings({ kernels }: Plan): string | null {
  const tables = kernels.flatMap(({ kernel }) => kernel.arrays.flatMap(({ origin }) => (origin.stage === TEXT ? [tableOf(origin)] : [])));
  return tables.find(({ method }) => textMethod(method).gives === "string")?.method ?? null;
}

/** What leaves rows where they are, or looks at their neighbours: of an array, too, done as well in pieces as at once. */
const PASSING: ReadonlySet<TableStep["kind"]> = new Set(["slice", "keep", "tap", "window", "chunk", "flatten", "zip", "concat"]);

/** Whether an array's results are given in pieces, too: nothing is moved that the addon moves better at once. */
export const passes = (plan: Plan): boolean => plan.steps.every(step => PASSING.has(step.kind) && !needsAll(step)) && makesStrings(plan) === null;

/** Throws QueryError for a plan that needs all elements of a stream at once. */
export function checkPiecewise(plan: Plan, { stages, terminal }: QueryShape): void {
  const made = makesStrings(plan);
  if (made !== null) throw new QueryError("DC310", `${made} makes new strings of a stream's, whose number would grow with the stream`, "Make them once the results are there, or collect the stream first: compute(await query.toColumnsAsync()).");
  const verb = wholeVerb(plan, stages, terminal);
  if (verb === null) return;
  if (wraps(firstWhole(plan))) {
    throw new QueryError("DC310", `${verb}() with the edge "wrap" begins with what stands at the end, and a stream's end comes last`, 'Take another edge, "valid", "clamp" or "constant"; or collect the stream first: compute(await query.toArrayAsync()).');
  }
  const spread = spreadOf(firstWhole(plan));
  if (spread !== null) {
    throw new QueryError("DC310", `the ${spread} of a group needs all of its elements at once, and a stream has them one after another`, "Take count, sum, average, min, max, first or last of groups; or collect what comes before: const all = await query.toColumnsAsync().");
  }
  throw new QueryError("DC310", `${verb}() needs all elements first, and a stream has them one after another`, `Collect what comes before: const all = await query.toArrayAsync(), or toColumnsAsync(); then compute(all).${verb}(…).`);
}
