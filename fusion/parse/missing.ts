/**
 * What may be missing: the row of the other query that a leftJoin found no match for. Such a row is null. A lambda tests it, and reads
 * it where the test has found it, or says with `??` what to take instead.
 */
import type { ChainExpression, Expression, LogicalExpression, MemberExpression } from "acorn";
import { LambdaError } from "../errors.js";
import { column } from "./records.js";
import { FORMS } from "./refusals.js";
import { columnName, named, refusedNode } from "./resolve.js";
import { nested, refuse } from "./scope.js";
import type { Context, RecordBinding, Scope } from "./scope.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** A value, or a row (which has none), that is not always there. */
interface Maybe {
  readonly value: SurfaceExpr | null;
  readonly present: SurfaceExpr;
  /** What JavaScript has in its place. */
  readonly missing: "null" | "undefined";
}

type MaybeRecord = RecordBinding & { readonly present: (span: Span) => SurfaceExpr };

const mayBeMissing = (record: RecordBinding): record is MaybeRecord => record.present !== null;

function maybe(node: Expression, scope: Scope, context: Context): Maybe | null {
  const span = scope.span(node);
  if (node.type === "ChainExpression") {
    const chained = chain(node, scope, context);
    return chained !== null && mayBeMissing(chained.record) ? { value: fieldOf(chained.record, chained.member, scope), present: chained.record.present(span), missing: "undefined" } : null;
  }
  if (node.type === "LogicalExpression" && node.operator === "??") {
    const [left, right] = [maybe(node.left, scope, context), maybe(node.right, scope, context)];
    if (left === null || right === null) return null;
    const value: SurfaceExpr | null = left.value === null || right.value === null ? null : { kind: "conditional", test: left.present, yes: left.value, no: right.value, span };
    return { value, present: { kind: "logical", operator: "||", left: left.present, right: right.present, span }, missing: right.missing };
  }
  const binding = node.type === "Identifier" ? named(node, scope, context) : null;
  if (binding?.kind !== "record" || !mayBeMissing(binding)) return null;
  return { value: binding.single === null ? null : { kind: "variable", name: binding.variable(binding.single), span }, present: binding.present(span), missing: "null" };
}

/** `row?.price`, whether the row may be missing or not. */
function chain({ expression }: ChainExpression, scope: Scope, context: Context): { readonly record: RecordBinding; readonly member: MemberExpression } | null {
  if (expression.type !== "MemberExpression" || !expression.optional || expression.object.type !== "Identifier") return null;
  const record = named(expression.object, scope, context);
  return record?.kind === "record" && record.single === null ? { record, member: expression } : null;
}

const fieldOf = (record: RecordBinding, member: MemberExpression, scope: Scope): SurfaceExpr => column({ ...record, present: null }, columnName(member, scope), scope.span(member.property));

/** `row?.price` where no `??` says what to take instead. */
export function convertChain(node: ChainExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const chained = chain(node, scope, context);
  if (chained === null) throw refusedNode(node, scope);
  if (mayBeMissing(chained.record)) throw new LambdaError("DC113", "this is undefined where the row is missing", span, `Say what to take instead: ${textAt(span)} ?? NaN`);
  return fieldOf(chained.record, chained.member, scope);
}

/** `row?.price ?? 0` */
export function convertNullish(node: LogicalExpression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  const left = maybe(node.left, scope, context);
  if (left === null && context.nulls) return { kind: "nullish", left: context.convert(node.left, scope), right: context.convert(node.right, scope), span };
  if (left === null) throw refuse(FORMS.nullish, span);
  if (left.value === null) throw new LambdaError("DC113", `${textAt(scope.span(node.left))} is a row, and no other can take its place`, scope.span(node.left), `Say so for each of its columns: ${textAt(scope.span(node.left))}?.price ?? NaN`);
  // A column of a row that is there may be null all the same.
  const value: SurfaceExpr = { kind: "conditional", test: left.present, yes: left.value, no: { kind: "null", span }, span };
  return { kind: "nullish", left: value, right: context.convert(node.right, scope), span };
}

/** `undefined` is `void 0` where esbuild has passed over it. */
function nothingOf(node: Expression, scope: Scope, context: Context): Maybe["missing"] | null {
  if (node.type === "Literal" && node.raw === "null") return "null";
  if (node.type === "Identifier" && node.name === "undefined" && named(node, scope, context) === null) return "undefined";
  return node.type === "UnaryExpression" && node.operator === "void" && node.argument.type === "Literal" ? "undefined" : null;
}

/** `row === null`, either way round; null for comparisons of other things. */
export function comparison(operator: string, left: Expression, right: Expression, scope: Scope, context: Context): { readonly present: SurfaceExpr; readonly whenPresent: boolean; readonly name: string | null } | null {
  if (operator !== "===" && operator !== "!==" && operator !== "==" && operator !== "!=") return null;
  const nothing = nothingOf(right, scope, context) ?? nothingOf(left, scope, context);
  if (nothing === null) return null;
  const tested = nothingOf(right, scope, context) === null ? right : left;
  const known = maybe(tested, scope, context);
  if (known === null) return null;
  const span = scope.span(tested);
  if (operator.length === 3 && known.missing !== nothing) throw new LambdaError("DC113", `${textAt(span)} is never ${nothing}: where it is missing it is ${known.missing}`, span, `Write ${textAt(span)} ${operator} ${known.missing}`);
  return { present: known.present, whenPresent: operator.startsWith("!"), name: tested.type === "Identifier" ? tested.name : null };
}

/** A test: what may be missing counts as false where it is. */
export function convertTest(node: Expression, scope: Scope, context: Context): SurfaceExpr {
  const span = scope.span(node);
  if (node.type === "Identifier") {
    const tested = maybe(node, scope, context);
    if (tested === null) return context.convert(node, scope);
    return tested.value === null ? tested.present : { kind: "logical", operator: "&&", left: tested.present, right: truth(tested.value), span };
  }
  if (node.type !== "LogicalExpression" || node.operator === "??") return context.convert(node, scope);
  const { operator } = node;
  return nested(context, () => span, () => {
    const left = convertTest(node.left, scope, context);
    const right = convertTest(node.right, narrowed(node.left, operator === "&&", scope, context), context);
    const testsPresence = found(node.left, operator === "&&", scope, context).length > 0;
    return { kind: "logical", operator, left, right: testsPresence ? truth(right) : right, span };
  });
}

/** A value as a boolean. */
function truth(value: SurfaceExpr): SurfaceExpr {
  const { span } = value;
  return { kind: "unary", operator: "!", argument: { kind: "unary", operator: "!", argument: value, span }, span };
}

/** The scope in which a test has come out so: what it has found to be there may be read. */
export function narrowed(test: Expression, outcome: boolean, scope: Scope, context: Context): Scope {
  const names = found(test, outcome, scope, context);
  if (names.length === 0) return scope;
  const inner = scope.inner();
  for (const name of names) declarePresent(name, inner, context);
  return inner;
}

/** Makes what a test has found readable in this scope itself: behind an `if` that leaves where it is missing. */
export function narrow(test: Expression, outcome: boolean, scope: Scope, context: Context): void {
  for (const name of found(test, outcome, scope, context)) declarePresent(name, scope, context);
}

function declarePresent(name: string, scope: Scope, context: Context): void {
  const binding = scope.lookup(name) ?? context.captures.lookup(name);
  if (binding?.kind !== "record") return;
  const { single } = binding;
  if (single === null) scope.declare(name, { ...binding, present: null });
  else scope.declare(name, { kind: "variable", name: binding.variable(single), constant: true });
}

/** The names of what is there if the test has this outcome. */
function found(test: Expression, outcome: boolean, scope: Scope, context: Context): readonly string[] {
  switch (test.type) {
    case "Identifier":
      return outcome && maybe(test, scope, context) !== null ? [test.name] : [];
    case "UnaryExpression":
      return test.operator === "!" ? found(test.argument, !outcome, scope, context) : [];
    case "BinaryExpression": {
      const compared = test.left.type === "PrivateIdentifier" ? null : comparison(test.operator, test.left, test.right, scope, context);
      return compared !== null && compared.name !== null && compared.whenPresent === outcome ? [compared.name] : [];
    }
    case "LogicalExpression":
      return test.operator !== "??" && (test.operator === "&&") === outcome ? [...found(test.left, outcome, scope, context), ...found(test.right, outcome, scope, context)] : [];
    default:
      return [];
  }
}

const textAt = ({ source, start, end }: Span): string => source.text.slice(start, end);
