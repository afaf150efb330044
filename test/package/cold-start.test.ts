/** What a process loads from importing the library to its first native result where the kernel is kept: milliseconds of Node's own modules are left out. */
import path from "node:path";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
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
const DEAR = ["NativeModule crypto", "NativeModule child_process", "NativeModule worker_threads", "NativeModule fs/promises", "NativeModule timers/promises", "NativeModule perf_hooks", "NativeModule v8", "NativeModule internal/deps/cjs-module-lexer/lexer"];

describe("a cold start", () => {
  it.skipIf(unavailable !== null)("with a warm cache loads neither node:crypto nor anything else that takes milliseconds", async () => {
    const run = async (): Promise<{ sum: number; loaded: readonly string[] }> =>
      JSON.parse((await succeed(process.execPath, ["--input-type=module", "-e", PROGRAM], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: path.join(place.folder, "cache") } })).stdout) as { sum: number; loaded: readonly string[] };
    expect(await run()).toMatchObject({ sum: 9, loaded: expect.arrayContaining(["NativeModule child_process"]) as string[] });
    const { sum, loaded } = await run();
    expect(sum).toBe(9);
    expect(loaded.filter(name => DEAR.includes(name))).toEqual([]);
  });

  it.skipIf(unavailable !== null)("of a query that another process has planned does without the compiler; where what that one has left is not sound, with it", async () => {
    const cache = path.join(place.folder, "planned");
    const text = `
    const fs = require("node:fs");
    const read = [];
    const { readFileSync } = fs;
    fs.readFileSync = (file, ...options) => (read.push(require("node:path").basename(String(file))), readFileSync(file, ...options));
    const { compute } = require(${JSON.stringify(path.join(ROOT, "dist", "index.cjs"))});
    const [k, table] = [1.5, Float64Array.of(1, 10)];
    const rows = compute({ x: Float64Array.of(1, 2, 3), n: Int32Array.of(0, 1, 1) }).on("cpu").filter(row => row.x > k, { k });
    const results = [
      rows.groupBy(row => row.n).aggregate({ mean: g => g.average(row => row.x * table[row.n], { table }) }).toRows(),
      compute(Float64Array.of(1, 2, 3)).on("cpu").map(x => x * k, { k }).filter(x => x > 2).sum().value(),
    ];
    console.log(JSON.stringify({ results, parts: read.flatMap(name => /^dotcompute-(\\w+)\\.cjs$/.exec(name)?.[1] ?? []) }));
    `;
    const run = async (): Promise<{ results: unknown; parts: readonly string[] }> => JSON.parse((await succeed(process.execPath, ["-e", text], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: cache } })).stdout) as { results: unknown; parts: readonly string[] };
    const results = [[{ key: 1, mean: 25 }], 7.5];
    const first = await run();
    expect(first).toMatchObject({ results, parts: expect.arrayContaining(["compiler", "emission"]) as string[] });
    const plans = (): readonly string[] => readdirSync(cache).filter(name => name.startsWith("plan-")).map(name => path.join(cache, name));
    const left = plans().map(file => ({ file, ...statSync(file) }));
    expect(left.length).toBeGreaterThan(4);
    expect(new Set(left.map(({ mode }) => mode & 0o777))).toEqual(new Set([0o600]));
    const second = await run();
    expect(second.results).toEqual(results);
    expect(second.parts).toEqual(first.parts.filter(part => part !== "compiler" && part !== "emission"));
    for (const { file, ino } of left) expect(statSync(file).ino).toBe(ino);
    for (const file of plans()) writeFileSync(file, readFileSync(file, "utf8").replace(/[0-9](?=[^0-9]*$)/, digit => String((Number(digit) + 1) % 10)));
    expect(await run()).toEqual(first);
    expect(await run()).toEqual(second);
  });

  it("does not read the kernels' headers: the build has put their hash into the library", () => {
    const hash = hashOfHeaders(path.join(ROOT, "native", "rt"));
    expect(readFileSync(path.join(ROOT, "dist", "dotcompute-native.cjs"), "utf8")).toContain(hash);
  });
});
