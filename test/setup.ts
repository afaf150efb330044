/** Runs before every test file: the seed that vitest.config.ts chose is fast-check's, in every worker. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["DOTCOMPUTE_SEED"]) });
