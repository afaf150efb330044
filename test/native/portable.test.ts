/** Portable kernels: several instruction sets in one file, of which the best is taken that the processor has. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CPP_FLAGS } from "../../fusion/emit/constants.js";
import type { NativeAddon } from "../../src/backends/cpu/addon.js";
import { createCpuBackend, type CpuBackend, type CpuBackendOptions } from "../../src/backends/cpu/backend.js";
import { bestOf, levelInWords, levelsOf } from "../../src/backends/cpu/levels.js";
import { createRuntime, QueryError } from "../../src/index.js";
import { expectResult } from "./example-runs.js";
import { addon, unavailable } from "./fixtures.js";
import { recordQueries } from "./recorded.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-portable-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LENGTHS = [0, 1, 31, 33, 1025];
/** One for each loop, compiled quickly. */
const CHOSEN = /^(map of f32|conversions|filter of f32|sum of f32|fold from|scan of f64|searches|windows|captured arrays)/;

interface Simulated {
  readonly backend: CpuBackend;
  /** What it loaded. */
  readonly symbols: readonly string[];
}

/** A backend on a processor that has only these instruction sets, and that calls itself otherwise. */
function on(levels: readonly string[], options: CpuBackendOptions = {}): Simulated {
  const symbols: string[] = [];
  const load: NativeAddon["load"] = (object, symbol, signature) => {
    symbols.push(symbol);
    return addon.load(object, symbol, signature);
  };
  const simulated = Object.create(addon, { levels: { value: levels }, target: { value: levels.join() }, load: { value: load } }) as NativeAddon;
  return { symbols, backend: createCpuBackend({ cacheFolder: folder, target: "portable", loaded: { addon: simulated, reason: null }, ...options }) };
}

const entries = (): number => readdirSync(folder).filter(name => !name.endsWith(".json")).length;

describe.skipIf(unavailable !== null)("portable kernels", () => {
  const mine = unavailable === null ? addon.levels : [];

  it("run on each level that the processor has, with the same bits, from one file", { timeout: 300_000 }, () => {
    const recorded = recordQueries(LENGTHS).filter(({ name }) => CHOSEN.test(name));
    for (const [at, level] of mine.entries()) {
      const { backend, symbols } = on(mine.slice(at), { flags: CPP_FLAGS.map(flag => (flag === "-O3" ? "-O1" : flag)) });
      const compiled = backend.compileBatch(recorded.map(({ kernel }) => kernel));
      expect(symbols[0]).toBe(`kernel_0_${level.replaceAll("-", "_")}`);
      recorded.forEach(({ calls }, place) => {
        for (const { call, result } of calls) expectResult(compiled[place]!.run(call), result);
      });
      expect(entries()).toBe(1);
    }
  });

  it("are kept for all processors, and apart from those of this one", () => {
    const [{ kernel, calls }] = recordQueries([33]).filter(({ name }) => name.startsWith("filter of i8")) as [ReturnType<typeof recordQueries>[number]];
    const last = mine.at(-1) as string;
    const { call, result } = calls[0]!;
    expectResult(on(mine).backend.compile(kernel).run(call), result);
    const elsewhere = on([last]);
    expectResult(elsewhere.backend.cached(kernel)!.run(call), result);
    expect(elsewhere.symbols).toEqual([`kernel_${last.replaceAll("-", "_")}`]);
    expect(on(mine, { target: "native" }).backend.cached(kernel)).toBeNull();
  });

  it("are compiled in the background, too, and say what is wrong", async () => {
    const [{ kernel, calls }] = recordQueries([33]).filter(({ name }) => name.startsWith("filter of f32")) as [ReturnType<typeof recordQueries>[number]];
    const { call, result } = calls[0]!;
    expectResult((await on(mine).backend.compileAsync(kernel)).run(call), result);
    const broken = on(mine, { flags: [...CPP_FLAGS, "-include", "/no/such/header"] });
    await expect(broken.backend.compileAsync(kernel)).rejects.toThrow("no/such/header");
    expect(() => broken.backend.compile(kernel)).toThrow("no/such/header");
  });

  it("are not to be had on a processor that has none of the levels", () => {
    const { backend } = on(["riscv"]);
    expect(backend.available).toBe(false);
    expect(backend.reason).toContain("this processor has riscv");
  });

  it("take what is best", () => {
    const levels = levelsOf("x64");
    expect(bestOf(levels, ["x86-64-v4", "x86-64-v3", "x86-64"])?.name).toBe("x86-64-v4");
    expect(bestOf(levels, ["x86-64-v3", "x86-64"])?.name).toBe("x86-64-v3");
    expect(bestOf(levels, ["x86-64"])?.name).toBe("x86-64");
    expect(bestOf(levelsOf("arm64"), ["arm64"])?.name).toBe("arm64");
  });

  it("are an option of runtimes", () => {
    const runtime = createRuntime({ backend: "cpu", target: "portable", cacheFolder: folder });
    const query = runtime.compute(Float64Array.of(1, 2, 3)).map(x => x * 2);
    expect(query.toArray()).toEqual(Float64Array.of(2, 4, 6));
    expect(query.explain()).toContain(`; portable, by the code for ${levelInWords(bestOf(levelsOf(process.arch), mine)!)}`);
    expect(createRuntime({ backend: "cpu" }).compute(Float64Array.of(1)).map(x => x * 2).explain()).not.toContain("portable");
    expect(() => createRuntime({ target: "sse" as never })).toThrow(QueryError);
  });
});
