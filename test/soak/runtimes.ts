/** The runtimes of a soak: an undisturbed one, and those whose compiler or cache folder misbehaves. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createRuntime, type Runtime } from "../../src/index.js";

export const TROUBLES = ["none", "compiler", "cache"] as const;
export type Trouble = (typeof TROUBLES)[number];

/** Fails, is killed, takes a second longer, writes rubbish, or does its work. It always says its version. */
const FLAKY = `#!/bin/sh
for word in "$@"; do if [ "$word" = --version ]; then exec c++ "$@"; fi; done
die=$(od -An -N1 -tu1 /dev/urandom)
case $((die % 8)) in
  0) echo "fatal error: no space left" >&2; exit 1 ;;
  1) kill -9 $$ ;;
  2) sleep 1; exec c++ "$@" ;;
  3) previous=; for word in "$@"; do if [ "$previous" = -o ]; then echo rubbish > "$word"; exit 0; fi; previous=$word; done; exit 1 ;;
  *) exec c++ "$@" ;;
esac
`;

export interface Folders {
  readonly calm: string;
  readonly troubled: string;
  readonly compiler: string;
}

export function makeFolders(root: string): Folders {
  const folders = { calm: path.join(root, "calm"), troubled: path.join(root, "troubled"), compiler: path.join(root, "flaky-c++") };
  mkdirSync(folders.calm, { mode: 0o700 });
  mkdirSync(folders.troubled, { mode: 0o700 });
  writeFileSync(folders.compiler, FLAKY);
  chmodSync(folders.compiler, 0o755);
  return folders;
}

export function makeRuntime(trouble: Trouble, folders: Folders, log: (line: string) => void): Runtime {
  switch (trouble) {
    case "none":
      return createRuntime({ cacheFolder: folders.calm, log });
    case "compiler":
      return createRuntime({ cacheFolder: folders.troubled, compiler: folders.compiler, log });
    case "cache":
      return createRuntime({ cacheFolder: folders.troubled, log });
    default:
      return trouble satisfies never;
  }
}

/** Does to one entry of a cache what disks, people and other programs do. */
export function disturb(folder: string, random: () => number): void {
  const entries = readdirSync(folder).filter(name => /^[0-9a-f]{64}-/.test(name));
  const entry = entries[Math.floor(random() * entries.length)];
  if (entry === undefined) return;
  const object = path.join(folder, entry, "kernel.so");
  try {
    const kind = Math.floor(random() * 4);
    if (kind === 0) {
      // In a file's place: one that is cut short while it is mapped ends every process that runs it, whoever does that.
      writeFileSync(`${object}.half`, readFileSync(object).subarray(0, 4096), { mode: 0o700 });
      renameSync(`${object}.half`, object);
    }
    if (kind === 1) rmSync(path.join(folder, entry), { recursive: true, force: true });
    if (kind === 2) writeFileSync(path.join(folder, entry, "checksum"), "0".repeat(64));
    if (kind === 3) rmSync(object, { force: true });
  } catch {
    // A thread was removing it itself.
  }
}
