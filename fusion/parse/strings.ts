/** What lambdas ask of strings, and of lists of values: whether one is in a list, and what is computed of each. Everything else is refused, with what to do instead. */
import type { ArrayExpression, CallExpression, Expression, MemberExpression, SpreadElement, TemplateLiteral } from "acorn";
import { LambdaError } from "../errors.js";
import { CALLABLE, isCallable } from "../texts.js";
import { foreignPath, globalPath, named, refusedNode, textOf } from "./resolve.js";
import type { Binding, Context, Scope } from "./scope.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** More are better handed over as one list. */
const MOST = 256;

/** `["AA", "UA"].includes(value)`, and the same of a captured list of strings; null for other calls. */
export function convertIncludes(node: CallExpression, scope: Scope, context: Context): SurfaceExpr | null {
  const { callee } = node;
  if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier" || callee.property.name !== "includes") return null;
  const list = named(callee.object, scope, context);
  if (callee.object.type !== "ArrayExpression" && list?.kind !== "strings") return null;
  const span = scope.span(node);
  const [sought, more] = node.arguments;
  if (sought === undefined || more !== undefined || sought.type === "SpreadElement") throw new LambdaError("DC106", "includes takes one value", span, 'Write ["AA", "UA"].includes(r.carrier)');
  const value = context.convert(sought, scope);
  if (list?.kind === "strings") return { kind: "among", list: list.name, value, span };
  return oneOf(value, itemsOf(callee.object as ArrayExpression, scope, context), span, context);
}

function itemsOf(list: ArrayExpression, scope: Scope, context: Context): readonly SurfaceExpr[] {
  const { elements } = list;
  const items = elements.map(element => itemOf(element, list, scope, context));
  if (items.length <= MOST) return items;
  throw new LambdaError("DC102", `the list has ${items.length} values, and at most ${MOST} can be written out`, scope.span(elements[MOST] ?? list), "Hand a list of strings over by name: { codes }, and write codes.includes(r.carrier)");
}

/** Of numbers `includes` finds NaN, and `===` does not: so only what is known not to be NaN is compared. */
function itemOf(element: Expression | SpreadElement | null, list: ArrayExpression, scope: Scope, context: Context): SurfaceExpr {
  const item = element === null || element.type === "SpreadElement" ? null : context.convert(element, scope);
  const plain = item?.kind === "string" || (item?.kind === "literal" && !Number.isNaN(item.value));
  if (item !== null && plain) return item;
  throw new LambdaError("DC102", "a list that is searched holds values written out", scope.span(element ?? list), 'Write strings or numbers, ["AA", "UA"].includes(r.carrier), or compare each: x === a || x === b');
}

/** The value is computed once, and compared with each. */
function oneOf(value: SurfaceExpr, items: readonly SurfaceExpr[], span: Span, context: Context): SurfaceExpr {
  if (value.kind === "variable" || value.kind === "capture" || value.kind === "string") return anyOf(items.map(item => ({ kind: "binary", operator: "===", left: value, right: item, span })), span);
  const name = context.names.unique("sought");
  context.constants.add(name);
  const held: SurfaceExpr = { kind: "variable", name, span: value.span };
  return { kind: "do", body: [{ kind: "declare", name, value, mutable: false, span }], result: anyOf(items.map(item => ({ kind: "binary", operator: "===", left: held, right: item, span })), span), span };
}

/** No deeper than need be. */
function anyOf(tests: readonly SurfaceExpr[], span: Span): SurfaceExpr {
  const [first, second] = tests;
  if (first === undefined) return { kind: "literal", value: false, span };
  if (second === undefined) return first;
  const middle = tests.length >> 1;
  return { kind: "logical", operator: "||", left: anyOf(tests.slice(0, middle), span), right: anyOf(tests.slice(middle), span), span };
}

/** Whether a name stands for something that may be a string; null is an expression that names nothing. */
const mayBeText = (binding: Binding | null): boolean => binding === null || binding.kind === "variable" || binding.kind === "value" || binding.kind === "scalar";

/** `r.carrier.startsWith("A")`; null for calls that are no method's of a string. */
export function convertMethod(node: CallExpression, scope: Scope, context: Context): SurfaceExpr | null {
  const { callee } = node;
  if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier" || callee.object.type === "Super") return null;
  const { object, property } = callee;
  const { name: method } = property;
  if (!Object.hasOwn(String.prototype, method) || !mayBeText(named(object, scope, context)) || isUnknown(callee, scope, context)) return null;
  const span = scope.span(node);
  const of = context.convert(object, scope);
  if (!isCallable(method)) throw refusedMethod(method, textOf(object, scope), scope.span(property));
  const args = node.arguments.map(arg => {
    if (arg.type === "SpreadElement") throw refusedNode(arg, scope);
    if (arg.type === "Literal" && arg.regex !== undefined) throw new LambdaError("DC102", "a kernel has no regular expressions", scope.span(arg), 'Give a string, "AA", or compute what the expression finds beforehand, as a column of its own');
    return context.convert(arg, scope);
  });
  return { kind: "text", method, of, args, span };
}

/** Of a name that means nothing here, or only to JavaScript, the message is about the name. */
const isUnknown = (callee: MemberExpression, scope: Scope, context: Context): boolean =>
  globalPath(callee, scope, context) !== null || foreignPath(callee, scope, context) !== null || (callee.object.type === "Identifier" && named(callee.object, scope, context) === null);

const refusedMethod = (method: string, object: string, span: Span): LambdaError =>
  new LambdaError("DC106", `a kernel has no ${method}() of strings`, span, `Of ${object} there are .length, ${CALLABLE.join(", ")}; compute others beforehand, as a column of their own`);

/** `r.carrier.length`; null for other members, and for lengths of what is an array. */
export function lengthOf(node: MemberExpression, object: Binding | null, scope: Scope, context: Context): SurfaceExpr | null {
  if (node.computed || node.property.type !== "Identifier" || node.property.name !== "length" || node.object.type === "Super") return null;
  if (!mayBeText(object) || isUnknown(node, scope, context)) return null;
  return { kind: "text", method: "length", of: context.convert(node.object, scope), args: [], span: scope.span(node) };
}

/** A template's parts, one put behind the other. */
export function convertTemplate(node: TemplateLiteral, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const parts = node.quasis.flatMap(({ value: { cooked } }, at): readonly SurfaceExpr[] => {
    if (typeof cooked !== "string") throw refusedNode(node, scope);
    const next = node.expressions[at];
    const text: SurfaceExpr = { kind: "string", value: cooked, span };
    return [...(cooked === "" && (at > 0 || next === undefined) && node.expressions.length > 0 ? [] : [text]), ...(next === undefined ? [] : [context.convert(next, scope)])];
  });
  return parts.slice(1).reduce((left, right) => ({ kind: "binary", operator: "+", left, right, span: { ...span } }), parts[0] as SurfaceExpr);
}
