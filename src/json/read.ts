/** JSON to queries. It may come from anywhere: everything is checked, and lambdas are read by the compiler, never evaluated. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import { functionOf } from "../query/captures.js";
import { describe } from "../query/given.js";
import type { LazyValue } from "../query/lazy.js";
import { checkOptions } from "../query/options.js";
import type { Query } from "../query/query.js";
import type { Rows } from "../query/rows.js";
import type { Sequence } from "../query/sequence.js";
import type { Capture, TableOf, TypedArray } from "../query/types.js";
import { chosenRuntime, type Runtime } from "../runtime/create.js";
import { listOf, malformed, recordOf, refused, textIn, type Fields } from "./checks.js";
import { VERSION, type SourceJson } from "./format.js";
import type { Branch, Parts, Reading } from "./parts.js";
import { planned, planOf, replay, told } from "./replay.js";
import { TERMINALS } from "./terminals.js";
import { arrayName, arraysIn, typeIn } from "./values.js";
import { VERBS } from "./verbs.js";
import { sourceJson } from "./write.js";

/** Far more than anybody writes; what goes beyond is not read, so that reading ends soon. */
const MOST_STAGES = 100;
const DEEPEST = 16;
const LONGEST_LAMBDA = 10_000;
const MOST_TEXT = 100_000;
/** Expressions and statements of all lambdas, helpers put in place. */
const LARGEST = 20_000;
/** Columns of rows behind all stages together: each is planned for itself. */
const MOST_COLUMNS = 1_500;

/** What the reader of a stored query gives beside its source. */
export interface FromJsonOptions {
  /** The sources of the queries that it takes, in the order of `sources` in the JSON, behind the first. */
  readonly others?: readonly unknown[] | undefined;
  readonly runtime?: Runtime | undefined;
}

/** Any query, or a lazy value. */
export type AnyQuery = Query<TypedArray> | Rows<TableOf> | LazyValue<unknown>;

export function readQuery(given: unknown, source: unknown, options: unknown): unknown {
  const json = recordOf(parsed(given), "", ["dotcompute", "sources", "arrays", "stages", "terminal", "fastMath", "on"], "an object");
  const { dotcompute: version } = json;
  if (version !== VERSION) throw malformed("dotcompute", typeof version === "number" && version > VERSION ? `is version ${version}, and this one reads up to ${VERSION}` : `is ${describe(version)}, not the version ${VERSION}`);
  const { others, runtime } = readOptions(options);
  const wanted = listOf(json["sources"], "sources").map((one, at) => sourceIn(one, `sources[${at}]`));
  if (wanted.length === 0 || wanted.length > MOST_STAGES) throw malformed("sources", `has ${wanted.length} of them: there is one, and one for each other query at most`);
  if (others.length !== wanted.length - 1) {
    throw new QueryError("DC305", `the stored query has ${wanted.length} sources, and was given ${others.length + 1}`, wanted.length > 1 ? `Hand them over in the order of its sources: fromJSON(json, source, { others: [${wanted.slice(1).map(() => "…").join(", ")}] }).` : "Leave others out: fromJSON(json, source).");
  }
  const reader = new Reader(runtime, [source, ...others], wanted, json["arrays"] === undefined ? [] : arraysIn(json["arrays"], "arrays"));
  if (json["terminal"] === undefined) return reader.planned(json, 0, "");
  const query = reader.chain(json, 0, "");
  const value = reader.call(query, json["terminal"], "terminal", TERMINALS) as LazyValue<unknown>;
  planned(query.bound, "", () => value.check(), json);
  return value;
}

function parsed(given: unknown): unknown {
  if (typeof given !== "string") return given;
  try {
    return JSON.parse(given);
  } catch (error) {
    throw malformed("", `is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

function readOptions(options: unknown): { readonly others: readonly unknown[]; readonly runtime: Runtime } {
  const { others = [] } = checkOptions(options, "fromJSON", ["others", "runtime"], "Write fromJSON(json, source, { others: [other] }).");
  if (!Array.isArray(others)) throw new QueryError("DC305", `others is a list of sources, not ${describe(others)}`, "Write fromJSON(json, source, { others: [other] }).");
  return { others, runtime: chosenRuntime(options) };
}

type Chain = Sequence<never, unknown>;

class Reader implements Reading {
  private stages = 0;
  private depth = 0;
  private text = 0;
  private size = 0;
  private columns = 0;
  private readonly lambdas = new Map<string, Capture>();
  /** Read once each, so that a source that is used twice is seen to be the same. */
  private readonly sources = new Map<string, Chain>();

  constructor(
    private readonly runtime: Runtime,
    private readonly given: readonly unknown[],
    private readonly wanted: readonly SourceJson[],
    readonly arrays: Reading["arrays"],
  ) {}

  /** A source, and the stages behind it. */
  chain({ fastMath, stages, on }: Fields, place: number, path: string): Chain {
    if (fastMath !== undefined && fastMath !== true) throw refused(within(path, "fastMath"), "true, or left out", fastMath);
    if (this.depth === DEEPEST) throw malformed(path, "takes queries that take queries, too deep");
    this.depth += 1;
    const query = this.stagesOn(this.source(place, fastMath === true), { stages, on }, path);
    this.depth -= 1;
    return query;
  }

  private stagesOn(start: Chain, { stages, on }: Fields, path: string): Chain {
    let query = start;
    if (on !== undefined) query = told(within(path, "on"), () => query.on(on as never)) as Chain;
    for (const [at, stage] of listOf(stages, within(path, "stages")).entries()) {
      this.stages += 1;
      const here = within(path, `stages[${at}]`);
      if (this.stages > MOST_STAGES) throw malformed(here, `is one too many: at most ${MOST_STAGES} are read`);
      query = this.call(query, stage, here, VERBS) as Chain;
      const { shape } = query.bound;
      this.columns += shape.columns?.size ?? 0;
      this.size += sizeOf(shape.stage);
      if (this.size > LARGEST || this.columns > MOST_COLUMNS) throw malformed(here, "makes the query too large: it has too many columns, or its lambdas are too long once their helpers are put in place");
    }
    return query;
  }

  /** The same, planned. */
  planned(json: Fields, place: number, path: string): Chain {
    const query = this.chain(json, place, path);
    planned(query.bound, path === "" ? "" : `${path}.`, () => planOf(query.bound), json);
    return query;
  }

  private source(place: number, fastMath: boolean): Chain {
    const key = `${place} ${fastMath}`;
    let query = this.sources.get(key);
    if (query === undefined) this.sources.set(key, (query = this.start(place, fastMath)));
    return query;
  }

  private start(place: number, fastMath: boolean): Chain {
    const query = this.runtime.compute(this.given[place] as never, { fastMath }) as unknown as Chain;
    const [found, wanted] = [sourceJson(query.bound.source), this.wanted[place]];
    if (wanted === undefined) throw new CompilerBug("a source that was not checked");
    if (fits(found, wanted)) {
      if (query.bound.parent === null) return query;
      throw new QueryError("DC305", "a stored query makes the elements of its range, or what it repeats, by itself", "Hand over places alone, as many as there shall be elements: range(100).");
    }
    throw new QueryError("DC301", `the stored query reads as sources[${place}] ${showSource(wanted)}, and was given ${showSource(found)}`, "Hand over what it was written for: the same element type, or the same columns.");
  }

  /** Calls the method of a verb or a terminal. */
  call(query: Chain, json: unknown, path: string, table: Readonly<Record<string, Parts>>): unknown {
    const name = textIn(recordOf(json, path, null, "a verb with its arguments")["verb"], `${path}.verb`);
    const parts = Object.hasOwn(table, name) ? table[name] : undefined;
    if (parts === undefined) throw malformed(`${path}.verb`, `is ${JSON.stringify(name.slice(0, 40))}, not one of ${Object.keys(table).join(", ")}`);
    const given = recordOf(json, path, ["verb", ...Object.keys(parts)], "a verb with its arguments");
    const args = Object.entries(parts).map(([key, part]) => {
      if (given[key] === undefined && part.optional) return undefined;
      return part.read(given[key], `${path}.${key}`, this);
    });
    return told(path, () => replay(query, name, args, path), given);
  }

  lambda(json: unknown, path: string): Capture {
    const text = textIn(json, path);
    this.text += text.length;
    if (text.length > LONGEST_LAMBDA || this.text > MOST_TEXT) throw malformed(path, `is too long: at most ${LONGEST_LAMBDA} characters of one lambda are read, and ${MOST_TEXT} of all`);
    let lambda = this.lambdas.get(text);
    if (lambda === undefined) this.lambdas.set(text, (lambda = functionOf(text)));
    return lambda;
  }

  branch(json: unknown, path: string): Branch {
    const fields = recordOf(json, path, ["name", "stages", "terminal", "on"], "a terminal behind its stages");
    this.stages += 1;
    if (this.stages > MOST_STAGES) throw malformed(path, `is one too many: at most ${MOST_STAGES} are read`);
    return {
      name: fields["name"] === undefined ? null : textIn(fields["name"], `${path}.name`),
      of: query => this.call(this.stagesOn(query as Chain, fields, path), fields["terminal"], `${path}.terminal`, TERMINALS),
    };
  }

  other(json: unknown, path: string): unknown {
    const fields = recordOf(json, path, ["source", "stages", "fastMath", "on"], "a query");
    const { source } = fields;
    if (typeof source !== "number" || !(source in this.given)) throw refused(`${path}.source`, "the place of a source in sources", source);
    return this.planned(fields, source, path);
  }
}

/** How many expressions and statements a stage's lambdas have. */
function sizeOf(part: unknown): number {
  let size = 0;
  const pending: unknown[] = [part];
  while (pending.length > 0) {
    const item = pending.pop();
    if (typeof item !== "object" || item === null || item instanceof Map) continue;
    if ("kind" in item) size += 1;
    for (const [name, value] of Object.entries(item)) if (name !== "span" && name !== "source") pending.push(value);
  }
  return size;
}

const within = (path: string, field: string): string => (path === "" ? field : `${path}.${field}`);

/** What a source must be, checked. */
function sourceIn(json: unknown, path: string): SourceJson {
  const given = recordOf(json, path, ["array", "range", "columns"], "what a source must be");
  const [kind, more] = Object.keys(given);
  if (more === undefined && kind === "array") return { array: arrayName(typeIn(given["array"], `${path}.array`)) };
  if (more === undefined && kind === "range" && given["range"] === true) return { range: true };
  if (more !== undefined || kind !== "columns") throw refused(path, "one of array, range: true and columns", json);
  return {
    columns: listOf(given["columns"], `${path}.columns`).map((column, at) => {
      const here = `${path}.columns[${at}]`;
      const [name, array] = listOf(column, here);
      return [textIn(name, `${here}[0]`), arrayName(typeIn(array, `${here}[1]`))] as const;
    }),
  };
}

/** Whether a source is what was wanted; the order of columns may differ. */
const fits = (found: SourceJson, wanted: SourceJson): boolean => sorted(found) === sorted(wanted);

const sorted = (source: SourceJson): string => JSON.stringify("columns" in source ? source.columns.map(column => JSON.stringify(column)).sort() : source);

function showSource(source: SourceJson): string {
  const shown = JSON.stringify(source);
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}
