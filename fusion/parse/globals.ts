/** The global names of JavaScript that a kernel knows: functions with their argument counts, and constants. */
import { BUILTINS } from "./surface.js";
import type { Builtin } from "./surface.js";

const TWO_ARGUMENTS: ReadonlySet<string> = new Set([
  "Math.imul", "Math.atan2", "Math.pow", "BigInt.asIntN", "BigInt.asUintN", "scale", "scaleSingle", "copySign",
] satisfies Builtin[]);

/** What the variadic functions give for no argument at all. */
export const VARIADIC: ReadonlyMap<string, number> = new Map<Builtin, number>([
  ["Math.min", Infinity],
  ["Math.max", -Infinity],
  ["Math.hypot", 0],
]);

const KNOWN: ReadonlySet<string> = new Set(BUILTINS);
export const isBuiltin = (path: string): path is Builtin => KNOWN.has(path);

/** The argument count of a function, or null where any number will do. */
export const argumentCount = (callee: Builtin): number | null => (VARIADIC.has(callee) ? null : TWO_ARGUMENTS.has(callee) ? 2 : 1);

/** Whether a name without a dot is JavaScript's. */
export const isGlobal = (name: string): boolean => CONSTANTS.has(name) || NAMESPACES.has(name) || KNOWN.has(name);

/** Global objects whose members are known by their path. */
export const NAMESPACES: ReadonlySet<string> = new Set(["Math", "Number", "BigInt"]);

export const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["Math.E", Math.E],
  ["Math.LN2", Math.LN2],
  ["Math.LN10", Math.LN10],
  ["Math.LOG2E", Math.LOG2E],
  ["Math.LOG10E", Math.LOG10E],
  ["Math.PI", Math.PI],
  ["Math.SQRT1_2", Math.SQRT1_2],
  ["Math.SQRT2", Math.SQRT2],
  ["Number.EPSILON", Number.EPSILON],
  ["Number.MAX_SAFE_INTEGER", Number.MAX_SAFE_INTEGER],
  ["Number.MIN_SAFE_INTEGER", Number.MIN_SAFE_INTEGER],
  ["Number.MAX_VALUE", Number.MAX_VALUE],
  ["Number.MIN_VALUE", Number.MIN_VALUE],
  ["Number.POSITIVE_INFINITY", Number.POSITIVE_INFINITY],
  ["Number.NEGATIVE_INFINITY", Number.NEGATIVE_INFINITY],
  ["Number.NaN", NaN],
]);
