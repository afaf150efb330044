/** What the fusion compiler takes (a query's shape, without its data) and gives (a plan of kernels). */
import type { CaptureKind, SurfaceLambda } from "./parse/surface.js";
import type { Kernel, ReduceOp } from "./ir.js";
import type { ColumnType, ElementType, ScalarValue } from "./types.js";

/**
 * What is known of a capture's value when a query is compiled. A number that is exactly an f32 (`single`) lets f32 kernels
 * keep single precision; only leaving or entering that class compiles another kernel, other changes of value never do.
 */
export type CaptureType =
  | { readonly kind: "number"; readonly single: boolean }
  | { readonly kind: "bigint" }
  | { readonly kind: "boolean" }
  | { readonly kind: "string" }
  /** A list of strings. */
  | { readonly kind: "strings" }
  | { readonly kind: "array"; readonly element: ElementType }
  /** Already inlined by parsing. */
  | { readonly kind: "function"; readonly text: string };

export type CaptureTypes = Readonly<Record<string, CaptureType>>;

export const captureKinds = (types: CaptureTypes): Readonly<Record<string, CaptureKind>> =>
  Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, type.kind === "function" ? type : { kind: type.kind === "array" || type.kind === "strings" ? type.kind : "scalar" }]),
  );

export interface LambdaInput {
  readonly lambda: SurfaceLambda;
  readonly captures: CaptureTypes;
}

/** The columns of a table, in their order. */
export type Columns = ReadonlyMap<string, ColumnType>;

export type StageShape =
  /** `to`: what results are stored as; null for the sequence's own type, or, from rows and to rows, the natural one. */
  | ({ readonly kind: "map"; readonly to: ElementType | Columns | null; readonly use?: MapUse } & LambdaInput)
  /** What the lists hold that the lambda gives, behind one another; a list is a row as lists.ts makes it. `to` as of a map. */
  | ({ readonly kind: "flatMap"; readonly to: ElementType | Columns | null } & LambdaInput)
  | ({ readonly kind: "filter" } & LambdaInput)
  /** Of rows, some of the columns. */
  | { readonly kind: "as"; readonly to: ElementType | Columns }
  /**
   * The running values of a reducer, stored as `to`, or as the sequence's own type. `seed`: the kind of the seed, the stage's value
   * `SEED`; null without one. `exclusive`: those before each element.
   */
  | ({
      readonly kind: "scan";
      readonly to: ElementType | null;
      readonly seed: "number" | "bigint" | "boolean" | null;
      readonly exclusive: boolean;
      readonly sequential: boolean;
    } & LambdaInput)
  /**
   * What the lambda gives for the elements at these offsets from each; its first parameter is the window of them. Stored as a map's
   * result is. A `chunk` is the window of every so many elements, and no two overlap. `edge`: what stands beyond the ends, with `constant` the stage's value `EDGE`; `valid` leaves out where anything would.
   * `fold`: the lambda was made for this method.
   */
  | ({
      readonly kind: "window";
      readonly verb: "window" | "neighbours" | "chunk";
      readonly offsets: readonly number[];
      readonly edge: Edge;
      readonly to: ElementType | Columns | null;
      readonly fold: WindowFold | null;
    } & LambdaInput)
  /** The rows in which these columns have values; they have no nulls from here on. */
  | { readonly kind: "dropNulls"; readonly columns: readonly string[] }
  /** The columns with values in place of their nulls: those of `fillOf`. */
  | { readonly kind: "fillNulls"; readonly columns: readonly string[]; readonly captures: CaptureTypes }
  /** The elements from the stage's value `start` to before its value `end`, as `Array.prototype.slice` counts them. `from`: whether `start` may be other than 0. */
  | { readonly kind: "slice"; readonly from: boolean; readonly captures: CaptureTypes }
  /** The elements before the first for which the lambda is false (`take`), or that one and all behind it. */
  | ({ readonly kind: "while"; readonly take: boolean } & LambdaInput)
  | { readonly kind: "reverse" }
  /** All elements as they are; the function that is the stage's first value is called with each. */
  | { readonly kind: "tap" }
  /** Stable; `then` sorts among what the sort stage before it found equal. NaN comes last either way. */
  | ({ readonly kind: "sort"; readonly descending: boolean; readonly then: boolean } & LambdaInput)
  /** The first elements of such an order, as many as the value behind the key's captures says. Without a key the elements are ordered by themselves. */
  | { readonly kind: "top"; readonly descending: boolean; readonly key: LambdaInput | null }
  /** The first of elements that are the same, NaN among them, as `Set` tells them apart. */
  | { readonly kind: "distinct" }
  /** Behind the elements those of another query, the stage's first value, of the same type or columns. */
  | { readonly kind: "concat" }
  /** The distinct elements of this query or another, the stage's first value; of both; or of this one alone. */
  | { readonly kind: "set"; readonly verb: SetVerb }
  /**
   * What the lambda gives for elements of this query and of another, the value behind the stage's captures: those at the same
   * place, or those with the same key (the other's keys, of which the columns are known, are one value further on). `outer`: elements without a match come, too,
   * the other missing. `more`: without a key, further queries, whose values come behind.
   */
  | ({ readonly kind: "pair"; readonly key: LambdaInput | null; readonly right: SequenceShape; readonly rightKeys: Columns | null; readonly outer: boolean; readonly more: readonly SequenceShape[] } & LambdaInput)
  /** The elements whose key is among the keys of another query, the value behind the stage's captures; or is not. */
  | ({ readonly kind: "match"; readonly keep: boolean; readonly rightKeys: Columns } & LambdaInput)
  /**
   * Beside each row what the other query's rows with the same key come to: groups of it, the value behind the stage's captures, with
   * these columns.
   */
  | ({ readonly kind: "groupJoin"; readonly groups: Columns; readonly aggregates: readonly Aggregate[] } & LambdaInput)
  /** A row for each key, in the order of first occurrence: the key's columns, then the aggregates. */
  | ({ readonly kind: "group"; readonly aggregates: readonly Aggregate[] } & LambdaInput);

export type SetVerb = "union" | "intersect" | "except";

export type Edge = "valid" | "clamp" | "wrap" | "constant";
export type WindowFold = "sum" | "average" | "min" | "max";
/** What a map is for, if not for itself: an aggregate, which leaves nulls out; or the keys of a join, which are columns even if there is but one. */
export type MapUse = "aggregate" | "keys";

/** The capture that holds what a column's nulls become. */
export const fillOf = (number: number): string => `fill${number}`;

/** What a sequence holds: elements of one type, or rows. */
export type SequenceShape = { readonly columns: null; readonly element: ColumnType } | { readonly columns: Columns };

/** What a group's elements come to: as that terminal gives it for the sequence of `value`s alone; `count` needs none. */
export interface Aggregate {
  readonly name: string;
  readonly terminal: "count" | "sum" | "average" | "min" | "max" | "first" | "last" | SpreadTerminal;
  readonly value: LambdaInput | null;
  /** Of a quantile which, 0 to 1; of a variance or a standard deviation how much less than the count divides. */
  readonly argument?: number;
}

/** Those that need a group's elements side by side. */
export type SpreadTerminal = "variance" | "standardDeviation" | "median" | "quantile";

export const isSpread = (terminal: Aggregate["terminal"]): terminal is SpreadTerminal => terminal === "variance" || terminal === "standardDeviation" || terminal === "median" || terminal === "quantile";

export type TerminalShape =
  | { readonly kind: "toArray" }
  /** Of rows: an array for each column. */
  | { readonly kind: "toColumns" }
  | { readonly kind: "count" }
  | { readonly kind: "sum" }
  | { readonly kind: "average" }
  /** Of what is averaged by the terminal's capture `mean`. */
  | { readonly kind: "variance" | "standardDeviation"; readonly sample: boolean; readonly captures: CaptureTypes }
  | { readonly kind: "min" }
  | { readonly kind: "max" }
  /** The terminal's value says which, or which of several; of a median there is none. */
  | { readonly kind: "median" | "quantile" }
  /** Of rows: the columns of that row. */
  | { readonly kind: "first" }
  | { readonly kind: "last" }
  /** How many there are, where there must be one. */
  | { readonly kind: "single" }
  /** The smallest or largest key, but NaN; undefined if there is no other. -0 is smaller than 0. */
  | ({ readonly kind: "leastKey" | "greatestKey" } & LambdaInput)
  /** The first element or row whose key is `===` a value of type `sought`, a string among them, which kernels ask for as the terminal's capture `SEED`. */
  | ({ readonly kind: "firstBy"; readonly sought: CaptureType } & LambdaInput)
  | ({ readonly kind: "some" | "every" | "find" | "findIndex" } & LambdaInput)
  /** The searched value is the terminal's capture `value`: a bigint for i64 and u64 sequences, else a number. */
  | { readonly kind: "indexOf" | "includes"; readonly captures: CaptureTypes }
  /**
   * Several terminals of one sequence, each behind stages of its own. Numbers of stages go on: behind those of the sequence come
   * those of the first branch and its terminal's, then those of the second, and so on (see `branchStarts`).
   */
  | { readonly kind: "together"; readonly verb: "aggregate" | "batch"; readonly branches: readonly BranchShape[] }
  | ({
      readonly kind: "reduce";
      /** The seed's kind; kernels ask for it as the terminal's capture `SEED`. Null without a seed. */
      readonly seed: "number" | "bigint" | "boolean" | null;
      readonly combine: LambdaInput | null;
      readonly sequential: boolean;
    } & LambdaInput);

/** A terminal among several, and the stages that it alone has. */
export interface BranchShape {
  readonly stages: readonly StageShape[];
  readonly terminal: TerminalShape;
}

/** The number of each branch's first stage, behind so many stages of the sequence. A branch's last number is its terminal's. */
export function branchStarts(depth: number, branches: readonly { readonly stages: readonly unknown[] }[]): readonly number[] {
  const starts: number[] = [];
  let next = depth;
  for (const { stages } of branches) {
    starts.push(next);
    next += stages.length + 1;
  }
  return starts;
}

/** Where a branch's result is among those of a kernel of several terminals: the places of its values and of its count among the sinks. */
export interface Part {
  readonly values: readonly number[];
  /** `all`: the number of yields. */
  readonly count: number | "all" | null;
}

/** The name under which kernels ask for a reduce's seed, or the key that is sought: no identifier, so that no capture can have it. */
export const SEED = "the seed";

/** The name of the value that stands beyond the edges. */
export const EDGE = "the value beyond the edges";

/** The stage that columns of the table at hand come from, as origins of kernel parameters: not one of the query's. */
export const TABLE = -1;

/** The stage that the strings come from that a lambda names: their own names. Kernels are handed their codes. */
export const LITERAL = -2;

/** The stage of the sizes of an index space, by axis: `0` and `1`. */
export const SIZE = -4;

/**
 * Scalar parameters: of a stage that leaves out elements at the beginning, how many those are; of kernels over pieces of a sequence,
 * whose origin is the table, how many came before the piece.
 */
export const BASE = "how many came before";
/** Of the table, too: what a fold, or a scan, has come to before the piece. */
export const CARRIED = "the value so far";

export type SourceShape = { readonly kind: "array"; readonly element: ColumnType } | { readonly kind: "range" } | { readonly kind: "columns"; readonly columns: Columns };

export interface QueryShape {
  readonly source: SourceShape;
  readonly stages: readonly StageShape[];
  readonly terminal: TerminalShape;
  /** See `Kernel.fastMath`. */
  readonly fastMath?: true;
  /** The source comes in pieces, one after another: places are those of the whole sequence. */
  readonly inPieces?: true;
}

/** What becomes of the last kernel's raw result. */
export type Finish =
  | { readonly kind: "array"; readonly element: ColumnType }
  /** Selected from the array that the last kernel stored. */
  | { readonly kind: "quantile"; readonly element: ElementType }
  /** The arrays that the last kernel stored, by column. */
  | { readonly kind: "columns"; readonly columns: Columns }
  /** The number of yields. */
  | { readonly kind: "count" }
  /** The folded value, seed included. With `empty: "error"`, no element at all is JavaScript's TypeError of reduce. */
  | { readonly kind: "fold"; readonly empty: "seed" | "error" }
  /**
   * The reduced value of type `i64` or `u64` as it is, of `bool` as a boolean; a number otherwise, where an i64 sum of 32-bit
   * terms (`exact`) converts once. `seeded` applies the seed last: `seed ⊕ value`. `empty` as above (`identity`: no check).
   */
  | { readonly kind: "reduced"; readonly op: ReduceOp; readonly seeded: boolean; readonly empty: "identity" | "error" }
  /** Sum over count; NaN for none. */
  | { readonly kind: "average" }
  /** Sum of squared deviations, less what the sum of the deviations says the mean is off, over count, of a sample over one less. */
  | { readonly kind: "variance"; readonly sample: boolean; readonly root: boolean }
  /** Whether any element yielded (`some`, `includes`), or none did (`every`). */
  | { readonly kind: "any" | "none" }
  /** The yielded value, or undefined (`find`, `first`, `last`). */
  | { readonly kind: "element"; readonly element: ColumnType }
  /** The last row of the columns that the last kernels stored, or undefined. */
  | { readonly kind: "row"; readonly columns: Columns }
  /** The reduced value; undefined where nothing was. */
  | { readonly kind: "key" }
  /** The string of the reduced rank; of nothing a TypeError, or undefined. */
  | { readonly kind: "ranked"; readonly empty: "undefined" | "error" }
  /** The place of the yielding element in the sequence (its rank after filters), or -1. */
  | { readonly kind: "position"; readonly ranked: boolean }
  /** What each branch's own plan makes of its part. */
  | { readonly kind: "together"; readonly parts: readonly Part[] };

export interface PlannedKernel {
  readonly kernel: Kernel;
  /** Indices of the query's stages that this kernel runs, in order. The last kernel runs the terminal too. */
  readonly stages: readonly number[];
  /** Why the chain was cut after this kernel; null for the last. */
  readonly barrier: string | null;
  /** What it reads: the source is table 0, what kernels of table 0 store is table 1, and so on. */
  readonly table: number;
  /** The columns of the next table that it stores, in the order of its sinks; null where what it stores is the only array, or no array. */
  readonly columns: readonly string[] | null;
  /** It stores nothing: it looks for a row, or for the end of a takeWhile, and the next table is this one, of which a step keeps what lies there. */
  readonly seeks?: "row" | "end";
  /** Over pieces, of a fold or a scan without a seed: the same, going on from a value. */
  readonly onward?: Kernel;
  /**
   * Where each array that it is to store comes from: the number of a result, or the name of an array of its own table, which is
   * handed on as it is (so it need not run if all are). Empty for a count of all elements, which is known. Without this, results in
   * their order.
   */
  readonly takes?: readonly (number | string)[];
}

/** Whether nothing needs to be run. */
export const isIdle = ({ takes }: PlannedKernel): boolean => takes?.every(from => typeof from === "string") === true;

/** Whether it would count what is known: all elements. */
export const countsAll = (planned: PlannedKernel): boolean => planned.kernel.sink.kind === "count" && isIdle(planned);

/** Columns of the compiler's own: no user's column may have such a name. */
export const isReserved = (name: string): boolean => name.startsWith("\0");

/** What it is called in explanations. */
export const plainName = (name: string): string => name.replaceAll("\0", "");

/** Columns that stand for the elements of a sequence of single values, and for keys. */
export const SINGLE = "\0element";
export const keyColumn = (number: number): string => `\0key ${number}`;
/** Whether a row has one of the other query's beside it: 1 or 0. */
export const MATCHED = "\0matched";
export const valueColumn = (number: number): string => `\0value ${number}`;

/** The elements at the offset of this number from each: a window's columns; or at this place of each chunk. */
export function windowColumn(number: number, chunked: boolean): string {
  const known = chunked ? CHUNK_COLUMNS : WINDOW_COLUMNS;
  return (known[number] ??= `\0${chunked ? "chunk" : "window"} ${number}`);
}
/** They are asked for by every run. */
const WINDOW_COLUMNS: string[] = [];
const CHUNK_COLUMNS: string[] = [];
/** The elements of all windows in one column, which is longer than there are windows: kernels read it at offsets. */
export const WINDOWED = "\0windows";
export const isChunkColumn = (name: string): boolean => name.startsWith("\0chunk ");
export const isWindowColumn = (name: string): boolean => name.startsWith("\0window ");

/** What stands at a place of all the lists, and how long they are. */
export const itemColumn = (place: number, column: string): string => `\0item ${place}${column === SINGLE ? "" : ` ${column}`}`;
export const ITEMS = "\0items";

/** What happens to a table before the kernels that read it run: rows are chosen and moved, on the host. */
export type TableStep = {
  readonly table: number;
  /** The query's stages that it does. */
  readonly stages: readonly number[];
} & (
  | { readonly kind: "keep"; readonly part: KeptPart }
  /** Each column from those of the places of lists, all of them, or as many as the column `ITEMS` says (`varied`). */
  | { readonly kind: "flatten"; readonly columns: readonly { readonly name: string; readonly from: readonly string[] }[]; readonly varied: boolean }
  /**
   * In place of the elements the column `WINDOWED`, the elements themselves or a copy with what stands beyond the ends: those at the
   * lowest offset, or at 0 if that is lower, from the first window, and the others behind. `apart`: a column for each offset, views of that.
   */
  | { readonly kind: "window"; readonly offsets: readonly number[]; readonly edge: Edge; readonly apart: boolean }
  /** In place of the elements a column of those at each place of so many: copies, without what is left over at the end. */
  | { readonly kind: "chunk"; readonly size: number }
  | { readonly kind: "slice" | "reverse" | "distinct" | "concat" }
  /** `columns`: what the function is called with, single values as a column of their own. */
  | { readonly kind: "tap"; readonly columns: Columns }
  /** With so many other queries; the columns of the first are called `rightColumn`, those of the second so twice, and so on. */
  | { readonly kind: "zip"; readonly others: number }
  /**
   * Rows of both whose keys, these columns, are the same; the other's columns are called `rightColumn`. `outer`: and rows that match
   * none; the column `MATCHED` says which do.
   */
  | { readonly kind: "join"; readonly keys: readonly KeyPart[]; readonly outer: boolean }
  /** Leaves the key columns out, and adds those of the group with the same key. */
  | { readonly kind: "groupJoin"; readonly keys: readonly KeyPart[]; readonly aggregates: readonly JoinedColumn[] }
  /** Leaves the key columns out. */
  | { readonly kind: "match"; readonly keys: readonly KeyPart[]; readonly keep: boolean }
  /** Leaves the key columns out. `limit`: the stage whose last value says how many rows are wanted, the first ones; null for all. */
  | { readonly kind: "sort"; readonly keys: readonly SortedBy[]; readonly limit: number | null }
  | { readonly kind: "set"; readonly verb: SetVerb }
  | { readonly kind: "group"; readonly keys: readonly KeyPart[]; readonly aggregates: readonly GroupColumn[] }
);

/** A key that rows are sorted by. `strings`: the order is that of the strings whose codes it holds. */
export interface SortedBy {
  readonly column: string;
  readonly descending: boolean;
  readonly strings: boolean;
}

/** A column of a key, and the name of the key's field; `key` where the key is a single value. */
export interface KeyPart {
  readonly column: string;
  readonly name: string;
}

/** A column of groups beside rows, and what rows without a group have there. */
export interface JoinedColumn {
  readonly name: string;
  readonly element: ColumnType;
  readonly nothing: ScalarValue;
}

/**
 * What is kept of a table: its first or last row; or, by the place that the kernel before has found, that row, it and all before it,
 * all before it, or it and all behind it. Where none was found, nothing, or all before the end.
 */
export type KeptPart = "head" | "tail" | "at" | "through" | "before" | "from";

/** A column of a table of groups: the terminal's value over each group's elements of a column. */
export interface GroupColumn {
  readonly name: string;
  readonly terminal: Aggregate["terminal"];
  /** Null for counts. */
  readonly column: string | null;
  /** Where the column has values; null if it has no nulls. */
  readonly valid: string | null;
  /** What it is stored as. */
  readonly element: ColumnType;
  /** As an aggregate's. */
  readonly argument?: number;
}

export interface Plan {
  /** One for each table: it reads what the one before has stored. */
  readonly kernels: readonly PlannedKernel[];
  /** In their order. */
  readonly steps: readonly TableStep[];
  readonly finish: Finish;
  /** What was changed before the stages were fused, in words. */
  readonly rewritten: readonly string[];
  /** Element type of the final sequence; null for one of rows. */
  readonly element: ColumnType | null;
  /** Number captures that must be integers, since their results are stored in integer arrays: checked at every run. */
  readonly integral: readonly { readonly stage: number; readonly name: string; readonly lambda: SurfaceLambda }[];
}
