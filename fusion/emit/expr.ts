/** Expressions as text of the C family: one printer for all dialects, with no more parentheses than reading needs. */
import { CompilerBug } from "../errors.js";
import type { Expr, ExprOf } from "../ir.js";
import { forType, operator, type OpName, type Spelling } from "../ops.js";
import { thresholdOf } from "./thresholds.js";
import { callOf, INFIX_PRECEDENCE, literal, nameIn, PRECEDENCE, primary, type Dialect, type Printed } from "./dialect.js";

/** An expression without effects, as text. */
export const printC = (expr: Expr, dialect: Dialect): string => print(expr, dialect).text;

/** The same, for a place that binds as tightly as `precedence`. */
export const printCWithin = (expr: Expr, dialect: Dialect, precedence: number): string => within(print(expr, dialect), precedence);

const within = (printed: Printed, precedence: number): string => (printed.precedence < precedence ? `(${printed.text})` : printed.text);

function print(expr: Expr, dialect: Dialect): Printed {
  switch (expr.kind) {
    case "const":
      return literal(expr.type, expr.value);
    case "local":
    case "capture":
      return primary(nameIn(dialect, expr.name));
    case "element":
      return dialect.element;
    case "index":
      return dialect.index;
    case "axis":
      return dialect.axis(expr.axis);
    case "column":
      return dialect.column(nameIn(dialect, expr.array), expr.offset ?? 0);
    case "length":
      return dialect.length(nameIn(dialect, expr.array));
    case "read":
      throw new CompilerBug("a read is nested in an expression");
    case "apply":
      return printApply(expr, dialect);
    case "select":
      return printSelect(expr, dialect);
    default:
      return expr satisfies never;
  }
}

function printApply(expr: ExprOf<"apply">, dialect: Dialect): Printed {
  const [first, second] = expr.args;
  if (first === undefined) throw new CompilerBug(`${expr.op} has no operands`);
  const args = (): string[] => expr.args.map(arg => printC(arg, dialect));
  const threshold = dialect.thresholds === true ? thresholdOf(expr) : null;
  if (threshold !== null) return callOf(`rt_${threshold.op}`, [threshold.whole, threshold.number].map(arg => printC(arg, dialect)));
  const saturating = dialect.saturating?.(expr) ?? null;
  if (saturating !== null) return callOf(`rt_${saturating.op}_within`, saturating.args.map(arg => printC(arg, dialect)));
  if (expr.op === "convert") return callOf(`rt_to_${expr.type}`, args());
  const wrapping = WRAPPING[expr.op];
  if (wrapping !== undefined && dialect.wrapsByHelpers === true && (first.type === "i32" || first.type === "i64")) return callOf(wrapping, args());
  const spelling = forType<Spelling>(operator(expr.op).c, first.type);
  switch (spelling.form) {
    case "call":
      return callOf(spelling.text, args());
    case "prefix": {
      const operand = within(print(first, dialect), PRECEDENCE.unary);
      // `-(-x)`: two signs side by side would be another operator.
      return { text: `${spelling.text}${operand.startsWith(spelling.text) ? `(${operand})` : operand}`, precedence: PRECEDENCE.unary };
    }
    case "infix": {
      if (second === undefined) throw new CompilerBug(`${expr.op} has one operand`);
      // On two bools C's `&` gives an int, which overloads would take for a number.
      const text = expr.type === "bool" && dialect.isScalar(expr) ? (SCALAR_TRUTH[spelling.text] ?? spelling.text) : spelling.text;
      return printInfix(text, print(first, dialect), print(second, dialect));
    }
    case "helper":
      throw new CompilerBug(`${expr.op} has no spelling in C`);
    default:
      return spelling satisfies never;
  }
}

/** Where overflow of a signed integer has no meaning. */
const WRAPPING: Partial<Record<OpName, string>> = { add: "rt_add", sub: "rt_sub", mul: "rt_mul", neg: "rt_neg" };

const SCALAR_TRUTH: Readonly<Record<string, string>> = { "&": "&&", "|": "||", "^": "!=" };

/** Bit operators bind in a way few remember: their operands are bracketed unless they are the same operator's. So is `&&` in `||`. */
const isBitwise = (text: string): boolean => text === "&" || text === "|" || text === "^";

function printInfix(text: string, left: Printed, right: Printed): Printed {
  const precedence = INFIX_PRECEDENCE[text];
  if (precedence === undefined) throw new CompilerBug(`no precedence for ${text}`);
  const mixes = (operand: Printed): boolean => operand.precedence !== precedence && (isBitwise(text) || (text === "||" && operand.precedence < 6));
  const around = (operand: Printed, least: number): string => within(operand, mixes(operand) ? PRECEDENCE.unary : least);
  return { text: `${around(left, precedence)} ${text} ${around(right, precedence + 1)}`, precedence };
}

function printSelect(expr: ExprOf<"select">, dialect: Dialect): Printed {
  if (dialect.select !== "ternary") {
    const { call, plain } = dialect.select;
    const [test, yes, no] = [expr.test, expr.yes, expr.no].map(part => printC(part, dialect)) as [string, string, string];
    const bare = expr.type === "i32" && dialect.isScalar(expr.yes) && dialect.isScalar(expr.no);
    return callOf(call, [test, plain !== undefined && bare ? `${plain}(${yes})` : yes, no]);
  }
  const { ternary } = PRECEDENCE;
  const part = (operand: Expr, least: number): string => printCWithin(operand, dialect, least);
  return { text: `${part(expr.test, ternary + 1)} ? ${part(expr.yes, ternary + 1)} : ${part(expr.no, ternary)}`, precedence: ternary };
}
