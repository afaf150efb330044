/** What names mean, and what all functions of one lambda share while they are converted. */
import type { Expression } from "acorn";
import { LambdaError } from "../errors.js";
import type { Refusal } from "./refusals.js";
import type { Names } from "./names.js";
import type { ListShape } from "./lists.js";
import { parseFunction, spanOf } from "./source.js";
import type { FunctionNode, Site } from "./source.js";
import type { Builtin, CaptureKind, Span, SurfaceExpr } from "./surface.js";

/** A function with the scope it was written in. */
export interface Closure {
  readonly name: string;
  readonly node: FunctionNode;
  readonly scope: Scope;
}

/** A row of a table: see records.ts. */
export interface RecordBinding {
  readonly kind: "record";
  readonly columns: readonly string[];
  /** The unique name of the variable that holds a column's value. */
  readonly variable: (column: string) => string;
  /** Whether the row is there, where it may be missing; null where it is always there. */
  readonly present: ((span: Span) => SurfaceExpr) | null;
  /** Of a single value that may be missing: the column that it is. */
  readonly single: string | null;
}

/** The neighbours of an element: see windows.ts. */
export interface WindowBinding {
  readonly kind: "window";
  readonly length: number;
  /** The unique name of the variable that holds the element at a place. */
  readonly variable: (place: number) => string;
}

export type Binding =
  /** A parameter or a local variable, by its unique name. */
  | { readonly kind: "variable"; readonly name: string; readonly constant: boolean }
  /** A parameter of a helper whose argument can stand for it: a literal, a capture, or a variable that never changes. */
  | { readonly kind: "value"; readonly value: SurfaceExpr }
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "array"; readonly name: string }
  | { readonly kind: "strings"; readonly name: string }
  | RecordBinding
  | WindowBinding
  | { readonly kind: "function"; readonly closure: Closure }
  | { readonly kind: "builtin"; readonly builtin: Builtin }
  /** Declared further down. */
  | { readonly kind: "later" };

/** A scope of one function's text; the outermost scope of all holds the captures. */
export class Scope {
  private readonly bindings = new Map<string, Binding>();

  constructor(
    readonly parent: Scope | null,
    readonly site: Site,
  ) {}

  declare(name: string, binding: Binding): void {
    this.bindings.set(name, binding);
  }

  lookup(name: string): Binding | null {
    return this.bindings.get(name) ?? this.parent?.lookup(name) ?? null;
  }

  inner(): Scope {
    return new Scope(this, this.site);
  }

  span(node: { readonly start: number; readonly end: number }): Span {
    return spanOf(this.site, node);
  }
}

export interface Context {
  readonly names: Names;
  readonly captures: Captures;
  /** Unique names of variables that never change once they have their value. */
  readonly constants: Set<string>;
  /** Helpers that are being inlined, outermost first. */
  readonly inlining: FunctionNode[];
  /** Of a lambda that gives lists. */
  readonly lists: ListShape | null;
  /** Of a lambda that gives a key. */
  readonly keys: boolean;
  /** An expression of the lambda, as expressions.ts converts it. */
  readonly convert: (node: Expression, scope: Scope) => SurfaceExpr;
  /** Puts a helper's body in place of its call. */
  readonly inline: (closure: Closure, args: readonly Argument[], span: Span) => SurfaceExpr;
  /** Whether values may be null: a row has columns with nulls. */
  readonly nulls: boolean;
  /** Whether the lambda may give null, as a column of a row. */
  readonly givesNulls: boolean;
  /** Of an index-space kernel: the arrays that it may write to, and the label of the block that is its whole body. */
  readonly stores: { readonly arrays: ReadonlySet<string>; readonly done: string } | null;
  depth: number;
  size: number;
}

/** What a helper is called with: a value to compute, or an array, row or function to be known by the parameter's name. */
export type Argument = SurfaceExpr | (Binding & { readonly kind: "array" | "strings" | "record" | "window" | "function" });

/** Whether a name stands for something that is no value, and is handed on as it is. */
export const isHandedOn = (binding: Binding | null | undefined): binding is Exclude<Argument, SurfaceExpr> =>
  binding?.kind === "array" || binding?.kind === "strings" || binding?.kind === "record" || binding?.kind === "window" || binding?.kind === "function";

/** Limits that keep every later stage, and the C++ compiler, within their own. */
const MAX_DEPTH = 256;
const MAX_SIZE = 20_000;

/** Runs `convert` one level deeper, for a node that adds to the size of the kernel. */
export function nested<T>(context: Context, span: () => Span, convert: () => T): T {
  context.size += 1;
  if (context.size > MAX_SIZE) {
    throw new LambdaError("DC102", "the lambda is too large once its helpers are put in place", span(), "Call helpers less often: keep their results in const variables");
  }
  if (context.depth >= MAX_DEPTH) {
    throw new LambdaError("DC102", `${span().source.label} is nested too deeply`, span(), "Split it: keep parts in const variables");
  }
  context.depth += 1;
  const result = convert();
  context.depth -= 1;
  return result;
}

export const refuse = (refusal: Refusal, span: Span): LambdaError => new LambdaError(refusal.code, refusal.what, span, refusal.remedy);

/** The captures of one lambda: what they are, which are used, and how a remedy would hand over another. */
export class Captures {
  readonly scalars = new Set<string>();
  readonly arrays = new Set<string>();
  private readonly functions = new Map<string, Closure>();

  constructor(
    private readonly kinds: Readonly<Record<string, CaptureKind>>,
    /** How a call that takes captures begins, `.map(`, and the lambda that it is given. */
    private readonly call: string,
    private readonly lambda: string,
    /** Among the kinds, but no captures: what an index-space kernel is called with. */
    private readonly given: readonly string[] = [],
  ) {}

  /** What a capture of this name means; null where none is given. */
  lookup(name: string): Binding | null {
    const kind = Object.hasOwn(this.kinds, name) ? this.kinds[name] : undefined;
    if (kind === undefined) return null;
    switch (kind.kind) {
      case "scalar":
        this.scalars.add(name);
        return { kind: "scalar", name };
      case "array":
        this.arrays.add(name);
        return { kind: "array", name };
      case "strings":
        this.arrays.add(name);
        return { kind: "strings", name };
      case "function":
        return { kind: "function", closure: this.helper(name, kind.text) };
      case "builtin":
        return kind;
      default:
        return kind satisfies never;
    }
  }

  private helper(name: string, text: string): Closure {
    let closure = this.functions.get(name);
    if (closure === undefined) {
      const { site, node } = parseFunction({ text, label: `the helper ${name}` });
      closure = { name, node, scope: new Scope(null, site) };
      this.functions.set(name, closure);
    }
    return closure;
  }

  /** The call that would hand over `name` as well. */
  handOver(name: string, lambda = this.lambda): string {
    const names = [...Object.keys(this.kinds).filter((other) => other !== name && !this.given.includes(other)), name];
    const shown = lambda.length <= 60 && !lambda.includes("\n") ? lambda : "…";
    const seed = this.call === ".reduce(" || this.call === ".scan(" ? ", seed" : "";
    return `${this.call}${shown}${seed}, { ${names.join(", ")} })`;
  }
}
