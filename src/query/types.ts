/** The public types of queries: which arrays there are, what their elements are, and what may be handed to a lambda. */
import type { SequenceShape } from "../../fusion/query.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { ArrowTable, ArrowVector } from "../arrow/read.js";
import type { Buffer } from "../memory/buffer.js";
import type { Progress } from "../runtime/progress.js";
import type { Nullable, NullableColumn } from "../table/nullable.js";
import type { Strings } from "../table/strings.js";
import type { LazyValue } from "./lazy.js";

/** Every array that can be a source, a captured array or a result. */
export type TypedArray = AnyTypedArray;

/** The arrays whose elements are BigInts. */
export type BigArray = BigInt64Array | BigUint64Array;

/** `Float32Array`, `Int8Array` …: what `map(f, to)` and `as(to)` take. */
export type ArrayConstructor =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Uint8ClampedArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | BigInt64ArrayConstructor
  | BigUint64ArrayConstructor
  | Float32ArrayConstructor
  | Float64ArrayConstructor;

/** The array that a constructor makes: `ArrayOf<typeof Float32Array>` is `Float32Array`. */
export type ArrayOf<C extends ArrayConstructor> = C["prototype"];

/** What holds the elements of a sequence. */
export type Elements = TypedArray | readonly string[];

/** What a column without nulls is as a sequence of its own. */
export type ElementsIn<C extends Column> = C extends TypedArray ? C : C extends readonly string[] ? C : never;

/** What a lambda sees of an array: `bigint` for the two BigInt arrays, strings, otherwise `number`. */
export type ElementOf<A extends Elements> = A extends BigArray ? bigint : A extends readonly string[] ? string : number;

/** What a lambda may give for an element of an array; `true` is stored as 1, `false` as 0. */
export type ResultOf<A extends Elements> = A extends readonly string[] ? string : ElementOf<A> | boolean;

/** What a predicate may give: a boolean, or what JavaScript takes for one. */
export type Truth = boolean | number | bigint;

/** A value that a lambda may use by name: scalars are taken by value when the verb is called, arrays by reference. */
export type Capture = number | bigint | boolean | string | readonly string[] | TypedArray | ((...values: never[]) => unknown);

/** Values that a lambda uses, by the names under which it uses them. */
export type Captures = Readonly<Record<string, Capture>>;

/** What `compute` takes. */
export type QuerySource = TypedArray | readonly number[] | readonly string[] | Strings<string> | Buffer | Range | Repeat;

/** A column of a table: strings, and nulls among them, are a plain array. */
export type Column = TypedArray | Nullable | readonly (string | null)[];

/** Columns of one length, by name. */
export type TableOf = Readonly<Record<string, Column>>;

/** What a sequence without columns holds. */
export type Single = number | bigint | boolean | string;

/** A row as plain objects have it, and as a lambda may give it. */
export type Fields = Readonly<Record<string, Single | null>>;

/** A type all of whose fields are columns: `S extends Tabular<S>`, for interfaces have no index signature. */
export type Tabular<S> = { readonly [K in keyof S]: Column | Strings | Buffer | ArrowVector };

/** The same for plain objects. */
export type Row<R> = { readonly [K in keyof R]: Single | null | undefined };

/** The columns of a table. */
export type TableColumns<S> = { readonly [K in keyof S]: S[K] extends Strings<infer V> ? V[] : S[K] extends Buffer<infer A> ? A : S[K] extends Column ? S[K] : S[K] extends ArrowVector & { get(index: number): string | null } ? string[] : S[K] extends ArrowVector & { toArray(): infer A extends TypedArray } ? A : never };

/** The columns that hold the fields of plain objects. */
export type RowColumns<R> = { readonly [K in keyof R]: ColumnFor<R[K]> };

/** What a lambda sees of a column. */
export type ValueOf<C extends Column> = C extends Nullable<infer A> ? ElementOf<A> | null : C extends TypedArray ? ElementOf<C> : C extends readonly (infer V)[] ? V : never;

/** A row of a table, as lambdas see it. */
export type RowOf<T extends TableOf> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** The names of the columns with nulls. */
export type NullsOf<T extends TableOf> = { [K in keyof T]: null extends ValueOf<T[K]> ? K : never }[keyof T] & string;

/** The same table, in which these columns have no nulls. */
export type WithoutNulls<T extends TableOf, K extends PropertyKey> = { readonly [N in keyof T]: N extends K ? (T[N] extends Nullable<infer A> ? A : T[N] extends readonly (string | null)[] ? string[] : T[N]) : T[N] };

/** What the sum of such values is; and so the smallest and the largest. */
export type Total<V> = [NonNullable<V>] extends [bigint] ? bigint : number;

/** What the smallest or largest of such values is. */
export type Extreme<V> = [NonNullable<V>] extends [string] ? string : Total<V>;

export type NumberArray = Exclude<TypedArray, BigArray>;

/** The array that a column of such values may be stored in. */
export type SingleColumn<V> = [V] extends [string] ? string[] : ValueArray<V>;
type ValueArray<V> = [V] extends [bigint] ? BigArray : [V] extends [boolean] ? Uint8Array : NumberArray;

/** The column that such values, or null among them, are stored in. */
export type ColumnFor<V> = [V] extends [NonNullable<V>] ? SingleColumn<V> : [NonNullable<V>] extends [never] ? Nullable<never> : [V] extends [string | null | undefined] ? (string | null)[] : Nullable<ValueArray<NonNullable<V>>>;

/** The columns that a lambda's object makes: as they are named, as they were, or as their values say. */
export type NewColumns<T extends TableOf, F extends Fields, C = Record<never, never>> = {
  readonly [K in keyof F]: K extends keyof C ? (C[K] extends ArrayConstructor ? ArrayOf<C[K]> : ColumnFor<F[K]>) : K extends keyof T ? Kept<T[K], F[K]> | ColumnFor<F[K]> : ColumnFor<F[K]>;
};

/** The columns once those that are named have been converted. */
export type CastColumns<T extends TableOf, C> = { readonly [K in keyof T]: K extends keyof C ? (C[K] extends ArrayConstructor ? ArrayOf<C[K]> : T[K]) : T[K] };
/** The column as it was, if it may be this one. */
type Kept<C extends Column, V> = null extends V ? C : null extends ValueOf<C> ? never : C;

/** A table's columns, as `toColumns` gives them. */
export type ColumnsOf<T extends TableOf> = { [K in keyof T]: T[K] };

/** The array type of a source's elements; ranges and arrays of numbers give `Float64Array`. */
export type SourceArray<S extends QuerySource> = S extends readonly string[] | Strings
  ? string[]
  : S extends Buffer<infer A>
  ? A
  : S extends Int8Array
  ? Int8Array
  : S extends Uint8Array
    ? Uint8Array
    : S extends Uint8ClampedArray
      ? Uint8ClampedArray
      : S extends Int16Array
        ? Int16Array
        : S extends Uint16Array
          ? Uint16Array
          : S extends Int32Array
            ? Int32Array
            : S extends Uint32Array
              ? Uint32Array
              : S extends BigInt64Array
                ? BigInt64Array
                : S extends BigUint64Array
                  ? BigUint64Array
                  : S extends Float32Array
                    ? Float32Array
                    : S extends Repeat<infer V>
                      ? RepeatArray<V>
                      : Float64Array;

/** What the copies of a value are stored in. */
export type RepeatArray<V> = [V] extends [bigint] ? BigInt64Array : [V] extends [boolean] ? Uint8Array : Float64Array;

/** start, start + step, start + 2 * step …, without an array that holds them. Made by `range`. */
export class Range {
  /** Tells a range from other things that have a length. */
  readonly [Symbol.toStringTag] = "Range";

  /** @internal */
  constructor(
    readonly length: number,
    readonly start: number,
    readonly step: number,
  ) {}
}

/** One value, again and again, without an array that holds it. Made by `repeat`. */
export class Repeat<V extends number | bigint | boolean = number | bigint | boolean> {
  readonly [Symbol.toStringTag] = "Repeat";

  /** @internal */
  constructor(
    readonly value: V,
    readonly length: number,
  ) {}
}

/** What gives chunks one after another: an async generator, a Readable, an array of arrays. */
export type Chunks<T> = AsyncIterable<T> | Iterable<T>;

/** What a stream may be told that its chunks hold: typed arrays, or strings. */
export type HeldConstructor = ArrayConstructor | StringConstructor;

/** The same by column, of which some may have nulls. */
export type HeldColumns = Readonly<Record<string, HeldConstructor | NullableColumn<HeldConstructor>>>;

/** The columns of a stream that is told so. */
export type ArraysOf<C extends HeldColumns> = {
  readonly [K in keyof C]: C[K] extends NullableColumn<infer N> ? (N extends ArrayConstructor ? Nullable<ArrayOf<N>> : (string | null)[]) : C[K] extends ArrayConstructor ? ArrayOf<C[K]> : string[];
};

/** The chunks of such a stream. */
export type ChunkOf<C extends HeldColumns> = {
  readonly [K in keyof C]: C[K] extends NullableColumn<infer N> ? (N extends ArrayConstructor ? Nullable<ArrayOf<N>> : readonly (string | null)[] | Strings) : C[K] extends ArrayConstructor ? ArrayOf<C[K]> : readonly string[] | Strings<string>;
};

/** Chunks that come one after another, and what they hold: arrays of one type, or columns. Made by `stream`. */
export class Stream<T extends Elements | TableOf> {
  /** Tells a stream from other things that hold chunks. */
  readonly [Symbol.toStringTag] = "Stream";

  /** @internal */
  constructor(
    readonly chunks: Chunks<T>,
    /** @internal */
    readonly holds: SequenceShape,
  ) {}
}

/** The accumulator's type for a seed: `number` for `0`, `boolean` for `true`. */
export type Accumulator<T extends number | bigint | boolean> = T extends number ? number : T extends bigint ? bigint : boolean;

export interface ReduceOptions<T> {
  /**
   * Joins two partial results, so that a reducer the compiler does not recognise as `acc ⊕ f(x)` may still run in parallel.
   * It must be associative, and the seed must be neutral: each of the parts starts from it.
   */
  readonly combine?: (left: T, right: T) => T | boolean;
  /** Runs the reducer from left to right, one element after the other, as JavaScript does: its rounding, and slower. */
  readonly sequential?: boolean;
}

export interface ScanOptions {
  /** The value before each element, the seed first, instead of the one behind it. */
  readonly exclusive?: boolean | undefined;
  /** Runs the reducer from left to right, one element after the other, as JavaScript does: its rounding, and slower. */
  readonly sequential?: boolean | undefined;
  /** The array to make, instead of one of the sequence's own type. */
  readonly to?: ArrayConstructor | undefined;
}

export interface WindowOptions<E> {
  /**
   * What stands beyond the ends: the first or last element again (`clamp`), the other end's elements (`wrap`), or `value`
   * (`constant`). Otherwise (`valid`) there is no result where a window would reach beyond them.
   */
  readonly edge?: "valid" | "clamp" | "wrap" | "constant" | undefined;
  /** With `edge: "constant"`. */
  readonly value?: E | undefined;
}

/** So many elements as a lambda sees them: a tuple, if their number is known. */
export type Window<E, K extends number> = number extends K ? readonly E[] : TupleOf<E, K>;
type TupleOf<E, K extends number, T extends readonly E[] = readonly []> = T["length"] extends K ? T : T["length"] extends 256 ? readonly E[] : TupleOf<E, K, readonly [...T, E]>;

export interface QueryOptions {
  /**
   * Trades the promise of the same bits everywhere for speed: a product and a sum may be contracted to one multiply-add that
   * rounds once, and elementary functions are whatever the backend has that is fastest, each within 4 ulp. `explain()` says so.
   */
  readonly fastMath?: boolean | undefined;
}

export interface SpreadOptions {
  /** Divides by n - 1 instead of n: the elements are a sample of what is asked about. */
  readonly sample?: boolean | undefined;
}

/** What lazy values give, by name. */
export type Results<G> = { readonly [N in keyof G]: G[N] extends (query: never) => LazyValue<infer V> ? V : never };

/** What lazy values give, in order. */
export type ResultsOf<L> = { -readonly [N in keyof L]: L[N] extends LazyValue<infer V> ? V : never };

/** What a prepared query may be called with. */
export type PreparedSource = QuerySource | TableOf | Readonly<Record<string, Column | Strings | Buffer | ArrowVector>> | readonly Fields[] | ArrowVector | ArrowTable;

export interface RunOptions {
  /** Ends the run early: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Ends it after so many milliseconds, as a signal would: the promise is rejected with a DOMException, a TimeoutError. */
  readonly timeout?: number | undefined;
  /**
   * Is told how far the run is, ten times a second at most, and at last, when it has succeeded, that its fraction is 1. What it
   * throws does not change the run: it is a warning of the process. To end a run there is `signal`.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ForEachOptions extends RunOptions {
  /** How many elements each chunk has, but for the last. By default results come as they are there: a stream's with its chunks. */
  readonly chunk?: number | undefined;
}

export interface IntoBufferOptions<B extends Elements> {
  /** The buffer that the results are written to: of the result's type, and at least as long as the source. It may be the source itself. */
  readonly into?: Buffer<Extract<B, TypedArray>> | undefined;
}

export interface IntoOptions<B extends Elements> {
  /**
   * Where the results go, instead of a new array: of the result's type, and at least as long as the source. It may be the
   * source itself. What comes back is a view of exactly the results.
   */
  readonly into?: B | undefined;
}
