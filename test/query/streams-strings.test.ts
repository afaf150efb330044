/** Strings in streams: what they are over whole columns, whatever chunk they come in. */
import { Dictionary, makeData, RecordBatchReader, Table, tableToIPC, Uint32, Utf8, Vector, vectorFromArray } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, nullable, stream, strings, type Rows } from "../../src/index.js";

const RUNTIMES = (["js", "cpu"] as const).map(backend => ({ backend, runtime: createRuntime({ backend }) }));
const scripted = createRuntime({ backend: "js" });

const COUNT = 70_001;
/** New ones come all the time, and the last one alone. */
const carrier = Array.from({ length: COUNT }, (_, at) => (at === COUNT - 1 ? "🛫" : ["AA", "", "UA", `A${at % (1 + Math.floor(at / 3000))}`, "Ünï"][(at * 7) % 5] as string));
const plane = carrier.map((name, at) => (at % 4 === 1 ? null : `${name}${at % 3}`));
const delay = Int32Array.from({ length: COUNT }, (_, at) => ((at * 7919) % 60) - 20);

type Flight = { readonly carrier: string[]; readonly plane: (string | null)[]; readonly delay: Int32Array };
const HOLDS = { carrier: String, plane: nullable(String), delay: Int32Array } as const;

function* cut(lengths: readonly number[]): Generator<Flight> {
  for (let from = 0, turn = 0; from < COUNT; turn += 1) {
    const to = from + (lengths[turn % lengths.length] as number);
    yield { carrier: carrier.slice(from, to), plane: plane.slice(from, to), delay: delay.slice(from, to) };
    from = to;
  }
}

const chunkings = fc.array(fc.constantFrom(0, 1, 31, 1023, 1025, 9999, 65_536), { minLength: 1, maxLength: 5 }).map(lengths => [...lengths, 20_000]);

declare const wanted: string;
declare const listed: readonly string[];
const fleet = { name: ["🛫", "A0", "AA", "none"], seats: Int16Array.of(1, 2, 3, 4) };

const QUERIES: Readonly<Record<string, (rows: Rows<Flight>) => Promise<unknown>>> = {
  "comparison with a literal": rows => rows.filter(r => r.carrier === "AA" || r.plane === "🛫2").count().run(),
  "comparison with a captured string": rows => rows.filter(r => r.carrier !== wanted, { wanted: "🛫" }).sum(r => r.delay).run(),
  "comparison of columns": rows => rows.map(r => (r.plane ?? r.carrier) === r.carrier).sum().run(),
  "a list": rows => rows.filter(r => ["A1", "🛫", "never"].includes(r.carrier)).map((r, i) => r.delay * i).sum().run(),
  "a captured list": rows => rows.filter(r => listed.includes(r.carrier), { listed: ["A11", "🛫", "never"] }).toColumnsAsync(),
  "new columns": rows => rows.map(r => ({ ...r, how: r.delay > 30 ? "late" : r.carrier, known: r.plane ?? "none" })).filter(r => r.delay > 36).toColumnsAsync(),
  "single strings": rows => rows.map(r => (r.delay > 30 ? r.carrier : "on time")).filter(x => x !== "on time").toArrayAsync(),
  "single strings, without the last ones": rows => rows.column("carrier").skip(10).take(60_000).toArrayAsync(),
  first: rows => rows.filter(r => r.carrier === "🛫").first().run(),
  last: rows => rows.map(r => r.carrier).last().run(),
  some: rows => rows.some(r => r.plane === "🛫1").run(),
  findIndex: rows => rows.findIndex(r => r.carrier === "🛫").run(),
  "without nulls": rows => rows.dropNulls("plane").map(r => r.plane).toArrayAsync(),
  "with others for nulls": rows => rows.fillNulls({ plane: "?" }).map(r => ({ plane: r.plane })).toColumnsAsync(),
  "methods and orders": rows => rows.filter(r => r.carrier.startsWith("A1") && r.carrier < "A15").map((r, i) => r.carrier.length * i).sum().run(),
  takeWhile: rows => rows.takeWhile(r => r.carrier !== "A13").count().run(),
  "beside another query": rows => rows.zip(scripted.compute(fleet), (r, f) => ({ carrier: r.carrier, name: f.name, same: r.carrier === f.name })).toColumnsAsync(),
  "another query behind them": rows => rows.map(r => ({ name: r.carrier })).concat(scripted.compute(fleet).map(r => ({ name: r.name }))).skip(COUNT - 2).toColumnsAsync(),
  lists: rows => rows.flatMap(r => (r.delay > 30 ? [r.carrier, "late"] : [])).toArrayAsync(),
};

const whole = scripted.compute({ carrier, plane, delay }) as Rows<Flight>;

describe.each(RUNTIMES)("strings over a stream on $backend", ({ runtime }) => {
  it.each(Object.entries(QUERIES))("%s", async (_name, query) => {
    const expected = await query(whole);
    await fc.assert(fc.asyncProperty(chunkings, async lengths => {
      expect(await query(runtime.compute(stream(cut(lengths), HOLDS)))).toEqual(expected);
    }), { numRuns: 2, seed: 7 });
  });

  it("come chunk by chunk as strings, of arrays too", async () => {
    const late = (rows: Rows<Flight>) => rows.filter(r => r.delay > 15).map(r => ({ name: r.plane }));
    const expected = plane.filter((_, at) => (delay[at] as number) > 15);
    const parts: (string | null)[] = [];
    for await (const { name } of late(runtime.compute(stream(cut([999]), HOLDS)))) parts.push(...name);
    expect(parts).toEqual(expected);
    parts.length = 0;
    for await (const { name } of late(runtime.compute({ carrier, plane, delay }) as Rows<Flight>)) parts.push(...name);
    expect(parts).toEqual(expected);
    const seen: string[][] = [];
    await runtime.compute(stream([["a", "b"], ["b", "c"]], String)).filter(x => x !== "b").forEach(chunk => seen.push(chunk));
    expect(seen).toEqual([["a"], ["c"]]);
  });
});

describe("strings in a stream", () => {
  const { compute } = scripted;

  it("may be encoded before, and Arrow's, with dictionaries of each batch's own or of all", async () => {
    const encoded = strings(["x", "y", "x"]);
    const vector = (names: readonly string[]) => vectorFromArray(names, new Utf8());
    expect(await compute(stream([encoded, strings(["z", "y"]), encoded], String)).toArrayAsync()).toEqual(["x", "y", "x", "z", "y", "x", "y", "x"]);
    const batches = [["a", "b"], ["c", "a"]].map(names => new Table({ utf8: vector(names), own: vectorFromArray(names, new Dictionary(new Utf8(), new Uint32())) }));
    const shared = vector(["p", "q", "r"]);
    const places = [Uint32Array.of(2, 0), Uint32Array.of(1, 2)].map(data => new Vector([makeData({ type: new Dictionary(new Utf8(), new Uint32()), data, dictionary: shared })]));
    const chunks = batches.map((batch, at) => batch.assign(new Table({ shared: places[at] as Vector })));
    const read = await compute(stream(chunks, { utf8: String, own: String, shared: String })).filter(r => r.utf8 === r.own && r.shared !== "p").toColumnsAsync();
    expect(read).toEqual({ utf8: ["a", "c", "a"], own: ["a", "c", "a"], shared: ["r", "q", "r"] });
    const reader = RecordBatchReader.from(tableToIPC(new Table({ s: vectorFromArray(["a", null, "b"], new Utf8()) }), "stream"));
    expect(await compute(stream(reader, { s: nullable(String) })).toColumnsAsync()).toEqual({ s: ["a", null, "b"] });
  });

  it("are said to be there, and that there may be nulls", async () => {
    const read = (chunks: unknown[], holds: unknown = { s: String }) => compute(stream(chunks as { s: string[] }[], holds as { s: StringConstructor })).toColumnsAsync();
    await expect(read([{ s: ["a"] }, { s: ["b", null] }])).rejects.toThrow(/^DC308: the column s of chunk 1 of the stream has a null, at place 1, .*\nSay that there may be nulls: stream\(chunks, \{ s: nullable\(String\) \}\)/);
    await expect(read([{ s: Int8Array.of(1) }])).rejects.toThrow(/^DC301: the column s of chunk 0 of the stream is an Int8Array, not an array of strings\nIts chunks are said to hold Strings, stream\(chunks, \{ s: String \}\)/);
    await expect(read([{ s: ["a", 3] }])).rejects.toThrow("DC301: element 1 of the column s of chunk 0 of the stream is 3, not a string");
    await expect(read([{}])).rejects.toThrow("DC301: the column s of chunk 0 of the stream is missing, not an array of strings");
    await expect(compute(stream([["a"], [null]] as string[][], String)).count()).rejects.toThrow(/^DC308: chunk 1 of the stream has a null, at place 0/);
    await expect(compute(stream([["a"]], String)).toArrayAsync({ into: [] as string[] })).rejects.toThrow("DC304: strings cannot be put into an array that is there");
    await expect(compute(stream([["a"]], String)).map(x => x.toUpperCase()).toArrayAsync()).rejects.toThrow("DC310: toUpperCase makes new strings of a stream's, whose number would grow with the stream");
    const text = compute(stream([], HOLDS)).filter(r => r.carrier === "AA").explain();
    expect(text).toContain("stream(chunks, { carrier: String, plane: nullable(String), delay: Int32Array })");
    expect(text).toContain("reads the columns carrier, plane, valid plane, delay of the stream, in pieces of at most 65536 elements, strings by their codes in one dictionary, which grows by those that are new");
    expect(compute(stream([], String)).explain()).toContain("compute(stream(chunks, String))");
  });

  it("are shown to tap as they are", async () => {
    const seen: unknown[] = [];
    await compute(stream([{ s: ["a"], n: Int8Array.of(1) }, { s: ["b"], n: Int8Array.of(2) }], { s: String, n: Int8Array })).tap((row, i) => seen.push(row, i)).count();
    expect(seen).toEqual([{ s: "a", n: 1 }, 0, { s: "b", n: 2 }, 1]);
  });
});
