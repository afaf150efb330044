/**
 * Rewrite rules, as data. Every rule gives the same bits for every value of its variables, NaN, -0 and infinities included;
 * the tests prove each one alone. What is missing is missing for a reason: x + 0 is not x (-0 + 0 is +0), x * 0 is not 0
 * (NaN, -0), x === x is not true (NaN), !(a < b) is not b <= a (NaN).
 */
import { apply, constant, convert, select, truth } from "../build.js";
import type { Expr, ExprOf } from "../ir.js";
import type { OpName } from "../ops.js";
import type { ScalarType } from "../types.js";

export type Pattern =
  /** Any expression; the same name stands for the same expression. */
  | { readonly kind: "any"; readonly name: string; readonly type?: ScalarType; readonly constant?: true }
  /** A constant of this value, in whatever type. */
  | { readonly kind: "value"; readonly value: number | boolean }
  | { readonly kind: "apply"; readonly op: OpName; readonly args: readonly Pattern[]; readonly type?: ScalarType }
  | { readonly kind: "select"; readonly test: Pattern; readonly yes: Pattern; readonly no: Pattern };

export type Bindings = Readonly<Record<string, Expr>>;

export interface Rule {
  readonly from: Pattern;
  /** The types of the pattern's first operand for which the rule holds. */
  readonly over: readonly ScalarType[];
  /** What to write instead; null where this match is no case for the rule. */
  readonly to: (bindings: Bindings, whole: Expr) => Expr | null;
}

const any = (name: string, type?: ScalarType): Pattern => (type === undefined ? { kind: "any", name } : { kind: "any", name, type });
const literal = (name: string): Pattern => ({ kind: "any", name, constant: true });
const value = (value: number | boolean): Pattern => ({ kind: "value", value });
const op = (name: OpName, ...args: readonly Pattern[]): Pattern => ({ kind: "apply", op: name, args });
const to = (type: ScalarType, arg: Pattern): Pattern => ({ kind: "apply", op: "convert", args: [arg], type });

const a = any("a");
const b = any("b");
const c = any("c");

const FLOATS: readonly ScalarType[] = ["f64", "f32"];
const WHOLE: readonly ScalarType[] = ["i32", "i64", "u64"];
const NUMBERS: readonly ScalarType[] = [...FLOATS, ...WHOLE];
const ORDERED_WHOLE: readonly ScalarType[] = ["i32", "u32", "i64", "u64"];
const BOOL: readonly ScalarType[] = ["bool"];

const itself = ({ a: kept }: Bindings): Expr => kept as Expr;
const get = (bindings: Bindings, name: string): Expr => bindings[name] as Expr;
const again = (name: Exclude<OpName, "convert">) => ({ a: x, b: y }: Bindings): Expr => apply(name, x as Expr, y as Expr);
const zeroOf = (whole: Expr): Expr => constant(whole.type, whole.type === "i32" || whole.type === "u32" ? 0 : 0n);

const ROUNDING = ["floor", "ceil", "trunc", "round"] as const;
const COMPARISONS = ["lt", "le", "gt", "ge", "eq", "ne"] as const;
const NEGATED = { lt: "ge", le: "gt", gt: "le", ge: "lt", eq: "ne", ne: "eq" } as const;
const NARROW = ["i32", "u32", "f32"] as const;

export const RULES: readonly Rule[] = [
  // Identities.
  { from: op("mul", a, value(1)), over: NUMBERS, to: itself },
  { from: op("mul", value(1), a), over: NUMBERS, to: itself },
  { from: op("sub", a, value(0)), over: NUMBERS, to: itself },
  { from: op("add", a, value(-0)), over: FLOATS, to: itself },
  { from: op("add", value(-0), a), over: FLOATS, to: itself },
  { from: op("add", a, value(0)), over: WHOLE, to: itself },
  { from: op("add", value(0), a), over: WHOLE, to: itself },
  { from: op("div", a, value(1)), over: FLOATS, to: itself },
  { from: op("mul", a, value(0)), over: WHOLE, to: (_, whole) => zeroOf(whole) },
  { from: op("mul", a, value(-1)), over: FLOATS, to: bindings => apply("neg", itself(bindings)) },
  { from: op("neg", op("neg", a)), over: NUMBERS, to: itself },
  { from: op("add", a, op("neg", b)), over: NUMBERS, to: again("sub") },
  { from: op("sub", a, op("neg", b)), over: NUMBERS, to: again("add") },
  { from: op("div", a, literal("c")), over: FLOATS, to: ({ a: x, c: divisor }) => reciprocal(x as Expr, divisor as ExprOf<"const">) },

  // Bits.
  { from: op("and", a, value(-1)), over: ["i32", "i64"], to: itself },
  { from: op("and", a, value(0)), over: WHOLE, to: (_, whole) => zeroOf(whole) },
  { from: op("or", a, value(0)), over: WHOLE, to: itself },
  { from: op("xor", a, value(0)), over: WHOLE, to: itself },
  { from: op("shl", a, value(0)), over: WHOLE, to: itself },
  { from: op("shr", a, value(0)), over: WHOLE, to: itself },
  { from: op("not", op("not", a)), over: ["bool", ...WHOLE], to: itself },

  // Truth.
  { from: op("and", a, value(true)), over: BOOL, to: itself },
  { from: op("and", value(true), a), over: BOOL, to: itself },
  { from: op("and", a, value(false)), over: BOOL, to: () => truth(false) },
  { from: op("and", value(false), a), over: BOOL, to: () => truth(false) },
  { from: op("or", a, value(false)), over: BOOL, to: itself },
  { from: op("or", value(false), a), over: BOOL, to: itself },
  { from: op("or", a, value(true)), over: BOOL, to: () => truth(true) },
  { from: op("or", value(true), a), over: BOOL, to: () => truth(true) },
  { from: op("and", a, a), over: BOOL, to: itself },
  { from: op("or", a, a), over: BOOL, to: itself },
  { from: op("not", op("eq", a, b)), over: BOOL, to: again("ne") },
  { from: op("not", op("ne", a, b)), over: BOOL, to: again("eq") },
  // The negation of < on floats is not >=: both are false of NaN.
  ...COMPARISONS.map((name): Rule => ({
    from: op("not", op(name, a, b)),
    over: BOOL,
    to: ({ a: x, b: y }) => (ORDERED_WHOLE.includes((x as Expr).type) ? apply(NEGATED[name], x as Expr, y as Expr) : null),
  })),
  { from: { kind: "select", test: op("not", c), yes: a, no: b }, over: BOOL, to: m => select(get(m, "c"), get(m, "b"), get(m, "a")) },
  { from: { kind: "select", test: c, yes: a, no: a }, over: BOOL, to: itself },

  // Rounding what is rounded, and signs that do not matter.
  ...ROUNDING.flatMap(outer => [...ROUNDING, "sign" as const].map((inner): Rule => ({ from: op(outer, op(inner, a)), over: FLOATS, to: m => apply(inner, itself(m)) }))),
  { from: op("abs", op("abs", a)), over: FLOATS, to: m => apply("abs", itself(m)) },
  { from: op("abs", op("neg", a)), over: FLOATS, to: m => apply("abs", itself(m)) },
  { from: op("sign", op("sign", a)), over: FLOATS, to: m => apply("sign", itself(m)) },

  // Conversions there and back. f64 holds every i32, u32 and f32.
  ...NARROW.map((type): Rule => ({ from: to(type, to("f64", any("a", type))), over: ["f64"], to: itself })),
  { from: to("i32", to("f64", any("a", "u32"))), over: ["f64"], to: m => convert("i32", itself(m)) },
  { from: to("u32", to("f64", any("a", "i32"))), over: ["f64"], to: m => convert("u32", itself(m)) },
  { from: to("f32", to("f64", any("a", "i32"))), over: ["f64"], to: m => convert("f32", itself(m)) },
  { from: to("i32", to("u32", any("a", "i32"))), over: ["u32"], to: itself },
  { from: to("u32", to("i32", any("a", "u32"))), over: ["i32"], to: itself },
  { from: to("i64", to("u64", any("a", "i64"))), over: ["u64"], to: itself },
  { from: to("u64", to("i64", any("a", "u64"))), over: ["i64"], to: itself },
  ...(["f64", "f32", "i32"] as const).map((type): Rule => ({ from: to("bool", to(type, any("a", "bool"))), over: [type], to: itself })),
  { from: to("f64", to("f32", any("a", "bool"))), over: ["f32"], to: m => convert("f64", itself(m)) },
  { from: to("i32", to("f64", any("a", "bool"))), over: ["f64"], to: m => convert("i32", itself(m)) },
  { from: to("f32", to("f64", any("a", "bool"))), over: ["f64"], to: m => convert("f32", itself(m)) },
  ...NARROW.map((type): Rule => ({ from: to("bool", to("f64", any("a", type))), over: ["f64"], to: m => convert("bool", itself(m)) })),
  { from: to("i32", op("trunc", a)), over: FLOATS, to: m => convert("i32", itself(m)) },
  ...ROUNDING.flatMap(name => (["i32", "u32"] as const).map((type): Rule => ({ from: op(name, to("f64", any("a", type))), over: ["f64"], to: m => convert("f64", itself(m)) }))),

  // Comparing widened values compares the values themselves; a constant between two f32 moves to the neighbour that decides alike.
  ...COMPARISONS.flatMap(name =>
    NARROW.flatMap((type): Rule[] => [
      { from: op(name, to("f64", any("a", type)), to("f64", any("b", type))), over: ["f64"], to: again(name) },
    ]),
  ),
  ...COMPARISONS.flatMap((name): Rule[] => [
    { from: op(name, to("f64", any("a", "f32")), literal("c")), over: ["f64"], to: ({ a: x, c: limit }) => compareSingle(name, x as Expr, limit as ExprOf<"const">) },
    { from: op(name, literal("c"), to("f64", any("a", "f32"))), over: ["f64"], to: ({ a: x, c: limit }) => compareSingle(MIRRORED[name], x as Expr, limit as ExprOf<"const">) },
  ]),
];

const MIRRORED = { lt: "gt", le: "ge", gt: "lt", ge: "le", eq: "eq", ne: "ne" } as const;

/** Division by a power of two is multiplication by its reciprocal, exactly, as long as that is a normal number. */
function reciprocal(x: Expr, divisor: ExprOf<"const">): Expr | null {
  const inverse = 1 / (divisor.value as number);
  const [least, most] = x.type === "f32" ? [2 ** -126, 2 ** 127] : [2 ** -1022, 2 ** 1023];
  const size = Math.abs(inverse);
  const powerOfTwo = Number.isFinite(inverse) && size >= least && size <= most && Math.log2(size) % 1 === 0 && 2 ** Math.log2(size) === size;
  return powerOfTwo ? apply("mul", x, constant(x.type, inverse)) : null;
}

/** An f32 compared with an f64 constant, in f32. */
function compareSingle(name: (typeof COMPARISONS)[number], x: Expr, limit: ExprOf<"const">): Expr | null {
  const exact = limit.value as number;
  const rounded = Math.fround(exact);
  if (Object.is(rounded, exact)) return apply(name, x, constant("f32", rounded));
  switch (name) {
    case "eq":
      return truth(false);
    case "ne":
      return truth(true);
    case "lt":
    case "le":
      return apply("le", x, constant("f32", rounded <= exact ? rounded : nextSingle(rounded, -1)));
    case "gt":
    case "ge":
      return apply("ge", x, constant("f32", rounded >= exact ? rounded : nextSingle(rounded, 1)));
    default:
      return name satisfies never;
  }
}

/** The f32 next to `x` in a direction. */
function nextSingle(x: number, direction: 1 | -1): number {
  const single = new Float32Array([x]);
  const bits = new Int32Array(single.buffer);
  if (x === 0) bits[0] = direction > 0 ? 1 : -(2 ** 31) + 1;
  else bits[0] = (bits[0] as number) + (x > 0 === direction > 0 ? 1 : -1);
  return single[0] as number;
}
