/** Results as Arrow tables and vectors, by the caller's own apache-arrow: it is an optional peer, and imported when it is asked for. */
import { QueryError } from "../../fusion/errors.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import type { ElementType } from "../../fusion/types.js";
import type { GivenColumn, GivenColumns } from "../table/given.js";
import { Nullable } from "../table/nullable.js";
import { Strings } from "../table/strings.js";

/** What is used of the package. */
interface Arrow {
  readonly [type: string]: new (...args: never[]) => unknown;
}
interface Making {
  readonly makeData: (made: object) => unknown;
  readonly vectorFromArray: (values: readonly string[], type: object) => unknown;
  readonly Vector: new (data: readonly unknown[]) => unknown;
  readonly Table: new (columns: object) => unknown;
}

const TYPES = { i8: "Int8", u8: "Uint8", u8c: "Uint8", i16: "Int16", u16: "Uint16", i32: "Int32", u32: "Uint32", i64: "Int64", u64: "Uint64", f32: "Float32", f64: "Float64" } as const satisfies Record<ElementType, string>;

/** Named where no bundler takes it for a package to bundle. */
const PACKAGE = "apache-arrow";

/** Where the library was loaded as a script (src/boot/load.ts): what imports for it. */
declare const importModule: ((name: string) => Promise<unknown>) | undefined;
const importArrow = (): Promise<unknown> => (typeof importModule === "undefined" ? import(PACKAGE) : importModule(PACKAGE));

/** `load`: imports the package. */
export async function loadArrow(load: () => Promise<unknown> = importArrow): Promise<Arrow & Making> {
  try {
    return (await load()) as Arrow & Making;
  } catch (error) {
    throw new QueryError("DC306", "toArrow() needs the package apache-arrow, which cannot be imported", "Install it: npm install apache-arrow.", { cause: error });
  }
}

export const arrowTable = (arrow: Arrow & Making, columns: GivenColumns): unknown => new arrow.Table(Object.fromEntries(columns.map(([name, column]) => [name, arrowVector(arrow, column)])));

/** The values as they are; nothing is copied. Strings are a dictionary of those that occur. */
export function arrowVector(arrow: Arrow & Making, column: GivenColumn): unknown {
  if (column instanceof Strings) return stringVector(arrow, column);
  const [values, valid] = column instanceof Nullable ? [column.values, column.valid] : [column as AnyTypedArray, null];
  const Type = arrow[TYPES[elementTypeOf(values) as ElementType]] as new () => unknown;
  const data = values instanceof Uint8ClampedArray ? new Uint8Array(values.buffer, values.byteOffset, values.length) : values;
  return new arrow.Vector([arrow.makeData({ type: new Type(), length: values.length, data, ...nullsOf(valid) })]);
}

const nullsOf = (valid: Uint8Array | null): object => (valid === null ? {} : { nullBitmap: packed(valid), nullCount: valid.reduce((count, there) => count + Number(there === 0), 0) });

/** Codes are numbered anew, so that no string of the run's dictionary is in the result that does not occur in it. */
function stringVector(arrow: Arrow & Making, { codes, valid, dictionary }: Strings): unknown {
  const places = new Int32Array(dictionary.size).fill(-1);
  const used: string[] = [];
  const data = new Int32Array(codes.length);
  for (let at = 0; at < codes.length; at += 1) {
    if (valid !== null && valid[at] === 0) continue;
    const code = codes[at] as number;
    if (places[code] === -1) places[code] = used.push(dictionary.at(code)) - 1;
    data[at] = places[code] as number;
  }
  const [Text, Index, Type] = [arrow["Utf8"], arrow["Int32"], arrow["Dictionary"]] as unknown as [new () => object, new () => object, new (values: object, indices: object) => object];
  const strings = arrow.vectorFromArray(used, new Text());
  return new arrow.Vector([arrow.makeData({ type: new Type(new Text(), new Index()), length: codes.length, data, dictionary: strings, ...nullsOf(valid) })]);
}

/** A byte each as bits, the lowest of each byte first. */
function packed(valid: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(valid.length / 8));
  for (let at = 0; at < valid.length; at += 1) if (valid[at] !== 0) (bits[at >> 3] as number) |= 1 << (at & 7);
  return bits;
}
