/** `hypot` of any number of arguments: one text for each number of them, and a function that does what the text says. */
import { createRuntime } from "../../src/index.js";
import { describe, expect, it } from "vitest";
import * as bits from "../../fusion/math/bits.js";
import * as root from "../../fusion/math/root.js";
import { bits as anyBits, randomNumbers, sizes, uniform, type Source } from "./points.js";
import { ulpsBetween } from "./reference/big.js";
import { REFERENCES } from "./reference/functions.js";

/** The text as JavaScript, with the functions that it calls. */
function functionOf(text: string): (...xs: readonly number[]) => number {
  const helpers = { ...bits, ...root };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one text for each number of arguments
  return new Function(...Object.keys(helpers), `return ${text}`)(...Object.values(helpers)) as (...xs: readonly number[]) => number;
}

const SPECIAL = [NaN, 0, -0, Infinity, -Infinity, 5e-324, 2 ** -1022, 1, -3, Number.MAX_VALUE, 1e-160, 1e160];
const sources: readonly Source[] = [uniform(-1, 1), sizes(-30, 30), sizes(990, 1021), sizes(-1074, -1000), sizes(-1074, 1021), anyBits, random => SPECIAL[Math.floor(random() * SPECIAL.length)] as number];

describe("hypot", () => {
  it.each([1, 2, 3, 4, 5, 6, 16])("of %i arguments: text and function give the same bits", count => {
    const random = randomNumbers(count);
    const pairs = [
      { format: "f64", text: functionOf(root.hypotLambda(count)), direct: root.hypot64 },
      { format: "f32", text: functionOf(root.hypotLambda32(count)), direct: root.hypot32 },
    ] as const;
    for (const { format, text, direct } of pairs) {
      for (let trial = 0; trial < 4000; trial += 1) {
        const xs = Array.from({ length: count }, () => (sources[trial % sources.length] as Source)(random, format)).map(format === "f32" ? Math.fround : x => x);
        if (!Object.is(text(...xs), direct(...xs))) expect.fail(`hypot(${xs.join(", ")}) is ${String(text(...xs))} by its text and ${String(direct(...xs))} by the function`);
      }
    }
  });

  it.each([1, 2, 3, 5, 8, 16, 100])("of %i arguments is near enough", count => {
    const random = randomNumbers(count);
    let worst = { ulps: 0, xs: [] as number[] };
    for (let trial = 0; trial < 2500; trial += 1) {
      const xs = Array.from({ length: count }, () => (sources[trial % 6] as Source)(random, "f64"));
      const ulps = ulpsBetween(root.hypot64(...xs), REFERENCES.hypot(...xs) as never, "f64");
      if (ulps > worst.ulps) worst = { ulps, xs };
    }
    expect(worst.ulps, `hypot(${worst.xs.join(", ")})`).toBeLessThan(count === 1 ? 1e-9 : 0.76);
  });

  it("is 0 of no argument and of zeros", () => {
    for (const zeros of [[], [-0], [-0, -0], [0, -0, 0]]) {
      expect(root.hypot64(...zeros)).toBe(0);
      expect(root.hypot32(...zeros)).toBe(0);
    }
  });

  it("is infinite of an infinity, whatever else", () => {
    for (const xs of [[NaN, Infinity], [-Infinity, NaN], [1, NaN, -Infinity, NaN], [Infinity, -Infinity]]) {
      expect(root.hypot64(...xs)).toBe(Infinity);
      expect(root.hypot32(...xs)).toBe(Infinity);
    }
  });

  it("is NaN of NaN and finite numbers", () => {
    for (const xs of [[NaN], [NaN, 1], [Number.MAX_VALUE, NaN], [0, NaN]]) {
      expect(root.hypot64(...xs)).toBeNaN();
      expect(root.hypot32(...xs)).toBeNaN();
    }
  });
});

it("Math.hypot of a kernel takes 256 arguments, and no more", () => {
  const runtime = createRuntime({ backend: "js" });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a text of so many arguments
  const of = (count: number) => new Function(`return x => Math.hypot(${Array.from({ length: count }, (_, i) => `x + ${i}`).join(", ")})`)() as (x: number) => number;
  for (const data of [Float64Array.of(1), Float32Array.of(1)]) {
    const exact = root.hypot64(...Array.from({ length: 256 }, (_, i) => i + 1));
    expect(runtime.compute(data).map(of(256)).toArray()[0]).toBe(data instanceof Float32Array ? Math.fround(exact) : exact);
    expect(() => runtime.compute(data).map(of(257)).toArray()).toThrow("DC106: Math.hypot takes at most 256 arguments in a kernel and is given 257");
  }
});
