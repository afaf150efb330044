/**
 * The operator table: the single source of truth about what operators exist, what they mean and how they are spelt.
 *
 * The interpreter evaluates rows; the emitters spell them; range analysis asks them; test arbitraries are generated from
 * them. What C spells differently from JavaScript is a helper of native/rt/scalar.h and simd.hpp with the name given here.
 */
import { RANGE, type RangeRule } from "./interval.js";
import { copySign, exponent, exponentSingle, head, scale, scaleSingle, significand, significandSingle, twoOverPi } from "./math/bits.js";
import { FUNCTIONS, type ElementaryName } from "./math/functions.js";
import type { ScalarType, ScalarValue } from "./types.js";

export type Spelling =
  | { readonly form: "infix"; readonly text: string }
  | { readonly form: "prefix"; readonly text: string }
  | { readonly form: "call"; readonly text: string }
  /** JavaScript has no operator for it: emitted kernels call the row's own `evaluate`, settled. */
  | { readonly form: "helper" };

/** One value for all operand types, or one per type with a rest. */
export type ByType<T> = T | (Partial<Record<ScalarType, T>> & { readonly otherwise: T });

export type Evaluate = (...args: never[]) => ScalarValue;

export interface Operator {
  /** The operand types the operator exists for. All operands have the same type. */
  readonly over: readonly ScalarType[];
  /** How many operands; `any` for two or more. */
  readonly arity: number | "any";
  /** The result's type: the operands' own, or a fixed one. */
  readonly gives: "same" | ScalarType;
  /** The operator on JavaScript values, before rounding or wrapping to the result's type (see `evaluate` in values.ts). */
  readonly evaluate: ByType<Evaluate>;
  /** JavaScript's spelling, before rounding or wrapping (see `settled`). */
  readonly js: ByType<Spelling>;
  /** The result is already a value of its type, so emitted JavaScript need not round or wrap it. */
  readonly settled: readonly ScalarType[];
  /** The C family's spelling, on scalars and on packs. */
  readonly c: ByType<Spelling>;
  readonly range: RangeRule;
  /** Operand types for which the operator can fail at run time (BigInt division by zero). */
  readonly fails: readonly ScalarType[];
  /** Whether the operator is a function of `fusion/math`, which `lower` puts in place for backends that have no functions. */
  readonly elementary: boolean;
  /** Where the operator is defined, if not everywhere. Only the functions of `fusion/math` use such operators. */
  readonly domain?: (...args: readonly number[]) => boolean;
}

const infix = (text: string): Spelling => ({ form: "infix", text });
const prefix = (text: string): Spelling => ({ form: "prefix", text });
const call = (text: string): Spelling => ({ form: "call", text });
const helper: Spelling = { form: "helper" };

const FLOATS = ["f64", "f32"] as const;
const BIGS = ["i64", "u64"] as const;
const NUMBERS = ["f64", "f32", "i32", "i64", "u64"] as const;
const BITS = ["bool", "i32", "i64", "u64"] as const;
const ORDERED = ["f64", "f32", "i32", "u32", "i64", "u64"] as const;
const EVERY = ["bool", ...ORDERED] as const;

const arithmetic = { over: NUMBERS, gives: "same", settled: ["f64"], elementary: false, fails: [] } as const;
const division = { over: ["f64", "f32", "i64", "u64"], arity: 2, gives: "same", settled: ["f64"], elementary: false, fails: BIGS } as const;
const comparison = { over: ORDERED, arity: 2, gives: "bool", settled: ["bool"], range: RANGE.boolean, elementary: false, fails: [] } as const;
const bitwise = { over: BITS, gives: "same", settled: ["bool", "i32", "i64"], elementary: false, fails: [] } as const;
const shift = { over: ["i32", "i64", "u64"], arity: 2, gives: "same", settled: ["i32"], elementary: false, fails: [] } as const;
/** Functions whose f32 result, computed in f64, is already an f32. */
const selecting = { gives: "same", settled: FLOATS, elementary: false, fails: [] } as const;
const predicate = { over: FLOATS, arity: 1, gives: "bool", settled: ["bool"], range: RANGE.boolean, elementary: false, fails: [] } as const;
const narrowing = { over: ["i32"], arity: 1, gives: "i32", js: helper, settled: ["i32"], elementary: false, fails: [] } as const;

/** Written in `fusion/math`, for f64 and for f32. Their JavaScript is emitted from there, and C gets them in place. */
const elementary = (name: ElementaryName, arity: number | "any", range: RangeRule = RANGE.any) =>
  ({ over: FLOATS, arity, gives: "same", evaluate: { f32: FUNCTIONS[name].f32, otherwise: FUNCTIONS[name].f64 }, js: helper, settled: ["f64"], c: helper, range, elementary: true, fails: [] }) as const;

/** The bits of floats, as `fusion/math` needs them. */
const bits = { over: FLOATS, gives: "same", js: helper, settled: FLOATS, range: RANGE.any, elementary: false, fails: [] } as const;
const isNumber = (x: number): boolean => !Number.isNaN(x);

const clampToByte = (value: number): number => {
  if (!(value > 0)) return 0;
  if (value >= 255) return 255;
  const below = Math.floor(value);
  const fraction = value - below;
  return fraction > 0.5 || (fraction === 0.5 && below % 2 === 1) ? below + 1 : below;
};

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** BigInt shifts by any count: JavaScript gives the mathematical result, which for a far shift needs no huge BigInt. */
const shiftLeft = (a: bigint, count: bigint): bigint => (count < 0n ? shiftRight(a, -count) : count >= 64n ? 0n : a << count);
const shiftRight = (a: bigint, count: bigint): bigint => {
  if (count < 0n) return shiftLeft(a, -count);
  return count >= 64n ? (a < 0n ? -1n : 0n) : a >> count;
};

export const OPS = {
  add: { ...arithmetic, arity: 2, evaluate: (a: number, b: number) => a + b, js: infix("+"), c: infix("+"), range: RANGE.add },
  sub: { ...arithmetic, arity: 2, evaluate: (a: number, b: number) => a - b, js: infix("-"), c: infix("-"), range: RANGE.sub },
  mul: {
    ...arithmetic,
    arity: 2,
    evaluate: { i32: Math.imul, otherwise: (a: number, b: number) => a * b },
    js: { i32: call("Math.imul"), otherwise: infix("*") },
    c: infix("*"),
    range: RANGE.mul,
  },
  div: { ...division, evaluate: (a: number, b: number) => a / b, js: infix("/"), c: { i64: call("rt_div"), u64: call("rt_div"), otherwise: infix("/") }, range: RANGE.div },
  rem: { ...division, evaluate: (a: number, b: number) => a % b, js: infix("%"), c: call("rt_rem"), range: RANGE.rem },
  neg: { ...arithmetic, arity: 1, evaluate: (a: number) => -a, js: prefix("-"), c: prefix("-"), range: RANGE.neg },

  abs: { ...selecting, over: ["f64", "f32", "i32"], arity: 1, evaluate: Math.abs, js: call("Math.abs"), c: call("rt_abs"), range: RANGE.abs },
  floor: { ...selecting, over: FLOATS, arity: 1, evaluate: Math.floor, js: call("Math.floor"), c: call("rt_floor"), range: RANGE.floor },
  ceil: { ...selecting, over: FLOATS, arity: 1, evaluate: Math.ceil, js: call("Math.ceil"), c: call("rt_ceil"), range: RANGE.ceil },
  trunc: { ...selecting, over: FLOATS, arity: 1, evaluate: Math.trunc, js: call("Math.trunc"), c: call("rt_trunc"), range: RANGE.trunc },
  round: { ...selecting, over: FLOATS, arity: 1, evaluate: Math.round, js: call("Math.round"), c: call("rt_round"), range: RANGE.round },
  sign: { ...selecting, over: FLOATS, arity: 1, evaluate: Math.sign, js: call("Math.sign"), c: call("rt_sign"), range: RANGE.sign },
  sqrt: { ...selecting, over: FLOATS, arity: 1, evaluate: Math.sqrt, js: call("Math.sqrt"), settled: ["f64"], c: call("rt_sqrt"), range: RANGE.sqrt },
  min: {
    ...selecting,
    over: NUMBERS,
    arity: 2,
    evaluate: { i64: lesser, u64: lesser, otherwise: (a: number, b: number) => Math.min(a, b) },
    js: { i64: helper, u64: helper, otherwise: call("Math.min") },
    settled: NUMBERS,
    c: call("rt_min"),
    range: RANGE.min,
  },
  max: {
    ...selecting,
    over: NUMBERS,
    arity: 2,
    evaluate: { i64: greater, u64: greater, otherwise: (a: number, b: number) => Math.max(a, b) },
    js: { i64: helper, u64: helper, otherwise: call("Math.max") },
    settled: NUMBERS,
    c: call("rt_max"),
    range: RANGE.max,
  },

  lt: { ...comparison, evaluate: (a: number, b: number) => a < b, js: infix("<"), c: infix("<") },
  le: { ...comparison, evaluate: (a: number, b: number) => a <= b, js: infix("<="), c: infix("<=") },
  gt: { ...comparison, evaluate: (a: number, b: number) => a > b, js: infix(">"), c: infix(">") },
  ge: { ...comparison, evaluate: (a: number, b: number) => a >= b, js: infix(">="), c: infix(">=") },
  eq: { ...comparison, evaluate: (a: number, b: number) => a === b, js: infix("==="), c: infix("==") },
  ne: { ...comparison, evaluate: (a: number, b: number) => a !== b, js: infix("!=="), c: infix("!=") },

  and: { ...bitwise, arity: 2, evaluate: { bool: (a: boolean, b: boolean) => a && b, otherwise: (a: number, b: number) => a & b }, js: { bool: infix("&&"), otherwise: infix("&") }, c: infix("&"), range: RANGE.and },
  or: { ...bitwise, arity: 2, evaluate: { bool: (a: boolean, b: boolean) => a || b, otherwise: (a: number, b: number) => a | b }, js: { bool: infix("||"), otherwise: infix("|") }, c: infix("|"), range: RANGE.i32 },
  xor: { ...bitwise, arity: 2, evaluate: { bool: (a: boolean, b: boolean) => a !== b, otherwise: (a: number, b: number) => a ^ b }, js: { bool: infix("!=="), otherwise: infix("^") }, c: infix("^"), range: RANGE.i32 },
  not: { ...bitwise, arity: 1, evaluate: { bool: (a: boolean) => !a, otherwise: (a: number) => ~a }, js: { bool: prefix("!"), otherwise: prefix("~") }, c: { bool: prefix("!"), otherwise: prefix("~") }, range: RANGE.i32 },
  shl: { ...shift, evaluate: { i32: (a: number, b: number) => a << b, otherwise: shiftLeft }, js: { i32: infix("<<"), otherwise: helper }, c: call("rt_shl"), range: RANGE.i32 },
  shr: { ...shift, evaluate: { i32: (a: number, b: number) => a >> b, otherwise: shiftRight }, js: { i32: infix(">>"), otherwise: helper }, c: call("rt_shr"), range: RANGE.shr },
  ushr: { ...shift, over: ["i32"], gives: "u32", settled: ["u32"], evaluate: (a: number, b: number) => a >>> b, js: infix(">>>"), c: call("rt_ushr"), range: RANGE.ushr },
  clz32: { over: ["i32"], arity: 1, gives: "i32", evaluate: Math.clz32, js: call("Math.clz32"), settled: ["i32"], c: call("rt_clz32"), range: RANGE.bits, elementary: false, fails: [] },

  isNaN: { ...predicate, evaluate: Number.isNaN, js: call("Number.isNaN"), c: call("rt_is_nan") },
  isFinite: { ...predicate, evaluate: Number.isFinite, js: call("Number.isFinite"), c: call("rt_is_finite") },
  isInteger: { ...predicate, evaluate: Number.isInteger, js: call("Number.isInteger"), c: call("rt_is_integer") },
  isSafeInteger: { ...predicate, evaluate: Number.isSafeInteger, js: call("Number.isSafeInteger"), c: call("rt_is_safe_integer") },

  wrapI8: { ...narrowing, evaluate: (a: number) => (a << 24) >> 24, c: call("rt_wrap_i8"), range: RANGE.i8 },
  wrapU8: { ...narrowing, evaluate: (a: number) => a & 255, c: call("rt_wrap_u8"), range: RANGE.u8 },
  wrapI16: { ...narrowing, evaluate: (a: number) => (a << 16) >> 16, c: call("rt_wrap_i16"), range: RANGE.i16 },
  wrapU16: { ...narrowing, evaluate: (a: number) => a & 65535, c: call("rt_wrap_u16"), range: RANGE.u16 },
  /** What a Uint8ClampedArray stores: rounded to the nearest byte, halves to even, NaN to 0. */
  clampU8: { over: FLOATS, arity: 1, gives: "i32", evaluate: clampToByte, js: helper, settled: ["i32"], c: call("rt_clamp_u8"), range: RANGE.u8, elementary: false, fails: [] },

  /**
   * One scalar type to another, as JavaScript converts: to `i32`/`u32` modulo 2^32 (ToInt32), to `i64`/`u64` from each other
   * modulo 2^64, from a float by `BigInt()` (fails unless integral), to a float by rounding to nearest even (to `f32` by way of
   * `f64`), to `bool` by truth. Spelt by the emitters; C calls `rt_to_<type>`.
   */
  convert: { over: EVERY, arity: 1, gives: "same", evaluate: (a: number) => a, js: helper, settled: [], c: helper, range: RANGE.any, elementary: false, fails: [] },

  exponent: { ...bits, arity: 1, evaluate: { f32: exponentSingle, otherwise: exponent }, c: call("rt_exponent") },
  significand: { ...bits, arity: 1, evaluate: { f32: significandSingle, otherwise: significand }, c: call("rt_significand"), domain: isNumber },
  scale: {
    ...bits,
    arity: 2,
    evaluate: { f32: scaleSingle, otherwise: scale },
    c: call("rt_scale"),
    domain: (x, n) => Math.abs(n) <= 252 && Number.isInteger(n) && (!Number.isFinite(x) || x === 0 || (Math.abs(x) >= 2 ** -8 && Math.abs(x) <= 2 ** 8)),
  },
  head: { ...bits, over: ["f64"], arity: 1, evaluate: head, c: call("rt_head"), domain: isNumber },
  copySign: { ...bits, arity: 2, evaluate: copySign, c: call("rt_copysign"), domain: (_, sign) => isNumber(sign) },
  twoOverPi: { ...bits, over: ["f64"], arity: 1, evaluate: twoOverPi, c: call("rt_two_over_pi"), domain: Number.isInteger },

  exp: elementary("exp", 1),
  exp2: elementary("exp2", 1),
  expm1: elementary("expm1", 1),
  log: elementary("log", 1),
  log1p: elementary("log1p", 1),
  log2: elementary("log2", 1),
  log10: elementary("log10", 1),
  sin: elementary("sin", 1, RANGE.unit),
  cos: elementary("cos", 1, RANGE.unit),
  tan: elementary("tan", 1),
  asin: elementary("asin", 1),
  acos: elementary("acos", 1),
  atan: elementary("atan", 1),
  sinh: elementary("sinh", 1),
  cosh: elementary("cosh", 1),
  tanh: elementary("tanh", 1, RANGE.unit),
  asinh: elementary("asinh", 1),
  acosh: elementary("acosh", 1),
  atanh: elementary("atanh", 1),
  cbrt: elementary("cbrt", 1),
  atan2: elementary("atan2", 2),
  hypot: elementary("hypot", "any"),
  pow: elementary("pow", 2),
} as const satisfies Record<string, Operator>;

export type OpName = keyof typeof OPS;

export const OP_NAMES = Object.keys(OPS) as readonly OpName[];

export const operator = (name: OpName): Operator => OPS[name];

/** How many operands to try an operator with: two where any number will do. */
export const usualArity = (name: OpName): number => {
  const { arity } = operator(name);
  return arity === "any" ? 2 : arity;
};

/** Whether an operator is defined for these operands. */
export const isDefined = (name: OpName, args: readonly ScalarValue[]): boolean => operator(name).domain?.(...(args as readonly number[])) ?? true;

export function forType<T extends object>(cell: ByType<T>, type: ScalarType): T {
  return "otherwise" in cell ? (cell[type] ?? cell.otherwise) : cell;
}
