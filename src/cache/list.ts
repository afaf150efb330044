/** What a cache folder holds, for people who look after it. */
import { lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { ABOUT, bytesOf, entryNames, removeEntry, sourceOf, type About } from "./entry.js";
import { TEMPORARY } from "./folder.js";

/** A compiled kernel that is kept. */
export interface Listed {
  readonly name: string;
  readonly bytes: number;
  /** To a day. */
  readonly lastUsed: Date;
  /** Null where the entry does not say. */
  readonly about: About | null;
  /** The file of its source; null if it is not kept. */
  readonly source: string | null;
}

/** The entries of a folder, the most recently used first; none where there is no folder. */
export function listEntries(folder: string): readonly Listed[] {
  return present(() => entryNames(folder))
    .flatMap(name => describeEntry(folder, name))
    .sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/** Removes entries, and, if `all`, whatever else the library keeps there. What others have put there stays. */
export function clearEntries(folder: string, entries: readonly Listed[], all: boolean): void {
  for (const { name } of entries) removeEntry(path.join(folder, name));
  if (!all) return;
  for (const name of present(() => readdirSync(folder))) {
    if (name.startsWith(TEMPORARY) || /^(compiler-[0-9a-f]{32}\.json|selection-[0-9a-z]+\.json|code-[0-9a-z-]+|plan-[0-9a-z.]+)$/.test(name)) rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

function present(names: () => readonly string[]): readonly string[] {
  try {
    return names();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function describeEntry(folder: string, name: string): readonly Listed[] {
  const entry = path.join(folder, name);
  const facts = lstatSync(entry, { throwIfNoEntry: false });
  if (facts === undefined) return []; // removed by another process meanwhile
  const about = aboutOf(entry);
  const source = about === null || (about.backend !== "cpu" && about.backend !== "cuda") ? null : sourceOf(entry, about.backend);
  return [{ name, bytes: bytesOf(entry), lastUsed: facts.mtime, about, source }];
}

function aboutOf(entry: string): About | null {
  try {
    const { backend, title, target, flags, compiler } = JSON.parse(readFileSync(path.join(entry, ABOUT), "utf8")) as Readonly<Record<keyof About, unknown>>;
    const texts = [backend, title, target, compiler];
    if (!texts.every(text => typeof text === "string") || !Array.isArray(flags) || !flags.every(flag => typeof flag === "string")) return null;
    return { backend, title, target, flags, compiler } as About;
  } catch {
    return null;
  }
}
