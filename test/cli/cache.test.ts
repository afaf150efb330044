/** `dotcompute cache`: lists and clears, and says what is wrong. */
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createDiskCache } from "../../src/cache/disk.js";
import { main } from "../../src/cli/main.js";

const base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-cli-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let places = 0;
const newPlace = (): string => path.join(base, String(++places));

function run(...args: readonly string[]): { readonly code: number; readonly out: string; readonly err: string } {
  let [out, err] = ["", ""];
  const code = main(args, { out: text => void (out += text), err: text => void (err += text) });
  return { code, out, err };
}

/** A folder with kernels in it that were used so many days ago. */
function filled(...days: readonly number[]): string {
  const folder = newPlace();
  const cache = createDiskCache({ folder });
  cache.remember(`compiler-${"0".repeat(32)}.json`, "{}");
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
  it("tells what there is, the last used first", () => {
    const folder = filled(9, 2);
    const { code, out, err } = run("cache", "list", "--folder", folder);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const day = (ago: number): string => new Date(Date.now() - ago * 24 * 3600_000).toISOString().slice(0, 10);
    const [head, ...lines] = out.split("\n");
    expect(head).toMatch(/^BACKEND +SIZE +LAST USED +TARGET +KERNEL$/);
    expect(lines[0]).toMatch(new RegExp(`^cuda +2\\.\\d kB +${day(2)} +compute_80 +kernel 1$`));
    expect(lines[1]).toMatch(new RegExp(`^cpu +1\\.\\d kB +${day(9)} +native +kernel 0$`));
    expect(lines[2]).toMatch(new RegExp(`^2 kernels, 3\\.\\d kB in ${folder}$`));
  });

  it("gives it as data", () => {
    const folder = filled(1);
    rmSync(path.join(folder, readdirSync(folder).find(name => name.length > 60) as string, "checksum")); // not its business
    const { code, out } = run("cache", "list", "--json", "--folder", folder);
    expect(code).toBe(0);
    const [entry, ...others] = JSON.parse(out) as readonly Readonly<Record<string, unknown>>[];
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ backend: "cpu", title: "kernel 0", target: "x86-f", flags: ["-O3", "-march=native"], compiler: "g++ 12", name: expect.stringMatching(/^[0-9a-f]{64}-[0-9a-f]{16}$/), bytes: expect.any(Number) });
    expect(existsSync(entry?.["source"] as string)).toBe(true);
  });

  it("takes a folder that is not there for an empty one, and entries as they are", () => {
    expect(run("cache", "list", "--folder", path.join(base, "nowhere"))).toEqual({ code: 0, out: `0 kernels, 0 B in ${path.join(base, "nowhere")}\n`, err: "" });
    const folder = filled(0);
    writeFileSync(path.join(folder, readdirSync(folder).find(name => name.length > 60) as string, "about.json"), "{");
    expect(run("cache", "list", "--folder", folder).out).toMatch(/^\? +1\.\d kB +\S+ +\?$/m);
    writeFileSync(path.join(base, "file"), "");
    expect(run("cache", "list", "--folder", path.join(base, "file"))).toMatchObject({ code: 1, err: expect.stringMatching(/^dotcompute: ENOTDIR/) });
  });
});

describe("dotcompute cache clear", () => {
  it("removes what was not used for long", () => {
    const folder = filled(0, 20, 40);
    expect(run("cache", "clear", "--folder", folder, "--older-than", "30d")).toMatchObject({ code: 0, out: expect.stringMatching(/^removed 1 kernel, 3\.\d kB from /) });
    expect(JSON.parse(run("cache", "clear", "--folder", folder, "--older-than", "12h", "--json").out)).toMatchObject({ folder, removed: 1 });
    expect(readdirSync(folder).length).toBe(3);
  });

  it("removes all that is the library's, and nothing else", () => {
    const folder = filled(0, 1);
    expect(run("cache", "clear", "--folder", folder)).toMatchObject({ code: 0, out: expect.stringMatching(/^removed 2 kernels, /), err: "" });
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
    expect(run("cache", "clear", "--folder", folder)).toMatchObject({ code: 0, out: `removed 0 kernels, 0 B from ${folder}\n` });
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
])("dotcompute %j is not understood, and ends with 2", (args, words) => {
  const { code, out, err } = run(...args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toMatch(words);
});

it.each([["--help"], ["cache", "--help"], ["cache", "list", "--help"], ["cache", "clear", "--help"]])("dotcompute %s %s helps", (...args) => {
  expect(run(...args)).toMatchObject({ code: 0, out: expect.stringMatching(/^Usage: dotcompute/), err: "" });
  expect(run("--version").out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
