/** Emitted CUDA programs in tests: compiled to PTX by NVRTC as the CUDA backend does it, and run by a driver library as their plans say. */
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import { cudaFlagsOf, cudaPrelude, emitCuda, STATE_BYTES, STATE_FILLS, type CudaArgument, type CudaBuffer, type CudaDevice, type CudaPlan, type CudaProgram } from "../../fusion/emit/cuda.js";
import type { Kernel } from "../../fusion/ir.js";
import { storedElement } from "../../fusion/traverse.js";
import { ELEMENTS, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import { createCudaCompiler, openNvrtc, readCudaHeaders } from "../../src/backends/cuda/compiler.js";
import { openNative } from "../../src/backends/cuda/driver.js";
import type { NativeCuda } from "../../src/backends/cuda/native.js";
import { createKernelCache } from "../../src/cache/kernels.js";
import { nvrtcForTests, type NvrtcForTests } from "../cuda-nvrtc/build.js";

const execute = promisify(execFile);
const present = (command: string, version: string): boolean => spawnSync(command, [version]).status === 0;

export const hasPtxas = present("ptxas", "--version");
/** Of C++, for the runner of launches and for what needs no device. */
const compiler = ["c++", "g++", "clang++"].find(name => present(name, "--version")) ?? null;

export const hasCompiler = compiler !== null;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NATIVE = path.join(ROOT, "native");
const HERE = fileURLToPath(new URL(".", import.meta.url));

const found = new Map<number, NvrtcForTests>();
/** Who compiles for an architecture here, or why nobody does. */
export function compilerFor(architecture: number): NvrtcForTests {
  const known = found.get(architecture) ?? nvrtcForTests(architecture);
  found.set(architecture, known);
  return known;
}

/** For the titles of tests. */
export const titleOf = (nvrtc: NvrtcForTests): string => (nvrtc.reason === null ? `by ${nvrtc.name}` : nvrtc.reason);

export interface Compiled {
  readonly programs: readonly CudaProgram[];
  /** The oldest driver that takes the PTX: 13000. */
  readonly driverVersion: number;
  readonly ptxFile: string;
  readonly ptx: string;
}

export interface Job {
  readonly kernel: number;
  readonly call: KernelCall;
  /** The most elements of a chunk: a multiple of 1024. */
  readonly chunk?: number;
  /** The output is the source. */
  readonly inPlace?: boolean;
  readonly stop?: boolean;
}

export interface Moved {
  readonly elements: number;
  readonly bytes: number;
}
/** What went from and to device memory. */
export interface Traffic {
  readonly loads: Moved;
  readonly stores: Moved;
}

export type Outcome =
  | { readonly status: "done"; readonly result: KernelResult; readonly intact: boolean }
  | { readonly status: "stopped" }
  | { readonly status: "failed"; readonly position: number };

/** A small device, so that threads have more than one tile of a test's few elements. */
export const SMALL: CudaDevice = { multiprocessors: 2, blocksPerMultiprocessor: () => 1 };

/** The CUDA backend's compiler. Code is kept from run to run, and for other files: it takes longer to make than to run. */
function compilerOf(library: string, log: (words: string) => void): ReturnType<typeof createCudaCompiler> {
  const native = openNative().native as NativeCuda;
  const listening: NativeCuda = {
    ...native,
    compileLater: async (...args) => {
      const compiled = await native.compileLater(...args);
      log(compiled.log);
      return compiled;
    },
  };
  const { nvrtc, reason } = openNvrtc(native, library);
  if (nvrtc === null) throw new Error(reason);
  return createCudaCompiler(listening, nvrtc, createKernelCache({ place: { folder: path.join(ROOT, "build", "cuda-kernels") } }), readCudaHeaders(ROOT));
}

/** A folder of one test file, removed with `remove`. */
export class CudaWorkshop {
  readonly folder = mkdtempSync(path.join(tmpdir(), "dotcompute-cuda-"));

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** All kernels in one module. Throws with the compiler's words; with `strict` compiles anew and throws also where it only warns. */
  async compile(name: string, kernels: readonly Kernel[], architecture: number, { strict = false } = {}): Promise<Compiled> {
    const nvrtc = compilerFor(architecture);
    if (nvrtc.reason !== null) throw new Error(nvrtc.reason);
    const programs = kernels.map((kernel, place) => emitCuda(kernel, { symbol: `k${place}` }));
    const source = cudaPrelude + programs.map(({ text }) => text).join("\n");
    const [flags, target] = [cudaFlagsOf(kernels), { form: "ptx", architecture: `compute_${architecture}` }] as const;
    let words = "";
    const compiler = compilerOf(nvrtc.library, log => (words = log));
    if (strict) compiler.discard(source, flags, target);
    const ptx = Buffer.from(await compiler.compileLater(source, flags, target)).toString();
    if (strict && words !== "") throw new Error(words);
    const ptxFile = path.join(this.folder, `${name}.ptx`);
    writeFileSync(ptxFile, ptx);
    return { programs, driverVersion: nvrtc.driverVersion, ptxFile, ptx };
  }

  /** What ptxas has to say. Throws if it does not take the file. */
  async assemble({ ptxFile }: Compiled, architecture: number): Promise<string> {
    const { stdout, stderr } = await execute("ptxas", [`-arch=sm_${architecture}`, "-v", ptxFile, "-o", path.join(this.folder, "out.cubin")]);
    return stdout + stderr;
  }

  /** What a program of this folder prints. */
  async output(file: string): Promise<string> {
    const { stdout } = await execute(await built(file, path.join(this.folder, path.basename(file, ".cpp"))));
    return stdout;
  }

  /** What the stand-in driver counted in each job of the last run. */
  traffic(): readonly Traffic[] {
    const lines = readFileSync(path.join(this.folder, "counters"), "utf8").trim().split("\n");
    const counters = lines.map(line => JSON.parse(line) as { readonly loads: Traffic["loads"]; readonly stores: Traffic["stores"] });
    const between = (later: Moved, earlier: Moved): Moved => ({ elements: later.elements - earlier.elements, bytes: later.bytes - earlier.bytes });
    return counters.slice(1).map((after, place) => {
      const before = counters[place] as typeof after;
      return { loads: between(after.loads, before.loads), stores: between(after.stores, before.stores) };
    });
  }

  /** Runs jobs on the device of a driver library. */
  async run(driver: string, { programs, driverVersion, ptxFile }: Compiled, kernels: readonly Kernel[], jobs: readonly Job[], env: Readonly<Record<string, string>> = {}): Promise<readonly Outcome[]> {
    const runner = await runnerOfLaunches();
    const file = new Words();
    file.word(jobs.length);
    const readers = jobs.map(job => writeJob(file, programs[job.kernel] as CudaProgram, kernels[job.kernel] as Kernel, job));
    const [from, to] = ["jobs", "results"].map(name => path.join(this.folder, name)) as [string, string];
    writeFileSync(from, file.all());
    await execute(runner, [driver, ptxFile, from, to, path.join(this.folder, "counters")], { env: { ...process.env, DOTCOMPUTE_TEST_CUDA_DRIVER_VERSION: String(driverVersion), ...env }, maxBuffer: 2 ** 26 });
    const results = new Results(new Uint8Array(readFileSync(to)));
    return readers.map(read => read(results));
  }
}

async function built(file: string, program: string): Promise<string> {
  if (compiler === null) throw new Error("there is no C++ compiler");
  await execute(compiler, ["-std=c++17", "-O1", "-ffp-contract=off", "-Wno-unknown-pragmas", "-I", NATIVE, path.join(HERE, file), "-o", program, "-ldl"]);
  return program;
}

/** The program that launches what a plan says; built where it has changed. */
async function runnerOfLaunches(): Promise<string> {
  const source = "cuda-runner.cpp";
  const hash = createHash("sha256").update(readFileSync(path.join(HERE, source))).digest("hex").slice(0, 16);
  const program = path.join(ROOT, "build", "cuda-nvrtc", `cuda-runner-${hash}`);
  if (existsSync(program)) return program;
  mkdirSync(path.dirname(program), { recursive: true });
  renameSync(await built(source, `${program}.${process.pid}`), program);
  return program;
}

/** The file of jobs, as cuda-runner.cpp reads it. */
class Words {
  private readonly parts: Uint8Array[] = [];

  all(): Uint8Array {
    return Buffer.concat(this.parts);
  }
  word(...values: readonly (number | bigint)[]): void {
    this.parts.push(new Uint8Array(BigUint64Array.from(values.map(value => BigInt(value))).buffer));
  }
  bytes(bytes: Uint8Array): void {
    this.word(bytes.length);
    this.parts.push(bytes, new Uint8Array((8 - (bytes.length % 8)) % 8));
  }
}

class Results {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  take(size: number): Uint8Array {
    const taken = this.bytes.slice(this.at, this.at + size);
    this.at += Math.ceil(size / 8) * 8;
    return taken;
  }
}

const bytesOf = (array: AnyTypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function wordOf(type: ScalarType, value: ScalarValue): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (type === "f64") view.setFloat64(0, value as number, true);
  else if (type === "f32") view.setFloat32(0, value as number, true);
  else if (type === "i64" || type === "u64") view.setBigUint64(0, BigInt.asUintN(64, value as bigint), true);
  else view.setUint32(0, Number(value), true);
  return view.getBigUint64(0, true);
}

const SENTINEL = 0xa5;
/** What lies behind the output, and must stay as it is. */
const GUARD = 64;

/** Writes a job; gives what reads its outcome. */
function writeJob(file: Words, program: CudaProgram, kernel: Kernel, job: Job): (results: Results) => Outcome {
  const { call, inPlace = false } = job;
  const { source, sink } = kernel;
  const chunkLength = Math.min(call.length, job.chunk ?? call.length);
  const plan = program.plan(call.length, SMALL, chunkLength);
  const sourceBytes = source.kind === "array" ? ELEMENTS[source.element].bytes : 0;
  const element = storedElement(sink);
  const outputBytes = element === null ? 0 : ELEMENTS[element].bytes;
  const size = call.length * outputBytes;

  // The buffers: those of the plan, captured arrays, and the captures themselves.
  const state = new Uint8Array(STATE_BYTES);
  for (const { offset, bytes, value } of STATE_FILLS) state.fill(value, offset, offset + bytes);
  const output = inPlace || element === null ? new Uint8Array(0) : new Uint8Array(size + GUARD).fill(SENTINEL);
  const stop = new Uint8Array(4).fill(job.stop === true ? 1 : 0, 0, 1);
  const data = { source: call.source === null ? new Uint8Array(0) : bytesOf(call.source), output, state, stop };
  const scratch = new Uint8Array(0);
  const places: Record<CudaBuffer, number> = { source: 0, output: inPlace ? 0 : 1, state: 2, stop: 3, scratch: 4 };
  const arrays = call.arrays.map(bytesOf);
  const buffers = [data.source, data.output, data.state, data.stop, scratch, ...arrays, new Uint8Array(0)];
  const capturesPlace = buffers.length - 1;
  file.word(buffers.length);
  buffers.forEach((bytes, place) => {
    file.word(place === places.scratch ? plan.scratchBytes : place === capturesPlace ? program.captures.bytes : bytes.length);
    file.bytes(bytes);
  });

  // The captures, as pairs of a buffer (0: none) and an offset.
  const words = [
    ...kernel.scalars.map(({ type }, at): readonly [number, bigint] => [0, wordOf(type, call.scalars[at] as ScalarValue)]),
    ...arrays.flatMap((bytes, at): readonly (readonly [number, bigint])[] => [
      bytes.length === 0 ? [0, 0n] : [5 + at + 1, 0n],
      [0, BigInt((call.arrays[at] as AnyTypedArray).length)],
    ]),
  ];
  const writeValues = (values: readonly (readonly [number, number | bigint])[]): void => {
    file.word(values.length);
    for (const value of values) file.word(...value);
  };
  if (words.length === 0) file.word(0);
  else {
    file.word(1, capturesPlace);
    writeValues(words);
  }

  const launches = [...chunked(plan, call.length, chunkLength), { from: 0, list: plan.finish }].flatMap(({ from, list }) => list.map(launch => ({ from, launch })));
  file.word(launches.length);
  for (const { from, launch } of launches) {
    file.bytes(new TextEncoder().encode(launch.entry));
    file.word(launch.grid, launch.block, launch.arguments.length);
    const moved: Partial<Record<CudaBuffer, number>> = { source: from * sourceBytes, output: program.outputByPlace ? from * outputBytes : 0 };
    for (const argument of launch.arguments) {
      if (argument.kind !== "captures") writeValues([valueOf(argument, places, moved)]);
      else if (program.captures.byValue) writeValues(words);
      else writeValues([[capturesPlace + 1, 0]]);
    }
  }
  file.word(2, places.state, places.output);

  return results => {
    const outcome = plan.read(results.take(STATE_BYTES));
    const stored = results.take(inPlace ? data.source.length : output.length);
    if (outcome.status !== "done") return outcome;
    const intact = stored.subarray(size).every(byte => byte === SENTINEL) || inPlace;
    if (element === null) return { status: "done", result: { ...outcome.result, output: null }, intact };
    const kept = stored.slice(0, outcome.result.count * outputBytes);
    return { status: "done", result: { ...outcome.result, output: new ARRAY_CONSTRUCTORS[element](kept.buffer as ArrayBuffer) }, intact };
  };
}

function valueOf(argument: Exclude<CudaArgument, { kind: "captures" }>, places: Record<CudaBuffer, number>, moved: Partial<Record<CudaBuffer, number>>): readonly [number, number] {
  switch (argument.kind) {
    case "null":
      return [0, 0];
    case "u64":
      return [0, argument.value];
    case "address":
      return [places[argument.buffer] + 1, argument.offset + (moved[argument.buffer] ?? 0)];
    default:
      return argument satisfies never;
  }
}

/** The launches of each chunk. */
function chunked(plan: CudaPlan, length: number, chunkLength: number): readonly { from: number; list: ReturnType<CudaPlan["chunk"]> }[] {
  if (length === 0) return [{ from: 0, list: plan.chunk(0, 0) }];
  const chunks = [];
  for (let from = 0; from < length; from += chunkLength) chunks.push({ from, list: plan.chunk(from, Math.min(chunkLength, length - from)) });
  return chunks;
}

/** The stand-in driver: a PTX interpreter (test/cuda-driver). Builds what has changed. */
export async function standIn(): Promise<string> {
  await execute(process.execPath, [path.join(HERE, "../cuda-driver/build.mjs")]);
  return path.join(HERE, "../../build/cuda-driver/libcuda.so.1");
}
