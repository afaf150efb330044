/** Terminals: what the last kernel of a query does with the elements that arrive, and what becomes of its result. */
import { apply, convert, local, truth } from "../build.js";
import { CompilerBug, LambdaError, QueryError } from "../errors.js";
import type { Expr, ReduceOp, Sink } from "../ir.js";
import { SEED, type CaptureType, type LambdaInput, type Plan, type StageShape, type TerminalShape } from "../query.js";
import { isBigType, typeInWords, type ScalarType } from "../types.js";
import type { Fusion } from "./fuse.js";
import type { TableFusion } from "./tables.js";
import { inferLambda } from "./infer-lambda.js";
import { recogniseReducer, type Recognised } from "./reducers.js";
import { coerce, compareNumbers, describeKind, isBigKind, isNumberKind, kindOf, toNumber, truthOf, unifyBig, type Kind, type Typed } from "./typing.js";

type TerminalOf<K extends TerminalShape["kind"]> = Extract<TerminalShape, { kind: K }>;

/** What they give is made of an array of all elements. */
const STORED: readonly TerminalShape["kind"][] = ["toArray", "median", "quantile"];

/** `stage`: the terminal's number. */
export function planTerminal(fusion: TableFusion, terminal: TerminalShape, stage: number): Plan {
  if (!STORED.includes(terminal.kind)) fusion.endScan();
  switch (terminal.kind) {
    case "toArray":
      return { ...fusion.intoArray(), finish: { kind: "array", element: fusion.element } };
    case "median":
    case "quantile":
      return quantile(fusion, terminal.kind);
    case "toColumns": {
      const { columns } = fusion;
      if (columns === null) throw new QueryError("DC306", "single values have no columns", "Use toArray(), or map to rows first: .map(x => ({ x, square: x * x }))");
      return { ...fusion.intoArray(), finish: { kind: "columns", columns } };
    }
    case "count":
    case "single":
      fusion.yield();
      return { ...fusion.into({ kind: "count" }), finish: { kind: "count" } };
    case "sum":
      return reduced(fusion, "add", numberOf(fusion, "sum"), { seeded: false, empty: "identity" });
    case "average":
      return average(fusion);
    case "variance":
    case "standardDeviation":
      return variance(fusion, terminal, stage);
    case "min":
    case "max":
      if (fusion.current.string === true) return extremeText(fusion, fusion.current, terminal.kind, stage, "error");
      return reduced(fusion, terminal.kind, numberOf(fusion, terminal.kind), { seeded: false, empty: isBigType(fusion.current.expr.type) ? "error" : "identity" });
    case "first":
    case "last":
      return picked(fusion, terminal.kind, null);
    case "firstBy":
      fusion.placeFor(terminal.lambda, 1, "minBy");
      return picked(fusion, "first", () => fusion.keepIf(isSought(fusion, terminal, stage)));
    case "leastKey":
    case "greatestKey":
      return extremeKey(fusion, terminal, stage);
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return search(fusion, terminal, stage);
    case "indexOf":
    case "includes":
      return searchValue(fusion, terminal, stage);
    case "reduce":
      return reduce(fusion, terminal, stage);
    case "together":
      throw new CompilerBug("several terminals are planned one by one");
    default:
      return terminal satisfies never;
  }
}

const withoutNumbers = (verb: string): QueryError => new QueryError("DC306", `strings have no ${verb}`, "Take it of numbers; strings are counted, .countBy(x => x), and ordered, .orderBy(x => x)");

/** The element, where it must be a number. */
function numberOf({ current }: Fusion, verb: string): Typed {
  if (current.string === true) throw withoutNumbers(verb);
  return current;
}

function quantile(fusion: TableFusion, verb: "median" | "quantile"): Plan {
  const { element } = fusion;
  if (element === "string") throw withoutNumbers(verb);
  if (element === "i64" || element === "u64") throw new QueryError("DC306", `BigInts have no ${verb}: it may be a fraction`, `Take it of numbers: .as(Float64Array), or of rows the ${verb} of Number(row.id)`);
  return { ...fusion.intoArray(), finish: { kind: "quantile", element } };
}

/** One element, or one row. */
function picked(fusion: TableFusion, which: "first" | "last", test: (() => void) | null): Plan {
  if (fusion.columns !== null) {
    fusion.pick(which, test);
    return { ...fusion.intoArray(), finish: { kind: "row", columns: fusion.columns } };
  }
  test?.();
  const { expr } = fusion.current;
  fusion.yield(expr);
  const sink: Sink = which === "first" ? { kind: "first", type: expr.type, ranked: false } : { kind: "last", type: expr.type };
  return { ...fusion.into(sink), finish: { kind: "element", element: fusion.element } };
}

/** Whether the element's key is the one that is sought. */
function isSought(fusion: Fusion, terminal: TerminalOf<"firstBy">, stage: number): Expr {
  const key = fusion.call(terminal, stage, "minBy");
  const { sought } = terminal;
  if (sought.kind === "string") return apply("eq", key.expr, { kind: "capture", type: "u32", name: fusion.kernelParameters.scalar(stage, SEED, "u32", sought) });
  const scalar = sought.kind === "bigint" ? "i64" : "f64";
  const parameters = fusion.kernelParameters;
  const value: Typed = { expr: { kind: "capture", type: scalar, name: parameters.scalar(stage, SEED, scalar, sought) }, weak: true, integral: [], span: key.span };
  return sought.kind === "bigint" ? apply("eq", ...unifyBig(key, value, parameters).args) : compareNumbers("eq", key, value, key.span, parameters).expr;
}

/** The smallest or largest key that is not NaN. */
function extremeKey(fusion: Fusion, terminal: TerminalOf<"leastKey" | "greatestKey">, stage: number): Plan {
  const least = terminal.kind === "leastKey";
  fusion.placeFor(terminal.lambda, 1, least ? "minBy" : "maxBy");
  const given = fusion.call(terminal, stage, least ? "minBy" : "maxBy");
  if (given.string === true) return extremeText(fusion, given, least ? "min" : "max", stage, "undefined");
  const key = given.expr.type === "bool" ? toNumber(given) : given;
  const { type } = key.expr;
  const expr = type === "f64" || type === "f32" ? fusion.declare("key", key.expr) : key.expr;
  if (type === "f64" || type === "f32") fusion.keepIf(apply("not", apply("isNaN", expr)));
  const plan = reduced(fusion, least ? "min" : "max", { ...key, expr }, { seeded: false, empty: "error" });
  return { ...plan, finish: { kind: "key" } };
}

/** The smallest or largest string, by its place in the order of all. */
function extremeText(fusion: Fusion, { expr, span }: Typed, op: "min" | "max", stage: number, empty: "undefined" | "error"): Plan {
  const array = fusion.kernelParameters.text({ method: "rank", args: [] }, stage, span);
  const rank = fusion.declare("rank", { kind: "read", type: "i32", array, at: convert("i32", expr) });
  const plan = reduced(fusion, op, { expr: rank, weak: false, integral: [], span }, { seeded: false, empty: "error" });
  return { ...plan, finish: { kind: "ranked", empty } };
}

/** A reduction of `term` in the canonical order. */
function reduced(fusion: Fusion, op: ReduceOp, term: Typed, how: { readonly seeded: boolean; readonly empty: "identity" | "error" }): Plan {
  const { expr } = term;
  const whole = expr.type === "i32" || expr.type === "u32";
  // Integers count as f64 here; where ranges prove a term to fit 32 bits, narrowing makes sums exact and the rest cheaper.
  const value = whole && !isBitwise(op) ? convert("f64", expr) : expr;
  // Where the identity is neutral only among the operator's own values (`x & -1` is not `x` for a fraction), none must be told from it.
  // So it is where a sum may become exact: an exact 0 is not the identity of doubles, -0.
  const mayBeExact = op === "add" && term.integral !== false && !isBigType(expr.type);
  const counted = how.empty === "error" || (how.seeded && (isBitwise(op) || mayBeExact));
  fusion.yield(value);
  const type: ScalarType = value.type === "f32" && (op === "add" || op === "mul") ? "f64" : value.type;
  return {
    ...fusion.into({ kind: "reduce", op, type, term: value.type, counted }),
    finish: { kind: "reduced", op, ...how },
  };
}

const isBitwise = (op: ReduceOp): boolean => op === "and" || op === "or" || op === "xor";

function average(fusion: Fusion): Plan {
  if (isBigType(numberOf(fusion, "average").expr.type)) {
    throw new QueryError("DC306", "average does not exist for BigInts", "Average them as numbers: .as(Float64Array).average(), or of rows .average(row => Number(row.id))");
  }
  const plan = reduced(fusion, "add", fusion.current, { seeded: false, empty: "error" });
  return { ...plan, finish: { kind: "average" } };
}

/** Squares of deviations from the mean, in doubles; and the deviations, whose sum tells how far the mean was rounded. */
function variance(fusion: Fusion, { kind, sample, captures }: TerminalOf<"variance" | "standardDeviation">, stage: number): Plan {
  const { kernelParameters } = fusion;
  const current = numberOf(fusion, kind);
  const mean: Expr = { kind: "capture", type: "f64", name: kernelParameters.scalar(stage, "mean", "f64", captures["mean"] as CaptureType) };
  const deviation = fusion.declare("deviation", apply("sub", convert("f64", current.expr), mean));
  fusion.yield(apply("mul", deviation, deviation), deviation);
  const sum = { kind: "reduce", op: "add", type: "f64", term: "f64" } as const;
  const plan = fusion.into({ kind: "several", sinks: [{ ...sum, counted: true }, { ...sum, counted: false }] });
  return { ...plan, finish: { kind: "variance", sample, root: kind === "standardDeviation" } };
}

/** `some`, `every`, `find` and `findIndex` look for the first element that decides. */
function search(fusion: Fusion, terminal: TerminalOf<"some" | "every" | "find" | "findIndex">, stage: number): Plan {
  fusion.placeFor(terminal.lambda, 1, terminal.kind);
  const ranked = terminal.kind === "findIndex" && fusion.ranks(terminal.kind);
  if (ranked) fusion.push({ kind: "visit" });
  const test = truthOf(fusion.call(terminal, stage, terminal.kind));
  fusion.keepIf(terminal.kind === "every" ? apply("not", test) : test);
  const value = terminal.kind === "find" ? fusion.current.expr : truth(true);
  fusion.yield(value);
  const plan = fusion.into({ kind: "first", type: value.type, ranked });
  switch (terminal.kind) {
    case "some":
      return { ...plan, finish: { kind: "any" } };
    case "every":
      return { ...plan, finish: { kind: "none" } };
    case "find":
      return { ...plan, finish: { kind: "element", element: fusion.element } };
    case "findIndex":
      return { ...plan, finish: { kind: "position", ranked } };
    default:
      return terminal.kind satisfies never;
  }
}

/** `indexOf` compares with `===`, `includes` finds NaN too. */
function searchValue(fusion: Fusion, terminal: TerminalOf<"indexOf" | "includes">, stage: number): Plan {
  const ranked = terminal.kind === "indexOf" && fusion.ranks(terminal.kind);
  if (ranked) fusion.push({ kind: "visit" });
  const element = fusion.named("element");
  const type = terminal.captures["value"];
  const { span } = element;
  const parameters = fusion.kernelParameters;
  if (element.string === true && type?.kind === "string") {
    fusion.keepIf(apply("eq", element.expr, { kind: "capture", type: "u32", name: parameters.scalar(stage, "value", "u32", type) }));
    return found(fusion, terminal.kind, ranked);
  }
  const big = isBigType(element.expr.type);
  if (fusion.element === "string" || type?.kind !== (big ? "bigint" : "number")) {
    throw new QueryError("DC305", `${terminal.kind} looks for ${fusion.element === "string" ? "a string" : big ? "a BigInt" : "a number"} in ${typeInWords(fusion.element)}`, `Pass ${big ? "a BigInt, such as 1n" : "one"}`);
  }
  const scalar = big ? "i64" : "f64";
  const capture: Expr = { kind: "capture", type: scalar, name: parameters.scalar(stage, "value", scalar, type) };
  const value: Typed = { expr: capture, weak: true, integral: [], span };
  const equal = big ? apply("eq", ...unifyBig(element, value, parameters).args) : compareNumbers("eq", element, value, span, parameters).expr;
  const float = element.expr.type === "f32" || element.expr.type === "f64";
  const bothNaN = terminal.kind === "includes" && float ? apply("and", apply("isNaN", element.expr), apply("isNaN", capture)) : null;
  fusion.keepIf(bothNaN === null ? equal : apply("or", equal, bothNaN));
  return found(fusion, terminal.kind, ranked);
}

/** Ends a kernel that lets nothing but the sought element pass. */
function found(fusion: Fusion, kind: "indexOf" | "includes", ranked: boolean): Plan {
  fusion.yield(truth(true));
  const plan = fusion.into({ kind: "first", type: "bool", ranked });
  return { ...plan, finish: kind === "includes" ? { kind: "any" } : { kind: "position", ranked } };
}

function reduce(fusion: Fusion, terminal: TerminalOf<"reduce">, stage: number): Plan {
  fusion.placeFor(terminal.lambda, 2, "reduce");
  const recognised = terminal.combine === null && !terminal.sequential ? recogniseReducer(terminal.lambda) : null;
  return (recognised && canonical(fusion, terminal, recognised, stage)) ?? fold(fusion, terminal, stage);
}

/** The canonical order, where the types allow it; null where the reducer must be a left fold after all. */
function canonical(fusion: Fusion, terminal: TerminalOf<"reduce">, recognised: Recognised, stage: number): Plan | null {
  const term = termOf(fusion, terminal, recognised, stage, "reduce");
  return term === null ? null : reduced(fusion, recognised.op, term, { seeded: terminal.seed !== null, empty: terminal.seed === null ? "error" : "identity" });
}

/** What a recognised reducer joins: f(x) as its operator takes it. Null where it must be a left fold after all. */
export function termOf(
  fusion: Fusion,
  { seed, captures }: TerminalOf<"reduce"> | (StageShape & { readonly kind: "scan" }),
  { op, term, logical, plain }: Recognised,
  stage: number,
  verb: string,
): Typed | null {
  // Without a seed JavaScript starts from the first element itself, unmapped and (by a bitwise operator) unconverted.
  const { element } = fusion;
  const unchanged = !isBitwise(op) || ["i8", "u8", "u8c", "i16", "u16", "i32", "i64", "u64"].includes(element);
  if (seed === null && (!plain || logical || !unchanged)) return null;
  const value = fusion.call({ lambda: term, captures }, stage, verb);
  const kind = kindOf(value);
  if (logical) {
    if (seed !== "boolean" || kind !== "bool") throw notLogical(value, seed, kind);
    return value;
  }
  if (isBigKind(kind)) {
    if (seed !== null && seed !== "bigint") throw seedMismatch(value, seed);
    if (op === "min" || op === "max") throw new LambdaError("DC201", "Math.min and Math.max do not take BigInts", value.span, "Use the terminals min() and max()");
    return { ...value, expr: coerce(value, kind, fusion.kernelParameters) };
  }
  if (seed === "bigint" || seed === "boolean") throw seedMismatch(value, seed);
  const numberValue = toNumber(value);
  const kindOfTerm: Kind = numberValue.expr.type === "f32" ? "f32" : "f64";
  const whole = numberValue.expr.type === "i32" || numberValue.expr.type === "u32";
  const expr = isBitwise(op) ? convert("i32", numberValue.expr) : whole ? numberValue.expr : coerce(numberValue, kindOfTerm, fusion.kernelParameters);
  return { ...numberValue, expr };
}

const seedMismatch = (value: Typed, seed: string): LambdaError =>
  new LambdaError("DC206", `the seed is a ${seed}, but the reducer folds ${describeKind(kindOf(value))}`, value.span, "Give a seed of the reducer's own type: 0, 0n or false");

const notLogical = (value: Typed, seed: string | null, kind: Kind): LambdaError =>
  new LambdaError(
    "DC206",
    `&& and || fold truth values here, but the seed is ${seed === null ? "missing" : `a ${seed}`} and the term is ${describeKind(kind)}`,
    value.span,
    "Give a boolean seed and compare in the term: (all, x) => all && x > 0, true",
  );

/** A left fold in order, or lane by lane with `combine`. */
function fold(fusion: Fusion, terminal: TerminalOf<"reduce">, stage: number): Plan {
  const { seed, lambda } = terminal;
  const parameters = fusion.kernelParameters;
  // Rows have no value to begin with: they are folded from a seed.
  if (fusion.columns === null) fusion.named(lambda.parameters[1] ?? "element");
  const type = foldType(fusion, seed);
  const accumulator = parameters.names.fresh(lambda.parameters[0] ?? "accumulator");
  const carried: Typed = { expr: local(type, accumulator), weak: false, integral: false, span: lambda.result.span };
  const first = seed === null ? fusion.declare("arriving", convert(type, fusion.current.expr)) : null;
  const next = fusion.call(terminal, stage, "reduce", carried);
  fusion.yield(asAccumulator(next, type, fusion));
  const seedParameter = seed === null ? null : parameters.scalar(stage, SEED, type, seed === "number" ? { kind: seed, single: false } : { kind: seed });
  const sink: Sink = {
    kind: "fold",
    type,
    accumulator,
    seed: seedParameter,
    first: first?.kind === "local" ? first.name : null,
    combine: terminal.combine === null ? null : combination(terminal.combine, type, fusion, stage),
  };
  return { ...fusion.into(sink), finish: { kind: "fold", empty: seed === null ? "error" : "seed" } };
}

/** What a left fold accumulates in: what its seed is, or the element. */
export function foldType(fusion: Fusion, seed: TerminalOf<"reduce">["seed"]): ScalarType {
  const element = fusion.columns === null ? fusion.current.expr.type : null;
  if (seed === null && fusion.columns === null) numberOf(fusion, "reduction without a seed");
  if (seed === "boolean") return "bool";
  if (seed === "bigint") return element === "u64" ? "u64" : "i64";
  return seed === null && element !== null && isBigType(element) ? element : "f64";
}

/** A reducer's result as the accumulator it becomes. */
export function asAccumulator(value: Typed, type: ScalarType, fusion: Fusion): Expr {
  const kind = kindOf(value);
  const fits = type === "bool" ? kind === "bool" : isBigType(type) ? isBigKind(kind) : isNumberKind(kind);
  if (!fits) {
    const expected = type === "bool" ? "a boolean" : isBigType(type) ? "a BigInt" : "a number";
    throw new LambdaError("DC206", `the reducer gives ${describeKind(kind)}, but its accumulator is ${expected}`, value.span, "The accumulator keeps the type of the seed (without one, of the element)");
  }
  if (value.mixed === true) {
    throw new LambdaError("DC206", "the reducer gives a number in some cases and a boolean in others", value.span, "Give a number in all cases: flag ? a : 0 instead of flag && a");
  }
  return coerce(value, type === "bool" || type === "i64" || type === "u64" ? type : "f64", fusion.kernelParameters);
}

function combination(input: LambdaInput, type: ScalarType, fusion: Fusion, stage: number): NonNullable<Extract<Sink, { kind: "fold" }>["combine"]> {
  const parameters = fusion.kernelParameters;
  const [left, right] = ["left", "right"].map(name => parameters.names.fresh(name)) as [string, string];
  const operand = (name: string): Typed => ({ expr: local(type, name), weak: false, integral: false, span: { source: input.lambda.source, start: 0, end: 0 } });
  const { body, result } = inferLambda(input.lambda, [operand(left), operand(right)], { captures: input.captures, stage, parameters });
  return { left, right, body, value: asAccumulator(result, type, fusion) };
}
