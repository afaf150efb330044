/**
 * Runs that are aborted at every await: before each turn of a promise, a timer, a file or a thread that the run waits for, one after the
 * other, until it is quicker than the abort. Each ends with the right result or with the signal's own reason, listens to the signal no
 * more, leaves no timer, compiler or file behind, and the next run is right.
 */
import { createHook, executionAsyncResource } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { copyFileSync, existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { BackendError, createRuntime, plugin, stream, type Accelerator, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";
import { fakeCompiler, leftBehind, newBench } from "./query-support.js";

const bench = newBench();
const LENGTH = 3000;
const data = Float64Array.from({ length: LENGTH }, (_, at) => (at * 7919) % 1013 - 500);
const keys = Int32Array.from({ length: LENGTH }, (_, at) => at % 17);

interface Case {
  /** One run, which heeds the signal. */
  readonly run: (signal: AbortSignal | undefined) => Promise<unknown>;
  readonly wanted: unknown;
  /** What is counted before and after: must be the same. */
  readonly held?: () => unknown;
  readonly settled?: () => Promise<void>;
  /** Only every so many turns, where a run takes long. */
  readonly step?: number;
}

const doubled = data.map(x => x * 2);
const total = data.reduce((sum, x) => sum + x * 2, 0);

/** Compiles nothing itself: it copies what the real compiler has made of the same kernel. */
function coldCase(): Case {
  const kept = path.join(bench.folder, "kept.so");
  const script = 'for word in "$@"; do if [ "$word" = -fsyntax-only ]; then exit 0; fi; done\nfor word in "$@"; do [ "$previous" = -o ] && OUT=$word; previous=$word; done\n';
  const real = fakeCompiler(bench.folder, "real", `${script}c++ "$@" && cp "$OUT" ${kept}`);
  const first = createRuntime({ backend: "cpu", compiler: real, cacheFolder: path.join(bench.folder, "first") });
  expect(first.compute(data).map(x => x * 2).toArray()).toEqual(doubled);
  copyFileSync(kept, `${kept}.sound`);
  const compiler = fakeCompiler(bench.folder, "copying", `${script}cp ${kept}.sound "$OUT"`);
  let count = 0;
  let runtime: Runtime | null = null;
  const folder = (): string => path.join(bench.folder, `cold-${count}`);
  return {
    run(signal) {
      count += 1;
      runtime = createRuntime({ backend: "cpu", compiler, cacheFolder: folder() });
      return runtime.compute(data).map(x => x * 2).toArrayAsync({ signal });
    },
    wanted: doubled,
    step: 4,
    async settled() {
      await runtime?.dispose();
      if (existsSync(folder())) expect(leftBehind(folder())).toEqual([]);
    },
  };
}

/** Fails once at a time, and is tried again after a while. */
function flakyCase(): Case {
  let failing = false;
  const flaky: Accelerator = {
    name: "flaky",
    compile: kernel => ({
      run(call) {
        failing = !failing;
        if (failing) throw new BackendError("DC407", "not now", { kind: "transient" });
        return plugin.interpret(kernel, call);
      },
    }),
  };
  const runtime = createRuntime({ plugins: [flaky], backend: ["flaky"], log: () => undefined, resilience: { baseDelay: 50, maxDelay: 50, random: () => 1 } });
  return { run: signal => runtime.compute(data).map(x => x * 2).toArrayAsync({ signal }), wanted: doubled };
}

function cudaCase(): Case {
  const standIn = newStandIn({ devices: 2, deferred: true });
  const runtime = runtimeOn({ backend: "cuda", log: () => undefined }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => standIn.backend({ devices: [0, 1], leastShare: 1024, chunkBytes: 8192 }) });
  return {
    run: signal => runtime.compute(data).map(x => x * 2).toArrayAsync({ signal }),
    wanted: doubled,
    held: () => {
      const { modules, contexts, streams } = standIn.driver.counters();
      return { modules, contexts, streams, used: runtime.devices().map(device => device.memory.usage().used) };
    },
  };
}

const on = (runtime: Runtime, run: (runtime: Runtime, signal: AbortSignal | undefined) => Promise<unknown>, wanted: unknown, more: Partial<Case> = {}): Case => ({ run: signal => run(runtime, signal), wanted, ...more });

/** Sources of a stream that are open. */
let open = 0;
async function* pieces(): AsyncGenerator<Float64Array> {
  open += 1;
  try {
    for (let from = 0; from < LENGTH; from += 1000) {
      await Promise.resolve();
      yield data.slice(from, from + 1000);
    }
  } finally {
    open -= 1;
  }
}

const grouped = async (runtime: Runtime, signal: AbortSignal | undefined): Promise<unknown> => {
  const columns = await runtime.compute({ key: keys, x: data }).filter(r => r.x > -400).groupBy(r => r.key).aggregate({ n: g => g.count(), total: g => g.sum(r => r.x) }).orderByDescending(r => r.total).toColumnsAsync({ signal });
  return columns.total;
};
const scripted = createRuntime({ backend: "js" });
const totals = await grouped(scripted, undefined);
const scale = (runtime: Runtime) => runtime.kernel("scale", (i, x: Float64Array, out: Float64Array) => { out[i] = x[i]! * 2; });

const CASES: Readonly<Record<string, () => Case>> = {
  "a query on js": () => on(scripted, (r, signal) => r.compute(data).map(x => x * 2).toArrayAsync({ signal }), doubled),
  "a query on cpu, its kernel loaded": () => on(bench.cpu, (r, signal) => r.compute(data).map(x => x * 2).toArrayAsync({ signal }), doubled),
  "a query on cpu, its kernel compiled": coldCase,
  "a value": () => on(bench.cpu, (r, signal) => r.compute(data).map(x => x * 2).sum().run({ signal }), total),
  "a query that is prepared": () => {
    const prepared = bench.cpu.compute(data).map(x => x * 2).prepare();
    return on(bench.cpu, (_r, signal) => prepared.async(undefined, undefined, { signal }), doubled);
  },
  "a buffer": () => on(bench.cpu, async (r, signal) => {
    using buffer = await r.compute(data).map(x => x * 2).toBufferAsync({ signal });
    return buffer.toArray();
  }, doubled),
  "rows that are moved between kernels": () => on(bench.cpu, grouped, totals),
  "a stream": () => on(bench.cpu, (r, signal) => r.compute(stream(pieces(), Float64Array)).map(x => x * 2).sum().run({ signal }), total, { held: () => open }),
  "a named kernel": () => {
    const kernel = scale(bench.cpu);
    return on(bench.cpu, async (_r, signal) => {
      const out = new Float64Array(LENGTH);
      await kernel.async(data, out, { signal });
      return out;
    }, doubled);
  },
  "verify()": () => on(bench.cpu, async (r, signal) => (await r.compute(data).map(x => x * 2).verify({ runs: 4, seed: 3, signal })).same, true),
  "a wait before the next attempt": flakyCase,
  ...(unavailable === null ? { "transfers of cuda": cudaCase } : {}),
};

/** Resumptions since it was begun; does `act` before the nth. */
class Turns {
  private count = 0;
  private act: (() => void) | null = null;
  private nth = 0;
  private readonly hook = createHook({
    before: () => {
      // No one can abort between a timer's end and its callback.
      if (executionAsyncResource().constructor.name === "Timeout") return;
      this.count += 1;
      if (this.count !== this.nth) return;
      const { act } = this;
      this.act = null;
      act?.();
    },
  });

  /** Gives how many there were. */
  async during(nth: number, act: () => void, work: () => Promise<void>): Promise<number> {
    [this.count, this.nth, this.act] = [0, nth, act];
    this.hook.enable();
    try {
      await work();
      return this.count;
    } finally {
      this.hook.disable();
    }
  }
}

describe.skipIf(bench.obstacle !== null)(`aborted at every await${bench.obstacle === null ? "" : ` (skipped: ${bench.obstacle})`}`, () => {
  it.each(Object.keys(CASES))("%s", async name => {
    const { run, wanted, held, settled, step = 1 } = (CASES[name] as () => Case)();
    const right = async (): Promise<void> => {
      expect(await run(undefined)).toEqual(wanted);
      await settled?.();
    };
    await right();
    const turns = new Turns();
    const outcomes = { right: 0, aborted: 0 };
    const before = held?.();
    for (let nth = 1, count = Infinity; nth <= count && nth < 300; nth += step) {
      const control = new AbortController();
      const reason = new Error(`enough, before turn ${nth}`);
      let outcome: unknown;
      count = await turns.during(nth, () => control.abort(reason), async () => {
        outcome = await run(control.signal).catch((error: unknown) => error);
      });
      if (outcome === reason) outcomes.aborted += 1;
      else {
        expect(outcome).toEqual(wanted);
        outcomes.right += 1;
      }
      // A listener is taken off in a turn of its own.
      await Promise.resolve();
      expect(getEventListeners(control.signal, "abort")).toEqual([]);
      await settled?.();
      if (nth % 5 === 1) await right();
      // Memory of a device is given back by the streams' own threads.
      if (held !== undefined) await expect.poll(() => ({ nth, held: held() }), { interval: 1 }).toEqual({ nth, held: before });
    }
    await right();
    expect(outcomes.aborted).toBeGreaterThan(0);
  });

  it("and whenever it tells how far it is", async () => {
    let now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 150));
    try {
      const query = () => bench.cpu.compute(stream(pieces(), Float64Array)).map(x => x * 2).sum();
      for (let nth = 1, told = Infinity; nth <= told; nth++) {
        told = 0;
        const control = new AbortController();
        const reason = new Error("enough");
        const outcome = await query().run({ signal: control.signal, onProgress: () => ++told === nth && control.abort(reason) }).catch((error: unknown) => error);
        if (nth < told) expect(outcome).toBe(reason);
        else expect([reason, total]).toContain(outcome);
        expect([getEventListeners(control.signal, "abort"), open]).toEqual([[], 0]);
      }
      expect(await query()).toBe(total);
    } finally {
      clock.mockRestore();
    }
  });

  it("in a wait for the next attempt leaves no timer", async () => {
    const flaky: Accelerator = { name: "flaky", compile: () => ({ run: () => { throw new BackendError("DC407", "not now", { kind: "transient" }); } }) };
    const control = new AbortController();
    const reason = new Error("enough");
    const runtime = createRuntime({ plugins: [flaky], backend: ["flaky"], log: () => undefined, resilience: { baseDelay: 60_000, maxDelay: 60_000, random: () => 1 } });
    const timers = (): number => process.getActiveResourcesInfo().filter(name => name === "Timeout").length;
    const before = timers();
    const running = runtime.compute(data).map(x => x * 2).toArrayAsync({ signal: control.signal });
    while (timers() === before) await new Promise(resolve => setImmediate(resolve));
    control.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
