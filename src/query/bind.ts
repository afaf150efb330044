/** The arguments of a query's kernels: where each comes from, and whether its value of today may be handed over. */
import { CompilerBug, LambdaError, QueryError } from "../../fusion/errors.js";
import type { Origin } from "../../fusion/ir.js";
import { BASE, LITERAL, SEED, TABLE, type Plan } from "../../fusion/query.js";
import { TEXT } from "../../fusion/texts.js";
import type { ScalarType, ScalarValue } from "../../fusion/types.js";
import { convertValue, type AnyTypedArray } from "../../fusion/values.js";
import { identifierAt } from "./captures.js";
import { textPlaces, textTables } from "./texts.js";
import type { ShapeNode } from "./shape.js";
import type { Binding, Place, TerminalNode } from "./terminal.js";
import { checkAttached, describe } from "./given.js";
import type { Dictionary } from "../table/dictionary.js";
import { columnOf, type Table } from "../table/table.js";
import type { Capture } from "./types.js";

export type StageValues = readonly (readonly Capture[])[];

const NO_SCALARS: readonly ScalarValue[] = [];
const NO_ARRAYS: readonly AnyTypedArray[] = [];

/** For every kernel of the plan, in order. */
export function bindingsOf(node: TerminalNode, plan: Plan): readonly Binding[] {
  const names = namesByStage(node);
  const place = ({ stage, name }: Origin): Place => {
    if (stage === TABLE || stage === LITERAL || stage === TEXT || name === BASE) return { stage, at: 0, name };
    const at = names[stage]?.indexOf(name) ?? -1;
    if (at < 0) throw new CompilerBug(`the plan asks for ${name} of stage ${stage}, which was not given`);
    return { stage, at, name };
  };
  return plan.kernels.map(({ kernel }) => ({
    // Those of the table are behind the others, and differ from piece to piece.
    scalars: kernel.scalars.filter(({ origin }) => origin.stage !== TABLE).map(({ origin, type }) => ({ ...place(origin), type })),
    arrays: kernel.arrays.map(({ origin }) => place(origin)),
    texts: textPlaces(kernel, place),
  }));
}

/** How many elements stages have left out at the beginning, so far in a run. */
export type Bases = ReadonlyMap<number, number>;
/** Only steps leave anything out. */
export const NO_BASES: Bases = new Map();

/** `dictionary`: where strings have their codes; null if there are none. */
export function bindScalars({ scalars }: Binding, values: StageValues, bases: Bases, dictionary: Dictionary | null): readonly ScalarValue[] {
  if (scalars.length === 0) return NO_SCALARS;
  const bound = new Array<ScalarValue>(scalars.length);
  for (let at = 0; at < scalars.length; at += 1) {
    const place = scalars[at] as (typeof scalars)[number];
    const value = scalarAt(place, values, bases);
    if (typeof value === "string") bound[at] = codeIn(dictionary, value);
    else bound[at] = asScalar(value, place);
  }
  return bound;
}

/** A value as the kernel takes it. */
export const asScalar = (value: ScalarValue, place: ScalarPlace): ScalarValue => (typeof value === "bigint" ? checkBig(value, place) : place.type === "i32" ? convertValue("i32", value) : value);

interface ScalarPlace {
  readonly name: string;
  readonly type: ScalarType;
}

/** Of a list of strings, whether each code is in it: so it is asked for once all scalars have their codes. */
export function bindArrays({ arrays, texts }: Binding, values: StageValues, table: Table | null, dictionary: Dictionary | null): readonly AnyTypedArray[] {
  if (arrays.length === 0) return NO_ARRAYS;
  // They may make strings, which others are asked about.
  const made = texts.length === 0 ? NO_ARRAYS : textTables(texts, values, dictionary);
  const bound = new Array<AnyTypedArray>(arrays.length);
  for (let place = 0; place < arrays.length; place += 1) {
    const from = arrays[place] as (typeof arrays)[number];
    bound[place] = from.stage === TEXT ? (made[place] as AnyTypedArray) : from.stage === TABLE ? columnOf(table, from.name) : capturedAt(from, values, dictionary);
  }
  return bound;
}

function capturedAt({ stage, at, name }: Place, values: StageValues, dictionary: Dictionary | null): AnyTypedArray {
  const array = (values[stage] as readonly Capture[])[at] as AnyTypedArray | readonly string[];
  if (Array.isArray(array)) return listedIn(dictionary, array as readonly unknown[], name);
  if (array.length === 0) checkAttached(array as AnyTypedArray, `the captured array ${name}`);
  return array as AnyTypedArray;
}

function scalarAt({ stage, at, name }: Place, values: StageValues, bases: Bases): ScalarValue | string {
  if (stage === LITERAL) return name;
  return name === BASE ? (bases.get(stage) ?? 0) : ((values[stage] as readonly Capture[])[at] as ScalarValue | string);
}

function codeIn(dictionary: Dictionary | null, text: string): number {
  if (dictionary === null) throw new CompilerBug("a kernel without a dictionary is given a string");
  return dictionary.codeOf(text);
}

function listedIn(dictionary: Dictionary | null, list: readonly unknown[], name: string): Uint8Array {
  const listed = new Uint8Array(dictionary?.size ?? 0);
  list.forEach((text, at) => {
    if (typeof text !== "string") throw new QueryError("DC302", `element ${at} of the captured list ${name} is ${describe(text)}, not a string`, "A captured list holds strings only.");
    const code = dictionary?.find(text);
    if (code !== undefined) listed[code] = 1;
  });
  return listed;
}

/** Kernels hold 64-bit integers: a longer BigInt would lose bits on the way in. */
function checkBig(value: bigint, { name, type }: ScalarPlace): bigint {
  const held = type === "u64" ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value);
  if (held === value) return value;
  const range = type === "u64" ? "unsigned ones, 0n to 2n ** 64n - 1n" : "signed ones, -(2n ** 63n) to 2n ** 63n - 1n";
  throw new QueryError(
    "DC302",
    `${name} is ${value}n, which does not fit in 64 bits here`,
    `Values in this query are 64-bit integers, ${range}: hand over BigInt.as${type === "u64" ? "Uint" : "Int"}N(64, ${name}) to wrap it.`,
  );
}

type IntegralPlace = Plan["integral"][number];

const integralAt = ({ stage, name }: IntegralPlace, node: TerminalNode, values: StageValues): unknown => values[stage]?.[namesByStage(node)[stage]?.indexOf(name) ?? -1];

/** Whether what is stored in an integer array from there may be: no number with a fraction is. */
export function isIntegral(place: IntegralPlace, node: TerminalNode, values: StageValues): boolean {
  const value = integralAt(place, node, values);
  return typeof value !== "number" || Number.isInteger(value);
}

/** Captured numbers whose fraction would be lost in an integer array must not have one. */
export function checkIntegral({ integral }: Plan, node: TerminalNode, values: StageValues): void {
  for (const place of integral) {
    if (isIntegral(place, node, values)) continue;
    const { name, lambda } = place;
    const value = integralAt(place, node, values) as number;
    if (name === SEED) throw fractionalSeed(value);
    const { text } = lambda.source;
    const start = Math.max(0, identifierAt(text, name));
    throw new LambdaError(
      "DC202",
      `the capture ${name} is ${value}, but the result is stored in an integer array`,
      { source: lambda.source, start, end: start + name.length },
      `Hand over an integer, round the result with Math.trunc, Math.floor or Math.round, or name the array to make: .map(f, Float64Array)`,
    );
  }
}

const fractionalSeed = (seed: number): QueryError =>
  new QueryError("DC305", `the seed of scan() is ${seed}, but its results are stored in an integer array`, "Give a whole number, or name the array to make: .scan(f, seed, {}, { to: Float64Array }).");

/** The names of every stage's captures, the terminal's last, as `stageValues` has their values. */
function namesByStage({ parent, way, branches }: TerminalNode): readonly (readonly string[])[] {
  const own = branches === null ? [[...way.names, SEED]] : branches.flatMap(branch => [...namesBehind(branch.parent, parent.depth), [...branch.way.names, SEED]]);
  return [...namesBehind(parent, 0), ...own];
}

function namesBehind(node: ShapeNode, depth: number): readonly (readonly string[])[] {
  const names: (readonly string[])[] = [];
  for (let at = node; at.parent !== null && at.depth > depth; at = at.parent) names.unshift(at.way.names);
  return names;
}
