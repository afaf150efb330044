/** Applies the rewrite rules until none fits, and tidies statements: constants, copies and branches that decide nothing. */
import { apply, convert } from "../build.js";
import type { Expr, ExprOf, Kernel, Stmt } from "../ir.js";
import { assignedIn, leavesOf, leftFold, mapExpr, mapKernel, mapOperands, type StmtMapper } from "../traverse.js";
import { RULES, type Bindings, type Pattern, type Rule } from "./rules.js";

/** The rules by the operator they start from. */
const BY_HEAD = new Map<string, Rule[]>();
for (const rule of RULES) {
  const head = rule.from.kind === "apply" ? rule.from.op : rule.from.kind;
  BY_HEAD.set(head, [...(BY_HEAD.get(head) ?? []), rule]);
}

export function sameExpr(a: Expr, b: Expr): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.type !== b.type) return false;
  switch (a.kind) {
    case "const":
      return Object.is(a.value, (b as typeof a).value);
    case "local":
    case "capture":
      return a.name === (b as typeof a).name;
    case "element":
    case "index":
      return true;
    case "axis":
      return a.axis === (b as typeof a).axis;
    case "column":
      return a.array === (b as typeof a).array && a.offset === (b as typeof a).offset;
    case "length":
      return a.array === (b as typeof a).array;
    case "read":
      return a.array === (b as typeof a).array && sameExpr(a.at, (b as typeof a).at);
    case "apply": {
      const other = b as typeof a;
      return a.op === other.op && a.args.length === other.args.length && a.args.every((arg, index) => sameExpr(arg, other.args[index] as Expr));
    }
    case "select": {
      const other = b as typeof a;
      return sameExpr(a.test, other.test) && sameExpr(a.yes, other.yes) && sameExpr(a.no, other.no);
    }
    default:
      return a satisfies never;
  }
}

/** The bindings under which an expression is the pattern; null if it is not. */
export function match(pattern: Pattern, expr: Expr, bound: Bindings = {}): Bindings | null {
  switch (pattern.kind) {
    case "any": {
      if (pattern.type !== undefined && pattern.type !== expr.type) return null;
      if (pattern.constant && expr.kind !== "const") return null;
      const known = bound[pattern.name];
      if (known === undefined) return { ...bound, [pattern.name]: expr };
      return sameExpr(known, expr) ? bound : null;
    }
    case "value": {
      if (expr.kind !== "const") return null;
      const same = typeof expr.value === "bigint" ? typeof pattern.value === "number" && expr.value === BigInt(pattern.value) : Object.is(expr.value, pattern.value);
      return same ? bound : null;
    }
    case "apply": {
      if (expr.kind !== "apply" || expr.op !== pattern.op || (pattern.type !== undefined && pattern.type !== expr.type)) return null;
      return matchAll(pattern.args, expr.args, bound);
    }
    case "select":
      return expr.kind === "select" ? matchAll([pattern.test, pattern.yes, pattern.no], [expr.test, expr.yes, expr.no], bound) : null;
    default:
      return pattern satisfies never;
  }
}

function matchAll(patterns: readonly Pattern[], exprs: readonly Expr[], bound: Bindings): Bindings | null {
  if (patterns.length !== exprs.length) return null;
  return patterns.reduce<Bindings | null>((bindings, pattern, index) => bindings && match(pattern, exprs[index] as Expr, bindings), bound);
}

/** What a rule makes of an expression; null where it does not apply. */
export function applyRule(rule: Rule, expr: Expr): Expr | null {
  const first = expr.kind === "apply" ? expr.args[0] : expr.kind === "select" ? expr.test : undefined;
  if (first === undefined || !rule.over.includes(first.type)) return null;
  const bindings = match(rule.from, expr);
  return bindings && rule.to(bindings, expr);
}

/** One node, its operands being simple already. Every rule makes an expression smaller or cheaper, so this ends. */
function simplifyNode(expr: Expr): Expr {
  if (expr.kind === "apply" && expr.args.every(arg => arg.kind === "const")) return folded(expr);
  for (const rule of BY_HEAD.get(expr.kind === "apply" ? expr.op : expr.kind) ?? []) {
    const better = applyRule(rule, expr);
    if (better !== null) return mapOperands(simplifyNode(better), simplifyNode);
  }
  return expr;
}

/** An operator on constants, computed; as it is where it may fail. */
function folded(expr: ExprOf<"apply">): Expr {
  const computed = expr.op === "convert" ? convert(expr.type, expr.args[0] as Expr) : apply(expr.op, ...expr.args);
  return computed.kind === "const" ? computed : expr;
}

export const simplifyExpr = (expr: Expr): Expr => mapExpr(expr, simplifyNode);

/** Values that cost nothing to mention again. */
function isTrivial(expr: Expr, mutable: ReadonlySet<string>): boolean {
  if (expr.kind === "local") return !mutable.has(expr.name);
  return expr.kind === "const" || expr.kind === "capture" || expr.kind === "element" || expr.kind === "index" || expr.kind === "axis" || expr.kind === "length";
}

export function simplify(kernel: Kernel): Kernel {
  let before = kernel;
  for (;;) {
    const after = simplifyOnce(before);
    if (after === before) return after;
    before = after;
  }
}

function simplifyOnce(kernel: Kernel): Kernel {
  const mutable = new Set(assignedIn(kernel.body));
  const fold = leftFold(kernel.sink);
  // The accumulator changes from element to element, and the sink reads `first` by its name.
  if (fold !== null) mutable.add(fold.accumulator);
  if (kernel.sink.kind === "fold" && kernel.sink.combine !== null) for (const name of assignedIn(kernel.sink.combine.body)) mutable.add(name);
  const copies = new Map<string, Expr>();
  const substitute = (expr: Expr): Expr => (expr.kind === "local" ? (copies.get(expr.name) ?? expr) : expr);
  const mapper: StmtMapper = {
    expr: expr => simplifyExpr(copies.size === 0 ? expr : mapExpr(expr, substitute)),
    stmt: stmt => {
      if (stmt.kind === "declare" && !mutable.has(stmt.name) && stmt.name !== fold?.first && isTrivial(stmt.value, mutable)) {
        copies.set(stmt.name, stmt.value);
        return [];
      }
      return tidy(stmt);
    },
  };
  return mapKernel(kernel, mapper);
}

function tidy(stmt: Stmt): Stmt | readonly Stmt[] {
  switch (stmt.kind) {
    case "if": {
      if (stmt.test.kind === "const") return stmt.test.value === true ? stmt.then : stmt.otherwise;
      return stmt.then.length === 0 && stmt.otherwise.length === 0 ? [] : stmt;
    }
    case "block":
      return leavesOf(stmt.body).has(stmt.label) ? stmt : stmt.body;
    case "declare":
    case "assign":
    case "store":
    case "loop":
    case "leave":
    case "visit":
    case "yield":
      return stmt;
    default:
      return stmt satisfies never;
  }
}
