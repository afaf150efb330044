/** Statements: loops, `break` and `continue` become `loop`, `block` and `leave`; `return` is kept until returns.ts. */
import type {
  ArrayPattern,
  BlockStatement,
  DoWhileStatement,
  Expression,
  ForStatement,
  LabeledStatement,
  Node,
  ObjectPattern,
  Statement,
  VariableDeclaration,
  VariableDeclarator,
  WhileStatement,
} from "acorn";
import { CompilerBug, LambdaError } from "../errors.js";
import { convertEffect, convertExpression } from "./expressions.js";
import { fallsThrough } from "./flow.js";
import { endOfKernel } from "./stores.js";
import { convertTest, narrow, narrowed } from "./missing.js";
import { convertResult, takeApart } from "./objects.js";
import { FORMS } from "./refusals.js";
import { checkPlain } from "./source.js";
import { named, refusedNode } from "./resolve.js";
import { isHandedOn, nested, refuse } from "./scope.js";
import { takeWindowApart } from "./windows.js";
import type { Context, Scope } from "./scope.js";
import type { Raw } from "./returns.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** Where `break` and `continue` may go, in one function. */
interface Target {
  /** The label the author wrote, if any. */
  readonly written: readonly string[];
  readonly end: string;
  /** Where `continue` goes: the end of this iteration. Null for labelled blocks. */
  readonly next: string | null;
  continued: boolean;
}

interface Frame {
  readonly scope: Scope;
  readonly targets: readonly Target[];
  /** The names that any assignment in the function's text is to. */
  readonly assigned: ReadonlySet<string>;
}

/** The statements of a function's block body. */
export function convertBody(block: BlockStatement, scope: Scope, assigned: ReadonlySet<string>, context: Context): readonly Raw[] {
  return list(block.body, { scope, targets: [], assigned }, context);
}

/** Statements that share a scope, which their declarations are known in from its start on. */
function list(nodes: readonly Statement[], frame: Frame, context: Context): readonly Raw[] {
  for (const node of nodes) announce(node, frame.scope);
  return nodes.flatMap((node) => statement(node, frame, context));
}

function announce(node: Node, scope: Scope): void {
  if (node.type === "FunctionDeclaration") {
    const declaration = node as Statement & { readonly type: "FunctionDeclaration" };
    const { name } = declaration.id;
    scope.declare(name, { kind: "function", closure: { name, node: declaration, scope } });
  } else if (node.type === "VariableDeclaration") {
    for (const { id } of (node as VariableDeclaration).declarations) if (id.type === "Identifier") scope.declare(id.name, { kind: "later" });
  }
}

function block(node: Statement, frame: Frame, context: Context): readonly Raw[] {
  return list(node.type === "BlockStatement" ? node.body : [node], { ...frame, scope: frame.scope.inner() }, context);
}

function statement(node: Statement, frame: Frame, context: Context): readonly Raw[] {
  return nested(context, () => frame.scope.span(node), () => convert(node, frame, context));
}

function convert(node: Statement, frame: Frame, context: Context): readonly Raw[] {
  const { scope } = frame;
  const span = scope.span(node);
  switch (node.type) {
    case "EmptyStatement":
      return [];
    case "ExpressionStatement":
      return node.directive !== undefined ? [] : convertEffect(node.expression, scope, context);
    case "BlockStatement":
      return block(node, frame, context);
    case "VariableDeclaration":
      return declaration(node, frame, context);
    case "FunctionDeclaration":
      checkPlain(node, scope.site);
      return [];
    case "ReturnStatement":
      if (context.stores !== null && context.inlining.length === 1) return [endOfKernel(node, span, context.stores.done)];
      if (!node.argument) throw new LambdaError("DC107", "this return gives no value", span, "Give a number or a boolean back: return x");
      return [{ kind: "return", value: convertResult(node.argument, scope, context), span }];
    case "IfStatement": {
      const test = convertTest(node.test, scope, context);
      const branch = (of: Statement, outcome: boolean): readonly Raw[] => block(of, { ...frame, scope: narrowed(node.test, outcome, scope, context) }, context);
      const then = branch(node.consequent, true);
      const otherwise = node.alternate ? branch(node.alternate, false) : [];
      // What comes behind is reached by the other branch alone.
      if (!fallsThrough(then)) narrow(node.test, false, scope, context);
      else if (!fallsThrough(otherwise)) narrow(node.test, true, scope, context);
      return [{ kind: "if", test, then, otherwise, span }];
    }
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
      return loop(node, [], frame, context);
    case "LabeledStatement":
      return labelled(node, [], frame, context);
    case "BreakStatement":
    case "ContinueStatement":
      return [jump(node.type === "BreakStatement", node.label?.name ?? null, span, frame)];
    default:
      throw refusedNode(node, scope);
  }
}

/** acorn has checked that the target exists. */
function jump(isBreak: boolean, label: string | null, span: Span, frame: Frame): Raw {
  const fits = (target: Target): boolean => (label === null ? target.next !== null : target.written.includes(label));
  const target = frame.targets.findLast(fits);
  if (target === undefined) throw new CompilerBug(`no target for ${label ?? "break"}`);
  if (isBreak || target.next === null) return { kind: "leave", label: target.end, span };
  target.continued = true;
  return { kind: "leave", label: target.next, span };
}

function labelled(node: LabeledStatement, outer: readonly string[], frame: Frame, context: Context): readonly Raw[] {
  const { body } = node;
  const written = [...outer, node.label.name];
  switch (body.type) {
    case "LabeledStatement":
      return labelled(body, written, frame, context);
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
      return loop(body, written, frame, context);
    default: {
      const target: Target = { written, end: context.names.unique(node.label.name), next: null, continued: false };
      const inside = block(body, { ...frame, targets: [...frame.targets, target] }, context);
      return [{ kind: "block", label: target.end, body: inside, span: frame.scope.span(node) }];
    }
  }
}

function loop(node: WhileStatement | DoWhileStatement | ForStatement, written: readonly string[], outer: Frame, context: Context): readonly Raw[] {
  const end = context.names.unique(written[0] ?? "loop");
  const target: Target = { written, end, next: context.names.unique("next"), continued: false };
  const scope = outer.scope.inner();
  const frame: Frame = { ...outer, scope, targets: [...outer.targets, target] };
  const before: Raw[] = [];
  if (node.type === "ForStatement" && node.init) {
    if (node.init.type === "VariableDeclaration") {
      announce(node.init, scope);
      before.push(...declaration(node.init, frame, context));
    } else {
      before.push(...convertEffect(node.init, scope, context));
    }
  }
  const span = scope.span(node);
  const test = node.test ? leaveUnless(node.test, end, scope, context) : [];
  const inside = block(node.body, frame, context);
  const iteration: readonly Raw[] = target.continued && target.next !== null ? [{ kind: "block", label: target.next, body: inside, span }] : inside;
  const update = node.type === "ForStatement" && node.update ? convertEffect(node.update, scope, context) : [];
  const body = node.type === "DoWhileStatement" ? [...iteration, ...test] : [...test, ...iteration, ...update];
  return [...before, { kind: "loop", label: end, body, span }];
}

function leaveUnless(node: Expression, label: string, scope: Scope, context: Context): readonly Raw[] {
  const test = convertTest(node, scope, context);
  const { span } = test;
  const leave: Raw = { kind: "leave", label, span };
  if (test.kind === "literal") return test.value ? [] : [leave];
  const ended: SurfaceExpr = test.kind === "unary" && test.operator === "!" ? test.argument : { kind: "unary", operator: "!", argument: test, span };
  return [{ kind: "if", test: ended, then: [leave], otherwise: [], span }];
}

function declaration(node: VariableDeclaration, frame: Frame, context: Context): readonly Raw[] {
  const span = frame.scope.span(node);
  if (node.kind === "var") throw refuse(FORMS.var, { ...span, end: span.start + 3 });
  if (node.kind !== "let" && node.kind !== "const") throw refusedNode(node, frame.scope);
  const constant = node.kind === "const";
  return node.declarations.flatMap((declarator) => declare(declarator, constant, frame, context));
}

function declare(node: VariableDeclarator, constant: boolean, frame: Frame, context: Context): readonly Raw[] {
  const { scope } = frame;
  const { id } = node;
  const span = scope.span(node);
  const init = node.init ? withoutName(node.init, scope) : null;
  if ((id.type === "ObjectPattern" || id.type === "ArrayPattern") && init !== null) return parts(id, init, constant, frame, context);
  if (id.type !== "Identifier") throw refusedNode(id, scope);
  if (init !== null && (init.type === "ArrowFunctionExpression" || init.type === "FunctionExpression")) {
    if (!constant) throw refuse(FORMS.letFunction, span);
    checkPlain(init, scope.site);
    scope.declare(id.name, { kind: "function", closure: { name: id.name, node: init, scope } });
    return [];
  }
  const alias = init !== null ? named(init, scope, context) : null;
  if (isHandedOn(alias)) {
    if (!constant) throw refuse(FORMS.letAlias, span);
    scope.declare(id.name, alias);
    return [];
  }
  const value = init === null ? null : convertExpression(init, scope, context);
  // A column that may be null is no value of a variable: the name stands for the column itself.
  if (constant && context.nulls && value?.kind === "variable" && context.constants.has(value.name)) {
    scope.declare(id.name, { kind: "value", value });
    return [];
  }
  const name = context.names.unique(id.name);
  const mutable = value === null || (!constant && frame.assigned.has(id.name));
  if (!mutable) context.constants.add(name);
  scope.declare(id.name, { kind: "variable", name, constant });
  return [{ kind: "declare", name, value, mutable, span }];
}

/** `const { price, quantity } = row`, `const [a, b] = window` */
function parts(pattern: ObjectPattern | ArrayPattern, init: Expression, constant: boolean, { scope, assigned }: Frame, context: Context): readonly Raw[] {
  const whole = named(init, scope, context);
  const declared: Raw[] = [];
  const part = (name: string, value: SurfaceExpr, node: Node): void => {
    if (constant || !assigned.has(name)) {
      scope.declare(name, { kind: "value", value });
      return;
    }
    const unique = context.names.unique(name);
    scope.declare(name, { kind: "variable", name: unique, constant: false });
    declared.push({ kind: "declare", name: unique, value, mutable: true, span: scope.span(node) });
  };
  if (pattern.type === "ObjectPattern" && whole?.kind === "record") takeApart(pattern, whole, scope, part);
  else if (pattern.type === "ArrayPattern" && whole?.kind === "window") takeWindowApart(pattern, whole, scope, part, node => refusedNode(node, scope));
  else throw refusedNode(pattern, scope);
  return declared;
}

/** `__name(function, "name")` is how esbuild keeps a function's name. */
function withoutName(node: Expression, scope: Scope): Expression {
  const wrapped = node.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === "__name" && scope.lookup("__name") === null;
  const [inner] = wrapped ? node.arguments : [];
  return inner !== undefined && inner.type !== "SpreadElement" ? inner : node;
}
