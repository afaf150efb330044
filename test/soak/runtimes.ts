/** The runtimes of a soak: an undisturbed one, and those whose compiler, cache folder, shared store or accelerator misbehaves. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BackendError, createRuntime, memory, plugin, type Accelerator, type FailureKind, type Runtime } from "../../src/index.js";

export const TROUBLES = ["none", "compiler", "cache", "store", "accelerator"] as const;
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

/** What a runtime with troubles needs beside its folders. */
export interface Means {
  readonly folders: Folders;
  readonly random: () => number;
  readonly log: (line: string) => void;
  /** Is told of each fault. */
  readonly fault: (what: string) => void;
}

export function makeRuntime(trouble: Trouble, { folders, random, log, fault }: Means): Runtime {
  switch (trouble) {
    case "none":
      return createRuntime({ cacheFolder: folders.calm, log });
    case "compiler":
      return createRuntime({ cacheFolder: folders.troubled, compiler: folders.compiler, log });
    case "cache":
      return createRuntime({ cacheFolder: folders.troubled, log });
    case "store":
      return createRuntime({ cacheFolder: folders.troubled, cache: { shared: { store: lyingStore(random, fault), secret: "known to the threads of this soak alone", timeLimit: 50 } }, log });
    case "accelerator":
      return createRuntime({ cacheFolder: folders.calm, decorate: accelerator => failing(accelerator, random, fault), resilience: { baseDelay: 1, maxDelay: 5, breaker: { rest: 20 } }, log });
    default:
      return trouble satisfies never;
  }
}

const KINDS: readonly FailureKind[] = ["transient", "transient", "transient", "resource", "resource", "programmer", "fatal"];

/** Now and then a compilation, a run, or a run that is over fails, in all ways but those that are the caller's. Behind js there is nothing. */
function failing(accelerator: Accelerator, random: () => number, fault: (what: string) => void): Accelerator {
  if (accelerator.name === "js") return accelerator;
  const perhaps = (share: number): void => {
    if (random() >= share) return;
    const kind = KINDS[Math.floor(random() * KINDS.length)] as FailureKind;
    fault(`accelerator, ${kind}`);
    throw new BackendError("DC407", "out of order, as the soak asked", { kind });
  };
  return plugin.decorated(accelerator, {
    compile: () => perhaps(0.05),
    run: () => perhaps(0.05),
    result(_kernel, result) {
      perhaps(0.02);
      return result;
    },
  });
}

/** Answers late, never, with an error, with somebody else's kernel, with rubbish, or as it should. */
function lyingStore(random: () => number, fault: (what: string) => void): { get(key: string): Promise<unknown>; set(key: string, value: unknown): Promise<unknown>; delete(key: string): Promise<unknown> } {
  const held = new Map<string, unknown>();
  const answer = async <Value>(value: Value): Promise<Value | string> => {
    const kind = Math.floor(random() * 10);
    if (kind < 4) fault(`store, ${["silent", "down", "another's", "rubbish"][kind]}`);
    if (kind === 0) return new Promise(() => undefined);
    if (kind === 1) throw new Error("out of order, as the soak asked");
    if (kind === 2) return [...held.values()][0] as string;
    if (kind === 3) return "dotcompute kernel 1\n00\n{}\nAAAA";
    return value;
  };
  return {
    get: key => answer(held.get(key)),
    set: (key, value) => (held.set(key, value), answer(true)),
    delete: key => answer(held.delete(key)),
  };
}

/** Does to one entry of a cache what disks, people and other programs do; gives what it was, if anything. */
export function disturb(folder: string, random: () => number): string | null {
  const entries = readdirSync(folder).filter(name => /^[0-9a-f]{64}-/.test(name));
  const entry = entries[Math.floor(random() * entries.length)];
  if (entry === undefined) return null;
  const object = path.join(folder, entry, "kernel.so");
  try {
    const kind = Math.floor(random() * 6);
    if (kind === 0) {
      // In a file's place: one that is cut short while it is mapped ends every process that runs it, whoever does that.
      writeFileSync(`${object}.half`, readFileSync(object).subarray(0, 4096), { mode: 0o700 });
      renameSync(`${object}.half`, object);
    }
    if (kind === 1) rmSync(path.join(folder, entry), { recursive: true, force: true });
    if (kind === 2) writeFileSync(path.join(folder, entry, "checksum"), "0".repeat(64));
    if (kind === 3) rmSync(object, { force: true });
    if (kind === 4) {
      // A file where a folder was.
      rmSync(path.join(folder, entry), { recursive: true, force: true });
      writeFileSync(path.join(folder, entry), "");
    }
    if (kind === 5 && random() < 0.1) for (const name of entries) rmSync(path.join(folder, name), { recursive: true, force: true });
    return "entry of the cache";
  } catch {
    return null; // a thread was removing it itself
  }
}

/** Memory of results is short for a while, or not any more. */
export function squeeze(random: () => number): string {
  memory.limit(random() < 0.5 ? 0 : Math.floor(random() * 2 ** 28));
  if (random() < 0.3) memory.trim();
  return "pool's limit";
}
