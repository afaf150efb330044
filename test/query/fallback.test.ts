/** Runtimes that prefer cuda, where the device fails: the next backend runs the query, and the log and explain() say why. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import type { CudaBackendOptions } from "../../src/backends/cuda/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import type { RuntimeOptions } from "../../src/runtime/runtime.js";
import { newStandIn, unavailable, type StandIn } from "../native/cuda-stand-in.js";

const MEBI = 2 ** 20;
const data = Float64Array.from({ length: 5000 }, (_, at) => at - 2000.5);
const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-fallback-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Given {
  readonly runtime: Runtime;
  readonly standIn: StandIn;
  readonly lines: string[];
  /** What ran each query, since this was last emptied. */
  readonly ran: string[];
}

/** cuda on a stand-in of its own, then js: no compiler takes part. */
function prefer(settings: Readonly<Record<string, number | boolean | string>> = {}, options: RuntimeOptions = {}, device: CudaBackendOptions = {}): Given {
  const standIn = newStandIn(settings);
  const [lines, ran]: string[][] = [[], []];
  const runtime = runtimeOn(
    { backend: ["cuda", "js"], log: line => void lines?.push(line), onRun: ({ backend }) => void ran?.push(backend), ...options },
    { js: createJsBackend, cpu: () => createCpuBackend({ cacheFolder: path.join(folder, "cpu") }), cuda: () => standIn.backend(device) },
  );
  return { runtime, standIn, lines: lines as string[], ran: ran as string[] };
}

/** The last line of explain(), which is about the last kernel. */
const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) as string;

describe.skipIf(unavailable !== null)(`where cuda is preferred${unavailable === null ? "" : `: ${unavailable}`}`, { timeout: 60_000 }, () => {
  /** The query runs on the device from now on: its kernel is compiled, and kept on disk. */
  async function warm({ runtime, ran }: Given, query: { toArray(): Float64Array }): Promise<void> {
    query.toArray();
    await runtime.settled();
    ran.length = 0;
  }

  it("a cold kernel runs as JavaScript while it is compiled for the device", async () => {
    const given = prefer({}, {}, { cacheFolder: mkdtempSync(path.join(folder, "cold-")) });
    const query = given.runtime.compute(data).map(x => x * 3 + 1);
    expect(lastLine(query.explain())).toBe("  js: cold, compiled by its second run, or one of 4096 elements");
    expect(query.toArray()).toEqual(data.map(x => x * 3 + 1));
    expect(lastLine(query.explain())).toBe("  js: cold, compiling in the background");
    await given.runtime.settled();
    expect(query.toArray()).toEqual(data.map(x => x * 3 + 1));
    expect(given.ran).toEqual(["js", "cuda"]);
    expect(lastLine(query.explain())).toBe("  cuda: compiled kernel is warm, on PTX interpreter (test)");
    expect(given.lines).toEqual([]);
  });

  it("a run that does not fit goes elsewhere, others stay", async () => {
    const given = prefer({ memory: 4 * MEBI });
    const query = (table: Float64Array) => given.runtime.compute(data).map(x => x + (table[0] as number), { table });
    await warm(given, query(Float64Array.of(1)));
    const large = new Float64Array(MEBI).fill(2);
    expect(query(large).toArray()).toEqual(data.map(x => x + 2));
    expect(await query(large).toArrayAsync()).toEqual(data.map(x => x + 2));
    expect(query(Float64Array.of(1)).toArray()).toEqual(data.map(x => x + 1));
    expect(given.ran).toEqual(["js", "js", "cuda"]);
    expect(given.lines).toEqual([expect.stringMatching(/^dotcompute: cuda: a run of 5000 elements went to the js backend: .*(memory|MEMORY)/)]);
    expect(lastLine(query(large).explain())).toMatch(/^ {2}cuda: compiled kernel is warm, on PTX interpreter \(test\); a run of 5000 elements went to the js backend: .*memory/i);
  });

  it.each([
    ["an illegal access", { stickyLaunch: 1 }],
    ["a device that disappears", { loseDevice: 1 }],
  ])("%s: the query's result is right, and later queries run elsewhere", async (_, fault) => {
    const given = prefer();
    const query = given.runtime.compute(data).map(x => x * 7);
    const another = given.runtime.compute(data).map(x => x * 7 - 1);
    await warm(given, another);
    await warm(given, query);
    given.standIn.driver.configure(fault);
    expect(query.toArray()).toEqual(data.map(x => x * 7));
    const launches = given.standIn.driver.counters().launches;
    // Kernels that are loaded on the lost device are not tried one by one.
    expect(lastLine(another.explain())).toMatch(/^ {2}js: (?!cold)/);
    expect(another.toArray()).toEqual(data.map(x => x * 7 - 1));
    expect(given.standIn.driver.counters().launches).toBe(launches);
    expect(query.toArray()).toEqual(data.map(x => x * 7));
    const other = given.runtime.compute(data).filter(x => x > 7);
    expect(await other.toArrayAsync()).toEqual(data.filter(x => x > 7));
    expect(await other.toArrayAsync()).toEqual(data.filter(x => x > 7));
    expect(given.ran).toEqual(["js", "js", "js", "js", "js"]);
    expect(given.lines).toHaveLength(1);
    expect(given.lines[0]).toMatch(/^dotcompute: the js backend stands in for the cuda backend: /);
    expect(given.lines[0]).toContain("The device is lost to this process");
    for (const explained of [query.explain(), other.explain()]) expect(lastLine(explained)).toMatch(/^ {2}js: (?!cold)/);
    expect(() => query.on("cuda").toArray()).toThrow(/DC402: the query insists on the cuda backend, which cannot run it: .*lost/);
  });

  it("a launch that is refused costs that run alone", async () => {
    const given = prefer();
    const query = given.runtime.compute(data).map(x => x / 9);
    await warm(given, query);
    given.standIn.driver.configure({ failLaunch: 1 });
    expect([query.toArray(), query.toArray()]).toEqual([data.map(x => x / 9), data.map(x => x / 9)]);
    expect(given.ran).toEqual(["js", "cuda"]);
    expect(given.lines).toHaveLength(1);
  });

  it.each(["now", "later"] as const)("results in place are right where the device is lost after some of them, %s", async when => {
    // Chunks of 8192 elements: the second is lost when the first has come back.
    const given = prefer({}, {}, { chunkBytes: 65_536 });
    const length = 40_000;
    const twice = (array: Float64Array) => given.runtime.compute(array).map(x => x * 2 + 1);
    await warm(given, twice(new Float64Array(5000)));
    const array = Float64Array.from({ length }, (_, at) => at);
    given.standIn.driver.configure({ loseDevice: 5 });
    const result = when === "now" ? twice(array).toArray({ into: array }) : await twice(array).toArrayAsync({ into: array });
    expect(result).toBe(array);
    expect(given.ran).toEqual(["js"]);
    expect(array).toEqual(Float64Array.from({ length }, (_, at) => at * 2 + 1));
  });

  it("a device without room for the kernel's code is asked again", async () => {
    const cacheFolder = mkdtempSync(path.join(folder, "module-"));
    const given = prefer({ failModule: 1 }, {}, { cacheFolder });
    const query = given.runtime.compute(data).map(x => x - 0.5);
    await warm(given, query);
    expect(lastLine(query.explain())).toMatch(/^ {2}js: cold, compiled by its next run; .*memory/i);
    await warm(given, query);
    expect(query.toArray()).toEqual(data.map(x => x - 0.5));
    expect(given.ran).toEqual(["cuda"]);
  });

  it("a compiled kernel for which the device has no room stays in the cache, and that is said", async () => {
    const cacheFolder = mkdtempSync(path.join(folder, "kept-"));
    const text = (given: Given) => given.runtime.compute(data).map(x => x * 13);
    const before = prefer({}, {}, { cacheFolder });
    await warm(before, text(before));
    const entries = readdirSync(cacheFolder).length;
    const given = prefer({ failModule: 1 }, {}, { cacheFolder });
    expect(text(given).toArray()).toEqual(data.map(x => x * 13));
    expect(given.ran).toEqual(["js"]);
    expect(readdirSync(cacheFolder)).toHaveLength(entries);
    expect(given.lines).toEqual([expect.stringMatching(/^dotcompute: the js backend stands in for the cuda backend: .*memory/i)]);
  });

  it("many queries at once leave little page-locked memory behind", async () => {
    const given = prefer();
    const query = given.runtime.compute(new Float64Array(5000).fill(1)).map(x => x + 1);
    await warm(given, query);
    await Promise.all(Array.from({ length: 12 }, () => query.toArrayAsync()));
    // What a lane that is no longer needed held is given back by its own thread.
    await expect.poll(() => given.standIn.driver.counters().aliveHostBytes, { timeout: 10_000 }).toBeLessThan(2 * 50 * MEBI);
    expect(await query.toArrayAsync()).toEqual(new Float64Array(5000).fill(2));
  });

  it("what runs from kernel to kernel goes on elsewhere in the middle", async () => {
    const given = prefer();
    const query = given.runtime.compute(data).filter(x => x > 0).map((x, i) => x * i);
    await warm(given, query);
    given.standIn.driver.configure({ loseDevice: 4 });
    expect(query.toArray()).toEqual(data.filter(x => x > 0).map((x, i) => x * i));
    expect(given.ran).toEqual(["js"]);
  });

  it("the third of three runs what the first two cannot", () => {
    const standIn = newStandIn({ devices: 0 });
    const lines: string[] = [];
    const runtime = runtimeOn(
      { backend: ["cuda", "cpu"], log: line => void lines.push(line) },
      { js: createJsBackend, cpu: () => createCpuBackend({ compiler: "/no/such/compiler", cacheFolder: path.join(folder, "none") }), cuda: () => standIn.backend() },
    );
    const query = runtime.compute(data).map(x => x * 11);
    query.toArray();
    expect(query.toArray()).toEqual(data.map(x => x * 11));
    expect(lines[0]).toMatch(/^dotcompute: the cpu backend stands in for the cuda backend: .*no .*device/);
    expect(lastLine(query.explain())).toMatch(/^ {2}js: cuda: .*no .*device.*; cpu: /);
  });
});

it("a machine without a driver runs what prefers cuda on the cpu, and says so once", async () => {
  const lines: string[] = [];
  const ran: string[] = [];
  const runtime = createRuntime({
    backend: ["cuda", "cpu"],
    cacheFolder: path.join(folder, "driverless"),
    cuda: { driver: "/nowhere/libcuda.so.1" },
    log: line => void lines.push(line),
    onRun: ({ backend }) => void ran.push(backend),
  });
  const query = runtime.compute(data).map(x => x * 5);
  expect(query.toArray()).toEqual(data.map(x => x * 5));
  await runtime.settled();
  expect(query.toArray()).toEqual(data.map(x => x * 5));
  expect(lines[0]).toMatch(/^dotcompute: the cpu backend stands in for the cuda backend: .*\/nowhere\/libcuda\.so\.1/);
  // Where there is no C++ compiler either, a second line says so.
  const compiled = existsSync(path.join(folder, "driverless"));
  expect(ran.at(-1)).toBe(compiled ? "cpu" : "js");
  expect(lines).toHaveLength(compiled ? 1 : 2);
  expect(lastLine(query.explain())).toMatch(/cuda: .*nowhere/);
});

it.each([
  [{ backend: [] }, "names none"],
  [{ backend: ["cuda", "cuda"] }, "names the same backend twice"],
  [{ backend: ["cuda", "gpu"] }, 'there is no backend "gpu"'],
  [{ backend: 3 }, "there is no backend"],
  [{ cuda: null }, "the option cuda of createRuntime() is an object"],
  [{ cuda: { driver: 3 } }, "the option cuda.driver of createRuntime() is a text"],
  [{ cuda: { nvrtc: [] } }, "the option cuda.nvrtc of createRuntime() is a text"],
  [{ cuda: { device: "0" } }, "the option cuda.device of createRuntime() is a number"],
  [{ cuda: { device: -1 } }, "the option cuda.device of createRuntime() is a device's number"],
  [{ cuda: { drivr: "libcuda.so" } }, "createRuntime() has no option cuda.drivr"],
  [{ cuda: [] }, "the option cuda of createRuntime() is an object, not an array"],
  [{ cuda: { device: 0.5 } }, "the option cuda.device of createRuntime() is a device's number"],
])("createRuntime(%j) is refused", (options, words) => {
  expect(() => createRuntime(options as never)).toThrow(words);
});
