/**
 * Whether tests notice when what orders and combines work on a device is broken: `npm run test:mutations`. Applies each mutant
 * of rules.ts in a copy of the tree and runs a few tests there, of which one must fail. Lists those that survive, and fails if
 * there is one. `-- --only=reduce` for those whose place or rule matches, `--list` to see them, `--jobs=1` for a busy machine.
 */
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Copy, filesOf, type Verdict } from "./copy.js";
import { mutantsOf, type Mutant } from "./mutants.js";
import { BARRIERS, type Suite } from "./rules.js";
import { callsOf } from "./text.js";

/* eslint-disable no-console -- this is a program */

const option = (name: string): string | undefined => process.argv.find(word => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const root = process.cwd();
const files = filesOf(root);
const only = new RegExp(option("only") ?? "", "i");
const jobs = Number(option("jobs") ?? Math.min(2, os.availableParallelism()));

const headers = files.filter(file => /^native\/rt\/\w+\.cuh$/.test(file));
const barriers = headers.flatMap(file => callsOf(readFileSync(path.join(root, file), "utf8"), BARRIERS).map(({ name }) => name));
console.log(
  barriers.length === 0
    ? "native/rt/*.cuh holds no __syncthreads, __syncwarp or __threadfence: kernels share no memory but by atomic operations, and wait for each other only from launch to launch."
    : `native/rt/*.cuh holds ${barriers.length} barriers: ${[...new Set(barriers)].join(", ")}.`,
);

const nameOf = ({ file, line, rule, before, after }: Mutant): string => `${file}:${line}: ${rule}\n    ${before}\n    ${after}`;
const mutants = mutantsOf(root, files).filter(mutant => only.test(nameOf(mutant)));
const living = mutants.filter(({ equivalent }) => equivalent === null);
const equivalent = mutants.filter(mutant => mutant.equivalent !== null);
if (process.argv.includes("--list")) {
  for (const mutant of living) console.log(nameOf(mutant));
  for (const mutant of equivalent) console.log(`${nameOf(mutant)}\n    changes nothing: ${mutant.equivalent}`);
  console.log(`${living.length} mutants to be noticed, and ${equivalent.length} that change nothing`);
  process.exit(0);
}

const begin = performance.now();
const survivors: Mutant[] = [];
const invalid: { readonly mutant: Mutant; readonly words: string }[] = [];
const killers = new Map<string, number>();

function judged(mutant: Mutant, verdict: Verdict): void {
  if (verdict.kind === "killed") killers.set(verdict.by, (killers.get(verdict.by) ?? 0) + 1);
  if (verdict.kind === "survived") survivors.push(mutant);
  if (verdict.kind === "invalid") invalid.push({ mutant, words: verdict.words });
  console.log(`${verdict.kind.padEnd(8)} ${mutant.file}:${mutant.line}: ${mutant.rule}${verdict.kind === "killed" ? ` (${verdict.by.replace(/^.*? compiled by \S+ \S+ |^chunks that overlap on the stand-in driver /, "")})` : ""}`);
}

/** Takes one mutant after the other from those that are left. */
async function work(queue: Mutant[]): Promise<void> {
  const copy = new Copy(root);
  try {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) judged(mutant, await copy.judge(mutant.suites, mutant));
  } finally {
    copy.remove();
  }
}

/** Tests that fail anyway would notice everything. */
async function checkUnchanged(): Promise<void> {
  const copy = new Copy(root);
  try {
    for (const suite of new Set(living.flatMap(({ suites }): readonly Suite[] => suites))) {
      const verdict = await copy.judge([suite], null);
      if (verdict.kind !== "survived") throw new Error(`the tests of ${suite} do not pass as it is: ${verdict.kind === "killed" ? verdict.by : verdict.words}`);
    }
  } finally {
    copy.remove();
  }
}

await checkUnchanged();
const queue = [...living];
await Promise.all(Array.from({ length: jobs }, () => work(queue)));

console.log("\nTests that noticed:");
for (const [name, count] of [...killers].sort(([, a], [, b]) => b - a)) console.log(`${String(count).padStart(4)} × ${name}`);
for (const { mutant, words } of invalid) console.log(`\nNot a program: ${nameOf(mutant)}\n${words}`);
if (survivors.length > 0) console.log(`\nNo test noticed:\n${survivors.map(nameOf).join("\n")}`);
const seconds = Math.round((performance.now() - begin) / 1000);
console.log(`\n${living.length} mutants: ${living.length - survivors.length - invalid.length} noticed, ${survivors.length} survived, ${invalid.length} were no programs; ${equivalent.length} more change nothing. ${seconds} s.`);
process.exit(survivors.length + invalid.length > 0 ? 1 : 0);
