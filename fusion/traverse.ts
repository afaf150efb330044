/**
 * Walking and rebuilding the IR. Mapping returns the very same object wherever nothing changed, so passes can tell by
 * identity whether they did anything.
 */
import { ELEMENT_LABEL, type Expr, type Kernel, type SingleSink, type Sink, type Stmt } from "./ir.js";
import { operator } from "./ops.js";
import { isBigType, isFloatType, type ElementType } from "./types.js";

/** Like `map`, but returns the same array when every item stayed the same. */
function mapList<T>(items: readonly T[], map: (item: T) => T): readonly T[] {
  let changed = false;
  const mapped = items.map(item => {
    const next = map(item);
    changed ||= next !== item;
    return next;
  });
  return changed ? mapped : items;
}

/** Rebuilds an expression from its mapped operands, without going deeper. */
export function mapOperands(expr: Expr, map: (operand: Expr) => Expr): Expr {
  switch (expr.kind) {
    case "const":
    case "local":
    case "capture":
    case "element":
    case "index":
    case "axis":
    case "column":
    case "length":
      return expr;
    case "read": {
      const at = map(expr.at);
      return at === expr.at ? expr : { ...expr, at };
    }
    case "apply": {
      const args = mapList(expr.args, map);
      return args === expr.args ? expr : { ...expr, args };
    }
    case "select": {
      const test = map(expr.test);
      const yes = map(expr.yes);
      const no = map(expr.no);
      return test === expr.test && yes === expr.yes && no === expr.no ? expr : { ...expr, test, yes, no };
    }
    default:
      return expr satisfies never;
  }
}

/** Rebuilds an expression bottom-up: operands first, then the node that holds them. */
export function mapExpr(expr: Expr, map: (expr: Expr) => Expr): Expr {
  return map(mapOperands(expr, operand => mapExpr(operand, map)));
}

export interface StmtMapper {
  /** Gets every expression that a statement holds, whole (not its operands: combine with `mapExpr`). */
  readonly expr?: (expr: Expr) => Expr;
  /** Gets every statement once what it holds has been mapped; gives what takes its place, none or several included. */
  readonly stmt?: (stmt: Stmt) => Stmt | readonly Stmt[];
}

const keep = <T>(same: T): T => same;

/** Rebuilds statements bottom-up. */
export function mapStmts(stmts: readonly Stmt[], mapper: StmtMapper): readonly Stmt[] {
  const mapOne = mapper.stmt ?? keep;
  let changed = false;
  const mapped: Stmt[] = [];
  for (const stmt of stmts) {
    const next = mapOne(mapParts(stmt, mapper));
    changed ||= next !== stmt;
    if (Array.isArray(next)) mapped.push(...(next as readonly Stmt[]));
    else mapped.push(next as Stmt);
  }
  return changed ? mapped : stmts;
}

function mapParts(stmt: Stmt, mapper: StmtMapper): Stmt {
  const mapValue = mapper.expr ?? keep;
  switch (stmt.kind) {
    case "declare":
    case "assign": {
      const value = mapValue(stmt.value);
      return value === stmt.value ? stmt : { ...stmt, value };
    }
    case "if": {
      const test = mapValue(stmt.test);
      const then = mapStmts(stmt.then, mapper);
      const otherwise = mapStmts(stmt.otherwise, mapper);
      return test === stmt.test && then === stmt.then && otherwise === stmt.otherwise ? stmt : { ...stmt, test, then, otherwise };
    }
    case "loop":
    case "block": {
      const body = mapStmts(stmt.body, mapper);
      return body === stmt.body ? stmt : { ...stmt, body };
    }
    case "store": {
      const at = mapValue(stmt.at);
      const value = mapValue(stmt.value);
      return at === stmt.at && value === stmt.value ? stmt : { ...stmt, at, value };
    }
    case "leave":
    case "visit":
      return stmt;
    case "yield": {
      const values = mapList(stmt.values, mapValue);
      return values === stmt.values ? stmt : { ...stmt, values };
    }
    default:
      return stmt satisfies never;
  }
}

/** Rebuilds a kernel's body and, where a fold has one, its `combine`. */
export function mapKernel(kernel: Kernel, mapper: StmtMapper): Kernel {
  const body = mapStmts(kernel.body, mapper);
  const { sink } = kernel;
  if (sink.kind !== "fold" || sink.combine === null) return body === kernel.body ? kernel : { ...kernel, body };
  const { combine } = sink;
  const combineBody = mapStmts(combine.body, mapper);
  const value = (mapper.expr ?? keep)(combine.value);
  const sameCombine = combineBody === combine.body && value === combine.value;
  if (sameCombine && body === kernel.body) return kernel;
  return { ...kernel, body, sink: sameCombine ? sink : { ...sink, combine: { ...combine, body: combineBody, value } } };
}

/** The operands of an expression, in the order of evaluation. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "const":
    case "local":
    case "capture":
    case "element":
    case "index":
    case "axis":
    case "column":
    case "length":
      return [];
    case "read":
      return [expr.at];
    case "apply":
      return expr.args;
    case "select":
      return [expr.test, expr.yes, expr.no];
    default:
      return expr satisfies never;
  }
}

/** Visits an expression and all below it, the outer ones first. */
export function walkExpr(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  for (const operand of operandsOf(expr)) walkExpr(operand, visit);
}

/** Whether an expression is made of captures and constants alone: it has one value for all elements. */
export function isUniform(expr: Expr): boolean {
  let uniform = true;
  walkExpr(expr, ({ kind }) => (uniform &&= kind !== "element" && kind !== "index" && kind !== "column" && kind !== "local"));
  return uniform;
}

/** The expressions that a statement holds itself, whole; not those of statements nested in it. */
export function valuesOf(stmt: Stmt): readonly Expr[] {
  switch (stmt.kind) {
    case "declare":
    case "assign":
      return [stmt.value];
    case "if":
      return [stmt.test];
    case "store":
      return [stmt.at, stmt.value];
    case "yield":
      return stmt.values;
    case "loop":
    case "block":
    case "leave":
    case "visit":
      return [];
    default:
      return stmt satisfies never;
  }
}

/** The statement lists nested directly in a statement. */
export function bodiesOf(stmt: Stmt): readonly (readonly Stmt[])[] {
  switch (stmt.kind) {
    case "if":
      return [stmt.then, stmt.otherwise];
    case "loop":
    case "block":
      return [stmt.body];
    case "declare":
    case "assign":
    case "store":
    case "leave":
    case "visit":
    case "yield":
      return [];
    default:
      return stmt satisfies never;
  }
}

export interface StmtVisitor {
  /** Gets every expression, operands included. */
  readonly expr?: (expr: Expr) => void;
  readonly stmt?: (stmt: Stmt) => void;
}

/** Visits statements in order, and within each: itself, its expressions, its nested statements. */
export function walkStmts(stmts: readonly Stmt[], visitor: StmtVisitor): void {
  for (const stmt of stmts) {
    visitor.stmt?.(stmt);
    if (visitor.expr !== undefined) for (const value of valuesOf(stmt)) walkExpr(value, visitor.expr);
    for (const body of bodiesOf(stmt)) walkStmts(body, visitor);
  }
}

/** Visits a kernel's body and, where a fold has one, its `combine`; of a scan what it stores. */
export function walkKernel(kernel: Kernel, visitor: StmtVisitor): void {
  walkStmts(kernel.body, visitor);
  if (kernel.sink.kind === "scan" && visitor.expr !== undefined) walkExpr(kernel.sink.stored, visitor.expr);
  if (kernel.sink.kind !== "fold" || kernel.sink.combine === null) return;
  walkStmts(kernel.sink.combine.body, visitor);
  if (visitor.expr !== undefined) walkExpr(kernel.sink.combine.value, visitor.expr);
}

/**
 * Whether this very node can fail at run time: a captured array's `read`, a BigInt division, `BigInt()` of a float. Such a
 * node is only ever the whole value of a `declare` or an `assign`.
 */
export function isEffect(expr: Expr): boolean {
  if (expr.kind === "read") return true;
  if (expr.kind !== "apply") return false;
  const [first] = expr.args;
  if (first === undefined) return false;
  if (expr.op === "convert") return isBigType(expr.type) && isFloatType(first.type);
  return operator(expr.op).fails.includes(first.type);
}

/** Whether any expression of these statements can fail at run time, or any of them stores. */
export function hasEffects(stmts: readonly Stmt[]): boolean {
  let found = false;
  walkStmts(stmts, { expr: expr => (found ||= isEffect(expr)), stmt: ({ kind }) => (found ||= kind === "store") });
  return found;
}

/** Whether running the kernel can fail. */
export function canFail(kernel: Kernel): boolean {
  let found = false;
  walkKernel(kernel, { expr: expr => (found ||= isEffect(expr)), stmt: ({ kind }) => (found ||= kind === "store") });
  return found;
}

/** Whether the statements contain a loop, so that running them may take for ever. */
export function hasLoops(stmts: readonly Stmt[]): boolean {
  let found = false;
  walkStmts(stmts, { stmt: stmt => (found ||= stmt.kind === "loop") });
  return found;
}

/** The labels outside of these statements that they may leave to. */
export function leavesOf(stmts: readonly Stmt[]): ReadonlySet<string> {
  const labels = new Set<string>();
  for (const stmt of stmts) {
    if (stmt.kind === "leave") labels.add(stmt.label);
    for (const body of bodiesOf(stmt)) {
      for (const label of leavesOf(body)) if (!("label" in stmt) || stmt.label !== label) labels.add(label);
    }
  }
  return labels;
}

/** The elements of the array that the sink stores; null if it stores none. */
export const storedElement = (sink: Sink): ElementType | null => (sink.kind === "array" || sink.kind === "scan" ? sink.element : null);

/** The local that holds the accumulator of a left fold, and the one whose declaration starts it without a seed; null for other sinks. */
export function leftFold(sink: Sink): { readonly accumulator: string; readonly first: string | null } | null {
  if (sink.kind === "fold") return sink;
  return sink.kind === "scan" && sink.order.kind === "left" ? { accumulator: sink.running, first: sink.order.first } : null;
}

/** Whether there is a yield for every element. */
export const alwaysYields = (kernel: Kernel): boolean => !rejects(kernel) && kernel.body.at(-1)?.kind === "yield";

/** The results of a sink, one by one. */
export const sinksOf = (sink: Sink): readonly SingleSink[] => (sink.kind === "several" ? sink.sinks : [sink]);

/** Whether the body may end an element without a yield. */
export const rejects = (kernel: Kernel): boolean => leavesOf(kernel.body).has(ELEMENT_LABEL);

const isExpr = (code: Expr | readonly Stmt[]): code is Expr => !Array.isArray(code);

/** Visits every expression of an expression or of statements. */
function eachExpr(code: Expr | readonly Stmt[], visit: (expr: Expr) => void): void {
  if (isExpr(code)) walkExpr(code, visit);
  else walkStmts(code, { expr: visit });
}

/** The names that are used: locals, captured scalars and captured arrays (names are unique among all of them). */
export function usesOf(code: Expr | readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  if (!isExpr(code)) for (const name of storedIn(code)) names.add(name);
  eachExpr(code, expr => {
    if (expr.kind === "local" || expr.kind === "capture") names.add(expr.name);
    else if ("array" in expr) names.add(expr.array);
  });
  return names;
}

/** Whether the source element, or its place, is read anywhere. */
export function mentions(code: Expr | readonly Stmt[], kind: "element" | "index"): boolean {
  let found = false;
  eachExpr(code, expr => (found ||= expr.kind === kind));
  return found;
}

/** The arrays that statements store into, nested ones included. */
export function storedIn(stmts: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  walkStmts(stmts, { stmt: stmt => void (stmt.kind === "store" && names.add(stmt.array)) });
  return names;
}

/** The names that statements declare, nested ones included. */
export function declaredIn(stmts: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  walkStmts(stmts, { stmt: stmt => void (stmt.kind === "declare" && names.add(stmt.name)) });
  return names;
}

/** The names that statements assign, nested ones included. */
export function assignedIn(stmts: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  walkStmts(stmts, { stmt: stmt => void (stmt.kind === "assign" && names.add(stmt.name)) });
  return names;
}

/** Every name of a kernel: parameters, locals and labels. */
export function namesOf(kernel: Kernel): ReadonlySet<string> {
  const { sink } = kernel;
  const names = new Set([...kernel.scalars, ...kernel.arrays].map(parameter => parameter.name));
  walkKernel(kernel, {
    stmt: stmt => {
      if (stmt.kind === "declare") names.add(stmt.name);
      else if ("label" in stmt) names.add(stmt.label);
    },
  });
  if (sink.kind === "fold") {
    names.add(sink.accumulator);
    if (sink.combine !== null) names.add(sink.combine.left).add(sink.combine.right);
  }
  if (sink.kind === "scan") names.add(sink.running);
  return names;
}
