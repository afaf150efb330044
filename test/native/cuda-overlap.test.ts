/**
 * Chunks that overlap: on a device that does nothing before somebody waits for it, and then only what that one waits for, a
 * missing wait between streams, or for a promise, shows in the result. test/mutations holds the backend against these tests.
 */
import { describe, it } from "vitest";
import type { KernelCall } from "../../fusion/call.js";
import { caseOf, compileCases, expectedOf, expectResult, type CaseName } from "./cuda-cases.js";
import { newStandIn, unavailable } from "./cuda-stand-in.js";

const suite = unavailable === null ? describe : describe.skip;
/** Of 2048 f64 elements. */
const CHUNK = 16384;
/** Chunks begin anew with the first of their three places, and the last is short. */
const LENGTHS = [2049, 4 * 2048, 7 * 2048 + 5];
const OVERLAPPED: readonly CaseName[] = ["map", "map to wider elements", "map of a range", "filter", "counted sum", "fold in order", "fold with combine", "first", "first and its rank", "last", "look-up"];

suite(`chunks that overlap on the stand-in driver${unavailable === null ? "" : `: ${unavailable}`}`, () => {
  describe.each([
    ["deferred", { deferred: true }],
    ["deferred, without pools", { deferred: true, pools: false }],
    ["deferred, at random", { deferred: true, random: true, seed: 3 }],
    ["at once", {}],
  ] as const)("%s", (_, settings) => {
    const native = compileCases(newStandIn(settings).backend({ chunkBytes: CHUNK }));

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
});
