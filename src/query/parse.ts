/** The lambdas of a query's stages, parsed; and what is wrong with them is told where the query was written. */
import { LambdaError, QueryError } from "../../fusion/errors.js";
import { parseLambda, type LambdaOptions } from "../../fusion/parse/lambda.js";
import type { SurfaceLambda } from "../../fusion/parse/surface.js";
import { captureKinds, type CaptureTypes, type Columns, type StageShape } from "../../fusion/query.js";

/** Columns are named for rows, a single array for single values. */
export function checkTarget({ to, lambda }: StageShape & { readonly kind: "map" | "window" }, rows: boolean): void {
  if (to === null || rows === (to instanceof Map)) {
    if (!(to instanceof Map) || lambda.result.kind !== "object") return;
    const { fields } = lambda.result;
    const unknown = [...(to as Columns).keys()].find(name => !fields.some(field => field.name === name));
    if (unknown === undefined) return;
    throw new QueryError("DC305", `map() was told what to store the column ${unknown} as, but its lambda gives no such column`, `Its columns are ${fields.map(({ name }) => name).join(", ")}.`);
  }
  throw rows
    ? new QueryError("DC305", "map() was told one array to make, but its lambda gives rows", "Name the arrays by column: .map(f, { total: Float32Array }).")
    : new QueryError("DC305", "map() was told columns to make, but its lambda gives single values", "Name one array: .map(f, Float32Array).");
}

/** Verbs whose lambdas may give objects. */
const GIVE_ROWS = new Set(["map", "window", "groupBy", "zip", "join", "the key of join", "leftJoin", "the key of leftJoin", "semiJoin", "antiJoin", "groupJoin"]);

export function parse(text: string, verb: string, types: CaptureTypes, parameters: LambdaOptions["parameters"]): SurfaceLambda {
  const label = verb === "combine" ? "the combine function of reduce" : `the lambda of ${verb}`;
  return atCall(() => parseLambda(text, { label, captures: captureKinds(types), parameters, givesRows: GIVE_ROWS.has(verb) }));
}

/** A caller's mistake is found deep in the compiler; its stack begins here, so that the caller's own line is on it. */
export function atCall<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof LambdaError || error instanceof QueryError) Error.captureStackTrace(error);
    throw error;
  }
}
