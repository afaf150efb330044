/** Which C++ compiler this machine has, and what it is: its identity is part of every kernel's cache key. */
import type { ChildProcess } from "node:child_process";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { childProcess } from "../../builtin.js";
import { killGroup, setReferenced } from "./child.js";

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
export const OPTIONAL_FLAG = "-march=native";
/** How long a compiler may take to say what it is, in milliseconds, unless less is allowed. */
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

/** What is asked of a compiler, and what it answers. */
interface Question {
  readonly args: readonly string[];
  readonly input: string;
}

interface Answer {
  readonly fault: Error | null;
  readonly code: number | null;
  readonly signal: string | null;
  readonly words: string;
}

/** Runs the compiler to learn its version and which flags it takes. A reason instead, if it cannot even say its version. */
function* interrogation({ command, args }: FoundCompiler, flags: readonly string[]): Generator<Question, CompilerFacts | string, Answer> {
  const { fault, code, signal, words } = yield { args: [...args, "--version"], input: "" };
  if (fault !== null) return `${command} --version: ${fault.message}`;
  if (code !== 0) return `${command} --version ended with ${signal ?? `exit code ${code ?? "?"}`}`;
  const version = words.trim();
  const spare = flags.filter(flag => flag !== OPTIONAL_FLAG);
  if (spare.length === flags.length) return { version, flags };
  const trial = yield { args: [...args, ...flags, "-x", "c++", "-fsyntax-only", "-"], input: "int main();\n" };
  // Stopped or killed it has said nothing of the flag; what it says is remembered.
  if (trial.fault !== null || trial.signal !== null) return `${command} -fsyntax-only: ${trial.fault?.message ?? `it was killed by ${trial.signal ?? "?"}`}`;
  return { version, flags: trial.code === 0 ? flags : spare };
}

const englishEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env, LC_ALL: "C" });

/** How an examination is done. */
interface How {
  /** Milliseconds for each answer at most. */
  readonly timeLimit?: number | undefined;
}

const answerWithin = ({ timeLimit = ANSWER_WITHIN }: How): number => Math.max(1, Math.min(timeLimit, ANSWER_WITHIN));

/** Examines the compiler while the caller waits. */
export function examine(compiler: FoundCompiler, flags: readonly string[], how: How = {}): CompilerFacts | string {
  const timeout = answerWithin(how);
  const settings = { env: englishEnvironment(), encoding: "utf8", timeout, killSignal: "SIGKILL", detached: true, stdio: "pipe" } as const;
  const questions = interrogation(compiler, flags);
  for (let next = questions.next(); ; ) {
    if (next.done === true) return next.value;
    const { error, status, signal, stdout, pid } = childProcess().spawnSync(compiler.command, next.value.args, { ...settings, input: next.value.input });
    if (error !== undefined) killGroup(pid);
    const late = (error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT";
    next = questions.next({ fault: late ? tooLate(timeout) : brokenPipe(error) ? null : (error ?? null), code: status, signal, words: stdout });
  }
}

/** Facts in the making. */
export interface Examination {
  readonly facts: Promise<CompilerFacts | string>;
  /** From now on the process stays alive until they are known. */
  hold(): void;
  /** Ends it: what is given is a reason. */
  stop(): void;
}

/** Examines the compiler in the background: one that hangs must not keep anybody from running JavaScript. */
export function examineLater(compiler: FoundCompiler, flags: readonly string[], how: How = {}): Examination {
  const timeout = answerWithin(how);
  let child: ChildProcess | null = null;
  let held = false;

  const ask = ({ args, input }: Question): Promise<Answer> =>
    new Promise(resolve => {
      const asked = (child = childProcess().spawn(compiler.command, args, { env: englishEnvironment(), stdio: ["pipe", "pipe", "ignore"], detached: true }));
      let words = "";
      let fault: Error | null = null;
      const kill = (): void => killGroup(asked.pid);
      const timer = setTimeout(() => {
        fault = tooLate(timeout);
        kill();
      }, timeout);
      timer.unref();
      process.once("exit", kill);
      const end = (code: number | null, signal: string | null): void => {
        clearTimeout(timer);
        process.off("exit", kill);
        child = null;
        resolve({ fault, code, signal, words });
      };
      asked.stdout?.setEncoding("utf8").on("data", (text: string) => (words += text));
      asked.stdin?.on("error", () => undefined).end(input);
      asked.on("error", error => {
        fault = error;
        if (asked.pid === undefined) end(null, null);
      });
      asked.on("close", end);
      if (!held) setReferenced(asked, false);
    });

  const facts = (async (): Promise<CompilerFacts | string> => {
    const questions = interrogation(compiler, flags);
    for (let next = questions.next(); ; ) {
      if (next.done === true) return next.value;
      next = questions.next(await ask(next.value));
    }
  })();
  return {
    facts,
    hold() {
      held = true;
      if (child !== null) setReferenced(child, true);
    },
    stop: () => killGroup(child?.pid),
  };
}

const tooLate = (milliseconds: number): Error => new Error(`it took longer than ${milliseconds} ms`);

/** A compiler that ends before it has read everything: its exit code tells the story. */
const brokenPipe = (error: Error | undefined): boolean => (error as NodeJS.ErrnoException | undefined)?.code === "EPIPE";
