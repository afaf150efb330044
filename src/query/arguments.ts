/** Checks of what the methods of a query were called with. */
import { shownNames } from "../../fusion/columns.js";
import { QueryError, withArticle } from "../../fusion/errors.js";
import type { Columns } from "../../fusion/query.js";
import { ELEMENTS, type ColumnType, type ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS } from "../../fusion/values.js";
import { quotedBackends, type BackendName } from "../backends/backend.js";
import { Deadline, endsBy } from "../runtime/deadline.js";
import { checkOnProgress, reporting } from "../runtime/progress.js";
import { captureTypes, NO_CAPTURES } from "./captures.js";
import type { SeedKind } from "./shape.js";
import type { ScanHow } from "./stages.js";
import { describe, quote } from "./given.js";
import { checkOptions, isSignal } from "./options.js";
import type { Captures } from "./types.js";

export function checkFunction(f: unknown, verb: string): unknown {
  if (typeof f === "function") return f;
  throw new QueryError("DC305", `${verb}() takes a function, not ${describe(f)}`, `Write the function in the call: .${verb}(${verb === "reduce" || verb === "scan" ? "(a, x) => a + x, 0" : "x => …"}).`);
}

/** Captures as an object; what they hold is checked when their types are looked up. */
export function checkCaptures(captures: unknown, verb: string): Captures {
  if (captures === undefined) return NO_CAPTURES;
  if (typeof captures !== "object" || captures === null) captureTypes(captures, verb);
  return captures as Captures;
}

const BY_CONSTRUCTOR = new Map<unknown, ElementType>(Object.entries(ARRAY_CONSTRUCTORS).map(([element, constructor]) => [constructor, element as ElementType]));
const BY_NAME = new Map<string, ElementType>(Object.entries(ELEMENTS).map(([element, { array }]) => [array, element as ElementType]));

/** The element type of arrays that a constructor makes, also one of another realm. */
export function checkConstructor(constructor: unknown, verb: string): ElementType {
  const known = BY_CONSTRUCTOR.get(constructor);
  if (known !== undefined) return known;
  const foreign = typeof constructor === "function" && "BYTES_PER_ELEMENT" in constructor ? BY_NAME.get(constructor.name) : undefined;
  if (foreign !== undefined) return foreign;
  const found = typeof constructor === "function" ? constructor.name || "a function" : describe(constructor);
  throw new QueryError("DC305", `${verb}() takes a typed array's constructor, not ${found}`, `Name the array to make: ${verb === "as" ? ".as(Float64Array)" : verb === "scan" ? ".scan(f, seed, {}, { to: Float64Array })" : verb === "buffer" ? "buffer(Float64Array, 1000)" : ".map(f, Float64Array)"}.`);
}

/** The columns that `as` converts. */
export function checkCasts(to: unknown, columns: Columns): Columns {
  const given = typeof to === "object" && to !== null ? Object.entries(to) : [];
  if (given.length === 0) throw new QueryError("DC305", `as() of rows takes the arrays to make by column, not ${describe(to)}`, `Name them: .as({ ${shownNames(columns.keys())[0] ?? "price"}: Float32Array }).`);
  return new Map(given.map(([name, constructor]) => [checkColumn(name, columns), checkConstructor(constructor, "as")]));
}

/** A column that there is. */
export function checkColumn(name: unknown, columns: Columns): string {
  if (typeof name === "string" && columns.has(name)) return name;
  throw new QueryError("DC308", `there is no column ${typeof name === "string" ? name : describe(name)}`, `The columns are ${shownNames(columns.keys()).join(", ")}.`);
}

/** What a map makes, and its captures: both are objects, but only one holds constructors. */
export function checkTargets(second: unknown, third: unknown, verb = "map"): { readonly to: ElementType | Columns | null; readonly captures: unknown } {
  if (typeof second === "function") return { to: checkConstructor(second, verb), captures: third };
  const values = typeof second === "object" && second !== null ? Object.entries(second) : [];
  if (values.length > 0 && values.every(([, value]) => isConstructor(value))) {
    return { to: new Map(values.map(([name, value]) => [name, checkConstructor(value, verb)])), captures: third };
  }
  checkNoMore(third, verb);
  return { to: null, captures: second };
}

const isConstructor = (value: unknown): boolean => typeof value === "function" && "BYTES_PER_ELEMENT" in value;

/** `names`: the backends of the runtime. */
export function checkBackend(backend: BackendName, names: readonly BackendName[]): BackendName {
  if (names.includes(backend)) return backend;
  throw new QueryError("DC305", `there is no backend ${quote(backend)}`, `The backends are ${quotedBackends(names)}.`);
}

export function seedKind(seed: unknown, verb: "reduce" | "scan", ofRows = false): SeedKind {
  const kind = typeof seed;
  if (kind === "number" || kind === "bigint" || kind === "boolean") return kind;
  const remedy = ofRows ? "Rows are folded from a seed, for a row is no value: .reduce((sum, row) => sum + row.price, 0)." : `For no seed leave it out, or write undefined: .${verb}(f, undefined, { k }).`;
  throw new QueryError("DC305", `${verb}() takes a number, a BigInt or a boolean as its seed, not ${describe(seed)}`, remedy);
}

/** BigInts of a sequence have 64 bits; a seed must fit too. */
export function checkBigSeed(seed: unknown, element: ColumnType, verb: "reduce" | "scan"): void {
  if (typeof seed !== "bigint" || (element !== "i64" && element !== "u64") || fitsElement(seed, element)) return;
  throw new QueryError("DC305", `the seed ${seed}n does not fit in ${withArticle(ELEMENTS[element].array)}`, `${verb === "scan" ? "Scan" : "Reduce"} wraps at 64 bits, so its seed must fit in them.`);
}

/** Whether a BigInt can be an element. */
export const fitsElement = (value: bigint, element: "i64" | "u64"): boolean =>
  (element === "u64" ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) === value;

export interface CheckedReduceOptions {
  readonly combine: unknown;
  readonly sequential: boolean;
}

/** The options of `scan`, and whether they go with the seed. */
export function checkScanOptions(options: unknown, seeded: boolean): ScanHow {
  const { to, exclusive = false, sequential = false } = checkOptions(options, "scan", ["exclusive", "sequential", "to"], "Write { exclusive: true }, { sequential: true } or { to: Float64Array }.");
  for (const [name, value] of Object.entries({ exclusive, sequential })) {
    if (typeof value !== "boolean") throw new QueryError("DC305", `${name} is true or false, not ${describe(value)}`, `Write { ${name}: true }.`);
  }
  if (exclusive === true && !seeded) throw new QueryError("DC305", "an exclusive scan() begins with its seed, and was given none", "Give one: .scan((a, x) => a + x, 0, {}, { exclusive: true }).");
  return { to: to === undefined ? null : checkConstructor(to, "scan"), exclusive: exclusive === true, sequential: sequential === true };
}

const NO_OPTIONS: CheckedReduceOptions = { combine: undefined, sequential: false };

export function checkReduceOptions(options: unknown): CheckedReduceOptions {
  if (options === undefined) return NO_OPTIONS;
  const { combine, sequential = false } = checkOptions(options, "reduce", ["combine", "sequential"], "Write { combine: (a, b) => … } or { sequential: true }.");
  if (combine !== undefined && typeof combine !== "function") {
    throw new QueryError("DC305", `combine is a function that joins two partial results, not ${describe(combine)}`, "Write { combine: (a, b) => … }.");
  }
  if (typeof sequential !== "boolean") throw new QueryError("DC305", `sequential is true or false, not ${describe(sequential)}`, "Write { sequential: true }.");
  if (combine !== undefined && sequential) {
    throw new QueryError("DC305", "reduce() was given both combine and sequential: true", "A sequential reduce joins nothing: leave one of them out.");
  }
  return { combine, sequential };
}

/** Whether the options of a query ask for fast arithmetic; its runtime, which says what is `usual`, is for others to look at. */
export function checkFastMath(options: unknown, usual: boolean): boolean {
  const remedy = "Write compute(source, { fastMath: true }).";
  const { fastMath } = checkOptions(options, "compute", ["fastMath", "runtime"], remedy);
  if (fastMath === undefined || typeof fastMath === "boolean") return fastMath ?? usual;
  throw new QueryError("DC305", `fastMath is true or false, not ${describe(fastMath)}`, remedy);
}

const SIGNAL = { names: ["signal", "timeout", "onProgress"], remedy: "Write { signal }." } as const;
const RUN_OPTIONS = {
  run: SIGNAL,
  toArray: { names: ["into"], remedy: "Write { into }." },
  toArrayAsync: { names: ["into", "signal", "timeout", "onProgress"], remedy: "Write { into }." },
  toBuffer: { names: ["into"], remedy: "Write { into }." },
  toBufferAsync: { names: ["into", "signal", "timeout", "onProgress"], remedy: "Write { into }." },
  toColumnsAsync: SIGNAL,
  toArrow: SIGNAL,
  forEach: { names: ["signal", "timeout", "onProgress", "chunk"], remedy: "Write { signal }." },
} as const;

/** What timers take. */
const MOST_MILLISECONDS = 2 ** 31 - 1;

/** The options of a run: an object, whose signal, if there is one, is an AbortSignal. What comes back has the signal that also tells of time and progress. */
export function checkRunOptions<Options extends object>(options: Options, verb: keyof typeof RUN_OPTIONS): Options {
  const { names, remedy } = RUN_OPTIONS[verb];
  const { signal, timeout, onProgress } = checkOptions<"into" | "signal" | "timeout" | "onProgress" | "chunk">(options, verb, names, remedy);
  if (signal !== undefined && !isSignal(signal)) {
    const wanted = signal instanceof AbortController ? "Hand over the controller's signal: { signal: controller.signal }." : "Write { signal: AbortSignal.timeout(100) }.";
    throw new QueryError("DC305", `signal is an AbortSignal, not ${describe(signal)}`, wanted);
  }
  return timeout === undefined && onProgress === undefined ? options : { ...options, signal: signalOf(signal as AbortSignal | undefined, timeout, onProgress) };
}

/** The signal that ends a run, in time, too, and with which its progress goes. */
function signalOf(given: AbortSignal | undefined, timeout: unknown, onProgress: unknown): AbortSignal | undefined {
  const tell = checkOnProgress(onProgress, describe);
  const deadline = timeout === undefined ? null : deadlineIn(timeout);
  const ended = deadline === null ? given : given === undefined ? deadline.signal : AbortSignal.any([given, deadline.signal]);
  const signal = tell === undefined ? ended : reporting(tell, ended);
  if (deadline !== null && signal !== undefined) endsBy(signal, deadline);
  return signal;
}

function deadlineIn(timeout: unknown): Deadline {
  if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= MOST_MILLISECONDS)) throw new QueryError("DC305", `timeout is a number of milliseconds, not ${describe(timeout)}`, "Write { timeout: 100 }, or leave it out to wait for as long as it takes.");
  return new Deadline(timeout);
}

/** An argument behind the last one would be ignored. */
export function checkNoMore(argument: unknown, verb: string): void {
  if (argument === undefined) return;
  throw new QueryError("DC305", `${verb}() takes the array to make before the captures`, `Write .${verb}(f, Float64Array, { k }).`);
}

/** An argument that a method does not have would be ignored, whatever it means to other libraries. */
export function checkSurplus(surplus: readonly unknown[], verb: string, remedy: string): void {
  const given = surplus.find(argument => argument !== undefined);
  if (given !== undefined) throw new QueryError("DC305", `${verb}() was given ${describe(given)}, which it does not take`, remedy);
}

/** What `indexOf` and `includes` look for. */
export function checkSearched(value: unknown, element: ColumnType, verb: string): number | bigint | string {
  if (element === "string") {
    if (typeof value === "string") return value;
    throw new QueryError("DC305", `${verb}() looks for a string among strings, not for ${describe(value)}`, `Write .${verb}("AA").`);
  }
  const big = element === "i64" || element === "u64";
  if (typeof value === (big ? "bigint" : "number")) return value as number | bigint;
  const wanted = big ? "a BigInt" : "a number";
  throw new QueryError("DC305", `${verb}() looks for ${wanted} in ${withArticle(ELEMENTS[element].array)}, not for ${describe(value)}`, `Pass ${big ? "a BigInt, such as 1n" : "a number"}.`);
}

export function checkPlace(place: unknown, verb: string): number {
  if (typeof place === "number" && (Number.isInteger(place) || (place === Infinity && verb === "slice"))) return place;
  throw new QueryError("DC305", `${verb}() takes ${verb === "slice" ? "places, whole numbers" : "a place, a whole number"}, not ${describe(place)}`, verb === "slice" ? "Write .slice(10, 20), or .slice(-10) for the last ten." : "Write .elementAt(10), or .elementAt(-1) for the last one.");
}
