/** Shared objects that are cut short under the processes that have loaded them: a touch of what was mapped would end these. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createRuntime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-own-memory-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const library = pathToFileURL(path.resolve(import.meta.dirname, "../../dist/index.js")).href;

/** Main thread and workers load the same object; it is cut short; all run again what they have loaded, also what none has touched before. */
const SCRIPT = `
import { readdirSync, readFileSync, truncateSync } from "node:fs";
import path from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
const { createRuntime } = await import(${JSON.stringify(library)});
const folder = isMainThread ? process.argv[2] : workerData;
const runtime = createRuntime({ backend: "cpu", cacheFolder: folder, compile: { debug: process.env.DEBUG_KERNELS === "1" } });
const data = Float64Array.from({ length: 5000 }, (_, at) => at / 7);
const query = runtime.compute(data).map(x => Math.sin(x) * 7 + Math.exp(-x));
const expected = createRuntime({ backend: "js" }).compute(data).map(x => Math.sin(x) * 7 + Math.exp(-x)).toArray();
const sound = () => Buffer.compare(Buffer.from(query.toArray().buffer), Buffer.from(expected.buffer)) === 0;
const mapped = () => / r-xp .*kernel[.]so/.test(readFileSync("/proc/self/maps", "utf8"));
if (!isMainThread) {
  parentPort.postMessage(sound());
  parentPort.on("message", () => parentPort.postMessage(sound()));
} else {
  const answer = worker => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  const before = sound();
  const workers = [1, 2].map(() => new Worker(new URL(import.meta.url), { workerData: folder }));
  const first = await Promise.all(workers.map(answer));
  const stays = mapped();
  if (process.env.DEBUG_KERNELS !== "1") for (const name of readdirSync(folder, { recursive: true })) if (name.endsWith(".so")) truncateSync(path.join(folder, name), 0);
  const again = workers.map(answer);
  for (const worker of workers) worker.postMessage("again");
  const second = await Promise.all(again);
  // One ends, and gives back what it has loaded; the others still have it.
  await workers[0].terminate();
  console.log(JSON.stringify({ before, first, second, after: sound(), stays }));
  await workers[1].terminate();
}
`;

describe.skipIf(whyNoCpu !== null || process.platform !== "linux")("loaded kernels", () => {
  const script = path.join(base, "script.mjs");
  writeFileSync(script, SCRIPT);
  const run = (folder: string, debug: boolean) => {
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, [script, path.join(base, folder)], { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "", DEBUG_KERNELS: debug ? "1" : "0" } });
    return { stderr, status, signal, told: stdout === "" ? null : (JSON.parse(stdout) as unknown) };
  };

  it("outlive their files, in workers, too", () => {
    expect(run("usual", false)).toEqual({ stderr: "", status: 0, signal: null, told: { before: true, first: [true, true], second: [true, true], after: true, stays: false } });
  });

  it("are not taken for others whose files have been removed, and whose numbers the system gives to new files", () => {
    const folder = path.join(base, "removed");
    const runtime = createRuntime({ backend: "cpu", cacheFolder: folder });
    const data = Float64Array.of(1, 2, 3);
    const lambdas: readonly ((x: number) => number)[] = [x => x * 2, x => x - 4, x => x * x, x => x + 9, x => x / 2, x => 7 - x, x => x * x * x, x => 1 / x];
    for (const lambda of lambdas) {
      expect(runtime.compute(data).map(lambda).toArray()).toEqual(data.map(lambda));
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("stay mapped from them where debuggers and profilers are to find their code", () => {
    expect(run("debug", true)).toMatchObject({ status: 0, told: { before: true, after: true, stays: true } });
  });
});
