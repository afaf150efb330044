/** Builds and starts the soak: `npm run soak -- --minutes=10 --threads=4 --programs=300 --seed=1`. The library is bundled with it, within the package, where it finds the addon. */
import { spawn } from "node:child_process";
import path from "node:path";
import { build } from "esbuild";
import { ROOT } from "../../scripts/stale.mjs";

const outdir = path.join(ROOT, "build", "soak");
await build({
  absWorkingDir: ROOT,
  entryPoints: ["test/soak/main.ts", "test/soak/thread.ts"],
  outdir,
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20.17",
  tsconfigRaw: {},
  logLevel: "warning",
});
spawn(process.execPath, [path.join(outdir, "main.js"), ...process.argv.slice(2)], { stdio: "inherit" }).on("exit", (code, signal) => {
  if (signal !== null) console.error(`The soak was ended by ${signal}.`);
  process.exitCode = code ?? 1;
});
