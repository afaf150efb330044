/** Options of calls: objects whose names the call knows. */
import { QueryError } from "../../fusion/errors.js";
import { describe } from "./given.js";

/** `remedy` shows how options are written; `of`: what they belong to in another option, `cuda.`. */
export function checkOptions<const Name extends string>(given: unknown, call: string, names: readonly Name[], remedy: string, of = ""): { readonly [N in Name]?: unknown } {
  if (given === undefined) return {};
  if (typeof given !== "object" || given === null || Array.isArray(given) || ArrayBuffer.isView(given) || isSignal(given)) {
    throw new QueryError("DC305", `the ${of === "" ? "options" : `option ${of.slice(0, -1)}`} of ${call}() ${of === "" ? "are" : "is"} an object, not ${describe(given)}`, remedy);
  }
  const known: readonly string[] = names;
  for (const name in given) {
    if (known.includes(name) || !Object.hasOwn(given, name)) continue;
    throw new QueryError("DC305", `${call}() has no option ${of}${name}`, names.length === 1 ? `Its only one is ${of}${known[0] as string}. ${remedy}` : `Its options are ${names.map(one => of + one).join(", ")}. ${remedy}`);
  }
  return given;
}

/** Not by `instanceof`: test environments and libraries bring their own. */
export const isSignal = (value: unknown): boolean => typeof value === "object" && value !== null && "aborted" in value && "throwIfAborted" in value && "addEventListener" in value;
