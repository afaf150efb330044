/** Rows of text as a table with aligned columns; "right" columns hold figures. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) => Math.max(column.title.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    columns.map(({ align }, i) => (align === "right" ? (cells[i] ?? "").padStart(widths[i] ?? 0) : (cells[i] ?? "").padEnd(widths[i] ?? 0))).join("  ").trimEnd();
  return [line(columns.map(column => column.title)), widths.map(width => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}
