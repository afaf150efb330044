/** The index arithmetic of CUDA's loops, beyond what any test could run. */
import { afterAll, expect, it } from "vitest";
import { CudaWorkshop, hasCompiler } from "./cuda-harness.js";

const workshop = new CudaWorkshop();
afterAll(() => workshop.remove());

it.skipIf(!hasCompiler)("the loops go to the right places beyond 2^31 elements (needs a C++ compiler)", { timeout: 60_000 }, async () => {
  expect(await workshop.output("cuda-places.cpp")).toBe("");
});
