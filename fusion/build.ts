/** Constructors of expressions. Operators on constants fold here, so no pass needs to ask again. */
import type { Expr } from "./ir.js";
import { operator, type OpName } from "./ops.js";
import type { ScalarType, ScalarValue } from "./types.js";
import { convertValue, evaluate } from "./values.js";

export const constant = (type: ScalarType, value: ScalarValue): Expr => ({ kind: "const", type, value });
export const number = (value: number): Expr => constant("f64", value);
export const truth = (value: boolean): Expr => constant("bool", value);
export const local = (type: ScalarType, name: string): Expr => ({ kind: "local", type, name });

/** `op` on operands of one type. */
export function apply(op: Exclude<OpName, "convert">, ...args: readonly Expr[]): Expr {
  const row = operator(op);
  const over = (args[0] as Expr).type;
  const type = row.gives === "same" ? over : row.gives;
  const values = constants(args);
  const folds = values !== null && !row.fails.includes(over);
  return folds ? constant(type, evaluate(op, over, type, values)) : { kind: "apply", type, op, args };
}

/** `arg` as a `to`; the same expression if it is one already. */
export function convert(to: ScalarType, arg: Expr): Expr {
  if (arg.type === to) return arg;
  if (arg.kind === "const" && !failsToConvert(arg.type, to)) return constant(to, convertValue(to, arg.value));
  return { kind: "apply", type: to, op: "convert", args: [arg] };
}

/** `BigInt()` of a float that is no integer throws. */
export const failsToConvert = (from: ScalarType, to: ScalarType): boolean =>
  (from === "f64" || from === "f32") && (to === "i64" || to === "u64");

export function select(test: Expr, yes: Expr, no: Expr): Expr {
  if (test.kind === "const") return test.value === true ? yes : no;
  return { kind: "select", type: yes.type, test, yes, no };
}

function constants(args: readonly Expr[]): ScalarValue[] | null {
  const values: ScalarValue[] = [];
  for (const arg of args) {
    if (arg.kind !== "const") return null;
    values.push(arg.value);
  }
  return values;
}
