/**
 * Loads the library's scripts: the first at once, each other when something in it is first called. What V8 has made of their texts is kept
 * in the kernel cache when a process ends, so that the next one need not parse them again: that takes longer than most queries.
 * Wherever anything is unusual the scripts are loaded as any others.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { runInThisContext, Script } from "node:vm";
import { defaultCacheFolder, faultOf, isTrusted } from "../cache/folder.js";
import { keepNewest, leave } from "../cache/left.js";

/** Nothing else is called that, wherever a bundler has put this code. */
const FIRST = "./dotcompute-core.cjs";
const SCRIPTS = /^\.\/(dotcompute-\w+\.cjs)$/;
const CODE = "code-";
/** Of other builds, engines and flags: as many as a few builds have scripts. */
const MOST_KEPT = 40;

/** What the first script exports. `folder`: where they lie; `hash`: of their texts; `plainly`: loads it as any other module. */
export function load(folder: string | null, hash: string, plainly: () => unknown): unknown {
  // Test runners with globals of their own want modules loaded their way.
  if (folder === null || process.env["DOTCOMPUTE_CODE_CACHE"] === "off" || runInThisContext("Array") !== Array) return plainly();
  return existsSync(path.join(folder, FIRST)) ? new Loader(folder, hash).load(FIRST) : plainly();
}

class Loader {
  private readonly loaded = new Map<string, unknown>();
  private readonly others: NodeJS.Require;
  private readonly kept = defaultCacheFolder();
  private readonly ends: (() => void)[] = [];
  /** What tells what is kept from what other builds and engines leave; V8 refuses what its flags do not fit. */
  private readonly kind: string;

  constructor(
    private readonly folder: string,
    hash: string,
  ) {
    this.others = createRequire(path.join(folder, FIRST));
    this.kind = [hash, process.version, process.arch, ...process.execArgv, process.env["NODE_OPTIONS"]].join(" ");
  }

  /** What scripts call `require`. */
  readonly load = (name: string): unknown => {
    const script = SCRIPTS.exec(name)?.[1];
    if (script === undefined) return this.others(name);
    if (!this.loaded.has(script)) this.loaded.set(script, this.run(path.join(this.folder, script)));
    return this.loaded.get(script);
  };

  private run(file: string): unknown {
    const text = readFileSync(file, "latin1");
    // What is kept names the script's file, in stack traces too: each copy of the library has its own.
    const kept = path.join(this.kept, CODE + fingerprint(`${this.kind} ${file}`));
    const known = recall(kept);
    const script = new Script(text, { filename: file, ...(known === null ? {} : { cachedData: known }) });
    // A process that did little has left little.
    const suffices = known !== null && script.cachedDataRejected !== true && known.length > text.length / 2;
    if (!suffices) this.atEnd(() => remember(kept, script.createCachedData(), known?.length ?? 0));
    const module: { exports: unknown } = { exports: {} };
    (script.runInThisContext() as (...given: readonly unknown[]) => void)(module.exports, this.load, module, file, this.folder, importModule);
    return module.exports;
  }

  /** One listener for all scripts: Node warns of more than ten. */
  private atEnd(work: () => void): void {
    if (this.ends.length === 0) process.once("exit", () => this.ends.forEach(end => end()));
    this.ends.push(work);
  }
}

/** A script cannot import by itself. */
const importModule = (name: string): Promise<unknown> => import(name);

/** V8 believes what it is given: nothing that others could have written, and nothing that is not whole. */
function recall(file: string): Buffer | null {
  try {
    return faultOf(path.dirname(file)) !== null || !isTrusted(file, "file") ? null : once(readFileSync(file));
  } catch {
    return null;
  }
}

/** Best effort. */
function remember(file: string, data: Buffer, before: number): void {
  if (data.length < before * 1.1) return;
  try {
    leave(file, Buffer.concat([data, data]));
    keepNewest(path.dirname(file), CODE, MOST_KEPT);
  } catch {
    // The next process tries again.
  }
}

/** What is there twice; null if the two are not the same. That is quicker to find out than any checksum, whose code would have to be loaded first. */
function once(content: Buffer): Buffer | null {
  const data = content.subarray(0, content.length / 2);
  return data.length > 0 && data.equals(content.subarray(data.length)) ? data : null;
}

/** Tells texts apart of which nobody makes many. */
function fingerprint(text: string): string {
  let [one, other] = [2166136261, 5381];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    one = Math.imul(one ^ code, 16777619);
    other = Math.imul(other, 33) + code;
  }
  return [one, other].map(half => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
