/**
 * Builds what is published into dist/: both bundles and the type declarations of both module systems.
 *
 *   node scripts/build.mjs             what is stale
 *   node scripts/build.mjs --bundles   without the declarations, which running needs not
 *   node scripts/build.mjs --prebuild  and the native addon for this platform, as `npm pack` needs it
 */
import { spawnSync } from "node:child_process";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { contentHash, isFresh, mark, ROOT } from "./stale.mjs";

const SOURCES = ["fusion", "src", "package.json", "scripts/build.mjs"];
const BUNDLES = ["dist/index.js", "dist/index.cjs"];
const DECLARATIONS = ["dist/types/src/index.d.ts", "dist/types-cjs/src/index.d.ts"];

/** No minifier, no keepNames: either would change the text of functions, and the library reads the text of functions. */
export async function buildBundles() {
  const hash = contentHash([...SOURCES, "package-lock.json"]);
  if (isFresh("bundles", hash, BUNDLES)) return false;
  const { build } = await import("esbuild");
  const common = {
    absWorkingDir: ROOT,
    entryPoints: ["./src/index.ts"],
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20.17",
    legalComments: "none",
    tsconfigRaw: { compilerOptions: { target: "ES2022", useDefineForClassFields: true } },
    logLevel: "warning",
  };
  await Promise.all([
    build({ ...common, format: "esm", outfile: "dist/index.js" }),
    build({
      ...common,
      format: "cjs",
      outfile: "dist/index.cjs",
      define: { "import.meta.url": "importMetaUrl", "import.meta.dirname": "__dirname", "import.meta.filename": "__filename" },
      // The directive again: esbuild's own no longer comes first.
      banner: { js: '"use strict";\nconst importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
    }),
  ]);
  mark("bundles", hash);
  return true;
}

/** TypeScript takes a declaration for ESM or CommonJS by the nearest package.json, so each module system has its own copy. */
function buildDeclarations() {
  const hash = contentHash([...SOURCES, "tsconfig.json", "tsconfig.build.json", "package-lock.json"]);
  if (isFresh("declarations", hash, DECLARATIONS)) return;
  for (const folder of ["dist/types", "dist/types-cjs"]) rmSync(path.join(ROOT, folder), { recursive: true, force: true });
  run(path.join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json");
  cpSync(path.join(ROOT, "dist/types"), path.join(ROOT, "dist/types-cjs"), { recursive: true });
  writeFileSync(path.join(ROOT, "dist/types-cjs/package.json"), '{ "type": "commonjs" }\n');
  mark("declarations", hash);
}

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: ROOT, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const options = process.argv.slice(2);
  await buildBundles();
  if (!options.includes("--bundles")) buildDeclarations();
  if (options.includes("--prebuild")) run(path.join(ROOT, "scripts", "build-addon.mjs"), "--prebuild", "--quiet");
}
