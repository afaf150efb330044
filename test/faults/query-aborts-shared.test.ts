/** One signal for many runs: whoever waits for it is one listener of the signal, however many runs there are. */
import { getEventListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { createRuntime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-aborts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

describe.each(["js", ...(whyNoCpu === null ? ["cpu"] : [])])("many runs on %s", backend => {
  const runtime = createRuntime({ backend, cacheFolder: folder });
  const query = runtime.compute(new Float64Array(100_000).fill(1)).map(x => x * 0.25 + 3).sum();
  const many = (options?: { signal: AbortSignal }): Promise<unknown>[] => Array.from({ length: 30 }, () => query.run(options));

  it("that wait for one compiler make Node warn of nothing", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    expect(new Set(await Promise.all(many()))).toEqual(new Set([325_000]));
    expect(warn.mock.calls).toEqual([]);
  });

  it("are one listener of their signal, which ends all of them, and none behind", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const runs = many({ signal });
    expect(getEventListeners(signal, "abort").length).toBeLessThan(2);
    expect(new Set(await Promise.all(runs))).toEqual(new Set([325_000]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const ended = Promise.allSettled(many({ signal }));
    controller.abort(new Error("enough"));
    expect(new Set((await ended).map(run => (run.status === "rejected" ? (run.reason as Error).message : "ran")))).toEqual(new Set(["enough"]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(warn.mock.calls).toEqual([]);
  });
});
