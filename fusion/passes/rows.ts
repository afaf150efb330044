/** Rows, while their stages are fused: columns by name. */
import { CompilerBug } from "../errors.js";
import type { Columns } from "../query.js";
import type { ElementType } from "../types.js";
import type { Typed } from "./typing.js";

/** A column of the rows that stages see. */
export interface Column {
  readonly element: ElementType;
  readonly value: Typed;
}

/** The rows that stages see: columns by name, each loaded when it is first read. */
export class Rows {
  private readonly loaded = new Map<string, Column>();

  constructor(
    readonly columns: Columns,
    private readonly load: (name: string, element: ElementType) => Typed,
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

  /** The column that a value is, unchanged. */
  elementOf({ expr }: Typed): ElementType | null {
    if (expr.kind !== "local") return null;
    for (const { element, value } of this.loaded.values()) if (value.expr.kind === "local" && value.expr.name === expr.name) return element;
    return null;
  }
}
