/** The elementary functions by name: which lambda computes each for f64, and which for f32. */
import { acosh32, acosh64, asinh32, asinh64, atanh32, atanh64 } from "./area.js";
import { exp2At32, exp2At64, exp32, exp64, expMinusOne32, expMinusOne64 } from "./exponential.js";
import { cosh32, cosh64, sinh32, sinh64, tanh32, tanh64 } from "./hyperbolic.js";
import { acos32, acos64, asin32, asin64, atan2Of32, atan2Of64, atan32, atan64 } from "./inverse.js";
import { log10Of32, log10Of64, log2Of32, log2Of64, log32, log64, logOnePlus32, logOnePlus64 } from "./logarithm.js";
import { power32, power64 } from "./power.js";
import { cubeRoot32, cubeRoot64, hypot32, hypot64, hypotLambda, hypotLambda32 } from "./root.js";
import { cos32, cos64, sin32, sin64, tan32, tan64 } from "./trigonometric.js";

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
const native = (f64: Lambda, f32: Lambda): ElementaryFunction => ({ f64, f32, single: "native" });

export const FUNCTIONS = {
  exp: native(exp64, exp32),
  exp2: wide(exp2At64, exp2At32),
  expm1: wide(expMinusOne64, expMinusOne32),
  log: wide(log64, log32),
  log1p: wide(logOnePlus64, logOnePlus32),
  log2: wide(log2Of64, log2Of32),
  log10: wide(log10Of64, log10Of32),
  sin: wide(sin64, sin32),
  cos: wide(cos64, cos32),
  tan: wide(tan64, tan32),
  asin: wide(asin64, asin32),
  acos: wide(acos64, acos32),
  atan: wide(atan64, atan32),
  sinh: wide(sinh64, sinh32),
  cosh: wide(cosh64, cosh32),
  tanh: wide(tanh64, tanh32),
  asinh: wide(asinh64, asinh32),
  acosh: wide(acosh64, acosh32),
  atanh: wide(atanh64, atanh32),
  cbrt: wide(cubeRoot64, cubeRoot32),
  atan2: wide(atan2Of64, atan2Of32),
  hypot: { ...wide(hypot64, hypot32), text: { f64: hypotLambda, f32: hypotLambda32 } },
  pow: wide(power64, power32),
} as const satisfies Record<string, ElementaryFunction>;

export type ElementaryName = keyof typeof FUNCTIONS;

export const isElementaryName = (name: string): name is ElementaryName => Object.hasOwn(FUNCTIONS, name);
