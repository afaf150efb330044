/** Values where arithmetic goes wrong: what every rule, operator and program is tried on. */
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "../../fusion/types.js";

const f32 = Math.fround;

const signed = (values: readonly number[]): number[] => values.flatMap(value => [value, -value]);

/** Zeros, infinities, subnormals, the edges of normal numbers, halves, neighbours of integers, the edges of 32 and 53 bits. */
const DOUBLES: readonly number[] = [
  NaN,
  ...signed([
    0,
    Infinity,
    5e-324,
    2.225073858507201e-308,
    2.2250738585072014e-308,
    Number.MAX_VALUE,
    1e-200,
    1e200,
    0.1,
    0.49999999999999994,
    0.5,
    0.75,
    1,
    1 + Number.EPSILON,
    1.5,
    2,
    2.5,
    3,
    7.25,
    127.5,
    254.5,
    255.5,
    1e-45,
    1.1754943508222875e-38,
    3.4028234663852886e38,
    3.4028235677973366e38,
    16777217,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 31 + 0.5,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 52 + 1,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    2 ** 63,
    2 ** 64,
  ]),
];

const SINGLES: readonly number[] = [
  NaN,
  ...signed([
    0,
    Infinity,
    f32(1e-45),
    f32(1.1754942e-38),
    f32(1.1754944e-38),
    f32(3.4028234663852886e38),
    f32(1e-30),
    f32(1e30),
    f32(0.1),
    f32(0.49999997),
    0.5,
    0.75,
    1,
    f32(1.0000001),
    1.5,
    2,
    2.5,
    3,
    7.25,
    254.5,
    255.5,
    4194304.5,
    16777215,
    16777216,
    2 ** 31,
    f32(2 ** 31 - 1),
    2147483520,
    2 ** 32,
    2 ** 63,
  ]),
];

const INTS: readonly number[] = [0, 1, -1, 2, -2, 3, 5, -7, 31, 32, 33, 127, -128, 128, 255, 256, 32767, -32768, 65535, 65536, 16777217, -16777217, 0x55555555, 2 ** 31 - 1, 2 ** 31 - 2, -(2 ** 31), -(2 ** 31) + 1];
const UNSIGNED: readonly number[] = [0, 1, 2, 3, 31, 32, 255, 256, 65535, 65536, 16777217, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 2, 2 ** 32 - 1, 0xaaaaaaaa];
const BIGS: readonly bigint[] = [0n, 1n, -1n, 2n, -2n, 3n, -7n, 31n, 32n, 63n, 64n, 65n, -63n, -64n, 255n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n - 513n, -(2n ** 63n), -(2n ** 63n) + 1n, 0x5555555555555555n];
const BIG_UNSIGNED: readonly bigint[] = [0n, 1n, 2n, 3n, 7n, 31n, 32n, 63n, 64n, 65n, 255n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 63n + 1025n, 2n ** 64n - 2n, 2n ** 64n - 1n, 2n ** 64n - 1025n, 0xaaaaaaaaaaaaaaaan];

export const SPECIAL: Readonly<Record<ScalarType, readonly ScalarValue[]>> = {
  bool: [false, true],
  i32: INTS,
  u32: UNSIGNED,
  i64: BIGS,
  u64: BIG_UNSIGNED,
  f32: SINGLES.map(f32),
  f64: DOUBLES,
};

/** The special values that elements of an array can have. */
export function specialElements(element: ElementType): readonly (number | bigint)[] {
  const { scalar, low, high, integer } = ELEMENTS[element];
  const values = SPECIAL[scalar] as readonly (number | bigint)[];
  if (!integer || scalar === "i64" || scalar === "u64") return values;
  return [...new Set([...values.filter(value => Number(value) >= low && Number(value) <= high), low, high])];
}

/** Equal bits; any NaN equals any NaN. */
export const sameValue = (a: unknown, b: unknown): boolean => Object.is(a, b);
