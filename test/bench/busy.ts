/** All threads on a machine that is busy elsewhere: another process spins on one processor meanwhile, and must cost its share and no more. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { createRuntime } from "dotcompute";
import { race } from "./measure.js";
import { WORKLOADS, type Workload } from "./workloads.js";

type Runtime = ReturnType<typeof createRuntime>;

/** Times on all threads as multiples of those on one: alone, and beside the other process. */
export interface Busy {
  readonly workload: string;
  readonly n: number;
  readonly quiet: number;
  readonly busy: number;
}

const SHOWN = ["sumSquares", "mapSingles", "filterSingles", "prefixSum", "escape"];
const ELEMENTS = 1e7;

export async function measureBusy(one: Runtime, all: Runtime, named: (workload: Workload) => boolean, progress: (text: string) => void): Promise<readonly Busy[]> {
  const workloads = WORKLOADS.filter(({ symbol }) => SHOWN.includes(symbol)).filter(named);
  const measured = workloads.map(workload => ({ workload, alone: ratioOf(one, all, workload, progress) }));
  const spinning = spawn(process.execPath, ["-e", "console.log('spinning'); for (;;);"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(spinning.stdout, "data");
    return measured.map(({ workload, alone }) => ({ workload: workload.name, n: ELEMENTS, quiet: alone, busy: ratioOf(one, all, workload, progress) }));
  } finally {
    spinning.kill("SIGKILL");
  }
}

function ratioOf(one: Runtime, all: Runtime, workload: Workload, progress: (text: string) => void): number {
  progress(`${workload.name}, beside a busy process`);
  const [alone, together] = [one, all].map(runtime => workload.prepare(runtime, ELEMENTS));
  if (alone === undefined || together === undefined) throw new RangeError("two runtimes are compared");
  const times = race(
    [
      { name: "one", run: alone.into?.query ?? (() => alone.query()) },
      { name: "all", run: together.into?.query ?? (() => together.query()) },
    ],
    { rounds: 15, sample: 0, warmUp: 0.1 },
  );
  return (times.get("all")?.median ?? NaN) / (times.get("one")?.median ?? NaN);
}
