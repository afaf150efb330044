/** Index-space kernels as functions: what they are called with decides for which types they are compiled. */
import { QueryError } from "../../fusion/errors.js";
import { parametersOf, parseSpace } from "../../fusion/parse/space.js";
import { captureKinds, type CaptureType, type CaptureTypes } from "../../fusion/query.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { bringsSingles, captureTypes, checkUsed, hasType, textOf, withoutSingles } from "../query/captures.js";
import { checkAttached, describe, isGone } from "../query/given.js";
import { checkOptions, isSignal } from "../query/options.js";
import { atCall } from "../query/parse.js";
import { runHere, startKernel } from "../query/start.js";
import type { Captures } from "../query/types.js";
import type { KernelCall } from "../backends/backend.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import { checkOnProgress, reporting, reportOf } from "../runtime/progress.js";
import type { KernelSlot } from "../runtime/slot.js";
import { Watch } from "../runtime/watch.js";
import { explainKernel, kernelSource } from "./explain.js";
import { checkSize, writtenLength, type Sizes } from "./size.js";
import type { Dimensions, KernelArgument, NamedKernel } from "./types.js";
import { Variant, type Prepared } from "./variant.js";

/** What a kernel is made of, checked. */
export interface Definition {
  readonly name: string;
  readonly dimensions: Dimensions;
  readonly size: ((...args: readonly KernelArgument[]) => unknown) | null;
  readonly f: unknown;
  readonly text: string;
  readonly captures: Captures;
}

/** Arguments, and the options behind them. */
export interface Given {
  readonly args: readonly KernelArgument[];
  readonly options: unknown;
}

const REMEDY = "Write { size } or, with async, { signal } or { onProgress }.";

export class SpaceRoutine {
  /** The names of the parameters behind the places. */
  readonly parameters: readonly string[];
  private readonly captures: CaptureTypes;
  private readonly variants: { readonly types: readonly CaptureType[]; readonly singles: boolean; readonly variant: Variant }[] = [];
  /** The last call. Arrays are kept no longer than they live anyway. */
  last: { readonly args: readonly (KernelArgument | WeakRef<AnyTypedArray>)[]; readonly sizes: Sizes } | null = null;

  constructor(
    readonly core: RuntimeCore,
    readonly definition: Definition,
  ) {
    const { name, text, dimensions, captures } = definition;
    this.captures = captureTypes(captures, `kernel(${JSON.stringify(name)})`);
    this.parameters = atCall(() => parametersOf(text, { name, axes: dimensions }));
    const twice = this.parameters.find((parameter, at) => Object.hasOwn(captures, parameter) || this.parameters.indexOf(parameter) < at);
    if (twice !== undefined) throw new QueryError("DC313", `the kernel ${name} has a parameter ${twice} and ${Object.hasOwn(captures, twice) ? "a capture" : "another parameter"} of that name`, "Give one of them another name.");
  }

  run(given: readonly unknown[]): void {
    const { args, options } = this.split(given);
    const { size } = checkOptions(options, this.definition.name, ["size"], REMEDY);
    const { slot, call } = this.prepare(args, size);
    const { tiers } = this.core;
    const watch = this.watch();
    if (watch === null) runHere(tiers, slot, call, null, null);
    else watch.now(() => runHere(tiers, slot, call, null, watch));
  }

  async start(given: readonly unknown[]): Promise<void> {
    const { args, options } = this.split(given);
    const { size, signal, onProgress } = checkOptions(options, this.definition.name, ["size", "signal", "onProgress"], REMEDY);
    if (signal !== undefined && !isSignal(signal)) throw new QueryError("DC305", `signal is an AbortSignal, not ${describe(signal)}`, "Write { signal: AbortSignal.timeout(100) }.");
    const tell = checkOnProgress(onProgress, describe);
    const stop = tell === undefined ? (signal as AbortSignal | undefined) : reporting(tell, signal as AbortSignal | undefined);
    stop?.throwIfAborted();
    const { slot, call } = this.prepare(args, size);
    const watch = this.watch();
    await (watch === null ? this.later(slot, call, stop, null) : watch.later(() => this.later(slot, call, stop, watch)));
  }

  private async later(slot: KernelSlot, call: KernelCall, stop: AbortSignal | undefined, watch: Watch | null): Promise<void> {
    const { tiers } = this.core;
    const chosen = await tiers.chooseAsync(slot, call.length, null);
    stop?.throwIfAborted();
    for (const [at, array] of call.arrays.entries()) if (isGone(array)) checkAttached(array, slot.kernel.arrays[at]?.origin.name ?? "an array");
    const report = reportOf(stop);
    report?.expect(call.length);
    report?.begin(call.length);
    await startKernel(tiers, slot, chosen, call, null, stop, watch);
    report?.finish();
  }

  /** What a call with these arguments comes to. */
  prepare(args: readonly KernelArgument[], size: unknown): Prepared {
    return atCall(() => {
      const variant = this.variantFor(args);
      const sizes = this.sizeOf(args, size, variant);
      this.last = { args: args.map(arg => (ArrayBuffer.isView(arg) ? new WeakRef(arg) : arg)), sizes };
      return variant.prepare(args, sizes);
    });
  }

  /** What the kernel was compiled for, if it was called with such arguments before; else that is made. */
  variantFor(args: readonly KernelArgument[]): Variant {
    this.checkArguments(args);
    const known = this.variants.find(({ types, singles }) => types.every((type, at) => hasType(args[at] as KernelArgument, type, singles)));
    if (known !== undefined) return known.variant;
    const { definition, parameters, captures } = this;
    const { name, text, dimensions } = definition;
    const exact = captureTypes(Object.fromEntries(parameters.map((parameter, at) => [parameter, args[at] as KernelArgument])), name);
    const singles = bringsSingles(text, { ...captures, ...exact });
    const all = { ...captures, ...exact };
    const types = singles ? all : withoutSingles(all);
    const given = Object.fromEntries(parameters.map(parameter => [parameter, types[parameter] as CaptureType]));
    const lambda = parseSpace(text, { name, axes: dimensions, captures: captureKinds(captures), given: captureKinds(given) });
    checkUsed(captures, [lambda], `kernel(${JSON.stringify(name)})`);
    const variant = new Variant({ name, lambda, dimensions, parameters, types, captures: definition.captures, slotFor: kernel => this.core.tiers.slot(kernel) });
    this.variants.push({ types: Object.values(given), singles, variant });
    return variant;
  }

  sizeOf(args: readonly KernelArgument[], size: unknown, variant: Variant): Sizes {
    const { name, dimensions, size: own } = this.definition;
    if (size !== undefined) return checkSize(size, dimensions, `the size for ${name}`);
    if (own !== null) return checkSize(own(...args), dimensions, `what the size function of ${name} gives`);
    return writtenLength(name, dimensions, variant.writtenIn(args));
  }

  /** Options are a plain object behind the arguments, which no argument is. */
  private split(given: readonly unknown[]): Given {
    const last = given.at(-1);
    const hasOptions = given.length > this.parameters.length && (last === undefined || (typeof last === "object" && last !== null && !ArrayBuffer.isView(last)));
    return { args: (hasOptions ? given.slice(0, -1) : given) as readonly KernelArgument[], options: hasOptions ? last : undefined };
  }

  private checkArguments(args: readonly unknown[]): void {
    const { parameters, definition } = this;
    const { name } = definition;
    if (args.length !== parameters.length) {
      throw new QueryError("DC313", `the kernel ${name} takes ${parameters.length} argument${parameters.length === 1 ? "" : "s"} (${parameters.join(", ")}) and is given ${args.length}`, `Write ${name}(${parameters.join(", ")}).`);
    }
    for (const [at, arg] of args.entries()) {
      if (ArrayBuffer.isView(arg) && "length" in arg) {
        if (arg.length === 0) checkAttached(arg as AnyTypedArray, `the argument ${parameters[at] as string}`);
        continue;
      }
      if (typeof arg === "number" || typeof arg === "bigint" || typeof arg === "boolean") continue;
      throw new QueryError("DC313", `the argument ${parameters[at] as string} of ${name} is ${describe(arg)}`, "Kernels are called with typed arrays, numbers, BigInts and booleans; hand helper functions over by name where the kernel is defined.");
    }
  }

  /** Of a run that begins; null if nobody listens. */
  private watch(): Watch | null {
    const { events } = this.core;
    return events.listening ? new Watch(events, this.definition.name) : null;
  }
}

/** The kernel as a function. */
export function kernelOf(core: RuntimeCore, definition: Definition): NamedKernel {
  const routine = new SpaceRoutine(core, definition);
  const run = (...given: readonly unknown[]): void => routine.run(given);
  const { name } = routine.definition;
  Object.defineProperty(run, "name", { value: name });
  return Object.assign(run, {
    async: async (...given: readonly unknown[]) => routine.start(given),
    kernelName: name,
    explain: (options?: unknown) => explainKernel(routine, options),
    source: (language: "js" | "cpp" | "cuda", options?: unknown) => kernelSource(routine, language, options),
  }) as unknown as NamedKernel;
}

/** A kernel's definition, checked. */
export function defined(name: unknown, second: unknown, third?: unknown, fourth?: unknown): Definition {
  const usage = 'Write kernel("saxpy", (i, x: Float32Array, y: Float32Array, out: Float32Array, a: number) => { out[i] = a * x[i] + y[i]; }).';
  if (typeof name !== "string" || name === "") throw new QueryError("DC313", `a kernel is called by a text, not by ${name === "" ? "an empty one" : describe(name)}`, usage);
  const [options, f, captures] = typeof second === "function" ? [undefined, second, third] : [second, third, fourth];
  if (typeof f !== "function") throw new QueryError("DC313", `the kernel ${name} is ${describe(f)}, not a function`, usage);
  const { dimensions = 1, size } = checkOptions(options, "kernel", ["dimensions", "size"], "Write { dimensions: 2, size: (src, dst, width) => [width, dst.length / width] }.");
  if (dimensions !== 1 && dimensions !== 2 && dimensions !== 3) throw new QueryError("DC313", `a kernel has 1, 2 or 3 dimensions, not ${describe(dimensions)}`, "Write { dimensions: 2 }.");
  if (size !== undefined && typeof size !== "function") throw new QueryError("DC313", `the size of a kernel is a function of its arguments, not ${describe(size)}`, "Write { size: (x, out) => out.length }, or give it with the call: f(…, { size: 100 }).");
  return { name, dimensions, size: (size ?? null) as Definition["size"], f, text: textOf(f), captures: checkedCaptures(captures, name) };
}

function checkedCaptures(captures: unknown, name: string): Captures {
  if (captures === undefined) return {};
  captureTypes(captures, `kernel(${JSON.stringify(name)})`);
  return captures as Captures;
}

