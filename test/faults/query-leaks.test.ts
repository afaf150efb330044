/** After each fault of a compiler, a cache folder or a shared store: the answer is right, the next query works, and nothing is left open, running or lying about. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createKernelCache, type CacheOptions } from "../../src/cache/kernels.js";
import type { SharedStore } from "../../src/cache/shared.js";
import type { Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { fakeCompiler, leftBehind, newBench } from "./query-support.js";

const bench = newBench();
// What is private until the process ends lies where it is removed anyway.
process.env["TMPDIR"] = bench.folder;

const many = Float64Array.from({ length: 5000 }, (_, i) => i % 13);
const expected = many.reduce((sum, x) => sum + x * 3, 0);
const never = (): Promise<never> => new Promise(() => undefined);
const OBJECT = 'for word in "$@"; do [ "$previous" = -o ] && OUT=$word; previous=$word; done';
const FLAGS = 'for word in "$@"; do if [ "$word" = -fsyntax-only ]; then exit 0; fi; done';
const SECRET = "a secret that only these machines know";

interface Fault {
  readonly compiler?: string;
  readonly spoil?: (folder: string) => void;
  readonly store?: SharedStore;
  /** How the last run goes. */
  readonly ends: "js" | "cpu";
}

const compilerThat = (name: string, script: string): string => fakeCompiler(bench.folder, name, `${FLAGS}\n${script}`);
const storeThat = (get: () => unknown, set: () => unknown = () => true): SharedStore => ({ get, set, delete: () => Promise.reject(new Error("out of order")) });
const broken = (): never => {
  throw new Error("out of order");
};

const FAULTS: readonly [string, () => Fault][] = [
  ["a compiler that is missing", () => ({ compiler: "no-such-compiler", ends: "js" })],
  ["a compiler that is killed", () => ({ compiler: compilerThat("killed", "kill -KILL $$"), ends: "js" })],
  ["a compiler that is too slow, with a child of its own", () => ({ compiler: compilerThat("slow", "sleep 30 & sleep 30"), ends: "js" })],
  ["a compiler that writes garbage", () => ({ compiler: compilerThat("garbage", `${OBJECT}; cat > "$OUT"`), ends: "js" })],
  ["a cache folder that is a file", () => ({ spoil: folder => writeFileSync(folder, ""), ends: "cpu" })],
  ["a cache folder with a folder that cannot be an entry in its place", () => ({ spoil: folder => mkdirSync(path.join(folder, "compiler-0.json"), { recursive: true }), ends: "cpu" })],
  ["a store that fails at once", () => ({ store: storeThat(broken, broken), ends: "cpu" })],
  ["a store that never answers", () => ({ store: storeThat(never, never), ends: "cpu" })],
  ["a store that lies", () => ({ store: storeThat(() => "dotcompute kernel 1\n00\n{}\nAAAA"), ends: "cpu" })],
  ["a store that gives things of other kinds, and takes nothing", () => ({ store: storeThat(() => ({ then: null }), () => false), ends: "cpu" })],
];

function runtimeWith({ compiler, store }: Fault, folder: string): { readonly runtime: Runtime; readonly ran: string[]; readonly lines: string[] } {
  const [ran, lines]: [string[], string[]] = [[], []];
  const log = (line: string): void => void lines.push(line);
  const shared: CacheOptions = store === undefined ? {} : { shared: { store, secret: SECRET, timeLimit: 50 } };
  const cache = createKernelCache({ place: { folder }, ...shared }, log);
  const cpu = () => createCpuBackend({ cache, compiler, compileTimeLimit: compiler === undefined ? undefined : 300 });
  return { runtime: runtimeOn({ log, onRun: ({ backend }) => void ran.push(backend) }, { js: createJsBackend, cpu }, () => cache), ran, lines };
}

const isLinux = existsSync("/proc/self/fd");
/** Files and pipes that are open, processes that run, and what keeps this one alive. */
function open(): { readonly descriptors: number; readonly children: readonly string[]; readonly active: number } {
  const active = process.getActiveResourcesInfo().filter(name => /Process|Pipe|Timeout|FSReq/.test(name)).length;
  if (!isLinux) return { descriptors: 0, children: [], active };
  const tasks = readdirSync("/proc/self/task").map(task => `/proc/self/task/${task}/children`);
  return { descriptors: readdirSync("/proc/self/fd").length, children: tasks.flatMap(file => (existsSync(file) ? readFileSync(file, "utf8").split(" ").filter(Boolean) : [])), active };
}

/** Closing takes a turn or two. */
async function settledDown(before: ReturnType<typeof open>): Promise<ReturnType<typeof open>> {
  for (let turn = 0; turn < 100; turn++) {
    const now = open();
    if (now.descriptors <= before.descriptors && now.children.length <= before.children.length && now.active <= before.active) return before;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  return open();
}

describe.skipIf(bench.obstacle !== null)(`a fault leaves nothing behind${bench.obstacle === null ? "" : ` (skipped: ${bench.obstacle})`}`, () => {
  it.each(FAULTS)("%s", async (name, make) => {
    const fault = make();
    const folder = path.join(bench.folder, `cache of ${name}`);
    fault.spoil?.(folder);
    // What is opened once stays open: the addon, the pool of threads.
    await bench.cpu.compute(many).sum();
    const before = open();
    const { runtime, ran, lines } = runtimeWith(fault, folder);
    const total = () => runtime.compute(many).map(x => x * 3).sum();
    expect(total().value()).toBe(expected);
    expect(await total()).toBe(expected);
    await runtime.settled();
    expect([total().value(), await total()]).toEqual([expected, expected]);
    expect(ran.at(-1)).toBe(fault.ends);
    expect(lines.length).toBeLessThanOrEqual(2); // of the store, and what it did not take
    expect(await settledDown(before)).toEqual(before);
    const places = [folder, ...readdirSync(bench.folder).filter(entry => entry.startsWith("dotcompute-")).map(entry => path.join(bench.folder, entry))];
    expect(places.filter(isFolder).flatMap(leftBehind)).toEqual([]);
    expect(await bench.cpu.compute(many).map(x => x * 3).sum()).toBe(expected);
  });
});

function isFolder(place: string): boolean {
  try {
    readdirSync(place);
    return true;
  } catch {
    return false;
  }
}
