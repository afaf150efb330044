/** What V8 has made of the library's text, kept between processes: used when it is sound, and never else. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { ROOT, succeed, temporaryFolder } from "./support.js";

const place = temporaryFolder();
afterAll(() => place.remove());

const PROGRAM = `
const library = require(${JSON.stringify(path.join(ROOT, "dist", "index.cjs"))});
const data = Float64Array.from({ length: 100 }, (_, i) => i - 50);
const { compute, QueryError, createRuntime } = library;
const sum = createRuntime({ backend: "js" }).compute(data).map(x => x * 0.5).filter(x => x > 10).sum().value();
let refused = null;
try { compute(7) } catch (error) { refused = error instanceof QueryError }
const { reason } = createRuntime().accelerators().find(({ name }) => name === "cpu");
console.log(JSON.stringify({ sum, refused, folder: !/own folder/.test(reason ?? "") }));
`;

const run = async (cache: string, env: Record<string, string> = {}) =>
  JSON.parse((await succeed(process.execPath, ["-e", PROGRAM], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: cache, ...env } })).stdout) as { sum: number };
const expected = { sum: Float64Array.from({ length: 100 }, (_, i) => (i - 50) * 0.5).filter(x => x > 10).reduce((a, x) => a + x, 0), refused: true, folder: true };

const codeIn = (cache: string): readonly string[] => readdirSync(cache).filter(name => name.startsWith("code-")).map(name => path.join(cache, name));
const newCache = (name: string): string => path.join(place.folder, name);

describe("the code cache", () => {
  it("is left by one process and taken by the next, whole and closed to others", async () => {
    const cache = newCache("whole");
    expect(await run(cache)).toEqual(expected);
    const left = codeIn(cache).map(file => ({ file, ...statSync(file) }));
    // Of each script that the program came to, such as the compiler.
    expect(left.length).toBeGreaterThan(2);
    expect(new Set(left.map(({ mode }) => mode & 0o777))).toEqual(new Set([0o600]));
    expect(await run(cache)).toEqual(expected);
    expect(codeIn(cache)).toHaveLength(left.length);
    for (const { file, mtimeMs, ino } of left) expect(statSync(file)).toMatchObject({ mtimeMs, ino });
  });

  it("is of the scripts that a process comes to, and no others", async () => {
    const left = async (name: string, text: string): Promise<number> => {
      await succeed(process.execPath, ["-e", text], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: newCache(name) } });
      return codeIn(newCache(name)).length;
    };
    const library = `require(${JSON.stringify(path.join(ROOT, "dist", "index.cjs"))})`;
    expect(await left("imported", `${library}.compute(Float64Array.of(1))`)).toBe(1);
    // With the compiler, and JavaScript kernels.
    expect(await left("queried", `${library}.createRuntime({ backend: "js" }).compute(Float64Array.of(1)).map(x => x * 2).sum().value()`)).toBe(3);
  });

  it.each<[string, (file: string) => void]>([
    ["damaged", file => writeFileSync(file, readFileSync(file).map((byte, at) => (at === 5000 ? byte ^ 1 : byte)))],
    ["cut short", file => writeFileSync(file, readFileSync(file).subarray(0, 4000))],
    ["empty", file => writeFileSync(file, "")],
    ["open to others", file => chmodSync(file, 0o666)],
  ])("is made anew where it is %s", async (name, spoil) => {
    const cache = newCache(name.replaceAll(" ", "-"));
    await run(cache);
    const [file = ""] = codeIn(cache);
    const sound = statSync(file).size;
    spoil(file);
    const { ino } = statSync(file);
    expect(await run(cache)).toEqual(expected);
    expect(statSync(file).ino).not.toBe(ino);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Math.abs(statSync(file).size / sound - 1)).toBeLessThan(0.2);
  });

  it("is done without where the folder cannot be made, or it is not wanted", async () => {
    writeFileSync(newCache("a-file"), "");
    expect(await run(path.join(newCache("a-file"), "below"))).toEqual(expected);
    expect(await run("/proc/dotcompute/below")).toEqual(expected); // Linux says that the folder in which it is made is missing
    expect(await run(newCache("unwanted"), { DOTCOMPUTE_CODE_CACHE: "off" })).toEqual(expected);
    mkdirSync(newCache("unwanted"), { recursive: true });
    expect(codeIn(newCache("unwanted"))).toEqual([]);
  });

  it("keeps few of other builds", async () => {
    const cache = newCache("many");
    mkdirSync(cache, { mode: 0o700 });
    for (let at = 0; at < 60; at += 1) {
      writeFileSync(path.join(cache, `code-${at}`), "");
      utimesSync(path.join(cache, `code-${at}`), at, at);
    }
    expect(await run(cache)).toEqual(expected);
    const [left, old] = [codeIn(cache), codeIn(cache).filter(file => statSync(file).size === 0)];
    expect(left).toHaveLength(40);
    expect(old.length).toBeLessThan(38);
    expect(old).toContain(path.join(cache, "code-59"));
    expect(old).not.toContain(path.join(cache, "code-0"));
  });

  it("is of one copy of the library, whose files stack traces name", async () => {
    const cache = newCache("copies");
    const places = await Promise.all(["one", "two"].map(async copy => {
      const dist = path.join(place.folder, copy, "dist");
      cpSync(path.join(ROOT, "dist"), dist, { recursive: true, filter: file => !file.includes("types") });
      const text = `try { require(${JSON.stringify(path.join(dist, "index.cjs"))}).compute(7) } catch (error) { console.log(error.stack) }`;
      const { stdout } = await succeed(process.execPath, ["-e", text], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: cache } });
      const again = await succeed(process.execPath, ["-e", text], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: cache } });
      return [stdout.includes(dist), again.stdout.includes(dist)];
    }));
    expect(places).toEqual([[true, true], [true, true]]);
    expect(codeIn(cache)).toHaveLength(2);
  });

  it("lets the library import apache-arrow as a module does, and warns of nothing", async () => {
    const text = `
      import { Table } from "apache-arrow";
      import { compute } from "dotcompute";
      console.log((await compute({ a: Float64Array.of(1) }).toArrow()) instanceof Table);`;
    const entry = path.join(ROOT, "build", `arrow-${process.pid}.mjs`);
    writeFileSync(entry, text);
    try {
      for (let run = 0; run < 2; run += 1) {
        const { stdout, stderr } = await succeed(process.execPath, [entry], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: newCache("arrow") } });
        expect([stdout, stderr]).toEqual(["true\n", ""]);
      }
    } finally {
      rmSync(entry);
    }
  });

  it("serves ES modules, which have the same classes", async () => {
    const text = `
      import { QueryError } from ${JSON.stringify(path.join(ROOT, "dist", "index.js"))};
      import { createRequire } from "node:module";
      const required = createRequire(import.meta.url)(${JSON.stringify(path.join(ROOT, "dist", "index.cjs"))});
      console.log(required.QueryError === QueryError);`;
    const { stdout } = await succeed(process.execPath, ["--input-type=module", "-e", text], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: newCache("modules") } });
    expect(stdout).toBe("true\n");
  });

  it.each(["esm", "cjs"] as const)("is nothing that a bundle needs, as %s", async format => {
    const modules = path.join(place.folder, "node_modules");
    mkdirSync(modules, { recursive: true });
    if (!readdirSync(modules).includes("dotcompute")) symlinkSync(ROOT, path.join(modules, "dotcompute"));
    const entry = path.join(place.folder, "entry.mjs");
    writeFileSync(entry, `import { createRuntime } from "dotcompute";\nconsole.log(createRuntime({ log: line => console.log(line.includes("--external:dotcompute")) }).compute(Float64Array.of(1, 2)).map(x => x * 2).sum().value());`);
    const outfile = path.join(mkdtempSync(path.join(tmpdir(), "dotcompute-test-")), format === "esm" ? "bundle.mjs" : "bundle.cjs");
    await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format, logLevel: "error" });
    const { stdout } = await succeed(process.execPath, [outfile], { cwd: path.dirname(outfile), env: { DOTCOMPUTE_CACHE: newCache("bundles") } });
    rmSync(path.dirname(outfile), { recursive: true });
    expect(stdout).toBe("true\n6\n");
  });

  it("is not for a context with globals of its own", async () => {
    const cache = newCache("context");
    const text = `
      const vm = require("node:vm"), fs = require("node:fs"), { createRequire } = require("node:module");
      const file = ${JSON.stringify(path.join(ROOT, "dist", "index.cjs"))};
      const context = vm.createContext({ require: id => id.endsWith("core.cjs") ? { library: "asked for" } : createRequire(file)(id), module: {}, process, __dirname: require("node:path").dirname(file) });
      vm.runInContext(fs.readFileSync(file, "utf8"), context);
      console.log(context.module.exports);`;
    const { stdout } = await succeed(process.execPath, ["-e", text], { cwd: place.folder, env: { DOTCOMPUTE_CACHE: cache } });
    expect(stdout).toBe("asked for\n");
  });
});
