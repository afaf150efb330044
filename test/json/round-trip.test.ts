/** Stored queries give what the queries gave that were stored: bit for bit, through the text of their JSON. */
import fc from "fast-check";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ELEMENT_TYPES, type ElementType } from "../../fusion/types.js";
import { newArray } from "../../fusion/values.js";
import { createRuntime, fromJSON, range, repeat, type LazyValue, type Query, type Rows } from "../../src/index.js";
import { VERBS } from "../../src/json/verbs.js";
import { Query as QueryClass } from "../../src/query/query.js";
import { Rows as RowsClass } from "../../src/query/rows.js";
import { inputArray } from "../laws/inputs.js";
import { makeProgram, programChoices, showProgram } from "../laws/programs.js";
import { outcomeOf, queryOf, sameOutcome } from "../laws/run.js";
import { sample } from "../query/support.js";
import { chains, NUMBERS, TABLE, OTHER, type Chain } from "./chains.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const runtime = createRuntime({ backend: "js" });
const { compute } = runtime;
const through = (query: object): object => JSON.parse(JSON.stringify(query)) as object;

/** What a query gives, whichever kind it is. */
function resultOf(query: unknown): unknown {
  if (query instanceof RowsClass) return (query as Rows<Record<string, Float64Array>>).toColumns();
  if (query instanceof QueryClass) return (query as Query<Float64Array>).toArray();
  return (query as LazyValue<unknown>).value();
}

/** Tables with nulls have tests of their own. */
const OF_NULLS = new Set(["values", "dropNulls", "fillNulls"]);

describe("stored queries", () => {
  it("give the bits of the query itself: generated programs", () => {
    for (const [number, list] of fc.sample(programChoices, { seed: SEED, numRuns: 200 }).entries()) {
      const program = makeProgram(list);
      for (const length of [0, 1, 40]) {
        const source = program.source === "range" ? length : inputArray(program.source, length, number);
        const { now, query } = queryOf(runtime, program, source, null);
        const read = fromJSON(JSON.stringify(query), typeof source === "number" ? range(source) : source, { runtime });
        const [expected, found] = [outcomeOf(now), outcomeOf(() => resultOf(read))];
        if (!sameOutcome(expected, found)) expect.fail(`${showProgram(program)}\n${JSON.stringify(query)}`);
        expect(JSON.stringify(read)).toBe(JSON.stringify(query));
      }
    }
  });

  it("give the bits of the query itself: chains of all verbs", () => {
    const used = new Set<string>();
    fc.assert(
      fc.property(chains, (chain: Chain) => {
        const [query, others] = chain.build(compute);
        const json = through(query);
        for (const { verb } of (json as { readonly stages: readonly { readonly verb: string }[] }).stages) used.add(verb);
        expect(resultOf(fromJSON(json, chain.source, { runtime, others }))).toEqual(resultOf(query));
      }),
      { seed: SEED, numRuns: 200 },
    );
    expect(Object.keys(VERBS).filter(verb => !used.has(verb) && !OF_NULLS.has(verb))).toEqual([]);
  });

  it.each([NaN, Infinity, -Infinity, -0, 0, 0.1, 5e-324, Number.MAX_VALUE])("hand over the number %s", value => {
    const query = compute(Float64Array.of(1, -1, 0)).map(x => (Number.isNaN(x) ? x : value), { value });
    expect(resultOf(fromJSON(through(query), Float64Array.of(1, -1, 0), { runtime }))).toEqual(Float64Array.of(value, value, value));
  });

  it.each(ELEMENT_TYPES)("hand over an array of %s, from the middle of a buffer", (element: ElementType) => {
    const whole = sample(element, 20, true);
    const table = whole.subarray(3, 17) as Float64Array;
    const query = compute(range(14)).map(i => Number(table[i]), { table });
    const plain = Float64Array.from(table, Number);
    expect(resultOf(fromJSON(through(query), range(14), { runtime }))).toEqual(plain);
    const shared = newArray(element, 0).constructor as new (buffer: SharedArrayBuffer) => Float64Array;
    const on = new shared(new SharedArrayBuffer(table.byteLength));
    on.set(table);
    expect(resultOf(fromJSON(through(compute(range(14)).map(i => Number(on[i]), { on })), range(14), { runtime }))).toEqual(plain);
  });

  it("hand over BigInts, booleans and helpers", () => {
    const twice = (x: bigint): bigint => x * 2n;
    const [big, flag] = [-(2n ** 63n), true];
    const query = compute(BigInt64Array.of(1n, -5n)).map(x => (flag ? twice(x) + big : 0n), { twice, big, flag });
    expect(JSON.stringify(query)).toContain('"captures":{"twice":{"function":"(x) => x * 2n"},"big":{"bigint":"-9223372036854775808"},"flag":true}');
    expect(resultOf(fromJSON(through(query), BigInt64Array.of(1n, -5n)))).toEqual(resultOf(query));
  });

  it("hold an array once, and give it to groups as one", () => {
    const table = Float64Array.of(1, 2, 3);
    const query = compute(Uint8Array.of(0, 1, 2, 1)).groupBy(x => table[x]! > 1, { table }).aggregate({ a: g => g.sum(x => table[x]!, { table }), b: g => g.max(x => table[x]!, { table }) });
    const json = query.toJSON();
    expect(json.arrays).toEqual([{ array: "Float64Array", base64: "AAAAAAAA8D8AAAAAAAAAQAAAAAAAAAhA" }]);
    expect(resultOf(fromJSON(through(json), Uint8Array.of(0, 1, 2, 1), { runtime }))).toEqual(resultOf(query));
  });

  it("are read as captures were when they were stored", () => {
    const table = Float64Array.of(1);
    const json = JSON.stringify(compute(range(1)).map(i => table[i]!, { table }));
    table[0] = 7;
    expect(resultOf(fromJSON(json, range(1)))).toEqual(Float64Array.of(1));
  });

  it("keep the options of terminals, fastMath and the backend", () => {
    const k = 0.1;
    const query = compute(NUMBERS, { fastMath: true }).on("js").reduce((a, x) => a + x * k, -0, { k }, { sequential: true });
    expect(query.toJSON()).toEqual({
      dotcompute: 1,
      sources: [{ array: "Float64Array" }],
      stages: [],
      fastMath: true,
      on: "js",
      terminal: { verb: "reduce", lambda: "(a, x) => a + x * k", seed: { number: "-0" }, captures: { k: 0.1 }, sequential: true },
    });
    const read = fromJSON<LazyValue<number>>(JSON.stringify(query), NUMBERS);
    expect(read.value()).toBe(query.value());
    expect(read.explain()).toBe(query.explain());
  });

  it("name the sources of other queries in order, the same one once", () => {
    const query = compute(TABLE).semiJoin(compute(OTHER), r => r.key, x => x).concat(compute(TABLE).filter(r => r.key > 1)).zip(compute(OTHER), (r, x) => r.key + x);
    const json = query.toJSON();
    expect(json.sources).toEqual([{ columns: [["key", "Int32Array"], ["price", "Float64Array"]] }, { array: "Int32Array" }]);
    const [table, other] = [{ key: Int32Array.of(1, 2), price: Float64Array.of(1, 2) }, Int32Array.of(2, 3)];
    const again = compute(table).semiJoin(compute(other), r => r.key, x => x).concat(compute(table).filter(r => r.key > 1)).zip(compute(other), (r, x) => r.key + x);
    expect(resultOf(fromJSON(through(json), table, { others: [other], runtime }))).toEqual(again.toArray());
  });

  it("are stored again as they were, also where strings are used twice", () => {
    const words = { word: ["a", "b", null], price: Float64Array.of(1, 2, 3) };
    const rows = compute(words);
    for (const query of [rows.concat(rows), rows.leftJoin(rows, r => r.word, x => x.word, (r, x) => ({ ...r, twice: x?.price ?? 0 }))]) {
      const read = fromJSON(JSON.stringify(query), words, { runtime });
      expect(JSON.stringify(read)).toBe(JSON.stringify(query));
      expect(resultOf(read)).toEqual(resultOf(query));
    }
  });

  it("run in a worker", async () => {
    const scale = Float32Array.of(2, 3);
    const query = compute(Float32Array.of(1, 2, 3)).map((x, i) => x * scale[i % 2]!, { scale }).filter(x => x > 2).sum();
    const worker = new Worker(new URL("./worker.mjs", import.meta.url));
    try {
      const answer = await new Promise<unknown>((resolve, reject) => {
        worker.once("message", resolve).once("error", reject);
        worker.postMessage({ json: query.toJSON(), source: Float32Array.of(4, 5, 6) });
      });
      expect(answer).toEqual(4 * 2 + 5 * 3 + 6 * 2);
    } finally {
      await worker.terminate();
    }
  });
});

describe("fromJSON", () => {
  it("takes columns in any order, and arrays of numbers", () => {
    const json = through(compute(TABLE).sum(r => r.price));
    expect(fromJSON<LazyValue<number>>(json, { price: Float64Array.of(3), key: Int32Array.of(1) }).value()).toBe(3);
    expect(fromJSON<LazyValue<number>>(through(compute(NUMBERS).sum()), [1, 2]).value()).toBe(3);
  });

  it("takes the places of a range: its start and its step are stored, and so is what is repeated", () => {
    const json = through(compute(range(1, 2, 0.25)).concat(compute(repeat(7, 2))));
    expect(resultOf(fromJSON(json, range(3), { others: [range(1)], runtime }))).toEqual(Float64Array.of(1, 1.25, 1.5, 7));
    expect(() => fromJSON(json, range(1, 2, 0.25), { others: [range(1)] })).toThrow("DC305: a stored query makes the elements of its range");
  });

  it("says which source does not fit", () => {
    const json = JSON.stringify(compute(TABLE).concat(compute(TABLE)));
    const from = (source: unknown, others: unknown[] = []): (() => unknown) => () => fromJSON(json, source, { others });
    expect(from(NUMBERS)).toThrow('DC301: the stored query reads as sources[0] {"columns":[["key","Int32Array"],["price","Float64Array"]]}, and was given {"array":"Float64Array"}');
    expect(from({ key: Int32Array.of(1) })).toThrow(/DC301.*was given \{"columns":\[\["key","Int32Array"\]\]\}/);
    expect(from(TABLE, [NUMBERS])).toThrow("DC305: the stored query has 1 sources, and was given 2");
    expect(from("text")).toThrow("DC301: compute() cannot read a string");
    expect(() => fromJSON(json, TABLE, [] as never)).toThrow("DC305: the options of fromJSON() are an object, not an array");
    expect(() => fromJSON(json, TABLE, null as never)).toThrow("DC305: the options of fromJSON() are an object, not null");
    expect(() => fromJSON(json, TABLE, { others: 3 as never })).toThrow("DC305: others is a list of sources, not 3");
    expect(() => fromJSON(json, TABLE, { runtime: {} as never })).toThrow("DC305: compute() runs in a runtime");
  });
});

