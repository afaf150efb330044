/**
 * Elementary functions put in place: what is left are operators that C has, or scalar.h. Computing a value earlier, or where a
 * branch would not have, changes nothing, so the statements of a function go before the statement that needs its value.
 */
import { local } from "../build.js";
import type { Expr, ExprOf, Kernel, Stmt } from "../ir.js";
import { isElementaryName, type ElementaryName } from "../math/functions.js";
import { mapExpr, mapStmts, namesOf, walkKernel } from "../traverse.js";
import { definitionOf, instantiate } from "./elementary.js";
import { Names } from "./parameters.js";
import { pruneBody } from "./prune.js";
import { simplify } from "./simplify.js";

type Call = ExprOf<"apply"> & { readonly op: ElementaryName; readonly type: "f64" | "f32" };

export const isElementary = (expr: Expr): expr is Call => expr.kind === "apply" && isElementaryName(expr.op);

export function lower(kernel: Kernel): Kernel {
  let found = false;
  walkKernel(kernel, { expr: expr => (found ||= isElementary(expr)) });
  if (!found) return kernel;
  const lowering = new Lowering(kernel);
  const { sink } = kernel;
  const body = lowering.statements(kernel.body);
  if (sink.kind !== "fold" || sink.combine === null) return pruneBody(simplify({ ...kernel, body }));
  const { combine } = sink;
  const [before, value] = lowering.expression(combine.value);
  return pruneBody(simplify({ ...kernel, body, sink: { ...sink, combine: { ...combine, body: [...lowering.statements(combine.body), ...before], value } } }));
}

/** The statement with its own expression mapped, not those of statements in it. */
function withValue(stmt: Stmt, map: (value: Expr) => Expr): Stmt {
  switch (stmt.kind) {
    case "declare":
    case "assign":
      return { ...stmt, value: map(stmt.value) };
    case "if":
      return { ...stmt, test: map(stmt.test) };
    case "store":
      return { ...stmt, at: map(stmt.at), value: map(stmt.value) };
    case "yield":
      return { ...stmt, values: stmt.values.map(map) };
    case "loop":
    case "block":
    case "leave":
    case "visit":
      return stmt;
    default:
      return stmt satisfies never;
  }
}

class Lowering {
  private readonly names: Names;

  constructor(kernel: Kernel) {
    this.names = new Names(namesOf(kernel));
  }

  statements(stmts: readonly Stmt[]): readonly Stmt[] {
    return mapStmts(stmts, {
      stmt: stmt => {
        const before: Stmt[] = [];
        const after = withValue(stmt, value => this.replaced(value, before));
        return [...before, after];
      },
    });
  }

  /** The statements that a lowered expression needs before it. */
  expression(expr: Expr): readonly [readonly Stmt[], Expr] {
    const before: Stmt[] = [];
    return [before, this.replaced(expr, before)];
  }

  private replaced(expr: Expr, before: Stmt[]): Expr {
    return mapExpr(expr, node => {
      if (!isElementary(node)) return node;
      const operands = node.args.map(arg => this.named(arg, before));
      const { op: name, type, args } = node;
      const { body, result } = instantiate(definitionOf({ name, type, count: args.length }), operands, this.names);
      before.push(...body);
      return this.named(result, before, node.op);
    });
  }

  private named(value: Expr, before: Stmt[], wanted = "operand"): Expr {
    if (value.kind === "const" || value.kind === "capture") return value;
    const name = this.names.fresh(wanted);
    before.push({ kind: "declare", name, type: value.type, value, mutable: false });
    return local(value.type, name);
  }
}
