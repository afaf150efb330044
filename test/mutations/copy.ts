/** A copy of the working tree in which tests run on mutants: what is built and installed is shared, what is written is not. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Suite } from "./rules.js";

/** Test files, and what their tests' names must match. */
interface Selection {
  readonly files: readonly string[];
  readonly names?: string;
}

/** Narrow ones first: most mutants go no further. */
const TESTS: Readonly<Record<Suite, readonly Selection[]>> = {
  loops: [{ files: ["test/fusion/cuda-loops.test.ts"], names: "^(?!.*many blocks)" }, { files: ["test/fusion/cuda-loops.test.ts", "test/fusion/cuda-run.test.ts"] }],
  runs: [{ files: ["test/native/cuda-overlap.test.ts"] }, { files: ["test/native/cuda-failures.test.ts"] }, { files: ["test/native/cuda-backend.test.ts"] }],
};

/** A mutant may never end. Besides a multiple of what its tests take without it, on a machine that may be busier then. */
const LEAST_LIMIT = 30_000;
const LIMIT_FACTOR = 5;
/** Of a launch: far more than a kernel of these tests has, and soon over. */
const SPIN_LIMIT = "20M";

export type Verdict =
  | { readonly kind: "killed"; readonly by: string }
  | { readonly kind: "survived" }
  /** It tells nothing: the code could not even be compiled. */
  | { readonly kind: "invalid"; readonly words: string };

/** What git would know of. */
export function filesOf(root: string): readonly string[] {
  const { status, stdout, stderr } = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`git cannot list the files of ${root}: ${stderr}`);
  return stdout.split("\0").filter(name => name !== "" && existsSync(path.join(root, name)));
}

/** What tests take as it is, in milliseconds. */
const times = new Map<Selection, number>();

export class Copy {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-mutations-"));

  constructor(private readonly root: string) {
    for (const file of filesOf(root)) cpSync(path.join(root, file), path.join(this.folder, file));
    this.link("node_modules", name => !name.startsWith(".vite"));
    // Kernels of mutants are nobody else's.
    this.link("build", name => ["Release", "cuda-driver", "cuda-nvrtc", "nvrtc"].includes(name));
  }

  private link(folder: string, wanted: (name: string) => boolean): void {
    mkdirSync(path.join(this.folder, folder));
    for (const name of readdirSync(path.join(this.root, folder)).filter(wanted)) symlinkSync(path.join(this.root, folder, name), path.join(this.folder, folder, name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs tests, with another text for one file, until one fails. Without, which comes first: how long they take. */
  async judge(suites: readonly Suite[], mutant: { readonly file: string; readonly text: string } | null): Promise<Verdict> {
    const file = mutant === null ? null : path.join(this.folder, mutant.file);
    const original = file === null ? "" : readFileSync(file, "utf8");
    try {
      if (file !== null) writeFileSync(file, mutant?.text ?? "");
      for (const suite of suites) {
        for (const selection of TESTS[suite]) {
          const begin = performance.now();
          const verdict = await this.run(selection);
          if (mutant === null) times.set(selection, performance.now() - begin);
          if (verdict.kind !== "survived") return verdict;
        }
      }
      return { kind: "survived" };
    } finally {
      if (file !== null) writeFileSync(file, original);
    }
  }

  private async run(selection: Selection): Promise<Verdict> {
    const { files, names } = selection;
    const results = path.join(this.folder, "results.json");
    rmSync(results, { force: true });
    const present = files.filter(name => existsSync(path.join(this.folder, name)));
    const words = ["node_modules/vitest/vitest.mjs", "run", "--bail=1", "--reporter=json", `--outputFile=${results}`, ...present, ...(names === undefined ? [] : ["-t", names])];
    const limit = times.has(selection) ? LEAST_LIMIT + LIMIT_FACTOR * (times.get(selection) as number) : 2 ** 31 - 1;
    const output = await this.vitest(words, limit);
    if (output === null) return { kind: "killed", by: "its tests did not end" };
    if (!existsSync(results)) return { kind: "invalid", words: output.slice(-2000) };
    return verdictOf(readFileSync(results, "utf8"));
  }

  /** What it said; null if it had to be ended. */
  private vitest(words: readonly string[], limit: number): Promise<string | null> {
    const env = { ...process.env, NO_COLOR: "1", CI: "true", DOTCOMPUTE_TEST_CUDA_SPIN_LIMIT: SPIN_LIMIT };
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, words, { cwd: this.folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
      // With the processes that it has started.
      const end = setTimeout(() => {
        output = "";
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      }, limit);
      child.on("error", reject);
      child.on("close", (_, signal) => {
        clearTimeout(end);
        resolve(signal === "SIGKILL" ? null : output);
      });
    });
  }
}

/** What compilers say about mutants that make no sense. */
const NONSENSE = /nvrtcCompileProgram failed|Transform failed|SyntaxError|Failed to parse/;

function verdictOf(json: string): Verdict {
  interface Result {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }
  const { testResults } = JSON.parse(json) as { readonly testResults: readonly { readonly status: string; readonly message: string; readonly assertionResults: readonly Result[] }[] };
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = all.find(({ status }) => status === "failed");
  const words = failed?.failureMessages.join("\n") ?? testResults.map(({ message }) => message).join("\n");
  const unloaded = failed === undefined && testResults.some(({ status }) => status === "failed");
  if (unloaded || NONSENSE.test(words)) return { kind: "invalid", words: words.slice(0, 2000) };
  if (failed !== undefined) return { kind: "killed", by: failed.fullName };
  if (!all.some(({ status }) => status === "passed")) return { kind: "invalid", words: "no test has run" };
  return { kind: "survived" };
}
