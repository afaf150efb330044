/**
 * Loads the library's one script. What V8 has made of its text is kept in the kernel cache when a process ends, so that the next one
 * need not parse it all again: that takes longer than most queries. Wherever anything is unusual the script is loaded as any other.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { cachedDataVersionTag } from "node:v8";
import { runInThisContext, Script } from "node:vm";
import { isTrusted } from "../cache/entry.js";
import { defaultCacheFolder, faultOf, makeFolder } from "../cache/folder.js";

/** Nothing else is called that, wherever a bundler has put this code. */
const SCRIPT = "dotcompute-core.cjs";
const CODE = "code-";
const CHECKSUM_BYTES = 32;
/** Of other builds, engines and flags. */
const MOST_KEPT = 4;

/** What the script exports. `folder`: where it lies; `hash`: of its text; `plainly`: loads it as any other module. */
export function load(folder: string | null, hash: string, plainly: () => unknown): unknown {
  // Test runners with globals of their own want modules loaded their way.
  if (folder === null || process.env["DOTCOMPUTE_CODE_CACHE"] === "off" || runInThisContext("Array") !== Array) return plainly();
  const file = path.join(folder, SCRIPT);
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch {
    return plainly();
  }
  // What is kept names the script's file, in stack traces too: each copy of the library has its own.
  const name = createHash("sha256").update(`${hash} ${file}`).digest("hex").slice(0, 32);
  const kept = path.join(defaultCacheFolder(), `${CODE}${name}-${cachedDataVersionTag().toString(16)}`);
  const known = recall(kept);
  const script = new Script(`(function (exports, require, module, __filename, __dirname, importModule) {${text}\n})`, {
    filename: file,
    ...(known === null ? {} : { cachedData: known }),
  });
  // A process that did little has left little.
  const suffices = known !== null && script.cachedDataRejected !== true && known.length > text.length / 2;
  if (!suffices) process.once("exit", () => remember(kept, script.createCachedData(), known?.length ?? 0));
  const module: { exports: unknown } = { exports: {} };
  (script.runInThisContext() as (...given: readonly unknown[]) => void)(module.exports, createRequire(file), module, file, folder, importModule);
  return module.exports;
}

/** A script cannot import by itself. */
const importModule = (name: string): Promise<unknown> => import(name);

const checksum = (data: Uint8Array): Buffer => createHash("sha256").update(data).digest();

/** V8 believes what it is given: nothing that others could have written, and nothing that is not whole. */
function recall(file: string): Buffer | null {
  try {
    if (faultOf(path.dirname(file)) !== null || !isTrusted(file, "file")) return null;
    const content = readFileSync(file);
    const data = content.subarray(CHECKSUM_BYTES);
    return checksum(data).equals(content.subarray(0, CHECKSUM_BYTES)) ? data : null;
  } catch {
    return null;
  }
}

/** Best effort, and whole or not at all. */
function remember(file: string, data: Buffer, before: number): void {
  if (data.length < before * 1.1) return;
  try {
    const folder = path.dirname(file);
    makeFolder(folder);
    if (faultOf(folder) !== null) return;
    publish(file, Buffer.concat([checksum(data), data]));
    const others = readdirSync(folder).filter(name => name.startsWith(CODE) && name !== path.basename(file));
    for (const name of others.slice(MOST_KEPT)) rmSync(path.join(folder, name), { force: true });
  } catch {
    // The next process tries again.
  }
}

function publish(file: string, content: Buffer): void {
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
