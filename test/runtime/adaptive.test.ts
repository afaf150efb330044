import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createRuntime } from "../../src/runtime/create.js";
import { compileJs } from "../../src/backends/js/backend.js";
import type { Accelerator } from "../../src/backends/accelerator.js";
import type { Runtime } from "../../src/runtime/create.js";
import type { RunInfo, RuntimeOptions } from "../../src/runtime/runtime.js";

/** A backend that takes so many microseconds, and for each element so many more. */
function slow(name: string, start: number, each: number): Accelerator {
  return {
    name,
    compile: kernel => {
      const compiled = compileJs(kernel);
      return {
        run(call) {
          const end = performance.now() + (start + each * call.length) / 1000;
          const result = compiled.run(call);
          while (performance.now() < end);
          return result;
        },
      };
    },
  };
}

// What other runs of these tests have learned is not theirs to know.
const cacheFolder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-adaptive-"));
afterAll(() => rmSync(cacheFolder, { recursive: true, force: true }));

function counting(options: RuntimeOptions): { readonly runtime: Runtime; readonly ran: Map<string, number> } {
  const ran = new Map<string, number>();
  const onRun = ({ backend }: RunInfo): void => void ran.set(backend, (ran.get(backend) ?? 0) + 1);
  return { runtime: createRuntime({ selection: "adaptive", cacheFolder, onRun, ...options }), ran };
}

describe("adaptive selection", () => {
  it("gives the same results whatever it chooses, of lengths that come in turns", async () => {
    const { runtime, ran } = counting({ plugins: [slow("slow", 20, 0)], backend: ["slow", "cpu"] });
    const script = createRuntime({ backend: "js" });
    const arrays = [0, 1, 31, 33, 1023, 1025, 5000].map(length => Float64Array.from({ length }, (_, i) => [NaN, -0, Infinity, i / 3, -i][i % 5] as number));
    const expected = arrays.map(array => [script.compute(array).map(x => x * 2 + 1).filter(x => !(x < 0)).toArray(), script.compute(array).sum().value()] as const);
    for (let round = 0; round < 60; round += 1) {
      for (const [at, array] of arrays.entries()) {
        const query = runtime.compute(array).map(x => x * 2 + 1).filter(x => !(x < 0));
        expect(round % 10 === 9 ? await query.toArrayAsync() : query.toArray()).toEqual(expected[at]?.[0]);
        expect(runtime.compute(array).sum().value()).toBe(expected[at]?.[1]);
      }
      if (round === 2) await runtime.settled();
    }
    expect([...ran.keys()].sort()).toEqual(["cpu", "js", "slow"]);
  });

  it("leaves the first in order where it is slow, and finds the lengths at which each is better", () => {
    const { runtime, ran } = counting({ plugins: [slow("steep", 0, 3), slow("flat", 600, 0)], backend: ["steep", "flat", "js"] });
    const [few, many] = [new Float64Array(16).fill(1), new Float64Array(2000).fill(1)];
    const runs = (array: Float64Array, count: number): Map<string, number> => {
      ran.clear();
      for (let run = 0; run < count; run += 1) expect(runtime.compute(array).map(x => x + 1).sum().value()).toBe(2 * array.length);
      return new Map(ran);
    };
    runs(few, 40);
    runs(many, 12);
    expect(runs(few, 40).get("flat") ?? 0).toBeLessThan(4);
    expect(runs(many, 40).get("steep") ?? 0).toBeLessThan(4);
  });

  it("learns from awaited runs, where one is at work alone, and nothing from those that are at work together", async () => {
    const { runtime, ran } = counting({ plugins: [slow("poor", 3000, 0), slow("good", 500, 0)], backend: ["poor", "good", "js"] });
    const array = new Float64Array(2000).fill(1);
    const learned = (): number[] => (runtime.compute(array).map(x => x + 3).sum().explain({ format: "json" }).kernels[0]?.predictions ?? []).map(({ runs }) => runs);
    const start = (): PromiseLike<number> => runtime.compute(array).map(x => x + 3).sum();
    for (let run = 0; run < 10; run += 1) expect(await Promise.all([start(), start(), start()])).toEqual([8000, 8000, 8000]);
    expect(learned()).toEqual([0, 0, 0]);
    for (let run = 0; run < 40; run += 1) expect(await start()).toBe(8000);
    expect(Math.max(...learned())).toBeGreaterThan(2);
    ran.clear();
    for (let run = 0; run < 40; run += 1) await start();
    expect(ran.get("poor") ?? 0).toBeLessThan(4);
  });

  it("is explained, with what each backend should take and what that is based on", () => {
    const { runtime } = counting({ plugins: [slow("slow", 500, 0)], backend: ["slow"] });
    const query = runtime.compute(new Float64Array(100)).map(x => x - 1).sum();
    const text = query.explain();
    expect(text).toMatch(/\n {2}(js|slow): should take [\d.]+ [µm]s \(by the model\) for 100 elements, (js|slow) [\d.]+ [µm]s \(by the model\)\n/);
    for (let run = 0; run < 30; run += 1) query.value();
    for (let run = 0; run < 30; run += 1) runtime.compute(new Float64Array(100)).map(x => x - 1).sum().value();
    expect(runtime.compute(new Float64Array(100)).map(x => x - 1).sum().explain()).toMatch(/\n {2}js: should take [\d.]+ [µm]s \(learned from \d+ runs?\) for 100 elements, slow [\d.]+ [µm]s \(.*\)\n/);
    const [kernel] = query.explain({ format: "json" }).kernels;
    expect(kernel?.predictions?.map(({ backend }) => backend)).toEqual(["js", "slow"]);
    expect(createRuntime({ backend: "js" }).compute(new Float64Array(1)).sum().explain({ format: "json" }).kernels[0]).not.toHaveProperty("predictions");
  });

  it("is an option of two values", () => {
    expect(() => createRuntime({ selection: "fastest" as never })).toThrow('DC305: the option selection of createRuntime() is "order" or "adaptive", not "fastest"');
  });
});
