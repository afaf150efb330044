/** The cpu backend where compilers, folders and files let it down. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apply, number } from "../../fusion/build.js";
import { BackendError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { createCpuBackend, type CpuBackend, type CpuBackendOptions } from "../../src/backends/cpu/backend.js";
import { findCompiler } from "../../src/backends/cpu/compiler.js";
import { loadAddon } from "../../src/backends/cpu/load-addon.js";
import { arrayOf, callOf, element, kernelOf, yields } from "../fusion/by-hand.js";

const compiler = findCompiler().found?.command ?? "";
const unavailable = loadAddon().reason ?? findCompiler().reason;
const isRoot = process.getuid?.() === 0;

/** Kernels that are alike but not the same. */
const times = (factor: number): Kernel => kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, [yields(apply("mul", element("f64"), number(factor)))]);
const triple = times(3);
const works = (compiled: { run(call: ReturnType<typeof callOf>): unknown }): void =>
  expect(compiled.run(callOf(Float64Array.of(1, 2)))).toMatchObject({ output: Float64Array.of(3, 6) });

let base: string;
let cacheFolder: string;
beforeEach(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-faults-"));
  cacheFolder = path.join(base, "cache");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A compiler that does what `body` says and then, unless that ended it, what the real one does. It keeps count in `calls`. */
function wrapper(body = ""): string {
  const file = path.join(base, "wrapper");
  const count = `case "$*" in *--version*|*-fsyntax-only*) ;; *) echo call >> ${base}/calls; ${body || ":"} ;; esac`;
  writeFileSync(file, `#!/bin/sh\nfor word in "$@"; do [ "$previous" = -o ] && OUT=$word; previous=$word; done\n${count}\nexec ${compiler} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}
const calls = (): number => (existsSync(path.join(base, "calls")) ? readFileSync(path.join(base, "calls"), "utf8").split("\n").length - 1 : 0);
const open = (options: CpuBackendOptions = {}): CpuBackend => createCpuBackend({ cacheFolder, ...options });
const entries = (): readonly string[] => readdirSync(cacheFolder).filter(name => !name.endsWith(".json"));

const ways: readonly [string, (backend: CpuBackend, kernel: Kernel) => Promise<unknown>][] = [
  ["at once", async (backend, kernel) => Promise.resolve(backend.compile(kernel))],
  ["in the background", (backend, kernel) => backend.compileAsync(kernel, { background: true })],
];

describe.skipIf(unavailable !== null)("cpu backend", () => {
  it("compiles once for all processes, and again for another compiler", () => {
    const mine = wrapper();
    works(open({ compiler: mine }).compile(triple));
    works(open({ compiler: mine }).compile(triple));
    const cached = open({ compiler: mine }).cached(triple);
    expect(cached).not.toBeNull();
    expect(calls()).toBe(1);
    writeFileSync(mine, `${readFileSync(mine, "utf8")}# newer\n`);
    expect(open({ compiler: mine }).cached(triple)).toBeNull();
    works(open({ compiler: mine }).compile(triple));
    expect(calls()).toBe(2);
  });

  it("compiles once, however many ask at the same time", async () => {
    const backend = open({ compiler: wrapper() });
    await Promise.all(Array.from({ length: 10 }, () => backend.compileAsync({ ...triple })));
    expect(calls()).toBe(1);
  });

  it("never starts a compiler to look into the cache", () => {
    const mine = wrapper();
    const asks = path.join(base, "asks");
    writeFileSync(mine, readFileSync(mine, "utf8").replace("\n", `\necho ask >> ${asks}\n`));
    expect(open({ compiler: mine }).cached(triple)).toBeNull();
    expect(existsSync(asks)).toBe(false);
  });

  describe.each(ways)("compiling %s", (_, compile) => {
    it("says that there is no compiler, but runs what was compiled", async () => {
      open().compile(triple);
      const backend = open({ compiler: "no-such-compiler" });
      expect(backend.available).toBe(true);
      works(backend.cached(triple) as never);
      expect(backend.cached(times(4))).toBeNull();
      await expect(compile(backend, times(4))).rejects.toThrow(new BackendError("DC403", "the compiler asked for, no-such-compiler, is not a program that can be run"));
      works(backend.cached(triple) as never);
    });

    it("quotes a compiler that fails, and tries again when asked again", async () => {
      const backend = open({ compiler: wrapper(`[ -e ${base}/well ] || { echo "kernel.cpp:1: I cannot" >&2; exit 1; }`) });
      await expect(compile(backend, triple)).rejects.toThrow(new BackendError("DC403", "wrapper ended with exit code 1\nkernel.cpp:1: I cannot"));
      expect(entries()).toEqual([]);
      writeFileSync(path.join(base, "well"), "");
      await compile(backend, triple);
      works(backend.cached(triple) as never);
    });

    it("survives a compiler that is killed in the middle of its output", async () => {
      const backend = open({ compiler: wrapper(`printf half > "$OUT"; kill -9 $$`) });
      await expect(compile(backend, triple)).rejects.toThrow(new BackendError("DC403", "wrapper was killed by SIGKILL"));
      expect(entries()).toEqual([]);
    });

    it("survives a compiler that is too slow", async () => {
      const backend = open({ compiler: wrapper("sleep 100"), compileTimeLimit: 400 });
      await expect(compile(backend, triple)).rejects.toThrow(new BackendError("DC403", "wrapper took longer than 400 ms and was stopped"));
      expect(entries()).toEqual([]);
    });

    it("finds out that what a compiler wrote is no shared object", async () => {
      const backend = open({ compiler: wrapper(`echo garbage > "$OUT"; exit 0`) });
      await expect(compile(backend, triple)).rejects.toThrow(/^DC405: the kernel cache .* cannot be used: Cannot load the kernel: .*(invalid ELF header|file too short|mach-o)/);
      expect(calls()).toBe(2); // the second time in a private folder: the first might have been to blame
      expect(entries()).toEqual([]);
    });

    it("finds out that a compiler wrote nothing", async () => {
      const backend = open({ compiler: wrapper("exit 0") });
      await expect(compile(backend, triple)).rejects.toThrow(new BackendError("DC403", "wrapper ended without an error, but wrote no shared object"));
    });

    it("compiles what was damaged on the disk anew", async () => {
      const mine = wrapper();
      await compile(open({ compiler: mine }), triple);
      for (const damage of ["", "garbage"]) {
        // Another file in its place: this process still has the first one open and mapped.
        const object = path.join(cacheFolder, entries()[0] as string, "kernel.so");
        rmSync(object);
        writeFileSync(object, damage, { mode: 0o700 });
        const backend = open({ compiler: mine });
        expect(backend.cached(triple)).toBeNull();
        await compile(backend, triple);
        works(backend.cached(triple) as never);
      }
      expect(calls()).toBe(3);
    });

    it("uses a private folder where there can be no other", async () => {
      writeFileSync(cacheFolder, "a file");
      const backend = open();
      await compile(backend, triple);
      works(backend.cached(triple) as never);
      expect(backend.cacheState.reason).toMatch(/^the kernel cache .*cache cannot be used: /);
    });

    it.skipIf(!isRoot).each([
      ["forbids programs", "noexec,size=8m"],
      ["is full", "size=16k"],
    ])("uses a private folder where the disk %s", async (_name, options) => {
      mkdirSync(cacheFolder);
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", options, "none", cacheFolder]).status === 0;
      if (!mounted) return;
      try {
        const backend = open();
        await compile(backend, triple);
        works(backend.cached(triple) as never);
        expect(backend.cacheState.folder).not.toBe(cacheFolder);
        expect(entries()).toEqual([]);
      } finally {
        spawnSync("umount", ["-l", cacheFolder]);
      }
    });
  });

  it("takes $CXX with arguments", () => {
    const before = process.env["CXX"];
    process.env["CXX"] = `${wrapper()} -g0`;
    try {
      works(open().compile(triple));
      expect(calls()).toBe(1);
    } finally {
      if (before === undefined) delete process.env["CXX"];
      else process.env["CXX"] = before;
    }
  });

  it("does without -march=native where the compiler does not know it", () => {
    const mine = wrapper();
    writeFileSync(mine, readFileSync(mine, "utf8").replace("\n", `\ncase "$*" in *-march=native*) echo "unknown option" >&2; exit 1;; esac\n`));
    works(open({ compiler: mine }).compile(triple));
    works(open({ compiler: mine }).cached(triple) as never);
    works(open({ compiler: "no-such-compiler" }).cached(triple) as never);
  });

  it("shares one folder among processes that start together", async () => {
    const script = path.join(base, "together.mts");
    writeFileSync(
      script,
      `import { createCpuBackend } from ${JSON.stringify(path.resolve("src/backends/cpu/backend.ts"))};
       const kernels = ${JSON.stringify([1, 2, 3, 4, 5].map(times))};
       const backend = createCpuBackend({ cacheFolder: ${JSON.stringify(cacheFolder)} });
       const outputs = await Promise.all(kernels.map(async kernel => (await backend.compileAsync(kernel)).run({ source: Float64Array.of(7), length: 1, output: null, scalars: [], arrays: [] }).output[0]));
       console.log(outputs.join());`,
    );
    const { execFile } = await import("node:child_process");
    const run = () => new Promise<string>(resolve => execFile(process.execPath, ["--import", "tsx", script], { cwd: path.resolve() }, (_, stdout, stderr) => resolve(stdout + stderr)));
    expect(await Promise.all([run(), run(), run()])).toEqual(Array(3).fill("7,14,21,28,35\n"));
    expect(entries().length).toBe(5);
    expect(entries().every(name => !name.startsWith("tmp-"))).toBe(true);
  });
});

it("names what is missing in a package without an addon", () => {
  const { addon, reason } = loadAddon(base);
  expect(addon).toBeNull();
  expect(reason).toBe(`there is no native addon for ${process.platform}-${process.arch}; to build it: node ${path.join(base, "scripts", "build-addon.mjs")}`);
  mkdirSync(path.join(base, "build", "Release"), { recursive: true });
  writeFileSync(path.join(base, "build", "Release", "dotcompute.node"), "garbage");
  expect(loadAddon(base).reason).toMatch(/build\/Release\/dotcompute\.node: .*(invalid ELF header|file too short|mach-o)/i);
  expect(loadAddon(null)).toEqual({ addon: null, reason: expect.stringMatching(/^the package's own folder was not found: leave dotcompute out of bundles/) as string });
});
