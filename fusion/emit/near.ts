/** Places that lie side by side for elements side by side: the element's own place and numbers that are the same for all lanes. */
import { apply } from "../build.js";
import type { Expr } from "../ir.js";
import { mapExpr, walkExpr } from "../traverse.js";

/** What locals that never change stand for. */
export type Values = ReadonlyMap<string, Expr>;

/** Numbers whose sum, in this order, with the element's place is `at`, each the same for all lanes; null where `at` is no such sum. */
export function besideTerms(at: Expr, values: Values): readonly Expr[] | null {
  if (at.kind === "index") return [];
  if (at.kind === "local") {
    const meant = values.get(at.name);
    return meant === undefined ? null : besideTerms(meant, values);
  }
  if (at.kind !== "apply" || at.type !== "f64" || (at.op !== "add" && at.op !== "sub")) return null;
  const [left, right] = at.args as [Expr, Expr];
  const other = uniform(right, values);
  const terms = other === null ? null : besideTerms(left, values);
  if (other !== null && terms !== null) return [...terms, at.op === "add" ? other : apply("neg", other)];
  const first = at.op === "add" ? uniform(left, values) : null;
  const behind = first === null ? null : besideTerms(right, values);
  return first === null || behind === null ? null : [first, ...behind];
}

/** The most that a number for all lanes may be made of, written out. */
const MOST = 32;

/** The expression without locals, if it is the same for all lanes; else null. */
function uniform(expr: Expr, values: Values): Expr | null {
  let known = true;
  let size = 0;
  const expanded = mapExpr(expr, node => {
    if (node.kind !== "local") return node;
    const meant = values.get(node.name);
    const number = meant === undefined || !known ? null : uniform(meant, values);
    known &&= number !== null;
    return number ?? node;
  });
  if (!known) return null;
  walkExpr(expanded, ({ kind }) => {
    size += 1;
    known &&= kind === "const" || kind === "capture" || kind === "axis" || kind === "length" || kind === "apply" || kind === "select";
  });
  return known && size <= MOST ? expanded : null;
}
