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
        return content.slice(0, end) === sha256(text) ? text : null;
      } catch {
        return null;
      }
    },

    remember(key, text) {
      try {
        leave(fileOf(key), `${sha256(text)}\n${text}`);
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
