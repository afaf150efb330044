/** Whole lambdas through parsing, inference and every pass: the interpreter and emitted JavaScript compute what they compute. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpret } from "../../fusion/interpret.js";
import type { Kernel } from "../../fusion/ir.js";
import { parseLambda } from "../../fusion/parse/lambda.js";
import { planQuery } from "../../fusion/passes/plan.js";
import { captureKinds } from "../../fusion/query.js";
import type { CaptureType, CaptureTypes } from "../../fusion/query.js";
import { compileJs } from "../../src/backends/js/backend.js";
import { CAPTURES, EXPRESSIONS, NAMES, SPECIAL, STATEMENTS } from "./parse-cases.js";
import type { Case, Lambda } from "./parse-cases.js";
import { Choices, decisions, HELPERS, k, program, real } from "./random-programs.js";
import type { Captures } from "./surface-evaluate.js";

function typeOf(value: Captures[string]): CaptureType {
  if (typeof value === "function") return { kind: "function", text: value.toString() };
  if (typeof value === "object") return { kind: "array", element: "f64" };
  return typeof value === "number" ? { kind: "number", single: false } : { kind: typeof value === "bigint" ? "bigint" : "boolean" };
}

/** The one kernel of mapping f64 elements with a lambda. */
function kernelOf(text: string, captures: CaptureTypes): Kernel {
  const lambda = parseLambda(text, { label: "the lambda of map", captures: captureKinds(captures), parameters: { least: 0, most: 2 } });
  const { kernels } = planQuery({
    source: { kind: "array", element: "f64" },
    stages: [{ kind: "map", to: null, lambda, captures }],
    terminal: { kind: "toArray" },
  });
  expect(kernels).toHaveLength(1);
  return (kernels[0] as (typeof kernels)[0]).kernel;
}

/** What the kernel gives for some elements, by interpretation and by emitted JavaScript. */
function resultsOf(kernel: Kernel, source: Float64Array, captures: Readonly<Record<string, unknown>>): readonly unknown[] {
  const call = {
    source,
    length: source.length,
    output: null,
    scalars: kernel.scalars.map(({ origin }) => captures[origin.name] as number),
    arrays: kernel.arrays.map(({ origin }) => captures[origin.name] as Float64Array),
  };
  return [interpret(kernel, call).output, compileJs(kernel).run(call).output];
}

describe.each(Object.entries({ EXPRESSIONS, STATEMENTS, NAMES, CAPTURES }))("%s", (_, cases) => {
  it.each(Object.entries<Case | Lambda>(cases))("%s", (_, given) => {
    const { lambda, captures = {} }: Case = typeof given === "function" ? { lambda: given } : given;
    const source = Float64Array.from(SPECIAL);
    const wanted = source.map((x, i) => Number(lambda(...([x, i] as never[]))));
    const kernel = kernelOf(lambda.toString(), Object.fromEntries(Object.entries(captures).map(([name, value]) => [name, typeOf(value)])));
    expect(resultsOf(kernel, source, captures)).toEqual([wanted, wanted]);
  });
});

it("random programs compute what JavaScript computes", () => {
  const captures: CaptureTypes = {
    k: { kind: "number", single: false },
    early: { kind: "function", text: HELPERS.early },
    search: { kind: "function", text: HELPERS.search },
  };
  const source = Float64Array.of(0, 1, -2, 3.5, 7, NaN);
  fc.assert(
    fc.property(decisions, (numbers) => {
      const text = program(new Choices(numbers));
      const run = real(text);
      const wanted = source.map((x) => Number(run(x)));
      expect(resultsOf(kernelOf(text, captures), source, { k }), text).toEqual([wanted, wanted]);
    }),
    { seed: 11, numRuns: 200 },
  );
});
