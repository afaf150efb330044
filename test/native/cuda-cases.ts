/** A kernel of every sink with its calls, compiled as one program: for tests of short memory, faults and ends on the stand-in driver. */
import { describe, it } from "vitest";
import { apply, convert, local, number } from "../../fusion/build.js";
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import { interpret } from "../../fusion/interpret.js";
import type { Kernel, Sink, Stmt } from "../../fusion/ir.js";
import type { ElementType } from "../../fusion/types.js";
import type { CudaBackend } from "../../src/backends/cuda/backend.js";
import type { CudaCompiledKernel } from "../../src/backends/cuda/compiled.js";
import { unavailable, type StandIn } from "./cuda-stand-in.js";
import { arrayOf, assign, branch, callOf, capture, dataOf, declare, element, index, keep, kernelOf, leave, loop, RANGE, read, visit, yields } from "../fusion/by-hand.js";

const x = element("f64");
const narrow = element("i32");
const f64s: Sink = { kind: "array", element: "f64" };
const above = keep(apply("gt", x, capture("f64", "least")));
const least = { scalars: { least: "f64" } } as const;
const fold = (combine: boolean): Sink => ({
  kind: "fold",
  type: "f64",
  accumulator: "acc",
  seed: "seed",
  first: null,
  // Not commutative, so that a wrong order shows.
  combine: combine ? { left: "left", right: "right", body: [], value: apply("sub", local("f64", "left"), apply("mul", local("f64", "right"), number(0.5))) } : null,
});
const folded: readonly Stmt[] = [yields(apply("sub", apply("mul", local("f64", "acc"), number(0.5)), x))];
const seed = { scalars: { seed: "f64" } } as const;
const table = { arrays: { table: "f64" } } as const;
/** More captures than a launch's arguments have room for. */
const MANY = 600;
const many = Array.from({ length: MANY }, (_, place) => `k${place}`);

export const KERNELS = {
  map: kernelOf(arrayOf("f64"), f64s, [yields(apply("mul", x, capture("f64", "k")))], { scalars: { k: "f64" } }),
  "map to wider elements": kernelOf(arrayOf("u8"), f64s, [yields(apply("mul", convert("f64", narrow), number(0.5)))]),
  "map of a range": kernelOf(RANGE, f64s, [yields(apply("mul", x, index))]),
  filter: kernelOf(arrayOf("f64"), f64s, [above, yields(x)], least),
  "filter of narrow elements": kernelOf(arrayOf("u8"), { kind: "array", element: "u8" }, [keep(apply("gt", narrow, capture("i32", "least"))), yields(narrow)], { scalars: { least: "i32" } }),
  "filter of a range": kernelOf(RANGE, f64s, [keep(apply("ne", apply("rem", index, number(3)), number(1))), yields(x)]),
  "counted sum": kernelOf(arrayOf("f64"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: true }, [above, yields(x)], least),
  "least of narrow elements": kernelOf(arrayOf("u8"), { kind: "reduce", op: "min", type: "i32", term: "i32", counted: false }, [yields(narrow)]),
  "fold with combine": kernelOf(arrayOf("f64"), fold(true), folded, seed),
  "fold in order": kernelOf(arrayOf("f64"), fold(false), folded, seed),
  scan: kernelOf(arrayOf("f64"), { kind: "scan", type: "f64", order: { kind: "canonical", op: "add", term: "f64" }, seed: "seed", exclusive: true, running: "running", stored: local("f64", "running"), element: "f64" }, [yields(apply("mul", x, number(0.5)))], seed),
  "scan in order": kernelOf(arrayOf("f64"), { kind: "scan", type: "f64", order: { kind: "left", first: null }, seed: "seed", exclusive: false, running: "acc", stored: local("f64", "acc"), element: "f64" }, folded, seed),
  count: kernelOf(arrayOf("f64"), { kind: "count" }, [above, yields(null)], least),
  first: kernelOf(arrayOf("f64"), { kind: "first", type: "f64", ranked: false }, [above, yields(x)], least),
  "first and its rank": kernelOf(arrayOf("f64"), { kind: "first", type: "f64", ranked: true }, [keep(apply("lt", apply("rem", index, number(3)), number(2))), visit, above, yields(x)], least),
  last: kernelOf(arrayOf("f64"), { kind: "last", type: "f64" }, [above, yields(x)], least),
  "look-up": kernelOf(arrayOf("f64"), f64s, [declare("y", read("f64", "table", x)), yields(local("f64", "y"))], table),
  "look-up and filter": kernelOf(arrayOf("f64"), f64s, [declare("y", read("f64", "table", x)), keep(apply("gt", local("f64", "y"), number(0))), yields(local("f64", "y"))], table),
  "many captures": kernelOf(arrayOf("f64"), f64s, [yields(many.reduce((sum, name) => apply("add", sum, capture("f64", name)), x))], { scalars: Object.fromEntries(many.map(name => [name, "f64"])) }),
  /** Counts until it is below 0. */
  endless: kernelOf(arrayOf("f64"), f64s, [
    declare("y", number(1), true),
    loop("L", branch(apply("lt", local("f64", "y"), number(0)), [leave("L")]), assign("y", apply("add", local("f64", "y"), number(1)))),
    yields(local("f64", "y")),
  ]),
} as const satisfies Readonly<Record<string, Kernel>>;

export { expectResult } from "./example-runs.js";

export type CaseName = keyof typeof KERNELS;
export const NAMES = Object.keys(KERNELS) as readonly CaseName[];

const TABLE = dataOf("f64", 5000) as Float64Array;
/** All sources have one element of these, near their end. */
const PEAK = 1e30;

function sourceOf(type: ElementType, length: number): Float64Array {
  const source = dataOf(type, length) as Float64Array;
  if (type === "f64" && length > 0) source[Math.floor(length * 0.9)] = PEAK;
  return source;
}

/** A call on so many elements. `least`: what filters keep is above it. */
export function caseOf(name: CaseName, length: number, limit?: number): KernelCall {
  const { source, scalars, arrays } = KERNELS[name] as Kernel;
  const isSearch = name === "first" || name === "first and its rank";
  const value: Readonly<Record<string, number>> = { k: 0.25, seed: 1.5, least: limit ?? (isSearch ? PEAK / 2 : source.kind === "array" && source.element === "u8" ? 100 : 0) };
  const given = { scalars: scalars.map((scalar, place) => value[scalar.name] ?? place), arrays: arrays.map(() => TABLE) };
  if (source.kind !== "array") return callOf(length, given);
  if (arrays.length > 0) return callOf(Float64Array.from({ length }, (_, at) => (at * 7) % TABLE.length), given);
  return callOf(sourceOf(source.element, length), given);
}

/** What the interpreter gives. */
export const expectedOf = (name: CaseName, call: KernelCall): KernelResult => interpret(KERNELS[name], call);

/** All of them, loaded on this backend's device. */
export function compileCases(backend: CudaBackend): (name: CaseName) => CudaCompiledKernel {
  const compiled = backend.compileBatch(Object.values(KERNELS));
  return name => compiled[NAMES.indexOf(name)] as CudaCompiledKernel;
}

/** Tests that need the stand-in driver; visibly none where there is none. */
export function onStandIn(name: string, tests: () => void): void {
  if (unavailable === null) describe(name, tests);
  else it.skip(`${name}: ${unavailable}`, () => undefined);
}

/** Lets the device do all that it was given, its streams taking turns by chance. */
export function drain({ driver }: StandIn): void {
  driver.call("cuCtxPushCurrent_v2", driver.get("cuDevicePrimaryCtxRetain", 0));
  driver.call("cuCtxSynchronize");
  driver.get("cuCtxPopCurrent_v2");
  driver.call("cuDevicePrimaryCtxRelease_v2", 0);
}
