/**
 * The same bits on each instruction set: kernels of queries, compiled for each, give what the JavaScript backend gives. Those of
 * other processors run under an emulator. With DOTCOMPUTE_LONG they are optimised as users' kernels are, and there are more lengths.
 * Without, compilers may rearrange only what is made of the narrow registers, which has the most steps; other tests optimise the rest.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { difference } from "../fusion/by-hand.js";
import type { KernelResult } from "../../fusion/call.js";
import { recordQueries, type Recorded } from "./recorded.js";
import { buildKernels, runKernels, type Outcome } from "./run-kernels.js";
import { INSTRUCTION_SETS, Workshop } from "./toolchain.js";

const long = process.env["DOTCOMPUTE_LONG"] !== undefined;
const LENGTHS = long ? [...Array.from({ length: 131 }, (_, length) => length), 1023, 1024, 1025, 2047, 2048, 2049, 3000] : [0, 1, 2, 3, 5, 8, 15, 17, 31, 32, 33, 63, 65, 1023, 1024, 1025, 2080];

const optimised = (name: string): string => (long ? "-O3" : name === "SSE2" || name === "NEON" ? "-O1" : "-O0");

const workshop = new Workshop();
afterAll(() => workshop.remove());

/** How an outcome differs from what JavaScript gave, or null. */
function complaint(outcome: Outcome, { output: wantedOutput, outputs: wantedOutputs, ...wanted }: KernelResult): string | null {
  if (!outcome.intact) return "wrote outside of its arrays";
  if (outcome.status !== "done") return `is ${outcome.status}`;
  const { output, outputs, ...rest } = outcome.result;
  for (const [at, array] of [wantedOutput, ...(wantedOutputs ?? [])].entries()) {
    const found = difference(at === 0 ? output : (outputs?.[at - 1] ?? null), array);
    if (found !== null) return found;
  }
  const [told, asked] = [rest, wanted].map(values => describeValues(values as unknown as Record<string, unknown>));
  return told === asked ? null : `gives ${String(told)}, not ${String(asked)}`;
}

const describeValues = (values: Record<string, unknown>): string =>
  ["count", "position", "rank", "value", "values"].map(name => `${name} ${[values[name]].flat().map(value => (Object.is(value, -0) ? "-0" : String(value))).join(", ")}`).join("; ");

describe("kernels of queries", () => {
  let recorded: readonly Recorded[] = [];
  beforeAll(() => {
    recorded = recordQueries(LENGTHS);
  });

  describe.each(INSTRUCTION_SETS)("on $name", ({ name, compiler, flags, emulator, missing }) => {
    it.skipIf(missing !== null)(`give the bits of JavaScript${missing === null ? "" : `: not tested, ${missing}`}`, { timeout: 600_000 }, async () => {
      const kernels = recorded.map(({ kernel }) => kernel);
      const program = await buildKernels(workshop, `queries-${name}`, kernels, [optimised(name), ...flags], compiler);
      const jobs = recorded.flatMap(({ calls }, kernel) => calls.map(({ call }) => ({ kernel, call })));
      const outcomes = await runKernels(workshop, program, kernels, jobs, emulator);
      const wanted = recorded.flatMap(one => one.calls.map(({ call, result }) => ({ what: `${one.name}, ${call.length} elements`, result })));
      const complaints = wanted.flatMap(({ what, result }, at) => complaint(outcomes[at] as Outcome, result)?.replace(/^/, `${what}: `) ?? []);
      expect(complaints.slice(0, 20)).toEqual([]);
    });
  });
});
