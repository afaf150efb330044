/** Memory that is not there any more, or not for long: detached, shrunk, grown and changed arrays, before a run and during it. */
import { describe, expect, it } from "vitest";
import { BackendError, QueryError, range, type Runtime } from "../../src/index.js";
import { backendsOf, bundledLibrary, detach, newBench, outcomeOf, rejectionOf, resizableBuffer, watchedRuntime } from "./query-support.js";

const bench = newBench();
const library = bundledLibrary();
const doubles = (length = 1000): Float64Array => Float64Array.from({ length }, (_, at) => at);
/** Long enough that a run in the background has not ended when the call that starts it returns. */
const LONG = 2_000_000;

const gone = (what: string, remedy = "Run it before the buffer is transferred, or hand over a copy: array.slice()."): string =>
  `DC307: ${what}, a Float64Array, has lost its buffer: it was transferred elsewhere, or has become too short\n${remedy}`;
const IN_FLIGHT = /^DC307: .*(detached or has changed its length|detached or has become shorter) while the query ran\n|^DC307: .*has lost its buffer/;

describe.each(backendsOf(bench))("on $title", ({ name: backend, runtime, skipped }) => {
  describe.skipIf(skipped)("detached before the run", () => {
    it("the source: an error, now and later, for every kind of terminal", async () => {
      const array = doubles();
      const query = runtime.compute(array);
      const lazy = query.map(x => x + 1).sum();
      expect(lazy.value()).toBe(500_500);
      detach(array);
      const runs = [() => lazy.value(), () => query.toArray(), () => query.count().value(), () => query.first().value(), () => query.reduce((a, x) => a + x).value(), () => query.map(x => x + 1).explain()];
      for (const run of runs) {
        const error = outcomeOf(run);
        expect(error).toBeInstanceOf(QueryError);
        expect((error as Error).message).toBe(gone("the source"));
      }
      expect((await rejectionOf(lazy.run()) as Error).message).toBe(gone("the source"));
      expect((await rejectionOf(query.toArrayAsync()) as Error).message).toBe(gone("the source"));
    });

    it("a captured array: an error, and none once it is another array", async () => {
      const table = doubles(3);
      const query = runtime.compute(Float64Array.of(0, 2)).map(x => table[x]! * 2, { table });
      detach(table);
      expect((outcomeOf(() => query.toArray()) as Error).message).toBe(gone("the captured array table"));
      expect((await rejectionOf(query.toArrayAsync()) as Error).message).toBe(gone("the captured array table"));
      const again = doubles(3);
      expect(runtime.compute(Float64Array.of(0, 2)).map(x => table[x]! * 2, { table: again }).toArray()).toEqual(Float64Array.of(0, 4));
    });

    it("the destination: an error", async () => {
      const into = doubles(3);
      detach(into);
      const query = runtime.compute(Float64Array.of(0, 2)).map(x => x * 2);
      expect((outcomeOf(() => query.toArray({ into })) as Error).message).toBe(gone("into", "Give one that is there: { into: new Float64Array(2) }."));
      expect((await rejectionOf(query.toArrayAsync({ into })) as Error).message).toBe(gone("into", "Give one that is there: { into: new Float64Array(2) }."));
    });
  });

  describe.skipIf(skipped)("detached in flight", () => {
    it("the source: the result of what it held, or an error; never anything else", async () => {
      const array = doubles(LONG);
      const expected = runtime.compute(array).map(x => x * 2 + 1).sum().value();
      const run = runtime.compute(array).map(x => x * 2 + 1).sum().run();
      detach(array);
      const error = await rejectionOf(run);
      expect(error).toBeInstanceOf(QueryError);
      expect((error as Error).message).toMatch(IN_FLIGHT);
      // A kernel that was running has come to an end, and the next is none the worse.
      expect(await runtime.compute(doubles(LONG)).map(x => x * 2 + 1).sum()).toBe(expected);
      expect(bench.ran.at(-1)).toBe(backend);
    });

    it("a captured array, while the kernel runs", async () => {
      const table = doubles(LONG);
      const run = runtime.compute(doubles(LONG)).map(x => table[x]! + table[0]!, { table }).toArrayAsync();
      await new Promise(resolve => setImmediate(resolve));
      detach(table);
      // It may have ended in that moment.
      const outcome = await run.catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome.message).toMatch(IN_FLIGHT);
      else expect(outcome).toEqual(doubles(LONG));
    });

    it("the destination", async () => {
      const into = new Float64Array(LONG);
      const run = runtime.compute(doubles(LONG)).map(x => x * 3).toArrayAsync({ into });
      detach(into);
      expect((await rejectionOf(run) as Error).message).toMatch(IN_FLIGHT);
    });

    it("an array that no kernel of the query reads does not matter", async () => {
      const array = doubles(LONG);
      const other = doubles(10);
      const run = runtime.compute(array).map(x => x + 1).count().run();
      detach(other);
      expect(await run).toBe(LONG);
    });
  });

  describe.skipIf(skipped)("in a resizable buffer", () => {
    const resizable = (length: number, most = length * 2) => {
      const buffer = resizableBuffer(length * 8, most * 8);
      const tracking = new Float64Array(buffer);
      tracking.set(doubles(length));
      return { buffer, tracking, fixed: new Float64Array(buffer, 0, length) };
    };

    it("arrays that track its length are read as they are when the run begins", async () => {
      const { buffer, tracking } = resizable(1000);
      const query = runtime.compute(tracking).map(x => x + 1);
      expect(query.toArray()).toEqual(doubles(1000).map(x => x + 1));
      buffer.resize(8000 * 2);
      expect(query.toArray()).toEqual(Float64Array.from({ length: 2000 }, (_, at) => (at < 1000 ? at + 1 : 1)));
      expect(await query.sum()).toBe(500_500 + 1000);
      buffer.resize(8 * 3);
      expect(query.toArray()).toEqual(Float64Array.of(1, 2, 3));
      expect(await query.toArrayAsync()).toEqual(Float64Array.of(1, 2, 3));
      buffer.resize(0);
      expect(query.toArray()).toEqual(new Float64Array(0));
      expect(await query.sum()).toBe(0);
    });

    it("arrays of a fixed length that do not fit any more are gone, until they fit again", async () => {
      const { buffer, fixed } = resizable(1000);
      const query = runtime.compute(fixed).map(x => x + 1);
      buffer.resize(7992);
      expect((outcomeOf(() => query.sum().value()) as Error).message).toBe(gone("the source"));
      expect((await rejectionOf(query.sum().run()) as Error).message).toBe(gone("the source"));
      buffer.resize(8000);
      expect(query.sum().value()).toBe(500_500 - 999);
    });

    it("sources that shrink or grow in flight are read as they were", async () => {
      for (const bytes of [0, 8, 16_000]) {
        const { buffer, tracking } = resizable(1000);
        const sum = runtime.compute(tracking).map(x => x + 1).sum().run();
        const array = runtime.compute(tracking).filter(x => x > 500).toArrayAsync();
        buffer.resize(bytes);
        expect(await sum).toBe(500_500);
        expect(await array).toEqual(doubles(1000).filter(x => x > 500));
      }
    });

    it("captured arrays that shrink in flight are read as they were", async () => {
      const { buffer, tracking } = resizable(1000);
      const run = runtime.compute(Float64Array.of(0, 999)).map(x => tracking[x]!, { tracking }).toArrayAsync();
      buffer.resize(8);
      expect(await run).toEqual(Float64Array.of(0, 999));
      // From now on it is shorter.
      expect(() => runtime.compute(Float64Array.of(0, 999)).map(x => tracking[x]!, { tracking }).toArray()).toThrow(
        new RangeError("DC401: tracking[999] is out of range: tracking has 1 element"),
      );
    });

    it("destinations are written, or, if they shrink in flight, are an error", async () => {
      const { buffer, tracking } = resizable(100, 200);
      const query = runtime.compute(doubles(100)).map(x => x * 2);
      expect(query.toArray({ into: tracking })).toBe(tracking);
      expect(Float64Array.from(tracking)).toEqual(doubles(100).map(x => x * 2));
      const good = query.map(x => x + 1).toArrayAsync({ into: tracking });
      buffer.resize(1600);
      expect(Float64Array.from(await good)).toEqual(doubles(100).map(x => x * 2 + 1));
      const bad = query.toArrayAsync({ into: tracking });
      buffer.resize(80);
      const error = await rejectionOf(bad);
      expect(error).toBeInstanceOf(QueryError);
      expect((error as Error).message).toMatch(IN_FLIGHT);
    });

    it("shared memory that grows in flight", async () => {
      const buffer = new (SharedArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => SharedArrayBuffer & { grow(bytes: number): void })(8000, { maxByteLength: 16_000 });
      const array = new Float64Array(buffer);
      array.set(doubles(1000));
      const run = runtime.compute(array).map(x => x + 1).sum().run();
      buffer.grow(16_000);
      const outcome = await run.catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome.message).toMatch(IN_FLIGHT);
      else expect(outcome).toBe(500_500);
      expect(await runtime.compute(array).map(x => x + 1).sum()).toBe(501_500);
    });
  });

  describe.skipIf(skipped)("changed in flight", () => {
    it("elements are read before the change or after it, and nothing else happens", async () => {
      const array = new Float64Array(LONG).fill(1);
      const run = runtime.compute(array).map(x => x + 1).toArrayAsync();
      array.fill(5);
      const result = await run;
      expect(result.length).toBe(LONG);
      expect(result.every(x => x === 2 || x === 6)).toBe(true);
      expect(await runtime.compute(array).map(x => x + 1).sum()).toBe(6 * LONG);
    });

    it("an array of numbers is read when the run begins", async () => {
      const numbers = [1, 2, 3];
      const query = runtime.compute(numbers).map(x => x * 2).sum();
      const run = query.run();
      numbers.push(4);
      numbers[0] = 100;
      expect(await run).toBe(12);
      expect(query.value()).toBe(218);
      numbers.length = 0;
      expect(query.value()).toBe(0);
    });

    it("a query can be run again after its array has changed, a lazy value that was awaited has its value", async () => {
      const array = Float64Array.of(1, 2, 3);
      const lazy = runtime.compute(array).map(x => x * 2).sum();
      expect(await lazy).toBe(12);
      array[0] = 10;
      expect(await lazy).toBe(12);
      expect(lazy.value()).toBe(30);
      expect(await lazy.run()).toBe(30);
    });

    it("several runs over one array, into themselves, do not disturb each other's memory", async () => {
      const array = new Float64Array(100_000).fill(1);
      const runs = Array.from({ length: 6 }, (_, at) => runtime.compute(array).map(x => x * factor, { factor: at + 1 }).sum().run());
      expect(await Promise.all(runs)).toEqual([1, 2, 3, 4, 5, 6].map(factor => factor * 100_000));
    });
    const factor = 0;
  });

  describe.skipIf(skipped)("a destination", () => {
    const source = doubles(100);
    const expected = source.map(x => x * 2 + 1);
    const twice = (array: Float64Array) => runtime.compute(array).map(x => x * 2 + 1);

    it("of the wrong type or too short is refused before anything runs", async () => {
      const before = bench.ran.length;
      const wrong = new Float32Array(100) as unknown as Float64Array;
      expect((outcomeOf(() => twice(source).toArray({ into: wrong })) as Error).message).toBe(
        "DC304: into is a Float32Array, but the results are a Float64Array\nGive { into: new Float64Array(100) }, or change the result's type with .as(…).",
      );
      expect((await rejectionOf(twice(source).toArrayAsync({ into: new Float64Array(99) })) as Error).message).toBe(
        "DC304: into has 99 elements, fewer than the source, which has 100\nIt must be as long as the source, whatever the query leaves out: new Float64Array(100).",
      );
      expect((outcomeOf(() => twice(source).filter(x => x > 1e9).toArray({ into: new Float64Array(99) })) as Error).message).toMatch(/^DC304: into has 99 elements/);
      expect(bench.ran.length).toBe(before);
    });

    it("may overlap the source at any offset, also when awaited", async () => {
      for (const [from, to] of [[0, 1], [1, 0], [0, 33], [33, 0], [5, 5]] as const) {
        for (const later of [false, true]) {
          const memory = new Float64Array(140);
          memory.set(source, from);
          const query = twice(memory.subarray(from, from + 100));
          const into = memory.subarray(to, to + 100);
          expect(later ? await query.toArrayAsync({ into }) : query.toArray({ into })).toEqual(expected);
          expect(into).toEqual(expected);
        }
      }
    });

    it("may overlap a captured array, also when awaited", async () => {
      for (const later of [false, true]) {
        const table = source.slice();
        const query = runtime.compute(doubles(100).reverse()).map(x => table[x]! + table[99]!, { table });
        expect(later ? await query.toArrayAsync({ into: table }) : query.toArray({ into: table })).toEqual(doubles(100).reverse().map(x => x + 99));
      }
    });

    it("may be shared memory that the source is a part of", async () => {
      const memory = new Float64Array(new SharedArrayBuffer(101 * 8));
      memory.set(source);
      const into = memory.subarray(1);
      expect(Float64Array.from(await twice(memory.subarray(0, 100)).toArrayAsync({ into }))).toEqual(expected);
    });
  });
});

describe.skipIf(bench.obstacle !== null)("a filter with no room for all that may pass", () => {
  const NO_ROOM = "it needs room for all 9007199254740991 elements, whatever the filter leaves of them (Invalid typed array length: 9007199254740991)";
  const few = (runtime: Runtime, length: number) => runtime.compute(range(length)).filter(x => x % 1000 === 999);

  it("is an error for a query that insists on cpu, now and later", async () => {
    for (const error of [outcomeOf(() => few(bench.cpu, 2 ** 53 - 1).toArray()), await rejectionOf(few(bench.cpu, 2 ** 53 - 1).toArrayAsync())]) {
      expect(error).toEqual(new BackendError("DC402", NO_ROOM, { kind: "resource" }));
    }
    expect(few(bench.cpu, 2000).toArray()).toEqual(Float64Array.of(999, 1999));
  });

  it("runs on JavaScript otherwise, which takes what it needs, and one line says so", async () => {
    const { runtime, lines, ran } = watchedRuntime({ cacheFolder: `${bench.folder}/cache` });
    expect(few(runtime, 2000).toArray()).toEqual(Float64Array.of(999, 1999));
    const run = few(runtime, 2 ** 53 - 1).toArrayAsync({ signal: AbortSignal.timeout(100) });
    expect((await rejectionOf(run) as Error).name).toBe("TimeoutError");
    const told = `a run of ${2 ** 53 - 1} elements went to the js backend: ${NO_ROOM}`;
    expect(lines).toEqual([`dotcompute: cpu: ${told}`]);
    expect(few(runtime, 2000).explain()).toContain(`\n  cpu: compiled kernel is warm; ${told}\n`);
    expect(few(runtime, 3000).toArray()).toEqual(Float64Array.of(999, 1999, 2999));
    expect(ran).toEqual(["cpu", "cpu"]);
  });

  it("is JavaScript's RangeError where nothing is filtered", async () => {
    const all = bench.cpu.compute(range(2 ** 53 - 1)).map(x => x + 1);
    expect(outcomeOf(() => all.toArray())).toEqual(new RangeError("Invalid typed array length: 9007199254740991"));
    expect(await rejectionOf(all.toArrayAsync())).toEqual(new RangeError("Invalid typed array length: 9007199254740991"));
  });
});

describe.each(backendsOf(bench).map(({ name, title, skipped }) => ({ name, title, skipped })))("in a process that collects its garbage, on $title", ({ name, skipped }) => {
  it.skipIf(skipped)("the new owner of memory that was taken away in flight is dropped", async () => {
    const { code, stdout, stderr } = await library.runScript(
      `
      const { compute } = dotcompute.createRuntime({ backend: "${name}", cacheFolder: ${JSON.stringify(`${bench.folder}/cache`)} });
      let wrong = "";
      for (let round = 0; round < 15; round++) {
        const source = new Float64Array(1 << 20).fill(1), table = new Float64Array(1 << 20).fill(2), into = new Float64Array(1 << 20);
        const runs = [
          compute(source).map(x => x + table[x] * 3, { table }).sum().run(),
          compute(table).map(x => x + 1).toArrayAsync({ into }),
        ];
        if (round % 2 === 0) await new Promise(resolve => setImmediate(resolve));
        for (const { buffer } of [source, table, into]) structuredClone(buffer, { transfer: [buffer] });
        gc();
        // Some runs have ended by now, some are in flight. Whatever was freed is given away again, and overwritten.
        const others = Array.from({ length: 3 }, () => new Float64Array(1 << 20).fill(NaN));
        for (const outcome of await Promise.allSettled(runs)) {
          if (outcome.status === "rejected" ? !/^DC307: /.test(outcome.reason.message) : outcome.value !== into && outcome.value !== 7 * 2 ** 20) wrong += outcome.reason ?? outcome.value;
        }
        if (others.length !== 3) wrong += "!";
        gc();
      }
      const after = new Float64Array(1000).fill(1), table = new Float64Array(2).fill(2);
      console.log(wrong + (await compute(after).map(x => x + table[x] * 3, { table }).sum()));
    `,
      { flags: ["--expose-gc"] },
    );
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "7000\n", stderr: "" });
  });
});
