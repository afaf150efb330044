/** Apache Arrow's tables, record batches and vectors as sources, and Arrow tables as results. */
import { Bool, DateMillisecond, Decimal, Float32, Float64, Int32, Int64, makeData, RecordBatch, Schema, Struct, tableFromArrays, tableFromIPC, tableToIPC, Table, TimestampMillisecond, Uint8, vectorFromArray, Vector, Float16 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { loadArrow } from "../../src/arrow/write.js";
import { compute, createRuntime, nullable, type Nullable } from "../../src/index.js";
import { bindSource } from "../../src/query/source.js";
import { whyNoCpu } from "../laws/backends.js";

const js = createRuntime({ backend: "js" });
const sharesMemory = (source: unknown, name: string, array: ArrayBufferView): boolean => {
  const bound = bindSource(source);
  return bound.kind === "columns" && bound.table.get(name)?.buffer === array.buffer;
};

const price = Float64Array.from({ length: 2000 }, (_, i) => i * 0.5);
const quantity = Int32Array.from({ length: 2000 }, (_, i) => i % 7);

/** As databases give it for `select x.a, y.a`. */
function twiceNamed(): Table {
  const { schema, batches: [batch] } = tableFromArrays({ a: Int32Array.of(1), b: Int32Array.of(2) });
  const fields = schema.fields.map(field => field.clone({ name: "a" }));
  return new Table(new Schema(fields), new RecordBatch(new Schema(fields), (batch as RecordBatch).data.clone(new Struct(fields))));
}

describe("Arrow", () => {
  it("tables, record batches and vectors of one chunk are read where they lie", () => {
    const table = tableFromArrays({ price, quantity });
    for (const source of [table, table.batches[0]]) {
      expect(sharesMemory(source, "price", price)).toBe(true);
      expect(sharesMemory(source, "quantity", quantity)).toBe(true);
      expect(js.compute<{ price: Float64Array; quantity: Int32Array }>(source as Table).sum(r => r.price * r.quantity).value()).toBe(price.reduce((a, x, i) => a + x * (quantity[i] as number), 0));
    }
    const vector = new Vector([makeData({ type: new Float64(), data: price })]);
    expect(js.compute(vector).map(x => x * 2).toArray()).toEqual(price.map(x => x * 2));
    expect(js.compute({ price: vector, quantity }).filter(r => r.quantity === 3).count().value()).toBe(quantity.filter(x => x === 3).length);
    const bound = bindSource(vector);
    expect(bound.kind === "array" && bound.array.buffer === price.buffer).toBe(true);
  });

  it("nulls come from the validity bitmap, and booleans are bits, of slices too", () => {
    const values = [1.5, null, -2, null, 0, 7, null, 8, 9.5, null, 11];
    const flags = [true, null, false, true, true, false, null, true, true, true, false];
    for (const [from, to] of [[0, 11], [1, 11], [3, 10], [9, 10], [2, 2], [4, 6]] as const) {
      const source = { x: vectorFromArray(values, new Float64()).slice(from, to), flag: vectorFromArray(flags, new Bool()).slice(from, to) };
      expect(js.compute(source).toRows()).toEqual(values.slice(from, to).map((x, at) => { const flag = flags.slice(from, to)[at]; return { x, flag: flag === null ? null : Number(flag) }; }));
      expect(js.compute(source).sum(r => r.x).value()).toBe(values.slice(from, to).reduce<number>((a, x) => a + (x ?? 0), 0));
    }
    expect(js.compute({ x: vectorFromArray([null, null], new Int32()) }).dropNulls().count().value()).toBe(0);
  });

  it("several chunks are put behind one another", () => {
    const parts = [[1, 2, null], [], [4, 5]].map(values => vectorFromArray(values, new Int32()));
    const table = new Table({ x: (parts[0] as (typeof parts)[number]).concat(...parts.slice(1)) });
    expect(js.compute<{ x: Nullable<Int32Array> }>(table).toRows()).toEqual([1, 2, null, 4, 5].map(x => ({ x })));
  });

  it("tables that have been through bytes have padded buffers", () => {
    const table = tableFromIPC(tableToIPC(tableFromArrays({ a: Float32Array.of(1, 2, 3), b: BigInt64Array.of(1n, 2n, 3n) })));
    expect(js.compute<{ a: Float32Array; b: BigInt64Array }>(table).toColumns()).toEqual({ a: Float32Array.of(1, 2, 3), b: BigInt64Array.of(1n, 2n, 3n) });
  });

  it("dates and timestamps are the integers that they are stored as", () => {
    const day = new Date("2026-11-26T12:00:00Z");
    const source = { date: vectorFromArray([day], new DateMillisecond()), time: vectorFromArray([day.getTime()], new TimestampMillisecond()) };
    const [row] = js.compute(source).toRows() as unknown as Record<string, unknown>[];
    expect(Number(row?.["date"])).toBe(day.getTime());
    expect(Number(row?.["time"])).toBe(day.getTime());
  });

  it("tables are results, with nulls, and come back as they were", async () => {
    const columns = { a: Float32Array.of(1, 2, 3), b: nullable(BigInt64Array.of(1n, 0n, 3n), [true, false, true]), c: Uint8ClampedArray.of(1, 2, 255) };
    const table = await js.compute(columns).toArrow<Table>();
    expect(table).toBeInstanceOf(Table);
    expect(table.toArray().map(row => (row as { toJSON(): unknown }).toJSON())).toEqual([{ a: 1, b: 1n, c: 1 }, { a: 2, b: null, c: 2 }, { a: 3, b: 3n, c: 255 }]);
    expect(table.getChild("b")?.nullCount).toBe(1);
    expect([table.getChild("a")?.type, table.getChild("b")?.type, table.getChild("c")?.type]).toEqual([new Float32(), new Int64(), new Uint8()]);
    expect(js.compute(table).toColumns()).toEqual({ ...columns, c: Uint8Array.of(1, 2, 255) });
    expect((await js.compute({ a: new Int32Array(0) }).toArrow<Table>()).numRows).toBe(0);
    expect((await js.compute(quantity).map(x => x + 1).toArrow<Vector<Int32>>()).toArray()).toEqual(quantity.map(x => x + 1));
    const rows = await js.compute(tableFromArrays({ price, quantity })).toArrow<Table>();
    expect(rows.numRows).toBe(2000);
  });

  it.skipIf(whyNoCpu !== null)("runs on cpu", { timeout: 60_000 }, () => {
    const cpu = createRuntime({ backend: "cpu" });
    const table = new Table({ x: vectorFromArray(Array.from(price, (x, at) => (at % 3 === 0 ? null : x)), new Float64()) });
    expect(cpu.compute<{ x: Nullable<Float64Array> }>(table).sum(r => r.x).value()).toBe(js.compute<{ x: Nullable<Float64Array> }>(table).sum(r => r.x).value());
  });

  it.each<[string, () => unknown, string]>([
    ["a decimal", () => js.compute({ price: new Vector([makeData({ type: new Decimal(2, 10, 128), length: 1, data: new Uint32Array(4) })]) }), "DC301: the column price is an Arrow vector of the type Decimal[10e+2], which no column can hold\nColumns hold integers and floats of up to 64 bits"],
    ["two columns of one name", () => compute(twiceNamed()), "DC301: the Arrow table has two columns called a"],
    ["a nested column", () => compute(tableFromArrays({ list: [[1, 2], [3]] })), "DC301: the column list is an Arrow vector of the type List<"],
    ["half a float", () => js.compute(vectorFromArray([1], new Float16())), "DC301: the source is an Arrow vector of the type Float16"],
    ["a vector with nulls, alone", () => js.compute(vectorFromArray([1, null], new Float64())), "DC301: the source is an Arrow vector with nulls, and only columns may have nulls\nMake it a column: compute({ x: vector }).dropNulls().column(\"x\")."],
    ["columns of two lengths", () => js.compute({ a: vectorFromArray([1, 2], new Float64()), quantity }), "DC308: the column a has 2 elements, but quantity has 2000"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });

  it("is asked for only by toArrow(), which says what is missing", async () => {
    await expect(loadArrow(() => Promise.reject(new Error("Cannot find package")))).rejects.toThrow("DC306: toArrow() needs the package apache-arrow, which cannot be imported\nInstall it: npm install apache-arrow.");
  });
});
