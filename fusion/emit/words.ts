/**
 * Which kernels compute in lanes of 8 or 16 bits: those whose integers range analysis proves to be small enough.
 *
 * Sums, products and bits are right in their low bits whatever was lost above. What looks at whole values (comparisons,
 * shifts down, minima …) must find them whole: there the values must fit.
 */
import { integers, within, type Interval } from "../interval.js";
import type { Expr, ExprOf, Kernel, Sink, Stmt } from "../ir.js";
import { Ranges } from "../passes/ranges.js";
import { constant, select } from "../build.js";
import { mapExpr, mapKernel, operandsOf, sinksOf, valuesOf, walkKernel, walkStmts } from "../traverse.js";
import { ELEMENTS, type ElementType } from "../types.js";
import { saturatingOf, type Saturating } from "./saturate.js";
import { thresholdOf } from "./thresholds.js";

export type WordType = "i8" | "u8" | "i16" | "u16";

const FITS: Readonly<Record<WordType, Interval>> = { i8: integers(-128, 127), u8: integers(0, 255), i16: integers(-32_768, 32_767), u16: integers(0, 65_535) };

const BYTES = ["i8", "u8"] as const;
const WORDS = ["i16", "u16"] as const;

/** Small elements; bytes have one each. */
const isSmall = (element: ElementType): boolean => ELEMENTS[element].bytes <= 2;
const isByte = (element: ElementType): boolean => ELEMENTS[element].bytes === 1;

/** The narrowest lanes that the values of a kernel all fit in; null where they need 32 bits. */
export function wordsOf(kernel: Kernel): WordType | null {
  if (!isPlain(kernel)) return null;
  const ranges = new Ranges(kernel);
  const values = valuesIn(kernel.body);
  const types = elementsOf(kernel).every(isByte) && !multiplies(kernel) ? [...BYTES, ...WORDS] : WORDS;
  return types.find(type => new Watch(FITS[type], ranges).fit(values, handedOn(kernel))) ?? null;
}

/** A kernel's sums and differences that its lanes keep within what they hold. */
export function saturatingIn(kernel: Kernel, type: WordType): (expr: Expr) => Saturating | null {
  const ranges = new Ranges(kernel);
  return expr => saturatingOf(expr, FITS[type], ranges);
}

/** All elements that are read or stored. */
function elementsOf({ source, arrays, sink }: Kernel): readonly ElementType[] {
  const stored = sinksOf(sink).flatMap(single => (single.kind === "array" ? [single.element] : []));
  return [...(source.kind === "array" ? [source.element] : []), ...arrays.map(({ element }) => element), ...stored];
}

/** Small elements in, small elements, their least, greatest, sum, number or the first of them out, and no loops or effects between. */
function isPlain(kernel: Kernel): boolean {
  const { source, arrays, sink } = kernel;
  if (source.kind === "range" && arrays.length === 0) return false;
  if (!elementsOf(kernel).every(isSmall) || !sinksOf(sink).every(isPlainSink)) return false;
  let plain = true;
  walkStmts(kernel.body, { stmt: ({ kind }) => (plain &&= kind !== "loop" && kind !== "visit") });
  return plain;
}

function isPlainSink(sink: Sink): boolean {
  switch (sink.kind) {
    case "array":
    case "count":
      return true;
    case "reduce":
      return sink.term === "i32" && (sink.op === "add" ? sink.type === "i64" : (sink.op === "min" || sink.op === "max") && sink.type === "i32" && sink.counted);
    case "first":
      return (sink.type === "bool" || sink.type === "i32") && !sink.ranked;
    case "last":
    case "fold":
    case "scan":
    case "several":
    case "stores":
      return false;
    default:
      return sink satisfies never;
  }
}

/** Yielded values that are needed whole. */
function handedOn({ body, sink }: Kernel): readonly Expr[] {
  const last = body.at(-1);
  if (last?.kind !== "yield") return [];
  const sinks = sinksOf(sink);
  return last.values.filter(({ type }, place) => type === "i32" && sinks[place]?.kind !== "array");
}

/** Registers of bytes have no product. */
function multiplies(kernel: Kernel): boolean {
  let found = false;
  walkKernel(kernel, { expr: expr => (found ||= expr.kind === "apply" && expr.op === "mul") });
  return found;
}

function valuesIn(stmts: readonly Stmt[]): readonly Expr[] {
  const values: Expr[] = [];
  walkStmts(stmts, { stmt: stmt => void values.push(...valuesOf(stmt)) });
  return values;
}

/** Whether what lanes of some range must hold whole fits, and whether there is nothing but what narrow lanes have. */
class Watch {
  constructor(
    private readonly lanes: Interval,
    private readonly ranges: Ranges,
  ) {}

  fit(values: readonly Expr[], whole: readonly Expr[]): boolean {
    return values.every(value => this.has(value)) && whole.every(value => this.holds(value));
  }

  private holds(expr: Expr): boolean {
    return within(this.ranges.of(expr), this.lanes.low, this.lanes.high);
  }

  private has(expr: Expr): boolean {
    const threshold = thresholdOf(expr);
    if (threshold !== null) return this.holds(threshold.whole) && this.has(threshold.whole);
    if (!isKnown(expr)) return false;
    const saturating = saturatingOf(expr, this.lanes, this.ranges);
    if (saturating !== null) return saturating.args.every(arg => this.has(arg));
    if (expr.kind === "apply" && LOOKS.has(expr.op) && !expr.args.every(arg => arg.type !== "i32" || this.holds(arg))) return false;
    return operandsOf(expr).every(operand => this.has(operand));
  }
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
