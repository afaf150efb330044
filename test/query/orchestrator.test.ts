/** Runtimes as a whole: what they are made of, what they tell beforehand, and how they end. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { BackendError, createRuntime, plugin, QueryError, type Accelerator, type Buffer, type Runtime, type RuntimeOptions } from "../../src/index.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { runtimeOn } from "../../src/runtime/create.js";

const data = Float64Array.from({ length: 100 }, (_, at) => at - 50.5);

async function afterTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await nextTurn();
}

/** Has its compiler take a turn of the event loop, and notes what it was asked. */
function slow(asked: string[], name = "slow"): Accelerator {
  return {
    name,
    cached: () => null,
    compile: plugin.compileJs,
    async compileAsync(kernel) {
      asked.push("compile");
      await new Promise(resolve => setTimeout(resolve, 5));
      return plugin.compileJs(kernel);
    },
    async [Symbol.asyncDispose]() {
      asked.push("ended");
    },
  };
}

const ended = "DC322: the runtime has been disposed of";

describe("decorate", () => {
  it("puts something around accelerators, the library's own and plugins", async () => {
    const seen: string[] = [];
    const decorate = (accelerator: Accelerator) => (seen.push(accelerator.name), plugin.decorated(accelerator, { compile: () => void seen.push("compile"), run: (_, { length }) => void seen.push(`run ${length}`) }));
    const runtime = createRuntime({ plugins: [slow([])], backend: ["slow"], decorate });
    const query = runtime.compute(data).map(x => x * 2);
    expect(query.toArray()).toEqual(data.map(x => x * 2));
    expect(seen.splice(0)).toEqual(["slow", "js", "compile", "run 100"]);
    await runtime.precompile(query);
    expect(await query.toArrayAsync()).toEqual(data.map(x => x * 2));
    expect(seen).toEqual(["compile", "run 100"]);
    expect(query.explain()).toContain("\n  slow: compiled kernel is warm");
  });

  it("may change results, and let compilers and runs fail", () => {
    const lines: string[] = [];
    const make = (decoration: plugin.Decoration, options: RuntimeOptions = {}) =>
      createRuntime({ backend: ["js"], log: line => void lines.push(line), ...options, decorate: accelerator => (accelerator.name === "mine" || accelerator.name === "js" ? plugin.decorated(accelerator, decoration) : accelerator) });
    expect(make({ result: (_, result) => ({ ...result, value: 7 }) }).compute(data).sum().value()).toBe(7);
    const failing = { run: () => { throw new BackendError("DC402", "it is told to fail"); } };
    expect(() => make(failing).compute(data).sum().value()).toThrow("DC402: it is told to fail");
    const mine: Accelerator = { name: "mine", compile: plugin.compileJs };
    const once = createRuntime({ plugins: [mine], backend: ["mine"], log: line => void lines.push(line), decorate: accelerator => (accelerator.name === "mine" ? plugin.decorated(accelerator, failing) : accelerator) });
    // In place: the failing run must leave the source as it was.
    const array = data.slice();
    expect(once.compute(array).map(x => x + 1).toArray({ into: array })).toBe(array);
    expect(array).toEqual(data.map(x => x + 1));
    expect(lines).toEqual(["dotcompute: the js backend stands in for the mine backend: it is told to fail"]);
  });

  it("that gives no accelerator leaves it out, with the reason", () => {
    const runtime = createRuntime({ plugins: [slow([])], backend: ["slow"], log: () => undefined, decorate: accelerator => (accelerator.name === "slow" ? (undefined as never) : accelerator) });
    expect(runtime.compute(data).sum().value()).toBe(data.reduce((a, x) => a + x, 0));
    expect(runtime.accelerators().at(-1)?.reason).toBe("the option decorate of createRuntime() gave undefined for an accelerator");
  });
});

describe("optimalAccelerator()", () => {
  it("tells which backend would run a query or a kernel, and why", async () => {
    const runtime = createRuntime({ plugins: [slow([])], backend: ["slow"] });
    const sum = runtime.compute(data).map(x => x * 3).sum();
    const cold = { backend: "js", reason: "cold, compiled by its second run, or one of 4096 elements" };
    expect(runtime.optimalAccelerator(sum, { length: 100_000 })).toEqual({ ...cold, kernels: [cold] });
    await runtime.precompile(sum);
    expect(runtime.optimalAccelerator(sum)).toMatchObject({ backend: "slow", reason: "compiled kernel is warm" });
    expect(runtime.optimalAccelerator(runtime.compute(data).filter((_, i) => i > 3).map((x, i) => x * i)).kernels).toEqual([cold, cold]);
    expect(runtime.optimalAccelerator(sum.bound.node.plan().kernels[0]!.kernel)).toMatchObject(cold);
    expect(runtime.optimalAccelerator(runtime.compute(data).on("js").sum())).toMatchObject({ backend: "js", reason: 'the query says .on("js")' });
  });

  it("checks what it is asked", () => {
    const runtime = createRuntime();
    expect(() => runtime.optimalAccelerator(data as never)).toThrow("DC305: optimalAccelerator() takes a query or a kernel, not ");
    expect(() => runtime.optimalAccelerator(runtime.compute(data), { length: -1 })).toThrow("DC305: the option length of optimalAccelerator() is a number of elements, not -1");
    expect(() => runtime.optimalAccelerator(createRuntime().compute(data))).toThrow("DC305: optimalAccelerator() was given a query of another runtime");
  });
});

describe("precompile()", () => {
  it("compiles all kernels of a query and of those within it, once, and tells what came of it", async () => {
    const asked: string[] = [];
    const runtime = createRuntime({ plugins: [slow(asked), { ...slow(asked, "refusing"), compileAsync: () => Promise.reject(new BackendError("DC402", "not this one")) }], backend: ["slow", "refusing"] });
    const other = runtime.compute(data).map(x => x - 1);
    const query = runtime.compute(data).map(x => x + 1).concat(other).filter(x => x > 0);
    const states = (await runtime.precompile(query)).map(({ backend, state, reason }) => `${backend} ${state}${reason === null ? "" : `: ${reason}`}`);
    expect(states.sort()).toEqual([...new Array<string>(3).fill("refusing failed: not this one"), ...new Array<string>(3).fill("slow compiled")]);
    expect((await runtime.precompile(query, "slow")).map(({ state }) => state)).toEqual(["found", "found", "found"]);
    expect(asked).toEqual(["compile", "compile", "compile"]);
    expect((await runtime.precompile(query, "js")).map(({ backend, state }) => [backend, state])).toEqual(new Array(3).fill(["js", "found"]));
    await expect(runtime.precompile(query, "gpu")).rejects.toThrow('DC305: there is no backend "gpu"');
  });
});

describe("of named kernels", () => {
  const saxpy = (i: number, x: Float32Array, y: Float32Array, out: Float32Array, a: number): void => { out[i] = a * x[i]! + y[i]!; };
  const given = (): [Float32Array, Float32Array, Float32Array, number] => [Float32Array.of(1, 2), Float32Array.of(10, 20), new Float32Array(2), 2];

  it("optimalAccelerator() tells where a call would run: by the kernel, by its name, of the last call", async () => {
    const runtime = createRuntime({ plugins: [slow([])], backend: ["slow"] });
    const kernel = runtime.kernel("saxpy", saxpy);
    const cold = { backend: "js", reason: "cold, compiled by its second run, or one of 4096 elements" };
    expect(runtime.optimalAccelerator(kernel, { arguments: given() })).toEqual({ ...cold, kernels: [cold] });
    expect(runtime.optimalAccelerator("saxpy", { arguments: given(), size: 1, length: 5 })).toMatchObject(cold);
    expect(() => runtime.optimalAccelerator(kernel)).toThrow("DC313: optimalAccelerator() is asked about the kernel saxpy, which has not been called yet");
    kernel(...given());
    expect(runtime.optimalAccelerator(kernel)).toMatchObject({ backend: "js" });
    await runtime.precompile(kernel);
    expect(runtime.optimalAccelerator(kernel)).toMatchObject({ backend: "slow", reason: "compiled kernel is warm" });
    expect(runtime.optimalAccelerator(kernel.on("js"))).toMatchObject({ backend: "js", reason: 'the query says .on("js")' });
  });

  it("optimalAccelerator() predicts for so many indices where backends are chosen by time", async () => {
    const runtime = createRuntime({ plugins: [slow([])], backend: ["slow"], selection: "adaptive" });
    const kernel = runtime.kernel("saxpy", saxpy);
    await runtime.precompile(kernel, { arguments: given() });
    const [few, many] = [10, 1e7].map(length => runtime.optimalAccelerator(kernel, { arguments: given(), length }).predictions?.find(({ backend }) => backend === "js")?.microseconds ?? NaN) as [number, number];
    expect(many).toBeGreaterThan(few);
  });

  it("precompile() compiles for the kinds of its arguments and the order of its indices, and nothing else", async () => {
    const asked: string[] = [];
    const ran: string[] = [];
    const runtime = createRuntime({ plugins: [slow(asked)], backend: ["slow"], onRun: ({ backend }) => void ran.push(backend) });
    const kernel = runtime.kernel("saxpy", saxpy);
    expect(await runtime.precompile("saxpy", { arguments: given(), accelerator: "slow" })).toMatchObject([{ backend: "slow", state: "compiled", reason: null }]);
    expect(await runtime.precompile(kernel, { arguments: given() })).toMatchObject([{ backend: "slow", state: "found" }]);
    expect(asked).toEqual(["compile"]);
    const [x, y, out] = given();
    kernel(x, y, out, 3);
    expect(out).toEqual(Float32Array.of(13, 26));
    expect(ran).toEqual(["slow"]);
    expect(await runtime.precompile(kernel, "js")).toMatchObject([{ backend: "js", state: "found" }]);
    const prefix = runtime.kernel("prefix", (i, x: Float64Array) => { if (i > 0) x[i] = x[i]! + x[i - 1]!; });
    await runtime.precompile(prefix, { arguments: [new Float64Array(3)] });
    const sums = Float64Array.of(1, 2, 3);
    prefix(sums);
    expect([...sums]).toEqual([1, 3, 6]);
    expect(ran).toEqual(["slow", "slow"]);
  });

  it("are refused where they are another runtime's, unknown, or would race", async () => {
    const runtime = createRuntime({ backend: "js" });
    const elsewhere = createRuntime({ backend: "js" }).kernel("saxpy", saxpy);
    await expect(runtime.precompile(elsewhere, { arguments: given() })).rejects.toThrow("DC305: precompile() was given a kernel of another runtime");
    expect(() => runtime.optimalAccelerator("saxpy")).toThrow('DC313: there is no kernel "saxpy" in this runtime');
    const first = runtime.kernel("first", (i, x: Float64Array, out: Float64Array) => { out[0] = x[i]!; });
    await expect(runtime.precompile(first, { arguments: [new Float64Array(3), new Float64Array(3)] })).rejects.toThrow("DC210: the indices 0 and 1 both write to out[0]");
    await expect(runtime.precompile(first, { argument: [] } as never)).rejects.toThrow("DC305: precompile() has no option argument");
    expect(() => runtime.optimalAccelerator(runtime.compute(data), { arguments: [] } as never)).toThrow("DC305: optimalAccelerator() has no option arguments");
  });
});

describe("dispose()", () => {
  it("waits for what is at work, gives everything back, and refuses from then on", async () => {
    const asked: string[] = [];
    const runtime = createRuntime({ plugins: [slow(asked)], backend: ["slow"] });
    const other = createRuntime();
    const buffer = runtime.buffer(data);
    const query = runtime.compute(data).map(x => x * 2);
    const prepared = query.sum().prepare();
    prepared();
    prepared();
    const running = query.toArrayAsync();
    await Promise.all([runtime.dispose(), runtime.dispose()]);
    expect(await running).toEqual(data.map(x => x * 2));
    // The compiler had come to its end before.
    expect(asked).toEqual(["compile", "ended"]);
    expect(() => runtime.compute(data)).toThrow(QueryError);
    for (const call of [() => runtime.compute(data), () => query.toArray(), () => prepared(), () => query.on("js").toArray(), () => query.count().value(), () => runtime.buffer(data)]) expect(call).toThrow(ended);
    await expect(query.toArrayAsync()).rejects.toThrow(ended);
    await expect(runtime.precompile(query)).rejects.toThrow(ended);
    expect(buffer.disposed).toBe(true);
    expect(() => buffer.toArray()).toThrow("DC320");
    expect(other.compute(data).sum().value()).toBe(data.reduce((a, x) => a + x, 0));
  });

  const elements = Float64Array.from({ length: 200_000 }, (_, at) => (at * 7919) % 1009);
  const runs: Readonly<Record<string, (runtime: Runtime, buffer: Buffer<Float64Array>) => Promise<unknown>>> = {
    "toBufferAsync": (runtime, buffer) => runtime.compute(buffer).map(x => x + 1).toBufferAsync().then(() => "a buffer"),
    "toArrayAsync": (runtime, buffer) => runtime.compute(buffer).map(x => x + 1).toArrayAsync(),
    "toArrayAsync of a buffer alone": (runtime, buffer) => runtime.compute(buffer).toArrayAsync(),
    "a value": (runtime, buffer) => runtime.compute(buffer).map(x => x + 1).sum().run(),
    "orderBy": (runtime, buffer) => runtime.compute(buffer).orderBy(x => -x).toArrayAsync(),
    "distinct": (runtime, buffer) => runtime.compute(buffer).distinct().toArrayAsync(),
    "groupBy": (runtime, buffer) => runtime.compute(buffer).groupBy(x => x % 7).aggregate({ n: g => g.count() }).toColumnsAsync().then(({ n }) => [...n]),
    "median": (runtime, buffer) => runtime.compute(buffer).median().run(),
    "concat": (runtime, buffer) => runtime.compute(buffer).concat(runtime.compute(buffer).map(x => x * 2)).toArrayAsync(),
    "a prepared query": (runtime, buffer) => runtime.compute(buffer).map(x => x + 1).prepare<Buffer<Float64Array>>().async(buffer),
    "forEach": async (runtime, buffer) => {
      const all: number[] = [];
      await runtime.compute(buffer).map(x => x + 1).forEach(chunk => void all.push(...chunk), { chunk: 5000 });
      return all;
    },
    "a named kernel": async (runtime, buffer) => {
      const out = new Float64Array(elements.length);
      await runtime.kernel("double", (i, x: Float64Array, out: Float64Array) => { out[i] = x[i]! * 2; }).async(buffer as never, out);
      return out;
    },
    "verify": (runtime, buffer) => runtime.compute(buffer).map(x => x + 1).sum().verify().then(() => "verified"),
  };

  it.each(Object.entries(runs).flatMap(([name, run]) => (["js", "cpu"] as const).flatMap(backend => [0, 1].map(turns => [name, backend, turns, run] as const))))(
    "never takes a buffer away from a run at work: %s on %s, disposed of %i turns later", async (_, backend, turns, run) => {
      await using whole = createRuntime({ backend: "js" });
      const wanted = await run(whole, whole.buffer(elements));
      const runtime = createRuntime({ backend });
      const buffer = runtime.buffer(elements);
      if (backend === "cpu") await Promise.allSettled([run(runtime, buffer), runtime.settled()]);
      const [outcome] = await Promise.all([run(runtime, buffer).catch((error: unknown) => `refused: ${String(error).split("\n", 1)[0]}`), afterTurns(turns).then(() => runtime.dispose())]);
      expect([wanted, `refused: QueryError: ${ended}`]).toContainEqual(outcome);
      expect(buffer.disposed).toBe(true);
    });

  it("waits for a kernel that was to begin, and gives its result", async () => {
    const runtime = createRuntime({ backend: "js" });
    const many = new Float64Array(2_000_000).fill(1);
    const buffer = runtime.buffer(many);
    const running = runtime.compute(buffer).map(x => x + 1).toArrayAsync();
    await runtime.dispose();
    expect((await running).every(x => x === 2)).toBe(true);
    expect(buffer.disposed).toBe(true);
  });

  describe("after a plugin that never settles", () => {
    const never = new Promise<never>(() => undefined);
    const hangs: Readonly<Record<string, Accelerator>> = {
      start: { name: "stuck", compile: kernel => ({ run: call => plugin.interpret(kernel, call), start: () => never }) },
      compileAsync: { name: "stuck", cached: () => null, compile: plugin.compileJs, compileAsync: () => never },
    };
    const own = new Error("called off");

    it.each(Object.entries(hangs))("%s: a run that is called off is rejected with why, and neither settled() nor dispose() wait for it", async (_, stuck) => {
      for (const how of ["signal", "timeout"]) {
        const runtime = createRuntime({ plugins: [stuck], backend: "js" });
        const controller = new AbortController();
        const run = runtime.compute(data).on("stuck").max().run(how === "signal" ? { signal: controller.signal } : { timeout: 1 });
        const refused = how === "signal" ? expect(run).rejects.toBe(own) : expect(run).rejects.toMatchObject({ name: "TimeoutError" });
        await nextTurn();
        controller.abort(own);
        await refused;
        await runtime.settled();
        await runtime.dispose();
        expect(() => runtime.compute(data)).toThrow(ended);
      }
    });
  });

  describe.each([["stop"], [Symbol.asyncDispose]] as const)("where a plugin's %s fails", method => {
    const named = typeof method === "string" ? "stop()" : "[Symbol.asyncDispose]()";
    const failing = (name: string, how: () => unknown): Accelerator => ({ name, compile: plugin.compileJs, [method]: how });
    const throwing = (): never => { throw new Error("not mine"); };
    const using = async (plugins: readonly Accelerator[]) => {
      const asked: string[] = [];
      const all = [...plugins, slow(asked)];
      const runtime = createRuntime({ plugins: all, backend: "js" });
      const buffer = runtime.buffer(data);
      for (const { name } of all) expect(await runtime.compute(data).on(name).max().run()).toBe(48.5);
      asked.splice(0);
      return { runtime, buffer, asked };
    };

    it.each([["throws", throwing], ["rejects", async () => throwing()]])("since it %s, disposes of the others, gives buffers back, and says so once", async (_, how) => {
      const { runtime, buffer, asked } = await using([failing("careless", how)]);
      const [first, second] = await Promise.allSettled([runtime.dispose(), runtime.dispose()]);
      expect(first).toMatchObject({ status: "rejected", reason: { name: "BackendError", code: "DC407", message: `DC407: the plugin "careless" failed at its end, in ${named}: not mine`, cause: new Error("not mine") } });
      expect(second).toEqual({ status: "fulfilled", value: undefined });
      expect(asked).toEqual(["ended"]);
      expect(buffer.disposed).toBe(true);
      expect(await runtime.dispose()).toBe(undefined);
      expect(() => runtime.compute(data)).toThrow(ended);
    });

    it("of several tells all", async () => {
      const { runtime, buffer, asked } = await using([failing("one", throwing), failing("two", () => Promise.reject(Object.create(null)))]);
      const failures = [`the plugin "one" failed at its end, in ${named}: not mine`, `the plugin "two" failed at its end, in ${named}: something that cannot be put into words`];
      await expect(runtime.dispose()).rejects.toMatchObject({
        code: "DC407",
        message: `DC407: 2 failures at the end of a runtime: ${failures.join("; ")}`,
        cause: { name: "AggregateError", errors: failures.map(message => ({ name: "BackendError", message: `DC407: ${message}` })) },
      });
      expect(asked).toEqual(["ended"]);
      expect(buffer.disposed).toBe(true);
    });
  });

  it.skipIf(unavailable !== null)("gives a device's memory back", async () => {
    const standIn = newStandIn({});
    const bytes = (): unknown => standIn.driver.counters().aliveBytes;
    {
      await using runtime = runtimeOn({ backend: "cuda" }, { js: createJsBackend, cpu: () => createCpuBackend(), cuda: () => standIn.backend() });
      const buffer = runtime.compute(runtime.buffer(data)).map(x => x * 2).toBuffer();
      expect(buffer.toArray()).toEqual(data.map(x => x * 2));
      expect(bytes()).toBeGreaterThan(0);
    }
    expect(bytes()).toBe(0);
  });
});
