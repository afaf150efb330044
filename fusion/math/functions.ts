/** The elementary functions by name: which lambda computes each for f64, and which for f32. */
import { exp64 } from "./exponential.js";

type Lambda = (...args: number[]) => number;

export interface ElementaryFunction {
  readonly f64: Lambda;
  readonly f32: Lambda;
  /** Whether the f32 function computes in f32, or in f64 and is rounded once. */
  readonly single: "native" | "wide";
}

const temporary = (f: Lambda): ElementaryFunction => ({ f64: f, f32: f, single: "wide" });

export const FUNCTIONS = {
  exp: { f64: exp64, f32: exp64, single: "wide" },
  exp2: temporary(x => 2 ** x),
  expm1: temporary(Math.expm1),
  log: temporary(Math.log),
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
  asinh: temporary(Math.asinh),
  acosh: temporary(Math.acosh),
  atanh: temporary(Math.atanh),
  cbrt: temporary(Math.cbrt),
  atan2: temporary(Math.atan2),
  hypot: temporary(Math.hypot),
  pow: temporary(Math.pow),
} as const satisfies Record<string, ElementaryFunction>;

export type ElementaryName = keyof typeof FUNCTIONS;

export const isElementaryName = (name: string): name is ElementaryName => Object.hasOwn(FUNCTIONS, name);
