/** Queries over rows, against the same chain on an array of objects, on every backend that there is. */
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { compute, createRuntime, LambdaError, QueryError, type Rows, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";
import { resizableBuffer } from "../faults/query-support.js";
import { whyNoCpu } from "../laws/backends.js";

/** Every length at which rows, groups of lanes and blocks end. (f32 has rules of its own, and a test of its own.) */
const LENGTHS = [0, 1, 2, 7, 31, 33, 1023, 1025, 3000];

const SPECIAL = [NaN, Infinity, -Infinity, -0, 5e-324, 1e308, -1.5, 0.1];

function tableOf(length: number) {
  return {
    price: Float64Array.from({ length }, (_, i) => (i % 11 === 10 ? (SPECIAL[i % 8] as number) : ((i * 37) % 101) * 0.25 - 5)),
    quantity: Int32Array.from({ length }, (_, i) => ((i * 53) % 23) - 4),
    kind: Uint8Array.from({ length }, (_, i) => (i * 7) % 5),
    id: BigInt64Array.from({ length }, (_, i) => BigInt(i) * 1_000_003n),
    level: Int16Array.from({ length }, (_, i) => (i * 31) % 300 - 150),
  };
}
type Table = ReturnType<typeof tableOf>;
type Row = { readonly [K in keyof Table]: Table[K] extends BigInt64Array ? bigint : number };

const rowsOf = (table: Table): Row[] =>
  Array.from({ length: table.price.length }, (_, i) => Object.fromEntries(Object.entries(table).map(([name, array]) => [name, array[i]])) as Row);

/** Arrays of the columns of objects, each of the kind given. */
const columns = <T extends Record<string, { from(values: never[]): unknown }>>(rows: readonly Record<keyof T, unknown>[], kinds: T) =>
  Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, kind.from(rows.map(row => (typeof row[name] === "boolean" ? Number(row[name]) : row[name])) as never[])]));

// Captures, by the names that lambdas see.
const k = 1.5;
const lut = Float64Array.of(1, 2, 3, 4, 5);
const clamp = (x: number, low: number) => Math.max(x, low);
const weight = (r: Row, by: number) => r.price * by + r.quantity;

interface Case {
  readonly name: string;
  readonly query: (runtime: Runtime, table: Table) => unknown;
  readonly oracle: (rows: Row[]) => unknown;
}

const CASES: readonly Case[] = [
  { name: "a column", query: (r, t) => r.compute(t).map(row => row.level).toArray(), oracle: rows => Int16Array.from(rows, row => row.level) },
  { name: "a value of several", query: (r, t) => r.compute(t).map(row => row.price * row.quantity).toArray(), oracle: rows => Float64Array.from(rows, row => row.price * row.quantity) },
  { name: "by destructuring", query: (r, t) => r.compute(t).map(({ price, quantity: q }) => price - q).toArray(), oracle: rows => Float64Array.from(rows, ({ price, quantity: q }) => price - q) },
  { name: "an integer by its operator", query: (r, t) => r.compute(t).map(row => (row.quantity * 3) | 0).toArray(), oracle: rows => Int32Array.from(rows, row => (row.quantity * 3) | 0) },
  { name: "a named array", query: (r, t) => r.compute(t).map(row => row.quantity / 3, Float32Array).toArray(), oracle: rows => Float32Array.from(rows, row => row.quantity / 3) },
  { name: "BigInts", query: (r, t) => r.compute(t).map(row => row.id * 3n - BigInt(row.kind)).toArray(), oracle: rows => BigInt64Array.from(rows, row => row.id * 3n - BigInt(row.kind)) },
  { name: "filtered and counted", query: (r, t) => r.compute(t).filter(row => row.kind === 2 && row.price > 0).count().value(), oracle: rows => rows.filter(row => row.kind === 2 && row.price > 0).length },
  { name: "statements", query: (r, t) => r.compute(t).map(row => { const { price } = row; let n = row.quantity; while (n > 3) n -= 2; return price > 0 ? price * n : n; }).toArray(), oracle: rows => Float64Array.from(rows, row => { const { price } = row; let n = row.quantity; while (n > 3) n -= 2; return price > 0 ? price * n : n; }) },
  { name: "captures and helpers", query: (r, t) => r.compute(t).map(row => clamp(weight(row, k), lut[row.kind] as number), { clamp, weight, k, lut }).toArray(), oracle: rows => Float64Array.from(rows, row => Math.max(row.price * 1.5 + row.quantity, row.kind + 1)) },
  {
    name: "new columns",
    query: (r, t) => r.compute(t).filter(row => row.price > 0).map(row => ({ total: row.price * row.quantity, kind: row.kind, big: row.quantity > 5, key: row.id })).toColumns(),
    oracle: rows => columns(rows.filter(row => row.price > 0).map(row => ({ total: row.price * row.quantity, kind: row.kind, big: row.quantity > 5, key: row.id })), { total: Float64Array, kind: Uint8Array, big: Uint8Array, key: BigInt64Array }),
  },
  {
    name: "spread, then filtered by what is new",
    query: (r, t) => r.compute(t).map(row => ({ ...row, total: row.price * row.quantity })).filter(({ total }) => total > 10).toColumns(),
    oracle: rows => columns(rows.map(row => ({ ...row, total: row.price * row.quantity })).filter(({ total }) => total > 10), { price: Float64Array, quantity: Int32Array, kind: Uint8Array, id: BigInt64Array, level: Int16Array, total: Float64Array }),
  },
  {
    name: "arrays named by column",
    query: (r, t) => r.compute(t).map(row => ({ half: row.quantity / 2, kind: row.kind }), { half: Float32Array, kind: Int8Array }).toColumns(),
    oracle: rows => columns(rows.map(row => ({ half: row.quantity / 2, kind: row.kind })), { half: Float32Array, kind: Int8Array }),
  },
  {
    name: "early returns of rows",
    query: (r, t) => r.compute(t).map((row, i) => { if (row.kind === 0) return { a: row.price, b: i }; const twice = row.price * 2; if (row.kind === 1) return { b: -1, a: twice }; return row.quantity > 0 ? { a: 1, b: 2 } : { a: twice, b: row.level }; }).toColumns(),
    oracle: rows => columns(rows.map((row, i) => { if (row.kind === 0) return { a: row.price, b: i }; const twice = row.price * 2; if (row.kind === 1) return { b: -1, a: twice }; return row.quantity > 0 ? { a: 1, b: 2 } : { a: twice, b: row.level }; }), { a: Float64Array, b: Float64Array }),
  },
  {
    name: "the index after a filter",
    query: (r, t) => r.compute(t).filter(row => row.kind > 1).map((row, i) => ({ i, price: row.price })).filter(row => row.i % 2 === 0).map(row => row.price + row.i).toArray(),
    oracle: rows => Float64Array.from(rows.filter(row => row.kind > 1).map((row, i) => ({ i, price: row.price })).filter(row => row.i % 2 === 0), row => row.price + row.i),
  },
  { name: "how many are left by their places", query: (r, t) => r.compute(t).filter(row => row.kind > 1).filter((_, i) => i % 3 === 0).count().value(), oracle: rows => rows.filter(row => row.kind > 1).filter((_, i) => i % 3 === 0).length },
  { name: "a left fold", query: (r, t) => r.compute(t).reduce((a, row) => (a * 3 + row.quantity) % 1009, 7).value(), oracle: rows => rows.reduce((a, row) => (a * 3 + row.quantity) % 1009, 7) },
  { name: "an exact sum", query: (r, t) => r.compute(t).sum(row => row.quantity * row.kind).value(), oracle: rows => rows.reduce((a, row) => a + row.quantity * row.kind, 0) },
  { name: "a sum by reduce", query: (r, t) => r.compute(t).reduce((a, row) => a + row.quantity, 5).value(), oracle: rows => rows.reduce((a, row) => a + row.quantity, 5) },
  { name: "the smallest and largest", query: (r, t) => [r.compute(t).min(row => row.level).value(), r.compute(t).max(row => row.quantity - row.level).value()], oracle: rows => [Math.min(...rows.map(row => row.level)), Math.max(...rows.map(row => row.quantity - row.level))] },
  { name: "searches", query: (r, t) => [r.compute(t).some(row => row.quantity > 17), r.compute(t).every(row => row.level < 150), r.compute(t).findIndex(row => row.kind === 4 && row.quantity < 0)].map(value => value.value()), oracle: rows => [rows.some(row => row.quantity > 17), rows.every(row => row.level < 150), rows.findIndex(row => row.kind === 4 && row.quantity < 0)] },
  { name: "rows of single values", query: (r, t) => r.compute(t.price).map((x, i) => ({ x, i, wide: x > 3 })).filter(row => row.wide).toColumns(), oracle: rows => columns(rows.map(({ price: x }, i) => ({ x, i, wide: x > 3 })).filter(row => row.wide), { x: Float64Array, i: Float64Array, wide: Uint8Array }) },
  { name: "an average", query: (r, t) => r.compute(t).average(row => row.quantity).value(), oracle: rows => rows.reduce((a, row) => a + row.quantity, 0) / rows.length },
  { name: "columns of any name", query: (r, t) => r.compute({ "unit price": t.price, class: t.kind, 0: t.quantity }).map(row => ({ "a b": row["unit price"] + row.class, int: row["0"] })).toColumns(), oracle: rows => columns(rows.map(row => ({ "a b": row.price + row.kind, int: row.quantity })), { "a b": Float64Array, int: Int32Array }) },
];

const cuda = unavailable === null ? newStandIn() : null;
const BACKENDS: readonly (readonly [string, string | null, () => Runtime])[] = [
  ["js", null, () => createRuntime({ backend: "js" })],
  ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })],
  ["cuda", unavailable, () => runtimeOn({ backend: "cuda" }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => (cuda as NonNullable<typeof cuda>).backend() })],
];

describe.each(BACKENDS)("rows on %s", (_, missing, make) => {
  const runtime = missing === null ? make() : null;
  it.skipIf(missing !== null).each(CASES)(`$name${missing === null ? "" : ` (${missing})`}`, { timeout: 120_000 }, ({ query, oracle }) => {
    for (const length of LENGTHS) {
      const table = tableOf(length);
      expect(query(runtime as Runtime, table)).toEqual(oracle(rowsOf(table)));
    }
  });
});

describe("rows", () => {
  const table = tableOf(100);

  it("round f32 columns as f32", () => {
    const f = Float32Array.from(table.price);
    expect(compute({ f }).map(row => row.f * 0.1).toArray()).toEqual(f.map(x => x * 0.1));
    expect(compute({ f, price: table.price }).map(row => ({ single: row.f / 3, mixed: row.f + row.price })).toColumns()).toEqual({ single: f.map(x => x / 3), mixed: table.price.map((x, i) => x + (f[i] as number)) });
  });

  it("reduce floats in the canonical order, as their values do by themselves", () => {
    const values = table.price.map((x, i) => x * (table.quantity[i] as number));
    const finite = { price: values.map(x => (Number.isFinite(x) ? x : 0.1)), quantity: table.quantity };
    expect(compute(finite).sum(row => row.price / 3).value()).toBe(compute(finite.price.map(x => x / 3)).sum().value());
  });

  it("run off the main thread", async () => {
    expect(await compute(table).filter(row => row.kind === 1).toColumnsAsync()).toEqual(compute(table).filter(row => row.kind === 1).toColumns());
    await expect(compute(table).toColumnsAsync({ signal: AbortSignal.abort(new Error("no more")) })).rejects.toThrow("no more");
  });

  it("come from and go to plain objects", () => {
    const people = [{ age: 31, member: true, id: 7n }, { age: 17, member: false, id: 8n }, { age: 64, member: true, id: 9n }];
    expect(compute(people).filter(p => p.age > 18).toRows()).toEqual([{ age: 31, member: 1, id: 7n }, { age: 64, member: 1, id: 9n }]);
    expect(compute(people).average(p => p.age).value()).toBe((31 + 17 + 64) / 3);
  });

  it("run over what resizable columns held when they began", async () => {
    const memory = resizableBuffer(32, 32);
    const columns = { a: Float64Array.of(1, 2, 3, 4), b: new Float64Array(memory).fill(3) };
    const kept = compute(columns).filter(row => row.a > 0);
    const [running, sorting] = [kept.toColumnsAsync(), kept.orderBy(row => -row.b).sum(row => row.a).run()];
    memory.resize(8);
    expect(await running).toEqual({ a: Float64Array.of(1, 2, 3, 4), b: Float64Array.of(3, 3, 3, 3) });
    expect(await sorting).toBe(10);
    expect(() => kept.count().value()).toThrow("DC308: the column a has 4 elements, but b has 1");
  });

  it("read what the columns hold when they run", () => {
    const live = { x: Float64Array.of(1, 2, 3) };
    const query = compute(live).sum(row => row.x);
    expect(query.value()).toBe(6);
    live.x[0] = 10;
    expect(query.value()).toBe(15);
  });

  it("explain which columns each kernel reads, and store between kernels only what is read behind", () => {
    const text = compute(table).filter(r => r.kind > 1).map((r, i) => r.price + i).sum().explain();
    expect(text).toContain("{ price: Float64Array, quantity: Int32Array, kind: Uint8Array, id: BigInt64Array, level: Int16Array } × 100");
    expect(text).toMatch(/kernel 1 of 2: filter\n {2}reads the columns kind, price\n {2}stores the column price: Float64Array\n {2}barrier: map uses the index after a filter/);
    expect(text).toMatch(/kernel 2 of 2: map, sum\n {2}reads what kernel 1 stored\n/);
    expect(compute(table).count().explain()).toContain("reads no column: only how many rows there are");
  });
});

describe("rows that cannot be", () => {
  const loose = compute as unknown as (source: unknown) => Rows<Table>;
  const table = tableOf(3);

  it.each<[string, () => unknown, string]>([
    ["no such column", () => loose(table).map(r => (r as unknown as { prize: number }).prize), "DC112: there is no column prize"],
    ["a column in other letters", () => loose(table).map(r => (r as unknown as { Price: number }).Price), "Is price meant?"],
    ["the row as a number", () => loose(table).map(r => (r as unknown as number) * 2), "DC111: r is a row and is used as a number"],
    ["a computed name", () => loose(table).map(r => (r as unknown as number[])[1 + 1] as number), "DC112: a column is read by its name"],
    ["rows in a filter", () => loose(table).filter(r => ({ a: r.price }) as unknown as boolean), "DC111: the lambda of filter gives a row where a single value is needed"],
    ["paths with other columns", () => loose(table).map(r => (r.price > 0 ? { a: 1 } : { b: 2 }) as unknown as { a: number }), "DC112: one path gives the columns a, another b"],
    ["returns with other columns", () => loose(table).map(r => { if (r.price > 0) return { a: 1 }; let k = 0; while (k < 2) { k++; if (k > 1) return { a: 1, b: 2 } as unknown as { a: number }; } return { a: 2 }; }), "DC112: one path gives the columns a, another a, b"],
    ["a row and a value", () => loose(table).map(r => (r.price > 0 ? { a: 1 } : 2) as unknown as { a: number }), "DC112: one path gives a row, another a single value"],
    ["an empty object", () => loose(table).map(() => ({})), "DC112: the object has no columns"],
    ["a nested object", () => loose(table).map(r => ({ a: { b: r.price } }) as unknown as { a: number }), "DC102: a kernel cannot build objects"],
    ["a spread value", () => loose(table).map(r => ({ ...(r.price as unknown as object), a: 1 })), "DC102: only a row can be spread into a new one"],
    ["BigInts and numbers", () => loose(table).map(r => (r.id as unknown as number) * r.price), "DC201"],
    ["a fraction in an integer column", () => loose(table).map(r => ({ a: r.price / 2 }), { a: Int32Array }).toColumns(), "DC202"],
    ["a named column that there is not", () => loose(table).map(r => ({ a: r.price }), { b: Int32Array } as never), "DC305: map() was told what to store the column b as"],
    ["one array for rows", () => loose(table).map(r => ({ a: r.price }) as unknown as number, Int32Array), "DC305: map() was told one array to make, but its lambda gives rows"],
    ["columns for values", () => loose(table).map(r => r.price as unknown as { a: number }, { a: Int32Array }), "DC305: map() was told columns to make, but its lambda gives single values"],
    ["a sum of rows", () => loose(table).sum(r => ({ a: r.price }) as unknown as number), "DC305: sum() takes a value of each row, but its lambda gives rows"],
    ["columns of two lengths", () => loose({ a: new Float64Array(3), b: new Float64Array(4) }), "DC308: the column a has 3 elements, but b has 4"],
    ["a column that is no array", () => loose({ a: new Float64Array(3), b: [1, 2, 3] }), "DC301: the column b is an array, not a typed array\nWrite { b: Float64Array.from(b) }."],
    ["no columns", () => loose({}), "DC301: compute() was given an object without columns"],
    ["a ragged row", () => loose([{ a: 1, b: 2 }, { a: 3 }]).map(r => (r as unknown as { a: number }).a).toArray(), "DC308: row 1 of the source has no b"],
    ["a longer row", () => loose([{ a: 1 }, { a: 3, b: 2 }]).map(r => (r as unknown as { a: number }).a).toArray(), "DC308: row 1 of the source has a column b, which the first row has not"],
    ["a row of another type", () => loose([{ a: 1 }, { a: true }]).map(r => (r as unknown as { a: number }).a).toArray(), "DC308: the column a of row 1 is a boolean, but a number in the first row"],
    ["a date", () => loose([{ a: new Date(0) }]), "DC301: the column a of row 0 is a Date"],
    ["a hole", () => loose(Object.assign([{ a: 1 }], { 2: { a: 3 } })).map(r => (r as unknown as { a: number }).a).toArray(), "DC301: row 1 of the source is undefined, not an object"],
    ["a collected rest", () => loose(table).map(({ price, ...rest }) => price + (rest as unknown as number)), "DC102: what is left of a row cannot be collected"],
    ["a fold without a seed", () => (loose(table).reduce as (f: unknown) => unknown)((a: number) => a), "Rows are folded from a seed"],
    ["nothing", () => loose([{ a: 1 }, null]).map(r => (r as unknown as { a: number }).a).toArray(), "DC301: row 1 of the source is null, not an object"],
  ])("%s", (_, work, words) => {
    let error: unknown;
    try {
      work();
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof LambdaError || error instanceof QueryError).toBe(true);
    expect((error as Error).message).toContain(words);
  });

  it("a column that is detached between the query and its run", () => {
    const columns = { a: new Float64Array(3), b: new Float64Array(3) };
    const query = compute(columns).sum(row => row.a + row.b);
    structuredClone(columns.b, { transfer: [columns.b.buffer] });
    expect(() => query.value()).toThrow("DC307: the column b, a Float64Array, has lost its buffer");
  });
});
