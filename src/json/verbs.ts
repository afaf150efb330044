/**
 * The verbs of stored queries: for each its arguments, in the order in which its method takes them; and for each kind of stage
 * the verb that makes it. A stage or an argument that is missing here is an error of types.
 */
import { CompilerBug } from "../../fusion/errors.js";
import type { CaptureTypes, Columns, LambdaInput, StageShape } from "../../fusion/query.js";
import type { ElementType } from "../../fusion/types.js";
import type { CapturesJson, NumberJson, OtherJson } from "./format.js";
import { aggregates, arrays, captures, lambda, number, optional, other, type AggregateJson, type ArgumentsJson, type Parts } from "./parts.js";
import { arrayName } from "./values.js";

export const VERBS = {
  map: { lambda, to: optional(arrays), captures },
  filter: { lambda, captures },
  as: { to: arrays },
  take: { count: number },
  skip: { count: number },
  slice: { start: number, end: number },
  reverse: {},
  distinct: {},
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
  zip: { other, lambda, captures },
  join: { other, key: lambda, otherKey: lambda, lambda, captures },
  leftJoin: { other, key: lambda, otherKey: lambda, lambda, captures },
  semiJoin: { other, key: lambda, otherKey: lambda, captures },
  antiJoin: { other, key: lambda, otherKey: lambda, captures },
  groupJoin: { other, key: lambda, otherKey: lambda, aggregates, captures },
  groupBy: { lambda, captures, aggregates },
} as const satisfies Record<string, Parts>;

export type VerbName = keyof typeof VERBS;
export type StageJson = { [V in VerbName]: { readonly verb: V } & ArgumentsJson<(typeof VERBS)[V]> }[VerbName];

/** What a stage that is being written was given. */
export interface Given {
  /** The captures, or those of them that one lambda sees; nothing if there are none. */
  readonly captures: (of?: CaptureTypes) => { readonly captures?: CapturesJson };
  readonly number: (at: number) => NumberJson;
  /** The query that is a value of the stage, counted from the end. */
  readonly other: (fromEnd: number) => OtherJson;
  /** The lambda of the map that is the last stage of such a query. */
  readonly keyOfOther: (fromEnd: number) => string;
  /** The last stage of such a query, and what it was given. */
  readonly lastOfOther: (fromEnd: number) => { readonly stage: StageShape | null; readonly given: Given };
  /** The query that such a query is, but for that last stage. */
  readonly ofKeys: (fromEnd: number) => OtherJson;
}

type StageOf<K extends StageShape["kind"]> = StageShape & { readonly kind: K };
const textOf = ({ lambda: { source } }: LambdaInput): string => source.text;

export const STAGES: { readonly [K in StageShape["kind"]]: (stage: StageOf<K>, given: Given) => StageJson } = {
  map: (stage, given) => ({ verb: "map", lambda: textOf(stage), ...(stage.to === null ? {} : { to: arraysJson(stage.to) }), ...given.captures() }),
  filter: (stage, given) => ({ verb: "filter", lambda: textOf(stage), ...given.captures() }),
  as: stage => ({ verb: "as", to: arraysJson(stage.to) }),
  slice: (stage, given) => {
    const [start, end] = [given.number(0), given.number(1)];
    if (!stage.from) return { verb: "take", count: end };
    return typeof end === "number" || typeof start !== "number" || start < 0 ? { verb: "slice", start, end } : { verb: "skip", count: start };
  },
  reverse: () => ({ verb: "reverse" }),
  distinct: () => ({ verb: "distinct" }),
  sort: (stage, given) => ({ verb: `${stage.then ? "thenBy" : "orderBy"}${stage.descending ? "Descending" : ""}`, lambda: textOf(stage), ...given.captures() }),
  top: ({ descending, key }, given) => ({ verb: descending ? "top" : "bottom", count: given.number(-1), ...(key === null ? {} : { key: textOf(key) }), ...given.captures() }),
  set: ({ verb }, given) => ({ verb, other: given.other(1) }),
  concat: (_, given) => ({ verb: "concat", other: given.other(1) }),
  pair: (stage, given) => {
    if (stage.key === null) return { verb: "zip", other: given.other(1), lambda: textOf(stage), ...given.captures() };
    return { verb: stage.outer ? "leftJoin" : "join", other: given.other(2), key: textOf(stage.key), otherKey: given.keyOfOther(1), lambda: textOf(stage), ...given.captures() };
  },
  match: (stage, given) => ({ verb: stage.keep ? "semiJoin" : "antiJoin", other: given.ofKeys(1), key: textOf(stage), otherKey: given.keyOfOther(1), ...given.captures() }),
  groupJoin: (stage, given) => {
    const groups = given.lastOfOther(1);
    if (groups.stage?.kind !== "group") throw new CompilerBug("what a groupJoin takes are no groups");
    return { verb: "groupJoin", other: given.ofKeys(1), key: textOf(stage), otherKey: textOf(groups.stage), aggregates: aggregatesJson(groups.stage, groups.given), ...given.captures() };
  },
  group: (stage, given) => ({ verb: "groupBy", lambda: textOf(stage), ...given.captures(stage.captures), aggregates: aggregatesJson(stage, given) }),
};

const aggregatesJson = (stage: StageOf<"group">, given: Given): readonly AggregateJson[] =>
  stage.aggregates.map(({ name, terminal, value }) => ({ name, terminal, ...(value === null ? {} : { lambda: textOf(value), ...given.captures(value.captures) }) }));

const arraysJson = (to: ElementType | Columns): string | Readonly<Record<string, string>> =>
  typeof to === "string" ? arrayName(to) : Object.fromEntries([...to].map(([name, element]) => [name, arrayName(element)]));
