/**
 * Builds and starts the benchmark: `npm run bench`, or for a part of it `npm run bench -- --only=filter --n=16,1000`, or
 * `npm run bench -- --measure=elementary --only=exp,log` (what it measures: times, compile, memory, elementary, tables, curve, cold, busy, small, selection, bytes).
 *
 * The library is the built one in dist/, as users have it; it and the lambdas below keep their text.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { build } from "esbuild";
import { ROOT } from "../../scripts/stale.mjs";

const outfile = path.join(ROOT, "build", "bench", "bench.js");
await build({
  absWorkingDir: ROOT,
  entryPoints: ["test/bench/bench.ts"],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.17",
  external: ["dotcompute"],
  tsconfigRaw: {},
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, ["--expose-gc", outfile, ...process.argv.slice(2)], { cwd: ROOT, stdio: "inherit" });
process.exitCode = status ?? 1;
