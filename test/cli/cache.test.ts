/** `dotcompute cache`: lists, clears and warms, and says what is wrong. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createDiskCache } from "../../src/cache/disk.js";
import { planFolder } from "../../src/cache/plans.js";
import { main } from "../../src/cli/main.js";
import type { Screen } from "../../src/cli/progress.js";

const base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-cli-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
/** Node's own import, not the test runner's. */
writeFileSync(path.join(base, "load.cjs"), "module.exports = url => import(url);");
const load = createRequire(import.meta.url)(path.join(base, "load.cjs")) as (url: string) => Promise<unknown>;
let places = 0;
const newPlace = (): string => path.join(base, String(++places));

const run = (...args: readonly string[]): ReturnType<typeof runOn> => runOn(null, ...args);

async function runOn(screen: Screen | null, ...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ["", ""];
  const code = await main(args, { out: text => void (out += text), err: text => void (err += text), screen, load, again: null, tell: null });
  return { code, out, err };
}

/** A folder with kernels in it that were used so many days ago. */
function filled(...days: readonly number[]): string {
  const folder = newPlace();
  const cache = createDiskCache({ folder });
  cache.remember(`compiler-${"0".repeat(32)}.json`, "{}");
  planFolder(folder).remember("0".repeat(64), "{}");
  for (const [at, ago] of days.entries()) {
    const label = { backend: at % 2 === 0 ? "cpu" : "cuda", title: () => `kernel ${at}` } as const;
    const flags = at % 2 === 0 ? ["-O3", "-march=native"] : ["--gpu-architecture=compute_80"];
    const object = cache.storeSync({ source: `int x${at};`, headersHash: "0", abi: 1, flags, target: "x86-f", label }, "g++ 12", file => writeFileSync(file, "x".repeat(1000 * (at + 1))));
    const used = Date.now() / 1000 - ago * 24 * 3600;
    utimesSync(path.dirname(object), used, used);
  }
  writeFileSync(path.join(folder, "notes.txt"), "somebody else's");
  return folder;
}

describe("dotcompute cache list", () => {
  it("tells what there is, the last used first", async () => {
    const folder = filled(9, 2);
    const { code, out, err } = await run("cache", "list", "--folder", folder);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const day = (ago: number): string => new Date(Date.now() - ago * 24 * 3600_000).toISOString().slice(0, 10);
    const [head, ...lines] = out.split("\n");
    expect(head).toMatch(/^BACKEND +SIZE +LAST USED +TARGET +KERNEL$/);
    expect(lines[0]).toMatch(new RegExp(`^cuda +2\\.\\d kB +${day(2)} +compute_80 +kernel 1$`));
    expect(lines[1]).toMatch(new RegExp(`^cpu +1\\.\\d kB +${day(9)} +native +kernel 0$`));
    expect(lines[2]).toMatch(new RegExp(`^2 kernels, 3\\.\\d kB in ${folder}$`));
  });

  it("gives it as data", async () => {
    const folder = filled(1);
    rmSync(path.join(folder, readdirSync(folder).find(name => name.length > 60) as string, "checksum")); // not its business
    const { code, out } = await run("cache", "list", "--json", "--folder", folder);
    expect(code).toBe(0);
    const [entry, ...others] = JSON.parse(out) as readonly Readonly<Record<string, unknown>>[];
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ backend: "cpu", title: "kernel 0", target: "x86-f", flags: ["-O3", "-march=native"], compiler: "g++ 12", name: expect.stringMatching(/^[0-9a-f]{64}-[0-9a-f]{16}$/), bytes: expect.any(Number) });
    expect(existsSync(entry?.["source"] as string)).toBe(true);
  });

  it("takes a folder that is not there for an empty one, and entries as they are", async () => {
    expect(await run("cache", "list", "--folder", path.join(base, "nowhere"))).toEqual({ code: 0, out: `0 kernels, 0 B in ${path.join(base, "nowhere")}\n`, err: "" });
    const folder = filled(0);
    writeFileSync(path.join(folder, readdirSync(folder).find(name => name.length > 60) as string, "about.json"), "{");
    expect((await run("cache", "list", "--folder", folder)).out).toMatch(/^\? +1\.\d kB +\S+ +\?$/m);
    writeFileSync(path.join(base, "file"), "");
    expect(await run("cache", "list", "--folder", path.join(base, "file"))).toMatchObject({ code: 1, err: expect.stringMatching(/^dotcompute: ENOTDIR/) });
  });
});

describe("dotcompute cache clear", () => {
  it("removes what was not used for long", async () => {
    const folder = filled(0, 20, 40);
    expect(await run("cache", "clear", "--folder", folder, "--older-than", "30d")).toMatchObject({ code: 0, out: expect.stringMatching(/^removed 1 kernel, 3\.\d kB from /) });
    expect(JSON.parse((await run("cache", "clear", "--folder", folder, "--older-than", "12h", "--json")).out)).toMatchObject({ folder, removed: 1 });
    expect(readdirSync(folder).length).toBe(4);
  });

  it("removes all that is the library's, and nothing else", async () => {
    const folder = filled(0, 1);
    expect(await run("cache", "clear", "--folder", folder)).toMatchObject({ code: 0, out: expect.stringMatching(/^removed 2 kernels, /), err: "" });
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
    expect(await run("cache", "clear", "--folder", folder)).toMatchObject({ code: 0, out: `removed 0 kernels, 0 B from ${folder}\n` });
  });
});

describe("dotcompute cache warm", () => {
  /** A module that brings its runtime along: what is asked of that, and what it answers. */
  const moduleWith = (exports: string): string => {
    const folder = newPlace();
    mkdirSync(folder);
    const file = path.join(folder, "queries.mjs");
    const runtime = `export const asked = [];
      const answers = { loud: "found", sums: "compiled", faulty: "failed" };
      export const runtime = {
        async precompile(query, { accelerator: backend, onProgress }) { onProgress({ fraction: 0.5 }); asked.push([query.bound, backend]); return [{ kernel: {}, backend: backend ?? "cpu", state: answers[query.bound], reason: query.bound === "faulty" ? "there is no compiler" : null }]; },
        async settled() { asked.push("settled"); },
      };`;
    writeFileSync(file, `${runtime}\n${exports}\n`);
    return file;
  };

  it("compiles what a module exports, and tells how far it is", async () => {
    const file = moduleWith('export const loud = { bound: "loud" }; export const more = [{ bound: "sums" }, 3]; export default { sum: { bound: "sums" } }; export const data = new Float64Array(3), name = "x";');
    const { code, out, err } = await run("cache", "warm", file, "--backend", "cuda");
    expect({ code, out }).toEqual({ code: 0, out: "2 kernels compiled, 1 there already\n" });
    expect(err.split("\n").sort()).toEqual(["", `${file}: no queries, and left out: asked, data, more.1, name`, "1 of 3  sum: compiled for cuda", "2 of 3  loud: found for cuda", "3 of 3  more.0: compiled for cuda"]);
    const { asked } = (await load(pathToFileURL(file).href)) as { readonly asked: readonly unknown[] };
    expect(asked).toEqual([["sums", "cuda"], ["loud", "cuda"], ["sums", "cuda"], "settled"]);
  });

  it("draws how far it is on a terminal", async () => {
    const file = moduleWith('export const loud = { bound: "loud" }, sums = { bound: "sums" };');
    const written: string[] = [];
    expect(await runOn({ isTTY: true, columns: 80, write: text => written.push(text) }, "cache", "warm", file)).toMatchObject({ code: 0 });
    const line = (percent: number, what: string): string => `\r[${"=".repeat(Math.floor(percent / 5)).padEnd(20)}] ${String(percent).padStart(3)} %  ${what}`;
    const erased = ["\r" + " ".repeat(line(0, "loud").length - 1), "\r"];
    expect(written).toEqual([line(0, "loud"), line(25, "loud"), ...erased, line(50, "sums"), line(75, "sums"), ...erased]);
  });

  it("ends with 1 where something failed, as data, too", async () => {
    const file = moduleWith('export const faulty = { bound: "faulty" };');
    expect(await run("cache", "warm", file)).toEqual({ code: 1, out: "0 kernels compiled, 0 there already, 1 failed\n", err: `${file}: no queries, and left out: asked\n1 of 1  faulty: failed for cpu: there is no compiler\n` });
    const { code, out, err } = await run("cache", "warm", file, "--json");
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(JSON.parse(out)).toEqual([{ module: file, query: "faulty", kernels: [{ backend: "cpu", state: "failed", reason: "there is no compiler" }], reason: null }]);
  });

  it("says what is wrong with a module", async () => {
    expect(await run("cache", "warm", path.join(base, "nowhere.mjs"))).toMatchObject({ code: 1, err: expect.stringMatching(/^dotcompute: .*nowhere\.mjs/) });
    expect(await run("cache", "warm", moduleWith(""))).toMatchObject({ code: 1, err: expect.stringMatching(/queries\.mjs: it exports no query: export const/) });
    const alone = path.join(base, "alone.mjs");
    writeFileSync(alone, 'export const loud = { bound: "loud" };');
    expect(await run("cache", "warm", alone)).toMatchObject({ code: 1, err: expect.stringContaining(`${alone}: it finds no dotcompute to import`) });
  });
});

it.each<[readonly string[], RegExp]>([
  [[], /^Usage: dotcompute <command>/],
  [["cash"], /^there is no command cash\n\nUsage/],
  [["cache"], /^Usage: dotcompute cache list/],
  [["cache", "drop"], /^there is no command cache drop\n/],
  [["cache", "list", "--jsn"], /^dotcompute: Unknown option '--jsn'/],
  [["cache", "list", "something"], /^dotcompute: Unexpected argument 'something'/],
  [["cache", "clear", "--older-than", "soon"], /^--older-than takes days or hours, 30d or 12h, not soon/],
  [["cache", "warm"], /^cache warm needs a module/],
])("dotcompute %j is not understood, and ends with 2", async (args, words) => {
  const { code, out, err } = await run(...args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(words);
});

it.each([["--help"], ["cache", "--help"], ["cache", "list", "--help"], ["cache", "clear", "--help"], ["cache", "warm", "--help"]])("dotcompute %s %s helps", async (...args) => {
  expect(await run(...args)).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: dotcompute/), err: "" });
  expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
