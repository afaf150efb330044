/**
 * `npm run check:gpu`, for whoever has an NVIDIA GPU: every test of test/laws on it, by its own driver and NVRTC, then how much of
 * its memory's speed kernels reach. Exits with 0 only on a GPU, and if all results have the bits that JavaScript and the other
 * backends give. $DOTCOMPUTE_CUDA_DRIVER and $DOTCOMPUTE_NVRTC name the libraries where the system does not find them.
 */
import { createRuntime } from "../../src/index.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { runAgreement } from "./agreement.js";
import { CACHE, describeMachine, openMachine, type Machine } from "./machine.js";
import { describeRoofline, measure, sizeFor, type RooflineOptions } from "./roofline.js";

/* eslint-disable no-console -- this is a program */

const print = (...lines: readonly string[]): void => console.log(lines.join("\n"));

async function agrees({ context, isStandIn }: Machine): Promise<boolean> {
  print("", isStandIn ? "Agreement: a few generated programs" : "Agreement: all of test/laws, which takes minutes");
  const start = performance.now();
  const { agrees, lines } = await runAgreement(context.device.name, { quick: isStandIn });
  print(...lines, `  ${agrees ? "All results have the same bits" : "There are failures"} (${((performance.now() - start) / 1000).toFixed(0)} s).`);
  return agrees;
}

function isRight(machine: Machine): boolean {
  const other = createCpuBackend({ cacheFolder: CACHE }).available ? "cpu" : "js";
  const runtime = (backend: "cuda" | "cpu" | "js") => createRuntime({ backend, cacheFolder: CACHE });
  const options: RooflineOptions = { bytes: sizeFor(machine), runs: machine.isStandIn ? 2 : 20, cuda: runtime("cuda"), other: runtime(other) };
  print("", "Roofline: bytes that kernels must move, over the time they take on data that is on the device");
  try {
    const roofline = measure(machine, options);
    print(...describeRoofline(roofline, options, other));
    return roofline.rows.every(({ wrong }) => wrong === null);
  } catch (error) {
    print(`  FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return false;
  }
}

async function check(): Promise<boolean> {
  const machine = openMachine();
  if ("reason" in machine) {
    print(`There is no GPU to check here: ${machine.reason}`);
    return false;
  }
  const { isStandIn } = machine;
  print(...describeMachine(machine).map(([name, words]) => `${name.padEnd(8)}${words}`));
  if (isStandIn) print("", "This is the driver of the tests, which interprets PTX on the CPU, and NO GPU: all that follows is small, and its times mean nothing.");
  const results = [await agrees(machine), isRight(machine)];
  const isWell = results.every(Boolean);
  print("");
  if (!isWell) print(`FAILED: not everything on ${machine.context.device.name} is as it must be; see above.`);
  else if (isStandIn) print("NOT CHECKED: all results agree, but this was no GPU.");
  else print(`All is well on ${machine.context.device.name}: every result has the bits that it has on every other backend.`);
  return isWell && !isStandIn;
}

process.exitCode = 1;
if (await check()) process.exitCode = 0;
