/** Tables as text, and how figures are written in them. */

/** Cells that are not numbers come first. */
export interface Table {
  readonly headings: readonly string[];
  readonly words: number;
  readonly rows: readonly (readonly string[])[];
}

export interface Target {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

/** For the terminal. */
export function grid({ headings, words, rows }: Table): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < words ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ").trimEnd();
  return [line(headings), widths.map(width => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

/** A line of Markdown for each row, after two for the headings. */
export function markdown({ headings, words, rows }: Table): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(headings), line(headings.map((_, i) => (i < words ? "---" : "---:"))), ...rows.map(line)];
}

export function duration(seconds: number): string {
  if (seconds < 1e-6) return `${(seconds * 1e9).toFixed(0)} ns`;
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toPrecision(3)} ms`;
  return `${seconds.toPrecision(3)} s`;
}
export const size = (n: number): string => (n >= 1000 && Number.isInteger(Math.log10(n)) ? `1e${Math.log10(n)}` : String(n));
export const ratio = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
