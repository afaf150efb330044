/** Bounds the cache's growth: what was not used for long goes, and the oldest of what is too much. */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { bytesOf, entryNames, removeEntry } from "./entry.js";
import { TEMPORARY } from "./folder.js";

export interface EvictionLimits {
  readonly mostBytes: number;
  readonly mostDays: number;
}

const DAY = 24 * 60 * 60 * 1000;
/** No compiler runs that long: a temporary folder this old was left by a process that was killed. */
const ABANDONED_AFTER = DAY / 24;

/** Best effort: other processes may be evicting too. The entry `keep` stays. Gives the number of those that went. */
export function evict(folder: string, limits: EvictionLimits, keep: string): number {
  let evicted = 0;
  try {
    const now = Date.now();
    for (const name of readdirSync(folder)) {
      const file = path.join(folder, name);
      if (name.startsWith(TEMPORARY) && now - (lastChange(file) ?? now) > ABANDONED_AFTER) rmSync(file, { recursive: true, force: true });
    }
    const entries = entryNames(folder)
      .filter(name => name !== keep)
      .map(name => path.join(folder, name))
      .map(entry => ({ entry, used: lastChange(entry) ?? 0, bytes: bytesOf(entry) }))
      .sort((a, b) => b.used - a.used);
    let bytes = bytesOf(path.join(folder, keep));
    for (const { entry, used, bytes: size } of entries) {
      bytes += size;
      if (bytes <= limits.mostBytes && now - used <= limits.mostDays * DAY) continue;
      removeEntry(entry);
      evicted += 1;
    }
  } catch {
    // The next process that compiles tries again.
  }
  return evicted;
}

const lastChange = (file: string): number | undefined => lstatSync(file, { throwIfNoEntry: false })?.mtimeMs;
