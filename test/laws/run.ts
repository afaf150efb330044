/** Runs programs through the public API, on any backend. */
import type { Plan } from "../../fusion/query.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import { range } from "../../src/index.js";
import type { LazyValue } from "../../src/query/lazy.js";
import type { Query } from "../../src/query/query.js";
import type { Capture } from "../../src/query/types.js";
import type { Runtime } from "../../src/runtime/create.js";
import type { BackendName } from "../../src/backends/backend.js";
import type { Lambda } from "./lambdas.js";
import type { Program } from "./programs.js";

/** A function of a type that every verb takes. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- its text counts, not its type
type Anything = (...args: any[]) => any;

export type Outcome = { readonly value: unknown } | { readonly error: string };

/** What `work` gives, or what it throws. */
export function outcomeOf(work: () => unknown): Outcome {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return { error: `${error.name}: ${error.message}` };
    throw error;
  }
}

export async function outcomeOfAsync(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return { error: `${error.name}: ${error.message}` };
    throw error;
  }
}

/** Equal bits: -0 is not 0, any NaN is any NaN, arrays have one type. */
export function sameBits(a: unknown, b: unknown): boolean {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return Object.is(a, b);
  const [x, y] = [a as Float64Array, b as Float64Array];
  if (x[Symbol.toStringTag] !== y[Symbol.toStringTag] || x.length !== y.length) return false;
  for (let at = 0; at < x.length; at++) if (!Object.is(x[at], y[at])) return false;
  return true;
}

export const sameOutcome = (a: Outcome, b: Outcome): boolean =>
  "error" in a || "error" in b ? "error" in a && "error" in b && a.error === b.error : sameBits(a.value, b.value);

const FUNCTIONS = new WeakMap<Lambda, Anything>();
const CAPTURES = new WeakMap<Lambda, Record<string, Capture>>();

/** A function whose text is the user's. It is never called. */
function functionOf(lambda: Lambda): Anything {
  let f = FUNCTIONS.get(lambda);
  if (f === undefined) {
    f = textAsFunction(lambda.user);
    FUNCTIONS.set(lambda, f);
  }
  return f;
}

// eslint-disable-next-line @typescript-eslint/no-implied-eval -- generated text is the point of these tests
const textAsFunction = (text: string): Anything => new Function(`return (${text});`)() as Anything;

function capturesOf(lambda: Lambda): Record<string, Capture> {
  let captures = CAPTURES.get(lambda);
  if (captures === undefined) {
    captures = { ...lambda.values };
    for (const [name, { user }] of Object.entries(lambda.helpers)) captures[name] = textAsFunction(user);
    CAPTURES.set(lambda, captures);
  }
  return captures;
}

export interface Runnable {
  readonly now: () => unknown;
  readonly later: (signal?: AbortSignal) => Promise<unknown>;
  /** Into a given array; null for programs that give no array. */
  readonly into: ((array: AnyTypedArray) => unknown) | null;
  readonly plan: () => Plan;
  readonly query: Query<AnyTypedArray> | LazyValue<unknown>;
}

/** The program as a query over a source; `source` is a length for ranges. */
export function queryOf(runtime: Runtime, program: Program, source: AnyTypedArray | number, backend: BackendName | null): Runnable {
  let query = (typeof source === "number" ? runtime.compute(range(source)) : runtime.compute(source)) as Query<AnyTypedArray>;
  for (const stage of program.stages) {
    switch (stage.kind) {
      case "map":
        query = stage.named ? query.map(functionOf(stage.lambda), ARRAY_CONSTRUCTORS[stage.to] as Float64ArrayConstructor, capturesOf(stage.lambda)) : query.map(functionOf(stage.lambda), capturesOf(stage.lambda));
        break;
      case "filter":
        query = query.filter(functionOf(stage.lambda), capturesOf(stage.lambda));
        break;
      case "as":
        query = query.as(ARRAY_CONSTRUCTORS[stage.to] as Float64ArrayConstructor);
        break;
      default:
        stage satisfies never;
    }
  }
  if (backend !== null) query = query.on(backend);
  const { terminal } = program;
  if (terminal.kind === "toArray") {
    return { now: () => query.toArray(), later: signal => query.toArrayAsync({ signal }), into: array => query.toArray({ into: array }), plan: () => planOf(query), query };
  }
  const lazy = lazyOf(query, terminal);
  return { now: () => lazy.value(), later: signal => lazy.run({ signal }), into: null, plan: () => planOf(lazy), query: lazy };
}

interface Bound {
  readonly node: { plan(): Plan };
}

/** The kernels of a query's array, or of a lazy value. */
export function planOf(what: object): Plan {
  const { node } = "arrayTerminal" in what ? (what as { arrayTerminal(): Bound }).arrayTerminal() : (what as { readonly bound: Bound }).bound;
  return node.plan();
}

/** Whether a plan folds a sum's terms as integers: then it is exact, and no order matters. */
export const exactOf = ({ kernels }: Plan): boolean => {
  const sink = kernels.at(-1)?.kernel.sink;
  return sink?.kind === "reduce" && sink.type === "i64" && sink.term !== "i64";
};

function lazyOf(query: Query<AnyTypedArray>, terminal: Program["terminal"]): LazyValue<unknown> {
  switch (terminal.kind) {
    case "toArray":
      throw new Error("toArray is not lazy");
    case "sum":
    case "count":
    case "average":
    case "min":
    case "max":
    case "first":
    case "last":
      return (query as unknown as Record<typeof terminal.kind, () => LazyValue<unknown>>)[terminal.kind]();
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return query[terminal.kind](functionOf(terminal.lambda), capturesOf(terminal.lambda)) as LazyValue<unknown>;
    case "indexOf":
    case "includes":
      return query[terminal.kind](terminal.value as never);
    case "reduce":
      return query.reduce(functionOf(terminal.lambda), terminal.seed as number, capturesOf(terminal.lambda), { sequential: terminal.sequential });
    case "fold": {
      const { combine, lambda, sequential } = terminal;
      const captures = { ...capturesOf(lambda), ...(combine === null ? {} : capturesOf(combine)) };
      return query.reduce(functionOf(lambda), terminal.seed as number, captures, combine === null ? { sequential } : { combine: functionOf(combine) });
    }
    default:
      return terminal satisfies never;
  }
}
