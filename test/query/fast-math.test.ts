/** `{ fastMath: true }`: faster, still close, and said so. */
import { describe, expect, it } from "vitest";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { usualArity } from "../../fusion/ops.js";
import { evaluate } from "../../fusion/values.js";
import { createRuntime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];
/** What the option promises: 4 ulp of the true value, of which the exact functions may be 1 away themselves. */
const MOST_ULP = 5;

function ulpOf(value: number, element: "f32" | "f64"): number {
  const [digits, least] = element === "f32" ? [23, 2 ** -149] : [52, 2 ** -1074];
  return Math.max(2 ** (Math.floor(Math.log2(Math.abs(value))) - digits), least);
}

const close = (found: number, exact: number, element: "f32" | "f64"): boolean =>
  Object.is(found, exact) || (Number.isFinite(found) && Number.isFinite(exact) && Math.abs(found - exact) <= MOST_ULP * ulpOf(exact === 0 ? found : exact, element));

const SPREADS = [1, 3, 20, 300, 1e5];
const argumentsOf = (element: "f32" | "f64", seed: number): Float64Array => {
  const values = Array.from({ length: 4000 }, (_, at) => (((at * seed * 0.6180339887498949) % 2) - 1) * (SPREADS[at % SPREADS.length] as number));
  return (element === "f32" ? Float32Array : Float64Array).from([...values, 0, -0, 1, -1, 0.5, Infinity, -Infinity, NaN]) as Float64Array;
};

describe.each((["js", "cpu"] as const).map(backend => ({ backend })))("fastMath on $backend", ({ backend }) => {
  const runtime = createRuntime({ backend, log: () => undefined });

  describe.skipIf(backend === "cpu" && whyNoCpu !== null)(backend === "cpu" && whyNoCpu !== null ? whyNoCpu : "", () => {
    it.each(NAMES.flatMap(name => (["f64", "f32"] as const).map(element => ({ name, element }))))("$name of $element stays within its error", ({ name, element }) => {
      const two = usualArity(name) === 2;
      const text = name === "exp2" ? "x => 2 ** x" : two ? `(x, i) => Math.${name}(x, other[i])` : `x => Math.${name}(x)`;
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one text for each function of the table
      const f = new Function(`return ${text}`)() as (x: number) => number;
      const [a, b] = [argumentsOf(element, 3), argumentsOf(element, 11)];
      const found = runtime.compute(a, { fastMath: true }).map(f, two ? { other: b } : {}).toArray();
      const far = [...found].flatMap((value, at) => {
        const args = two ? [a[at] as number, b[at] as number] : [a[at] as number];
        const exact = evaluate(name, element, element, args) as number;
        return close(value, exact, element) ? [] : [`${name}(${args.join(", ")}) is ${String(value)}, not about ${String(exact)}`];
      });
      expect(far.slice(0, 5)).toEqual([]);
    });

    it("does not hand huge exponents to an engine's pow, which may be hundreds of ulp off", () => {
      const found = runtime.compute(Float64Array.of(1.0000001939456789), { fastMath: true }).map(x => Math.pow(x, -3424058285.9984641)).toArray();
      expect(close(found[0] as number, 3.9190433176785398e-289, "f64")).toBe(true);
    });

    it("rounds a multiply-add once or twice", () => {
      const [a, b] = [argumentsOf("f64", 3).subarray(0, 4000), argumentsOf("f64", 11)];
      const found = runtime.compute(a, { fastMath: true }).map((x, i) => x * (other[i] as number) + 1, { other: b }).toArray();
      const exact = a.map((x, i) => x * (b[i] as number) + 1);
      // An error of the product's rounding, at most.
      found.forEach((value, at) => expect(Math.abs(value - (exact[at] as number))).toBeLessThanOrEqual(2 ** -52 * (Math.abs((a[at] as number) * (b[at] as number)) + 1)));
    });
  });

  it("is told by explain, and is the query's alone", () => {
    const data = new Float64Array(4);
    expect(runtime.compute(data, { fastMath: true }).map(x => x + 1).explain()).toMatch(/^compute\(Float64Array\(4\), \{ fastMath: true \}\)\n[^]*\n  fastMath: multiply-adds may round once/);
    expect(runtime.compute(data).map(x => x + 1).explain()).not.toContain("fastMath");
    expect(runtime.compute(data, { fastMath: false }).map(x => x + 1).explain()).not.toContain("fastMath");
  });
});

declare const other: Float64Array;

it("fastMath is true or false", () => {
  const { compute } = createRuntime();
  expect(() => compute(new Float64Array(1), { fastMath: 1 as never })).toThrow("DC305: fastMath is true or false, not 1");
  expect(() => compute(new Float64Array(1), null as never)).toThrow("DC305: the options of compute() are an object, not null");
});
