/** The scalar types kernels compute in, and the element types arrays hold. */

/** What a kernel computes with. Elements narrower than 32 bits are widened to `i32` when they are loaded. */
export type ScalarType = "bool" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64";

export type ElementType = "i8" | "u8" | "u8c" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64";

/** What a sequence or a column holds: elements, or strings, whose codes kernels work on: their places in a dictionary. */
export type ColumnType = ElementType | "string";

/** The JavaScript value of a scalar: BigInt for `i64` and `u64`, boolean for `bool`, number for the rest. */
export type ScalarValue = number | bigint | boolean;

export interface ElementInfo {
  /** The name of the typed array that holds such elements. */
  readonly array: `${string}Array`;
  readonly bytes: 1 | 2 | 4 | 8;
  /** The type an element has once it is loaded. */
  readonly scalar: ScalarType;
  readonly integer: boolean;
  /** The smallest and largest element; infinite for floats. BigInt elements give the nearest number. */
  readonly low: number;
  readonly high: number;
}

export const ELEMENTS = {
  i8: { array: "Int8Array", bytes: 1, scalar: "i32", integer: true, low: -128, high: 127 },
  u8: { array: "Uint8Array", bytes: 1, scalar: "i32", integer: true, low: 0, high: 255 },
  u8c: { array: "Uint8ClampedArray", bytes: 1, scalar: "i32", integer: true, low: 0, high: 255 },
  i16: { array: "Int16Array", bytes: 2, scalar: "i32", integer: true, low: -32768, high: 32767 },
  u16: { array: "Uint16Array", bytes: 2, scalar: "i32", integer: true, low: 0, high: 65535 },
  i32: { array: "Int32Array", bytes: 4, scalar: "i32", integer: true, low: -(2 ** 31), high: 2 ** 31 - 1 },
  u32: { array: "Uint32Array", bytes: 4, scalar: "u32", integer: true, low: 0, high: 2 ** 32 - 1 },
  i64: { array: "BigInt64Array", bytes: 8, scalar: "i64", integer: true, low: -(2 ** 63), high: 2 ** 63 },
  u64: { array: "BigUint64Array", bytes: 8, scalar: "u64", integer: true, low: 0, high: 2 ** 64 },
  f32: { array: "Float32Array", bytes: 4, scalar: "f32", integer: false, low: -Infinity, high: Infinity },
  f64: { array: "Float64Array", bytes: 8, scalar: "f64", integer: false, low: -Infinity, high: Infinity },
} as const satisfies Record<ElementType, ElementInfo>;

/** The elements of the array that a column is. */
export const storedAs = (type: ColumnType): ElementType => (type === "string" ? "u32" : type);

/** What a sequence or column is called. */
export const typeInWords = (type: ColumnType): string => (type === "string" ? "strings" : ELEMENTS[type].array);

export const ELEMENT_TYPES = Object.keys(ELEMENTS) as readonly ElementType[];

export const isBigType = (type: ScalarType): type is "i64" | "u64" => type === "i64" || type === "u64";
export const isFloatType = (type: ScalarType): type is "f32" | "f64" => type === "f32" || type === "f64";

/** Lanes that fold side by side in a reduction; part of the contract (a warp has as many), not tuning. */
export const LANES = 32;
/** Elements between two fixed combining points of a reduction; part of the contract, not tuning. */
export const BLOCK = 1024;
