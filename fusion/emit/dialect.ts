/**
 * The C family: what the dialects share (names, literals, precedence) and the small record in which they differ.
 *
 * A new dialect is a new record. What an operator is called comes from the `c` column of the operator table; that every
 * dialect gives `rt_…` helpers the same meaning is the business of its run-time header.
 */
import { CompilerBug } from "../errors.js";
import type { Expr } from "../ir.js";
import type { ElementType, ScalarType, ScalarValue } from "../types.js";
import type { Saturating } from "./saturate.js";

/** Text with the precedence of its outermost operator, so that whoever places it knows whether it needs parentheses. */
export interface Printed {
  readonly text: string;
  readonly precedence: number;
}

/** C's precedences, of what is printed here. */
export const PRECEDENCE = { ternary: 3, unary: 15, postfix: 16, primary: 17 } as const;

export const INFIX_PRECEDENCE: Readonly<Record<string, number>> = {
  "||": 4,
  "&&": 5,
  "|": 6,
  "^": 7,
  "&": 8,
  "==": 9,
  "!=": 9,
  "<": 10,
  "<=": 10,
  ">": 10,
  ">=": 10,
  "+": 12,
  "-": 12,
  "*": 13,
  "/": 13,
};

export const primary = (text: string): Printed => ({ text, precedence: PRECEDENCE.primary });
export const callOf = (name: string, args: readonly string[]): Printed => primary(`${name}(${args.join(", ")})`);

export interface Dialect {
  readonly name: string;
  /** The words that locals and captures may not be called, beyond the C family's own. */
  readonly reserved: ReadonlySet<string>;
  /** The source element, its place, and the length of a captured array. */
  readonly element: Printed;
  readonly index: Printed;
  readonly length: (array: string) => Printed;
  /** The element's place along the second axis of a space (1), or the third (2). */
  readonly axis: (axis: 1 | 2) => Printed;
  /** The element of an array at the source element's own place, or so many further on. */
  readonly column: (array: string, offset: number) => Printed;
  /** Whether an expression is one scalar and not lanes of them: C's own `&&`, `||` and `!=` join such truth values. */
  readonly isScalar: (expr: Expr) => boolean;
  /** How a choice between two values is spelt: `test ? yes : no`, or a function that chooses lane by lane. */
  readonly select: "ternary" | { readonly call: string; /** The type of two plain numbers to choose from, where C's own is another. */ readonly plain?: string };
  /** Integers of lanes are compared with one number for all by functions of the operators' names: see thresholds.ts. */
  readonly thresholds?: true;
  /** Sums and differences that lanes keep within what they hold, by functions for that: see saturate.ts. Null for other expressions. */
  readonly saturating?: ((expr: Expr) => Saturating | null) | undefined;
  /** Signed integers do not wrap by C's own operators, whose overflow has no meaning: helpers of scalar.h do it. */
  readonly wrapsByHelpers?: true;
  /** Names that are macros of the compiler's own headers: locals and captures may not be called so either. */
  readonly macros?: RegExp;
  /** The type of a local. */
  readonly types: Readonly<Record<ScalarType, string>>;
}

/** What the C family calls array elements, and scalars outside of lanes. */
export const C_ELEMENTS = {
  i8: "signed char",
  u8: "unsigned char",
  u8c: "unsigned char",
  i16: "short",
  u16: "unsigned short",
  i32: "int",
  u32: "unsigned",
  i64: "long long",
  u64: "unsigned long long",
  f32: "float",
  f64: "double",
} as const satisfies Record<ElementType, string>;

export const cScalar = (type: ScalarType): string => (type === "bool" ? "bool" : C_ELEMENTS[type]);

const KEYWORDS = new Set(
  (
    "alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break case catch char char8_t char16_t " +
    "char32_t class compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do " +
    "double dynamic_cast else enum explicit export extern false float for friend goto half if inline int kernel long mutable namespace new noexcept " +
    "not not_eq nullptr operator or or_eq private protected public reflexpr register reinterpret_cast requires restrict return short signed sizeof " +
    "static static_assert static_cast struct switch synchronized template this thread_local throw true try typedef typeid typename typeof uchar uint " +
    "ulong union unsigned ushort using virtual void volatile wchar_t while xor xor_eq main final override import module linux unix errno NULL NAN INFINITY"
  ).split(" "),
);

/** A kernel's name for something, as the dialect may call it: keywords and the run time's own names get an underscore. */
export function nameIn(dialect: Dialect, name: string): string {
  const taken = KEYWORDS.has(name) || dialect.reserved.has(name) || dialect.macros?.test(name) === true || /^(rt_|RT_|__|_[A-Z])/.test(name) || name.endsWith("_");
  return taken ? `${name.replace(/^_+/, "u_")}_` : name;
}

/** A constant. Floats are the shortest decimals that give exactly the value. */
export function literal(type: ScalarType, value: ScalarValue): Printed {
  switch (type) {
    case "bool":
      return primary(value === true ? "true" : "false");
    case "f64":
      return floatLiteral(value as number, shortestDouble, "RT_NAN", "RT_INFINITY");
    case "f32":
      return floatLiteral(value as number, shortestSingle, "(float)RT_NAN", "(float)RT_INFINITY");
    case "i32":
      return value === -(2 ** 31) ? primary("(-2147483647 - 1)") : signed(String(value));
    case "u32":
      return primary(`${String(value)}u`);
    case "i64":
      return value === -(2n ** 63n) ? primary("(-9223372036854775807ll - 1)") : signed(`${String(value)}ll`);
    case "u64":
      return primary(`${String(value)}ull`);
    default:
      return type satisfies never;
  }
}

const signed = (text: string): Printed => ({ text, precedence: text.startsWith("-") ? PRECEDENCE.unary : PRECEDENCE.primary });

function floatLiteral(value: number, shortest: (value: number) => string, nan: string, infinity: string): Printed {
  if (Number.isNaN(value)) return { text: nan, precedence: PRECEDENCE.unary };
  if (value === Infinity) return { text: infinity, precedence: PRECEDENCE.unary };
  if (value === -Infinity) return { text: `-${infinity}`, precedence: PRECEDENCE.unary };
  return signed(Object.is(value, -0) ? `-${shortest(0)}` : shortest(value));
}

/** A decimal that reads as a float in C: with a point or an exponent. */
const withPoint = (digits: string): string => (/[.e]/.test(digits) ? digits : `${digits}.0`);

const shortestDouble = (value: number): string => withPoint(String(value));

function shortestSingle(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    // C rounds the decimal itself, not the double nearest to it: keep away from the middle between two floats.
    const safe = [decimal, decimal * (1 + 2 ** -50), decimal * (1 - 2 ** -50)].every(near => Math.fround(near) === value);
    if (safe) return `${withPoint(String(decimal))}f`;
  }
  throw new CompilerBug(`${value} is no f32`);
}
