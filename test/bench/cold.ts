/** Cold starts: new processes, from importing the library to the first native result, with and without what earlier ones have left. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { median } from "./measure.js";

/** Seconds; medians of `runs` processes each. */
export interface ColdStarts {
  readonly runs: number;
  /** From before the import to after it, with a warm cache. */
  readonly imports: number;
  /** From before the import to the first native result, the making of the data left out: the cache empty, and warm. */
  readonly empty: number;
  readonly warm: number;
  /** To the first result of any backend, with an empty cache. */
  readonly first: number;
}

interface Started {
  readonly imported: number;
  readonly result: number;
}

const programOf = (library: string, on: string): string => `
const begin = performance.now();
const { compute } = await import(${JSON.stringify(library)});
const imported = performance.now();
const data = Float64Array.from({ length: 10_000 }, (_, i) => i);
const made = performance.now();
compute(data)${on}.map(x => x * 1.5 + 1).filter(x => x > 10).sum().value();
const end = performance.now();
console.log(JSON.stringify({ imported: imported - begin, result: end - made + imported - begin }));
process.exit();`;

export function measureColdStarts(root: string, progress: (text: string) => void): ColdStarts {
  const library = pathToFileURL(path.join(root, "dist", "index.js")).href;
  const native = '.on("cpu")';
  const start = (cache: string, on: string): Started => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", programOf(library, on)], { encoding: "utf8", env: { ...process.env, DOTCOMPUTE_CACHE: cache } });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Started;
  };
  const inEmpty = <T>(run: (cache: string) => T): T => {
    const cache = mkdtempSync(path.join(os.tmpdir(), "dotcompute-bench-"));
    try {
      return run(cache);
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  };
  const runs = 15;
  const times = (run: () => Started): readonly Started[] => Array.from({ length: runs }, run);
  progress("cold starts");
  const empty = times(() => inEmpty(cache => start(cache, native)));
  const first = times(() => inEmpty(cache => start(cache, "")));
  const warm = inEmpty(cache => {
    start(cache, native);
    return times(() => start(cache, native));
  });
  const seconds = (started: readonly Started[], of: keyof Started): number => median(started.map(one => one[of])) / 1000;
  return { runs, imports: seconds(warm, "imported"), empty: seconds(empty, "result"), warm: seconds(warm, "result"), first: seconds(first, "result") };
}
