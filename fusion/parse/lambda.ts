/** The text of a lambda becomes a surface lambda: names resolved, helpers inlined, everything unsupported refused. */
import type { Node, Pattern } from "acorn";
import { isValidity, shownNames } from "../columns.js";
import { LambdaError } from "../errors.js";
import { convertExpression } from "./expressions.js";
import { checkAssigned } from "./flow.js";
import { Names } from "./names.js";
import { listShape } from "./lists.js";
import { convertResult, objectAtTop, takeApart } from "./objects.js";
import { refusedNode } from "./resolve.js";
import { recordOf, type RowParameter } from "./records.js";
import { withoutReturns } from "./returns.js";
import type { Lowered } from "./returns.js";
import { Captures, Scope } from "./scope.js";
import type { Argument, Closure, Context, RecordBinding, WindowBinding } from "./scope.js";
import { checkPlain, parseFunction } from "./source.js";
import type { FunctionNode } from "./source.js";
import { convertBody } from "./statements.js";
import { takeWindowApart, windowOf, type WindowParameter } from "./windows.js";
import type { CaptureKind, Span, SurfaceExpr, SurfaceLambda, SurfaceStmt } from "./surface.js";

export interface LambdaOptions {
  /** How messages call the function: `the lambda of map`. Its last word is the method that remedies show. */
  readonly label: string;
  readonly captures: Readonly<Record<string, CaptureKind>>;
  readonly parameters: {
    readonly least: number;
    readonly most: number;
    /** What the parameters mean, for messages: `["element", "index"]`. */
    readonly names?: readonly string[];
    /** Parameters that stand for rows or windows, by their place, or for what may be missing; null for those that are a value. */
    readonly rows?: readonly (RowParameter | WindowParameter | null)[];
  };
  /** Whether the result may be an object: a row. */
  readonly givesRows?: boolean;
  /** Whether the result is a list: see lists.ts. */
  readonly givesLists?: boolean;
  /** Whether the result is a key, of which a list is one of several parts. */
  readonly givesKeys?: boolean;
}

/** Parses the text of a lambda; throws LambdaError, which says where and what to write instead. */
export function parseLambda(text: string, options: LambdaOptions): SurfaceLambda {
  const { label } = options;
  const { site, node } = parseFunction({ text, label });
  checkPlain(node, site);
  const scope = new Scope(null, site);
  checkCount(node, scope, options);
  const names = new Names(Object.keys(options.captures));
  const context: Context = {
    names,
    captures: new Captures(options.captures, `.${label.slice(label.lastIndexOf(" ") + 1)}(`, text),
    constants: new Set(),
    inlining: [node],
    lists: options.givesLists === true ? listShape(node, scope) : null,
    keys: options.givesKeys === true,
    convert: (node, scope) => convertExpression(node, scope, context),
    inline: (closure, args, span) => inline(closure, args, span, context),
    nulls: (options.parameters.rows ?? []).some(row => row !== null && "columns" in row && (row.mayBeMissing || row.columns?.some(isValidity) === true)),
    givesNulls: options.givesRows === true,
    stores: null,
    depth: 0,
    size: 0,
  };
  const assigned = assignedNames(node);
  declareOwnName(node, scope);
  const inner = scope.inner();
  const unique: string[] = [];
  const rows: (ReadonlyMap<string, string> | null)[] = [];
  const copies: SurfaceStmt[] = [];
  /** A name that is assigned is a variable which starts with the argument. */
  const copy = (written: string, value: SurfaceExpr): void => {
    const variable = names.unique(written);
    copies.push({ kind: "declare", name: variable, value, mutable: true, span: value.span });
    inner.declare(written, { kind: "variable", name: variable, constant: false });
  };
  for (const [index, parameter] of node.params.entries()) {
    const row = options.parameters.rows?.[index] ?? null;
    if (row === null) {
      const written = parameterName(parameter, scope);
      const name = names.unique(written);
      unique.push(name);
      rows.push(null);
      context.constants.add(name);
      if (assigned.has(written)) copy(written, { kind: "variable", name, span: inner.span(parameter) });
      else inner.declare(written, { kind: "variable", name, constant: true });
    } else {
      const read = new Map<string, string>();
      const whole = "window" in row ? windowOf(row, read, names, context.constants) : recordOf({ ...row, columns: row.columns && shownNames(row.columns) }, read, names, context.constants);
      unique.push(names.unique(whole.kind === "window" ? "window" : "row"));
      rows.push(read);
      bindWhole(parameter, whole, inner, (name, value) => (assigned.has(name) ? copy(name, value) : inner.declare(name, { kind: "value", value })));
    }
  }
  const { body, result: given } = convertFunction(node, label, inner, assigned, context);
  const { body: before, result } = objectAtTop(given, names, context.constants);
  if (result.kind === "object" && options.givesRows !== true) {
    throw new LambdaError("DC111", `${label} gives a row where a single value is needed`, result.span, "Only map gives rows: .map(x => ({ x, square: x * x }))");
  }
  const { scalars, arrays } = context.captures;
  const lambda: SurfaceLambda = { source: site.source, parameters: unique, rows, body: [...copies, ...body, ...before], result, captures: { scalars: [...scalars], arrays: [...arrays] } };
  checkAssigned(lambda);
  return lambda;
}

/** The body of a function whose parameters are known in `scope`. */
function convertFunction(node: FunctionNode, label: string, scope: Scope, assigned: ReadonlySet<string>, context: Context): Lowered {
  const { body } = node;
  if (body.type !== "BlockStatement") return { body: [], result: convertResult(body, scope, context) };
  const end = scope.span({ start: body.end - 1, end: body.end });
  return withoutReturns(convertBody(body, scope.inner(), assigned, context), label, end, context.names);
}

/** A function may be known by its own name inside itself, where using it is recursion. */
export function declareOwnName(node: FunctionNode, scope: Scope): void {
  if (node.type !== "ArrowFunctionExpression" && node.id) {
    scope.declare(node.id.name, { kind: "function", closure: { name: node.id.name, node, scope } });
  }
}

export function parameterName(parameter: Pattern, scope: Scope): string {
  if (parameter.type !== "Identifier") throw refusedNode(parameter, scope);
  return parameter.name;
}

/** Makes a row or a window known by the parameter's name, or its columns or elements by theirs. */
function bindWhole(parameter: Pattern, whole: RecordBinding | WindowBinding, scope: Scope, partNamed: (name: string, value: SurfaceExpr) => void): void {
  if (parameter.type === "ObjectPattern" && whole.kind === "record") takeApart(parameter, whole, scope, partNamed);
  else if (parameter.type === "ArrayPattern" && whole.kind === "window") takeWindowApart(parameter, whole, scope, partNamed, node => refusedNode(node, scope));
  else scope.declare(parameterName(parameter, scope), whole);
}

function checkCount(node: FunctionNode, scope: Scope, options: LambdaOptions): void {
  const { params: parameters } = node;
  const { least, most, names = [] } = options.parameters;
  if (parameters.length >= least && parameters.length <= most) return;
  const range = least === most ? `${most}` : parameters.length < least ? `at least ${least}` : `at most ${most}`;
  const meaning = names.length > 0 ? ` (${names.slice(0, most).join(", ")})` : "";
  const extra = node.params[most];
  const span = extra === undefined ? { ...scope.span(node), end: scope.span(node.body).start } : scope.span(extra);
  throw new LambdaError(
    "DC103",
    `${options.label} takes ${range} parameter${range.endsWith("1") && most === 1 ? "" : "s"}${meaning}, not ${parameters.length}`,
    span,
    parameters.length < least ? `Name ${least === 1 ? "it" : `all ${least}`}: (${names.length > 0 ? names.slice(0, least).join(", ") : "…"}) => …` : "Hand over other values by name, as captures",
  );
}

/** Puts a helper's body in place of its call, its arguments evaluated once. */
export function inline(closure: Closure, args: readonly Argument[], span: Span, context: Context): SurfaceExpr {
  const { node, name } = closure;
  const { site } = closure.scope;
  if (context.inlining.includes(node)) {
    throw new LambdaError("DC109", `${name} calls itself`, span, "Write a loop: a kernel has no call stack");
  }
  checkPlain(node, site);
  const scope = new Scope(closure.scope, site);
  const parameters = node.params;
  if (args.length < parameters.length) {
    const missing = parameters.slice(args.length).map(parameter => scope.span(parameter)).map(({ source, start, end }) => source.text.slice(start, end));
    throw new LambdaError("DC103", `${name} takes ${parameters.length} argument${parameters.length === 1 ? "" : "s"} and is given ${args.length}`, span, `Give a value for ${missing.join(", ")}`);
  }
  const assigned = assignedNames(node);
  declareOwnName(node, scope);
  const inner = scope.inner();
  const body: SurfaceStmt[] = [];
  for (const [index, arg] of args.entries()) {
    const parameter = parameters[index];
    if ((arg.kind === "record" || arg.kind === "window") && parameter !== undefined) {
      bindWhole(parameter, arg, inner, (name, value) => {
        if (!assigned.has(name)) return inner.declare(name, { kind: "value", value });
        const unique = context.names.unique(name);
        body.push({ kind: "declare", name: unique, value, mutable: true, span: value.span });
        inner.declare(name, { kind: "variable", name: unique, constant: false });
      });
      continue;
    }
    const written = parameter === undefined ? undefined : parameterName(parameter, scope);
    if (arg.kind === "array" || arg.kind === "strings" || arg.kind === "record" || arg.kind === "window" || arg.kind === "function") {
      if (written !== undefined) inner.declare(written, arg);
    } else if (written !== undefined && !assigned.has(written) && isFixed(arg, context)) {
      inner.declare(written, { kind: "value", value: arg });
    } else {
      const mutable = written !== undefined && assigned.has(written);
      const unique = context.names.unique(written ?? "unused");
      if (!mutable) context.constants.add(unique);
      body.push({ kind: "declare", name: unique, value: arg, mutable, span: arg.span });
      if (written !== undefined) inner.declare(written, { kind: "variable", name: unique, constant: !mutable });
    }
  }
  context.inlining.push(node);
  const lowered = convertFunction(node, name === "this function" ? name : `the helper ${name}`, inner, assigned, context);
  context.inlining.pop();
  const whole = [...body, ...lowered.body];
  return whole.length === 0 ? lowered.result : { kind: "do", body: whole, result: lowered.result, span };
}

/** Whether an argument has the same value wherever it is evaluated, and costs nothing. */
function isFixed(arg: SurfaceExpr, context: Context): boolean {
  switch (arg.kind) {
    case "literal":
    case "string":
    case "null":
    case "capture":
    case "length":
      return true;
    case "variable":
      return context.constants.has(arg.name);
    default:
      return false;
  }
}

const ASSIGNED = new WeakMap<FunctionNode, ReadonlySet<string>>();

/** The names that any assignment in a function is to. Shadowing is not looked at: a copy too many does no harm. */
export function assignedNames(node: FunctionNode): ReadonlySet<string> {
  const known = ASSIGNED.get(node);
  if (known !== undefined) return known;
  const names = new Set<string>();
  const pending: unknown[] = [node];
  while (pending.length > 0) {
    const item = pending.pop();
    if (typeof item !== "object" || item === null) continue;
    pending.push(...(Object.values(item) as unknown[]));
    const { type, left, argument } = item as { readonly type?: string; readonly left?: Node; readonly argument?: Node };
    const target = type === "AssignmentExpression" ? left : type === "UpdateExpression" ? argument : undefined;
    if (target?.type === "Identifier") names.add((target as Node & { readonly name: string }).name);
  }
  ASSIGNED.set(node, names);
  return names;
}
