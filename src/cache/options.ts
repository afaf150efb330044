/** What `createRuntime({ cache })` is given. */
import { QueryError } from "../../fusion/errors.js";
import { describe } from "../query/given.js";
import { checkOptions } from "../query/options.js";
import type { CacheOptions } from "./kernels.js";

/** A secret shorter than this could be guessed. */
const LEAST_SECRET = 32;
const REMEDY = "Write cache: { memory: { mostBytes }, disk: { mostBytes }, shared: { store, secret } }, or leave it out.";
const LIMITS = { "cache.memory.": ["mostEntries", "mostBytes", "mostMinutes"], "cache.disk.": ["mostBytes", "mostDays"], "cache.shared.": ["timeLimit", "mostBytes"] } as const;

/** Throws QueryError DC305. */
export function checkCacheOptions(cache: CacheOptions | undefined): void {
  const { memory, disk, shared } = checkOptions(cache, "createRuntime", ["memory", "disk", "shared"], REMEDY, "cache.");
  checkLimits(memory, "cache.memory.", []);
  checkLimits(disk, "cache.disk.", []);
  checkLimits(shared, "cache.shared.", ["store", "secret"]);
  if (shared !== undefined) checkShared(shared as Readonly<Record<string, unknown>>);
}

function checkLimits(given: unknown, of: keyof typeof LIMITS, others: readonly string[]): void {
  const names: readonly string[] = LIMITS[of];
  const limits = checkOptions(given, "createRuntime", [...others, ...names], REMEDY, of) as Readonly<Record<string, unknown>>;
  for (const name of names) {
    const limit = limits[name];
    const whole = name === "mostEntries";
    if (limit === undefined || (typeof limit === "number" && limit >= (whole ? 1 : 0) && (!whole || Number.isInteger(limit)))) continue;
    throw new QueryError("DC305", `the option ${of}${name} of createRuntime() is ${whole ? "a number of entries, 1 at least" : "a number, 0 at least"}, not ${describe(limit)}`, "Leave it out for the usual.");
  }
}

function checkShared({ store, secret }: Readonly<Record<string, unknown>>): void {
  const methods = ["get", "set", "delete"].filter(name => typeof (store as Readonly<Record<string, unknown>> | null | undefined)?.[name] !== "function");
  if (methods.length > 0) {
    throw new QueryError("DC305", `the option cache.shared.store of createRuntime() is ${describe(store)}, which has no ${methods.join(", no ")}`, "Hand over a store of keyv's kind: new Keyv(new KeyvRedis(address)).");
  }
  const remedy = `Hand over ${LEAST_SECRET} characters or bytes that only machines know that are to share kernels: openssl rand -hex 32 makes them, and an environment variable keeps them.`;
  if (secret === undefined) throw new QueryError("DC305", "a shared kernel cache holds code that is run, and cache.shared.secret of createRuntime() is missing, with which it is signed", remedy);
  if (typeof secret !== "string" && !(secret instanceof Uint8Array)) throw new QueryError("DC305", "the option cache.shared.secret of createRuntime() is a text or a Uint8Array", remedy);
  if (secret.length < LEAST_SECRET) throw new QueryError("DC305", `the option cache.shared.secret of createRuntime() has ${secret.length} ${typeof secret === "string" ? "characters" : "bytes"}, which could be guessed`, remedy);
}
