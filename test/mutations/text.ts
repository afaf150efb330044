/** Finding things in C++ and TypeScript as far as mutants need it: calls with their arguments, and what is a comment. */

export interface Call {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly args: readonly string[];
}

/** Whether this place is within a line comment, or a block comment's line. */
export function isComment(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", at) + 1, at);
  return /\/\/|^\s*\/?\*/.test(line);
}

export const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length;

export const sourceLine = (text: string, at: number): string => (text.split("\n")[lineOf(text, at) - 1] ?? "").trim();

/** Calls of what `name` matches. A declaration of a function looks the same. */
export function callsOf(text: string, name: RegExp): readonly Call[] {
  return [...text.matchAll(new RegExp(`(?:${name.source})(?=\\()`, "g"))].flatMap(match => {
    if (isComment(text, match.index)) return [];
    const open = match.index + match[0].length;
    const args = argumentsAt(text, open);
    const end = open + 1 + args.join(",").length + 1;
    return [{ start: match.index, end, name: match[0], args: args.map(arg => arg.trim()) }];
  });
}

/** The arguments behind the parenthesis at `open`, split at the commas that are in no bracket. */
function argumentsAt(text: string, open: number): readonly string[] {
  const args = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < text.length; at++) {
    const character = text[at] as string;
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character)) depth--;
    if (depth === 0 || (depth === 1 && character === ",")) {
      args.push(text.slice(from, at));
      from = at + 1;
    }
    if (depth === 0) return args;
  }
  throw new Error(`the parenthesis at line ${lineOf(text, open)} is never closed`);
}

export const replaced = (text: string, start: number, end: number, by: string): string => text.slice(0, start) + by + text.slice(end);
