/** The pool of recycled memory: its laws, and what becomes of arrays that lie in it. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { load, addon, prelude, unavailable } from "./fixtures.js";
import { compiler, Workshop } from "./toolchain.js";

const MIB = 2 ** 20;
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer } } };
/** What is no multiple of any page. */
const COUNT = MIB + 5;
const BYTES = 8 * COUNT;
const UNIT = 64 * 1024;
const units = (bytes: number): number => Math.ceil(bytes / UNIT) * UNIT;

const copy = (source: Float64Array): Float64Array<ArrayBuffer> => load("copy8", { source: "f64", output: "f64" }).run(source, source.length, null, null) as Float64Array<ArrayBuffer>;
const positive = (source: Float64Array): Float64Array<ArrayBuffer> => load("positive", { source: "f64", output: "f64" }).run(source, source.length, null, null) as Float64Array<ArrayBuffer>;
const ones = new Float64Array(COUNT).fill(1);
const usedBefore = (): (() => number) => {
  const { used } = addon.memory();
  return () => addon.memory().used - used;
};

/** Runs a script in a process of its own; it must end by itself. */
function runScript(code: string, environment: NodeJS.ProcessEnv = {}): { readonly output: string; readonly status: number | null; readonly signal: string | null } {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, ["--expose-gc", "-e", prelude + code], { encoding: "utf8", env: { ...process.env, ...environment }, timeout: 60_000, killSignal: "SIGKILL" });
  return { output: stdout + stderr, status, signal };
}

describe.skipIf(compiler === null)("the pool", () => {
  const workshop = new Workshop();
  afterAll(() => workshop.remove());
  const file = (name: string): string => readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8");
  const program = file("../../native/pool.cpp") + file("pool-laws.cpp");

  it.each([
    ["", []],
    [" under the sanitizers of memory", ["-fsanitize=address,undefined", "-fno-sanitize-recover"]],
    [" under the sanitizer of threads", ["-fsanitize=thread"]],
  ])("keeps its laws%s", async (name, flags) => {
    const built = await workshop.build(`laws${name.length}`, program, ["-O1", "-pthread", "-fexceptions", ...flags]);
    const { stdout, stderr, status } = spawnSync(built, { encoding: "utf8" });
    expect({ output: stdout + stderr, status }).toEqual({ output: "", status: 0 });
  });
});

describe.skipIf(unavailable !== null)("arrays in the pool", () => {
  beforeEach(() => addon.trimMemory());

  it("are counted while they live, and their memory serves the next", () => {
    const used = usedBefore();
    const { reused, fresh } = addon.memory();
    for (let turn = 0; turn < 10; turn++) {
      const result = copy(ones);
      expect(used()).toBe(units(BYTES));
      expect(addon.release(result.buffer)).toBe(true);
      expect([result.length, result.buffer.byteLength, used()]).toEqual([0, 0, 0]);
    }
    const after = addon.memory();
    expect([after.reused - reused, after.fresh - fresh]).toEqual([9, 1]);
    expect(after.kept).toBeGreaterThanOrEqual(BYTES);
    expect(after.peak).toBeGreaterThanOrEqual(BYTES);
    addon.trimMemory();
    expect(addon.memory().kept).toBe(0);
  });

  it("show nothing of what was in their memory before", () => {
    const secret = new Float64Array(COUNT).fill(12345.678);
    addon.release(copy(secret).buffer);
    for (const kept of [0, 1, 5000, 8192, 8193, 500_000, COUNT]) {
      const source = Float64Array.from({ length: COUNT }, (_, at) => (at < kept ? at + 1 : -1));
      const { reused } = addon.memory();
      const result = positive(source);
      expect(addon.memory().reused).toBe(reused + 1);
      expect(result.buffer.byteLength).toBe(8 * kept);
      expect(Buffer.from(result.buffer).equals(Buffer.from(source.slice(0, kept).buffer))).toBe(true);
      addon.release(result.buffer);
    }
  });

  it("keep what a filter filled, and give the rest back at once", () => {
    const source = Float64Array.from({ length: COUNT }, (_, at) => (at % 4 === 0 ? 1 : -1));
    const used = usedBefore();
    const result = positive(source);
    expect(used()).toBe(units(result.byteLength));
    // Its tail serves another.
    const { reused } = addon.memory();
    const second = positive(ones.subarray(0, 300_000));
    expect(addon.memory().reused - reused).toBe(0); // it was new: nothing of it has been touched
    expect(result.every(x => x === 1) && second.every(x => x === 1)).toBe(true);
    addon.release(result.buffer);
    addon.release(second.buffer);
    expect(used()).toBe(0);
  });

  it("are given back when they are collected", () => {
    const { output, status } = runScript(`
      const source = new Float64Array(${COUNT}).fill(2);
      const kernel = load("copy8", { source: "f64", output: "f64" });
      (() => { for (let i = 0; i < 5; i++) kernel.run(source, source.length, null, null); })();
      (async () => {
        for (let i = 0; i < 50 && addon.memory().used > 0; i++) { gc(); await new Promise(resolve => setTimeout(resolve, 10)); }
        console.log(addon.memory().used);
      })();`);
    expect({ output, status }).toEqual({ output: "0\n", status: 0 });
  });

  it("in a loop that leaves them to be collected do not add up", () => {
    const { output, status } = runScript(`
      const source = new Float64Array(5e6).fill(2);
      const kernel = load("copy8", { source: "f64", output: "f64" });
      let most = 0;
      for (let i = 0; i < 150; i++) { // 6 GB in all
        kernel.run(source, source.length, null, null);
        const { used, kept } = addon.memory();
        most = Math.max(most, used + kept);
      }
      console.log(most < 1.5e9, addon.memory().reused > 75 ? "" : addon.memory());`);
    expect({ output, status }).toEqual({ output: "true \n", status: 0 });
  });

  it("stay where they are when they are cloned or transferred, and come back from there", () => {
    const used = usedBefore();
    const result = copy(ones);
    const clone = structuredClone(result);
    const moved = structuredClone(result, { transfer: [result.buffer] });
    expect([result.length, clone.length, moved.length, used()]).toEqual([0, COUNT, COUNT, units(BYTES)]);
    addon.release(moved.buffer);
    expect(used()).toBe(0);
    expect(clone.every(x => x === 1)).toBe(true);
  });

  it("come back from a worker that is no more, and from one that still has them", async () => {
    const used = usedBefore();
    const made = `
      const { parentPort } = require("node:worker_threads");
      const source = new Float64Array(${COUNT}).fill(3);
      const result = load("copy8", { source: "f64", output: "f64" }).run(source, source.length, null, null);
      parentPort.on("message", () => {});`;
    const worker = new Worker(`${prelude}${made} parentPort.postMessage(result, [result.buffer]);`, { eval: true });
    const [result] = (await once(worker, "message")) as [Float64Array<ArrayBuffer>];
    await worker.terminate();
    expect(result.every(x => x === 3)).toBe(true);
    expect(used()).toBe(units(BYTES));
    addon.release(result.buffer);
    expect(used()).toBe(0);

    const holder = new Worker(`${prelude}${made} parentPort.postMessage("made");`, { eval: true });
    await once(holder, "message");
    expect(used()).toBe(units(BYTES));
    await holder.terminate();
    expect(used()).toBe(0);
  });

  it("may be released while a kernel on another thread reads them", async () => {
    const used = usedBefore();
    const gate = new Float64Array(new SharedArrayBuffer(8));
    const source = copy(ones);
    const run = load("gated", { source: "f64", arrays: ["f64"] }).start(source, source.length, null, [gate]);
    addon.release(source.buffer);
    expect([source.length, used()]).toEqual([0, units(BYTES)]);
    const others = Array.from({ length: 4 }, () => copy(new Float64Array(COUNT).fill(7)));
    gate[0] = 1;
    expect(new Float64Array((await run.promise).report)[4]).toBe(COUNT);
    for (const { buffer } of others) addon.release(buffer);
  });

  it("are copies, and counted as such, where the engine takes no memory of ours", async () => {
    const worker = new Worker(
      `${prelude} addon.forgo({ externals: true });
       const { used, copied } = addon.memory();
       const source = new Float64Array(${COUNT}).fill(4);
       const result = load("copy8", { source: "f64", output: "f64" }).run(source, source.length, null, null);
       const after = addon.memory();
       require("node:worker_threads").parentPort.postMessage([result.every(x => x === 4), result.buffer.byteLength, after.copied - copied, after.used - used]);`,
      { eval: true },
    );
    const [told] = (await once(worker, "message")) as [unknown];
    await worker.terminate();
    expect(told).toEqual([true, BYTES, 1, 0]);
  });

  it.each([
    ["0", "0 0"],
    ["12582912", "12582912 10485760"],
  ])("are kept up to DOTCOMPUTE_POOL_BYTES=%s", (bytes, told) => {
    const script = `
      const source = new Float64Array(${COUNT});
      const kernel = load("copy8", { source: "f64", output: "f64" });
      const results = [kernel.run(source, source.length, null, null), kernel.run(source, source.length, null, null)];
      for (const { buffer } of results) addon.release(buffer);
      const { limit, kept } = addon.memory();
      console.log(limit, kept);`;
    expect(runScript(script, { DOTCOMPUTE_POOL_BYTES: bytes })).toEqual({ output: `${told}\n`, status: 0, signal: null });
  });

  it.each(["process.exit(0)", "setTimeout(() => process.exit(0), 5)", ""])("may be anywhere when the process ends: %s", ending => {
    const { output, status, signal } = runScript(`
      const source = new Float64Array(${COUNT}).fill(5);
      const kernel = load("copy8", { source: "f64", output: "f64" });
      const kept = [];
      for (let i = 0; i < 40; i++) { kernel.start(source, source.length, null, null); const now = kernel.run(source, source.length, null, null); if (i % 3 === 0) kept.push(now); }
      const { Worker } = require("node:worker_threads");
      new Worker(${JSON.stringify(prelude)} + 'const source = new Float64Array(${COUNT}); const kernel = load("copy8", { source: "f64", output: "f64" }); for (let i = 0; i < 50; i++) kernel.run(source, source.length, null, null);', { eval: true });
      ${ending}`);
    expect({ output, status, signal }).toEqual({ output: "", status: 0, signal: null });
  });

  it("have limits that are numbers of bytes, and buffers that are arrays'", () => {
    for (const bytes of [-1, NaN, Infinity, "1"]) expect(() => addon.limitMemory(bytes as number)).toThrow(RangeError);
    expect(() => addon.release(new SharedArrayBuffer(8) as never)).toThrow(TypeError);
    expect(() => addon.release(undefined as never)).toThrow(TypeError);
    expect(addon.release(new WebAssembly.Memory({ initial: 1 }).buffer)).toBe(false);
  });
});
