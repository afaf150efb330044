/** Nulls during type inference: values that may be missing, what may be done with them, and which tests say that they are there. */
import { apply, constant, truth } from "../build.js";
import { validColumn } from "../columns.js";
import { LambdaError } from "../errors.js";
import type { Expr } from "../ir.js";
import type { Span, SurfaceExpr } from "../parse/surface.js";
import type { Inference } from "./infer.js";
import { inferBinary } from "./infer-operators.js";
import { chooseExpr, isEquality, zero } from "./infer-values.js";
import { storageOf, kindOf, type Missing, type Typed } from "./typing.js";

/** The literal: a value of any type that is never there. */
export const nothing = (span: Span): Typed => ({ expr: constant("f64", 0), weak: true, integral: [], missing: { present: truth(false), column: null }, span });

const isNothing = ({ missing }: Typed): boolean => missing?.present.kind === "const" && missing.present.value === false;

export const presentOf = ({ missing }: Typed): Expr => missing?.present ?? truth(true);

/** A value whose nulls have been dealt with. */
export const withoutMissing = (value: Typed): Typed => ({ ...value, missing: undefined });

/** What every use but `??`, `===` and their like needs: a value that is never null. */
export function there(value: Typed): Typed {
  const { missing, span } = value;
  if (missing === undefined) return value;
  if (isNothing(value)) throw new LambdaError("DC208", "null is no value to compute with", span, "Compare with it, row.price === null, or give it as a column of the result");
  const { column } = missing;
  const other = value.string === true ? '""' : "0";
  if (column === null) throw new LambdaError("DC208", "this may be null, and it is used as if it never were", span, `Say what null becomes: (…) ?? ${other}`);
  const named = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(column);
  throw new LambdaError(
    "DC208",
    `the column ${column} has nulls, and it is read as if it had none`,
    span,
    `Say what null becomes, ${named ? `row.${column}` : `row[${JSON.stringify(column)}]`} ?? ${other}, or deal with nulls before: .dropNulls(${JSON.stringify(column)}) or .fillNulls({ ${named ? column : JSON.stringify(column)}: ${other} })`,
  );
}

/** A column of a row that a lambda gives: its values, and, where some may be null, whether they are there. */
export function columnsFor(name: string, value: Typed): readonly (readonly [string, Typed])[] {
  if (value.missing === undefined) return [[name, value]];
  const { present } = value.missing;
  return [[name, withoutMissing(value)], [validColumn(name), { expr: present, weak: false, integral: [], span: value.span }]];
}

/** `a === b` where either may be null: null is equal to null alone. */
export function inferEquality(inference: Inference, operator: "==" | "===" | "!=" | "!==", left: Typed, right: Typed, span: Span): Typed {
  const same = sameOrMissing(inference, operator.length === 3 ? "===" : "==", left, right, span);
  return { expr: operator.startsWith("!") ? apply("not", same) : same, weak: false, integral: [], span };
}

function sameOrMissing(inference: Inference, operator: "==" | "===", left: Typed, right: Typed, span: Span): Expr {
  if (isNothing(right)) return apply("not", presentOf(left));
  if (isNothing(left)) return apply("not", presentOf(right));
  const equal = inferBinary(inference, operator, withoutMissing(left), withoutMissing(right), span).expr;
  if (left.missing === undefined) return apply("and", presentOf(right), equal);
  if (right.missing === undefined) return apply("and", presentOf(left), equal);
  const [one, other] = [presentOf(left), presentOf(right)];
  return apply("or", apply("and", apply("and", one, other), equal), apply("not", apply("or", one, other)));
}

/** Both sides of a choice, null as a value of the other side's type. */
export function sides(a: Typed, b: Typed): readonly [Typed, Typed] {
  const like = (value: Typed, other: Typed): Typed => (isNothing(value) && !isNothing(other) ? { ...other, expr: zero(storageOf(kindOf(other))), missing: value.missing } : value);
  return [like(a, b), like(b, a)];
}

/** Whether the chosen side is there; undefined if either always is. */
export function chosenMissing(test: Expr, a: Typed, b: Typed): Missing | undefined {
  return a.missing === undefined && b.missing === undefined ? undefined : { present: chooseExpr(test, presentOf(a), presentOf(b)), column: null };
}

/** The variables that are known to be there where a test is true, and where it is false. */
export interface Facts {
  readonly yes: readonly string[];
  readonly no: readonly string[];
}

const NO_FACTS: Facts = { yes: [], no: [] };

/** `tests`: what constants of the lambda stand for. */
export function factsOf(test: SurfaceExpr, tests: ReadonlyMap<string, SurfaceExpr>): Facts {
  switch (test.kind) {
    case "variable": {
      const meant = tests.get(test.name);
      return meant === undefined ? NO_FACTS : factsOf(meant, tests);
    }
    case "unary": {
      const { yes, no } = test.operator === "!" ? factsOf(test.argument, tests) : NO_FACTS;
      return { yes: no, no: yes };
    }
    case "binary": {
      const tested = test.left.kind === "null" ? test.right : test.right.kind === "null" ? test.left : null;
      if (tested?.kind !== "variable" || !isEquality(test.operator)) return NO_FACTS;
      return test.operator.startsWith("!") ? { yes: [tested.name], no: [] } : { yes: [], no: [tested.name] };
    }
    case "logical": {
      const [left, right] = [factsOf(test.left, tests), factsOf(test.right, tests)];
      return test.operator === "&&" ? { yes: [...left.yes, ...right.yes], no: [] } : { yes: [], no: [...left.no, ...right.no] };
    }
    default:
      return NO_FACTS;
  }
}
