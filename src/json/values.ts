/** Values that lambdas are handed, to JSON and back. */
import { endianness } from "node:os";
import { CompilerBug } from "../../fusion/errors.js";
import { ARRAY_CONSTRUCTORS, elementTypeOf, type AnyTypedArray } from "../../fusion/values.js";
import { ELEMENTS, type ColumnType, type ElementType } from "../../fusion/types.js";
import { checkAttached } from "../query/given.js";
import { textOf } from "../query/captures.js";
import type { Capture } from "../query/types.js";
import { listOf, recordOf, refused, textIn, type Fields } from "./checks.js";
import type { ArrayJson, NumberJson, ValueJson } from "./format.js";

export function numberJson(value: number): NumberJson {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return { number: Object.is(value, -0) ? "-0" : (String(value) as "NaN" | "Infinity" | "-Infinity") };
}

/** `placeOf`: where an array is stored. */
export function valueJson(value: Capture, placeOf: (array: AnyTypedArray) => number): ValueJson {
  switch (typeof value) {
    case "number":
      return numberJson(value);
    case "boolean":
    case "string":
      return value;
    case "bigint":
      return { bigint: String(value) };
    case "function":
      return { function: textOf(value) };
    default:
      return Array.isArray(value) ? { strings: value as readonly string[] } : { array: placeOf(value as AnyTypedArray) };
  }
}

const ODD_NUMBERS: ReadonlyMap<unknown, number> = new Map([["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity], ["-0", -0]]);

export function numberIn(json: unknown, path: string): number {
  if (typeof json === "number") return json;
  const odd = ODD_NUMBERS.get(recordOf(json, path, ["number"], "a number")["number"]);
  if (odd === undefined) throw refused(`${path}.number`, 'one of "NaN", "Infinity", "-Infinity" and "-0"', json);
  return odd;
}

/** Longer ones are no numbers that anybody computes with, but take long to read. */
const LONGEST_BIGINT = 10_000;

export function bigintIn(json: unknown, path: string): bigint {
  const text = textIn(json, path);
  if (text.length <= LONGEST_BIGINT && /^-?[0-9]+$/.test(text)) return BigInt(text);
  throw refused(path, "the digits of a BigInt", json);
}

/** What reading a value needs of the whole query. */
export interface Shared {
  readonly arrays: readonly AnyTypedArray[];
  readonly lambda: (json: unknown, path: string) => Capture;
}

export function valueIn(json: unknown, path: string, shared: Shared): Capture {
  if (typeof json === "boolean" || typeof json === "number" || typeof json === "string") return json;
  const given = recordOf(json, path, ["number", "bigint", "array", "strings", "function"], "a value");
  const [kind, more] = Object.keys(given);
  if (kind === undefined || more !== undefined) throw refused(path, "a value: one of number, bigint, array, strings and function", json);
  switch (kind) {
    case "number":
      return numberIn(json, path);
    case "bigint":
      return bigintIn(given["bigint"], `${path}.bigint`);
    case "function":
      return shared.lambda(given["function"], `${path}.function`);
    case "strings":
      return listOf(given["strings"], `${path}.strings`).map((text, at) => textIn(text, `${path}.strings[${at}]`));
    case "array": {
      const array = shared.arrays[given["array"] as number];
      if (typeof given["array"] !== "number" || array === undefined) throw refused(`${path}.array`, "the place of an array in arrays", given["array"]);
      return array;
    }
    default:
      throw new CompilerBug(`a value of the kind ${kind}`);
  }
}

/** Names and values; a name may be any, `__proto__` too. */
export function capturesIn(json: unknown, path: string, shared: Shared): Readonly<Record<string, Capture>> {
  const given: Fields = recordOf(json, path, null, "captures by name");
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, valueIn(value, `${path}.${name}`, shared)]));
}

const BY_NAME = new Map<unknown, ElementType>(Object.entries(ELEMENTS).map(([element, { array }]) => [array, element as ElementType]));

/** The element type of an array's name. */
export function elementIn(json: unknown, path: string): ElementType {
  const element = BY_NAME.get(json);
  if (element === undefined) throw refused(path, "the name of a typed array, such as Float64Array", json);
  return element;
}

/** What a sequence or a column holds. */
export const typeIn = (json: unknown, path: string): ColumnType => (json === "string" ? json : elementIn(json, path));

export const arrayName = (type: ColumnType): string => (type === "string" ? type : ELEMENTS[type].array);

export function arrayJson(array: AnyTypedArray): ArrayJson {
  checkAttached(array, "a captured array");
  const bytes = Buffer.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return { array: arrayName(elementTypeOf(array) as ElementType), base64: inFileOrder(bytes, array.BYTES_PER_ELEMENT).toString("base64") };
}

export function arraysIn(json: unknown, path: string): readonly AnyTypedArray[] {
  return listOf(json, path).map((array, at) => arrayIn(array, `${path}[${at}]`));
}

function arrayIn(json: unknown, path: string): AnyTypedArray {
  const { array, base64 } = recordOf(json, path, ["array", "base64"], "an array");
  const element = elementIn(array, `${path}.array`);
  const text = textIn(base64, `${path}.base64`);
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw refused(`${path}.base64`, "bytes in base64", base64);
  // A copy, so that its first byte is where any element may be.
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  const { bytes: each } = ELEMENTS[element];
  if (bytes.length % each !== 0) throw refused(`${path}.base64`, `${each} bytes for each element of ${arrayName(element)}`, bytes.length);
  inFileOrder(Buffer.from(bytes.buffer), each);
  return new ARRAY_CONSTRUCTORS[element](bytes.buffer);
}

/** Turns elements around, in place, on machines whose memory holds the most significant byte first. */
function inFileOrder(bytes: Buffer, each: number): Buffer {
  if (endianness() === "LE" || each === 1) return bytes;
  return each === 2 ? bytes.swap16() : each === 4 ? bytes.swap32() : bytes.swap64();
}
