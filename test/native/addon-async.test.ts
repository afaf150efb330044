/** Runs on the addon's own threads: memory that is taken away in flight, stopping, and what happens where something is lacking. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { CONTROL, STATUS, type NativeRun } from "../../src/backends/cpu/addon.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { addon, load, newGate, prelude, unavailable } from "./fixtures.js";

interface Ended {
  readonly status: number | undefined;
  readonly value: number | undefined;
  readonly count: number | undefined;
  readonly output: AnyTypedArray | null;
}

async function ended(run: NativeRun): Promise<Ended> {
  const { report, output } = await run.promise;
  const f64 = new Float64Array(report);
  return { status: new Int32Array(report)[2 * CONTROL.status], value: f64[CONTROL.value], count: f64[CONTROL.count], output: output as AnyTypedArray | null };
}

const detach = (array: Float64Array): void => void structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
const resizable = (bytes: number): ArrayBuffer & { resize(bytes: number): void } =>
  new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer & { resize(bytes: number): void })(bytes, { maxByteLength: bytes });

const gated = () => load("gated", { source: "f64", arrays: ["f64"] });
const gatedCopy = () => load("gated", { source: "f64", output: "f64", arrays: ["f64"] });

/** Runs CommonJS code in a worker until it posts something. */
async function inWorker(code: string): Promise<unknown> {
  const worker = new Worker(`${prelude}\nconst { parentPort } = require("node:worker_threads");\n(async () => { ${code} })().catch(error => parentPort.postMessage(String(error)));`, { eval: true });
  const [message] = (await once(worker, "message")) as [unknown];
  await worker.terminate();
  return message;
}

describe.skipIf(unavailable !== null)("native addon, runs on other threads", () => {
  it("gives what a run on this thread gives", async () => {
    const source = Float64Array.from({ length: 300_000 }, (_, i) => (i % 2 === 0 ? i : -i));
    const sum = load("sum", { source: "f64" });
    expect(await ended(sum.start(source, 10, null, null))).toEqual({ status: STATUS.done, value: -5, count: 10, output: null });
    const positive = load("positive", { source: "f64", output: "f64" });
    expect((await ended(positive.start(source, source.length, null, null))).output).toEqual(source.filter(x => x > 0));
    expect((await ended(positive.start(source, 100, null, null))).output).toEqual(source.slice(0, 100).filter(x => x > 0));
    const output = new Float64Array(8);
    expect(await ended(positive.start(source, 8, output, null))).toEqual({ status: STATUS.done, value: 0, count: 3, output: null });
    expect(Array.from(output)).toEqual([2, 4, 6, 0, 0, 0, 0, 0]);
  });

  it("leaves the calling thread free, and runs many at once", async () => {
    const gate = newGate();
    const source = Float64Array.of(1, 2, 3);
    const runs = Array.from({ length: 20 }, () => gated().start(source, 3, null, [gate.array]));
    expect(addon.inFlight()).toBe(20);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(addon.inFlight()).toBe(20);
    gate.open();
    const results = await Promise.all(runs.map(ended));
    expect(results.map(({ value }) => value)).toEqual(Array(20).fill(6));
    expect(addon.inFlight()).toBe(0);
  });

  it("takes scalars and arrays as they are when it starts", async () => {
    const gate = newGate();
    const scalars = new Float64Array(addon.control.buffer);
    const arrays = [gate.array];
    scalars[CONTROL.scalars] = 5;
    const run = load("gated_scalar", { scalars: 1, arrays: ["f64"] }).start(null, 0, null, arrays);
    scalars[CONTROL.scalars] = 6;
    arrays.pop();
    gate.open();
    expect((await ended(run)).value).toBe(5);
  });

  it("keeps the memory of arrays that are detached in flight", async () => {
    const gate = newGate();
    const source = Float64Array.from({ length: 1 << 20 }, () => 1);
    const run = gated().start(source, source.length, null, [gate.array]);
    detach(source);
    expect(source.length).toBe(0);
    // What the detached memory could be given to.
    const others = Array.from({ length: 8 }, () => new Float64Array(1 << 20).fill(7));
    gate.open();
    expect((await ended(run)).value).toBe(1 << 20);
    expect(others.length).toBe(8);
  });

  it("keeps an output that is detached in flight", async () => {
    const gate = newGate();
    const output = new Float64Array(1 << 20);
    const source = new Float64Array(1 << 20).fill(3);
    const run = gatedCopy().start(source, source.length, output, [gate.array]);
    const moved = structuredClone(output, { transfer: [output.buffer] });
    gate.open();
    expect((await ended(run)).status).toBe(STATUS.done);
    expect(moved.every(x => x === 3)).toBe(true);
  });

  it("works on a copy of memory that can shrink", async () => {
    const gate = newGate();
    const buffer = resizable(1 << 20);
    const source = new Float64Array(buffer).fill(1);
    const run = gated().start(source, 1 << 17, null, [gate.array]);
    buffer.resize(8);
    gate.open();
    expect((await ended(run)).value).toBe(1 << 17);
    expect(() => gatedCopy().start(new Float64Array(2), 2, new Float64Array(resizable(16)), [gate.array])).toThrow(
      new TypeError("output may not lie in a resizable ArrayBuffer, or in one whose memory cannot be held, while a kernel runs on another thread"),
    );
  });

  it("stops one run when told, and only that", async () => {
    const gate = newGate();
    const forever = load("forever", {});
    const first = forever.start(null, 0, null, null);
    const second = gated().start(Float64Array.of(1), 1, null, [gate.array]);
    expect(first.id).not.toBe(second.id);
    addon.stop(first.id);
    expect((await ended(first)).status).toBe(STATUS.stopped);
    expect(addon.inFlight()).toBe(1);
    gate.open();
    expect(await ended(second)).toMatchObject({ status: STATUS.done, value: 1 });
    addon.stop(first.id); // long over
    addon.stop(12345);
  });

  it("never begins a run that was stopped while it waited, and comes to the others", async () => {
    const gate = newGate();
    const busy = Array.from({ length: 64 }, () => gated().start(Float64Array.of(1), 1, null, [gate.array]));
    const waiting = load("forever", {}).start(null, 0, null, null);
    addon.stop(waiting.id);
    gate.open();
    await Promise.all(busy.map(ended));
    expect((await ended(waiting)).status).toBe(STATUS.stopped);
  });

  it("keeps a kernel loaded while it runs, and all that it needs", async () => {
    const result = await inWorker(`
      const gate = new Float64Array(new SharedArrayBuffer(8));
      require("node:v8").setFlagsFromString("--expose-gc");
      const gc = require("node:vm").runInNewContext("gc");
      const begin = () => load("gated", { source: "f64", arrays: ["f64"] }).start(new Float64Array(100000).fill(2), 100000, null, [gate]).promise;
      const runs = Array.from({ length: 8 }, begin);
      for (let i = 0; i < 5; i++) { gc(); await new Promise(resolve => setImmediate(resolve)); }
      gate[0] = 1;
      parentPort.postMessage((await Promise.all(runs)).map(({ report }) => new Float64Array(report)[4]));
    `);
    expect(result).toEqual(Array(8).fill(200000));
  });

  describe("without what an engine or a machine may lack", () => {
    const many = 400_000;
    const filterLarge = `
      const source = new Float64Array(${many}).map((_, i) => i % 2 ? i : -i);
      const positive = load("positive", { source: "f64", output: "f64" });
      const expected = source.filter(x => x > 0);
      const same = (a, b) => Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;
      const now = positive.run(source, source.length, null, null);
      const later = (await positive.start(source, source.length, null, null).promise).output;
      parentPort.postMessage([same(now, expected), same(later, expected), now.buffer.byteLength === expected.byteLength]);
    `;

    it("makes large outputs through Node-API where the engine takes no backing store", async () => {
      expect(await inWorker(`addon.forgo({ stores: true }); ${filterLarge}`)).toEqual([true, true, true]);
    });

    it("copies large outputs where external memory is not allowed", async () => {
      expect(await inWorker(`addon.forgo({ externals: true }); ${filterLarge}`)).toEqual([true, true, true]);
    });

    it("works on copies where memory cannot be held, and takes no output then", async () => {
      const result = await inWorker(`
        addon.forgo({ pinning: true });
        const gate = new Float64Array(new SharedArrayBuffer(8));
        const source = new Float64Array(1000).fill(2);
        // A copied gate never opens: it has to be open before.
        gate[0] = 1;
        const run = load("gated", { source: "f64", arrays: ["f64"] }).start(source, 1000, null, [gate]);
        structuredClone(source, { transfer: [source.buffer] });
        const value = new Float64Array((await run.promise).report)[4];
        let refused = "";
        try { load("positive", { source: "f64", output: "f64" }).start(new Float64Array(1), 1, new Float64Array(1), null); } catch (error) { refused = error.constructor.name; }
        parentPort.postMessage([addon.pins, value, refused]);
      `);
      expect(result).toEqual([false, 2000, "TypeError"]);
    });

    it("says so where no thread can be started", async () => {
      const result = await inWorker(`
        addon.forgo({ threads: true });
        try { load("forever", {}).start(null, 0, null, null); } catch (error) { parentPort.postMessage([error.message, addon.inFlight()]); }
      `);
      expect(result).toEqual([expect.stringMatching(/^Cannot start a thread for the kernel: /), 0]);
    });
  });
});
