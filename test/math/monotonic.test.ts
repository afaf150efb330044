/** Functions that rise and never fall do so from each float to the next, wherever their algorithms change from one piece to another. */
import { describe, expect, it } from "vitest";
import { FUNCTIONS } from "../../fusion/math/functions.js";
import { near, neighbour, positive, randomNumbers, sizes, uniform, type Source } from "./points.js";
import type { Format } from "./reference/big.js";

/** Neighbouring floats that are tried from each point. */
const STEPS = 48;
const COUNT = 1500;

const integers = (low: number, high: number): number[] => Array.from({ length: high - low + 1 }, (_, i) => low + i);
const halves = integers(-2040, 2040).filter(n => n !== 0);

/** Where the reduced argument jumps: between powers of two of the result, and of the argument. */
const seamsOfExp: Source = near(halves.map(n => n * Math.LN2 * 0.5), 8);
const seamsOfLog: Source = near(integers(-1022, 1022).flatMap(n => [2 ** n, Math.SQRT2 * 2 ** n, Math.SQRT1_2 * 2 ** n, 1.5 * 2 ** n, (4 / 3) * 2 ** n]), 8);
const seamsOfCbrt: Source = near(integers(-1022, 1022).map(n => 2 ** n), 8);

const RISING = {
  exp: { f: FUNCTIONS.exp, sources: [seamsOfExp, uniform(-746, 710), uniform(-104, 89), uniform(-1, 1), sizes(-60, 0), uniform(-745.2, -708)] },
  log: { f: FUNCTIONS.log, sources: [seamsOfLog, sizes(-1074, 1024, 1), sizes(-126, 127, 1), uniform(0.5, 2), near([1], 40), sizes(-1074, -1022, 1)] },
  cbrt: { f: FUNCTIONS.cbrt, sources: [seamsOfCbrt, sizes(-1074, 1024), sizes(-149, 127), uniform(1, 8), sizes(-1074, -1022)] },
  sqrt: { f: { f64: Math.sqrt, f32: Math.sqrt }, sources: [positive(seamsOfCbrt), sizes(-1074, 1024, 1), sizes(-149, 127, 1), uniform(1, 4)] },
} as const;

/** The first two neighbours of `start` with the smaller one's value greater. */
function fallAfter(f: (x: number) => number, start: number, format: Format): string | undefined {
  let x = start;
  let value = f(x);
  for (let step = 0; step < STEPS; step += 1) {
    const next = neighbour(x, 1, format);
    const nextValue = f(next);
    if (nextValue < value) return `f(${String(x)}) = ${String(value)}, f(${String(next)}) = ${String(nextValue)}`;
    [x, value] = [next, nextValue];
  }
  return undefined;
}

describe.each(["f64", "f32"] as const)("in %s", format => {
  const round = format === "f64" ? (x: number): number => x : Math.fround;

  it.each(Object.entries(RISING))("%s never falls", (_, { f, sources }) => {
    const random = randomNumbers(11);
    const falls: string[] = [];
    for (const source of sources) {
      for (let count = 0; count < COUNT; count += 1) {
        const start = neighbour(round(source(random, format)), -STEPS / 2, format);
        const fall = Number.isFinite(start) ? fallAfter(x => round(f[format](x)), start, format) : undefined;
        if (fall !== undefined) falls.push(fall);
      }
    }
    expect(falls.slice(0, 5)).toEqual([]);
  });
});
