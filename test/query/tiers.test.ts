import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { interpret } from "../../fusion/interpret.js";
import type { BackendName, CompiledKernel, KernelCall } from "../../src/backends/backend.js";
import { createRuntime, runtimeOn, type Runtime } from "../../src/runtime/create.js";
import type { RunInfo, RuntimeOptions } from "../../src/runtime/runtime.js";
import type { Backend } from "../../src/runtime/member.js";
import { whyNoCpu } from "../laws/backends.js";

/** A kernel that the interpreter runs under a backend's name. */
function compiled(backend: BackendName, kernel: Kernel, fail?: (call: KernelCall) => void): CompiledKernel {
  const run = (call: KernelCall) => {
    fail?.(call);
    return interpret(kernel, call);
  };
  return { backend, kernel, run, start: async (call, signal) => (await Promise.resolve(), signal?.throwIfAborted(), run(call)) };
}

interface Faults {
  readonly reason?: string;
  readonly cached?: "all" | Error;
  readonly compile?: Error;
  readonly run?: Error;
}

/** A runtime whose native backend does as it is told, and notes what it was asked. */
function setUp(faults: Faults = {}, options: RuntimeOptions = {}) {
  const asked: string[] = [];
  const lines: string[] = [];
  const ran: string[] = [];
  const compiling = new Map<Kernel, Promise<CompiledKernel>>();
  const native: Backend = {
    available: faults.reason === undefined,
    reason: faults.reason ?? null,
    cached: kernel => {
      asked.push("cached");
      if (faults.cached instanceof Error) throw faults.cached;
      return faults.cached === "all" ? make(kernel) : null;
    },
    compile: kernel => {
      asked.push("compile");
      if (faults.compile !== undefined) throw faults.compile;
      return make(kernel);
    },
    compileAsync: (kernel, { background = false } = {}) => {
      // As the real one does, a kernel that is being compiled is not compiled twice.
      const begun = compiling.get(kernel);
      if (begun !== undefined) return begun;
      asked.push(background ? "background" : "compileAsync");
      const work = Promise.resolve().then(() => {
        if (faults.compile !== undefined) throw faults.compile;
        return make(kernel);
      });
      compiling.set(kernel, work);
      return work;
    },
  };
  const make = (kernel: Kernel) =>
    compiled("cpu", kernel, () => {
      if (faults.run !== undefined) throw faults.run;
    });
  const onRun = ({ terminal, kernels }: RunInfo) => void ran.push(`${terminal} ${kernels.map(({ backend, length }) => `${backend}:${length}`).join(" ")}`);
  const runtime = runtimeOn({ log: line => void lines.push(line), onRun, ...options }, { js: () => ({ compile: kernel => compiled("js", kernel) }), cpu: () => native });
  return { runtime, asked, lines, ran };
}

const few = Float64Array.of(1, 2, 3);
const many = new Float64Array(4096).fill(1);
const compilerFailure = new BackendError("DC403", "the C++ compiler failed: error: expected ';'\nmore\nlines");

describe("a cold kernel", () => {
  it("that is small runs on js, and is compiled when it runs again", async () => {
    const { runtime, asked, ran, lines } = setUp();
    const total = () => runtime.compute(few).map(x => x * 2).sum().value();
    expect([total(), asked.join()]).toEqual([12, "cached"]);
    expect([total(), asked.join()]).toEqual([12, "cached,background"]);
    expect(total()).toBe(12);
    await runtime.settled();
    expect(total()).toBe(12);
    expect(asked).toEqual(["cached", "background"]);
    expect(ran).toEqual(["sum js:3", "sum js:3", "sum js:3", "sum cpu:3"]);
    expect(lines).toEqual([]);
  });

  it("that is large is compiled at once", async () => {
    const { runtime, asked, ran } = setUp();
    const query = runtime.compute(many).map(x => x + 1);
    expect(query.toArray()).toEqual(many.map(x => x + 1));
    expect(asked).toEqual(["cached", "background"]);
    await runtime.settled();
    query.toArray();
    expect(ran).toEqual(["toArray js:4096", "toArray cpu:4096"]);
  });

  it("with a loop is compiled at once", async () => {
    const { runtime, asked, ran } = setUp();
    const query = runtime.compute(few).map(x => {
      let n = 0;
      while (x > 1) {
        x /= 2;
        n += 1;
      }
      return n;
    });
    expect(await query.toArrayAsync()).toEqual(Float64Array.of(0, 1, 2));
    expect(asked).toEqual(["cached", "background"]);
    await runtime.settled();
    expect(query.toArray()).toEqual(Float64Array.of(0, 1, 2));
    expect(ran).toEqual(["toArray js:3", "toArray cpu:3"]);
  });

  it("that an earlier process compiled is native from the start", () => {
    const { runtime, asked, ran } = setUp({ cached: "all" });
    expect(runtime.compute(few).sum().value()).toBe(6);
    expect(asked).toEqual(["cached"]);
    expect(ran).toEqual(["sum cpu:3"]);
  });

  it("that is awaited runs on js, too", async () => {
    const { runtime, ran } = setUp();
    expect(await runtime.compute(many).sum()).toBe(4096);
    await runtime.settled();
    expect(await runtime.compute(many).sum()).toBe(4096);
    expect(ran).toEqual(["sum js:4096", "sum cpu:4096"]);
  });
});

describe("the same query built again", () => {
  it("has the same kernel, whatever its captures' values", async () => {
    const { runtime, asked } = setUp();
    for (const factor of [2, 3, 0.1, 1e300]) {
      expect(runtime.compute(few).map(x => x * factor, { factor }).sum().value()).toBe((factor + factor * 2) + factor * 3);
    }
    await runtime.settled();
    expect(asked).toEqual(["cached", "background"]);
  });

  it("has another kernel for other types", () => {
    const { runtime, asked } = setUp();
    const factor = 2;
    runtime.compute(few).map(x => x * factor, { factor }).toArray();
    runtime.compute(new Float32Array(3)).map(x => x * factor, { factor }).toArray();
    runtime.compute(new Float32Array(3)).map(x => x * factor, { factor: 0.1 }).toArray();
    runtime.compute(few).map(x => x * factor, Float32Array, { factor }).toArray();
    expect(asked).toEqual(["cached", "cached", "cached", "cached"]);
  });
});

describe("a query with a barrier", () => {
  it("chooses for each kernel", async () => {
    const { runtime, ran } = setUp();
    const query = runtime.compute(many).filter((_x, i) => i < 5).map((x, i) => x + i);
    expect(query.toArray()).toEqual(Float64Array.of(1, 2, 3, 4, 5));
    await runtime.settled();
    query.toArray();
    expect(ran).toEqual(["toArray js:4096 js:5", "toArray cpu:4096 js:5"]);
  });
});

describe("a native backend that fails", () => {
  it("because it is missing, is lost with one line", () => {
    const { runtime, lines, ran } = setUp({ reason: "no C++ compiler was found" });
    expect(runtime.compute(many).sum().value()).toBe(4096);
    expect(runtime.compute(many).max().value()).toBe(1);
    expect(lines).toEqual(["dotcompute: the js backend stands in for the cpu backend: no C++ compiler was found"]);
    expect(ran).toEqual(["sum js:4096", "max js:4096"]);
    expect(runtime.compute(many).sum().explain()).toContain("\n  js: no C++ compiler was found\n");
  });

  it.each([["by the runtime", { backend: "cpu" }, false], ["by a query", { backend: "js" }, true]] as const)("and is insisted on %s, is asked to compile: nothing stands in for it, and the line says so", (_, options, asks) => {
    const told: string[] = [];
    const take = (line: unknown): void => void told.push(line as string);
    const { runtime, lines } = setUp({ cached: new BackendError("DC405", "the folder cannot be read") }, { ...options, logger: { debug: take, info: take, warn: take, error: take } });
    const query = runtime.compute(few);
    expect((asks ? query.on("cpu") : query).sum().value()).toBe(6); // compiled anew
    const words = "nothing stands in for the cpu backend, which is insisted on: the folder cannot be read";
    expect(lines).toEqual([`dotcompute: ${words}`]);
    expect(told).toEqual([`dotcompute DC508: ${words}`]);
  });

  it("to compile, is not asked again for that kernel", async () => {
    const { runtime, asked, lines, ran } = setUp({ compile: compilerFailure });
    for (let run = 0; run < 3; run += 1) {
      expect(runtime.compute(many).sum().value()).toBe(4096);
      await runtime.settled();
    }
    expect(asked).toEqual(["cached", "background"]);
    expect(ran).toEqual(["sum js:4096", "sum js:4096", "sum js:4096"]);
    expect(lines).toEqual(["dotcompute: the js backend stands in for the cpu backend: the C++ compiler failed: error: expected ';'"]);
    expect(runtime.compute(many).sum().explain()).toContain("\n  js: the C++ compiler failed: error: expected ';'\n");
  });

  it("to read its cache, is lost", () => {
    const { runtime, lines } = setUp({ cached: new BackendError("DC405", "the folder cannot be read") });
    expect(runtime.compute(few).sum().value()).toBe(6);
    expect(lines).toEqual(["dotcompute: the js backend stands in for the cpu backend: the folder cannot be read"]);
  });

  it("to run, lets js run, at once and from then on", async () => {
    const { runtime, ran, lines } = setUp({ cached: "all", run: new BackendError("DC404", "the addon refused") });
    expect(runtime.compute(few).map(x => x + 1).toArray()).toEqual(Float64Array.of(2, 3, 4));
    expect(await runtime.compute(few).sum()).toBe(6);
    expect(runtime.compute(few).map(x => x + 1).toArray()).toEqual(Float64Array.of(2, 3, 4));
    expect(ran).toEqual(["toArray js:3", "sum js:3", "toArray js:3"]);
    expect(lines).toEqual(["dotcompute: the js backend stands in for the cpu backend: the addon refused"]);
  });

  it("as a lambda does, is not the backend's failure", () => {
    const { runtime, lines } = setUp({ cached: "all", run: new RangeError("out of range") });
    expect(() => runtime.compute(few).sum().value()).toThrow(new RangeError("out of range"));
    expect(lines).toEqual([]);
  });
});

describe("insisting", () => {
  it('on("cpu") compiles and waits', async () => {
    const { runtime, asked, ran } = setUp();
    expect(runtime.compute(few).on("cpu").sum().value()).toBe(6);
    expect(await runtime.compute(few).on("cpu").max()).toBe(3);
    expect(asked).toEqual(["cached", "compile", "cached", "compileAsync"]);
    expect(ran).toEqual(["sum cpu:3", "max cpu:3"]);
  });

  it('on("js") never asks for the compiler', async () => {
    const { runtime, asked, ran } = setUp();
    for (let run = 0; run < 3; run += 1) expect(runtime.compute(many).on("js").sum().value()).toBe(4096);
    await runtime.settled();
    expect(asked).toEqual([]);
    expect(ran).toEqual(["sum js:4096", "sum js:4096", "sum js:4096"]);
  });

  it("throws where the backend is missing or fails, and says why", async () => {
    const missing = setUp({ reason: "no C++ compiler was found" }).runtime.compute(few).on("cpu").sum();
    const message = "DC402: the query insists on the cpu backend, which cannot run it: no C++ compiler was found";
    expect(() => missing.value()).toThrow(new BackendError("DC402", message.slice(7)));
    await expect(missing).rejects.toThrow(message);
    const failing = setUp({ compile: compilerFailure }).runtime.compute(few).on("cpu").sum();
    expect(() => failing.value()).toThrow("DC402: the query insists on the cpu backend, which cannot run it: the C++ compiler failed: error: expected ';'\nmore\nlines");
    await expect(failing).rejects.toThrow(BackendError);
    const broken = setUp({ cached: "all", run: new BackendError("DC404", "the addon refused") }).runtime.compute(few).on("cpu").sum();
    expect(() => broken.value()).toThrow(new BackendError("DC404", "the addon refused"));
  });

  it("holds for a whole runtime", () => {
    const scripted = setUp({}, { backend: "js" });
    expect(scripted.runtime.compute(many).sum().value()).toBe(4096);
    expect(scripted.asked).toEqual([]);
    const native = setUp({}, { backend: "cpu" });
    expect(native.runtime.compute(few).sum().value()).toBe(6);
    expect(native.asked).toEqual(["cached", "compile"]);
    expect(native.runtime.compute(few).on("js").max().value()).toBe(3);
    expect(native.ran).toEqual(["sum cpu:3", "max js:3"]);
  });
});

describe("accelerators()", () => {
  const known = { kind: "processor", device: null, threads: 1, memory: null, breaker: "closed" };
  const noDevice = { ...known, name: "cuda", available: false, reason: "this runtime has no cuda backend" };

  it("tells which backends there are, in which order they are tried, and why others are not", () => {
    expect(setUp().runtime.accelerators()).toEqual([
      { ...known, name: "js", available: true, reason: null, place: 1 },
      { ...known, name: "cpu", available: true, reason: null, place: 0 },
      { ...noDevice, place: null },
    ]);
    const { runtime } = setUp({ reason: "there is no addon" }, { backend: ["cuda", "cpu"] });
    expect(runtime.accelerators().map(({ name, available, reason, place }) => [name, available, reason, place])).toEqual([
      ["js", true, null, 2],
      ["cpu", false, "there is no addon", 1],
      ["cuda", false, "this runtime has no cuda backend", 0],
    ]);
    expect(setUp({}, { backend: "js" }).runtime.accelerators().map(({ place }) => place)).toEqual([0, null, null]);
  });

  it("shows of cpu that it compiles nothing, and why, once that is known, though it runs what is compiled already", async () => {
    if (whyNoCpu !== null) return;
    const known = "it compiles nothing, and runs only kernels that have been compiled before (by dotcompute build, or in a cache): ";
    const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-lacks-"));
    const machine = (options: RuntimeOptions) => createRuntime({ cacheFolder: folder, log: () => undefined, ...options });
    const cpuOf = (runtime: Runtime) => runtime.accelerators().find(({ name }) => name === "cpu");
    const query = (runtime: Runtime) => runtime.compute(few).map(x => x * 17);
    const sound = machine({ backend: "cpu" });
    query(sound).toArray();
    expect(cpuOf(sound)).toMatchObject({ available: true, reason: null });

    const missing = machine({ compiler: "no-such-compiler", backend: "cpu" });
    expect(cpuOf(missing)).toMatchObject({ available: true, reason: `${known}the compiler asked for, no-such-compiler, is not a program that can be run` });
    expect(query(missing).toArray()).toEqual(few.map(x => x * 17));
    expect(() => missing.compute(few).map(x => x * 18).toArray()).toThrow("DC402");

    const mute = path.join(folder, "mute");
    writeFileSync(mute, "#!/bin/sh\nsleep 100\n", { mode: 0o755 });
    for (const now of [true, false]) {
      const slow = machine({ compiler: mute, backend: "cpu", resilience: { compileTimeLimit: 50 } });
      expect(cpuOf(slow)).toMatchObject({ available: true, reason: null });
      const reason = `the compiler does not answer: ${mute} --version: it took longer than 50 ms`;
      if (now) expect(() => slow.compute(few).map(x => x * 18).toArray()).toThrow(reason);
      else await expect(slow.compute(few).map(x => x * 18).toArrayAsync()).rejects.toThrow(reason);
      expect(cpuOf(slow)).toMatchObject({ available: true, reason: known + reason });
    }
    rmSync(folder, { recursive: true });
  });

  it("of the real ones names the threads", () => {
    const [, cpu] = createRuntime({ threads: 3 }).accelerators();
    if (cpu?.available === true) expect(cpu.threads).toBe(3);
    else expect(cpu?.reason).toMatch(/addon/);
  });
});
