/**
 * Calls of the CUDA driver that queries make fail in turn, with every class of error: the result has the right bits, or the error is the
 * documented one and names what failed; nothing is left on the devices; the next query runs. Every call and every class, in every mode:
 * DOTCOMPUTE_FAULTS=all.
 */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { type BackendError } from "../../fusion/errors.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import type { Counters } from "../cuda-driver/driver.js";
import { onStandIn } from "../native/cuda-cases.js";
import { newStandIn, type StandIn } from "../native/cuda-stand-in.js";

/** Five blocks and a short one: two blocks for each of three devices. */
const LENGTH = 5 * 1024 + 77;
const data = Float64Array.from({ length: LENGTH }, (_, at) => Math.sin(at) * 10);

type Query = (runtime: Runtime, later: boolean) => unknown;
const QUERIES: Readonly<Record<string, Query>> = {
  map: (r, later) => all(r.compute(data).map(x => x * 2), later),
  filter: (r, later) => all(r.compute(data).filter(x => x > 1), later),
  reduce: (r, later) => {
    const sum = r.compute(data).map(x => x * 2).sum();
    return later ? sum.run() : sum.value();
  },
  scan: (r, later) => all(r.compute(data).scan((a, x) => a + x, 0), later),
  "buffers from end to end": async (r, later) => {
    using source = r.buffer(data);
    const doubled = r.compute(source).map(x => x * 2);
    using there = later ? await doubled.toBufferAsync() : doubled.toBuffer();
    const filtered = r.compute(there).filter(x => x > 1);
    using few = later ? await filtered.toBufferAsync() : filtered.toBuffer();
    return few.toArray();
  },
  "what one device has and others need": async (r, later) => {
    const sums = r.compute(data).scan((a, x) => a * 0.5 + x, 0);
    using there = later ? await sums.toBufferAsync() : sums.toBuffer();
    return await all(r.compute(there).map(x => x * 2), later);
  },
};
const all = (query: { toArray(): unknown; toArrayAsync(): Promise<unknown> }, later: boolean): unknown => (later ? query.toArrayAsync() : query.toArray());

const js = createRuntime({ backend: "js" });
const WANTED = new Map(await Promise.all(Object.entries(QUERIES).map(async ([name, query]) => [name, await query(js, false)] as const)));

const EVERYTHING = process.env["DOTCOMPUTE_FAULTS"] === "all";

/** What a call fails with. */
interface Failing {
  readonly code: number;
  readonly kind: "resource" | "programmer" | "fatal";
}
const LACKS: readonly Failing[] = [
  { code: 2, kind: "resource" }, // out of memory
  { code: 1, kind: "programmer" }, // an invalid value
];
const LOSSES: readonly Failing[] = [
  { code: 719, kind: "fatal" }, // a launch that failed
  { code: 46, kind: "fatal" }, // a device that is lost
];

interface Mode {
  readonly insists: boolean;
  readonly later: boolean;
}
const MODES: readonly Mode[] = [
  { insists: true, later: false },
  { insists: false, later: true },
  ...(EVERYTHING ? [{ insists: true, later: true }, { insists: false, later: false }] : []),
];

/** The calls without which a run goes on: it does without what they tell or make possible, or gives memory back although they fail. Entering a context, which all of them need, is tried again by some. */
const HARMLESS =
  /^(cuDeviceGetAttribute|cuDeviceGetDefaultMemPool|cuMemPool(SetAttribute|GetAttribute|TrimTo|SetAccess)|cuMemAllocHost|cuFuncGetAttribute|cuCtx(Push|Pop)Current|cuMem(Free|FreeAsync|FreeHost)|cuEventDestroy|cuStreamDestroy|cuModuleUnload|cuModuleLoadDataEx|cuModuleGetFunction|cuDeviceCanAccessPeer|cuCtxEnablePeerAccess|cuMemcpyPeerAsync)$/;
/** By these the driver and its devices are found. */
const OPENING = /^cu(Init|DriverGetVersion|Device)/;
/** With less memory a run goes in smaller pieces. */
const SPARED = /^cuMemAlloc(Async)?$/;

const openRuntime = (standIn: StandIn, devices: number, backend: "cuda" | readonly ["cuda"], ran: string[], told: string[]): Runtime =>
  runtimeOn(
    { backend, log: line => void told.push(line), onRun: run => void ran.push(run.backend), resilience: { baseDelay: 0 } },
    { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => standIn.backend({ devices: [0, 1, 2].slice(0, devices), leastShare: 1024 }) },
  );

/** What is alive on the devices. Contexts and three idle streams of each belong to the environment. */
const alive = ({ aliveBytes, aliveHostBytes, events, modules, streams }: Counters, devices: number) => ({ aliveBytes, aliveHostBytes, events, modules, streams: Math.max(0, streams - 3 * devices) });
const NOTHING = { aliveBytes: 0, aliveHostBytes: 0, events: 0, modules: 0, streams: 0 };

async function outcomeOf(act: () => unknown): Promise<{ readonly value?: unknown; readonly error?: unknown }> {
  try {
    return { value: await act() };
  } catch (error) {
    return { error };
  }
}

/** Compares at once what is mostly equal. */
function expectRight(name: string, where: object, { value, error }: { readonly value?: unknown; readonly error?: unknown }): void {
  const wanted = WANTED.get(name);
  if (!isDeepStrictEqual(value, wanted)) expect({ where, value, error }).toEqual({ where, value: wanted });
}

/** Runs the query while the nth call fails; gives the calls. */
async function trial(standIn: StandIn, devices: number, name: string, { insists, later }: Mode, { code, kind }: Failing, nth: number): Promise<readonly string[]> {
  const { driver } = standIn;
  const [ran, told]: [string[], string[]] = [[], []];
  const runtime = openRuntime(standIn, devices, insists ? "cuda" : ["cuda"], ran, told);
  const query = QUERIES[name] as Query;
  driver.configure({ failCall: nth, failCallResult: code });
  // The first run may be one on js, while the kernel is loaded.
  const first = insists ? null : await outcomeOf(() => query(runtime, later));
  await runtime.settled();
  ran.length = 0;
  const outcome = await outcomeOf(() => query(runtime, later));
  const call = driver.counters().failedCall.replace(/_v\d$/, "");
  const calls = driver.calls();
  driver.configure({ failCall: 0 });
  const where = { devices, name, insists, later, code, nth, call };
  const next = await outcomeOf(() => query(runtime, later));
  // What only a device has nobody else can read.
  const mayFail = insists || name.startsWith("buffers") || name.startsWith("what one");
  if (mayFail && outcome.error !== undefined) {
    const { error } = outcome as { readonly error: BackendError };
    // Elements that were nowhere but on a device are lost with it: DC321.
    expect({ where, code: error.code }).toEqual({ where, code: expect.stringMatching(kind === "fatal" ? /^DC(40[26]|321)$/ : /^DC40[26]$/) });
    // A fault that stays with the context is told by the first call that is looked at.
    if (kind !== "fatal") expect({ where, told: error.message }).toEqual({ where, told: expect.stringContaining(`${call} failed with `) });
    if (error.code === "DC406") expect({ where, kind: error.kind }).toEqual({ where, kind });
  } else {
    expectRight(name, where, outcome);
    if (first !== null && (first.error === undefined || !mayFail)) expectRight(name, where, first);
    if (ran.includes("js")) expect({ where, told }).toEqual({ where, told: [expect.stringMatching(/^dotcompute: /)] });
    if (insists && devices === 1 && call !== "" && kind !== "fatal") expect(kind === "resource" && SPARED.test(call) ? "cuDeviceGetAttribute" : call).toMatch(HARMLESS);
  }
  // A driver or device that could not be opened, or was lost, is not tried again: who insists on it hears why.
  if (insists && next.error !== undefined && (kind === "fatal" || OPENING.test(call))) expect({ where, next: (next.error as BackendError).code }).toEqual({ where, next: "DC402" });
  else expectRight(name, where, next);
  await runtime.dispose();
  // What a lost device had is gone with it.
  if (kind !== "fatal") await expect.poll(() => ({ where, ...alive(driver.counters(), devices) }), { interval: 1 }).toEqual({ where, ...NOTHING });
  return calls;
}

/** The places of those that fail in turn: each the first time, and then now and then. Half of the calls only enter and leave contexts. */
function* placesOf(calls: readonly string[], often: number): Generator<number> {
  const seen = new Map<string, number>();
  for (const [at, call] of calls.entries()) {
    const count = seen.get(call) ?? 0;
    seen.set(call, count + 1);
    if (EVERYTHING || count % (/Current/.test(call) ? 4 * often : often) === 0) yield at + 1;
  }
}

onStandIn("a CUDA driver whose calls fail in turn", () => {
  describe.each([
    [1, Object.keys(QUERIES), 5],
    [3, ["reduce", "buffers from end to end", "what one device has and others need"], 31],
  ] as const)("of %i devices", (devices, names, often) => {
    it.each(names)("%s", async name => {
      for (const mode of MODES) {
        // Opened before, so that the places are those of all later runs.
        const standIn = newStandIn({ devices });
        await trial(standIn, devices, name, mode, LACKS[0] as Failing, 1e9);
        const calls = await trial(standIn, devices, name, mode, LACKS[0] as Failing, 1e9);
        expect(calls.length).toBeGreaterThan(80);
        let turn = 0;
        for (const nth of placesOf(calls, often)) {
          turn += 1;
          for (const failing of EVERYTHING ? LACKS : [LACKS[turn % 2] as Failing]) await trial(standIn, devices, name, mode, failing, nth);
        }
        // A device that is lost is lost to this process: each has one of its own.
        for (const nth of placesOf(calls, 1000)) {
          turn += 1;
          for (const failing of EVERYTHING ? LOSSES : [LOSSES[turn % 2] as Failing]) await trial(newStandIn({ devices }), devices, name, mode, failing, nth);
        }
      }
    });
  });

  it.each([1, 3] as const)("as it is opened, with %i devices", async devices => {
    const mode = { insists: true, later: false } as const;
    const opening = await trial(newStandIn({ devices }), devices, "map", mode, LACKS[0] as Failing, 1e9);
    for (let nth = 1; nth <= 21 * devices + 3; nth += devices) {
      expect(opening[nth - 1]).toMatch(/^cu(Init|DriverGetVersion|Device|MemPool|Ctx|Stream)/);
      await trial(newStandIn({ devices }), devices, "map", mode, [...LACKS, ...LOSSES][nth % 4] as Failing, nth);
    }
  });
});
