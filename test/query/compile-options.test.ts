/** `createRuntime({ target, compile, cuda: { capability } })`: the same bits from other code, which is kept apart, and found by debuggers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { CodeOptions } from "../../fusion/emit/code.js";
import { cudaFlagsOf } from "../../fusion/emit/cuda.js";
import type { Kernel } from "../../fusion/ir.js";
import { createCpuBackend, type CpuBackend } from "../../src/backends/cpu/backend.js";
import { createRuntime, type RuntimeOptions } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";
import { expectResult } from "../native/example-runs.js";
import { addon } from "../native/fixtures.js";
import { recordQueries } from "../native/recorded.js";

const base = mkdtempSync(path.join(os.tmpdir(), "dotcompute-options-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let folders = 0;
const newFolder = (): string => path.join(base, String(++folders));
const entriesIn = (folder: string): readonly string[] => readdirSync(folder).filter(name => /^[0-9a-f]{64}-/.test(name)).map(name => path.join(folder, name));
const counts: Kernel = { source: { kind: "range" }, scalars: [], arrays: [], body: [{ kind: "yield", values: [] }], sink: { kind: "count" } };

describe.skipIf(whyNoCpu !== null)(`native code${whyNoCpu === null ? "" : ` (skipped: ${whyNoCpu})`}`, () => {
  it("gives the same bits however much it was optimised", { timeout: 60_000 }, () => {
    const recorded = recordQueries([0, 1, 31, 1025]).filter(({ name }) => /^(map of f64|conversions|filter of f32|sum of f32|scan of f64)/.test(name));
    expect(recorded.length).toBeGreaterThan(4);
    const folder = newFolder();
    for (const optimisation of [0, 1, 2, 3] as const) {
      const compiled = createCpuBackend({ cacheFolder: folder, code: { optimisation } }).compileBatch(recorded.map(({ kernel }) => kernel));
      recorded.forEach(({ calls }, place) => {
        for (const { call, result } of calls) expectResult(compiled[place]!.run(call), result);
      });
    }
    expect(entriesIn(folder).length).toBe(4);
  });

  it("is kept apart by its options, and shared where they say the same", () => {
    const folder = newFolder();
    const backendWith = (options: { readonly code?: CodeOptions; readonly target?: RuntimeOptions["target"] }): CpuBackend => createCpuBackend({ cacheFolder: folder, ...options });
    const different = [{}, { code: { optimisation: 0 } }, { code: { debug: true } }, { target: addon.levels.at(-1) as "x86-64" }, { target: "portable" }] as const;
    for (const [at, options] of different.entries()) {
      expect(backendWith(options).cached(counts)).toBeNull();
      backendWith(options).compile(counts);
      expect(entriesIn(folder).length).toBe(at + 1);
    }
    for (const options of [...different, { code: {} }, { code: { optimisation: 3, debug: false } }, { target: "native" }] as const) expect(backendWith(options).cached(counts)).not.toBeNull();
    expect(entriesIn(folder).length).toBe(different.length);
  });

  it("leads debuggers to the source that is kept beside it", () => {
    const folder = newFolder();
    const runtime = createRuntime({ backend: "cpu", cacheFolder: folder, compile: { debug: true, optimisation: 1 } });
    const data = Float64Array.from({ length: 100 }, (_, i) => i / 3 - 5);
    expect(runtime.compute(data).map(x => Math.sqrt(x * x)).toArray()).toEqual(data.map(x => Math.abs(x)));
    const [entry] = entriesIn(folder) as [string];
    const source = path.join(entry, "kernel.cpp");
    const lines = readFileSync(source, "utf8").split("\n");
    const about = JSON.parse(readFileSync(path.join(entry, "about.json"), "utf8")) as Record<string, unknown>;
    expect(about).toMatchObject({ backend: "cpu", target: addon.target, flags: expect.arrayContaining(["-O1", "-g"]) });
    expect(about["title"]).toMatch(/^f64\[\] \(\) -> f64\[\] \{ yield sqrt\.f64\(/);
    const dump = spawnSync("objdump", ["--dwarf=decodedline", path.join(entry, "kernel.so")], { encoding: "utf8" });
    if (dump.error !== undefined) return; // no binutils here
    expect(dump.stdout).toContain(`${source}:`);
    const places = [...dump.stdout.matchAll(/^kernel\.cpp\s+(\d+)/gm)].map(([, line]) => lines[Number(line) - 1]);
    expect(places.some(text => text?.includes("rt_sqrt") === true || text?.includes("sqrt(") === true)).toBe(true);
  });

  it("for processors that this one is not is not run", () => {
    const lines: string[] = [];
    const foreign = addon.levels.includes("arm64") ? "x86-64" : "arm64";
    const runtime = createRuntime({ target: foreign, cacheFolder: newFolder(), log: line => void lines.push(line) });
    expect(runtime.compute(Float64Array.of(1, 2)).sum().value()).toBe(3);
    expect(lines).toEqual([expect.stringContaining(`the js backend stands in for the cpu backend: kernels are to be compiled for ${foreign}, and this processor has ${addon.levels.join(", ")}`)]);
    expect(() => createRuntime({ backend: "cpu", target: foreign }).compute(Float64Array.of(1)).sum().value()).toThrow("DC402");
  });
});

it("fastMath of a runtime is that of queries that do not say", () => {
  const fast = createRuntime({ backend: "js", compile: { fastMath: true } });
  const data = Float64Array.of(1, 2, 3);
  expect(fast.compute(data).map(x => x * 2).explain()).toMatch(/^compute\(Float64Array\(3\), \{ fastMath: true \}\)\n[^]*\n  fastMath: multiply-adds may round once/);
  expect(fast.compute({ a: data }).sum(r => r.a).explain()).toContain("fastMath: multiply-adds may round once");
  expect(fast.compute(data, { fastMath: false }).map(x => x * 2).explain()).not.toContain("fastMath");
  expect(createRuntime({ backend: "js", compile: { fastMath: false } }).compute(data).sum().explain()).not.toContain("fastMath");
  expect(fast.compute(data).map(x => x * 2).toArray()).toEqual(Float64Array.of(2, 4, 6));
});

it("explain() shows the options that are not the usual, of queries and of named kernels", () => {
  const data = Float64Array.of(1, 2, 3);
  const setAll = (i: number, out: Float64Array): void => { out[i] = i; };
  const shownBy = (options: RuntimeOptions): readonly (string | undefined)[] => {
    const runtime = createRuntime(options);
    const texts = [runtime.compute(data).map(x => x * 2).sum().explain(), runtime.compute(data).aggregate({ n: q => q.filter(x => x > 1).count() }).explain(), runtime.kernel("all", setAll).explain({ arguments: [data] })];
    return texts.map(text => /^ {2}compiled with (.*)$/m.exec(text)?.[1]);
  };
  const all = (shown: string | undefined): readonly (string | undefined)[] => [shown, shown, shown];
  expect(shownBy({})).toEqual(all(undefined));
  expect(shownBy({ target: "native", compile: { optimisation: 3, debug: false, fastMath: false } })).toEqual(all(undefined));
  expect(shownBy({ target: "x86-64-v3", compile: { optimisation: 0, debug: true } })).toEqual(all("target x86-64-v3, optimisation 0, debug information"));
  expect(shownBy({ backend: ["cpu"], compile: { optimisation: 1 } })).toEqual(all("optimisation 1"));
  expect(shownBy({ backend: ["cuda", "cpu"], cuda: { capability: "8.0" } })).toEqual(all("PTX for compute capability 8.0 and later"));
  expect(shownBy({ backend: "js", compile: { debug: true } })).toEqual(all(undefined));
  expect(createRuntime({ compile: { debug: true } }).compute(data).sum().explain({ format: "json" })).toMatchObject({ fastMath: false, compiled: { debug: true } });
});

it("NVRTC's flags say what is asked for", () => {
  expect(cudaFlagsOf([counts])).toEqual(cudaFlagsOf([counts], { optimisation: 3, debug: false }));
  expect(cudaFlagsOf([counts], { optimisation: 1, debug: true })).toEqual([...cudaFlagsOf([counts]), "--ptxas-options=-O1", "--generate-line-info"]);
});

it.each([
  [{ target: "sse" }, 'the option target of createRuntime() is one of "native", "portable", "x86-64-v4", "x86-64-v3", "x86-64", "arm64", not "sse"'],
  [{ compile: 3 }, "the option compile of createRuntime() is an object, not 3"],
  [{ compile: { optimization: 2 } }, "createRuntime() has no option compile.optimization\nIts options are compile.optimisation, compile.debug, compile.fastMath."],
  [{ compile: { optimisation: 4 } }, "the option compile.optimisation of createRuntime() is 0, 1, 2 or 3, not 4"],
  [{ compile: { optimisation: "3" } }, "the option compile.optimisation of createRuntime() is a number"],
  [{ compile: { debug: 1 } }, "the option compile.debug of createRuntime() is true or false, not 1"],
  [{ compile: { fastMath: "yes" } }, "the option compile.fastMath of createRuntime() is true or false"],
  [{ cuda: { capability: "sm_80" } }, 'the option cuda.capability of createRuntime() is a compute capability such as "8.0", not "sm_80"'],
  [{ cuda: { capability: 8 } }, "the option cuda.capability of createRuntime() is a text, not 8"],
])("createRuntime(%j) is refused", (options, words) => {
  expect(() => createRuntime(options as never)).toThrow(words);
});
