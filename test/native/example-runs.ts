/** A compiled example run as the runtime runs kernels: now and later, into memory of its own and into the caller's. */
import { expect } from "vitest";
import type { KernelResult } from "../../fusion/call.js";
import { interpret } from "../../fusion/interpret.js";
import { newArray } from "../../fusion/values.js";
import type { CompiledKernel } from "../../src/backends/backend.js";
import { callOf, dataOf, difference } from "../fusion/by-hand.js";
import type { Example } from "../fusion/sinks.js";

/** Expects the same result. The test runner alone would take seconds to compare long arrays. */
export function expectResult(actual: KernelResult, expected: KernelResult): void {
  expect(difference(actual.output, expected.output)).toBeNull();
  expect(actual.outputs?.map((output, place) => difference(output, expected.outputs?.[place] ?? null))).toEqual(expected.outputs?.map(() => null));
  expect({ ...actual, output: null, outputs: null }).toEqual({ ...expected, output: null, outputs: null });
}

/** Expects what the interpreter gives, errors included, at each of these lengths. */
export async function expectInterpreted(native: CompiledKernel, example: Example, lengths: readonly number[]): Promise<void> {
  const { kernel, scalars = [], arrays = [] } = example;
  for (const length of lengths) {
    const call = callOf(kernel.source.kind === "array" ? dataOf(kernel.source.element, length, true) : length, { scalars, arrays });
    let expected: KernelResult;
    try {
      expected = interpret(kernel, call);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      expect(() => native.run(call)).toThrow(error as RangeError);
      await expect(native.start(call, undefined)).rejects.toThrow(error as RangeError);
      continue;
    }
    expectResult(native.run(call), expected);
    expectResult(await native.start(call, undefined), expected);
    const { sink } = kernel;
    if (sink.kind !== "array") continue;
    for (const run of [(c: typeof call) => native.run(c), (c: typeof call) => native.start(c, undefined)]) {
      const output = newArray(sink.element, length + 2);
      const result = await run({ ...call, output });
      expectResult(result, expected);
      expect(result.output?.buffer).toBe(output.buffer);
    }
  }
}
