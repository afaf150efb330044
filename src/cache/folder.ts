/** The folder in which the cache lives: the user's own, or, where that cannot be used, a private one until the process ends. */
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { BackendError } from "../../fusion/errors.js";
import { messageOf } from "../../fusion/thrown.js";
import { os } from "../builtin.js";

/** Unfinished entries begin with this. */
export const TEMPORARY = "tmp-";

/** The folder that the environment asks for. */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { DOTCOMPUTE_CACHE: own, XDG_CACHE_HOME: caches } = environment;
  if (own !== undefined && own !== "") return path.resolve(own);
  // The specification says that a relative $XDG_CACHE_HOME is to be ignored.
  return path.join(caches !== undefined && path.isAbsolute(caches) ? caches : path.join(homeIn(environment), ".cache"), "dotcompute");
}

/** As Node finds it, which on POSIX is what the environment says first. */
const homeIn = ({ HOME: home }: NodeJS.ProcessEnv): string => (process.platform !== "win32" && home !== undefined && home !== "" ? home : os().homedir());

export interface CacheFolder {
  readonly path: string;
  /** Why it is not the usual one; null if it is. */
  readonly reason: string | null;
  /** Whether there is anything to read. */
  exists(): boolean;
  /** A new folder within, for an entry in the making. Throws BackendError DC405 if none can be made. */
  temporary(): string;
  /** From now on the private folder is used. Throws BackendError DC405 if this was it, or if none can be made. */
  leave(fault: string): void;
  readonly isPrivate: boolean;
}


/** All private folders of this process: one listener for them, since emitters warn of many. */
const privateFolders: string[] = [];

function removeAtExit(folder: string): void {
  if (privateFolders.length === 0) process.once("exit", () => privateFolders.forEach(one => rmSync(one, { recursive: true, force: true })));
  privateFolders.push(folder);
}

export function createCacheFolder(usual: string, fallback: string): CacheFolder {
  let folder = usual;
  let reason: string | null = null;
  let isPrivate = false;
  let checked = false;

  const leave = (fault: string): void => {
    if (isPrivate) throw new BackendError("DC405", `the kernel cache ${folder} cannot be used: ${fault}`);
    try {
      folder = mkdtempSync(path.join(fallback, "dotcompute-"));
    } catch (error) {
      throw new BackendError("DC405", `neither the kernel cache ${usual} (${fault}) nor a temporary folder (${messageOf(error)}) can be used`, { cause: error });
    }
    reason = `the kernel cache ${usual} cannot be used: ${fault}`;
    isPrivate = true;
    removeAtExit(folder);
  };

  const exists = (): boolean => {
    if (checked || isPrivate) return true;
    let fault: string | null;
    try {
      fault = faultOf(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      fault = messageOf(error);
    }
    if (fault !== null) leave(fault);
    checked = true;
    return true;
  };

  return {
    get path() {
      return folder;
    },
    get reason() {
      return reason;
    },
    get isPrivate() {
      return isPrivate;
    },
    exists,
    leave,
    temporary() {
      for (;;) {
        try {
          makeFolder(folder);
          exists();
          return mkdtempSync(path.join(folder, TEMPORARY));
        } catch (error) {
          if (error instanceof BackendError) throw error;
          leave(messageOf(error));
        }
      }
    },
  };
}

/** The folder, and those that it lies in. Node's own way of doing that never ends where a folder refuses new ones as missing (/proc). */
export function makeFolder(folder: string): void {
  try {
    makeOne(folder);
  } catch (error) {
    const parent = path.dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === folder) throw error;
    if (!existsSync(parent)) makeFolder(parent);
    makeOne(folder); // another process may have made the parent meanwhile
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

/** Why a folder must not be used. One of ours that is open to others is closed to them. */
export function faultOf(folder: string): string | null {
  const facts = statSync(folder);
  if (!facts.isDirectory()) return "it is not a folder";
  if (process.getuid === undefined) return null;
  if (facts.uid !== process.getuid()) return "it belongs to another user";
  if ((facts.mode & 0o077) === 0) return null;
  try {
    chmodSync(folder, 0o700);
    return null;
  } catch (error) {
    // A folder that others may only read, on a disk that nobody can write, does no harm.
    return (facts.mode & 0o022) === 0 ? null : `others can write to it (${messageOf(error)})`;
  }
}

/** Windows has neither owners nor modes of this kind. */
const isOwn = (facts: { readonly uid: number; readonly mode: number }): boolean =>
  process.getuid === undefined || (facts.uid === process.getuid() && (facts.mode & 0o022) === 0);

/** Whether a folder or a file may be trusted: this user's own, not open to others' writing, and no link to something else. */
export function isTrusted(file: string, kind: "file" | "folder"): boolean {
  const facts = lstatSync(file);
  return (kind === "file" ? facts.isFile() : facts.isDirectory()) && isOwn(facts);
}
