/**
 * Every rewrite rule proved alone: its variables stand for locals and for constants, they take every special value, and
 * both sides give the same bits. Whole programs find only half of the wrong rules that this finds.
 */
import { describe, expect, it } from "vitest";
import { apply, constant, convert, select, truth } from "../../fusion/build.js";
import type { Expr } from "../../fusion/ir.js";
import { operator } from "../../fusion/ops.js";
import { RULES, type Pattern, type Rule } from "../../fusion/passes/rules.js";
import { applyRule } from "../../fusion/passes/simplify.js";
import type { ScalarType, ScalarValue } from "../../fusion/types.js";
import { evaluate } from "../../fusion/values.js";
import { SPECIAL, sameValue } from "../laws/special.js";

const TYPES = Object.keys(SPECIAL) as ScalarType[];
type Types = Readonly<Record<string, ScalarType>>;
type Values = Readonly<Record<string, ScalarValue>>;

/** All ways to give types to a pattern's variables such that the pattern has the type `wanted`. */
function typings(pattern: Pattern, wanted: ScalarType, known: Types = {}): Types[] {
  switch (pattern.kind) {
    case "any": {
      if ((pattern.type ?? wanted) !== wanted || (known[pattern.name] ?? wanted) !== wanted) return [];
      return [{ ...known, [pattern.name]: wanted }];
    }
    case "value":
      return (typeof pattern.value === "boolean") === (wanted === "bool") ? [known] : [];
    case "apply": {
      if (pattern.op === "convert") return pattern.type === wanted ? operandTypings(pattern.args, typesOf(pattern.args), known) : [];
      const { gives, over } = operator(pattern.op);
      if (gives !== "same" && gives !== wanted) return [];
      return operandTypings(pattern.args, gives === "same" ? over.filter(type => type === wanted) : over, known);
    }
    case "select":
      return typings(pattern.test, "bool", known).flatMap(types => operandTypings([pattern.yes, pattern.no], [wanted], types));
    default:
      return pattern satisfies never;
  }
}

/** A conversion's operand may have any type that its pattern allows. */
const typesOf = (patterns: readonly Pattern[]): readonly ScalarType[] => TYPES.filter(type => patterns.every(pattern => typings(pattern, type).length > 0));

const operandTypings = (patterns: readonly Pattern[], types: readonly ScalarType[], known: Types): Types[] =>
  types.flatMap(type => patterns.reduce<Types[]>((all, pattern) => all.flatMap(some => typings(pattern, type, some)), [known]));

/** The typings of a whole rule whose first operand has the type `over`. */
function ruleTypings({ from }: Rule, over: ScalarType): Types[] {
  if (from.kind === "select") return typings(from.test, over).flatMap(types => operandTypings([from.yes, from.no], TYPES, types));
  if (from.kind !== "apply") return [];
  return operandTypings(from.args, [over], {});
}

/** The expression that a pattern describes, nothing folded. */
function build(pattern: Pattern, wanted: ScalarType, variables: Readonly<Record<string, Expr>>): Expr {
  switch (pattern.kind) {
    case "any":
      return variables[pattern.name] as Expr;
    case "value":
      return constant(wanted, wanted === "i64" || wanted === "u64" ? BigInt(pattern.value) : pattern.value);
    case "apply": {
      const over = typesOf(pattern.args).find(type => firstFits(pattern.args, type, variables) && (pattern.op === "convert" || operator(pattern.op).over.includes(type))) as ScalarType;
      return { kind: "apply", op: pattern.op, type: wanted, args: pattern.args.map(arg => build(arg, over, variables)) };
    }
    case "select":
      return { kind: "select", type: wanted, test: build(pattern.test, "bool", variables), yes: build(pattern.yes, wanted, variables), no: build(pattern.no, wanted, variables) };
    default:
      return pattern satisfies never;
  }
}

/** Whether these operands, their variables being what they are, can have the type. */
function firstFits(patterns: readonly Pattern[], type: ScalarType, variables: Readonly<Record<string, Expr>>): boolean {
  const known = Object.fromEntries(Object.entries(variables).map(([name, expr]) => [name, expr.type]));
  return operandTypings(patterns, [type], known).length > 0;
}

function valueOf(expr: Expr, values: Values): ScalarValue {
  switch (expr.kind) {
    case "const":
      return expr.value;
    case "local":
      return values[expr.name] as ScalarValue;
    case "apply":
      return evaluate(expr.op, (expr.args[0] as Expr).type, expr.type, expr.args.map(arg => valueOf(arg, values)));
    case "select":
      return valueOf(valueOf(expr.test, values) === true ? expr.yes : expr.no, values);
    default:
      throw new Error(`no ${expr.kind} in a rule`);
  }
}

/** Every choice of one value for each name. */
function assignments(types: Types, names: readonly string[]): Values[] {
  return names.reduce<Values[]>((all, name) => all.flatMap(some => SPECIAL[types[name] as ScalarType].map(value => ({ ...some, [name]: value }))), [{}]);
}

const constantNames = (pattern: Pattern): string[] => {
  switch (pattern.kind) {
    case "any":
      return pattern.constant ? [pattern.name] : [];
    case "value":
      return [];
    case "apply":
      return pattern.args.flatMap(constantNames);
    case "select":
      return [pattern.test, pattern.yes, pattern.no].flatMap(constantNames);
    default:
      return pattern satisfies never;
  }
};

const subsets = (names: readonly string[]): string[][] => names.reduce<string[][]>((all, name) => [...all, ...all.map(some => [...some, name])], [[]]);

/** Tries a rule on everything; gives the number of cases it rewrote, or the first case where it changed a value. */
function prove(rule: Rule, over: ScalarType): { readonly matched: number; readonly wrong: string | null } {
  let matched = 0;
  const must = constantNames(rule.from);
  for (const types of ruleTypings(rule, over)) {
    const names = Object.keys(types);
    const { from } = rule;
    const wanted = from.kind === "select" ? (types[from.yes.kind === "any" ? from.yes.name : ""] as ScalarType) : from.kind === "apply" ? (from.type ?? resultOf(from.op, over)) : over;
    for (const constants of subsets(names).filter(some => must.every(name => some.includes(name)))) {
      const rest = names.filter(name => !constants.includes(name));
      for (const fixed of assignments(types, constants)) {
        const variables = Object.fromEntries(
          names.map((name): [string, Expr] => {
            const type = types[name] as ScalarType;
            return [name, name in fixed ? constant(type, fixed[name] as ScalarValue) : { kind: "local", type, name }];
          }),
        );
        const before = build(rule.from, wanted, variables);
        const after = applyRule(rule, before);
        if (after === null) continue;
        matched++;
        if (after.type !== before.type) return { matched, wrong: `${show(before)} has type ${before.type}, ${show(after)} has ${after.type}` };
        for (const values of assignments(types, rest)) {
          const [left, right] = [valueOf(before, values), valueOf(after, values)];
          if (!sameValue(left, right)) return { matched, wrong: `${show(before)} is ${String(left)}, ${show(after)} is ${String(right)} for ${showValues(values)}` };
        }
      }
    }
  }
  return { matched, wrong: null };
}

function resultOf(op: Parameters<typeof operator>[0], over: ScalarType): ScalarType {
  const { gives } = operator(op);
  return gives === "same" ? over : gives;
}

const number = (value: ScalarValue): string => (Object.is(value, -0) ? "-0" : String(value));
const showValues = (values: Values): string => Object.entries(values).map(([name, value]) => `${name} = ${number(value)}`).join(", ");
const show = (expr: Expr): string =>
  expr.kind === "const" ? `${number(expr.value)}:${expr.type}` : expr.kind === "local" ? expr.name : expr.kind === "apply" ? `${expr.op}.${expr.type}(${expr.args.map(show).join(", ")})` : expr.kind === "select" ? `(${show(expr.test)} ? ${show(expr.yes)} : ${show(expr.no)})` : expr.kind;

const showPattern = (pattern: Pattern): string => {
  switch (pattern.kind) {
    case "any":
      return `${pattern.constant ? "literal " : ""}${pattern.name}${pattern.type ? `:${pattern.type}` : ""}`;
    case "value":
      return number(pattern.value);
    case "apply":
      return `${pattern.op}${pattern.type ? `.${pattern.type}` : ""}(${pattern.args.map(showPattern).join(", ")})`;
    case "select":
      return `(${showPattern(pattern.test)} ? ${showPattern(pattern.yes)} : ${showPattern(pattern.no)})`;
    default:
      return pattern satisfies never;
  }
};

const cases = (rules: readonly Rule[]) => rules.flatMap(rule => rule.over.map(over => ({ name: `${showPattern(rule.from)} over ${over}`, rule, over })));

describe("every rule, alone, gives the same bits", () => {
  it.each(cases(RULES))("$name", ({ rule, over }) => {
    const { matched, wrong } = prove(rule, over);
    expect(wrong).toBeNull();
    expect(matched).toBeGreaterThan(0);
  });
});

// What looks right and is wrong: a checker that lets one of these pass proves nothing.
const a: Pattern = { kind: "any", name: "a" };
const b: Pattern = { kind: "any", name: "b" };
const op = (name: Parameters<typeof operator>[0], ...args: readonly Pattern[]): Pattern => ({ kind: "apply", op: name, args });
const to = (type: ScalarType, arg: Pattern): Pattern => ({ kind: "apply", op: "convert", args: [arg], type });
const of = (type: ScalarType): Pattern => ({ kind: "any", name: "a", type });
const is = (value: number): Pattern => ({ kind: "value", value });
const FLOATS: readonly ScalarType[] = ["f64", "f32"];
const itself: Rule["to"] = m => m["a"] as Expr;
const pair = (name: Parameters<typeof apply>[0], swap = false): Rule["to"] => m => (swap ? apply(name, m["b"] as Expr, m["a"] as Expr) : apply(name, m["a"] as Expr, m["b"] as Expr));

const WRONG: readonly (Rule & { readonly what: string })[] = [
  { what: "x + 0 → x", from: op("add", a, is(0)), over: FLOATS, to: itself },
  { what: "0 + x → x", from: op("add", is(0), a), over: FLOATS, to: itself },
  { what: "x - -0 → x", from: op("sub", a, is(-0)), over: FLOATS, to: itself },
  { what: "x * 0 → 0", from: op("mul", a, is(0)), over: FLOATS, to: (_, whole) => constant(whole.type, 0) },
  { what: "x - x → 0", from: op("sub", a, a), over: FLOATS, to: (_, whole) => constant(whole.type, 0) },
  { what: "x / x → 1", from: op("div", a, a), over: FLOATS, to: (_, whole) => constant(whole.type, 1) },
  { what: "0 - x → -x", from: op("sub", is(0), a), over: FLOATS, to: m => apply("neg", m["a"] as Expr) },
  { what: "x % 1 → x - trunc(x)", from: op("rem", a, is(1)), over: FLOATS, to: m => apply("sub", m["a"] as Expr, apply("trunc", m["a"] as Expr)) },
  { what: "x === x → true", from: op("eq", a, a), over: FLOATS, to: () => truth(true) },
  { what: "x !== x → false", from: op("ne", a, a), over: FLOATS, to: () => truth(false) },
  { what: "x <= x → true", from: op("le", a, a), over: FLOATS, to: () => truth(true) },
  { what: "!(a < b) → b <= a", from: op("not", op("lt", a, b)), over: ["bool"], to: pair("le", true) },
  { what: "!(a <= b) → a > b", from: op("not", op("le", a, b)), over: ["bool"], to: pair("gt") },
  { what: "min(a, b) → a < b ? a : b", from: op("min", a, b), over: FLOATS, to: m => select(apply("lt", m["a"] as Expr, m["b"] as Expr), m["a"] as Expr, m["b"] as Expr) },
  { what: "max(a, b) → a > b ? a : b", from: op("max", a, b), over: FLOATS, to: m => select(apply("gt", m["a"] as Expr, m["b"] as Expr), m["a"] as Expr, m["b"] as Expr) },
  { what: "sqrt(x * x) → abs(x)", from: op("sqrt", op("mul", a, a)), over: FLOATS, to: m => apply("abs", m["a"] as Expr) },
  { what: "round(x) → floor(x + 0.5)", from: op("round", a), over: FLOATS, to: (m, whole) => apply("floor", apply("add", m["a"] as Expr, constant(whole.type, 0.5))) },
  { what: "abs(x) → x & 2147483647", from: op("abs", a), over: ["i32"], to: m => apply("and", m["a"] as Expr, constant("i32", 2 ** 31 - 1)) },
  { what: "a / b → a * (1 / b)", from: op("div", a, b), over: FLOATS, to: (m, whole) => apply("mul", m["a"] as Expr, apply("div", constant(whole.type, 1), m["b"] as Expr)) },
  { what: "(a + b) - b → a", from: op("sub", op("add", a, b), b), over: FLOATS, to: itself },
  { what: "(a - b) compared with 0 → a compared with b", from: op("lt", op("sub", a, b), is(0)), over: ["i32", "i64"], to: pair("lt") },
  { what: "!(a < b) → b < a over integers", from: op("not", op("lt", a, b)), over: ["bool"], to: pair("lt", true) },
  { what: "(x << 1) >> 1 → x", from: op("shr", op("shl", a, is(1)), is(1)), over: ["i32", "i64", "u64"], to: itself },
  { what: "x >> 64 → x over 64 bits", from: op("shr", a, is(64)), over: ["i64", "u64"], to: itself },
  { what: "f64 → f32 → f64 is itself", from: to("f64", to("f32", of("f64"))), over: ["f32"], to: itself },
  { what: "f64 → i32 → f64 is trunc", from: to("f64", to("i32", of("f64"))), over: ["i32"], to: m => apply("trunc", m["a"] as Expr) },
  { what: "i32 → f32 → i32 is itself", from: to("i32", to("f32", of("i32"))), over: ["f32"], to: itself },
  { what: "i64 → u64 → f64 is i64 → f64", from: to("f64", to("u64", of("i64"))), over: ["u64"], to: m => convert("f64", m["a"] as Expr) },
  { what: "trunc → floor", from: op("trunc", a), over: FLOATS, to: m => apply("floor", m["a"] as Expr) },
  { what: "ceil(x) → -floor(-x) + 0", from: op("ceil", a), over: FLOATS, to: (m, whole) => apply("add", apply("neg", apply("floor", apply("neg", m["a"] as Expr))), constant(whole.type, 0)) },
];

describe("the checker tells wrong rules", () => {
  it.each(WRONG)("$what", rule => {
    for (const over of rule.over) expect(prove(rule, over).wrong, `over ${over}`).not.toBeNull();
  });
});
