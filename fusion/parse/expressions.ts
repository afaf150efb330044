/** Expressions: from acorn's nodes to surface expressions, with every name resolved. */
import type { CallExpression, Expression, Identifier, Literal, MemberExpression, Pattern, SpreadElement, UnaryExpression } from "acorn";
import { LambdaError } from "../errors.js";
import { argumentCount, CONSTANTS, isBuiltin, isGlobal, VARIADIC } from "./globals.js";
import { comparison, convertChain, convertNullish, convertTest, narrowed } from "./missing.js";
import { column } from "./records.js";
import { FORMS } from "./refusals.js";
import { columnName, constant, foreignPath, globalPath, listOnlySearched, lookup, named, notIndexable, refusedNode, textOf, tooEarly, unknownForeign, unknownMember, unknownName, valueOf } from "./resolve.js";
import { isHandedOn, nested, refuse } from "./scope.js";
import type { Argument, Context, Scope } from "./scope.js";
import { convertIncludes, convertMethod, convertTemplate, lengthOf } from "./strings.js";
import { convertStore, refuseStore, type Change } from "./stores.js";
import { neighbour } from "./windows.js";
import type { BinaryOperator, Builtin, Span, SurfaceExpr, SurfaceStmt } from "./surface.js";

export function convertExpression(node: Expression, scope: Scope, context: Context): SurfaceExpr {
  return nested(context, () => scope.span(node), () => convert(node, scope, context));
}

function convert(node: Expression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  switch (node.type) {
    case "Literal":
      return literal(node, span, context);
    case "TemplateLiteral":
      return convertTemplate(node, scope, context);
    case "Identifier":
      return identifier(node, scope, context);
    case "MemberExpression":
      return member(node, scope, context);
    case "CallExpression":
      return call(node, scope, context);
    case "UnaryExpression":
      return unary(node, scope, context);
    case "BinaryExpression": {
      const { operator, left } = node;
      if (operator === "in" || operator === "instanceof" || left.type === "PrivateIdentifier") {
        throw refuse(FORMS[operator === "instanceof" ? "instanceof" : "in"], span);
      }
      const tested = comparison(operator, left, node.right, scope, context);
      if (tested !== null) return tested.whenPresent ? tested.present : { kind: "unary", operator: "!", argument: tested.present, span };
      // Where nothing is null it is no good asking.
      for (const side of [left, node.right]) if (!context.nulls && side.type === "Literal" && side.raw === "null") throw refuse(FORMS.null, scope.span(side));
      return { kind: "binary", operator, left: convertExpression(left, scope, context), right: convertExpression(node.right, scope, context), span };
    }
    case "LogicalExpression":
      if (node.operator === "??") return convertNullish(node, scope, context);
      return {
        kind: "logical",
        operator: node.operator,
        left: convertExpression(node.left, scope, context),
        right: convertExpression(node.right, narrowed(node.left, node.operator === "&&", scope, context), context),
        span,
      };
    case "ChainExpression":
      return convertChain(node, scope, context);
    case "ConditionalExpression":
      return {
        kind: "conditional",
        test: convertTest(node.test, scope, context),
        yes: convertExpression(node.consequent, narrowed(node.test, true, scope, context), context),
        no: convertExpression(node.alternate, narrowed(node.test, false, scope, context), context),
        span,
      };
    case "AssignmentExpression":
    case "UpdateExpression":
      return changed(node, scope, context);
    case "SequenceExpression": {
      const body = node.expressions.slice(0, -1).flatMap((part) => convertEffect(part, scope, context));
      const result = convertExpression(node.expressions.at(-1) as Expression, scope, context);
      return body.length === 0 ? result : { kind: "do", body, result, span };
    }
    default:
      throw refusedNode(node, scope);
  }
}

function literal(node: Literal, span: Span, context: Context): SurfaceExpr {
  const { value } = node;
  if ((context.nulls || context.givesNulls) && node.raw === "null") return { kind: "null", span };
  if (typeof node.bigint === "string") return { kind: "literal", value: BigInt(node.bigint), span };
  if (typeof value === "string") return { kind: "string", value, span };
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return { kind: "literal", value, span };
  throw refuse(node.regex !== undefined ? FORMS.regex : FORMS.null, span);
}

function unary(node: UnaryExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const { operator } = node;
  if (operator === "typeof" || operator === "void" || operator === "delete") throw refuse(FORMS[operator], span);
  const argument = (operator === "!" ? convertTest : convertExpression)(node.argument, scope, context);
  if (argument.kind === "literal") {
    // -5 is a literal in all but syntax; -(2n ** 63n) only fits its type once it is negative.
    const { value } = argument;
    if (operator === "-" && typeof value !== "boolean") return { kind: "literal", value: -value, span };
    if (operator === "!") return { kind: "literal", value: !value, span };
  }
  return { kind: "unary", operator, argument, span };
}

function identifier(node: Identifier, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const binding = lookup(node.name, scope, context);
  if (binding !== null) return valueOf(binding, node.name, span);
  const value = constant(node.name, span);
  if (value === null) throw unknownName(node, scope, context);
  return value;
}

function member(node: MemberExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const path = globalPath(node, scope, context);
  if (path !== null) {
    const value = constant(path, span);
    if (value !== null) return value;
    if (isBuiltin(path)) throw new LambdaError("DC106", `${path} is a function and is used as a number`, span, `Call it: ${path}(x)`);
    throw unknownMember(path, span);
  }
  const whole = named(node, scope, context);
  if (whole !== null) return valueOf(whole, textOf(node, scope), span);
  const object = named(node.object, scope, context);
  const length = lengthOf(node, object, scope, context);
  if (length !== null) return length;
  if (object === null) throw notAnObject(node, false, scope, context);
  const name = textOf(node.object, scope);
  if (object.kind === "later") throw tooEarly(name, scope.span(node.object));
  if (object.kind === "record" && object.single === null) return column(object, columnName(node, scope), scope.span(node.property), name);
  if (object.kind === "window") return neighbour(object, node, name, scope);
  if (object.kind !== "array") throw notIndexable(object, name, node, scope);
  if (node.computed) return { kind: "read", array: object.name, index: convertExpression(node.property as Expression, scope, context), span };
  if (node.property.type === "Identifier" && node.property.name === "length") return { kind: "length", array: object.name, span };
  throw refuse(FORMS.arrayProperty, span);
}

/** The error for `object.property` where `object` names nothing. `indirect` for a callee that some tool wrote as `(0, object.property)`. */
function notAnObject(node: MemberExpression, indirect: boolean, scope: Scope, context: Context): LambdaError {
  const span = scope.span(node);
  const { object } = node;
  const foreign = foreignPath(node, scope, context);
  if (foreign !== null) return unknownForeign(foreign.object, foreign.name, indirect, span, context);
  if (object.type === "Identifier") return unknownName(object, scope, context);
  if (object.type === "Super") return refusedNode(object, scope);
  // What is wrong with the object itself comes first: this.k, [1, 2][0], a?.b.c
  convertExpression(object, scope, context);
  return refuse(node.computed ? FORMS.indexed : FORMS.property, span);
}

function call(node: CallExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const callee = direct(node.callee);
  if (callee.type === "Super") throw refusedNode(callee, scope);
  if (callee.type === "ArrowFunctionExpression" || callee.type === "FunctionExpression") {
    return context.inline({ name: "this function", node: callee, scope }, helperArguments(node, scope, context), span);
  }
  const text = convertIncludes(node, scope, context) ?? convertMethod(node, scope, context);
  if (text !== null) return text;
  const binding = named(callee, scope, context);
  if (binding !== null) {
    const name = textOf(callee, scope);
    switch (binding.kind) {
      case "function":
        return context.inline(binding.closure, helperArguments(node, scope, context), span);
      case "builtin":
        return builtin(binding.builtin, node, scope, context);
      case "later":
        throw tooEarly(name, scope.span(callee));
      case "scalar":
      case "array":
      case "strings":
      case "record":
      case "window":
        throw new LambdaError("DC111", `${name} is ${CALLED[binding.kind]} and is called`, span, `Hand over a function under this name${binding.kind === "array" ? `, or read ${name}[x]` : ""}`);
      case "variable":
      case "value":
        throw new LambdaError("DC106", `${name} is a number and is called`, span, "Hand a helper function over by name, { clamp }, and write clamp(x)");
      default:
        return binding satisfies never;
    }
  }
  const path = globalPath(callee, scope, context);
  if (path !== null) return builtin(builtinOf(path, node, scope, context), node, scope, context);
  throw unknownCallee(node, scope, context);
}

const CALLED = { scalar: "a single value", array: "an array", strings: "a list of strings", record: "a row", window: "a window" } as const;

/** The callee of `(0, callee)(x)`, as tools write the call of an import. */
function direct(callee: CallExpression["callee"]): CallExpression["callee"] {
  if (callee.type !== "SequenceExpression" || callee.expressions.length !== 2) return callee;
  const [zero, last] = callee.expressions;
  return zero?.type === "Literal" && last !== undefined ? last : callee;
}

function unknownCallee(node: CallExpression, scope: Scope, context: Context): LambdaError {
  const callee = direct(node.callee);
  if (callee.type === "Identifier") return unknownName(callee, scope, context);
  if (callee.type !== "MemberExpression") {
    // What is wrong with the callee itself comes first: `x`(1), (a ?? b)(x)
    convertExpression(callee as Expression, scope, context);
    return refuse(FORMS.called, scope.span(callee));
  }
  const { object, property } = callee;
  const known = named(object, scope, context);
  if (known === null) return notAnObject(callee, callee !== node.callee, scope, context);
  const method = textOf(property, scope);
  if (known.kind === "strings") return listOnlySearched(textOf(object, scope), `asked for ${method}()`, scope.span(callee));
  return new LambdaError("DC106", `${textOf(object, scope)} has no method ${method} in a kernel`, scope.span(callee), "Call functions of Math and Number, or helper functions handed over by name");
}

function builtinOf(path: string, node: CallExpression, scope: Scope, context: Context): Builtin {
  if (isBuiltin(path)) return path;
  const callee = direct(node.callee);
  if (callee.type === "Identifier") throw unknownName(callee, scope, context);
  if (CONSTANTS.has(path)) throw new LambdaError("DC106", `${path} is a number and is called`, scope.span(node), `Write ${path} without parentheses`);
  throw unknownMember(path, scope.span(callee));
}

function builtin(path: Builtin, node: CallExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const args = node.arguments.map((arg) => convertExpression(plain(arg, scope), scope, context));
  const count = argumentCount(path);
  if (count !== null && args.length !== count) {
    throw new LambdaError("DC106", `${path} takes ${count === 1 ? "one argument" : "two arguments"} and is given ${args.length}`, span, `Write ${path}(${count === 1 ? "x" : path.startsWith("BigInt.") ? "64, x" : "x, y"})`);
  }
  const none = VARIADIC.get(path);
  return none !== undefined && args.length === 0 ? { kind: "literal", value: none, span } : { kind: "call", callee: path, args, span };
}

function plain(node: Expression | SpreadElement, scope: Scope): Expression {
  if (node.type === "SpreadElement") throw refusedNode(node, scope);
  return node;
}

/** Arguments of a helper: arrays, rows and functions are handed on as they are, all else is a value. */
function helperArguments(node: CallExpression, scope: Scope, context: Context): readonly Argument[] {
  return node.arguments.map((arg) => {
    const expression = plain(arg, scope);
    const binding = named(expression, scope, context);
    return isHandedOn(binding) ? binding : convertExpression(expression, scope, context);
  });
}

/** The variable that an assignment changes. */
function target(node: Pattern, scope: Scope, context: Context): string {
  const span = scope.span(node);
  if (node.type === "MemberExpression") {
    if (node.object.type === "ThisExpression" || node.object.type === "Super") throw refusedNode(node.object, scope);
    if (node.computed || named(node.object, scope, context)?.kind === "array") throw refuse(FORMS.assignedElement, span);
    throw refuse(FORMS.assignedProperty, span);
  }
  if (node.type !== "Identifier") throw refusedNode(node, scope);
  const binding = lookup(node.name, scope, context);
  if (binding === null) {
    if (isGlobal(node.name)) throw new LambdaError("DC105", `${node.name} belongs to JavaScript and is assigned`, span, "Assign to a variable of the lambda's own, declared with let");
    throw new LambdaError("DC104", `"${node.name}" is not known inside this lambda`, span, "A kernel cannot change outer variables: give results back, or fold them with reduce");
  }
  if (binding.kind === "later") throw tooEarly(node.name, span);
  if (binding.kind !== "variable" || binding.constant) {
    const what = binding.kind === "variable" ? "a constant" : binding.kind === "function" ? "a function" : "a captured value";
    const remedy = binding.kind === "variable" ? "Declare it with let" : binding.kind === "scalar" ? `Copy it into a variable first: let copy = ${node.name}` : "Assign to a variable of another name, declared with let";
    throw new LambdaError("DC105", `${node.name} is ${what} and is assigned`, span, remedy);
  }
  return binding.name;
}

/** An assignment or `++` as a statement. */
function change(node: Change, scope: Scope, context: Context): { readonly name: string; readonly body: readonly SurfaceStmt[] } {
  const span = scope.span(node);
  if (node.type === "UpdateExpression") {
    const name = target(node.argument as Pattern, scope, context);
    const one: SurfaceExpr = { kind: "literal", value: 1, step: true, span };
    const old: SurfaceExpr = { kind: "variable", name, span: scope.span(node.argument) };
    return { name, body: [{ kind: "assign", name, value: { kind: "binary", operator: node.operator === "++" ? "+" : "-", left: old, right: one, span }, span }] };
  }
  const { operator } = node;
  if (operator === "??=") throw refuse(FORMS.nullish, span);
  const name = target(node.left, scope, context);
  const value = convertExpression(node.right, scope, context);
  if (operator === "=") return { name, body: [{ kind: "assign", name, value, span }] };
  const old: SurfaceExpr = { kind: "variable", name, span: scope.span(node.left) };
  if (operator === "&&=" || operator === "||=") {
    const test: SurfaceExpr = operator === "&&=" ? old : { kind: "unary", operator: "!", argument: old, span: old.span };
    return { name, body: [{ kind: "if", test, then: [{ kind: "assign", name, value, span }], otherwise: [], span }] };
  }
  const plainOperator = operator.slice(0, -1) as BinaryOperator;
  return { name, body: [{ kind: "assign", name, value: { kind: "binary", operator: plainOperator, left: old, right: value, span }, span }] };
}

/** An assignment or `++` as a value. */
function changed(node: Change, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  refuseStore(node, scope, context);
  const { name, body } = change(node, scope, context);
  const now: SurfaceExpr = { kind: "variable", name, span };
  if (node.type === "AssignmentExpression" || node.prefix) return { kind: "do", body, result: now, span };
  const before = context.names.unique(`${name}_before`);
  context.constants.add(before);
  return { kind: "do", body: [{ kind: "declare", name: before, value: now, mutable: false, span }, ...body], result: { kind: "variable", name: before, span }, span };
}

/** An expression that is evaluated for what it does, not for its value. */
export function convertEffect(node: Expression, scope: Scope, context: Context): readonly SurfaceStmt[] {
  return nested(context, () => scope.span(node), () => effect(node, scope, context));
}

function effect(node: Expression, scope: Scope, context: Context): readonly SurfaceStmt[] {
  const span = scope.span(node);
  switch (node.type) {
    case "AssignmentExpression":
    case "UpdateExpression":
      return convertStore(node, scope, context) ?? change(node, scope, context).body;
    case "SequenceExpression":
      return node.expressions.flatMap((part) => convertEffect(part, scope, context));
    case "LogicalExpression": {
      if (node.operator === "??") throw refuse(FORMS.nullish, span);
      const left = convertTest(node.left, scope, context);
      const body = convertEffect(node.right, narrowed(node.left, node.operator === "&&", scope, context), context);
      const test: SurfaceExpr = node.operator === "&&" ? left : { kind: "unary", operator: "!", argument: left, span: left.span };
      return [{ kind: "if", test, then: body, otherwise: [], span }];
    }
    case "ConditionalExpression":
      return [
        {
          kind: "if",
          test: convertTest(node.test, scope, context),
          then: convertEffect(node.consequent, narrowed(node.test, true, scope, context), context),
          otherwise: convertEffect(node.alternate, narrowed(node.test, false, scope, context), context),
          span,
        },
      ];
    case "CallExpression":
      // What esbuild writes below a function to keep its name says nothing more.
      if (node.callee.type === "Identifier" && node.callee.name === "__name" && lookup("__name", scope, context) === null) return [];
      return discard(convertExpression(node, scope, context), context);
    default:
      return discard(convertExpression(node, scope, context), context);
  }
}

/** Evaluates a value and forgets it: it may still fail, as an element out of range does. */
function discard(value: SurfaceExpr, context: Context): readonly SurfaceStmt[] {
  if (value.kind === "literal" || value.kind === "string" || value.kind === "null" || value.kind === "variable" || value.kind === "capture" || value.kind === "length") return [];
  if (value.kind === "do") return [...value.body, ...discard(value.result, context)];
  const name = context.names.unique("unused");
  context.constants.add(name);
  return [{ kind: "declare", name, value, mutable: false, span: value.span }];
}
