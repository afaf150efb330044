/** The run-time headers that every emitted kernel includes: where they are, and the hash of what they say. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { crypto } from "../../builtin.js";

export interface Headers {
  /** For the compiler's -I. */
  readonly include: string;
  readonly hash: string;
}

/** Throws if the package has lost them. */
export function readHeaders(root: string): Headers {
  const include = path.join(root, "native");
  const folder = path.join(include, "rt");
  const hash = crypto().createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(`${name}\0`).update(readFileSync(path.join(folder, name))).update("\0");
  return { include, hash: hash.digest("hex") };
}
