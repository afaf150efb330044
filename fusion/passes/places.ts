/** Numbers of places: a kernel counts what it is given from 0, and what came before is added where that is wanted. */
import { apply } from "../build.js";
import type { Expr, Kernel, Source } from "../ir.js";
import { BASE } from "../query.js";
import { mapExpr } from "../traverse.js";

/** Adds `base` to every place: to the index, and to elements of a range, which are places themselves. */
export function shifted(source: Source, base: Expr): (expr: Expr) => Expr {
  const isPlace = ({ kind }: Expr): boolean => kind === "index" || (kind === "element" && source.kind === "range");
  return whole => mapExpr(whole, expr => (isPlace(expr) ? apply("add", expr, base) : expr));
}

/** The parameters that are numbers of elements which came before. */
export const basesOf = ({ scalars }: Kernel): ReadonlySet<string> => new Set(scalars.filter(({ origin }) => origin.name === BASE).map(({ name }) => name));
