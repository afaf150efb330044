/** One thread of a soak: random queries, several at once, on runtimes with and without troubles, until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { createRuntime, type Runtime } from "../../src/index.js";
import { randoms } from "../laws/inputs.js";
import { outcomeOf, outcomeOfAsync, type Outcome } from "../laws/run.js";
import { disturb, makeRuntime, squeeze, TROUBLES, type Folders, type Trouble } from "./runtimes.js";
import type { Task } from "./task.js";
import { makeTasks } from "./work.js";

export interface ThreadData {
  readonly seed: number;
  readonly programs: number;
  readonly folders: Folders;
}

/** What a thread has done since it last told. */
export interface Told {
  readonly queries: number;
  readonly aborted: number;
  readonly lines: number;
  /** What was made to fail, and how often. */
  readonly injected: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

const { seed, programs, folders } = workerData as ThreadData;
const bits = randoms(seed);
const random = (): number => bits() / 2 ** 32;
const scripted = createRuntime({ backend: "js" });
/** All threads run the same programs, so that kernels are compiled once. */
const next = makeTasks(programs, 1, random, scripted);

let [queries, aborted, lines, stopped] = [0, 0, 0, false];
let faults: string[] = [];
let injected: Record<string, number> = {};
const inject = (what: string | null): void => {
  if (what !== null) injected[what] = (injected[what] ?? 0) + 1;
};

/** So many queries a runtime serves before another takes its place. */
const TERM = 300;

class Post {
  private left = TERM;
  private runtime: Runtime;

  constructor(private readonly trouble: Trouble) {
    this.runtime = this.renewed();
  }

  get(): Runtime {
    this.left -= 1;
    if (this.left <= 0) {
      this.left = TERM;
      this.runtime = this.renewed();
    }
    return this.runtime;
  }

  private renewed(): Runtime {
    return makeRuntime(this.trouble, { folders, random, log: () => (lines += 1), fault: inject });
  }
}

const posts = TROUBLES.map(trouble => new Post(trouble));

const isAbort = (error: unknown): boolean => error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");

async function run(task: Task): Promise<Outcome | null> {
  const runtime = (posts[Math.floor(random() * posts.length)] as Post).get();
  if (random() < 0.4) {
    const outcome = outcomeOf(() => task.now(runtime));
    return "value" in outcome && outcome.value instanceof Promise ? { value: await outcome.value } : outcome;
  }
  if (random() < 0.8) return outcomeOfAsync(() => task.later(runtime, undefined));
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), random() * 20);
  try {
    return await outcomeOfAsync(() => task.later(runtime, control.signal));
  } catch (error) {
    if (!isAbort(error)) throw error;
    aborted += 1;
    return null;
  } finally {
    clearTimeout(timer);
  }
}

async function worker(): Promise<void> {
  while (!stopped) {
    const task = next();
    try {
      const outcome = await run(task);
      const fault = outcome === null ? null : await task.fault(outcome);
      if (fault !== null) faults.push(`${task.told}\n${fault}`);
    } catch (error) {
      faults.push(`${task.told}\nthrew ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    queries += 1;
    if (random() < 0.02) inject(disturb(folders.troubled, random));
    if (random() < 0.002) inject(squeeze(random));
    // Messages come between queries, also where all of them run at once.
    await new Promise(resolve => setImmediate(resolve));
  }
}

function tell(): void {
  parentPort?.postMessage({ queries, aborted, lines, injected, faults } satisfies Told);
  [queries, aborted, lines, injected, faults] = [0, 0, 0, {}, []];
}

const timer = setInterval(tell, 500);
parentPort?.once("message", () => (stopped = true));
await Promise.all([worker(), worker(), worker()]);
clearInterval(timer);
tell();
parentPort?.close();
