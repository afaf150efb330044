/** The first example of the README does what the README says. */
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { transform } from "esbuild";
import { expect, it } from "vitest";
import { ROOT, succeed } from "./support.js";

it("prints what its comments say", async () => {
  const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
  const example = /```ts\n([^]*?)```/.exec(readme)?.[1] ?? "";
  const promised = [...example.matchAll(/^console\.log\(.*\);\s*\/\/ (.*)$/gm)].map(([, output]) => output);
  expect(promised.length).toBeGreaterThan(0);

  // Inside the checkout, where "dotcompute" is the checkout itself.
  await succeed(process.execPath, ["scripts/build.mjs", "--bundles"], { cwd: ROOT });
  const folder = path.join(ROOT, "build", "readme");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "example.mjs"), (await transform(example, { loader: "ts", target: "node20.17" })).code);
  const { stdout } = await succeed(process.execPath, ["example.mjs"], { cwd: folder });
  expect(stdout.trimEnd().split("\n")).toEqual(promised);
});
