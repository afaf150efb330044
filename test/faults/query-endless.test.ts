/** Queries that never end by themselves: what their AbortSignal does, and the end of the process or the worker they run in. */
import { describe, expect, it } from "vitest";
import { range, type Query } from "../../src/index.js";
import { backendsOf, bundledLibrary, fakeCompiler, newBench, rejectionOf, watchedRuntime, type Ended } from "./query-support.js";

const bench = newBench();
const library = bundledLibrary();
const few = Float64Array.of(1, 2, 3);

const endlessMap = (query: Query<Float64Array>): Query<Float64Array> =>
  query.map(x => {
    while (x > 0) x += 1;
    return x;
  });

/** Runs of every kind of sink that never end. */
const ENDLESS: Readonly<Record<string, (query: Query<Float64Array>, signal: AbortSignal) => Promise<unknown>>> = {
  "a map": (query, signal) => endlessMap(query).toArrayAsync({ signal }),
  "a map into an array": (query, signal) => endlessMap(query).toArrayAsync({ signal, into: new Float64Array(3) }),
  "a filter": (query, signal) =>
    query
      .filter(x => {
        for (;;) if (x < 0) break;
        return true;
      })
      .toArrayAsync({ signal }),
  "a sum": (query, signal) => endlessMap(query).sum().run({ signal }),
  "a find": (query, signal) =>
    query
      .find(x => {
        do x = Math.abs(x); while (x >= 0);
        return true;
      })
      .run({ signal }),
  "a reduce in order": (query, signal) =>
    query
      .reduce((a, x) => {
        while (x > 0) a += x;
        return a;
      }, 0)
      .run({ signal }),
  "a lane of many": (query, signal) =>
    query
      .map((x, i) => {
        while (i === 1) x += 1;
        return x;
      })
      .toArrayAsync({ signal }),
};

/** Long enough for the kernel to have begun, on a machine that has nothing else to do. */
const soon = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 60));

describe.each(backendsOf(bench))("on $title", ({ runtime, skipped }) => {
  describe.skipIf(skipped)("an endless loop", () => {
    it.each(Object.keys(ENDLESS))("in %s ends when its AbortSignal fires, with the signal's reason", async name => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const run = ENDLESS[name]!(runtime.compute(few), controller.signal);
      await soon();
      controller.abort(reason);
      expect(await rejectionOf(run)).toBe(reason);
    });

    it("ends with AbortSignal.timeout, and with AbortSignal.any of several", async () => {
      const timeout = await rejectionOf(endlessMap(runtime.compute(few)).toArrayAsync({ signal: AbortSignal.timeout(50) }));
      expect((timeout as Error).name).toBe("TimeoutError");
      const controller = new AbortController();
      const run = endlessMap(runtime.compute(few)).sum().run({ signal: AbortSignal.any([controller.signal, AbortSignal.timeout(1e8)]) });
      await soon();
      controller.abort();
      expect((await rejectionOf(run) as Error).name).toBe("AbortError");
    });

    it("does not begin if the signal has fired already", async () => {
      const reason = new Error("no longer wanted");
      expect(await rejectionOf(endlessMap(runtime.compute(few)).toArrayAsync({ signal: AbortSignal.abort(reason) }))).toBe(reason);
      expect(await rejectionOf(endlessMap(runtime.compute(few)).sum().run({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    });

    it("keeps no other query from running, and only its own signal ends it", async () => {
      const first = new AbortController();
      const second = new AbortController();
      const runs = [first, second].map(({ signal }) => rejectionOf(endlessMap(runtime.compute(few)).toArrayAsync({ signal })));
      await soon();
      expect(await runtime.compute(few).map(x => x * 2).sum()).toBe(12);
      first.abort("the first");
      expect(await runs[0]).toBe("the first");
      expect(await Promise.race([runs[1], soon().then(() => "still running")])).toBe("still running");
      second.abort("the second");
      expect(await runs[1]).toBe("the second");
      expect(await runtime.compute(few).map(x => x * 3).sum()).toBe(18);
    });

    it("that ends for these elements is no endless loop", async () => {
      const { signal } = new AbortController();
      expect(await endlessMap(runtime.compute(Float64Array.of(-1, 0, NaN))).toArrayAsync({ signal })).toEqual(Float64Array.of(-1, 0, NaN));
    });
  });

  it.skipIf(skipped)("a source that never ends: its run ends with the signal", async () => {
    const endless = runtime.compute(range(2 ** 53 - 1));
    const runs: ((signal: AbortSignal) => Promise<unknown>)[] = [
      signal => endless.sum().run({ signal }),
      signal => endless.map(x => x * 0.5).find(x => x < 0).run({ signal }),
      signal => endless.reduce((a, x) => (x > a ? a + 1 : x), 0).run({ signal }),
      signal => endless.filter(x => x < 0).count().run({ signal }),
      signal => endless.filter(x => x < 0).last().run({ signal }),
    ];
    for (const run of runs) {
      const controller = new AbortController();
      const ended = rejectionOf(run(controller.signal));
      await soon();
      controller.abort("enough");
      expect(await ended).toBe("enough");
    }
  });
});

describe("where no backend is insisted on", () => {
  it("a cold endless loop ends with its signal, on JavaScript's own thread", async () => {
    const { runtime, ran } = watchedRuntime({ cacheFolder: `${bench.folder}/cold`, compiler: fakeCompiler(bench.folder, "slow", "exec sleep 60", true) });
    const controller = new AbortController();
    const run = rejectionOf(endlessMap(runtime.compute(few)).toArrayAsync({ signal: controller.signal }));
    await soon();
    controller.abort("enough");
    expect(await run).toBe("enough");
    expect(ran).toEqual([]);
  });

  it("and without a compiler, too", async () => {
    const { runtime, lines } = watchedRuntime({ cacheFolder: `${bench.folder}/none`, compiler: "/no/such/compiler" });
    expect((await rejectionOf(endlessMap(runtime.compute(few)).sum().run({ signal: AbortSignal.timeout(50) })) as Error).name).toBe("TimeoutError");
    await runtime.settled();
    expect(lines).toEqual(["dotcompute: the js backend stands in for the cpu backend: the compiler asked for, /no/such/compiler, is not a program that can be run"]);
    expect(await endlessMap(runtime.compute(Float64Array.of(-5))).sum()).toBe(-5);
  });
});

describe.each(backendsOf(bench).map(({ name, title, skipped }) => ({ name, title, skipped })))("a process with endless queries, on $title", ({ name, skipped }) => {
  const prelude = `
    const { compute } = dotcompute.createRuntime({ backend: "${name}", cacheFolder: ${JSON.stringify(`${bench.folder}/cache`)} });
    const few = Float64Array.of(1, 2, 3);
    const endless = () => compute(few).map(x => { while (x > 0) x += 1; return x; });
  `;
  /** It ended by itself, soon: not by the minute's limit of runScript. */
  const endedWith = (ended: Ended, code: number, stdout = ""): void => expect({ code: ended.code, signal: ended.signal, stdout: ended.stdout }).toEqual({ code, signal: null, stdout });

  it.skipIf(skipped).each<[string, string, number, string?]>([
    ["process.exit() at once", `endless().toArrayAsync(); process.exit(5);`, 5],
    ["process.exit() later", `endless().toArrayAsync(); setTimeout(() => process.exit(6), 300);`, 6],
    ["an exception", `endless().sum().run(); setTimeout(() => { throw new Error("enough"); }, 300);`, 1],
    ["an abort, and nothing else to do", `endless().toArrayAsync({ signal: AbortSignal.timeout(300) }).catch(error => console.log(error.name));`, 0, "TimeoutError\n"],
    ["an abort of eight", `await Promise.allSettled(Array.from({ length: 8 }, () => endless().sum().run({ signal: AbortSignal.timeout(300) })));`, 0],
  ])("ends by %s", async (_, code, status, stdout) => {
    endedWith(await library.runScript(prelude + code), status, stdout);
  });

  it.skipIf(skipped)("ends on SIGTERM, even while one blocks its own thread", async () => {
    const ended = await library.runScript(`${prelude} endless().toArrayAsync(); console.log("up"); endless().toArray();`, {
      onOutput: (_, kill) => void setTimeout(() => kill("SIGTERM"), 300),
    });
    expect({ signal: ended.signal, stdout: ended.stdout }).toEqual({ signal: "SIGTERM", stdout: "up\n" });
  });
});
