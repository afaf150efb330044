/** How far runs are: what `onProgress` is told, and when. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createRuntime, stream, type Progress } from "../../src/index.js";
import { Report } from "../../src/runtime/progress.js";
import { progressLine } from "../../src/cli/progress.js";
import { whyNoCpu } from "../laws/backends.js";

afterEach(() => vi.restoreAllMocks());
const js = createRuntime({ backend: "js" });
const array = Float64Array.from({ length: 3_000_000 }, (_, at) => at % 7);
const whole = array.reduce((sum, x) => sum + x + 1, 0);

/** Each look at the clock finds it so much later. */
function clock(step: number): void {
  let now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => (now += step));
}

function listener(): { readonly told: Progress[]; readonly onProgress: (progress: Progress) => void } {
  const told: Progress[] = [];
  return { told, onProgress: progress => void told.push(progress) };
}

function checkTold(told: readonly Progress[]): void {
  const fractions = told.map(({ fraction }) => fraction as number);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.filter(fraction => fraction === 1)).toEqual([1]);
  const last = told.at(-1) as Progress;
  expect(last).toEqual({ done: last.total, total: last.total, fraction: 1 });
}

describe("onProgress", () => {
  it("is told of a kernel on js while it runs", async () => {
    clock(150);
    const { told, onProgress } = listener();
    expect(await js.compute(array).map(x => x + 1).sum().run({ onProgress })).toBe(whole);
    expect(told.length).toBeGreaterThan(3);
    expect(told[0]).toMatchObject({ total: array.length });
    checkTold(told);
  });

  it.skipIf(whyNoCpu !== null).each([1, 2])("is told of a kernel on cpu while it runs, on %d threads", { timeout: 120_000 }, async threads => {
    const cpu = createRuntime({ backend: "cpu", threads });
    // A second or so, a dozenth of it for each part.
    const query = cpu.compute(array.subarray(0, 200_000)).map(x => {
      let y = x;
      for (let turn = 0; turn < 30_000; turn += 1) y = y * 0.5 + 1;
      return y;
    });
    const { told, onProgress } = listener();
    const result = await query.toArrayAsync({ onProgress });
    expect(told.filter(({ fraction }) => fraction! > 0 && fraction! < 1).length).toBeGreaterThan(0);
    checkTold(told);
    expect(result).toEqual(query.toArray());
  });

  it.skipIf(whyNoCpu !== null).each([1, 2])("changes no result, on %d threads", async threads => {
    const cpu = createRuntime({ backend: "cpu", threads });
    const { onProgress } = listener();
    const source = Float64Array.from({ length: 400_001 }, (_, at) => [NaN, -0, Infinity, at / 3, -at][at % 997 < 3 ? at % 3 : 3 + (at % 2)] as number);
    const query = cpu.compute(source);
    const kept = query.filter(x => x > 5);
    const saxpy = cpu.kernel("saxpy", (i, x: Float64Array, out: Float64Array, a: number) => { out[i] = a * x[i]!; });
    expect(await query.map(x => x * 0.5).toArrayAsync({ onProgress })).toEqual(query.map(x => x * 0.5).toArray());
    expect(await kept.toArrayAsync({ onProgress })).toEqual(kept.toArray());
    expect(await query.scan((a, x) => a + x).toArrayAsync({ onProgress })).toEqual(query.scan((a, x) => a + x).toArray());
    expect(await query.scan((a, x) => a * 0.5 + x, 0).toArrayAsync({ onProgress })).toEqual(query.scan((a, x) => a * 0.5 + x, 0).toArray());
    expect(await kept.sum().run({ onProgress })).toBe(kept.sum().value());
    expect(await kept.count().run({ onProgress })).toBe(kept.count().value());
    expect(await query.first(x => x > 100_000).run({ onProgress })).toBe(query.first(x => x > 100_000).value());
    expect(await query.findIndex(x => x < -1e9).run({ onProgress })).toBe(-1);
    expect(await kept.reduce((a, x) => a * 0.5 + x, 0).run({ onProgress })).toBe(kept.reduce((a, x) => a * 0.5 + x, 0).value());
    const [output, expected] = [new Float64Array(source.length), new Float64Array(source.length)];
    await saxpy.async(source, output, 3, { onProgress });
    saxpy(source, expected, 3);
    expect(output).toEqual(expected);
  });

  it("is told once of what takes no time, by whatever is awaited", async () => {
    clock(0);
    const cpu = createRuntime({ backend: "cpu" });
    const saxpy = cpu.kernel("saxpy", (i, out: Float64Array, k: number) => { out[i] = out[i]! * k; });
    const small = Float64Array.of(1, 2, 3);
    for (const runtime of [js, cpu]) {
      const query = runtime.compute(small).map(x => x * 2);
      const rows = runtime.compute({ small }).filter(r => r.small > 1);
      const runs: ((options: { onProgress: (progress: Progress) => void }) => Promise<unknown>)[] = [
        options => query.toArrayAsync(options),
        options => query.toBufferAsync(options),
        options => query.forEach(() => undefined, options),
        options => rows.toColumnsAsync(options),
        options => query.average().run(options),
        options => query.orderBy(x => x).toArrayAsync(options),
        options => query.prepare().async(undefined, undefined, options),
        options => query.sum().prepare().async(undefined, undefined, options),
        options => runtime.compute(new Float64Array(0)).sum().run(options),
        options => runtime.precompile(query, options),
        options => saxpy.async(Float64Array.of(1, 2), 2, options),
      ];
      for (const run of runs) {
        const { told, onProgress } = listener();
        await run({ onProgress });
        expect(told.length, String(run)).toBe(1);
        checkTold(told);
      }
    }
    await cpu.dispose();
  });

  it("is told how much of a stream was read, and at last that this was all", async () => {
    clock(150);
    const { told, onProgress } = listener();
    const chunks = stream([Float64Array.of(1, 2), Float64Array.of(3), Float64Array.of(4, 5)], Float64Array);
    expect(await js.compute(chunks).sum().run({ onProgress })).toBe(15);
    expect(told.at(-1)).toEqual({ done: 5, total: 5, fraction: 1 });
    const before = told.slice(0, -1);
    expect(before.every(({ total, fraction }) => total === null && fraction === null)).toBe(true);
    expect(before.map(({ done }) => done)).toEqual(expect.arrayContaining([2, 3]));
  });

  it("counts each kernel, and never goes back", async () => {
    clock(150);
    const { told, onProgress } = listener();
    const sorted = await js.compute(array.subarray(0, 200_000)).map(x => x + 1).orderBy(x => x).map(x => -x).toArrayAsync({ onProgress });
    expect(sorted[0]).toBe(-1);
    expect(told[0]?.total).toBe(400_000);
    expect(told.some(({ done }) => done === 200_000)).toBe(true);
    checkTold(told);
  });

  it("hears nothing after a failure or an abort", async () => {
    clock(150);
    const table = Float64Array.of(1);
    const failing = listener();
    await expect(js.compute(array).map(x => table[x]!, { table }).sum().run({ onProgress: failing.onProgress })).rejects.toThrow(RangeError);
    expect(failing.told.every(({ fraction }) => fraction !== 1)).toBe(true);

    const controller = new AbortController();
    const told: Progress[] = [];
    const onProgress = (progress: Progress): void => {
      told.push(progress);
      controller.abort(new Error("enough"));
    };
    await expect(js.compute(array).map(x => x + 1).sum().run({ signal: controller.signal, onProgress })).rejects.toThrow("enough");
    expect(told.length).toBe(1);
  });

  it("has no say: what it throws, first or last, or a promise of it is rejected with, is a warning of the process, and the run goes on", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const failure = new Error("my own");
    const reject = async (): Promise<never> => Promise.reject(failure);
    const ways = [(): never => { throw failure; }, reject as () => never];
    for (const onProgress of ways) {
      warn.mockClear();
      expect(await js.compute(Float64Array.of(1)).toArrayAsync({ onProgress })).toEqual(Float64Array.of(1));
      expect((await js.precompile(js.compute(array), { onProgress })).map(({ state }) => state)).toEqual(["found"]);
      clock(150);
      expect(await js.compute(array).map(x => x + 1).sum().run({ onProgress })).toBe(whole);
      await nextTurn();
      const warning = ["onProgress has failed, which no query hears of: Error: my own. Its later failures are not told", { type: "DotcomputeWarning", code: "DC408", detail: failure.stack }];
      expect(warn.mock.calls).toEqual([warning, warning, warning]);
    }
  });

  it("is a function", async () => {
    const onProgress = 1 as never;
    for (const refused of [js.compute(array).sum().run({ onProgress }), js.compute(array).toArrayAsync({ onProgress }), js.precompile(js.compute(array), { onProgress })]) {
      await expect(refused).rejects.toMatchObject({ code: "DC305", message: expect.stringContaining("onProgress is a function, not 1") as string });
    }
  });
});

describe("a report", () => {
  it("tells at most every 100 ms, and does not go back where a kernel is run again", () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const { told, onProgress } = listener();
    const report = new Report(onProgress, undefined);
    report.expect(1000);
    report.begin(500);
    for (; now < 1000; now += 10) report.within(now / 1000);
    expect(told.map(({ done }) => done)).toEqual([50, 100, 150, 200, 250, 300, 350, 400, 450]);
    now = 2000;
    report.within(0);
    expect(told.at(-1)?.done).toBe(495);
    report.expect(1000);
    now = 3000;
    report.advance(500);
    expect(told.at(-1)).toEqual({ done: 500, total: 2000, fraction: 0.495 });
  });
});

describe("a line of progress", () => {
  it("is drawn over itself, fits the terminal, and leaves no trace", () => {
    const written: string[] = [];
    const line = progressLine({ isTTY: true, columns: 40, write: text => written.push(text) });
    line.draw(0.5, "loud");
    line.draw(1, "a".repeat(50));
    line.clear();
    line.clear();
    expect(written).toEqual([`\r[${"=".repeat(10)}${" ".repeat(10)}]  50 %  loud`, `\r[${"=".repeat(20)}] 100 %  ${"a".repeat(39 - 30)}`, `\r${" ".repeat(39)}`, "\r"]);
  });

  it("is silent where nobody sees it", () => {
    const write = vi.fn();
    for (const screen of [null, { write }, { isTTY: false, write }]) {
      const line = progressLine(screen);
      line.draw(0.5, "loud");
      line.clear();
    }
    expect(write).not.toHaveBeenCalled();
  });
});
