import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { outOfRange } from "../../fusion/call.js";
import { CompilerBug, MismatchError } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import type { Accelerator } from "../../src/backends/accelerator.js";
import type { KernelCall, KernelResult } from "../../src/backends/backend.js";
import { decorated } from "../../src/backends/decorate.js";
import { compileJs, createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, runtimeOn } from "../../src/runtime/create.js";
import { RuntimeCore, type RuntimeOptions } from "../../src/runtime/runtime.js";
import type { Mismatch } from "../../src/runtime/validation/validation.js";
import type { AnyTypedArray } from "../../fusion/values.js";

/** A backend that does as JavaScript does, but for what is done to its results. */
function faulty(spoil: (run: () => KernelResult) => KernelResult): Accelerator {
  return {
    name: "faulty",
    compile: kernel => {
      const compiled = compileJs(kernel);
      return { run: call => spoil(() => compiled.run(call)) };
    },
  };
}

const spoiled = (spoil: (result: KernelResult) => KernelResult | void) => (run: () => KernelResult): KernelResult => {
  const result = run();
  return spoil(result) ?? result;
};

/** Turns the lowest bit of an element. */
const oneBit = (place: number) =>
  spoiled(({ output }) => {
    if (output === null) return;
    const bytes = new Uint8Array(output.buffer, output.byteOffset + place * output.BYTES_PER_ELEMENT);
    bytes[0] = (bytes[0] as number) ^ 1;
  });

function setUp(spoil: Parameters<typeof faulty>[0], options: RuntimeOptions = {}) {
  const [found, lines]: [Mismatch[], string[]] = [[], []];
  const runtime = createRuntime({ plugins: [faulty(spoil)], backend: ["faulty"], validate: "always", onMismatch: mismatch => void found.push(mismatch), log: line => void lines.push(line), ...options });
  return { runtime, found, lines };
}

const source = Float64Array.from({ length: 2000 }, (_, i) => [NaN, -0, Infinity, i / 3][i % 4] as number);

describe("validation", () => {
  it("finds one wrong bit: where, both values, and the code of both", () => {
    const { runtime, found, lines } = setUp(oneBit(1027));
    const query = runtime.compute(source).map(x => x * 3);
    const result = query.toArray();
    expect(result[1026]).toBe(Infinity);
    expect(found).toHaveLength(1);
    const [mismatch] = found as [Mismatch];
    const right = (source[1027] as number) * 3;
    expect(mismatch.backends).toEqual(["faulty", "js"]);
    expect(mismatch.difference).toEqual({ what: "element", result: 0, place: 1027, values: [result[1027], right] });
    expect(mismatch.reason).toBe(`element 1027 is ${result[1027]} on faulty and ${right} on js`);
    expect(mismatch.sources[0]).toContain("mul");
    expect(mismatch.sources[1]).toContain("function kernel");
    query.toArray();
    expect(found).toHaveLength(2);
    expect(lines).toEqual([`dotcompute: two backends disagree: ${mismatch.reason}`]);
  });

  it("copies first what a run in place writes to, now and later", async () => {
    for (const wrong of [false, true]) {
      const { runtime, found } = setUp(wrong ? oneBit(3) : run => run());
      const array = source.slice();
      runtime.compute(array).map(x => x + 1).toArray({ into: array });
      await runtime.compute(array).map(x => x + 1).toArrayAsync({ into: array });
      expect(found.map(({ difference }) => difference?.place)).toEqual(wrong ? [3, 3] : []);
      if (!wrong) expect(array).toEqual(source.map(x => x + 1 + 1));
    }
  });

  it("takes any NaN for any other, and -0 for another number than 0", () => {
    const nans = setUp(spoiled(({ output }) => void new DataView((output as AnyTypedArray).buffer, (output as AnyTypedArray).byteOffset).setBigUint64(0, 0xfff8000000000007n, true)));
    nans.runtime.compute(Float64Array.of(NaN, 1)).map(x => x * 2).toArray();
    expect(nans.found).toEqual([]);
    const zeros = setUp(spoiled(({ output }) => void ((output as Float64Array)[1] = 0)));
    zeros.runtime.compute(Float64Array.of(1, -0)).map(x => x * 2).toArray();
    expect(zeros.found.map(({ reason }) => reason)).toEqual(["element 1 is 0 on faulty and -0 on js"]);
  });

  it("compares values, counts, several results, and what is thrown", async () => {
    const values = setUp(spoiled(result => ({ ...result, value: typeof result.value === "number" ? result.value + 1 : result.value })));
    expect(await values.runtime.compute(Float64Array.of(1, 2)).sum()).toBe(4);
    expect(values.found[0]?.reason).toBe("the value is 4 on faulty and 3 on js");
    const counts = setUp(spoiled(result => ({ ...result, count: result.count + 1 })));
    counts.runtime.compute(Float64Array.of(1, 2)).filter(x => x > 1).count().value();
    expect(counts.found[0]?.reason).toBe("the count is 2 on faulty and 1 on js");
    const several = setUp(spoiled(({ outputs }) => void ((outputs as readonly Float64Array[])[1] as Float64Array).fill(7)));
    several.runtime.compute(source).map(x => ({ a: x + 1, b: x + 2 })).toColumns();
    expect(several.found[0]?.reason).toBe("element 0 of result 2 is 7 on faulty and NaN on js");
    const table = Float64Array.of(1, 2);
    const throws = setUp(() => { throw outOfRange("table", 7, 2); });
    expect(() => throws.runtime.compute(Uint8Array.of(0, 5)).map(x => table[x] as number, Float64Array, { table }).toArray()).toThrow("table[7]");
    expect(throws.found[0]?.reason).toBe("faulty threw RangeError: DC401: table[7] is out of range: table has 2 elements, and js threw RangeError: DC401: table[5] is out of range: table has 2 elements");
  });

  it("can make an error of it", async () => {
    const { runtime } = setUp(oneBit(0), { onMismatch: "throw" });
    const query = runtime.compute(Float32Array.of(1)).map(x => x + 1);
    expect(() => query.toArray()).toThrow(MismatchError);
    const error = await query.toArrayAsync().catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: "DC409", cause: { backends: ["faulty", "js"] } });
    expect(String(error)).toMatch(/^MismatchError: DC409: two backends disagree: element 0 is .* on faulty and 2 on js\nLook first at the plugin "faulty", which is not part of dotcompute\n\nfaulty:\n[^]*\n\njs:\n[^]*function kernel/);
  });

  it("blames the library where both backends are its own and as they are, and else what was made of them", () => {
    const wrong = (kernel: Kernel) => ({ backend: "cpu", kernel, run: (call: KernelCall) => ({ ...compileJs(kernel).run(call), value: 7 }), start: async () => Promise.reject(new Error("not asked")) });
    const backends = { js: createJsBackend, cpu: () => ({ compile: wrong }) };
    const options = { backend: ["cpu"], validate: "always", onMismatch: "throw", log: () => undefined } as const;
    const sum = (more: RuntimeOptions) => runtimeOn({ ...options, ...more }, backends).compute(Float64Array.of(1)).sum();
    expect(() => sum({}).value()).toThrow(CompilerBug);
    expect(() => sum({}).value()).toThrow("This is a bug in dotcompute, not in your code: two backends disagree: the value is 7 on cpu and 1 on js");
    expect(() => sum({ decorate: accelerator => decorated(accelerator, {}) }).value()).toThrow("DC409: two backends disagree: the value is 7 on cpu and 1 on js\nLook first at what the option decorate of createRuntime() made of cpu and ");
  });

  it("validates a share of runs, and none where bits may differ or it was not asked for", () => {
    const some = setUp(oneBit(3), { validate: 0.5 });
    for (let run = 0; run < 200; run += 1) some.runtime.compute(source).map(x => x + run, { run }).toArray();
    expect(some.found.length).toBeGreaterThan(40);
    expect(some.found.length).toBeLessThan(160);
    for (const options of [{ validate: 0 }, { validate: undefined }, { compile: { fastMath: true } }]) {
      const { runtime, found } = setUp(oneBit(3), options);
      runtime.compute(source).map(x => x + 1).toArray();
      expect(found).toEqual([]);
    }
  });

  it("is told to who listens, and agrees between js, the native backend and the interpreter", async () => {
    const core = new RuntimeCore({ plugins: [faulty(oneBit(0))], backend: ["faulty"], validate: "always", log: () => {} }, { js: () => ({ compile: compileJs }), cpu: () => { throw new Error("there is none"); } });
    const told: unknown[] = [];
    core.events.listen(event => void told.push(event));
    const slot = core.tiers.slot((createRuntime({ backend: "js" }).compute(source).map(x => x + 1) as never as { bound: { shape: { plainTerminal(kind: string): { plan(): { kernels: { kernel: never }[] } } } } }).bound.shape.plainTerminal("toArray").plan().kernels[0]?.kernel as never);
    core.tiers.choose(slot, 1, null).run({ source: Float64Array.of(1), length: 1, output: null, scalars: [], arrays: [] });
    expect(told.filter(event => (event as { kind: string }).kind === "mismatch")).toEqual([{ kind: "mismatch", run: null, backends: ["faulty", "js"], reason: expect.stringContaining("element 0") }]);
    for (const backend of ["js", "cpu"] as const) {
      const sound = createRuntime({ backend, validate: "always", onMismatch: "throw" });
      const query = sound.compute(source).map(x => Math.sin(x) / 3).filter(x => !(x > 0.2));
      const expected = source.filter(x => !(Math.sin(x) / 3 > 0.2)).length;
      expect(query.toArray()).toHaveLength(expected);
      expect(await query.count()).toBe(expected);
      const place = source.slice();
      sound.compute(place).map(x => x + 1).toArray({ into: place });
      await sound.compute(place).map(x => x + 1).toArrayAsync({ into: place });
      expect(place).toEqual(source.map(x => x + 1 + 1));
      expect(query.sum().prepare()(source)).toBeNaN();
      expect(sound.compute({ k: Int32Array.of(1, 2, 1), v: Float64Array.of(1, 2, 3) }).groupBy(r => r.k).aggregate({ total: g => g.sum(r => r.v) }).toColumns()).toMatchObject({ total: Float64Array.of(4, 2) });
    }
  });

  it("has options that are checked", () => {
    expect(() => createRuntime({ validate: 2 })).toThrow('DC305: the option validate of createRuntime() is "always" or a share of runs, 0 to 1, not 2');
    expect(() => createRuntime({ validate: 0.5, onMismatch: "log" as never })).toThrow('DC305: the option onMismatch of createRuntime() is "throw" or a function, not a string');
  });
});

describe("verify()", () => {
  const odd = (run: () => KernelResult): KernelResult => run();

  it("finds the same bits on every backend, by any number of threads, in any schedule, at any place", async () => {
    const { compute } = createRuntime();
    const many = Float64Array.from({ length: 40_000 }, (_, i) => Math.sin(i) * (i % 7 === 0 ? 1e9 : 1));
    const values = compute(many).filter(x => x > -0.5);
    const [sum, scan] = [await values.sum().verify({ runs: 12, seed: 3 }), await values.scan((a, x) => a + x, 0).verify({ runs: 8, seed: 5 })];
    expect([sum.same, scan.same]).toEqual([true, true]);
    expect(sum.runs[0]).toEqual({ backend: "js", threads: 1, schedule: "now", moved: 0, difference: null });
    expect(new Set(sum.runs.map(({ backend }) => backend))).toEqual(new Set(["js", "cpu"]));
    expect(new Set(sum.runs.map(({ threads }) => threads)).size).toBeGreaterThan(2);
    expect(new Set(sum.runs.map(({ schedule }) => schedule)).size).toBe(3);
    expect(await values.sum().verify({ runs: 12, seed: 3 })).toEqual(sum);
    const rows = compute({ k: Int32Array.from(many, (_, i) => i % 5), v: many });
    expect((await rows.groupBy(r => r.k).aggregate({ total: g => g.sum(r => r.v) }).orderBy(r => r.total).verify({ runs: 4 })).same).toBe(true);
    expect((await values.aggregate({ n: q => q.count(), total: q => q.sum(), top: q => q.max() }).verify({ runs: 4 })).same).toBe(true);
  });

  it("tells which runs differ from the first, and where", async () => {
    const { runtime } = setUp(oneBit(5), { validate: 0 });
    const report = await runtime.compute(source).map(x => x + 0.5).verify({ runs: 6, seed: 1 });
    expect(report.same).toBe(false);
    for (const { backend, difference } of report.runs) {
      if (backend === "faulty") expect(difference).toMatch(/^element 5 is 0.5 on the first run, on js, and 0.5\d+ on faulty$/);
      else expect(difference).toBeNull();
    }
    expect(report.runs.some(({ backend }) => backend === "faulty")).toBe(true);
  });

  it("leaves out what cannot run, and says why", async () => {
    const runtime = createRuntime({ compiler: "/nowhere/c++", cacheFolder: mkdtempSync(path.join(os.tmpdir(), "dotcompute-verify-")), log: () => undefined });
    const { same, runs, leftOut } = await runtime.compute(Float64Array.of(1, 2)).map(x => x + 777.5).verify({ runs: 4 });
    expect(same).toBe(true);
    expect(runs.map(({ backend }) => backend)).toEqual(["js", "js", "js", "js"]);
    expect(leftOut).toEqual([{ backend: "cpu", reason: expect.stringContaining("/nowhere/c++") }]);
  });

  it("is ended by its signal, also in a loop without end", async () => {
    const endless = createRuntime({ backend: "js" }).compute(new Float64Array(4)).map(x => { let a = 0; while (a >= 0) a += 1; return x + a; });
    await expect(endless.verify({ signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/);
  });

  it("checks its options", async () => {
    const query = setUp(odd).runtime.compute(source);
    await expect(query.verify({ runs: 1 })).rejects.toThrow("DC305: the option runs of verify() is a whole number from 2 on, not 1");
    await expect(query.verify({ times: 3 } as never)).rejects.toThrow("DC305: verify() has no option times");
  });
});
