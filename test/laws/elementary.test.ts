/**
 * Elementary functions are the platform's own for now, so they may differ in their last bits: they are compared within a small
 * relative error. Zeros, infinities and NaN are exact.
 */
import { describe, expect, it } from "vitest";
import { OP_NAMES, operator } from "../../fusion/ops.js";
import { createRuntime } from "../../src/index.js";
import { whyNoCpu } from "./backends.js";
import { inputArray } from "./inputs.js";
import { showValue } from "./programs.js";
import { SPECIAL } from "./special.js";

const NAMES = OP_NAMES.filter(name => !operator(name).exact);
const LENGTH = 3000;

/** Bounded arguments too: random doubles are mostly far outside of what most of these functions are about. */
function argumentsOf(element: "f32" | "f64", seed: number): Float32Array | Float64Array {
  const array = inputArray(element, LENGTH, seed) as Float64Array;
  SPECIAL[element].forEach((value, at) => (array[at] = value as number));
  for (let at = 200; at < 1500; at++) array[at] = Math.sin(at * seed) * (at % 3 === 0 ? 1 : at % 3 === 1 ? 20 : 700);
  return array;
}

const close = (found: number, expected: number, element: "f32" | "f64"): boolean => {
  if (Object.is(found, expected)) return true;
  if (expected === 0 || !Number.isFinite(expected) || !Number.isFinite(found)) return false;
  const least = element === "f32" ? 3e-45 : 1e-323;
  return Math.abs(found - expected) <= Math.max(least, (element === "f32" ? 1e-6 : 1e-12) * Math.abs(expected));
};

describe.each((["js", "cpu"] as const).map(backend => ({ backend })))("elementary functions on $backend", ({ backend }) => {
  const runtime = createRuntime({ backend, log: () => undefined });

  describe.skipIf(backend === "cpu" && whyNoCpu !== null)(backend === "cpu" && whyNoCpu !== null ? whyNoCpu : "", () => {
    it.each(NAMES.flatMap(name => (["f64", "f32"] as const).map(element => ({ name, element }))))("$name of $element", ({ name, element }) => {
      const exact = Math[name as "exp"] as (...values: number[]) => number;
      const two = operator(name).arity === 2;
      const [a, b] = [argumentsOf(element, 4), argumentsOf(element, 7)];
      const text = two ? `(x, i) => Math.${name}(x, other[i])` : `x => Math.${name}(x)`;
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one text for each function of the table
      const f = new Function(`return ${text}`)() as (x: number) => number;
      const found = runtime.compute(a).map(f, two ? { other: b } : {}).toArray() as Float64Array;
      const wrong: string[] = [];
      found.forEach((value, at) => {
        const args = two ? [a[at] as number, b[at] as number] : [a[at] as number];
        const expected = element === "f32" ? Math.fround(exact(...args)) : exact(...args);
        if (!close(value, expected, element) && wrong.length < 5) wrong.push(`Math.${name}(${args.map(showValue).join(", ")}) is ${showValue(value)}, not ${showValue(expected)}`);
      });
      expect(wrong).toEqual([]);
    });
  });
});
