/** Runs before every test file: the seed that vitest.config.ts chose is fast-check's, in every worker. */
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach } from "vitest";

fc.configureGlobal({ seed: Number(process.env["DOTCOMPUTE_SEED"]) });

// Synchronous tests one after the other starve the worker's event loop, and vitest takes an answer unread for a minute as lost.
afterEach(() => nextTurn());
