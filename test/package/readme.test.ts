/** Examples of the README and of docs/ that can be run do what is said there. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { transform } from "esbuild";
import { expect, it } from "vitest";
import { ROOT, succeed } from "./support.js";

const texts = ["README.md", ...readdirSync(path.join(ROOT, "docs")).filter(name => name.endsWith(".md")).map(name => path.join("docs", name))];
const examples = texts.flatMap(name => [...readFileSync(path.join(ROOT, name), "utf8").matchAll(/```ts\n([^]*?)```/g)]).map(([, code]) => code as string).filter(code => code.includes('from "dotcompute"'));

it.each(examples.map((example, place) => ({ example, place })))("example $place prints what its comments say", async ({ example, place }) => {
  const promised = [...example.matchAll(/^console\.log\(.*\);\s*\/\/ (.*)$/gm)].map(([, output]) => output);
  expect(promised.length).toBeGreaterThan(0);

  // Inside the checkout, where "dotcompute" is the checkout itself.
  await succeed(process.execPath, ["scripts/build.mjs", "--bundles"], { cwd: ROOT });
  const folder = path.join(ROOT, "build", "readme");
  mkdirSync(folder, { recursive: true });
  const file = `example-${place}.mjs`;
  writeFileSync(path.join(folder, file), (await transform(example, { loader: "ts", target: "node20.17" })).code);
  const { stdout } = await succeed(process.execPath, [file], { cwd: folder });
  expect(stdout.trimEnd().split("\n")).toEqual(promised);
});

it("begins with one", () => {
  expect(examples.length).toBeGreaterThanOrEqual(2);
});
