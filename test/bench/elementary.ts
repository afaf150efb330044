/** The elementary functions against SLEEF, the C library and JavaScript's own: one thread, data in cache. */
import { createRuntime } from "dotcompute";
import type { KernelSignature } from "../../src/backends/cpu/addon.js";
import { describeSpread, fill, FUNCTIONS, SIX_FUNCTIONS, type FloatType, type Timed } from "./elementary-functions.js";
import type { Handwritten, Library } from "./handwritten.js";
import { race, type Contender, type RaceOptions } from "./measure.js";

type Runtime = ReturnType<typeof createRuntime>;
type Floats = Float64Array | Float32Array;

/** Seconds for one element. */
export interface Times {
  readonly query: number;
  /** null where SLEEF is not installed. */
  readonly sleef: number | null;
  readonly libm: number;
  readonly loop: number;
  readonly map: number;
}

/** One line of the table: medians. */
export interface ElementaryRow extends Times {
  readonly function: string;
  readonly type: FloatType;
  /** The arguments. */
  readonly spread: string;
  /** The quickest samples, for a busy machine. */
  readonly least: Times;
  /** The most that a query may take, in times of SLEEF's function; null where there is no limit. */
  readonly limit: number | null;
}

export interface ElementaryTimes {
  /** Elements in one run, by type; and in one sample, at least. */
  readonly block: Readonly<Record<FloatType, number>>;
  readonly elements: number;
  /** Why SLEEF was not measured. */
  readonly lack: string | null;
  readonly rows: readonly ElementaryRow[];
}

const ELEMENTS = 1e6;
/** Three such arrays stay in the second cache of usual machines, and the cost of a query does not show. */
const BLOCK_BYTES = 2 ** 18;
const BLOCK = { f64: BLOCK_BYTES / 8, f32: BLOCK_BYTES / 4 } as const;
const ARRAYS = { f64: Float64Array, f32: Float32Array } as const;
const TYPES = ["f64", "f32"] as const;
const RACE: RaceOptions = { rounds: 9, sample: 0.005, warmUp: 0.1 };

/** Functions of these names, or all. */
export function measureElementary(handwritten: Handwritten, cacheFolder: string, names: readonly string[] | null, progress: (text: string) => void): ElementaryTimes {
  const runtime = createRuntime({ backend: "cpu", cacheFolder, threads: 1 });
  const libm = handwritten.library("libm.cpp");
  const { sleef, lack } = sleefLibrary(handwritten);
  const rows: ElementaryRow[] = [];
  for (const timed of FUNCTIONS.filter(({ name }) => names === null || names.includes(name))) {
    for (const type of TYPES) {
      const spread = describeSpread(timed.spread[type]);
      progress(`${timed.name}, ${type}, ${spread}`);
      const row = measure(runtime, libm, sleef, timed, type, spread);
      rows.push(row);
      progress(`${timed.name}, ${type}, ${spread}: ${nanoseconds(row.query)}, SLEEF ${nanoseconds(row.sleef)}\n`);
    }
  }
  return { block: BLOCK, elements: ELEMENTS, lack, rows };
}

export const nanoseconds = (seconds: number | null): string => (seconds === null ? "not installed" : `${(seconds * 1e9).toPrecision(3)} ns`);

function sleefLibrary(handwritten: Handwritten): { readonly sleef: Library | null; readonly lack: string | null } {
  try {
    return { sleef: handwritten.library("sleef.cpp", "-lsleef"), lack: null };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { sleef: null, lack: words.split("\n").slice(1).find(line => line.includes("sleef")) ?? words };
  }
}

/** The contenders' code is made anew for each row: the engine optimises it for its types alone. */
interface Code {
  query(): Floats;
  loop(): Floats;
  map(): Floats;
}

function codeOf(of: string, pair: boolean, runtime: Runtime, data: Floats, other: Floats, output: Floats): Code {
  const code = of.replace(/\by\b/, "other[i]");
  const lambda = pair ? `(x, i) => ${code}` : `x => ${code}`;
  const captures = pair ? ", { other }" : "";
  const text = `return {
    query: () => runtime.compute(data).map(${lambda}${captures}).toArray({ into: output }),
    loop() {
      for (let i = 0; i < data.length; i += 1) {
        const x = data[i];
        output[i] = ${code};
      }
      return output;
    },
    map: () => data.map(${lambda}),
  }`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one text for each row
  return new Function("runtime", "data", "other", "output", text)(runtime, data, other, output) as Code;
}

function measure(runtime: Runtime, libm: Library, sleef: Library | null, timed: Timed, type: FloatType, spread: string): ElementaryRow {
  const length = BLOCK[type];
  const make = (): Floats => new ARRAYS[type](length);
  const [data, other, output] = [make(), make(), make()];
  const [x, y] = timed.spread[type];
  if (x !== undefined) fill(data, x, 1);
  if (y !== undefined) fill(other, y, 2);
  const pair = y !== undefined;
  const code = codeOf(timed.code, pair, runtime, data, other, output);
  const signature: KernelSignature = { source: type, output: type, scalars: 0, arrays: pair ? [type] : [] };
  const bind = (library: Library): (() => void) => library.bind(`${timed.name}_${type}`, signature, data, data.length, output, pair ? [other] : []);
  const native = { libm: bind(libm), ...(sleef === null ? {} : { sleef: bind(sleef) }) };

  const title = `${timed.name} of ${type}`;
  const expected = code.query().slice();
  for (const [who, run] of Object.entries({ ...native, loop: code.loop })) {
    run();
    check(`${title}: ${who}`, data, expected, output, type);
  }

  const blocks = Math.ceil(ELEMENTS / length);
  const contender = (name: string, run: () => unknown): Contender => ({
    name,
    run() {
      for (let block = 0; block < blocks; block += 1) run();
    },
  });
  const contenders = Object.entries({ query: code.query, ...native, loop: code.loop, map: code.map }).map(([name, run]) => contender(name, run));
  const timings = race(contenders, RACE);
  const times = (which: "median" | "least"): Times => {
    const time = (name: string): number => (timings.get(name)?.[which] ?? NaN) / (blocks * length);
    return { query: time("query"), sleef: sleef === null ? null : time("sleef"), libm: time("libm"), loop: time("loop"), map: time("map") };
  };
  return { function: timed.name, type, spread, ...times("median"), least: times("least"), limit: timed.limit ?? null };
}

/** What is timed must be the same function: results agree but for a few units in the last place. */
function check(who: string, data: Floats, expected: Floats, others: Floats, type: FloatType): void {
  const [relative, absolute] = type === "f64" ? [2e-15, 2e-323] : [5e-7, 6e-45];
  for (const [at, value] of expected.entries()) {
    const other = others[at] ?? NaN;
    if (Object.is(value, other) || Math.abs(value - other) <= Math.max(absolute, relative * Math.abs(value))) continue;
    throw new Error(`${who} gives ${other} for ${data[at]}, the query ${value}`);
  }
}

/** A kernel of six functions, to be compiled. */
export const sixFunctions = TYPES.map(type => ({
  name: `${type} of six elementary functions`,
  prepare(runtime: Runtime, n: number): { query(): unknown } {
    const data = new ARRAYS[type](n).fill(1.5);
    return codeOf(SIX_FUNCTIONS, false, runtime, data, data, data);
  },
}));
