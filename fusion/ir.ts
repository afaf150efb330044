/**
 * The typed intermediate representation: readonly data, no classes.
 *
 * A kernel runs its body once for every source element. The body declares locals, branches and loops; it ends an element
 * early with `leave ELEMENT_LABEL` (that is how a filter rejects) and hands a value to the sink with `yield`.
 *
 * Effects stand alone: an expression that can fail at run time (see `isEffect` in traverse.ts) is only ever the whole
 * value of a `declare` or an `assign`, never nested. So every other expression may be evaluated, moved or dropped freely,
 * and a SIMD emitter knows the mask under which an effect happens.
 */
import type { Interval } from "./interval.js";
import type { OpName } from "./ops.js";
import type { ElementType, ScalarType, ScalarValue } from "./types.js";

export type Expr =
  | { readonly kind: "const"; readonly type: ScalarType; readonly value: ScalarValue }
  | { readonly kind: "local"; readonly type: ScalarType; readonly name: string }
  /** A scalar kernel argument; `name` is a `ScalarParameter.name`. */
  | { readonly kind: "capture"; readonly type: ScalarType; readonly name: string }
  /** The source element, as loaded: its type is `ELEMENTS[element].scalar`; `f64` (the index) for a range source. */
  | { readonly kind: "element"; readonly type: ScalarType }
  /** The source element's place, 0 … n-1; in a space, its place along the first axis. */
  | { readonly kind: "index"; readonly type: "f64" }
  /** In a space, the element's place along the second axis (1) or the third (2). */
  | { readonly kind: "axis"; readonly type: "f64"; readonly axis: 1 | 2 }
  /**
   * The element of an array parameter at the source element's own place, or so many places further on. Such an array is as long as the
   * source, and longer by its largest offset: this never fails.
   */
  | { readonly kind: "column"; readonly type: ScalarType; readonly array: string; readonly offset?: number }
  /** The length of a captured array. */
  | { readonly kind: "length"; readonly type: "f64"; readonly array: string }
  /** Element `at` (an `f64` or `i32`) of a captured array; out of range, or fractional, is an error. An effect. */
  | { readonly kind: "read"; readonly type: ScalarType; readonly array: string; readonly at: Expr }
  | { readonly kind: "apply"; readonly type: ScalarType; readonly op: OpName; readonly args: readonly Expr[] }
  | { readonly kind: "select"; readonly type: ScalarType; readonly test: Expr; readonly yes: Expr; readonly no: Expr };

export type ExprOf<Kind extends Expr["kind"]> = Extract<Expr, { kind: Kind }>;

export type Stmt =
  /** A new local; names are unique in a kernel. */
  | { readonly kind: "declare"; readonly name: string; readonly type: ScalarType; readonly value: Expr; readonly mutable: boolean }
  | { readonly kind: "assign"; readonly name: string; readonly value: Expr }
  | { readonly kind: "if"; readonly test: Expr; readonly then: readonly Stmt[]; readonly otherwise: readonly Stmt[] }
  /** Runs again and again until a `leave` names its label (or an outer one). */
  | { readonly kind: "loop"; readonly label: string; readonly body: readonly Stmt[] }
  /** Runs once; `leave label` goes to its end. */
  | { readonly kind: "block"; readonly label: string; readonly body: readonly Stmt[] }
  | { readonly kind: "leave"; readonly label: string }
  /**
   * Writes element `at` (an `f64` or `i32`) of an array that is `written`; out of range, or fractional, is an error. Only for a `stores`
   * sink. `site`: which of the writes of the kernel's text it is.
   */
  | { readonly kind: "store"; readonly array: string; readonly at: Expr; readonly value: Expr; readonly site: number }
  /** Counts this element as one that reached this place; only for a `first` sink that is `ranked`. At most one, top level. */
  | { readonly kind: "visit" }
  /**
   * Hands over one value for each result of the sink: none to a count, as many as there are sinks to `several`, else one. At
   * most one such statement, the last of the body.
   */
  | { readonly kind: "yield"; readonly values: readonly Expr[] };

export type StmtOf<Kind extends Stmt["kind"]> = Extract<Stmt, { kind: Kind }>;

/** `leave` with this label ends the element: it yields nothing. The kernel body itself is that block. */
export const ELEMENT_LABEL = "element";

export type Source =
  | { readonly kind: "array"; readonly element: ElementType }
  | { readonly kind: "range" }
  /**
   * The points of a space of two or three axes, numbered along the first, then the second: `sizes` are the f64 parameters that hold the
   * size of each axis but the last.
   */
  | { readonly kind: "space"; readonly sizes: readonly string[] };

/** The operators a reduction may run in the canonical order; each is associative and commutative in exact arithmetic. */
export type ReduceOp = "add" | "mul" | "min" | "max" | "and" | "or" | "xor";

export type Sink = SingleSink | Several;

/** What becomes of one value for each element. */
export type SingleSink =
  /** Stores what is yielded, in order, as elements of this type (the value is `ELEMENTS[element].scalar`; stores truncate bits). */
  | { readonly kind: "array"; readonly element: ElementType }
  /**
   * Folds what is yielded in the canonical order (32 lanes, blocks of 1024, pairwise tree), each lane starting from the
   * operator's identity. `type` is the accumulator's, `term` the yielded value's: (f64, f32) for float sums of f32,
   * (i64, i32|u32) for exact integer sums; otherwise equal. `counted` asks for the number of yields too.
   */
  | { readonly kind: "reduce"; readonly op: ReduceOp; readonly type: ScalarType; readonly term: ScalarType; readonly counted: boolean }
  /** Counts the yields. */
  | { readonly kind: "count" }
  /**
   * A left fold, in order: the yielded value is the accumulator's next value; the body reads the accumulator as the local
   * `accumulator`, which starts as the capture `seed`; without one (`seed: null`) the first element to arrive becomes the
   * accumulator (see `Fold.first`).
   */
  | Fold
  | Scan
  /** The first element that yields: its place, its value and, if `ranked`, how many elements passed `visit` before it. */
  | { readonly kind: "first"; readonly type: ScalarType; readonly ranked: boolean }
  /** The last element that yields. */
  | { readonly kind: "last"; readonly type: ScalarType }
  | Stores;

/**
 * Nothing is yielded: the body stores. `any`: no element writes where another one writes or reads, so they may run in any order and at
 * once; `ascending`: one after the other.
 */
export interface Stores {
  readonly kind: "stores";
  readonly order: "any" | "ascending";
}

/**
 * Several results of one pass, all arrays or all reductions: each is what a kernel of its own with that sink would give. What the
 * body rejects, it rejects for all of them.
 */
export interface Several {
  readonly kind: "several";
  readonly sinks: readonly SinkOf<"array">[] | readonly SinkOf<"reduce">[];
}

export interface Fold {
  readonly kind: "fold";
  readonly type: ScalarType;
  readonly accumulator: string;
  /** The parameter that holds the seed, or null: then the first arriving element's `first` value starts the fold. */
  readonly seed: string | null;
  /**
   * With no seed: the local that holds the arriving element, as the accumulator's type. It is declared at the body's top
   * level; the first element to arrive at that declaration becomes the accumulator and ends there (the statements after the
   * declaration do not run for it, and it counts as a yield).
   */
  readonly first: string | null;
  /** With `combine`, lanes fold apart from the seed and this joins two of them (canonical order); without, one ordered fold. */
  readonly combine: { readonly left: string; readonly right: string; readonly body: readonly Stmt[]; readonly value: Expr } | null;
}

/**
 * Stores the running values of a reduction, one for every element; the body rejects none. In the canonical scan order: blocks of
 * 1024 elements, rows of 32. In a row, for d = 1, 2, 4, 8, 16, x[j] = x[j - d] ⊕ x[j] for all j ≥ d at once (Kogge and Stone);
 * rows follow one another, L = carry ⊕ x and the next row's carry is the last L, the first row has none; so do blocks: the
 * result is C ⊕ L, where C is the seed at first and then the last result of the block before.
 */
export interface Scan {
  readonly kind: "scan";
  /** The accumulator's type. */
  readonly type: ScalarType;
  /** The parameter that holds the seed, or null: then the first element starts. */
  readonly seed: string | null;
  /** Whether what is stored for an element is the accumulator before it, instead of the one behind it. Needs a seed. */
  readonly exclusive: boolean;
  readonly order:
    /** The yielded `term`s are joined in the canonical scan order. Operator, type and term are those of a reduction, but that floats accumulate in f64 and none is a bool. */
    | { readonly kind: "canonical"; readonly op: ReduceOp; readonly term: ScalarType }
    /** As a left fold: the body reads the local `running`, the accumulator, and yields its next value; `first` is as in `Fold`. */
    | { readonly kind: "left"; readonly first: string | null };
  /** A local that stands for an accumulator. */
  readonly running: string;
  /** What is stored of it: of `running` alone, and never an effect. */
  readonly stored: Expr;
  readonly element: ElementType;
}

export type SinkOf<Kind extends Sink["kind"]> = Extract<Sink, { kind: Kind }>;

/** Where a kernel argument comes from: a stage of the query (its index; the terminal comes last) and the name given there. */
export interface Origin {
  readonly stage: number;
  readonly name: string;
}
export interface ScalarParameter extends Parameter {
  readonly type: ScalarType;
  /** Of an i32 in variants of a kernel: a captured number, which is an f64 in calls, and an integer of this range in those that the variant is for. */
  readonly range?: Interval;
}
export interface ArrayParameter extends Parameter {
  readonly element: ElementType;
  /** It is read at the source element's own place: see `Expr`'s `column`. */
  readonly column?: true;
  /** The body stores into it. */
  readonly written?: true;
}
export interface Parameter {
  /** Unique among the kernel's parameters and locals, and a legal identifier in JavaScript and C. */
  readonly name: string;
  readonly origin: Origin;
}

export interface Kernel {
  readonly source: Source;
  readonly scalars: readonly ScalarParameter[];
  readonly arrays: readonly ArrayParameter[];
  readonly body: readonly Stmt[];
  readonly sink: Sink;
  /** Bits may differ: products and sums may be contracted, and elementary functions are the platform's where it has better or faster ones. */
  readonly fastMath?: true;
}
