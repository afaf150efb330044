/** Functions that emitted kernels bring along where they use them, for what JavaScript has no operator. */
import type { FunctionType } from "../passes/elementary.js";

interface Helper {
  readonly needs?: readonly string[];
  readonly text: string;
}

const lines = (...text: readonly string[]): string => text.join("\n");

export const HELPERS = {
  minBig: { text: "const minBig = (a, b) => a < b ? a : b;" },
  maxBig: { text: "const maxBig = (a, b) => a > b ? a : b;" },
  shiftBig: {
    text: lines(
      "// A far shift gives what is left of the number, without building a huge one on the way.",
      "const shiftBig = (value, left) => {",
      "  if (left <= -64n) return value < 0n ? -1n : 0n;",
      "  return left >= 64n ? 0n : value << left;",
      "};",
    ),
  },
  clampU8: { text: lines("const byte = new Uint8ClampedArray(1);", "const clampU8 = value => {", "  byte[0] = value;", "  return byte[0];", "};") },

  bits64: {
    text: lines(
      "const double = new Float64Array(1), words = new Int32Array(double.buffer);",
      "// Which word holds sign and exponent depends on the machine's byte order.",
      "double[0] = -0;",
      "const HIGH = words[1] === 0 ? 0 : 1, LOW = 1 - HIGH;",
    ),
  },
  bits32: { text: "const single = new Float32Array(1), word = new Int32Array(single.buffer);" },
  exponent64: { needs: ["bits64"], text: lines("const exponent64 = x => {", "  double[0] = x;", "  return (words[HIGH] >>> 20 & 2047) - 1023;", "};") },
  exponent32: { needs: ["bits32"], text: lines("const exponent32 = x => {", "  single[0] = x;", "  return (word[0] >>> 23 & 255) - 127;", "};") },
  significand64: {
    needs: ["bits64"],
    text: lines("const significand64 = x => {", "  double[0] = x;", "  words[HIGH] = words[HIGH] & ~0x7ff00000 | 0x3ff00000;", "  return double[0];", "};"),
  },
  significand32: {
    needs: ["bits32"],
    text: lines("const significand32 = x => {", "  single[0] = x;", "  word[0] = word[0] & ~0x7f800000 | 0x3f800000;", "  return single[0];", "};"),
  },
  power64: { needs: ["bits64"], text: lines("const power64 = n => {", "  words[HIGH] = n + 1023 << 20;", "  words[LOW] = 0;", "  return double[0];", "};") },
  power32: { needs: ["bits32"], text: lines("const power32 = n => {", "  word[0] = n + 127 << 23;", "  return single[0];", "};") },
  scale64: {
    needs: ["power64"],
    text: lines(
      "const scale64 = (x, n) => {",
      "  if (n >= -1022 && n <= 1023) return x * power64(n);",
      "  const half = Math.trunc(n * 0.5);",
      "  return x * power64(half) * power64(n - half);",
      "};",
    ),
  },
  scale32: {
    needs: ["power32"],
    text: lines(
      "const scale32 = (x, n) => {",
      "  if (n >= -126 && n <= 127) return Math.fround(x * power32(n));",
      "  const half = Math.trunc(n * 0.5);",
      "  return Math.fround(Math.fround(x * power32(half)) * power32(n - half));",
      "};",
    ),
  },
  head64: { needs: ["bits64"], text: lines("const head64 = x => {", "  double[0] = x;", "  words[LOW] &= -1 << 27;", "  return double[0];", "};") },
  copySign: {
    needs: ["bits64"],
    text: lines("const copySign = (x, sign) => {", "  double[0] = sign;", "  const size = Math.abs(x);", "  return words[HIGH] < 0 ? -size : size;", "};"),
  },
  twoOverPi: {
    text: lines(
      "// 2/π in base 2 ** 24.",
      "const TWO_OVER_PI = [",
      "  0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163, 0xabdebb, 0xc561b7, 0x246e3a, 0x424dd2, 0xe00649,",
      "  0x2eea09, 0xd1921c, 0xfe1deb, 0x1cb129, 0xa73ee8, 0x8235f5, 0x2ebb44, 0x84e99c, 0x7026b4, 0x5f7e41, 0x3991d6, 0x398353, 0x39f49c, 0x845f8b,",
      "  0xbdf928, 0x3b1ff8, 0x97ffde, 0x05980f, 0xef2f11, 0x8b5a0a, 0x6d1f6d, 0x367ecf, 0x27cb09, 0xb74f46, 0x3f669e, 0x5fea2d, 0x7527ba, 0xc7ebe5,",
      "  0xf17b3d, 0x0739f7, 0x8a5292, 0xea6bfb, 0x5fb11f, 0x8d5d08",
      "];",
      "const twoOverPi = i => i >= 0 && i < TWO_OVER_PI.length ? TWO_OVER_PI[i] : 0;",
    ),
  },
} as const satisfies Record<string, Helper>;

export type HelperName = keyof typeof HELPERS;

/** Names that the helpers declare beside their own. */
export const HELPER_WORDS = ["byte", "double", "words", "HIGH", "LOW", "single", "word", "TWO_OVER_PI"] as const;

/** What kernels call an elementary function: `exp_64`, `hypot3_32`. */
export const functionName = ({ name, type, count }: FunctionType): string => `${name}${name === "hypot" ? String(count) : ""}_${type === "f64" ? "64" : "32"}`;

export const isFunctionName = (name: string): boolean => /^[a-z]+\d*[a-z]?_(64|32)$/.test(name);

/** The helpers that emitted code needs, by their names. */
export interface Helpers {
  readonly needed: Map<string, HelperName | FunctionType>;
  /** Elementary functions are JavaScript's own. */
  readonly fastMath: boolean;
}
