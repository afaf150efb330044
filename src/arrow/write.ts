/** Results as Arrow tables and vectors, by the caller's own apache-arrow: it is an optional peer, and imported when it is asked for. */
import { QueryError } from "../../fusion/errors.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import type { ElementType } from "../../fusion/types.js";
import type { Column } from "../query/types.js";
import { Nullable } from "../table/nullable.js";

/** What is used of the package. */
interface Arrow {
  readonly [type: string]: new (...args: never[]) => unknown;
}
interface Making {
  readonly makeData: (made: object) => unknown;
  readonly Vector: new (data: readonly unknown[]) => unknown;
  readonly Table: new (columns: object) => unknown;
}

const TYPES = { i8: "Int8", u8: "Uint8", u8c: "Uint8", i16: "Int16", u16: "Uint16", i32: "Int32", u32: "Uint32", i64: "Int64", u64: "Uint64", f32: "Float32", f64: "Float64" } as const satisfies Record<ElementType, string>;

/** Named where no bundler takes it for a package to bundle. */
const PACKAGE = "apache-arrow";

/** `load`: imports the package. */
export async function loadArrow(load: () => Promise<unknown> = () => import(PACKAGE)): Promise<Arrow & Making> {
  try {
    return (await load()) as Arrow & Making;
  } catch (error) {
    throw new QueryError("DC306", "toArrow() needs the package apache-arrow, which cannot be imported", "Install it: npm install apache-arrow.", { cause: error });
  }
}

export const arrowTable = (arrow: Arrow & Making, columns: Readonly<Record<string, Column>>): unknown => new arrow.Table(Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, arrowVector(arrow, column)])));

/** The values as they are; nothing is copied. */
export function arrowVector(arrow: Arrow & Making, column: Column): unknown {
  const [values, valid] = column instanceof Nullable ? [column.values, column.valid] : [column as AnyTypedArray, null];
  const Type = arrow[TYPES[elementTypeOf(values) as ElementType]] as new () => unknown;
  const data = values instanceof Uint8ClampedArray ? new Uint8Array(values.buffer, values.byteOffset, values.length) : values;
  const nulls = valid === null ? {} : { nullBitmap: packed(valid), nullCount: valid.reduce((count, there) => count + Number(there === 0), 0) };
  return new arrow.Vector([arrow.makeData({ type: new Type(), length: values.length, data, ...nulls })]);
}

/** A byte each as bits, the lowest of each byte first. */
function packed(valid: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(valid.length / 8));
  for (let at = 0; at < valid.length; at += 1) if (valid[at] !== 0) (bits[at >> 3] as number) |= 1 << (at & 7);
  return bits;
}
