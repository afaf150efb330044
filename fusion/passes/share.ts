/**
 * Common subexpressions: an expression that stands twice is computed once, in a local before its first use. Only
 * expressions of values that do not change within an element are shared, and only ones without effects, so computing them
 * earlier (or where a branch would not have) changes nothing.
 */
import { local } from "../build.js";
import type { Expr, Kernel, Stmt } from "../ir.js";
import { assignedIn, declaredIn, isEffect, mapExpr, mapStmts, operandsOf, usesOf, walkStmts } from "../traverse.js";
import { Names } from "./parameters.js";

/** Beyond this many expressions sharing stops looking: C++ compilers share too, and time matters more. */
const MOST_EXPRESSIONS = 4000;

export function share(kernel: Kernel): Kernel {
  let { body } = kernel;
  const taken = [...kernel.scalars, ...kernel.arrays].map(parameter => parameter.name);
  const names = new Names([...taken, ...usesOf(body), ...declaredIn(body), ...sinkNames(kernel)]);
  const changing = new Set(assignedIn(body));
  for (;;) {
    const repeated = mostExpensiveRepeat(body, changing);
    if (repeated === null) return body === kernel.body ? kernel : { ...kernel, body };
    const name = names.fresh("shared");
    const { expr, before, key } = repeated;
    const replaced = mapStmts(body, { expr: whole => mapExpr(whole, node => (node.type === expr.type && keyOf(node) === key ? local(expr.type, name) : node)) });
    const declaration: Stmt = { kind: "declare", name, type: expr.type, value: expr, mutable: false };
    body = [...replaced.slice(0, before), declaration, ...replaced.slice(before)];
  }
}

function sinkNames({ sink }: Kernel): string[] {
  if (sink.kind !== "fold") return [];
  const combine = sink.combine === null ? [] : [sink.combine.left, sink.combine.right, ...declaredIn(sink.combine.body)];
  return [sink.accumulator, ...(sink.first === null ? [] : [sink.first]), ...combine];
}

interface Repeat {
  readonly expr: Expr;
  readonly key: string;
  /** The index of the first top-level statement that mentions it. */
  readonly before: number;
}

/** The largest expression that stands at least twice and whose values are all known before its first statement. */
function mostExpensiveRepeat(body: readonly Stmt[], changing: ReadonlySet<string>): Repeat | null {
  const found = new Map<string, { expr: Expr; count: number; size: number; before: number }>();
  const known = new Set<string>();
  let total = 0;
  for (const [index, stmt] of body.entries()) {
    walkStmts([stmt], {
      expr: expr => {
        total++;
        if (total > MOST_EXPRESSIONS || (expr.kind !== "apply" && expr.kind !== "select") || isEffect(expr)) return;
        const key = keyOf(expr);
        const entry = found.get(key);
        if (entry) entry.count++;
        else if (isFixed(expr, known, changing)) found.set(key, { expr, count: 1, size: sizeOf(expr), before: index });
      },
    });
    if (stmt.kind === "declare") known.add(stmt.name);
  }
  let best: { expr: Expr; count: number; size: number; before: number; key: string } | null = null;
  for (const [key, entry] of found) {
    if (entry.count > 1 && (best === null || entry.size > best.size)) best = { ...entry, key };
  }
  return best;
}

/** Whether every local in the expression is declared at top level already, and never assigned. */
function isFixed(expr: Expr, known: ReadonlySet<string>, changing: ReadonlySet<string>): boolean {
  if (expr.kind === "local") return known.has(expr.name) && !changing.has(expr.name);
  return operandsOf(expr).every(operand => isFixed(operand, known, changing));
}

const sizeOf = (expr: Expr): number => operandsOf(expr).reduce((sum, operand) => sum + sizeOf(operand), 1);

const KEYS = new WeakMap<Expr, string>();

/** A text that two expressions share exactly when they are the same. */
function keyOf(expr: Expr): string {
  const known = KEYS.get(expr);
  if (known !== undefined) return known;
  const key = writeKey(expr);
  KEYS.set(expr, key);
  return key;
}

function writeKey(expr: Expr): string {
  switch (expr.kind) {
    case "const":
      return `${expr.type}:${Object.is(expr.value, -0) ? "-0" : String(expr.value)}`;
    case "local":
    case "capture":
      return `${expr.kind} ${expr.name}`;
    case "element":
    case "index":
      return expr.kind;
    case "length":
      return `length ${expr.array}`;
    case "read":
      return `${expr.array}[${keyOf(expr.at)}]`;
    case "apply":
      return `${expr.type}.${expr.op}(${expr.args.map(keyOf).join(",")})`;
    case "select":
      return `select(${keyOf(expr.test)},${keyOf(expr.yes)},${keyOf(expr.no)})`;
    default:
      return expr satisfies never;
  }
}
