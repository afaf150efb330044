/**
 * Small queries: what building one and running it costs beside the kernel, `npm run bench -- --measure=small`. Of each query the time of
 * a call, in turns: written anew, prepared, its kernel alone through the addon with everything at hand, and the loop that one would write; and
 * the bytes that a call leaves behind, its result included.
 */
import { Session } from "node:inspector/promises";
import os from "node:os";
import { createRuntime, type Prepared, type TypedArray } from "dotcompute";
import type { NativeKernel } from "../../src/backends/cpu/addon.js";
import type { BoundTerminal } from "../../src/query/bound.js";
import { race, type Contender } from "./measure.js";
import { markdown, type Table } from "./tables.js";

type Runtime = ReturnType<typeof createRuntime>;

interface SmallQuery {
  readonly name: string;
  readonly code: string;
  /** From `compute` on. */
  query(): unknown;
  /** The same, prepared. */
  prepared(): unknown;
  /** The kernel's own arguments. */
  readonly kernel: Parameters<NativeKernel["run"]>;
  /** What the prepared query was made of, to find its kernel. */
  readonly of: Prepared<never, unknown, never, unknown>;
  loop(): unknown;
}

const k = 3;

function smallQueries(runtime: Runtime, n: number): readonly SmallQuery[] {
  const doubles = Float64Array.from({ length: n }, (_, i) => Math.sin(i));
  const [singles, counts] = [Float32Array.from(doubles), Int32Array.from({ length: n }, (_, i) => i)];
  const [out, steps, table] = [new Float32Array(n), new Uint16Array(n), { price: doubles, quantity: counts }];
  const [into, intoSteps, captures] = [{ into: out }, { into: steps }, { k: 4 }];
  const places = new Float32Array(Math.max(0, n - 4));

  const sum = runtime.compute(singles).map(x => x * 2 + 1).filter(x => x > 0.5).sum().prepare();
  const captured = runtime.compute(doubles).map(x => x * k, { k }).sum().prepare();
  const squares = runtime.compute(doubles).filter(x => x > 0).reduce((total, x) => total + x * x, 0).prepare();
  const scale = runtime.compute(singles).map(x => x * 0.5 + 1).prepare<Float32Array>();
  const positive = runtime.compute(singles).filter(x => x > 0).prepare<Float32Array>();
  const revenue = runtime.compute(table).sum(r => r.price * r.quantity).prepare();
  const smooth = runtime.compute(singles).window(5).average().prepare<Float32Array>();
  const escape = runtime.compute(doubles).map(c => { let z = 0, i = 0; while (i < 20 && z * z < 4) { z = z * z + c; i += 1; } return i; }, Uint16Array).prepare<Float64Array>();

  return [
    {
      name: "map + filter + sum",
      code: "compute(f32).map(x => x * 2 + 1).filter(x => x > 0.5).sum().value()",
      query: () => runtime.compute(singles).map(x => x * 2 + 1).filter(x => x > 0.5).sum().value(),
      prepared: () => sum(singles),
      kernel: [singles, n, null, null],
      of: sum,
      loop() {
        let total = 0;
        for (let i = 0; i < singles.length; i += 1) {
          const y = Math.fround(Math.fround((singles[i] as number) * 2) + 1);
          if (y > 0.5) total += y;
        }
        return total;
      },
    },
    {
      name: "map with a capture + sum",
      code: "compute(f64).map(x => x * k, { k }).sum().value()",
      query: () => runtime.compute(doubles).map(x => x * k, { k }).sum().value(),
      prepared: () => captured(doubles, captures),
      kernel: [doubles, n, null, null],
      of: captured,
      loop() {
        let total = 0;
        for (let i = 0; i < doubles.length; i += 1) total += (doubles[i] as number) * k;
        return total;
      },
    },
    {
      name: "filter + reduce",
      code: "compute(f64).filter(x => x > 0).reduce((total, x) => total + x * x, 0).value()",
      query: () => runtime.compute(doubles).filter(x => x > 0).reduce((total, x) => total + x * x, 0).value(),
      prepared: () => squares(doubles),
      kernel: [doubles, n, null, null],
      of: squares,
      loop() {
        let total = 0;
        for (let i = 0; i < doubles.length; i += 1) {
          const x = doubles[i] as number;
          if (x > 0) total += x * x;
        }
        return total;
      },
    },
    {
      name: "map to a new array",
      code: "compute(f32).map(x => x * 0.5 + 1).toArray()",
      query: () => runtime.compute(singles).map(x => x * 0.5 + 1).toArray(),
      prepared: () => scale(singles),
      kernel: [singles, n, out, null],
      of: scale,
      loop: () => scaleInto(singles, new Float32Array(singles.length)),
    },
    {
      name: "map, into",
      code: "compute(f32).map(x => x * 0.5 + 1).toArray({ into })",
      query: () => runtime.compute(singles).map(x => x * 0.5 + 1).toArray(into),
      prepared: () => scale(singles, undefined, into),
      kernel: [singles, n, out, null],
      of: scale,
      loop: () => scaleInto(singles, out),
    },
    {
      name: "filter, into",
      code: "compute(f32).filter(x => x > 0).toArray({ into })",
      query: () => runtime.compute(singles).filter(x => x > 0).toArray(into),
      prepared: () => positive(singles, undefined, into),
      kernel: [singles, n, out, null],
      of: positive,
      loop() {
        let count = 0;
        for (let i = 0; i < singles.length; i += 1) {
          const x = singles[i] as number;
          if (x > 0) {
            out[count] = x;
            count += 1;
          }
        }
        return out.subarray(0, count);
      },
    },
    {
      name: "rows, sum",
      code: "compute({ price, quantity }).sum(r => r.price * r.quantity).value()",
      query: () => runtime.compute({ price: doubles, quantity: counts }).sum(r => r.price * r.quantity).value(),
      prepared: () => revenue(table),
      kernel: [null, n, null, [doubles, counts]],
      of: revenue,
      loop() {
        let total = 0;
        for (let i = 0; i < doubles.length; i += 1) total += (doubles[i] as number) * (counts[i] as number);
        return total;
      },
    },
    {
      name: "window average",
      code: "compute(f32).window(5).average().toArray()",
      query: () => runtime.compute(singles).window(5).average().toArray(),
      prepared: () => smooth(singles),
      kernel: [null, places.length, places, [singles]],
      of: smooth,
      loop() {
        const result = new Float32Array(singles.length - 4);
        for (let i = 0; i < result.length; i += 1) {
          let total = singles[i] as number;
          for (let at = 1; at < 5; at += 1) total = Math.fround(total + (singles[i + at] as number));
          result[i] = total / 5;
        }
        return result;
      },
    },
    {
      name: "escape time, into",
      code: "compute(f64).map(c => { let z = 0, i = 0; while (i < 20 && z * z < 4) { z = z * z + c; i += 1; } return i; }, Uint16Array).toArray({ into })",
      query: () => runtime.compute(doubles).map(c => { let z = 0, i = 0; while (i < 20 && z * z < 4) { z = z * z + c; i += 1; } return i; }, Uint16Array).toArray(intoSteps),
      prepared: () => escape(doubles, undefined, intoSteps),
      kernel: [doubles, n, steps, null],
      of: escape,
      loop() {
        for (let at = 0; at < doubles.length; at += 1) {
          const c = doubles[at] as number;
          let [z, i] = [0, 0];
          while (i < 20 && z * z < 4) {
            z = z * z + c;
            i += 1;
          }
          steps[at] = i;
        }
        return steps;
      },
    },
  ];
}

function scaleInto(from: Float32Array, to: Float32Array): Float32Array {
  for (let i = 0; i < from.length; i += 1) to[i] = Math.fround(Math.fround((from[i] as number) * 0.5) + 1);
  return to;
}

/** Nanoseconds of a call, and bytes that it leaves behind. */
export interface SmallTimes {
  readonly name: string;
  readonly code: string;
  readonly n: number;
  readonly query: number;
  readonly prepared: number;
  readonly kernel: number;
  readonly loop: number;
  readonly bytes: { readonly query: number; readonly prepared: number };
}

export interface SmallMeasurements {
  readonly load: number;
  readonly rows: readonly SmallTimes[];
}

export async function measureSmall(cacheFolder: string, sizes: readonly number[], names: readonly string[] | null, progress: (text: string) => void): Promise<SmallMeasurements> {
  const load = os.loadavg()[0] ?? 0;
  const rows: SmallTimes[] = [];
  for (const n of sizes) {
    const runtime = createRuntime({ cacheFolder, threads: 1 });
    for (const one of smallQueries(runtime, n).filter(({ name }) => names?.some(part => name.includes(part)) !== false)) {
      progress(`${one.name}, n = ${n}`);
      for (let run = 0; run < 3; run += 1) {
        one.query();
        one.prepared();
        await runtime.settled();
      }
      rows.push({ ...timesOf(one, n), bytes: { query: await bytesOf(one.query), prepared: await bytesOf(one.prepared) } });
    }
  }
  return { load, rows };
}

function timesOf(one: SmallQuery, n: number): Omit<SmallTimes, "bytes"> {
  const native = nativeOf(one);
  check(one.query(), one.prepared(), one.name);
  const contenders: readonly Contender[] = [
    { name: "query", run: () => one.query() },
    { name: "prepared", run: () => one.prepared() },
    { name: "kernel", run: () => native.run(...one.kernel) },
    { name: "loop", run: () => one.loop() },
  ];
  const timings = race(contenders, { rounds: 60, sample: 0.0004, warmUp: 0.25 });
  // What a call costs, and not what other processes do meanwhile.
  const nanoseconds = (name: string): number => (timings.get(name)?.least ?? NaN) * 1e9;
  return { name: one.name, code: one.code, n, query: nanoseconds("query"), prepared: nanoseconds("prepared"), kernel: nanoseconds("kernel"), loop: nanoseconds("loop") };
}

/** What the runtime calls for it. */
function nativeOf({ of, name }: SmallQuery): NativeKernel {
  const query = of.query as { readonly bound: BoundTerminal };
  const node = "node" in query.bound ? query.bound.node : (query.bound as unknown as BoundTerminal["query"]).shape.plainTerminal("toArray");
  const compiled = node.slots[0]?.first.compiled as { readonly native?: NativeKernel } | null | undefined;
  if (compiled?.native === undefined) throw new Error(`${name} does not run native`);
  return compiled.native;
}

function check(one: unknown, other: unknown, name: string): void {
  const same = ArrayBuffer.isView(one) && ArrayBuffer.isView(other) ? Buffer.from((one as TypedArray).slice().buffer).equals(Buffer.from((other as TypedArray).slice().buffer)) : Object.is(one, other) || name.includes("capture");
  if (!same) throw new Error(`${name}: prepared it gives ${String(other)}, and not ${String(one)}`);
}

/** As the engine's own profiler samples them. */
async function bytesOf(run: () => unknown): Promise<number> {
  const calls = 50_000;
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.startSampling", { samplingInterval: 512, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true } as object);
  for (let call = 0; call < calls; call += 1) run();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();
  const sizeOf = (node: typeof profile.head): number => node.selfSize + node.children.reduce((sum, child) => sum + sizeOf(child), 0);
  return sizeOf(profile.head) / calls;
}

export function smallAsMarkdown({ load, rows }: SmallMeasurements): readonly string[] {
  const whole = (value: number): string => value.toFixed(0);
  return [...new Set(rows.map(({ n }) => n))].flatMap(n => {
    const table: Table = {
      headings: ["query", "built and run", "prepared", "over the kernel", "kernel call alone", "hand-fused loop", "bytes a call", "prepared: bytes"],
      words: 1,
      rows: rows.filter(row => row.n === n).map(({ name, query, prepared, kernel, loop, bytes }) => [name, whole(query), whole(prepared), whole(prepared - kernel), whole(kernel), whole(loop), whole(bytes.query), whole(bytes.prepared)]),
    };
    return [`n = ${n}, nanoseconds (of the quickest of 300 samples, taken in turns) and bytes of a call, results included; load ${load.toFixed(1)}`, "", ...markdown(table), ""];
  });
}
