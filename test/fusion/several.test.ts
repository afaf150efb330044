/** Kernels of several results: each is what a kernel of its own gives, on the js and the cpu backend. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, it } from "vitest";
import { verify } from "../../fusion/verify.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { compileJs } from "../../src/backends/js/backend.js";
import { expectInterpreted } from "../native/example-runs.js";
import { unavailable } from "../native/fixtures.js";
import { SEVERAL } from "./sinks.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-several-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** More than a slice on js, and than a small output on cpu, for a few. */
const lengthsFor = (name: string): readonly number[] => [0, 1, 33, 1057, ...(name.startsWith("f64: several") ? [70_000] : [])];

describe.each(SEVERAL)("$name", example => {
  it("are legal, and what the interpreter gives on js", async () => {
    await expectInterpreted(compileJs(verify(example.kernel, "the test")), example, lengthsFor(example.name));
  });
});

describe.skipIf(unavailable !== null)("on cpu", async () => {
  const backend = createCpuBackend({ cacheFolder: folder, flags: ["-std=c++20", "-O1", "-march=native", "-ffp-contract=off", "-fwrapv", "-fno-exceptions", "-shared", "-fPIC"] });
  const compiled = unavailable === null ? await backend.compileBatchAsync(SEVERAL.map(({ kernel }) => kernel)) : [];

  it.each(SEVERAL.map((example, place) => ({ ...example, place })))("$name", async ({ place, ...example }) => {
    const kernel = compiled[place];
    if (kernel === undefined) throw new Error("it was not compiled");
    await expectInterpreted(kernel, example, lengthsFor(example.name));
  });
});
