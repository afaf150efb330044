/** Type inference of operators: which typed operation a JavaScript operator is, on operands of these kinds. */
import { apply, constant, convert } from "../build.js";
import { LambdaError } from "../errors.js";
import type { Expr } from "../ir.js";
import type { OpName } from "../ops.js";
import type { BinaryOperator, Span, UnaryOperator } from "../parse/surface.js";
import type { ScalarType, ScalarValue } from "../types.js";
import { evaluate } from "../values.js";
import type { Inference } from "./infer.js";
import { isOrder, rankOf } from "./infer-texts.js";
import { isEquality } from "./infer-values.js";
import {
  asBig,
  bothIntegral,
  compareNumbers,
  describeKind,
  isBigKind,
  kindOf,
  mixed,
  numeric,
  stringRefused,
  toldApart,
  toNumber,
  unifyBig,
  type Integral,
  type Typed,
} from "./typing.js";

type Name = Exclude<OpName, "convert">;

const ARITHMETIC = { "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "rem" } as const;
const COMPARISON = { "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne", "===": "eq", "!==": "ne" } as const;
const BITWISE = { "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr", ">>>": "ushr" } as const;

export function inferUnary(inference: Inference, operator: UnaryOperator, value: Typed, span: Span): Typed {
  const big = isBigKind(kindOf(value));
  if (value.string === true) throw stringRefused(`unary ${operator} is given a string`, span);
  switch (operator) {
    case "!":
      return { expr: apply("not", value.expr), weak: false, integral: [], span };
    case "+":
      if (big) throw new LambdaError("DC201", "unary + does not take a BigInt", span, "JavaScript refuses this too: use Number(value)");
      return { ...toNumber(value), span };
    case "-":
      return big ? { ...value, expr: negateBig(value), span } : numeric("neg", [value], span, toNumber(value).integral, inference.parameters);
    case "~":
      return { expr: apply("not", big ? value.expr : toInt32(value)), weak: big && value.weak, integral: [], computed: true, span };
    default:
      return operator satisfies never;
  }
}

/** A negated BigInt literal keeps its mathematical value until it meets a type. */
function negateBig({ expr, weak }: Typed): Expr {
  return weak && expr.kind === "const" ? constant("i64", -(expr.value as bigint)) : apply("neg", expr);
}

export const toInt32 = (value: Typed): Expr => {
  const { expr } = toNumber(value);
  return convert("i32", expr);
};

export function inferBinary(inference: Inference, operator: BinaryOperator, left: Typed, right: Typed, span: Span): Typed {
  if (left.string === true || right.string === true) return ofStrings(inference, operator, left, right, span);
  const bigs = [left, right].filter(value => isBigKind(kindOf(value))).length;
  switch (operator) {
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      if (bigs > 0) return bigArithmetic(inference, ARITHMETIC[operator], left, right, span);
      return numeric(ARITHMETIC[operator], [left, right], span, operator === "/" ? false : integralOf(left, right), inference.parameters);
    case "**":
      if (bigs > 0) throw new LambdaError("DC204", "** does not take BigInts in a kernel", span, "Multiply instead, or convert with Number(value)");
      return power(inference, left, right, span);
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "==":
    case "!=":
    case "===":
    case "!==":
      return compare(inference, operator, left, right, span);
    case "&":
    case "|":
    case "^":
    case "<<":
    case ">>":
    case ">>>":
      return bits(inference, BITWISE[operator], left, right, span, bigs);
    default:
      return operator satisfies never;
  }
}

const integralOf = (left: Typed, right: Typed): Integral => bothIntegral(toNumber(left).integral, toNumber(right).integral);

/** BigInt arithmetic wraps at 64 bits; only literals are computed beyond that, until they meet a type. */
function bigArithmetic(inference: Inference, op: "add" | "sub" | "mul" | "div" | "rem", left: Typed, right: Typed, span: Span): Typed {
  requireBigs(left, right, span);
  const { args, weak } = unifyBig(left, right, inference.parameters);
  const exact = weak ? literalArithmetic(op, left.expr, right.expr) : null;
  if (exact !== null) return { expr: constant("i64", exact), weak: true, integral: [], computed: op !== "div" && op !== "rem", span };
  const expr = apply(op, ...args);
  const stands = (op === "div" || op === "rem") && expr.kind === "apply";
  return { expr: stands ? inference.declare("quotient", expr) : expr, weak: weak && !stands, integral: [], span };
}

function literalArithmetic(op: "add" | "sub" | "mul" | "div" | "rem", a: Expr, b: Expr): bigint | null {
  if (a.kind !== "const" || b.kind !== "const") return null;
  const [x, y] = [a.value as bigint, b.value as bigint];
  switch (op) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "div":
      return y === 0n ? null : x / y;
    case "rem":
      return y === 0n ? null : x % y;
    default:
      return op satisfies never;
  }
}

function requireBigs(left: Typed, right: Typed, span: Span): void {
  if (!isBigKind(kindOf(left)) || !isBigKind(kindOf(right))) throw mixed(span);
}

/** `x ** 2` is x · x, correctly rounded, and `2 ** x` has a function of its own; other powers are the elementary function. */
export function power(inference: Inference, base: Typed, exponent: Typed, span: Span): Typed {
  if (exponent.expr.kind === "const" && exponent.expr.value === 2) {
    const once = inference.atom(toNumber(base));
    return numeric("mul", [once, once], span, once.integral, inference.parameters);
  }
  const whole = exponent.expr.kind === "const" && Number(exponent.expr.value) >= 0 ? exponent.integral : false;
  const integral = bothIntegral(toNumber(base).integral, whole);
  if (base.expr.kind === "const" && base.expr.value === 2) return numeric("exp2", [exponent], span, integral, inference.parameters);
  return numeric("pow", [base, exponent], span, integral, inference.parameters);
}

/** Strings are the same where their codes are, and come in the order of their ranks. */
function ofStrings(inference: Inference, operator: BinaryOperator, left: Typed, right: Typed, span: Span): Typed {
  if (operator === "+" && left.string === true && right.string === true) throw stringRefused("+ puts together two strings that both differ from row to row", span, 'One of them must be written out, r.carrier + "x", or captured');
  if (!isEquality(operator) && !isOrder(operator)) throw stringRefused(`${operator} is given a string`, span);
  const [a, b] = [describeKind(kindOf(left)), describeKind(kindOf(right))];
  if (a !== b) {
    throw new LambdaError("DC204", `${a} is compared with ${b}`, span, left.string === true ? 'Compare strings with strings: r.carrier === "AA"' : 'Compare strings with strings: "AA" === r.carrier');
  }
  const args = isOrder(operator) ? [rankOf(inference, left, span), rankOf(inference, right, span)] as const : [left.expr, right.expr] as const;
  return { expr: apply(COMPARISON[operator], ...args), weak: false, integral: [], span };
}

function compare(inference: Inference, operator: keyof typeof COMPARISON, left: Typed, right: Typed, span: Span): Typed {
  const op = COMPARISON[operator];
  const strict = operator === "===" || operator === "!==";
  const result = (expr: Expr): Typed => ({ expr, weak: false, integral: [], span });
  const [a, b] = [kindOf(left), kindOf(right)];
  if (a === "bool" && b === "bool") {
    if (op === "eq") return result(apply("not", apply("xor", left.expr, right.expr)));
    if (op === "ne") return result(apply("xor", left.expr, right.expr));
  } else if (strict && (a === "bool") !== (b === "bool")) {
    throw new LambdaError("DC204", `${describeKind(a)} is never ${operator} ${describeKind(b)}`, span, "Compare values of one type");
  }
  if (strict && (left.mixed === true || right.mixed === true)) throw toldApart(operator, left.mixed === true ? left.span : right.span);
  if (isBigKind(a) && isBigKind(b)) return result(apply(op, ...unifyBig(left, right, inference.parameters).args));
  if (isBigKind(a) !== isBigKind(b)) return result(compareBigWithNumber(inference, op, strict, left, right, span));
  return compareNumbers(op, left, right, span, inference.parameters);
}

/** JavaScript compares BigInts with numbers by value; kernels do where the number is an integer literal. */
function compareBigWithNumber(inference: Inference, op: Name, strict: boolean, left: Typed, right: Typed, span: Span): Expr {
  const literal = isBigKind(kindOf(left)) ? right : left;
  const big = literal === right ? left : right;
  if (strict || literal.expr.kind !== "const" || !Number.isSafeInteger(literal.expr.value)) {
    throw new LambdaError("DC201", "a BigInt is compared with a number", span, "Write the literal as a BigInt (1n), or convert with BigInt(n) or Number(b)");
  }
  const type = big.weak ? inference.parameters.big : kindOf(big) === "u64" ? "u64" : "i64";
  const converted = asBig({ expr: constant("i64", BigInt(literal.expr.value as number)), weak: true, integral: [], span: literal.span }, type, inference.parameters);
  const other = asBig(big, type, inference.parameters);
  return literal === right ? apply(op, other, converted) : apply(op, converted, other);
}

function bits(inference: Inference, op: "and" | "or" | "xor" | "shl" | "shr" | "ushr", left: Typed, right: Typed, span: Span, bigs: number): Typed {
  if (bigs === 0) return { expr: apply(op, toInt32(left), toInt32(right)), weak: false, integral: [], span };
  requireBigs(left, right, span);
  if (op === "ushr") throw new LambdaError("DC204", ">>> does not take BigInts", span, "JavaScript refuses this too: use >> on an unsigned value");
  const { args, weak } = unifyBig(left, right, inference.parameters);
  const literals = weak && args.every(arg => arg.kind === "const");
  const expr = literals ? constant(args[0].type, literalBits(op, args[0].type, args.map(arg => (arg as Expr & { kind: "const" }).value as bigint))) : apply(op, ...args);
  return { expr, weak, integral: [], computed: op !== "shr", span };
}

/** Bits shifted to the left stay what they are until they meet a type: `1n << 63n` is positive among unsigned values. */
function literalBits(op: "and" | "or" | "xor" | "shl" | "shr", type: ScalarType, values: readonly bigint[]): ScalarValue {
  const [value = 0n, count = 0n] = values;
  return op === "shl" && count >= 0n && count < 64n ? value << count : evaluate(op, type, type, values);
}
