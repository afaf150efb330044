/** A process whose only work is a query with a `timeout`: it ends when that query has, neither before nor long after. */
import { describe, expect, it } from "vitest";
import { bundledLibrary } from "./query-support.js";

const library = bundledLibrary();

/** Chunks that never come, and nothing that keeps a process alive. */
const NEVER = "const never = { async *[Symbol.asyncIterator]() { yield Float64Array.of(1); await new Promise(() => undefined); } };";
/** A backend whose compiler never answers. */
const SILENT = 'const { compute, kernel } = dotcompute.createRuntime({ backend: "silent", plugins: [{ name: "silent", compile: dotcompute.plugin.compileJs, cached: () => null, compileAsync: () => new Promise(() => undefined) }] });';

describe("a process that awaits a query with a timeout", () => {
  it.each([
    ["a stream that stalls", `${NEVER} await dotcompute.compute(dotcompute.stream(never, Float64Array)).sum().run({ timeout: 20 });`],
    ["a stream that stalls, with a signal and progress", `${NEVER} await dotcompute.compute(dotcompute.stream(never, Float64Array)).sum().run({ timeout: 20, signal: new AbortController().signal, onProgress: () => undefined });`],
    ["the chunks of a stream that stalls", `${NEVER} await dotcompute.compute(dotcompute.stream(never, Float64Array)).forEach(() => undefined, { timeout: 20 });`],
    ["a compiler that never answers", `${SILENT} await compute(new Float64Array(9)).toArrayAsync({ timeout: 20 });`],
    ["several values, of which one is never compiled", `${SILENT} await compute(new Float64Array(9)).variance().run({ timeout: 20 });`],
    ["a kernel that is never compiled", `${SILENT} await kernel("filled", (i, x) => { x[i] = i; }).async(new Float64Array(9), { timeout: 20 });`],
  ])("hears of it before it ends: %s", async (_, code) => {
    const ended = await library.runScript(`try { ${code} } catch (error) { console.log(error.name); }`);
    expect({ code: ended.code, stdout: ended.stdout, stderr: ended.stderr }).toEqual({ code: 0, stdout: "TimeoutError\n", stderr: "" });
  });

  it("does not wait for the time to pass once the query has ended, be it with an error", async () => {
    const ended = await library.runScript(`
      const query = dotcompute.compute(Float64Array.of(1, 2)).on("js");
      console.log(await query.variance().run({ timeout: 2 ** 31 - 1 }));
      console.log((await query.map((x, i) => t[i + 3], { t: Float64Array.of(5) }).toArrayAsync({ timeout: 2 ** 31 - 1 }).catch(error => error.name)).toString());
      for await (const _ of query) break;
      await query.forEach(() => { throw new Error("enough"); }, { timeout: 2 ** 31 - 1 }).catch(error => console.log(error.message));
    `);
    expect({ code: ended.code, stdout: ended.stdout, stderr: ended.stderr }).toEqual({ code: 0, stdout: "0.25\nRangeError\nenough\n", stderr: "" });
  });
});
