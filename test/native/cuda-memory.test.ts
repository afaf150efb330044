/** Arrays larger than the device's memory, on the stand-in driver: the interpreter's results, or an error that says what is lacking. */
import { describe, expect, it } from "vitest";
import type { KernelCall } from "../../fusion/call.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { CudaError } from "../../src/backends/cuda/errors.js";
import { caseOf, compileCases, drain, expectedOf, expectResult, NAMES, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn, type StandIn } from "./cuda-stand-in.js";

/** These end, and long before the test does. */
const QUICK = NAMES.filter(name => name !== "endless" && name !== "many captures");

/** What the device holds of runs, once it has done all that it was given. */
const held = (standIn: StandIn) => {
  drain(standIn);
  const { aliveBytes, aliveAllocations, events } = standIn.driver.counters();
  return { aliveBytes, aliveAllocations, events };
};
/** What was given back may still be on its way to the device. */
const expectHeld = (standIn: StandIn, expected: unknown) => expect.poll(() => held(standIn), { interval: 1 }).toEqual(expected);
/** What it holds when nothing is on its way back: bytes of modules alone. */
const heldAtRest = async (standIn: StandIn, modules: number) => {
  await expect.poll(() => held(standIn).aliveBytes, { interval: 1 }).toBe(modules);
  await new Promise(resolve => setTimeout(resolve, 20));
  return held(standIn);
};

const thrownBy = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error;
  }
};

const inResizable = (array: AnyTypedArray): AnyTypedArray => {
  const buffer = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(array.byteLength, { maxByteLength: 2 * array.byteLength });
  return new (array.constructor as new (memory: ArrayBuffer) => AnyTypedArray)(buffer);
};
const inShared = (array: AnyTypedArray): AnyTypedArray =>
  new (array.constructor as new (memory: SharedArrayBuffer) => AnyTypedArray)(new SharedArrayBuffer(array.byteLength));

onStandIn("CUDA where arrays are larger than the device's memory", () => {
  /** Bytes. Three chunks of f64 that come and leave take 786432. */
  const MEMORY = 1_000_000;
  const LENGTH = 150_000;

  describe.each([
    ["deferred", { deferred: true }, QUICK],
    ["at once, without pools", { pools: false }, ["map", "filter"]],
  ] as const)("on a device that works %s", (_, settings, names) => {
    const standIn = newStandIn({ memory: MEMORY, ...settings });
    const native = compileCases(standIn.backend());
    const { aliveBytes: modules } = held(standIn);

    it.each(names)("%s", async name => {
      // Of narrow elements, only what they are mapped to is more than fits.
      const call = caseOf(name, LENGTH);
      const expected = expectedOf(name, call);
      expectResult(native(name).run(call), expected);
      expectResult(await native(name).start(call, undefined), expected);
    });

    it("keeps all, or nothing, or the elements of the last chunk", async () => {
      for (const least of [-Infinity, Infinity, 1e20]) {
        const call = caseOf("filter", LENGTH, least);
        const expected = expectedOf("filter", call);
        expect(expected.count).toBe(least === -Infinity ? LENGTH : least === Infinity ? 0 : 1);
        expectResult(native("filter").run(call), expected);
        expectResult(await native("filter").start(call, undefined), expected);
      }
    });

    it.each([
      ["memory of their own", (array: AnyTypedArray) => array],
      ["resizable buffers", inResizable],
      ["shared memory", inShared],
    ])("stores into outputs in %s", async (_name, place) => {
      for (const name of ["map", "filter"] as const) {
        const call = caseOf(name, LENGTH);
        const expected = expectedOf(name, call);
        for (const run of [(given: KernelCall) => native(name).run(given), (given: KernelCall) => native(name).start(given, undefined)]) {
          const output = place(newArray("f64", LENGTH + 5).fill(7 as never));
          const result = await run({ ...call, output });
          expectResult(result, expected);
          expect(result.output?.buffer).toBe(output.buffer);
          expect(output[LENGTH]).toBe(place === inResizable || place === inShared ? 0 : 7);
        }
      }
    });

    it("stores in place", async () => {
      for (const name of ["map", "filter"] as const) {
        const expected = expectedOf(name, caseOf(name, LENGTH));
        for (const later of [false, true]) {
          const call = caseOf(name, LENGTH);
          const inPlace = { ...call, output: call.source };
          expectResult(later ? await native(name).start(inPlace, undefined) : native(name).run(inPlace), expected);
        }
      }
    });

    it("runs several at a time, or says that memory is short", async () => {
      const call = caseOf("filter", LENGTH);
      const expected = expectedOf("filter", call);
      const ends = await Promise.allSettled([1, 2, 3].map(() => native("filter").start(call, undefined)));
      for (const end of ends) {
        if (end.status === "fulfilled") expectResult(end.value, expected);
        else expect(end.reason).toMatchObject({ code: "DC406", kind: "resource" });
      }
      expect(ends.some(({ status }) => status === "fulfilled")).toBe(true);
      expectResult(await native("filter").start(call, undefined), expected);
    });

    it("says how much was needed, gives all back, and goes on", async () => {
      const small = caseOf("map", 1000);
      const mapped = expectedOf("map", small);
      await native("map").start(small, undefined);
      native("map").run(small);
      const before = await heldAtRest(standIn, modules);
      const table = new Float64Array(120_000);
      const call = { ...caseOf("look-up", LENGTH), arrays: [table] };
      // The table, the state, and three chunks of 16384 elements.
      const needed = 960_000 + 48 + 3 * 16384 * 16;
      const errors = [thrownBy(() => native("look-up").run(call)), await native("look-up").start(call, undefined).catch((error: unknown) => error)];
      for (const error of errors) {
        expect(error).toBeInstanceOf(CudaError);
        expect(error).toMatchObject({ kind: "resource", result: "CUDA_ERROR_OUT_OF_MEMORY" });
        const words = /^DC406: the run needs (\d+) bytes of device memory at once; (\d+) of the 1000000 bytes of PTX interpreter \(test\) are free \(cuMemAlloc(?:Async)? gave CUDA_ERROR_OUT_OF_MEMORY\)\. Sources and results go through in chunks, but captured arrays and what a reduction keeps of each 1024 elements must fit; and what other queries hold meanwhile is not there: run fewer at a time$/.exec((error as Error).message);
        expect(Number(words?.[1])).toBe(needed);
        expect(Number(words?.[2])).toBeLessThan(needed);
      }
      // More than the device could ever have is not even asked for.
      const huge = { ...call, arrays: [new Float64Array(130_000)] };
      expect(() => native("look-up").run(huge)).toThrow(`DC406: the run needs ${needed + 80_000} bytes of device memory at once`);
      await expect(native("look-up").start(huge, undefined)).rejects.toMatchObject({ kind: "resource", call: "" });
      await expectHeld(standIn, before);
      expectResult(native("map").run(small), mapped);
    });
  });

  it("leaves no memory behind", async () => {
    const standIn = newStandIn({ memory: MEMORY, deferred: true });
    const native = compileCases(standIn.backend());
    const { aliveBytes: modules } = held(standIn);
    const once = async (): Promise<unknown> => {
      for (const name of ["filter", "map", "counted sum", "first"] as const satisfies readonly CaseName[]) {
        await native(name).start(caseOf(name, LENGTH), undefined);
        native(name).run(caseOf(name, LENGTH)); // which waits for what the other has given back
      }
      return heldAtRest(standIn, modules);
    };
    const before = await once();
    await once();
    await expectHeld(standIn, before);
  });

  it("takes the whole output of a filter at once while that fits", () => {
    const standIn = newStandIn({ memory: 2 * MEMORY });
    const native = compileCases(standIn.backend({ chunkBytes: 131072 }));
    const call = caseOf("filter", LENGTH);
    const { bytesToHost: before } = standIn.driver.counters();
    const { count } = native("filter").run(call);
    // The state once, and the elements.
    expect(standIn.driver.counters().bytesToHost - before).toBe(48 + 8 * count);
    const short = newStandIn({ memory: MEMORY });
    compileCases(short.backend())("filter").run(call);
    // The state after each chunk of 19456: all that there is, halved until it fits.
    const { bytesToDevice, bytesToHost } = short.driver.counters();
    expect({ bytesToDevice, bytesToHost }).toEqual({ bytesToDevice: 8 * LENGTH, bytesToHost: 48 * 8 + 8 * count });
  });

  describe("where an allocation fails", () => {
    const standIn = newStandIn();
    // 2048 elements of f64 in a chunk, so that there are several places.
    const native = compileCases(standIn.backend({ chunkBytes: 16384 }));
    const { aliveBytes: modules } = held(standIn);

    it.each(["map", "filter", "counted sum", "fold in order", "first", "look-up and filter", "many captures"] as const)("%s: gives the result or says so, and leaves nothing behind", async name => {
      const call = caseOf(name, name === "many captures" ? 2100 : 7000);
      const expected = expectedOf(name, call);
      standIn.driver.configure({ failAllocation: 0 });
      await native(name).start(call, undefined);
      native(name).run(call); // which waits for what the other has given back
      const before = await heldAtRest(standIn, modules);
      const outcomes = new Set<string>();
      // A lone failure is mended by asking again, four are one piece of memory that is not to be had, and then nothing is.
      for (const failAllocations of [1, 4, 1_000_000]) {
        for (let failAllocation = 1; failAllocation <= 11; failAllocation++) {
          for (const later of [false, true]) {
            standIn.driver.configure({ failAllocation, failAllocations });
            try {
              expectResult(later ? await native(name).start(call, undefined) : native(name).run(call), expected);
              outcomes.add(`${failAllocations} fulfilled`);
            } catch (error) {
              expect(error).toMatchObject({ code: "DC406", kind: "resource" });
              outcomes.add(`${failAllocations} short`);
            }
            await expectHeld(standIn, before);
          }
        }
      }
      standIn.driver.configure({ failAllocation: 0 });
      expect(outcomes).toContain("1 fulfilled");
      expect(outcomes).not.toContain("1 short");
      expect(outcomes).toContain("1000000 short");
      // What a filter keeps may also leave in pieces.
      expect(outcomes.has("4 fulfilled")).toBe(true);
      expectResult(native(name).run(call), expected);
    });
  });
});
