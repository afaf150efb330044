/** Which C++ compiler this machine has, and what it is: its identity is part of every kernel's cache key. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import path from "node:path";

/** A compiler that was found; nothing has been run yet. */
export interface FoundCompiler {
  /** Its file. */
  readonly command: string;
  /** Arguments that come before all others, as $CXX may hold. */
  readonly args: readonly string[];
  /** Its file's real path, date and size: when these are unchanged, so is everything that was found out about it. */
  readonly fingerprint: string;
}

export type CompilerSearch = { readonly found: FoundCompiler; readonly reason: null } | { readonly found: null; readonly reason: string };

/** What was found out by running it. */
export interface CompilerFacts {
  /** The output of `--version`. */
  readonly version: string;
  /** Those of the wanted flags that it takes on this machine. */
  readonly flags: readonly string[];
}

const USUAL = ["c++", "g++", "clang++"] as const;
/** The one flag that a good compiler may not know on some processor. Without it kernels are slower and no less right. */
const OPTIONAL_FLAG = "-march=native";
const ANSWER_WITHIN = 30_000;

/** Looks for the compiler that the caller or $CXX names (program and arguments), else for the usual ones. */
export function findCompiler(wanted?: string, environment: NodeJS.ProcessEnv = process.env): CompilerSearch {
  const fromCaller = wanted !== undefined && wanted.trim() !== "";
  const named = fromCaller ? wanted : (environment["CXX"] ?? "");
  if (named.trim() !== "") {
    const [program, ...args] = splitCommand(named);
    const file = program === undefined ? null : findProgram(program, environment);
    const source = fromCaller ? "the compiler asked for" : "$CXX";
    if (file === null) return { found: null, reason: `${source}, ${named.trim()}, is not a program that can be run` };
    return { found: describe(file, args), reason: null };
  }
  for (const program of USUAL) {
    const file = findProgram(program, environment);
    if (file !== null) return { found: describe(file, []), reason: null };
  }
  return { found: null, reason: `there is no C++ compiler: neither $CXX is set nor is ${USUAL.join(", ")} on the PATH` };
}

/** Words apart at spaces, but for those within quotes or after a backslash. */
export function splitCommand(text: string): readonly string[] {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs) ?? [];
  return words.map(word =>
    word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, (_, double?: string, single?: string, escaped?: string) =>
      double !== undefined ? double.replace(/\\(.)/gs, "$1") : (single ?? escaped ?? ""),
    ),
  );
}

function findProgram(program: string, environment: NodeJS.ProcessEnv): string | null {
  if (program.includes("/")) return isProgram(program) ? path.resolve(program) : null;
  for (const folder of (environment["PATH"] ?? "").split(path.delimiter)) {
    // An empty entry would be the current folder: nothing is run from there unasked.
    if (path.isAbsolute(folder) && isProgram(path.join(folder, program))) return path.join(folder, program);
  }
  return null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function describe(command: string, args: readonly string[]): FoundCompiler {
  const file = realpathSync(command);
  const { mtimeMs, size } = statSync(file);
  return { command, args, fingerprint: JSON.stringify([command, args, file, mtimeMs, size]) };
}

/** Runs the compiler to learn its version and which flags it takes. A reason instead, if it cannot even say its version. */
export function examine({ command, args }: FoundCompiler, flags: readonly string[], environment: NodeJS.ProcessEnv = process.env): CompilerFacts | string {
  const env = { ...environment, LC_ALL: "C" };
  const answer = spawnSync(command, [...args, "--version"], { env, encoding: "utf8", timeout: ANSWER_WITHIN, stdio: ["ignore", "pipe", "pipe"] });
  if (answer.error) return `${command} --version: ${answer.error.message}`;
  if (answer.status !== 0) return `${command} --version ended with ${answer.signal ?? `exit code ${answer.status ?? "?"}`}`;
  const takes = (some: readonly string[]): boolean => {
    const trial = spawnSync(command, [...args, ...some, "-x", "c++", "-fsyntax-only", "-"], { env, input: "int main();\n", timeout: ANSWER_WITHIN, stdio: ["pipe", "ignore", "ignore"] });
    return trial.status === 0;
  };
  const spare = flags.filter(flag => flag !== OPTIONAL_FLAG);
  return { version: answer.stdout.trim(), flags: spare.length === flags.length || takes(flags) ? flags : spare };
}
