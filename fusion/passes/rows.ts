/** Rows, while their stages are fused: columns by name. */
import { convert, select } from "../build.js";
import { isValidity, shownName, validColumn } from "../columns.js";
import { CompilerBug } from "../errors.js";
import type { Expr } from "../ir.js";
import type { Columns } from "../query.js";
import type { ColumnType } from "../types.js";
import { zero } from "./infer-values.js";
import { truthOf, type Typed } from "./typing.js";

/** A column of the rows that stages see. */
export interface Column {
  readonly element: ColumnType;
  readonly value: Typed;
}

/** The rows that stages see: columns by name, each loaded when it is first read. */
export class Rows {
  private readonly loaded = new Map<string, Column>();

  constructor(
    readonly columns: Columns,
    private readonly load: (name: string, element: ColumnType) => Typed,
  ) {}

  column(name: string): Column {
    let column = this.loaded.get(name);
    if (column === undefined) {
      const element = this.columns.get(name);
      if (element === undefined) throw new CompilerBug(`there is no column ${name}`);
      this.loaded.set(name, (column = { element, value: this.load(name, element) }));
    }
    return column;
  }

  /** A column as lambdas read it. */
  field(name: string): Typed {
    const { value } = this.column(name);
    const valid = validColumn(name);
    return this.columns.has(valid) ? { ...value, missing: { present: truthOf(this.column(valid).value), column: shownName(name) } } : value;
  }

  /** A column as it is stored: nulls have one value, so that they are all the same. */
  settled(name: string): Column {
    const { element, value } = this.column(name);
    if (isValidity(name)) return { element, value: { ...value, expr: convert("i32", truthOf(value)) } };
    const { missing } = this.field(name);
    return missing === undefined ? { element, value } : { element, value: { ...value, expr: select(missing.present, value.expr, zero(value.expr.type)) } };
  }

  /** These rows with other columns in place of some, or beside them. */
  with(changed: ReadonlyMap<string, Column>, without: readonly string[]): Rows {
    const columns = new Map([...this.columns].filter(([name]) => !without.includes(name)));
    for (const [name, { element }] of changed) columns.set(name, element);
    return new Rows(columns, name => (changed.get(name) ?? this.column(name)).value);
  }

  /** These rows with other values. */
  mapped(map: (expr: Expr) => Expr): Rows {
    return new Rows(this.columns, name => {
      const { value } = this.column(name);
      return { ...value, expr: map(value.expr) };
    });
  }

  /** The column that a value is, unchanged. */
  elementOf({ expr }: Typed): ColumnType | null {
    if (expr.kind !== "local") return null;
    for (const { element, value } of this.loaded.values()) if (value.expr.kind === "local" && value.expr.name === expr.name) return element;
    return null;
  }
}
