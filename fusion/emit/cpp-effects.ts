/** Effects in C++: methods of `lanes` that store a value and say whether all went well. */
import { apply } from "../build.js";
import { CompilerBug } from "../errors.js";
import type { Expr, StmtOf } from "../ir.js";
import { nameIn, type Dialect } from "./dialect.js";
import { printC } from "./expr.js";
import { besideTerms, type Values } from "./near.js";

/** The lanes that an effect acts for. */
export interface ActingLanes {
  readonly mask: string;
  /** In a body that stores, what its constants stand for; null elsewhere. */
  readonly values: Values | null;
}

/** The call that stores the value of the effect `expr` in `target`, for some lanes (null: there is one lane). */
export function effectCall(target: string, expr: Expr, dialect: Dialect, lanes: ActingLanes | null): string {
  const last = lanes === null ? [] : [lanes.mask];
  const call = (method: string, args: readonly string[]): string => `${method}(${[target, ...args, ...last].join(", ")})`;
  if (expr.kind === "read") {
    const array = nameIn(dialect, expr.array);
    if (expr.at.kind === "index" && lanes !== null) return call("read_here", [array]);
    const near = lanes === null ? null : distance(expr.at);
    if (near !== null) return call("read_near", [array, printC(near, dialect)]);
    const beside = placeBeside(expr.at, dialect, lanes);
    if (beside !== null) return call("read_beside", [array, beside, printC(expr.at, dialect)]);
    return call("read", [array, printC(expr.at, dialect)]);
  }
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

/** The call that stores into an array, for some lanes (null: there is one lane). */
export function storeCall({ array, at, value }: StmtOf<"store">, dialect: Dialect, lanes: ActingLanes | null): string {
  const to = nameIn(dialect, array);
  const [place, stored] = [printC(at, dialect), printC(value, dialect)];
  if (lanes === null) return `store(${to}, ${place}, ${stored})`;
  const beside = placeBeside(at, dialect, lanes);
  return beside === null ? `store(${to}, ${place}, ${stored}, ${lanes.mask})` : `store_beside(${to}, ${beside}, ${place}, ${stored}, ${lanes.mask})`;
}

/** How far from the lanes' own places a place is, if that is a number for all of them; else null. */
function placeBeside(at: Expr, dialect: Dialect, lanes: ActingLanes | null): string | null {
  const terms = lanes === null || lanes.values === null ? null : besideTerms(at, lanes.values);
  if (terms === null) return null;
  return terms.length === 0 ? "0.0" : `lanes.near(${terms.map(term => printC(term, dialect)).join(", ")})`;
}

/** How far from the source element's own place a place is, if that is a number for all lanes; else null. */
function distance(at: Expr): Expr | null {
  if (at.kind !== "apply" || (at.op !== "add" && at.op !== "sub")) return null;
  const [left, right] = at.args as [Expr, Expr];
  const isNumber = ({ kind }: Expr): boolean => kind === "const" || kind === "capture";
  if (left.kind === "index" && isNumber(right)) return at.op === "add" ? right : apply("neg", right);
  return at.op === "add" && right.kind === "index" && isNumber(left) ? left : null;
}
