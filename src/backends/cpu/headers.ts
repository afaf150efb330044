/** The run-time headers that every emitted kernel includes: where they are, and the hash of what they say. */
import { accessSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { crypto } from "../../builtin.js";

export interface Headers {
  /** For the compiler's -I. */
  readonly include: string;
  readonly hash: string;
}

/** Of the headers that a package was built with: scripts/build.mjs puts it here, so that no process need read them. */
declare const HEADERS_HASH: string | undefined;

/** Throws if the package has lost them. */
export function headersIn(root: string): Headers {
  const include = path.join(root, "native");
  const folder = path.join(include, "rt");
  if (typeof HEADERS_HASH !== "string") return { include, hash: hashOfHeaders(folder) };
  accessSync(folder);
  return { include, hash: HEADERS_HASH };
}

export function hashOfHeaders(folder: string): string {
  const hash = crypto().createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(`${name}\0`).update(readFileSync(path.join(folder, name))).update("\0");
  return hash.digest("hex");
}
