/**
 * Emitted CUDA programs, run: the PTX of every loop, statement and operator, on the stand-in driver of the tests (a PTX
 * interpreter, not a GPU), gives the bits that the interpreter of kernels gives, at all the lengths where rows, blocks and
 * tiles end, in one chunk and in several.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apply, convert } from "../../fusion/build.js";
import type { KernelCall } from "../../fusion/call.js";
import type { Expr, Sink } from "../../fusion/ir.js";
import { isDefined, OP_NAMES, operator, usualArity, type OpName } from "../../fusion/ops.js";
import type { ElementType, ScalarType, ScalarValue } from "../../fusion/types.js";
import { newArray } from "../../fusion/values.js";
import { verify } from "../../fusion/verify.js";
import { SPECIAL } from "../laws/special.js";
import { ENDLESS, KERNELS } from "../native/kernels.js";
import { arrayOf, callOf, capture, declare, element, index, kernelOf, RANGE, read, yields } from "./by-hand.js";
import { elementsOf } from "../native/elements.js";
import { compiled, CudaBench, jobsOf, unavailable, type Named } from "./cuda-agreement.js";
import { compilerFor, type Job } from "./cuda-harness.js";
import { caseChoices, makeCase } from "./kernels.js";

/** All of them, as in cuda-compile.test.ts: so they are compiled once. */
const hand: readonly Named[] = [...KERNELS, ...ENDLESS].map(({ name, kernel }) => ({ name, kernel: verify(kernel, name) }));

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
/** Of 300 generated kernels each. */
const BATCHES = process.env["DOTCOMPUTE_LONG"] === undefined ? 1 : 20;

const to = (type: ElementType): Sink => ({ kind: "array", element: type });

describe.skipIf(unavailable !== null)(`CUDA programs on the PTX interpreter, compiled ${compiled}`, { timeout: 600_000 }, () => {
  const bench = new CudaBench();

  it("give what the interpreter gives, for kernels of every kind", async () => {
    expect(await bench.complaints("hand", hand, jobsOf(hand.slice(0, KERNELS.length), [0, 1, 2, 31, 32, 33, 63, 1023, 1024, 1025, 4097]))).toEqual([]);
  });

  it.for([90, 120])("give the same as compiled for compute_%i", async (architecture, { skip }) => {
    const { reason: missing } = compilerFor(architecture);
    if (missing !== null) skip(missing);
    expect(await bench.complaints(`hand-${architecture}`, hand, jobsOf(hand.slice(0, KERNELS.length), [0, 33, 1025]), architecture, [{ DOTCOMPUTE_TEST_CUDA_CAPABILITY: String(architecture) }])).toEqual([]);
  });

  it.each(Array.from({ length: BATCHES }, (_, batch) => batch + 1))("give what the interpreter gives, for generated kernels, batch %i", async batch => {
    const cases = fc.sample(caseChoices, { numRuns: 300, seed: SEED + batch }).map((list, place) => ({ name: `generated ${place}`, list, ...makeCase(list) }));
    for (const { kernel } of cases) verify(kernel, "the generator");
    const jobs = cases.flatMap(({ list, call }, kernel): readonly Job[] => [{ kernel, call }, ...(kernel % 10 === 0 ? [{ kernel, call: makeCase(list, 1057).call }] : [])]);
    expect(await bench.complaints(`generated-${batch}`, cases, jobs)).toEqual([]);
  });

  it("give what the table of operators gives, on all pairs of special values", async () => {
    const { named, jobs } = operatorJobs();
    expect(await bench.complaints("operators", named, jobs)).toEqual([]);
  });

  it("give what the elementary functions give", async () => {
    const functions = OP_NAMES.filter(op => operator(op).elementary).flatMap(op => (["f64", "f32"] as const).map(type => operatorKernel(op, type, type)));
    const jobs = functions.map(({ over, arity }, kernel): Job => ({ kernel, call: pairs(over, arity, 400, () => true) }));
    expect(await bench.complaints("functions", functions, jobs)).toEqual([]);
  });

  it("take captures from memory where there are more than a launch has room for", async () => {
    const names = Array.from({ length: 600 }, (_, place) => `k${place}`);
    const sum = names.reduce((left, name) => apply("add", left, capture("f64", name)), element("f64"));
    const kernel = verify(kernelOf(arrayOf("f64"), to("f64"), [yields(sum)], { scalars: Object.fromEntries(names.map(name => [name, "f64"])) }), "the test");
    const call = callOf(elementsOf("f64", 100, false), { scalars: names.map((_, place) => place / 3) });
    expect(await bench.complaints("captures", [{ name: "captures", kernel }], [{ kernel: 0, call }])).toEqual([]);
  });
});

const EVERY = ["bool", "i32", "u32", "i64", "u64", "f32", "f64"] as const satisfies readonly ScalarType[];
const stored = (type: ScalarType): ElementType => (type === "bool" ? "i32" : type);

/** An operator on elements of captured arrays, at the place of each element of a range. */
function operatorKernel(op: OpName, over: ScalarType, gives: ScalarType): Named & { readonly over: ScalarType; readonly arity: number } {
  const arity = op === "convert" ? 1 : usualArity(op);
  const names = ["a", "b"].slice(0, arity);
  const operands = names.map((name): Expr => {
    const value: Expr = { kind: "local", type: stored(over) as ScalarType, name: `${name}_` };
    return over === "bool" ? convert("bool", value) : value;
  });
  const body = names.map(name => declare(`${name}_`, read(stored(over) as ScalarType, name, index)));
  const result: Expr = { kind: "apply", op, type: gives, args: operands };
  const kernel = kernelOf(RANGE, to(stored(gives)), [...body, declare("result", result), yields(gives === "bool" ? convert("i32", { kind: "local", type: "bool", name: "result" }) : { kind: "local", type: gives, name: "result" })], {
    arrays: Object.fromEntries(names.map(name => [name, stored(over)])),
  });
  return { name: `${op} ${over} to ${gives}`, kernel: verify(kernel, op), over, arity };
}

/** The operands for which the operator is defined, at most so many. */
function pairs(over: ScalarType, arity: number, most: number, accepts: (args: readonly ScalarValue[]) => boolean): KernelCall {
  const values = SPECIAL[over];
  const all = arity === 1 ? values.map(a => [a]) : values.flatMap(a => values.map(b => [a, b]));
  const step = Math.ceil(all.length / most);
  const chosen = all.filter((args, place) => place % step === 0 && accepts(args));
  const arrays = Array.from({ length: arity }, (_, at) => {
    const array = newArray(stored(over), chosen.length);
    chosen.forEach((args, place) => (array[place] = (over === "bool" ? Number(args[at]) : args[at]) as number));
    return array;
  });
  return { ...callOf(chosen.length), arrays };
}

function operatorJobs(): { readonly named: readonly Named[]; readonly jobs: readonly Job[] } {
  const zero = (value: ScalarValue | undefined): boolean => value === 0n;
  const rows = OP_NAMES.filter(op => op !== "convert" && !operator(op).elementary).flatMap(op => {
    const { over, gives, fails } = operator(op);
    return over.map(type => {
      const made = operatorKernel(op, type, gives === "same" ? type : gives);
      const accepts = (args: readonly ScalarValue[]): boolean => isDefined(op, args) && !(fails.includes(type) && zero(args[1]));
      return { made, call: pairs(type, made.arity, 4000, accepts) };
    });
  });
  const integral = (args: readonly ScalarValue[]): boolean => Number.isInteger(args[0]);
  const conversions = EVERY.flatMap(over =>
    EVERY.map(gives => {
      const big = (gives === "i64" || gives === "u64") && (over === "f64" || over === "f32");
      return { made: operatorKernel("convert", over, gives), call: pairs(over, 1, 4000, big ? integral : () => true) };
    }),
  );
  const all = [...rows, ...conversions];
  return { named: all.map(({ made }) => made), jobs: all.map(({ call }, kernel) => ({ kernel, call })) };
}
