/** Effects in C++: methods of `lanes` that store a value and say whether all went well. */
import { apply } from "../build.js";
import { CompilerBug } from "../errors.js";
import type { Expr } from "../ir.js";
import { nameIn, type Dialect } from "./dialect.js";
import { printC } from "./expr.js";

/** The call that stores the value of the effect `expr` in `target`, for the lanes in `mask` (null: there is one lane). */
export function effectCall(target: string, expr: Expr, dialect: Dialect, mask: string | null): string {
  const last = mask === null ? [] : [mask];
  const call = (method: string, args: readonly string[]): string => `${method}(${[target, ...args, ...last].join(", ")})`;
  if (expr.kind === "read" && expr.at.kind === "index" && mask !== null) return call("read_here", [nameIn(dialect, expr.array)]);
  const near = expr.kind === "read" && mask !== null ? distance(expr.at) : null;
  if (expr.kind === "read" && near !== null) return call("read_near", [nameIn(dialect, expr.array), printC(near, dialect)]);
  if (expr.kind === "read") return call("read", [nameIn(dialect, expr.array), printC(expr.at, dialect)]);
  if (expr.kind !== "apply") throw new CompilerBug(`a ${expr.kind} is no effect`);
  const args = expr.args.map(arg => printC(arg, dialect));
  switch (expr.op) {
    case "div":
    case "rem":
      return call(expr.op, args);
    case "convert":
      return call("big", args);
    default:
      throw new CompilerBug(`${expr.op} is no effect`);
  }
}

/** How far from the source element's own place a place is, if that is a number for all lanes; else null. */
function distance(at: Expr): Expr | null {
  if (at.kind !== "apply" || (at.op !== "add" && at.op !== "sub")) return null;
  const [left, right] = at.args as [Expr, Expr];
  const isNumber = ({ kind }: Expr): boolean => kind === "const" || kind === "capture";
  if (left.kind === "index" && isNumber(right)) return at.op === "add" ? right : apply("neg", right);
  return at.op === "add" && right.kind === "index" && isNumber(left) ? left : null;
}
