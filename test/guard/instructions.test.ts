/**
 * How many instructions kernels take for an element, against what is checked in: no clock tells, so a loaded machine does not matter.
 * valgrind knows no AVX-512, so the kernels are compiled for AVX2. `DOTCOMPUTE_GUARD=write npx vitest run test/guard` writes the file anew.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { buildKernels, runKernels } from "../native/run-kernels.js";
import { recordQueries } from "../native/recorded.js";
import { compiler, Workshop } from "../native/toolchain.js";
import { GUARDED } from "./queries.js";

const FILE = fileURLToPath(new URL("instructions.json", import.meta.url));
/** What comes before and after the elements costs the same for both. */
const [SHORT, LONG] = [1024, 3072];
const SLACK = 0.03;

interface Counts {
  /** Others count otherwise. */
  readonly compiler: string;
  /** Instructions for an element. */
  readonly kernels: Readonly<Record<string, number>>;
}

function compilerName(): string | null {
  if (compiler === null) return null;
  const defined = execFileSync(compiler, ["-dM", "-E", "-x", "c++", "/dev/null"], { encoding: "utf8" });
  const clang = /#define __clang_major__ (\d+)/.exec(defined)?.[1];
  return clang === undefined ? `g++ ${/#define __GNUC__ (\d+)/.exec(defined)?.[1] ?? "?"}` : `clang++ ${clang}`;
}

const writes = process.env["DOTCOMPUTE_GUARD"] === "write";
const kept = JSON.parse(readFileSync(FILE, "utf8")) as Counts;
const found = compilerName();

function whyNot(): string | null {
  if (process.arch !== "x64") return "the counts are of x86-64";
  if (compiler === null || found === null) return "there is no C++ compiler";
  if (spawnSync("valgrind", ["--version"]).status !== 0) return "there is no valgrind";
  if (spawnSync(compiler, ["-fsyntax-only", "-include", "valgrind/callgrind.h", "-x", "c++", "/dev/null"]).status !== 0) return "valgrind's headers are not installed";
  return writes || found === kept.compiler ? null : `the compiler is ${found}, and the counts are those of ${kept.compiler}`;
}

const missing = whyNot();
const workshop = new Workshop();
afterAll(() => workshop.remove());

/** What each run of a kernel takes, in order: the harness has valgrind begin anew before each, and write a file behind it. */
function countsIn(folder: string): readonly number[] {
  const parts = readdirSync(folder).flatMap(name => {
    const part = /\.(\d+)$/.exec(name)?.[1];
    const text = readFileSync(path.join(folder, name), "utf8");
    return part === undefined || !text.includes("desc: Trigger: Client Request: kernel") ? [] : [{ part: Number(part), count: Number(/^summary: (\d+)/m.exec(text)?.[1]) }];
  });
  return parts.sort((a, b) => a.part - b.part).map(({ count }) => count);
}

it.skipIf(missing !== null)(`kernels take no more instructions than they did${missing === null ? "" : `: not tested, ${missing}`}`, { timeout: 300_000 }, async () => {
  const recorded = recordQueries([SHORT, LONG], GUARDED);
  expect(recorded).toHaveLength(GUARDED.length);
  const kernels = recorded.map(({ kernel }) => kernel);
  const program = await buildKernels(workshop, "guard", kernels, ["-O3", "-march=x86-64-v3", "-DCOUNTED"]);
  const folder = path.join(workshop.folder, "counts");
  mkdirSync(folder);
  const jobs = recorded.flatMap(({ calls }, kernel) => calls.map(({ call }) => ({ kernel, call })));
  const valgrind = ["valgrind", "--tool=callgrind", `--callgrind-out-file=${path.join(folder, "out")}`];
  const outcomes = await runKernels(workshop, program, kernels, jobs, valgrind);
  expect(outcomes.map(({ status }) => status)).toEqual(jobs.map(() => "done"));
  const counts = countsIn(folder);
  expect(counts).toHaveLength(jobs.length);
  const measured = Object.fromEntries(GUARDED.map(({ name }, at) => [name, Number((((counts[2 * at + 1] as number) - (counts[2 * at] as number)) / (LONG - SHORT)).toFixed(3))]));
  if (writes) return writeFileSync(FILE, `${JSON.stringify({ compiler: found, kernels: measured }, null, 2)}\n`);
  const slower = GUARDED.flatMap(({ name }) => {
    const [now, before] = [measured[name] as number, kept.kernels[name] ?? 0];
    return now <= before * (1 + SLACK) ? [] : [`${name}: ${now} instructions for an element, ${before} before`];
  });
  expect(slower).toEqual([]);
});
