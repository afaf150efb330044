/**
 * Values during type inference: JavaScript's one number type told apart into what kernels compute in.
 *
 * The rule (contract, numbers 2): an operation on f32 operands, literals and captured numbers alone rounds its exact result to
 * f32; with any other number it is f64. Literals, captured numbers and what is made only of them are *weak*: f64 values that
 * take part in f32 operations. Where a weak operand is exactly an f32 the operation itself can run in f32; otherwise it
 * runs in f64 and its result is rounded.
 */
import { apply, constant, convert, select } from "../build.js";
import { LambdaError, withArticle } from "../errors.js";
import type { Expr } from "../ir.js";
import { operator, type OpName } from "../ops.js";
import type { Span } from "../parse/surface.js";
import { ELEMENTS, isBigType, type ColumnType, type ScalarType } from "../types.js";
import type { Parameters } from "./parameters.js";

/** Never a fraction if these captured numbers are integers; false: may be a fraction. */
export type Integral = false | readonly string[];

export interface Typed {
  /** Numbers are f64, f32, or i32/u32 where an operator or an element gives such; the latter count as f64. */
  readonly expr: Expr;
  readonly weak: boolean;
  readonly integral: Integral;
  /** A BigInt constant that operations on literals gave: as their result it wraps at 64 bits, where a literal must fit. */
  readonly computed?: boolean;
  /** A number here and a boolean there (`flag && x`): stored as a number, which is the same to all but `===` and its like. */
  readonly mixed?: boolean;
  /** `expr` is the code of a string. */
  readonly string?: boolean;
  /** It may be null. */
  readonly missing?: Missing | undefined;
  /** Never read: it takes the type of whatever stands beside it. */
  readonly pad?: boolean;
  readonly span: Span;
}

export interface Missing {
  /** Whether there is a value. Where there is none, `expr` gives any. */
  readonly present: Expr;
  /** The column that it comes from. */
  readonly column: string | null;
}

/** The kinds of value a variable can hold; `weak` and `bigint` are literals and captures that suit any number or BigInt type. */
export type Kind = "weak" | "f32" | "f64" | "bool" | "bigint" | "i64" | "u64" | "string";

export function kindOf({ expr, weak, string }: Typed): Kind {
  if (string === true) return "string";
  if (expr.type === "bool") return "bool";
  if (isBigType(expr.type)) return weak ? "bigint" : expr.type;
  return weak ? "weak" : expr.type === "f32" ? "f32" : "f64";
}

export const isNumberKind = (kind: Kind): boolean => kind === "weak" || kind === "f32" || kind === "f64";
export const isBigKind = (kind: Kind): boolean => kind === "bigint" || kind === "i64" || kind === "u64";

const NUMBER_KINDS: readonly Kind[] = ["weak", "f32", "f64"];

/** The kind that holds values of both; null if there is none. */
export function joinKinds(a: Kind, b: Kind): Kind | null {
  if (a === b) return a;
  if (isNumberKind(a) && isNumberKind(b)) return NUMBER_KINDS[Math.max(NUMBER_KINDS.indexOf(a), NUMBER_KINDS.indexOf(b))] ?? null;
  if (a === "bigint" && isBigKind(b)) return b;
  if (b === "bigint" && isBigKind(a)) return a;
  // `flag && x` is 0 where flag is false: a boolean beside a number is a number.
  if (a === "bool" && isNumberKind(b)) return b;
  if (b === "bool" && isNumberKind(a)) return a;
  return null;
}

/** How a kind is stored: weak values as f64, BigInts of no particular kind as i64, strings as their codes. */
export const storageOf = (kind: Kind): ScalarType => (kind === "weak" ? "f64" : kind === "bigint" ? "i64" : kind === "string" ? "u32" : kind);

export const describeKind = (kind: Kind): string =>
  isNumberKind(kind) ? "a number" : kind === "bool" ? "a boolean" : kind === "string" ? "a string" : kind === "u64" ? "an unsigned BigInt" : "a BigInt";

export const bothIntegral = (...all: readonly Integral[]): Integral =>
  all.includes(false) ? false : [...new Set((all as readonly (readonly string[])[]).flat())];

/** Whether joining the two makes a number of booleans. */
export const mixes = (a: Pick<Typed, "mixed" | "pad">, b: Pick<Typed, "mixed" | "pad">, x: Kind, y: Kind): boolean =>
  a.mixed === true || b.mixed === true || (a.pad !== true && b.pad !== true && (x === "bool") !== (y === "bool"));

/** What tells booleans from numbers would find only numbers. */
export const toldApart = (what: string, span: Span): LambdaError =>
  new LambdaError("DC204", `this is a number in some cases and a boolean in others, which ${what} tells apart`, span, "Give a number in all cases: flag ? x : 0 instead of flag && x");

export const mixed = (span: Span): LambdaError =>
  new LambdaError("DC201", "a number and a BigInt are mixed", span, "JavaScript refuses this too: convert with BigInt(n) or Number(b), or write the literal as 1n");

/** What is said of strings wherever they are more than compared and handed on. */
export const stringRefused = (what: string, span: Span, remedy = 'Strings are compared, searched and cut, r.carrier.startsWith("A"), and handed on: compute the rest of them beforehand'): LambdaError =>
  new LambdaError("DC209", what, span, remedy);

/** ToNumber: booleans become weak 0 or 1; BigInts are refused, as JavaScript does. */
export function toNumber(value: Typed): Typed {
  if (value.string === true) throw stringRefused("a string is used as a number", value.span);
  if (value.expr.type === "bool") return { ...value, expr: convert("f64", value.expr), weak: true, integral: [] };
  if (isBigType(value.expr.type)) throw mixed(value.span);
  return value.mixed === true ? { ...value, mixed: false } : value;
}

/** A weak value as an f32 of exactly the same value; null if it may not be one. */
export function exactSingle(expr: Expr, parameters: Parameters): Expr | null {
  if (expr.type === "f32") return expr;
  switch (expr.kind) {
    case "const":
      return Object.is(Math.fround(expr.value as number), expr.value) ? constant("f32", expr.value) : null;
    case "capture": {
      const twin = parameters.exactTwin(expr.name, "f32");
      return twin === null ? null : { kind: "capture", type: "f32", name: twin };
    }
    case "select": {
      const yes = exactSingle(expr.yes, parameters);
      const no = exactSingle(expr.no, parameters);
      return yes && no ? select(expr.test, yes, no) : null;
    }
    case "apply": {
      if (expr.op === "convert") return expr.args[0]?.type === "bool" ? convert("f32", expr.args[0]) : null;
      if (!["neg", "abs", "min", "max", "floor", "ceil", "trunc", "round", "sign"].includes(expr.op)) return null;
      const args = expr.args.map(arg => exactSingle(arg, parameters));
      return args.every(arg => arg !== null) ? apply(expr.op, ...args) : null;
    }
    default:
      return null;
  }
}

/** The value as a given kind it may be stored in. Rounds to f32 where the kind says so. */
export function coerce(value: Typed, kind: Kind, parameters: Parameters): Expr {
  switch (kind) {
    case "bool":
    case "string":
      return value.expr;
    case "i64":
    case "u64":
    case "bigint":
      return asBig(value, kind === "u64" ? "u64" : "i64", parameters);
    case "f32":
      return exactSingle(value.expr, parameters) ?? convert("f32", convert("f64", value.expr));
    case "f64":
    case "weak":
      return convert("f64", value.expr);
    default:
      return kind satisfies never;
  }
}

/** A BigInt value as an i64 or u64. Only literals and captures change type; they must fit. */
export function asBig(value: Typed, type: "i64" | "u64", parameters: Parameters): Expr {
  const { expr, span } = value;
  if (value.weak && expr.kind === "const") {
    const literal = expr.value as bigint;
    const wrapped = type === "u64" ? BigInt.asUintN(64, literal) : BigInt.asIntN(64, literal);
    if (wrapped === literal || value.computed === true) return constant(type, wrapped);
    const [range, wrap] = type === "u64" ? ["0n to 2n ** 64n - 1n", "BigInt.asUintN"] : ["-(2n ** 63n) to 2n ** 63n - 1n", "BigInt.asIntN"];
    throw new LambdaError("DC207", `${String(literal)}n does not fit the element type`, span, `Values here are 64-bit, ${range}: to wrap it, write ${wrap}(64, ${String(literal)}n)`);
  }
  if (expr.type === type) return expr;
  if (value.weak && expr.kind === "capture") {
    const twin = parameters.exactTwin(expr.name, type);
    if (twin !== null) return { kind: "capture", type, name: twin };
  }
  if (value.weak) return convert(type, expr);
  throw new LambdaError(
    "DC203",
    "a signed and an unsigned 64-bit value are mixed",
    span,
    "Say which one is meant: BigInt.asIntN(64, value) or BigInt.asUintN(64, value)",
  );
}

/** Two BigInt operands brought to one type; two weak ones stay weak, and two constants what they are. */
export function unifyBig(a: Typed, b: Typed, parameters: Parameters): { readonly args: readonly [Expr, Expr]; readonly weak: boolean } {
  if (a.weak && b.weak && a.expr.kind === "const" && b.expr.kind === "const") return { args: [a.expr, b.expr], weak: true };
  const type = a.weak ? (b.weak ? parameters.big : b.expr.type) : a.expr.type;
  const to = type === "u64" ? "u64" : "i64";
  return { args: [asBig(a, to, parameters), asBig(b, to, parameters)], weak: a.weak && b.weak };
}

/**
 * An operation on numbers, by the f32 rule above. With `picks`, the operation only chooses among its operands (min, max), so
 * rounding the operands first gives the same as rounding the result.
 */
export function numeric(
  op: Exclude<OpName, "convert">,
  operands: readonly Typed[],
  span: Span,
  integral: Integral,
  parameters: Parameters,
  picks = false,
): Typed {
  const args = operands.map(toNumber);
  const fold = (exprs: readonly Expr[]): Expr => (exprs.length > 2 && operator(op).arity === 2 ? exprs.slice(1).reduce((a, b) => apply(op, a, b), exprs[0] as Expr) : apply(op, ...exprs));
  const kinds = args.map(kindOf);
  const doubles = () => fold(args.map(arg => convert("f64", arg.expr)));
  if (kinds.includes("f64")) return { expr: doubles(), weak: false, integral, span };
  if (!kinds.includes("f32")) return { expr: doubles(), weak: true, integral, span };
  const singles = args.map(arg => (picks ? coerce(arg, "f32", parameters) : exactSingle(arg.expr, parameters)));
  const expr = singles.every(arg => arg !== null) ? fold(singles) : convert("f32", doubles());
  return { expr, weak: false, integral, span };
}

/** A comparison of numbers, exactly: in f32 only where all operands are exactly f32. */
export function compareNumbers(op: "lt" | "le" | "gt" | "ge" | "eq" | "ne", a: Typed, b: Typed, span: Span, parameters: Parameters): Typed {
  const args = [toNumber(a), toNumber(b)];
  const single = args.some(arg => arg.expr.type === "f32") && args.every(arg => arg.weak || arg.expr.type === "f32");
  const singles = single ? args.map(arg => exactSingle(arg.expr, parameters)) : [null];
  const exprs = singles.every(arg => arg !== null) ? singles : args.map(arg => convert("f64", arg.expr));
  return { expr: apply(op, ...exprs), weak: false, integral: [], span };
}

/** JavaScript's truth of a value. */
export function truthOf(value: Typed): Expr {
  if (value.string === true) throw stringRefused("a string is used as a truth value", value.span, 'Compare it with the empty string: r.carrier !== ""');
  return convert("bool", value.expr);
}

/** A loaded element, as a lambda sees it. */
export function elementValue(expr: Expr, element: ColumnType | "range", span: Span): Typed {
  if (element === "string") return { expr, weak: false, integral: [], string: true, span };
  const integer = element === "range" || ELEMENTS[element].integer;
  return { expr, weak: false, integral: integer ? [] : false, span };
}

/** A result as an element of an array: checked, and converted as a typed array's own store converts, but not yet wrapped to 8 or 16 bits. */
export function toElement(value: Typed, element: ColumnType, stage: string, parameters: Parameters, otherwise = "name the array to make: .map(f, Float64Array)"): Expr {
  const kind = kindOf(value);
  if (element === "string") {
    if (kind === "string") return value.expr;
    throw new LambdaError("DC206", `${stage} gives ${describeKind(kind)}, but its sequence holds strings`, value.span, "Give a string, or name the array to make: .map(f, Float64Array)");
  }
  const { array, integer } = ELEMENTS[element];
  if (kind === "string") throw new LambdaError("DC206", `${stage} gives a string, but ${withArticle(array)} holds numbers`, value.span, "Give a number, or leave out what to store it as");
  if (element === "i64" || element === "u64") {
    if (kind === "bool") return convert(element, value.expr);
    if (isNumberKind(kind)) {
      throw new LambdaError("DC206", `${stage} gives a number, but ${withArticle(array)} holds BigInts`, value.span, `Give a BigInt, or ${otherwise}`);
    }
    return asBig(value, element, parameters);
  }
  if (isBigKind(kind)) {
    throw new LambdaError("DC206", `${stage} gives a BigInt, but ${withArticle(array)} holds numbers`, value.span, `Convert with Number(value), or ${otherwise.replace("Float64", "BigInt64")}`);
  }
  if (element === "f64" || element === "f32") return kind === "bool" ? convert(element, value.expr) : coerce(value, element, parameters);
  if (element === "u8c") return value.expr.type === "bool" ? convert("i32", value.expr) : apply("clampU8", convert("f64", value.expr));
  if (integer && value.integral === false) {
    throw new LambdaError(
      "DC202",
      `the result may be a fraction, but ${withArticle(array)} holds integers (JavaScript would cut the fraction off silently)`,
      value.span,
      `Round it with Math.trunc, Math.floor or Math.round, or ${otherwise}`,
    );
  }
  return convert(element === "u32" ? "u32" : "i32", value.expr);
}

/** What reading back an element of this type gives, where `toElement` leaves more bits than the element holds. */
export function wrapElement(expr: Expr, element: ColumnType): Expr {
  switch (element) {
    case "i8":
      return apply("wrapI8", expr);
    case "u8":
      return apply("wrapU8", expr);
    case "i16":
      return apply("wrapI16", expr);
    case "u16":
      return apply("wrapU16", expr);
    case "u8c":
    case "i32":
    case "u32":
    case "i64":
    case "u64":
    case "f32":
    case "f64":
    case "string":
      return expr;
    default:
      return element satisfies never;
  }
}

/** What an array must hold to keep such values as they are. */
export function naturalElement({ expr, weak, string }: Typed): ColumnType {
  if (string === true) return "string";
  if (expr.type === "bool") return "u8";
  return weak && !isBigType(expr.type) ? "f64" : expr.type;
}
