/** The cache on disk: what it keeps, what it throws away, and what it does where it cannot keep anything. */
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskCache, type DiskCache } from "../../src/cache/disk.js";
import type { Ingredients } from "../../src/cache/entry.js";
import { defaultCacheFolder } from "../../src/cache/folder.js";
import { clearEntries, listEntries } from "../../src/cache/list.js";

const kernel: Ingredients = { source: "int x;", headersHash: "0", abi: 1, flags: ["-O3"], target: "x86" };
const DAY = 24 * 60 * 60;
const isRoot = process.getuid?.() === 0;

let base: string;
let folder: string;
let fallback: string;
beforeEach(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-cache-test-"));
  folder = path.join(base, "deep", "cache");
  fallback = path.join(base, "fallback");
  mkdirSync(fallback);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const open = (options: object = {}): DiskCache => createDiskCache({ folder, fallback, ...options });
const writes = (text: string) => (object: string) => writeFileSync(object, text);
const store = (cache: DiskCache, text = "code", ingredients = kernel, compiler = "g++ 12"): string => cache.storeSync(ingredients, compiler, writes(text));
const find = (cache: DiskCache, ingredients = kernel, compiler: string | null = "g++ 12"): string | null => {
  const object = cache.find(ingredients, compiler);
  return object === null ? null : readFileSync(object, "utf8");
};
const entriesIn = (where: string): readonly string[] => readdirSync(where).filter(name => !name.endsWith(".json"));
const modeOf = (file: string): number => statSync(file).mode & 0o777;

/** A small disk of its own, if this user may mount one. */
function withTinyDisk(options: string, use: (mount: string) => void): boolean {
  const mount = path.join(base, "disk");
  mkdirSync(mount);
  if (!isRoot || spawnSync("mount", ["-t", "tmpfs", "-o", options, "none", mount]).status !== 0) return false;
  try {
    use(mount);
  } finally {
    spawnSync("umount", ["-l", mount]);
  }
  return true;
}

describe("disk cache", () => {
  it("stays in a folder that is cleared while a kernel is made", async () => {
    const cache = open();
    let made = 0;
    const clearing = (object: string): void => {
      made += 1;
      if (made < 3) clearEntries(folder, listEntries(folder), true);
      writes("code")(object);
    };
    cache.storeSync(kernel, "g++ 12", clearing);
    expect({ made, reason: cache.reason, found: find(cache) }).toEqual({ made: 3, reason: null, found: "code" });
    made = 0;
    await cache.store({ ...kernel, source: "int y;" }, "g++ 12", object => Promise.resolve(object).then(clearing));
    expect({ made, reason: cache.reason, left: readdirSync(folder).filter(name => name.startsWith("tmp-")) }).toEqual({ made: 3, reason: null, left: [] });
    // Not for ever.
    expect(() => open().storeSync(kernel, "g++ 12", object => (rmSync(path.dirname(object), { recursive: true }), writes("code")(object)))).toThrow(/^DC405: the kernel cache/);
  });

  it("is sound, whatever processes store, find, evict and clear at the same time", async () => {
    const script = path.join(base, "racing.mts");
    const from = (file: string): string => JSON.stringify(path.resolve("src/cache", file));
    writeFileSync(
      script,
      `import { readFileSync, writeFileSync } from "node:fs";
       import { createDiskCache } from ${from("disk.ts")};
       import { clearEntries, listEntries } from ${from("list.ts")};
       const [folder, seed] = process.argv.slice(2);
       const textOf = key => ("kernel " + key + ";").repeat(300 + key);
       let [state, wrong, found, unread] = [Number(seed), 0, 0, 0];
       const below = limit => (state = (Math.imul(state, 1103515245) + 12345) >>> 1) % limit;
       for (let round = 0; round < 60; round++) {
         const cache = createDiskCache({ folder, mostBytes: 15_000 });
         for (let turn = 0; turn < 5; turn++) {
           const key = below(8);
           const ingredients = { source: "k" + key, headersHash: "0", abi: 1, flags: [], target: "x" };
           const object = cache.find(ingredients, "g++") ?? (below(2) === 0 ? cache.storeSync(ingredients, "g++", file => writeFileSync(file, textOf(key))) : await cache.store(ingredients, "g++", async file => writeFileSync(file, textOf(key))));
           try {
             if (readFileSync(object, "utf8") === textOf(key)) found += 1;
             else wrong += 1;
           } catch {
             unread += 1; // cleared or evicted meanwhile
           }
         }
         if (below(6) === 0) clearEntries(folder, listEntries(folder), below(2) === 0);
         if (cache.reason !== null) wrong += 1000;
       }
       console.log(JSON.stringify({ wrong, all: found + unread, some: found > 100 }));`,
    );
    const run = (seed: number) => new Promise<string>(resolve => execFile(process.execPath, ["--import", "tsx", script, folder, String(seed)], { cwd: path.resolve() }, (_, stdout, stderr) => resolve(stdout + stderr)));
    expect(await Promise.all([1, 2, 3, 4].map(run))).toEqual(Array(4).fill(`${JSON.stringify({ wrong: 0, all: 300, some: true })}\n`));
    expect(readdirSync(folder).filter(name => name.startsWith("tmp-"))).toEqual([]);
    for (let key = 0; key < 8; key++) expect([null, `kernel ${key};`.repeat(300 + key)]).toContain(find(open(), { source: `k${key}`, headersHash: "0", abi: 1, flags: [], target: "x" }, "g++"));
  });

  it("finds what was stored, in this process and the next", async () => {
    const cache = open();
    expect(find(cache)).toBeNull();
    expect(existsSync(folder)).toBe(false); // looking leaves no trace
    store(cache);
    expect(find(cache)).toBe("code");
    expect(find(open())).toBe("code");
    await cache.store({ ...kernel, source: "int y;" }, "g++ 12", object => Promise.resolve(writes("other")(object)));
    expect(find(open(), { ...kernel, source: "int y;" })).toBe("other");
    expect(cache.reason).toBeNull();
    expect(entriesIn(folder).every(name => /^[0-9a-f]{64}-[0-9a-f]{16}$/.test(name))).toBe(true);
  });

  it.each([
    ["source", { source: "int y;" }],
    ["headers", { headersHash: "1" }],
    ["ABI", { abi: 2 }],
    ["flags", { flags: ["-O3", "-g"] }],
    ["flags split otherwise", { flags: ["-O", "3"] }],
    ["processor", { target: "arm" }],
  ])("tells kernels apart by their %s", (_, other) => {
    const cache = open();
    store(cache);
    expect(find(cache, { ...kernel, ...other })).toBeNull();
  });

  it("tells compilers apart, and takes any compiler's work if there is none", () => {
    const cache = open();
    store(cache, "by g++");
    expect(find(cache, kernel, "clang++ 16")).toBeNull();
    expect(find(cache, kernel, null)).toBe("by g++");
    expect(find(cache, { ...kernel, source: "?" }, null)).toBeNull();
  });

  it("is open to its owner only, whatever the umask", () => {
    const before = process.umask(0);
    try {
      const object = store(open());
      for (const place of [folder, path.dirname(object), object]) expect(modeOf(place)).toBe(0o700);
      expect(modeOf(path.join(path.dirname(object), "checksum"))).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it("closes a folder that is open to others", () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    store(open());
    expect(modeOf(folder)).toBe(0o700);
  });

  describe("throws away, and makes anew", () => {
    const damages: readonly [string, (object: string) => void][] = [
      ["a changed object", object => writeFileSync(object, "c0de")],
      ["a truncated object", object => writeFileSync(object, "co")],
      ["an empty object", object => writeFileSync(object, "")],
      ["a missing object", object => rmSync(object)],
      ["a missing checksum", object => rmSync(path.join(path.dirname(object), "checksum"))],
      ["a truncated checksum", object => writeFileSync(path.join(path.dirname(object), "checksum"), "00")],
      ["an object that others may write", object => chmodSync(object, 0o722)],
      ["an entry that others may write", object => chmodSync(path.dirname(object), 0o777)],
      ["an object that is a folder", object => { rmSync(object); mkdirSync(object); }],
      ["an object that is a link", object => { writeFileSync(path.join(base, "elsewhere"), "code"); rmSync(object); symlinkSync(path.join(base, "elsewhere"), object); }],
      ["a file in place of the entry", object => { rmSync(path.dirname(object), { recursive: true }); writeFileSync(path.dirname(object), "code"); }],
    ];
    it.each(damages)("%s", (_, damage) => {
      const cache = open();
      damage(store(cache));
      expect(find(cache)).toBeNull();
      expect(entriesIn(folder)).toEqual([]);
      store(cache, "new");
      expect(find(open())).toBe("new");
    });

    it.each(damages)("%s, even where nobody looked before", (_, damage) => {
      damage(store(open()));
      store(open(), "new");
      expect(find(open())).toBe("new");
      expect(entriesIn(folder).length).toBe(1);
    });

    it.skipIf(!isRoot)("an object, an entry of another user", () => {
      const cache = open();
      chownSync(store(cache), 12345, 12345);
      expect(find(cache)).toBeNull();
      chownSync(path.dirname(store(cache)), 12345, 12345);
      expect(find(cache)).toBeNull();
      expect(entriesIn(folder)).toEqual([]);
    });

    it("what its user found to be of no use", () => {
      const cache = open();
      cache.discard(store(cache));
      expect(find(cache)).toBeNull();
    });
  });

  describe("where the usual folder cannot be used", () => {
    /** A private folder is used, says why, and is gone when the process ends. */
    const expectPrivate = (reason: RegExp): void => {
      const cache = open();
      expect(find(cache)).toBeNull();
      expect(path.dirname(path.dirname(path.dirname(store(cache))))).toBe(fallback);
      expect(find(cache)).toBe("code");
      expect(cache.folder.startsWith(fallback)).toBe(true);
      expect(modeOf(cache.folder)).toBe(0o700);
      expect(cache.reason).toMatch(reason);
    };

    it("a file is there", () => {
      mkdirSync(path.dirname(folder), { recursive: true });
      writeFileSync(folder, "");
      expectPrivate(/cache cannot be used: (EEXIST|it is not a folder)/);
    });

    it("a file is above it", () => {
      writeFileSync(path.dirname(folder), "");
      expectPrivate(/cache cannot be used: ENOTDIR/);
    });

    it("a broken link is there", () => {
      mkdirSync(path.dirname(folder));
      symlinkSync("/nowhere/at/all", folder);
      expectPrivate(/cache cannot be used: /);
    });

    it.skipIf(isRoot)("it is read-only for this user", () => {
      mkdirSync(folder, { recursive: true });
      chmodSync(path.dirname(folder), 0o500);
      rmSync(folder, { recursive: true, force: true });
      expectPrivate(/cache cannot be used: EACCES/);
    });

    it.skipIf(!isRoot)("it belongs to another user", () => {
      mkdirSync(folder, { recursive: true });
      chownSync(folder, 12345, 12345);
      expectPrivate(/cache cannot be used: it belongs to another user/);
    });

    it.skipIf(!isRoot)("its disk is read-only, but what it holds can be read", ({ skip }) => {
      const could = withTinyDisk("size=1m", mount => {
        folder = path.join(mount, "cache");
        store(open(), "old");
        spawnSync("mount", ["-o", "remount,ro", mount]);
        const cache = open();
        expect(find(cache)).toBe("old");
        expect(cache.reason).toBeNull();
        store(cache, "new", { ...kernel, source: "int y;" });
        expect(cache.reason).toMatch(/cannot be used: EROFS/);
        expect(find(cache, { ...kernel, source: "int y;" })).toBe("new");
      });
      if (!could) skip();
    });

    it.skipIf(!isRoot)("its disk is full: nothing half-written is left", ({ skip }) => {
      const could = withTinyDisk("size=64k", mount => {
        folder = path.join(mount, "cache");
        const cache = open();
        const large = "x".repeat(100_000);
        expect(path.dirname(path.dirname(path.dirname(store(cache, large))))).toBe(fallback);
        expect(cache.reason).toMatch(/cannot be used: ENOSPC/);
        expect(find(cache)).toBe(large);
        expect(entriesIn(folder)).toEqual([]);
      });
      if (!could) skip();
    });

    it.skipIf(!isRoot)("its disk is full, which the compiler says in its own words", async ({ skip }) => {
      let done: Promise<void> | null = null;
      const mount = path.join(base, "disk");
      mkdirSync(mount);
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", mount]).status !== 0) return skip();
      try {
        folder = path.join(mount, "cache");
        const cache = open();
        let tries = 0;
        done = cache
          .store(kernel, "g++ 12", object => {
            tries += 1;
            if (object.startsWith(mount)) return Promise.reject(new Error("ld: final link failed: No space left on device"));
            writeFileSync(object, "code");
            return Promise.resolve();
          })
          .then(object => expect(object.startsWith(fallback)).toBe(true));
        await done;
        expect(tries).toBe(2);
      } finally {
        spawnSync("umount", ["-l", mount]);
      }
    });

    it.skipIf(!isRoot)("it has room for an object, and none for its source", () => {
      withTinyDisk("size=32k,mode=700", mount => {
        const cache = createDiskCache({ folder: mount, fallback });
        const object = cache.storeSync({ ...kernel, source: "x".repeat(100_000), label: { backend: "cpu", title: () => "long" } }, "g++ 12", writes("code"));
        expect(readFileSync(object, "utf8")).toBe("code");
        expect(cache.reason).toMatch(/no space left on device/i);
        expect(readdirSync(mount)).toEqual([]);
      });
    });

    it("and neither can the private one: an error that says both", () => {
      writeFileSync(path.dirname(folder), "");
      const cache = open({ fallback: path.join(base, "nowhere") });
      expect(find(cache)).toBeNull();
      expect(() => store(cache)).toThrow(/^DC405: neither the kernel cache .*deep\/cache \(ENOTDIR.*\) nor a temporary folder \(ENOENT.*\) can be used/);
    });

    it("files of it cannot be loaded, as its user found out", () => {
      const cache = open();
      store(cache);
      cache.abandon("it forbids programs");
      expect(find(cache)).toBeNull();
      store(cache, "again");
      expect(find(cache)).toBe("again");
      expect(() => cache.abandon("so does this")).toThrow(/^DC405: the kernel cache .*fallback.* cannot be used: so does this/);
    });

    it("the private folder is removed when the process ends", () => {
      writeFileSync(path.dirname(folder), "");
      const script = path.join(base, "script.mts");
      writeFileSync(
        script,
        `import { createDiskCache } from ${JSON.stringify(path.resolve("src/cache/disk.ts"))};
         import { writeFileSync, existsSync } from "node:fs";
         const cache = createDiskCache(${JSON.stringify({ folder, fallback })});
         const object = cache.storeSync(${JSON.stringify(kernel)}, "g++", object => writeFileSync(object, "code"));
         console.log(existsSync(object));`,
      );
      const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", script], { encoding: "utf8", cwd: path.resolve() });
      expect(stdout + stderr).toBe("true\n");
      expect(readdirSync(fallback)).toEqual([]);
    });
  });

  it("passes on what went wrong in making, and leaves nothing behind", async () => {
    const cache = open();
    const mistake = new Error("no such thing");
    expect(() => cache.storeSync(kernel, "g++", () => { throw mistake; })).toThrow(mistake);
    await expect(cache.store(kernel, "g++", (_, temporary) => { writeFileSync(path.join(temporary, "rest.o"), "x"); return Promise.reject(mistake); })).rejects.toBe(mistake);
    expect(entriesIn(folder)).toEqual([]);
    expect(cache.reason).toBeNull();
    // A compiler that says it was done and has written nothing.
    expect(() => cache.storeSync(kernel, "g++", () => undefined)).toThrow(/^DC405: .*ENOENT/);
    expect(entriesIn(folder)).toEqual([]);
  });

  it("lets the first of two makers win, and gives the second what is there", async () => {
    const one = open();
    const two = open();
    let release = (): void => undefined;
    const gate = new Promise<void>(resolve => (release = resolve));
    const slow = one.store(kernel, "g++ 12", async object => {
      await gate;
      writeFileSync(object, "slow");
    });
    const quick = store(two, "quick");
    release();
    expect(await slow).toBe(quick);
    expect(find(one)).toBe("quick");
    expect(entriesIn(folder).length).toBe(1);
  });

  it("is safe where many processes race for the same entries", async () => {
    const { spawn } = await import("node:child_process");
    const script = path.join(base, "race.mts");
    writeFileSync(
      script,
      `import { createDiskCache } from ${JSON.stringify(path.resolve("src/cache/disk.ts"))};
       import { writeFileSync, readFileSync } from "node:fs";
       const [me] = process.argv.slice(2);
       let bad = 0;
       for (let i = 0; i < 200; i++) {
         const cache = createDiskCache(${JSON.stringify({ folder, fallback })});
         const ingredients = { ...${JSON.stringify(kernel)}, source: "kernel " + i % 20 };
         const found = cache.find(ingredients, "g++") ?? cache.storeSync(ingredients, "g++", object => writeFileSync(object, ("made of " + ingredients.source).repeat(1000)));
         try {
           if (readFileSync(found, "utf8") !== ("made of " + ingredients.source).repeat(1000)) bad++;
           if (i % 7 === 0) cache.discard(found);
         } catch (error) { if (error.code !== "ENOENT") bad++; }
         if (cache.reason !== null) bad++;
       }
       console.log("bad " + bad);`,
    );
    const run = (me: number) =>
      new Promise<string>(resolve => {
        const child = spawn(process.execPath, ["--import", "tsx", script, String(me)], { cwd: path.resolve(), stdio: ["ignore", "pipe", "inherit"] });
        let output = "";
        child.stdout.on("data", data => (output += String(data)));
        child.on("close", () => resolve(output));
      });
    expect(await Promise.all([1, 2, 3, 4].map(run))).toEqual(Array(4).fill("bad 0\n"));
    expect(entriesIn(folder).filter(name => name.startsWith("tmp-"))).toEqual([]);
  });

  it("remembers small texts, for this user only", () => {
    const cache = open();
    expect(cache.recall("facts.json")).toBeNull();
    cache.remember("facts.json", "one");
    cache.remember("facts.json", "two");
    expect(open().recall("facts.json")).toBe("two");
    expect(modeOf(path.join(folder, "facts.json"))).toBe(0o600);
    chmodSync(path.join(folder, "facts.json"), 0o666);
    expect(cache.recall("facts.json")).toBeNull();
  });

  describe("does not grow for ever", () => {
    const numbered = (i: number): Ingredients => ({ ...kernel, source: `int x${i};` });
    const age = (object: string, days: number): void => utimesSync(path.dirname(object), Date.now() / 1000 - days * DAY, Date.now() / 1000 - days * DAY);

    it("drops what was not used for a month when it stores, and what a killed process left", () => {
      const cache = open();
      age(store(cache, "old", numbered(1)), 31);
      age(store(cache, "newer", numbered(2)), 29);
      const abandoned = path.join(folder, "tmp-abandoned");
      mkdirSync(abandoned);
      utimesSync(abandoned, 0, 0);
      writeFileSync(path.join(folder, "notes.txt"), "not ours");
      store(open(), "new", numbered(3));
      expect([1, 2, 3].map(i => find(open(), numbered(i)))).toEqual([null, "newer", "new"]);
      expect(existsSync(abandoned)).toBe(false);
      expect(existsSync(path.join(folder, "notes.txt"))).toBe(true);
    });

    it("drops the oldest beyond its size, never what it has just stored", () => {
      const cache = open();
      for (let i = 1; i <= 4; i++) age(store(cache, "x".repeat(1000), numbered(i)), 10 - i);
      store(open({ mostBytes: 3 * (1000 + 64) }), "y".repeat(1000), numbered(5));
      expect([1, 2, 3, 4, 5].map(i => find(open(), numbered(i)) !== null)).toEqual([false, false, true, true, true]);
      store(open({ mostBytes: 10 }), "z".repeat(1000), numbered(6));
      expect([3, 4, 5, 6].map(i => find(open(), numbered(i)) !== null)).toEqual([false, false, false, true]);
    });

    it("counts reading as use", () => {
      const cache = open();
      const object = store(cache, "used", numbered(1));
      age(object, 29);
      find(cache, numbered(1));
      expect(Date.now() - statSync(path.dirname(object)).mtimeMs).toBeLessThan(DAY * 1000);
    });
  });
});

describe("the folder that the environment asks for", () => {
  it.each([
    [{ DOTCOMPUTE_CACHE: "/a/b", XDG_CACHE_HOME: "/x" }, "/a/b"],
    [{ DOTCOMPUTE_CACHE: "", XDG_CACHE_HOME: "/x" }, "/x/dotcompute"],
    [{ XDG_CACHE_HOME: "relative" }, path.join(os.homedir(), ".cache/dotcompute")],
    [{}, path.join(os.homedir(), ".cache/dotcompute")],
    [{ DOTCOMPUTE_CACHE: "here" }, path.resolve("here")],
  ])("%j", (environment, expected) => {
    expect(defaultCacheFolder(environment)).toBe(expected);
  });
});
