/** What the commands of the command line have in common. */
import type { Screen } from "./progress.js";

export interface Output {
  /** What was asked for. */
  readonly out: (text: string) => void;
  /** What is said beside it. */
  readonly err: (text: string) => void;
  /** What progress is drawn on; null for nothing. */
  readonly screen: Screen | null;
  /** Imports a module of the user's. */
  readonly load: (url: string) => Promise<unknown>;
  /** Runs this program again, in a process of its own; null where there is none to run. `hear` takes what that one tells. */
  readonly again: ((args: readonly string[], hear: (told: unknown) => void) => Promise<void>) | null;
  /** Tells the process that has begun this one; resolves once that has been handed over. Null where none has. */
  readonly tell: ((what: unknown) => Promise<void>) | null;
}

/** What a command ends with. */
export const ENDED = { well: 0, failed: 1, misused: 2 } as const;
export type Ended = (typeof ENDED)[keyof typeof ENDED];

/** A command that cannot be understood: said with how it is written. */
export class Misuse extends Error {}

/** `15.8 kB` */
export function bytesInWords(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power] as string}`;
}

export const numbered = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

/** Columns side by side; the last is as long as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => (row[column] as string).length)));
  return rows.map(row => row.map((text, column) => (column === row.length - 1 ? text : text.padEnd(widths[column] as number))).join("  ").trimEnd() + "\n").join("");
}
