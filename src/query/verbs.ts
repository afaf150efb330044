/** What the methods of queries and of rows have in common: a verb or a terminal, checked, on what the query was so far. */
import type { MapUse } from "../../fusion/query.js";
import { checkCaptures, checkFunction } from "./arguments.js";
import { onSource, type BoundQuery, type BoundTerminal } from "./bound.js";
import { captureValues, NO_VALUES } from "./captures.js";
import { LazyValue } from "./lazy.js";
import type { PlainTerminal, PredicateTerminal, ShapeNode } from "./shape.js";
import { lambdaStage, type LambdaVerb } from "./stages.js";

/** The query with one more stage. */
export const withStage = (bound: BoundQuery, shape: ShapeNode, values: BoundQuery["values"]): BoundQuery => ({
  runtime: bound.runtime,
  source: bound.source,
  parent: bound,
  shape,
  values,
  backend: bound.backend,
});

/** The query with a map or a filter. */
export function withLambda(bound: BoundQuery, verb: LambdaVerb, f: unknown, to: Parameters<typeof lambdaStage>[3], captures: unknown, use?: MapUse): BoundQuery {
  const record = checkCaptures(captures, verb);
  return withStage(bound, lambdaStage(bound.shape, verb, checkFunction(f, verb), to, record, use), captureValues(record));
}

export const plainTerminal = (query: BoundQuery, kind: PlainTerminal): BoundTerminal => onSource({ query, node: query.shape.plainTerminal(kind), values: NO_VALUES });

export const plainValue = <T>(query: BoundQuery, kind: PlainTerminal): LazyValue<T> => new LazyValue(plainTerminal(query, kind));

export function predicateValue<T>(query: BoundQuery, kind: PredicateTerminal, f: unknown, captures: unknown): LazyValue<T> {
  const record = checkCaptures(captures, kind);
  return new LazyValue({ query, node: query.shape.predicateTerminal(kind, checkFunction(f, kind), record), values: captureValues(record) });
}
