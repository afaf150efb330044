/** Type inference of calls: `Math.*`, `Number.*`, `BigInt` and the conversions. One row per function. */
import { apply, constant, convert, number } from "../build.js";
import { LambdaError } from "../errors.js";
import type { Expr } from "../ir.js";
import type { OpName } from "../ops.js";
import type { Builtin, Span } from "../parse/surface.js";
import { isBigType } from "../types.js";
import { power, toInt32 } from "./infer-operators.js";
import type { Inference } from "./infer.js";
import { asBig, bothIntegral, coerce, isBigKind, isNumberKind, kindOf, numeric, stringRefused, toldApart, toNumber, truthOf, type Integral, type Typed } from "./typing.js";

type Call = (inference: Inference, args: readonly Typed[], span: Span, callee: Builtin) => Typed;
type Name = Exclude<OpName, "convert">;

const integrals = (args: readonly Typed[]): Integral => bothIntegral(...args.map(arg => arg.integral));

/** A function of numbers that gives a number. `integral`: always, never, or where its arguments are. */
const onNumbers =
  (op: Name, integral: "always" | "never" | "kept"): Call =>
  (inference, args, span) => {
    const numbers = args.map(toNumber);
    return numeric(op, numbers, span, integral === "always" ? [] : integral === "never" ? false : integrals(numbers), inference.parameters);
  };

const elementary = (op: Name): Call => onNumbers(op, "never");

/** A function of a float's bits, of f64 or of f32. */
const onBits =
  (op: Name, type: "f64" | "f32"): Call =>
  (inference, args, span) => ({ expr: apply(op, ...args.map(arg => coerce(toNumber(arg), type, inference.parameters))), weak: false, integral: false, span });

const extreme =
  (op: "min" | "max", empty: number): Call =>
  (inference, args, span) => {
    const numbers = args.map(toNumber);
    const [only] = numbers;
    if (!only) return { expr: number(empty), weak: true, integral: [], span };
    if (numbers.length === 1) return { ...only, span };
    return numeric(op, numbers, span, integrals(numbers), inference.parameters, true);
  };

/** More sides than these make more statements than a kernel may have. */
const MOST_SIDES = 256;

const hypotenuse: Call = (inference, args, span) => {
  if (args.length > MOST_SIDES) {
    throw new LambdaError("DC106", `Math.hypot takes at most ${MOST_SIDES} arguments in a kernel and is given ${args.length}`, span, "Join several: Math.hypot(Math.hypot(a, b), Math.hypot(c, d))");
  }
  const numbers = args.map(toNumber);
  const [only] = numbers;
  if (!only) return { expr: number(0), weak: true, integral: [], span };
  return numeric(numbers.length === 1 ? "abs" : "hypot", numbers, span, false, inference.parameters);
};

const predicate =
  (op: "isNaN" | "isFinite" | "isInteger" | "isSafeInteger", converts: boolean): Call =>
  (_, [value], span, callee) => {
    const given = value as Typed;
    if (!converts && !isNumberKind(kindOf(given))) {
      throw new LambdaError("DC204", `${callee} of a value that is no number is always false`, span, "Give it a number");
    }
    if (!converts && given.mixed === true) throw toldApart(callee, given.span);
    const { expr } = toNumber(given);
    return { expr: apply(op, expr.type === "f32" ? expr : convert("f64", expr)), weak: false, integral: [], span };
  };

const toBigInt: Call = (inference, [value], span) => {
  const given = value as Typed;
  const kind = kindOf(given);
  if (isBigKind(kind)) return { ...given, span };
  if (kind === "string") throw stringRefused("BigInt() is given a string", span);
  if (kind === "bool") return { expr: convert("i64", given.expr), weak: false, integral: [], span };
  const { expr } = given;
  if (expr.kind === "const" && Number.isInteger(expr.value)) return { expr: constant("i64", BigInt(expr.value as number)), weak: true, integral: [], span };
  if (given.integral === false) {
    throw new LambdaError("DC204", "BigInt() of a number that may be a fraction", span, "JavaScript throws for fractions: round first, BigInt(Math.trunc(n))");
  }
  const big = inference.convert("i64", expr);
  // A count is the same BigInt signed and unsigned, so it suits both kinds of array.
  const count = expr.kind === "index" || expr.kind === "length" || expr.type === "u32";
  return { expr: big, weak: count, integral: [], span };
};

/** `BigInt.asIntN(bits, b)` and `asUintN`: the bits below, sign-extended or not. */
const truncateBig =
  (type: "i64" | "u64"): Call =>
  (inference, [width, value], span, callee) => {
    const [bits, given] = [width as Typed, value as Typed];
    if (bits.expr.kind !== "const" || !Number.isInteger(bits.expr.value)) {
      throw new LambdaError("DC204", `${callee} needs a literal number of bits`, bits.span, `Write it out: ${callee}(64, value)`);
    }
    if (!isBigKind(kindOf(given))) throw new LambdaError("DC201", `${callee} takes a BigInt`, given.span, "Convert with BigInt(n)");
    const count = bits.expr.value as number;
    if (count < 0 || (type === "u64" ? count > 64 : false)) {
      throw new LambdaError("DC204", `${callee}(${String(count)}, …) is not a 64-bit value`, bits.span, "Use 0 to 64 bits");
    }
    const whole = isBigType(given.expr.type) && given.expr.kind === "const" ? constant(type, wrap(type, given.expr.value as bigint)) : convert(type, asOwn(inference, given));
    return { expr: narrow(type, whole, count), weak: false, integral: [], span };
  };

const asOwn = (inference: Inference, value: Typed): Expr => (value.weak ? asBig(value, "i64", inference.parameters) : value.expr);
const wrap = (type: "i64" | "u64", value: bigint): bigint => (type === "u64" ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value));

function narrow(type: "i64" | "u64", whole: Expr, count: number): Expr {
  if (count >= 64) return whole;
  if (count === 0) return constant(type, 0n);
  const shift = constant(type, BigInt(64 - count));
  return apply("shr", apply("shl", whole, shift), shift);
}

const CALLS: Record<Builtin, Call> = {
  "Math.abs": onNumbers("abs", "kept"),
  "Math.ceil": onNumbers("ceil", "always"),
  "Math.floor": onNumbers("floor", "always"),
  "Math.trunc": onNumbers("trunc", "always"),
  "Math.round": onNumbers("round", "always"),
  "Math.sign": onNumbers("sign", "always"),
  "Math.sqrt": onNumbers("sqrt", "never"),
  "Math.fround": (_, [value], span) => {
    const given = toNumber(value as Typed);
    return { expr: convert("f32", given.expr), weak: false, integral: given.integral, span };
  },
  "Math.min": extreme("min", Infinity),
  "Math.max": extreme("max", -Infinity),
  "Math.imul": (_, [a, b], span) => ({ expr: apply("mul", toInt32(a as Typed), toInt32(b as Typed)), weak: false, integral: [], span }),
  "Math.clz32": (_, [value], span) => ({ expr: apply("clz32", toInt32(value as Typed)), weak: false, integral: [], span }),
  "Math.exp": elementary("exp"),
  "Math.expm1": elementary("expm1"),
  "Math.log": elementary("log"),
  "Math.log1p": elementary("log1p"),
  "Math.log2": elementary("log2"),
  "Math.log10": elementary("log10"),
  "Math.sin": elementary("sin"),
  "Math.cos": elementary("cos"),
  "Math.tan": elementary("tan"),
  "Math.asin": elementary("asin"),
  "Math.acos": elementary("acos"),
  "Math.atan": elementary("atan"),
  "Math.atan2": elementary("atan2"),
  "Math.sinh": elementary("sinh"),
  "Math.cosh": elementary("cosh"),
  "Math.tanh": elementary("tanh"),
  "Math.asinh": elementary("asinh"),
  "Math.acosh": elementary("acosh"),
  "Math.atanh": elementary("atanh"),
  "Math.cbrt": elementary("cbrt"),
  "Math.hypot": hypotenuse,
  "Math.pow": (inference, [base, exponent], span) => power(inference, toNumber(base as Typed), toNumber(exponent as Typed), span),
  "Number.isNaN": predicate("isNaN", false),
  "Number.isFinite": predicate("isFinite", false),
  "Number.isInteger": predicate("isInteger", false),
  "Number.isSafeInteger": predicate("isSafeInteger", false),
  isNaN: predicate("isNaN", true),
  isFinite: predicate("isFinite", true),
  Number: (_, [value], span) => {
    const given = value as Typed;
    return isBigKind(kindOf(given)) ? { expr: convert("f64", given.expr), weak: false, integral: [], span } : { ...toNumber(given), span };
  },
  exponent: onBits("exponent", "f64"),
  exponentSingle: onBits("exponent", "f32"),
  significand: onBits("significand", "f64"),
  significandSingle: onBits("significand", "f32"),
  scale: onBits("scale", "f64"),
  scaleSingle: onBits("scale", "f32"),
  head: onBits("head", "f64"),
  copySign: onNumbers("copySign", "kept"),
  twoOverPi: onBits("twoOverPi", "f64"),
  Boolean: (_, [value], span) => ({ expr: truthOf(value as Typed), weak: false, integral: [], span }),
  BigInt: toBigInt,
  "BigInt.asIntN": truncateBig("i64"),
  "BigInt.asUintN": truncateBig("u64"),
};

export function inferCall(inference: Inference, callee: Builtin, args: readonly Typed[], span: Span): Typed {
  return CALLS[callee](inference, args, span, callee);
}
