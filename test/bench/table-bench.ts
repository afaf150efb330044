/** Measures queries of tables against other libraries: `npm run bench -- --measure=tables`. */
import os from "node:os";
import path from "node:path";
import { createRuntime, type TypedArray } from "dotcompute";
import type { Handwritten, Library } from "./handwritten.js";
import { median } from "./measure.js";
import { loadPeers, tableIn, type Peers } from "./peers.js";
import { TABLE_WORKLOADS, tableData, type TableData, type TableWorkload } from "./table-workloads.js";
import { duration, markdown, ratio, size } from "./tables.js";

const ROWS = 1e7;
const JOINED = 1e6;
const ROUNDS = 3;
/** A contender that takes longer than so many seconds is measured once. */
const LONG = 3;

type Run = () => unknown;
type Contender = "dotcompute" | "JavaScript" | "polars" | "duckdb" | "C++" | "exact C++";

export interface TableRow {
  readonly workload: string;
  /** Seconds; why there are none. */
  readonly times: Readonly<Partial<Record<Contender, number | string>>>;
}

export interface TableMeasurements {
  readonly n: number;
  readonly peers: string;
  readonly rows: readonly TableRow[];
}

export async function measureTables(handwritten: Handwritten, folder: string, cacheFolder: string, names: readonly string[] | null, progress: (line: string) => void): Promise<TableMeasurements> {
  progress("tables: data and peers");
  const peers = await loadPeers(folder);
  const data = tableData(ROWS, JOINED);
  const { price, discount, quantity, single, few, many } = data;
  const frames = {
    rows: await tableIn(peers, "rows", { price, discount, quantity, single, few, many }),
    lefts: await tableIn(peers, "lefts", { id: data.leftId, left: data.left }),
    rights: await tableIn(peers, "rights", { id: data.rightId, right: data.right }),
  };
  const runtime = createRuntime({ cacheFolder });
  const loops = handwritten.library("handwritten-tables.cpp");
  const rows: TableRow[] = [];
  for (const workload of TABLE_WORKLOADS.filter(({ name }) => names === null || names.some(part => name.includes(part)))) {
    progress(`tables: ${workload.name}`);
    rows.push({ workload: workload.name, times: await inTurns(contenders(workload, runtime, data, peers, frames, loops), () => runtime.settled()) });
  }
  return { n: ROWS, peers: peers.versions, rows };
}

function contenders(workload: TableWorkload, runtime: ReturnType<typeof createRuntime>, data: TableData, { polars, duckdb }: Peers, frames: Parameters<TableWorkload["polars"]>[1], loops: Library): Partial<Record<Contender, Run | string>> {
  const { cpp } = workload;
  const byHand = (symbol: string, { signature, source, arrays, output }: NonNullable<typeof cpp>, exact = false): Run => {
    const made = output(data);
    const run = loops.bind(symbol, signature, data[source], data[source].length, made, arrays.map(name => data[name]));
    if (exact) check(workload, run, made, workload.query(runtime, data)?.());
    return run;
  };
  return {
    dotcompute: workload.query(runtime, data) ?? "not there yet",
    JavaScript: () => workload.script(data),
    polars: typeof polars === "string" ? polars : () => workload.polars(polars, frames) as unknown,
    duckdb: typeof duckdb === "string" ? duckdb : typeof polars === "string" ? "has its data from polars" : () => duckdb(workload.sql),
    ...(cpp === null ? {} : { "C++": byHand(cpp.symbol, cpp) }),
    ...(cpp?.exact === undefined ? {} : { "exact C++": byHand(cpp.exact, cpp, true) }),
  };
}

/** What is said to give the query's bits must give them. Groups come in another order, and are not compared. */
function check({ name }: TableWorkload, run: Run, made: TypedArray, expected: unknown): void {
  void run();
  const same = typeof expected === "number" ? made[0] === expected : !(expected instanceof Float64Array) || Buffer.from(made.buffer).equals(Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength));
  if (!same) throw new Error(`${name}: hand-written C++ gives other bits than the query`);
}

/** Medians, measured in turns: whatever disturbs the machine disturbs everybody. */
async function inTurns(all: Partial<Record<Contender, Run | string>>, settled: () => Promise<void>): Promise<TableRow["times"]> {
  const times = new Map<string, number[]>();
  const failures: Record<string, string> = {};
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, run] of Object.entries(all)) {
      if (typeof run === "string" || failures[name] !== undefined) continue;
      const before = times.get(name) ?? [];
      if ((before[0] ?? 0) > LONG) continue;
      globalThis.gc?.();
      const start = process.hrtime.bigint();
      try {
        await run();
      } catch (error) {
        failures[name] = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error);
        continue;
      }
      times.set(name, [...before, Number(process.hrtime.bigint() - start) / 1e9]);
      await settled();
    }
  }
  // The first round warms up.
  const told = Object.entries(all).map(([name, run]) => [name, failures[name] ?? (typeof run === "string" ? run : median((times.get(name) ?? []).slice((times.get(name) ?? []).length > 1 ? 1 : 0)))]);
  return Object.fromEntries(told) as TableRow["times"];
}

/** Lines of Markdown: the library's times, and the others' as multiples of them. */
export function tablesAsMarkdown({ n, peers, rows }: TableMeasurements): readonly string[] {
  const others = ["JavaScript", "polars", "duckdb", "C++", "exact C++"] as const;
  const cell = (own: number | string | undefined, other: number | string | undefined): string => {
    if (other === undefined) return "";
    if (typeof other === "string") return other;
    return typeof own === "number" ? `${ratio(other / own)} ×` : duration(other);
  };
  const lines = rows.map(({ workload, times }) => {
    const own = times.dotcompute;
    return [workload, typeof own === "number" ? duration(own) : (own ?? ""), ...others.map(name => cell(own, times[name]))];
  });
  return [
    `n = ${size(n)}; ${peers || "no peers installed"}, with threads of their own; ${os.cpus()[0]?.model.trim() ?? "unknown processor"}, ${os.cpus().length} cores, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}, load ${(os.loadavg()[0] ?? 0).toFixed(1)}.`,
    "Other columns are their time as a multiple of dotcompute's, measured in turns: above 1, dotcompute is faster. C++ runs on one thread and adds in whatever order is quickest; the last column is C++ that gives the query's own bits.",
    "",
    ...markdown({ headings: ["workload", "dotcompute", "plain JavaScript", "polars", "duckdb", "hand-written C++", "C++, same bits"], words: 1, rows: lines }),
  ];
}

/** Where the peers are listed. */
export const peersFolder = (root: string): string => path.join(root, "test", "bench");
