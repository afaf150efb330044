/** The elementary functions by name: which lambda computes each for f64, and which for f32. */
import { acosh32, acosh64, asinh32, asinh64, atanh32, atanh64 } from "./area.js";
import { exp64 } from "./exponential.js";
import { log64 } from "./logarithm.js";
import { cubeRoot32, cubeRoot64, hypot32, hypot64, hypotLambda, hypotLambda32 } from "./root.js";

type Lambda = (...args: number[]) => number;

export interface ElementaryFunction {
  readonly f64: Lambda;
  readonly f32: Lambda;
  /** Whether the f32 function computes in f32, or in f64 and is rounded once. */
  readonly single: "native" | "wide";
  /** For any number of operands: the text of the lambda for so many. */
  readonly text?: { readonly f64: (count: number) => string; readonly f32: (count: number) => string };
}

const wide = (f64: Lambda, f32: Lambda): ElementaryFunction => ({ f64, f32, single: "wide" });
const temporary = (f: Lambda): ElementaryFunction => ({ f64: f, f32: f, single: "wide" });

export const FUNCTIONS = {
  exp: wide(exp64, exp64),
  exp2: temporary(x => 2 ** x),
  expm1: temporary(Math.expm1),
  log: wide(log64, log64),
  log1p: temporary(Math.log1p),
  log2: temporary(Math.log2),
  log10: temporary(Math.log10),
  sin: temporary(Math.sin),
  cos: temporary(Math.cos),
  tan: temporary(Math.tan),
  asin: temporary(Math.asin),
  acos: temporary(Math.acos),
  atan: temporary(Math.atan),
  sinh: temporary(Math.sinh),
  cosh: temporary(Math.cosh),
  tanh: temporary(Math.tanh),
  asinh: wide(asinh64, asinh32),
  acosh: wide(acosh64, acosh32),
  atanh: wide(atanh64, atanh32),
  cbrt: wide(cubeRoot64, cubeRoot32),
  atan2: temporary(Math.atan2),
  hypot: { ...wide(hypot64, hypot32), text: { f64: hypotLambda, f32: hypotLambda32 } },
  pow: temporary(Math.pow),
} as const satisfies Record<string, ElementaryFunction>;

export type ElementaryName = keyof typeof FUNCTIONS;

export const isElementaryName = (name: string): name is ElementaryName => Object.hasOwn(FUNCTIONS, name);
