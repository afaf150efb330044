/** From measurements to what is printed: one table, then what the targets say. */
import { elementaryLegend, elementaryTable, elementaryTargets } from "./elementary-report.js";
import type { Busy } from "./busy.js";
import type { ColdStarts } from "./cold.js";
import type { ElementaryTimes } from "./elementary.js";
import type { MemoryUse } from "./memory.js";
import type { Recycling } from "./recycling.js";
import { duration, grid, markdown, ratio, size, type Table, type Target } from "./tables.js";

/** One line of the table: a workload, in one way of storing its result, at one size. All times are medians, in seconds. */
export interface Row {
  readonly workload: string;
  readonly result: "value" | "new array" | "into";
  readonly n: number;
  readonly query: number;
  /** On all threads. */
  readonly threads: number;
  readonly loop: number;
  /** Array methods always make new arrays. */
  readonly chain: number | null;
  readonly handwritten: number;
  readonly handwrittenThreads: number;
  /** Without Node; at the largest size only. */
  readonly standalone: number | null;
  readonly samples: number;
  /** The quickest samples, for a busy machine. */
  readonly least: { readonly query: number; readonly handwritten: number };
  /** Of the source and of the result. */
  readonly bytes: number;
  /** `bytes` for each second, as a share of what reading (values) or copying (arrays) memory of that size reaches: on one thread, and on all of each. */
  readonly share: { readonly one: number; readonly all: number } | null;
}

export interface CompileTime {
  readonly workload: string;
  /** Seconds from calling the query to its result at n = 16, with an empty cache: emit, compiler, load, run. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** Seconds that the median must stay below. */
  readonly limit: number;
}

/** What memory reaches: bytes for each second, read and written ones. */
export interface Bandwidth {
  readonly read: number;
  readonly copy: number;
  /** Nothing of the destination is read first. */
  readonly copyStreaming: number;
  readonly triad: number;
}

export interface Measurements {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly compiler: string;
  readonly flags: string;
  /** How many processes wanted a processor in the minute before. */
  readonly load: number;
  readonly bandwidth: { readonly one: Bandwidth; readonly all: Bandwidth; readonly bytes: number } | null;
  readonly rows: readonly Row[];
  readonly compile: readonly CompileTime[];
  readonly memory: readonly (MemoryUse & { readonly workload: string; readonly n: number })[];
  readonly recycling: Recycling | null;
  readonly elementary: ElementaryTimes | null;
  readonly cold: ColdStarts | null;
  readonly busy: readonly Busy[] | null;
}

const MIB = 2 ** 20;
/** A load above this disturbs times. */
const QUIET = 0.7;
/** The limits that `npm run bench` judges by. */
export const LIMITS = { handwritten: 1 / 0.9, divergent: 1.3, share: 0.85, repeated: 5e-6, compile: 0.25, compileElementary: 0.5, memory: 16 * MIB, recycled: 2, kept: 0.9, busy: 1.25, cold: { imports: 0.015, warm: 0.03, empty: 0.3 } } as const;

export function targetsOf({ rows, compile, memory, recycling, elementary, cold, busy }: Measurements, largest: number): readonly Target[] {
  const targets: Target[] = [];
  for (const row of rows.filter(({ n }) => n === largest)) {
    // What reads no memory computes in loops that elements leave at different turns.
    const limit = row.share === null ? LIMITS.divergent : LIMITS.handwritten;
    for (const [where, ratio] of [["one thread", row.query / row.handwritten], ["all threads", row.threads / row.handwrittenThreads]] as const) {
      targets.push({ what: `${titleOf(row)}, n = ${size(row.n)}, ${where}: time of hand-written C++`, limit: `≤ ${limit.toFixed(2)} ×`, measured: `${ratio.toFixed(2)} ×`, met: ratio <= limit });
    }
  }
  for (const row of rows.filter(({ n, result }) => n === largest && result !== "new array")) {
    if (row.share === null) continue;
    for (const [where, share] of [["one thread", row.share.one], ["all threads", row.share.all]] as const) {
      const percent = (part: number): string => `${Math.round(part * 100)} %`;
      targets.push({ what: `${titleOf(row)}, n = ${size(row.n)}, ${where}: share of the memory's bandwidth`, limit: `≥ ${percent(LIMITS.share)}`, measured: percent(share), met: share >= LIMITS.share });
    }
  }
  for (const row of rows.filter(({ n, result }) => n === largest && result === "new array")) {
    const kept = rows.find(({ workload, n, result }) => workload === row.workload && n === largest && result === "into");
    const speed = (kept?.handwritten ?? NaN) / row.query;
    targets.push({
      what: `${titleOf(row)}, n = ${size(row.n)}: speed of hand-written C++ into an array that is kept`,
      limit: `≥ ${LIMITS.kept.toFixed(2)} ×`,
      measured: `${speed.toFixed(2)} ×`,
      met: speed >= LIMITS.kept,
    });
  }
  for (const row of rows.filter(({ n }) => n === 16)) {
    targets.push({
      what: `${titleOf(row)}, n = 16: query built and run again`,
      limit: `< ${duration(LIMITS.repeated)}`,
      measured: duration(row.query),
      met: row.query < LIMITS.repeated,
    });
  }
  for (const { workload, median, least, most, limit } of compile) {
    targets.push({
      what: `${workload}: kernel emitted, compiled and loaded`,
      limit: `< ${duration(limit)}`,
      measured: `${duration(median)} (${duration(least)} to ${duration(most)})`,
      met: median < limit,
    });
  }
  for (const { workload, mode, inputs, outputs, peak } of memory) {
    const more = peak - inputs - outputs;
    targets.push({
      what: `${workload}, ${MODES[mode]}: peak memory beyond input and output`,
      limit: `≤ ${LIMITS.memory / MIB} MiB`,
      measured: `${(more / MIB).toFixed(1)} MiB`,
      met: more <= LIMITS.memory,
    });
  }
  if (recycling !== null) {
    const { bytes, recycled, fresh } = recycling;
    targets.push({
      what: `f64 map to ${bytes / 1e6} MB of recycled memory (${duration(recycled)}): time of new memory (${duration(fresh)})`,
      limit: `≥ ${LIMITS.recycled.toFixed(2)} ×`,
      measured: `${(fresh / recycled).toFixed(2)} ×`,
      met: fresh / recycled >= LIMITS.recycled,
    });
  }
  if (elementary !== null) targets.push(...elementaryTargets(elementary));
  for (const row of busy ?? []) {
    targets.push({
      what: `${row.workload}, n = ${size(row.n)}, a busy process on one processor: all threads' time, of one thread's (${ratio(row.quiet)} × without)`,
      limit: `≤ ${LIMITS.busy.toFixed(2)} ×`,
      measured: `${row.busy.toFixed(2)} ×`,
      met: row.busy <= LIMITS.busy,
    });
  }
  if (cold !== null) {
    const what = { imports: "import of the library, warm cache", warm: "from import to the first native result, warm cache", empty: "from import to the first native result, empty cache" };
    for (const [name, limit] of Object.entries(LIMITS.cold)) {
      const measured = cold[name as keyof typeof what];
      targets.push({ what: `a new process: ${what[name as keyof typeof what]}`, limit: `< ${duration(limit)}`, measured: duration(measured), met: measured < limit });
    }
  }
  return targets;
}

const MODES = { native: "native", into: "native, into", cold: "first run, not yet compiled" } as const;
const titleOf = ({ workload, result }: Row): string => (result === "value" ? workload : `${workload} (${result})`);

const HEADINGS = ["workload", "n", "dotcompute", "all threads", "JS loop", "array methods", "C++ loop", "C++ alone", "all threads: C++ loop", "GB/s", "of memory", "all threads: of memory"];

function cellsOf(row: Row): readonly string[] {
  const times = (time: number | null): string => (time === null ? "" : `${ratio(time / row.query)} ×`);
  return [
    titleOf(row),
    size(row.n),
    duration(row.query),
    times(row.threads),
    times(row.loop),
    times(row.chain),
    times(row.handwritten),
    times(row.standalone),
    `${ratio(row.handwrittenThreads / row.threads)} ×`,
    row.share === null ? "" : (row.bytes / row.query / 1e9).toFixed(1),
    ...(row.share === null ? ["", ""] : [row.share.one, row.share.all].map(share => `${Math.round(share * 100)} %`)),
  ];
}

const LEGEND = [
  "dotcompute: one warm query on one thread, written anew with its lambdas and run by .value() or .toArray(); medians.",
  "Other columns: their time as a multiple of dotcompute's, in the same run, in turns. Above 1, dotcompute is faster.",
  "all threads: dotcompute on as many threads as there are processors, with the same bits; below 1, that is faster.",
  "C++ loop: written by hand, of the same meaning, through the same addon; C++ alone: the same loop in a program without Node.",
  "all threads: C++ loop: that loop on as many threads, as a multiple of dotcompute's on all threads.",
  "of memory: bytes of source and result for each second, as a share of what reading (or copying) that much memory reaches, on one thread or on all.",
];

function facts({ date, machine, node, compiler, flags, load, bandwidth }: Measurements): readonly string[] {
  const lines = [`${date}, ${machine}, Node ${node}`, `${compiler}, ${flags}`];
  if (load > QUIET) lines.push(`The machine was busy with other work (load ${load.toFixed(1)}): times are disturbed`);
  if (bandwidth !== null) {
    const speed = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB/s`;
    for (const [threads, { read, copy, copyStreaming, triad }] of [["one thread", bandwidth.one], ["all threads", bandwidth.all]] as const) {
      lines.push(`Memory, ${threads}, ${Math.round(bandwidth.bytes / 1e6)} MB: read ${speed(read)}, copy ${speed(copy)}, copy past the cache ${speed(copyStreaming)}, triad ${speed(triad)} (read and written bytes counted)`);
    }
  }
  return lines;
}

/** A table, and what explains it. */
interface Section {
  readonly table: Table;
  readonly legend: readonly string[];
}

function sectionsOf({ rows, elementary }: Measurements): readonly Section[] {
  const sections: Section[] = [];
  if (rows.length > 0) sections.push({ table: { headings: HEADINGS, words: 1, rows: rows.map(cellsOf) }, legend: LEGEND });
  if (elementary !== null && elementary.rows.length > 0) sections.push({ table: elementaryTable(elementary), legend: elementaryLegend(elementary) });
  return sections;
}

const targetTable = (targets: readonly Target[], missed: string): Table => ({
  headings: ["target", "limit", "measured", ""],
  words: 1,
  rows: targets.map(({ what, limit, measured, met }) => [what, limit, measured, met ? "met" : missed]),
});

/** For the terminal. */
export function asText(measurements: Measurements, targets: readonly Target[]): string {
  return [
    ...sectionsOf(measurements).flatMap(({ table, legend }) => [grid(table), "", ...legend, ""]),
    ...facts(measurements),
    "",
    ...(targets.length === 0 ? [] : [grid(targetTable(targets, "MISSED")), "", summary(targets)]),
  ].join("\n");
}

/** For the README. */
export function asMarkdown(measurements: Measurements, targets: readonly Target[]): string {
  return [
    ...sectionsOf(measurements).flatMap(({ table, legend }) => [...markdown(table), "", ...legend.map(line => `- ${line}`), ""]),
    ...facts(measurements).map(line => `- ${line}`),
    "",
    ...markdown(targetTable(targets, "**missed**")),
    "",
    summary(targets),
    "",
  ].join("\n");
}

function summary(targets: readonly Target[]): string {
  const met = targets.filter(target => target.met).length;
  return `${met} of ${targets.length} targets met.`;
}
