/** Columns stored by one kernel: behind filters, before what moves rows, and only those that are read. */
import { describe, expect, it } from "vitest";
import { compute, createRuntime, type RunInfo } from "../../src/index.js";
import { newArray } from "../../fusion/values.js";
import { ELEMENT_TYPES, type ElementType } from "../../fusion/types.js";
import { listOf, sample } from "./support.js";

const table = (length: number) => ({
  price: sample("f64", length, true) as Float64Array,
  quantity: sample("i32", length) as Int32Array,
  level: sample("f32", length, true) as Float32Array,
  id: sample("i64", length) as BigInt64Array,
  flag: sample("u8", length) as Uint8Array,
});
const kept = (columns: ReturnType<typeof table>): readonly number[] => [...columns.quantity.keys()].filter(at => (columns.quantity[at] as number) > 0);

describe.each(["js", "cpu"] as const)("on %s", backend => {
  const runs: RunInfo[] = [];
  const { compute: start } = createRuntime({ backend, onRun: info => void runs.push(info) });

  it.each([0, 1, 31, 33, 1024, 1025, 3001])("stores maps of %i rows with one kernel", async length => {
    const columns = table(length);
    const query = start(columns).map(r => ({ ...r, total: r.price * r.quantity, half: r.level * 0.5 }));
    const wanted = { ...columns, total: columns.price.map((x, i) => x * (columns.quantity[i] as number)), half: columns.level.map(x => x * 0.5) };
    runs.length = 0;
    expect(query.toColumns()).toEqual(wanted);
    expect(await query.toColumnsAsync()).toEqual(wanted);
    expect(runs.map(({ kernels }) => kernels.length)).toEqual([1, 1]);
  });

  it.each([0, 1, 31, 33, 1024, 1025, 3001, 70_000])("stores filters of %i rows with one kernel", async length => {
    const columns = table(length);
    const places = kept(columns);
    const query = start(columns).filter(r => r.quantity > 0).map((r) => ({ price: r.price, level: r.level, id: r.id, flag: r.flag, twice: r.quantity * 2 }));
    const wanted = {
      price: Float64Array.from(places, at => columns.price[at] as number),
      level: Float32Array.from(places, at => columns.level[at] as number),
      id: BigInt64Array.from(places, at => columns.id[at] as bigint),
      flag: Uint8Array.from(places, at => columns.flag[at] as number),
      twice: Float64Array.from(places, at => (columns.quantity[at] as number) * 2),
    };
    runs.length = 0;
    expect(query.toColumns()).toEqual(wanted);
    expect(await query.toColumnsAsync()).toEqual(wanted);
    expect(runs.map(({ kernels }) => kernels.length)).toEqual([1, 1]);
  });

  it("stores columns of every type side by side", () => {
    const arrays = Object.fromEntries(ELEMENT_TYPES.map(type => [type, sample(type, 1100)]));
    const rows = start(arrays).filter((_r, i) => i % 3 !== 1).toColumns();
    const chosen = (type: ElementType) => {
      const all = listOf(sample(type, 1100)).filter((_value, i) => i % 3 !== 1);
      const array = newArray(type, all.length);
      all.forEach((value, at) => ((array as Float64Array)[at] = value as number));
      return array;
    };
    expect(rows).toEqual(Object.fromEntries(ELEMENT_TYPES.map(type => [type, chosen(type)])));
  });

  it("runs a kernel for what is sorted, and another behind it", () => {
    const columns = table(500);
    runs.length = 0;
    const sorted = start(columns).filter(r => r.quantity > 0).orderBy(r => r.id).map(r => ({ id: r.id, more: r.quantity + 1 })).toColumns();
    const places = kept(columns).toSorted((a, b) => Number((columns.id[a] as bigint) - (columns.id[b] as bigint)));
    expect(sorted).toEqual({ id: BigInt64Array.from(places, at => columns.id[at] as bigint), more: Float64Array.from(places, at => (columns.quantity[at] as number) + 1) });
    expect(runs.map(({ kernels }) => kernels.length)).toEqual([2]);
  });

  it("stores forty columns behind a filter", async () => {
    const names = Array.from({ length: 40 }, (_, at) => `c${at}`);
    const columns = Object.fromEntries(names.map((name, at) => [name, sample(at % 3 === 0 ? "f64" : "i16", 1100)]));
    const lut = Float64Array.of(1, 2, 3);
    const query = start(columns).filter((_r, i) => i % 7 !== 2);
    const wanted = names.map(name => listOf(sample(Number(name.slice(1)) % 3 === 0 ? "f64" : "i16", 1100)).filter((_value, i) => i % 7 !== 2));
    for (const stored of [query.toColumns(), await query.toColumnsAsync()]) expect(names.map(name => listOf(stored[name] as Float64Array))).toEqual(wanted);
    expect(query.explain()).toMatch(backend === "cpu" ? /cpu: .*; its 40 results are computed in 3 passes\n/ : /js: (?!.*passes)/);
    const failing = start(columns).filter((_r, i) => (lut[i % 7 === 6 ? i : 0] as number) > 0, { lut });
    expect(() => failing.toColumns()).toThrow(new RangeError("DC401: lut[6] is out of range: lut has 3 elements"));
  });

  it("fails where any column's lambda fails, and stores nothing of a part", () => {
    const columns = table(100);
    const lut = Float64Array.of(1, 2, 3);
    const query = start(columns).map((r, i) => ({ price: r.price, looked: lut[i % 5] as number }), { lut });
    expect(() => query.toColumns()).toThrow(new RangeError("DC401: lut[3] is out of range: lut has 3 elements"));
    const guarded = start(columns).filter((_r, i) => i % 5 < 3).map(r => ({ price: r.price })).toColumns();
    expect(guarded.price.length).toBe(60);
  });
});

describe("columns between kernels", () => {
  it("are stored only where they are read", () => {
    const explained = compute(table(10)).filter(r => r.quantity > 0).orderBy(r => r.id).map(r => ({ half: r.price / 2 })).explain();
    expect(explained).toMatch(/kernel 1 of 2: filter\n {2}reads the columns quantity, id, price\n {2}stores the columns price: Float64Array, key 1: BigInt64Array\n/);
    expect(explained).toMatch(/kernel 2 of 2: map, toColumns\n {2}reads what kernel 1 stored\n {2}stores the column half: Float64Array\n/);
  });
});
