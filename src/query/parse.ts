/** The lambdas of a query's stages, parsed; and what is wrong with them is told where the query was written. */
import { LambdaError, QueryError } from "../../fusion/errors.js";
import { parseLambda, type LambdaOptions } from "../../fusion/parse/lambda.js";
import type { SurfaceLambda } from "../../fusion/parse/surface.js";
import { captureKinds, type CaptureTypes, type Columns } from "../../fusion/query.js";
import type { ElementType } from "../../fusion/types.js";

/** Columns are named for rows, a single array for single values. `columns`: those that the lambda gives; null for single values. */
export function checkTarget(to: ElementType | Columns | null, columns: readonly string[] | null, verb: string): void {
  if (to === null || (columns !== null) === (to instanceof Map)) {
    const unknown = to instanceof Map ? [...(to as Columns).keys()].find(name => columns?.includes(name) !== true) : undefined;
    if (unknown === undefined) return;
    throw new QueryError("DC305", `${verb}() was told what to store the column ${unknown} as, but its lambda gives no such column`, `Its columns are ${columns?.join(", ") ?? ""}.`);
  }
  throw columns !== null
    ? new QueryError("DC305", `${verb}() was told one array to make, but its lambda gives rows`, `Name the arrays by column: .${verb}(f, { total: Float32Array }).`)
    : new QueryError("DC305", `${verb}() was told columns to make, but its lambda gives single values`, `Name one array: .${verb}(f, Float32Array).`);
}

/** The columns that a lambda gives; null for single values. */
export const columnsGiven = (lambda: SurfaceLambda): readonly string[] | null => (lambda.result.kind === "object" ? lambda.result.fields.map(({ name }) => name) : null);

/** Keys of joins may be lists of their parts; those of groups are columns, which have names. */
const GIVE_KEYS = new Set(["the key of join", "the key of leftJoin", "semiJoin", "antiJoin", "groupJoin"]);

/** Verbs whose lambdas may give objects. */
const GIVE_ROWS = new Set(["map", "flatMap", "window", "groupBy", "zip", "join", "the key of join", "leftJoin", "the key of leftJoin", "semiJoin", "antiJoin", "groupJoin"]);

export function parse(text: string, verb: string, types: CaptureTypes, parameters: LambdaOptions["parameters"]): SurfaceLambda {
  const label = verb === "combine" ? "the combine function of reduce" : `the lambda of ${verb}`;
  const isRightKey = verb.startsWith("the right key of ");
  return atCall(() => parseLambda(text, { label, captures: captureKinds(types), parameters, givesRows: GIVE_ROWS.has(verb) || isRightKey, givesKeys: GIVE_KEYS.has(verb) || isRightKey, givesLists: verb === "flatMap" }));
}

/** A caller's mistake is found deep in the compiler; its stack begins here, so that the caller's own line is on it. */
export function atCall<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof LambdaError || error instanceof QueryError) Error.captureStackTrace(error, atCall);
    throw error;
  }
}
