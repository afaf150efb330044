import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** One seed for the whole run: fixed, so that a failure in one run is a failure in the next, unless DOTCOMPUTE_SEED says otherwise. */
const requested = process.env["DOTCOMPUTE_SEED"];
const seed = requested === "random" ? String(Math.floor(Math.random() * 2 ** 31)) : (requested ?? "20261122");
if (requested === "random") process.stdout.write(`DOTCOMPUTE_SEED=${seed} repeats this run\n`);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts"],
    setupFiles: ["test/setup.ts"],
    env: { DOTCOMPUTE_SEED: seed },
    // A fault of a native kernel then ends one worker process and not the whole run.
    pool: "forks",
    // All processors: vitest would leave one to itself.
    poolOptions: { forks: { maxForks: availableParallelism(), minForks: 1 } },
    // Some tests compile kernels; none asserts a time, so this only ends what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: { provider: "v8", include: ["fusion/**", "src/**"] },
  },
});
