/** The addon's CUDA half in many environments, and at their ends: nothing crashes, nothing hangs, and what can be given back is. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { addonCandidates, packageRoot } from "../../src/backends/cpu/load-addon.js";
import { Fake, unavailable } from "./cuda-fake.js";

const addonFile = addonCandidates(packageRoot() ?? "").find(file => existsSync(file)) ?? "";

describe.skipIf(unavailable !== null)("CUDA driver, environments", () => {
  const fake = unavailable === null ? new Fake() : (null as unknown as Fake);
  afterEach(() => fake.set({}));

  /** JavaScript for workers and other processes: a stream, memory of 8 MiB and the kernel are there. */
  const prelude = (library = fake.copy()): string => `
    const cuda = require(${JSON.stringify(addonFile)}).cuda();
    const { driver } = cuda.openDriver(${JSON.stringify(library)});
    const context = cuda.context(driver, 0), stream = cuda.stream(context);
    const { memory, address } = cuda.allocate(stream, 1 << 23);
    const add = cuda.function(cuda.module(context, Buffer.from("fake")), "add").function;
    const flag = cuda.flag(context);
    const launch = (count, value) => {
      const bytes = new ArrayBuffer(24);
      new BigUint64Array(bytes).set([address, BigInt(count)]);
      new Float64Array(bytes)[2] = value;
      cuda.launch(stream, add, [1, 1, 1], [32, 1, 1], 0, new Uint8Array(bytes));
    };
    const big = new Float64Array(1 << 20).fill(1), out = new Float64Array(1 << 20);
  `;

  const runScript = (code: string, before = prelude()) => {
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, ["-e", before + code], { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL" });
    return { output: stdout + stderr, status, signal };
  };
  const startWorker = (code: string, before = prelude()): Worker => new Worker(`const { parentPort } = require("node:worker_threads");${before}\n${code}`, { eval: true });

  it("gives everything back in order at the end of the process", () => {
    fake.calls();
    expect(runScript(`cuda.write(stream, memory, 0, big); launch(8, 1); cuda.read(stream, memory, 0, out); console.log(out[7], out[8]); cuda.event(context, false); process.on("exit", () => { try { launch(1, 1); } catch (error) { console.log(error.message); } });`)).toEqual({
      output: "2 1\nThe process or the worker is ending: nothing more runs on the CUDA device\n",
      status: 0,
      signal: null,
    });
    const calls = fake.calls();
    const count = (name: string): number => calls.filter(call => call === name).length;
    expect(calls).not.toContain("no context");
    expect(count("cuMemFreeHost")).toBe(count("cuMemAllocHost"));
    expect(count("cuEventDestroy")).toBe(count("cuEventCreate"));
    expect(count("cuMemFreeAsync")).toBe(1);
    expect(count("cuModuleUnload")).toBe(1);
    expect(calls.slice(-2)).toEqual(["cuStreamDestroy", "cuDevicePrimaryCtxRelease"]);
    expect(calls.indexOf("cuMemFreeAsync")).toBeLessThan(calls.indexOf("cuStreamDestroy"));
  });

  const HANG = `require("node:fs").writeFileSync(${JSON.stringify(`${fake?.folder}/settings`)}, "hang=1\\n"); launch(1, 1);`;

  it.each([
    ["process.exit()", `cuda.readLater(stream, memory, 0, out); setTimeout(() => process.exit(5), 50);`, 5],
    ["process.exit() at once", `cuda.writeLater(stream, memory, 0, big); cuda.readLater(stream, memory, 0, out); process.exit(6);`, 6],
    ["an exception", `cuda.synchroniseLater(stream); setTimeout(() => { throw new Error("enough"); }, 20);`, 1],
    ["a wait on another stream", `const other = cuda.stream(context), event = cuda.event(context, false); cuda.synchroniseLater(stream); cuda.record(stream, event); cuda.wait(other, event); cuda.readLater(other, memory, 0, out); setTimeout(() => process.exit(7), 50);`, 7],
  ])("lets the process end by %s while a kernel never ends", (_, code, expected) => {
    const { output, status, signal } = runScript(HANG + code);
    const failed = expected === 1;
    expect({ status, signal, output: failed ? output.includes("Error: enough") : output }).toEqual({ status: expected, signal: null, output: failed ? true : "" });
    // Nothing that the device may still be using.
    expect(fake.calls().slice(-1)).not.toContain("cuDevicePrimaryCtxRelease");
  });

  /** Another device with a stream and memory, where there are two. */
  const SECOND = `const second = cuda.context(driver, 1), other = cuda.stream(second), there = cuda.allocate(other, 1 << 23).memory;`;

  it("gives back what it has of several devices, each in order", () => {
    fake.set({ devices: 2 });
    fake.calls();
    expect(runScript(`${SECOND} cuda.write(other, there, 0, big); cuda.readLater(stream, memory, 0, out); cuda.readLater(other, there, 0, big); process.exit(3);`)).toEqual({ output: "", status: 3, signal: null });
    const calls = fake.calls();
    const count = (name: string): number => calls.filter(call => call === name).length;
    expect([count("cuDevicePrimaryCtxRetain"), count("cuDevicePrimaryCtxRelease"), count("cuMemFreeAsync"), count("cuStreamDestroy")]).toEqual([2, 2, 2, 2]);
    expect(calls.lastIndexOf("cuStreamDestroy")).toBeLessThan(calls.indexOf("cuDevicePrimaryCtxRelease"));
  });

  it("lets the process and workers end while kernels of several devices never do", async () => {
    fake.set({ devices: 2 });
    const waits = `${SECOND} ${HANG} cuda.synchroniseLater(stream); cuda.writeLater(other, there, 0, big); cuda.synchroniseLater(other);`;
    expect(runScript(`${waits} setTimeout(() => process.exit(8), 50);`)).toEqual({ output: "", status: 8, signal: null });
    expect(fake.calls().slice(-1)).not.toContain("cuDevicePrimaryCtxRelease");
    fake.set({ devices: 2 });
    const worker = startWorker(`${waits} parentPort.postMessage("waits");`);
    await once(worker, "message");
    await worker.terminate();
  });

  it("keeps the process alive for a promise, and no longer", () => {
    fake.set({ delay: 100 });
    expect(runScript(`cuda.writeLater(stream, memory, 0, big); launch(1 << 20, 1); cuda.readLater(stream, memory, 0, out).then(() => console.log(out[0]));`)).toEqual({ output: "2\n", status: 0, signal: null });
  });

  it("ends on SIGTERM in a wait without end", async () => {
    const child = spawn(process.execPath, ["-e", `${prelude()} ${HANG} console.log("up"); cuda.synchronise(stream);`], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGTERM");
  });

  it.each([
    ["on another thread", `cuda.readLater(stream, memory, 0, out); parentPort.postMessage("waits");`],
    ["on its own thread", `parentPort.postMessage("waits"); cuda.synchronise(stream);`],
    ["behind others on its own thread", `cuda.synchroniseLater(stream); parentPort.postMessage("waits"); cuda.read(stream, memory, 0, out);`],
  ])("lets a worker be terminated that waits without end, %s", async (_, code) => {
    const worker = startWorker(HANG + code);
    await once(worker, "message");
    await worker.terminate();
    fake.set({});
    fake.context().stream().synchronise();
  });

  it("works in several workers at once, on one driver", async () => {
    const library = fake.copy();
    const workers = Array.from({ length: 4 }, (_, place) =>
      startWorker(
        `(async () => {
          let wrong = 0;
          for (let i = 0; i < 30; i++) {
            big.fill(${place});
            cuda.write(stream, memory, 0, big);
            launch(1 << 20, 1);
            await cuda.readLater(stream, memory, 0, out);
            if (!out.every(x => x === ${place + 1})) wrong++;
            const event = cuda.event(context, false);
            cuda.record(stream, event);
            cuda.release(event);
          }
          parentPort.postMessage(wrong);
        })();`,
        prelude(library),
      ),
    );
    const ends = workers.map(worker => once(worker, "exit"));
    const answers = await Promise.all(workers.map(async worker => ((await once(worker, "message")) as [number])[0]));
    await Promise.all(ends);
    expect(answers).toEqual([0, 0, 0, 0]);
    expect(fake.calls()).not.toContain("no context");
  });

  it("survives workers that come and go in the middle of work", async () => {
    fake.set({ delay: 20 });
    const library = fake.copy();
    for (let round = 0; round < 4; round++) {
      const workers = Array.from({ length: 3 }, () =>
        startWorker(`for (let i = 0; i < 20; i++) { cuda.writeLater(stream, memory, 0, big); launch(1 << 20, 1); cuda.readLater(stream, memory, 0, out); } parentPort.postMessage("up");`, prelude(library)),
      );
      await Promise.all(workers.map(worker => once(worker, "message")));
      await Promise.all(workers.map(worker => worker.terminate()));
    }
  });

  it("gives back what is collected", () => {
    const result = runScript(
      `const { memory: start } = { memory: cuda.memory(context).free };
       for (let i = 0; i < 100; i++) { const taken = cuda.allocate(stream, 1 << 20); cuda.release(taken.memory); cuda.synchronise(stream); }
       console.log(cuda.memory(context).free === start);`,
    );
    expect(result).toEqual({ output: "true\n", status: 0, signal: null });
  });
});
