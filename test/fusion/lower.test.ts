/** Elementary functions put in place: the same values, and a kernel that is called as before. */
import { describe, expect, it } from "vitest";
import { apply, local } from "../../fusion/build.js";
import { interpret } from "../../fusion/interpret.js";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { usualArity } from "../../fusion/ops.js";
import { lower } from "../../fusion/passes/lower.js";
import { walkKernel } from "../../fusion/traverse.js";
import { verify } from "../../fusion/verify.js";
import { arrayOf, callOf, capture, declare, difference, element, kernelOf, yields } from "./by-hand.js";

const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];

describe.each(["f64", "f32"] as const)("lower, of %s", type => {
  it.each(NAMES)("puts %s in place", name => {
    const operands = usualArity(name) === 2 ? [element(type), capture(type, "k")] : [element(type)];
    const before = kernelOf(arrayOf(type), { kind: "array", element: type }, [declare("result", apply(name, ...operands)), yields(local(type, "result"))], { scalars: { unused: "f64", k: type } });
    const after = verify(lower(verify(before, "the test")), "lower");
    walkKernel(after, { expr: expr => void (expr.kind === "apply" && expect(NAMES).not.toContain(expr.op)) });
    const values = (type === "f64" ? Float64Array : Float32Array).of(NaN, -Infinity, -1e30, -700, -1, -0.5, -1e-20, -0, 0, 1e-20, 0.25, 1, 1.5, 88, 1e6, 1e30, Infinity);
    const call = callOf(values, { scalars: [7, 0.5] });
    expect(difference(interpret(after, call).output, interpret(before, call).output)).toBeNull();
  });
});

it("lower keeps parameters that nothing reads: the call has them", () => {
  const body = [yields(apply("exp", apply("mul", element("f64"), capture("f64", "k"))))];
  const kernel = kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, body, { scalars: { unused: "f64", k: "f64" } });
  expect(lower(kernel).scalars).toEqual(kernel.scalars);
});
