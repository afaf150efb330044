/** Which plans can be run on pieces, one after another, and why others cannot. */
import { QueryError } from "../../fusion/errors.js";
import { LITERAL, type Plan, type QueryShape, type SequenceShape, type StageShape, type TableStep, type TerminalShape } from "../../fusion/query.js";
import { TEXT } from "../../fusion/texts.js";
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

/** Whether strings have a part in a query, which kernels know by their codes in the dictionary of a run. */
export const namesStrings = ({ kernels }: Plan, { source, stages, terminal }: QueryShape): boolean =>
  (source.kind === "columns" && [...source.columns.values()].includes("string")) ||
  (source.kind === "array" && source.element === "string") ||
  stages.some(stage => stage.kind === "pair" && [stage.right, ...stage.more].some(holdsStrings)) ||
  [...stages, terminal].some(part => "captures" in part && Object.values(part.captures).some(({ kind }) => kind === "string" || kind === "strings")) ||
  kernels.some(({ kernel }) => kernel.scalars.some(({ origin }) => origin.stage === LITERAL) || kernel.arrays.some(({ origin }) => origin.stage === TEXT));

const holdsStrings = (sequence: SequenceShape): boolean => (sequence.columns === null ? sequence.element === "string" : [...sequence.columns.values()].includes("string"));

/** Throws QueryError for a plan that needs all elements of a stream at once. */
export function checkPiecewise(plan: Plan, shape: QueryShape): void {
  const { stages, terminal } = shape;
  if (namesStrings(plan, shape)) throw new QueryError("DC310", "a stream has no strings", "Give numbers for them: x > 15 ? 1 : 0.");
  const verb = wholeVerb(plan, stages, terminal);
  if (verb === null) return;
  if (wraps(plan.steps.find(isWhole))) {
    throw new QueryError("DC310", `${verb}() with the edge "wrap" begins with what stands at the end, and a stream's end comes last`, 'Take another edge, "valid", "clamp" or "constant"; or collect the stream first: compute(await query.toArrayAsync()).');
  }
  throw new QueryError("DC310", `${verb}() needs all elements first, and a stream has them one after another`, `Collect what comes before: const all = await query.toArrayAsync(), or toColumnsAsync(); then compute(all).${verb}(…).`);
}
