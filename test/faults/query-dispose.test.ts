/** The end of a runtime while it waits: for a back-off to pass, for a compiler that hangs. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as passed } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { BackendError, createRuntime, plugin, type Accelerator } from "../../src/index.js";
import { fakeCompiler, leftBehind, newBench, rejectionOf, watchedRuntime } from "./query-support.js";

const bench = newBench();
const many = new Float64Array(5000).fill(2);
const ended = "DC322: the runtime has been disposed of";
/** The compiler is asked which flags it takes, too. */
const FLAGS = 'for word in "$@"; do if [ "$word" = -fsyntax-only ]; then exit 0; fi; done';
/** Longer than any test. */
const LONG = { baseDelay: 1e6, maxDelay: 1e6, random: () => 1 };

const transient = (): BackendError => new BackendError("DC402", "busy", { kind: "transient" });

/** Resolves once something is so. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await passed(5);
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // One that has ended and that nobody has asked about is there, too.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

describe("dispose() while runs wait for another attempt", () => {
  const busy = (asked: string[], failing: "run" | "compile"): Accelerator => ({
    name: "busy",
    compile: plugin.compileJs,
    ...(failing === "compile" ? { cached: () => null, compileAsync: () => (asked.push("compile"), Promise.reject(transient())) } : {}),
    ...(failing === "run" ? { compile: () => ({ run: () => { asked.push("run"); throw transient(); } }) } : {}),
  });

  it.each(["run", "compile"] as const)("ends the wait at once, and refuses them (a failed %s)", async failing => {
    const asked: string[] = [];
    const runtime = createRuntime({ plugins: [busy(asked, failing)], backend: ["busy"], resilience: LONG, log: () => undefined });
    const outcomes = [runtime.compute(many).map(x => x + 1).on("busy").toArrayAsync(), runtime.compute(many).on("busy").sum().run()].map(rejectionOf);
    await until(() => asked.length === 2);
    await runtime.dispose();
    for (const outcome of await Promise.all(outcomes)) expect(String(outcome)).toContain(ended);
    expect(asked).toEqual([failing, failing]);
  });

  it("leaves a signal without listeners, however the wait ends", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = ((...given: Parameters<typeof add>) => ((listeners += 1), add(...given))) as typeof add;
    signal.removeEventListener = ((...given: Parameters<typeof remove>) => ((listeners -= 1), remove(...given))) as typeof remove;
    const asked: string[] = [];
    const runtime = createRuntime({ plugins: [busy(asked, "run")], backend: ["busy"], resilience: { baseDelay: 1, random: () => 1 }, log: () => undefined });
    const array = new Float64Array(4);
    const failed = await rejectionOf(runtime.compute(array).on("busy").sum().run({ signal }));
    expect(failed).toBeInstanceOf(BackendError);
    expect(asked).toEqual(["run", "run", "run"]);
    expect(listeners).toBe(0);
  });
});

describe.skipIf(bench.obstacle !== null)(`dispose() while a compiler hangs${bench.obstacle === null ? "" : ` (skipped: ${bench.obstacle})`}`, () => {
  describe.each([
    ["at its work", FLAGS, false],
    ["when it is asked its version", "", true],
  ])("%s", (_, before, all) => {
    const hanging = (name: string): { readonly compiler: string; readonly pids: string } => {
      const pids = path.join(bench.folder, `${name}-${String(all)}.pids`);
      return { compiler: fakeCompiler(bench.folder, `${name}-${String(all)}`, `${before}\nsleep 1000 & echo $$ $! > ${pids}.new && mv ${pids}.new ${pids}\nwait`, all), pids };
    };
    const pidsIn = (file: string): number[] => readFileSync(file, "utf8").trim().split(" ").map(Number);

    it("stops it, with what it has started, and says nothing of it", async () => {
      const { compiler, pids } = hanging("background");
      const cacheFolder = path.join(bench.folder, `cache-background-${String(all)}`);
      const { runtime, lines } = watchedRuntime({ compiler, cacheFolder });
      expect(runtime.compute(many).map(x => x * 3).sum().value()).toBe(30_000);
      await until(() => existsSync(pids));
      await runtime.dispose();
      await until(() => !pidsIn(pids).some(isAlive));
      expect(lines).toEqual([]);
      if (existsSync(cacheFolder)) expect(leftBehind(cacheFolder)).toEqual([]);
    });

    it("refuses those who wait for it: runs that insist, and precompile()", async () => {
      const { compiler, pids } = hanging("awaited");
      const { runtime } = watchedRuntime({ compiler, cacheFolder: path.join(bench.folder, `cache-awaited-${String(all)}`) });
      const outcomes = [runtime.compute(many).map(x => x * 3).on("cpu").sum().run(), runtime.precompile(runtime.compute(many).max())].map(rejectionOf);
      await until(() => existsSync(pids));
      await runtime.dispose();
      for (const outcome of await Promise.all(outcomes)) expect(String(outcome)).toContain(ended);
      await until(() => !pidsIn(pids).some(isAlive));
    });

    it("leaves the compilers of another runtime alone, for the same kernel, too", async () => {
      const cacheFolder = path.join(bench.folder, `cache-shared-${String(all)}`);
      const [one, other] = [hanging("one"), hanging("other")];
      const [first, second] = [one, other].map(({ compiler }) => watchedRuntime({ compiler, cacheFolder }).runtime) as [ReturnType<typeof createRuntime>, ReturnType<typeof createRuntime>];
      for (const runtime of [first, second]) expect(runtime.compute(many).map(x => x * 5).sum().value()).toBe(50_000);
      await until(() => existsSync(one.pids) && existsSync(other.pids));
      await first.dispose();
      await until(() => !pidsIn(one.pids).some(isAlive));
      expect(pidsIn(other.pids).map(isAlive)).toEqual([true, true]);
      await second.dispose();
      await until(() => !pidsIn(other.pids).some(isAlive));
    });
  });
});
