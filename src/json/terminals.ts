/** The terminals of stored lazy values: for each its arguments, and how it is written. */
import type { TerminalShape } from "../../fusion/query.js";
import { branches, captures, flag, lambda, optional, value, type ArgumentsJson, type Parts } from "./parts.js";
import type { ValueJson } from "./format.js";
import type { Given } from "./verbs.js";

export const TERMINALS = {
  count: {},
  sum: {},
  average: {},
  variance: { sample: optional(flag) },
  standardDeviation: { sample: optional(flag) },
  min: {},
  max: {},
  median: {},
  quantile: { quantile: value },
  first: {},
  last: {},
  single: {},
  minBy: { lambda, captures },
  maxBy: { lambda, captures },
  some: { lambda, captures },
  every: { lambda, captures },
  find: { lambda, captures },
  findIndex: { lambda, captures },
  indexOf: { value },
  includes: { value },
  aggregate: { branches },
  batch: { branches },
  reduce: { lambda, seed: optional(value), captures, combine: optional(lambda), sequential: optional(flag) },
} as const satisfies Record<string, Parts>;

export type TerminalName = keyof typeof TERMINALS;
export type TerminalJson = { [T in TerminalName]: { readonly verb: T } & ArgumentsJson<(typeof TERMINALS)[T]> }[TerminalName];

/**
 * What `toArray` and `toColumns` would run is the query itself; what `minBy` looks for in the end comes of the keys; several are written
 * one by one.
 */
export type LazyTerminal = Exclude<TerminalShape, { readonly kind: "toArray" | "toColumns" | "firstBy" | "together" }>;

/** `last`: the last of the terminal's values. */
export function terminalJson(terminal: LazyTerminal, given: Given, last: () => ValueJson): TerminalJson {
  switch (terminal.kind) {
    case "count":
    case "sum":
    case "average":
    case "min":
    case "max":
    case "first":
    case "last":
    case "single":
    case "median":
      return { verb: terminal.kind };
    case "variance":
    case "standardDeviation":
      return { verb: terminal.kind, ...(terminal.sample ? { sample: true } : {}) };
    case "leastKey":
    case "greatestKey":
      return { verb: terminal.kind === "leastKey" ? "minBy" : "maxBy", lambda: terminal.lambda.source.text, ...given.captures() };
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return { verb: terminal.kind, lambda: terminal.lambda.source.text, ...given.captures() };
    case "quantile":
      return { verb: "quantile", quantile: last() };
    case "indexOf":
    case "includes":
      return { verb: terminal.kind, value: last() };
    case "reduce":
      return {
        verb: "reduce",
        lambda: terminal.lambda.source.text,
        ...(terminal.seed === null ? {} : { seed: last() }),
        ...given.captures(),
        ...(terminal.combine === null ? {} : { combine: terminal.combine.lambda.source.text }),
        ...(terminal.sequential ? { sequential: true } : {}),
      };
    default:
      return terminal satisfies never;
  }
}
