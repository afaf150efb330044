/** Which plans can be run on pieces, one after another, and why others cannot. */
import { QueryError } from "../../fusion/errors.js";
import type { Plan, QueryShape, StageShape, TableStep, TerminalShape } from "../../fusion/query.js";
import { TEXT, tableOf, textMethod } from "../../fusion/texts.js";
import { calledAs, methodOf } from "../query/show.js";

/** What is done to a table as its rows come; everything else needs all of them. */
const PIECEWISE: ReadonlySet<TableStep["kind"]> = new Set(["slice", "keep", "tap", "window", "chunk", "flatten", "zip", "concat"]);

const isWhole = (step: TableStep): boolean => !PIECEWISE.has(step.kind) || wraps(step);

const wraps = (step: TableStep | undefined): boolean => step?.kind === "window" && step.edge === "wrap";

/** What is first to need all elements at once, as it is called; null if nothing does. */
export function wholeVerb({ steps }: Plan, stages: readonly StageShape[], terminal: TerminalShape): string | null {
  const step = steps.find(isWhole);
  if (step === undefined) return null;
  const stage = stages[step.stages[0] ?? Infinity];
  return stage === undefined ? calledAs(terminal) : methodOf(stage);
}

/** The method of strings that makes strings of them; null if there is none. What it makes of every string of the run it would make of what it has made, piece by piece. */
export function makesStrings({ kernels }: Plan): string | null {
  const tables = kernels.flatMap(({ kernel }) => kernel.arrays.flatMap(({ origin }) => (origin.stage === TEXT ? [tableOf(origin)] : [])));
  return tables.find(({ method }) => textMethod(method).gives === "string")?.method ?? null;
}

/** Throws QueryError for a plan that needs all elements of a stream at once. */
export function checkPiecewise(plan: Plan, { stages, terminal }: QueryShape): void {
  const made = makesStrings(plan);
  if (made !== null) throw new QueryError("DC310", `${made} makes new strings of a stream's, whose number would grow with the stream`, "Make them once the results are there, or collect the stream first: compute(await query.toColumnsAsync()).");
  const verb = wholeVerb(plan, stages, terminal);
  if (verb === null) return;
  if (wraps(plan.steps.find(isWhole))) {
    throw new QueryError("DC310", `${verb}() with the edge "wrap" begins with what stands at the end, and a stream's end comes last`, 'Take another edge, "valid", "clamp" or "constant"; or collect the stream first: compute(await query.toArrayAsync()).');
  }
  throw new QueryError("DC310", `${verb}() needs all elements first, and a stream has them one after another`, `Collect what comes before: const all = await query.toArrayAsync(), or toColumnsAsync(); then compute(all).${verb}(…).`);
}
