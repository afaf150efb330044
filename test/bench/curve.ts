/** Time per element against the number of elements: every tier and peer, from a thousand elements to fifty million. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { createRuntime } from "dotcompute";
import type { Handwritten } from "./handwritten.js";
import { race, type Contender, type RaceOptions } from "./measure.js";
import { grid, size } from "./tables.js";
import type { Instance, Workload } from "./workloads.js";

type Runtime = ReturnType<typeof createRuntime>;

export const CURVE_SIZES = [1e3, 1e4, 1e5, 1e6, 1e7, 5e7];

/** One point: medians. */
export interface Point {
  readonly workload: string;
  readonly n: number;
  readonly who: string;
  readonly seconds: number;
}

export interface Curve {
  readonly points: readonly Point[];
  /** Of numpy and numexpr; or why they are not there. */
  readonly peers: string;
}

export const WHO = {
  one: "dotcompute, 1 thread",
  all: "dotcompute, all threads",
  script: "dotcompute, js backend",
  loop: "JS loop",
  chain: "array methods",
  byHand: "C++ by hand, 1 thread",
  byHandAll: "C++ by hand, all threads",
} as const;

/** Whoever would take longer for one call is left out, going by the size before. */
const MOST_SECONDS = 1.5;

/** Two runtimes whose kernels are compiled already: on one thread and on all. */
export function measureCurve(one: Runtime, all: Runtime, handwritten: Handwritten, workloads: readonly Workload[], sizes: readonly number[], sources: string, progress: (text: string) => void): Curve {
  const script = createRuntime({ backend: "js" });
  const points: Point[] = [];
  for (const workload of workloads) {
    const before = new Map<string, number>();
    for (const n of sizes) {
      progress(`${workload.name}, n = ${n}`);
      const instance = workload.prepare(one, n);
      const output = instance.into?.output ?? null;
      const contenders: Contender[] = [
        { name: WHO.one, run: quickest(instance) },
        { name: WHO.all, run: quickest(workload.prepare(all, n)) },
        { name: WHO.script, run: quickest(workload.prepare(script, n)) },
        { name: WHO.loop, run: instance.into?.loop ?? (() => instance.loop()) },
        { name: WHO.chain, run: () => instance.chain() },
        { name: WHO.byHand, run: handwritten.bind(workload, instance, n, output) },
        { name: WHO.byHandAll, run: handwritten.bind(workload, instance, n, output, true) },
      ].filter(({ name }) => (before.get(name) ?? 0) * n < MOST_SECONDS);
      for (const [who, { median }] of race(contenders, optionsFor(n))) {
        points.push({ workload: workload.name, n, who, seconds: median });
        before.set(who, median / n);
      }
    }
  }
  progress("numpy and numexpr");
  const { versions, rows } = inPython(sources, sizes);
  const nameOf = new Map(workloads.map(({ symbol, name }) => [symbol, name]));
  for (const { library, symbol, n, seconds } of rows) {
    const workload = nameOf.get(symbol);
    if (workload !== undefined) points.push({ workload, n, who: library, seconds });
  }
  return { points, peers: versions };
}

/** A grid for each workload: nanoseconds for each element. */
export function curveAsText({ points, peers }: Curve): string {
  const grids = [...new Set(points.map(({ workload }) => workload))].map(workload => {
    const own = points.filter(point => point.workload === workload);
    const sizes = [...new Set(own.map(({ n }) => n))];
    const rows = [...new Set(own.map(({ who }) => who))].map(who => [
      who,
      ...sizes.map(n => {
        const point = own.find(one => one.who === who && one.n === n);
        return point === undefined ? "" : ((point.seconds / n) * 1e9).toPrecision(3);
      }),
    ]);
    return grid({ headings: [`${workload}, ns per element`, ...sizes.map(size)], words: 1, rows });
  });
  return [...grids, peers].join("\n\n");
}

/** Arrays go into memory that is kept, so that loops are measured and not the system's pages. */
const quickest = (instance: Instance): (() => unknown) => instance.into?.query ?? (() => instance.query());

const optionsFor = (n: number): RaceOptions => (n >= 1e7 ? { rounds: 7, sample: 0, warmUp: 0.05 } : { rounds: 9, sample: 0.004, warmUp: 0.1 });

interface InPython {
  readonly versions: string;
  readonly rows: readonly { readonly library: string; readonly symbol: string; readonly n: number; readonly seconds: number }[];
}

/** Some numerical libraries of the environment's tell theirs to use an older processor than there is: they are measured without. */
function inPython(sources: string, sizes: readonly number[]): InPython {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  const pythons = ["python3", "/usr/bin/python3"].flatMap(python => ["import numpy, numexpr", "import numpy"].map(needs => ({ python, needs })));
  for (const { python, needs } of pythons.sort((a, b) => b.needs.length - a.needs.length)) {
    if (spawnSync(python, ["-c", needs], { env }).status !== 0) continue;
    const { status, stdout, stderr } = spawnSync(python, [path.join(sources, "peers.py"), sizes.join()], { encoding: "utf8", env });
    return status === 0 ? (JSON.parse(stdout) as InPython) : { versions: `numpy failed: ${stderr.trim().split("\n").at(-1) ?? ""}`, rows: [] };
  }
  return { versions: "numpy is not installed (python3-numpy, python3-numexpr)", rows: [] };
}
