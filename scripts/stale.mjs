/** Whether something built is still what its sources would build: by content, so that a checkout or a copy builds nothing twice. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const STAMPS = path.join(ROOT, "build", "stamps");

/** A hash over files, and over all files below folders, that are named relative to the root; and over `words`. */
export function contentHash(sources, words = []) {
  const hash = createHash("sha256");
  const add = name => {
    const full = path.join(ROOT, name);
    if (!existsSync(full)) return;
    if (statSync(full).isDirectory()) {
      for (const entry of readdirSync(full).sort()) add(path.posix.join(name, entry));
      return;
    }
    const content = readFileSync(full);
    hash.update(`${name}\n${content.length}\n`).update(content);
  };
  for (const source of sources) add(source);
  for (const word of words) hash.update(`\n${word}`);
  return hash.digest("hex");
}

/** Whether `mark(name, hash)` came after the last change, and what it marked is still there. */
export function isFresh(name, hash, outputs) {
  const stamp = path.join(STAMPS, name);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === hash && outputs.every(output => existsSync(path.join(ROOT, output)));
}

export function mark(name, hash) {
  mkdirSync(STAMPS, { recursive: true });
  const stamp = path.join(STAMPS, name);
  writeFileSync(`${stamp}.${process.pid}`, hash);
  renameSync(`${stamp}.${process.pid}`, stamp);
}
