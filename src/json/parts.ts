/** The arguments of verbs and terminals: what each is in JSON, and what the method is called with for it. */
import type { Aggregate } from "../../fusion/query.js";
import { ARRAY_CONSTRUCTORS } from "../../fusion/values.js";
import { listOf, malformed, recordOf, refused, textIn } from "./checks.js";
import type { BranchJson, CapturesJson, NumberJson, OtherJson, ValueJson } from "./format.js";
import { capturesIn, elementIn, numberIn, valueIn, type Shared } from "./values.js";

/** What reading an argument needs of the whole query. */
export interface Reading extends Shared {
  readonly other: (json: unknown, path: string) => unknown;
  /** A function that puts a branch behind a query. */
  readonly branch: (json: unknown, path: string) => Branch;
}

/** A terminal among several, as a function of the query; nothing calls it before all else has been read. */
export interface Branch {
  readonly name: string | null;
  readonly of: (query: object) => unknown;
}

/** `Json` is for types alone: it does not exist. */
export interface Part<Json, Optional extends boolean = false> {
  readonly read: (json: unknown, path: string, reading: Reading) => unknown;
  readonly optional: Optional;
  readonly json?: Json;
}

export type Parts = Readonly<Record<string, Part<unknown, boolean>>>;
type JsonOf<P> = P extends Part<infer Json, boolean> ? Json : never;
type Needed<P> = { [K in keyof P]: P[K] extends Part<unknown, true> ? never : K }[keyof P];
/** The arguments that a verb has in JSON. */
export type ArgumentsJson<P> = { readonly [K in Needed<P>]: JsonOf<P[K]> } & { readonly [K in Exclude<keyof P, Needed<P>>]?: JsonOf<P[K]> };

const part = <Json>(read: Part<Json>["read"]): Part<Json> => ({ read, optional: false });
export const optional = <Json>({ read }: Part<Json>): Part<Json, true> => ({ read, optional: true });

export const lambda = part<string>((json, path, reading) => reading.lambda(json, path));
export const captures = optional(part<CapturesJson>(capturesIn));
export const number = part<NumberJson>(numberIn);
export const value = part<ValueJson>(valueIn);
export const values = part<readonly ValueJson[]>((json, path, reading) => listOf(json, path).map((item, at) => valueIn(item, `${path}[${at}]`, reading)));
export const names = part<readonly string[]>((json, path) => listOf(json, path).map((item, at) => textIn(item, `${path}[${at}]`)));
export const other = part<OtherJson>((json, path, reading) => reading.other(json, path));
export const others = part<readonly OtherJson[]>((json, path, reading) => listOf(json, path).map((item, at) => reading.other(item, `${path}[${at}]`)));
export const branches = part<readonly BranchJson[]>((json, path, reading) => listOf(json, path).map((item, at) => reading.branch(item, `${path}[${at}]`)));
export const flag = part<true>((json, path) => {
  if (json !== true) throw refused(path, "true, or left out", json);
  return true;
});

export const word = <Word extends string>(...words: readonly Word[]) =>
  part<Word>((json, path) => {
    if (!words.includes(json as Word)) throw refused(path, `one of ${words.join(", ")}`, json);
    return json;
  });
export const numbers = part<readonly NumberJson[]>((json, path) => listOf(json, path).map((item, at) => numberIn(item, `${path}[${at}]`)));

/** One kind of array, or some columns'. */
export const arrays = part<string | Readonly<Record<string, string>>>((json, path) => {
  if (typeof json === "string") return array(json, path);
  const columns = Object.entries(recordOf(json, path, null, "an array's name, or arrays by column"));
  if (columns.length === 0) throw malformed(path, "names no columns");
  return Object.fromEntries(columns.map(([name, to]) => [name, array(to, `${path}.${name}`)]));
});

const array = (json: unknown, path: string): unknown => ARRAY_CONSTRUCTORS[elementIn(json, path)];

export interface AggregateJson {
  readonly name: string;
  readonly terminal: Aggregate["terminal"];
  readonly lambda?: string;
  readonly captures?: CapturesJson;
  /** Of a quantile which. */
  readonly quantile?: NumberJson;
  /** Of a variance or a standard deviation. */
  readonly sample?: true;
}

const AGGREGATES = { count: true, sum: true, average: true, min: true, max: true, first: true, last: true, variance: true, standardDeviation: true, median: true, quantile: true } satisfies Record<Aggregate["terminal"], true>;

/** What `aggregate` takes: functions of a group, by name. */
export const aggregates = part<readonly AggregateJson[]>((json, path, reading) => {
  const list = listOf(json, path).map((item, at) => aggregateIn(item, `${path}[${at}]`, reading));
  const named = new Map(list);
  if (named.size < list.length) throw malformed(path, "has two aggregates of one name");
  return Object.fromEntries(named);
});

type Group = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

function aggregateIn(json: unknown, path: string, reading: Reading): readonly [string, (group: Group) => unknown] {
  const given = recordOf(json, path, ["name", "terminal", "lambda", "captures", "quantile", "sample"], "an aggregate");
  const name = textIn(given["name"], `${path}.name`);
  const terminal = textIn(given["terminal"], `${path}.terminal`);
  if (!Object.hasOwn(AGGREGATES, terminal)) throw refused(`${path}.terminal`, `one of ${Object.keys(AGGREGATES).join(", ")}`, terminal);
  const args = [given["lambda"] === undefined ? undefined : lambda.read(given["lambda"], `${path}.lambda`, reading), given["captures"] === undefined ? undefined : captures.read(given["captures"], `${path}.captures`, reading)];
  const sample = given["sample"] === undefined ? [] : [{ sample: flag.read(given["sample"], `${path}.sample`, reading) }];
  if (sample.length > 0 && terminal !== "variance" && terminal !== "standardDeviation") throw refused(`${path}.sample`, "left out, but of variance and standardDeviation", given["sample"]);
  if (terminal !== "quantile" && given["quantile"] !== undefined) throw refused(`${path}.quantile`, "left out, but of quantile", given["quantile"]);
  const which = terminal === "quantile" ? [numberIn(given["quantile"], `${path}.quantile`)] : [];
  return [name, group => group[terminal]?.(...which, ...args, ...sample)];
}
