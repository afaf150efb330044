/** Tables as sources: typed arrays of one length, by column; or plain objects, row by row, read into such arrays at every run. */
import { QueryError } from "../../fusion/errors.js";
import { isValidity, shownNames, validColumn } from "../../fusion/columns.js";
import { isReserved, type Columns } from "../../fusion/query.js";
import { storedAs, type ColumnType } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { checkAttached, describe } from "../query/given.js";
import { arrayOfVector, columnsOfArrow, isArrowTable, isVector } from "../arrow/read.js";
import { Buffer } from "../memory/buffer.js";
import { bufferColumnInWords } from "../memory/show.js";
import { Dictionary, translated } from "./dictionary.js";
import { Nullable } from "./nullable.js";
import { columnInWords } from "./show.js";
import { encoded, Strings } from "./strings.js";
import { columnOf, type Table } from "./table.js";

export type TableSource =
  /** `dictionary`: that of its columns of strings. `buffers`: the columns that are buffers, which are not in the table; null if there are none. */
  | { readonly kind: "columns"; readonly columns: Columns; readonly table: Table; readonly dictionary: Dictionary; readonly buffers: Buffers | null }
  | { readonly kind: "rows"; readonly columns: Columns; readonly rows: readonly unknown[] };

type Buffers = ReadonlyMap<string, Buffer>;
type Row = Readonly<Record<string, unknown>>;

/** A plain object, of this realm or another; neither an array nor an instance of a class. */
export function isPlain(value: unknown): value is Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Whether an array's first element is an object. */
export const hasRows = (source: readonly unknown[]): boolean => isPlain(source[0]);

/** The table that `compute` was given; null if it was given something else. */
export function bindTable(source: unknown): TableSource | null {
  if (Array.isArray(source)) return { kind: "rows", columns: columnsOfRows(source), rows: source };
  if (isArrowTable(source)) return bindColumns(columnsOfArrow(source));
  return isPlain(source) ? bindColumns(source) : null;
}

function bindColumns(source: Row): TableSource {
  const table = new Map<string, AnyTypedArray>();
  const columns = new Map<string, ColumnType>();
  const names = Object.keys(source);
  const given = names.map(name => readable(name, source[name]));
  const buffers = new Map<string, Buffer>();
  const dictionary = new Dictionary(given.find(column => column instanceof Strings)?.dictionary);
  for (let at = 0; at < names.length; at += 1) {
    const [name, column] = [names[at] as string, given[at]];
    checkName(name);
    if (column instanceof Buffer) {
      columns.set(name, column.storage.element);
      buffers.set(name, column as Buffer);
      continue;
    }
    const { type, array, valid } = boundColumn(name, column, dictionary);
    columns.set(name, type);
    table.set(name, array);
    if (valid === null) continue;
    columns.set(validColumn(name), "u8");
    table.set(validColumn(name), valid);
  }
  if (columns.size === 0) throw new QueryError("DC301", "compute() was given an object without columns", "Name typed arrays of one length: compute({ price, quantity }).");
  const bound: TableSource = { kind: "columns", columns, table, dictionary, buffers: buffers.size === 0 ? null : buffers };
  tableLength(bound);
  return bound;
}

/** Arrow's vectors are read now; whatever else it is stays as it is. */
const readable = (name: string, column: unknown): unknown => (!ArrayBuffer.isView(column) && isVector(column) ? arrayOfVector(column, `the column ${name}`) : column);

/** A plain array holds strings, which are read now; so it may change afterwards. */
function boundColumn(name: string, column: unknown, dictionary: Dictionary): { readonly type: ColumnType; readonly array: AnyTypedArray; readonly valid: Uint8Array | null } {
  const own = elementTypeOf(column);
  if (own !== undefined) return { type: own, array: column as AnyTypedArray, valid: null };
  const strings = Array.isArray(column) && !column.some(value => typeof value === "number") ? encoded(column, dictionary, `the column ${name}`) : column;
  if (strings instanceof Strings) return { type: "string", array: translated(strings.codes, dictionary.codesOf(strings.dictionary)), valid: strings.valid };
  const array: unknown = column instanceof Nullable ? column.values : column;
  const type = elementTypeOf(array);
  if (type === undefined) throw new QueryError("DC301", `the column ${name} is ${describe(array)}, not a typed array`, Array.isArray(array) ? `Write { ${name}: Float64Array.from(${name}) }.` : "The columns of a table are typed arrays, or arrays of strings, of one length: compute({ price, quantity }).");
  return { type, array: array as AnyTypedArray, valid: column instanceof Nullable ? column.valid : null };
}

export function checkName(name: string): void {
  if (isReserved(name)) throw new QueryError("DC301", `a column has the name ${JSON.stringify(name)}, and names that begin with a NUL are the library's own`, "Give it another name.");
}

const KINDS: Readonly<Record<string, ColumnType>> = { number: "f64", boolean: "u8", bigint: "i64", string: "string" };

const isNull = (value: unknown): value is null | undefined => value === null || value === undefined;

/** The first row says what columns there are, and of each the first value that is no null says what it holds: numbers, if there is none. */
function columnsOfRows(rows: readonly unknown[]): Columns {
  const columns = new Map<string, ColumnType>();
  for (const name of Object.keys(rows[0] as Row)) {
    checkName(name);
    const has = (row: unknown): row is Row => isPlain(row) && Object.hasOwn(row, name);
    const first = rows.findIndex(row => has(row) && !isNull(row[name]));
    const value = first < 0 ? 0 : (rows[first] as Row)[name];
    const element = KINDS[typeof value];
    if (element === undefined) throw notAValue(name, value, first);
    columns.set(name, element);
    if (rows.some(row => has(row) && isNull(row[name]))) columns.set(validColumn(name), "u8");
  }
  if (columns.size === 0) throw new QueryError("DC301", "the rows given to compute() have no columns", "Rows are objects of numbers, BigInts, booleans, strings and nulls: [{ price: 2.5, quantity: 3 }].");
  return columns;
}

const notAValue = (name: string, value: unknown, row: number): QueryError =>
  new QueryError("DC301", `the column ${name} of row ${row} is ${describe(value)}`, "Columns hold numbers, BigInts, booleans, strings or nulls: leave others out, or turn them into numbers first.");

interface Sized {
  readonly name: string;
  readonly length: number;
}

const unequal = (first: Sized, other: Sized): QueryError =>
  new QueryError("DC308", `the column ${first.name} has ${first.length} elements, but ${other.name} has ${other.length}`, "The columns of a table have one length: cut the longer one, with subarray().");

const nameOf = (column: string): string => (isValidity(column) ? `the validity of ${column.slice(validColumn("").length)}` : column);

/** How many rows there are now. Throws QueryError where the columns are not of one length. */
export function tableLength(source: TableSource): number {
  if (source.kind === "rows") return source.rows.length;
  let first: Sized | null = null;
  for (const [column, array] of source.table) {
    const { length } = array;
    if (length === 0) checkAttached(array, `the column ${nameOf(column)}`);
    first ??= { name: nameOf(column), length };
    if (length !== first.length) throw unequal(first, { name: nameOf(column), length });
  }
  for (const [name, buffer] of source.buffers ?? []) {
    buffer.check();
    first ??= { name, length: buffer.length };
    if (buffer.length !== first.length) throw unequal(first, { name, length: buffer.length });
  }
  return first?.length ?? 0;
}

/** The columns as they are now; null for a source that is no table. Strings have the codes of the run's dictionary. */
export function readTable(source: TableSource | { readonly kind: "array" | "numbers" | "buffer" | "range" | "stream" }, dictionary: Dictionary, owner: object | null = null): Table | null {
  switch (source.kind) {
    case "columns": {
      tableLength(source);
      const table = source.buffers === null ? source.table : withBuffers(source, source.buffers, owner);
      const to = dictionary.codesOf(source.dictionary);
      return to === null ? table : new Map([...table].map(([name, array]) => [name, source.columns.get(name) === "string" ? translated(array as Uint32Array, to) : array]));
    }
    case "rows":
      return readRows(source, dictionary);
    case "array":
    case "numbers":
    case "buffer":
    case "range":
    case "stream":
      return null;
    default:
      return source satisfies never;
  }
}

/** In the order in which the columns were given. */
const withBuffers = ({ columns, table }: TableSource & { readonly kind: "columns" }, buffers: Buffers, owner: object | null): Table =>
  new Map([...columns.keys()].map(name => [name, buffers.get(name)?.view(owner) ?? columnOf(table, name)]));

function readRows({ columns, rows }: TableSource & { readonly kind: "rows" }, dictionary: Dictionary): Table {
  const table = new Map([...columns].map(([name, type]) => [name, newArray(storedAs(type), rows.length)] as const));
  for (let at = 0; at < rows.length; at += 1) {
    const row = rows[at];
    if (!isPlain(row)) throw new QueryError("DC301", `row ${at} of the source is ${describe(row)}, not an object`, "An array given to compute() holds numbers only, or objects with the same columns only.");
    const extra = Object.keys(row).find(name => !columns.has(name));
    if (extra !== undefined) throw new QueryError("DC308", `row ${at} of the source has a column ${extra}, which the first row has not`, "Every row must have the same columns.");
    for (const [name, element] of columns) {
      if (isValidity(name)) continue;
      if (!Object.hasOwn(row, name)) throw new QueryError("DC308", `row ${at} of the source has no ${name}`, "Every row must have the same columns as the first: null stands for a value that is missing.");
      const value = row[name];
      const valid = table.get(validColumn(name));
      if (isNull(value)) {
        if (valid === undefined) throw new QueryError("DC308", `the column ${name} of row ${at} is ${String(value)}, but no row had a null when compute() was called`, "Call compute() again once the rows have changed.");
        continue;
      }
      if (valid !== undefined) valid[at] = 1;
      if (KINDS[typeof value] !== element) throw wrongKind(name, value, at, element);
      if (typeof value === "bigint" && BigInt.asIntN(64, value) !== value) {
        throw new QueryError("DC301", `the column ${name} of row ${at} is ${value}n, which does not fit in 64 bits`, "Columns of BigInts are 64-bit integers, -(2n ** 63n) to 2n ** 63n - 1n.");
      }
      (table.get(name) as Float64Array)[at] = typeof value === "string" ? dictionary.codeOf(value) : (value as number);
    }
  }
  return table;
}

function wrongKind(name: string, value: unknown, row: number, element: ColumnType): QueryError {
  if (KINDS[typeof value] === undefined) return notAValue(name, value, row);
  const first = { f64: "a number", u8: "a boolean", i64: "a BigInt", string: "a string" }[element as "f64" | "u8" | "i64" | "string"];
  return new QueryError("DC308", `the column ${name} of row ${row} is a ${typeof value}, but ${first} in the first row`, "A column holds values of one type.");
}

/** The column and, of a buffer, where it is. */
function showColumn({ columns, buffers }: TableSource & { readonly kind: "columns" }, name: string): string {
  const buffer = buffers?.get(name);
  return buffer === undefined ? columnInWords(columns, name) : bufferColumnInWords(buffer);
}

/** `{ price: Float64Array(3), … }`, as explain() shows it. */
export function showTable(source: TableSource): string {
  const { columns } = source;
  const shown = shownNames(columns.keys()).map(name => (source.kind === "columns" ? `${name}: ${showColumn(source, name)}` : columns.has(validColumn(name)) ? `${name} with nulls` : name));
  return `{ ${shown.join(", ")} } × ${tableLength(source)}`;
}
