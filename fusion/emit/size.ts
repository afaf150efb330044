/** About how much code statements become. */
import type { Stmt } from "../ir.js";
import { operator } from "../ops.js";
import { walkStmts } from "../traverse.js";

/** The number of operations, where calls and effects count for several. */
export function sizeOf(stmts: readonly Stmt[]): number {
  let size = 0;
  walkStmts(stmts, {
    expr: expr => {
      if (expr.kind === "read") size += 16;
      else if (expr.kind === "select") size += 1;
      else if (expr.kind === "apply") size += operator(expr.op).elementary || expr.op === "rem" ? 16 : 1;
    },
    // A loop is never unrolled: its turns hide whatever is around it.
    stmt: stmt => (size += stmt.kind === "loop" ? 256 : 0),
  });
  return size;
}
