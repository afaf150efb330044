/** `dotcompute cache warm`: compiles what the queries of modules need. */
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf } from "../../fusion/thrown.js";
import { ENDED, numbered, type Ended, type Output } from "./command.js";
import { failureInWords, toItsEnd } from "./ending.js";
import { progressLine } from "./progress.js";

export interface WarmOptions {
  readonly backend: string | undefined;
  readonly json: boolean;
  /** Whether this process is one that was begun for one module. */
  readonly apart: boolean;
}

/** As `Precompiled` of the library. */
interface Made {
  readonly backend: string;
  readonly state: "found" | "compiled" | "failed";
  readonly reason: string | null;
}

/** The library as the module has it, or a runtime of its own. */
interface Compiles {
  precompile(of: unknown, how: { readonly accelerator: string | undefined; readonly onProgress: (progress: { readonly fraction: number | null }) => void }): Promise<readonly Made[]>;
  settled(): Promise<void>;
}

/** What came of one query; or of a module that gave none. */
interface Warmed {
  readonly module: string;
  /** The export's name; null where the module itself could not be used. */
  readonly query: string | null;
  readonly kernels: readonly Pick<Made, "backend" | "state" | "reason">[];
  /** Why nothing was compiled; null if it was, or each kernel has its own reason. */
  readonly reason: string | null;
}

/** The option, which is not for people, of a process that is begun for one module and tells what came of it. */
export const APART = "apart";

/** Each of several modules has a process of its own: it may end that, and the others are compiled all the same. */
export async function warm(modules: readonly string[], options: WarmOptions, output: Output): Promise<Ended> {
  const { json, apart } = options;
  const { again, tell } = output;
  if (apart && tell !== null) {
    for (const name of modules) await warmHere(name, options, one => void tell(one), output);
    await tell(OVER);
    return ENDED.well;
  }
  const warmed: Warmed[] = [];
  const note = (one: Warmed): void => void warmed.push(one);
  for (const name of modules) await (again === null || modules.length === 1 ? warmHere(name, options, note, output) : warmApart(name, options, note, again, output.err));
  const kernels = warmed.flatMap(one => one.kernels);
  const lost = warmed.filter(({ reason }) => reason !== null);
  const failed = kernels.filter(({ state }) => state === "failed").length + lost.filter(({ query }) => query !== null).length;
  const without = lost.filter(({ query }) => query === null).length;
  const compiled = kernels.filter(({ state }) => state === "compiled").length;
  const present = kernels.filter(({ state }) => state === "found").length;
  const told = [`${numbered(compiled, "kernel")} compiled, ${present} there already`, ...(failed === 0 ? [] : [`${failed} failed`]), ...(without === 0 ? [] : [`${numbered(without, "module")} without a query that could be compiled`])];
  output.out(json ? `${JSON.stringify(warmed, null, 2)}\n` : `${told.join(", ")}\n`);
  return lost.length + failed === 0 ? ENDED.well : ENDED.failed;
}

type Note = (one: Warmed) => void;

/** What such a process tells last. */
const OVER = "over";

async function warmApart(module: string, { backend, json }: WarmOptions, note: Note, again: NonNullable<Output["again"]>, err: Output["err"]): Promise<void> {
  let over = false;
  const hear = (told: unknown): void => {
    if (told === OVER) over = true;
    else if (isWarmed(told)) note(told);
  };
  await again(["cache", "warm", `--${APART}`, ...(backend === undefined ? [] : [`--backend=${backend}`]), ...(json ? ["--json"] : []), "--", module], hear);
  if (over) return;
  const reason = "it ended the process: by process.exit(), a signal, or an error that nobody caught";
  note({ module, query: null, kernels: [], reason });
  if (!json) err(`dotcompute: ${module}: ${reason}\n`);
}

/** A module may tell things of its own. */
const isWarmed = (told: unknown): told is Warmed => typeof told === "object" && told !== null && "module" in told && "query" in told && "kernels" in told && "reason" in told;

async function warmHere(module: string, { backend, json }: WarmOptions, note: Note, output: Output): Promise<void> {
  try {
    await warmModule(module, backend, (query, kernels, reason) => note({ module, query, kernels, reason }), json ? () => undefined : output.err, output);
  } catch (error) {
    const reason = messageOf(error);
    note({ module, query: null, kernels: [], reason });
    if (!json) output.err(`dotcompute: ${module}: ${reason}\n`);
  }
}

/** Throws what is wrong with the module. `say`: what is said beside the data. */
async function warmModule(name: string, backend: string | undefined, note: (query: string, kernels: Warmed["kernels"], reason: string | null) => void, say: (text: string) => void, output: Output): Promise<void> {
  const { screen, load } = output;
  const file = path.resolve(name);
  const loading = load(pathToFileURL(file).href).catch((error: unknown) => {
    throw new Error(failureInWords(error));
  });
  const module = (await toItsEnd(loading, `${name} is loading`, output)) as object;
  const { queries, others, failed } = queriesOf(module);
  if (others.length > 0) say(`${name}: no queries, and left out: ${listed(others)}\n`);
  for (const [query, error] of failed) {
    const reason = `it cannot be looked into: ${failureInWords(error)}`;
    note(query, [], reason);
    say(`${name}: ${query}: ${reason}\n`);
  }
  if (queries.length + failed.length === 0) throw new Error("it exports no query: export const loud = compute(new Float32Array(0)).map(x => x * 2)");
  if (queries.length === 0) return;
  const compiles = compilesFor(module, file);
  const line = progressLine(screen);
  for (const [at, [query, value]] of queries.entries()) {
    const draw = (fraction: number): void => line.draw((at + fraction) / queries.length, query);
    draw(0);
    const work = precompiled(compiles, value, { accelerator: backend, onProgress: ({ fraction }) => draw(fraction ?? 0) }).finally(() => line.clear());
    try {
      const made = await toItsEnd(work, `${query} of ${name} is being compiled`, output);
      note(query, made.map(({ backend, state, reason }) => ({ backend, state, reason })), null);
      say(`${at + 1} of ${queries.length}  ${query}: ${inWords(made)}\n`);
    } catch (error) {
      // Of a runtime that the module does not export, for one: the others may be sound.
      const reason = messageOf(error);
      note(query, [], reason);
      say(`${at + 1} of ${queries.length}  ${query}: ${reason}\n`);
    }
  }
  await toItsEnd(Promise.all(compiles.map(one => one.settled())), `what ${name} exports is being kept`, output);
}

/** The first of them whose query it is; where it is nobody's, what the first says. */
async function precompiled([first, ...rest]: readonly Compiles[], query: unknown, how: Parameters<Compiles["precompile"]>[1]): Promise<readonly Made[]> {
  try {
    return await (first as Compiles).precompile(query, how);
  } catch (error) {
    const [next] = rest;
    if (next === undefined || (error as { readonly code?: unknown } | null)?.code !== "DC305") throw error;
    return next.precompile(query, how).catch(() => {
      throw error;
    });
  }
}

/** So many names are told, of a module that exports much besides. */
const MOST_NAMES = 10;

const listed = (names: readonly string[]): string => (names.length <= MOST_NAMES ? names.join(", ") : `${names.slice(0, MOST_NAMES).join(", ")} and ${names.length - MOST_NAMES} others`);

const inWords = (made: readonly Made[]): string =>
  made.length === 0 ? "no kernel to compile" : made.map(({ backend, state, reason }) => (reason === null ? `${state} for ${backend}` : `${state} for ${backend}: ${reason}`)).join(", ");

/** The runtime that the module exports, and the library that it imports: another copy would not know its queries. */
function compilesFor(module: object, file: string): readonly Compiles[] {
  const runtime: unknown = "runtime" in module ? module.runtime : undefined;
  const own = isRuntime(runtime) ? [runtime] : [];
  try {
    return [...own, createRequire(file)("dotcompute") as Compiles];
  } catch (error) {
    if (own.length > 0) return own;
    throw new Error(`it finds no dotcompute to import: ${messageOf(error).split("\n", 1)[0] as string}`);
  }
}

interface Exports {
  /** What can be compiled, by its name: alone, or in lists and objects. */
  readonly queries: readonly (readonly [name: string, query: unknown])[];
  /** The names of all else. */
  readonly others: readonly string[];
  /** What throws when it is looked at: a getter, a proxy. */
  readonly failed: readonly (readonly [name: string, error: unknown])[];
}

function queriesOf(module: object): Exports {
  const queries = new Map<unknown, string>();
  const others = new Set<string>();
  const failed: [string, unknown][] = [];
  /** Calls `look` with all that an object holds. */
  const within = (object: object, prefix: string, look: (name: string, value: unknown) => void): void => {
    for (const key of Object.keys(object)) {
      const name = prefix + key;
      try {
        look(name, object[key as keyof typeof object]);
      } catch (error) {
        failed.push([name, error]);
      }
    }
  };
  const look = (name: string, value: unknown): void => {
    // What a CommonJS module exports, its default export holds, too.
    if (isRuntime(value) || queries.has(value)) return;
    if (isQuery(value)) {
      queries.set(value, name);
      return;
    }
    const before = queries.size + failed.length;
    const inner = new Set<string>();
    let held = false;
    if (isHolder(value)) {
      within(value, name === "default" ? "" : `${name}.`, (key, one) => {
        if (isRuntime(one)) return;
        if (!isQuery(one)) inner.add(typeof one === "function" ? `${key}()` : key);
        else if (queries.has(one)) held = true;
        else queries.set(one, key);
      });
    }
    if (held || queries.size + failed.length > before) for (const key of inner) others.add(key);
    else others.add(typeof value === "function" ? `${name}()` : name);
  };
  within(module, "", (name, value) => {
    if (name !== "module.exports") look(name, value);
  });
  return { queries: [...queries].map(([query, name]) => [name, query]), others: [...others], failed };
}

const isHolder = (value: unknown): value is object => typeof value === "object" && value !== null && !ArrayBuffer.isView(value);

const isRuntime = (value: unknown): value is Compiles => typeof value === "object" && value !== null && "precompile" in value;

const isQuery = (value: unknown): boolean => typeof value === "object" && value !== null && "bound" in value;
