/** The agreement suite (test/laws) on this machine's device, in a process of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { ROOT } from "./machine.js";

export interface Agreement {
  readonly agrees: boolean;
  readonly lines: readonly string[];
}

/** What of vitest's report is used. */
export interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string; readonly failureMessages: readonly string[] | null }[];
  }[];
}

/** What the suite writes when it ends: how much it has compared. */
const TALLY = /^\d+ programs, .*$/m;
const MOST_LINES = 40;

/** `device`: what it must have run on. `quick`: some generated programs and nothing else, to see that it runs. */
export async function runAgreement(device: string, { quick }: { readonly quick: boolean }): Promise<Agreement> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-check-"));
  try {
    const file = path.join(folder, "report.json");
    const what = quick ? ["test/laws/agreement.test.ts", "-t", "generated programs"] : ["test/laws"];
    const command = [path.join(ROOT, "node_modules", "vitest", "vitest.mjs"), "run", ...what, "--reporter=json", `--outputFile=${file}`];
    const output = await outputOf(command, { ...process.env, DOTCOMPUTE_TEST_GPU: "1" });
    let report: Report;
    try {
      report = JSON.parse(readFileSync(file, "utf8")) as Report;
    } catch {
      return { agrees: false, lines: ["  The suite ended without a report:", ...shortened(output)] };
    }
    const { agrees, lines } = agreementOf(report);
    const tally = TALLY.exec(output)?.[0] ?? "";
    if (tally.endsWith(`; CUDA: ${device}`)) return { agrees, lines: [`  ${tally}.`, ...lines] };
    return { agrees: false, lines: [`  FAILED: the suite does not say that it ran on ${device}, but: ${tally || "nothing"}`, ...lines] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function outputOf(command: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject).on("close", () => resolve(stripVTControlCharacters(output)));
  });
}

const shortened = (text: string): readonly string[] => {
  const lines = stripVTControlCharacters(text).trimEnd().split("\n").map(line => `    ${line}`);
  return lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES), `    … and ${lines.length - MOST_LINES} lines more`];
};

/** Only what was tried on CUDA, and did not fail, agrees. */
export function agreementOf({ success, testResults }: Report): Agreement {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (status: string): number => tests.filter(test => test.status === status).length;
  const [passed, failed] = [count("passed"), count("failed")];
  const broken = testResults.filter(({ message }) => message !== "");
  const onCuda = tests.filter(({ status, fullName }) => status === "passed" && /\bcuda\b/.test(fullName)).length;
  const lines = [
    `  ${passed} tests passed, ${onCuda} of them on cuda; ${failed} failed; ${tests.length - passed - failed} left out.`,
    ...broken.flatMap(({ name, message }) => [`  ${path.relative(ROOT, name)} could not run:`, ...shortened(message)]),
    ...tests.flatMap(({ status, fullName, failureMessages }) => (status === "failed" ? [`  FAILED: ${fullName}`, ...(failureMessages ?? []).flatMap(shortened)] : [])),
  ];
  return { agrees: success && failed === 0 && broken.length === 0 && onCuda > 0, lines };
}
