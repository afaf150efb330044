/** Writes to arrays, which only index-space kernels have: `out[i] = v`, `out[i] += v`, `out[i]++`, each a statement of its own. */
import type { AssignmentExpression, Expression, MemberExpression, Node, ReturnStatement, UpdateExpression } from "acorn";
import { LambdaError } from "../errors.js";
import { FORMS } from "./refusals.js";
import { named, textOf } from "./resolve.js";
import type { Raw } from "./returns.js";
import { refuse, type Context, type Scope } from "./scope.js";
import type { BinaryOperator, Span, SurfaceExpr, SurfaceStmt } from "./surface.js";

export type Change = AssignmentExpression | UpdateExpression;

/** The array that an assignment or `++` writes an element of; null where it does anything else. */
function elementOf(node: Change, scope: Scope, context: Context): { readonly array: string; readonly element: MemberExpression } | null {
  const target: Node = node.type === "UpdateExpression" ? node.argument : node.left;
  if (context.stores === null || target.type !== "MemberExpression") return null;
  const element = target as MemberExpression;
  const object = element.computed ? named(element.object, scope, context) : null;
  return object?.kind === "array" ? { array: object.name, element } : null;
}

/** A write as statements; null for a change of a variable. */
export function convertStore(node: Change, scope: Scope, context: Context): readonly SurfaceStmt[] | null {
  const found = elementOf(node, scope, context);
  if (found === null || context.stores === null) return null;
  const { array, element } = found;
  const span = scope.span(node);
  if (!context.stores.arrays.has(array)) {
    throw new LambdaError("DC114", `${array} is a captured array and is written`, span, `Make it a parameter of the kernel: (i, …, ${array}: Float32Array) => …`);
  }
  const index = context.convert(element.property as Expression, scope);
  if (node.type === "AssignmentExpression" && node.operator === "=") return [{ kind: "store", array, index, value: context.convert(node.right, scope), span }];
  if (node.type === "AssignmentExpression" && node.operator === "??=") throw refuse(FORMS.nullish, span);
  const name = context.names.unique("at");
  context.constants.add(name);
  const at: SurfaceExpr = { kind: "variable", name, span: index.span };
  const old: SurfaceExpr = { kind: "read", array, index: at, span: scope.span(element) };
  return [{ kind: "declare", name, value: index, mutable: false, span: index.span }, ...again(node, array, at, old, span, scope, context)];
}

/** The element gets a value that is made of its old one. */
function again(node: Change, array: string, at: SurfaceExpr, old: SurfaceExpr, span: Span, scope: Scope, context: Context): readonly SurfaceStmt[] {
  const store = (value: SurfaceExpr): SurfaceStmt => ({ kind: "store", array, index: at, value, span });
  const joined = (operator: BinaryOperator, right: SurfaceExpr): SurfaceStmt => store({ kind: "binary", operator, left: old, right, span });
  if (node.type === "UpdateExpression") return [joined(node.operator === "++" ? "+" : "-", { kind: "literal", value: 1, step: true, span })];
  const value = context.convert(node.right, scope);
  if (node.operator !== "&&=" && node.operator !== "||=") return [joined(node.operator.slice(0, -1) as BinaryOperator, value)];
  const test: SurfaceExpr = node.operator === "&&=" ? old : { kind: "unary", operator: "!", argument: old, span: old.span };
  return [{ kind: "if", test, then: [store(value)], otherwise: [], span }];
}

/** A write whose value is used. */
export function refuseStore(node: Change, scope: Scope, context: Context): void {
  const found = elementOf(node, scope, context);
  if (found === null) return;
  throw new LambdaError("DC114", `${textOf(found.element, scope)} is written amid an expression`, scope.span(node), "Write it as a statement of its own, and read it after that");
}

/** `return;` ends a kernel for its index. */
export function endOfKernel(node: ReturnStatement, span: Span, done: string): Raw {
  if (!node.argument) return { kind: "leave", label: done, span };
  throw new LambdaError("DC114", "a kernel gives nothing back", span, "Write the result to an array: out[i] = …; and end early with a bare return;");
}

type Store = Extract<SurfaceStmt, { readonly kind: "store" }>;

/** The first write among statements, however deep; null if there is none. */
export function firstStore(statements: readonly Raw[]): Store | null {
  for (const statement of statements) {
    const found =
      statement.kind === "store" ? statement
      : statement.kind === "if" ? (firstStore(statement.then) ?? firstStore(statement.otherwise))
      : statement.kind === "loop" || statement.kind === "block" ? firstStore(statement.body)
      : null;
    if (found !== null) return found;
  }
  return null;
}

/** Of a kernel that has writes, and runs none of them whatever it is called with. */
export const neverReached = ({ array, span }: Pick<Store, "array" | "span">): LambdaError =>
  new LambdaError("DC114", `this write to ${array} is never reached, and the kernel has no other that is`, span, "Look at the conditions around it, and at loops and returns before it; or leave the kernel out");
