/**
 * Each call of the file system that the kernel cache makes fails in turn, as full disks, folders that may not be read and processes with
 * too many files do: queries give what they must, or say why not; nothing unfinished lies about; the next process finds a sound cache. With every code each: DOTCOMPUTE_FAULTS=all.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { BackendError } from "../../fusion/errors.js";
import { createRuntime, type Runtime } from "../../src/index.js";
import { fakeCompiler, leftBehind, newBench } from "./query-support.js";

/** What fails: the nth call from now on that names something below the folder; which it was. */
const disk = vi.hoisted(() => ({ folder: "", nth: 0, code: "", count: 0, failed: "" }));

vi.mock("node:fs", async importOriginal => ({ ...(await importOriginal<object>()), ...failing(await importOriginal<Calls>()) }));
vi.mock("node:fs/promises", async importOriginal => ({ ...(await importOriginal<object>()), ...failing(await importOriginal<Calls>()) }));

type Calls = Readonly<Record<string, unknown>>;

/** Calls that can fail, wherever they fail on purpose: none but `existsSync`, which never throws. */
const failing = vi.hoisted(() => (calls: Calls): Calls => {
  const failsAt = (name: string, file: unknown): boolean => {
    if (disk.nth === 0 || typeof file !== "string" || !file.startsWith(disk.folder) || ++disk.count !== disk.nth) return false;
    disk.failed = name;
    return true;
  };
  const errorOf = (name: string, file: unknown): Error => Object.assign(new Error(`${disk.code}: as the test asked, ${name} '${String(file)}'`), { code: disk.code, syscall: name, path: file });
  const names = ["chmodSync", "lstatSync", "statSync", "readdirSync", "readFileSync", "renameSync", "rmSync", "utimesSync", "writeFileSync", "mkdirSync", "mkdtempSync", "writeFile"];
  return Object.fromEntries(
    names.filter(name => typeof calls[name] === "function").map(name => [
      name,
      (file: unknown, ...rest: readonly unknown[]): unknown => {
        if (!failsAt(name, file)) return (calls[name] as (...all: readonly unknown[]) => unknown)(file, ...rest);
        if (name === "writeFile") return Promise.reject(errorOf(name, file));
        throw errorOf(name, file);
      },
    ]),
  );
});

const bench = newBench();
// What is private until the process ends lies where it is removed anyway.
const privately = path.join(bench.folder, "private");
mkdirSync(privately);
process.env["TMPDIR"] = privately;
afterEach(() => void (disk.nth = 0));

const data = Float64Array.from({ length: 500 }, (_, at) => at % 13);
const wanted = data.map(x => x * 3 - 1);
const query = (runtime: Runtime) => runtime.compute(data).map(x => x * 3 - 1);

/** Copies what the real compiler has made of the same kernel. */
function copyingCompiler(): string {
  const kept = path.join(bench.folder, "kept.so");
  const script = 'for word in "$@"; do if [ "$word" = -fsyntax-only ]; then exit 0; fi; done\nfor word in "$@"; do [ "$previous" = -o ] && OUT=$word; previous=$word; done\n';
  const first = createRuntime({ backend: "cpu", compiler: fakeCompiler(bench.folder, "real", `${script}c++ "$@" && cp "$OUT" ${kept}`), cacheFolder: path.join(bench.folder, "first") });
  expect(query(first).toArray()).toEqual(wanted);
  copyFileSync(kept, `${kept}.sound`);
  return fakeCompiler(bench.folder, "copying", `${script}cp ${kept}.sound "$OUT"`);
}

const CODES = ["ENOSPC", "EACCES", "EIO", "EMFILE"] as const;
let folders = 0;

interface Trial {
  readonly insists: boolean;
  /** Whether the cache holds the kernel before. */
  readonly warm: boolean;
}

/** Gives how many calls there were, if none was to fail. */
async function trial(compiler: string, { insists, warm }: Trial, nth: number, code: string): Promise<number> {
  const cacheFolder = path.join(bench.folder, `cache-${++folders}`);
  const open = (log: (line: string) => void = () => undefined, ran: string[] = []): Runtime =>
    createRuntime({ backend: insists ? "cpu" : ["cpu"], compiler, cacheFolder, log, onRun: ({ backend }) => void ran.push(backend), resilience: { baseDelay: 0 } });
  if (warm) expect(query(open()).on("cpu").toArray()).toEqual(wanted);
  const [lines, ran]: [string[], string[]] = [[], []];
  const runtime = open(line => void lines.push(line), ran);
  Object.assign(disk, { folder: cacheFolder, nth, code, count: 0, failed: "" });
  let outcome: unknown;
  if (insists) {
    try {
      outcome = query(runtime).toArray();
    } catch (error) {
      outcome = error;
    }
  } else {
    for (const { reason } of await runtime.precompile(query(runtime))) if (reason !== null) lines.push(reason);
    outcome = await query(runtime).toArrayAsync();
  }
  const { count, failed } = disk;
  disk.nth = 0;
  const where = { insists, warm, nth, code, failed };
  if (!isDeepStrictEqual(outcome, wanted)) {
    expect({ where, insists }).toEqual({ where, insists: true });
    expect({ where, code: (outcome as BackendError).code, told: (outcome as BackendError).message }).toEqual({ where, code: expect.stringMatching(/^DC40[2345]$/), told: expect.stringContaining(code) });
  } else if (ran.includes("js")) expect({ where, lines }).toEqual({ where, lines: [expect.stringContaining(code)] });
  // The same runtime, and the next process.
  expect({ where, again: await query(runtime).toArrayAsync() }).toEqual({ where, again: wanted });
  await runtime.dispose();
  const next = open(undefined, ran);
  expect({ where, next: query(next).on("cpu").toArray() }).toEqual({ where, next: wanted });
  await next.dispose();
  // What could not be removed is removed by a later process.
  if (failed !== "rmSync" && existsSync(cacheFolder)) expect({ where, left: leftBehind(cacheFolder) }).toEqual({ where, left: [] });
  for (const name of readdirSync(privately)) expect({ where, left: leftBehind(path.join(privately, name)) }).toEqual({ where, left: [] });
  return count;
}

describe.skipIf(bench.obstacle !== null)(`calls of the file system that fail in turn${bench.obstacle === null ? "" : ` (skipped: ${bench.obstacle})`}`, () => {
  it.each([
    ["while a query that insists compiles", { insists: true, warm: false }],
    ["while kernels are compiled beforehand", { insists: false, warm: false }],
    ["while a kernel is loaded", { insists: true, warm: true }],
  ] as const)("%s", async (_, how) => {
    const compiler = copyingCompiler();
    const listeners = process.listenerCount("exit");
    const calls = await trial(compiler, how, 1e9, "EIO");
    expect(calls).toBeGreaterThan(how.warm ? 3 : 12);
    for (let nth = 1; nth <= calls; nth++) for (const code of process.env["DOTCOMPUTE_FAULTS"] === "all" ? CODES : [CODES[nth % 4] as string]) await trial(compiler, how, nth, code);
    // However many runtimes were driven out of their folders, one listener removes all that they have used instead.
    expect(process.listenerCount("exit") - listeners).toBeLessThanOrEqual(1);
  });
});
