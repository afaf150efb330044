/** Files that a process leaves in the cache's folder for later ones. */
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { faultOf, makeFolder } from "./folder.js";

/** Whole or not at all, closed to others, and in no folder that others can write to. Throws where it cannot be done. */
export function leave(file: string, content: string | Buffer): void {
  const folder = path.dirname(file);
  makeFolder(folder);
  if (faultOf(folder) !== null) return;
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Removes the oldest of the files whose names begin so, where there are more than so many. */
export function keepNewest(folder: string, prefix: string, most: number): void {
  const all = readdirSync(folder).filter(name => name.startsWith(prefix)).map(name => path.join(folder, name));
  if (all.length <= most) return;
  const byAge = all.map(file => ({ file, time: statSync(file).mtimeMs })).sort((a, b) => b.time - a.time);
  for (const { file } of byAge.slice(most)) rmSync(file, { force: true });
}
