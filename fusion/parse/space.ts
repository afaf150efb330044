/**
 * The text of an index-space kernel becomes a surface lambda: its first parameters are places along the axes of the space, and those
 * behind them what it is called with, which is known by name as captures are. It gives nothing back, and writes to the arrays.
 */
import { LambdaError } from "../errors.js";
import { convertEffect, convertExpression } from "./expressions.js";
import { checkAssigned, withoutDeadCode } from "./flow.js";
import { assignedNames, declareOwnName, inline, parameterName } from "./lambda.js";
import { Names } from "./names.js";
import { Captures, Scope, type Context } from "./scope.js";
import { checkPlain, parseFunction, type FunctionNode } from "./source.js";
import { convertBody } from "./statements.js";
import { firstStore, neverReached } from "./stores.js";
import type { CaptureKind, SurfaceLambda, SurfaceStmt } from "./surface.js";

export interface SpaceOptions {
  /** The kernel's name, for messages. */
  readonly name: string;
  readonly axes: 1 | 2 | 3;
  readonly captures: Readonly<Record<string, CaptureKind>>;
  /** By the names of the parameters behind the places. */
  readonly given: Readonly<Record<string, CaptureKind>>;
}

const labelOf = (name: string): string => `the kernel ${name}`;
const PLACES = ["i", "x, y", "x, y, z"] as const;

/** The names of the parameters behind the places. */
export function parametersOf(text: string, { name, axes }: Pick<SpaceOptions, "name" | "axes">): readonly string[] {
  const { site, node } = parseFunction({ text, label: labelOf(name) });
  checkPlain(node, site);
  const scope = new Scope(null, site);
  if (node.params.length <= axes) {
    const span = { ...scope.span(node), end: scope.span(node.body).start };
    throw new LambdaError(
      "DC103",
      `${labelOf(name)} takes ${axes === 1 ? "a place" : `${axes} places`} and at least one array, not ${node.params.length} parameter${node.params.length === 1 ? "" : "s"}`,
      span,
      `Name them: (${PLACES[axes - 1] as string}, out: Float32Array) => { … }`,
    );
  }
  return node.params.slice(axes).map(parameter => parameterName(parameter, scope));
}

/** Parses the text of a kernel; throws LambdaError, which says where and what to write instead. */
export function parseSpace(text: string, options: SpaceOptions): SurfaceLambda {
  const { name, axes, given } = options;
  const { site, node } = parseFunction({ text, label: labelOf(name) });
  const scope = new Scope(null, site);
  const kinds = { ...options.captures, ...given };
  const names = new Names(Object.keys(kinds));
  const arrays = new Set(Object.keys(given).filter(parameter => given[parameter]?.kind === "array"));
  const context: Context = {
    names,
    captures: new Captures(kinds, `kernel(${JSON.stringify(name)}, `, text, Object.keys(given)),
    constants: new Set(),
    inlining: [node],
    lists: null,
    keys: false,
    convert: (part, inner) => convertExpression(part, inner, context),
    inline: (closure, args, span) => inline(closure, args, span, context),
    nulls: false,
    givesNulls: false,
    stores: { arrays, done: names.unique("done") },
    depth: 0,
    size: 0,
  };
  declareOwnName(node, scope);
  const inner = scope.inner();
  const assigned = assignedNames(node);
  const copies: SurfaceStmt[] = [];
  const parameters = node.params.slice(0, axes).map(parameter => {
    const written = parameterName(parameter, scope);
    const unique = names.unique(written);
    context.constants.add(unique);
    if (assigned.has(written)) copies.push(copyOf(written, { kind: "variable", name: unique, span: inner.span(parameter) }, inner, names));
    else inner.declare(written, { kind: "variable", name: unique, constant: true });
    return unique;
  });
  for (const parameter of node.params.slice(axes)) {
    const written = parameterName(parameter, scope);
    if (assigned.has(written) && given[written]?.kind === "scalar") copies.push(copyOf(written, { kind: "capture", name: written, span: inner.span(parameter) }, inner, names));
  }
  const body = [...copies, ...bodyOf(node, inner, assigned, context)];
  const end = inner.span({ start: node.body.end - 1, end: node.body.end });
  const captures = { scalars: [...context.captures.scalars, ...copies.flatMap(({ kind, ...copy }) => (kind === "declare" && "value" in copy && copy.value?.kind === "capture" ? [copy.value.name] : []))], arrays: [...context.captures.arrays] };
  const lambda: SurfaceLambda = { source: site.source, parameters, rows: parameters.map(() => null), body, result: { kind: "literal", value: 0, span: end }, captures };
  checkAssigned(lambda);
  return lambda;
}

/** A parameter that is assigned is a variable which starts with what was given. */
function copyOf(written: string, value: Extract<SurfaceStmt, { kind: "assign" }>["value"], scope: Scope, names: Names): SurfaceStmt {
  const name = names.unique(written);
  scope.declare(written, { kind: "variable", name, constant: false });
  return { kind: "declare", name, value, mutable: true, span: value.span };
}

/** The statements, as a block that `return;` leaves. */
function bodyOf({ body }: FunctionNode, scope: Scope, assigned: ReadonlySet<string>, context: Context): readonly SurfaceStmt[] {
  if (body.type !== "BlockStatement") return convertEffect(body, scope, context);
  // What is returned has become a leave, so these are statements like others.
  const written = convertBody(body, scope.inner(), assigned, context);
  const statements = withoutDeadCode(written) as readonly SurfaceStmt[];
  const store = firstStore(written);
  if (store !== null && firstStore(statements) === null) throw neverReached(store);
  const label = context.stores?.done ?? "done";
  return [{ kind: "block", label, body: statements, span: scope.span(body) }];
}
