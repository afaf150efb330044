/** Examples on real data that check their own answers. */
import { expect, it } from "vitest";
import { ROOT, succeed } from "./support.js";

it("routes: the miles that airports send into the air", { timeout: 120_000 }, async () => {
  await succeed(process.execPath, ["scripts/build.mjs", "--bundles"], { cwd: ROOT });
  const { stdout } = await succeed(process.execPath, ["scripts/run.mjs", "examples/routes.ts"], { cwd: ROOT });
  expect(stdout).toMatch(/^ATL .*\s173\s+414,513\s+266\.1\s+4,495 mi$/m);
  expect(stdout).toContain("303 origins; all as in plain JavaScript");
});
