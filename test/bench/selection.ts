/**
 * Adaptive selection between js and cpu, `npm run bench -- --measure=selection`: of each query and length what the model predicts, what is
 * predicted once runs have taught, which backend is chosen then, which is really the quickest, and by how much the choice is slower than
 * that: what choosing and learning cost is in it.
 */
import os from "node:os";
import { createRuntime, type Prepared } from "dotcompute";
import { race, type RaceOptions } from "./measure.js";
import { duration, markdown, ratio, size, type Table } from "./tables.js";

type Runtime = ReturnType<typeof createRuntime>;
type Ready = Prepared<Float64Array, unknown, never, unknown>;

interface Case {
  readonly name: string;
  prepare(runtime: Runtime, array: Float64Array): Ready;
}

const CASES: readonly Case[] = [
  { name: "sum", prepare: (runtime, array) => runtime.compute(array).sum().prepare<Float64Array>() as Ready },
  { name: "map + filter + sum", prepare: (runtime, array) => runtime.compute(array).map(x => x * 2 + 1).filter(x => x > 0.5).sum().prepare<Float64Array>() as Ready },
  { name: "map", prepare: (runtime, array) => runtime.compute(array).map(x => x * 0.5 + 1).prepare<Float64Array>() as Ready },
  { name: "sine + sum", prepare: (runtime, array) => runtime.compute(array).map(x => Math.sin(x)).sum().prepare<Float64Array>() as Ready },
];

export const SELECTION_SIZES = [1, 8, 64, 1e3, 1e4, 1e5, 1e6, 1e7];

export interface SelectionRow {
  readonly name: string;
  readonly n: number;
  /** Microseconds of js and cpu: by the model, and once learned. */
  readonly model: Times;
  readonly learned: Times;
  readonly chosen: string;
  /** Seconds. */
  readonly measured: Times & { readonly adaptive: number };
}

type Times = Readonly<Record<"js" | "cpu", number>>;

export interface SelectionMeasurements {
  readonly load: number;
  readonly rows: readonly SelectionRow[];
}

/** So long the adaptive runtime learns from each length before it is measured. */
const LEARNING = 0.15;

export async function measureSelection(cacheFolder: string, sizes: readonly number[], names: readonly string[] | null, progress: (text: string) => void): Promise<SelectionMeasurements> {
  const runtimes = { js: createRuntime({ backend: "js" }), cpu: createRuntime({ backend: "cpu", cacheFolder }), adaptive: createRuntime({ selection: "adaptive", cacheFolder }) };
  const rows: SelectionRow[] = [];
  for (const one of CASES.filter(({ name }) => names?.some(part => name.includes(part)) !== false)) {
    for (const n of sizes) {
      progress(`${one.name}, n = ${n}`);
      const array = Float64Array.from({ length: n }, (_, i) => Math.sin(i));
      const [js, cpu, adaptive] = [one.prepare(runtimes.js, array), one.prepare(runtimes.cpu, array), one.prepare(runtimes.adaptive, array)];
      cpu(array);
      const model = predictions(adaptive);
      const run = [js, cpu, adaptive].map(ready => () => ready(array)) as [() => unknown, () => unknown, () => unknown];
      for (const end = performance.now() + LEARNING * 1000; performance.now() < end; ) run[2]();
      await runtimes.adaptive.settled();
      const times = race([{ name: "js", run: run[0] }, { name: "cpu", run: run[1] }, { name: "adaptive", run: run[2] }], optionsFor(n));
      const least = (name: string): number => times.get(name)?.least ?? NaN;
      const { backend } = explained(adaptive);
      rows.push({ name: one.name, n, model, learned: predictions(adaptive), chosen: backend, measured: { js: least("js"), cpu: least("cpu"), adaptive: least("adaptive") } });
    }
  }
  return { load: os.loadavg()[0] ?? 0, rows };
}

const optionsFor = (n: number): RaceOptions => (n >= 1e6 ? { rounds: 7, sample: 0, warmUp: LEARNING } : { rounds: 25, sample: 0.002, warmUp: LEARNING });

function explained(ready: Ready) {
  const [kernel] = ready.explain({ format: "json" }).kernels;
  if (kernel === undefined) throw new Error("a query without a kernel");
  return kernel;
}

function predictions(ready: Ready): Times {
  const all = new Map((explained(ready).predictions ?? []).map(({ backend, microseconds }) => [backend, microseconds]));
  return { js: all.get("js") ?? NaN, cpu: all.get("cpu") ?? NaN };
}

export function selectionAsMarkdown({ load, rows }: SelectionMeasurements): readonly string[] {
  const times = ({ js, cpu }: Times): string => `${duration(js / 1e6)} / ${duration(cpu / 1e6)}`;
  const table: Table = {
    headings: ["query", "n", "by the model, js / cpu", "learned, js / cpu", "js", "cpu", "adaptive", "chosen", "quickest", "regret"],
    words: 1,
    rows: rows.map(({ name, n, model, learned, chosen, measured: { js, cpu, adaptive } }) => {
      const best = Math.min(js, cpu);
      return [name, size(n), times(model), times(learned), duration(js), duration(cpu), duration(adaptive), chosen, js < cpu ? "js" : "cpu", ratio(adaptive / best - 1)];
    }),
  };
  const sum = (of: (row: SelectionRow) => number): number => rows.reduce((total, row) => total + Math.log(of(row)), 0) / rows.length;
  const against = (of: (row: SelectionRow) => number): string => ratio(Math.exp(sum(of) - sum(({ measured: { js, cpu } }) => Math.min(js, cpu))) - 1);
  return [
    ...markdown(table),
    "",
    `Slower than the best for each length, geometric means: adaptive ${against(row => row.measured.adaptive)}, always cpu ${against(row => row.measured.cpu)}, always js ${against(row => row.measured.js)}. Predictions are of the kernel's run alone; times are the least of many samples, taken in turns; load ${load.toFixed(1)}.`,
  ];
}
