/** What names mean, and the errors for those that mean nothing or something else than their use. */
import type { Identifier, MemberExpression, Node } from "acorn";
import { LambdaError } from "../errors.js";
import { CONSTANTS, isBuiltin, NAMESPACES } from "./globals.js";
import { FORMS, GLOBALS, MEMBERS, NODES } from "./refusals.js";
import { refuse } from "./scope.js";
import type { Binding, Context, Scope } from "./scope.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** What an expression names, where it names something: `k`, and in rewritten text `imported.k`. */
export function named(node: Node, scope: Scope, context: Context): Binding | null {
  if (node.type === "Identifier") return lookup((node as Identifier).name, scope, context);
  const path = foreignPath(node, scope, context);
  return path === null ? null : context.captures.lookup(path.name);
}

export const lookup = (name: string, scope: Scope, context: Context): Binding | null => scope.lookup(name) ?? context.captures.lookup(name);

/** The parts of `imported.name`, where `imported` is nothing this lambda knows. */
export function foreignPath(node: Node, scope: Scope, context: Context): { readonly object: Identifier; readonly name: string } | null {
  if (node.type !== "MemberExpression") return null;
  const { object, property, computed } = node as MemberExpression;
  if (computed || object.type !== "Identifier" || property.type !== "Identifier") return null;
  if (NAMESPACES.has(object.name) || Object.hasOwn(GLOBALS, object.name) || lookup(object.name, scope, context) !== null) return null;
  return { object, name: property.name };
}

/** `Math.max`, `isNaN`, `NaN`: a global name that nothing shadows. */
export function globalPath(node: Node, scope: Scope, context: Context): string | null {
  if (node.type === "Identifier") {
    const { name } = node as Identifier;
    return lookup(name, scope, context) === null ? name : null;
  }
  if (node.type !== "MemberExpression") return null;
  const { object, property, computed } = node as MemberExpression;
  if (object.type !== "Identifier" || !NAMESPACES.has(object.name) || lookup(object.name, scope, context) !== null) return null;
  if (computed || property.type !== "Identifier") throw refuse(FORMS.computedName, scope.span(node));
  return `${object.name}.${property.name}`;
}

export const constant = (path: string, span: Span): SurfaceExpr | null => {
  const value = CONSTANTS.get(path);
  return value === undefined ? null : { kind: "literal", value, span };
};

export function valueOf(binding: Binding, name: string, span: Span): SurfaceExpr {
  switch (binding.kind) {
    case "variable":
      return { kind: "variable", name: binding.name, span };
    case "value":
      return { ...binding.value, span };
    case "scalar":
      return { kind: "capture", name: binding.name, span };
    case "array":
      throw new LambdaError("DC111", `${name} is an array and is used as a number`, span, `Read one of its elements, ${name}[x], or its length, ${name}.length`);
    case "strings":
      throw new LambdaError("DC111", `${name} is a list of strings and is used as a single value`, span, `Ask whether a string is in it: ${name}.includes(r.carrier)`);
    case "record":
      if (binding.present !== null) throw new LambdaError("DC113", `${name} may be missing`, span, `Test it first, ${name} === null, or say what to take instead: ${name}${binding.single === null ? `?.${binding.columns[0] ?? "price"}` : ""} ?? NaN`);
      throw new LambdaError("DC111", `${name} is a row and is used as a number`, span, `Read one of its columns: ${name}.${binding.columns[0] ?? "price"}`);
    case "window":
      throw new LambdaError("DC111", `${name} is a window and is used as a number`, span, `Read one of its elements, ${name}[0] to ${name}[${binding.length - 1}]`);
    case "function":
    case "builtin":
      throw new LambdaError("DC111", `${name} is a function and is used as a number`, span, `Call it: ${name}(x)`);
    case "later":
      throw tooEarly(name, span);
    default:
      return binding satisfies never;
  }
}

export const tooEarly = (name: string, span: Span): LambdaError =>
  new LambdaError("DC108", `${name} is used before its declaration`, span, "Move the declaration up");

const insideOf = (scope: Scope): string => (scope.site.source.label.startsWith("the helper ") ? scope.site.source.label : "this lambda");

/** The error for a name that is neither declared, nor captured, nor known to JavaScript. */
export function unknownName(node: Identifier, scope: Scope, context: Context): LambdaError {
  const span = scope.span(node);
  const { name } = node;
  const refusal = Object.hasOwn(GLOBALS, name) ? GLOBALS[name] : undefined;
  if (refusal !== undefined) return refuse(refusal, span);
  if (NAMESPACES.has(name) || isBuiltin(name)) {
    return new LambdaError("DC102", `${name} is not a number`, span, isBuiltin(name) ? `Call it: ${name}(x)` : `Use its members: ${name === "Math" ? "Math.max(x, 0)" : "Number.isNaN(x)"}`);
  }
  return new LambdaError(
    "DC104",
    `"${name}" is not known inside ${insideOf(scope)}`,
    span,
    `A kernel cannot see outer variables: hand it over by name, ${context.captures.handOver(name)}`,
  );
}

/** Names that only bundlers and test runners give to imported modules. */
const REWRITTEN = /^__/;

export function unknownForeign(object: Identifier, name: string, indirect: boolean, span: Span, context: Context): LambdaError {
  const rewritten = indirect || REWRITTEN.test(object.name);
  if (rewritten && name === "default") {
    return new LambdaError("DC110", `an import was rewritten to ${object.name}.default, and its name is lost`, span, "Import it by name, or keep it in a const variable, and hand that over");
  }
  return rewritten
    ? new LambdaError("DC110", `the import "${name}" was rewritten to ${object.name}.${name}`, span, `Hand it over by name, ${context.captures.handOver(name, "…")}`)
    : new LambdaError("DC104", `"${object.name}" is not known inside this lambda`, span, `A kernel cannot see outer variables: hand over what it needs of ${object.name} by name, ${context.captures.handOver(name, "…")}`);
}

export const unknownMember = (path: string, span: Span): LambdaError => {
  const refusal = Object.hasOwn(MEMBERS, path) ? MEMBERS[path] : undefined;
  if (refusal !== undefined) return refuse(refusal, span);
  return new LambdaError("DC106", `${path} is not among the functions and constants that kernels have`, span, "Write it with those of Math and Number, or as a helper function handed over by name");
};

export const textOf = (node: Node, scope: Scope): string => {
  const { source, start, end } = scope.span(node);
  return source.text.slice(start, end);
};

export function notIndexable(object: Binding, name: string, node: MemberExpression, scope: Scope): LambdaError {
  const span = scope.span(node);
  const captured = object.kind === "scalar" || (object.kind === "value" && object.value.kind === "capture");
  if (object.kind === "strings") return listOnlySearched(name, node.computed ? "indexed" : `asked for its ${textOf(node.property, scope)}`, span);
  if (object.kind === "function" && !node.computed) return refuse(FORMS.functionProperty, span);
  if (object.kind === "function") return new LambdaError("DC111", `${name} is a function and is used as an array`, span, `Call it: ${name}(x)`);
  if (captured) return new LambdaError("DC111", `${name} is a single value and is used as an array`, span, `Hand over a typed array under this name, { ${name}: new Float64Array([…]) }`);
  return refuse(node.computed ? FORMS.indexed : FORMS.property, span);
}

/** Kernels know of a captured list of strings only which strings are in it. */
export const listOnlySearched = (name: string, what: string, span: Span): LambdaError =>
  new LambdaError("DC111", `${name} is a list of strings and is ${what}`, span, `Ask whether a string is in it, ${name}.includes(r.carrier); hand over what else is needed of it by a name of its own, { first: ${name}[0], count: ${name}.length }`);

/** `price` of `row.price` and `row["price"]`. */
export function columnName({ property, computed }: MemberExpression, scope: Scope): string {
  if (!computed && property.type === "Identifier") return property.name;
  if (property.type === "Literal" && typeof property.value === "string") return property.value;
  throw new LambdaError("DC112", "a column is read by its name", scope.span(property), 'Write row.price, or row["price"]');
}

/** The error for a kind of syntax that kernels do not have. */
export function refusedNode(node: Node, scope: Scope): LambdaError {
  const refusal = NODES[node.type] ?? { code: "DC102", what: `a kernel has no ${node.type}`, remedy: "Write it with plain arithmetic on numbers" };
  return refuse(refusal, firstLine(scope.span(node)));
}

/** Long constructs are marked on their first line only. */
const firstLine = (span: Span): Span => {
  const newline = span.source.text.indexOf("\n", span.start);
  return newline < 0 || newline > span.end ? span : { ...span, end: newline };
};
