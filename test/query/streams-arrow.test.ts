/** Streams of Apache Arrow's record batches, and of columns with nulls. */
import { Float64, Int32, makeData, RecordBatchReader, RecordBatchStreamWriter, Table, tableFromArrays, tableToIPC, Utf8, Vector, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { compute, createRuntime, nullable, stream, type Rows } from "../../src/index.js";
import type { Nullable } from "../../src/index.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, runtime: createRuntime({ backend }) }));
const COUNT = 80_001;
const price = Float64Array.from({ length: COUNT }, (_, at) => Math.sin(at) * 10 ** (at % 3));
const quantity = Int32Array.from({ length: COUNT }, (_, at) => (at * 7) % 100);
const valid = Uint8Array.from({ length: COUNT }, (_, at) => Number(at % 5 !== 3 && at !== COUNT - 1));

type Trade = { readonly price: Nullable<Float64Array>; readonly quantity: Int32Array };
const whole = createRuntime({ backend: "js" }).compute({ price: nullable(price, valid), quantity });

function* cut(lengths: readonly number[]): Generator<Trade> {
  for (let from = 0, turn = 0; from < COUNT; turn += 1) {
    const to = from + (lengths[turn % lengths.length] as number);
    yield { price: nullable(price.slice(from, to), valid.slice(from, to)), quantity: quantity.slice(from, to) };
    from = to;
  }
}

/** The trades as Arrow writes them to a file: batch after batch, with a column more, of strings. */
function written(lengths: readonly number[]): Uint8Array {
  const tables = [...cut(lengths)].map(chunk => {
    const prices = vectorFromArray(Array.from(chunk.price.values, (x, at) => (chunk.price.valid[at] === 1 ? x : null)), new Float64());
    return new Table({ quantity: new Vector([makeData({ type: new Int32(), data: chunk.quantity })]), carrier: vectorFromArray(Array.from(chunk.quantity, String), new Utf8()), price: prices });
  });
  return tableToIPC((tables[0] as Table).concat(...tables.slice(1)) as never, "stream");
}

const bytes = written([70_000, 10_000, 3]);

const QUERIES: Readonly<Record<string, (rows: Rows<Trade>) => Promise<unknown>>> = {
  "sum of what is there": rows => rows.sum(r => r.price).run(),
  "sum with what stands for null": rows => rows.sum(r => (r.price ?? 1) * r.quantity).run(),
  "count of nulls": rows => rows.filter(r => r.price === null).count().run(),
  average: rows => rows.dropNulls("price").average(r => r.price * r.quantity).run(),
  maximum: rows => rows.max(r => r.price).run(),
  columns: rows => rows.filter(r => r.quantity > 90).map((r, i) => ({ ...r, i })).toColumnsAsync(),
  filled: rows => rows.fillNulls({ price: 0 }).map(r => r.price).scan((a, x) => a + x, 0).toArrayAsync(),
  windows: rows => rows.map(r => r.price ?? 0).window(3).sum().toArrayAsync(),
  last: rows => rows.last().run(),
};

describe.each(RUNTIMES)("over a stream on $backend", ({ runtime }) => {
  it.each(Object.entries(QUERIES))("%s of columns with nulls, and of record batches, is that of the whole table", async (_name, query) => {
    const expected = await query(whole as never);
    for (const lengths of [[70_000, 1, 0, 1023], [9000]]) {
      expect(await query(runtime.compute(stream(cut(lengths), { price: nullable(Float64Array), quantity: Int32Array })))).toEqual(expected);
    }
    const reader = RecordBatchReader.from(bytes);
    expect(await query(runtime.compute(stream(reader, { price: nullable(Float64Array), quantity: Int32Array })))).toEqual(expected);
  });
});

describe("a stream of record batches", () => {
  const batches = () => tableFromArrays({ a: Float64Array.of(1, 2, 3), b: Int32Array.of(4, 5, 6) }).batches;

  it("may come asynchronously, be tables, and vectors for single values", async () => {
    const writer = RecordBatchStreamWriter.writeAll(batches());
    const reader = await RecordBatchReader.from(writer.toUint8Array());
    expect(await compute(stream(reader, { a: Float64Array })).sum(r => r.a)).toBe(6);
    const tables = [tableFromArrays({ a: Float64Array.of(1) }), tableFromArrays({ a: Float64Array.of(2, 3) })];
    expect(await compute(stream(tables, { a: Float64Array })).map(r => r.a).toArrayAsync()).toEqual(Float64Array.of(1, 2, 3));
    const vectors = [vectorFromArray([1, 2], new Float64()), vectorFromArray([3], new Float64())];
    expect(await compute(stream(vectors as never as Float64Array[], Float64Array)).sum()).toBe(6);
  });

  it("shows its columns as they were told", () => {
    expect(compute(stream(batches(), { a: nullable(Float64Array), b: Int32Array })).explain()).toContain("stream(chunks, { a: nullable(Float64Array), b: Int32Array })");
  });

  it("is given without nulls where it says that there may be some", async () => {
    const chunks = [{ x: Float64Array.of(1, 2) }, { x: nullable(Float64Array.of(3, 4), [false, true]) }];
    const query = compute(stream(chunks as never as { x: Nullable<Float64Array> }[], { x: nullable(Float64Array) }));
    expect(await query.sum(r => r.x)).toBe(7);
    expect((await query.toColumnsAsync()).x.valid).toEqual(Uint8Array.of(1, 1, 0, 1));
  });

  it("is refused where it does not hold what it is said to", async () => {
    const sum = (chunks: unknown[], holds: unknown = { a: Float64Array }): Promise<number> => compute(stream(chunks as { a: Float64Array }[], holds as { a: Float64ArrayConstructor })).sum(r => r.a).run();
    await expect(sum(batches(), { a: Float64Array, c: Float64Array })).rejects.toThrow(/^DC301: the column c of chunk 0 of the stream is missing, not a Float64Array/);
    await expect(sum(batches(), { a: Float32Array })).rejects.toThrow(/^DC301: the column a of chunk 0 of the stream is a Float64Array, not a Float32Array/);
    await expect(sum([tableFromArrays({ a: ["x"] })])).rejects.toThrow(/^DC301: the column a of chunk 0 of the stream is a column of strings, not a Float64Array\nIts chunks are said to hold Float64Arrays, stream\(chunks, \{ a: Float64Array \}\)/);
    await expect(sum([{ a: nullable(Float64Array.of(1, 0, 2), [true, false, true]) }])).rejects.toThrow(/^DC308: the column a of chunk 0 of the stream has a null, at place 1, and the stream is said to hold none there\nSay that there may be nulls: stream\(chunks, \{ a: nullable\(Float64Array\) \}\)/);
    await expect(compute(stream([vectorFromArray([1, null], new Float64())] as never as Float64Array[], Float64Array)).sum().run()).rejects.toThrow(/^DC308: chunk 0 of the stream has a null, at place 1/);
    expect(() => compute(stream([], { a: nullable(Map as never) }))).toThrow(/^DC305: nullable\(\) takes a typed array's constructor, not Map/);
    expect(() => compute(stream([], { a: nullable(Float64Array) })).map(r => (r.a as number) * 2)).toThrow(/a/);
  });
});
