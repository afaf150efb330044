/** The tarball in an empty project, with install scripts off: what a user gets. */
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, succeed, temporaryFolder, works } from "./support.js";

const compilers = [process.env["CXX"] ?? "", "c++", "g++", "clang++"].filter(name => name !== "");
const builds = (await works("cmake")) && (await Promise.all(compilers.map(works))).includes(true);

const project = temporaryFolder();
const installed = path.join(project.folder, "node_modules", "dotcompute");
const env = { DOTCOMPUTE_CACHE: path.join(project.folder, "cache") };

const write = (name: string, text: string): void => writeFileSync(path.join(project.folder, name), text);
const node = (...args: readonly string[]) => succeed(process.execPath, args, { cwd: project.folder, env });

/** The same program for both module systems: one query on the backend that the first argument names. */
const PROGRAM = `
const backend = process.argv[2];
const data = Float64Array.from({ length: 5000 }, (_, i) => i - 2500);
const k = 0.5;
const runtime = createRuntime({ ...(backend ? { backend } : {}), onRun: info => console.error("ran on " + info.backend) });
const query = runtime.compute(data).map(x => x * k, { k }).filter(x => x > 1000);
const array = query.toArray();
query.reduce((a, x) => a + x * x, 0).then(energy =>
  console.log(JSON.stringify({ type: array.constructor.name, length: array.length, first: array[0], last: array.at(-1), energy })));
`;

const halves = Float64Array.from({ length: 5000 }, (_, i) => i - 2500).map(x => x * 0.5).filter(x => x > 1000);
const expected = { type: "Float64Array", length: halves.length, first: halves[0], last: halves.at(-1), energy: halves.reduce((a, x) => a + x * x, 0) };

beforeAll(async () => {
  await succeed("npm", ["pack", "--silent", "--pack-destination", project.folder], { cwd: ROOT });
  const tarball = readdirSync(project.folder).find(name => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  write("package.json", JSON.stringify({ name: "consumer", private: true }));
  await succeed("npm", ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], { cwd: project.folder });
  write("query.mjs", `import { createRuntime } from "dotcompute";\n${PROGRAM}`);
  write("query.cjs", `const { createRuntime } = require("dotcompute");\n${PROGRAM}`);
}, 300_000);

afterAll(() => project.remove());

describe("the installed package", () => {
  it("brings what it needs and nothing else", () => {
    const packages = readdirSync(path.join(project.folder, "node_modules")).filter(name => !name.startsWith("."));
    expect(packages).toEqual(["dotcompute", "node-addon-api"]);
    expect(readdirSync(installed).sort()).toEqual(
      ["CMakeLists.txt", "LICENSE", "README.md", "dist", "native", "package.json", ...(builds ? ["prebuilds"] : []), "scripts"],
    );
    expect(readdirSync(path.join(installed, "scripts"))).toEqual(["build-addon.mjs"]);
    expect(existsSync(path.join(installed, "native", "rt", "abi.hpp"))).toBe(true);
  });

  it("has a command", async () => {
    const command = path.join(project.folder, "node_modules", ".bin", "dotcompute");
    expect((await succeed(command, ["--version"], { cwd: project.folder, env })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await succeed(command, ["cache", "list"], { cwd: project.folder, env })).stdout).toContain(env.DOTCOMPUTE_CACHE);
  });

  it.skipIf(!builds)("compiles a module's queries before they are needed", async () => {
    write("queries.mjs", 'import { compute } from "dotcompute";\nexport const halves = compute(new Float64Array(0)).map(x => x * 0.5).filter(x => x > 1000);\nexport default { energy: halves.sum() };');
    const folder = path.join(project.folder, "warmed");
    const warm = () => succeed(path.join(project.folder, "node_modules", ".bin", "dotcompute"), ["cache", "warm", "queries.mjs", "--folder", folder], { cwd: project.folder, env });
    expect((await warm()).stdout).toBe("2 kernels compiled, 0 there already\n");
    expect((await warm()).stdout).toBe("0 kernels compiled, 2 there already\n");
  });

  describe.each(["query.mjs", "query.cjs"])("%s", program => {
    it("computes on the js backend", async () => {
      const { stdout, stderr } = await node(program, "js");
      expect(JSON.parse(stdout)).toEqual(expected);
      expect(stderr).toBe("ran on js\nran on js\n");
    });

    it.skipIf(!builds)("computes on the cpu backend", async () => {
      const { stdout, stderr } = await node(program, "cpu");
      expect(JSON.parse(stdout)).toEqual(expected);
      expect(stderr).toBe("ran on cpu\nran on cpu\n");
    });
  });
});

describe("the package's types", () => {
  const source = `
    const signal = new Float32Array([1, 2, 3]);
    const k = 2;
    const doubled: Float32Array = compute(signal).map(x => x * k, { k }).toArray();
    const wide: Float64Array = compute(signal).map(x => x * 0.5, Float64Array).toArray();
    const total: Promise<number> = (async () => await compute(signal).sum())();
    const now: number = createRuntime({ backend: "js" }).compute(signal).sum().value();
    // @ts-expect-error -- a Float32Array stays one
    const narrow: Int8Array = compute(signal).toArray();
    export { doubled, wide, total, now, narrow };
  `;

  it.each([
    { module: "node16", moduleResolution: "node16" },
    { module: "nodenext", moduleResolution: "nodenext" },
    { module: "preserve", moduleResolution: "bundler" },
  ])("are right from ESM and CommonJS under $moduleResolution", async modes => {
    write("types.mts", `import { compute, createRuntime } from "dotcompute";\n${source}`);
    write("types.cts", `import { compute, createRuntime } from "dotcompute";\n${source}`);
    write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: { ...modes, target: "ES2022", lib: ["ES2022", "DOM"], types: [], strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false, skipDefaultLibCheck: true },
        files: ["types.mts", "types.cts"],
      }),
    );
    const { stdout } = await node(path.join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json");
    expect(stdout).toBe("");
  });
});

// Last: it takes the addon away.
describe.skipIf(!builds)("without a prebuilt addon that fits", () => {
  beforeAll(() => {
    mkdirSync(path.join(project.folder, "elsewhere"));
    renameSync(path.join(installed, "prebuilds"), path.join(project.folder, "elsewhere", "prebuilds"));
  });

  it("runs on the js backend, says in one line how to build the addon, and that works", async () => {
    const { stdout, stderr } = await node("query.mjs");
    expect(JSON.parse(stdout)).toEqual(expected);
    const [line = "", ...rest] = stderr.trim().split("\n");
    expect(rest).toEqual(["ran on js", "ran on js"]);
    const command = /to build it: (.*)$/.exec(line)?.[1];
    expect(command).toBe(`node ${path.join(installed, "scripts", "build-addon.mjs")}`);

    await succeed("sh", ["-c", command ?? "false"], { cwd: project.folder });
    const native = await node("query.mjs", "cpu");
    expect(JSON.parse(native.stdout)).toEqual(expected);
    expect(native.stderr).toBe("ran on cpu\nran on cpu\n");
  }, 300_000);
});
