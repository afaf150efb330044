/**
 * What tells a kernel from others: what it computes, not what anything in it is called. Two queries whose lambdas name their parameters,
 * locals and captures differently have one kernel.
 */
import type { Kernel } from "./ir.js";

/** The fields of the IR that hold names of parameters, locals and labels. */
const NAMES: ReadonlySet<string> = new Set(["name", "label", "array", "accumulator", "running", "seed", "left", "right", "first"]);

/** Equal for kernels that are the same but for names; different for all others. */
export function identityOf(kernel: Kernel): string {
  const numbers = new Map<string, number>();
  const numberOf = (name: string): number => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  return JSON.stringify(kernel, (key, value: unknown) => {
    // Where a parameter comes from is the query's business.
    if (key === "origin") return undefined;
    if (typeof value === "string") return NAMES.has(key) ? numberOf(value) : value;
    if (typeof value === "bigint") return `${value}n`;
    // JSON has neither -0 nor what is not finite.
    if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) return { number: Object.is(value, -0) ? "-0" : String(value) };
    return value;
  });
}
