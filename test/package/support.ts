/** Programs as a user would run them: their own process, folder and environment. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. What npm and vitest left in the environment is not handed on. */
export function run(program: string, args: readonly string[], options: { cwd: string; env?: Record<string, string> }): Promise<Finished> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_OPTIONS$|NODE_ENV$)/.test(name)));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: { ...inherited, ...options.env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", code => resolve({ code, stdout, stderr }));
  });
}

/** As `run`; a program that fails fails the test, with its own words. */
export async function succeed(program: string, args: readonly string[], options: { cwd: string; env?: Record<string, string> }): Promise<Finished> {
  const finished = await run(program, args, options);
  if (finished.code !== 0) {
    throw new Error(`${[program, ...args].join(" ")} ended with ${String(finished.code)}\n${finished.stdout}\n${finished.stderr}`);
  }
  return finished;
}

export async function works(program: string): Promise<boolean> {
  return run(program, ["--version"], { cwd: os.tmpdir() }).then(({ code }) => code === 0, () => false);
}

/** A new folder outside the checkout, so that nothing of it is found by looking upwards. */
export function temporaryFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-test-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
