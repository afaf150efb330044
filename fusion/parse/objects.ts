/** Objects taken apart, and objects as results: a lambda that gives `{ total, tax }` gives a row, one value for each column. */
import type { Expression, Node, ObjectExpression, ObjectPattern, Property } from "acorn";
import { LambdaError } from "../errors.js";
import { isReserved } from "../query.js";
import { columnsOf, differing, givesObject, rowPlace, type Fields } from "./choices.js";
import { convertExpression } from "./expressions.js";
import type { Names } from "./names.js";
import { listOf } from "./lists.js";
import { column } from "./records.js";
import { convertTest, narrowed } from "./missing.js";
import { named, textOf, refusedNode } from "./resolve.js";
import type { Context, RecordBinding, Scope } from "./scope.js";
import type { Span, SurfaceExpr, SurfaceStmt } from "./surface.js";

/** The names that `{ price, qty: q }` gives to columns become known in the scope. */
export function takeApart(pattern: ObjectPattern, record: RecordBinding, scope: Scope, constant: (name: string, column: SurfaceExpr, node: Node) => void): void {
  for (const property of pattern.properties) {
    if (property.type !== "Property") {
      throw new LambdaError("DC102", "what is left of a row cannot be collected", scope.span(property), "Name the columns that are used, or take the row itself: row => row.price");
    }
    if (property.computed) throw new LambdaError("DC102", "a column's name must be written out", scope.span(property.key), 'Write { price }, or { "unit price": price } without brackets');
    if (property.value.type !== "Identifier") throw refusedNode(property.value, scope);
    const key = keyOf(property, scope);
    constant(property.value.name, column(record, key, scope.span(property.key)), property);
  }
}

function keyOf({ key, computed }: { readonly key: Property["key"]; readonly computed: boolean }, scope: Scope): string {
  if (!computed && key.type === "Identifier") return key.name;
  if (key.type === "Literal" && typeof key.value === "string" && !isReserved(key.value)) return key.value;
  throw new LambdaError("DC102", "a column's name must be written out", scope.span(key), "Write { total: x * y }");
}

/** What a lambda gives back: a value, or an object whose fields are. */
export function convertResult(node: Expression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  if (node.type === "ObjectExpression") return objectOf(node, scope, context);
  if (node.type === "ArrayExpression" && context.lists !== null && context.inlining.length === 1) return listOf(node, context.lists, scope, element => convertResult(element, scope, context));
  if (node.type === "ArrayExpression" && context.keys && context.inlining.length === 1 && node.elements.length > 0) {
    const fields = node.elements.map((element, at) => {
      if (element === null || element.type === "SpreadElement") throw refusedNode(element ?? node, scope);
      return { name: String(at), value: convertExpression(element, scope, context) };
    });
    return { kind: "object", fields, span };
  }
  if (node.type === "ConditionalExpression") {
    const test = convertTest(node.test, scope, context);
    const branch = (of: Expression, outcome: boolean): SurfaceExpr => convertResult(of, narrowed(node.test, outcome, scope, context), context);
    return { kind: "conditional", test, yes: branch(node.consequent, true), no: branch(node.alternate, false), span };
  }
  const binding = node.type === "Identifier" ? named(node, scope, context) : null;
  return binding?.kind === "record" && binding.single === null ? { kind: "object", fields: fieldsOf(binding, textOf(node, scope), span), span } : convertExpression(node, scope, context);
}

const fieldsOf = (record: RecordBinding, row: string, span: Span): readonly { readonly name: string; readonly value: SurfaceExpr }[] =>
  record.columns.map(name => ({ name, value: column(record, name, span, row) }));

function objectOf(node: ObjectExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const fields = new Map<string, SurfaceExpr>();
  for (const property of node.properties) {
    if (property.type === "SpreadElement") {
      const binding = named(property.argument, scope, context);
      if (binding?.kind !== "record" || binding.single !== null) throw new LambdaError("DC102", "only a row can be spread into a new one", scope.span(property), "Write { ...row, total: row.price * row.quantity }");
      for (const { name, value } of fieldsOf(binding, textOf(property.argument, scope), scope.span(property))) fields.set(name, value);
    } else {
      if (property.kind !== "init" || property.method) throw refusedNode(property.value, scope);
      fields.set(keyOf(property, scope), convertExpression(property.value, scope, context));
    }
  }
  if (fields.size === 0) throw new LambdaError("DC112", "the object has no columns", span, "Give at least one: { total: row.price * row.quantity }");
  return { kind: "object", fields: [...fields].map(([name, value]) => ({ name, value })), span };
}

/**
 * A result in which objects are at the end of choices and statements becomes one object at the top, whose fields make the
 * choices. Values that are no objects stay as they are.
 */
export function objectAtTop(result: SurfaceExpr, names: Names, constants: Set<string>): { readonly body: readonly SurfaceStmt[]; readonly result: SurfaceExpr } {
  const { span } = result;
  if (!givesObject(result)) return { body: [], result };
  switch (result.kind) {
    case "do": {
      const inner = objectAtTop(result.result, names, constants);
      return { body: [...result.body, ...inner.body], result: inner.result };
    }
    case "conditional": {
      const { yes, no } = result;
      if (yes.kind !== "object" || no.kind !== "object") return byStatements(result, names);
      const name = names.unique("test");
      constants.add(name);
      const test: SurfaceExpr = { kind: "variable", name, span: result.test.span };
      const fields = yes.fields.map(field => ({ name: field.name, value: { kind: "conditional", test, yes: field.value, no: sameColumn(field.name, yes.fields, no.fields, span), span } as const }));
      // A test as it is may be anything; twice negated it is a truth value.
      const truth: SurfaceExpr = { kind: "unary", operator: "!", argument: { kind: "unary", operator: "!", argument: result.test, span: result.test.span }, span: result.test.span };
      return { body: [{ kind: "declare", name, value: truth, mutable: false, span: result.test.span }], result: { kind: "object", fields, span } };
    }
    default:
      return { body: [], result };
  }
}

/** Choices within choices are made by statements, which assign the columns. */
function byStatements(result: SurfaceExpr, names: Names): { readonly body: readonly SurfaceStmt[]; readonly result: SurfaceExpr } {
  const place = rowPlace(columnsOf(result) ?? [], names, result.span);
  return { body: [...place.declared, ...place.assign(result, result.span)], result: place.result };
}

/** The column of the other branch. */
function sameColumn(name: string, one: Fields, other: Fields, span: Span): SurfaceExpr {
  const found = other.find(field => field.name === name);
  if (found === undefined || one.length !== other.length) throw differing(one, other, span);
  return found.value;
}
