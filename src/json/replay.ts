/** Stored verbs called again, and what goes wrong told with the place where it stands. */
import { LambdaError, QueryError } from "../../fusion/errors.js";
import type { BoundQuery } from "../query/bound.js";
import { Sequence } from "../query/sequence.js";
import { batched } from "../query/together.js";
import { malformed } from "./checks.js";
import type { Branch } from "./parts.js";

type Method = (...args: readonly unknown[]) => unknown;
type Call = (name: string, ...args: readonly unknown[]) => unknown;

const windowed = (verb: string) => (call: Call, [first, edge, value, ...rest]: readonly unknown[], path: string): unknown => made(call(verb, first, edge === undefined ? undefined : { edge, value }), rest, path);

/** What is made of windows, or of chunks. */
const made = (windows: unknown, [of, f, to, captures]: readonly unknown[], path: string): unknown => {
  const onWindows = callOf(windows as object, path);
  if (of !== "map") return onWindows(of as string, to);
  return to === undefined ? onWindows("map", f, captures) : onWindows("map", f, to, captures);
};

/** Methods that take their arguments otherwise than one after the other. */
const CALLS: Readonly<Record<string, (call: Call, args: readonly unknown[], path: string, query: object) => unknown>> = {
  map: (call, [f, to, captures]) => (to === undefined ? call("map", f, captures) : call("map", f, to, captures)),
  flatMap: (call, [f, to, captures]) => (to === undefined ? call("flatMap", f, captures) : call("flatMap", f, to, captures)),
  zip: (call, [other, more, f, captures]) => call("zip", other, ...((more ?? []) as readonly unknown[]), f, captures),
  dropNulls: (call, [columns]) => call("dropNulls", ...(columns as readonly unknown[])),
  fillNulls: (call, [columns, values]) => call("fillNulls", Object.fromEntries((columns as readonly string[]).map((name, at) => [name, (values as readonly unknown[])[at]]))),
  reduce: (call, [f, seed, captures, combine, sequential]) => call("reduce", f, seed, captures, { combine, ...(sequential === true ? { sequential } : {}) }),
  scan: (call, [f, seed, captures, exclusive = false, sequential = false, to]) => call("scan", f, seed, captures, { exclusive, sequential, to }),
  variance: (call, [sample]) => call("variance", { sample }),
  standardDeviation: (call, [sample]) => call("standardDeviation", { sample }),
  window: windowed("window"),
  neighbours: windowed("neighbours"),
  chunk: (call, [size, ...rest], path) => made(call("chunk", size), rest, path),
  aggregate: (call, [branches], path) => {
    const named = (branches as readonly Branch[]).map(({ name, of }, at) => {
      if (name === null) throw malformed(`${path}.branches[${at}]`, "has no name");
      return [name, of] as const;
    });
    if (new Set(named.map(([name]) => name)).size < named.length) throw malformed(`${path}.branches`, "has two of one name");
    return call("aggregate", Object.fromEntries(named));
  },
  batch: (_, [branches], __, query) => batched((branches as readonly Branch[]).map(({ of }) => of(query))),
  groupBy: (call, [f, captures, aggregates], path) => callOf(call("groupBy", f, captures) as object, path)("aggregate", aggregates),
};

/** Calls a verb or a terminal. Its name is one of the tables'. */
export function replay(query: object, name: string, args: readonly unknown[], path: string): unknown {
  const call = callOf(query, path);
  const own = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  return own === undefined ? call(name, ...args) : own(call, args, path, query);
}

const callOf = (query: object, path: string): Call => (name, ...args) => {
  const method = (query as Readonly<Record<string, Method | undefined>>)[name];
  if (method === undefined) throw malformed(path, `is ${name}(), which ${query instanceof Sequence && query.bound.shape.columns !== null ? "rows do" : "a sequence of single values does"} not have`);
  return method.apply(query, [...args]);
};

/** Runs what may find fault with a part of the query. `fields`: those at the path, to tell which lambda it is. */
export function told<T>(path: string, run: () => T, fields: object = {}): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof QueryError && error.code === "DC309") throw error;
    if (error instanceof QueryError || error instanceof LambdaError) throw malformed(error instanceof LambdaError ? `${path}${placeOf(error.source, fields)}` : path, `cannot be read: ${error.message}`, { cause: error });
    // The engine's own limit, which the compiler's limits keep away from lambdas that anybody writes.
    if (error instanceof RangeError) throw malformed(path, "is too deeply nested", { cause: error });
    throw error;
  }
}

/** Where a text stands in what JSON holds. */
function placeOf(text: string, fields: object): string {
  for (const [name, value] of Object.entries(fields)) {
    const here = Array.isArray(fields) ? `[${name}]` : `.${name}`;
    if (value === text) return here;
    const inner = typeof value === "object" && value !== null ? placeOf(text, value as object) : "";
    if (inner !== "") return here + inner;
  }
  return "";
}

/** Plans what would run, so that types that do not fit are found now, and at their stage. */
export function planned<T>(query: BoundQuery, path: string, plan: () => T, fields: object): T {
  try {
    return plan();
  } catch {
    const stages: BoundQuery[] = [];
    for (let at = query; at.parent !== null; at = at.parent) stages.unshift(at);
    stages.forEach((stage, at) => told(`${path}stages[${at}]`, () => planOf(stage), ((fields as { readonly stages: readonly object[] }).stages[at] ?? {})));
    return told(`${path}terminal`, plan, (fields as { readonly terminal?: object }).terminal ?? {});
  }
}

export const planOf = ({ shape }: BoundQuery): unknown => shape.plainTerminal(shape.columns === null ? "toArray" : "toColumns").plan();
