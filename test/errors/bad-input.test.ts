/** Misuse of the public methods: every mistake is a QueryError or a LambdaError that says what it was and what to write, and leaves no trace. */
import { describe, expect, it } from "vitest";
import * as dotcompute from "../../src/index.js";
import { LambdaError, QueryError, createRuntime, range, type ErrorCode } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });
const doubles = Float64Array.of(1, 2, 3);

/** The public methods as JavaScript sees them, which no types hold back. */
type Loose = (...values: unknown[]) => LooseQuery;
type LooseQuery = { readonly [name: string]: Loose };
const loose = dotcompute as unknown as { readonly [name: string]: Loose };
const query = (): LooseQuery => compute(doubles) as unknown as LooseQuery;
const bigs = (): LooseQuery => compute(BigInt64Array.of(1n)) as unknown as LooseQuery;

/** A lambda's text must be as it is here, not as a tool would write it. */
// eslint-disable-next-line @typescript-eslint/no-implied-eval -- only so is the text what it is here
const lambda = (text: string): unknown => new Function(`return ${text};`)();

function failureOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}

async function rejectionOf(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}

type Mistake = readonly [name: string, run: () => unknown, code: ErrorCode, firstLine: string, remedy: string];

const READABLE = "Pass a typed array, an array of numbers, columns, or range(n): compute(Float64Array.from(values)), compute({ price, quantity }).";
const COLLECT = "Collect it first: compute(Float64Array.from(iterable)).";
const ARRAY_TO_MAKE = "Name the array to make: .map(f, Float64Array).";
const BY_NAME = "Hand them over by name: .map(x => x * k, { k }).";
const ONE_BY_ONE = "Hand over the numbers it holds one by one, each under a name of its own.";
const SOME_RANGE = "Write range(1000) for 0, 1, 2 … 999, or range(start, end, step).";

const QUERY_MISTAKES: readonly Mistake[] = [
  // Sources
  ["compute of nothing", () => loose["compute"]!(), "DC301", "compute() cannot read undefined", READABLE],
  ["compute of undefined", () => loose["compute"]!(undefined), "DC301", "compute() cannot read undefined", READABLE],
  ["compute of a text", () => loose["compute"]!("x"), "DC301", "compute() cannot read a string", READABLE],
  ["compute of a symbol", () => loose["compute"]!(Symbol("x")), "DC301", "compute() cannot read a symbol", READABLE],
  ["compute of a function", () => loose["compute"]!(() => 1), "DC301", "compute() cannot read a function", READABLE],
  ["compute of a promise", () => loose["compute"]!(Promise.resolve(doubles)), "DC301", "compute() cannot read a Promise", READABLE],
  ["compute of what looks like an array", () => loose["compute"]!({ length: 1, 0: 5 }), "DC301", "the column 0 is 5, not a typed array", "The columns of a table are typed arrays, or arrays of strings, of one length: compute({ price, quantity })."],
  ["compute of a generator", () => loose["compute"]!((function* () { yield 1; })()), "DC301", "compute() cannot read a Generator", COLLECT],
  ["compute of a proxy", () => loose["compute"]!(new Proxy(doubles, {})), "DC301", "compute() cannot read a Float64Array", COLLECT],
  ["compute of a query", () => loose["compute"]!(compute(doubles)), "DC301", "compute() cannot read a Query", READABLE],
  ["compute of a lazy value", () => loose["compute"]!(compute(doubles).sum()), "DC301", "compute() cannot read a LazyValue", READABLE],
  ["compute in no runtime", () => loose["compute"]!(doubles, { runtime: "js" }), "DC305", 'compute() runs in a runtime, not in "js"', "Write compute(source, { runtime: createRuntime() }), or leave it out."],
  ["compute with null for options", () => loose["compute"]!(doubles, null), "DC305", "compute() runs in a runtime, not in null", "Write compute(source, { runtime: createRuntime() }), or leave it out."],
  ["arrays within an array", () => compute([[1], [2]] as unknown as number[]).sum().value(), "DC301", "element 0 of the source array is an array, not a number", "An array given to compute() must hold numbers only."],
  ["texts in an array", () => compute([1, "2"] as unknown as number[]).sum().value(), "DC301", "element 1 of the source array is a string, not a number", "An array given to compute() must hold numbers only."],
  ["holes in an array", () => compute(new Array<number>(3)).sum().value(), "DC301", "element 0 of the source array is a hole, not a number", "An array given to compute() must hold numbers only."],
  // Ranges
  ["range of nothing", () => loose["range"]!(), "DC305", "range() takes a whole number of elements, not undefined", SOME_RANGE],
  ["range of a text", () => loose["range"]!("5"), "DC305", "range() takes a whole number of elements, not a string", SOME_RANGE],
  ["range of a BigInt", () => loose["range"]!(5n), "DC305", "range() takes a whole number of elements, not 5n", SOME_RANGE],
  ["range of NaN", () => range(NaN), "DC305", "range() takes a whole number of elements, not NaN", SOME_RANGE],
  ["range of Infinity", () => range(Infinity), "DC305", "range() takes a whole number of elements, not Infinity", SOME_RANGE],
  ["range of too many", () => range(2 ** 53), "DC305", "range() takes a whole number of elements, not 9007199254740992", SOME_RANGE],
  // Verbs
  ["map without a function", () => query()["map"]!(), "DC305", "map() takes a function, not undefined", "Write the function in the call: .map(x => …)."],
  ["map of a text", () => query()["map"]!("x => x"), "DC305", "map() takes a function, not a string", "Write the function in the call: .map(x => …)."],
  ["map to a Date", () => query()["map"]!((x: number) => x, Date), "DC305", "map() takes a typed array's constructor, not Date", ARRAY_TO_MAKE],
  ["map to a DataView", () => query()["map"]!((x: number) => x, DataView), "DC305", "map() takes a typed array's constructor, not DataView", ARRAY_TO_MAKE],
  ["map to a Buffer", () => query()["map"]!((x: number) => x, Buffer), "DC305", "map() takes a typed array's constructor, not Buffer", ARRAY_TO_MAKE],
  ["map to an array that exists", () => query()["map"]!((x: number) => x, new Float64Array(3)), "DC302", "map() takes captures as an object of names and values, not a Float64Array", BY_NAME],
  ["map with its arguments swapped", () => query()["map"]!(lambda("x => x * k"), { k: 1 }, Float32Array), "DC305", "map() takes the array to make before the captures", "Write .map(f, Float64Array, { k })."],
  ["as nothing", () => query()["as"]!(), "DC305", "as() takes a typed array's constructor, not undefined", "Name the array to make: .as(Float64Array)."],
  ["reduce without a function", () => query()["reduce"]!(), "DC305", "reduce() takes a function, not undefined", "Write the function in the call: .reduce((a, x) => a + x, 0)."],
  ["reduce from null", () => query()["reduce"]!((a: number, x: number) => a + x, null), "DC305", "reduce() takes a number, a BigInt or a boolean as its seed, not null", "For no seed leave it out, or write undefined: .reduce(f, undefined, { k })."],
  ["reduce, sequential by a text", () => query()["reduce"]!((a: number, x: number) => a + x, 0, {}, { sequential: "yes" }), "DC305", "sequential is true or false, not a string", "Write { sequential: true }."],
  ["includes nothing", () => query()["includes"]!(), "DC305", "includes() looks for a number in a Float64Array, not for undefined", "Pass a number."],
  ["average of BigInts", () => bigs()["average"]!(), "DC306", "BigInts have no average: it may be a fraction", "Average them as numbers: .as(Float64Array).average()."],
  // Captures
  ["captures that are a function", () => query()["filter"]!(lambda("x => x > 1"), () => 1), "DC302", "filter() takes captures as an object of names and values, not a function", "Hand them over by name: .filter(x => x * k, { k })."],
  ["captures in a list", () => query()["map"]!(lambda("x => x * k"), [2]), "DC302", "map() takes captures as an object of names and values, not an array", BY_NAME],
  ["a capture that is a symbol", () => query()["map"]!(lambda("x => x * k"), { k: Symbol("k") }), "DC302", "the capture k of map() is a symbol, which a kernel cannot take", "Captures are numbers, BigInts, booleans, strings, lists of strings, typed arrays and functions."],
  ["a capture that is null", () => query()["map"]!(lambda("x => x * k"), { k: null }), "DC302", "the capture k of map() is null, which a kernel cannot take", "Captures are numbers, BigInts, booleans, strings, lists of strings, typed arrays and functions."],
  ["a capture that is a Date", () => query()["map"]!(lambda("x => x * k"), { k: new Date(0) }), "DC302", "the capture k of map() is a Date, which a kernel cannot take", ONE_BY_ONE],
  ["a capture that is a DataView", () => query()["map"]!(lambda("x => x * k"), { k: new DataView(new ArrayBuffer(8)) }), "DC302", "the capture k of map() is a DataView, which a kernel cannot take", ONE_BY_ONE],
  ["a capture that is a list", () => query()["map"]!(lambda("x => k[x]"), { k: [1, 2] }), "DC302", "the capture k of map() is an array, which a kernel cannot take", "Hand over a typed array: { k: Float64Array.from(k) }."],
  ["a capture that is a lazy value", () => query()["map"]!(lambda("x => x * k"), { k: compute(doubles).sum() }), "DC302", "the capture k of map() is a LazyValue, which a kernel cannot take", ONE_BY_ONE],
  ["a capture nobody uses", () => query()["map"]!(lambda("x => x * 2"), { rate: 2 }), "DC303", "the capture rate of map() is not used by its lambda", "Leave it out, or use it: the lambda is x => x * 2"],
  ["a capture hidden by a parameter", () => query()["map"]!(lambda("x => x * 2"), { x: 2 }), "DC303", "the capture x of map() is not used by its lambda", "Leave it out, or use it: the lambda is x => x * 2"],
  ["a capture of no name", () => query()["map"]!(lambda("x => x * 2"), { "a b": 2 }), "DC303", 'the capture "a b" of map() has a name that no lambda can use', "Give it the name of a variable: { k: value }."],
  // Backends and runtimes
  ["on gpu", () => query()["on"]!("gpu"), "DC305", 'there is no backend "gpu"', 'The backends are "js", "cpu" and "cuda".'],
  ["on nothing", () => query()["on"]!(), "DC305", "there is no backend undefined", 'The backends are "js", "cpu" and "cuda".'],
  ["on a symbol", () => query()["on"]!(Symbol("cpu")), "DC305", "there is no backend a symbol", 'The backends are "js", "cpu" and "cuda".'],
  ["on a BigInt", () => query()["on"]!(1n), "DC305", "there is no backend 1n", 'The backends are "js", "cpu" and "cuda".'],
  ["source in no language", () => query()["source"]!(), "DC305", "there is no code in undefined", 'Code is emitted in "js", "cpp" and "cuda".'],
  ["a runtime of null", () => loose["createRuntime"]!(null), "DC305", "the options of createRuntime() are an object, not null", 'Write createRuntime({ backend: "js" }), or leave them out.'],
  ["a compiler that is a number", () => loose["createRuntime"]!({ compiler: 5 }), "DC305", "the option compiler of createRuntime() is a text, not 5", "Leave it out for the usual."],
  ["a cache folder that is a list", () => loose["createRuntime"]!({ cacheFolder: [] }), "DC305", "the option cacheFolder of createRuntime() is a text, not an array", "Leave it out for the usual."],
  ["a log that is an object", () => loose["createRuntime"]!({ log: console }), "DC305", "the option log of createRuntime() is a function, not a console", "Leave it out for the usual."],
  ["an onRun that is a text", () => loose["createRuntime"]!({ onRun: "x" }), "DC305", "the option onRun of createRuntime() is a function, not a string", "Leave it out for the usual."],
  // Runs
  ["toArray of null", () => query()["toArray"]!(null), "DC305", "the options of toArray() are an object, not null", "Write { into }."],
  ["toArray of an array", () => query()["toArray"]!(new Float64Array(3)), "DC305", "the options of toArray() are an object, not a Float64Array", "Write { into }."],
  ["toArray into a number", () => query()["toArray"]!({ into: 5 }), "DC304", "into is 5, but the results are a Float64Array", "Give { into: new Float64Array(3) }, or change the result's type with .as(…)."],
  ["toArray into a list", () => query()["toArray"]!({ into: [] }), "DC304", "into is an array, but the results are a Float64Array", "Give { into: new Float64Array(3) }, or change the result's type with .as(…)."],
  ["a range larger than any array", () => compute(range(2 ** 40)).toArray({ into: new Float64Array(3) }), "DC304", "into has 3 elements, fewer than the source, which has 1099511627776", "It must be as long as the source, whatever the query leaves out: new Float64Array(1099511627776)."],
  ["a sum with a lazy value", () => (compute(doubles).sum() as unknown as number) + 1, "DC305", "the sum has not been computed yet, so it is no number", "Await it, or call its value(): await query.sum(…), or query.sum(…).value()."],
  ["a comparison with a lazy value", () => (compute(doubles).max() as unknown as number) > 1, "DC305", "the max has not been computed yet, so it is no number", "Await it, or call its value(): await query.max(…), or query.max(…).value()."],
];

describe("a QueryError", () => {
  it.each(QUERY_MISTAKES)("for %s", (_, run, code, firstLine, remedy) => {
    const error = failureOf(run);
    expect(error).toBeInstanceOf(QueryError);
    expect((error as QueryError).code).toBe(code);
    expect(error.message).toBe(`${code}: ${firstLine}\n${remedy}`);
    // The mistake is the caller's: the caller's line is on the stack.
    expect(error.stack).toContain("bad-input.test.ts");
  });

  it.each([
    ["run of null", () => query()["sum"]!()["run"]!(null), "the options of run() are an object, not null", "Write { signal }."],
    ["run of a signal", () => query()["sum"]!()["run"]!(AbortSignal.timeout(1e6)), "the options of run() are an object, not an AbortSignal", "Write { signal }."],
    ["a signal that is a number", () => query()["sum"]!()["run"]!({ signal: 5 }), "signal is an AbortSignal, not 5", "Write { signal: AbortSignal.timeout(100) }."],
    ["a controller for a signal", () => query()["toArrayAsync"]!({ signal: new AbortController() }), "signal is an AbortSignal, not an AbortController", "Hand over the controller's signal: { signal: controller.signal }."],
    ["toArrayAsync of null", () => query()["toArrayAsync"]!(null), "the options of toArrayAsync() are an object, not null", "Write { into }."],
  ])("rejects %s", async (_, run, firstLine, remedy) => {
    const error = await rejectionOf(run);
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe(`DC305: ${firstLine}\n${remedy}`);
  });
});

/** Lambda, the verb it is given to, code, what is wrong, the part that is marked. */
const LAMBDA_MISTAKES: readonly (readonly [name: string, run: () => unknown, code: ErrorCode, what: string, marked: string])[] = [
  ["a native function", () => query()["map"]!(Math.sqrt), "DC101", "the lambda of map is built in or bound: it has no text to compile", "{ [native code] }"],
  ["a bound function", () => query()["map"]!(((x: number) => x).bind(null)), "DC101", "the lambda of map is built in or bound: it has no text to compile", "{ [native code] }"],
  ["a proxy of a function", () => query()["filter"]!(new Proxy((x: number) => x, {})), "DC101", "the lambda of filter is built in or bound: it has no text to compile", "{ [native code] }"],
  ["a class", () => query()["map"]!(lambda("class A {}")), "DC101", "the lambda of map is a class", "class A {}"],
  ["an async function", () => query()["map"]!(lambda("async x => x")), "DC102", "the function is async", "async x =>"],
  ["a generator", () => query()["map"]!(lambda("function* (x) { yield x; }")), "DC102", "the function is a generator", "function* (x)"],
  ["an async generator", () => query()["some"]!(lambda("async function* (x) { yield x; }")), "DC102", "the function is async", "async function* (x)"],
  ["a getter", () => query()["map"]!(Object.getOwnPropertyDescriptor(lambda("({ get x() { return 1; } })"), "x")?.get), "DC101", "the lambda of map is a getter or setter", "get x() { return 1; }"],
  ["a throw statement", () => query()["map"]!(lambda('x => { if (x > 1) throw new Error("no"); return x; }')), "DC102", "a kernel cannot throw", 'throw new Error("no");'],
  ["no result", () => query()["map"]!(lambda("x => { x + 1; }")), "DC107", "the lambda of map gives no result on some path", "}"],
  ["too many parameters", () => query()["map"]!(lambda("(x, i, array) => x")), "DC103", "the lambda of map takes at most 2 parameters, not 3", "array"],
  ["a misspelt capture", () => query()["map"]!(lambda("x => x * rate"), { rte: 3 }), "DC104", '"rate" is not known inside this lambda', "rate"],
  ["a helper that is native", () => query()["map"]!(lambda("x => f(x)"), { f: Math.sqrt }), "DC101", "the helper f is built in or bound: it has no text to compile", "{ [native code] }"],
  ["a number times a BigInt", () => query()["map"]!(lambda("x => x * k"), { k: 2n })["toArray"]!(), "DC201", "a number and a BigInt are mixed", "x * k"],
  ["a BigInt times a number", () => bigs()["map"]!(lambda("x => x * 2"))["toArray"]!(), "DC201", "a number and a BigInt are mixed", "x * 2"],
  ["a fraction in an integer array", () => compute(Int32Array.of(1)).map(lambda("x => x / 2") as never).toArray(), "DC202", "", "x / 2"],
  ["a seed of another kind", () => query()["reduce"]!(lambda("(a, x) => a + x"), 0n)["value"]!(), "DC206", "the seed is a bigint, but the reducer folds a number", "x"],
];

describe("a LambdaError", () => {
  it.each(LAMBDA_MISTAKES)("for %s", (_, run, code, what, marked) => {
    const error = failureOf(run) as LambdaError;
    expect(error).toBeInstanceOf(LambdaError);
    expect(error.code).toBe(code);
    expect(error.message.startsWith(`${code}: ${what}`)).toBe(true);
    expect(error.source.slice(error.start, error.end)).toBe(marked);
    expect(error.message.endsWith(`\n${error.remedy}`)).toBe(true);
    expect(error.message).toMatch(/\n +\^+\n/);
    expect(error.remedy.length).toBeGreaterThan(10);
    expect(error.stack).toContain("bad-input.test.ts");
  });
});

describe("after a mistake", () => {
  it("the same query without it gives its result", async () => {
    const base = compute(doubles);
    failureOf(() => base.map(lambda("x => x * rate") as never));
    failureOf(() => base.map(lambda("x => x * rate") as never, { rate: "2" } as never));
    expect(base.map(lambda("x => x * rate") as (x: number) => number, { rate: 2 }).toArray()).toEqual(Float64Array.of(2, 4, 6));
    const total = base.sum();
    expect(await rejectionOf(() => total.run({ signal: 1 } as never))).toBeInstanceOf(QueryError);
    expect(await total).toBe(6);
  });
});

describe("what looks like misuse and is none", () => {
  it("subclasses, buffers, frozen arrays and arrays of other realms", async () => {
    const { runInNewContext } = await import("node:vm");
    class Signal extends Float64Array {}
    expect(compute(Signal.of(1, 2)).map(x => x * 2).toArray()).toEqual(Float64Array.of(2, 4));
    expect(compute(Buffer.from([1, 2])).map(x => x * 2).toArray()).toEqual(Uint8Array.of(2, 4));
    expect(compute(Object.freeze([1, 2])).sum().value()).toBe(3);
    expect(compute(runInNewContext("Float32Array.of(1, 2)") as Float32Array).map(x => x * 2).toArray()).toEqual(Float32Array.of(2, 4));
    expect(compute(doubles).map(x => x | 0, runInNewContext("Int8Array") as Int8ArrayConstructor).toArray()).toEqual(Int8Array.of(1, 2, 3));
    expect(compute(doubles).toArray({ into: null as never })).toEqual(doubles);
    expect(compute(range(-0)).toArray()).toEqual(new Float64Array(0));
  });

  it("a query awaited by mistake is the query; a lazy value awaited twice is computed once", async () => {
    const seen: string[] = [];
    const runtime = createRuntime({ backend: "js", onRun: ({ terminal }) => seen.push(terminal) });
    const plus = runtime.compute(doubles).map(x => x + 1);
    // eslint-disable-next-line @typescript-eslint/await-thenable -- that is the mistake
    expect(await plus).toBe(plus);
    const total = plus.sum();
    expect([await total, await total]).toEqual([9, 9]);
    expect(seen).toEqual(["sum"]);
  });

  it("names of queries and lazy values in texts", () => {
    const text = (value: unknown): string => String(value);
    expect(text(compute(doubles))).toBe("[object Query]");
    expect(text(compute(doubles).sum())).toBe("[object LazyValue: sum]");
  });

  it("a reducer that ignores its element, a filter that gives numbers", () => {
    expect(compute(doubles).reduce(a => a, 7).value()).toBe(7);
    expect(compute(doubles).filter(x => x - 1).toArray()).toEqual(Float64Array.of(2, 3));
    expect(compute(Float64Array.of(0, NaN, -0, 5)).filter(x => x).toArray()).toEqual(Float64Array.of(5));
  });
});

describe("ranges that no memory holds", () => {
  const huge = compute(range(2 ** 53 - 1));
  it("are no obstacle where few elements are looked at", async () => {
    expect(huge.first().value()).toBe(0);
    expect(huge.last().value()).toBe(2 ** 53 - 2);
    expect(huge.map(x => x * 2).find(x => x > 1e5).value()).toBe(100_002);
    expect(await huge.some(x => x > 1e5)).toBe(true);
    expect(huge.indexOf(70_000).value()).toBe(70_000);
    expect(huge.filter(x => x % 2 === 1).findIndex(x => x > 100).value()).toBe(50);
  });

  it("are JavaScript's RangeError where an array is to hold them", async () => {
    const javascript = failureOf(() => new Float64Array(2 ** 53 - 1));
    const now = failureOf(() => huge.map(x => x + 1).toArray());
    expect(now).toBeInstanceOf(RangeError);
    expect(now.message).toBe(javascript.message);
    expect((await rejectionOf(() => huge.map(x => x + 1).toArrayAsync())).message).toBe(javascript.message);
  });
});
