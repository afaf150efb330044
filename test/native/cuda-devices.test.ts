/** Runs divided among several devices of the stand-in driver: the results are those of one, and of the interpreter, to the bit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import type { CudaBackend } from "../../src/backends/cuda/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, type Buffer, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { caseOf, compileCases, expectedOf, expectResult, NAMES, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn, type StandIn } from "./cuda-stand-in.js";
import { nvrtcForTests } from "../cuda-nvrtc/build.js";

/** A device takes a block of 1024 elements, if there are no more. */
const leastShare = 1024;
const WHOLE: readonly CaseName[] = ["fold in order", "scan in order", "first and its rank"];
const DIVIDED = NAMES.filter(name => name !== "endless" && name !== "many captures" && !WHOLE.includes(name));

onStandIn("several CUDA devices", () => {
  const standIn = newStandIn({ devices: 3 });
  const on = (count: number, chunkBytes?: number): CudaBackend => standIn.backend({ devices: [0, 1, 2].slice(0, count), leastShare, chunkBytes });
  const launched = (act: () => unknown): number => {
    const before = standIn.driver.counters().launches;
    act();
    return standIn.driver.counters().launches - before;
  };

  describe.each([
    ["at once", undefined],
    ["in chunks", 16_384],
  ])("%s", (_, chunkBytes) => {
    const fleets = [1, 2, 3].map(count => compileCases(on(count, chunkBytes)));

    it.each(DIVIDED)("%s: what one device gives, whatever their number", async name => {
      const lengths = fc.oneof(fc.constantFrom(0, 1, 1023, 1024, 1025, 2048, 2049, 3072, 3073, 5 * 1024), fc.integer({ min: 2050, max: 9000 }));
      await fc.assert(
        fc.asyncProperty(lengths, fc.boolean(), async (length, later) => {
          const call = caseOf(name, length);
          const expected = expectedOf(name, call);
          for (const native of fleets) expectResult(later ? await native(name).start(call, undefined) : native(name).run(call), expected);
        }),
        { numRuns: 3, seed: 7 },
      );
    });
  });

  it("do without one that cannot be opened: that is told once, and shown; without any cuda is not there", async () => {
    const { library } = newStandIn({ devices: 2 });
    const [lines, told]: [string[], string[]] = [[], []];
    const take = (line: unknown): void => void told.push(line as string);
    const runtimeOf = (devices: readonly number[]): Runtime =>
      createRuntime({ backend: ["cuda", "js"], cuda: { driver: library, nvrtc: nvrtcForTests().library ?? "", capability: "7.5", devices }, log: line => void lines.push(line), logger: { debug: take, info: take, warn: take, error: take } });
    const data = Float64Array.from({ length: 3000 }, (_, at) => at - 7);
    const reason = "There is no CUDA device 5: the driver has 2";
    const runtime = runtimeOf([5, 1, 0]);
    for (let run = 0; run < 2; run += 1) expect(await runtime.compute(data).map(x => x * 3).on("cuda").toArrayAsync()).toEqual(data.map(x => x * 3));
    expect(lines).toEqual([`dotcompute: the cuda backend does without device 5: ${reason}`]);
    expect(told).toEqual([`dotcompute DC514: device 5 of cuda is left out: ${reason}`]);
    expect(runtime.devices().map(({ number }) => number)).toEqual([1, 0]);
    const cuda = (of: Runtime) => of.accelerators().find(({ name }) => name === "cuda");
    expect(cuda(runtime)).toMatchObject({ available: true, reason: `device 5 is left out: ${reason}` });
    expect(cuda(runtimeOf([0, 1]))).toMatchObject({ available: true, reason: null });

    lines.length = 0;
    const none = runtimeOf([5, 6]);
    expect(none.compute(data).map(x => x * 3).toArray()).toEqual(data.map(x => x * 3));
    const why = `none of the devices can be used: device 5: ${reason}; device 6: There is no CUDA device 6: the driver has 2`;
    expect(cuda(none)).toMatchObject({ available: false, reason: why });
    expect(lines).toEqual([`dotcompute: the js backend stands in for the cuda backend: ${why}`]);
  });

  it("show one that was lost, while the others run on", () => {
    const standIn = newStandIn({ devices: 2, loseDevice: 1 });
    const backend = standIn.backend({ devices: [0, 1], leastShare });
    const runtime = runtimeOn({ backend: ["cuda", "js"], log: () => undefined }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => backend });
    const data = Float64Array.from({ length: 5000 }, (_, at) => at);
    expect(runtime.compute(data).map(x => x + 3).on("cuda").toArray()).toEqual(data.map(x => x + 3));
    const lost = runtime.devices().filter(device => device.lost !== null);
    expect(lost).toHaveLength(1);
    expect(runtime.accelerators().find(({ name }) => name === "cuda")).toMatchObject({ available: true, reason: `device ${lost[0]!.number} was lost: ${lost[0]!.lost!}` });
  });

  it("divide what they can, in whole blocks", () => {
    const native = compileCases(on(3));
    const LENGTH = 3 * 2048 + 5;
    const of = (name: CaseName): number => launched(() => native(name).run(caseOf(name, LENGTH)));
    expect([of("map"), of("counted sum"), of("count"), of("last"), of("filter"), of("fold with combine"), of("scan")]).toEqual([3, 4, 3, 6, 9, 4, 9]);
    expect(WHOLE.map(of)).toEqual([1, 1, 3]);
  });

  describe("buffers", () => {
    const LENGTH = 5 * 1024 + 77;
    const data = Float64Array.from({ length: LENGTH }, (_, at) => [NaN, -0, Infinity][at - 7] ?? Math.sin(at) * 10);
    const table = Float64Array.from({ length: 100 }, (_, at) => at * at);
    const js = createRuntime({ backend: "js" });
    const runtimeOf = (device: StandIn, devices: readonly number[]): Runtime =>
      runtimeOn({ backend: "cuda", log: () => undefined }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => device.backend({ devices, leastShare }) });
    type Query = (runtime: Runtime, x: Buffer<Float64Array>) => unknown;
    const QUERIES: readonly (readonly [string, Query])[] = [
      ["a map", (r, x) => r.compute(x).map(v => v + 1).toArray()],
      ["a map that stays", (r, x) => r.compute(x).map(v => v * 3).toBuffer().toArray()],
      ["a filter that stays, and a sum of it", (r, x) => r.compute(r.compute(x).filter(v => v > 1).toBuffer()).map((v, i) => v * i).sum().value()],
      ["a search", (r, x) => r.compute(x).findIndex(v => v > 9.99).value()],
      ["windows", (r, x) => r.compute(x).window(3).map(([p, q, s]) => p - 2 * q + s).filter(v => v > 0).toArray()],
      ["a slice", (r, x) => r.compute(x.slice(1031, -3)).max().value()],
      ["running sums", (r, x) => r.compute(x).skip(10).scan((a, v) => a + v, 0).toArray()],
      ["columns", (r, x) => r.compute({ a: x, b: data.subarray(0, x.length) }).sum(row => row.a * row.b).value()],
      ["a table", (r, x) => r.compute(x).map(v => table[Math.abs(v | 0)] as number, { table }).toArray()],
    ];

    it.each([
      ["peers", {}],
      ["the host", { peers: false }],
      ["peers that work later", { deferred: true, seed: 5 }],
      ["no pools", { pools: false }],
    ] as const)("over %s", async (_, settings) => {
      const device = newStandIn({ devices: 3, ...settings });
      const runtime = runtimeOf(device, [0, 1, 2]);
      for (const [name, query] of QUERIES) {
        using theirs = js.buffer(data);
        const wanted = query(js, theirs);
        using source = runtime.buffer(data);
        // From the host, from the devices, and of what queries have left there.
        expect([name, query(runtime, source)]).toEqual([name, wanted]);
        expect([name, query(runtime, source)]).toEqual([name, wanted]);
        using doubled = await runtime.compute(source).map(v => v * 2).toBufferAsync();
        using halved = await runtime.compute(doubled).map(v => v / 2).toBufferAsync();
        expect([name, halved.state, query(runtime, halved)]).toEqual([name, "deviceOnly", wanted]);
        using few = runtime.compute(halved).filter((_v, i) => i % 5 !== 3).toBuffer();
        using fewThere = js.compute(data).filter((_v, i) => i % 5 !== 3).toBuffer();
        expect([name, query(runtime, few)]).toEqual([name, query(js, fewThere)]);
      }
      const { bytesBetween } = device.driver.counters();
      if ("peers" in settings) expect(bytesBetween).toBe(0);
      else expect(bytesBetween).toBeGreaterThan(0);
      expect(device.driver.lastFault()).toBe("");
    });
  });
});
