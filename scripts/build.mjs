/**
 * Builds what is published into dist/: both bundles and the type declarations of both module systems.
 *
 *   node scripts/build.mjs             what is stale
 *   node scripts/build.mjs --bundles   without the declarations, which running needs not
 *   node scripts/build.mjs --prebuild  and the native addon for this platform, as `npm pack` needs it
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { contentHash, isFresh, mark, ROOT } from "./stale.mjs";

const SOURCES = ["fusion", "src", "native/rt", "package.json", "scripts/build.mjs", "scripts/parts.mjs"];
const BUNDLES = ["dist/index.js", "dist/index.cjs", "dist/dotcompute-core.cjs", "dist/dotcompute.js", "dist/cli.cjs", "dist/licenses.txt"];
const DECLARATIONS = ["dist/types/src/index.d.ts", "dist/types-cjs/src/index.d.ts"];

/** No minifier, no keepNames: either would change the text of functions, and the library reads the text of functions. */
export async function buildBundles() {
  const hash = contentHash([...SOURCES, "package-lock.json"]);
  if (isFresh("bundles", hash, BUNDLES)) return false;
  const { build } = await import("esbuild");
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20.17",
    charset: "ascii",
    legalComments: "none",
    tsconfigRaw: { compilerOptions: { target: "ES2022", useDefineForClassFields: true } },
    logLevel: "warning",
  };
  // The library, acorn and astring with it, as scripts for both module systems.
  const { buildParts, PART_FILES } = await import("./parts.mjs");
  const script = {
    ...common,
    external: ["apache-arrow"],
    define: { "import.meta.url": "importMetaUrl", "import.meta.dirname": "__dirname", "import.meta.filename": "__filename", HEADERS_HASH: JSON.stringify(await hashOfHeaders(build, common)), SOURCES_HASH: JSON.stringify(hash) },
    // The directive again: esbuild's own no longer comes first.
    banner: { js: '"use strict";\nconst importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  };
  await buildParts(script);
  await build({ ...script, entryPoints: ["./src/cli/start.ts"], outfile: "dist/cli.cjs", banner: { js: `#!/usr/bin/env node\n${script.banner.js}` } });
  chmodSync(path.join(ROOT, "dist/cli.cjs"), 0o755);
  for (const file of readdirSync(path.join(ROOT, "dist"))) if (/^dotcompute-.*\.cjs$/.test(file) && !PART_FILES.includes(file)) rmSync(path.join(ROOT, "dist", file));
  const texts = createHash("sha256");
  for (const file of PART_FILES) texts.update(readFileSync(path.join(ROOT, "dist", file)));
  await build({
    ...common,
    stdin: {
      contents: `
        const { load } = require("./src/boot/load.ts");
        const folder = typeof __dirname === "string" ? __dirname : null;
        module.exports = load(folder, ${JSON.stringify(texts.digest("hex").slice(0, 32))}, () => require("./dotcompute-core.cjs")).library;`,
      resolveDir: ROOT,
    },
    outfile: "dist/index.cjs",
    external: ["./dotcompute-core.cjs"],
  });
  // Bundlers take the whole as a module, which needs no other file.
  const module = await build({ ...common, entryPoints: ["./src/index.ts"], format: "esm", outfile: "dist/dotcompute.js", external: ["apache-arrow"], metafile: true });
  const names = module.metafile.outputs["dist/dotcompute.js"].exports;
  // Not by `import`: Node would first look through the script for the names of what it exports, which takes two milliseconds.
  const library = 'process.getBuiltinModule("node:module").createRequire(import.meta.url)("./index.cjs")';
  writeFileSync(path.join(ROOT, "dist/index.js"), `export const { ${names.join(", ")} } = ${library};\n`);
  writeFileSync(path.join(ROOT, "dist/licenses.txt"), licensesOf(module.metafile));
  mark("bundles", hash);
  return true;
}

/** What the library would find out by itself. */
async function hashOfHeaders(build, common) {
  const { outputFiles } = await build({ ...common, entryPoints: ["./src/backends/cpu/headers.ts"], format: "esm", write: false });
  const library = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
  return library.hashOfHeaders(path.join(ROOT, "native/rt"));
}

/** The terms of whatever the script holds that is not ours. */
function licensesOf({ inputs }) {
  const packages = new Set(Object.keys(inputs).flatMap(file => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
  return [...packages]
    .sort()
    .map(name => `${name}\n\n${readFileSync(path.join(ROOT, "node_modules", name, "LICENSE"), "utf8").trim()}\n`)
    .join("\n\n");
}

/** TypeScript takes a declaration for ESM or CommonJS by the nearest package.json, so each module system has its own copy. */
function buildDeclarations() {
  const hash = contentHash([...SOURCES, "tsconfig.json", "tsconfig.build.json", "package-lock.json"]);
  if (isFresh("declarations", hash, DECLARATIONS)) return;
  for (const folder of ["dist/types", "dist/types-cjs"]) rmSync(path.join(ROOT, folder), { recursive: true, force: true });
  run(path.join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json");
  bundleTypes("acorn");
  cpSync(path.join(ROOT, "dist/types"), path.join(ROOT, "dist/types-cjs"), { recursive: true });
  writeFileSync(path.join(ROOT, "dist/types-cjs/package.json"), '{ "type": "commonjs" }\n');
  mark("declarations", hash);
}

/** A package that is part of the bundle has its types there, too. */
function bundleTypes(name) {
  const types = path.join(ROOT, "dist/types");
  cpSync(path.join(ROOT, "node_modules", name, "dist", `${name}.d.ts`), path.join(types, `${name}.d.ts`));
  for (const entry of readdirSync(types, { recursive: true }).filter(file => file.endsWith(".d.ts"))) {
    const file = path.join(types, entry);
    const text = readFileSync(file, "utf8");
    const here = path.posix.relative(path.posix.dirname(entry), name);
    const bundled = text.replaceAll(`"${name}"`, `"${here.startsWith(".") ? here : `./${here}`}.js"`);
    if (bundled !== text) writeFileSync(file, bundled);
  }
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
