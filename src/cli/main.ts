/** `dotcompute`: the command line. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { messageOf } from "../../fusion/thrown.js";
import { packageRoot } from "../backends/cpu/load-addon.js";
import { cacheCommand, CACHE_HELP } from "./cache.js";
import { ENDED, Misuse, type Ended, type Output } from "./command.js";

const HELP = `Usage: dotcompute <command>

  cache list     the compiled kernels that are kept on this machine
  cache clear    removes them
  cache warm     compiles the kernels of a module's queries before they are needed

  --help         says this; dotcompute cache --help says more
  --version      the library's version
`;

/** Runs a command. Never throws: what is wrong is said, and the result is the exit code. */
export async function main(args: readonly string[], output: Output): Promise<Ended> {
  const [command, ...rest] = args;
  try {
    if (command === "cache") return await cacheCommand(rest, output);
    if (command === "--version") return said(`${version()}\n`, output);
    if (command === "--help" || command === "help") return said(HELP, output);
    throw new Misuse(command === undefined ? HELP : `there is no command ${command}\n\n${HELP}`);
  } catch (error) {
    if (error instanceof Misuse || isUnknownOption(error)) {
      output.err(`${error instanceof Misuse ? "" : "dotcompute: "}${error.message.trimEnd()}\n${error instanceof Misuse ? "" : `\n${CACHE_HELP}`}`);
      return ENDED.misused;
    }
    output.err(`dotcompute: ${messageOf(error)}\n`);
    return ENDED.failed;
  }
}

function said(text: string, { out }: Output): Ended {
  out(text);
  return ENDED.well;
}

/** Of node:util's parseArgs. */
const isUnknownOption = (error: unknown): error is Error => error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");

function version(): string {
  const root = packageRoot();
  return root === null ? "unknown" : String((JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { readonly version: unknown }).version);
}
