/** What a query's time goes to: its first run, with all that is done once, and a later one. */
import { QueryError } from "../../fusion/errors.js";
import type { BackendName } from "../backends/backend.js";
import type { Phase, RuntimeEvent } from "../runtime/events.js";
import { traceOf, type ChromeTrace, type Heard } from "../runtime/trace.js";
import type { BoundTerminal } from "./bound.js";
import { quote } from "./given.js";
import { checkOptions } from "./options.js";
import { profileInWords } from "./profile-text.js";
import { calledAs } from "./show.js";

/** Milliseconds of each step; null for what was not done. */
export interface StepTimes {
  /** Reading the lambdas, which is done when a query is built. */
  readonly parse: number | null;
  /** Fusing them to kernels: by the first run, or before it, if the query was explained or checked. */
  readonly fuse: number | null;
  readonly emit: number | null;
  /** By compilers, whether a run waited for them or not. */
  readonly compile: number | null;
  readonly load: number | null;
  /** To devices, and from them. */
  readonly transfer: number | null;
  /** Sorting, grouping, joining and moving rows between kernels. */
  readonly move: number | null;
  /** Of devices by their own clock. */
  readonly kernel: number | null;
  readonly copyOut: number | null;
}

export interface RunProfile extends StepTimes {
  /** From its beginning to its end. What is compiled in the background is not in it, nor what is done when a query is built. */
  readonly total: number;
  readonly kernels: readonly KernelProfile[];
}

export interface KernelProfile {
  readonly backend: BackendName;
  readonly length: number;
  readonly milliseconds: number;
  /** What it had to read and write at least. */
  readonly bytes: number;
}

export interface Profile {
  readonly terminal: string;
  /** The run as it comes, and what had to be made for it and for those behind it. */
  readonly first: RunProfile;
  /** The quickest of some runs that follow when everything has been compiled. */
  readonly warm: RunProfile;
}

export interface ProfileInWords {
  readonly format?: "text" | undefined;
}

export interface ProfileAsData {
  readonly format: "json";
}

export interface ProfileAsTrace {
  readonly format: "trace";
}

export type ProfileOptions = ProfileInWords | ProfileAsData | ProfileAsTrace;

/** A small kernel is compiled by its second run. */
const COLD_RUNS = 2;
const WARM_RUNS = 3;

/** `run`: runs the terminal now. */
export async function profiled(bound: BoundTerminal, run: () => unknown, options: ProfileOptions): Promise<string | Profile | ChromeTrace> {
  const remedy = 'Write { format: "text" }, { format: "json" } or { format: "trace" }.';
  const { format = "text" } = checkOptions(options, "profile", ["format"], remedy);
  if (format !== "text" && format !== "json" && format !== "trace") throw new QueryError("DC305", `profile() is told the format ${quote(format)}`, remedy);
  if (bound.query.source.kind === "stream") {
    throw new QueryError("DC310", "a profile runs its query several times, and a stream is read once", "Record the one run instead: const recording = runtime.record(), and then recording.stop(). Or profile the query over the array of one chunk.");
  }
  const { events, tiers } = bound.query.runtime;
  const heard: Heard[] = [];
  const end = events.listen(event => void heard.push({ event, at: performance.now() }), { timing: true });
  try {
    const runs: { readonly events: readonly RuntimeEvent[]; readonly total: number }[] = [];
    for (let at = 0; at < COLD_RUNS + WARM_RUNS; at += 1) {
      const from = heard.length;
      const begin = performance.now();
      run();
      runs.push({ total: performance.now() - begin, events: heard.slice(from).map(({ event }) => event) });
      await tiers.settled();
    }
    if (format === "trace") return traceOf(heard);
    const profile = profileOf(bound, runs as [Ran, ...Ran[]], heard.map(({ event }) => event));
    return format === "json" ? profile : profileInWords(profile);
  } finally {
    end();
  }
}

interface Ran {
  /** Nobody else runs meanwhile, so these are all its own. */
  readonly events: readonly RuntimeEvent[];
  readonly total: number;
}

/** `all`: of compilers at work behind the runs, too. */
function profileOf(bound: BoundTerminal, runs: readonly [Ran, ...Ran[]], all: readonly RuntimeEvent[]): Profile {
  const [cold] = runs;
  const own = new Set(runs.flatMap(({ events }) => events.flatMap(event => (event.kind === "begin" ? [event.run] : []))));
  const made = all.filter(event => "run" in event && event.run !== null && own.has(event.run));
  const first = runProfile(cold, made);
  const warm = runs.slice(COLD_RUNS).reduce((quickest, one) => (one.total < quickest.total ? one : quickest));
  return { terminal: calledAs(bound.node), first: { ...first, parse: parseTimeOf(bound), fuse: first.fuse ?? (bound.node.fuseTime || null) }, warm: runProfile(warm, warm.events) };
}

/** `made`: what tells of kernels in the making. */
function runProfile({ events, total }: Ran, made: readonly RuntimeEvent[]): RunProfile {
  const phase = (name: Phase, from = events): number | null => sum(from.flatMap(event => (event.kind === "phase" && event.phase === name ? [timeOf(event)] : [])));
  const kernels = events.flatMap((event): KernelProfile[] => (event.kind === "kernel" && event.error === null ? [{ backend: event.backend, length: event.length, milliseconds: kernelTime(event), bytes: event.bytes }] : []));
  return {
    parse: phase("parse"),
    fuse: phase("fuse"),
    emit: phase("emit", made),
    compile: sum(made.flatMap(event => (event.kind === "compile" ? [timeOf(event)] : []))),
    load: phase("load", made),
    transfer: sum(events.flatMap(event => (event.kind === "transfer" ? [timeOf(event)] : []))),
    move: phase("move"),
    kernel: sum(kernels.map(({ milliseconds }) => milliseconds)),
    copyOut: phase("copy out"),
    total,
    kernels,
  };
}

const timeOf = ({ begin, end }: { readonly begin: number; readonly end: number }): number => end - begin;

const sum = (times: readonly number[]): number | null => (times.length === 0 ? null : times.reduce((a, b) => a + b));

/** By the device's own clock, where it has one. */
function kernelTime(event: RuntimeEvent & { readonly kind: "kernel" }): number {
  return sum(event.spans.flatMap(({ what, milliseconds }) => (what === "kernel" ? [milliseconds] : []))) ?? timeOf(event);
}

/** As it was noted when the query was built. */
function parseTimeOf({ query, node, branches = [] }: BoundTerminal): number | null {
  const { parseTime } = query.shape;
  const behind = branches.map(({ terminal }) => terminal.node.parseTime - parseTime);
  return (branches.length === 0 ? node.parseTime : behind.reduce((a, b) => a + b, parseTime)) || null;
}
