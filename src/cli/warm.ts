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

export async function warm(modules: readonly string[], { backend, json }: WarmOptions, output: Output): Promise<Ended> {
  const warmed: Warmed[] = [];
  for (const name of modules) {
    const note = (query: string | null, kernels: Warmed["kernels"], reason: string | null): void => void warmed.push({ module: name, query, kernels, reason });
    try {
      await warmModule(name, backend, note, json ? () => undefined : output.err, output);
    } catch (error) {
      const reason = messageOf(error);
      note(null, [], reason);
      if (!json) output.err(`dotcompute: ${name}: ${reason}\n`);
    }
  }
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

/** Throws what is wrong with the module. `say`: what is said beside the data. */
async function warmModule(name: string, backend: string | undefined, note: (query: string, kernels: Warmed["kernels"], reason: string | null) => void, say: (text: string) => void, output: Output): Promise<void> {
  const { screen, load } = output;
  const file = path.resolve(name);
  const loading = load(pathToFileURL(file).href).catch((error: unknown) => {
    throw new Error(failureInWords(error));
  });
  const module = (await toItsEnd(loading, `${name} is loading`, output)) as Readonly<Record<string, unknown>>;
  const { queries, others } = queriesOf(module);
  if (others.length > 0) say(`${name}: no queries, and left out: ${listed(others)}\n`);
  if (queries.length === 0) throw new Error("it exports no query: export const loud = compute(new Float32Array(0)).map(x => x * 2)");
  const compiles = compilesFor(module, file);
  const line = progressLine(screen);
  for (const [at, [query, value]] of queries.entries()) {
    const draw = (fraction: number): void => line.draw((at + fraction) / queries.length, query);
    draw(0);
    const work = compiles.precompile(value, { accelerator: backend, onProgress: ({ fraction }) => draw(fraction ?? 0) }).finally(() => line.clear());
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
  await compiles.settled();
}

/** So many names are told, of a module that exports much besides. */
const MOST_NAMES = 10;

const listed = (names: readonly string[]): string => (names.length <= MOST_NAMES ? names.join(", ") : `${names.slice(0, MOST_NAMES).join(", ")} and ${names.length - MOST_NAMES} others`);

const inWords = (made: readonly Made[]): string =>
  made.length === 0 ? "no kernel to compile" : made.map(({ backend, state, reason }) => (reason === null ? `${state} for ${backend}` : `${state} for ${backend}: ${reason}`)).join(", ");

/** The library that the module itself imports: another copy would not know its queries. */
function compilesFor({ runtime }: Readonly<Record<string, unknown>>, file: string): Compiles {
  if (typeof runtime === "object" && runtime !== null && "precompile" in runtime) return runtime as Compiles;
  try {
    return createRequire(file)("dotcompute") as Compiles;
  } catch (error) {
    throw new Error(`it finds no dotcompute to import: ${messageOf(error).split("\n", 1)[0] as string}`);
  }
}


interface Exports {
  /** What can be compiled, by its name: alone, or in lists and objects. */
  readonly queries: readonly (readonly [name: string, query: unknown])[];
  /** The names of all else. */
  readonly others: readonly string[];
}

function queriesOf(module: Readonly<Record<string, unknown>>): Exports {
  const queries = new Map<unknown, string>();
  const others = new Set<string>();
  const look = (name: string, value: unknown, inside: boolean): void => {
    // What a CommonJS module exports, its default export holds, too.
    if (isRuntime(value) || queries.has(value)) return;
    if (isQuery(value)) queries.set(value, name);
    else if (inside && holdsQueries(value)) for (const [key, inner] of Object.entries(value)) look(name === "default" ? key : `${name}.${key}`, inner, false);
    else others.add(typeof value === "function" ? `${name}()` : name);
  };
  for (const [name, value] of Object.entries(module)) if (name !== "module.exports") look(name, value, true);
  return { queries: [...queries].map(([query, name]) => [name, query]), others: [...others] };
}

const holdsQueries = (value: unknown): value is object => typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && Object.values(value).some(isQuery);

const isRuntime = (value: unknown): boolean => typeof value === "object" && value !== null && "precompile" in value;

const isQuery = (value: unknown): boolean => typeof value === "object" && value !== null && "bound" in value;
