/** Runs an endless kernel and aborts it. This process ends by itself only if the kernel's thread does. */
import { truth } from "../../fusion/build.js";
import { compileJs } from "../../src/backends/js/backend.js";
import { branch, callOf, kernelOf, leave, loop, RANGE, yields } from "../fusion/by-hand.js";

const endless = compileJs(kernelOf(RANGE, { kind: "count" }, [loop("ever", branch(truth(false), [leave("ever")])), branch(truth(false), [leave()]), yields(null)]));
const running = endless.start(callOf(1), AbortSignal.timeout(200));
await running.catch((error: unknown) => process.stdout.write(`ended by ${(error as Error).name}`));
