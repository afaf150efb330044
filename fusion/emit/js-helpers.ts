/** Functions that emitted kernels bring along where they use them, for what JavaScript has no operator. */
import { TWO_OVER_PI } from "../math/bits.js";
import type { FunctionType } from "../passes/elementary.js";
import { LANES } from "../types.js";

interface Helper {
  readonly needs?: readonly string[];
  readonly text: string;
}

const lines = (...text: readonly string[]): string => text.join("\n");

/** A row of a scan, step by step in variables, which are much faster than elements of an array. */
function scanText(name: string, operator: string): string {
  const each = (write: (lane: number) => string, from = 0): readonly string[] => Array.from({ length: LANES - from }, (_, at) => write(LANES - 1 - at));
  return lines(
    "// Each lane joins the one before it, then the one two before, four, eight, sixteen.",
    `const ${name} = lanes => {`,
    `  let ${each(lane => `x${lane} = lanes[${lane}]`).join(", ")};`,
    ...[1, 2, 4, 8, 16].map(by => `  ${each(lane => `x${lane} = x${lane - by} ${operator} x${lane};`, by).join(" ")}`),
    `  ${each(lane => `lanes[${lane}] = x${lane};`).join(" ")}`,
    "};",
  );
}

export const HELPERS = {
  scanSums: { text: scanText("scanSums", "+") },
  scanProducts: { text: scanText("scanProducts", "*") },

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
      `const TWO_OVER_PI = [${TWO_OVER_PI.map(digit => `0x${digit.toString(16)}`).join(", ")}];`,
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
