/**
 * How fast kernels move memory, as a share of what the device can: bytes that a kernel must read and write over the time it takes
 * on data that is there already, beside a copy from the device to itself, timed by the same events.
 */
import type { KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import { ELEMENTS } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { CudaMemory, CudaStream } from "../../src/backends/cuda/driver.js";
import type { Runtime } from "../../src/runtime/create.js";
import { planOf, sameBits } from "../laws/run.js";
import type { Machine } from "./machine.js";
import { runResident, timed } from "./resident.js";
import { sourceArray, WORKLOADS, type Prepared, type Workload } from "./workloads.js";

export interface RooflineOptions {
  /** Of a source: the whole of it is on the device, and an output of the same size. */
  readonly bytes: number;
  readonly runs: number;
  readonly cuda: Runtime;
  /** What results are compared with, and end-to-end times. */
  readonly other: Runtime;
}

export interface Row {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  readonly seconds: number;
  /** From the host's memory to the host's memory, on either. */
  readonly endToEnd: number;
  readonly otherEndToEnd: number;
  /** What differs; null if all results have the same bits. */
  readonly wrong: string | null;
}

export interface Roofline {
  /** Bytes a second, read and written. */
  readonly copy: number;
  readonly rows: readonly Row[];
}

const MIB = 2 ** 20;
const LARGEST = 512 * MIB;

/** Much more than caches hold, and no more than is free. */
export const sizeFor = ({ context, isStandIn }: Machine): number => (isStandIn ? 2 ** 16 : Math.min(LARGEST, 2 ** Math.floor(Math.log2(context.memory.free / 4))));

export function measureCopy(machine: Machine, { bytes, runs }: RooflineOptions): number {
  const stream = machine.context.stream();
  const [from, to] = [stream.allocate(bytes), stream.allocate(bytes)];
  stream.fill(from, 0, bytes, 1);
  const seconds = timed(machine, stream, runs, () => undefined, () => stream.copy(to, 0, from, 0, bytes));
  for (const thing of [from, to, stream]) thing.release();
  return (2 * bytes) / seconds;
}

export function measure(machine: Machine, options: RooflineOptions): Roofline {
  return { copy: measureCopy(machine, options), rows: WORKLOADS.map(workload => measureOne(machine, workload, options)) };
}

function measureOne(machine: Machine, workload: Workload, options: RooflineOptions): Row {
  const { bytes, runs, cuda, other } = options;
  const { name, source: element } = workload;
  const elements = bytes / (element === null ? 8 : ELEMENTS[element].bytes);
  const source = sourceArray(element ?? "f64", element === null ? 0 : elements);
  const onCuda = workload.prepare(cuda, source, elements);
  const [ours, theirs] = [bestOf(onCuda), bestOf(workload.prepare(other, source, elements))];
  const kernel = planOf(onCuda.planned).kernels[0]?.kernel as Kernel;

  const stream = machine.context.stream();
  const [from, to] = [stream.allocate(bytes), stream.allocate(bytes)];
  if (element !== null) stream.write(from, source);
  stream.synchronise();
  const { seconds, outcome, reads } = runResident(machine, kernel, from, to, elements, runs);
  const result = outcome.status === "done" ? outcome.result : null;
  const wrong = result === null ? `a run on resident data ${outcome.status}` : complaint(kernel, theirs.result, ours.result, result, stream, to);
  for (const thing of [from, to, stream]) thing.release();
  return { name, elements, bytes: bytesMoved(kernel, elements * reads, result?.count ?? 0), seconds, endToEnd: ours.seconds, otherEndToEnd: theirs.seconds, wrong };
}

/** What a kernel must move; what it does move, the tests' driver counts (test/fusion/cuda-run.test.ts). */
function bytesMoved({ source, sink }: Kernel, read: number, stored: number): number {
  return (source.kind === "array" ? read * ELEMENTS[source.element].bytes : 0) + (sink.kind === "array" ? stored * ELEMENTS[sink.element].bytes : 0);
}

/** The first run compiles, and finds memory that nobody has touched yet. */
function bestOf({ run }: Prepared): { readonly result: AnyTypedArray | number; readonly seconds: number } {
  let [result, seconds] = [run(), Infinity];
  for (let turn = 0; turn < 3; turn++) {
    const start = performance.now();
    result = run();
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return { result, seconds };
}

const bytesOf = (array: AnyTypedArray): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
const same = (a: unknown, b: unknown): boolean => (ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && Buffer.compare(bytesOf(a as AnyTypedArray), bytesOf(b as AnyTypedArray)) === 0) || sameBits(a, b);

/** Both the query's result and that on resident data are held against the other backend's. */
function complaint({ sink }: Kernel, expected: unknown, found: unknown, resident: Omit<KernelResult, "output">, stream: CudaStream, output: CudaMemory): string | null {
  if (!same(expected, found)) return "the query's result differs";
  if (sink.kind !== "array") return Object.is(Number(resident.value), expected) ? null : `on resident data it is ${String(resident.value)}, not ${String(expected)}`;
  const wanted = expected as AnyTypedArray;
  if (resident.count !== wanted.length) return `on resident data it has ${resident.count} elements, not ${wanted.length}`;
  const read = wanted.slice();
  read.fill(0 as never);
  stream.read(output, read);
  return same(wanted, read) ? null : "the result on resident data differs";
}

const WIDTHS = [26, 12, 11, 8, 9, 14, 13, 13];
const cells = (row: readonly string[]): string => `  ${row.map((cell, at) => (at === 0 ? cell.padEnd(WIDTHS[at] ?? 0) : cell.padStart(WIDTHS[at] ?? 0))).join("")}`;
/** Three digits, and never an exponent. */
const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 0.001 ? value.toPrecision(3) : value.toFixed(6));
const milliseconds = (seconds: number): string => `${digits(seconds * 1000)} ms`;
const giga = (perSecond: number): string => digits(perSecond / 1e9);

/** `otherName`: of the backend that CUDA is compared with. */
export function describeRoofline({ copy, rows }: Roofline, { bytes }: RooflineOptions, otherName: string): readonly string[] {
  return [
    `  device-to-device copy of ${digits(bytes / MIB)} MiB: ${giga(copy)} GB/s, read and written`,
    "",
    cells(["kernel, on the device", "elements", "time", "GB/s", "of copy", "elements/ns", "query, cuda", `query, ${otherName}`]),
    ...rows.map(({ name, elements, bytes: moved, seconds, endToEnd, otherEndToEnd }) =>
      cells([name, elements.toLocaleString("en"), milliseconds(seconds), giga(moved / seconds), `${((moved / seconds / copy) * 100).toFixed(0)} %`, giga(elements / seconds), milliseconds(endToEnd), milliseconds(otherEndToEnd)]),
    ),
    "",
    "  Maps of elementary functions and the loop compute for longer than they move memory. A query brings its source from the host's",
    "  memory and its result back.",
    ...rows.flatMap(({ name, wrong }) => (wrong === null ? [] : [`  WRONG: ${name}: ${wrong}`])),
  ];
}
