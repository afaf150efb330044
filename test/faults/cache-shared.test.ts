/** Kernels that machines share: what is taken from the store, what is refused, and what a store that fails can do to nobody. */
import { EventEmitter } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Ingredients } from "../../src/cache/entry.js";
import { createKernelCache, type KernelCache, type Maker } from "../../src/cache/kernels.js";
import type { SharedOptions, SharedStore } from "../../src/cache/shared.js";
import { leftBehind } from "./query-support.js";

const base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-shared-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
afterEach(() => void vi.useRealTimers());

const SECRET = "0123456789abcdef0123456789abcdef";
const kernel: Ingredients = { source: "int x;", headersHash: "0", abi: 1, flags: ["-O3"], target: "x86", system: () => "linux", label: { backend: "cpu", title: () => "x" } };
const gcc: Maker = { here: "g++ of this machine", anywhere: "g++ 12" };

/** A keyv of text, and what was asked of it. */
class Store implements SharedStore {
  readonly held = new Map<string, unknown>();
  readonly asked: string[] = [];
  get(key: string): unknown {
    this.asked.push("get");
    return Promise.resolve(this.held.get(key));
  }
  set(key: string, value: unknown): unknown {
    this.asked.push("set");
    this.held.set(key, value);
    return Promise.resolve(true);
  }
  delete(key: string): unknown {
    this.asked.push("delete");
    return Promise.resolve(this.held.delete(key));
  }
}

interface Machine {
  readonly cache: KernelCache;
  readonly lines: string[];
  readonly folder: string;
  /** What the machine has, or gets from the store. */
  find(ingredients?: Ingredients, maker?: Maker | null): Promise<string | null>;
  make(text?: string, ingredients?: Ingredients, maker?: Maker): Promise<string>;
}

let machines = 0;
function newMachine(store: SharedStore, options: Partial<SharedOptions> = {}): Machine {
  const lines: string[] = [];
  const folder = path.join(base, String(++machines));
  const cache = createKernelCache({ place: { folder }, shared: { store, secret: SECRET, timeLimit: 30, ...options } }, line => void lines.push(line));
  return {
    cache,
    lines,
    folder,
    async find(ingredients = kernel, maker = gcc) {
      const object = cache.find(ingredients, maker) ?? (await cache.fetch(ingredients, maker).done);
      return object === null ? null : readFileSync(object, "utf8");
    },
    async make(text = "code", ingredients = kernel, maker = gcc) {
      const object = await cache.store(ingredients, maker, object => Promise.resolve(writeFileSync(object, text)));
      await cache.settled();
      return object;
    },
  };
}

const sharedOf = ({ cache }: Machine) => cache.statistics().shared;
const counts = { hits: 0, misses: 0, stored: 0, refusals: 0, failures: 0, skipped: 0 };

describe("a shared kernel cache", () => {
  it("gives one machine what another has made, once: then it is on the disk", async () => {
    const store = new Store();
    const one = newMachine(store);
    expect(await one.find()).toBeNull();
    await one.make();
    const other = newMachine(store);
    expect(await other.find()).toBe("code");
    const asked = store.asked.length;
    expect(await other.find()).toBe("code");
    expect(store.asked.length).toBe(asked);
    expect(other.cache.statistics()).toMatchObject({ disk: { hits: 1, misses: 1, entries: 1, refusals: 0 }, shared: { ...counts, hits: 1 } });
    expect(one.cache.statistics()).toMatchObject({ disk: { misses: 1 }, shared: { ...counts, misses: 1, stored: 2 } });
    expect([...one.lines, ...other.lines]).toEqual([]);
    const entry = path.dirname(other.cache.find(kernel, gcc) as string);
    expect(JSON.parse(readFileSync(path.join(entry, "about.json"), "utf8"))).toMatchObject({ backend: "cpu", title: "x" });
  });

  it("serves machines without a compiler, whoever has made the kernel", async () => {
    const store = new Store();
    await newMachine(store).make();
    expect(await newMachine(store).find(kernel, null)).toBe("code");
    expect(await newMachine(store).find({ ...kernel, source: "int y;" }, null)).toBeNull();
    expect(await newMachine(store).find({ ...kernel, system: () => "other" }, null)).toBeNull();
  });

  it.each<[string, Partial<Ingredients>, Maker?]>([
    ["source", { source: "int y;" }],
    ["headers", { headersHash: "1" }],
    ["ABI", { abi: 2 }],
    ["flags", { flags: ["-O2"] }],
    ["processor", { target: "arm" }],
    ["system", { system: () => "linux x64 glibc 2.99" }],
    ["compiler", {}, { ...gcc, anywhere: "clang++ 16" }],
  ])("tells kernels apart by their %s", async (_, other, maker = gcc) => {
    const store = new Store();
    await newMachine(store).make();
    expect(await newMachine(store).find({ ...kernel, ...other }, maker)).toBeNull();
  });

  it("does not give away what names files of one machine, nor what is too large", async () => {
    const store = new Store();
    await newMachine(store).make("code", { ...kernel, local: true });
    expect(store.asked).toEqual([]);
    await newMachine(store, { mostBytes: 10 }).make("more than ten bytes");
    expect(await newMachine(store).find()).toBeNull();
  });

  it("keeps deployments apart that share a store", async () => {
    const store = new Store();
    await newMachine(store).make();
    const other = newMachine(store, { secret: Buffer.from("fedcba9876543210fedcba9876543210") });
    expect(await other.find()).toBeNull();
    await other.make("other code");
    expect(await other.find()).toBe("other code");
    expect(await newMachine(store).find()).toBe("code");
    expect(sharedOf(other)?.refusals).toBe(0);
  });

  it("is not asked by who cannot wait", async () => {
    const store = new Store();
    await newMachine(store).make();
    const { cache } = newMachine(store);
    const asked = store.asked.length;
    expect(cache.find(kernel, gcc)).toBeNull();
    cache.storeSync(kernel, gcc, object => writeFileSync(object, "made here"));
    expect(store.asked.slice(asked)).not.toContain("get");
    await cache.settled();
  });

  describe("refuses", () => {
    const lineOf = (text: unknown, at: number): string => String(text).split("\n")[at] as string;
    const withLine = (text: unknown, at: number, change: (line: string) => string): string => String(text).split("\n").map((line, place) => (place === at ? change(line) : line)).join("\n");
    const flip = (line: string): string => (line.startsWith("A") ? "B" : "A") + line.slice(1);
    const LIES: readonly [string, (text: unknown, all: ReadonlyMap<string, unknown>, key: string) => unknown][] = [
      ["changed content", text => withLine(text, 3, flip)],
      ["content that was cut off", text => String(text).slice(0, -3)],
      ["content with more behind it", text => `${String(text)}AAAA`],
      ["no content", text => withLine(text, 3, () => "")],
      ["another line", text => `${String(text)}\nAAAA`],
      ["a changed signature", text => withLine(text, 1, line => (line.startsWith("0") ? "1" : "0") + line.slice(1))],
      ["half a signature", text => withLine(text, 1, line => line.slice(0, 32))],
      ["no signature", text => withLine(text, 1, () => "")],
      ["changed facts", text => withLine(text, 2, line => line.replace("cpu", "gpu"))],
      ["another version", text => withLine(text, 0, line => `${line}1`)],
      ["a sound entry of another key", (_, all, key) => [...all].find(([other]) => other !== key)?.[1]],
      ["something too large", text => `${lineOf(text, 0)}\n${"A".repeat(12 * 2 ** 20)}`],
      ["an empty text", () => ""],
      ["bytes", text => Buffer.from(String(text))],
      ["a number", () => 3],
      ["an object", text => ({ value: text })],
    ];
    it.each(LIES)("%s", async (_, lie) => {
      const store = new Store();
      await newMachine(store).make();
      await newMachine(store).make("other code", { ...kernel, source: "int y;" });
      const truth = new Map(store.held);
      for (const [key, text] of truth) store.held.set(key, lie(text, truth, key));
      const machine = newMachine(store);
      expect(await machine.find()).toBeNull();
      expect(sharedOf(machine)).toEqual({ ...counts, refusals: 1 });
      expect(machine.lines).toEqual([expect.stringMatching(/^an entry of the shared kernel cache was refused, and its kernel is compiled here: it/)]);
      expect(store.asked.at(-1)).toBe("delete");
      const asked = store.asked.length;
      expect(await machine.find()).toBeNull(); // not asked again
      expect(store.asked.length).toBe(asked);
      await machine.make("made here");
      expect(await newMachine(store).find()).toBe("made here");
      expect(existsSync(machine.folder) && leftBehind(machine.folder)).toEqual([]);
    });

    it("what cannot be loaded, though it is signed", async () => {
      const store = new Store();
      await newMachine(store).make("no shared object");
      const machine = newMachine(store);
      const object = (await machine.cache.fetch(kernel, gcc).done) as string;
      expect(machine.cache.discard(object)).toBe(true);
      expect(await machine.find()).toBeNull();
      expect(machine.cache.discard(await machine.make("made here"))).toBe(true); // never asked for again, whoever made it
      expect(sharedOf(machine)).toMatchObject({ hits: 1, refusals: 2 });
      expect(newMachine(store).cache.discard(object)).toBe(false);
    });
  });

  describe("that fails", () => {
    const never = (): Promise<never> => new Promise(() => undefined);
    const broken = (): never => {
      throw new Error("out of order");
    };
    const FAULTS: readonly [string, () => unknown, RegExp][] = [
      ["at once", broken, /out of order/],
      ["later", () => Promise.reject(new Error("ECONNREFUSED")), /ECONNREFUSED/],
      ["by not answering", never, /it took longer than 30 ms/],
      ["too late", () => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 50)), /it took longer than 30 ms/],
      ["with something that is no promise of this kind", () => ({ then: broken }), /out of order/],
    ];
    it.each(FAULTS)("%s: is left alone for a while, and one line says so", async (_, fault, words) => {
      vi.useFakeTimers({ toFake: ["performance"] });
      const store = new Store();
      await newMachine(store).make();
      const machine = newMachine(store);
      const get = vi.spyOn(store, "get").mockImplementation(fault);
      vi.spyOn(store, "set").mockImplementation(fault);
      const answer = machine.cache.fetch(kernel, gcc);
      answer.hold();
      expect(await answer.done).toBeNull();
      expect(sharedOf(machine)).toEqual({ ...counts, failures: 1 });
      expect(await machine.find()).toBeNull();
      expect(await machine.find()).toBeNull();
      expect(sharedOf(machine)).toEqual({ ...counts, failures: 1, skipped: 2 });
      await machine.make("made here"); // nor is it given anything
      expect(get).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(1001);
      expect(await machine.find({ ...kernel, source: "int y;" })).toBeNull();
      expect(get).toHaveBeenCalledTimes(2);
      vi.advanceTimersByTime(1001); // twice as long this time
      expect(await machine.find({ ...kernel, source: "int y;" })).toBeNull();
      expect(get).toHaveBeenCalledTimes(2);
      vi.restoreAllMocks();
      vi.advanceTimersByTime(1001);
      const late = newMachine(store);
      await late.make("new", { ...kernel, source: "int y;" });
      expect(await machine.find({ ...kernel, source: "int y;" })).toBe("new"); // it is well again
      expect(machine.lines).toEqual([expect.stringMatching(words)]);
      expect(machine.lines[0]).toMatch(/^kernels are not shared while the store of the kernel cache fails: /);
    });

    it.each<[string, () => unknown]>([["by refusing", () => false], ["by rejecting", () => Promise.reject(new Error("full"))], ["by not answering", never]])("to take what is given, %s: nobody waits, and nobody is hurt", async (_, fault) => {
      const store = new Store();
      vi.spyOn(store, "set").mockImplementation(fault);
      const machine = newMachine(store);
      const object = machine.cache.storeSync(kernel, gcc, file => writeFileSync(file, "code"));
      expect(readFileSync(object, "utf8")).toBe("code");
      await machine.cache.settled();
      expect(sharedOf(machine)).toMatchObject({ stored: 0, failures: 2 });
      expect(machine.lines.length).toBe(1);
    });

    it("by an event, as adapters do when they lose their connection", async () => {
      const store = Object.assign(new EventEmitter(), new Store(), { get: () => undefined, set: () => true, delete: () => true });
      const machine = newMachine(store);
      store.emit("error", new Error("connection lost")); // would throw if nobody listened
      expect(await machine.find()).toBeNull();
      expect(sharedOf(machine)).toEqual({ ...counts, failures: 1, skipped: 1 });
      expect(machine.lines).toEqual([expect.stringContaining("connection lost")]);
    });

    it("by an answer that was there while this thread was busy: it is no failure", async () => {
      const store = new Store();
      await newMachine(store).make();
      vi.spyOn(store, "get").mockImplementation(key => new Promise(resolve => setTimeout(() => resolve(store.held.get(key)), 10)));
      const machine = newMachine(store);
      const found = machine.find();
      await new Promise(resolve => setTimeout(resolve, 1));
      for (const begun = performance.now(); performance.now() - begun < 60; );
      expect(await found).toBe("code");
    });
  });
});
