/**
 * Runs a TypeScript program against the built package: `node scripts/run.mjs examples/flights.ts`.
 *
 * The files of its folder are stripped of their types one by one and not bundled, so that the lambdas in them keep their text.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "./stale.mjs";

const [program, ...rest] = process.argv.slice(2);
if (program === undefined) {
  console.error("Which program? node scripts/run.mjs examples/flights.ts");
  process.exit(1);
}
const folder = path.relative(ROOT, path.dirname(path.resolve(program)));
const output = path.join(ROOT, "build", folder);
await build({
  absWorkingDir: ROOT,
  entryPoints: readdirSync(path.join(ROOT, folder)).filter(name => name.endsWith(".ts")).map(name => path.join(folder, name)),
  outdir: output,
  format: "esm",
  platform: "node",
  target: "node20.17",
  tsconfigRaw: {},
  logLevel: "warning",
});
process.argv.splice(1, process.argv.length, program, ...rest);
await import(pathToFileURL(path.join(output, `${path.basename(program, ".ts")}.js`)).href);
