/** Stored queries come from anywhere: what is wrong with one is a QueryError that names the place, and nothing of it is ever run as JavaScript. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LambdaError, QueryError } from "../../fusion/errors.js";
import { createRuntime, fromJSON, type LazyValue, type Query, type Rows } from "../../src/index.js";
import { Query as QueryClass } from "../../src/query/query.js";
import { Rows as RowsClass } from "../../src/query/rows.js";
import { chains } from "./chains.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const runtime = createRuntime({ backend: "js" });
const numbers = Float64Array.of(1, 2, 3);
const SOURCES = [{ array: "Float64Array" }];

/** A stored query over `numbers` with these fields. */
const stored = (fields: object): object => ({ dotcompute: 1, sources: SOURCES, stages: [], ...fields });
const read = (json: unknown, source: unknown = numbers, others: unknown[] = []): unknown => fromJSON(json as object, source, { runtime, others });
const mapping = (lambda: unknown, more: object = {}): object => stored({ stages: [{ verb: "map", lambda, ...more }] });

/** What is thrown, which must be a QueryError. */
function errorOf(json: unknown): QueryError {
  try {
    read(json);
  } catch (error) {
    if (error instanceof QueryError) return error;
    throw error;
  }
  throw new Error(`was read: ${JSON.stringify(json)?.slice(0, 200)}`);
}

const long = (count: number, text: string): string => text.repeat(count);
const cyclic: { verb: string; other: { source: number; stages: object[] } } = { verb: "concat", other: { source: 0, stages: [] } };
cyclic.other.stages.push(cyclic);

describe("a stored query that is malformed", () => {
  it.each<[path: string, json: unknown]>([
    ["the stored query is no JSON", "{"],
    ["the stored query is no JSON", long(100_000, "[")],
    ["the stored query is 3, not an object", "3"],
    ["the stored query is null", null],
    ["the stored query is an array", []],
    ["the stored query has a field \"more\"", stored({ more: 1 })],
    ["the stored query has a field \"__proto__\"", JSON.stringify(stored({})).replace("{", '{"__proto__":{},')],
    ["dotcompute of the stored query is undefined", {}],
    ["dotcompute of the stored query is version 2", stored({ dotcompute: 2 })],
    ["dotcompute of the stored query is a string", stored({ dotcompute: "1" })],
    ["sources of the stored query is undefined", { dotcompute: 1, stages: [] }],
    ["sources of the stored query is an object", stored({ sources: { length: 1 } })],
    ["sources of the stored query has 0 of them", stored({ sources: [] })],
    ["sources[0] of the stored query is 10n, not", stored({ sources: [10n] })],
    ["sources[0] of the stored query is an object, not one of", stored({ sources: [{}] })],
    ["sources[0] of the stored query is an object, not one of", stored({ sources: [{ range: 1 }] })],
    ["sources[0].array of the stored query is a string", stored({ sources: [{ array: "Object" }] })],
    ["sources[0].columns[0][1] of the stored query is undefined", stored({ sources: [{ columns: [["a"]] }] })],
    ["stages of the stored query is undefined", stored({ stages: undefined })],
    ["stages of the stored query is a string", stored({ stages: "map" })],
    ["stages[0] of the stored query is a string", stored({ stages: ["reverse"] })],
    ["stages[0] of the stored query is undefined", stored({ stages: new Array(1) })],
    ["stages[0].verb of the stored query is undefined", stored({ stages: [{}] })],
    ['stages[0].verb of the stored query is "constructor", not one of map,', stored({ stages: [{ verb: "constructor" }] })],
    ["terminal.branches of the stored query is undefined", stored({ terminal: { verb: "aggregate" } })],
    ["terminal.branches[0] of the stored query has no name", stored({ terminal: { verb: "aggregate", branches: [{ stages: [], terminal: { verb: "sum" } }] } })],
    ["terminal.branches of the stored query has two of one name", stored({ terminal: { verb: "aggregate", branches: [{ name: "a", stages: [], terminal: { verb: "sum" } }, { name: "a", stages: [], terminal: { verb: "max" } }] } })],
    ["terminal of the stored query cannot be read: DC305: batch() takes values", stored({ terminal: { verb: "batch", branches: [] } })],
    ["terminal.branches[0].terminal.verb of the stored query is \"toArray\"", stored({ terminal: { verb: "batch", branches: [{ stages: [], terminal: { verb: "toArray" } }] } })],
    ["terminal.branches[0].stages[0].lambda of the stored query cannot be read", stored({ terminal: { verb: "batch", branches: [{ stages: [{ verb: "map", lambda: "x => y" }], terminal: { verb: "sum" } }] } })],
    ["terminal of the stored query cannot be read: DC305: what batch() is given at 0 is several values", stored({ terminal: { verb: "batch", branches: [{ stages: [], terminal: { verb: "batch", branches: [{ stages: [], terminal: { verb: "sum" } }] } }] } })],
    ["terminal.branches[100] of the stored query is one too many", stored({ terminal: { verb: "batch", branches: Array.from({ length: 101 }, () => ({ stages: [], terminal: { verb: "sum" } })) } })],
    ['stages[0].verb of the stored query is "__proto__"', stored({ stages: [{ verb: "__proto__" }] })],
    ['stages[0].verb of the stored query is "toArray"', stored({ stages: [{ verb: "toArray" }] })],
    ['stages[0].verb of the stored query is "sum"', stored({ stages: [{ verb: "sum" }] })],
    ['stages[0] of the stored query has a field "f"', stored({ stages: [{ verb: "reverse", f: 1 }] })],
    ["stages[0].lambda of the stored query is undefined", stored({ stages: [{ verb: "map" }] })],
    ["stages[0].lambda of the stored query is an object", mapping({ toString: "x => x" })],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("x => x; process.exit(1)")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("x => x)\n;globalThis.attacked = (1")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("x => x), (globalThis.attacked = 1")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("f(x) { return x }, g() {}")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("x => x */ /*")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("(() => { globalThis.attacked = 1; return x => x })()")],
    ["stages[0].lambda of the stored query cannot be read: DC101", mapping("class { static { globalThis.attacked = 1 } }")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => `${globalThis.attacked = 1}`")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("(x, y = (globalThis.attacked = 1)) => x")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => constructor.constructor('globalThis.attacked = 1')()")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => x.constructor.constructor('globalThis.attacked = 1')()")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => Math.constructor('globalThis.attacked = 1')()")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => Math['constructor']('globalThis.attacked = 1')()")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => Math.__proto__")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => import('node:fs')")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => this.constructor")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("function f(x) { return arguments.callee.caller }")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => new Function('1')()")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("async x => x")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => toString")],
    ["stages[0].lambda of the stored query cannot be read: DC1", mapping("x => __proto__")],
    ["stages[0].lambda of the stored query cannot be read: DC104", mapping("x => kind", { captures: JSON.parse('{"__proto__": 1}') })],
    ["stages[0].lambda of the stored query cannot be read: DC206", mapping("x => 3n")],
    ["stages[0].lambda of the stored query cannot be read: DC102", mapping(`x => ${long(4_000, "(")}x${long(4_000, ")")}`)],
    ["stages[0].lambda of the stored query cannot be read: DC102", mapping(`x => ${long(4_000, "-~")}x`)],
    ["stages[0].lambda of the stored query cannot be read: DC102", mapping(`x => ${long(4_000, "x+")}x`)],
    ["stages[0].lambda of the stored query cannot be read: DC102", mapping(`x => {${long(4_000, "{")}${long(4_000, "}")} return x }`)],
    ["stages[0].lambda of the stored query is too long", mapping(`x => x /*${long(60_000, " ")}*/`)],
    ["stages[0].captures of the stored query is an array", mapping("x => x", { captures: [] })],
    ["stages[0].captures.k of the stored query is null", mapping("x => k", { captures: { k: null } })],
    ["stages[0].captures.k of the stored query is an array", mapping("x => k", { captures: { k: ["1"] } })],
    ["stages[0].lambda of the stored query cannot be read: DC209: * is given a string", mapping("x => x * k", { captures: { k: "1" } })],
    ["stages[0].captures.k of the stored query has a field \"value\"", mapping("x => k", { captures: { k: { value: 1 } } })],
    ["stages[0].captures.k of the stored query is an object, not a value", mapping("x => k", { captures: { k: {} } })],
    ["stages[0].captures.k of the stored query is an object, not a value", mapping("x => k", { captures: { k: { number: "NaN", array: 0 } } })],
    ["stages[0].captures.k.number of the stored query is", mapping("x => k", { captures: { k: { number: 1 } } })],
    ["stages[0].captures.k.number of the stored query is", mapping("x => k", { captures: { k: { number: "1" } } })],
    ["stages[0].captures.k.bigint of the stored query is a string", mapping("x => k", { captures: { k: { bigint: "0x1" } } })],
    ["stages[0].captures.k.bigint of the stored query is a string", mapping("x => k", { captures: { k: { bigint: " 1" } } })],
    ["stages[0].captures.k.bigint of the stored query is a string", mapping("x => k", { captures: { k: { bigint: long(1_000_000, "9") } } })],
    ["stages[0].captures.k.bigint of the stored query is 1", mapping("x => k", { captures: { k: { bigint: 1 } } })],
    ["stages[0].captures.k.array of the stored query is 0", mapping("x => k[0]", { captures: { k: { array: 0 } } })],
    ["stages[0].captures.k.array of the stored query is a string", mapping("x => k[0]", { captures: { k: { array: "length" } } })],
    ["stages[0] of the stored query cannot be read: DC303", mapping("x => x", { captures: { k: 1 } })],
    ["stages[0] of the stored query cannot be read: DC303", mapping("x => x", { captures: { "a;globalThis.attacked=1": 1 } })],
    ["stages[0].captures.f.function of the stored query cannot be read: DC101", mapping("x => f(x)", { captures: { f: { function: "x => x) ; (globalThis.attacked = 1" } } })],
    ["stages[0].captures.f.function of the stored query cannot be read: DC109", mapping("v => f(v)", { captures: { f: { function: "x => f(x)" } } })],
    ["stages[0].captures.f.function of the stored query is 1", mapping("x => f(x)", { captures: { f: { function: 1 } } })],
    ["stages[0].to of the stored query is 3", mapping("x => x", { to: 3 })],
    ["stages[0].to of the stored query is a string, not the name of a typed array", mapping("x => x", { to: "Function" })],
    ["stages[0].to of the stored query names no columns", mapping("x => x", { to: {} })],
    ["stages[0].to.__proto__ of the stored query is an object", mapping("x => ({ x })", { to: JSON.parse('{"__proto__": {}}') })],
    ["stages[0] of the stored query cannot be read: DC305: map() was told what to store the column y", mapping("x => ({ x })", { to: { y: "Float32Array" } })],
    ["stages[0].count of the stored query is a string", stored({ stages: [{ verb: "take", count: "1" }] })],
    ["stages[0] of the stored query cannot be read: DC305: take()", stored({ stages: [{ verb: "take", count: -1 }] })],
    ["stages[0] of the stored query cannot be read: DC305: take()", stored({ stages: [{ verb: "take", count: { number: "NaN" } }] })],
    ["stages[0] of the stored query cannot be read: DC305: thenBy()", stored({ stages: [{ verb: "thenBy", lambda: "x => x" }] })],
    ["stages[1] of the stored query cannot be read: DC305", stored({ stages: [{ verb: "map", lambda: "x => ({ x })" }, { verb: "as", to: "Int8Array" }] })],
    ["stages[0] of the stored query cannot be read: DC305", stored({ stages: [{ verb: "as", to: { x: "Int8Array" } }] })],
    ["stages[0] of the stored query cannot be read: DC305: aggregate()", stored({ stages: [{ verb: "groupBy", lambda: "x => x", aggregates: [] }] })],
    ["stages[0].aggregates[0].terminal of the stored query is a string", stored({ stages: [{ verb: "groupBy", lambda: "x => x", aggregates: [{ name: "a", terminal: "constructor" }] }] })],
    ["stages[0].aggregates[0].lambda of the stored query cannot be read: DC104", stored({ stages: [{ verb: "groupBy", lambda: "x => x", aggregates: [{ name: "a", terminal: "sum", lambda: "x => y" }] }] })],
    ["stages[0].aggregates of the stored query has two aggregates", stored({ stages: [{ verb: "groupBy", lambda: "x => x", aggregates: [{ name: "a", terminal: "count" }, { name: "a", terminal: "sum" }] }] })],
    ["stages[0] of the stored query cannot be read: DC308", stored({ stages: [{ verb: "groupBy", lambda: "x => x", aggregates: [{ name: "key", terminal: "count" }] }] })],
    ["stages[0].other of the stored query is undefined", stored({ stages: [{ verb: "concat" }] })],
    ["stages[0].other.source of the stored query is 1", stored({ stages: [{ verb: "concat", other: { source: 1, stages: [] } }] })],
    ["stages[0].other.source of the stored query is a string", stored({ stages: [{ verb: "concat", other: { source: "length", stages: [] } }] })],
    ["stages[0].other.stages[0].lambda of the stored query cannot be read", stored({ stages: [{ verb: "concat", other: { source: 0, stages: [{ verb: "map", lambda: "x => y" }] } }] })],
    ["stages[0] of the stored query cannot be read: DC308", stored({ stages: [{ verb: "concat", other: { source: 0, stages: [{ verb: "as", to: "Int8Array" }] } }] })],
    ["takes queries that take queries, too deep", stored({ stages: [cyclic] })],
    ["stages[100] of the stored query is one too many", stored({ stages: Array.from({ length: 100_000 }, () => ({ verb: "reverse" })) })],
    ["on of the stored query cannot be read: DC305", stored({ on: "__proto__" })],
    ["fastMath of the stored query is 1", stored({ fastMath: 1 })],
    ["arrays of the stored query is an object", stored({ arrays: {} })],
    ["arrays[0] of the stored query is 1", stored({ arrays: [1] })],
    ["arrays[0].array of the stored query is a string", stored({ arrays: [{ array: "DataView", base64: "" }] })],
    ["arrays[0].base64 of the stored query is undefined", stored({ arrays: [{ array: "Int8Array" }] })],
    ["arrays[0].base64 of the stored query is a string", stored({ arrays: [{ array: "Int8Array", base64: "A" }] })],
    ["arrays[0].base64 of the stored query is a string", stored({ arrays: [{ array: "Int8Array", base64: "A===" }] })],
    ["arrays[0].base64 of the stored query is a string", stored({ arrays: [{ array: "Int8Array", base64: "éééé" }] })],
    ["arrays[0].base64 of the stored query is 3, not 8 bytes for each element", stored({ arrays: [{ array: "Float64Array", base64: "AAAA" }] })],
    ["terminal of the stored query is a string", stored({ terminal: "sum" })],
    ["terminal.verb of the stored query is \"map\"", stored({ terminal: { verb: "map", lambda: "x => x" } })],
    ["terminal.verb of the stored query is \"toArray\"", stored({ terminal: { verb: "toArray" } })],
    ["terminal.lambda of the stored query cannot be read: DC104", stored({ terminal: { verb: "some", lambda: "x => y" } })],
    ["terminal.combine of the stored query cannot be read: DC103", stored({ terminal: { verb: "reduce", lambda: "(a, x) => a * 2 + x", seed: 0, combine: "() => 1" } })],
    ["terminal.sequential of the stored query is false", stored({ terminal: { verb: "reduce", lambda: "(a, x) => a + x", sequential: false } })],
    ["terminal.lambda of the stored query cannot be read: DC206", stored({ terminal: { verb: "reduce", lambda: "(a, x) => a + x", seed: { bigint: "1" } } })],
    ["terminal of the stored query cannot be read: DC305: indexOf()", stored({ terminal: { verb: "indexOf", value: true } })],
    ["terminal of the stored query cannot be read: DC305: reduce()", stored({ terminal: { verb: "reduce", lambda: "(a, x) => a + x", seed: { function: "x => x" } } })],
    ["terminal of the stored query is indexOf(), which rows do not have", stored({ stages: [{ verb: "map", lambda: "x => ({ x })" }], terminal: { verb: "indexOf", value: 1 } })],
    ["terminal of the stored query cannot be read: DC306", stored({ stages: [{ verb: "map", lambda: "x => 1n", to: "BigInt64Array" }], terminal: { verb: "average" } })],
  ])("%s", (path, json) => {
    const before = performance.now();
    const { code, message } = errorOf(json);
    expect(message).toContain(path);
    expect(code).toBe("DC309");
    expect(performance.now() - before).toBeLessThan(4000);
    expect("attacked" in globalThis).toBe(false);
  });

  it("is told at the stage whose types do not fit, and not at the first", () => {
    const json = stored({ stages: [{ verb: "reverse" }, { verb: "map", lambda: "x => x / 2" }, { verb: "as", to: "Int32Array" }, { verb: "map", lambda: "x => x / 2" }, { verb: "reverse" }], terminal: { verb: "sum" } });
    expect(errorOf(json).message).toContain("stages[3].lambda of the stored query cannot be read: DC202");
  });

  it("cannot take long by being large", () => {
    const grown: Record<string, unknown> = { f0: { function: "x => x * 1.5 + 1" } };
    for (let at = 1; at < 10; at += 1) grown[`f${at}`] = { function: `x => f${at - 1}(x) + f${at - 1}(x + ${at})` };
    const bombs = Array.from({ length: 50 }, () => ({ verb: "map", lambda: "x => f9(x)", captures: grown }));
    const columns = [{ verb: "map", lambda: "x => ({ x })" }, ...Array.from({ length: 90 }, (_, at) => ({ verb: "map", lambda: `r => ({ ...r, c${at}: r.x })` }))];
    for (const stages of [bombs, columns]) expect(errorOf(stored({ stages })).message).toMatch(/stages\[\d+\] of the stored query makes the query too large/);
  });

  it("cannot make a helper that grows without end", () => {
    const captures: Record<string, unknown> = { f0: { function: "x => x + x" } };
    for (let at = 1; at < 60; at += 1) captures[`f${at}`] = { function: `x => f${at - 1}(x) + f${at - 1}(x + 1)` };
    expect(errorOf(mapping("x => f59(x)", { captures })).message).toContain("too large once its helpers are put in place");
  });
});

describe("a stored query with odd names", () => {
  const odd = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "eval", "arguments", "element", "Math", "undefined", "process", "\u{10400}", "ℵ", "$", "_", "await", "yield", "async", "let", "static", "of", "x_2", "shared"];

  it.each(odd)("computes with a capture called %s", name => {
    const json = JSON.parse(`{"dotcompute":1,"sources":[{"array":"Float64Array"}],"stages":[{"verb":"map","lambda":${JSON.stringify(`v => v * ${name}`)},"captures":{${JSON.stringify(name)}:2}}]}`) as object;
    let result: unknown;
    try {
      result = (read(json) as Query<Float64Array>).toArray();
    } catch (error) {
      // Names that lambdas cannot have are refused, as they are where they are written in one.
      expect(error).toBeInstanceOf(QueryError);
      expect(["__proto__", "Math", "undefined", "await", "arguments", "eval"]).toContain(name);
      return;
    }
    expect(result).toEqual(Float64Array.of(2, 4, 6));
  });

  it.each([...odd, "a b", '"', "\0element", "\0key 1", "\0right x", "*/", "`", "${x}", "\u2028", ""])("makes a column called %j", name => {
    const json = mapping(`v => ({ ${JSON.stringify(name)}: v, b: v + 1 })`);
    let rows: unknown;
    try {
      rows = (read(json) as Rows<Record<string, Float64Array>>).orderBy(r => -(r["b"] as number)).distinct().toRows();
    } catch (error) {
      expect(error).toBeInstanceOf(QueryError);
      expect(name).toMatch(/\0|__proto__/);
      return;
    }
    expect(rows).toEqual([3, 2, 1].map(v => Object.fromEntries([[name, v], ["b", v + 1]])));
  });
});

/** Everything that JSON, or a message between threads, may hold in the wrong place. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, false, 0, -1, 0.5, 1e300, NaN, "", "x", "x => x", "x => y", "map", "sum", "__proto__", "constructor", "length", "Float64Array", "BigInt64Array", "AAAA", [], {}, [[]], 10n, new Date(0), new Map(), Float64Array.of(1), { number: "NaN" }, { array: 0 }, { function: "x => x" }, { bigint: "1" }, JSON.parse('{"__proto__":{"verb":"map"}}')),
  fc.jsonValue(),
);

/** A copy with one place changed: replaced, left out, or moved. */
function changed(json: unknown, place: number, by: unknown, how: number): unknown {
  const places: { readonly of: Record<string, unknown>; readonly key: string }[] = [];
  const copy = structuredClone(json);
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ of: value as Record<string, unknown>, key });
      visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(copy);
  const chosen = places[place % places.length];
  if (chosen === undefined) return copy;
  const { of, key } = chosen;
  if (how === 0) delete of[key];
  else if (how === 1 && !Array.isArray(of)) of[String(by)] = of[key];
  else if (how === 2) of[key] = structuredClone(places[(place * 7) % places.length]?.of);
  else of[key] = by;
  return copy;
}

describe("a stored query that was tampered with", () => {
  it("is refused with a QueryError, or runs as any query does", () => {
    fc.assert(
      fc.property(chains, fc.array(fc.tuple(fc.nat(1000), anything, fc.nat(6)), { minLength: 1, maxLength: 3 }), (chain, changes) => {
        const [query, others] = chain.build(runtime.compute);
        const json = changes.reduce<unknown>((before, [place, by, how]) => changed(before, place, by, how), JSON.parse(JSON.stringify(query)));
        let found: unknown;
        try {
          found = read(json, chain.source, others);
        } catch (error) {
          if (!(error instanceof QueryError)) throw error;
          expect(["DC309", "DC301", "DC305"]).toContain(error.code);
          return;
        }
        try {
          if (found instanceof QueryClass) found.toArray();
          else if (found instanceof RowsClass) found.toColumns();
          else (found as LazyValue<unknown>).value();
        } catch (error) {
          if (!(error instanceof QueryError || error instanceof LambdaError || error instanceof RangeError)) throw error;
        }
      }),
      { seed: SEED, numRuns: 700 },
    );
  });
});
