/**
 * The elementary functions of the built package. They are read from their own text, which a bundler rewrites where it has to
 * rename something: here that would show.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { usualArity } from "../../fusion/ops.js";
import { evaluate } from "../../fusion/values.js";
import { whyNoCpu } from "../laws/backends.js";
import { ROOT, succeed } from "./support.js";

const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];
const folder = path.join(ROOT, "build", "package-elementary");

const PROGRAM = `
const { createHash } = await import("node:crypto");
const { createRuntime } = await import(process.argv[2] === "cjs" ? "./load.cjs" : "dotcompute");
const runtime = createRuntime({ backend: process.argv[3] });
const results = {};
for (const name of ${JSON.stringify(NAMES)}) for (const type of ["f64", "f32"]) {
  const data = (type === "f64" ? Float64Array : Float32Array).from({ length: 999 }, (_, i) => (i - 499) * 0.013);
  const two = ${JSON.stringify(NAMES.filter(name => usualArity(name) === 2))}.includes(name);
  const f = new Function("return " + (name === "exp2" ? "x => 2 ** x" : two ? "x => Math." + name + "(x, x)" : "x => Math." + name + "(x)"))();
  const found = runtime.compute(data).map(f).toArray().map(x => (x !== x ? NaN : x));
  results[name + " " + type] = createHash("sha256").update(new Uint8Array(found.buffer)).digest("hex");
}
console.log(JSON.stringify(results));
`;

function expectedResults(): Record<string, string> {
  const results: Record<string, string> = {};
  for (const name of NAMES) {
    for (const type of ["f64", "f32"] as const) {
      const data = new (type === "f64" ? Float64Array : Float32Array)(Array.from({ length: 999 }, (_, i) => (i - 499) * 0.013));
      const found = data.map(x => evaluate(name, type, type, usualArity(name) === 2 ? [x, x] : [x]) as number).map(x => (Number.isNaN(x) ? NaN : x));
      results[`${name} ${type}`] = createHash("sha256").update(new Uint8Array(found.buffer)).digest("hex");
    }
  }
  return results;
}

beforeAll(async () => {
  await succeed(process.execPath, ["scripts/build.mjs", "--bundles"], { cwd: ROOT });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "program.mjs"), PROGRAM);
  writeFileSync(path.join(folder, "load.cjs"), 'exports.createRuntime = require("dotcompute").createRuntime;\n');
});

const computes = async (format: string, backend: string): Promise<void> => {
  const { stdout } = await succeed(process.execPath, ["program.mjs", format, backend], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual(expectedResults());
};

describe.each(["esm", "cjs"])("the package as %s", format => {
  it.skipIf(whyNoCpu !== null)(`computes every elementary function on cpu${whyNoCpu === null ? "" : `: ${whyNoCpu}`}`, () => computes(format, "cpu"));
  it("computes every elementary function on js", () => computes(format, "js"));
});
