/** What a query's time goes to, as data, as a table and as a trace; and what a log is told. */
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { BackendError } from "../../fusion/errors.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, EVENT_CODES, stream, type ChromeTrace, type Profile, type TraceEvent } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";

const data = Float64Array.from({ length: 5000 }, (_, i) => i % 7);
const scripted = createRuntime({ backend: "js" });

type Complete = TraceEvent & { readonly ph: "X" };
const completeIn = ({ traceEvents }: ChromeTrace): readonly Complete[] => traceEvents.filter((event): event is Complete => event.ph === "X");

/** As the format's description asks for it; and those of one track hold each other, or follow. */
function expectSound(trace: ChromeTrace): void {
  expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  expect(trace.displayTimeUnit).toBe("ms");
  const named = new Set(trace.traceEvents.filter(({ ph, name }) => ph === "M" && name === "thread_name").map(({ tid }) => tid));
  for (const event of trace.traceEvents) {
    expect([typeof event.name, Number.isInteger(event.pid), Number.isInteger(event.tid), named.has(event.tid), typeof event.args]).toEqual(["string", true, true, true, "object"]);
    if (event.ph !== "M") expect(event.ts).toBeGreaterThan(0);
  }
  for (const tid of named) {
    const open: Complete[] = [];
    for (const event of completeIn(trace).filter(one => one.tid === tid).sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
      expect(event.dur).toBeGreaterThanOrEqual(0);
      while (open.length > 0 && open.at(-1)!.ts + open.at(-1)!.dur <= event.ts + 1e-6) open.pop();
      const around = open.at(-1);
      if (around !== undefined) expect(event.ts + event.dur).toBeLessThanOrEqual(around.ts + around.dur + 1e-6);
      open.push(event);
    }
  }
}

describe("profile()", () => {
  it("tells the first run and a warm one apart, as data", async () => {
    const query = scripted.compute(data).filter(x => x > 1).map((x, i) => x + i).sum();
    const profile: Profile = await query.profile({ format: "json" });
    const { first, warm } = profile;
    expect(profile.terminal).toBe("sum");
    for (const step of ["parse", "fuse", "emit", "kernel", "copyOut"] as const) expect(first[step]).toBeGreaterThan(0);
    expect([warm.parse, warm.fuse, warm.emit, warm.compile, warm.transfer]).toEqual([null, null, null, null, null]);
    for (const { kernels, total, kernel } of [first, warm]) {
      expect(kernels.map(({ backend, length }) => [backend, length])).toEqual([["js", 5000], ["js", data.filter(x => x > 1).length]]);
      expect(kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeCloseTo(kernel!, 9);
      expect(total).toBeGreaterThanOrEqual(kernel!);
    }
    expect(first.kernels[0]!.bytes).toBe(data.byteLength + 8 * first.kernels[1]!.length);
    const again = await query.profile({ format: "json" });
    expect([again.first.parse, again.first.fuse, again.first.emit]).toEqual([first.parse, first.fuse, null]);
    expect(query.bound.query.runtime.events.listening).toBe(false);
  });

  it("is a table by default, of values, arrays, rows and several terminals", async () => {
    const table = scripted.compute({ x: data, y: data }).orderBy(r => -r.x);
    const text = await table.profile();
    expect(text).toMatch(/^toColumns, milliseconds\n +first run +warm run\n  parse +\d+\.\d{3} +–\n/);
    for (const row of [/move rows +\d+\.\d{3} +\d+\.\d{3}/, /the run +\d+\.\d{3} +\d+\.\d{3}/]) expect(text).toMatch(row);
    expect(await scripted.compute(data).map(x => x * 2).profile()).toMatch(/warm run, kernel 1: js, 5000 elements in \d+\.\d{3} ms, \d+\.\d{2} GB\/s\n$/);
    expect((await scripted.compute(data).aggregate({ n: q => q.filter(x => x > 1).count(), m: q => q.median() }).profile({ format: "json" })).warm.kernels.length).toBeGreaterThan(0);
  });

  it("is refused of a stream, and in no other format", async () => {
    await expect(scripted.compute(stream([data], Float64Array)).sum().profile()).rejects.toThrow("DC310: a profile runs its query several times");
    await expect(scripted.compute(data).sum().profile({ format: "html" } as never)).rejects.toThrow('DC305: profile() is told the format "html"');
    await expect(scripted.compute(new Float64Array(0)).reduce((a, x) => a + x).profile()).rejects.toThrow("Reduce of empty array");
    expect(scripted.compute(data).bound.runtime.events.listening).toBe(false);
  });

  it.skipIf(unavailable !== null)("has a device's own times of kernels and transfers", async () => {
    const standIn = newStandIn();
    const runtime = runtimeOn({ backend: "cuda" }, { js: createJsBackend, cpu: () => { throw new Error("none"); }, cuda: events => standIn.backend({ events }) });
    const query = runtime.compute(data.subarray(0, 50)).map(x => x - 1);
    const { warm } = await query.profile({ format: "json" });
    expect([warm.kernel !== null, warm.transfer !== null, warm.kernels[0]!.backend]).toEqual([true, true, "cuda"]);
    const trace = await query.profile({ format: "trace" });
    expectSound(trace);
    const tracks = trace.traceEvents.filter(({ name }) => name === "thread_name").map(({ args }) => args["name" as never] as string);
    expect(tracks).toEqual(expect.arrayContaining(["queries", "cuda: to device", "cuda: to host", "cuda: device 0"]));
  });
});

describe("record()", () => {
  it("gives what many queries did as a trace, until it is stopped", async () => {
    const runtime = createRuntime({ backend: "js" });
    const recording = runtime.record();
    const total = runtime.compute(data).map(x => x * 3).sum();
    await Promise.all([total.run(), total.run(), runtime.compute(data).orderBy(x => x).toArrayAsync()]);
    total.value();
    const trace = recording.stop();
    total.value();
    expectSound(trace);
    const names = completeIn(trace).map(({ name }) => name);
    expect(names.filter(name => name === "sum")).toHaveLength(3);
    expect(names).toEqual(expect.arrayContaining(["parse", "fuse", "emit", "kernel", "move", "copy out", "toArray"]));
    expect(completeIn(trace).find(({ name }) => name === "kernel")!.args).toMatchObject({ backend: "js", length: 5000 });
    expect(recording.stop()).toEqual(trace);
    const few = runtime.record({ most: 3 });
    total.value();
    expect(few.stop().otherData.dropped).toBeGreaterThan(0);
    expect(() => runtime.record({ most: 0 })).toThrow("DC305: the option most of record() is a number of events, not 0");
  });
});

/** A runtime whose only backend but js fails as it is told to. */
const failing = (options: Parameters<typeof createRuntime>[0]) =>
  runtimeOn({ backend: ["cpu", "js"], ...options }, { js: createJsBackend, cpu: () => ({ compile: () => { throw new BackendError("DC403", "no compiler today"); } }) });

describe("logs", () => {
  const lines = (): { readonly lines: unknown[][]; readonly logger: Record<"debug" | "info" | "warn" | "error", (...args: unknown[]) => void> } => {
    const own: unknown[][] = [];
    const take = (level: string) => (...args: unknown[]) => void own.push([level, ...args]);
    return { lines: own, logger: { debug: take("debug"), info: take("info"), warn: take("warn"), error: take("error") } };
  };

  it("are told of what was lost, once, with its code, and of nothing else; log is then silent unless it is given", () => {
    const own: string[] = [];
    for (const log of [undefined, (line: string) => void own.push(line)]) {
      const { lines: told, logger } = lines();
      const runtime = failing({ logger, log });
      expect(runtime.compute(data).bound.runtime.events.listening).toBe(false);
      expect([runtime.compute(data).max().value(), runtime.compute(data).min().value()]).toEqual([6, 0]);
      expect(told).toEqual([["warn", "dotcompute DC508: the js backend stands in for the cpu backend: no compiler today"]]);
      expect(own).toHaveLength(log === undefined ? 0 : 1);
    }
  });

  it("are told of every run on debug; those like pino take an object first", () => {
    const { lines: told, logger } = lines();
    createRuntime({ backend: "js", logger: { ...logger, child: () => logger } as never, logLevel: "debug" }).compute(data).count().value();
    const [level, facts, text] = told.find(([, given]) => (given as { kind: string }).kind === "query")!;
    expect([level, text]).toEqual(["debug", "dotcompute DC501: count ran"]);
    expect(facts).toMatchObject({ code: "DC501", kind: "query", terminal: "count" });
    expect(() => JSON.stringify(told)).not.toThrow();
    expect(() => createRuntime({ logger: { warn() {} } as never })).toThrow("DC305: the option logger of createRuntime() has the methods debug, info, warn, error; what was given lacks debug, info, error");
    expect(() => createRuntime({ logLevel: "trace" as never })).toThrow("DC305: the option logLevel of createRuntime() is one of");
  });
});

describe("diagnostics_channel", () => {
  it("carries all events of all runtimes, as data, while somebody subscribes", () => {
    const heard: { readonly code: string; readonly kind: keyof typeof EVENT_CODES }[] = [];
    const hear = (message: unknown): void => void heard.push(message as never);
    const query = createRuntime({ backend: "js" }).compute(data).map(x => x - 2).sum();
    query.value();
    subscribe("dotcompute:event", hear);
    query.value();
    failing({ log: () => undefined }).compute(data).max().value();
    unsubscribe("dotcompute:event", hear);
    query.value();
    expect(channel("dotcompute:event").hasSubscribers).toBe(false);
    expect(heard.slice(0, 4).map(({ kind }) => kind)).toEqual(["begin", "kernel", "query", "phase"]);
    expect(heard.map(({ kind }) => kind)).toContain("lost");
    for (const { code, kind } of heard) expect(code).toBe(EVENT_CODES[kind]);
    expect(structuredClone(heard)).toEqual(heard);
  });
});
