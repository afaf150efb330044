/** Captures: what the values handed to a lambda by name are, and whether they may be handed over at all. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import type { SurfaceLambda } from "../../fusion/parse/surface.js";
import { EDGE, SEED, type CaptureType, type CaptureTypes } from "../../fusion/query.js";
import { elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { describe } from "./given.js";
import type { Capture, Captures } from "./types.js";

/** The captures of a verb without any. */
export const NO_CAPTURES: Captures = Object.freeze({});
export const NO_VALUES: readonly Capture[] = Object.freeze([]);

/** Texts that stand for functions: those of stored queries, which are read and never run. */
const TEXTS = new WeakMap<object, string>();

/** A function of this text, as far as verbs look at it. It cannot be called. */
export function functionOf(text: string): () => never {
  const f = (): never => {
    throw new CompilerBug("a lambda that was read from a stored query is called");
  };
  TEXTS.set(f, text);
  return f;
}

/** The text of a function as it was written. Not `f.toString()`, which a function may have replaced. */
export const textOf = (f: unknown): string => TEXTS.get(f as object) ?? Function.prototype.toString.call(f);

/** Exactly a 32-bit float. */
const isSingle = (value: number): boolean => Object.is(Math.fround(value), value);

/** The values of captures, in the order of their names: taken when the verb is called, so later changes of the record do nothing. */
export function captureValues(captures: Captures): readonly Capture[] {
  if (captures === NO_CAPTURES) return NO_VALUES;
  const values: Capture[] = [];
  for (const name in captures) values.push(captures[name] as Capture);
  return values;
}

/** Whether captures have these names, in this order, and these types. `singles`: whether the class of numbers counts. */
export function matchesCaptures(names: readonly string[], types: readonly CaptureType[], singles: boolean, captures: Captures): boolean {
  if (captures === NO_CAPTURES) return names.length === 0;
  let at = 0;
  for (const name in captures) {
    const type = types[at];
    if (type === undefined || names[at] !== name || !hasType(captures[name] as Capture, type, singles)) return false;
    at += 1;
  }
  return at === names.length;
}

/** A list of strings, as far as its first tells. */
const isStrings = (value: unknown): value is readonly string[] => Array.isArray(value) && (value.length === 0 || typeof value[0] === "string");

/** `singles`: as for `matchesCaptures`. */
export function hasType(value: Capture, type: CaptureType, singles: boolean): boolean {
  switch (type.kind) {
    case "number":
      return typeof value === "number" && (!singles || isSingle(value) === type.single);
    case "bigint":
      return typeof value === "bigint";
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string";
    case "strings":
      return isStrings(value);
    case "array":
      return elementTypeOf(value) === type.element;
    case "function":
      return typeof value === "function" && textOf(value) === type.text;
    default:
      return type satisfies never;
  }
}

/** The types of captures, every one of them checked to be one that kernels can take. `verb` is for messages: `map`. */
export function captureTypes(captures: unknown, verb: string): CaptureTypes {
  if (typeof captures !== "object" || captures === null || Array.isArray(captures) || ArrayBuffer.isView(captures)) {
    throw new QueryError(
      "DC302",
      `${verb}() takes captures as an object of names and values, not ${describe(captures)}`,
      `Hand them over by name: .${verb}(x => x * k, { k }).`,
    );
  }
  const types: [string, CaptureType][] = [];
  for (const name in captures) {
    if (name !== SEED && name !== EDGE && !/^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name)) {
      throw new QueryError("DC303", `the capture "${name}" of ${verb}() has a name that no lambda can use`, "Give it the name of a variable: { k: value }.");
    }
    types.push([name, captureType((captures as Record<string, unknown>)[name], name, verb)]);
  }
  return Object.fromEntries(types);
}

function captureType(value: unknown, name: string, verb: string): CaptureType {
  switch (typeof value) {
    case "number":
      return { kind: "number", single: isSingle(value) };
    case "bigint":
    case "boolean":
    case "string":
      return { kind: typeof value as "bigint" | "boolean" | "string" };
    case "function":
      return { kind: "function", text: textOf(value) };
    default: {
      const element = elementTypeOf(value);
      if (element !== undefined) return { kind: "array", element };
      if (isStrings(value)) return { kind: "strings" };
      throw new QueryError("DC302", `the capture ${name} of ${verb}() is ${describe(value)}, which a kernel cannot take`, captureRemedy(value, name));
    }
  }
}

function captureRemedy(value: unknown, name: string): string {
  if (Array.isArray(value)) return `Hand over a typed array: { ${name}: Float64Array.from(${name}) }.`;
  if (Object.prototype.toString.call(value) === "[object Buffer]") return `Hand over its elements: { ${name}: ${name}.toArray() }.`;
  if (value === undefined) return `${name} has no value here: was it assigned before the query was built?`;
  if (typeof value === "object" && value !== null) return `Hand over the numbers it holds one by one, each under a name of its own.`;
  return "Captures are numbers, BigInts, booleans, strings, lists of strings, typed arrays and functions.";
}

/** Where no f32 is near, all numbers are of one class. */
export function withoutSingles(types: CaptureTypes): CaptureTypes {
  return Object.fromEntries(Object.entries(types).map(([name, type]) => [name, type.kind === "number" ? { kind: "number", single: false } : type]));
}

/** Whether captures, or the text that uses them, can bring f32 values into a query. */
export function bringsSingles(text: string, types: CaptureTypes): boolean {
  const fround = /\bfround\b/;
  return (
    fround.test(text) ||
    Object.values(types).some(type => (type.kind === "array" && type.element === "f32") || (type.kind === "function" && fround.test(type.text)))
  );
}

/** Options that come behind captures, and are easily given in their place. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = { reduce: ["combine", "sequential"], scan: ["exclusive", "sequential", "to"] };

/** Throws QueryError DC303 for a capture that none of these lambdas uses: most likely a misspelt name. */
export function checkUsed(types: CaptureTypes, lambdas: readonly SurfaceLambda[], verb: string): void {
  const texts = [...lambdas.map(lambda => lambda.source.text), ...Object.values(types).flatMap(type => (type.kind === "function" ? [type.text] : []))];
  for (const [name, type] of Object.entries(types)) {
    const used =
      type.kind === "function"
        ? texts.some(text => text !== type.text && mentions(text, name))
        : lambdas.some(({ captures }) => captures.scalars.includes(name) || captures.arrays.includes(name));
    if (!used) {
      if (OPTIONS[verb]?.includes(name) === true) {
        throw new QueryError("DC303", `the option ${name} of ${verb}() is given where the captures belong`, `Options come after the captures: .${verb}(f, seed, {}, { sequential: true }).`);
      }
      throw new QueryError("DC303", `the capture ${name} of ${verb}() is not used by its lambda`, `Leave it out, or use it: the lambda is ${lambdas[0]?.source.text ?? ""}`);
    }
  }
}

/** The captures that a lambda's text mentions, and those that its helpers do. It may use fewer: a column may have a capture's name. */
export function mentionedIn(f: unknown, captures: Captures): Captures {
  if (captures === NO_CAPTURES) return captures;
  const names = new Set<string>();
  const texts = [textOf(f)];
  for (const text of texts) {
    for (const name in captures) {
      if (names.has(name) || !mentions(text, name)) continue;
      names.add(name);
      const value = captures[name];
      if (typeof value === "function") texts.push(textOf(value));
    }
  }
  return names.size === 0 ? NO_CAPTURES : Object.fromEntries(Object.entries(captures).filter(([name]) => names.has(name)));
}

/** Whether an identifier occurs in a text. */
export function mentions(text: string, name: string): boolean {
  return identifierAt(text, name) >= 0;
}

/** Where an identifier first occurs in a text, not as part of a longer name; -1 if it does not. */
export function identifierAt(text: string, name: string): number {
  const escaped = name.replaceAll("$", "\\$");
  return new RegExp(`(?<![\\p{ID_Continue}$])${escaped}(?![\\p{ID_Continue}$])`, "u").exec(text)?.index ?? -1;
}

/** How explain() shows a capture. */
export function showCapture(value: Capture): string {
  const element = elementTypeOf(value);
  if (element !== undefined) {
    const array = value as AnyTypedArray;
    return `${array[Symbol.toStringTag]}(${array.length})`;
  }
  if (typeof value === "bigint") return `${value}n`;
  if (isStrings(value)) return value.length > 3 ? `Array(${value.length})` : JSON.stringify(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return typeof value === "function" ? textOf(value).replaceAll(/\s+/g, " ") : String(value);
}
