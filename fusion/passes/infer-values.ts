/** Small pieces of inference that need no context: literals, selects, and what can be told from a surface expression alone. */
import { apply, constant, select, truth } from "../build.js";
import type { Expr } from "../ir.js";
import type { BinaryOperator, Span, SurfaceExpr } from "../parse/surface.js";
import type { Integral, Typed } from "./typing.js";

export const boolean = (value: boolean, span: Span): Typed => ({ expr: truth(value), weak: false, integral: [], span });
export const numericIntegral = (value: Typed): Integral => (value.expr.type === "bool" ? [] : value.integral);
export const sameIntegral = (a: Integral, b: Integral): boolean => (a === false || b === false ? a === b : a.length === b.length);

export function literal(value: number | bigint | boolean, span: Span): Typed {
  switch (typeof value) {
    case "number":
      return { expr: constant("f64", value), weak: true, integral: Number.isFinite(value) && !Number.isInteger(value) ? false : [], span };
    case "bigint":
      return { expr: constant("i64", value), weak: true, integral: [], span };
    case "boolean":
      return boolean(value, span);
    default:
      return value satisfies never;
  }
}

export const isEquality = (operator: BinaryOperator): operator is "==" | "===" | "!=" | "!==" => operator === "==" || operator === "===" || operator === "!=" || operator === "!==";

/** A select; on booleans with a constant side, the logical operator it is. */
export function chooseExpr(test: Expr, yes: Expr, no: Expr): Expr {
  if (yes.type === "bool") {
    if (no.kind === "const") return no.value === false ? apply("and", test, yes) : apply("or", apply("not", test), yes);
    if (yes.kind === "const") return yes.value === true ? apply("or", test, no) : apply("and", apply("not", test), no);
  }
  return select(test, yes, no);
}

export const zero = (type: Expr["type"]): Expr => constant(type, type === "bool" ? false : type === "i64" || type === "u64" ? 0n : 0);

export function hasStatements(expr: SurfaceExpr): boolean {
  switch (expr.kind) {
    case "literal":
    case "null":
    case "string":
    case "variable":
    case "capture":
    case "length":
      return false;
    case "do":
      return true;
    case "object":
      return expr.fields.some(({ value }) => hasStatements(value));
    case "read":
      return hasStatements(expr.index);
    case "among":
      return hasStatements(expr.value);
    case "unary":
      return hasStatements(expr.argument);
    case "binary":
    case "logical":
    case "nullish":
      return hasStatements(expr.left) || hasStatements(expr.right);
    case "conditional":
      return hasStatements(expr.test) || hasStatements(expr.yes) || hasStatements(expr.no);
    case "text":
      return hasStatements(expr.of) || expr.args.some(hasStatements);
    case "call":
      return expr.args.some(hasStatements);
    default:
      return expr satisfies never;
  }
}
