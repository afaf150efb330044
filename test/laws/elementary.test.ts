/** Elementary functions are this library's own: every backend gives the bits that the lambdas of `fusion/math` give in JavaScript. */
import { beforeAll, describe, expect, it } from "vitest";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { evaluate } from "../../fusion/values.js";
import { usualArity } from "../../fusion/ops.js";
import { compileTogether, runtimeFor, whyNot } from "./backends.js";
import { inputArray } from "./inputs.js";
import { showValue } from "./programs.js";
import { planOf } from "./run.js";
import { SPECIAL } from "./special.js";

const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];
const LENGTH = 6000;

/** How a lambda calls the function. */
const textOf = (name: ElementaryName): string => {
  if (name === "exp2") return "x => 2 ** x";
  return usualArity(name) === 2 ? `(x, i) => Math.${name}(x, other[i])` : `x => Math.${name}(x)`;
};

/** Bounded arguments too: random floats are mostly far outside of what most of these functions are about. */
function argumentsOf(element: "f32" | "f64", seed: number): Float32Array | Float64Array {
  const array = inputArray(element, LENGTH, seed) as Float64Array;
  const bounded = [1, 1, 20, 100, 710, 1e5, 1e-3, 1e7];
  for (let at = 0; at < LENGTH; at += 2) array[at] = (((at * seed * 0.6180339887498949) % 2) - 1) * (bounded[(at / 2) % bounded.length] as number);
  SPECIAL[element].forEach((value, at) => (array[at] = value as number));
  return array;
}

/** Every special value beside every other. */
function pairsOf(element: "f32" | "f64"): readonly [Float64Array, Float64Array] {
  const values = SPECIAL[element] as readonly number[];
  const pairs = values.flatMap(a => values.map(b => [a, b] as const));
  const column = (place: 0 | 1): Float64Array => (element === "f32" ? Float32Array : Float64Array).from(pairs.map(pair => pair[place])) as Float64Array;
  return [column(0), column(1)];
}

const CASES = NAMES.flatMap(name => (["f64", "f32"] as const).map(element => {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one text for each function of the table
  return { name, element, two: usualArity(name) === 2, f: new Function(`return ${textOf(name)}`)() as (x: number) => number };
}));

describe.each((["js", "cpu", "cuda"] as const).map(backend => ({ backend })))("elementary functions on $backend", ({ backend }) => {
  const runtime = runtimeFor(backend);
  const queryOf = ({ f, two }: (typeof CASES)[number], a: Float64Array, b: Float64Array) => runtime.compute(a).map(f, two ? { other: b } : {});

  describe.skipIf(whyNot[backend] !== null)(whyNot[backend] ?? "", () => {
    beforeAll(async () => {
      if (backend !== "cuda") return;
      const kernels = CASES.flatMap(one => {
        const none = one.element === "f64" ? new Float64Array() : (new Float32Array() as unknown as Float64Array);
        return planOf(queryOf(one, none, none)).kernels.map(({ kernel }) => kernel);
      });
      await compileTogether(backend, kernels, 0);
    });

    it.each(CASES)("$name of $element", one => {
      const { name, element, two } = one;
      for (const [a, b] of [[argumentsOf(element, 4), argumentsOf(element, 7)], pairsOf(element)] as const) {
        const found = queryOf(one, a as Float64Array, b as Float64Array).toArray();
        const wrong: string[] = [];
        found.forEach((value, at) => {
          const args = two ? [a[at] as number, b[at] as number] : [a[at] as number];
          const expected = evaluate(name, element, element, args);
          if (!Object.is(value, expected) && wrong.length < 5) wrong.push(`${name}(${args.map(showValue).join(", ")}) is ${showValue(value)}, not ${showValue(expected)}`);
        });
        expect(wrong).toEqual([]);
      }
    });
  });
});
