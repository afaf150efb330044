/** `dotcompute cache warm` as a new user runs it: the program itself, on modules that do what they like. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { failureInWords, toItsEnd } from "../../src/cli/ending.js";
import { whyNoCpu } from "../laws/backends.js";

const root = path.resolve(import.meta.dirname, "../..");
const project = mkdtempSync(path.join(os.tmpdir(), "dotcompute-warm-"));
afterAll(() => rmSync(project, { recursive: true, force: true }));
mkdirSync(path.join(project, "node_modules"));
symlinkSync(root, path.join(project, "node_modules", "dotcompute"));

const cache = path.join(project, "cache");

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built program in a project of its own with these modules. */
function warm(modules: Readonly<Record<string, string>>, ...options: readonly string[]): Promise<Ended> {
  for (const [name, text] of Object.entries(modules)) writeFileSync(path.join(project, name), text);
  return new Promise(resolve => {
    const child = spawn(process.execPath, [path.join(root, "dist", "cli.cjs"), "cache", "warm", ...Object.keys(modules), ...options], { cwd: project, env: { ...process.env, DOTCOMPUTE_CACHE: cache, NODE_OPTIONS: "" } });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.on("close", code => resolve({ code, out, err }));
  });
}

const SOUND = `import { compute } from "dotcompute";
export const loud = compute(new Float32Array(0)).filter(x => x > 0.5).count();
export const spectra = [1, 2].map(k => compute(new Float64Array(0)).map(x => Math.sin(x * k), { k }));
`;

describe.skipIf(whyNoCpu !== null)("dotcompute cache warm", () => {
  it("compiles what the docs' module exports, so that it is there the next time", async () => {
    writeFileSync(path.join(project, "package.json"), '{ "type": "module" }');
    const first = await warm({ "queries.js": SOUND }, "--backend", "cpu");
    // The two sines differ by a captured number alone.
    expect(first).toMatchObject({ code: 0, out: "2 kernels compiled, 1 there already\n" });
    const again = await warm({ "queries.js": SOUND });
    expect(again).toEqual({ code: 0, out: "0 kernels compiled, 3 there already\n", err: "1 of 3  loud: found for cpu\n2 of 3  spectra.0: found for cpu\n3 of 3  spectra.1: found for cpu\n" });
    expect(readdirSync(cache).length).toBeGreaterThan(2);
  });

  it("says of a CommonJS module the same, each query once", async () => {
    const { code, err } = await warm({ "queries.cjs": 'const { compute } = require("dotcompute"); exports.loud = compute(new Float32Array(0)).filter(x => x > 0.5).count(); exports.limit = 3;' });
    expect({ code, err }).toEqual({ code: 0, err: "queries.cjs: no queries, and left out: limit\n1 of 1  loud: found for cpu\n" });
  });

  it("names what it leaves out, and compiles the rest", async () => {
    const text = `${SOUND}export const prepared = compute(new Float32Array(0)).map(x => x * 2).prepare();\nexport const limits = [1, 2], name = "x"; export function make() {}; export default loud;`;
    expect(await warm({ "much.mjs": text })).toMatchObject({ code: 0, err: expect.stringContaining("much.mjs: no queries, and left out: limits, make(), name, prepared()\n") as string });
  });

  it("goes on behind modules that fail, and names each with its reason", async () => {
    const modules = {
      "never.mjs": "await new Promise(() => {});\nexport const a = 1;",
      "throws.mjs": 'const here = 1;\nthrow new TypeError("my own mistake");',
      "syntax.mjs": "export const a = ;",
      "nothing.mjs": "export const a = 1;",
      "foreign.mjs": 'import { createRuntime } from "dotcompute";\nexport const foreign = createRuntime().compute(new Float32Array(0)).max();',
      "sound.mjs": SOUND,
    };
    const { code, out, err } = await warm(modules);
    expect(code).toBe(1);
    expect(out).toBe("0 kernels compiled, 3 there already, 1 failed, 4 modules without a query that could be compiled\n");
    expect(err).toContain("dotcompute: never.mjs: it waits for something that never comes: nothing is left in the process that could bring it\n");
    expect(err).toMatch(/dotcompute: throws\.mjs: TypeError: my own mistake\n +at .*throws\.mjs:2:7\n/);
    expect(err).toContain("dotcompute: syntax.mjs: SyntaxError: Unexpected token ';'\nnode --check tells the place, in this module or in one that it imports\n");
    expect(err).not.toMatch(/cli\.cjs|the process was ended/);
    expect(err).toContain("dotcompute: nothing.mjs: it exports no query: ");
    expect(err).toContain("1 of 1  foreign: DC305: precompile() was given a query of another runtime\n");
    expect(err).toContain("3 of 3  spectra.1: found for cpu\n");
    expect(err).not.toContain("node:internal");
    const data = JSON.parse((await warm(modules, "--json")).out) as readonly { readonly module: string; readonly query: string | null; readonly reason: string | null }[];
    expect(data.map(({ module, query, reason }) => [module, query, reason === null])).toEqual([
      ["never.mjs", null, false],
      ["throws.mjs", null, false],
      ["syntax.mjs", null, false],
      ["nothing.mjs", null, false],
      ["foreign.mjs", "foreign", false],
      ["sound.mjs", "loud", true],
      ["sound.mjs", "spectra.0", true],
      ["sound.mjs", "spectra.1", true],
    ]);
  });

  it("goes on in a new process behind modules that end theirs, and names them", async () => {
    const modules = {
      "exits.mjs": "process.exit(0);",
      "timer.mjs": 'setTimeout(() => { throw new Error("later"); });\nawait new Promise(() => {});',
      "rejects.mjs": 'Promise.reject(new Error("unheard"));\nawait new Promise(() => {});',
      "killed.mjs": 'process.kill(process.pid, "SIGKILL");\nawait new Promise(() => {});',
      "sound.mjs": SOUND,
    };
    const { code, out, err } = await warm(modules);
    expect({ code, out }).toEqual({ code: 1, out: "0 kernels compiled, 3 there already, 4 modules without a query that could be compiled\n" });
    expect(err).toContain("dotcompute: the process was ended, with the exit code 0, while exits.mjs is loading: by process.exit()");
    expect(err).toContain("dotcompute: the process was ended, with the exit code 1, while timer.mjs is loading: ");
    expect(err).toContain("dotcompute: the process was ended, with the exit code 1, while rejects.mjs is loading: ");
    expect(err).toContain("dotcompute: killed.mjs: it ended the process: ");
    expect(err).toContain("3 of 3  spectra.1: found for cpu\n");
    const data = JSON.parse((await warm(modules, "--json")).out) as readonly { readonly module: string; readonly query: string | null; readonly reason: string | null }[];
    expect(data.map(({ module, query, reason }) => [module, query, reason?.slice(0, 20) ?? null])).toEqual([
      ["exits.mjs", null, "it ended the process"],
      ["timer.mjs", null, "it ended the process"],
      ["rejects.mjs", null, "it ended the process"],
      ["killed.mjs", null, "it ended the process"],
      ["sound.mjs", "loud", null],
      ["sound.mjs", "spectra.0", null],
      ["sound.mjs", "spectra.1", null],
    ]);
  });

  it("compiles what stands beside exports that throw when they are looked into", async () => {
    const text = `${SOUND}export const kept = { get broken() { throw new Error("no query here"); }, sound: loud };\nexport const proxy = new Proxy({}, { ownKeys() { throw Object.create(null); } });`;
    const { code, out, err } = await warm({ "getters.mjs": text });
    expect({ code, out }).toEqual({ code: 1, out: "0 kernels compiled, 3 there already, 2 failed\n" });
    expect(err).toMatch(/getters\.mjs: kept\.broken: it cannot be looked into: Error: no query here\n +at .*getters\.mjs:\d+:\d+\)\n/);
    expect(err).toContain("getters.mjs: proxy: it cannot be looked into: something that cannot be put into words\n");
    expect(err).toContain("found for cpu\n");
  });

  it("compiles queries of plain compute() beside those of the runtime that a module exports", async () => {
    const text = `import { createRuntime } from "dotcompute";\n${SOUND}export const runtime = createRuntime();\nexport const own = runtime.compute(new Float32Array(0)).filter(x => x > 0.5).count();\nexport const foreign = createRuntime().compute(new Float32Array(0)).max();`;
    const { code, out, err } = await warm({ "both.mjs": text });
    expect({ code, out }).toEqual({ code: 1, out: "0 kernels compiled, 4 there already, 1 failed\n" });
    expect(err).toContain("foreign: DC305: precompile() was given a query of another runtime\n");
  });

  it.each([
    ["process.exit(0);", /^dotcompute: the process was ended, with the exit code 0, while ends\.mjs is loading: by process\.exit\(\), or an error that nobody caught\n$/],
    ['setTimeout(() => { throw new Error("later"); });\nawait new Promise(() => {});', /(?=[^]*Error: later)dotcompute: the process was ended, with the exit code 1, while ends\.mjs is loading/],
  ])("says that a module ended the process: %s", async (text, words) => {
    for (const options of [[], ["--json"]]) {
      const { code, out, err } = await warm({ "ends.mjs": text }, ...options);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(words);
    }
  });
});

describe("what may never end", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it("is told of when it takes long, once; and leaves nothing behind", async () => {
    const lines: string[] = [];
    const before = [process.listenerCount("exit"), process.listenerCount("beforeExit")];
    let end = (_: number): void => undefined;
    const work = toItsEnd(new Promise<number>(resolve => (end = resolve)), "slow.mjs is loading", { err: line => void lines.push(line) });
    vi.advanceTimersByTime(9_999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(lines).toEqual(["dotcompute: slow.mjs is loading since 10 s\n"]);
    end(7);
    expect(await work).toBe(7);
    await Promise.resolve();
    expect([process.listenerCount("exit"), process.listenerCount("beforeExit"), vi.getTimerCount()]).toEqual([...before, 0]);
  });

  it("fails with what was thrown, whatever that is", () => {
    expect([failureInWords("text"), failureInWords(null), failureInWords(Object.assign(new Error("own"), { stack: undefined }))]).toEqual(["text", "null", "Error: own"]);
  });
});
