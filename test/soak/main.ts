/**
 * `npm run soak`: ten minutes (`-- --minutes=1`) of random queries from four worker threads, with compilers and accelerators that fail,
 * caches that are damaged, shared stores that lie, little memory for results, queries that are aborted and threads that are ended amid their work. Every result must be right, and memory must stay
 * flat. Exits with 1 if anything is wrong.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { memory } from "../../src/index.js";
import { makeFolders } from "./runtimes.js";
import type { ThreadData, Told } from "./thread.js";

/* eslint-disable no-console -- this is a program */

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, threads: { type: "string", default: "4" }, programs: { type: "string", default: "300" }, seed: { type: "string", default: String(Date.now() % 1e6) } } });
const minutes = Number(values.minutes);
const threads = Number(values.threads);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(threads) || threads < 1 || !Number.isInteger(seed)) throw new Error("npm run soak -- --minutes=10 --threads=4 --programs=300 --seed=1");

const MIB = 2 ** 20;
/** What the process may grow by in its second half. In the first one kernels are compiled and pools filled. */
const GROWTH = 1.1;
/** In fewer minutes than these they are not. */
const SETTLED = 5;
const SLACK = 64 * MIB;

const root = mkdtempSync(path.join(os.tmpdir(), "dotcompute-soak-"));
const folders = makeFolders(root);
const total = { queries: 0, aborted: 0, lines: 0, ended: 0 };
const faults: string[] = [];
const injected = new Map<string, number>();
let begun = 0;

function begin(): { readonly worker: Worker; readonly ended: Promise<void> } {
  begun += 1;
  const workerData: ThreadData = { seed: seed + begun * 7919, programs: Number(values.programs), folders };
  const worker = new Worker(new URL("./thread.js", import.meta.url), { workerData });
  worker.on("message", (told: Told) => {
    total.queries += told.queries;
    total.aborted += told.aborted;
    total.lines += told.lines;
    for (const [what, count] of Object.entries(told.injected)) injected.set(what, (injected.get(what) ?? 0) + count);
    for (const fault of told.faults) if (faults.push(fault) <= 5) console.log(`\nWRONG: ${fault}\n`);
  });
  worker.on("error", error => void faults.push(`a thread failed: ${error.stack ?? error.message}`));
  return { worker, ended: new Promise<void>(resolve => void worker.once("exit", () => resolve())) };
}

/** What may leak: pages, descriptors, and what is mapped (a compiled kernel that nobody needs any more stays mapped). */
const sample = () => {
  const count = (file: string): number => (process.platform === "linux" ? readFileSync(file, "utf8").split("\n").length : 0);
  const descriptors = process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
  return { at: performance.now(), resident: process.memoryUsage.rss(), used: memory.usage().used, descriptors, mapped: count("/proc/self/maps") };
};
type Sample = ReturnType<typeof sample>;

const samples: Sample[] = [];
const mib = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB`;

function report(): void {
  const now = samples.at(-1) as Sample;
  console.log(`${((now.at - start) / 60_000).toFixed(1).padStart(5)} min ${String(total.queries).padStart(8)} queries, ${total.aborted} aborted, ${total.lines} lines logged, ${total.ended} threads ended; ${mib(now.resident)} resident, ${mib(now.used)} of results, ${now.descriptors} descriptors, ${now.mapped} mappings`);
}

const start = performance.now();
const end = start + minutes * 60_000;
console.log(`Soak: ${threads} threads, ${minutes} minutes, seed ${seed}`);
const workers = Array.from({ length: threads }, begin);
let reported = start;
while (performance.now() < end && faults.length < 20) {
  await new Promise(resolve => setTimeout(resolve, Math.min(1000, end - performance.now())));
  samples.push(sample());
  if (performance.now() - reported > Math.max(5000, minutes * 3000)) {
    reported = performance.now();
    report();
  }
  // A thread ends amid its queries, and another takes its place.
  if (samples.length % 15 === 14) {
    const place = total.ended % threads;
    await workers[place]?.worker.terminate();
    total.ended += 1;
    workers[place] = begin();
  }
}
for (const { worker } of workers) worker.postMessage("stop");
await Promise.all(workers.map(({ ended }) => ended));
/** Once the threads are gone there is less of everything, which must not hide what has grown. */
const during = [...samples];
samples.push(sample());
report();

/** The least of a part of the samples: what is there at all times. */
const least = (from: number, to: number, of: (sample: Sample) => number): number => Math.min(...during.slice(Math.floor(during.length * from), Math.ceil(during.length * to)).map(of));
const problems = faults.map(fault => fault.split("\n").slice(0, 12).join("\n"));
const grown = (what: string, of: (sample: Sample) => number, slack: number, told: (value: number) => string): void => {
  const [early, before, after] = [least(0.05, 0.2, of), least(0.4, 0.6, of), least(0.8, 1, of)];
  console.log(`${what}: ${told(early)} at first, ${told(before)} in the middle, ${told(after)} towards the end`);
  if (minutes >= SETTLED && after > before * GROWTH + slack) problems.push(`${what} grew from ${told(before)} to ${told(after)}`);
};
grown("resident memory", ({ resident }) => resident, SLACK, mib);
grown("memory of results", ({ used }) => used, SLACK, mib);
grown("descriptors", ({ descriptors }) => descriptors, 8, String);
grown("mappings", ({ mapped }) => mapped, 200, String);
const left = [folders.calm, folders.troubled].flatMap(folder => readdirSync(folder).filter(name => name.startsWith("tmp-")));
// Threads that were ended may have left a compiler at work: those alone may leave something.
if (left.length > total.ended * 8) problems.push(`${left.length} temporary folders are left`);
console.log(`made to fail: ${[...injected].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `${count} × ${what}`).join(", ")}`);
rmSync(root, { recursive: true, force: true });
console.log(problems.length === 0 ? "All results were right, and nothing grew." : `\n${problems.length} problems:\n${problems.slice(0, 5).join("\n\n")}`);
process.exit(problems.length === 0 ? 0 : 1);
