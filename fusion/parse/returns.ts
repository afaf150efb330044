/** Takes `return` out of a function's statements: what is left is a body and the result that is evaluated after it. */
import { LambdaError } from "../errors.js";
import { fallsThrough, withoutDeadCode } from "./flow.js";
import type { Names } from "./names.js";
import { columnsOf, rowPlace, type Place } from "./choices.js";
import type { Span, SurfaceExpr, SurfaceStmt } from "./surface.js";

/** A statement as the author wrote it: still with `return`. */
export type Raw = { readonly span: Span } & (
  | Extract<SurfaceStmt, { readonly kind: "declare" | "assign" | "store" | "leave" }>
  | { readonly kind: "if"; readonly test: SurfaceExpr; readonly then: readonly Raw[]; readonly otherwise: readonly Raw[] }
  | { readonly kind: "loop" | "block"; readonly label: string; readonly body: readonly Raw[] }
  | { readonly kind: "return"; readonly value: SurfaceExpr }
);

export interface Lowered {
  readonly body: readonly SurfaceStmt[];
  readonly result: SurfaceExpr;
}

/** `span` is where the end of the function is, for the error that a path gets there without a result. */
export function withoutReturns(statements: readonly Raw[], label: string, span: Span, names: Names): Lowered {
  const live = withoutDeadCode(statements);
  if (fallsThrough(live)) {
    throw new LambdaError("DC107", `${label} gives no result on some path`, span, "End every path with return; a kernel has no undefined");
  }
  return lower(live, names, span);
}

function lower(statements: readonly Raw[], names: Names, span: Span): Lowered {
  const index = statements.findIndex(returns);
  // Without a return these never end, and the result is never evaluated.
  if (index < 0) return { body: statements as readonly SurfaceStmt[], result: { kind: "literal", value: 0, span } };
  const before = statements.slice(0, index) as readonly SurfaceStmt[];
  const rest = statements.slice(index);
  const result = asExpression(rest, 0);
  if (result !== null) return { body: before, result };
  const place = placeFor(rest, names, span);
  return { body: [...before, ...place.declared, ...assigning(rest, place, names, 0)], result: place.result };
}

function placeFor(statements: readonly Raw[], names: Names, span: Span): Place {
  const declare = (name: string): SurfaceStmt => ({ kind: "declare", name, value: null, mutable: true, span });
  const first = resultsOf(statements)[0] as SurfaceExpr;
  const columns = columnsOf(first);
  if (columns === null) {
    const name = names.unique("result");
    return { declared: [declare(name)], result: { kind: "variable", name, span }, assign: (value, span) => [{ kind: "assign", name, value, span }] };
  }
  return rowPlace(columns, names, span);
}

/** What is returned anywhere in these statements. */
function resultsOf(statements: readonly Raw[]): readonly SurfaceExpr[] {
  return statements.flatMap((statement) => {
    switch (statement.kind) {
      case "return":
        return [statement.value];
      case "if":
        return [...resultsOf(statement.then), ...resultsOf(statement.otherwise)];
      case "loop":
      case "block":
        return resultsOf(statement.body);
      default:
        return [];
    }
  });
}

/** Early returns after one another nest as `else`; beyond this they leave a block instead. */
const MAX_NESTING = 32;

/** `return a`, or `if (t) return a; else return b`, as an expression; null for anything that needs statements. */
function asExpression(statements: readonly Raw[], depth: number): SurfaceExpr | null {
  const [first, ...rest] = statements;
  if (first?.kind === "return") return first.value;
  if (first?.kind !== "if" || depth >= MAX_NESTING) return null;
  const paths = bothPaths(first, rest);
  if (paths === null) return null;
  const yes = asExpression(paths.then, depth + 1);
  const no = yes === null ? null : asExpression(paths.otherwise, depth + 1);
  return yes === null || no === null ? null : { kind: "conditional", test: first.test, yes, no, span: first.span };
}

/** What follows an `if` belongs to the one path that gets there; null where both do, since code is not doubled. */
function bothPaths(node: Extract<Raw, { kind: "if" }>, rest: readonly Raw[]): { readonly then: readonly Raw[]; readonly otherwise: readonly Raw[] } | null {
  if (!fallsThrough(node.then)) return { then: node.then, otherwise: [...node.otherwise, ...rest] };
  if (!fallsThrough(node.otherwise)) return { then: [...node.then, ...rest], otherwise: node.otherwise };
  return null;
}

/** Statements that assign their result, instead of returning it. */
function assigning(statements: readonly Raw[], place: Place, names: Names, depth: number): readonly SurfaceStmt[] {
  const index = statements.findIndex(returns);
  // Without a return these never end.
  if (index < 0) return statements as readonly SurfaceStmt[];
  const before = statements.slice(0, index) as readonly SurfaceStmt[];
  const first = statements[index] as Raw;
  const rest = statements.slice(index + 1);
  if (first.kind === "return") return [...before, ...place.assign(first.value, first.span)];
  const paths = first.kind === "if" && depth < MAX_NESTING ? bothPaths(first, rest) : null;
  if (first.kind === "if" && paths !== null) {
    const branch: SurfaceStmt = {
      kind: "if",
      test: first.test,
      then: assigning(paths.then, place, names, depth + 1),
      otherwise: assigning(paths.otherwise, place, names, depth + 1),
      span: first.span,
    };
    return [...before, branch];
  }
  const label = names.unique("returned");
  const body = statements.slice(index).flatMap((statement) => leaving(statement, place, label));
  // The last return is at the end of the block already.
  const last = body.at(-1);
  if (last?.kind === "leave" && last.label === label) body.pop();
  return [...before, { kind: "block", label, body, span: first.span }];
}

/** Every return, however deep, assigns the result and leaves. */
function leaving(statement: Raw, place: Place, label: string): SurfaceStmt[] {
  const { span } = statement;
  const all = (statements: readonly Raw[]): SurfaceStmt[] => statements.flatMap((inner) => leaving(inner, place, label));
  switch (statement.kind) {
    case "return":
      return [...place.assign(statement.value, span), { kind: "leave", label, span }];
    case "if":
      return [{ kind: "if", test: statement.test, then: all(statement.then), otherwise: all(statement.otherwise), span }];
    case "loop":
    case "block":
      return [{ kind: statement.kind, label: statement.label, body: all(statement.body), span }];
    case "declare":
    case "assign":
    case "store":
    case "leave":
      return [statement];
    default:
      return statement satisfies never;
  }
}

/** Whether a statement holds a return. */
function returns(statement: Raw): boolean {
  switch (statement.kind) {
    case "return":
      return true;
    case "if":
      return statement.then.some(returns) || statement.otherwise.some(returns);
    case "loop":
    case "block":
      return statement.body.some(returns);
    case "declare":
    case "assign":
    case "store":
    case "leave":
      return false;
    default:
      return statement satisfies never;
  }
}
