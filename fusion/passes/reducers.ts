/**
 * Recognising reducers: `acc ⊕ f(x)` and `f(x) ⊕ acc` may run in the canonical order, everything else is a left fold.
 *
 * The test is on the text's structure alone, before types are known: the accumulator stands once, as a whole operand of ⊕ in
 * the result, and nowhere else.
 */
import type { ReduceOp } from "../ir.js";
import type { SurfaceExpr, SurfaceLambda, SurfaceStmt } from "../parse/surface.js";

export interface Recognised {
  readonly op: ReduceOp;
  /** The term f(x), a lambda of the element (and index) alone. */
  readonly term: SurfaceLambda;
  /** `&&` and `||` fold truth values, the rest numbers or BigInts. */
  readonly logical: boolean;
  /** The term is the element itself. */
  readonly plain: boolean;
}

const BINARY: Partial<Record<string, ReduceOp>> = { "+": "add", "*": "mul", "&": "and", "|": "or", "^": "xor" };
const LOGICAL = { "&&": "and", "||": "or" } as const;
const CALLS: Partial<Record<string, ReduceOp>> = { "Math.min": "min", "Math.max": "max" };

export function recogniseReducer(lambda: SurfaceLambda): Recognised | null {
  const [accumulator, ...rest] = lambda.parameters;
  if (accumulator === undefined || lambda.body.some(stmt => statementMentions(stmt, accumulator))) return null;
  const found = operandOf(lambda.result, accumulator);
  if (found === null || mentions(found.term, accumulator)) return null;
  const plain = lambda.body.length === 0 && found.term.kind === "variable" && found.term.name === rest[0];
  return { op: found.op, logical: found.logical, plain, term: { ...lambda, parameters: rest, rows: lambda.rows.slice(1), result: found.term } };
}

function operandOf(result: SurfaceExpr, accumulator: string): { op: ReduceOp; logical: boolean; term: SurfaceExpr } | null {
  const isAccumulator = (expr: SurfaceExpr): boolean => expr.kind === "variable" && expr.name === accumulator;
  switch (result.kind) {
    case "binary": {
      const op = BINARY[result.operator];
      if (op === undefined) return null;
      if (isAccumulator(result.left)) return { op, logical: false, term: result.right };
      return isAccumulator(result.right) ? { op, logical: false, term: result.left } : null;
    }
    case "logical": {
      const op = LOGICAL[result.operator];
      if (isAccumulator(result.left)) return { op, logical: true, term: result.right };
      return isAccumulator(result.right) ? { op, logical: true, term: result.left } : null;
    }
    case "call": {
      const op = CALLS[result.callee];
      const others = result.args.filter(arg => !isAccumulator(arg));
      const [first] = others;
      if (op === undefined || first === undefined || others.length !== result.args.length - 1) return null;
      return { op, logical: false, term: others.length === 1 ? first : { ...result, args: others } };
    }
    default:
      return null;
  }
}

export function statementMentions(stmt: SurfaceStmt, name: string): boolean {
  const any = (list: readonly SurfaceStmt[]): boolean => list.some(inner => statementMentions(inner, name));
  switch (stmt.kind) {
    case "declare":
      return stmt.value !== null && mentions(stmt.value, name);
    case "assign":
      return stmt.name === name || mentions(stmt.value, name);
    case "if":
      return mentions(stmt.test, name) || any(stmt.then) || any(stmt.otherwise);
    case "loop":
    case "block":
      return any(stmt.body);
    case "leave":
      return false;
    case "store":
      return mentions(stmt.index, name) || mentions(stmt.value, name);
    default:
      return stmt satisfies never;
  }
}

export function mentions(expr: SurfaceExpr, name: string): boolean {
  switch (expr.kind) {
    case "literal":
    case "null":
    case "string":
    case "capture":
    case "length":
      return false;
    case "variable":
      return expr.name === name;
    case "read":
      return mentions(expr.index, name);
    case "among":
      return mentions(expr.value, name);
    case "unary":
      return mentions(expr.argument, name);
    case "binary":
    case "logical":
    case "nullish":
      return mentions(expr.left, name) || mentions(expr.right, name);
    case "conditional":
      return mentions(expr.test, name) || mentions(expr.yes, name) || mentions(expr.no, name);
    case "text":
      return mentions(expr.of, name) || expr.args.some(arg => mentions(arg, name));
    case "call":
      return expr.args.some(arg => mentions(arg, name));
    case "do":
      return expr.body.some(stmt => statementMentions(stmt, name)) || mentions(expr.result, name);
    case "object":
      return expr.fields.some(({ value }) => mentions(value, name));
    default:
      return expr satisfies never;
  }
}

/** Whether a lambda reads its parameter number `index` (0 is the first). */
export function usesParameter(lambda: SurfaceLambda, index: number): boolean {
  const name = lambda.parameters[index];
  return name !== undefined && (mentions(lambda.result, name) || lambda.body.some(stmt => statementMentions(stmt, name)));
}
