/**
 * Rewrites of queries, before their stages are fused: stages that a result does not need are left out, or change places. Each gives
 * the same bits. Where a kernel can fail none is made, since elements that were not computed before, or in another order, would
 * fail first.
 */
import { isBigType } from "../types.js";
import type { LambdaInput, Plan, StageShape, TerminalShape } from "../query.js";
import { canFail } from "../traverse.js";
import { usesParameter } from "./reducers.js";

/** A stage, and its place in the query as it was written. */
export interface Placed {
  readonly stage: StageShape;
  readonly index: number;
  /** Moves nothing; its lambda is looked at all the same, so that its mistakes are told. */
  readonly idle?: true;
}

export interface Rewrite {
  /** As `explain` tells it. */
  readonly name: string;
  /** The stages as they shall be; null where there is nothing to do. */
  readonly apply: (stages: readonly Placed[], terminal: TerminalShape) => readonly Placed[] | null;
  /** Whether the plan that comes of it may be used. */
  readonly holds: (plan: Plan) => boolean;
}

const cannotFail = ({ kernels }: Plan): boolean => !kernels.some(({ kernel }) => canFail(kernel));

/** Sums of integers are exact, in any order. */
function isExact(plan: Plan): boolean {
  const sink = plan.kernels.at(-1)?.kernel.sink;
  return cannotFail(plan) && sink?.kind === "reduce" && isBigType(sink.type);
}

export const REWRITES: readonly Rewrite[] = [
  { name: "a reverse() behind a reverse() puts everything back, so both are left out", apply: withoutPairs("reverse", 2), holds: cannotFail },
  { name: "a distinct() behind a distinct() finds nothing, so it is left out", apply: withoutPairs("distinct", 1), holds: cannotFail },
  { name: "count() is the same in every order, so elements are not put in order", apply: unordered(["count", "single"]), holds: cannotFail },
  { name: "min() and max() are the same in every order, so elements are not put in order", apply: unordered(["min", "max"]), holds: cannotFail },
  { name: "quantiles are the same in every order, so elements are not put in order", apply: unordered(["median", "quantile"]), holds: cannotFail },
  { name: "an exact sum is the same in every order, so elements are not put in order", apply: unordered(["sum", "average"]), holds: isExact },
  { name: "a filter() goes before the order and the reverse() in front of it, which then move less", apply: filtersFirst, holds: cannotFail },
];

/** Leaves out so many of two such stages that follow one another. */
function withoutPairs(kind: "reverse" | "distinct", count: 1 | 2): Rewrite["apply"] {
  return stages => {
    const kept: Placed[] = [];
    for (const placed of stages) {
      const paired = placed.stage.kind === kind && kept.at(-1)?.stage.kind === kind;
      if (!paired) kept.push(placed);
      else if (count === 2) kept.pop();
    }
    return kept.length < stages.length ? kept : null;
  };
}

const usesPlace = ({ lambda }: LambdaInput): boolean => usesParameter(lambda, 1);

/** Whether a stage does nothing but put elements in another order, whatever their places are. */
const isOrder = ({ stage, idle }: Placed): boolean => idle !== true && (stage.kind === "reverse" || (stage.kind === "sort" && !usesPlace(stage)));

function filtersFirst(stages: readonly Placed[]): readonly Placed[] | null {
  const moved = [...stages];
  let changed = false;
  for (const [at, placed] of stages.entries()) {
    if (placed.stage.kind !== "filter" || usesPlace(placed.stage)) continue;
    let to = at;
    while (to > 0 && isOrder(moved[to - 1] as Placed)) to -= 1;
    // A thenBy belongs to the orderBy before it: where that one stays, the filter stays behind it, too.
    while (to < at && isThen(moved[to] as Placed)) to += 1;
    if (to === at) continue;
    moved.splice(to, 0, ...moved.splice(at, 1));
    changed = true;
  }
  return changed ? moved : null;
}

const isThen = ({ stage }: Placed): boolean => stage.kind === "sort" && stage.then;

/** Before these terminals elements stay where they are, as far back as no stage asks for their places. */
function unordered(terminals: readonly TerminalShape["kind"][]): Rewrite["apply"] {
  return (stages, { kind }) => {
    if (!terminals.includes(kind)) return null;
    const left = [...stages];
    let changed = false;
    // Of 0 and -0 the order decides which is found first; only a count of them, and of nothing made of them, is the same.
    let counts = kind === "count" || kind === "single";
    for (let at = left.length - 1; at >= 0; at -= 1) {
      const placed = left[at] as Placed;
      const { stage } = placed;
      if (stage.kind === "reverse" || stage.kind === "sort") {
        left[at] = { ...placed, idle: true };
        changed = true;
      } else if (stage.kind === "map" || stage.kind === "filter") {
        if (usesPlace(stage)) break;
        counts = false;
      } else if (stage.kind === "as") {
        counts = false;
      } else if (stage.kind !== "distinct" || !counts) {
        break;
      }
    }
    return changed ? left : null;
  };
}
