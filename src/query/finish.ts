/** From the last kernel's raw result to what the terminal promises. */
import type { Columns, Plan } from "../../fusion/query.js";
import { CompilerBug } from "../../fusion/errors.js";
import type { ReduceOp, Sink } from "../../fusion/ir.js";
import { isBigType, typeInWords, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { evaluatePair, type AnyTypedArray } from "../../fusion/values.js";
import type { KernelResult } from "../backends/backend.js";
import type { Dictionary } from "../table/dictionary.js";
import { givenColumns } from "../table/given.js";
import type { BoundTerminal } from "./bound.js";
import { copiedOut, seedOf, type Outcome } from "./run.js";
import { quantilesIn } from "./select.js";
import type { TerminalNode } from "./terminal.js";

/** What a terminal that gives one value, or one row, makes of what its kernels gave. */
export const finished = (bound: BoundTerminal, outcome: Outcome): unknown => copiedOut(bound, outcome, finish);

function finish(bound: BoundTerminal, outcome: Outcome): unknown {
  const plan = bound.node.plan();
  if (plan.finish.kind === "row") return finishRow(outcome, plan.finish.columns);
  if (plan.finish.kind === "quantile") return finishQuantiles(bound, outcome.result.output);
  return finishScalar(plan, bound.node, outcome.result, outcome.dictionary, seedOf(bound));
}

/** `seed`: the reduce's, if it has one. */
export function finishScalar(plan: Plan, node: TerminalNode, result: KernelResult, dictionary: Dictionary | null, seed: ScalarValue | undefined): ScalarValue | string | undefined {
  const { finish } = plan;
  switch (finish.kind) {
    case "count":
      return result.count;
    case "fold":
      if (finish.empty === "error" && result.count === 0) throw nothingToReduce(plan, node);
      return result.value;
    case "reduced": {
      if (finish.empty === "error" && result.count === 0) throw nothingToReduce(plan, node);
      const { sink } = lastKernel(plan);
      if (sink.kind === "reduce" && sink.counted && result.count === 0) return finish.seeded ? seed : finish.op === "min" ? Infinity : -Infinity;
      const value = reducedValue(sink, result);
      // A sum starts from 0, as a loop would: of nothing it is 0, not the identity -0.
      if (node.kind === "sum" && Object.is(value, -0)) return 0;
      return finish.seeded ? seeded(finish.op, sink, seed, value) : value;
    }
    case "average":
      return (0 + Number(result.value)) / result.count;
    case "variance": {
      const [squares, deviations] = result.values as readonly [number, number];
      const variance = Math.max(0, squares - (deviations * deviations) / result.count) / (finish.sample ? Math.max(0, result.count - 1) : result.count);
      return finish.root ? Math.sqrt(variance) : variance;
    }
    case "any":
      return result.position >= 0;
    case "none":
      return result.position < 0;
    case "element":
      if (result.position < 0) return undefined;
      return finish.element === "string" ? dictionary?.at(result.value as number) : result.value;
    case "position":
      return result.position < 0 ? -1 : finish.ranked ? result.rank : result.position;
    case "ranked":
      if (result.count > 0) return dictionary?.ofRank(Number(reducedValue(lastKernel(plan).sink, result)));
      if (finish.empty === "undefined") return undefined;
      throw nothingToReduce(plan, node);
    case "key":
      return result.count === 0 ? undefined : reducedValue(lastKernel(plan).sink, result);
    case "row":
    case "array":
    case "quantile":
    case "columns":
      throw new CompilerBug("an array is not a scalar");
    case "together":
      throw new CompilerBug("several results are not one");
    default:
      return finish satisfies never;
  }
}

function lastKernel(plan: Plan) {
  const last = plan.kernels.at(-1);
  if (last === undefined) throw new CompilerBug("a plan has no kernel");
  return last.kernel;
}

/** What was reduced, as the value JavaScript would hold: exact sums of 32-bit integers become numbers, once. */
function reducedValue(sink: Sink, { value }: KernelResult): ScalarValue {
  if (value === undefined) throw new CompilerBug("a reduction gave no value");
  const exact = sink.kind === "reduce" && isBigType(sink.type) && !isBigType(sink.term);
  return exact ? Number(value) : value;
}

/** `seed ⊕ value`. */
function seeded(op: ReduceOp, sink: Sink, seed: ScalarValue | undefined, value: ScalarValue): ScalarValue {
  if (seed === undefined) throw new CompilerBug("a seeded reduction has no seed");
  // The usual seeds change nothing, and a number that is there need not be made anew.
  if ((op === "add" && seed === 0 && value !== 0) || (op === "mul" && seed === 1)) return value;
  return evaluatePair(op, seededType(op, sink, value), seed, value);
}

function seededType(op: ReduceOp, sink: Sink, value: ScalarValue): ScalarType {
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return sink.kind === "reduce" && sink.type === "u64" ? "u64" : "i64";
  return op === "and" || op === "or" || op === "xor" ? "i32" : "f64";
}

/** JavaScript's own words for a reduce; `Math.min()` is Infinity, but no BigInt is. */
function nothingToReduce({ element }: Plan, { terminal }: TerminalNode): TypeError {
  if (terminal.kind === "reduce" || element === null) return new TypeError("Reduce of empty array with no initial value");
  return element === "string"
    ? new TypeError(`The ${terminal.kind} of no strings does not exist`)
    : new TypeError(`The ${terminal.kind} of an empty ${typeInWords(element)} does not exist: there is no infinite BigInt`);
}

/** What `median` or `quantile` gives of all elements. */
function finishQuantiles({ query, values }: BoundTerminal, elements: AnyTypedArray | null): number | readonly number[] {
  if (elements === null) throw new CompilerBug("a kernel that stores an array gave none");
  const [given = 0.5] = values as readonly (number | Float64Array | undefined)[];
  const found = quantilesIn(elements, typeof given === "number" ? [given] : [...given], query.runtime.tiers.mover(query.backend).mover);
  return typeof given === "number" ? (found[0] as number) : found;
}

/** The last row of these columns; undefined if they have none. `types`: what they hold. */
function finishRow({ columns, dictionary }: Outcome, types: Columns): Readonly<Record<string, ScalarValue | string | null>> | undefined {
  if (columns === null) throw new CompilerBug("a query of rows stored no columns");
  const last = ([...columns.values()][0]?.length ?? 0) - 1;
  return last < 0 ? undefined : Object.fromEntries(givenColumns(columns, dictionary && { columns: types, dictionary }).map(([name, column]) => [name, column.at(last) as ScalarValue | string | null]));
}
