/** Plain data as text: objects, arrays and maps of numbers, BigInts, booleans, strings and nulls. Shared parts become parts of their own. */

/** The only key of an object that stands for what JSON has no word for. */
const MARK = "$";

type Marked = { readonly [MARK]: "NaN" | "Infinity" | "-Infinity" | "-0" } | { readonly [MARK]: "map"; readonly entries: readonly (readonly [string, unknown])[] } | { readonly [MARK]: "bigint"; readonly digits: string };

/** What is thrown within for data of another kind, or too much of it. */
const UNFIT = Symbol("unfit");

/** The text; null where the data hold anything else, or more than so many values: parts that many share can be many more than they seem. */
export function packed(value: unknown, mostValues: number): string | null {
  let left = mostValues;
  const pack = (one: unknown): unknown => {
    left -= 1;
    if (left < 0) throw UNFIT;
    switch (typeof one) {
      case "string":
      case "boolean":
        return one;
      case "number":
        return Number.isFinite(one) && !Object.is(one, -0) ? one : { [MARK]: Object.is(one, -0) ? "-0" : String(one) };
      case "bigint":
        return { [MARK]: "bigint", digits: String(one) };
      case "object":
        return one === null ? null : Array.isArray(one) ? one.map(pack) : one instanceof Map ? { [MARK]: "map", entries: [...(one as Map<unknown, unknown>)].map(([key, part]) => [text(key), pack(part)]) } : packFields(one);
      default:
        throw UNFIT;
    }
  };
  const packFields = (record: object): unknown => {
    if (Object.getPrototypeOf(record) !== Object.prototype || Object.hasOwn(record, MARK) || Object.hasOwn(record, "__proto__")) throw UNFIT;
    // A field that is undefined is as good as none.
    return Object.fromEntries(Object.entries(record).flatMap(([name, part]) => (part === undefined ? [] : [[name, pack(part)]])));
  };
  try {
    return JSON.stringify(pack(value));
  } catch (error) {
    if (error === UNFIT) return null;
    throw error;
  }
}

function text(key: unknown): string {
  if (typeof key !== "string") throw UNFIT;
  return key;
}

/** What a text was made of. Throws SyntaxError where it is none of `packed`. */
export const unpacked = (from: string): unknown => restored(JSON.parse(from) as unknown);

/** In place: what was parsed is nobody else's. */
function restored(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) if (typeof value[at] === "object") value[at] = restored(value[at]);
    return value;
  }
  if (MARK in value) return unmarked(value as unknown as Marked);
  const record = value as Record<string, unknown>;
  for (const name in record) if (typeof record[name] === "object") record[name] = restored(record[name]);
  return record;
}

function unmarked(marked: Marked): unknown {
  switch (marked[MARK]) {
    case "map":
      return new Map((marked as Marked & { readonly entries: readonly (readonly [string, unknown])[] }).entries.map(([key, part]) => [key, restored(part)]));
    case "bigint":
      return BigInt((marked as Marked & { readonly digits: string }).digits);
    default:
      return Number(marked[MARK]);
  }
}
