import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FUNCTIONS } from "../../fusion/math/functions.js";
import { apply, constant, local, number, truth } from "../../fusion/build.js";
import { QueryError } from "../../fusion/errors.js";
import { interpret } from "../../fusion/interpret.js";
import type { Kernel, Sink, Stmt } from "../../fusion/ir.js";
import { verify } from "../../fusion/verify.js";
import { compileJs, replayFrom } from "../../src/backends/js/backend.js";
import { arrayOf, assign, branch, callOf, capture, dataOf, declare, difference, element, index, keep, kernelOf, leave, loop, read, visit, yields, type Parameters } from "../fusion/by-hand.js";
import { EXAMPLES } from "../fusion/sinks.js";

const x = element("f64");
const kernel = (sink: Sink, body: readonly Stmt[], parameters?: Parameters): Kernel => verify(kernelOf(arrayOf("f64"), sink, body, parameters), "the test");
const stored: Sink = { kind: "array", element: "f64" };
const sum: Sink = { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true };
const positive = keep(apply("gt", x, number(0)));
const filter = compileJs(kernel(stored, [positive, yields(x)]));

/** Beyond the first slices, whose length is 65,536. */
const LONG = 3 * 65536 + 1500;
const long = dataOf("f64", LONG) as Float64Array;
const longPositive = long.filter(item => item > 0);

describe("long runs", () => {
  const names = ["f64: filter", "f64: add of some in f64, counted", "i32: add in i64", "u8: first", "i16: last", "fold, of some", "fold with combine, of few", "count some", "range: sum"];

  it.each(EXAMPLES.filter(({ name }) => names.includes(name)))("$name: as the interpreter", ({ kernel: given, scalars = [], arrays = [] }) => {
    const call = callOf(given.source.kind === "array" ? dataOf(given.source.element, LONG) : LONG, { scalars, arrays });
    const { output, ...result } = compileJs(given).run(call);
    const { output: expected, ...reference } = interpret(given, call);
    expect(result).toEqual(reference);
    expect(difference(output, expected)).toBeNull();
  });

  it.each([65535, 65536, 65537, 131072])("of %i elements keep those that pass", length => {
    const source = long.subarray(0, length);
    expect(difference(filter.run(callOf(source)).output, source.filter(item => item > 0))).toBeNull();
  });

  // From 16 MiB on, slices are kept in memory that is given back while the result is put together.
  it.each([2 ** 21 - 1, 2 ** 21, 2 ** 21 + 65537])("of %i elements keep those that pass, in ordinary memory of just their size", length => {
    const source = dataOf("f64", length) as Float64Array;
    const { output } = filter.run(callOf(source));
    // Bytes, since comparing millions of elements one by one takes long.
    const kept = source.filter(item => item > 0);
    expect(Buffer.from((output as Float64Array).buffer).equals(Buffer.from(kept.buffer))).toBe(true);
    expect(output).toHaveLength(kept.length);
    expect((output?.buffer as { readonly resizable?: boolean }).resizable).not.toBe(true);
  });

  it("give the same when they take turns with others", async () => {
    let turns = 0;
    const functions = ["sin", "cos", "exp", "tan", "sin", "cos"] as const;
    const heavy = compileJs(kernel(stored, [positive, yields(functions.reduce((value, op) => apply(op, value), x))]));
    const running = heavy.start(callOf(long), undefined);
    const ticker = setInterval(() => turns++, 0);
    const { output } = await running;
    clearInterval(ticker);
    expect(difference(output, longPositive.map(item => functions.reduce((value, op) => FUNCTIONS[op].f64(value), item)))).toBeNull();
    expect(difference(output, heavy.run(callOf(long)).output)).toBeNull();
  });

  it("may overlap", async () => {
    const [a, b, c] = await Promise.all([filter.start(callOf(long), undefined), filter.start(callOf(long.subarray(1000)), undefined), filter.start(callOf(long), undefined)]);
    expect(difference(a.output, longPositive)).toBeNull();
    expect(difference(b.output, long.subarray(1000).filter(item => item > 0))).toBeNull();
    expect(difference(c.output, longPositive)).toBeNull();
  });
});

describe("outputs", () => {
  it("are new arrays of exactly the right size", () => {
    for (const source of [long, long.subarray(0, 100)]) {
      const output = filter.run(callOf(source)).output as Float64Array;
      expect(output.buffer.byteLength).toBe(source.filter(item => item > 0).length * 8);
    }
  });

  it("stay as they are when the kernel runs again", () => {
    const first = filter.run(callOf(Float64Array.of(1, -1, 2))).output;
    filter.run(callOf(Float64Array.of(7, 8, 9)));
    expect(first).toEqual(Float64Array.of(1, 2));
  });

  it("go where the caller says, and no further", () => {
    const output = new Float64Array(LONG + 10).fill(-7);
    const result = filter.run(callOf(long, { output: output.subarray(0, LONG) }));
    expect(difference(result.output, longPositive)).toBeNull();
    expect(result.output?.buffer).toBe(output.buffer);
    expect(output.subarray(longPositive.length).every(item => item === -7)).toBe(true);
  });

  it("may be the source", async () => {
    const own = long.slice();
    expect(difference(filter.run(callOf(own, { output: own })).output, longPositive)).toBeNull();
    const again = long.slice();
    expect(difference((await filter.start(callOf(again, { output: again }), undefined)).output, longPositive)).toBeNull();
    const doubled = long.slice();
    expect(compileJs(kernel(stored, [yields(apply("add", x, x))])).run(callOf(doubled, { output: doubled })).output).toBe(doubled);
    expect(difference(doubled, long.map(item => item + item))).toBeNull();
  });
});

describe("errors", () => {
  const table = Float64Array.of(1, 2);
  const lookup = (sink: Sink): Kernel => kernel(sink, [declare("y", read("f64", "table", x)), yields(local("f64", "y"))], { arrays: { table: "f64" } });
  const fold = { kind: "fold", type: "f64", accumulator: "acc", seed: "seed", first: null, combine: null } as const;
  const sinks: readonly Sink[] = [stored, sum, { ...sum, op: "max" }, { kind: "first", type: "f64", ranked: false }, { kind: "last", type: "f64" }];

  // Element 40 fails first, but lane 1 (element 33 + 32) comes before lane 8 (element 40).
  const data = new Float64Array(5000);
  data[40] = 5;
  data[65] = 6;
  data[4000] = 7;

  it.each(sinks)("are those of the first element that fails: $kind $op", sink => {
    const late = kernel(sink, [declare("y", read("f64", "table", x)), ...(sink.kind === "first" ? [keep(apply("gt", local("f64", "y"), number(1)))] : []), yields(local("f64", "y"))], { arrays: { table: "f64" } });
    const compiled = compileJs(late);
    expect(() => compiled.run(callOf(data, { arrays: [table] }))).toThrow(new RangeError("DC401: table[5] is out of range: table has 2 elements"));
    // A failed run leaves nothing behind.
    expect(compiled.run(callOf(new Float64Array(3), { arrays: [table] })).position).toBe(sink.kind === "last" ? 2 : -1);
  });

  it.each(sinks)("are found again from any place before: $kind $op", sink => {
    const again = kernel(sink, [declare("y", read("f64", "table", x)), keep(apply("gt", local("f64", "y"), number(1))), yields(local("f64", "y"))], { arrays: { table: "f64" } });
    const output = new Float64Array(5000).fill(3);
    for (const position of [0, 17, 40]) {
      expect(() => replayFrom(again, callOf(data, { arrays: [table], output }), position)).toThrow("table[5] is out of range");
    }
    expect(() => replayFrom(again, callOf(data, { arrays: [table], output }), 41)).toThrow("table[6] is out of range");
    expect(() => replayFrom(again, callOf(data, { arrays: [table], output }), 66)).toThrow("table[7] is out of range");
    expect(replayFrom(again, callOf(data, { arrays: [table], output }), 4001)).toBeUndefined();
    expect(output).toEqual(new Float64Array(5000).fill(3));
  });

  it("of a fold depend on its accumulator", () => {
    // The accumulator counts up, and is where the table is read.
    const counting = kernel(fold, [declare("y", read("f64", "table", local("f64", "acc"))), yields(apply("add", local("f64", "acc"), local("f64", "y")))], { arrays: { table: "f64" }, scalars: { seed: "f64" } });
    const ones = new Float64Array(2500).fill(1);
    const call = callOf(new Float64Array(9000), { arrays: [ones], scalars: [0] });
    expect(() => compileJs(counting).run(call)).toThrow("table[2500] is out of range");
    expect(() => replayFrom(counting, call, 2000)).toThrow("table[2500] is out of range");
    const apart = kernel({ ...fold, combine: { left: "p", right: "q", body: [], value: local("f64", "p") } }, [
      declare("y", read("f64", "table", apply("add", local("f64", "acc"), x))),
      yields(apply("add", local("f64", "acc"), local("f64", "y"))),
    ], { arrays: { table: "f64" }, scalars: { seed: "f64" } });
    const source = new Float64Array(4000);
    source[3000] = 1e6;
    const far = callOf(source, { arrays: [ones], scalars: [0] });
    // Element 3000 is the thirtieth of its lane in its block: 3000 = 2 · 1024 + 29 · 32 + 24.
    expect(() => compileJs(apart).run(far)).toThrow("table[1000029] is out of range");
    for (const position of [0, 2500, 3000]) expect(() => replayFrom(apart, far, position)).toThrow("table[1000029] is out of range");
  });

  it("reject runs off the thread", async () => {
    await expect(compileJs(lookup(sum)).start(callOf(data, { arrays: [table] }), undefined)).rejects.toThrow(new RangeError("DC401: table[5] is out of range: table has 2 elements"));
  });

  it("tell that an array is gone", async () => {
    const source = new Float64Array(100 * 65536);
    const heavy = compileJs(kernel(sum, [yields(apply("sin", apply("cos", apply("sin", apply("cos", x)))))]));
    const running = heavy.start(callOf(source), undefined);
    structuredClone(source.buffer, { transfer: [source.buffer] });
    await expect(running).rejects.toThrow(QueryError);
    await expect(running).rejects.toThrow("DC307: an array was detached");
  });
});

describe("abort", () => {
  it("ends a run before it starts", async () => {
    await expect(filter.start(callOf(long), AbortSignal.abort("no"))).rejects.toBe("no");
  });

  it("ends a run between two turns", async () => {
    const source = new Float64Array(200 * 65536);
    const heavy = compileJs(kernel(sum, [yields(apply("sin", apply("cos", apply("sin", apply("cos", x)))))]));
    const controller = new AbortController();
    const running = heavy.start(callOf(source), controller.signal);
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
  });

  it("ends an endless loop", async () => {
    const endless = compileJs(kernel(stored, [loop("ever", branch(truth(false), [leave("ever")])), yields(x)]));
    const controller = new AbortController();
    const running = endless.start(callOf(Float64Array.of(1)), controller.signal);
    setTimeout(() => controller.abort(new Error("enough")), 100);
    await expect(running).rejects.toThrow("enough");
    await expect(endless.start(callOf(Float64Array.of(1)), AbortSignal.timeout(50))).rejects.toThrow(/timeout/);
  });
});

describe("an aborted thread", () => {
  it("is stopped, so that the process can end", () => {
    const script = fileURLToPath(new URL("endless.ts", import.meta.url));
    const { stdout, signal } = spawnSync(process.execPath, ["--import", "tsx", script], { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL" });
    expect({ stdout, signal }).toEqual({ stdout: "ended by TimeoutError", signal: null });
  });
});

describe("loops run in a thread of their own", () => {
  /** How often the element can be halved before it is below 1, or, with `seen`, `table[how often]`. */
  const halvings: readonly Stmt[] = [
    declare("n", number(0), true),
    declare("y", apply("abs", x), true),
    loop(
      "halving",
      branch(apply("lt", local("f64", "y"), number(1)), [leave("halving")]),
      assign("y", apply("mul", local("f64", "y"), capture("f64", "factor"))),
      assign("n", apply("add", local("f64", "n"), number(1))),
    ),
  ];
  const factor: Parameters = { scalars: { factor: "f64" }, arrays: { table: "f64" } };
  const seen = declare("z", read("f64", "table", local("f64", "n")));
  const n = local("f64", "n");
  const steps = (item: number): number => Math.max(0, Math.floor(Math.log2(Math.abs(item))) + 1);
  const squares = Float64Array.from({ length: 64 }, (_, at) => at * at);
  const source = dataOf("f64", 70000) as Float64Array;
  const more = { scalars: [0.5], arrays: [squares] };

  it.each([
    ["stores", stored, [yields(n)]],
    ["filters", stored, [keep(apply("gt", n, number(5))), yields(n)]],
    ["sums", sum, [seen, yields(local("f64", "z"))]],
    ["finds the first", { kind: "first", type: "f64", ranked: true }, [keep(apply("gt", index, number(66000))), visit, keep(apply("eq", n, number(5))), yields(n)]],
    ["finds the last", { kind: "last", type: "f64" }, [keep(apply("lt", index, number(66000))), keep(apply("eq", n, number(5))), yields(n)]],
    ["counts", { kind: "count" }, [keep(apply("gt", n, number(5))), yields(null)]],
  ] as const)("%s", async (_, sink, rest) => {
    const compiled = compileJs(kernel(sink, [...halvings, ...rest], factor));
    const call = callOf(source, more);
    const { output, ...result } = await compiled.start(call, undefined);
    const { output: expected, ...reference } = compiled.run(call);
    expect(result).toEqual(reference);
    expect(difference(output, expected)).toBeNull();
    expect(output?.length ?? result.value ?? result.count).not.toEqual(0);
    if (output !== null && rest.length === 1) expect(difference(output, source.map(steps))).toBeNull();
  });

  it("stores into an output that is given, and leaves the source alone", async () => {
    const compiled = compileJs(kernel(stored, [...halvings, keep(apply("gt", n, number(5))), yields(n)], factor));
    const part = source.slice(0, 1000).subarray(10, 500);
    const output = new Float64Array(490);
    const result = await compiled.start(callOf(part, { ...more, output }), undefined);
    expect(result.output).toEqual(part.map(steps).filter(count => count > 5));
    expect(result.output?.buffer).toBe(output.buffer);
    expect(part).toEqual(source.subarray(10, 500));
  });

  it("reads shared memory", async () => {
    const shared = new Float64Array(new SharedArrayBuffer(1000 * 8));
    shared.set(source.subarray(0, 1000));
    const result = await compileJs(kernel(stored, [...halvings, yields(n)], factor)).start(callOf(shared, more), undefined);
    expect(result.output).toEqual(source.slice(0, 1000).map(steps));
  });

  it("throws the first element's error", async () => {
    const compiled = compileJs(kernel(sum, [...halvings, seen, yields(local("f64", "z"))], factor));
    const data = new Float64Array(100);
    data[40] = 2 ** 20;
    data[65] = 2 ** 21;
    await expect(compiled.start(callOf(data, { scalars: [0.5], arrays: [squares.subarray(0, 10)] }), undefined)).rejects.toThrow(
      new RangeError("DC401: table[21] is out of range: table has 10 elements"),
    );
  });

  it("throws JavaScript's own errors", async () => {
    const divide = verify(
      kernelOf(arrayOf("i64"), { kind: "array", element: "i64" }, [
        loop("once", leave("once")),
        declare("q", apply("div", constant("i64", 1n), element("i64"))),
        yields(local("i64", "q")),
      ]),
      "the test",
    );
    await expect(compileJs(divide).start(callOf(BigInt64Array.of(1n, 0n)), undefined)).rejects.toThrow(new RangeError("Division by zero"));
  });
});
