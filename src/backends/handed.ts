/**
 * What accelerators that are not the library's own hand back, checked before anybody relies on it, and what they throw: a plugin's mistake is
 * told as that plugin's, with what it gave and what is expected.
 */
import { BackendError, CompilerBug, LambdaError, QueryError, type ErrorCode } from "../../fusion/errors.js";
import type { Kernel, SingleSink } from "../../fusion/ir.js";
import { thrownInWords } from "../../fusion/thrown.js";
import { canFail, sinksOf } from "../../fusion/traverse.js";
import { ELEMENTS, isBigType, type ElementType, type ScalarType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS } from "../../fusion/values.js";
import { describe } from "../query/given.js";
import type { Accelerator, AcceleratorMemory, Runnable } from "./accelerator.js";
import { isOwn, type BackendName, type KernelCall, type KernelResult } from "./backend.js";

/** Who is to be blamed: a plugin, or what the option `decorate` has made of one of the library's own. */
export const blamed = (name: BackendName): string => (isOwn(name) ? `what the option decorate of createRuntime() made of ${name}` : `the plugin ${JSON.stringify(name)}`);

const wrong = (name: BackendName, what: string): BackendError => new BackendError("DC407", `${blamed(name)} ${what}`, { kind: "programmer" });

/**
 * What an accelerator threw, as it is thrown on: failures that say what they are, bugs of the library's, and errors of the user's as they are, and
 * all else as that accelerator's own failure. `from`: what threw it. `kernel`: null where none was asked for.
 */
export function failureOf(thrown: unknown, name: BackendName, from: string, kernel: Kernel | null): unknown {
  if (isToldAsItIs(thrown, kernel)) return thrown;
  return new BackendError("DC407", `${blamed(name)} failed in ${from}: ${typeof thrown === "string" ? JSON.stringify(thrown) : thrownInWords(thrown)}`, { cause: thrown });
}

function isToldAsItIs(thrown: unknown, kernel: Kernel | null): boolean {
  try {
    if (thrown instanceof BackendError || thrown instanceof QueryError || thrown instanceof LambdaError || thrown instanceof CompilerBug) return true;
    return thrown instanceof RangeError && (codeOf(thrown) === "DC401" || (kernel !== null && canFail(kernel) && isOfBigInts(thrown)));
  } catch {
    // A proxy may throw whatever it is asked.
    return false;
  }
}

/** As `outOfRange` makes them. */
const codeOf = (error: Error & { readonly code?: unknown }): ErrorCode => error.code as ErrorCode;

/** Whether it is what the engine says of a lambda's division, or of a float that BigInt() does not take. */
function isOfBigInts({ message }: RangeError): boolean {
  const [before = "", after = ""] = NO_INTEGER;
  return message === NO_QUOTIENT || (message.startsWith(before) && message.endsWith(after));
}

/** The engine's own words for a RangeError. */
function saidOf(fails: () => unknown): string {
  try {
    return String(fails());
  } catch (error) {
    return (error as Error).message;
  }
}

const NO_QUOTIENT = saidOf(() => 1n / 0n);
/** What stands before and behind the number. */
const NO_INTEGER = saidOf(() => BigInt(0.5)).split("0.5");

type Fields = Readonly<Record<string, unknown>>;

const isObject = (given: unknown): given is Fields => typeof given === "object" && given !== null;

/** Whether it is a promise, which then fails in silence: that it is one is the failure. */
function isPromise(given: unknown): boolean {
  if (!isObject(given) || typeof given["then"] !== "function") return false;
  Promise.resolve(given).catch(() => undefined);
  return true;
}

const inWords = (given: unknown): string => (isPromise(given) ? "a promise" : describe(given));

const KINDS: readonly unknown[] = ["script", "processor", "device"];
const METHODS = ["cached", "compileAsync", "memory", "devices", "inWords"] as const;

/** What `create()` gave, or was handed over. `from`: which of the two, in words. */
export function checkedAccelerator(given: unknown, name: BackendName, from: string): Accelerator {
  if (!isObject(given) || typeof given["compile"] !== "function") throw wrong(name, `gave ${inWords(given)} for an accelerator: ${from} gives an object with compile(kernel)`);
  for (const method of METHODS) {
    if (given[method] !== undefined && typeof given[method] !== "function") throw wrong(name, `has ${describe(given[method])} for ${method}(): a function, or nothing, is expected`);
  }
  const { kind = "processor", threads = 1, device = null } = given;
  if (!KINDS.includes(kind)) throw wrong(name, `is of the kind ${JSON.stringify(kind)}: "script", "processor" or "device" is expected`);
  if (!(Number.isSafeInteger(threads) && (threads as number) >= 1)) throw wrong(name, `has ${describe(threads)} for threads: a number of 1 or more is expected`);
  if (device !== null && !(isObject(device) && typeof device["name"] === "string")) throw wrong(name, `has ${describe(device)} for a device: an object with a name is expected`);
  return given as unknown as Accelerator;
}

/** What `compile`, `cached` or `compileAsync` gave. `from`: which of them. */
export function checkedRunnable(given: unknown, name: BackendName, from: string): Runnable {
  if (isObject(given) && typeof given["run"] === "function" && (given["start"] === undefined || typeof given["start"] === "function")) return given as unknown as Runnable;
  const remedy = isPromise(given) && from === "compile()" ? "; what takes a while is compileAsync(kernel)" : "";
  throw wrong(name, `gave ${inWords(given)} for a compiled kernel: ${from} gives an object with run(call)${remedy}`);
}

/** What `memory()` gave. */
export function checkedMemory(given: unknown, name: BackendName): AcceleratorMemory | null {
  if (given === null || given === undefined) return null;
  const isBytes = (bytes: unknown): boolean => bytes === null || typeof bytes === "number";
  if (isObject(given) && isBytes(given["total"]) && isBytes(given["free"]) && (given["pool"] === null || isObject(given["pool"]))) return given as unknown as AcceleratorMemory;
  throw wrong(name, `gave ${inWords(given)} for its memory: memory() gives { total, free, pool }, each null where there is none`);
}

/** What a run gave, for a kernel and a call. `from`: `run()` or `start()`. */
export function checkedResult(given: unknown, name: BackendName, from: string, kernel: Kernel, call: KernelCall): KernelResult {
  if (!isObject(given) || isPromise(given)) {
    const remedy = isPromise(given) ? "; what takes a while is start(call, signal)" : "";
    throw wrong(name, `gave ${inWords(given)} for a result: ${from} gives what plugin.resultFor() makes${remedy}`);
  }
  const problem = problemOf(given, kernel, call);
  if (problem !== null) throw wrong(name, `gave a wrong result: ${problem}`);
  return given as unknown as KernelResult;
}

/** Null where it is of the shape that the kernel's sinks ask for. What it holds is another matter: see the option `validate`. */
function problemOf(given: Fields, { sink }: Kernel, call: KernelCall): string | null {
  const count = given["count"];
  if (!isWhole(count, 0)) return `its count is ${inWords(count)}, and a number of elements is expected`;
  if (sink.kind === "several") {
    const sinks: readonly SingleSink[] = sinksOf(sink);
    const field = sinks[0]?.kind === "array" ? "outputs" : "values";
    const all: unknown = given[field];
    if (!Array.isArray(all) || all.length !== sinks.length) return `its ${field} are ${Array.isArray(all) ? `${all.length} of ${sinks.length}` : describe(all)}, and an array of ${sinks.length} is expected`;
    return firstOf(sinks, (one, at) => (one.kind === "array" ? arrayProblem(all[at], one.element, count, `outputs[${at}]`) : one.kind === "reduce" ? valueProblem(all[at], one.type, `values[${at}]`) : null));
  }
  switch (sink.kind) {
    case "array":
    case "scan":
      return arrayProblem(given["output"], sink.element, sink.kind === "scan" ? call.length : count, "output") ?? destinationProblem(given["output"], call);
    case "reduce":
      return valueProblem(given["value"], sink.type, "value");
    case "fold":
      return given["value"] === undefined && sink.seed === null ? null : valueProblem(given["value"], sink.type, "value");
    case "first":
    case "last": {
      const { position, rank } = given;
      if (!isWhole(position, -1) || position >= call.length) return `its position is ${inWords(position)}, and a place from 0 to ${call.length - 1}, or -1, is expected`;
      if (sink.kind === "first" && sink.ranked && !isWhole(rank, 0)) return `its rank is ${inWords(rank)}, and a number of elements is expected`;
      return position < 0 ? null : valueProblem(given["value"], sink.type, "value");
    }
    case "count":
    case "stores":
      return null;
    default:
      return sink satisfies never;
  }
}

const isWhole = (given: unknown, least: number): given is number => Number.isSafeInteger(given) && (given as number) >= least;

function firstOf<T>(all: readonly T[], problem: (one: T, at: number) => string | null): string | null {
  for (const [at, one] of all.entries()) {
    const found = problem(one, at);
    if (found !== null) return found;
  }
  return null;
}

function arrayProblem(given: unknown, element: ElementType, length: number, field: string): string | null {
  const expected = ELEMENTS[element].array;
  if (!(given instanceof ARRAY_CONSTRUCTORS[element])) return `its ${field} is ${inWords(given)}, and a ${expected} is expected`;
  return given.length === length ? null : `its ${field} has ${given.length} elements, and ${length} are expected`;
}

/** Results that were to go into an array of the caller's. */
function destinationProblem(given: unknown, { output }: KernelCall): string | null {
  const own = given as NonNullable<KernelCall["output"]>;
  return output === null || own.length === 0 || (own.buffer === output.buffer && own.byteOffset === output.byteOffset) ? null : "its output is an array of its own, and a view of call.output is expected";
}

function valueProblem(given: unknown, type: ScalarType, field: string): string | null {
  const expected = type === "bool" ? "boolean" : isBigType(type) ? "bigint" : "number";
  return typeof given === expected ? null : `its ${field} is ${inWords(given)}, and a ${expected} is expected`;
}
