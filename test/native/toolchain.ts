/** Compiling and running C++ programs in tests. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CPP_FLAGS, CPP_LIBRARIES } from "../../fusion/emit/constants.js";

const NATIVE = fileURLToPath(new URL("../../native", import.meta.url));

/** The C++ compiler of this machine, or null. */
export const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find(
  name => name !== undefined && name !== "" && spawnSync(name, ["--version"]).status === 0,
) ?? null;

/** Instruction sets that this machine runs, by the flags that select them. */
export const TARGETS = [
  { name: "this machine", flags: ["-march=native"] },
  { name: "AVX2", flags: ["-march=x86-64", "-mavx2"] },
  { name: "SSE4.1", flags: ["-march=x86-64", "-msse4.1"] },
  { name: "SSE2", flags: ["-march=x86-64"] },
].filter(({ name }) => name === "this machine" || runs(name.toLowerCase()));

/** An instruction set: how kernels are compiled for it and run, or why not here. */
export interface InstructionSet {
  readonly name: string;
  readonly compiler: string;
  readonly flags: readonly string[];
  /** What runs the program, before its name; nothing if the machine does. */
  readonly emulator: readonly string[];
  readonly missing: string | null;
}

const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

/** One of this machine's own. */
const own = (name: string, arch: string, feature: string): InstructionSet => ({
  name,
  compiler: compiler ?? "",
  flags: [`-march=${arch}`],
  emulator: [],
  missing: compiler === null ? "there is no C++ compiler" : runs(feature) ? null : `the processor has no ${name}`,
});

const CROSS = "aarch64-linux-gnu-g++";
const EMULATOR = "qemu-aarch64";

/** The instruction sets that kernels are written for. */
export const INSTRUCTION_SETS: readonly InstructionSet[] = [
  own("SSE2", "x86-64", "sse2"),
  own("AVX2", "x86-64-v3", "avx2"),
  own("AVX-512", "x86-64-v4", "avx512vl"),
  process.arch === "arm64"
    ? { name: "NEON", compiler: compiler ?? "", flags: [], emulator: [], missing: compiler === null ? "there is no C++ compiler" : null }
    : {
        name: "NEON",
        compiler: CROSS,
        flags: ["-march=armv8-a", "-static"],
        emulator: [EMULATOR],
        missing: !has(CROSS) ? `there is no ${CROSS}` : has(EMULATOR) ? null : `there is no ${EMULATOR}`,
      },
];

function runs(feature: string): boolean {
  if (process.arch !== "x64") return false;
  try {
    return readFileSync("/proc/cpuinfo", "utf8").includes(feature.replace("sse4.1", "sse4_1"));
  } catch {
    return feature === "sse2";
  }
}

const execute = promisify(execFile);

/** Kernel flags without the ones that make a shared object for this machine. */
const FLAGS = CPP_FLAGS.filter(flag => !["-march=native", "-shared", "-O3"].includes(flag));

/** A folder of one test file, removed with `remove`. */
export class Workshop {
  readonly folder = mkdtempSync(path.join(tmpdir(), "dotcompute-native-"));

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Compiles a program; gives its path. Throws with the compiler's words. */
  async build(name: string, text: string, flags: readonly string[], by: string | null = compiler): Promise<string> {
    if (by === null) throw new Error("there is no C++ compiler");
    const source = path.join(this.folder, `${name}.cpp`);
    const program = path.join(this.folder, name);
    writeFileSync(source, text);
    const include = ["-I", NATIVE, "-I", fileURLToPath(new URL(".", import.meta.url))];
    await execute(by, [...FLAGS, ...flags, ...include, source, "-o", program, ...CPP_LIBRARIES]);
    return program;
  }

  /** Runs a program on a file of bytes; gives the file that it wrote. */
  async run(program: string, input: Uint8Array, emulator: readonly string[] = []): Promise<Uint8Array> {
    const [from, to] = [`${program}.in`, `${program}.out`];
    writeFileSync(from, input);
    const [first = program, ...words] = [...emulator, program, from, to];
    await execute(first, words);
    return new Uint8Array(readFileSync(to)); // a Buffer's slices would be views
  }
}
