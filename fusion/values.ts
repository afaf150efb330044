/** JavaScript values as values of a scalar type: rounding, wrapping and conversion. What the operator table's rows mean, typed. */
import { forType, operator, type Evaluate, type OpName } from "./ops.js";
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "./types.js";

/** Rounds or wraps the mathematical result of an operation to its type. */
export function settle(type: ScalarType, value: ScalarValue): ScalarValue {
  switch (type) {
    case "bool":
    case "f64":
      return value;
    case "f32":
      return Math.fround(value as number);
    case "i32":
      return (value as number) | 0;
    case "u32":
      return (value as number) >>> 0;
    case "i64":
      return BigInt.asIntN(64, value as bigint);
    case "u64":
      return BigInt.asUintN(64, value as bigint);
    default:
      return type satisfies never;
  }
}

/** The `convert` operator: `value`, of any scalar type, as a `to`. Throws RangeError where `BigInt(value)` does. */
export function convertValue(to: ScalarType, value: ScalarValue): ScalarValue {
  switch (to) {
    case "bool":
      return Boolean(value);
    case "f64":
      return Number(value);
    case "f32":
      return Math.fround(Number(value));
    case "i32":
      return typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : Number(value) | 0;
    case "u32":
      return typeof value === "bigint" ? Number(BigInt.asUintN(32, value)) : Number(value) >>> 0;
    case "i64":
      return BigInt.asIntN(64, BigInt(value));
    case "u64":
      return BigInt.asUintN(64, BigInt(value));
    default:
      return to satisfies never;
  }
}

/** An operator on values of operand type `over`, with result type `gives`. */
export function evaluate(op: OpName, over: ScalarType, gives: ScalarType, args: readonly ScalarValue[]): ScalarValue {
  if (op === "convert") return convertValue(gives, args[0] as ScalarValue);
  const row = operator(op);
  const f = forType<Evaluate>(row.evaluate, over) as (...values: readonly ScalarValue[]) => ScalarValue;
  return settle(gives, f(...args));
}

/** The same of two operands of the result's type: prepared queries end with it, and nothing is made on the way. */
export function evaluatePair(op: OpName, type: ScalarType, left: ScalarValue, right: ScalarValue): ScalarValue {
  const f = forType<Evaluate>(operator(op).evaluate, type) as (left: ScalarValue, right: ScalarValue) => ScalarValue;
  return settle(type, f(left, right));
}

export type AnyTypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export const ARRAY_CONSTRUCTORS = {
  i8: Int8Array,
  u8: Uint8Array,
  u8c: Uint8ClampedArray,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const satisfies Record<ElementType, unknown>;

const BY_NAME = new Map<string, ElementType>(Object.entries(ELEMENTS).map(([type, info]) => [info.array, type as ElementType]));

/** The element type of a typed array, from any realm; undefined for other values. */
export function elementTypeOf(value: unknown): ElementType | undefined {
  return ArrayBuffer.isView(value) ? BY_NAME.get((value as unknown as Record<symbol, string>)[Symbol.toStringTag] ?? "") : undefined;
}

export function newArray(element: ElementType, length: number): AnyTypedArray {
  return new ARRAY_CONSTRUCTORS[element](length);
}
