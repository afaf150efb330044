import { describe, expect, it } from "vitest";
import { BackendError, compute as computeByDefault, createRuntime, LambdaError, QueryError, range } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });
/** What types forbid, people still write. */
const loose = compute as unknown as (source: unknown) => unknown;

function failure(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}
const doubles = Float64Array.of(1, 2, 3);
const typed = (): { [name: string]: (...args: unknown[]) => { [name: string]: (...args: unknown[]) => unknown } } => compute(doubles) as never;

describe("DC301: sources", () => {
  it.each([
    ["a string", "abc", "DC301: compute() cannot read a string\nPass a typed array, an array of numbers, columns, or range(n): compute(Float64Array.from(values)), compute({ price, quantity })."],
    ["null", null, "DC301: compute() cannot read null\nPass a typed array, an array of numbers, columns, or range(n): compute(Float64Array.from(values)), compute({ price, quantity })."],
    ["nothing", undefined, "DC301: compute() cannot read undefined\nPass a typed array, an array of numbers, columns, or range(n): compute(Float64Array.from(values)), compute({ price, quantity })."],
    ["a number", 10, "DC301: compute() cannot read 10\nFor 0, 1, 2 … n - 1 write compute(range(n))."],
    ["a buffer", new ArrayBuffer(8), "DC301: compute() cannot read an ArrayBuffer\nWrap it in a typed array that says what it holds: compute(new Float64Array(buffer))."],
    ["a DataView", new DataView(new ArrayBuffer(8)), "DC301: compute() cannot read a DataView\nWrap its buffer in a typed array: compute(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))."],
    ["a Set", new Set([1]), "DC301: compute() cannot read a Set\nCollect it first: compute(Float64Array.from(iterable))."],
    ["an object", {}, "DC301: compute() was given an object without columns\nName typed arrays of one length: compute({ price, quantity })."],
  ])("refuses %s", (_, source, message) => {
    const error = failure(() => loose(source));
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe(message);
  });

  it("refuses arrays that hold anything but numbers, when the terminal runs", () => {
    const remedy = "\nAn array given to compute() must hold numbers only.";
    const sumOf = (source: unknown[]) => failure(() => compute(source as number[]).sum().value()).message;
    expect(sumOf([1, "2"])).toBe(`DC301: element 1 of the source array is a string, not a number${remedy}`);
    expect(sumOf([1, 2, null])).toBe(`DC301: element 2 of the source array is null, not a number${remedy}`);
    expect(sumOf([undefined])).toBe(`DC301: element 0 of the source array is undefined, not a number${remedy}`);
    // eslint-disable-next-line no-sparse-arrays -- a hole is what this is about
    expect(sumOf([1, , 3])).toBe(`DC301: element 1 of the source array is a hole, not a number${remedy}`);
    expect(sumOf([1n])).toBe("DC301: element 0 of the source array is 1n, not a number\nFor BigInts use compute(BigInt64Array.from(array)).");
  });
});

describe("DC302: captures that kernels cannot take", () => {
  it.each([
    ["a symbol", { k: Symbol("2") }, "DC302: the capture k of map() is a symbol, which a kernel cannot take\nCaptures are numbers, BigInts, booleans, strings, lists of strings, typed arrays and functions."],
    ["an array", { k: [1, 2] }, "DC302: the capture k of map() is an array, which a kernel cannot take\nHand over a typed array: { k: Float64Array.from(k) }."],
    ["undefined", { k: undefined }, "DC302: the capture k of map() is undefined, which a kernel cannot take\nk has no value here: was it assigned before the query was built?"],
    ["an object", { k: { a: 1 } }, "DC302: the capture k of map() is an object, which a kernel cannot take\nHand over the numbers it holds one by one, each under a name of its own."],
  ])("refuses %s", (_, captures, message) => {
    const error = failure(() => typed().map!((x: number) => x * k, captures));
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe(message);
  });
  const k = 2;

  it("refuses captures that are not named", () => {
    expect(failure(() => typed().map!((x: number) => x * k, 2)).message).toBe(
      "DC302: map() takes captures as an object of names and values, not 2\nHand them over by name: .map(x => x * k, { k }).",
    );
    expect(failure(() => typed().filter!((x: number) => x > k, doubles)).message).toBe(
      "DC302: filter() takes captures as an object of names and values, not a Float64Array\nHand them over by name: .filter(x => x * k, { k }).",
    );
    expect(failure(() => typed().some!((x: number) => x > k, null)).message).toMatch(/^DC302: some\(\) takes captures as an object of names and values, not null\n/);
  });

  it("refuses BigInts of more than 64 bits", () => {
    const big = 2n ** 63n;
    const query = compute(BigInt64Array.of(1n)).map(x => x + big, { big });
    expect(failure(() => query.toArray()).message).toBe(
      "DC302: big is 9223372036854775808n, which does not fit in 64 bits here\n" +
        "Values in this query are 64-bit integers, signed ones, -(2n ** 63n) to 2n ** 63n - 1n: hand over BigInt.asIntN(64, big) to wrap it.",
    );
    expect(compute(BigUint64Array.of(1n)).map(x => x + big, { big }).toArray()).toEqual(BigUint64Array.of(2n ** 63n + 1n));
  });
});

describe("DC303: captures nobody uses", () => {
  it("names them", () => {
    const error = failure(() => compute(doubles).map(x => x * 2, { rate: 2 }));
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe("DC303: the capture rate of map() is not used by its lambda\nLeave it out, or use it: the lambda is (x) => x * 2");
    expect(failure(() => compute(doubles).map(x => x * 2, { helper: (y: number) => y })).message).toMatch(/^DC303: the capture helper of map\(\) is not used/);
  });
  it("refuses names that no lambda can use", () => {
    expect(failure(() => compute(doubles).map(x => x * 2, { "a-b": 2 })).message).toBe(
      'DC303: the capture "a-b" of map() has a name that no lambda can use\nGive it the name of a variable: { k: value }.',
    );
  });
  it("tells options from captures", () => {
    const reduce = () => compute(doubles).reduce((a, x) => a + x, 0, { sequential: true });
    expect(failure(reduce).message).toBe(
      "DC303: the option sequential of reduce() is given where the captures belong\nOptions come after the captures: .reduce(f, seed, {}, { sequential: true }).",
    );
  });
  it("lets a capture be called seed, beside the seed itself", () => {
    const seed = 3;
    expect(compute(doubles).reduce((a, x) => x * seed - a, 5, { seed }).value()).toBe(doubles.reduce((a, x) => x * seed - a, 5));
  });
});

describe("DC304: destinations", () => {
  it("must be of the result's type and as long as the source", () => {
    const query = compute(doubles).map(x => x > 1, Uint8Array);
    const error = failure(() => query.toArray({ into: new Float64Array(3) as never }));
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe("DC304: into is a Float64Array, but the results are a Uint8Array\nGive { into: new Uint8Array(3) }, or change the result's type with .as(…).");
    expect(failure(() => query.toArray({ into: [] as never })).message).toMatch(/^DC304: into is an array, but/);
    expect(failure(() => query.filter(x => x > 0).toArray({ into: new Uint8Array(2) })).message).toBe(
      "DC304: into has 2 elements, fewer than the source, which has 3\nIt must be as long as the source, whatever the query leaves out: new Uint8Array(3).",
    );
  });
});

describe("DC305: arguments", () => {
  it.each([
    ["map without a function", () => typed().map!(3), "DC305: map() takes a function, not 3\nWrite the function in the call: .map(x => …)."],
    ["filter without a function", () => typed().filter!(), "DC305: filter() takes a function, not undefined\nWrite the function in the call: .filter(x => …)."],
    ["reduce without a function", () => typed().reduce!("sum", 0), "DC305: reduce() takes a function, not a string\nWrite the function in the call: .reduce((a, x) => a + x, 0)."],
    ["map to something else", () => typed().map!((x: number) => x, Array), "DC305: map() takes a typed array's constructor, not Array\nName the array to make: .map(f, Float64Array)."],
    ["as something else", () => typed().as!("f64"), "DC305: as() takes a typed array's constructor, not a string\nName the array to make: .as(Float64Array)."],
    ["a seed of another kind", () => typed().reduce!((a: number, x: number) => a + x, "0"), "DC305: reduce() takes a number, a BigInt or a boolean as its seed, not a string\nFor no seed leave it out, or write undefined: .reduce(f, undefined, { k })."],
    ["options of another kind", () => typed().reduce!((a: number, x: number) => a + x, 0, {}, 3), "DC305: the options of reduce() are an object, not 3\nWrite { combine: (a, b) => … } or { sequential: true }."],
    ["a combine of another kind", () => typed().reduce!((a: number, x: number) => a + x, 0, {}, { combine: 1 }), "DC305: combine is a function that joins two partial results, not 1\nWrite { combine: (a, b) => … }."],
    [
      "combine and sequential",
      () => typed().reduce!((a: number, x: number) => a + x, 0, {}, { combine: (a: number, b: number) => a + b, sequential: true }),
      "DC305: reduce() was given both combine and sequential: true\nA sequential reduce joins nothing: leave one of them out.",
    ],
    ["a search for something else", () => typed().indexOf!("1"), "DC305: indexOf() looks for a number in a Float64Array, not for a string\nPass a number."],
    ["a search for a number among BigInts", () => (compute(new BigInt64Array(1)) as unknown as { includes(x: number): unknown }).includes(1), "DC305: includes() looks for a BigInt in a BigInt64Array, not for 1\nPass a BigInt, such as 1n."],
    ["an unknown backend", () => typed().on!("gpu"), 'DC305: there is no backend "gpu"\nThe backends are "js", "cpu" and "cuda".'],
    ["code in an unknown language", () => typed().source!("ptx"), 'DC305: there is no code in "ptx"\nCode is emitted in "js", "cpp" and "cuda".'],
    ["a fraction of a range", () => range(1.5), "DC305: range() takes a whole number of elements, not 1.5\nWrite range(1000) for 0, 1, 2 … 999, or range(start, end, step)."],
    ["a negative range", () => range(-1), "DC305: range() takes a whole number of elements, not -1\nWrite range(1000) for 0, 1, 2 … 999, or range(start, end, step)."],
    ["an unknown backend of a runtime", () => createRuntime({ backend: "gpu" as never }), 'DC305: there is no backend "gpu"\nThe backends are "js", "cpu" and "cuda"; leave the option out to let the runtime choose.'],
    ["a BigInt seed of more than 64 bits", () => compute(BigInt64Array.of(1n)).reduce((a, x) => a + x, 2n ** 64n), "DC305: the seed 18446744073709551616n does not fit in a BigInt64Array\nReduce wraps at 64 bits, so its seed must fit in them."],
  ])("refuses %s", (_, run, message) => {
    const error = failure(run);
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe(message);
  });
});

describe("DC306: terminals that do not exist", () => {
  it("refuses the average of BigInts", () => {
    const error = failure(() => (compute(BigInt64Array.of(1n)) as unknown as { average(): unknown }).average());
    expect(error).toBeInstanceOf(QueryError);
    expect(error.message).toBe("DC306: BigInts have no average: it may be a fraction\nAverage them as numbers: .as(Float64Array).average().");
  });
});

describe("DC307: arrays that are gone", () => {
  const detached = (): Float64Array => {
    const array = Float64Array.of(1, 2);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    return array;
  };
  const message = (what: string, remedy = "Run it before the buffer is transferred, or hand over a copy: array.slice()."): string =>
    `DC307: ${what}, a Float64Array, has lost its buffer: it was transferred elsewhere, or has become too short\n${remedy}`;

  it("refuses them when the terminal runs", async () => {
    const query = compute(detached()).map(x => x + 1);
    expect(failure(() => query.toArray()).message).toBe(message("the source"));
    await expect(query.sum()).rejects.toThrow(message("the source"));
    const table = detached();
    expect(failure(() => compute(doubles).map(x => table[x]!, { table }).toArray()).message).toBe(message("the captured array table"));
    expect(failure(() => compute(new Float64Array(0)).toArray({ into: detached() })).message).toBe(message("into", "Give one that is there: { into: new Float64Array(0) }."));
  });
});

describe("LambdaError", () => {
  it("is thrown by the verb for what cannot be a kernel", () => {
    const rate = 2;
    const error = failure(() => compute(doubles).map(x => x * rate));
    expect(error).toBeInstanceOf(LambdaError);
    expect((error as LambdaError).code).toBe("DC104");
    expect(error.message).toContain("{ rate }");
  });

  it("shows the caller's line on its stack", () => {
    const rate = 2;
    const nested = failure(() => compute(doubles).map(x => Math.max(1, Math.max(2, Math.max(3, Math.max(4, x * rate))))));
    expect(nested.stack?.split("\n").slice(0, 12).join("\n")).toContain("errors.test.ts");
    const fraction = compute(Int32Array.of(1)).map(x => Math.max(1, Math.max(2, Math.max(3, Math.max(4, x / 2)))));
    expect(failure(() => fraction.toArray()).stack?.split("\n").slice(0, 12).join("\n")).toContain("errors.test.ts");
  });

  it("is thrown by the terminal for types that do not fit", () => {
    const query = compute(Int32Array.of(1)).map(x => x / 2);
    const error = failure(() => query.toArray());
    expect(error).toBeInstanceOf(LambdaError);
    expect((error as LambdaError).code).toBe("DC202");
    // And again, since nothing was planned.
    expect(failure(() => query.toArray()).message).toBe(error.message);
  });

  it("names a captured fraction that is headed for an integer array, at the run that has one", () => {
    const run = (k: number) => compute(Int32Array.of(1, 2)).map(x => x * k, { k }).toArray();
    expect(run(3)).toEqual(Int32Array.of(3, 6));
    const error = failure(() => run(0.5));
    expect(error).toBeInstanceOf(LambdaError);
    expect(error.message).toBe(
      "DC202: the capture k is 0.5, but the result is stored in an integer array\n  (x) => x * k\n             ^\n" +
        "Hand over an integer, round the result with Math.trunc, Math.floor or Math.round, or name the array to make: .map(f, Float64Array)",
    );
    expect(run(-4)).toEqual(Int32Array.of(-4, -8));
  });
});

describe("RangeError", () => {
  it("names the element that was read out of range", () => {
    const table = Float64Array.of(1, 2);
    expect(() => computeByDefault(doubles).map(x => table[x]!, { table }).toArray()).toThrow(new RangeError("DC401: table[2] is out of range: table has 2 elements"));
  });
  it("is JavaScript's own for a division by 0n", () => {
    expect(() => computeByDefault(BigInt64Array.of(1n, 0n)).map(x => 1n / x).toArray()).toThrow(new RangeError("Division by zero"));
  });
});

describe("BackendError", () => {
  it("is exported for those who insist", () => {
    expect(new BackendError("DC402", "why").message).toBe("DC402: why");
  });
});
