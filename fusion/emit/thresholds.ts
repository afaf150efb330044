/**
 * Integers compared with a number that is the same for all lanes: what the lanes are compared with is the integer that compares the
 * same, which is found before the loop. No lane becomes a double.
 */
import type { Expr } from "../ir.js";
import { isUniform } from "../traverse.js";

export interface Threshold {
  readonly op: keyof typeof MIRRORED;
  /** An i32 or u32 of lanes. */
  readonly whole: Expr;
  /** An f64 of no lanes. */
  readonly number: Expr;
}

const MIRRORED = { lt: "gt", le: "ge", gt: "lt", ge: "le", eq: "eq", ne: "ne" } as const;

/** The comparison, as one of integers with a number; null if it is none. */
export function thresholdOf(expr: Expr): Threshold | null {
  if (expr.kind !== "apply" || !(expr.op in MIRRORED)) return null;
  const op = expr.op as keyof typeof MIRRORED;
  const [a, b] = expr.args as [Expr, Expr];
  const [x, y] = [wholeOf(a), wholeOf(b)];
  if (x !== null && isUniform(b)) return { op, whole: x, number: b };
  return y !== null && isUniform(a) ? { op: MIRRORED[op], whole: y, number: a } : null;
}

/** The lanes of integers that were made doubles. */
function wholeOf(expr: Expr): Expr | null {
  const [from] = expr.kind === "apply" && expr.op === "convert" && expr.type === "f64" ? expr.args : [];
  return from !== undefined && (from.type === "i32" || from.type === "u32") && !isUniform(from) ? from : null;
}
