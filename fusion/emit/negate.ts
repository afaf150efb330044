/** The opposite of a condition. */
import type { Expr } from "../ir.js";
import type { OpName } from "../ops.js";
import { isFloatType } from "../types.js";

const OPPOSITES: Partial<Record<OpName, OpName>> = { eq: "ne", ne: "eq", lt: "ge", ge: "lt", gt: "le", le: "gt" };

/** `!test`, as simply as it can be said: NaN is neither less than a float nor not, so order has an opposite for integers only. */
export function negated(test: Expr): Expr {
  if (test.kind === "apply") {
    const [first] = test.args;
    if (test.op === "not" && first !== undefined) return first;
    const opposite = OPPOSITES[test.op];
    const total = test.op === "eq" || test.op === "ne" || (first !== undefined && !isFloatType(first.type));
    if (opposite !== undefined && total) return { ...test, op: opposite };
  }
  return { kind: "apply", type: "bool", op: "not", args: [test] };
}
