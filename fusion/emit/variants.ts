/**
 * Captured numbers among integers: any number may be captured, so what it meets are doubles. But most such numbers are small
 * integers, and a call can look. A kernel whose elements are integers gets variants for calls whose captured numbers are
 * integers of a range, where that makes integers of everything: several times as many lanes. Other calls run the kernel itself.
 */
import { convert } from "../build.js";
import { I32, integers, type Interval } from "../interval.js";
import type { Expr, Kernel } from "../ir.js";
import { narrowBody } from "../passes/narrow.js";
import { basesOf } from "../passes/places.js";
import { simplify } from "../passes/simplify.js";
import { leftFold, mapExpr, mapKernel, operandsOf, valuesOf, walkStmts } from "../traverse.js";
import { ELEMENTS, type ElementType } from "../types.js";
import { thresholdOf } from "./thresholds.js";
import { wordsOf } from "./words.js";

/** A weight of bytes: 256 is the whole. */
const WEIGHT = integers(0, 256);
const I16 = integers(-32_768, 32_767);

/** What numbers may be called with: lanes of 16 bits come first, then the wider range. */
export function variantsOf(kernel: Kernel): readonly Kernel[] {
  const names = capturedNumbers(kernel);
  if (names.size === 0) return [];
  const [any, short, weight] = [I32, I16, WEIGHT].map(range => assuming(kernel, names, range)) as [Kernel | null, Kernel | null, Kernel | null];
  if (short !== null && wordsOf(short) !== null) return [short];
  const words = weight !== null && wordsOf(weight) !== null ? weight : null;
  return [words, any ?? short].filter(variant => variant !== null);
}

const isInteger = (element: ElementType): boolean => ELEMENTS[element].scalar === "i32" || ELEMENTS[element].scalar === "u32";

/** The captured numbers that integers of a kernel meet which has no other numbers; thresholds may be any. */
function capturedNumbers(kernel: Kernel): ReadonlySet<string> {
  const { source, arrays, sink } = kernel;
  const names = new Set<string>();
  if (source.kind !== "array" || ![source, ...arrays].every(({ element }) => isInteger(element)) || leftFold(sink) !== null) return names;
  const bases = basesOf(kernel);
  walkDoubles(kernel, expr => void (expr.kind === "capture" && !bases.has(expr.name) && names.add(expr.name)));
  return names;
}

/** The kernel for captured numbers that are integers of the range; null where doubles would be left. */
function assuming(kernel: Kernel, names: ReadonlySet<string>, range: Interval): Kernel | null {
  const scalars = kernel.scalars.map(scalar => (names.has(scalar.name) ? { ...scalar, type: "i32" as const, range } : scalar));
  const replaced = mapKernel(kernel, {
    expr: expr => mapExpr(expr, node => (node.kind === "capture" && names.has(node.name) ? convert("f64", { ...node, type: "i32" }) : node)),
  });
  const variant = simplify(narrowBody({ ...replaced, scalars }));
  let doubles = false;
  walkDoubles(variant, () => void (doubles = true));
  return doubles ? null : variant;
}

/** Visits every f64 but the numbers that integers are compared with. */
function walkDoubles({ body }: Kernel, visit: (expr: Expr) => void): void {
  const walk = (expr: Expr): void => {
    const threshold = thresholdOf(expr);
    if (threshold !== null) return walk(threshold.whole);
    if (expr.type === "f64") visit(expr);
    operandsOf(expr).forEach(walk);
  };
  walkStmts(body, { stmt: stmt => valuesOf(stmt).forEach(walk) });
}
