/**
 * Sums and differences that are kept within what a narrow lane holds, `Math.min(255, x + 40)` over bytes or `Math.max(-32768,
 * Math.min(32767, a + b))` over shorts: machines have an instruction for them, and the sum itself needs no wider lane.
 */
import { constant } from "../build.js";
import { within, type Interval } from "../interval.js";
import type { Expr } from "../ir.js";
import type { Ranges } from "../passes/ranges.js";
import { isUniform } from "../traverse.js";

export interface Saturating {
  readonly op: "add" | "sub";
  /** Integers that the lanes hold whole. */
  readonly args: readonly [Expr, Expr];
}

/** The expression as such a sum or difference, in lanes that hold so much; null if it is none. */
export function saturatingOf(expr: Expr, fits: Interval, ranges: Ranges): Saturating | null {
  const bounds: { readonly op: "min" | "max"; readonly bound: number }[] = [];
  let core = expr;
  for (let next = boundedBy(core); next !== null; next = boundedBy(core)) {
    bounds.push(next);
    core = next.inner;
  }
  if (bounds.length === 0 || core.kind !== "apply" || core.type !== "i32" || (core.op !== "add" && core.op !== "sub") || isUniform(core)) return null;
  // The bounds take effect from the innermost on.
  let [low, high] = [-Infinity, Infinity];
  for (const { op, bound } of bounds.reverse()) {
    const kept = op === "min" ? Math.min : Math.max;
    [low, high] = [kept(low, bound), kept(high, bound)];
  }
  const range = ranges.of(core);
  const below = low === fits.low || range.low >= Math.max(low, fits.low);
  const above = high === fits.high || range.high <= Math.min(high, fits.high);
  if (!below || !above) return null;
  const found = positive(core.op, core.args as readonly [Expr, Expr]);
  return found.args.every(arg => within(ranges.of(arg), fits.low, fits.high)) ? found : null;
}

/** Unsigned lanes hold no number below zero: adding it is taking it away. */
function positive(op: "add" | "sub", [left, right]: readonly [Expr, Expr]): Saturating {
  const negative = (expr: Expr): number | null => (expr.kind === "const" && (expr.value as number) < 0 ? (expr.value as number) : null);
  const [first, second] = [negative(left), negative(right)];
  if (second !== null) return { op: op === "add" ? "sub" : "add", args: [left, constant("i32", -second)] };
  return first !== null && op === "add" ? { op: "sub", args: [right, constant("i32", -first)] } : { op, args: [left, right] };
}

function boundedBy(expr: Expr): { readonly op: "min" | "max"; readonly bound: number; readonly inner: Expr } | null {
  if (expr.kind !== "apply" || expr.type !== "i32" || (expr.op !== "min" && expr.op !== "max")) return null;
  const [a, b] = expr.args as [Expr, Expr];
  if (b.kind === "const") return { op: expr.op, bound: b.value as number, inner: a };
  return a.kind === "const" ? { op: expr.op, bound: a.value as number, inner: b } : null;
}
