/**
 * The loops of native/rt, through kernels as the emitter writes them: every sink, statement and effect, at all the lengths
 * where groups, rows and blocks end, on arrays that end at a page that may not be touched, under sanitizers and without.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KernelCall } from "../../fusion/call.js";
import { verify } from "../../fusion/verify.js";
import type { Kernel } from "../../fusion/ir.js";
import { leftFold, storedElement } from "../../fusion/traverse.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { elementsOf } from "./elements.js";
import { ENDLESS, KERNELS } from "./kernels.js";
import { capturesOf } from "./kernel-captures.js";
import { buildKernels, runKernels, wanted, type Job, type Outcome } from "./run-kernels.js";
import { compiler, TARGETS, Workshop } from "./toolchain.js";

/** Every length up to a few rows, and the ends of blocks. */
const LENGTHS = [...Array.from({ length: 67 }, (_, length) => length), 96, 97, 1023, 1024, 1025, 2048, 4097];

function callOf(kernel: Kernel, length: number, wild: boolean): KernelCall {
  return {
    source: kernel.source.kind === "array" ? elementsOf(kernel.source.element, length, wild) : null,
    length,
    output: null,
    ...capturesOf(kernel),
  };
}

/** Map, filter and scan may write where they read, if their elements are equally wide. */
const mayBeInPlace = ({ source, sink }: Kernel): boolean =>
  source.kind === "array" && ELEMENTS[source.element].bytes === bytesOf(storedElement(sink));

const bytesOf = (element: ElementType | null): number => (element === null ? 0 : ELEMENTS[element].bytes);

const kernels = KERNELS.map(({ name, kernel }) => verify(kernel, name));

const jobs: readonly Job[] = kernels.flatMap((kernel, place) =>
  LENGTHS.flatMap((length): Job[] => {
    const wild = length % 2 === 1;
    const call = callOf(kernel, length, wild);
    return mayBeInPlace(kernel) ? [{ kernel: place, call }, { kernel: place, call, inPlace: true }] : [{ kernel: place, call }];
  }),
);

const describeJob = (job: Job): string => `${KERNELS[job.kernel]?.name ?? "?"}, ${job.call.length} elements${job.inPlace === true ? ", in place" : ""}`;

/** What is wrong with an outcome, or null. */
function complaint(job: Job, outcome: Outcome): string | null {
  const what = describeJob(job);
  if (!outcome.intact) return `${what}: wrote outside of its arrays`;
  const kernel = kernels[job.kernel] as Kernel;
  const want = WANTED.get(job.call) as ReturnType<typeof wanted>;
  if (want.status === "failed") {
    if (outcome.status !== "failed") return `${what}: fails at ${want.element}, but is ${outcome.status}`;
    // Kernels fail group by group. A fold is to be repeated from its beginning.
    const earliest = leftFold(kernel.sink) !== null ? 0 : want.element - 31;
    const inTime = outcome.position <= want.element && outcome.position >= earliest;
    return inTime ? null : `${what}: fails at ${want.element}, but says ${outcome.position}`;
  }
  if (outcome.status !== "done") return `${what}: is ${outcome.status}`;
  try {
    expect(outcome.result).toEqual(want.result);
    return null;
  } catch {
    const brief = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner)).slice(0, 200);
    return `${what}: ${brief(outcome.result)} instead of ${brief(want.result)}`;
  }
}

const WANTED = new Map<KernelCall, ReturnType<typeof wanted>>();
const workshop = new Workshop();
afterAll(() => workshop.remove());

const BUILDS = TARGETS.filter(({ name }) => name !== "SSE4.1").map(({ name, flags }) => ({ name, flags: [name === "this machine" ? "-O3" : "-O0", ...flags] }));

/** Sanitizers take long: the kernels that go through every loop and statement, but not every operator and type. */
const SANITIZED = new Set(KERNELS.flatMap(({ name }, place) => (/^(copy|filter|last of) (?!i8|f32|i64)|^(mul|max|or|xor) |^add (i32|u64)|many operations/.test(name) ? [] : [place])));
const SHORT = new Set([...Array.from({ length: 36 }, (_, length) => length), 63, 64, 65, 1023, 1024, 1025]);

describe.skipIf(compiler === null)("loops in C++", () => {
  beforeAll(() => {
    for (const { kernel, call } of jobs) if (!WANTED.has(call)) WANTED.set(call, wanted(kernels[kernel] as Kernel, call));
  });

  it.each(BUILDS)("give what the interpreter gives, on $name", { timeout: 600_000 }, async ({ name, flags }) => {
    const program = await buildKernels(workshop, `loops-${name.replace(/\W/g, "")}`, kernels, flags);
    const outcomes = await runKernels(workshop, program, kernels, jobs);
    const complaints = jobs.map((job, place) => complaint(job, outcomes[place] as Outcome)).filter(found => found !== null);
    expect(complaints.slice(0, 20)).toEqual([]);
  });

  it("keep to their arrays and to defined behaviour, by the sanitizers", { timeout: 600_000 }, async () => {
    const chosen = [...SANITIZED];
    const some = chosen.map(place => kernels[place] as Kernel);
    const few = jobs.filter(({ kernel, call }) => SANITIZED.has(kernel) && SHORT.has(call.length));
    const flags = ["-O0", "-march=native", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    const program = await buildKernels(workshop, "loops-sanitized", some, flags);
    const outcomes = await runKernels(workshop, program, some, few.map(job => ({ ...job, kernel: chosen.indexOf(job.kernel) })));
    const complaints = few.map((job, place) => complaint(job, outcomes[place] as Outcome)).filter(found => found !== null);
    expect(complaints.slice(0, 20)).toEqual([]);
  });

  it("end early when they are to stop, also within an endless loop", async () => {
    const endless = ENDLESS.map(({ name, kernel }) => verify(kernel, name));
    const program = await buildKernels(workshop, "loops-endless", endless, ["-O1", "-march=native"]);
    const run = endless.map((kernel, place) => ({ kernel: place, call: { ...callOf(kernel, 100, false), source: elementsOf(kernel.source.kind === "array" ? kernel.source.element : "f64", 100, false).fill(3 as never) }, stop: true }));
    const outcomes = await runKernels(workshop, program, endless, run);
    expect(outcomes.map(({ status }) => status)).toEqual(endless.map(() => "stopped"));
  });
});
