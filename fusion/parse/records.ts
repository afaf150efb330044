/** Records: a parameter that stands for one row of a table. It has no value of its own; what a lambda reads are its columns, each a variable. */
import { LambdaError } from "../errors.js";
import type { Names } from "./names.js";
import type { RecordBinding } from "./scope.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** Columns that a lambda may read though it cannot name them: whether a row is there, and a single value that may be missing. */
export const PRESENT = "\0present";
export const VALUE = "\0value";

/** A parameter that stands for a row with these columns, or, where they are null, for a single value; which may be missing. */
export interface RowParameter {
  readonly columns: readonly string[] | null;
  readonly mayBeMissing: boolean;
}

/** The record that a parameter stands for; `read` collects the variables of the columns that are read. */
export function recordOf({ columns, mayBeMissing }: RowParameter, read: Map<string, string>, names: Names, constants: Set<string>): RecordBinding {
  const variable = (column: string): string => {
    let name = read.get(column);
    if (name === undefined) {
      read.set(column, (name = names.unique(column)));
      constants.add(name);
    }
    return name;
  };
  const present = (span: Span): SurfaceExpr => ({ kind: "binary", operator: "!==", left: { kind: "variable", name: variable(PRESENT), span }, right: { kind: "literal", value: 0, span }, span });
  return { kind: "record", columns: columns ?? [], variable, present: mayBeMissing ? present : null, single: columns === null ? VALUE : null };
}

/** `row.price` of a record; `row` is how the lambda calls it. */
export function column(record: RecordBinding, name: string, span: Span, row = "row"): SurfaceExpr {
  if (record.present !== null) throw new LambdaError("DC113", `${row} may be missing, and its ${name} with it`, span, `Test it first, or say what to take instead: ${row}?.${name} ?? NaN`);
  if (!record.columns.includes(name)) throw unknownColumn(record, name, span);
  return { kind: "variable", name: record.variable(name), span };
}

function unknownColumn({ columns }: RecordBinding, name: string, span: Span): LambdaError {
  const near = columns.find(known => known.toLowerCase() === name.toLowerCase());
  return new LambdaError("DC112", `there is no column ${name}`, span, near === undefined ? `The columns are ${listed(columns)}` : `Is ${near} meant? The columns are ${listed(columns)}`);
}

/** The first dozen. */
export const listed = (columns: readonly string[]): string => (columns.length > 12 ? `${columns.slice(0, 12).join(", ")} and ${columns.length - 12} others` : columns.join(", "));
