/** How many threads may share a kernel's run. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { QueryError } from "../../../fusion/errors.js";
import { describe, quote } from "../../query/given.js";
import { os } from "../../builtin.js";

const MOST = 256;

/** The option, $DOTCOMPUTE_THREADS, or the processors that the process may use: those of its affinity, within the quota of its container. */
export function threadsFor(option: number | undefined): number {
  if (option !== undefined) return checkThreads(option, `the option threads of createRuntime() is a number of threads, not ${describe(option)}`);
  const given = process.env["DOTCOMPUTE_THREADS"] ?? "";
  if (given !== "") return checkThreads(/^\d+$/.test(given) ? Number(given) : NaN, `DOTCOMPUTE_THREADS is a number of threads, not ${quote(given)}`);
  return Math.min(MOST, os().availableParallelism(), Math.max(1, Math.floor(quota())));
}

function checkThreads(threads: number, wrong: string): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST) return threads;
  throw new QueryError("DC305", wrong, `From 1, the calling thread alone, to ${MOST}; leave it out for all processors that there are.`);
}

/** Processors that control groups allow, a fraction perhaps; Infinity where nothing limits them. */
function quota(): number {
  let most = Infinity;
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, controllers = "", folder = "/"] = line.split(":");
    if (controllers !== "" && !controllers.split(",").includes("cpu")) continue;
    const root = controllers === "" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    // Inside a container the path may be its host's: then only the root is there.
    for (let at = folder; ; at = path.posix.dirname(at)) {
      const [share = "max", period = "100000"] =
        controllers === "" ? read(`${root}${at}/cpu.max`).split(/\s/) : [read(`${root}${at}/cpu.cfs_quota_us`).trim(), read(`${root}${at}/cpu.cfs_period_us`).trim()];
      const processors = Number(share) / Number(period);
      if (processors > 0) most = Math.min(most, processors);
      if (at === "/" || at === ".") break;
    }
  }
  return most;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
