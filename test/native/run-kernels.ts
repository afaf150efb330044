/** Runs emitted kernels on calls, in a program of their own, and compares what they give with the interpreter. */
import { CompilerBug } from "../../fusion/errors.js";
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import { cppPrelude, emitCpp } from "../../fusion/emit/cpp.js";
import { interpret } from "../../fusion/interpret.js";
import type { Kernel } from "../../fusion/ir.js";
import { storedElement } from "../../fusion/traverse.js";
import { elementsOf, isCounted } from "../../fusion/several.js";
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import type { Workshop } from "./toolchain.js";

export interface Job {
  readonly kernel: number;
  readonly call: KernelCall;
  readonly inPlace?: boolean;
  /** The stop flag is raised while the kernel runs. */
  readonly stop?: boolean;
}

export type Outcome =
  | { readonly status: "done"; readonly intact: boolean; readonly result: KernelResult }
  | { readonly status: "stopped"; readonly intact: boolean }
  | { readonly status: "failed"; readonly intact: boolean; readonly position: number };

export async function buildKernels(workshop: Workshop, name: string, kernels: readonly Kernel[], flags: readonly string[], compiler?: string): Promise<string> {
  const symbols = kernels.map((_, place) => `kernel_${place}`);
  const text = [
    cppPrelude,
    '#include "harness.hpp"',
    ...kernels.map((kernel, place) => emitCpp(kernel, { symbol: `kernel_${place}` })),
    `const dotcompute::Entry kernels[] = {${symbols.map(symbol => `kernel_${symbol}::${symbol}`).join(", ")}};`,
    "int main(int, char** arguments) { return harness::run_all(arguments, kernels); }",
  ];
  return workshop.build(name, text.join("\n"), flags, compiler);
}

export async function runKernels(workshop: Workshop, program: string, kernels: readonly Kernel[], jobs: readonly Job[], emulator: readonly string[] = []): Promise<readonly Outcome[]> {
  const input = new Bytes();
  for (const job of jobs) input.job(kernels[job.kernel] as Kernel, job);
  const output = await workshop.run(program, input.all(), emulator);
  const reader = new Outcomes(output);
  return jobs.map(job => reader.next(kernels[job.kernel] as Kernel, job.call.length));
}

class Bytes {
  private readonly parts: Uint8Array[] = [];

  all(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  private array(array: AnyTypedArray): void {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    this.parts.push(bytes, new Uint8Array((8 - (bytes.length % 8)) % 8));
  }

  private words(...words: readonly number[]): void {
    this.parts.push(new Uint8Array(Uint32Array.from(words).buffer));
  }

  job(kernel: Kernel, { kernel: place, call, inPlace = false, stop = false }: Job): void {
    const { source, sink } = kernel;
    const sourceBytes = source.kind === "array" ? ELEMENTS[source.element].bytes : 0;
    const stored = storedElement(sink);
    const outputBytes = stored === null ? 0 : ELEMENTS[stored].bytes;
    const outputs = sink.kind === "several" ? elementsOf(kernel) : [];
    const values = sink.kind === "several" ? sink.sinks.length - outputs.length : 0;
    this.words(place, call.length, sourceBytes, outputBytes, Number(inPlace), Number(stop), kernel.scalars.length, kernel.arrays.length, outputs.length, values);
    if (call.source !== null) this.array(call.source);
    kernel.scalars.forEach((scalar, at) => this.parts.push(scalarBytes(scalar.range === undefined ? scalar.type : "f64", call.scalars[at] as ScalarValue)));
    kernel.arrays.forEach((array, at) => {
      const values = call.arrays[at] as AnyTypedArray;
      this.words(ELEMENTS[array.element].bytes, values.length);
      this.array(values);
    });
    for (const output of outputs) this.words(ELEMENTS[output].bytes, 0);
  }
}

function scalarBytes(type: ScalarType, value: ScalarValue): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (type === "f64") view.setFloat64(0, value as number, true);
  else if (type === "f32") view.setFloat32(0, value as number, true);
  else if (type === "i64" || type === "u64") view.setBigUint64(0, BigInt.asUintN(64, value as bigint), true);
  else view.setUint32(0, Number(value), true);
  return bytes;
}

function scalarFrom(type: ScalarType, view: DataView, at: number): ScalarValue {
  switch (type) {
    case "f64":
      return view.getFloat64(at, true);
    case "f32":
      return view.getFloat32(at, true);
    case "i64":
      return view.getBigInt64(at, true);
    case "u64":
      return view.getBigUint64(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "bool":
      return view.getUint32(at, true) !== 0;
    default:
      return type satisfies never;
  }
}

class Outcomes {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  next(kernel: Kernel, length: number): Outcome {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at);
    const intact = view.getInt32(4, true) === 1;
    const position = Number(view.getBigInt64(16, true));
    const status = view.getInt32(0, true);
    this.at += 40;
    if (status === 1) return { status: "stopped", intact };
    if (status === 2) return { status: "failed", intact, position };
    if (status !== 0) throw new CompilerBug(`status ${status}`);
    const count = Number(view.getBigUint64(8, true));
    const rank = Number(view.getBigUint64(24, true));
    const nothing = { count: 0, position: -1, rank: 0, value: undefined, output: null };
    const { sink } = kernel;
    const value = (type: ScalarType): ScalarValue => scalarFrom(type, view, 32);
    switch (sink.kind) {
      case "array":
      case "scan": {
        const output = this.array(sink.element, count, length);
        return { status: "done", intact, result: { ...nothing, count, value: sink.kind === "scan" && count > 0 ? value(sink.type) : undefined, output } };
      }
      case "count":
      case "stores":
        return { status: "done", intact, result: { ...nothing, count } };
      case "reduce":
        return { status: "done", intact, result: { ...nothing, count, value: value(sink.type) } };
      case "fold":
        return { status: "done", intact, result: { ...nothing, count, value: sink.seed === null && count === 0 ? undefined : value(sink.type) } };
      case "first":
      case "last":
        return { status: "done", intact, result: { ...nothing, position, rank: sink.kind === "first" && position >= 0 ? rank : 0, value: position < 0 ? undefined : value(sink.type) } };
      case "several": {
        const values = sink.sinks.flatMap((single, at) => (single.kind === "reduce" ? [scalarFrom(single.type, view, 40 + 8 * at)] : []));
        this.at += 8 * values.length;
        if (values.length > 0) return { status: "done", intact, result: { ...nothing, count: isCounted(sink) ? count : 0, values } };
        return { status: "done", intact, result: { ...nothing, count, outputs: elementsOf(kernel).map(element => this.array(element, count, length)) } };
      }
      default:
        return sink satisfies never;
    }
  }

  private array(element: ElementType, count: number, length: number): AnyTypedArray {
    if (count > length) throw new CompilerBug(`${count} of ${length} elements`);
    const size = count * ELEMENTS[element].bytes;
    const array = new ARRAY_CONSTRUCTORS[element](this.bytes.slice(this.at, this.at + size).buffer as ArrayBuffer);
    this.at += Math.ceil(size / 8) * 8;
    return array;
  }
}

/** What the interpreter gives; for a failing call the place of the first element that fails. */
export type Wanted = { readonly status: "done"; readonly result: KernelResult } | { readonly status: "failed"; readonly element: number };

export function wanted(kernel: Kernel, call: KernelCall): Wanted {
  const attempt = (length: number): KernelResult | null => {
    try {
      return interpret(kernel, { ...call, length });
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  };
  const result = attempt(call.length);
  if (result !== null) return { status: "done", result };
  // The shortest run that fails ends with the failing element.
  let [good, bad] = [0, call.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (attempt(middle) === null) bad = middle;
    else good = middle;
  }
  return { status: "failed", element: bad - 1 };
}
