/** Whether a query gives the same bits whoever runs it and how: on every backend, on any number of threads, alone and beside others. */
import { BackendError, QueryError } from "../../fusion/errors.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { BackendName, KernelResult } from "../backends/backend.js";
import { differenceInWords, differenceOf, numbered } from "../runtime/validation/compare.js";
import { seeded } from "../runtime/random.js";
import { reasonOf } from "../runtime/reasons.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import { checkRunOptions } from "./arguments.js";
import type { BoundQuery, BoundTerminal } from "./bound.js";
import { describe } from "./given.js";
import { checkOptions } from "./options.js";
import { runAsync, runNow, type Outcome } from "./run.js";
import type { BoundSource } from "./source.js";

export interface VerifyOptions {
  /** How many runs; 12 unless told. The first is on JavaScript. */
  readonly runs?: number | undefined;
  /** Of the random numbers by which threads, schedules and places in memory are drawn: that of a report repeats its runs. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifiedRun {
  readonly backend: BackendName;
  /** By how many threads it may have been shared. */
  readonly threads: number;
  /** On the calling thread; off it; or off it, beside others like it. */
  readonly schedule: "now" | "later" | "beside others";
  /** By how many elements the source's arrays were moved in memory. */
  readonly moved: number;
  /** How its result differs from the first run's, in a line; null if it is the same, bit for bit. */
  readonly difference: string | null;
}

export interface Verification {
  /** Whether all runs gave the same bits. */
  readonly same: boolean;
  readonly runs: readonly VerifiedRun[];
  /** The backends that could not run it, and why. */
  readonly leftOut: readonly { readonly backend: BackendName; readonly reason: string }[];
  readonly seed: number;
}

const RUNS = 12;
const MOST_THREADS = 8;
const MOST_MOVED = 8;
const BESIDE = 3;
const SCHEDULES = ["now", "later", "beside others"] as const;

/** `terminals`: what the query asks for; each is verified by itself. */
export async function verified(terminals: readonly BoundTerminal[], options: VerifyOptions = {}): Promise<Verification> {
  checkOptions(options, "verify", ["runs", "seed", "signal"], "Write verify({ runs: 20 }), or nothing.");
  const { runs = RUNS, seed = Math.floor(Math.random() * 2 ** 31) } = options;
  const { signal } = checkRunOptions({ signal: options.signal }, "run");
  for (const [name, value, least] of [["runs", runs, 2], ["seed", seed, 0]] as const) {
    if (!Number.isInteger(value) || value < least) throw new QueryError("DC305", `the option ${name} of verify() is a whole number from ${least} on, not ${describe(value)}`, "Leave it out for the usual.");
  }
  for (const { query } of terminals) {
    if (query.source.kind === "stream") throw new QueryError("DC310", "verify() runs a query several times, and a stream is read once", "Collect it first: compute(await query.toArrayAsync()).");
  }
  const random = seeded(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const [first] = terminals as [BoundTerminal];
  const { runtime } = first.query;
  runtime.check();
  const backends = runtime.tiers.accelerators().filter(({ name, available, place }) => available && (place !== null || name === "js" || name === "cpu")).map(({ name }) => name);
  const variants = new Map<number, RuntimeCore>();
  const done: VerifiedRun[] = [];
  const leftOut: Verification["leftOut"][number][] = [];
  let expected: readonly Outcome[] = [];
  for (let run = 0; run < runs; ) {
    // Each backend has its turn, and JavaScript the first.
    const backend = backends[run % backends.length] as BackendName;
    const threads = backend === "cpu" ? 1 + below(MOST_THREADS) : 1;
    // What may never end is begun where a signal can end it.
    const schedule = run === 0 ? (signal === undefined ? "now" : "later") : (SCHEDULES[below(SCHEDULES.length)] as (typeof SCHEDULES)[number]);
    const moved = run === 0 ? 0 : below(MOST_MOVED);
    const variant = variants.get(threads) ?? runtime.variant(threads);
    variants.set(threads, variant);
    const bound = terminals.map(terminal => inVariant(terminal, variant, backend, moved));
    const results = await outcomes(bound, schedule, signal).catch((error: unknown) => {
      if (!(error instanceof BackendError) || backend === "js") throw error;
      leftOut.push({ backend, reason: reasonOf(error.cause ?? error) });
      return null;
    });
    if (results === null) {
      backends.splice(backends.indexOf(backend), 1);
      continue;
    }
    if (run === 0) expected = results[0] as readonly Outcome[];
    const differences = results.flatMap(one => one.map((outcome, at) => difference(expected[at] as Outcome, outcome, backend)));
    done.push({ backend, threads, schedule, moved, difference: differences.find(found => found !== null) ?? null });
    run += 1;
  }
  return { same: done.every(({ difference }) => difference === null), runs: done, leftOut, seed };
}

async function outcomes(bound: readonly BoundTerminal[], schedule: VerifiedRun["schedule"], signal: AbortSignal | undefined): Promise<readonly (readonly Outcome[])[]> {
  signal?.throwIfAborted();
  if (schedule === "now") return [bound.map(terminal => runNow(terminal, null, null, "host"))];
  const later = async (): Promise<readonly Outcome[]> => {
    const all: Outcome[] = [];
    for (const terminal of bound) all.push(await runAsync(terminal, null, signal, null, "host"));
    return all;
  };
  return Promise.all(Array.from({ length: schedule === "later" ? 1 : BESIDE }, later));
}

function difference(expected: Outcome, outcome: Outcome, backend: BackendName): string | null {
  const [one, other] = [whole(expected), whole(outcome)];
  const found = differenceOf(one, other);
  return found === null ? null : differenceInWords(found, ["the first run, on js,", backend], numbered(one.outputs?.length ?? one.values?.length ?? 1));
}

/** With columns that were handed on as they are. */
const whole = ({ result, columns }: Outcome): KernelResult => (columns === null ? result : { ...result, output: null, outputs: [...columns.values()] });

function inVariant(terminal: BoundTerminal, runtime: RuntimeCore, backend: BackendName, moved: number): BoundTerminal {
  const query: BoundQuery = { ...terminal.query, runtime, backend, source: movedSource(terminal.query.source, moved) };
  return { ...terminal, query };
}

/** The same elements so many elements further on in memory of their own. */
function movedSource(source: BoundSource, by: number): BoundSource {
  if (by === 0) return source;
  if (source.kind === "array") return { ...source, array: movedArray(source.array, by) };
  if (source.kind === "columns" && source.buffers === null) return { ...source, table: new Map([...source.table].map(([name, array]) => [name, movedArray(array, by)])) };
  return source;
}

function movedArray(array: AnyTypedArray, by: number): AnyTypedArray {
  const Holder = array.constructor as new (length: number) => Float64Array;
  const room = new Holder(array.length + by);
  room.set(array as Float64Array, by);
  return room.subarray(by);
}
