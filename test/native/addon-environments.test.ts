/** The addon in many environments: worker threads, and ends that come while kernels run. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { addon, load, objectFile, prelude, unavailable } from "./fixtures.js";

const startWorker = (code: string): Worker => new Worker(`${prelude}\nconst { parentPort } = require("node:worker_threads");\n${code}`, { eval: true });

/** A run on the worker's own thread that never ends by itself, announced just before. */
const FOREVER_NOW = `parentPort.postMessage("running"); load("forever", { watched: true }).run(null, 0, null, null);`;
const FOREVER_LATER = `load("forever", {}).start(null, 0, null, null); parentPort.postMessage("running");`;

/** Runs a script in a process of its own; it must end by itself. */
function runScript(code: string, before = prelude): { readonly output: string; readonly status: number | null; readonly signal: string | null } {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, ["-e", before + code], { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL" });
  return { output: stdout + stderr, status, signal };
}

describe.skipIf(unavailable !== null)("native addon, environments", () => {
  it("loads and runs in several workers at once, each with its own state", async () => {
    const workers = Array.from({ length: 4 }, (_, place) =>
      startWorker(`
        const sum = load("sum", { source: "f64" });
        const f64 = new Float64Array(addon.control.buffer);
        const source = new Float64Array(1000).fill(${place + 1});
        let wrong = 0;
        for (let i = 0; i < 20000; i++) { sum.run(source, 1000, null, null); if (f64[4] !== ${1000 * (place + 1)}) wrong++; }
        (async () => {
          for (let i = 0; i < 200; i++) {
            const { report } = await sum.start(source, 1000, null, null).promise;
            if (new Float64Array(report)[4] !== ${1000 * (place + 1)}) wrong++;
          }
          parentPort.postMessage(wrong);
        })();
      `),
    );
    const answers = await Promise.all(workers.map(async worker => ((await once(worker, "message")) as [number])[0]));
    expect(answers).toEqual([0, 0, 0, 0]);
    await Promise.all(workers.map(worker => worker.terminate()));
  });

  it.each([
    ["another thread of it", FOREVER_LATER],
    ["its own thread", FOREVER_NOW],
  ])("lets a worker be terminated while an endless kernel runs on %s", async (_, code) => {
    const worker = startWorker(code);
    await once(worker, "message");
    await worker.terminate();
    // This thread's own environment is none the worse.
    load("sum", { source: "f64" }).run(Float64Array.of(1, 2), 2, null, null);
    expect(new Float64Array(addon.control.buffer)[4]).toBe(3);
  });

  it("survives many workers that come and go in the middle of runs", async () => {
    for (let round = 0; round < 5; round++) {
      const workers = [FOREVER_LATER, FOREVER_NOW, FOREVER_LATER].map(startWorker);
      await Promise.all(workers.map(worker => once(worker, "message")));
      await Promise.all(workers.map(worker => worker.terminate()));
    }
    expect(addon.inFlight()).toBe(0);
  });

  it("ends a worker by process.exit() within, while kernels run", async () => {
    const worker = startWorker(`${FOREVER_LATER}; setImmediate(() => process.exit(3));`);
    const [code] = (await once(worker, "exit")) as [number];
    expect(code).toBe(3);
  });

  it("lets memory that a worker made outlive it", async () => {
    const worker = startWorker(`
      const source = new Float64Array(1 << 18).map((_, i) => i + 1);
      const result = load("positive", { source: "f64", output: "f64" }).run(source, source.length, null, null);
      parentPort.postMessage(result, [result.buffer]);
    `);
    const [result] = (await once(worker, "message")) as [Float64Array];
    await worker.terminate();
    expect(result.length).toBe(1 << 18);
    expect(result.every((x, i) => x === i + 1)).toBe(true);
  });

  it("lets memory that a worker made be freed when the addon is in use nowhere any more", () => {
    const made = `
      const source = new Float64Array(1 << 18).fill(1);
      const result = load("copy8", { source: "f64", output: "f64" }).run(source, source.length, null, null);
      require("node:worker_threads").parentPort.postMessage(result, [result.buffer]);`;
    const result = runScript(
      `require("node:v8").setFlagsFromString("--expose-gc");
       const gc = require("node:vm").runInNewContext("gc");
       const worker = new (require("node:worker_threads").Worker)(${JSON.stringify(prelude + made)}, { eval: true });
       let kept = null;
       worker.once("message", async array => {
         kept = array;
         await worker.terminate();
         console.log(kept.every(x => x === 1));
         kept = null; array = null;
         for (let i = 0; i < 5; i++) { gc(); await new Promise(resolve => setTimeout(resolve, 10)); }
         console.log("freed");
       });`,
      "",
    );
    expect(result).toEqual({ output: "true\nfreed\n", status: 0, signal: null });
  });

  it.each([
    ["process.exit(5)", `load("forever", {}).start(null, 0, null, null); setTimeout(() => process.exit(5), 50);`, 5],
    ["process.exit() before anything began", `load("forever", {}).start(null, 0, null, null); process.exit(6);`, 6],
    ["an exception", `load("forever", {}).start(null, 0, null, null); setTimeout(() => { throw new Error("enough"); }, 20);`, 1],
    [
      "process.exit() with workers in endless kernels",
      `const { Worker } = require("node:worker_threads");
       const code = ${JSON.stringify(prelude)} + ${JSON.stringify(`const { parentPort } = require("node:worker_threads"); ${FOREVER_NOW}`)};
       const other = ${JSON.stringify(prelude)} + ${JSON.stringify(`const { parentPort } = require("node:worker_threads"); ${FOREVER_LATER}`)};
       let ready = 0;
       for (const text of [code, other]) new Worker(text, { eval: true }).on("message", () => { if (++ready === 2) setTimeout(() => process.exit(8), 50); });`,
      8,
    ],
  ])("lets the process end by %s", (_, code, expected) => {
    const { output, status, signal } = runScript(code);
    const failed = expected === 1;
    expect({ status, signal, output: failed ? output.includes("Error: enough") : output }).toEqual({ status: expected, signal: null, output: failed ? true : "" });
  });

  it("keeps the process alive for a run, and no longer", () => {
    const waits = runScript(`
      const gate = new Float64Array(new SharedArrayBuffer(8));
      load("gated", { source: "f64", arrays: ["f64"] }).start(new Float64Array(3).fill(2), 3, null, [gate]).promise.then(({ report }) => console.log(new Float64Array(report)[4]));
      setTimeout(() => { gate[0] = 1; }, 50).unref();
      const { Worker } = require("node:worker_threads");
      new Worker("setTimeout(() => { require('node:worker_threads').workerData[0] = 1; }, 100)", { eval: true, workerData: gate }).unref();
    `);
    expect(waits).toEqual({ output: "6\n", status: 0, signal: null });
  });

  it("takes no new runs once the process is ending", () => {
    const { output, status } = runScript(`
      process.on("exit", () => {
        load("sum", { source: "f64" }).run(new Float64Array(2).fill(4), 2, null, null);
        console.log(new Float64Array(addon.control.buffer)[4]);
        try { load("forever", {}).start(null, 0, null, null); } catch (error) { console.log(error.message); }
      });
    `);
    expect({ output, status }).toEqual({ output: "8\nThe process is ending: no more kernels can be started\n", status: 0 });
  });

  it("ends on SIGTERM while kernels run here and elsewhere", async () => {
    const child = spawn(process.execPath, ["-e", `${prelude} load("forever", {}).start(null, 0, null, null); console.log("up"); load("forever", {}).run(null, 0, null, null);`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGTERM");
  });

  it("loads again and again, and closes what is collected", () => {
    const { output, status } = runScript(`
      require("node:v8").setFlagsFromString("--expose-gc");
      const gc = require("node:vm").runInNewContext("gc");
      const mapped = () => require("node:fs").readFileSync("/proc/self/maps", "utf8").includes("fixtures.so");
      let seen = [];
      (async () => {
        for (let i = 0; i < 200; i++) load("sum", { source: "f64", mapped: true });
        seen.push(process.platform !== "linux" || mapped());
        for (let i = 0; i < 10; i++) { gc(); await new Promise(resolve => setImmediate(resolve)); }
        seen.push(process.platform === "linux" && mapped());
        console.log(seen.join());
      })();
    `);
    expect({ output, status }).toEqual({ output: "true,false\n", status: 0 });
  });

  it.skipIf(process.platform !== "linux")("gives back the memory that it has copied objects into", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-objects-"));
    for (let at = 0; at < 100; at += 1) copyFileSync(objectFile, path.join(folder, `${at}.so`));
    const { output, status } = runScript(`
      require("node:v8").setFlagsFromString("--expose-gc");
      const gc = require("node:vm").runInNewContext("gc");
      const maps = () => require("node:fs").readFileSync("/proc/self/maps", "utf8").split("\\n");
      const before = maps().length;
      let loaded = [];
      (async () => {
        for (let i = 0; i < 100; i++) loaded.push(addon.load(${JSON.stringify(folder)} + "/" + i + ".so", "sum", { source: "f64", output: null, scalars: 0, arrays: [] }));
        const most = maps().length;
        loaded = [];
        for (let i = 0; i < 10; i++) { gc(); await new Promise(resolve => setImmediate(resolve)); }
        console.log(most - before > 200, maps().length - before < 50, maps().some(line => line.includes(".so") && line.includes(${JSON.stringify(folder)})));
      })();
    `);
    rmSync(folder, { recursive: true });
    expect({ output, status }).toEqual({ output: "true true false\n", status: 0 });
  });
});

