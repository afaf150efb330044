/**
 * Runs an example: `node scripts/run-example.mjs examples/flights.ts`.
 *
 * The examples are stripped of their types file by file and not bundled, so that the lambdas in them keep their text.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./stale.mjs";

const [example, ...rest] = process.argv.slice(2);
if (example === undefined) {
  console.error("Which example? node scripts/run-example.mjs examples/flights.ts");
  process.exit(1);
}
const output = path.join(ROOT, "build", "examples");
await build({
  absWorkingDir: ROOT,
  entryPoints: readdirSync(path.join(ROOT, "examples")).filter(name => name.endsWith(".ts")).map(name => `examples/${name}`),
  outdir: output,
  format: "esm",
  platform: "node",
  target: "node20.17",
  tsconfigRaw: {},
  logLevel: "warning",
});
process.argv.splice(1, process.argv.length, example, ...rest);
await import(pathToFileURL(path.join(output, `${path.basename(example, ".ts")}.js`)).href);
