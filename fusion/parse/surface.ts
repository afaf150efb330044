/**
 * What parsing gives: a lambda whose names are resolved and whose constructs are all known to be supported, but whose types
 * are not known yet. Helper functions are already inlined (as `do` expressions), compound assignment and `++` spelt out,
 * and loops, `break`, `continue` and early `return` expressed by `loop`, `block` and `leave`.
 */
import type { TextMethodName } from "../texts.js";
import type { ScalarValue } from "../types.js";

/** The text of one function (a lambda or a captured helper), as it is shown in error messages. */
export interface SourceText {
  /** `fn.toString()`, unchanged. */
  readonly text: string;
  /** How messages call it, for example `the lambda of map` or `the helper clamp`. */
  readonly label: string;
}

/** A stretch of a source text, as character offsets. */
export interface Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export type UnaryOperator = "-" | "+" | "!" | "~";
export type BinaryOperator =
  | "+" | "-" | "*" | "/" | "%" | "**"
  | "<" | "<=" | ">" | ">=" | "==" | "!=" | "===" | "!=="
  | "&" | "|" | "^" | "<<" | ">>" | ">>>";

/** Functions a lambda may call. `Math.*` constants, `Number.*` constants, `NaN` and `Infinity` are literals by now. */
export const BUILTINS = [
  "Math.abs", "Math.ceil", "Math.floor", "Math.trunc", "Math.round", "Math.sign", "Math.sqrt", "Math.fround", "Math.min", "Math.max",
  "Math.imul", "Math.clz32", "Math.exp", "Math.expm1", "Math.log", "Math.log1p", "Math.log2", "Math.log10", "Math.sin", "Math.cos",
  "Math.tan", "Math.asin", "Math.acos", "Math.atan", "Math.atan2", "Math.sinh", "Math.cosh", "Math.tanh", "Math.asinh", "Math.acosh",
  "Math.atanh", "Math.cbrt", "Math.hypot", "Math.pow", "Number.isNaN", "Number.isFinite", "Number.isInteger", "Number.isSafeInteger",
  "isNaN", "isFinite", "Number", "BigInt", "Boolean", "BigInt.asIntN", "BigInt.asUintN",
] as const;

/** Functions that only the lambdas of `fusion/math` are given: see bits.ts there. */
export const BIT_FUNCTIONS = [
  "exponent", "significand", "scale", "head", "copySign", "twoOverPi", "exponentSingle", "significandSingle", "scaleSingle",
] as const;
export type BitFunction = (typeof BIT_FUNCTIONS)[number];

export type Builtin = (typeof BUILTINS)[number] | BitFunction;

interface Spanned {
  readonly span: Span;
}

export type SurfaceExpr = Spanned &
  (
    /** `step` marks the 1 of `++` and `--`: beside a BigInt it is 1n. `pad` marks what is never read: it has the type of what stands beside it. */
    | { readonly kind: "literal"; readonly value: ScalarValue; readonly step?: true; readonly pad?: true }
    /** A string, which is compared, or given as a result. */
    | { readonly kind: "string"; readonly value: string }
    /** Only beside rows that have columns with nulls; and so `??`. */
    | { readonly kind: "null" }
    /** A parameter or a local variable; names are unique in the lambda, helpers included. */
    | { readonly kind: "variable"; readonly name: string }
    /** A captured number, bigint or boolean. */
    | { readonly kind: "capture"; readonly name: string }
    /** Whether a string is in a captured list of strings. */
    | { readonly kind: "among"; readonly list: string; readonly value: SurfaceExpr }
    /** A method of a string, or its length. */
    | { readonly kind: "text"; readonly method: TextMethodName; readonly of: SurfaceExpr; readonly args: readonly SurfaceExpr[] }
    | { readonly kind: "length"; readonly array: string }
    | { readonly kind: "read"; readonly array: string; readonly index: SurfaceExpr }
    | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly argument: SurfaceExpr }
    | { readonly kind: "binary"; readonly operator: BinaryOperator; readonly left: SurfaceExpr; readonly right: SurfaceExpr }
    | { readonly kind: "logical"; readonly operator: "&&" | "||"; readonly left: SurfaceExpr; readonly right: SurfaceExpr }
    | { readonly kind: "nullish"; readonly left: SurfaceExpr; readonly right: SurfaceExpr }
    | { readonly kind: "conditional"; readonly test: SurfaceExpr; readonly yes: SurfaceExpr; readonly no: SurfaceExpr }
    /** The argument count has been checked; `Math.min`, `Math.max` and `Math.hypot` take any number of arguments. */
    | { readonly kind: "call"; readonly callee: Builtin; readonly args: readonly SurfaceExpr[] }
    /** Runs statements, then gives a value: inlined helpers, and assignments used as expressions. */
    | { readonly kind: "do"; readonly body: readonly SurfaceStmt[]; readonly result: SurfaceExpr }
    /** A row, a value for each column: only ever the whole result of a lambda. */
    | { readonly kind: "object"; readonly fields: readonly { readonly name: string; readonly value: SurfaceExpr }[] }
  );

export type SurfaceStmt = Spanned &
  (
    /** `value: null` declares a variable that is assigned on every path before it is read (checked). */
    | { readonly kind: "declare"; readonly name: string; readonly value: SurfaceExpr | null; readonly mutable: boolean }
    | { readonly kind: "assign"; readonly name: string; readonly value: SurfaceExpr }
    | { readonly kind: "if"; readonly test: SurfaceExpr; readonly then: readonly SurfaceStmt[]; readonly otherwise: readonly SurfaceStmt[] }
    /** Repeats until a `leave` goes to its label or beyond. */
    | { readonly kind: "loop"; readonly label: string; readonly body: readonly SurfaceStmt[] }
    /** Runs once; `leave` goes to its end. */
    | { readonly kind: "block"; readonly label: string; readonly body: readonly SurfaceStmt[] }
    | { readonly kind: "leave"; readonly label: string }
    /** Writes an element of an array: only in index-space kernels. */
    | { readonly kind: "store"; readonly array: string; readonly index: SurfaceExpr; readonly value: SurfaceExpr }
  );

export interface SurfaceLambda {
  readonly source: SourceText;
  /** As many as the function declares; unique names. */
  readonly parameters: readonly string[];
  /** For parameters that stand for rows, or may be missing: the variables of the columns that are read, by column. Null for others. */
  readonly rows: readonly (ReadonlyMap<string, string> | null)[];
  readonly body: readonly SurfaceStmt[];
  /** Evaluated after the body. Early returns assign a variable and leave a block that is the whole body. */
  readonly result: SurfaceExpr;
  /** Names of the captures that are used, helpers' uses included, in order of first use. */
  readonly captures: { readonly scalars: readonly string[]; readonly arrays: readonly string[] };
}

/** What a capture is, as far as parsing needs to know. A function carries its own text. */
export type CaptureKind =
  | { readonly kind: "scalar" }
  | { readonly kind: "array" }
  /** A list of strings. */
  | { readonly kind: "strings" }
  | { readonly kind: "function"; readonly text: string }
  /** A function that the language has, but not by this name. */
  | { readonly kind: "builtin"; readonly builtin: Builtin };
