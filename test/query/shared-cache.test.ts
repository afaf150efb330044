/** Runtimes that share compiled kernels by a store of keyv's kind, in memory and in Redis. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { cppFlagsFor } from "../../fusion/emit/constants.js";
import type { Kernel } from "../../fusion/ir.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createKernelCache } from "../../src/cache/kernels.js";
import type { SharedStore } from "../../src/cache/shared.js";
import { createRuntime, type Runtime, type RuntimeOptions } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { nvrtcForTests } from "../cuda-nvrtc/build.js";
import { newStandIn, unavailable as whyNoCuda } from "../native/cuda-stand-in.js";
import { redisForTests, startRedis } from "../redis/redis.js";

const base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-sharing-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

interface Keyv extends SharedStore {
  readonly store: unknown;
  clear(): Promise<void>;
  disconnect(): Promise<void>;
}

/** Named by variables, so that the types of checkouts that are older than these packages are sound. */
const load = async <Module>(name: string): Promise<Module> => (await import(name)) as Module;
const whyNoKeyv = await load("keyv").then(() => null, () => "keyv is not installed: npm ci");
const whyNot = whyNoCpu ?? whyNoKeyv;
const newKeyv = async (store?: unknown): Promise<Keyv> => {
  const { Keyv } = await load<{ readonly Keyv: new (store?: unknown) => Keyv }>("keyv");
  return store === undefined ? new Keyv() : new Keyv(store);
};

const SECRET = "a secret that only these machines know";
let machines = 0;
function newMachine(store: SharedStore, options: RuntimeOptions = {}): { readonly runtime: Runtime; readonly lines: string[]; readonly ran: string[]; readonly folder: string } {
  const [lines, ran]: [string[], string[]] = [[], []];
  const folder = path.join(base, String(++machines));
  const runtime = createRuntime({
    cacheFolder: folder,
    cache: { shared: { store, secret: SECRET, timeLimit: 5000 } },
    log: line => void lines.push(line),
    onRun: ({ backend }) => void ran.push(backend),
    ...options,
  });
  return { runtime, lines, ran, folder };
}

const data = Float64Array.from({ length: 5000 }, (_, i) => i % 97);
const expected = data.reduce((sum, x) => sum + x * 3, 0);
const total = ({ compute }: Runtime) => compute(data).map(x => x * 3).sum();
const leftIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder).filter(name => name.startsWith("tmp-")) : []);

describe.skipIf(whyNot !== null)(`machines that share native kernels${whyNot === null ? "" : ` (skipped: ${whyNot})`}`, () => {
  it("compile each kernel once for all, also for those that have no compiler", async () => {
    const store = await newKeyv();
    const one = newMachine(store, { backend: "cpu" });
    expect(await total(one.runtime)).toBe(expected);
    await one.runtime.settled();
    expect(one.runtime.cacheStatistics()).toMatchObject({ memory: { hits: 0, misses: 1, entries: 1 }, disk: { hits: 0, misses: 1, entries: 1 }, shared: { hits: 0, misses: 1, stored: 2 } });
    expect(one.runtime.cacheStatistics().memory.bytes).toBeGreaterThan(4096);

    // Cold: JavaScript runs it, and the shared store is asked in the background.
    for (const options of [{}, { compiler: "no-such-compiler" }]) {
      const other = newMachine(store, options);
      expect(total(other.runtime).value()).toBe(expected);
      await other.runtime.settled();
      expect(total(other.runtime).value()).toBe(expected);
      expect(other.ran).toEqual(["js", "cpu"]);
      expect(other.runtime.cacheStatistics()).toMatchObject({ disk: { misses: 1, entries: 1 }, shared: { misses: 0, stored: 0, failures: 0 } });
      expect(other.lines).toEqual([]);
      expect(leftIn(other.folder)).toEqual([]);
      // Later processes of that machine have it on their disk, and the same process in its memory.
      const later = newMachine({ get: () => Promise.reject(new Error("nobody asks")), set: () => true, delete: () => true }, { cacheFolder: other.folder, backend: "cpu", compiler: options.compiler });
      expect([total(later.runtime).value(), later.runtime.compute(data).map(x => x * 3).sum().value()]).toEqual([expected, expected]);
      expect(later.runtime.cacheStatistics()).toMatchObject({ disk: { hits: 1, misses: 0 }, shared: { hits: 0, failures: 0 } });
    }
  });

  it("do not wait for the store where a result is wanted now", async () => {
    const store = await newKeyv();
    const get = vi.spyOn(store, "get").mockImplementation(() => new Promise(() => undefined));
    const { runtime } = newMachine(store, { backend: "cpu" });
    expect(total(runtime).value()).toBe(expected);
    expect(get).not.toHaveBeenCalled();
  });

  it("refuse what does not run here, though it is signed, and compile it in the usual folder", async () => {
    const store = await newKeyv();
    const kernel: Kernel = { source: { kind: "range" }, scalars: [], arrays: [], body: [{ kind: "yield", values: [] }], sink: { kind: "count" } };
    const shared = { store, secret: SECRET };
    const [faulty, lines, folder] = [path.join(base, "faulty"), [] as string[], path.join(base, "careful")];
    const cache = createKernelCache({ place: { folder: faulty }, shared });
    vi.spyOn(cache, "store").mockImplementation((ingredients, maker, make) => createKernelCache({ place: { folder: faulty }, shared }).store(ingredients, maker, async (object, temporary, entry) => {
      await make(object, temporary, entry);
      const { writeFileSync } = await import("node:fs");
      writeFileSync(object, "for another machine");
    }));
    await createCpuBackend({ cache, flags: cppFlagsFor({ optimisation: 0 }) }).compileAsync(kernel).catch(() => undefined);
    const careful = createKernelCache({ place: { folder }, shared }, line => void lines.push(line));
    const backend = createCpuBackend({ cache: careful, flags: cppFlagsFor({ optimisation: 0 }) });
    expect((await backend.compileAsync(kernel)).run({ source: null, length: 7, output: null, scalars: [], arrays: [] }).count).toBe(7);
    expect(backend.cacheState).toEqual({ folder, reason: null });
    expect(careful.statistics()).toMatchObject({ disk: { entries: 1, refusals: 1 }, shared: { hits: 1, refusals: 1 } });
    expect(lines).toEqual([expect.stringContaining("it cannot be loaded on this machine")]);
  });
});

it.skipIf(whyNoCuda !== null || whyNoKeyv !== null)("machines share what NVRTC has made, too", async () => {
  const store = await newKeyv();
  const { library } = newStandIn();
  const options = { backend: "cuda", cuda: { driver: library, nvrtc: nvrtcForTests().library ?? "", capability: "7.5" } } as const;
  const few = data.subarray(0, 40);
  for (const [hits, misses, stored] of [[0, 1, 2], [1, 0, 0]] as const) {
    const { runtime, lines } = newMachine(store, options);
    expect(await runtime.compute(few).map(x => x * 3).toArrayAsync()).toEqual(few.map(x => x * 3));
    await runtime.settled();
    expect(runtime.cacheStatistics()).toMatchObject({ memory: { misses: 1 }, disk: { misses: 1, entries: 1 }, shared: { hits, misses, stored, failures: 0 } });
    expect(lines).toEqual([]);
  }
});

const redis = redisForTests();
const whyNoRedis = whyNot ?? redis.reason;
describe.skipIf(whyNoRedis !== null)(`kernels in Redis${whyNoRedis === null ? "" : ` (skipped: ${whyNoRedis})`}`, () => {
  it("serve other machines; a Redis that is gone costs a line, and then a compilation", { timeout: 30_000 }, async () => {
    if (redis.program === null) return;
    const folder = mkdtempSync(path.join(base, "redis-"));
    const server = await startRedis(redis.program, folder);
    const { default: KeyvRedis } = await load<{ readonly default: new (options: object) => unknown }>("@keyv/redis");
    const connect = (): Promise<Keyv> => newKeyv(new KeyvRedis({ socket: { path: server.socket, connectTimeout: 1000, reconnectStrategy: false } }));
    const [store, another] = [await connect(), await connect()];
    try {
      const one = newMachine(store, { backend: "cpu" });
      expect(await total(one.runtime)).toBe(expected);
      await one.runtime.settled();
      const other = newMachine(another, { backend: "cpu", compiler: "no-such-compiler" });
      expect(await total(other.runtime)).toBe(expected);
      expect(other.runtime.cacheStatistics().shared).toMatchObject({ hits: 2, failures: 0 });
      expect([...one.lines, ...other.lines]).toEqual([]);

      await server.kill();
      const late = newMachine(another, { backend: "cpu", cache: { shared: { store: another, secret: SECRET, timeLimit: 300 } } });
      expect(await total(late.runtime)).toBe(expected);
      expect(late.ran).toEqual(["cpu"]);
      expect(late.runtime.cacheStatistics()).toMatchObject({ disk: { misses: 1, entries: 1 }, shared: { hits: 0, stored: 0 } });
      expect(late.lines).toEqual([expect.stringMatching(/^dotcompute: kernels are not shared while the store of the kernel cache fails: /)]);
      await late.runtime.settled();
    } finally {
      await server.kill();
      await Promise.allSettled([store.disconnect(), another.disconnect()]);
    }
  });
});

it.each([
  [{ cache: 3 }, "the option cache of createRuntime() is an object, not 3"],
  [{ cache: { level: 2 } }, "createRuntime() has no option cache.level\nIts options are cache.memory, cache.disk, cache.shared."],
  [{ cache: { memory: { most: 1 } } }, "createRuntime() has no option cache.memory.most"],
  [{ cache: { memory: { mostEntries: 0 } } }, "the option cache.memory.mostEntries of createRuntime() is a number of entries, 1 at least, not 0"],
  [{ cache: { memory: { mostMinutes: -1 } } }, "the option cache.memory.mostMinutes of createRuntime() is a number, 0 at least, not -1"],
  [{ cache: { disk: { mostDays: "7" } } }, "the option cache.disk.mostDays of createRuntime() is a number, 0 at least"],
  [{ cache: { shared: { secret: SECRET } } }, "the option cache.shared.store of createRuntime() is undefined, which has no get, no set, no delete"],
  [{ cache: { shared: { store: { get: () => 1 }, secret: SECRET } } }, "which has no set, no delete\nHand over a store of keyv's kind"],
  [{ cache: { shared: { store: new Map() } } }, "cache.shared.secret of createRuntime() is missing, with which it is signed\nHand over 32 characters or bytes"],
  [{ cache: { shared: { store: new Map(), secret: "short" } } }, "the option cache.shared.secret of createRuntime() has 5 characters, which could be guessed\nHand over 32"],
  [{ cache: { shared: { store: new Map(), secret: 12345678901234567890n } } }, "the option cache.shared.secret of createRuntime() is a text or a Uint8Array"],
  [{ cache: { shared: { store: new Map(), secret: SECRET, timeLimit: NaN } } }, "the option cache.shared.timeLimit of createRuntime() is a number, 0 at least"],
])("createRuntime(%o) is refused", (options, words) => {
  expect(() => createRuntime(options as never)).toThrow(words);
});
