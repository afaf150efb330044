/** `dotcompute cache`: looks after the compiled kernels of this machine. */
import { parseArgs } from "node:util";
import type { About } from "../cache/entry.js";
import { defaultCacheFolder } from "../cache/folder.js";
import { clearEntries, listEntries, type Listed } from "../cache/list.js";
import { bytesInWords, ENDED, Misuse, numbered, table, type Ended, type Output } from "./command.js";
import { APART, warm } from "./warm.js";

export const CACHE_HELP = `Usage: dotcompute cache list [--json]
       dotcompute cache clear [--older-than 30d] [--json]
       dotcompute cache warm module.js … [--backend cpu] [--json]

  list     the kernels that are kept, the last used first: backend, size, last use (to a day), what they are compiled for, and what they do
  clear    removes all that the library keeps; with --older-than (days: 30d, hours: 12h) the kernels that were not used for so long
  warm     imports modules, and compiles the kernels of the queries that they export, alone or in lists and objects. Queries of a runtime
           of their own need it exported, too, as runtime. A source may be empty: its kernels are those of any length.
           Says which exports it leaves out, which modules cannot be imported, and why

  --folder <path>   instead of $DOTCOMPUTE_CACHE, $XDG_CACHE_HOME/dotcompute or ~/.cache/dotcompute
  --backend <name>  the backend to compile for, instead of those that queries and their runtime name
  --json            as data

Ends with 0; with 1 if something failed; with 2 if the command was not understood.
`;

const FOLDER = { folder: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } } as const;

export async function cacheCommand([command, ...args]: readonly string[], output: Output): Promise<Ended> {
  switch (command) {
    case "list":
      return list(args, output);
    case "clear":
      return clear(args, output);
    case "warm": {
      const { values, positionals } = parseArgs({ args: [...args], options: { ...FOLDER, backend: { type: "string" }, [APART]: { type: "boolean" } }, allowPositionals: true });
      if (values.help === true) return help(output);
      if (positionals.length === 0) throw new Misuse(`cache warm needs a module that exports queries\n\n${CACHE_HELP}`);
      if (values.folder !== undefined) process.env["DOTCOMPUTE_CACHE"] = values.folder;
      return warm(positionals, { backend: values.backend, json: values.json === true, apart: values[APART] === true }, output);
    }
    case "--help":
    case "help":
      return help(output);
    default:
      throw new Misuse(`${command === undefined ? "" : `there is no command cache ${command}\n\n`}${CACHE_HELP}`);
  }
}

function help({ out }: Output): Ended {
  out(CACHE_HELP);
  return ENDED.well;
}

function list(args: readonly string[], output: Output): Ended {
  const { values } = parseArgs({ args: [...args], options: FOLDER });
  if (values.help === true) return help(output);
  const folder = values.folder ?? defaultCacheFolder();
  const entries = listEntries(folder);
  if (values.json === true) {
    output.out(`${JSON.stringify(entries.map(({ name, bytes, lastUsed, about, source }) => ({ name, bytes, lastUsed, ...about, source })), null, 2)}\n`);
    return ENDED.well;
  }
  const rows = entries.map(({ bytes, lastUsed, about }) => [about?.backend ?? "?", bytesInWords(bytes), lastUsed.toISOString().slice(0, 10), about === null ? "?" : targetInWords(about), about?.title ?? ""]);
  if (rows.length > 0) output.out(table([["BACKEND", "SIZE", "LAST USED", "TARGET", "KERNEL"], ...rows]));
  output.out(`${inWords(entries)} in ${folder}\n`);
  return ENDED.well;
}

const inWords = (entries: readonly Listed[]): string => `${numbered(entries.length, "kernel")}, ${bytesInWords(entries.reduce((sum, { bytes }) => sum + bytes, 0))}`;

/** The processor's own name says nothing to people. */
function targetInWords({ target, flags }: About): string {
  const device = flags.find(flag => flag.startsWith("--gpu-architecture="));
  if (device !== undefined) return device.slice("--gpu-architecture=".length);
  if (target.startsWith("[")) return "portable";
  return flags.includes("-march=native") ? "native" : target;
}

const HOUR = 60 * 60 * 1000;

function clear(args: readonly string[], output: Output): Ended {
  const { values } = parseArgs({ args: [...args], options: { ...FOLDER, "older-than": { type: "string" } } });
  if (values.help === true) return help(output);
  const age = values["older-than"];
  const before = age === undefined ? Infinity : Date.now() - ageOf(age);
  const folder = values.folder ?? defaultCacheFolder();
  const entries = listEntries(folder).filter(({ lastUsed }) => lastUsed.getTime() < before);
  clearEntries(folder, entries, age === undefined);
  const left = new Set(listEntries(folder).map(({ name }) => name));
  const removed = entries.filter(({ name }) => !left.has(name));
  const bytes = removed.reduce((sum, entry) => sum + entry.bytes, 0);
  output.out(values.json === true ? `${JSON.stringify({ folder, removed: removed.length, bytes })}\n` : `removed ${inWords(removed)} from ${folder}\n`);
  if (removed.length === entries.length) return ENDED.well;
  output.err(`dotcompute: ${numbered(entries.length - removed.length, "kernel")} could not be removed: ${folder} may not be written to\n`);
  return ENDED.failed;
}

/** `30d`, `12h`, in milliseconds. */
function ageOf(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([dh])$/.exec(text) ?? [];
  if (count === undefined) throw new Misuse(`--older-than takes days or hours, 30d or 12h, not ${text}\n\n${CACHE_HELP}`);
  return Number(count) * HOUR * (unit === "d" ? 24 : 1);
}
