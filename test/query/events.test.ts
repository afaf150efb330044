/** What a runtime tells of its work. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import { interpret } from "../../fusion/interpret.js";
import type { Accelerator } from "../../src/backends/accelerator.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { stream } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { EVENT_CODES, type Events, type ListenOptions, type RuntimeEvent } from "../../src/runtime/events.js";
import type { RuntimeOptions } from "../../src/runtime/runtime.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-events-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const data = Float64Array.of(3, -1, 2, NaN, -0);

/** A runtime with somebody who listens, and what they hear. */
function setUp(options: RuntimeOptions, listening: ListenOptions = {}, cuda: { readonly cacheFolder?: string } = {}) {
  const heard: RuntimeEvent[] = [];
  let end = (): void => undefined;
  const listen = (events: Events): Events => ((end = events.listen(event => void heard.push(event), listening)), events);
  const runtime = runtimeOn(options, {
    js: createJsBackend,
    cpu: events => createCpuBackend({ cacheFolder: path.join(folder, "cache"), events }),
    cuda: events => newStandIn().backend({ events, ...cuda }),
  });
  const { runtime: core } = runtime.compute(data).bound;
  listen(core.events);
  return { runtime, heard, core, end: () => end(), kinds: () => heard.map(event => (event.kind === "phase" ? event.phase : event.kind)) };
}

const of = <K extends RuntimeEvent["kind"]>(heard: readonly RuntimeEvent[], kind: K) => heard.filter((event): event is RuntimeEvent & { kind: K } => event.kind === kind);

describe("a run", () => {
  it("tells what it does, in order, as its own; the second run does less", () => {
    const { runtime, heard, kinds, end, core } = setUp({ backend: "js" });
    const query = runtime.compute(data).filter(x => x > 0).sum();
    expect(query.value()).toBe(5);
    expect(kinds()).toEqual(["parse", "begin", "fuse", "emit", "kernel", "query", "copy out"]);
    const [query1] = of(heard, "query");
    const { run } = query1!;
    expect(query1).toMatchObject({ parent: null, terminal: "sum", backend: "js", error: null });
    expect(of(heard, "kernel")[0]).toMatchObject({ run, piece: false, backend: "js", length: 5, bytes: 40, spans: [], error: null });
    expect(of(heard, "phase").map(event => event.run)).toEqual([null, run, run, run]);
    for (const event of heard) if ("end" in event) expect(event.end).toBeGreaterThanOrEqual(event.begin);
    const [kernel] = of(heard, "kernel");
    expect(kernel!.begin).toBeGreaterThanOrEqual(query1!.begin);
    expect(kernel!.end).toBeLessThanOrEqual(query1!.end);

    heard.length = 0;
    query.value();
    expect(kinds()).toEqual(["begin", "kernel", "query", "copy out"]);
    expect(of(heard, "query")[0]!.run).toBe(run + 1);
    end();
    query.value();
    expect(heard).toHaveLength(4);
    expect([core.events.listening, core.events.run]).toEqual([false, null]);
  });

  it("that is prepared, awaited, or of a stream tells the same", async () => {
    const { runtime, heard, kinds } = setUp({ backend: "js" });
    const doubled = runtime.compute(data).map(x => x * 2).prepare<Float64Array>();
    doubled(Float64Array.of(1));
    heard.length = 0;
    expect(doubled(Float64Array.of(4))).toEqual(Float64Array.of(8));
    expect(kinds()).toEqual(["begin", "kernel", "query"]);
    heard.length = 0;
    await doubled.async(Float64Array.of(4));
    expect(kinds()).toEqual(["begin", "kernel", "query", "copy out"]);
    heard.length = 0;
    for await (const chunk of runtime.compute(stream([data, data], Float64Array)).map(x => x * 2)) expect(chunk).toHaveLength(5);
    const [query] = of(heard, "query");
    expect(query).toMatchObject({ terminal: "toArray", backend: "js" });
    expect(of(heard, "kernel").map(({ piece, length, run }) => [piece, length, run])).toEqual([[true, 5, query!.run], [true, 5, query!.run]]);
  });

  it("of a query within another is part of it, awaited or not; rows that move between are a phase", async () => {
    const { runtime, heard } = setUp({ backend: "js" });
    const right = runtime.compute({ id: data, y: data }).filter(r => r.y > 0);
    const joined = runtime.compute({ id: data }).join(right, l => l.id, r => r.id, (l, r) => ({ id: l.id, y: r.y }));
    const expected = { id: Float64Array.of(3, 2), y: Float64Array.of(3, 2) };
    for (const run of [() => joined.toColumns(), () => joined.toColumnsAsync()]) {
      heard.length = 0;
      expect(await run()).toEqual(expected);
      const [first, ...others] = of(heard, "begin");
      expect(first!.parent).toBeNull();
      expect(others.length).toBeGreaterThan(0);
      for (const { parent } of others) expect(parent).toBe(first!.run);
      expect(of(heard, "phase").some(({ phase, run }) => phase === "move" && run === first!.run)).toBe(true);
      expect(of(heard, "query").at(-1)!.run).toBe(first!.run);
    }
  });

  it("that fails tells why, and leaves no trace of itself", async () => {
    const { runtime, heard, core } = setUp({ backend: "js" });
    const lut = Float64Array.of(1, 2);
    const failing = runtime.compute(data).map(x => lut[x]!, { lut });
    expect(() => failing.toArray()).toThrow("DC401");
    await expect(failing.toArrayAsync()).rejects.toThrow("DC401");
    expect(of(heard, "kernel").map(({ error }) => String(error).slice(0, 17))).toEqual(["RangeError: DC401", "RangeError: DC401"]);
    expect(of(heard, "query").map(({ error, backend }) => [error instanceof RangeError, backend])).toEqual([[true, null], [true, null]]);
    expect(core.events.run).toBeNull();
  });
});

describe("events", () => {
  it("have a code for each kind, all different", () => {
    expect(new Set(Object.values(EVENT_CODES)).size).toBe(Object.keys(EVENT_CODES).length);
  });
});

describe("compiled kernels", () => {
  it("are looked for, emitted, compiled and loaded once; then found in memory, and by another runtime on the disk", async () => {
    const { runtime, heard, kinds } = setUp({ backend: "cpu" });
    const run = (one: typeof runtime) => one.compute(data).map(x => x * 1.2345).filter(x => x > 0).count().run();
    await run(runtime);
    expect(kinds()).toEqual(["parse", "parse", "begin", "fuse", "emit", "cache", "compile", "load", "kernel", "query", "copy out"]);
    const { run: first } = of(heard, "query")[0]!;
    expect(of(heard, "cache")[0]).toMatchObject({ level: null, backend: "cpu", run: first });
    const [compile] = of(heard, "compile");
    expect(compile).toMatchObject({ backend: "cpu", run: first, error: null });
    expect(compile!.kernels).toEqual([of(heard, "kernel")[0]!.kernel]);
    expect(compile!.end - compile!.begin).toBeGreaterThan(1);
    heard.length = 0;
    await run(runtime);
    expect(kinds()).toEqual(["begin", "kernel", "query", "copy out"]);

    const other = setUp({ backend: "cpu" });
    await run(other.runtime);
    expect(other.kinds()).toEqual(["parse", "parse", "begin", "fuse", "emit", "cache", "load", "kernel", "query", "copy out"]);
    expect(of(other.heard, "cache")[0]!.level).toBe("disk");
    other.heard.length = 0;
    other.runtime.compute(data).map(x => { return x * 1.2345; }).filter(x => x > 0).count().value();
    expect(of(other.heard, "cache").map(({ level }) => level)).toEqual(["memory"]);
  });

  it.skipIf(unavailable !== null)("are told of by a device's compiler, with its time", async () => {
    const { runtime, heard } = setUp({ backend: "cuda" }, {}, { cacheFolder: path.join(folder, "cuda") });
    expect(await runtime.compute(data).map(x => x * 2).sum()).toBeNaN();
    const { run } = of(heard, "query")[0]!;
    expect(of(heard, "compile")).toMatchObject([{ backend: "cuda", run, error: null, kernels: [of(heard, "kernel")[0]!.kernel] }]);
    expect(of(heard, "compile")[0]!.end).toBeGreaterThan(of(heard, "compile")[0]!.begin);
  });

  it("are told of by plugins' compilers, with their time, where they fail, too", async () => {
    const plugins: readonly Accelerator[] = [
      { name: "quick", compile: kernel => ({ run: call => interpret(kernel, call) }) },
      { name: "slow", compile: () => { throw new Error("not asked"); }, cached: () => null, compileAsync: async kernel => (await nextTurn(), { run: call => interpret(kernel, call) }) },
      { name: "failing", compile: () => { throw new BackendError("DC407", "not this one"); } },
      { name: "lying", compile: () => undefined as never },
    ];
    for (const { name } of plugins) {
      const { runtime, heard } = setUp({ backend: name, plugins });
      const failure = name === "quick" || name === "slow" ? null : name === "failing" ? "DC407: not this one" : 'DC407: the plugin "lying" gave undefined for a compiled kernel: compile() gives an object with run(call)';
      const ran = await runtime.compute(data).filter(x => x > 0).count().run().catch(() => null);
      expect(ran).toBe(failure === null ? 2 : null);
      const told = of(heard, "compile");
      expect(told.map(({ backend, error, kernels }) => [backend, error instanceof Error ? error.message : error, kernels.length])).toEqual(told.map(() => [name, failure, 1]));
      expect(told.length).toBeGreaterThan(0);
      expect(told[0]!.run).toBe(of(heard, "query")[0]!.run);
      if (failure === null) expect(told).toHaveLength(1);
      heard.length = 0;
      await runtime.compute(data).filter(x => x > 0).count().run().catch(() => null);
      if (failure === null) expect(of(heard, "compile")).toEqual([]);
    }
  });

  it.skipIf(unavailable !== null)("on a device: transfers and kernels by its own clock, where somebody asks for it", () => {
    for (const timing of [true, false]) {
      const { runtime, heard } = setUp({ backend: "cuda" }, { timing });
      expect(runtime.compute(data).map(x => x * 2).toArray()).toEqual(data.map(x => x * 2));
      const [kernel] = of(heard, "kernel");
      expect(kernel).toMatchObject({ backend: "cuda", length: 5, error: null });
      expect(kernel!.spans.some(({ what }) => what === "kernel")).toBe(timing);
      const moved = of(heard, "transfer").filter(({ bytes }) => bytes === 40).map(({ direction }) => direction);
      expect(moved).toEqual(timing ? ["to device", "to host"] : []);
    }
  });
});
