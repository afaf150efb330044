/** Records: a parameter that stands for one row of a table. It has no value of its own; what a lambda reads are its columns, each a variable. */
import { LambdaError } from "../errors.js";
import type { Names } from "./names.js";
import type { RecordBinding } from "./scope.js";
import type { Span, SurfaceExpr } from "./surface.js";

/** The record that a parameter stands for; `read` collects the variables of the columns that are read. */
export function recordOf(columns: readonly string[], read: Map<string, string>, names: Names, constants: Set<string>): RecordBinding {
  return {
    kind: "record",
    columns,
    variable: column => {
      let name = read.get(column);
      if (name === undefined) {
        read.set(column, (name = names.unique(column)));
        constants.add(name);
      }
      return name;
    },
  };
}

/** `row.price` of a record. */
export function column(record: RecordBinding, name: string, span: Span): SurfaceExpr {
  if (!record.columns.includes(name)) throw unknownColumn(record, name, span);
  return { kind: "variable", name: record.variable(name), span };
}

function unknownColumn({ columns }: RecordBinding, name: string, span: Span): LambdaError {
  const near = columns.find(known => known.toLowerCase() === name.toLowerCase());
  return new LambdaError("DC112", `there is no column ${name}`, span, near === undefined ? `The columns are ${listed(columns)}` : `Is ${near} meant? The columns are ${listed(columns)}`);
}

/** The first dozen. */
export const listed = (columns: readonly string[]): string => (columns.length > 12 ? `${columns.slice(0, 12).join(", ")} and ${columns.length - 12} others` : columns.join(", "));
