/** `dotcompute cache warm`: compiles what the queries of modules need. */
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ENDED, numbered, type Ended, type Output } from "./command.js";
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

interface Warmed {
  readonly module: string;
  /** The export's name. */
  readonly query: string;
  readonly kernels: readonly Pick<Made, "backend" | "state" | "reason">[];
}

export async function warm(modules: readonly string[], { backend, json }: WarmOptions, { out, err, screen, load }: Output): Promise<Ended> {
  const warmed: Warmed[] = [];
  const line = progressLine(screen);
  for (const name of modules) {
    const file = path.resolve(name);
    const module = (await load(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
    const compiles = compilesFor(module, file);
    const queries = queriesOf(module);
    if (queries.length === 0) throw new Error(`${name} exports no query: export const loud = compute(new Float32Array(0)).map(x => x * 2)`);
    for (const [at, [query, value]] of queries.entries()) {
      const draw = (fraction: number): void => line.draw((at + fraction) / queries.length, query);
      draw(0);
      const made = await compiles.precompile(value, { accelerator: backend, onProgress: ({ fraction }) => draw(fraction ?? 0) }).finally(() => line.clear());
      warmed.push({ module: name, query, kernels: made.map(({ backend, state, reason }) => ({ backend, state, reason })) });
      if (!json) err(`${at + 1} of ${queries.length}  ${query}: ${inWords(made)}\n`);
    }
    await compiles.settled();
  }
  const kernels = warmed.flatMap(one => one.kernels);
  const failed = kernels.filter(({ state }) => state === "failed").length;
  const compiled = kernels.filter(({ state }) => state === "compiled").length;
  out(json ? `${JSON.stringify(warmed, null, 2)}\n` : `${numbered(compiled, "kernel")} compiled, ${kernels.length - compiled - failed} there already${failed === 0 ? "" : `, ${failed} failed`}\n`);
  return failed === 0 ? ENDED.well : ENDED.failed;
}

const inWords = (made: readonly Made[]): string =>
  made.length === 0 ? "no kernel to compile" : made.map(({ backend, state, reason }) => (reason === null ? `${state} for ${backend}` : `${state} for ${backend}: ${reason}`)).join(", ");

/** The library that the module itself imports: another copy would not know its queries. */
function compilesFor({ runtime }: Readonly<Record<string, unknown>>, file: string): Compiles {
  if (typeof runtime === "object" && runtime !== null && "precompile" in runtime) return runtime as Compiles;
  try {
    return createRequire(file)("dotcompute") as Compiles;
  } catch (error) {
    throw new Error(`${file} finds no dotcompute to import: ${error instanceof Error ? (error.message.split("\n", 1)[0] as string) : String(error)}`);
  }
}

/** What a module exports that can be compiled, by its name: alone, or in lists and objects. */
function queriesOf(module: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(module).flatMap(([name, value]) => {
    if (isQuery(value)) return [[name, value] as const];
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || "precompile" in value) return [];
    return Object.entries(value).flatMap(([key, inner]) => (isQuery(inner) ? [[name === "default" ? key : `${name}.${key}`, inner] as const] : []));
  });
}

const isQuery = (value: unknown): boolean => typeof value === "object" && value !== null && "bound" in value;
