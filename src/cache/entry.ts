/**
 * One compiled kernel on disk: a folder, named by the hash of everything that went into it, that holds the shared object and
 * its checksum. Code from here is run, so an entry counts only if it is this user's own, closed to others' writing, and whole.
 */
import { chmodSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { sha256 } from "./digest.js";
import { isTrusted, TEMPORARY } from "./folder.js";

/** What a compiled kernel is made of; equal ingredients give interchangeable kernels. */
export interface Ingredients {
  readonly source: string;
  /** Of everything that the source includes. */
  readonly headersHash: string;
  readonly abi: number;
  readonly flags: readonly string[];
  /** The processor's abilities. */
  readonly target: string;
  /** What an object needs of the system that loads it, beside the processor. */
  readonly system?: (() => string) | undefined;
  /** Whether the object names files of this machine, and so is for no other. */
  readonly local?: boolean | undefined;
  /** For people, and not part of the entry's name. Where it is left out, the source is not kept either. */
  readonly label?: Label | undefined;
}

export interface Label {
  readonly backend: "cpu" | "cuda";
  /** The kernel in one line. */
  readonly title: () => string;
}

/** What an entry says of itself, for people. */
export interface About {
  readonly backend: string;
  readonly title: string;
  readonly target: string;
  readonly flags: readonly string[];
  readonly compiler: string;
}

const OBJECT = "kernel.so";
const CHECKSUM = "checksum";
export const ABOUT = "about.json";
const SOURCES = { cpu: "kernel.cpp", cuda: "kernel.cu" } as const;
const ENTRY = /^[0-9a-f]{64}-[0-9a-f]{16}$/;
/** An entry's date says when it was last used, to this precision: reading the cache should not write to the disk each time. */
const TOUCH_AFTER = 24 * 60 * 60 * 1000;

/** The first part of an entry's name, which does not say by which compiler it was made. JSON keeps the parts apart. */
export const contentName = ({ source, headersHash, abi, flags, target }: Ingredients): string =>
  sha256(JSON.stringify([source, headersHash, abi, flags, target]));

export const entryName = (ingredients: Ingredients, compiler: string): string => `${contentName(ingredients)}-${sha256(compiler).slice(0, 16)}`;

/** Names of the entries in a folder. */
export const entryNames = (folder: string): readonly string[] => readdirSync(folder).filter(name => ENTRY.test(name));

export const objectOf = (entry: string): string => path.join(entry, OBJECT);
export const entryOf = (object: string): string => path.dirname(object);

/** Where an entry keeps its source. */
export const sourceOf = (entry: string, backend: Label["backend"]): string => path.join(entry, SOURCES[backend]);

/** Of all that an entry holds. */
export function bytesOf(entry: string): number {
  const files = [OBJECT, CHECKSUM, ABOUT, ...Object.values(SOURCES)];
  return files.reduce((sum, name) => sum + (lstatSync(path.join(entry, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** The shared object of a sound entry; null if there is none. An unsound one is removed, and told of. */
export function verifiedObject(entry: string, unsound: () => void = () => undefined): string | null {
  const facts = lstatSync(entry, { throwIfNoEntry: false });
  if (facts === undefined) return null;
  const object = objectOf(entry);
  try {
    const checksum = path.join(entry, CHECKSUM);
    if (isTrusted(entry, "folder") && isTrusted(object, "file") && isTrusted(checksum, "file")) {
      if (sha256(readFileSync(object)) === readFileSync(checksum, "utf8")) {
        touch(entry, facts.mtimeMs);
        return object;
      }
    }
  } catch {
    // A file is missing or unreadable, or another process has just removed the entry.
  }
  removeEntry(entry);
  unsound();
  return null;
}

function touch(entry: string, lastUse: number): void {
  const now = Date.now();
  if (now - lastUse < TOUCH_AFTER) return;
  try {
    utimesSync(entry, now / 1000, now / 1000);
  } catch {
    // Then it may be evicted a little early.
  }
}

/** Takes an entry away at once, then removes its files: nobody sees half of it. */
export function removeEntry(entry: string): void {
  const trash = path.join(path.dirname(entry), `${TEMPORARY}${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    renameSync(entry, trash);
    rmSync(trash, { recursive: true, force: true });
  } catch {
    // Gone already, or not ours to remove; then it is made anew under another name, or not at all.
  }
}

function keepSource(folder: string, { source, flags, target, label }: Ingredients, compiler: string): void {
  if (label === undefined) return;
  const about: About = { backend: label.backend, title: label.title(), target, flags, compiler };
  writeFileSync(sourceOf(folder, label.backend), source, { mode: 0o600 });
  writeFileSync(path.join(folder, ABOUT), JSON.stringify(about), { mode: 0o600 });
}

/** Completes the folder in which a shared object was made and gives it its name. Gives the object's final path. */
export function publishEntry(temporary: string, entry: string, ingredients: Ingredients, compiler: string): string {
  keepSource(temporary, ingredients, compiler);
  const made = objectOf(temporary);
  const bytes = readFileSync(made);
  // The linker's file has the umask's mode; nobody else is to write it.
  chmodSync(made, 0o700);
  writeFileSync(path.join(temporary, CHECKSUM), sha256(bytes), { mode: 0o600 });
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(temporary, entry);
      return objectOf(entry);
    } catch (error) {
      if (!isOccupied(error) || attempt === 4) throw error;
      // Another process was first: its entry is as good as this one, if it is sound.
      const object = verifiedObject(entry);
      if (object !== null) return object;
    }
  }
}

const isOccupied = (error: unknown): boolean => ["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
