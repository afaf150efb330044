/**
 * Bytes and shorts, as images and sounds are made of, `npm run bench -- --measure=bytes`: queries, prepared and into memory that is kept,
 * against loops in C++ (bytes.cpp), in turns on one thread.
 */
import os from "node:os";
import { createRuntime, type TypedArray } from "dotcompute";
import type { Handwritten } from "./handwritten.js";
import { race } from "./measure.js";
import { duration, markdown, ratio, type Table } from "./tables.js";

type Runtime = ReturnType<typeof createRuntime>;

interface Case {
  readonly code: string;
  readonly symbol: string;
  readonly run: () => unknown;
  readonly source: Uint8Array | Int16Array | null;
  readonly output: Uint8Array | Int16Array | null;
  readonly arrays?: readonly TypedArray[];
}

function casesOf(runtime: Runtime, n: number): readonly Case[] {
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 16;
  const byte = (): number => { const x = random() >>> 8; return x === 7 ? 8 : x; };
  const bytes = Uint8Array.from({ length: n }, byte), shorts = Int16Array.from({ length: n }, random);
  const [r, g, b] = [0, 1, 2].map(() => Uint8Array.from({ length: n }, byte)) as [Uint8Array, Uint8Array, Uint8Array];
  const out = new Uint8Array(n), shortsOut = new Int16Array(n);
  const [into, shortsInto] = [{ into: out }, { into: shortsOut }];
  const columns = { r, g, b };
  const u8 = runtime.compute(bytes), i16 = runtime.compute(shorts), table = runtime.compute(columns);

  const invert = u8.map(x => 255 - x).prepare<Uint8Array>();
  const brighten = u8.map(x => Math.min(255, x + 40)).prepare<Uint8Array>();
  const threshold = u8.map(x => (x > t ? 255 : 0), { t: 128 }).prepare<Uint8Array>();
  const gain = i16.map(x => (x * 3) >> 2).prepare<Int16Array>();
  const clip = i16.map(x => Math.max(-1000, Math.min(1000, x))).prepare<Int16Array>();
  const kept = u8.filter(x => x > 128).prepare<Uint8Array>();
  const keptShorts = i16.filter(x => x > 100).prepare<Int16Array>();
  const count = u8.filter(x => x > t, { t: 128 }).count().prepare<Uint8Array>();
  const countShorts = i16.filter(x => x > 100).count().prepare<Int16Array>();
  const max = u8.max().prepare<Uint8Array>();
  const maxShorts = i16.max().prepare<Int16Array>();
  const sum = u8.sum().prepare<Uint8Array>();
  const some = u8.some(x => x === 7).prepare<Uint8Array>();
  const running = i16.scan((a, x) => Math.max(a, x)).prepare<Int16Array>();
  const above = table.map(p => (p.r > p.g ? 255 : 0), Uint8Array).prepare();
  const grey = table.map(p => (77 * p.r + 150 * p.g + 29 * p.b) >> 8, Uint8Array).prepare();
  const aboveCount = table.filter(p => p.r > p.g).count().prepare();
  const captures = { t: 128 };
  return [
    { code: "u8.map(x => 255 - x)", symbol: "bytes_invert", run: () => invert(bytes, undefined, into), source: bytes, output: out },
    { code: "u8.map(x => Math.min(255, x + 40))", symbol: "bytes_brighten", run: () => brighten(bytes, undefined, into), source: bytes, output: out },
    { code: "u8.map(x => (x > t ? 255 : 0), { t })", symbol: "bytes_threshold", run: () => threshold(bytes, captures, into), source: bytes, output: out },
    { code: "i16.map(x => (x * 3) >> 2)", symbol: "shorts_gain", run: () => gain(shorts, undefined, shortsInto), source: shorts, output: shortsOut },
    { code: "i16.map(x => Math.max(-1000, Math.min(1000, x)))", symbol: "shorts_clip", run: () => clip(shorts, undefined, shortsInto), source: shorts, output: shortsOut },
    { code: "u8.filter(x => x > 128)", symbol: "bytes_filter", run: () => kept(bytes, undefined, into), source: bytes, output: out },
    { code: "i16.filter(x => x > 100)", symbol: "shorts_filter", run: () => keptShorts(shorts, undefined, shortsInto), source: shorts, output: shortsOut },
    { code: "u8.filter(x => x > t, { t }).count()", symbol: "bytes_count", run: () => count(bytes, captures), source: bytes, output: null },
    { code: "i16.filter(x => x > 100).count()", symbol: "shorts_count", run: () => countShorts(shorts), source: shorts, output: null },
    { code: "u8.max()", symbol: "bytes_max", run: () => max(bytes), source: bytes, output: null },
    { code: "i16.max()", symbol: "shorts_max", run: () => maxShorts(shorts), source: shorts, output: null },
    { code: "u8.sum()", symbol: "bytes_sum", run: () => sum(bytes), source: bytes, output: null },
    { code: "u8.some(x => x === 7), none is", symbol: "bytes_some", run: () => Number(some(bytes)), source: bytes, output: null },
    { code: "i16.scan((a, x) => Math.max(a, x))", symbol: "shorts_running", run: () => running(shorts, undefined, shortsInto), source: shorts, output: shortsOut },
    { code: "{ a, b }.map(p => (p.a > p.b ? 255 : 0), Uint8Array)", symbol: "bytes_above", run: () => above(columns, undefined, into), source: null, output: out, arrays: [r, g] },
    { code: "{ a, b }.filter(p => p.a > p.b).count()", symbol: "bytes_above_count", run: () => aboveCount(columns), source: null, output: null, arrays: [r, g] },
    { code: "{ r, g, b }.map(p => (77 * p.r + 150 * p.g + 29 * p.b) >> 8, Uint8Array)", symbol: "bytes_grey", run: () => grey(columns, undefined, into), source: null, output: out, arrays: [r, g, b] },
  ];
}

/** What a lambda above is handed by name. */
declare const t: number;

export interface BytesRow {
  readonly code: string;
  /** Seconds: the least of many samples in turns. */
  readonly query: number;
  readonly handwritten: number;
}

export interface BytesMeasurements {
  readonly load: number;
  readonly n: number;
  readonly rows: readonly BytesRow[];
}

export function measureBytes(cacheFolder: string, handwritten: Handwritten, n: number, names: readonly string[] | null, progress: (text: string) => void): BytesMeasurements {
  const load = os.loadavg()[0] ?? 0;
  const runtime = createRuntime({ backend: "cpu", threads: 1, cacheFolder });
  const library = handwritten.library("bytes.cpp");
  const rows = casesOf(runtime, n).filter(({ code, symbol }) => names?.some(part => code.includes(part) || symbol.includes(part)) !== false).map(({ code, symbol, run, source, output, arrays = [] }): BytesRow => {
    progress(code);
    const typeOf = (array: Uint8Array | Int16Array | null) => (array === null ? null : array instanceof Uint8Array ? ("u8" as const) : ("i16" as const));
    const signature = { source: typeOf(source), output: typeOf(output), scalars: 0, arrays: arrays.map(() => "u8" as const) };
    const byHand = library.bind(symbol, signature, source, n, output, arrays);
    const told = (result: unknown): unknown => (typeof result === "number" ? result : Buffer.from((result as Uint8Array).buffer, 0, (result as Uint8Array).byteLength).toString("latin1"));
    const mine = told(run());
    output?.fill(1);
    const theirs = byHand();
    if (mine !== (output === null ? theirs : told(output.subarray(0, theirs)))) throw new Error(`${code}: the query and C++ differ`);
    const times = race([{ name: "query", run }, { name: "handwritten", run: byHand }], { rounds: 60, sample: 0.001, warmUp: 0.1 });
    return { code, query: times.get("query")?.least ?? NaN, handwritten: times.get("handwritten")?.least ?? NaN };
  });
  return { load, n, rows };
}

export function bytesAsMarkdown({ load, n, rows }: BytesMeasurements): readonly string[] {
  const table: Table = {
    headings: ["query", "dotcompute", "C++", "C++ / dotcompute"],
    words: 1,
    rows: rows.map(({ code, query, handwritten }) => [`\`${code}\``, duration(query), duration(handwritten), ratio(handwritten / query)]),
  };
  return [...markdown(table), "", `n = ${n}, one thread, load ${load.toFixed(1)}.`];
}
