/** Whoever listens to a runtime has no say in what it computes: their failures are warnings of the process, each once. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, plugin, type Logger, type Runtime, type RuntimeOptions, type SharedStore } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import type { Events } from "../../src/runtime/events.js";

const data = Float64Array.of(3, -1, 2);
const own = new Error("the listener's own");
const fail = (): never => {
  throw own;
};
const reject = async (): Promise<never> => Promise.reject(own);

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => void (warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined)));
afterEach(() => vi.restoreAllMocks());

/** A runtime whose cpu has no compiler, so that there is something to tell. */
const failing = (options: RuntimeOptions) => runtimeOn({ backend: ["cpu", "js"], ...options }, { js: createJsBackend, cpu: () => ({ compile: () => { throw new BackendError("DC403", "no compiler today"); } }) });

const instruments = { record: fail, add: fail, addCallback: () => undefined };
const telemetry = {
  metrics: { getMeter: () => ({ createHistogram: () => ({ ...instruments }), createCounter: () => ({ ...instruments }), createObservableGauge: () => instruments }) },
  trace: { getTracerProvider: () => ({}), getTracer: () => ({ startSpan: fail }), setSpan: fail },
  context: { active: () => null },
};
const logger: Logger = { debug: fail, info: fail, warn: fail, error: fail };
const rejecting: Logger = { debug: reject, info: reject, warn: reject, error: reject };

const listeners: readonly (readonly [who: string, what: string, options: RuntimeOptions])[] = [
  ["log", "throws", { log: fail }],
  ["log", "gives a promise that is rejected", { log: reject as never }],
  ["onRun", "throws", { onRun: fail }],
  ["onRun", "gives a promise that is rejected", { onRun: reject as never }],
  ["logger", "throws", { logger }],
  ["logger", "throws for every run", { logger, logLevel: "debug" }],
  ["logger", "gives promises that are rejected", { logger: rejecting }],
  ["telemetry", "throws", { telemetry }],
];

describe("what a listener throws", () => {
  it.each(listeners)("%s: that %s changes no result, and is one warning", async (who, _what, options) => {
    const runtime = failing({ log: () => undefined, ...options });
    for (let run = 0; run < 3; run += 1) {
      expect(runtime.compute(data).map(x => x * 2).sum().value()).toBe(8);
      expect(await runtime.compute(data).map(x => x * 2).toArrayAsync()).toEqual(data.map(x => x * 2));
      expect(runtime.compute(data).map(x => x * 2).prepare()(data)).toEqual(data.map(x => x * 2));
    }
    await nextTurn();
    const told = warnings.mock.calls.map(([text, how]) => [text, how] as const);
    const [[text, how] = []] = told;
    expect(text).toBe(`the option ${who} of createRuntime() has failed, which no query hears of: Error: the listener's own. Its later failures are not told`);
    expect(how).toEqual({ type: "DotcomputeWarning", code: "DC408", detail: own.stack });
    // Meters and spans are two that listen.
    expect(told).toHaveLength(who === "telemetry" ? 2 : 1);
  });

  it("onMismatch: changes no result, and is one warning", () => {
    const wrong = { name: "wrong", compile: (kernel: plugin.Kernel) => ({ run: (call: plugin.KernelCall) => ({ ...plugin.interpret(kernel, call), value: 7 }) }) };
    const runtime = createRuntime({ plugins: [wrong], backend: ["wrong"], validate: "always", onMismatch: fail, log: () => undefined });
    expect([runtime.compute(data).max().value(), runtime.compute(data).max().value()]).toEqual([7, 7]);
    expect(warnings.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining("the option onMismatch of createRuntime() has failed")]);
  });

  describe("that nothing can put into words", () => {
    const never = (): never => fail();
    const wordless: readonly (readonly [what: string, thrown: unknown, words: string])[] = [
      ["an object without a prototype", Object.create(null), "something that cannot be put into words"],
      ["an object whose toString throws", { toString: never }, "something that cannot be put into words"],
      ["an error whose message throws", Object.defineProperty(new Error("x"), "message", { get: never }), "something that cannot be put into words"],
      ["an error whose stack throws", Object.defineProperty(new Error("x"), "stack", { get: never }), "Error: x"],
      ["a proxy that answers nothing", new Proxy({}, { get: never, getPrototypeOf: never }), "something that cannot be put into words"],
      ["a revoked proxy", revoked(), "something that cannot be put into words"],
      ["a symbol", Symbol("no"), "Symbol(no)"],
      ["undefined", undefined, "undefined"],
    ];
    const ways: readonly (readonly [how: string, make: (thrown: unknown) => () => never])[] = [
      ["throws", thrown => () => { throw thrown; }],
      ["gives a promise rejected with", thrown => (async () => Promise.reject(thrown)) as unknown as () => never],
    ];
    const cases = wordless.flatMap(([what, thrown, words]) => ways.map(([how, make]) => [how, what, make(thrown), words] as const));

    it.each(cases)("%s %s: changes no result, ends nothing, and is one warning of each who listens", async (_how, _what, hear, words) => {
      const uncaught: unknown[] = [];
      const note = (error: unknown): void => void uncaught.push(error);
      process.on("uncaughtException", note).on("unhandledRejection", note);
      const wrong = { name: "wrong", compile: (kernel: plugin.Kernel) => ({ run: (call: plugin.KernelCall) => ({ ...plugin.interpret(kernel, call), value: 7 }) }) };
      const all = { debug: hear, info: hear, warn: hear, error: hear } as Logger;
      const runtime = createRuntime({ plugins: [wrong], backend: ["wrong"], validate: "always", onMismatch: hear, log: hear, logger: all, logLevel: "debug", onRun: hear });
      expect(runtime.compute(data).max().value()).toBe(7);
      expect(await runtime.compute(data).max().run({ onProgress: hear })).toBe(7);
      await nextTurn();
      process.off("uncaughtException", note).off("unhandledRejection", note);
      expect(uncaught).toEqual([]);
      const of = (who: string): string => `${who} has failed, which no query hears of: ${words}. Its later failures are not told`;
      expect(warnings.mock.calls.map(([text]) => text).sort()).toEqual([...["log", "logger", "onMismatch", "onRun"].map(name => of(`the option ${name} of createRuntime()`)), of("onProgress")].sort());
    });

    it.each(wordless)("what a plugin throws is told without more harm: %s", (_what, thrown, words) => {
      const told: string[] = [];
      const take = (line: unknown): void => void told.push(line as string);
      const throwing = { name: "throwing", compile: () => ({ run: () => { throw thrown; } }) };
      const runtime = createRuntime({ plugins: [throwing], backend: "throwing", logger: { debug: take, info: take, warn: take, error: take }, logLevel: "debug" });
      let failure: unknown = "nothing";
      try {
        runtime.compute(data).max().value();
      } catch (error) {
        failure = error;
      }
      expect(failure).toBeInstanceOf(BackendError);
      expect(Object.is((failure as BackendError).cause, thrown)).toBe(true);
      expect(told).toContain(`dotcompute DC502: a kernel failed on throwing: DC407: the plugin "throwing" failed in run(): ${words}`);
    });
  });

  it("does not keep others from hearing", () => {
    const ran: string[] = [];
    const runtime = failing({ logger, logLevel: "debug", telemetry, onRun: ({ terminal }) => void ran.push(terminal), log: fail });
    expect(runtime.compute(data).max().value()).toBe(3);
    expect(ran).toEqual(["max"]);
  });

  it("is no error of the process: a logger that throws ends nothing", async () => {
    const uncaught: unknown[] = [];
    const hear = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", hear).on("unhandledRejection", hear);
    failing({ logger }).compute(data).max().value();
    failing({ logger: rejecting }).compute(data).max().value();
    await nextTurn();
    process.off("uncaughtException", hear).off("unhandledRejection", hear);
    expect(uncaught).toEqual([]);
  });
});

describe("a store of kernels that fails", () => {
  const store: SharedStore = { get: fail, set: fail, delete: fail };
  const cache = { shared: { store, secret: "a secret that only these machines know" } };

  const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-listeners-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const machine: RuntimeOptions = { compiler: "no-such-compiler", cacheFolder: folder, cache };
  const ask = (runtime: Runtime) => runtime.precompile(runtime.compute(data).map(x => x * 1.0625).max(), "cpu");

  it("is told to the logger, not to the console, once; to log where there is one; to the console where there is neither", async () => {
    const console_ = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const [told, lines]: [string[], string[]] = [[], []];
    const take = (line: unknown): void => void told.push(line as string);
    const reason = "kernels are not shared while the store of the kernel cache fails: the listener's own";
    const heard = createRuntime({ ...machine, logger: { debug: take, info: take, warn: take, error: take } });
    const events: string[] = [];
    (heard.compute(data).bound.runtime.events as Events).listen(event => void (event.kind === "store" && events.push(event.reason)), { rare: true });
    await ask(heard);
    expect(told.filter(line => line.includes("DC513"))).toEqual([`dotcompute DC513: ${reason}`]);
    expect(events).toEqual([reason]);
    expect(console_).not.toHaveBeenCalled();
    await ask(createRuntime({ ...machine, log: line => void lines.push(line) }));
    expect(lines.filter(line => line.includes("store"))).toEqual([`dotcompute: ${reason}`]);
    await ask(createRuntime(machine));
    expect(console_.mock.calls.filter(([line]) => String(line).includes("store"))).toEqual([[`dotcompute: ${reason}`]]);
  });
});
