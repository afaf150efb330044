/** Runs the C++ compiler: in the background or while the caller waits, never for ever, and never beyond the process's own end. */
import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { BackendError } from "../../../fusion/errors.js";
import { childProcess } from "../../builtin.js";
import { killGroup, setReferenced } from "./child.js";
import { os } from "../../builtin.js";

/** One translation unit to compile, or one link. */
export interface CompileRequest {
  readonly command: string;
  /** All arguments but the ones that name input and output, and what comes after these. */
  readonly args: readonly string[];
  readonly libraries: readonly string[];
  readonly source: string;
  /** Object files to link, instead of a source to compile. */
  readonly inputs?: readonly string[];
  /** The file to write. */
  readonly object: string;
  /** For the compiler's own temporary files. */
  readonly temporary: string;
}

/** A compilation that may be waited for, later or never. */
export interface Compilation {
  /** Rejects with BackendError DC403. */
  readonly done: Promise<void>;
  /** From now on the process stays alive until this compilation has ended. */
  hold(): void;
}

export interface Toolchain {
  /** Starts now, or when fewer than `os().availableParallelism()` others run. Does not keep the process alive unless held. */
  compile(request: CompileRequest): Compilation;
  /** Throws BackendError DC403. */
  compileSync(request: CompileRequest): void;
  /** Ends all compilations, and begins none from then on. */
  stop(): void;
}

export interface ToolchainOptions {
  /** Milliseconds after which a compiler is stopped. */
  readonly timeLimit?: number | undefined;
}

const TIME_LIMIT = 60_000;
/** Errors say what is wrong in their first lines; a template's whole history helps nobody. */
const MOST_WORDS = 8_000;

export function createToolchain(options: ToolchainOptions = {}): Toolchain {
  // To wait for no time at all would be to wait for ever.
  const timeLimit = Math.max(1, options.timeLimit ?? TIME_LIMIT);
  const most = os().availableParallelism();
  const running = new Set<ChildProcess>();
  const waiting: (() => void)[] = [];
  let stopped = false;
  /** Compilations that someone waits for and that have not begun: until they have, those that run keep the process alive. */
  let heldBack = 0;

  const killAll = (): void => {
    for (const child of running) killGroup(child.pid);
  };
  const enter = (child: ChildProcess): void => {
    if (running.size === 0) process.on("exit", killAll);
    running.add(child);
  };
  const leave = (child: ChildProcess): void => {
    running.delete(child);
    if (running.size === 0) process.off("exit", killAll);
    waiting.shift()?.();
  };

  return {
    compile(request) {
      let child: ChildProcess | null = null;
      let held = false;
      const done = new Promise<void>((resolve, reject) => {
        const begin = (): void => {
          if (held) heldBack -= 1;
          try {
            if (stopped) throw wasStopped();
            child = launch(request, timeLimit, enter, leave, resolve, reject);
          } catch (error) {
            reject(error instanceof BackendError ? error : new BackendError("DC403", `${request.command} could not be run: ${String(error)}`, { cause: error }));
            waiting.shift()?.();
            return;
          }
          if (!held && heldBack === 0) setReferenced(child, false);
        };
        if (running.size < most) begin();
        else waiting.push(begin);
      });
      return {
        done,
        hold() {
          if (held) return;
          held = true;
          if (child !== null) return setReferenced(child, true);
          heldBack += 1;
          for (const other of running) setReferenced(other, true);
        },
      };
    },

    compileSync(request) {
      // In a process group of its own, so that what the compiler has started can be ended with it.
      const settings = { env: environmentFor(request), input: request.source, encoding: "utf8", timeout: timeLimit, killSignal: "SIGKILL", detached: true, maxBuffer: 1 << 26 } as const;
      const result = childProcess().spawnSync(request.command, argumentsOf(request), settings);
      const code = (result.error as NodeJS.ErrnoException | undefined)?.code;
      const timedOut = code === "ETIMEDOUT";
      if (timedOut) killGroup(result.pid);
      // A compiler that ends before it has read everything breaks the pipe; its exit code tells the story.
      const fault = timedOut || code === "EPIPE" ? null : (result.error ?? null);
      const error = failure(request, { fault, timedOut, timeLimit, code: result.status, signal: result.signal, words: result.stderr });
      if (error !== null) throw error;
    },

    stop() {
      stopped = true;
      killAll();
    },
  };
}

/** What whoever waits hears otherwise: that the runtime has been disposed of. */
export const wasStopped = (): BackendError => new BackendError("DC403", "compilers were stopped at the end of the runtime");

function launch(
  request: CompileRequest,
  timeLimit: number,
  enter: (child: ChildProcess) => void,
  leave: (child: ChildProcess) => void,
  resolve: () => void,
  reject: (error: BackendError) => void,
): ChildProcess {
  const child = childProcess().spawn(request.command, argumentsOf(request), { env: environmentFor(request), stdio: ["pipe", "ignore", "pipe"], detached: true });
  enter(child);
  let words = "";
  let fault: Error | null = null;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child.pid);
  }, timeLimit);
  timer.unref();
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (words.length < MOST_WORDS) words += text;
  });
  child.stdin?.on("error", () => undefined) // as above: the exit code tells
    .end(request.source);
  child.on("error", error => {
    fault = error;
    if (child.pid === undefined) close(null, null);
  });
  const close = (code: number | null, signal: NodeJS.Signals | null): void => {
    clearTimeout(timer);
    leave(child);
    const error = failure(request, { fault, timedOut, timeLimit, code, signal, words });
    if (error === null) resolve();
    else reject(error);
  };
  child.on("close", close);
  return child;
}

const argumentsOf = ({ args, libraries, object, inputs = ["-x", "c++", "-"] }: CompileRequest): readonly string[] => [...args, "-o", object, ...inputs, ...libraries];

/** Messages in English, temporary files where they are removed with the rest. */
const environmentFor = ({ temporary }: CompileRequest): NodeJS.ProcessEnv => ({ ...process.env, LC_ALL: "C", TMPDIR: temporary });

interface Ending {
  readonly fault: Error | null;
  readonly timedOut: boolean;
  readonly timeLimit: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly words: string;
}

function failure({ command }: CompileRequest, { fault, timedOut, timeLimit, code, signal, words }: Ending): BackendError | null {
  const name = path.basename(command);
  if (timedOut) return new BackendError("DC403", `${name} took longer than ${timeLimit} ms and was stopped`);
  if (fault !== null) return new BackendError("DC403", `${command} could not be run: ${fault.message}`, { cause: fault });
  if (signal !== null) return new BackendError("DC403", `${name} was killed by ${signal}`);
  if (code === 0) return null;
  const heard = words.trim().slice(0, MOST_WORDS);
  return new BackendError("DC403", `${name} ended with exit code ${code ?? "unknown"}${heard === "" ? "" : `\n${heard}`}`);
}
