/** Index-space kernels as functions: what they are called with decides for which types they are compiled. */
import { QueryError } from "../../fusion/errors.js";
import { parametersOf, parseSpace } from "../../fusion/parse/space.js";
import { captureKinds, type CaptureType, type CaptureTypes } from "../../fusion/query.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { bringsSingles, captureTypes, checkUsed, hasType, textOf, withoutSingles } from "../query/captures.js";
import { checkAttached, describe, isGone } from "../query/given.js";
import { checkBackend, checkRunOptions } from "../query/arguments.js";
import { checkOptions } from "../query/options.js";
import { atCall } from "../query/parse.js";
import { runHere, startKernel } from "../query/start.js";
import type { Captures, RunOptions } from "../query/types.js";
import type { BackendName, KernelCall } from "../backends/backend.js";
import type { Buffer } from "../memory/buffer.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import { deadlineOf } from "../runtime/deadline.js";
import { reportOf, succeeded } from "../runtime/progress.js";
import type { KernelSlot } from "../runtime/slot.js";
import { Watch, within } from "../runtime/watch.js";
import { beginWriting, callOnBuffers, checkKept, isBuffer, NONE, plainArguments, type BufferCall, type PlainArgument } from "./buffers.js";
import { askedOf, explainKernel, kernelSource } from "./explain.js";
import { checkSize, writtenLength, type Sizes } from "./size.js";
import type { Dimensions, ExplainedWith, KernelArgument, NamedKernel } from "./types.js";
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

const REMEDY = "Write { size } or, with async, { signal }, { timeout } or { onProgress }.";

export class SpaceRoutine {
  /** The names of the parameters behind the places. */
  readonly parameters: readonly string[];
  private readonly captures: CaptureTypes;
  private readonly variants: { readonly types: readonly CaptureType[]; readonly singles: boolean; readonly variant: Variant }[] = [];
  /** The last call. Arrays are kept no longer than they live anyway. */
  last: { readonly args: readonly (KernelArgument | WeakRef<AnyTypedArray | Buffer>)[]; readonly sizes: Sizes } | null = null;

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

  /** `insists`: the backend that it is to run on; null for the runtime's choice. */
  run(given: readonly unknown[], insists: BackendName | null): void {
    const { args, options } = this.split(given);
    const { size } = checkOptions(options, this.definition.name, ["size"], REMEDY);
    const { slot, call, written } = this.prepare(args, size, insists);
    const { tiers } = this.core;
    const watch = this.watch();
    const end = written.length === 0 ? null : beginWriting(written);
    try {
      if (watch === null) runHere(tiers, slot, call, insists, null);
      else watch.now(() => runHere(tiers, slot, call, insists, watch));
    } finally {
      end?.();
    }
  }

  async start(given: readonly unknown[], insists: BackendName | null): Promise<void> {
    const { args, options } = this.split(given);
    const { size, ...how } = checkOptions(options, this.definition.name, ["size", "signal", "timeout", "onProgress"], REMEDY);
    const { signal } = checkRunOptions(how as RunOptions, "run");
    signal?.throwIfAborted();
    const { slot, call, written } = this.prepare(args, size, insists);
    const watch = this.watch();
    const later = (): Promise<void> => (watch === null ? this.later(slot, call, insists, signal, null) : watch.later(() => this.later(slot, call, insists, signal, watch)));
    const end = beginWriting(written);
    try {
      await (deadlineOf(signal)?.during(later) ?? later());
    } finally {
      end();
    }
    checkKept(written, this.definition.name);
    succeeded(undefined, signal);
  }

  private async later(slot: KernelSlot, call: KernelCall, insists: BackendName | null, stop: AbortSignal | undefined, watch: Watch | null): Promise<void> {
    const { tiers } = this.core;
    const chosen = await within(watch, () => tiers.chooseAsync(slot, call.length, insists, stop, call.resident !== undefined));
    stop?.throwIfAborted();
    for (const [at, array] of call.arrays.entries()) if (isGone(array)) checkAttached(array, slot.kernel.arrays[at]?.origin.name ?? "an array");
    const report = reportOf(stop);
    report?.expect(call.length);
    report?.begin(call.length);
    await startKernel(tiers, slot, chosen, call, insists, stop, watch);
  }

  /** What a call with these arguments comes to. */
  prepare(args: readonly KernelArgument[], size: unknown, insists: BackendName | null): BufferCall & Pick<Prepared, "slot"> {
    return atCall(() => {
      const standing = this.core.tiers.usesDevice(insists);
      const plain = plainArguments(this.core, args, standing);
      const variant = this.variantFor(plain);
      const sizes = this.sizeOf(args, plain, size, variant);
      this.last = { args: args.map(arg => (typeof arg === "object" ? new WeakRef(arg) : arg)), sizes };
      const { slot, call } = variant.prepare(plain, sizes);
      if (plain === args) return { slot, call, written: NONE };
      const { call: onBuffers, written } = callOnBuffers(this.core, args, call, variant.writtenIn(plain).map(([, array]) => array), standing);
      return { slot, call: onBuffers, written };
    });
  }

  /** What the kernel was compiled for, if it was called with such arguments before; else that is made. */
  variantFor(args: readonly PlainArgument[]): Variant {
    this.checkArguments(args);
    const known = this.variants.find(({ types, singles }) => types.every((type, at) => hasType(args[at] as PlainArgument, type, singles)));
    if (known !== undefined) return known.variant;
    const { definition, parameters, captures } = this;
    const { name, text, dimensions } = definition;
    const exact = captureTypes(Object.fromEntries(parameters.map((parameter, at) => [parameter, args[at] as PlainArgument])), name);
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

  /** `plain`: the arguments as arrays. A size function sees buffers themselves: what they hold may not be here. */
  sizeOf(args: readonly KernelArgument[], plain: readonly PlainArgument[], size: unknown, variant: Variant): Sizes {
    const { name, dimensions, size: own } = this.definition;
    if (size !== undefined) return checkSize(size, dimensions, `the size for ${name}`);
    if (own !== null) return checkSize(own(...args), dimensions, `what the size function of ${name} gives`);
    return writtenLength(name, dimensions, variant.writtenIn(plain));
  }

  /** Options are a plain object behind the arguments, which no argument is. */
  private split(given: readonly unknown[]): Given {
    const last = given.at(-1);
    const hasOptions = given.length > this.parameters.length && (last === undefined || (typeof last === "object" && last !== null && !ArrayBuffer.isView(last) && !isBuffer(last)));
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
      throw new QueryError("DC313", `the argument ${parameters[at] as string} of ${name} is ${describe(arg)}`, "Kernels are called with typed arrays, buffers, numbers, BigInts and booleans; hand helper functions over by name where the kernel is defined.");
    }
  }

  /** Of a run that begins; null if nobody listens. */
  private watch(): Watch | null {
    const { events } = this.core;
    return events.listening ? new Watch(events, this.definition.name) : null;
  }
}

/** The kernel as a function. */
export const kernelOf = (core: RuntimeCore, definition: Definition): NamedKernel => callable(new SpaceRoutine(core, definition), null);

function callable(routine: SpaceRoutine, insists: BackendName | null): NamedKernel {
  const run = (...given: readonly unknown[]): void => routine.run(given, insists);
  const { name } = routine.definition;
  Object.defineProperty(run, "name", { value: name });
  return Object.assign(run, {
    async: async (...given: readonly unknown[]) => routine.start(given, insists),
    kernelName: name,
    on: (backend: BackendName) => callable(routine, checkBackend(backend, routine.core.tiers.names)),
    explain: (options?: unknown) => explainKernel(routine, insists, options),
    source: (language: "js" | "cpp" | "cuda", options?: unknown) => kernelSource(routine, language, options),
    asked: (verb: string, call: Pick<ExplainedWith, "arguments" | "size">) => askedOf(routine, insists, verb, call),
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

