/**
 * Portable kernels: one shared object with code for several instruction sets, of which the best is chosen that the processor has. The
 * text is compiled once for each, under names of its own, and the results are linked together.
 */
import path from "node:path";
import type { Compilation, CompileRequest, Toolchain } from "./toolchain.js";

const LEVEL_NAMES = ["x86-64-v4", "x86-64-v3", "x86-64", "arm64"] as const;

/** Which processors kernels are compiled for: this one, all of its architecture, or those that have an instruction set. */
export type Target = "native" | "portable" | (typeof LEVEL_NAMES)[number];
export const TARGETS: readonly Target[] = ["native", "portable", ...LEVEL_NAMES];

/** An instruction set that kernels are compiled for. */
export interface Level {
  /** As `levels()` of native/processor.hpp calls it. */
  readonly name: string;
  /** What its vectors are made of. */
  readonly vectors: string;
  /** By single abilities: compilers know these longer than the names of levels. */
  readonly flags: readonly string[];
}

const V1 = ["-march=x86-64", "-mtune=generic"];
const V3 = [...V1, ..."avx2 fma f16c bmi bmi2 lzcnt movbe popcnt".split(" ").map(ability => `-m${ability}`)];
const V4 = [...V3, ..."avx512f avx512bw avx512cd avx512dq avx512vl".split(" ").map(ability => `-m${ability}`)];

/** The levels of an architecture, best first; the last runs on every processor of it. */
export function levelsOf(architecture: string): readonly Level[] {
  switch (architecture) {
    case "x64":
      return [{ name: "x86-64-v4", vectors: "AVX-512", flags: V4 }, { name: "x86-64-v3", vectors: "AVX2", flags: V3 }, { name: "x86-64", vectors: "SSE2", flags: V1 }];
    case "arm64":
      return [{ name: "arm64", vectors: "NEON", flags: ["-march=armv8-a"] }];
    default:
      return [{ name: "any", vectors: "what the compiler takes", flags: [] }];
  }
}

export const levelInWords = ({ name, vectors }: Level): string => `${name} (${vectors})`;

const wordOf = ({ name }: Level): string => name.replaceAll("-", "_");

/** The level that a processor with these runs. */
export const bestOf = (levels: readonly Level[], names: readonly string[]): Level | null => levels.find(({ name }) => names.includes(name)) ?? null;

/** The level that a target names, and why its code does not run here; null if it does. */
export function namedLevel(name: Target, levels: readonly Level[], here: readonly string[]): { readonly level: Level; readonly reason: null } | { readonly level: null; readonly reason: string } {
  const level = levels.find(one => one.name === name);
  if (level !== undefined && here.includes(name)) return { level, reason: null };
  return { level: null, reason: `kernels are to be compiled for ${name}, and this processor has ${here.join(", ") || "no level that has a name"}` };
}

/** What the kernel called `symbol` is called in the code of a level. */
export const symbolIn = (level: Level, symbol: string): string => `${symbol}_${wordOf(level)}`;

/** The compiler's flags for portable kernels, of those for kernels of this machine. */
export const portableFlags = (flags: readonly string[]): readonly string[] => flags.filter(flag => flag !== "-march=native");

/** The compilation of each level, and the link of what they give. The linker must not take a function of one level for that of another: hence the namespaces. */
function requestsOf(request: CompileRequest, levels: readonly Level[]): { readonly parts: readonly CompileRequest[]; readonly link: CompileRequest } {
  const args = request.args.filter(flag => flag !== "-shared");
  const parts = levels.map(level => ({
    ...request,
    args: [...args, "-c", ...level.flags, `-DRT_LEVEL=${wordOf(level)}`, `-Ddotcompute=dotcompute_${wordOf(level)}`],
    libraries: [],
    object: path.join(request.temporary, `${level.name}.o`),
  }));
  return { parts, link: { ...request, source: "", inputs: parts.map(({ object }) => object) } };
}

/** Compiles `request` for each of the levels into one shared object. `begin` is told what is at work. */
export async function compileLevels(toolchain: Toolchain, request: CompileRequest, levels: readonly Level[], begin: (work: Compilation) => void): Promise<void> {
  const { parts, link } = requestsOf(request, levels);
  const run = (part: CompileRequest): Promise<void> => {
    const compilation = toolchain.compile(part);
    begin(compilation);
    return compilation.done;
  };
  const ends = await Promise.allSettled(parts.map(run)); // all: the folder that they write to is removed afterwards
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  await run(link);
}

export function compileLevelsSync(toolchain: Toolchain, request: CompileRequest, levels: readonly Level[]): void {
  const { parts, link } = requestsOf(request, levels);
  for (const part of [...parts, link]) toolchain.compileSync(part);
}
