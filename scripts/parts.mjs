/**
 * The library as scripts that load one another when they are first needed: a process loads what it comes to, and no more. A part is
 * what its doors reach. What a door is called for from outside is a function that loads the part first; modules that several parts
 * need belong to the first of them, which hands them to the others.
 */
import { createRequire } from "node:module";
import path from "node:path";
import { build } from "esbuild";
import { ROOT } from "./stale.mjs";

/** In the order in which processes come to them, with their doors. */
const PARTS = {
  core: ["src/index.ts", "src/builtin.ts", "src/backends/parts.ts", "src/cache/memory.ts", "fusion/emit/size.ts"],
  compiler: ["fusion/passes/plan.ts", "fusion/passes/lower.ts", "fusion/parse/lambda.ts", "fusion/parse/lists.ts", "fusion/interpret.ts"],
  native: ["src/backends/cpu/backend.ts", "src/cache/kernels.ts"],
  emission: ["fusion/emit/cpp.ts"],
  script: ["src/backends/js/backend.ts", "fusion/emit/js.ts"],
  prepared: ["src/query/prepared.ts"],
  spaces: ["src/kernels/kernel.ts"],
  together: ["src/query/together.ts"],
  selection: ["src/runtime/selection/adaptive.ts", "src/runtime/selection/selection.ts"],
  tables: ["src/table/steps.ts", "src/table/select.ts"],
  streams: ["src/stream/results.ts", "src/stream/source.ts", "src/stream/piecewise.ts"],
  explain: ["src/query/explain.ts", "src/query/code.ts", "src/query/trace.ts", "src/query/verify.ts"],
  observers: ["src/query/profile.ts", "src/runtime/trace.ts", "src/runtime/event-words.ts", "src/telemetry/open-telemetry.ts", "src/telemetry/logger.ts"],
  json: ["src/json/read.ts", "src/json/write.ts"],
  validation: ["src/runtime/validation/validation.ts"],
  cuda: ["src/backends/cuda/backend.ts", "fusion/emit/cuda.ts"],
};

/** What they are called in dist/, the first of them first. */
export const PART_FILES = Object.keys(PARTS).map(part => fileOf(part));

function fileOf(part) {
  return `dotcompute-${part}.cjs`;
}

/**
 * A part is a function. Loaded as a module it is called at once; run as a script, which has no module, it is what the loader is given
 * (src/boot/load.ts): a text that is put together in memory takes milliseconds longer to become code.
 */
const PARAMETERS = "exports, require, module, __filename, __dirname";
const HEAD = `(part => this === globalThis ? part : part(${PARAMETERS}))(function (${PARAMETERS}, importModule) {`;
const TAIL = "})";

/** Builds the parts into dist/. Gives esbuild's notes on what they hold. */
export async function buildParts(common) {
  const surveyed = await survey(common);
  const wrapped = { ...common, banner: { js: `${HEAD}${common.banner.js}` }, footer: { js: TAIL } };
  const built = Object.keys(PARTS).map(part =>
    build({ ...wrapped, stdin: { contents: entryOf(part, surveyed), resolveDir: ROOT, sourcefile: `${part}.js` }, outfile: `dist/${fileOf(part)}`, plugins: [borders(part, surveyed)], metafile: true }),
  );
  return (await Promise.all(built)).map(({ metafile }) => metafile);
}

/** Which part each module belongs to, what modules import from one another, and what they export: names, and which of them are functions. */
async function survey(common) {
  const { metafile } = await build({ ...common, entryPoints: ["./src/index.ts"], outfile: "dist/whole.cjs", metafile: true, write: false });
  const imports = new Map(Object.entries(metafile.inputs).map(([file, input]) => [file, new Map(input.imports.flatMap(({ path: to, original, external }) => (external === true ? [] : [[original, to]])))]));
  const owners = new Map();
  for (const [part, doors] of Object.entries(PARTS)) {
    const others = Object.values(PARTS).flat().filter(file => !doors.includes(file));
    const reach = file => {
      if (owners.has(file) || others.includes(file)) return;
      owners.set(file, part);
      for (const to of imports.get(file).values()) reach(to);
    };
    doors.forEach(reach);
  }
  const order = Object.keys(PARTS);
  const isEarlier = (one, other) => order.indexOf(owners.get(one)) < order.indexOf(owners.get(other));
  /** Modules that other parts take something of. */
  const shared = new Set([...owners.keys()].flatMap(file => [...imports.get(file).values()].filter(to => owners.get(to) !== owners.get(file))));
  const probe = `module.exports = {${[...shared].map(file => `${JSON.stringify(file)}: require(${JSON.stringify(`./${file}`)})`).join(", ")}};`;
  const { outputFiles } = await build({ ...common, stdin: { contents: probe, resolveDir: ROOT }, outfile: "dist/probe.cjs", write: false });
  const module = { exports: {} };
  new Function("module", "exports", "require", "__filename", "__dirname", outputFiles[0].text)(module, module.exports, createRequire(import.meta.url), path.join(ROOT, "dist/probe.cjs"), path.join(ROOT, "dist"));
  const exports = new Map(Object.entries(module.exports).map(([file, all]) => [file, Object.entries(all).filter(([name]) => name !== "default").map(([name, value]) => ({ name, isFunction: typeof value === "function" && !/^class\b/.test(String(value)) }))]));
  return { owners, imports, exports, isEarlier };
}

/** What a part exports: the library itself, of the core; and what others take of its modules, put together when it is asked for. */
function entryOf(part, { owners, exports }) {
  const shared = [...exports].filter(([file]) => owners.get(file) === part);
  return [
    ...shared.map(([file], at) => `import * as m${at} from ${JSON.stringify(`./${file}`)};`),
    ...(part === "core" ? ['export * as library from "./src/index.ts";'] : []),
    "export const share = {",
    ...shared.map(([file, all], at) => `${JSON.stringify(file)}: () => ({ ${all.map(({ name }) => `${name}: m${at}.${name}`).join(", ")} }),`),
    "};",
  ].join("\n");
}

function borders(part, { owners, imports, exports, isEarlier }) {
  return {
    name: "borders",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/dotcompute-/ }, ({ path: to }) => ({ path: to, external: true }));
      onResolve({ filter: /.*/ }, ({ path: to, importer, namespace }) => {
        const from = namespace === "file" ? path.relative(ROOT, importer).split(path.sep).join("/") : "";
        const file = imports.get(from)?.get(to);
        if (file === undefined || owners.get(file) === part) return undefined;
        return { path: file, namespace: isEarlier(file, from) ? "earlier" : "later", sideEffects: false };
      });
      const shareOf = file => `require("./${fileOf(owners.get(file))}").share[${JSON.stringify(file)}]()`;
      onLoad({ filter: /.*/, namespace: "earlier" }, ({ path: file }) => ({
        contents: [`const shared = ${shareOf(file)};`, ...exports.get(file).map(({ name }) => `export const ${name} = shared.${name};`)].join("\n"),
        resolveDir: ROOT,
      }));
      onLoad({ filter: /.*/, namespace: "later" }, ({ path: file }) => ({
        contents: [
          `let door; const open = () => (door ??= ${shareOf(file)});`,
          // Nothing but functions can wait for its part: whoever imports anything else is told that it does not exist.
          "export {};",
          ...exports.get(file).filter(({ isFunction }) => isFunction).map(({ name }) => `export function ${name}(...given) { return open().${name}(...given); }`),
        ].join("\n"),
        resolveDir: ROOT,
      }));
    },
  };
}
