/**
 * Small texts in the folder of the kernel cache, in which processes tell later ones what they have found out about queries. One counts only
 * if it is this user's own, closed to others' writing, and whole.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { sha256 } from "./digest.js";
import { defaultCacheFolder, faultOf, isTrusted } from "./folder.js";
import { keepNewest, leave } from "./left.js";

const PLAN = "plan-";
/** Some hundred queries of a few verbs each: in the order of a megabyte. */
const MOST_KEPT = 1000;

export interface PlanFolder {
  /** What was left under a key; null if nothing was, or nothing sound. */
  recall(key: string): string | null;
  /** Best effort. */
  remember(key: string, text: string): void;
  /** Forgets the oldest where there are too many. */
  trim(): void;
}

/** `folder`: instead of the one that the environment asks for. */
export function planFolder(folder: string = defaultCacheFolder()): PlanFolder {
  /** Tells whether a text is whole, and the one that was left under this key: a file may have been given another's name. */
  const sealOf = (key: string, text: string): string => sha256(`${key}\n${text}`);
  const fileOf = (key: string): string => path.join(folder, `${PLAN}${key}`);
  let usable: boolean | null = null;
  const isUsable = (): boolean => (usable ??= existsSync(folder) && faultOf(folder) === null);

  return {
    recall(key) {
      const file = fileOf(key);
      try {
        if (!isUsable() || !existsSync(file) || !isTrusted(file, "file")) return null;
        const content = readFileSync(file, "utf8");
        const end = content.indexOf("\n");
        const text = content.slice(end + 1);
        return content.slice(0, end) === sealOf(key, text) ? text : null;
      } catch {
        return null;
      }
    },

    remember(key, text) {
      try {
        leave(fileOf(key), `${sealOf(key, text)}\n${text}`);
      } catch {
        // The next process finds it out again.
      }
    },

    trim() {
      try {
        keepNewest(folder, PLAN, MOST_KEPT);
      } catch {
        // Another process is at it.
      }
    },
  };
}
