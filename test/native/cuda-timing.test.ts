/** What a run took, by a device's own clock: asked for with a call's `timing`, on the stand-in driver, whose clock is the host's. */
import { expect, it } from "vitest";
import { STATE_BYTES } from "../../fusion/emit/cuda.js";
import { newTiming, type DeviceSpan, type KernelCall } from "../../fusion/call.js";
import { caseOf, compileCases, expectedOf, expectResult, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn } from "./cuda-stand-in.js";

const LENGTH = 5000;

onStandIn("the time of CUDA runs", () => {
  const standIn = newStandIn();
  const cases: readonly (readonly [CaseName, down: number, kernels: readonly string[]])[] = [
    ["map", 8 * LENGTH + STATE_BYTES, [""]],
    ["filter", 8 * expectedOf("filter", caseOf("filter", LENGTH)).count + STATE_BYTES, ["_count", "_scan", ""]],
    ["counted sum", STATE_BYTES, ["", "_join"]],
  ];
  const sum = (spans: readonly DeviceSpan[], what: DeviceSpan["what"]): number => spans.filter(span => span.what === what).reduce((bytes, span) => bytes + span.bytes, 0);

  it.each([
    ["at once", undefined, 1],
    ["in chunks", 16_384, 3],
  ])("%s: each transfer and each kernel, with its bytes", async (_, chunkBytes, chunks) => {
    const native = compileCases(standIn.backend({ chunkBytes }));
    for (const [name, down, kernels] of cases) {
      const call = caseOf(name, LENGTH);
      const expected = expectedOf(name, call);
      native(name).run(call);
      for (const run of [async (timed: KernelCall) => native(name).run(timed), async (timed: KernelCall) => native(name).start(timed, undefined)]) {
        const timing = newTiming();
        const before = performance.now();
        expectResult(await run({ ...call, timing }), expected);
        const took = performance.now() - before;
        const { spans } = timing;
        expect([sum(spans, "upload"), sum(spans, "download"), sum(spans, "kernel")]).toEqual([8 * LENGTH, down, 0]);
        const names = spans.filter(({ what }) => what === "kernel").map(span => span.name.replace(/^kernel_\d+/, ""));
        expect([...new Set(names)]).toEqual(kernels);
        expect(names.filter(part => part === kernels[0])).toHaveLength(chunks);
        for (const { device, from, milliseconds } of spans) {
          expect(device).toBe(0);
          expect(from).toBeGreaterThanOrEqual(0);
          expect(milliseconds).toBeGreaterThanOrEqual(0);
          // Its clock has single precision.
          expect(from + milliseconds).toBeLessThanOrEqual(took * 1.001);
        }
        expect(spans.filter(({ what }) => what === "kernel").every(({ milliseconds }) => milliseconds > 0)).toBe(true);
      }
    }
  });

  it("a run that does not end adds nothing, and one that is not timed makes no event", () => {
    const native = compileCases(standIn.backend());
    const call = { ...caseOf("map of a range", 100), output: new Float64Array(100) };
    const timing = newTiming();
    native("map of a range").run(call);
    const { events } = standIn.driver.counters();
    standIn.driver.configure({ failRecord: 1 });
    expect(() => native("map of a range").run({ ...call, timing })).toThrow(expect.objectContaining({ code: "DC406", kind: "resource" }));
    standIn.driver.configure({ failRecord: 0 });
    expect([timing.spans, standIn.driver.counters().events]).toEqual([[], events]);
    native("map of a range").run(call);
    expect(standIn.driver.counters().events).toBe(events);
    expectResult(native("map of a range").run({ ...call, timing }), expectedOf("map of a range", call));
    expect(timing.spans.map(({ what, bytes }) => [what, bytes])).toEqual([["kernel", 0], ["download", 800], ["download", STATE_BYTES]]);
  });
});
