/** Choices between rows: paths that give objects, whose columns become variables that each path assigns. */
import { LambdaError } from "../errors.js";
import type { Names } from "./names.js";
import { listed } from "./records.js";
import type { Span, SurfaceExpr, SurfaceStmt } from "./surface.js";

export type Fields = readonly { readonly name: string; readonly value: SurfaceExpr }[];

/** The variables that returns assign: one, or one for each column of a row. */
export interface Place {
  readonly declared: readonly SurfaceStmt[];
  readonly result: SurfaceExpr;
  readonly assign: (value: SurfaceExpr, span: Span) => readonly SurfaceStmt[];
}

/** The variables of a row's columns. */
export function rowPlace(columns: readonly string[], names: Names, span: Span): Place {
  const variables = new Map(columns.map(column => [column, names.unique(column)]));
  const fields = [...variables].map(([column, name]) => ({ name: column, value: { kind: "variable", name, span } as const }));
  return {
    declared: [...variables.values()].map(name => ({ kind: "declare", name, value: null, mutable: true, span })),
    result: { kind: "object", fields, span },
    assign: (value, span) => assignRow(value, variables, fields, span),
  };
}

function assignRow(value: SurfaceExpr, variables: ReadonlyMap<string, string>, fields: Fields, span: Span): readonly SurfaceStmt[] {
  switch (value.kind) {
    case "object": {
      if (value.fields.length !== variables.size || value.fields.some(({ name }) => !variables.has(name))) throw differing(fields, value.fields, value.span);
      return value.fields.map(({ name, value: field }) => ({ kind: "assign", name: variables.get(name) as string, value: field, span }));
    }
    case "conditional":
      return [{ kind: "if", test: value.test, then: assignRow(value.yes, variables, fields, span), otherwise: assignRow(value.no, variables, fields, span), span }];
    case "do":
      return [...value.body, ...assignRow(value.result, variables, fields, span)];
    default:
      throw mixed(value.span);
  }
}

/** The columns of a row; null for a single value. */
export function columnsOf(value: SurfaceExpr): readonly string[] | null {
  switch (value.kind) {
    case "object":
      return value.fields.map(({ name }) => name);
    case "do":
      return columnsOf(value.result);
    case "conditional":
      return columnsOf(value.yes) ?? columnsOf(value.no);
    default:
      return null;
  }
}

export const differing = (one: Fields, other: Fields, span: Span): LambdaError =>
  new LambdaError("DC112", `one path gives the columns ${listed(one.map(({ name }) => name))}, another ${listed(other.map(({ name }) => name))}`, span, "Every path must give the same columns");

export const mixed = (span: Span): LambdaError => new LambdaError("DC112", "one path gives a row, another a single value", span, "Every path must give the same columns");

/** Whether a result is a row on any path. */
export function givesObject(expr: SurfaceExpr): boolean {
  switch (expr.kind) {
    case "object":
      return true;
    case "do":
      return givesObject(expr.result);
    case "conditional":
      return givesObject(expr.yes) || givesObject(expr.no);
    default:
      return false;
  }
}
