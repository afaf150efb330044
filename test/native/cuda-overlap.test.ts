/**
 * Chunks that overlap: on a device that does nothing before somebody waits for it, and then only what that one waits for, a
 * missing wait between streams, or for a promise, shows in the result. test/mutations holds the backend against these tests.
 */
import { describe, expect, it } from "vitest";
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import { caseOf, compileCases, expectedOf, expectResult, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn } from "./cuda-stand-in.js";

/** Of 2048 f64 elements. */
const CHUNK = { chunkBytes: 16384 } as const;
/** Chunks begin anew with the first of their three places, and the last is short. */
const LENGTHS = [2049, 4 * 2048, 7 * 2048 + 5];
const OVERLAPPED: readonly CaseName[] = ["map", "map to wider elements", "map of a range", "filter", "counted sum", "fold in order", "fold with combine", "first", "first and its rank", "last", "look-up"];

onStandIn("chunks that overlap", () => {
  describe.each([
    ["deferred", { deferred: true }],
    ["deferred, without pools", { deferred: true, pools: false }],
    ["deferred, at random", { deferred: true, random: true, seed: 3 }],
    ["at once", {}],
  ] as const)("on a device that works %s", (_, settings) => {
    const native = compileCases(newStandIn(settings).backend(CHUNK));

    it.each(OVERLAPPED)("%s", async name => {
      for (const length of LENGTHS) {
        const call = caseOf(name, length);
        const expected = expectedOf(name, call);
        expectResult(native(name).run(call), expected);
        expectResult(await native(name).start(call, undefined), expected);
      }
      const calls = LENGTHS.map(length => caseOf(name, length));
      const results = await Promise.all(calls.map(call => native(name).start(call, undefined)));
      results.forEach((result, at) => expectResult(result, expectedOf(name, calls[at] as KernelCall)));
    });
  });

  describe("what fails on the way is heard of by its own run, and the lane is used again", () => {
    const standIn = newStandIn({ deferred: true });
    const native = compileCases(standIn.backend(CHUNK));
    const streams = (): number => standIn.driver.counters().streams;
    const attempt = async (name: CaseName, call: KernelCall, later: boolean, signal?: AbortSignal): Promise<KernelResult> => (later ? native(name).start(call, signal) : native(name).run(call));

    it.each(["map", "filter", "counted sum", "first"] as const)("a recording: %s", async name => {
      const call = caseOf(name, 5 * 2048);
      const expected = expectedOf(name, call);
      expectResult(native(name).run(call), expected);
      const before = streams();
      for (const later of [false, true]) {
        let failures = 0;
        for (let failRecord = 1; failRecord <= 40; failRecord++) {
          standIn.driver.configure({ failRecord });
          const ended = await attempt(name, call, later).catch((error: unknown) => error);
          // A recording that nobody has waited for is still to come.
          if (!(ended instanceof Error)) await new Promise(resolve => setTimeout(resolve, 5));
          standIn.driver.configure({ failRecord: 0 });
          if (ended instanceof Error) expect(ended).toMatchObject({ kind: "resource", call: "cuEventRecord" });
          else expectResult(ended as KernelResult, expected);
          failures += Number(ended instanceof Error);
          expectResult(await attempt(name, call, later), expected);
        }
        expect(failures).toBeGreaterThan(10);
      }
      expect(streams()).toBe(before);
    });

    it.each(["map", "filter", "counted sum", "first", "fold in order"] as const)("a launch, where there is but one chunk: %s", async name => {
      const call = caseOf(name, 500);
      const expected = expectedOf(name, call);
      expectResult(native(name).run(call), expected);
      const before = streams();
      for (const later of [false, true]) {
        standIn.driver.configure({ failLaunch: 1 });
        await expect(attempt(name, call, later)).rejects.toMatchObject({ kind: "resource", call: "cuLaunchKernel" });
        expectResult(await attempt(name, call, later), expected);
      }
      expect(streams()).toBe(before);
    });

    it("a launch of a run that is aborted before it has brought all its chunks", async () => {
      const [short, call] = [caseOf("map", 5 * 2048), caseOf("map", 100 * 2048)];
      const expected = expectedOf("map", short);
      expectResult(native("map").run(short), expected);
      const before = streams();
      for (let failLaunch = 1; failLaunch <= 5; failLaunch++) {
        standIn.driver.configure({ failLaunch });
        const controller = new AbortController();
        const running = attempt("map", call, true, controller.signal);
        controller.abort(new Error("enough"));
        await expect(running).rejects.toThrow(/enough|cuLaunchKernel/);
        standIn.driver.configure({ failLaunch: 0 });
        expectResult(await attempt("map", short, true), expected);
        expect(streams()).toBe(before);
      }
    });

    it.each([false, true])("but not where nobody can say that it has ended (later: %s)", async later => {
      const call = caseOf("map", 5 * 2048);
      const expected = expectedOf("map", call);
      expectResult(native("map").run(call), expected);
      const before = streams();
      standIn.driver.configure({ failLaunch: 2, failQuery: 1 });
      await expect(attempt("map", call, later)).rejects.toMatchObject({ kind: "resource" });
      standIn.driver.configure({ failLaunch: 0, failQuery: 0 });
      expectResult(await attempt("map", call, later), expected);
      expect(streams()).toBe(before + 3);
    });
  });
});
