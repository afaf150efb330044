/** What a process loads from importing the library to its first native result where the kernel is kept: milliseconds of Node's own modules are left out. */
import path from "node:path";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { hashOfHeaders } from "../../src/backends/cpu/headers.js";
import { ROOT, succeed, temporaryFolder } from "./support.js";
import { loadAddon } from "../../src/backends/cpu/load-addon.js";
import { findCompiler } from "../../src/backends/cpu/compiler.js";

const place = temporaryFolder();
afterAll(() => place.remove());

const unavailable = loadAddon().reason ?? findCompiler().reason;

const PROGRAM = `
const { compute } = await import(${JSON.stringify(pathToFileURL(path.join(ROOT, "dist", "index.js")).href)});
const sum = compute(Float64Array.of(1, 2, 3)).on("cpu").map(x => x * 1.5).sum().value();
console.log(JSON.stringify({ sum, loaded: process.moduleLoadList }));
`;
const DEAR = ["NativeModule crypto", "NativeModule child_process", "NativeModule worker_threads", "NativeModule internal/deps/cjs-module-lexer/lexer"];

describe("a cold start", () => {
  it.skipIf(unavailable !== null)("with a warm cache loads neither node:crypto nor anything else that takes milliseconds", async () => {
    const run = async (): Promise<{ sum: number; loaded: readonly string[] }> =>
      JSON.parse((await succeed(process.execPath, ["--input-type=module", "-e", PROGRAM], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: path.join(place.folder, "cache") } })).stdout) as { sum: number; loaded: readonly string[] };
    expect(await run()).toMatchObject({ sum: 9, loaded: expect.arrayContaining(["NativeModule child_process"]) as string[] });
    const { sum, loaded } = await run();
    expect(sum).toBe(9);
    expect(loaded.filter(name => DEAR.includes(name))).toEqual([]);
  });

  it("does not read the kernels' headers: the build has put their hash into the library", () => {
    const hash = hashOfHeaders(path.join(ROOT, "native", "rt"));
    expect(readFileSync(path.join(ROOT, "dist", "dotcompute-native.cjs"), "utf8")).toContain(hash);
  });
});
