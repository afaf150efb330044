/** Effects in C++: methods of `lanes` that store a value and say whether all went well. */
import { CompilerBug } from "../errors.js";
import type { Expr } from "../ir.js";
import { nameIn, type Dialect } from "./dialect.js";
import { printC } from "./expr.js";

/** The call that stores the value of the effect `expr` in `target`, for the lanes in `mask` (null: there is one lane). */
export function effectCall(target: string, expr: Expr, dialect: Dialect, mask: string | null): string {
  const last = mask === null ? [] : [mask];
  const call = (method: string, args: readonly string[]): string => `${method}(${[target, ...args, ...last].join(", ")})`;
  if (expr.kind === "read" && expr.at.kind === "index" && mask !== null) return call("read_here", [nameIn(dialect, expr.array)]);
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
