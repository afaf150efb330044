/**
 * Emitted CUDA programs, run: the PTX of every loop, statement and operator, on the stand-in driver of the tests (a PTX
 * interpreter, not a GPU), gives the bits that the interpreter of kernels gives, at all the lengths where rows, blocks and
 * tiles end, in one chunk and in several.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apply, convert, number } from "../../fusion/build.js";
import type { KernelCall } from "../../fusion/call.js";
import type { Expr, Kernel, Sink } from "../../fusion/ir.js";
import { isDefined, OP_NAMES, operator, usualArity, type OpName } from "../../fusion/ops.js";
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { verify } from "../../fusion/verify.js";
import { SPECIAL } from "../laws/special.js";
import { capturesOf } from "../native/kernel-captures.js";
import { ENDLESS, KERNELS } from "../native/kernels.js";
import { wanted } from "../native/run-kernels.js";
import { arrayOf, branch, callOf, capture, declare, element, index, keep, kernelOf, leave, loop, RANGE, read, visit, yields } from "./by-hand.js";
import { compilerFor, CudaWorkshop, hasCompiler, named, standIn, type Job, type Outcome } from "./cuda-harness.js";
import { caseChoices, makeCase } from "./kernels.js";

const workshop = new CudaWorkshop();
afterAll(() => workshop.remove());

/** What differs between an outcome and what the interpreter gives, or null. */
function complaint(name: string, kernel: Kernel, job: Job, outcome: Outcome): string | null {
  const what = `${name}, ${job.call.length} elements${job.inPlace === true ? ", in place" : ""}${job.chunk === undefined ? "" : `, in chunks of ${job.chunk}`}`;
  const want = WANTED.get(job.call) ?? wanted(kernel, job.call);
  WANTED.set(job.call, want);
  if (want.status === "failed") {
    const position = kernel.sink.kind === "fold" ? 0 : want.element;
    return outcome.status === "failed" && outcome.position === position ? null : `${what}: ${brief(outcome)} instead of a failure at ${position}`;
  }
  if (outcome.status !== "done") return `${what}: is ${brief(outcome)}`;
  if (!outcome.intact) return `${what}: wrote behind its output`;
  try {
    expect(outcome.result).toEqual(want.result);
    return null;
  } catch {
    return `${what}: ${brief(outcome.result)} instead of ${brief(want.result)}`;
  }
}
const WANTED = new WeakMap<KernelCall, ReturnType<typeof wanted>>();
const brief = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner)).slice(0, 200);

interface Named {
  readonly name: string;
  readonly kernel: Kernel;
}

/** Runs the jobs; gives the first few complaints. */
async function complaints(file: string, named: readonly Named[], jobs: readonly Job[], architecture = 75, environments: readonly Readonly<Record<string, string>>[] = [{}]): Promise<readonly string[]> {
  const kernels = named.map(({ kernel }) => kernel);
  const compiled = await workshop.compile(file, kernels, architecture);
  const found: string[] = [];
  for (const environment of environments) {
    const outcomes = await workshop.run(await driver, compiled, kernels, jobs, environment);
    jobs.forEach((job, place) => {
      const { name, kernel } = named[job.kernel] as Named;
      const wrong = complaint(name, kernel, job, outcomes[place] as Outcome);
      if (wrong !== null) found.push(`${wrong} ${brief(environment)}`);
    });
  }
  return found.slice(0, 20);
}
let driver: Promise<string>;

/** Elements of every magnitude and sign; every so often one that arithmetic treats apart. */
function dataOf(type: ElementType, length: number, wild: boolean): AnyTypedArray {
  const array = newArray(type, length);
  const { scalar, integer } = ELEMENTS[type];
  let seed = 12345 + length;
  for (let at = 0; at < length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    const unit = (seed >>> 8) / 2 ** 24 - 0.5;
    if (scalar === "i64" || scalar === "u64") array[at] = at % 97 === 60 && wild ? 0n : (BigInt(seed) << 20n) ^ BigInt(at);
    else if (integer) array[at] = seed >>> ((seed >>> 5) % 24);
    else array[at] = wild && (seed >>> 10) % 40 === 0 ? ([NaN, Infinity, -0, 5e-324, -Infinity][at % 5] as number) : unit * 10 ** ((seed >>> 4) % 13);
  }
  return array;
}

const handCall = (kernel: Kernel, length: number): KernelCall =>
  callOf(kernel.source.kind === "range" ? length : dataOf(kernel.source.element, length, length % 2 === 1), capturesOf(kernel));

/** All of them, as in cuda-compile.test.ts: so they are compiled once. */
const hand: readonly Named[] = [...KERNELS, ...ENDLESS].map(({ name, kernel }) => ({ name, kernel: verify(kernel, name) }));
const inPlace = ({ source, sink, body }: Kernel): boolean =>
  sink.kind === "array" && source.kind === "array" && ELEMENTS[source.element].bytes === ELEMENTS[sink.element].bytes && body.length === 1 && body[0]?.kind === "yield";

const handJobs = (lengths: readonly number[]): readonly Job[] =>
  hand.slice(0, KERNELS.length).flatMap(({ kernel }, place) =>
    lengths.flatMap((length): readonly Job[] => {
      const job: Job = { kernel: place, call: handCall(kernel, length) };
      return [job, ...(inPlace(kernel) ? [{ ...job, inPlace: true }] : []), ...(length > 2048 ? [{ ...job, chunk: 1024 }, { ...job, chunk: 2048 }] : [])];
    }),
  );

/** Warps and blocks in a different order each time. */
const SCHEDULES = Array.from({ length: 5 }, (_, seed) => ({ DOTCOMPUTE_TEST_CUDA_RANDOM: "1", DOTCOMPUTE_TEST_CUDA_SEED: String(seed + 1) }));
const DEFERRED = { DOTCOMPUTE_TEST_CUDA_DEFERRED: "1" };

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
/** Of 300 generated kernels each. */
const BATCHES = process.env["DOTCOMPUTE_LONG"] === undefined ? 1 : 20;

const to = (type: ElementType): Sink => ({ kind: "array", element: type });

const nvrtc = compilerFor(75);
const reason = hasCompiler ? nvrtc.reason : "there is no C++ compiler";

describe.skipIf(reason !== null)(`CUDA programs on the PTX interpreter, compiled ${reason ?? named(nvrtc)}`, { timeout: 600_000 }, () => {
  beforeAll(() => {
    driver = standIn();
    return driver;
  }, 600_000);

  it("give what the interpreter gives, for kernels of every kind", async () => {
    expect(await complaints("hand", hand, handJobs([0, 1, 2, 31, 32, 33, 63, 1023, 1024, 1025, 4097]))).toEqual([]);
  });

  it("give the same in every order of warps and blocks, and where work waits for a synchronisation", async () => {
    expect(await complaints("orders", hand, handJobs([33, 2500]), 75, [...SCHEDULES, DEFERRED])).toEqual([]);
  });

  it("join many blocks, also more than one warp joins", async () => {
    const chosen = /^(add f64, filtered and counted|fold in lanes|fold of BigInts in lanes|filter f64)$/;
    const jobs = hand.flatMap(({ name, kernel }, place): readonly Job[] => (chosen.test(name) ? [70_000, 1_050_000].map(length => ({ kernel: place, call: handCall(kernel, length) })) : []));
    expect(jobs).toHaveLength(8);
    expect(await complaints("blocks", hand, jobs)).toEqual([]);
  });

  it("find elements late, and count those that came by before", async () => {
    const x = element("f64");
    const first = { kind: "first", type: "f64", ranked: true } as const;
    const ranked = verify(kernelOf(arrayOf("f64"), first, [keep(apply("gt", x, number(0))), visit, keep(apply("gt", x, number(1))), yields(x)]), "the test");
    const source = Float64Array.from({ length: 9000 }, (_, at) => (at >= 7777 ? 2 + at : at % 3 === 0 ? 0.5 : -1));
    const call = callOf(source);
    expect(await complaints("late", [{ name: "ranked", kernel: ranked }], [{ kernel: 0, call }, { kernel: 0, call, chunk: 2048 }])).toEqual([]);
  });

  it("join only what is to be joined: anything else may fail", async () => {
    const [a, b] = ["a", "b"].map((name): Expr => ({ kind: "local", type: "i64", name })) as [Expr, Expr];
    const total: Expr = { kind: "local", type: "i64", name: "total" };
    // Divides by zero unless what is left is less than what is right.
    const combine = { left: "a", right: "b", body: [declare("q", { kind: "apply", op: "div", type: "i64", args: [b, convert("i64", apply("lt", a, b))] })], value: { kind: "local", type: "i64", name: "q" } as Expr };
    const kernel = verify(kernelOf(arrayOf("i64"), { kind: "fold", type: "i64", accumulator: "total", seed: "seed", first: null, combine }, [yields(apply("max", total, element("i64")))], { scalars: { seed: "i64" } }), "the test");
    const ascending = callOf(BigInt64Array.from({ length: 1024 }, (_, at) => BigInt(at + 1)), { scalars: [0n] });
    expect(await complaints("joins", [{ name: "joins", kernel }], [{ kernel: 0, call: ascending }])).toEqual([]);
    const descending = callOf(BigInt64Array.from({ length: 1024 }, (_, at) => BigInt(2000 - at)), { scalars: [0n] });
    expect(await complaints("joins", [{ name: "joins", kernel }], [{ kernel: 0, call: descending }])).toEqual([]);
  });

  it.for([90, 120])("give the same as compiled for compute_%i", async (architecture, { skip }) => {
    const { reason: missing } = compilerFor(architecture);
    if (missing !== null) skip(missing);
    expect(await complaints(`hand-${architecture}`, hand, handJobs([0, 33, 1025]), architecture, [{ DOTCOMPUTE_TEST_CUDA_CAPABILITY: String(architecture) }])).toEqual([]);
  });

  it.each(Array.from({ length: BATCHES }, (_, batch) => batch + 1))("give what the interpreter gives, for generated kernels, batch %i", async batch => {
    const cases = fc.sample(caseChoices, { numRuns: 300, seed: SEED + batch }).map((list, place) => ({ name: `generated ${place}`, list, ...makeCase(list) }));
    for (const { kernel } of cases) verify(kernel, "the generator");
    const jobs = cases.flatMap(({ list, call }, kernel): readonly Job[] => [{ kernel, call }, ...(kernel % 10 === 0 ? [{ kernel, call: makeCase(list, 1057).call }] : [])]);
    expect(await complaints(`generated-${batch}`, cases, jobs)).toEqual([]);
  });

  it("give what the table of operators gives, on all pairs of special values", async () => {
    const { named, jobs } = operatorJobs();
    expect(await complaints("operators", named, jobs)).toEqual([]);
  });

  it("give what the elementary functions give", async () => {
    const functions = OP_NAMES.filter(op => operator(op).elementary).flatMap(op => (["f64", "f32"] as const).map(type => operatorKernel(op, type, type)));
    const jobs = functions.map(({ over, arity }, kernel): Job => ({ kernel, call: pairs(over, arity, 400, () => true) }));
    expect(await complaints("functions", functions, jobs)).toEqual([]);
  });

  it("end early when they are to stop, also within a loop without end", async () => {
    const kernels = ENDLESS.map(({ name, kernel }) => verify(kernel, name));
    const compiled = await workshop.compile("endless", kernels, 75);
    const jobs = kernels.map((kernel, place): Job => {
      const call = handCall(kernel, 1500);
      call.source?.fill(3 as never);
      return { kernel: place, call, stop: true };
    });
    const outcomes = await workshop.run(await driver, compiled, kernels, jobs);
    expect(outcomes).toEqual(kernels.map(() => ({ status: "stopped" })));
  });

  it("leave loops without end behind an element that fails or is found", async () => {
    const x = element("f64");
    const first = { kind: "first", type: "f64", ranked: false } as const;
    const ever = branch(apply("gt", x, number(1)), [loop("ever", branch(apply("lt", x, number(0)), [leave("ever")]))]);
    const found = kernelOf(arrayOf("f64"), first, [ever, keep(apply("eq", x, number(1))), yields(index)]);
    const failing = kernelOf(arrayOf("f64"), to("f64"), [declare("v", read("f64", "lut", apply("mul", x, number(100)))), ever, yields(x)], { arrays: { lut: "f64" } });
    const source = new Float64Array(3000).fill(0);
    source[40] = 1;
    source.fill(2, 41);
    const kernels = [found, failing].map(kernel => verify(kernel, "the test"));
    const call = callOf(source);
    const jobs = [{ kernel: 0, call }, { kernel: 1, call: { ...call, arrays: [new Float64Array(2)] } }];
    const outcomes = await workshop.run(await driver, await workshop.compile("behind", kernels, 75), kernels, jobs);
    expect(outcomes).toMatchObject([{ status: "done", result: { position: 40, value: 40 } }, { status: "failed", position: 40 }]);
  });

  it("take captures from memory where there are more than a launch has room for", async () => {
    const names = Array.from({ length: 600 }, (_, place) => `k${place}`);
    const sum = names.reduce((left, name) => apply("add", left, capture("f64", name)), element("f64"));
    const kernel = verify(kernelOf(arrayOf("f64"), to("f64"), [yields(sum)], { scalars: Object.fromEntries(names.map(name => [name, "f64"])) }), "the test");
    const call = callOf(dataOf("f64", 100, false), { scalars: names.map((_, place) => place / 3) });
    expect(await complaints("captures", [{ name: "captures", kernel }], [{ kernel: 0, call }])).toEqual([]);
  });

  it("read every element once and write every result once; filters read twice", async () => {
    const x = element("f64");
    const kernels = [
      kernelOf(arrayOf("f64"), to("f64"), [yields(apply("add", x, number(1)))]),
      kernelOf(arrayOf("u8"), to("u8"), [yields(element("i32"))]),
      kernelOf(arrayOf("f64"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false }, [yields(x)]),
      kernelOf(arrayOf("f64"), { kind: "count" }, [keep(apply("gt", x, number(0))), yields(null)]),
      kernelOf(arrayOf("f64"), to("f64"), [keep(apply("gt", x, number(0))), yields(x)]),
    ].map(kernel => verify(kernel, "the test"));
    const length = 65536 + 100;
    const jobs = kernels.map((kernel, place): Job => ({ kernel: place, call: handCall(kernel, length) }));
    const outcomes = await workshop.run(await driver, await workshop.compile("traffic", kernels, 75), kernels, jobs);
    const [map, bytes, sum, count, filter] = workshop.traffic();
    const kept = (outcomes[4] as Outcome & { status: "done" }).result.count;
    expect(map).toMatchObject({ loads: { bytes: 8 * length }, stores: { bytes: 8 * length } });
    expect(bytes).toMatchObject({ loads: { bytes: length }, stores: { bytes: length } });
    // Besides: a value for each block of 1024, a count and its sum (which each lane of a warp reads), and the state.
    const within = (moved: number | undefined, least: number): void => {
      expect(moved).toBeGreaterThanOrEqual(least);
      expect(moved).toBeLessThanOrEqual(least * 1.02);
    };
    within(sum?.loads.bytes, 8 * length);
    expect(sum?.stores.bytes).toBeLessThan(600);
    within(count?.loads.bytes, 8 * length);
    expect(count?.stores.bytes).toBe(0);
    within(filter?.loads.bytes, 16 * length);
    within(filter?.stores.bytes, 8 * kept);
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
