/** From measurements to what is printed: one table, then what the targets say. */
import type { MemoryUse } from "./memory.js";

/** One line of the table: a workload, in one way of storing its result, at one size. All times are medians, in seconds. */
export interface Row {
  readonly workload: string;
  readonly result: "value" | "new array" | "into";
  readonly n: number;
  readonly query: number;
  readonly loop: number;
  /** Array methods always make new arrays. */
  readonly chain: number | null;
  readonly handwritten: number;
  /** Without Node; at the largest size only. */
  readonly standalone: number | null;
  readonly samples: number;
  /** The quickest samples, for a busy machine. */
  readonly least: { readonly query: number; readonly handwritten: number };
  /** Of the source and of the result. */
  readonly bytes: number;
  /** `bytes` for each second, as a share of what reading (values) or copying (arrays) memory of that size reaches. */
  readonly share: number | null;
}

export interface CompileTime {
  readonly workload: string;
  /** Seconds from calling the query to its result at n = 16, with an empty cache: emit, compiler, load, run. */
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Measurements {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly compiler: string;
  readonly flags: string;
  /** How many processes wanted a processor in the minute before. */
  readonly load: number;
  /** Bytes for each second, one thread. */
  readonly bandwidth: { readonly read: number; readonly copy: number; readonly copyStreaming: number; readonly bytes: number } | null;
  readonly rows: readonly Row[];
  readonly compile: readonly CompileTime[];
  readonly memory: readonly (MemoryUse & { readonly workload: string; readonly n: number })[];
}

export interface Target {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

const MIB = 2 ** 20;
/** A load above this disturbs times. */
const QUIET = 0.7;
/** The limits that `npm run bench` judges by. */
const LIMITS = { handwritten: 1.5, repeated: 5e-6, compile: 0.25, memory: 16 * MIB } as const;

export function targetsOf({ rows, compile, memory }: Measurements, largest: number): readonly Target[] {
  const targets: Target[] = [];
  for (const row of rows.filter(({ n }) => n === largest)) {
    const ratio = row.query / row.handwritten;
    targets.push({
      what: `${titleOf(row)}, n = ${size(row.n)}: time of hand-written C++`,
      limit: `≤ ${LIMITS.handwritten.toFixed(2)} ×`,
      measured: `${ratio.toFixed(2)} ×`,
      met: ratio <= LIMITS.handwritten,
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
  for (const { workload, median, least, most } of compile) {
    targets.push({
      what: `${workload}: kernel emitted, compiled and loaded`,
      limit: `< ${duration(LIMITS.compile)}`,
      measured: `${duration(median)} (${duration(least)} to ${duration(most)})`,
      met: median < LIMITS.compile,
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
  return targets;
}

const MODES = { native: "native", into: "native, into", cold: "first run, not yet compiled" } as const;
const titleOf = ({ workload, result }: Row): string => (result === "value" ? workload : `${workload} (${result})`);

const HEADINGS = ["workload", "n", "dotcompute", "JS loop", "array methods", "C++ loop", "C++ alone", "GB/s", "of memory"];

function cellsOf(row: Row): readonly string[] {
  const times = (time: number | null): string => (time === null ? "" : `${ratio(time / row.query)} ×`);
  return [
    titleOf(row),
    size(row.n),
    duration(row.query),
    times(row.loop),
    times(row.chain),
    times(row.handwritten),
    times(row.standalone),
    row.share === null ? "" : (row.bytes / row.query / 1e9).toFixed(1),
    row.share === null ? "" : `${Math.round(row.share * 100)} %`,
  ];
}

const LEGEND = [
  "dotcompute: one warm query on one thread, written anew with its lambdas and run by .value() or .toArray(); medians.",
  "Other columns: their time as a multiple of dotcompute's, in the same run, in turns. Above 1, dotcompute is faster.",
  "C++ loop: written by hand, of the same meaning, through the same addon; C++ alone: the same loop in a program without Node.",
  "of memory: bytes of source and result for each second, as a share of what reading (or copying) that much memory reaches.",
];

function facts({ date, machine, node, compiler, flags, load, bandwidth }: Measurements): readonly string[] {
  const lines = [`${date}, ${machine}, Node ${node}`, `${compiler}, ${flags}`];
  if (load > QUIET) lines.push(`The machine was busy with other work (load ${load.toFixed(1)}): times are disturbed`);
  if (bandwidth !== null) {
    const speed = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB/s`;
    lines.push(
      `Memory, one thread, ${Math.round(bandwidth.bytes / 1e6)} MB: read ${speed(bandwidth.read)}, copy ${speed(bandwidth.copy)}, copy past the cache ${speed(bandwidth.copyStreaming)} (read and written bytes counted)`,
    );
  }
  return lines;
}

/** For the terminal. */
export function asText(measurements: Measurements, targets: readonly Target[]): string {
  return [
    grid(HEADINGS, measurements.rows.map(cellsOf)),
    "",
    ...LEGEND,
    "",
    ...facts(measurements),
    "",
    grid(["target", "limit", "measured", ""], targets.map(({ what, limit, measured, met }) => [what, limit, measured, met ? "met" : "MISSED"])),
    "",
    summary(targets),
  ].join("\n");
}

/** For the README. */
export function asMarkdown(measurements: Measurements, targets: readonly Target[]): string {
  const table = (headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => {
    const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
    return [line(headings), line(headings.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)];
  };
  return [
    ...table(HEADINGS, measurements.rows.map(cellsOf)),
    "",
    ...LEGEND.map(line => `- ${line}`),
    ...facts(measurements).map(line => `- ${line}`),
    "",
    ...table(["target", "limit", "measured", ""], targets.map(({ what, limit, measured, met }) => [what, limit, measured, met ? "met" : "**missed**"])),
    "",
    summary(targets),
    "",
  ].join("\n");
}

function summary(targets: readonly Target[]): string {
  const met = targets.filter(target => target.met).length;
  return `${met} of ${targets.length} targets met.`;
}

function grid(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ").trimEnd();
  return [line(headings), widths.map(width => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

export function duration(seconds: number): string {
  if (seconds < 1e-6) return `${(seconds * 1e9).toFixed(0)} ns`;
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toPrecision(3)} ms`;
  return `${seconds.toPrecision(3)} s`;
}
const size = (n: number): string => (n >= 1000 && Number.isInteger(Math.log10(n)) ? `1e${Math.log10(n)}` : String(n));
const ratio = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
