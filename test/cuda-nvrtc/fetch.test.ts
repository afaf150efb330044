/** Fetching NVRTC for the tests: whole or not at all, from whoever has it, and not again and again where nobody does. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fetchedNvrtc, fetchFailure, fetchNvrtc } from "./fetch.js";

const parent = mkdtempSync(path.join(os.tmpdir(), "dotcompute-fetch-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));
const newFolder = (): string => path.join(mkdtempSync(path.join(parent, "build-")), "nvrtc");

const library = async (folder: string): Promise<void> => {
  await new Promise(resolve => setTimeout(resolve, 5));
  for (const name of ["libnvrtc.so.13", "libnvrtc.so.12.4.127", "libnvrtc-builtins.so.13.0"]) writeFileSync(path.join(folder, name), name);
};
const offline = (folder: string): never => {
  writeFileSync(path.join(folder, "libnvrtc.so.13"), "half of it");
  throw new Error("there is no network");
};

describe("NVRTC for the tests", () => {
  it("comes from the first that has it, once, and nothing else is left", async () => {
    const folder = newFolder();
    expect(fetchedNvrtc(folder)).toEqual([]);
    const lines = await Promise.all([1, 2, 3].map(() => fetchNvrtc(folder, { Nobody: offline, Somebody: library })));
    for (const line of lines) expect(line).toBe(`Fetched NVRTC for the tests from Somebody into ${folder}.`);
    expect(readdirSync(folder)).toEqual(["somebody"]);
    expect(fetchedNvrtc(folder)).toEqual([path.join(folder, "somebody", "libnvrtc.so.13")]);
    expect(fetchFailure(folder)).toBeNull();
    expect(await fetchNvrtc(folder, { Nobody: offline })).toBeNull();
  });

  it("is tried again a day after nobody had it", async () => {
    const folder = newFolder();
    expect(await fetchNvrtc(folder, { One: offline, Other: offline })).toMatch(/^No NVRTC could be fetched .*\(One: there is no network; Other: there is no network\)/);
    expect(fetchFailure(folder)).toBe("One: there is no network; Other: there is no network");
    expect(fetchedNvrtc(folder)).toEqual([]);
    expect(await fetchNvrtc(folder, { Somebody: library })).toBeNull();
    const yesterday = Date.now() / 1000 - 25 * 3600;
    utimesSync(path.join(folder, "failure.txt"), yesterday, yesterday);
    expect(await fetchNvrtc(folder, { Somebody: library })).toMatch(/from Somebody/);
    expect(fetchFailure(folder)).toBeNull();
    expect(readdirSync(folder)).toEqual(["somebody"]);
  });

  it("says so where there is nowhere to put it", async () => {
    const folder = path.join(newFolder(), "..", "file");
    writeFileSync(folder, "");
    expect(await fetchNvrtc(folder, { Somebody: library })).toMatch(/^No NVRTC could be fetched .*EEXIST|ENOTDIR/);
  });
});
