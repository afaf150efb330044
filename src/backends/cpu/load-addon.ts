/** Finds and loads the native addon: one built on this machine, or the one that came with the package. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../../fusion/thrown.js";
import { ABI_VERSION, type NativeAddon } from "./addon.js";

const PACKAGE_NAME = "dotcompute";

/** The addon, or why there is none. */
export type LoadedAddon =
  | { readonly addon: NativeAddon; readonly reason: null }
  | { readonly addon: null; readonly reason: string };

/** A bundle that holds the library has neither its addon nor its headers. */
export const NO_FOLDER = "the package's own folder was not found: leave dotcompute out of bundles, with esbuild by --external:dotcompute";

/** The folder of this package, from wherever this module runs: src/ in a checkout, dist/ in a package. */
export function packageRoot(from: string | null = ownFolder()): string | null {
  if (from === null) return null;
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (packageName(path.join(folder, "package.json")) === PACKAGE_NAME) return folder;
    if (folder === path.dirname(folder)) return null;
  }
}

/** Bundlers that make scripts of modules leave nothing where this file was. Written out, since the build puts something else there. */
function ownFolder(): string | null {
  const url = import.meta.url as string | undefined;
  return url === undefined ? null : path.dirname(fileURLToPath(url));
}

function packageName(file: string): unknown {
  if (!existsSync(file)) return undefined; // an exception takes longer
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/** Kernels link against no C library, but the addon does. */
function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  try {
    return readFileSync("/usr/bin/ldd", "utf8").includes("musl");
  } catch {
    return false;
  }
}

/** Where an addon may lie, best first: one built here was built on purpose, and is newer than what was packed. */
export function addonCandidates(root: string): readonly string[] {
  const platform = `${process.platform}-${process.arch}${isMusl() ? "-musl" : ""}`;
  return [path.join(root, "build", "Release", "dotcompute.node"), path.join(root, "prebuilds", platform, "dotcompute.node")];
}

/** Loads the addon; every environment (main thread, worker) gets its own instance, and repeated calls the same one. */
export function loadAddon(root: string | null = packageRoot()): LoadedAddon {
  if (root === null) return { addon: null, reason: NO_FOLDER };
  const require = createRequire(path.join(root, "package.json"));
  const faults: string[] = [];
  for (const file of addonCandidates(root)) {
    if (!existsSync(file)) continue;
    try {
      const addon = require(file) as NativeAddon;
      if (addon.abi === ABI_VERSION) return { addon, reason: null };
      faults.push(`${file} was built for another version`);
    } catch (error) {
      faults.push(`${file}: ${messageOf(error)}`);
    }
  }
  return {
    addon: null,
    reason: faults.length > 0 ? faults.join("; ") : `there is no native addon for ${process.platform}-${process.arch}; to build it: node ${path.join(root, "scripts", "build-addon.mjs")}`,
  };
}

let root: string | null | undefined;
let addon: LoadedAddon | undefined;

/** The folder of this package, looked for once. */
export const ownRoot = (): string | null => (root === undefined ? (root = packageRoot()) : root);

/** Its addon, looked for once. */
export const ownAddon = (): LoadedAddon => (addon ??= loadAddon(ownRoot()));
