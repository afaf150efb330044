/**
 * The verbs of stored queries: for each its arguments, in the order in which its method takes them; and for each kind of stage
 * the verb that makes it. A stage or an argument that is missing here is an error of types.
 */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import type { Aggregate, CaptureTypes, Columns, LambdaInput, StageShape } from "../../fusion/query.js";
import type { ColumnType } from "../../fusion/types.js";
import type { CapturesJson, NumberJson, OtherJson, ValueJson } from "./format.js";
import { aggregates, arrays, captures, flag, lambda, names, number, numbers, optional, other, others, value, values, word, type AggregateJson, type ArgumentsJson, type Parts } from "./parts.js";
import { arrayName, numberJson } from "./values.js";

/** How windows are made, and what is made of them. */
const made = {
  of: word("map", "sum", "average", "min", "max"),
  lambda: optional(lambda),
  to: optional(arrays),
  captures,
} as const;
const windows = {
  edge: optional(word("valid", "clamp", "wrap", "constant")),
  value: optional(value),
  ...made,
} as const;

export const VERBS = {
  map: { lambda, to: optional(arrays), captures },
  flatMap: { lambda, to: optional(arrays), captures },
  filter: { lambda, captures },
  values: { lambda, captures },
  dropNulls: { columns: names },
  fillNulls: { columns: names, values },
  as: { to: arrays },
  take: { count: number },
  skip: { count: number },
  slice: { start: number, end: number },
  window: { size: number, ...windows },
  neighbours: { offsets: numbers, ...windows },
  chunk: { size: number, ...made },
  takeWhile: { lambda, captures },
  skipWhile: { lambda, captures },
  reverse: {},
  distinct: {},
  scan: { lambda, seed: optional(value), captures, exclusive: optional(flag), sequential: optional(flag), to: optional(arrays) },
  top: { count: number, key: optional(lambda), captures },
  bottom: { count: number, key: optional(lambda), captures },
  orderBy: { lambda, captures },
  orderByDescending: { lambda, captures },
  thenBy: { lambda, captures },
  thenByDescending: { lambda, captures },
  concat: { other },
  union: { other },
  intersect: { other },
  except: { other },
  zip: { other, more: optional(others), lambda, captures },
  join: { other, key: lambda, otherKey: lambda, lambda, captures },
  leftJoin: { other, key: lambda, otherKey: lambda, lambda, captures },
  groupJoin: { other, key: lambda, otherKey: lambda, aggregates, captures },
  semiJoin: { other, key: lambda, otherKey: lambda, captures },
  antiJoin: { other, key: lambda, otherKey: lambda, captures },
  groupBy: { lambda, captures, aggregates },
} as const satisfies Record<string, Parts>;

export type VerbName = keyof typeof VERBS;
export type StageJson = { [V in VerbName]: { readonly verb: V } & ArgumentsJson<(typeof VERBS)[V]> }[VerbName];

/** What a stage that is being written was given. */
export interface Given {
  /** The captures, or those of them that one lambda sees; nothing if there are none. */
  readonly captures: (of?: CaptureTypes) => { readonly captures?: CapturesJson };
  readonly number: (at: number) => NumberJson;
  readonly value: (at: number) => ValueJson;
  /** All that it was given. */
  readonly values: () => readonly ValueJson[];
  /** The query that is a value of the stage, counted from the end. */
  readonly other: (fromEnd: number) => OtherJson;
  /** The same where its last stage, which finds keys, is written by itself. */
  readonly keys: (fromEnd: number) => { readonly other: () => OtherJson; readonly stage: StageShape; readonly given: Given };
}

type StageOf<K extends StageShape["kind"]> = StageShape & { readonly kind: K };
const textOf = ({ lambda: { source } }: LambdaInput): string => source.text;

/** The lambda of the other query's keys. */
function otherKey({ stage }: { readonly stage: StageShape }): string {
  if (stage.kind !== "map" && stage.kind !== "group") throw new CompilerBug("the keys of another query are neither a map nor groups");
  return textOf(stage);
}

const aggregatesJson = (list: readonly Aggregate[], given: Given): readonly AggregateJson[] =>
  list.map(({ name, terminal, value: of, argument }) => ({
    name,
    terminal,
    ...(of === null ? {} : { lambda: textOf(of), ...given.captures(of.captures) }),
    ...(terminal === "quantile" ? { quantile: numberJson(argument as number) } : {}),
    ...((terminal === "variance" || terminal === "standardDeviation") && argument === 1 ? { sample: true } : {}),
  }));

export const STAGES: { readonly [K in StageShape["kind"]]: (stage: StageOf<K>, given: Given) => StageJson } = {
  map: (stage, given) => (stage.use === "aggregate" ? { verb: "values", lambda: textOf(stage), ...given.captures() } : { verb: "map", lambda: textOf(stage), ...(stage.to === null ? {} : { to: arraysJson(stage.to) }), ...given.captures() }),
  flatMap: (stage, given) => ({ verb: "flatMap", lambda: textOf(stage), ...(stage.to === null ? {} : { to: arraysJson(stage.to) }), ...given.captures() }),
  dropNulls: ({ columns }) => ({ verb: "dropNulls", columns }),
  fillNulls: ({ columns }, given) => ({ verb: "fillNulls", columns, values: given.values() }),
  filter: (stage, given) => ({ verb: "filter", lambda: textOf(stage), ...given.captures() }),
  as: stage => ({ verb: "as", to: arraysJson(stage.to) }),
  scan: (stage, given) => ({
    verb: "scan",
    lambda: textOf(stage),
    ...(stage.seed === null ? {} : { seed: given.value(-1) }),
    ...given.captures(),
    ...(stage.exclusive ? { exclusive: true } : {}),
    ...(stage.sequential ? { sequential: true } : {}),
    ...(stage.to === null ? {} : { to: arraysJson(stage.to) }),
  }),
  slice: (stage, given) => {
    const [start, end] = [given.number(0), given.number(1)];
    if (!stage.from) return { verb: "take", count: end };
    return typeof end === "number" || typeof start !== "number" || start < 0 ? { verb: "slice", start, end } : { verb: "skip", count: start };
  },
  window: (stage, given) => {
    const { verb, offsets, edge, to, fold, captures: own } = stage;
    const edges = {
      ...(edge === "valid" ? {} : { edge }),
      ...(edge === "constant" ? { value: given.value(-1) } : {}),
    } as const;
    const of = {
      of: fold ?? "map",
      ...(fold === null ? { lambda: textOf(stage) } : {}),
      ...(to === null ? {} : { to: arraysJson(to) }),
      ...given.captures(own),
    } as const;
    if (verb === "chunk") return { verb, size: offsets.length, ...of };
    return verb === "window" ? { verb, size: offsets.length, ...edges, ...of } : { verb, offsets, ...edges, ...of };
  },
  while: (stage, given) => ({ verb: stage.take ? "takeWhile" : "skipWhile", lambda: textOf(stage), ...given.captures() }),
  reverse: () => ({ verb: "reverse" }),
  tap: () => {
    throw new QueryError("DC309", "a query with tap() cannot be stored, for it calls a function of this program", "Store the query without tap().");
  },
  distinct: () => ({ verb: "distinct" }),
  sort: (stage, given) => ({ verb: `${stage.then ? "thenBy" : "orderBy"}${stage.descending ? "Descending" : ""}`, lambda: textOf(stage), ...given.captures() }),
  top: ({ descending, key }, given) => ({ verb: descending ? "top" : "bottom", count: given.number(-1), ...(key === null ? {} : { key: textOf(key) }), ...given.captures() }),
  set: ({ verb }, given) => ({ verb, other: given.other(1) }),
  concat: (_, given) => ({ verb: "concat", other: given.other(1) }),
  pair: (stage, given) => {
    if (stage.key === null) {
      const count = stage.more.length;
      const more = stage.more.map((_, at) => given.other(count - at));
      return { verb: "zip", other: given.other(count + 1), ...(count === 0 ? {} : { more }), lambda: textOf(stage), ...given.captures() };
    }
    return { verb: stage.outer ? "leftJoin" : "join", other: given.other(2), key: textOf(stage.key), otherKey: otherKey(given.keys(1)), lambda: textOf(stage), ...given.captures() };
  },
  match: (stage, given) => {
    const keys = given.keys(1);
    return { verb: stage.keep ? "semiJoin" : "antiJoin", other: keys.other(), key: textOf(stage), otherKey: otherKey(keys), ...given.captures() };
  },
  groupJoin: (stage, given) => {
    const keys = given.keys(1);
    return { verb: "groupJoin", other: keys.other(), key: textOf(stage), otherKey: otherKey(keys), aggregates: aggregatesJson(stage.aggregates, keys.given), ...given.captures() };
  },
  group: (stage, given) => ({
    verb: "groupBy",
    lambda: textOf(stage),
    ...given.captures(stage.captures),
    aggregates: aggregatesJson(stage.aggregates, given),
  }),
};

const arraysJson = (to: ColumnType | Columns): string | Readonly<Record<string, string>> =>
  typeof to === "string" ? arrayName(to) : Object.fromEntries([...to].map(([name, element]) => [name, arrayName(element)]));
