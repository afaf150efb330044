/** Apache Arrow's text and dictionaries of text as columns of strings, and such columns as dictionaries. */
import { Dictionary, Int16, Int32, Int8, LargeUtf8, makeData, type Table, tableFromArrays, tableFromIPC, tableToIPC, Uint32, Utf8, vectorFromArray, Vector } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { createRuntime, type Rows } from "../../src/index.js";
import { bindSource } from "../../src/query/source.js";

const { compute } = createRuntime({ backend: "js" });
const names = Array.from({ length: 3000 }, (_, at) => (at % 11 === 0 ? null : ["AA", "", "Ünï", "🛫", "AAA", "a\0b", `id ${at % 701}`][at % 7] as string));
const texts = names.map(name => name ?? "none");

const chunked = (vector: Vector, ...ends: readonly number[]): Vector =>
  ends.map((end, at) => vector.slice(at === 0 ? 0 : ends[at - 1], end)).reduce((all, part) => all.concat(part) as Vector);

const shown = (source: object): unknown => (compute(source as Table) as Rows<never>).toColumns();

describe("Arrow's text", () => {
  it.each([["Utf8", new Utf8()], ["LargeUtf8", new LargeUtf8()]] as const)("%s, of several chunks and of slices, with nulls and without", (_, type) => {
    for (const values of [names, texts]) {
      const vector = vectorFromArray(values, type) as unknown as Vector;
      expect(shown({ name: vector })).toEqual({ name: values });
      expect(shown({ name: chunked(vector, 7, 7, 1500, 2999) })).toEqual({ name: values.slice(0, 2999) });
      expect(shown({ name: vector.slice(5, 900) })).toEqual({ name: values.slice(5, 900) });
    }
    expect(shown({ name: vectorFromArray([], type) })).toEqual({ name: [] });
    expect(compute(vectorFromArray(texts, type) as never).toArray()).toEqual(texts);
  });

  it.each([["Int8", new Int8()], ["Int16", new Int16()], ["Int32", new Int32()], ["Uint32", new Uint32()]] as const)("dictionaries with places of %s", (_, indices) => {
    const few = names.map(name => (name?.startsWith("id") === true ? "id" : name));
    for (const values of [few, few.map(name => name ?? "none")]) {
      const vector = vectorFromArray(values, new Dictionary(new Utf8(), indices)) as unknown as Vector;
      expect(shown({ name: vector })).toEqual({ name: values });
      expect(shown({ name: chunked(vector, 64, 1000, 3000) })).toEqual({ name: values });
    }
  });

  it("dictionaries of 32-bit places are read where they lie", () => {
    const vector = vectorFromArray(texts, new Dictionary(new Utf8(), new Int32()));
    const bound = bindSource({ name: vector });
    expect(bound.kind === "columns" && bound.table.get("name")?.buffer === (vector.data[0]?.values as Int32Array).buffer).toBe(true);
  });

  it("dictionaries that differ from chunk to chunk, or name a text twice, or null", () => {
    const type = new Dictionary(new Utf8(), new Int32());
    const chunk = (dictionary: readonly (string | null)[], data: readonly number[], nullBitmap?: Uint8Array) =>
      makeData({ type, length: data.length, data: Int32Array.from(data), dictionary: vectorFromArray(dictionary, new Utf8()), ...(nullBitmap === undefined ? {} : { nullBitmap, nullCount: 1 }) });
    const vector = new Vector([chunk(["a", "b"], [0, 1, 1]), chunk(["b", "c", "b"], [0, 1, 2]), chunk(["x", null, "a"], [1, 2, 0], Uint8Array.of(0b011))]);
    expect(shown({ name: vector })).toEqual({ name: ["a", "b", "b", "b", "c", "b", null, "a", null] });
    expect(compute({ name: vector }).filter(r => (r.name as string | null) === "b").count().value()).toBe(4);
    // What stands in the place of a null means nothing.
    expect(shown({ name: new Vector([chunk(["a"], [0, -1], Uint8Array.of(0b01))]) })).toEqual({ name: ["a", null] });
  });

  it("columns of one table with dictionaries of their own are compared, and joined with others", () => {
    const table = tableFromIPC(tableToIPC(tableFromArrays({ from: ["a", "b", "c", "a"], to: ["b", "b", "a", "x"], delay: Float64Array.of(1, 2, 3, 4) })));
    type Legs = { from: string[]; to: string[]; delay: Float64Array };
    expect(compute<Legs>(table).filter(r => r.from === r.to).toRows()).toEqual([{ from: "b", to: "b", delay: 2 }]);
    expect(compute<Legs>(table).join(compute<Legs>(table), r => r.to, r => r.from, (l, r) => ({ via: l.to, end: r.to })).toRows())
      .toEqual([{ via: "b", end: "b" }, { via: "b", end: "b" }, { via: "a", end: "b" }, { via: "a", end: "x" }]);
  });

  it("comes back as a dictionary of what occurs", async () => {
    const table = await compute({ name: names, at: Int32Array.from(names, (_, at) => at) }).filter(r => r.at < 20).toArrow<Table>();
    const column = table.getChild("name") as unknown as Vector<Dictionary<Utf8>>;
    expect(column.type).toBeInstanceOf(Dictionary);
    expect([...column]).toEqual(names.slice(0, 20));
    expect([...(column.data[0]?.dictionary as Vector)]).toEqual([...new Set(names.slice(0, 20))].filter(name => name !== null));
    expect(shown(tableFromIPC(tableToIPC(table)))).toEqual({ name: names.slice(0, 20), at: Int32Array.from({ length: 20 }, (_, at) => at) });
    expect([...(await compute(["a", "b"]).filter(x => x !== "a").toArrow<Vector<Dictionary<Utf8>>>())]).toEqual(["b"]);
    expect([...((await compute({ name: ["a"] }).filter(r => r.name === "b").toArrow<Table>()).getChild("name") as Vector)]).toEqual([]);
  });
});
