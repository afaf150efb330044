/**
 * What is computed of strings: once for each different one, by JavaScript itself, before a kernel runs. The kernel is handed what
 * came of it as an array, a captured one like others, and reads it where the string's code says.
 */
import type { Origin } from "./ir.js";
import type { ElementType } from "./types.js";

/** What is computed of a string, and of arguments that are the same for all. */
export interface TextMethod {
  readonly gives: "boolean" | "count" | "number" | "string";
  /** What it takes, all that it may be given. */
  readonly takes: readonly ("string" | "number")[];
  /** How many of them it must be given. */
  readonly least: number;
  readonly of: (text: string, ...args: readonly never[]) => boolean | number | string;
}

const PLACE = ["string", "number"] as const;
const RANGE = ["number", "number"] as const;

export const TEXT_METHODS = {
  startsWith: { gives: "boolean", takes: PLACE, least: 1, of: (text, sought: string, from?: number) => text.startsWith(sought, from) },
  endsWith: { gives: "boolean", takes: PLACE, least: 1, of: (text, sought: string, to?: number) => text.endsWith(sought, to) },
  includes: { gives: "boolean", takes: PLACE, least: 1, of: (text, sought: string, from?: number) => text.includes(sought, from) },
  length: { gives: "count", takes: [], least: 0, of: text => text.length },
  indexOf: { gives: "count", takes: PLACE, least: 1, of: (text, sought: string, from?: number) => text.indexOf(sought, from) },
  lastIndexOf: { gives: "count", takes: PLACE, least: 1, of: (text, sought: string, from?: number) => text.lastIndexOf(sought, from) },
  charCodeAt: { gives: "number", takes: ["number"], least: 0, of: (text, at: number) => text.charCodeAt(at) },
  charAt: { gives: "string", takes: ["number"], least: 0, of: (text, at: number) => text.charAt(at) },
  slice: { gives: "string", takes: RANGE, least: 0, of: (text, from?: number, to?: number) => text.slice(from, to) },
  substring: { gives: "string", takes: RANGE, least: 0, of: (text, from: number, to?: number) => text.substring(from, to) },
  toLowerCase: { gives: "string", takes: [], least: 0, of: text => text.toLowerCase() },
  toUpperCase: { gives: "string", takes: [], least: 0, of: text => text.toUpperCase() },
  trim: { gives: "string", takes: [], least: 0, of: text => text.trim() },
  trimStart: { gives: "string", takes: [], least: 0, of: text => text.trimStart() },
  trimEnd: { gives: "string", takes: [], least: 0, of: text => text.trimEnd() },
  replace: { gives: "string", takes: ["string", "string"], least: 2, of: (text, from: string, to: string) => text.replace(from, to) },
  replaceAll: { gives: "string", takes: ["string", "string"], least: 2, of: (text, from: string, to: string) => text.replaceAll(from, to) },
  /** Operators, beside a string that is the same for all. */
  isLess: { gives: "boolean", takes: ["string"], least: 1, of: (text, other: string) => text < other },
  isAtMost: { gives: "boolean", takes: ["string"], least: 1, of: (text, other: string) => text <= other },
  isGreater: { gives: "boolean", takes: ["string"], least: 1, of: (text, other: string) => text > other },
  isAtLeast: { gives: "boolean", takes: ["string"], least: 1, of: (text, other: string) => text >= other },
  append: { gives: "string", takes: ["string"], least: 1, of: (text, other: string) => text + other },
  prepend: { gives: "string", takes: ["string"], least: 1, of: (text, other: string) => other + text },
} as const satisfies Record<string, TextMethod>;

/** `rank`: the string's place in the order of all that there are. */
export type TextMethodName = keyof typeof TEXT_METHODS | "rank";

const OPERATORS: readonly string[] = ["isLess", "isAtMost", "isGreater", "isAtLeast", "append", "prepend"] satisfies TextMethodName[];

/** The methods that a lambda may call by name. */
export const CALLABLE: readonly string[] = Object.keys(TEXT_METHODS).filter(name => !OPERATORS.includes(name) && name !== "length");

export const isCallable = (name: string): name is keyof typeof TEXT_METHODS => CALLABLE.includes(name);

export const textMethod = (name: TextMethodName): Omit<TextMethod, "of"> => (name === "rank" ? { gives: "count", takes: [], least: 0 } : TEXT_METHODS[name]);

/** An argument: as it is written in the lambda, or a capture of a stage. */
export type TextArgument = { readonly text: string } | { readonly number: number } | { readonly stage: number; readonly name: string };

/**
 * An array that kernels are handed. `level`, of one that makes strings: how many such must be made before it, for their strings have
 * places in it. Others are made behind all of these.
 */
export interface TextTable {
  readonly method: TextMethodName;
  readonly args: readonly TextArgument[];
  readonly level: number;
}

/** The stage that such arrays come from, as origins of kernel parameters; the origin's name is the whole of the table. */
export const TEXT = -3;

const ELEMENT_OF = { boolean: "u8", count: "i32", number: "f64", string: "u32" } as const satisfies Record<TextMethod["gives"], ElementType>;

export const textElement = (method: TextMethodName): ElementType => ELEMENT_OF[textMethod(method).gives];

/** Not every number is one in JSON. */
export const textOrigin = (table: TextTable): Origin => ({ stage: TEXT, name: JSON.stringify(table, (_, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? { is: String(value) } : value)) });

export const tableOf = ({ name }: Origin): TextTable => JSON.parse(name, (_, value: unknown) => (typeof value === "object" && value !== null && "is" in value ? Number(value.is) : value)) as TextTable;

/** What an array's origin is called in messages and emitted code. */
export const calledOrigin = (origin: Origin): string => (origin.stage === TEXT ? tableOf(origin).method : origin.name);
