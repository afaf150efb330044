/** Measures the library against hand-written JavaScript and C++; started by run.mjs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRuntime } from "dotcompute";
import { packageRoot } from "../../src/backends/cpu/load-addon.js";
import { measureBusy } from "./busy.js";
import { bytesAsMarkdown, measureBytes } from "./bytes.js";
import { chartOf } from "./chart.js";
import { measureColdStarts } from "./cold.js";
import { CURVE_SIZES, curveAsText, measureCurve } from "./curve.js";
import { measureElementary, sixFunctions } from "./elementary.js";
import { compileHandwritten, type Handwritten } from "./handwritten.js";
import { median, race, type Contender, type RaceOptions } from "./measure.js";
import { canMeasureMemory, measureMemory, memoryChild, MEMORY_SWITCH, type MemoryMode } from "./memory.js";
import { measureRecycling } from "./recycling.js";
import { asMarkdown, asText, LIMITS, targetsOf, type Bandwidth, type CompileTime, type Measurements, type Row } from "./report.js";
import { measureSelection, SELECTION_SIZES, selectionAsMarkdown } from "./selection.js";
import { measureSmall, smallAsMarkdown } from "./small.js";
import { measureTables, peersFolder, tablesAsMarkdown } from "./table-bench.js";
import { duration } from "./tables.js";
import { WORKLOADS, type Instance, type Result, type Workload } from "./workloads.js";

const SIZES = [16, 1e3, 1e5, 1e7];
const LARGEST = 1e7;

/** What `--measure` chooses from. */
type Kind = "times" | "compile" | "memory" | "elementary" | "tables" | "curve" | "cold" | "busy" | "small" | "selection" | "bytes";

type Runtime = ReturnType<typeof createRuntime>;

async function main(): Promise<void> {
  const root = packageRoot();
  if (root === null) throw new Error("the benchmark must be started from the package's own folder");
  const build = path.join(root, "build");
  const sizes = option("n")?.split(",").map(Number) ?? SIZES;
  const kinds = option("measure")?.split(",");
  const wanted = (...what: readonly Kind[]): boolean => kinds === undefined || what.some(kind => kinds.includes(kind));
  const names = option("only")?.split(",") ?? null;
  const named = ({ name }: { readonly name: string }): boolean => names === null || names.some(part => name.includes(part));
  const workloads = wanted("times", "compile", "memory", "curve", "busy") ? WORKLOADS.filter(named) : [];

  const load = os.loadavg()[0] ?? 0;
  progress("compiling the hand-written loops");
  const handwritten = compileHandwritten(path.join(root, "test", "bench"), path.join(build, "bench"));
  const cacheFolder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-bench-"));
  try {
    const runtime = createRuntime({ cacheFolder, threads: 1 });
    const shared = createRuntime({ cacheFolder });
    const standalone = sizes.includes(LARGEST) && wanted("times") ? handwritten.standalone(LARGEST, 9) : null;
    const bandwidth = standalone === null ? null : bandwidthOf(standalone);
    const rows: Row[] = [];
    const compile: CompileTime[] = [];
    const memory: Measurements["memory"][number][] = [];
    for (const workload of workloads) {
      await warm(runtime, workload);
      if (wanted("curve", "busy")) await warm(shared, workload);
      checkNative(cacheFolder, workload);
      for (const n of wanted("times") ? sizes : []) rows.push(...measure(runtime, shared, handwritten, workload, n, n === LARGEST ? standalone : null, bandwidth));
      if (workload.again) continue;
      if (wanted("compile")) compile.push(compileTime(workload, LIMITS.compile));
      if (!canMeasureMemory || !wanted("memory")) continue;
      const modes: readonly MemoryMode[] = workload.signature.output === null ? ["native", "cold"] : ["native", "into", "cold"];
      for (const mode of modes) {
        progress(`${workload.name}: memory, ${mode}`);
        memory.push({ workload: workload.name, n: LARGEST, ...measureMemory(workload, mode, LARGEST, cacheFolder) });
      }
    }
    const recycling = wanted("times", "memory") && named({ name: "recycled" }) ? await measureRecycling(runtime) : null;
    const elementary = wanted("elementary") ? measureElementary(handwritten, cacheFolder, names, progress) : null;
    if (elementary !== null) for (const six of sixFunctions.filter(named)) compile.push(compileTime(six, LIMITS.compileElementary));
    const tables = wanted("tables") ? await measureTables(handwritten, peersFolder(root), cacheFolder, names, progress) : null;
    const busy = wanted("busy") ? await measureBusy(runtime, shared, named, progress) : null;
    const cold = wanted("cold") ? measureColdStarts(root, progress) : null;
    const curve = wanted("curve") ? measureCurve(runtime, shared, handwritten, workloads.filter(({ again }) => !again), option("n") === undefined ? CURVE_SIZES : sizes, path.join(root, "test", "bench"), progress) : null;
    const small = wanted("small") ? await measureSmall(cacheFolder, [16, 1000], names, progress) : null;
    const selection = wanted("selection") ? await measureSelection(cacheFolder, option("n") === undefined ? SELECTION_SIZES : sizes, names, progress) : null;
    const bytes = wanted("bytes") ? measureBytes(cacheFolder, handwritten, option("n") === undefined ? 1e6 : (sizes[0] ?? 1e6), names, progress) : null;
    progress("");
    const measurements: Measurements = {
      date: new Date().toISOString().slice(0, 10),
      machine: `${os.cpus()[0]?.model.trim() ?? "unknown processor"}, ${os.cpus().length} cores, ${process.platform} ${process.arch}`,
      node: process.versions.node,
      compiler: handwritten.compiler,
      flags: handwritten.flags,
      load,
      bandwidth,
      rows,
      compile,
      memory,
      recycling,
      elementary,
      cold,
      busy,
    };
    const targets = targetsOf(measurements, LARGEST);
    mkdirSync(build, { recursive: true });
    writeFileSync(path.join(build, "bench.json"), `${JSON.stringify({ ...measurements, targets }, null, 2)}\n`);
    writeFileSync(path.join(build, "bench.md"), asMarkdown(measurements, targets));
    console.log(asText(measurements, targets));
    if (curve !== null) {
      const title = `${measurements.date}, ${measurements.machine}, ${measurements.compiler.split(" ", 1)[0] ?? ""}, ${curve.peers}, load ${load.toFixed(1)}`;
      writeFileSync(path.join(build, "bench-curve.json"), `${JSON.stringify({ title, ...curve }, null, 2)}\n`);
      writeFileSync(path.join(build, "bench-curve.svg"), await chartOf(curve, title, peersFolder(root)));
      console.log(`\n${curveAsText(curve)}\n\nThe chart is in build/bench-curve.svg.`);
    }
    if (small !== null) {
      const lines = smallAsMarkdown(small).join("\n");
      writeFileSync(path.join(build, "bench-small.md"), `${lines}\n`);
      console.log(`\nSmall queries\n\n${lines}`);
    }
    if (selection !== null) {
      const lines = selectionAsMarkdown(selection).join("\n");
      writeFileSync(path.join(build, "bench-selection.md"), `${lines}\n`);
      console.log(`\nAdaptive selection\n\n${lines}`);
    }
    if (bytes !== null) {
      const lines = bytesAsMarkdown(bytes).join("\n");
      writeFileSync(path.join(build, "bench-bytes.md"), `${lines}\n`);
      console.log(`\nBytes and shorts\n\n${lines}`);
    }
    if (tables === null) return;
    const lines = tablesAsMarkdown(tables).join("\n");
    writeFileSync(path.join(build, "bench-tables.md"), `${lines}\n`);
    console.log(`\nTables\n\n${lines}`);
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true });
  }
}

/** Compiles a workload's kernels in this runtime, and makes sure that they run native from now on. */
async function warm(runtime: Runtime, workload: Workload): Promise<void> {
  progress(`${workload.name}: compiling`);
  const instance = workload.prepare(runtime, 16);
  for (let run = 0; run < 3; run += 1) {
    instance.query();
    instance.into?.query();
    await runtime.settled();
  }
}

/** What is measured must be the compiled kernel. */
function checkNative(cacheFolder: string, workload: Workload): void {
  const backends = new Set<string>();
  const runtime = createRuntime({ cacheFolder, onRun: ({ backend }) => void backends.add(backend) });
  workload.prepare(runtime, 16).query();
  if (!backends.has("cpu")) throw new Error(`${workload.name} does not run native, but on ${[...backends].join()}`);
}

function measure(
  runtime: Runtime,
  /** The same on all threads. */
  shared: Runtime,
  handwritten: Handwritten,
  workload: Workload,
  n: number,
  standalone: Readonly<Record<string, number>> | null,
  bandwidth: Measurements["bandwidth"],
): readonly Row[] {
  const instance = workload.prepare(runtime, n);
  const output = instance.into === null ? null : instance.into.output;
  const byHand = handwritten.bind(workload, instance, n, null);
  const byHandInto = output === null ? null : handwritten.bind(workload, instance, n, output);
  const onAll = handwritten.bind(workload, instance, n, null, true);
  const onAllInto = output === null ? null : handwritten.bind(workload, instance, n, output, true);
  const expected = check(workload, instance, [byHand, onAll], n);

  const together = workload.prepare(shared, n);
  if (!agrees(expected, together.query(), true)) throw new Error(`${workload.name}, n = ${n}: all threads give something else than one`);
  const contenders: Contender[] = [
    { name: "query", run: () => instance.query() },
    { name: "threads", run: () => together.query() },
    { name: "handwritten", run: byHand },
    { name: "handwritten threads", run: onAll },
    { name: "loop", run: () => instance.loop() },
  ];
  if (instance.into !== null && byHandInto !== null && onAllInto !== null) {
    const { into } = instance;
    contenders.push({ name: "query into", run: () => into.query() }, { name: "handwritten into", run: byHandInto }, { name: "handwritten threads into", run: onAllInto }, { name: "loop into", run: () => into.loop() });
    if (together.into !== null) contenders.push({ name: "threads into", run: together.into.query });
  }
  // Array methods fill and free so much memory that whoever comes next may wait for pages: large ones have a race of their own.
  const chain: Contender = { name: "chain", run: () => instance.chain() };
  progress(`${workload.name}, n = ${n}`);
  const timings = new Map(n === LARGEST ? [...race(contenders, raceOptions(n)), ...race([chain], raceOptions(n))] : race([...contenders, chain], raceOptions(n)));

  const rowFor = (result: Row["result"], suffix: string): Row => {
    const time = (name: string): number => timings.get(name)?.median ?? NaN;
    const query = time(`query${suffix}`);
    const bytes = instance.read + (typeof expected === "number" ? 0 : expected.byteLength);
    const limit = ({ read, copy, copyStreaming }: Bandwidth): number => (result === "value" ? read : Math.max(copy, copyStreaming));
    const threads = time(`threads${suffix}`);
    return {
      workload: workload.name,
      result,
      n,
      query,
      threads,
      loop: time(`loop${suffix}`),
      chain: suffix === "" ? time("chain") : null,
      handwritten: time(`handwritten${suffix}`),
      handwrittenThreads: time(`handwritten threads${suffix}`),
      standalone: standalone?.[`${workload.symbol}${suffix}`] ?? null,
      samples: timings.get(`query${suffix}`)?.samples ?? 0,
      least: { query: timings.get(`query${suffix}`)?.least ?? NaN, handwritten: timings.get(`handwritten${suffix}`)?.least ?? NaN },
      bytes,
      share: n === LARGEST && instance.read > 0 && bandwidth !== null ? { one: bytes / query / limit(bandwidth.one), all: bytes / threads / limit(bandwidth.all) } : null,
    };
  };
  const rows = instance.into === null ? [rowFor("value", "")] : [rowFor("new array", ""), rowFor("into", " into")];
  for (const row of rows) progress(`${workload.name}, n = ${n}, ${row.result}: ${duration(row.query)}, C++ ${duration(row.handwritten)}\n`);
  return rows;
}

const raceOptions = (n: number): RaceOptions => (n === LARGEST ? { rounds: 9, sample: 0, warmUp: 0.05 } : { rounds: 15, sample: 0.005, warmUp: 0.15 });

/** All contenders must agree before they are timed: C++ in every bit, JavaScript too but for the order of sums. */
function check(workload: Workload, instance: Instance, byHand: readonly (() => Result)[], n: number): Result {
  const result = instance.query();
  const others: readonly (readonly [string, Result, boolean])[] = [
    ...byHand.map(run => ["hand-written C++", run(), true] as const),
    ["the JavaScript loop", instance.loop(), false],
    ["array methods", instance.chain(), false],
    ...(instance.into === null ? [] : [["the query into memory", instance.into.query(), true] as const]),
  ];
  for (const [who, other, exact] of others) {
    if (!agrees(result, other, exact)) throw new Error(`${workload.name}, n = ${n}: ${who} gives ${shown(other)}, the query ${shown(result)}`);
  }
  return result;
}

function agrees(a: Result, b: Result, exact: boolean): boolean {
  const close = (x: number, y: number): boolean => x === y || (!exact && Math.abs(x - y) <= 1e-6 * Math.max(1, Math.abs(y)));
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" && typeof b === "number" && close(a, b);
  if (!exact) return a.length === b.length && (a as Float64Array).every((x, i) => close(x, b[i] as number));
  const bytes = (array: Exclude<Result, number>): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return bytes(a).equals(bytes(b));
}

const shown = (result: Result): string => (typeof result === "number" ? String(result) : `${result.length} elements: ${String(result.slice(0, 8))} …`);

/** Every time with an empty cache, in a runtime that has compiled another kernel before, and so knows its compiler. */
function compileTime(workload: Pick<Workload, "name"> & { prepare(runtime: Runtime, n: number): { query(): unknown } }, limit: number): CompileTime {
  progress(`${workload.name}: compile time`);
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const cacheFolder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-bench-"));
    try {
      const runtime = createRuntime({ backend: "cpu", cacheFolder });
      runtime.compute(new Int16Array(1)).max().value();
      const { query } = workload.prepare(runtime, 16);
      const start = performance.now();
      query();
      times.push((performance.now() - start) / 1000);
    } finally {
      rmSync(cacheFolder, { recursive: true, force: true });
    }
  }
  return { workload: workload.name, median: median(times), least: Math.min(...times), most: Math.max(...times), limit };
}

function bandwidthOf(standalone: Readonly<Record<string, number>>): NonNullable<Measurements["bandwidth"]> {
  const bytes = standalone["bandwidthBytes"] ?? NaN;
  const speed = (name: string, times: number): number => (times * bytes) / (standalone[name] ?? NaN);
  const on = (threads: string): Bandwidth => ({ read: speed(`read${threads}`, 1), copy: speed(`copy${threads}`, 2), copyStreaming: speed(`copyStreaming${threads}`, 2), triad: speed(`triad${threads}`, 3) });
  return { one: on(""), all: on("Threads"), bytes };
}

function option(name: string): string | undefined {
  const prefix = `--${name}=`;
  return process.argv.find(argument => argument.startsWith(prefix))?.slice(prefix.length);
}

/** On the terminal's own line, beside what is printed. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text.endsWith("\n")) process.stderr.write(text);
}

if (process.argv[2] === MEMORY_SWITCH) memoryChild(process.argv.slice(3));
else await main();
