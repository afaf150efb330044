/**
 * Compiled kernels on disk. An entry is made under a temporary name and renamed when complete, so it is there wholly or not at
 * all, whichever processes race for it.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BackendError } from "../../fusion/errors.js";
import { messageOf } from "../../fusion/thrown.js";
import { bytesOf, contentName, entryName, entryNames, entryOf, objectOf, publishEntry, removeEntry, verifiedObject, type Ingredients } from "./entry.js";
import { evict, type EvictionLimits } from "./evict.js";
import { createCacheFolder, defaultCacheFolder, isTrusted } from "./folder.js";
import { os } from "../builtin.js";

/** Written where a compiler failed, and larger than kernels are: so a full disk is told from a wrong program. */
const PROBE_BYTES = 1 << 18;

/** So often what was being made may be cleared away under a process before it takes the folder for unusable. */
const MOST_CLEARED = 10;

/** Writes `object`. `temporary`: a folder for files that go; `entry`: where the object will lie. */
export type Make<Made> = (object: string, temporary: string, entry: string) => Made;

export interface DiskCache {
  /** A checked shared object made of these by this compiler; by any, if `compiler` is null. Never throws. */
  find(ingredients: Ingredients, compiler: string | null): string | null;
  /**
   * Makes an entry and gives its shared object. The errors of `make` are passed on, unless the disk was to blame. Throws BackendError DC405
   * if no folder can be written.
   */
  store(ingredients: Ingredients, compiler: string, make: Make<Promise<void>>): Promise<string>;
  storeSync(ingredients: Ingredients, compiler: string, make: Make<void>): string;
  /** Throws away an entry that turned out to be unusable, given its shared object. */
  discard(object: string): void;
  /** Nothing in this folder can be loaded: gives up on it. Throws BackendError DC405 if there is no other. */
  abandon(fault: string): void;
  /** A small text kept beside the entries; null if it is not there, or no longer. */
  recall(name: string): string | null;
  remember(name: string, text: string): void;
  /** Where entries go, and why not to the usual place. */
  readonly folder: string;
  readonly reason: string | null;
  /** Looks at the folder. */
  statistics(): DiskStatistics;
}

export interface DiskStatistics {
  readonly hits: number;
  /** How often a kernel had to be made that was not there. */
  readonly misses: number;
  readonly entries: number;
  readonly bytes: number;
  /** What was removed to keep the limits. */
  readonly evictions: number;
  /** Entries that were removed because they were damaged, open to others, or not to be loaded. */
  readonly refusals: number;
  readonly folder: string;
  /** Why that is not the usual one; null if it is. */
  readonly reason: string | null;
}

export interface DiskCacheOptions extends Partial<EvictionLimits> {
  /** Instead of $DOTCOMPUTE_CACHE, $XDG_CACHE_HOME/dotcompute or ~/.cache/dotcompute. */
  readonly folder?: string | undefined;
  /** Where a private folder is made if need be, instead of the system's temporary folder. */
  readonly fallback?: string | undefined;
}

export function createDiskCache(options: DiskCacheOptions = {}): DiskCache {
  const limits: EvictionLimits = { mostBytes: options.mostBytes ?? 256 * 2 ** 20, mostDays: options.mostDays ?? 30 };
  const folder = createCacheFolder(options.folder ?? defaultCacheFolder(), options.fallback ?? os().tmpdir());
  let evicted = false;
  let cleared = 0;
  const counts = { hits: 0, misses: 0, evictions: 0, refusals: 0 };

  const publish = (temporary: string, entry: string, ingredients: Ingredients, compiler: string): string => {
    const object = publishEntry(temporary, entry, ingredients, compiler);
    if (!evicted && !folder.isPrivate) {
      evicted = true;
      counts.evictions += evict(folder.path, limits, path.basename(entry));
    }
    return object;
  };

  /** After a failure: null if it was the disk's or another process's and it is to be tried again, in another folder if need be; else the error to throw. */
  const judge = (error: unknown, temporary: string): unknown => {
    // Another process has cleared the folder meanwhile: then it is made again, but not for ever.
    if (!existsSync(temporary) && cleared < MOST_CLEARED) {
      cleared += 1;
      return null;
    }
    if (!folder.isPrivate) {
      try {
        writeFileSync(path.join(temporary, "probe"), Buffer.alloc(PROBE_BYTES));
      } catch (fault) {
        folder.leave(messageOf(fault));
        return null;
      }
    }
    return isSystemError(error) ? new BackendError("DC405", `the kernel cache ${folder.path} cannot be used: ${error.message}`, { cause: error }) : error;
  };

  const find = (ingredients: Ingredients, compiler: string | null): string | null => {
    if (!folder.exists()) return null;
    const verified = (name: string): string | null => verifiedObject(path.join(folder.path, name), () => (counts.refusals += 1));
    if (compiler !== null) return verified(entryName(ingredients, compiler));
    const content = contentName(ingredients);
    for (const name of entryNames(folder.path)) {
      const object = name.startsWith(content) ? verified(name) : null;
      if (object !== null) return object;
    }
    return null;
  };

  return {
    find(ingredients, compiler) {
      try {
        const object = find(ingredients, compiler);
        if (object !== null) counts.hits += 1;
        return object;
      } catch {
        return null; // no folder at all: whoever stores will hear of it
      }
    },

    async store(ingredients, compiler, make) {
      counts.misses += 1;
      for (;;) {
        const temporary = folder.temporary();
        const entry = path.join(folder.path, entryName(ingredients, compiler));
        try {
          await make(objectOf(temporary), temporary, entry);
          return publish(temporary, entry, ingredients, compiler);
        } catch (error) {
          const fault = judge(error, temporary);
          if (fault !== null) throw fault;
        } finally {
          removeTemporary(temporary);
        }
      }
    },

    storeSync(ingredients, compiler, make) {
      counts.misses += 1;
      for (;;) {
        const temporary = folder.temporary();
        const entry = path.join(folder.path, entryName(ingredients, compiler));
        try {
          make(objectOf(temporary), temporary, entry);
          return publish(temporary, entry, ingredients, compiler);
        } catch (error) {
          const fault = judge(error, temporary);
          if (fault !== null) throw fault;
        } finally {
          removeTemporary(temporary);
        }
      }
    },

    discard(object) {
      counts.refusals += 1;
      removeEntry(entryOf(object));
    },
    abandon: fault => folder.leave(fault),

    recall(name) {
      try {
        const file = path.join(folder.path, name);
        return folder.exists() && isTrusted(file, "file") ? readFileSync(file, "utf8") : null;
      } catch {
        return null;
      }
    },

    remember(name, text) {
      try {
        const temporary = folder.temporary();
        try {
          const file = path.join(temporary, "text");
          writeFileSync(file, text, { mode: 0o600 });
          renameSync(file, path.join(folder.path, name));
        } finally {
          removeTemporary(temporary);
        }
      } catch {
        // Then it is found out again next time.
      }
    },

    get folder() {
      return folder.path;
    },
    get reason() {
      return folder.reason;
    },

    statistics() {
      const entries = namesOf(folder.path);
      const bytes = entries.reduce((sum, name) => sum + bytesOf(path.join(folder.path, name)), 0);
      return { ...counts, entries: entries.length, bytes, folder: folder.path, reason: folder.reason };
    },
  };
}

/** What cannot be removed now is by a later process, once it is old: it must not cost what has been made. */
function removeTemporary(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // See above.
  }
}

function namesOf(folder: string): readonly string[] {
  try {
    return entryNames(folder);
  } catch {
    return []; // not there yet, or not to be read
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && "syscall" in error && !(error instanceof BackendError);
