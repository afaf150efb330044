/** What may never end, or may end the process: a user's module does as it likes. */
import { thrownInWords } from "../../fusion/thrown.js";
import { ENDED, type Output } from "./command.js";

/** After how many milliseconds something is said of what takes long. */
const LONG = 10_000;

/**
 * The outcome of the work; rejects once nothing is left in the process that could bring it about. `what` begins a sentence: `queries.js is loading`. If
 * the process ends meanwhile that is said, and its exit code is that of a failure.
 */
export function toItsEnd<T>(work: Promise<T>, what: string, { err }: Pick<Output, "err">): Promise<T> {
  return new Promise((resolve, reject) => {
    const idle = (): void => {
      // Whatever follows is begun before the process would end.
      setImmediate(() => undefined);
      over();
      reject(new Error("it waits for something that never comes: nothing is left in the process that could bring it"));
    };
    const ended = (code: number): void => {
      err(`dotcompute: the process was ended, with the exit code ${code}, while ${what}: by process.exit(), or an error that nobody caught\n`);
      process.exitCode = ENDED.failed;
    };
    const timer = setTimeout(() => err(`dotcompute: ${what} since ${LONG / 1000} s\n`), LONG);
    timer.unref();
    process.once("beforeExit", idle).once("exit", ended);
    const over = (): void => {
      clearTimeout(timer);
      process.off("beforeExit", idle).off("exit", ended);
    };
    work.then(resolve, reject).finally(over);
  });
}

/** An error of somebody else's code, with where it is; without how Node, and this program, got there. */
export function failureInWords(error: unknown): string {
  if (!(error instanceof Error)) return thrownInWords(error);
  const [, here = ""] = /\((.*):\d+:\d+\)/.exec(new Error("here").stack ?? "") ?? [];
  const { stack = "" } = error;
  const own = stack.split("\n").filter(line => !/^\s+at .*(node:internal|\(native\))/.test(line) && !(here !== "" && line.includes(here)));
  const words = own.join("\n").includes(error.message) ? own.join("\n") : String(error);
  return error instanceof SyntaxError ? `${words}\nnode --check tells the place, in this module or in one that it imports` : words;
}
