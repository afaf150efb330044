/**
 * Which kernels compute in lanes of 16 bits: those whose integers range analysis proves to be small enough.
 *
 * Sums, products and bits are right in their low 16 bits whatever was lost above. What looks at whole values (comparisons,
 * shifts down, minima …) must find them whole: there the values must fit.
 */
import { integers, within, type Interval } from "../interval.js";
import type { Expr, ExprOf, Kernel, Stmt } from "../ir.js";
import { Ranges } from "../passes/ranges.js";
import { constant, select } from "../build.js";
import { alwaysYields, mapExpr, mapKernel, operandsOf, sinksOf, valuesOf, walkStmts } from "../traverse.js";
import { ELEMENTS, type ElementType } from "../types.js";
import { thresholdOf } from "./thresholds.js";

export type WordType = "i16" | "u16";

const FITS: Readonly<Record<WordType, Interval>> = { i16: integers(-32_768, 32_767), u16: integers(0, 65_535) };

const isSmall = (element: ElementType): boolean => ELEMENTS[element].bytes <= 2;

/** The lanes of a kernel whose values all fit in 16 bits; null for other kernels. */
export function wordsOf(kernel: Kernel): WordType | null {
  if (!isPlain(kernel)) return null;
  const watched: Expr[] = [];
  for (const value of valuesIn(kernel.body)) {
    if (!watch(value, watched)) return null;
  }
  const ranges = new Ranges(kernel);
  const fits = (type: WordType): boolean => watched.every(expr => within(ranges.of(expr), FITS[type].low, FITS[type].high));
  return fits("i16") ? "i16" : fits("u16") ? "u16" : null;
}

/** Small elements in, small elements or a count out, and no loops or effects between. */
function isPlain(kernel: Kernel): boolean {
  const { source, arrays, sink } = kernel;
  if (source.kind === "array" && !isSmall(source.element)) return false;
  if (source.kind === "range" && arrays.length === 0) return false;
  if (!arrays.every(({ element }) => isSmall(element))) return false;
  if (sink.kind !== "count" && !alwaysYields(kernel)) return false;
  if (!sinksOf(sink).every(single => single.kind === "count" || (single.kind === "array" && isSmall(single.element)))) return false;
  let plain = true;
  walkStmts(kernel.body, { stmt: ({ kind }) => (plain &&= kind !== "loop" && kind !== "visit") });
  return plain;
}

function valuesIn(stmts: readonly Stmt[]): readonly Expr[] {
  const values: Expr[] = [];
  walkStmts(stmts, { stmt: stmt => void values.push(...valuesOf(stmt)) });
  return values;
}

/** Collects what must be whole; says whether there is nothing but what lanes of 16 bits have. */
function watch(expr: Expr, watched: Expr[]): boolean {
  const threshold = thresholdOf(expr);
  if (threshold !== null) {
    watched.push(threshold.whole);
    return watch(threshold.whole, watched);
  }
  if (!isKnown(expr)) return false;
  if (expr.kind === "apply" && LOOKS.has(expr.op)) watched.push(...expr.args.filter(({ type }) => type === "i32"));
  return operandsOf(expr).every(operand => watch(operand, watched));
}

function isKnown(expr: Expr): boolean {
  if (expr.type !== "i32" && expr.type !== "bool") return false;
  switch (expr.kind) {
    case "const":
    case "local":
    case "capture":
    case "element":
    case "column":
    case "select":
      return true;
    case "read":
      return false;
    case "apply":
      return isKnownApply(expr);
    default:
      return expr satisfies never;
  }
}

/** Operators that look at the whole of their operands. */
const LOOKS: ReadonlySet<string> = new Set(["shr", "lt", "le", "gt", "ge", "eq", "ne", "min", "max", "abs", "convert"]);
/** Operators whose result depends, in its low bits, on the low bits of their operands alone. */
const FLOWS: ReadonlySet<string> = new Set(["add", "sub", "mul", "neg", "and", "or", "xor", "not", "shl", "wrapI8", "wrapU8", "wrapI16", "wrapU16"]);

function isKnownApply({ op, args }: ExprOf<"apply">): boolean {
  if (op !== "shl" && op !== "shr") return LOOKS.has(op) || FLOWS.has(op);
  const by = args[1];
  return by?.kind === "const" && (by.value as number) >= 0 && (by.value as number) < 32;
}

/** A truth value becomes a number of either kind of word by a choice. */
export const withoutTruthConversions = (kernel: Kernel): Kernel =>
  mapKernel(kernel, {
    expr: expr =>
      mapExpr(expr, node => {
        const [from] = node.kind === "apply" && node.op === "convert" && node.type === "i32" ? node.args : [];
        return from?.type === "bool" ? select(from, constant("i32", 1), constant("i32", 0)) : node;
      }),
  });
