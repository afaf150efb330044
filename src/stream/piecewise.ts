/** Which plans can be run on pieces, one after another, and why others cannot. */
import { QueryError } from "../../fusion/errors.js";
import type { Plan, QueryShape, StageShape, TableStep, TerminalShape } from "../../fusion/query.js";
import { calledAs, methodOf } from "../query/show.js";

/** What is done to a table as its rows come; everything else needs all of them. */
const PIECEWISE: ReadonlySet<TableStep["kind"]> = new Set(["slice", "keep", "tap"]);

/** What is first to need all elements at once, as it is called; null if nothing does. */
export function wholeVerb({ steps, kernels }: Plan, stages: readonly StageShape[], terminal: TerminalShape): string | null {
  const step = steps.find(({ kind }) => !PIECEWISE.has(kind));
  const scan = kernels.find(({ kernel }) => kernel.sink.kind === "scan");
  if (step === undefined && scan === undefined) return null;
  const first = Math.min(step?.stages[0] ?? Infinity, scan?.stages.at(-1) ?? Infinity);
  const stage = stages[first];
  return stage === undefined ? calledAs(terminal) : methodOf(stage);
}

/** Throws QueryError for a plan that needs all elements of a stream at once. */
export function checkPiecewise(plan: Plan, { stages, terminal }: QueryShape): void {
  const verb = wholeVerb(plan, stages, terminal);
  if (verb === null) return;
  throw new QueryError("DC310", `${verb}() needs all elements first, and a stream has them one after another`, `Collect what comes before: const all = await query.toArrayAsync(), or toColumnsAsync(); then compute(all).${verb}(…).`);
}
