/** Columns with nulls, as they are handed over and given back. */
import { QueryError } from "../../fusion/errors.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { describe } from "../query/given.js";

/** The values of a column, and which of them are there: made by `nullable`, and what `toColumns` gives for a column with nulls. */
export class Nullable<A extends AnyTypedArray = AnyTypedArray> {
  /** @internal */
  constructor(
    readonly values: A,
    /** 1 where there is a value, 0 where there is none (what `values` holds there means nothing). */
    readonly valid: Uint8Array,
  ) {}

  get length(): number {
    return this.values.length;
  }

  /** The value of a row, or null. */
  at(row: number): A[number] | null {
    return this.valid[row] === 0 ? null : (this.values[row] ?? null);
  }

  get [Symbol.toStringTag](): string {
    return "Nullable";
  }
}

/** What a stream's column holds where it may have nulls, too: made by `nullable`. */
export class NullableColumn<C = unknown> {
  readonly [Symbol.toStringTag] = "NullableColumn";

  /** @internal */
  constructor(readonly holds: C) {}
}

/** `nullable`, checked. */
export function makeNullable<A extends AnyTypedArray>(values: A, valid: Uint8Array | readonly boolean[], { bitmap = false }: { readonly bitmap?: boolean } = {}): Nullable<A> {
  if (elementTypeOf(values) === undefined) throw new QueryError("DC301", `nullable() takes the values as a typed array, not ${describe(values)}`, "Write nullable(Float64Array.of(2.5, 0), [true, false]).");
  const given: unknown = valid;
  if (Array.isArray(given)) return new Nullable(values, checkLength(values, Uint8Array.from(given, Number)));
  if (!(given instanceof Uint8Array)) throw new QueryError("DC301", `nullable() takes the validity as a Uint8Array or as booleans, not ${describe(given)}`, "Write nullable(values, valid), with 1 where there is a value, and 0 where there is none.");
  if (!bitmap) return new Nullable(values, checkLength(values, given));
  if (given.length * 8 < values.length) throw new QueryError("DC308", `the bitmap has ${given.length * 8} bits for ${values.length} values`, "Give a bit for each value, the lowest of each byte first.");
  return new Nullable(values, unpacked(given, 0, values.length));
}

function checkLength(values: AnyTypedArray, valid: Uint8Array): Uint8Array {
  if (valid.length === values.length) return valid;
  throw new QueryError("DC308", `the validity has ${valid.length} elements for ${values.length} values`, "Give one for each value; for a bit each write nullable(values, bits, { bitmap: true }).");
}

/** Bits, the lowest of each byte first, as a byte each. */
export function unpacked(bits: Uint8Array, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = ((bits[(offset + at) >> 3] as number) >> ((offset + at) & 7)) & 1;
  return bytes;
}
