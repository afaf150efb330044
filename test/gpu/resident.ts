/** A kernel over data that stays on the device, between timed events: what it takes without transfers. */
import { cudaFlagsOf, cudaPrelude, emitCuda, STATE_BYTES, STATE_FILLS, THREADS, type CudaLaunch, type CudaOutcome } from "../../fusion/emit/cuda.js";
import type { Kernel } from "../../fusion/ir.js";
import type { CudaFunction, CudaMemory, CudaStream } from "../../src/backends/cuda/driver.js";
import { parameterBytes, type Addresses } from "../../src/backends/cuda/parameters.js";
import { median } from "../bench/measure.js";
import type { Machine } from "./machine.js";

/** The first runs of a kernel find caches cold and clocks low. */
const WARM_UP = 3;

export interface Resident {
  /** Of one run, in the middle of all. */
  readonly seconds: number;
  readonly outcome: CudaOutcome;
  /** Elements are read once; by what only keeps some of them for an array, twice (native/rt/map.cuh). */
  readonly reads: 1 | 2;
}

/** Seconds between two events around `work`: the median of so many runs. */
export function timed({ context }: Machine, stream: CudaStream, runs: number, prepare: () => void, work: () => void): number {
  const events = Array.from({ length: WARM_UP + runs }, () => [context.event({ timed: true }), context.event({ timed: true })] as const);
  // All of them in one queue: the device never waits for this thread to launch the next.
  for (const [before, after] of events) {
    prepare();
    stream.record(before);
    work();
    stream.record(after);
  }
  stream.synchronise();
  const times = events.slice(WARM_UP).map(([before, after]) => after.since(before) / 1000);
  for (const event of events.flat()) event.release();
  return median(times);
}

/** A kernel that captures nothing, over the whole source. */
export function runResident(machine: Machine, kernel: Kernel, source: CudaMemory, output: CudaMemory, length: number, runs: number): Resident {
  const { context, compiler, target } = machine;
  const program = emitCuda(kernel, { symbol: "kernel" });
  if (program.captures.bytes > 0) throw new Error("resident kernels capture nothing");
  const module = context.load(compiler.compile(cudaPrelude + program.text, cudaFlagsOf([kernel]), target));
  const functions = new Map<string, CudaFunction>(program.entries.map(name => [name, module.function(name)]));
  const entry = (name: string): CudaFunction => functions.get(name) as CudaFunction;
  const stream = context.stream();
  const plan = program.plan(length, { multiprocessors: context.device.multiprocessors, blocksPerMultiprocessor: name => entry(name).occupancy(THREADS) });
  const [state, scratch, stop] = [stream.allocate(STATE_BYTES), stream.allocate(Math.max(1, plan.scratchBytes)), context.flag()];
  const addresses: Addresses = { source: source.address, output: output.address, state: state.address, scratch: scratch.address, stop: stop.address };
  const launches = [...plan.chunk(0, length), ...plan.finish].map((launch: CudaLaunch) => ({
    fn: entry(launch.entry),
    shape: { grid: [launch.grid, 1, 1], block: [launch.block, 1, 1] } as const,
    parameters: parameterBytes(launch, addresses, new Uint8Array()),
  }));
  const seconds = timed(
    machine,
    stream,
    runs,
    () => STATE_FILLS.forEach(({ offset, bytes, value }) => stream.fill(state, offset, bytes, value)),
    () => launches.forEach(({ fn, shape, parameters }) => stream.launch(fn, shape, parameters)),
  );
  const bytes = new Uint8Array(STATE_BYTES);
  stream.read(state, bytes);
  for (const thing of [state, scratch, stop, stream]) thing.release();
  return { seconds, outcome: plan.read(bytes), reads: kernel.sink.kind === "array" && !program.outputByPlace ? 2 : 1 };
}
